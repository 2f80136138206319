/* Records: userdata that hold the server's bytes and give each value when it is asked for, so that
 * a script pays for the fields it names. Tables that were given are kept: a list that is changed in
 * place is seen when, at the end, it is packed and compared with what came. */
#include "objects.h"

#include <lauxlib.h>

#include "base/require.h"
#include "values.h"

#define RECORD "record"

constexpr int KEPT = 1; /** the user value: a table of the fields that were given or set */

struct object_record {
    str entity;                    /** or what it is, for messages */
    const struct catalog *catalog; /** nullptr: not yet asked for */
    const char *shown;             /** `record`: what a script calls it; nullptr: `a client` */
    const char *why_fixed;         /** why it cannot be set; nullptr: it can */
    str values;                    /** an encoded map */
    char bytes[];                  /** of `entity` and `values`, when they are its own */
};

static struct object_record *record_at(lua_State *state, int at)
{
    return luaL_checkudata(state, at, RECORD);
}

static const struct catalog *catalog_of(lua_State *state, struct object_record *record)
{
    if (record->catalog == nullptr) record->catalog = talk_catalog(state, record->entity);
    return record->catalog;
}

/** Pushes how messages call it. */
static const char *push_shown(lua_State *state, const struct object_record *record)
{
    if (record->shown != nullptr) return lua_pushstring(state, record->shown);
    lua_pushliteral(state, "a ");
    lua_pushlstring(state, record->entity.at, record->entity.len);
    lua_concat(state, 2);
    return lua_tostring(state, -1);
}

/** The field whose name is at a place of the stack; an error that names the nearest. */
static const struct catalog_field *field_at(lua_State *state, struct object_record *record, int at)
{
    const struct catalog *catalog = catalog_of(state, record);
    str name = {};
    if (lua_type(state, at) != LUA_TSTRING)
        luaL_error(state, "a field is named by a text, not by a %s", luaL_typename(state, at));
    name.at = lua_tolstring(state, at, &name.len);
    budget_charge(state, 2);
    const struct catalog_field *field = catalog_field(catalog, name);
    if (field != nullptr) return field;
    budget_charge(state, catalog->field_count * 16);
    str near = catalog_nearest(catalog, name);
    const char *shown = push_shown(state, record);
    lua_pushlstring(state, near.at, near.len);
    if (near.len == 0) luaL_error(state, "%s has no field \"%s\"", shown, lua_tostring(state, at));
    luaL_error(state, "%s has no field \"%s\"; did you mean \"%s\"?", shown,
               lua_tostring(state, at), lua_tostring(state, -1));
    return nullptr;
}

/** Pushes the field's value; tables are kept from now on. */
static void push_field(lua_State *state, int record_at_place, const struct object_record *record,
                       const struct catalog_field *field)
{
    struct value value;
    lua_getiuservalue(state, record_at_place, KEPT);
    lua_pushlstring(state, field->name.at, field->name.len);
    if (lua_rawget(state, -2) != LUA_TNIL) {
        lua_remove(state, -2);
        if (!values_is_null(state, -1)) return;
        lua_pop(state, 1);
        lua_pushnil(state);
        return;
    }
    lua_pop(state, 1);
    if (value_find_text(record->values, field->name, &value)) values_push(state, &value);
    else if (field->is_list) lua_createtable(state, 0, 0);
    else lua_pushnil(state);
    if (lua_type(state, -1) == LUA_TTABLE) {
        lua_pushlstring(state, field->name.at, field->name.len);
        lua_pushvalue(state, -2);
        lua_rawset(state, -4);
    }
    lua_remove(state, -2);
}

static int record_index(lua_State *state)
{
    struct object_record *record = record_at(state, 1);
    const struct catalog_field *field = field_at(state, record, 2);
    push_field(state, 1, record, field);
    return 1;
}

