#include "library.h"

#include "base/require.h"

constexpr size_t SCRATCH_BYTES_MAX = 16 * MIB;

const struct view_part *const library_parts[LIBRARY_PART_COUNT] = {
    &library_base, &library_string, &library_text,  &library_table,
    &library_math, &library_date,   &library_money,
};

str text_of(lua_State *state, int at)
{
    size_t len;
    const char *text = luaL_checklstring(state, at, &len);
    budget_charge_bytes(state, len);
    return (str){text, len};
}

str text_or(lua_State *state, int at, str fallback)
{
    return lua_isnoneornil(state, at) ? fallback : text_of(state, at);
}

int push_text(lua_State *state, str text)
{
    lua_pushlstring(state, text.at, text.len);
    return 1;
}

int push_nil(lua_State *state)
{
    lua_pushnil(state);
    return 1;
}

int push_boolean(lua_State *state, bool is_true)
{
    lua_pushboolean(state, is_true);
    return 1;
}

int push_whole(lua_State *state, double number)
{
    bool fits = number >= -0x1p63 && number < 0x1p63;
    if (fits) lua_pushinteger(state, (lua_Integer)number);
    else lua_pushnumber(state, number);
    return 1;
}

/** The name that the metatable of a userdatum or sealed table gives, or of its type. */
static void push_kind(lua_State *state, int at)
{
    int kind = luaL_getmetafield(state, at, "__name");
    if (kind == LUA_TSTRING) return;
    if (kind != LUA_TNIL) lua_pop(state, 1);
    lua_pushstring(state, luaL_typename(state, at));
}

str push_shown(lua_State *state, int at)
{
    size_t len;
    switch (lua_type(state, at)) {
    case LUA_TNIL:
        lua_pushliteral(state, "nil");
        break;
    case LUA_TBOOLEAN:
        lua_pushstring(state, lua_toboolean(state, at) != 0 ? "true" : "false");
        break;
    case LUA_TNUMBER:
        /* C shows the sign of what is no number, which is chance. */
        if (lua_tonumber(state, at) != lua_tonumber(state, at)) lua_pushliteral(state, "nan");
        else lua_pushvalue(state, at);
        break;
    case LUA_TSTRING:
        lua_pushvalue(state, at);
        break;
    default:
        push_kind(state, at);
    }
    const char *text = lua_tolstring(state, -1, &len);
    budget_charge_bytes(state, len);
    return (str){text, len};
}

lua_Integer list_of(lua_State *state, int at)
{
    budget_charge(state, 1);
    luaL_checktype(state, at, LUA_TTABLE);
    return (lua_Integer)lua_rawlen(state, at);
}

void *room_of(lua_State *state, size_t bytes)
{
    return lua_newuserdatauv(state, bytes + 1, 0);
}

struct arena *scratch_arena(void)
{
    static struct arena scratch;
    if (scratch.soft_cap_bytes == 0) arena_init(&scratch, SCRATCH_BYTES_MAX);
    arena_clear(&scratch);
    return &scratch;
}

void making_begin(struct making *making, lua_State *state)
{
    making->state = state;
    making->at = making->fast;
    making->len = 0;
    making->capacity = MAKING_FAST_BYTES;
    luaL_checkstack(state, 8, "too deep");
    lua_pushnil(state);
    making->slot = lua_gettop(state);
}

char *making_room(struct making *making, size_t bytes)
{
    lua_State *state = making->state;
    require(making->len <= making->capacity);
    if (bytes > making->capacity - making->len) {
        if (bytes > MADE_BYTES_MAX - making->len)
            luaL_error(state, "makes a text of more than %d KiB", (int)(MADE_BYTES_MAX / KIB));
        size_t capacity = making->capacity;
        while (capacity - making->len < bytes) capacity *= 2;
        char *room = room_of(state, capacity);
        memcpy(room, making->at, making->len);
        lua_replace(state, making->slot);
        making->at = room;
        making->capacity = capacity;
    }
    char *room = making->at + making->len;
    making->len += bytes;
    return room;
}

void making_put(struct making *making, str text)
{
    if (text.len == 0) return;
    budget_charge_bytes(making->state, text.len);
    memcpy(making_room(making, text.len), text.at, text.len);
}

void making_put_byte(struct making *making, char byte)
{
    *making_room(making, 1) = byte;
}

int making_push(struct making *making)
{
    return push_text(making->state, (str){making->at, making->len});
}
