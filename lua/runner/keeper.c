#include "keeper.h"

#include "base/nearest.h"
#include "base/require.h"
#include "value/frame.h"
#include "value/value.h"

/** More than one run can ask for, far below what would hurt. */
constexpr size_t CATALOGS_BYTES_MOST = 8 * MIB;

struct kept_source {
    char code[RULE_CODE_BYTES];
    str text;
    const struct kept_source *next;
};

struct rule_keeper {
    struct arena sources_arena, catalogs_arena;
    const struct kept_source *sources; /** newest first */
    const struct catalog *catalogs;
    uint32_t run_count;
    struct rule_state *state;
};

struct rule_keeper *rule_keeper_open(void)
{
    struct rule_keeper *keeper = memory_take(sizeof *keeper);
    arena_init(&keeper->sources_arena, KEEPER_SOURCES_BYTES_MAX);
    arena_init(&keeper->catalogs_arena, CATALOGS_BYTES_MOST);
    return keeper;
}

void rule_keeper_close(struct rule_keeper *keeper)
{
    require(keeper->run_count == 0);
    require(keeper->state == nullptr);
    arena_drop(&keeper->sources_arena);
    arena_drop(&keeper->catalogs_arena);
    memory_give(keeper);
}

struct rule_state *keeper_take_state(struct rule_keeper *keeper)
{
    struct rule_state *state = keeper->state;
    keeper->state = nullptr;
    return state;
}

void keeper_put_state(struct rule_keeper *keeper, struct rule_state *state)
{
    require(keeper->state == nullptr);
    keeper->state = state;
}

void keeper_enter(struct rule_keeper *keeper)
{
    if (keeper->run_count++ > 0) return;
    if (keeper->catalogs_arena.used_bytes <= KEEPER_CATALOGS_BYTES_MAX) return;
    keeper->catalogs = nullptr;
    arena_clear(&keeper->catalogs_arena);
}

void keeper_leave(struct rule_keeper *keeper)
{
    require(keeper->run_count > 0);
    keeper->run_count--;
}

bool keeper_source(const struct rule_keeper *keeper, str code, str *source_out)
{
    require(code.len == RULE_CODE_BYTES);
    for (const struct kept_source *kept = keeper->sources; kept != nullptr; kept = kept->next) {
        if (memcmp(kept->code, code.at, RULE_CODE_BYTES) != 0) continue;
        *source_out = kept->text;
        return true;
    }
    return false;
}

str keeper_add_source(struct rule_keeper *keeper, str code, str source)
{
    require(code.len == RULE_CODE_BYTES);
    struct arena *arena = &keeper->sources_arena;
    if (source.len > KEEPER_SOURCES_BYTES_MAX - arena->used_bytes) {
        keeper->sources = nullptr;
        arena_clear(arena);
    }
    struct kept_source *kept = arena_new(arena, struct kept_source, 1);
    memcpy(kept->code, code.at, RULE_CODE_BYTES);
    kept->text = arena_copy(arena, source);
    kept->next = keeper->sources;
    keeper->sources = kept;
    return kept->text;
}

const struct catalog_field *catalog_field(const struct catalog *catalog, str name)
{
    uint32_t from = 0, end = catalog->field_count;
    while (from < end) {
        uint32_t middle = (from + end) / 2;
        int order = str_compare(catalog->fields[middle].name, name);
        if (order == 0) return &catalog->fields[middle];
        if (order < 0) from = middle + 1;
        else end = middle;
    }
    return nullptr;
}

str catalog_nearest(const struct catalog *catalog, str name)
{
    str names[KEEPER_FIELDS_MAX];
    require(catalog->field_count <= KEEPER_FIELDS_MAX);
    for (uint32_t at = 0; at < catalog->field_count; at++) names[at] = catalog->fields[at].name;
    return nearest(names, catalog->field_count, name);
}

const struct catalog *keeper_catalog(const struct rule_keeper *keeper, int64_t model, str entity)
{
    const struct catalog *catalog = keeper->catalogs;
    while (catalog != nullptr && !(catalog->model == model && str_eq(catalog->name, entity)))
        catalog = catalog->next;
    return catalog;
}

static bool read_text(str map, str key, bool is_needed, struct arena *arena, str *text_out)
{
    struct value value;
    *text_out = (str){};
    if (!value_find_text(map, key, &value) || value.kind == VALUE_NIL) return !is_needed;
    if (value.kind != VALUE_TEXT) return false;
    *text_out = arena_copy(arena, value.text);
    return true;
}

static bool read_bool(str map, str key, bool *is_so_out)
{
    struct value value;
    *is_so_out = false;
    if (!value_find_text(map, key, &value) || value.kind == VALUE_NIL) return true;
    *is_so_out = value.kind == VALUE_BOOL && value.boolean;
    return value.kind == VALUE_BOOL;
}

static bool read_field(struct arena *arena, const struct value *map, struct catalog_field *field)
{
    return map->kind == VALUE_MAP && read_text(map->bytes, S("name"), true, arena, &field->name) &&
           read_text(map->bytes, S("kind"), true, arena, &field->kind) &&
           read_text(map->bytes, S("to"), false, arena, &field->to) &&
           read_bool(map->bytes, S("is_list"), &field->is_list) &&
           read_bool(map->bytes, S("is_computed"), &field->is_computed);
}

/** Puts a field in its place by its name; false when that name is taken. */
static bool insert_field(struct catalog_field *fields, uint32_t count, struct catalog_field field)
{
    uint32_t to = count;
    for (; to > 0 && str_compare(fields[to - 1].name, field.name) > 0; to--)
        fields[to] = fields[to - 1];
    fields[to] = field;
    return to == 0 || !str_eq(fields[to - 1].name, field.name);
}

static bool read_fields(struct arena *arena, const struct value *list, struct catalog *catalog)
{
    struct cursor cursor = cursor_of(list->items);
    struct catalog_field *fields = arena_new(arena, struct catalog_field, list->count + 1);
    /* Every record has one, whether or not the server says so. */
    bool is_good = insert_field(
        fields, 0, (struct catalog_field){.name = S("id"), .kind = S("text"), .is_computed = true});
    uint32_t count = 1;
    for (uint32_t at = 0; is_good && at < list->count; at++) {
        struct value map;
        struct catalog_field field = {};
        is_good = value_next(&cursor, &map) && read_field(arena, &map, &field);
        if (is_good && !str_eq(field.name, S("id"))) is_good = insert_field(fields, count++, field);
    }
    catalog->fields = fields;
    catalog->field_count = count;
    return is_good;
}

const struct catalog *keeper_add_catalog(struct rule_keeper *keeper, int64_t model, str entity,
                                         str answer)
{
    struct value list;
    struct arena *arena = &keeper->catalogs_arena;
    bool is_list = value_find_text(answer, S("fields"), &list) && list.kind == VALUE_LIST;
    if (!is_list || list.count >= KEEPER_FIELDS_MAX ||
        arena->used_bytes > CATALOGS_BYTES_MOST - FRAME_BYTES_MAX)
        return nullptr;
    struct catalog *catalog = arena_new(arena, struct catalog, 1);
    catalog->name = arena_copy(arena, entity);
    catalog->model = model;
    if (!read_fields(arena, &list, catalog)) return nullptr;
    catalog->next = keeper->catalogs;
    keeper->catalogs = catalog;
    return catalog;
}