static int record_newindex(lua_State *state)
{
    struct object_record *record = record_at(state, 1);
    const struct catalog_field *field = field_at(state, record, 2);
    struct rule_run *run = run_of(state);
    if (record->why_fixed != nullptr) {
        const char *shown = push_shown(state, record);
        return luaL_error(state, "%s %s", shown, record->why_fixed);
    }
    if (field->is_computed)
        return luaL_error(state, "record.%s is computed, it cannot be set", lua_tostring(state, 2));
    if (lua_isnil(state, 3)) {
        lua_settop(state, 2);
        lua_getfield(state, LUA_REGISTRYINDEX, OBJECTS_NULL);
    }
    str id;
    if (objects_record_id(state, 3, &id)) {
        lua_pushlstring(state, id.at, id.len);
        lua_replace(state, 3);
    }
    /* So that what is no value is told with its line, and not at the end. */
    arena_clear(&run->going);
    struct buf scratch = buf_make(&run->going, FRAME_BYTES_MAX);
    values_pack(state, 3, &scratch, field->name, VALUES_PLAIN);
    lua_getiuservalue(state, 1, KEPT);
    lua_pushlstring(state, field->name.at, field->name.len);
    lua_pushvalue(state, 3);
    lua_rawset(state, -3);
    return 0;
}

/** The next field that has a value, in the order of names. */
static int next_field(lua_State *state)
{
    struct object_record *record = record_at(state, 1);
    const struct catalog *catalog = catalog_of(state, record);
    uint32_t at = 0;
    if (!lua_isnoneornil(state, 2))
        at = (uint32_t)(field_at(state, record, 2) - catalog->fields) + 1;
    lua_settop(state, 2);
    for (; at < catalog->field_count; at++) {
        const struct catalog_field *field = &catalog->fields[at];
        budget_charge(state, 2);
        lua_pushlstring(state, field->name.at, field->name.len);
        push_field(state, 1, record, field);
        if (!lua_isnil(state, -1)) return 2;
        lua_pop(state, 2);
    }
    lua_pushnil(state);
    return 1;
}

static int record_pairs(lua_State *state)
{
    (void)record_at(state, 1);
    lua_pushcfunction(state, next_field);
    lua_pushvalue(state, 1);
    lua_pushnil(state);
    return 3;
}

/** Pushes a record whose bytes are elsewhere. */
static struct object_record *push_record(lua_State *state, size_t own_bytes)
{
    struct object_record *record = lua_newuserdatauv(state, sizeof *record + own_bytes, 1);
    *record = (struct object_record){};
    lua_createtable(state, 0, 0);
    lua_setiuservalue(state, -2, KEPT);
    luaL_setmetatable(state, RECORD);
    return record;
}

void objects_push_record(lua_State *state, str entity, str values)
{
    struct object_record *record = push_record(state, entity.len + values.len);
    memcpy(record->bytes, entity.at, entity.len);
    memcpy(record->bytes + entity.len, values.at, values.len);
    record->entity = (str){record->bytes, entity.len};
    record->values = (str){record->bytes + entity.len, values.len};
    record->why_fixed = "is as db gave it; change it with db.update";
}

bool objects_is_record(lua_State *state, int at, str *entity_out)
{
    const struct object_record *record = luaL_testudata(state, at, RECORD);
    if (record == nullptr) return false;
    *entity_out = record->entity;
    return true;
}

bool objects_record_id(lua_State *state, int at, str *id_out)
{
    struct value id;
    const struct object_record *record = luaL_testudata(state, at, RECORD);
    if (record == nullptr || !value_find_text(record->values, S("id"), &id)) return false;
    *id_out = id.text;
    return id.kind == VALUE_TEXT;
}

str objects_id_at(lua_State *state, int at)
{
    str id;
    if (objects_record_id(state, at, &id)) return id;
    return objects_word_at(state, at, "an id");
}

/* changed. */

/** Whether what stands at a place is the value that the field has in a record's map. */
static bool is_same(lua_State *state, int at, str values, str name)
{
    struct rule_run *run = run_of(state);
    struct value value = {};
    bool has = value_find_text(values, name, &value) && value.kind != VALUE_NIL;
    if (lua_isnil(state, at) || values_is_null(state, at)) return !has;
    arena_clear(&run->going);
    struct buf packed = buf_make(&run->going, FRAME_BYTES_MAX);
    values_pack(state, at, &packed, name, VALUES_PLAIN);
    struct value given = value_of(buf_str(&packed));
    return has && value_eq(&given, &value);
}

