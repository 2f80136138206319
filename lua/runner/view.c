#include "view.h"

#include <lauxlib.h>

#include "base/require.h"
#include "library.h"
#include "objects.h"
#include "value/json.h"

const struct view_part *const view_parts[] = {
    &objects_record_part, &objects_db_part, &objects_queue_part, &objects_run_part,
    &library_base,        &library_string,  &library_text,       &library_table,
    &library_math,        &library_date,    &library_money,      nullptr,
};
const uint32_t view_part_count = sizeof view_parts / sizeof *view_parts - 1;

const struct view_name *view_find(str table, str name)
{
    for (uint32_t of = 0; of < view_part_count; of++) {
        const struct view_part *part = view_parts[of];
        for (uint32_t at = 0; at < part->count; at++) {
            const struct view_name *row = &part->names[at];
            if (str_eq(str_of(row->table), table) && str_eq(str_of(row->name), name)) return row;
        }
    }
    return nullptr;
}

bool view_has_table(str name)
{
    for (uint32_t of = 0; of < view_part_count; of++)
        for (uint32_t at = 0; at < view_parts[of]->count; at++)
            if (name.len > 0 && str_eq(str_of(view_parts[of]->names[at].table), name)) return true;
    return false;
}

/* A state is filled in two steps: plain tables first, then each is put behind one that only shows
 * it. What has members and a function of its own name, as `money`, can be called. */

/** Below the environment lies a table of the functions that are called by a table's name. */
constexpr int CALLS_BELOW = 1;

/** Pushes the table of that name, made when it is not there. */
static void push_table(lua_State *state, int env, const char *name)
{
    int kind = lua_getfield(state, env, name);
    if (kind == LUA_TTABLE) return;
    if (kind == LUA_TFUNCTION) lua_setfield(state, env - CALLS_BELOW, name);
    else lua_pop(state, 1);
    lua_createtable(state, 0, 20);
    lua_pushvalue(state, -1);
    lua_setfield(state, env, name);
}

static void set_global(lua_State *state, int env, const struct view_name *row)
{
    bool is_table = lua_getfield(state, env, row->name) == LUA_TTABLE;
    lua_pop(state, 1);
    lua_pushcfunction(state, row->function);
    lua_setfield(state, is_table ? env - CALLS_BELOW : env, row->name);
}

static void fill_part(lua_State *state, int env, const struct view_part *part)
{
    const char *table = ""; /* of the one on top */
    for (uint32_t at = 0; at < part->count; at++) {
        const struct view_name *row = &part->names[at];
        if (row->function == nullptr) continue;
        if (row->table == nullptr) {
            set_global(state, env, row);
            continue;
        }
        if (strcmp(row->table, table) != 0) {
            lua_settop(state, env);
            push_table(state, env, row->table);
            table = row->table;
        }
        lua_pushcfunction(state, row->function);
        lua_setfield(state, env + 1, row->name);
    }
    lua_settop(state, env);
    if (part->fill != nullptr) part->fill(state);
    require(lua_gettop(state) == env);
}

static int refuse_write(lua_State *state)
{
    return luaL_error(state, "`%s` cannot be set here: the table belongs to all scripts",
                      lua_type(state, 2) == LUA_TSTRING ? lua_tostring(state, 2) : "it");
}

/** The function of a table that is called, without the table itself. */
static int call_function(lua_State *state)
{
    lua_CFunction function = lua_tocfunction(state, lua_upvalueindex(1));
    lua_remove(state, 1);
    return function(state);
}

/** Puts one that only shows it in place of the table on top, whose name is below it. */
static void seal_table(lua_State *state, int env)
{
    lua_createtable(state, 0, 4);
    lua_insert(state, -2);
    lua_setfield(state, -2, "__index");
    lua_pushcfunction(state, refuse_write);
    lua_setfield(state, -2, "__newindex");
    lua_pushboolean(state, 0);
    lua_setfield(state, -2, "__metatable");
    lua_pushvalue(state, -2);
    if (lua_rawget(state, env - CALLS_BELOW) == LUA_TFUNCTION) {
        lua_pushcclosure(state, call_function, 1);
        lua_setfield(state, -2, "__call");
    } else {
        lua_pop(state, 1);
    }
    lua_createtable(state, 0, 0);
    lua_insert(state, -2);
    lua_setmetatable(state, -2);
    lua_pushvalue(state, -2);
    lua_insert(state, -2);
    lua_rawset(state, env);
}

void view_fill(lua_State *state, const struct view_part *const *parts, uint32_t count)
{
    luaL_checkstack(state, 12, "too deep");
    lua_createtable(state, 0, 4);
    lua_createtable(state, 0, 48);
    int env = lua_gettop(state);
    for (uint32_t of = 0; of < count; of++) fill_part(state, env, parts[of]);
    lua_pushnil(state);
    while (lua_next(state, env) != 0) {
        if (lua_istable(state, -1)) seal_table(state, env);
        else lua_pop(state, 1);
    }
    lua_remove(state, env - CALLS_BELOW);
}

void view_push(lua_State *state)
{
    view_fill(state, view_parts, view_part_count);
}

static void write_member(struct buf *json, str key, const char *text)
{
    json_write_text(json, key);
    buf_put_byte(json, ':');
    if (text == nullptr) buf_put(json, S("null"));
    else json_write_text(json, str_of(text));
}

static void write_row(struct buf *json, const struct view_name *row)
{
    buf_put_byte(json, '{');
    write_member(json, S("table"), row->table);
    buf_put_byte(json, ',');
    write_member(json, S("name"), row->name);
    buf_put_byte(json, ',');
    write_member(json, S("signature"), row->signature);
    buf_put_byte(json, ',');
    write_member(json, S("text"), row->text);
    buf_put_byte(json, ',');
    write_member(json, S("example"), row->example);
    buf_put_byte(json, '}');
}

void view_reference(struct buf *json)
{
    bool is_first = true;
    buf_put(json, S("{\"names\":["));
    for (uint32_t of = 0; of < view_part_count; of++) {
        for (uint32_t at = 0; at < view_parts[of]->count; at++) {
            if (!is_first) buf_put_byte(json, ',');
            is_first = false;
            write_row(json, &view_parts[of]->names[at]);
        }
    }
    buf_put(json, S("]}\n"));
}
