#include "view.h"

#include "base/require.h"
#include "objects.h"
#include "value/json.h"

const struct view_part *const view_parts[] = {
    &objects_record_part, &objects_db_part, &objects_queue_part, &objects_run_part, nullptr,
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

/** The member's table from the environment at `env`, made when it is not there. */
static void push_table(lua_State *state, int env, const char *name)
{
    if (lua_getfield(state, env, name) == LUA_TTABLE) return;
    lua_pop(state, 1);
    lua_createtable(state, 0, 16);
    lua_pushvalue(state, -1);
    lua_setfield(state, env, name);
}

static void fill_part(lua_State *state, int env, const struct view_part *part)
{
    for (uint32_t at = 0; at < part->count; at++) {
        const struct view_name *row = &part->names[at];
        if (row->function == nullptr) continue;
        if (row->table == nullptr) lua_pushvalue(state, env);
        else push_table(state, env, row->table);
        lua_pushcfunction(state, row->function);
        lua_setfield(state, -2, row->name);
        lua_pop(state, 1);
    }
    if (part->fill != nullptr) part->fill(state);
    require(lua_gettop(state) == env);
}

void view_push(lua_State *state)
{
    lua_createtable(state, 0, 48);
    int env = lua_gettop(state);
    for (uint32_t of = 0; of < view_part_count; of++) fill_part(state, env, view_parts[of]);
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
