#include "api/components.h"

#include "base/limits.h"
#include "base/require.h"
#include "value/json.h"

static const char components_json[] = {
#embed "components.json"
};

static const str of_entity = {"{entity}", 8};
static const str of_label = {"{label}", 7};

static bool str_holds(str text, str part)
{
    return memmem(text.at, text.len, part.at, part.len) != nullptr;
}

/** A label within a JSON text. */
static void put_label(struct buf *json, str label)
{
    struct buf quoted = buf_make(json->arena, 8 * KIB);
    json_write_text(&quoted, label);
    require(quoted.len >= 2);
    buf_put(json, (str){quoted.at + 1, quoted.len - 2});
}

void components_name(struct buf *json, str text, const struct entity *entity)
{
    while (text.len > 0) {
        size_t brace = entity == nullptr ? SIZE_MAX : str_find_byte(text, '{');
        buf_put(json, str_first(text, brace));
        text = str_from(text, brace);
        if (str_starts(text, of_entity)) {
            buf_put(json, entity->name);
            text = str_from(text, of_entity.len);
        } else if (str_starts(text, of_label)) {
            put_label(json, entity->label);
            text = str_from(text, of_label.len);
        } else {
            buf_put(json, str_first(text, 1));
            text = str_from(text, 1);
        }
    }
}

/** Content by type: what is told in JSON is told in MessagePack too. */
static void put_content(struct buf *json, const struct value *content)
{
    struct cursor pairs = cursor_of(content->items);
    struct value type, described, packed = {};
    buf_put_byte(json, '{');
    for (uint32_t at = 0; at < content->count; at++) {
        require(value_next(&pairs, &type) && value_next(&pairs, &described));
        bool is_json = str_eq(type.text, S("application/json")) ||
                       str_eq(type.text, S("application/problem+json"));
        if (is_json) packed = described;
        if (at > 0) buf_put_byte(json, ',');
        json_write_text(json, type.text);
        buf_put_byte(json, ':');
        json_write(json, &described);
    }
    if (packed.kind == VALUE_MAP) {
        buf_put(json, S(",\"application/msgpack\":"));
        json_write(json, &packed);
    }
    buf_put_byte(json, '}');
}

/** A body or an answer, or whatever else has no content. */
static void put_part(struct buf *json, const struct value *part)
{
    struct value content, name, member;
    if (!value_find_text(part->bytes, S("content"), &content) || content.kind != VALUE_MAP) {
        json_write(json, part);
        return;
    }
    struct cursor pairs = cursor_of(part->items);
    buf_put_byte(json, '{');
    for (uint32_t at = 0; at < part->count; at++) {
        require(value_next(&pairs, &name) && value_next(&pairs, &member));
        if (at > 0) buf_put_byte(json, ',');
        json_write_text(json, name.text);
        buf_put_byte(json, ':');
        if (str_eq(name.text, S("content"))) put_content(json, &member);
        else json_write(json, &member);
    }
    buf_put_byte(json, '}');
}

static void add_member(struct parts *parts, enum section section, str name, str text,
                       const struct entity *entity)
{
    part_begin(parts, section);
    components_name(&parts->text, name, entity);
    part_named(parts);
    components_name(&parts->text, text, entity);
    part_end(parts);
}

static void add_section(struct parts *parts, const struct scope *scope, const struct model *model,
                        enum section number, const struct value *section)
{
    struct arena *arena = parts->text.arena;
    struct cursor members = cursor_of(section->items);
    struct value name, member;
    for (uint32_t at = 0; at < section->count; at++) {
        require(value_next(&members, &name) && value_next(&members, &member));
        struct buf text = buf_make(arena, 256 * KIB);
        put_part(&text, &member);
        require(!buf_is_over(&text));
        bool is_of_entity = str_holds(name.text, of_entity);
        require(is_of_entity || !str_holds(buf_str(&text), of_entity));
        if (!is_of_entity) add_member(parts, number, name.text, buf_str(&text), nullptr);
        for (uint32_t of = 0; is_of_entity && of < model->entity_count; of++)
            if (scope_may(scope, model->entities[of].number, SCOPE_VIEW))
                add_member(parts, number, name.text, buf_str(&text), &model->entities[of]);
    }
}

void components_add(struct parts *parts, const struct scope *scope, const struct model *model)
{
    struct task task;
    task_init(&task, parts->text.arena);
    struct buf whole = buf_make(parts->text.arena, 4 * BODY_BYTES_MAX);
    enum err err = json_read(&task, (str){components_json, sizeof components_json}, &whole);
    require(err == ERR_NONE);
    for (uint32_t at = 0; at < SECTION_COUNT; at++) {
        struct value members;
        require(value_find_text(buf_str(&whole), section_words[at], &members) &&
                members.kind == VALUE_MAP);
        add_section(parts, scope, model, (enum section)at, &members);
    }
}
