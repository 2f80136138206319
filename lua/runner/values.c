#include "values.h"

#include <lauxlib.h>
#include <math.h>

#include "base/fold.h"
#include "base/limits.h"
#include "base/require.h"
#include "budget.h"
#include "objects.h"

constexpr int STACK_SLOTS = 12; /** that one level of a value takes */

/* Values in. */

static void push_items(lua_State *state, const struct value *value)
{
    struct cursor cursor = cursor_of(value->items);
    struct value key, item;
    bool is_map = value->kind == VALUE_MAP;
    int count = value->count < VALUES_ENTRIES_MAX ? (int)value->count : (int)VALUES_ENTRIES_MAX;
    luaL_checkstack(state, STACK_SLOTS, "a value is nested too deep");
    lua_createtable(state, is_map ? 0 : count, is_map ? count : 0);
    for (uint32_t at = 0; at < value->count; at++) {
        if (is_map && !value_next(&cursor, &key)) return;
        if (!value_next(&cursor, &item)) return;
        if (item.kind == VALUE_NIL || (is_map && key.kind != VALUE_TEXT)) continue;
        if (is_map) lua_pushlstring(state, key.text.at, key.text.len);
        values_push(state, &item);
        if (is_map) lua_rawset(state, -3);
        else lua_rawseti(state, -2, (lua_Integer)at + 1);
    }
}

void values_push(lua_State *state, const struct value *value)
{
    switch (value->kind) {
    case VALUE_NIL:
        lua_pushnil(state);
        return;
    case VALUE_BOOL:
        lua_pushboolean(state, value->boolean);
        return;
    case VALUE_INT:
        lua_pushinteger(state, value->integer);
        return;
    case VALUE_FLOAT:
        lua_pushnumber(state, value->number);
        return;
    case VALUE_TEXT:
    case VALUE_BYTES:
        budget_charge_bytes(state, value->text.len);
        lua_pushlstring(state, value->text.at, value->text.len);
        return;
    case VALUE_LIST:
    case VALUE_MAP:
        budget_charge(state, 1 + value->count);
        push_items(state, value);
        return;
    }
}

/* Values out. */

struct packing {
    struct buf *out;
    str what;
    enum values_extra extra;
};

[[noreturn]] static void refuse(lua_State *state, const struct packing *packing, const char *why)
{
    lua_pushlstring(state, packing->what.at, packing->what.len);
    (void)luaL_error(state, "`%s` %s", lua_tostring(state, -1), why);
    require(false);
}

static void pack_string(lua_State *state, const struct packing *packing, int at)
{
    str text = {};
    text.at = lua_tolstring(state, at, &text.len);
    budget_charge_bytes(state, text.len);
    if (text.len > TEXT_BYTES_MAX) refuse(state, packing, "has a text of more than 64 KiB");
    if (!utf8_is_valid(text)) refuse(state, packing, "has a text that is not UTF-8");
    pack_text(packing->out, text);
}

static void pack_userdatum(lua_State *state, const struct packing *packing, int at)
{
    str id = {};
    const struct values_secret *secret = luaL_testudata(state, at, VALUES_SECRET);
    if (values_is_null(state, at)) {
        pack_nil(packing->out);
    } else if (secret != nullptr && packing->extra == VALUES_WITH_SECRETS) {
        pack_map(packing->out, 1);
        pack_text(packing->out, S("$secret"));
        pack_text(packing->out, (str){secret->name, secret->len});
    } else if (secret != nullptr) {
        refuse(state, packing, "cannot hold a secret: those are for what is queued");
    } else if (objects_record_id(state, at, &id)) {
        pack_text(packing->out, id);
    } else {
        refuse(state, packing, "has something that is no value");
    }
}

static void sift(str *keys, size_t at, size_t count)
{
    str moving = keys[at];
    for (size_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && str_compare(keys[child], keys[child + 1]) < 0) child++;
        if (str_compare(keys[child], moving) <= 0) break;
        keys[at] = keys[child];
        at = child;
    }
    keys[at] = moving;
}

/** Heapsort: the same time whatever a script has chosen for its keys. */
static void sort_keys(str *keys, size_t count)
{
    for (size_t at = count / 2; at-- > 0;) sift(keys, at, count);
    for (size_t left = count; left-- > 1;) {
        str last = keys[left];
        keys[left] = keys[0];
        keys[0] = last;
        sift(keys, 0, left);
    }
}

/** How many keys the table at a place has; all texts, or none: then a list without gaps. */
static uint32_t count_keys(lua_State *state, const struct packing *packing, int table,
                           bool *is_map_out)
{
    uint32_t count = 0, texts = 0;
    lua_Unsigned places = lua_rawlen(state, table);
    lua_pushnil(state);
    while (lua_next(state, table) != 0) {
        lua_pop(state, 1);
        budget_charge(state, 1);
        if (++count > VALUES_ENTRIES_MAX) refuse(state, packing, "has more than 20,000 entries");
        bool is_place = lua_isinteger(state, -1) && lua_tointeger(state, -1) >= 1 &&
                        (lua_Unsigned)lua_tointeger(state, -1) <= places;
        if (lua_type(state, -1) == LUA_TSTRING) texts++;
        else if (!is_place) refuse(state, packing, "has a key that is neither text nor place");
    }
    if (texts != 0 && texts != count)
        refuse(state, packing, "is neither a list nor a map: it has places and words");
    if (texts == 0 && count != places) refuse(state, packing, "is a list with gaps");
    *is_map_out = texts > 0;
    return count;
}