static int changed(lua_State *state)
{
    struct rule_run *run = run_of(state);
    struct value item;
    struct cursor cursor = cursor_of(value_of(run->changed).items);
    int count = lua_gettop(state);
    str name = objects_text_at(state, 1, "the name of a field");
    budget_charge(state, 4 + value_of(run->changed).count);
    const struct catalog *catalog = talk_catalog(state, run->entity);
    if (catalog_field(catalog, name) == nullptr) {
        lua_settop(state, 1);
        struct object_record *record = push_record(state, 0);
        record->shown = RECORD;
        record->entity = run->entity;
        (void)field_at(state, record, 1);
    }
    bool is_changed = false;
    while (!is_changed && value_next(&cursor, &item))
        is_changed = item.kind == VALUE_TEXT && str_eq(item.text, name);
    /* `nil` in the middle stands for any value. */
    if (count >= 2 && !lua_isnil(state, 2))
        is_changed = is_changed && is_same(state, 2, run->old, name);
    if (count >= 3 && !lua_isnil(state, 3))
        is_changed = is_changed && is_same(state, 3, run->values, name);
    lua_pushboolean(state, is_changed);
    return 1;
}

/* actor, settings. */

static const struct catalog actor_catalog = {
    .name = S("actor"),
    .field_count = 6,
    .fields = (const struct catalog_field[]){{.name = S("email")},
                                             {.name = S("id")},
                                             {.name = S("kind")},
                                             {.name = S("name")},
                                             {.name = S("roles"), .is_list = true},
                                             {.name = S("through")}},
};

/** The settings, asked for at the first use: a record that takes the place of this userdatum's
 *  user value. */
static void push_settings(lua_State *state)
{
    (void)luaL_checkudata(state, 1, "settings");
    if (lua_getiuservalue(state, 1, 1) != LUA_TNIL) return;
    lua_pop(state, 1);
    (void)talk_question(run_of(state), S("settings"), 0);
    struct value said = talk_ask(state);
    if (said.kind != VALUE_MAP) luaL_error(state, "the settings cannot be read");
    objects_push_record(state, S("settings"), said.bytes);
    struct object_record *record = record_at(state, -1);
    record->shown = "settings";
    record->why_fixed = "cannot be set by a rule";
    lua_pushvalue(state, -1);
    lua_setiuservalue(state, 1, 1);
}

static int settings_index(lua_State *state)
{
    push_settings(state);
    struct object_record *record = record_at(state, -1);
    const struct catalog_field *field = field_at(state, record, 2);
    push_field(state, lua_gettop(state), record, field);
    return 1;
}

static int settings_newindex(lua_State *state)
{
    return luaL_error(state, "settings cannot be set by a rule");
}

static int settings_pairs(lua_State *state)
{
    push_settings(state);
    lua_pushcfunction(state, next_field);
    lua_pushvalue(state, -2);
    lua_pushnil(state);
    return 3;
}

/* The run's own. */

static void set_method(lua_State *state, const char *name, lua_CFunction function)
{
    lua_pushcfunction(state, function);
    lua_setfield(state, -2, name);
}

static void open_metatables(lua_State *state)
{
    values_new_metatable(state, RECORD);
    set_method(state, "__index", record_index);
    set_method(state, "__newindex", record_newindex);
    set_method(state, "__pairs", record_pairs);
    lua_pop(state, 1);
    values_new_metatable(state, "settings");
    set_method(state, "__index", settings_index);
    set_method(state, "__newindex", settings_newindex);
    set_method(state, "__pairs", settings_pairs);
    lua_pop(state, 1);
}

static const char *why_fixed(const struct rule_run *run)
{
    if (str_eq(run->operation, S("delete"))) return "is being deleted, it cannot be set";
    bool may = str_eq(run->point, S("before")) || str_eq(run->point, S("action"));
    return may ? nullptr : "is already written and cannot be set here; use db.update";
}

void objects_set_record(lua_State *state)
{
    int env = lua_gettop(state);
    struct rule_run *run = run_of(state);
    open_metatables(state);
    if (run->values.len > 0) {
        struct object_record *record = push_record(state, 0);
        *record = (struct object_record){.entity = run->entity,
                                         .shown = RECORD,
                                         .why_fixed = why_fixed(run),
                                         .values = run->values};
        lua_pushvalue(state, -1);
        lua_setfield(state, LUA_REGISTRYINDEX, OBJECTS_RECORD);
        lua_setfield(state, env, "record");
    }
    if (run->old.len > 0) {
        struct object_record *old = push_record(state, 0);
        *old = (struct object_record){.entity = run->entity,
                                      .shown = "old",
                                      .why_fixed = "is as the record was, it cannot be set",
                                      .values = run->old};
        lua_setfield(state, env, "old");
    }
    struct object_record *actor = push_record(state, 0);
    *actor = (struct object_record){.entity = S("actor"),
                                    .catalog = &actor_catalog,
                                    .shown = "actor",
                                    .why_fixed = "cannot be set",
                                    .values = run->actor};
    lua_setfield(state, env, "actor");
    (void)lua_newuserdatauv(state, 1, 1);
    luaL_setmetatable(state, "settings");
    lua_setfield(state, env, "settings");
    require(lua_gettop(state) == env);
}

