/* What a script says without being run: whether Lua takes it, and what it names. */
#include <lauxlib.h>
#include <unistd.h>

#include "lexer.h"
#include "run.h"
#include "script.h"
#include "value/frame.h"
#include "values.h"

constexpr uint64_t COMPILE_FUEL = 1000; /** compiling runs no instruction */
constexpr size_t FAILURE_BYTES_MAX = 280;

struct checking {
    struct rule_run *run;
    str source;
    str failure; /** empty: none */
    uint32_t line, column;
    struct script script;
};

static int compile(lua_State *state)
{
    const struct checking *checking = lua_touserdata(state, 1);
    str source = checking->source;
    if (luaL_loadbufferx(state, source.at, source.len, "=s", "t") != LUA_OK)
        return lua_error(state);
    return 0;
}

/** Where the last such text stands in a line of the source. */
static uint32_t column_of(str source, uint32_t line, str wanted)
{
    str one = {}, rest = source;
    for (uint32_t at = 0; at < line && rest.len + one.len > 0; at++)
        (void)str_cut(rest, '\n', &one, &rest);
    for (size_t at = one.len; wanted.len > 0 && at-- > 0;)
        if (str_starts(str_from(one, at), wanted)) return lexer_column(one.at, one.at + at);
    /* `<eof>` and the like: behind all of it. */
    return lexer_column(one.at, one.at + str_trim(one).len);
}

/** `s:3: unexpected symbol near 'x'`, as Lua says it: the line, the word, and the rest. */
static void read_complaint(struct checking *checking, str said)
{
    int64_t line = 0;
    str prefix, number, words, before, token = {};
    bool has_place = str_cut(said, ':', &prefix, &words) && str_cut(words, ':', &number, &words) &&
                     str_to_int64(number, &line) && line > 0 && line <= UINT32_MAX;
    if (!has_place) words = said;
    checking->line = has_place ? (uint32_t)line : 1;
    for (str rest = words; str_cut(rest, ' ', &before, &rest);)
        if (str_eq(before, S("near"))) token = rest;
    if (token.len > 2 && token.at[0] == '\'') token = str_first(str_from(token, 1), token.len - 2);
    checking->column = column_of(checking->source, checking->line, token);
    checking->failure = str_trim(words);
}

/** Whether Lua takes it. */
static bool is_taken(struct checking *checking)
{
    struct budget budget = {.fuel_max = COMPILE_FUEL,
                            .bytes_max = RULE_BYTES_MAX,
                            .taken_bytes_max = RULE_TAKEN_BYTES_MAX};
    lua_State *state = budget_open_state(&budget);
    int outcome = LUA_ERRMEM;
    checking->failure = S("needs too much memory to be compiled");
    checking->line = checking->column = 1;
    if (state == nullptr) return false;
    lua_pushcfunction(state, compile);
    lua_pushlightuserdata(state, checking);
    outcome = lua_pcall(state, 1, 0, 0);
    if (outcome != LUA_OK && outcome != LUA_ERRMEM && lua_type(state, -1) == LUA_TSTRING) {
        str said = {};
        said.at = lua_tolstring(state, -1, &said.len);
        read_complaint(checking, arena_copy(&checking->run->arena, said));
    }
    lua_close(state);
    return outcome == LUA_OK;
}

static void look_at_names(struct checking *checking)
{
    struct arena *arena = &checking->run->arena;
    struct script *script = &checking->script;
    script_read(arena, checking->source, script);
    if (script->unknown.len == 0) return;
    checking->line = script->line;
    checking->column = script->column;
    checking->failure = arena_print(arena, "there is no `%.*s`", FMT(script->unknown));
    if (script->nearest.len > 0)
        checking->failure = arena_print(arena, "%.*s; did you mean `%.*s`?", FMT(checking->failure),
                                        FMT(script->nearest));
}

static bool say_checked(struct checking *checking)
{
    struct rule_run *run = checking->run;
    struct buf out = buf_make(&run->going, FRAME_BYTES_MAX);
    struct buf failure = buf_make(&run->going, FAILURE_BYTES_MAX);
    values_put_plain(&failure, checking->failure, FAILURE_BYTES_MAX);
    pack_map(&out, 5);
    pack_text(&out, S("failure"));
    pack_text(&out, buf_str(&failure));
    pack_text(&out, S("line"));
    pack_int(&out, checking->line);
    pack_text(&out, S("column"));
    pack_int(&out, checking->column);
    pack_text(&out, S("spent_ms"));
    pack_int(&out, budget_cpu_us() / 1000);
    pack_text(&out, S("uses"));
    pack_list(&out, checking->script.use_count);
    for (uint32_t at = 0; at < checking->script.use_count; at++) {
        const struct script_use *use = &checking->script.uses[at];
        pack_list(&out, 5);
        pack_text(&out, use->entity);
        pack_text(&out, use->field);
        pack_bool(&out, use->is_write);
        pack_int(&out, use->line);
        pack_int(&out, use->column);
    }
    return !buf_is_over(&out) && frame_write(STDIN_FILENO, buf_str(&out), nullptr) == FRAME_WHOLE;
}

bool check_serve(struct rule_run *run, str question)
{
    struct value source;
    struct checking checking = {.run = run};
    if (!value_find_text(question, S("source"), &source) || source.kind != VALUE_TEXT ||
        source.text.len > RULE_SOURCE_BYTES_MAX)
        return false;
    checking.source = source.text;
    if (is_taken(&checking)) {
        checking.failure = (str){};
        checking.line = checking.column = 0;
        look_at_names(&checking);
    }
    return say_checked(&checking);
}
