#include "rules_file.h"

#include <lauxlib.h>

#include "declared.h"
#include "value/value.h"

constexpr int RULES = 1; /** the list that files fill */

static const struct declaring_word words[] = {{"rule", RULES}};

/** That it is Lua is said here, with its file, and not to the first who needs it. */
static void check_source(lua_State *state, int body, const char *at)
{
    size_t len;
    int kind = lua_getfield(state, body, "source");
    if (kind != LUA_TNIL && kind != LUA_TSTRING) luaL_error(state, "%s: the source is no text", at);
    const char *source = lua_tolstring(state, -1, &len);
    if (source != nullptr && luaL_loadbufferx(state, source, len, "=source", "t") != LUA_OK)
        luaL_error(state, "%s: %s", at, lua_tostring(state, -1));
    lua_settop(state, body);
}

static void pack_rule(lua_State *state, struct reading *reading)
{
    int body, top = lua_gettop(state);
    pack_map(reading->out, 3);
    const char *at = declared_open(state, reading, &body);
    struct entries entries = declared_entries(state, reading, body, at);
    if (entries.place_count > 0) luaL_error(state, "%s: a rule has words only, no list", at);
    check_source(state, body, at);
    declared_pack_attributes(state, reading, body, &entries, at);
    lua_settop(state, top);
}

static void pack_rules(lua_State *state, struct reading *reading)
{
    int list = RULES + 1;
    lua_Unsigned count = lua_rawlen(state, list);
    pack_map(reading->out, 2);
    pack_text(reading->out, S("version"));
    pack_int(reading->out, 1);
    pack_text(reading->out, S("rules"));
    pack_list(reading->out, (uint32_t)count);
    for (lua_Unsigned i = 1; i <= count; i++) {
        lua_rawgeti(state, list, (lua_Integer)i);
        pack_rule(state, reading);
        lua_pop(state, 1);
    }
}

int rules_file_run(char **arguments)
{
    struct reading reading = {.words = words,
                              .word_count = sizeof words / sizeof *words,
                              .list_count = RULES,
                              .wanted = "no rule",
                              .pack = pack_rules,
                              .file = "rules"};
    return declared_run(arguments[0], &reading);
}
