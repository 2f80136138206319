#include "rules/versions.h"

#include "base/require.h"
#include "record/query.h"
#include "value/json.h"

constexpr size_t VERSION_BYTES_MAX = RECORD_BYTES_MAX + 4 * KIB;

/** What a version says besides the note. */
static const str said[] = {S("on"),  S("when"),   S("changed"),     S("source"),
                           S("set"), S("reject"), S("reject_field")};
constexpr size_t said_count = sizeof said / sizeof said[0];

static const struct entity *versions_of(const struct model *model)
{
    const struct entity *entity = model_entity_by_number(model, RULE_VERSION_ENTITY);
    require(entity != nullptr);
    return entity;
}

int64_t version_number(const struct record *version)
{
    const struct field *field = entity_field(version->entity, S("version_number"));
    struct value value;
    if (!value_find(version->value, field->number, &value)) return 0;
    if (value.kind == VALUE_FLOAT) return (int64_t)value.number;
    return value.kind == VALUE_INT ? value.integer : 0;
}

/* A rule's versions were made in the order of their numbers, and so of their ids. */

static enum err all_of(const struct view *view, struct id rule, struct id *ids, uint32_t *count_out)
{
    const struct field *of = entity_field(versions_of(view->model), S("rule"));
    return query_find(view, of, id_bytes(&rule), RULE_VERSIONS_MAX + 1, ids, count_out);
}

static enum err get_version(const struct view *view, struct id id, struct record *version_out)
{
    *version_out = (struct record){.entity = versions_of(view->model), .id = id};
    return txn_record_get_view(view->txn, RULE_VERSION_ENTITY, id, &version_out->value);
}

/** The newest or the oldest; ERR_MISSING: there is none. */
static enum err outermost(const struct view *view, struct id rule, bool is_newest,
                          struct record *version_out)
{
    const struct field *of = entity_field(versions_of(view->model), S("rule"));
    struct scan_range range = {
        .from = id_bytes(&rule), .to = id_bytes(&rule), .is_descending = is_newest};
    struct scan *scan = scan_index(view->txn, RULE_VERSION_ENTITY, of->number, &range);
    struct scan_entry entry;
    bool has_entry;
    enum err err = scan_next(scan, &has_entry, &entry);
    scan_close(scan);
    TRY(err);
    return has_entry ? get_version(view, entry.id, version_out) : ERR_MISSING;
}

enum err versions_newest(const struct view *view, struct id rule, int64_t *number_out)
{
    struct record newest;
    *number_out = 0;
    enum err err = outermost(view, rule, true, &newest);
    if (err == ERR_NONE) *number_out = version_number(&newest);
    return err == ERR_MISSING ? ERR_NONE : err;
}

enum err versions_trim(struct change *change, struct id rule)
{
    struct view view = change_view(change);
    struct record oldest;
    int64_t newest;
    TRY(versions_newest(&view, rule, &newest));
    for (;;) {
        enum err err = outermost(&view, rule, false, &oldest);
        if (err != ERR_NONE) return err == ERR_MISSING ? ERR_NONE : err;
        if (newest - version_number(&oldest) < (int64_t)RULE_VERSIONS_MAX) return ERR_NONE;
        TRY(record_delete(change, oldest.entity, oldest.id, nullptr));
    }
}

enum err version_find(const struct view *view, struct id rule, int64_t number,
                      struct record *version_out)
{
    struct id *ids = arena_new(view->task->arena, struct id, RULE_VERSIONS_MAX + 1);
    uint32_t count;
    TRY(all_of(view, rule, ids, &count));
    while (count > 0) {
        TRY(get_version(view, ids[--count], version_out));
        if (version_number(version_out) == number) return ERR_NONE;
    }
    return fail(view->task, ERR_MISSING, "this rule has no version %lld", (long long)number);
}

/** The values that it says, of an encoded map of API values; absent ones as nil. */
static void put_said(struct buf *map, str values)
{
    for (size_t at = 0; at < said_count; at++) {
        struct value value;
        pack_text(map, said[at]);
        if (value_find_text(values, said[at], &value)) pack_raw(map, value.bytes);
        else pack_nil(map);
    }
}

static void put_note(struct buf *map, str values)
{
    struct value note;
    pack_text(map, S("note"));
    if (value_find_text(values, S("note"), &note)) pack_raw(map, note.bytes);
    else pack_nil(map);
}

