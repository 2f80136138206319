#include "api/openapi_parts.h"

#include <stdlib.h>

#include "base/require.h"

#define T(literal) \
    { \
        literal, sizeof(literal) - 1 \
    }

const str section_words[SECTION_COUNT] = {
    [SECTION_HEADERS] = T("headers"),      [SECTION_PARAMETERS] = T("parameters"),
    [SECTION_BODIES] = T("requestBodies"), [SECTION_ANSWERS] = T("responses"),
    [SECTION_SCHEMAS] = T("schemas"),
};

constexpr uint32_t PARTS_FIRST = 1024;

static const str reference = S("\"$ref\":\"#/components/");

struct parts parts_make(struct arena *arena, size_t bytes_max)
{
    return (struct parts){.text = buf_make(arena, bytes_max)};
}

void part_begin(struct parts *parts, enum section section)
{
    if (parts->count == parts->capacity) {
        uint32_t capacity = parts->capacity == 0 ? PARTS_FIRST : 2 * parts->capacity;
        struct part *more = arena_new(parts->text.arena, struct part, capacity);
        if (parts->count > 0) memcpy(more, parts->items, parts->count * sizeof *more);
        parts->items = more;
        parts->capacity = capacity;
    }
    parts->items[parts->count++] = (struct part){.section = section, .name_at = parts->text.len};
}

static struct part *newest(struct parts *parts)
{
    require(parts->count > 0);
    return &parts->items[parts->count - 1];
}

void part_named(struct parts *parts)
{
    struct part *part = newest(parts);
    part->name_len = parts->text.len - part->name_at;
    part->text_at = parts->text.len;
}

void part_end(struct parts *parts)
{
    struct part *part = newest(parts);
    require(part->name_len > 0 || buf_is_over(&parts->text));
    part->text_len = parts->text.len - part->text_at;
}

static str name_of(const struct parts *parts, const struct part *part)
{
    return (str){parts->text.at + part->name_at, part->name_len};
}

static str text_of(const struct parts *parts, const struct part *part)
{
    return (str){parts->text.at + part->text_at, part->text_len};
}

static int compare_parts(const void *a, const void *b, void *parts)
{
    const struct part *one = a, *other = b;
    if (one->section != other->section) return one->section < other->section ? -1 : 1;
    return str_compare(name_of(parts, one), name_of(parts, other));
}

/** Where the part stands in the order; nullptr: there is none of this name. */
static struct part *part_find(const struct parts *parts, str section, str name)
{
    uint32_t from = 0, to = parts->count;
    uint32_t number = 0;
    while (number < SECTION_COUNT && !str_eq(section_words[number], section)) number++;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        struct part *part = &parts->items[middle];
        int order = part->section != number ? (part->section < number ? -1 : 1)
                                            : str_compare(name_of(parts, part), name);
        if (order == 0) return part;
        if (order < 0) from = middle + 1;
        else to = middle;
    }
    return nullptr;
}

/** Marks what the text leads to, and puts what is new on the pile. */
static void follow(struct parts *parts, str text, struct part **pile, uint32_t *count)
{
    for (;;) {
        const char *found = memmem(text.at, text.len, reference.at, reference.len);
        if (found == nullptr) return;
        str section, name;
        text = str_from(str_between(found, text.at + text.len), reference.len);
        (void)str_cut(text, '/', &section, &text);
        (void)str_cut(text, '"', &name, &text);
        struct part *part = part_find(parts, section, name);
        if (part == nullptr || part->is_led_to) continue;
        part->is_led_to = true;
        pile[(*count)++] = part;
    }
}

bool parts_follow(struct parts *parts, str text)
{
    uint32_t count = 0;
    if (buf_is_over(&parts->text) || parts->count == 0) return false;
    qsort_r(parts->items, parts->count, sizeof *parts->items, compare_parts, parts);
    struct part **pile = arena_new(parts->text.arena, struct part *, parts->count);
    follow(parts, text, pile, &count);
    while (count > 0) {
        const struct part *part = pile[--count];
        follow(parts, text_of(parts, part), pile, &count);
    }
    return true;
}

void parts_write(struct buf *json, const struct parts *parts)
{
    uint32_t at = 0;
    for (uint32_t section = 0; section < SECTION_COUNT; section++) {
        bool is_first = true;
        buf_print(json, "%s\"%.*s\":{", section == 0 ? "" : ",", FMT(section_words[section]));
        for (; at < parts->count && parts->items[at].section == section; at++) {
            const struct part *part = &parts->items[at];
            if (!part->is_led_to) continue;
            buf_print(json, "%s\"%.*s\":", is_first ? "" : ",", FMT(name_of(parts, part)));
            buf_put(json, text_of(parts, part));
            is_first = false;
        }
        buf_put_byte(json, '}');
    }
}
