#include "declared.h"

#include <lauxlib.h>
#include <math.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/fold.h"
#include "base/require.h"
#include "budget.h"
#include "rights.h"
#include "value/value.h"

constexpr size_t LUA_BYTES_MAX =
    32 * MIB; /** of the state; the declarations of the product take one */
constexpr uint64_t LUA_STEPS_MAX = 10'000'000;  /** a tenth of a second */
constexpr size_t ADDRESS_BYTES_MAX = 512 * MIB; /** libraries, arena and state, with room */
constexpr uint32_t CPU_SECONDS_MAX = 5;
constexpr int RESULTS_MAX = 64; /** declarations of one file */
constexpr int NESTING_MAX = 8;  /** tables in tables of an attribute */
constexpr size_t TABLE_ENTRIES_MAX = 2000;

/* A declaration is a userdatum, so that nothing else can pass for one. Its user values: */
enum part { PART_NAME = 1, PART_BODY = 2, PART_AT = 3 };
struct declared {
    const struct declaring_word *word;
};

/** The second call, `text "name" { … }`: its upvalues are the word and the name. */
static int declare(lua_State *state)
{
    const struct declaring_word *word = lua_touserdata(state, lua_upvalueindex(1));
    if (lua_gettop(state) != 1 || lua_type(state, 1) != LUA_TTABLE)
        return luaL_error(state, "%s \"%s\" is followed by one table { … }", word->name,
                          lua_tostring(state, lua_upvalueindex(2)));
    struct declared *declared = lua_newuserdatauv(state, sizeof *declared, 3);
    declared->word = word;
    lua_pushvalue(state, lua_upvalueindex(2));
    lua_setiuservalue(state, 2, PART_NAME);
    lua_pushvalue(state, 1);
    lua_setiuservalue(state, 2, PART_BODY);
    luaL_where(state, 1);
    size_t len;
    const char *where = lua_tolstring(state, -1, &len);
    lua_pushlstring(state, where, len > 2 ? len - 2 : 0);
    lua_setiuservalue(state, 2, PART_AT);
    lua_settop(state, 2);
    return 1;
}

/** The first call, `text "name"`. */
static int name_it(lua_State *state)
{
    const struct declaring_word *word = lua_touserdata(state, lua_upvalueindex(1));
    if (lua_gettop(state) != 1 || lua_type(state, 1) != LUA_TSTRING)
        return luaL_error(state, "%s is followed by one name in quotes", word->name);
    size_t len;
    const char *name = lua_tolstring(state, 1, &len);
    if (len == 0 || len > 100 || !utf8_is_valid((str){name, len}))
        return luaL_error(state, "%s has a name of 1 to 100 bytes of UTF-8", word->name);
    lua_pushvalue(state, lua_upvalueindex(1));
    lua_pushvalue(state, 1);
    lua_pushcclosure(state, declare, 2);
    return 1;
}

static void push_words(lua_State *state, const struct reading *reading)
{
    lua_createtable(state, 0, (int)reading->word_count);
    for (uint32_t i = 0; i < reading->word_count; i++) {
        lua_pushlightuserdata(state, (void *)&reading->words[i]);
        lua_pushcclosure(state, name_it, 1);
        lua_setfield(state, -2, reading->words[i].name);
    }
}

str declared_text(lua_State *state, int at)
{
    require(lua_type(state, at) == LUA_TSTRING);
    size_t len;
    const char *text = lua_tolstring(state, at, &len);
    return (str){text, len};
}

static void sort_words(str *list, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        str moving = list[i];
        size_t to = i;
        for (; to > 0 && str_compare(list[to - 1], moving) > 0; to--) list[to] = list[to - 1];
        list[to] = moving;
    }
}