enum err version_keep(struct change *change, struct draft *rule, int64_t number)
{
    struct id made;
    struct buf map = buf_make(change->task->arena, VERSION_BYTES_MAX);
    str values = draft_values(change, rule, false);
    pack_map(&map, said_count + 2);
    pack_text(&map, S("rule"));
    pack_text(&map, id_text(change->task->arena, draft_id(rule)));
    put_said(&map, values);
    put_note(&map, values);
    int64_t was = change->rule_version;
    change->rule_version = number;
    struct value given = value_of(buf_str(&map));
    enum err err = record_create(change, versions_of(change->model), &given, &made);
    change->rule_version = was;
    return err;
}

enum err version_activate(struct change *change, struct id rule, int64_t number)
{
    struct view view = change_view(change);
    const struct entity *rules = model_entity_by_number(change->model, RULE_ENTITY);
    struct record record, version;
    struct buf map = buf_make(change->task->arena, VERSION_BYTES_MAX);
    TRY(record_get(&view, rules, rule, &record));
    pack_map(&map, number == 0 ? 1 : said_count + 2);
    pack_text(&map, S("state"));
    pack_text(&map, S("active"));
    if (number > 0) {
        TRY(version_find(&view, rule, number, &version));
        str values = record_values(&view, &version);
        put_said(&map, values);
        put_note(&map, values);
    }
    int64_t was = change->rule_version;
    change->rule_version = number;
    struct value given = value_of(buf_str(&map));
    enum err err = record_patch(change, rules, rule, &given, nullptr);
    change->rule_version = was;
    return err;
}

/* Differences. */

struct lines {
    uint32_t count;
    str *items;
};

static struct lines lines_of(struct arena *arena, str text)
{
    struct lines lines = {};
    uint32_t count = 1;
    for (size_t at = 0; at < text.len; at++) count += text.at[at] == '\n';
    lines.items = arena_new(arena, str, count);
    while (text.len > 0) (void)str_cut(text, '\n', &lines.items[lines.count++], &text);
    return lines;
}

static void put_line(struct buf *json, const char *op, uint32_t from, uint32_t to, str text)
{
    buf_print(json, "%s{\"op\":\"%s\"", json->at[json->len - 1] == '[' ? "" : ",", op);
    if (from > 0) buf_print(json, ",\"from_line\":%u", from);
    if (to > 0) buf_print(json, ",\"to_line\":%u", to);
    buf_put(json, S(",\"text\":"));
    json_write_text(json, text);
    buf_put_byte(json, '}');
}

constexpr uint32_t EDITS_MAX =
    1000; /** lines removed and added; beyond, nothing is taken as same */

/** The shortest way from one list to the other (Myers 1986): `furthest` keeps for each number of
 *  edits how far each diagonal came. False: it takes more than EDITS_MAX edits. */
struct edits {
    const struct lines *from, *to;
    uint32_t count;     /** of edits */
    int32_t **furthest; /** by edits, of each diagonal; the pointers stand at diagonal 0 */
};

/** How far it comes on a diagonal (line of `from` less line of `to`) by this many edits. */
static int32_t step(const struct edits *edits, const int32_t *last, int32_t edit, int32_t diagonal)
{
    int32_t x = 0;
    bool is_added =
        diagonal == -edit || (diagonal != edit && last[diagonal - 1] < last[diagonal + 1]);
    if (edit > 0) x = is_added ? last[diagonal + 1] : last[diagonal - 1] + 1;
    int32_t y = x - diagonal;
    while (x < (int32_t)edits->from->count && y >= 0 && y < (int32_t)edits->to->count &&
           str_eq(edits->from->items[x], edits->to->items[y]))
        x++, y++;
    return x;
}

static bool find_edits(struct arena *arena, struct edits *edits)
{
    int32_t wanted_x = (int32_t)edits->from->count;
    int32_t wanted = wanted_x - (int32_t)edits->to->count;
    edits->furthest = arena_new(arena, int32_t *, EDITS_MAX + 1);
    for (int32_t edit = 0; edit <= (int32_t)EDITS_MAX; edit++) {
        /* Only the diagonals that this number of edits can reach are kept; the middle is 0. */
        int32_t *reached = arena_new(arena, int32_t, (size_t)(2 * edit + 3)) + edit + 1;
        edits->furthest[edit] = reached;
        edits->count = (uint32_t)edit;
        for (int32_t diagonal = -edit; diagonal <= edit; diagonal += 2) {
            const int32_t *last = edit == 0 ? reached : edits->furthest[edit - 1];
            reached[diagonal] = step(edits, last, edit, diagonal);
            if (diagonal == wanted && reached[diagonal] >= wanted_x) return true;
        }
    }
    return false;
}