static void pack_one(lua_State *state, const struct packing *packing, int at, int depth);

static void pack_members(lua_State *state, const struct packing *packing, int table, uint32_t count,
                         int depth)
{
    /* Lua's own memory, so that it is counted, and goes as garbage after an error. */
    str *keys = lua_newuserdatauv(state, count * sizeof *keys, 0);
    uint32_t got = 0;
    lua_pushnil(state);
    while (lua_next(state, table) != 0) {
        lua_pop(state, 1);
        keys[got].at = lua_tolstring(state, -1, &keys[got].len);
        got++;
    }
    require(got == count);
    sort_keys(keys, count);
    pack_map(packing->out, count);
    for (uint32_t of = 0; of < count; of++) {
        /* Values of a record must not come to stand for a secret. */
        if (packing->extra == VALUES_WITH_SECRETS && str_eq(keys[of], S("$secret")))
            refuse(state, packing, "has a member `$secret`: write secret \"name\"");
        lua_pushlstring(state, keys[of].at, keys[of].len);
        pack_string(state, packing, -1);
        lua_rawget(state, table);
        pack_one(state, packing, lua_gettop(state), depth);
        lua_pop(state, 1);
    }
    lua_pop(state, 1);
}

static void pack_table(lua_State *state, const struct packing *packing, int table, int depth)
{
    bool is_map = false;
    if (depth == VALUES_DEPTH_MAX) refuse(state, packing, "has tables nested too deep");
    luaL_checkstack(state, STACK_SLOTS, "nested too deep");
    uint32_t count = count_keys(state, packing, table, &is_map);
    if (is_map) {
        pack_members(state, packing, table, count, depth + 1);
        return;
    }
    pack_list(packing->out, count);
    for (uint32_t of = 1; of <= count; of++) {
        lua_rawgeti(state, table, (lua_Integer)of);
        pack_one(state, packing, lua_gettop(state), depth + 1);
        lua_pop(state, 1);
    }
}

static void pack_one(lua_State *state, const struct packing *packing, int at, int depth)
{
    if (buf_is_over(packing->out)) refuse(state, packing, "is too long");
    switch (lua_type(state, at)) {
    case LUA_TNIL:
        pack_nil(packing->out);
        return;
    case LUA_TBOOLEAN:
        pack_bool(packing->out, lua_toboolean(state, at) != 0);
        return;
    case LUA_TNUMBER:
        if (lua_isinteger(state, at)) pack_int(packing->out, lua_tointeger(state, at));
        else if (isfinite(lua_tonumber(state, at)))
            pack_float(packing->out, lua_tonumber(state, at));
        else refuse(state, packing, "has a number that is not finite");
        return;
    case LUA_TSTRING:
        pack_string(state, packing, at);
        return;
    case LUA_TTABLE:
        pack_table(state, packing, at, depth);
        return;
    case LUA_TUSERDATA:
        pack_userdatum(state, packing, at);
        return;
    default:
        refuse(state, packing, "has a function where a value should be");
    }
}

void values_pack(lua_State *state, int at, struct buf *out, str what, enum values_extra extra)
{
    struct packing packing = {.out = out, .what = what, .extra = extra};
    luaL_checkstack(state, STACK_SLOTS, "nested too deep");
    pack_one(state, &packing, lua_absindex(state, at), 0);
    if (buf_is_over(out)) refuse(state, &packing, "is too long");
}

/* Userdata. */

void values_new_metatable(lua_State *state, const char *name)
{
    (void)luaL_newmetatable(state, name);
    lua_pushboolean(state, 0);
    lua_setfield(state, -2, "__metatable");
}

void values_open(lua_State *state)
{
    values_new_metatable(state, VALUES_SECRET);
    lua_pop(state, 1);
    (void)lua_newuserdatauv(state, 1, 0);
    values_new_metatable(state, VALUES_NULL);
    lua_setmetatable(state, -2);
}

bool values_is_null(lua_State *state, int at)
{
    return luaL_testudata(state, at, VALUES_NULL) != nullptr;
}

/* Text for people. */

/** The bytes of the character at the head of a text; 0: there is none. */
static size_t character_len(str text)
{
    uint8_t first = (uint8_t)text.at[0];
    size_t len = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    return len <= text.len && utf8_is_valid(str_first(text, len)) ? len : 0;
}

void values_put_plain(struct buf *out, str text, size_t bytes_max)
{
    for (size_t left = bytes_max; text.len > 0;) {
        size_t len = character_len(text);
        bool is_control = len == 1 && str_has_control(str_first(text, 1));
        /* NUL is a control byte too, though no character. */
        str shown = len == 0     ? (text.at[0] == 0 ? S(" ") : S("?"))
                    : is_control ? S(" ")
                                 : str_first(text, len);
        if (shown.len > left) return;
        buf_put(out, shown);
        left -= shown.len;
        text = str_from(text, len == 0 ? 1 : len);
    }
}
