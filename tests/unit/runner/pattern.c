/* Patterns against Lua's own string library, which lies in the same liblua: random texts and
 * patterns give the same, or fail with the same words. */
#include <lualib.h>

#include "base/random.h"
#include "script.h"

constexpr int ROUNDS = 30'000;

static uint64_t seed;

static uint32_t chance(uint32_t below)
{
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(seed >> 33) % below;
}

/** A text of a small alphabet, so that patterns match often. */
static size_t random_text(char *text, size_t most)
{
    static const char letters[] = "aaabbc1 2A().-%]\0x";
    size_t len = chance((uint32_t)most + 1);
    for (size_t at = 0; at < len; at++) text[at] = letters[chance(sizeof letters - 1)];
    return len;
}

static size_t random_pattern(char *pattern, size_t most)
{
    static const char *const parts[] = {
        "a",  "b",  ".",    "%a",    "%d",   "%s",      "%w",   "%p",  "%A",   "%l",   "%u", "%x",
        "*",  "+",  "-",    "?",     "(",    ")",       "()",   "(a)", "[ab]", "[^a]", "^",  "$",
        "%1", "%2", "%b()", "%f[a]", "%f%w", "[a-c]",   "[%a]", "%%",  "%(",   "%c",   "%g", "[]a]",
        "[",  "%",  "(.-)", "(%w*)", "[^]",  "[%]a-b]", "%z",   "c",   "1",    "%0",   "]",  "[a-]",
    };
    size_t len = 0;
    for (uint32_t count = chance(7); count > 0; count--) {
        const char *part = parts[chance(sizeof parts / sizeof *parts)];
        if (len + strlen(part) > most) break;
        memcpy(pattern + len, part, strlen(part));
        len += strlen(part);
    }
    return len;
}

static const char *const calls[] = {
    "return find(s, p)",
    "return find(s, p, -3)",
    "return find(s, p, 2, true)",
    "return match(s, p)",
    "return match(s, p, 3)",
    "return gsub(s, p, '<%0>')",
    "return gsub(s, p, '%1', 2)",
    "return gsub(s, p, {a = 'x', b = false, ab = 1})",
    "return gsub(s, p, function(...) return select('#', ...) end)",
    "local t = '' for a, b in gmatch(s, p) do t = t .. tostring(a) .. tostring(b) end return t",
};

/** All results of a call as one text, or the error without its place. */
static void run_call(lua_State *state, const char *call, char said[2048])
{
    size_t len = 0;
    lua_settop(state, 0);
    check_int(luaL_loadstring(state, call), LUA_OK);
    if (lua_pcall(state, 0, LUA_MULTRET, 0) != LUA_OK) {
        const char *why = lua_tostring(state, -1), *place = strstr(why, ": ");
        (void)snprintf(said, 2048, "!%s", place == nullptr ? why : place + 2);
        return;
    }
    for (int at = 1; at <= lua_gettop(state); at++) {
        size_t part;
        const char *text = luaL_tolstring(state, at, &part);
        for (size_t byte = 0; byte < part && len < 2000; byte++)
            said[len++] = text[byte] == 0 ? '@' : text[byte];
        said[len++] = ',';
        lua_pop(state, 1);
    }
    said[len] = 0;
}

static void set_text(lua_State *state, const char *name, const char *text, size_t len)
{
    lua_pushlstring(state, text, len);
    lua_setglobal(state, name);
}

/** The functions under test, as globals of a state. */
static void set_functions(lua_State *state, const char *table)
{
    static const char *const names[] = {"find", "match", "gsub", "gmatch"};
    for (size_t at = 0; at < sizeof names / sizeof *names; at++) {
        lua_getglobal(state, table);
        lua_getfield(state, -1, names[at]);
        lua_setglobal(state, names[at]);
        lua_pop(state, 1);
    }
    lua_getglobal(state, "table");
    lua_getfield(state, -1, "concat");
    lua_setglobal(state, "concat");
    lua_pop(state, 1);
}

static int fill(lua_State *state)
{
    view_fill(state, library_parts, LIBRARY_PART_COUNT);
    lua_rawseti(state, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    set_functions(state, "string");
    return 0;
}

/** Words that differ on purpose: the library names no class of pattern item as Lua does. */
static bool is_same(const char *one, const char *other)
{
    bool both_fail = one[0] == '!' && other[0] == '!';
    if (both_fail && strstr(one, "capture") != nullptr && strstr(other, "capture") != nullptr)
        return true;
    return strcmp(one, other) == 0;
}

TEST(test_pattern__matches_as_lua_does)
{
    struct budget budget = {.fuel_max = UINT64_MAX / 2, .bytes_max = 64 * MIB};
    lua_State *state = budget_open_state(&budget), *reference = luaL_newstate();
    char text[64], pattern[64], is[2048], should[2048];
    uint64_t matched = 0;
    seed = random_uint64();
    if (getenv("SEED") != nullptr) seed = strtoull(getenv("SEED"), nullptr, 10);
    fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
    luaL_openlibs(reference);
    set_functions(reference, "string");
    lua_pushcfunction(state, fill);
    check_int(lua_pcall(state, 0, 0, 0), LUA_OK);
    for (int round = 0; round < ROUNDS; round++) {
        size_t text_len = random_text(text, 12), pattern_len = random_pattern(pattern, 40);
        const char *call = calls[chance(sizeof calls / sizeof *calls)];
        for (int of = 0; of < 2; of++) {
            set_text(of == 0 ? state : reference, "s", text, text_len);
            set_text(of == 0 ? state : reference, "p", pattern, pattern_len);
        }
        run_call(state, call, is);
        run_call(reference, call, should);
        matched += is[0] != '!' && strcmp(is, "nil,") != 0;
        if (is_same(is, should)) continue;
        fprintf(stderr, "%s\n s = %.*s\n p = %.*s\n gives %s\n Lua   %s\n", call, (int)text_len,
                text, (int)pattern_len, pattern, is, should);
        check(false);
    }
    check(matched > ROUNDS / 10);
    lua_close(state);
    lua_close(reference);
}

/** Work that a pattern does is paid for: no more than so many steps for each unit of fuel. */
TEST(test_pattern__pays_for_its_steps)
{
    struct script script = script_of("return ('a'):rep(2000):find('.-.-.-b')");
    check(strstr(script.said, "too many steps") != nullptr);
    check_int(script.budget.end, BUDGET_FUEL);
    script = script_of("return ('a'):rep(1000):find('.-b')");
    check(strcmp(script.said, "nil") == 0);
    check(script.budget.fuel_spent > 1000 * 1000 / 2);
    script = script_of("return ('x'):rep(100):find('[' .. ('a'):rep(10000) .. ']')");
    check(script.budget.fuel_spent > 100 * 10000);
}