/** Which lines of both are the same: of each line of `from` its place in `to`, or UINT32_MAX. */
static void walk_back(const struct edits *edits, uint32_t *same)
{
    int32_t x = (int32_t)edits->from->count, y = (int32_t)edits->to->count;
    for (int32_t edit = (int32_t)edits->count; edit > 0; edit--) {
        const int32_t *last = edits->furthest[edit - 1];
        int32_t diagonal = x - y;
        bool is_added =
            diagonal == -edit || (diagonal != edit && last[diagonal - 1] < last[diagonal + 1]);
        int32_t before = is_added ? diagonal + 1 : diagonal - 1;
        int32_t before_x = last[before], before_y = before_x - before;
        int32_t after_x = is_added ? before_x : before_x + 1;
        while (x > after_x) same[--x] = (uint32_t)--y;
        x = before_x;
        y = before_y;
    }
    while (x > 0) same[--x] = (uint32_t)--y;
}

void lines_difference(struct buf *json, struct arena *arena, str from_text, str to_text)
{
    struct lines from = lines_of(arena, from_text), to = lines_of(arena, to_text);
    struct edits edits = {.from = &from, .to = &to};
    uint32_t *same = arena_new(arena, uint32_t, from.count + 1);
    for (uint32_t at = 0; at <= from.count; at++) same[at] = UINT32_MAX;
    if (find_edits(arena, &edits)) walk_back(&edits, same);
    uint32_t of = 0;
    buf_put_byte(json, '[');
    for (uint32_t at = 0; at <= from.count; at++) {
        uint32_t until = at == from.count ? to.count : same[at];
        if (until == UINT32_MAX) {
            put_line(json, "removed", at + 1, 0, from.items[at]);
            continue;
        }
        for (; of < until; of++) put_line(json, "added", 0, of + 1, to.items[of]);
        if (at == from.count) break;
        put_line(json, "same", at + 1, of + 1, from.items[at]);
        of++;
    }
    buf_put_byte(json, ']');
}

/** What the rule said by this number, as API values; 0: what it says now. */
static enum err said_by(const struct view *view, struct id rule, int64_t number, str *values_out)
{
    const struct entity *rules = model_entity_by_number(view->model, RULE_ENTITY);
    struct record record;
    TRY(record_get(view, rules, rule, &record));
    if (number > 0) TRY(version_find(view, rule, number, &record));
    *values_out = record_values(view, &record);
    return ERR_NONE;
}

static void put_side(struct buf *json, const char *name, const struct value *value)
{
    buf_print(json, "\"%s\":", name);
    json_write(json, value);
}

static int64_t shown_number(str values, int64_t otherwise)
{
    struct value number;
    if (!value_find_text(values, S("version_number"), &number)) return otherwise;
    if (number.kind == VALUE_FLOAT) return (int64_t)number.number;
    return number.kind == VALUE_INT ? number.integer : otherwise;
}

enum err version_difference(const struct view *view, struct id rule, int64_t from, int64_t to,
                            struct buf *json)
{
    str was, is;
    bool is_first = true;
    TRY(said_by(view, rule, from, &was));
    TRY(said_by(view, rule, to, &is));
    buf_print(json, "{\"from\":%lld,\"to\":%lld,\"fields\":{", (long long)shown_number(was, from),
              (long long)shown_number(is, to));
    for (size_t at = 0; at < said_count; at++) {
        struct value old = {}, new = {};
        if (str_eq(said[at], S("source"))) continue;
        (void)value_find_text(was, said[at], &old);
        (void)value_find_text(is, said[at], &new);
        if (value_eq(&old, &new)) continue;
        buf_print(json, "%s\"%.*s\":{", is_first ? "" : ",", FMT(said[at]));
        put_side(json, "from", &old);
        buf_put_byte(json, ',');
        put_side(json, "to", &new);
        buf_put_byte(json, '}');
        is_first = false;
    }
    buf_put(json, S("},\"source\":"));
    lines_difference(json, view->task->arena, value_text_in(was, S("source")),
                     value_text_in(is, S("source")));
    buf_put_byte(json, '}');
    return ERR_NONE;
}
