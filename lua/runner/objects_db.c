/* db: the firm's records, as the change sees them. */
#include "base/fold.h"
#include "objects.h"

#include <lauxlib.h>

#include "base/nearest.h"
#include "base/require.h"
#include "values.h"

str objects_text_at(lua_State *state, int at, const char *what)
{
    str text = {};
    budget_charge(state, 1);
    if (lua_type(state, at) != LUA_TSTRING) {
        lua_pushfstring(state, "needs %s, not %s", what, luaL_typename(state, at));
        luaL_argerror(state, at, lua_tostring(state, -1));
    }
    text.at = lua_tolstring(state, at, &text.len);
    return text;
}

str objects_word_at(lua_State *state, int at, const char *what)
{
    str text = objects_text_at(state, at, what);
    luaL_argcheck(state, utf8_is_valid(text), at, "is a text that is not UTF-8");
    return text;
}

/** Whether one of the words; else the nearest. */
static bool is_word(str name, const str *words, str *nearest_out)
{
    size_t count = 0;
    for (; words[count].len > 0; count++)
        if (str_eq(words[count], name)) return true;
    *nearest_out = nearest(words, count, name);
    return false;
}

void objects_check_members(lua_State *state, int at, const char *function, const str *words)
{
    luaL_checktype(state, at, LUA_TTABLE);
    lua_pushnil(state);
    while (lua_next(state, at) != 0) {
        str name = {}, near = {};
        lua_pop(state, 1);
        budget_charge(state, 8);
        if (lua_type(state, -1) != LUA_TSTRING)
            luaL_error(state, "%s takes words with their values, not a list", function);
        name.at = lua_tolstring(state, -1, &name.len);
        if (is_word(name, words, &near)) continue;
        lua_pushlstring(state, near.at, near.len);
        luaL_error(state,
                   near.len > 0 ? "%s knows no `%s`; did you mean `%s`?" : "%s knows no `%s`",
                   function, lua_tostring(state, -2), lua_tostring(state, -1));
    }
}

/** A map of values at a place: fields and what they are to be, or conditions. */
static void pack_named_map(lua_State *state, int at, struct buf *out, str what)
{
    pack_text(out, what);
    if (lua_isnoneornil(state, at)) {
        pack_map(out, 0);
        return;
    }
    luaL_checktype(state, at, LUA_TTABLE);
    size_t from = out->len;
    values_pack(state, at, out, what, VALUES_PLAIN);
    struct value packed = value_of(str_from(buf_str(out), from));
    if (packed.kind == VALUE_MAP) return;
    if (packed.count > 0) luaL_argerror(state, at, "is a list; write FIELD = value");
    out->len = from;
    pack_map(out, 0);
}

/** `db.update(client, …)` is `db.update("client", client.id, …)`. */
static void spread_record(lua_State *state)
{
    str entity = {};
    if (!objects_is_record(state, 1, &entity)) return;
    lua_pushlstring(state, entity.at, entity.len);
    lua_insert(state, 1);
}

static str entity_at(lua_State *state)
{
    return objects_word_at(state, 1, "the name of an entity");
}

/** Pushes the record that was answered, or nil. */
static int push_answer(lua_State *state, const struct value *said)
{
    str entity = entity_at(state);
    if (said->kind == VALUE_MAP) objects_push_record(state, entity, said->bytes);
    else lua_pushnil(state);
    return 1;
}

/** Asks what was put together, and pushes the record that is answered, or nil. */
static int ask_for_record(lua_State *state)
{
    struct value said = talk_ask(state);
    return push_answer(state, &said);
}

/** The same where there is nothing to tell but that it was done. */
static int ask_for_deed(lua_State *state)
{
    (void)talk_ask(state);
    lua_pushboolean(state, 1);
    return 1;
}

static int db_get(lua_State *state)
{
    spread_record(state);
    str entity = entity_at(state);
    if (lua_isnoneornil(state, 2)) return lua_pushnil(state), 1;
    str id = objects_id_at(state, 2);
    struct buf *out = talk_question(run_of(state), S("get"), 2);
    pack_named_text(out, S("entity"), entity);
    pack_named_text(out, S("id"), id);
    return ask_for_record(state);
}

