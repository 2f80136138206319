/* Any text as the source of a rule: read without being run, and, when Lua takes it, run with the
 * library and little to spend. */
#include <lauxlib.h>
#include <stdint.h>

#include "base/require.h"
#include "runner/budget.h"
#include "runner/lexer.h"
#include "runner/library.h"
#include "runner/script.h"
#include "runner/view.h"

constexpr size_t ARENA_BYTES_MAX = 16 * MIB;
constexpr uint64_t FUEL_MAX = 20'000;
constexpr size_t BYTES_MAX = 512 * KIB;

/** Tokens stand in the source, one behind the other, and end. */
static void read_words(str source)
{
    struct lexer lexer = lexer_of(source);
    const char *last = source.at;
    for (struct token token = lexer_next(&lexer); token.kind != TOKEN_END;
         token = lexer_next(&lexer)) {
        require(token.text.at >= last && token.text.at + token.text.len <= source.at + source.len);
        require(token.line > 0 && token.column > 0 && lexer.at.at > last);
        last = token.text.at;
    }
}

static int compile(lua_State *state)
{
    const str *source = lua_touserdata(state, 1);
    view_fill(state, library_parts, LIBRARY_PART_COUNT);
    if (luaL_loadbufferx(state, source->at, source->len, "=rule", "t") != LUA_OK)
        return lua_error(state);
    lua_pushvalue(state, -2);
    require(lua_setupvalue(state, -2, 1) != nullptr);
    return 1;
}

static void read_uses(str source)
{
    struct arena arena;
    struct script script;
    arena_init(&arena, ARENA_BYTES_MAX);
    script_read(&arena, source, &script);
    for (uint32_t at = 0; at < script.use_count; at++)
        require(script.uses[at].line > 0 && script.uses[at].column > 0);
    arena_drop(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
    str source = {(const char *)input, len};
    struct budget budget = {
        .fuel_max = FUEL_MAX, .bytes_max = BYTES_MAX, .taken_bytes_max = 8 * BYTES_MAX};
    read_words(source);
    lua_State *state = budget_open_state(&budget);
    require(state != nullptr);
    lua_pushcfunction(state, compile);
    lua_pushlightuserdata(state, &source);
    if (lua_pcall(state, 1, 1, 0) == LUA_OK) {
        read_uses(source);
        (void)lua_pcall(state, 0, 0, 0);
    }
    lua_close(state);
    require(budget.bytes_used == 0);
    return 0;
}