struct entries declared_entries(lua_State *state, struct reading *reading, int table,
                                const char *at)
{
    struct entries entries = {.place_count = (size_t)lua_rawlen(state, table)};
    size_t places = 0;
    size_t capacity = 0;
    lua_pushnil(state);
    while (lua_next(state, table) != 0) {
        lua_pop(state, 1);
        if (places + entries.word_count == TABLE_ENTRIES_MAX)
            luaL_error(state, "%s: a table has too many entries", at);
        if (lua_type(state, -1) == LUA_TSTRING) {
            if (!utf8_is_valid(declared_text(state, -1)))
                luaL_error(state, "%s: a word is not UTF-8", at);
            if (entries.word_count == capacity) {
                str *grown = arena_new(reading->arena, str, capacity * 2 + 8);
                if (capacity > 0) memcpy(grown, entries.words, capacity * sizeof *grown);
                entries.words = grown;
                capacity = capacity * 2 + 8;
            }
            entries.words[entries.word_count++] = declared_text(state, -1);
        } else if (lua_isinteger(state, -1) && lua_tointeger(state, -1) >= 1 &&
                   (lua_Unsigned)lua_tointeger(state, -1) <= entries.place_count) {
            places++;
        } else {
            luaL_error(state, "%s: a key is neither a word nor a place in a list without gaps", at);
        }
    }
    if (places != entries.place_count) luaL_error(state, "%s: a list has gaps (nil in it)", at);
    sort_words(entries.words, entries.word_count);
    return entries;
}

void declared_pack_words(lua_State *state, struct reading *reading, int table,
                         const struct entries *entries, int depth, const char *at)
{
    for (size_t i = 0; i < entries->word_count; i++) {
        pack_text(reading->out, entries->words[i]);
        lua_pushlstring(state, entries->words[i].at, entries->words[i].len);
        lua_rawget(state, table);
        declared_pack(state, reading, depth, at);
        lua_pop(state, 1);
    }
}

static void pack_table(lua_State *state, struct reading *reading, int depth, const char *at)
{
    if (depth == NESTING_MAX) luaL_error(state, "%s: tables are nested too deep", at);
    int table = lua_gettop(state);
    struct entries entries = declared_entries(state, reading, table, at);
    bool is_map = entries.word_count > 0;
    if (is_map) pack_map(reading->out, (uint32_t)(entries.place_count + entries.word_count));
    else pack_list(reading->out, (uint32_t)entries.place_count);
    for (size_t i = 1; i <= entries.place_count; i++) {
        if (is_map) pack_int(reading->out, (int64_t)i);
        lua_rawgeti(state, table, (lua_Integer)i);
        declared_pack(state, reading, depth + 1, at);
        lua_pop(state, 1);
    }
    declared_pack_words(state, reading, table, &entries, depth + 1, at);
}

void declared_pack(lua_State *state, struct reading *reading, int depth, const char *at)
{
    luaL_checkstack(state, 8, "nested too deep");
    if (buf_is_over(reading->out)) luaL_error(state, "%s: the declarations are too long", at);
    switch (lua_type(state, -1)) {
    case LUA_TBOOLEAN:
        pack_bool(reading->out, lua_toboolean(state, -1) != 0);
        return;
    case LUA_TNUMBER:
        if (lua_isinteger(state, -1)) {
            pack_int(reading->out, lua_tointeger(state, -1));
            return;
        }
        if (!isfinite(lua_tonumber(state, -1))) luaL_error(state, "%s: a number is not finite", at);
        pack_float(reading->out, lua_tonumber(state, -1));
        return;
    case LUA_TSTRING:
        if (!utf8_is_valid(declared_text(state, -1)))
            luaL_error(state, "%s: a text is not UTF-8 or holds a NUL", at);
        pack_text(reading->out, declared_text(state, -1));
        return;
    case LUA_TTABLE:
        pack_table(state, reading, depth, at);
        return;
    case LUA_TFUNCTION:
        luaL_error(state, "%s: a function stands where a value should; a declaration is data", at);
        return;
    case LUA_TUSERDATA:
        luaL_error(state, "%s: a declaration stands where a value should", at);
        return;
    default:
        luaL_error(state, "%s: a %s is no value of a declaration", at, luaL_typename(state, -1));
    }
}

const struct declaring_word *declared_word(lua_State *state)
{
    const struct declared *declared =
        lua_type(state, -1) == LUA_TUSERDATA ? lua_touserdata(state, -1) : nullptr;
    return declared == nullptr ? nullptr : declared->word;
}

void declared_pack_attributes(lua_State *state, struct reading *reading, int table,
                              const struct entries *entries, const char *at)
{
    pack_text(reading->out, S("attributes"));
    pack_map(reading->out, (uint32_t)entries->word_count);
    declared_pack_words(state, reading, table, entries, 0, at);
}