static int db_find(lua_State *state)
{
    static const str words[] = {S("sort"), S("limit"), {}};
    str entity = entity_at(state);
    lua_settop(state, 3);
    if (lua_isnil(state, 3)) {
        lua_createtable(state, 0, 0);
        lua_replace(state, 3);
    }
    objects_check_members(state, 3, "db.find", words);
    if (lua_getfield(state, 3, "limit") != LUA_TNIL) {
        lua_Integer limit = luaL_checkinteger(state, -1);
        if (limit < 1 || limit > (lua_Integer)RULE_FIND_MAX)
            return luaL_error(state, "db.find gives at most 200 records: limit is 1 to 200");
    }
    if (lua_getfield(state, 3, "sort") != LUA_TNIL && lua_type(state, -1) != LUA_TSTRING)
        return luaL_error(state, "sort is a text such as \"-updated_at\"");
    struct buf *out = talk_question(run_of(state), S("find"), 4);
    pack_named_text(out, S("entity"), entity);
    pack_named_map(state, 2, out, S("where"));
    pack_text(out, S("sort"));
    values_pack(state, -1, out, S("sort"), VALUES_PLAIN);
    pack_text(out, S("limit"));
    values_pack(state, -2, out, S("limit"), VALUES_PLAIN);
    struct value said = talk_ask(state), item;
    struct cursor cursor = cursor_of(said.items);
    lua_createtable(state, said.count <= RULE_FIND_MAX ? (int)said.count : 0, 0);
    for (uint32_t at = 1; said.kind == VALUE_LIST && value_next(&cursor, &item); at++) {
        (void)push_answer(state, &item);
        lua_rawseti(state, -2, (lua_Integer)at);
    }
    return 1;
}

static int db_count(lua_State *state)
{
    str entity = entity_at(state);
    struct buf *out = talk_question(run_of(state), S("count"), 2);
    pack_named_text(out, S("entity"), entity);
    pack_named_map(state, 2, out, S("where"));
    struct value said = talk_ask(state);
    lua_pushinteger(state, said.kind == VALUE_INT ? said.integer : 0);
    return 1;
}

static int db_create(lua_State *state)
{
    str entity = entity_at(state);
    struct buf *out = talk_question(run_of(state), S("create"), 2);
    pack_named_text(out, S("entity"), entity);
    pack_named_map(state, 2, out, S("values"));
    return ask_for_record(state);
}

static int db_update(lua_State *state)
{
    spread_record(state);
    str entity = entity_at(state);
    str id = objects_id_at(state, 2);
    luaL_checktype(state, 3, LUA_TTABLE);
    struct buf *out = talk_question(run_of(state), S("update"), 3);
    pack_named_text(out, S("entity"), entity);
    pack_named_text(out, S("id"), id);
    pack_named_map(state, 3, out, S("values"));
    return ask_for_record(state);
}

static int db_delete(lua_State *state)
{
    spread_record(state);
    str entity = entity_at(state);
    str id = objects_id_at(state, 2);
    struct buf *out = talk_question(run_of(state), S("delete"), 2);
    pack_named_text(out, S("entity"), entity);
    pack_named_text(out, S("id"), id);
    return ask_for_deed(state);
}

static int db_link(lua_State *state)
{
    spread_record(state);
    str entity = entity_at(state);
    str id = objects_id_at(state, 2);
    str field = objects_word_at(state, 3, "the name of a reference");
    str to = objects_id_at(state, 4);
    struct buf *out = talk_question(run_of(state), S("link"), 4);
    pack_named_text(out, S("entity"), entity);
    pack_named_text(out, S("id"), id);
    pack_named_text(out, S("field"), field);
    pack_named_text(out, S("to"), to);
    return ask_for_deed(state);
}

static const struct view_name names[] = {
    {"db", "get", "db.get(entity, id)",
     "The record with this id as it is in this change, or nil. It is read like `record`; it can be "
     "changed with db.update. Wherever an entity and an id are asked for, the record itself may "
     "stand in place of both.",
     "db.get(\"client\", record.parent).name == \"Acme Holding\"", db_get},
    {"db", "find", "db.find(entity, where [, {sort=, limit=}])",
     "A list of the records that match, at most 200. The conditions are those of a filter: a "
     "value, "
     "a list of values, or {gt=, gte=, lt=, lte=, ne=, prefix=, empty=}; `null` means without a "
     "value. Sorted by a field, `-` before it turns the order.",
     "#db.find(\"project\", {client = record.id, status = {ne = \"done\"}}, {sort = \"-name\", "
     "limit = 5}) == 2",
     db_find},
    {"db", "count", "db.count(entity, where)", "How many records match.",
     "db.count(\"project\", {client = record.id}) < 3", db_count},
    {"db", "create", "db.create(entity, values)",
     "Makes a record in this change and gives it. What is refused is an error that says why, by "
     "field.",
     "db.create(\"project\", {name = \"First steps\", client = record.id}).name == \"First steps\"",
     db_create},
    {"db", "update", "db.update(entity, id, values) or db.update(record, values)",
     "Changes these fields of a record in this change and gives it as it is then; `null` clears a "
     "field.",
     "db.update(\"client\", record.id, {stage = \"customer\", website = null}).stage == "
     "\"customer\"",
     db_update},
    {"db", "delete", "db.delete(entity, id) or db.delete(record)",
     "Deletes a record in this change.", "db.delete(db.find(\"project\", {})[1])", db_delete},
    {"db", "link", "db.link(entity, id, field, to) or db.link(record, field, to)",
     "Points a reference of a record at another one, beside those it has when it holds many.",
     "db.link(record, \"contacts\", \"018f0000-0000-7000-8000-000000000003\")", db_link},
};
const struct view_part objects_db_part = {names, sizeof names / sizeof *names, nullptr};