/** Packs the field's value at a place when it is not what came; whether it is so. */
static bool take_change(lua_State *state, struct rule_run *run, int at,
                        const struct catalog_field *field)
{
    struct value was = {};
    size_t from = run->changes.len;
    bool had = value_find_text(run->values, field->name, &was) && was.kind != VALUE_NIL;
    pack_text(&run->changes, field->name);
    size_t value_from = run->changes.len;
    values_pack(state, at, &run->changes, field->name, VALUES_PLAIN);
    struct value is = value_of(str_from(buf_str(&run->changes), value_from));
    bool is_same = !had && (is.kind == VALUE_NIL || (is.kind == VALUE_LIST && is.count == 0));
    if (had) {
        /* Back and forth, so that both are in the same form. */
        arena_clear(&run->going);
        struct buf before = buf_make(&run->going, FRAME_BYTES_MAX);
        values_push(state, &was);
        values_pack(state, -1, &before, field->name, VALUES_PLAIN);
        lua_pop(state, 1);
        struct value came = value_of(buf_str(&before));
        is_same = value_eq(&came, &is);
    }
    if (is_same) run->changes.len = from;
    return !is_same;
}

/** A list that was changed in place where that does nothing is probably a mistake. */
static void note_useless(struct rule_run *run, const struct catalog_field *field)
{
    str line = arena_print(&run->arena, "record.%.*s was changed in place, which does nothing here",
                           FMT(field->name));
    run_log(run, line);
}

void objects_take_changes(lua_State *state)
{
    struct rule_run *run = run_of(state);
    run->change_count = 0;
    if (lua_getfield(state, LUA_REGISTRYINDEX, OBJECTS_RECORD) == LUA_TNIL) return;
    struct object_record *record = record_at(state, -1);
    if (record->catalog == nullptr) return;
    lua_getiuservalue(state, -1, KEPT);
    for (uint32_t at = 0; at < record->catalog->field_count; at++) {
        const struct catalog_field *field = &record->catalog->fields[at];
        lua_pushlstring(state, field->name.at, field->name.len);
        bool is_changed = lua_rawget(state, -2) != LUA_TNIL && !field->is_computed &&
                          take_change(state, run, lua_gettop(state), field);
        run->change_count += is_changed;
        lua_pop(state, 1);
        if (is_changed && record->why_fixed != nullptr) note_useless(run, field);
    }
    if (record->why_fixed == nullptr) return;
    run->changes.len = 0;
    run->change_count = 0;
}

static const struct view_name names[] = {
    {nullptr, "record", "record.FIELD",
     "The record, field by field, as it is about to be (before), or as it is now. In `before` and "
     "`action` a field is set by assigning to it, and cleared by `nil`; lists may also be changed "
     "in place. A list field without values is an empty list. At the other points use db.update. A "
     "field that is not there is an error that names the nearest. Where a "
     "value is a reference, a record stands for its id.",
     "record.name == \"Acme\" and record.tags[1] == \"vip\"", nullptr},
    {nullptr, "old", "old.FIELD",
     "The record as it was before the change; nil when it is being created.",
     "old.status == \"lead\"", nullptr},
    {nullptr, "changed", "changed(field [, from [, to]])",
     "Whether this change gives the field another value; with `from` and `to` only from or to "
     "these "
     "values, where `nil` stands for any. When a record is created, the fields that have a value "
     "are changed.",
     "changed \"status\" and changed(\"status\", \"lead\", \"active\") and not changed \"name\"",
     changed},
    {nullptr, "actor", "actor.kind, .id, .name, .email, .roles, .through",
     "Who makes the change: kind (`user`, `contact` of a client at the portal, `system`, `rule`), "
     "id, name, email, the list of roles, and through what (`api`, `import`, `bulk`, `job`, "
     "`rule`, `portal`).",
     "actor.kind == \"user\" and actor.roles[1] == \"owner\"", nullptr},
    {nullptr, "settings", "settings.FIELD", "The firm's settings; they cannot be set by a rule.",
     "settings.currency == \"EUR\"", nullptr},
};
const struct view_part objects_record_part = {names, sizeof names / sizeof *names, nullptr};