const char *declared_open(lua_State *state, struct reading *reading, int *body_out)
{
    int declared = lua_gettop(state);
    luaL_checkstack(state, 16, "nested too deep");
    lua_getiuservalue(state, declared, PART_AT);
    lua_getiuservalue(state, declared, PART_NAME);
    lua_getiuservalue(state, declared, PART_BODY);
    *body_out = lua_gettop(state);
    pack_text(reading->out, S("at"));
    pack_text(reading->out, declared_text(state, declared + 1));
    pack_text(reading->out, S("name"));
    pack_text(reading->out, declared_text(state, declared + 2));
    return lua_tostring(state, declared + 1);
}

/** Runs one file and appends what it returns to the lists, which stand from place 2 on. */
static void run_file(lua_State *state, struct reading *reading, const struct source *source)
{
    int top = lua_gettop(state);
    reading->file = source->chunk_name + 1;
    if (luaL_loadbufferx(state, source->text.at, source->text.len, source->chunk_name, "t") !=
        LUA_OK)
        luaL_error(state, "%s", lua_tostring(state, -1));
    push_words(state, reading);
    const char *upvalue = lua_setupvalue(state, -2, 1);
    require(upvalue != nullptr);
    lua_call(state, 0, LUA_MULTRET);
    int count = lua_gettop(state) - top;
    if (count == 0 || count > RESULTS_MAX)
        luaL_error(state, "%s: returns no declaration, or more than %d", source->chunk_name + 1,
                   RESULTS_MAX);
    for (int i = 1; i <= count; i++) {
        lua_pushvalue(state, top + i);
        const struct declaring_word *word = declared_word(state);
        if (word == nullptr || word->list == 0)
            luaL_error(state, "%s: returns something that is %s", source->chunk_name + 1,
                       reading->wanted);
        int list = word->list + 1;
        lua_rawseti(state, list, (lua_Integer)lua_rawlen(state, list) + 1);
    }
    lua_settop(state, top);
}

/** All that touches Lua, inside one protected call. */
static int read_all(lua_State *state)
{
    struct reading *reading = lua_touserdata(state, 1);
    for (uint32_t i = 0; i < reading->list_count; i++) lua_createtable(state, 0, 0);
    for (uint32_t i = 0; i < reading->sources->count; i++)
        run_file(state, reading, &reading->sources->items[i]);
    reading->pack(state, reading);
    if (buf_is_over(reading->out)) return luaL_error(state, "the declarations are too long");
    return 0;
}

static bool write_all(int file, str bytes)
{
    while (bytes.len > 0) {
        ssize_t written = write(file, bytes.at, bytes.len);
        if (written <= 0) return false;
        bytes = str_from(bytes, (size_t)written);
    }
    return true;
}

static int refuse(struct arena *arena, str reason)
{
    str line = arena_print(arena, "%.*s\n", FMT(reason));
    (void)write_all(STDERR_FILENO, line);
    return 1;
}

int declared_run(const char *folder, struct reading *reading)
{
    struct arena arena;
    arena_init(&arena, ADDRESS_BYTES_MAX / ARENA_HARD_FACTOR);
    struct sources sources;
    str reason;
    if (!sources_read(&arena, str_of(folder), &sources, &reason)) return refuse(&arena, reason);
    struct rights rights = {.address_bytes_max = ADDRESS_BYTES_MAX,
                            .cpu_seconds_max = CPU_SECONDS_MAX};
    if (rights_drop(&rights) != ERR_NONE)
        return refuse(&arena, S("the system does not let rights be dropped"));

    struct buf out = buf_make(&arena, SCHEMA_BYTES_MAX);
    reading->arena = &arena;
    reading->sources = &sources;
    reading->out = &out;
    struct budget budget = {.bytes_max = LUA_BYTES_MAX, .fuel_max = LUA_STEPS_MAX};
    lua_State *state = budget_open_state(&budget);
    if (state == nullptr) return refuse(&arena, S("no memory for Lua"));
    lua_pushcfunction(state, read_all);
    lua_pushlightuserdata(state, reading);
    int outcome = lua_pcall(state, 1, 0, 0);
    if (outcome == LUA_ERRMEM)
        return refuse(&arena, arena_print(&arena, "%s: needs too much memory", reading->file));
    if (outcome != LUA_OK) {
        str said = lua_type(state, -1) == LUA_TSTRING ? declared_text(state, -1) : S("fails");
        bool is_placed = str_find_byte(said, ':') != SIZE_MAX;
        return refuse(&arena,
                      is_placed ? said : arena_print(&arena, "%s: %.*s", reading->file, FMT(said)));
    }
    lua_close(state);
    return write_all(STDOUT_FILENO, buf_str(&out)) ? 0 : 1;
}
