#include "rule.h"

#include <lauxlib.h>
#include <unistd.h>

#include "base/require.h"
#include "objects.h"
#include "run.h"
#include "value/frame.h"
#include "values.h"
#include "view.h"

constexpr size_t ARENA_BYTES_MAX = 32 * MIB; /** a frame and what checking it takes, far within */
constexpr size_t LOG_BYTES_MAX = RULE_LOG_LINES_MAX * (RULE_LOG_LINE_BYTES_MAX + 8);
constexpr size_t CHUNK_NAME_BYTES_MAX = 50;
constexpr uint64_t FUEL_MIN = 1000; /** a run that is allowed less could not say why it ended */

/* The run. */

struct rule_run *run_of(lua_State *state)
{
    struct rule_run *run;
    memcpy(&run, lua_getextraspace(state), sizeof run);
    return run;
}

static size_t keep_plain(struct rule_run *run, char *to, str text)
{
    struct buf plain = buf_make(&run->arena, RULE_MESSAGE_BYTES_MAX);
    values_put_plain(&plain, text, RULE_MESSAGE_BYTES_MAX);
    if (plain.len > 0) memcpy(to, plain.at, plain.len);
    return plain.len;
}

void run_set_message(struct rule_run *run, str message)
{
    run->message_len = keep_plain(run, run->message, message);
}

void run_set_field(struct rule_run *run, str field)
{
    run->field_len = keep_plain(run, run->field, field);
}

void run_log(struct rule_run *run, str line)
{
    if (run->log_count == RULE_LOG_LINES_MAX) {
        run->log_dropped++;
        return;
    }
    struct buf plain = buf_make(&run->arena, RULE_LOG_LINE_BYTES_MAX);
    values_put_plain(&plain, line, RULE_LOG_LINE_BYTES_MAX);
    run->log_count++;
    run->log_last = run->log.len;
    pack_text(&run->log, buf_str(&plain));
}

/** The last line says how many there would have been. */
static void close_log(struct rule_run *run)
{
    if (run->log_dropped == 0) return;
    run->log.len = run->log_last;
    pack_text(&run->log, arena_print(&run->arena, "… and %u more lines, which are not kept",
                                     run->log_dropped + 1));
}

/* The question. */

static bool read_text(str question, str key, str *text_out)
{
    struct value value;
    bool is_there = value_find_text(question, key, &value) && value.kind == VALUE_TEXT;
    *text_out = is_there ? value.text : (str){};
    return is_there;
}

static bool read_bytes(str question, str key, size_t len, str *bytes_out)
{
    struct value value;
    bool is_there = value_find_text(question, key, &value) && value.kind == VALUE_BYTES;
    *bytes_out = is_there ? value.text : (str){};
    return is_there && value.text.len == len;
}

static bool read_integer(str question, str key, int64_t least, int64_t *number_out)
{
    struct value value;
    bool is_there = value_find_text(question, key, &value) && value.kind == VALUE_INT;
    *number_out = is_there ? value.integer : 0;
    return is_there && value.integer >= least;
}

/** One of the kind, whole, or none at all. */
static bool read_whole(str question, str key, enum value_kind kind, str *bytes_out)
{
    struct value value;
    *bytes_out = (str){};
    if (!value_find_text(question, key, &value) || value.kind == VALUE_NIL) return true;
    *bytes_out = value.bytes;
    return value.kind == kind;
}

static bool read_question(str question, struct rule_run *run)
{
    int64_t fuel = 0;
    bool is_good = read_bytes(question, S("code"), RULE_CODE_BYTES, &run->code) &&
                   read_text(question, S("name"), &run->name) &&
                   read_text(question, S("point"), &run->point) &&
                   read_text(question, S("operation"), &run->operation) &&
                   read_text(question, S("entity"), &run->entity) &&
                   read_integer(question, S("model"), INT64_MIN, &run->model) &&
                   read_whole(question, S("values"), VALUE_MAP, &run->values) &&
                   read_whole(question, S("old"), VALUE_MAP, &run->old) &&
                   read_whole(question, S("changed"), VALUE_LIST, &run->changed) &&
                   read_whole(question, S("actor"), VALUE_MAP, &run->actor) &&
                   read_whole(question, S("input"), VALUE_MAP, &run->input) &&
                   read_integer(question, S("now"), INT64_MIN, &run->now_ms) &&
                   read_text(question, S("today"), &run->today) &&
                   read_bytes(question, S("seed"), 16, &run->seed) &&
                   read_integer(question, S("fuel"), 0, &fuel) &&
                   read_integer(question, S("cpu_ms"), 1, &run->cpu_ms);
    run->fuel = (uint64_t)fuel;
    return is_good;
}

/* Within Lua. */

/** `=NAME`, for Lua's messages, which cut it at some 60 bytes. */
static const char *name_chunk(struct rule_run *run)
{
    struct buf name = buf_make(&run->arena, RULE_MESSAGE_BYTES_MAX);
    buf_put_byte(&name, '=');
    values_put_plain(&name, run->name, CHUNK_NAME_BYTES_MAX);
    return arena_cstring(&run->arena, buf_str(&name));
}

/** All that touches Lua, inside one protected call: its arguments are the source and the view. */
static int run_all(lua_State *state)
{
    str *source = lua_touserdata(state, 1);
    struct rule_run *run = run_of(state);
    objects_set_run(state);
    objects_set_record(state);
    if (luaL_loadbufferx(state, source->at, source->len, run->chunk_name, "t") != LUA_OK)
        return lua_error(state);
    lua_rotate(state, -2, 1);
    require(lua_setupvalue(state, -2, 1) != nullptr);
    lua_call(state, 0, 0);
    objects_take_changes(state);
    return 0;
}

/** Before the stack is left: where it was. */
static int note_line(lua_State *state)
{
    struct rule_run *run = run_of(state);
    run->line = (uint32_t)budget_line(state);
    lua_settop(state, 1);
    return 1;
}

/* What came of it. */

/** What Lua says without the place that it puts in front, `NAME:LINE: `, which is told apart. */
static str without_place(struct rule_run *run, str message)
{
    int64_t line = 0;
    str name = str_from(str_of(run->chunk_name), 1), number, rest;
    if (!str_starts(message, name) || !str_starts(str_from(message, name.len), S(":")))
        return message;
    bool has_line = str_cut(str_from(message, name.len + 1), ':', &number, &rest) &&
                    str_to_int64(number, &line) && line > 0 && line <= UINT32_MAX;
    if (!has_line) return message;
    if (run->line == 0) run->line = (uint32_t)line;
    return str_trim(rest);
}

static str overrun_words(enum budget_end end)
{
    return end == BUDGET_FUEL   ? S("takes too many steps")
           : end == BUDGET_TIME ? S("takes too much time")
                                : S("needs too much memory");
}

static void tell_failure(struct rule_run *run)
{
    str said = {};
    if (lua_type(run->state, -1) == LUA_TSTRING) said.at = lua_tolstring(run->state, -1, &said.len);
    said = without_place(run, said);
    run_set_message(run, said.len > 0 ? said : S("fails with an error that is no text"));
}

/** The word of what came of it. */
static str judge(struct rule_run *run, int outcome)
{
    enum budget_end end = run->budget->end;
    if (run->end == RUN_REJECTED) return S("rejected");
    if (run->end == RUN_ENDED) return S("failed");
    if (outcome == LUA_ERRMEM) end = BUDGET_MEMORY;
    if (end == BUDGET_FUEL || end == BUDGET_TIME || end == BUDGET_MEMORY) {
        if (run->budget->line > 0) run->line = (uint32_t)run->budget->line;
        run_set_message(run, overrun_words(end));
        return S("overran");
    }
    if (outcome == LUA_OK && end == BUDGET_LEFT) return S("done");
    tell_failure(run);
    return S("failed");
}

/* States. */

/** One state and what it may spend; the view is on its stack. */
struct rule_state {
    struct budget budget;
    lua_State *state; /** nullptr: there was no memory for one */
};

static int make_view(lua_State *state)
{
    view_push(state);
    return 1;
}

static struct rule_state *state_open(void)
{
    struct rule_state *own = memory_take(sizeof *own);
    own->budget = (struct budget){.fuel_max = RULE_FUEL_MAX,
                                  .bytes_max = RULE_BYTES_MAX,
                                  .taken_bytes_max = RULE_TAKEN_BYTES_MAX};
    own->state = budget_open_state(&own->budget);
    if (own->state == nullptr) return own;
    lua_pushcfunction(own->state, make_view);
    if (lua_pcall(own->state, 0, 1, 0) == LUA_OK) return own;
    lua_close(own->state);
    own->state = nullptr;
    return own;
}

static void state_close(struct rule_state *own)
{
    if (own->state != nullptr) lua_close(own->state);
    memory_give(own);
}

void rule_prepare(struct rule_keeper *keeper)
{
    rule_unprepare(keeper);
    keeper_put_state(keeper, state_open());
}

void rule_unprepare(struct rule_keeper *keeper)
{
    struct rule_state *own = keeper_take_state(keeper);
    if (own != nullptr) state_close(own);
}

/** Runs the source in a state of its own, which ends with the run. */
static str run_source(struct rule_run *run, str source)
{
    int outcome = LUA_ERRMEM;
    run->chunk_name = name_chunk(run);
    run->own = keeper_take_state(run->keeper);
    if (run->own == nullptr) run->own = state_open();
    run->budget = &run->own->budget;
    run->state = run->own->state;
    if (run->state == nullptr) return judge(run, outcome);
    run->budget->fuel_max = run->fuel > FUEL_MIN ? run->fuel : FUEL_MIN;
    run->budget->cpu_us_max = run->cpu_ms * 1000;
    budget_begin(run->budget);
    memcpy(lua_getextraspace(run->state), &run, sizeof run);
    /* None of these takes memory, so none can raise. */
    lua_pushcfunction(run->state, note_line);
    lua_pushcfunction(run->state, run_all);
    lua_pushlightuserdata(run->state, &source);
    lua_rotate(run->state, 1, -1);
    outcome = lua_pcall(run->state, 2, 0, 1);
    str word = judge(run, outcome);
    if (!str_eq(word, S("done"))) run->change_count = 0;
    return word;
}

/* The last frame. */

/** An empty one says nothing. */
static void put_text(struct buf *out, str key, str text)
{
    pack_text(out, key);
    if (text.len > 0) pack_text(out, text);
    else pack_nil(out);
}

static void put_integer(struct buf *out, str key, int64_t number)
{
    pack_text(out, key);
    pack_int(out, number);
}

static bool say_done(struct rule_run *run, str word)
{
    bool is_done = str_eq(word, S("done"));
    close_log(run);
    arena_clear(&run->going);
    struct buf out = buf_make(&run->going, FRAME_BYTES_MAX);
    pack_map(&out, 9);
    put_text(&out, S("done"), word);
    pack_text(&out, S("changes"));
    pack_map(&out, run->change_count);
    if (run->change_count > 0) pack_raw(&out, buf_str(&run->changes));
    put_text(&out, S("message"), is_done ? S("") : (str){run->message, run->message_len});
    put_text(&out, S("field"), is_done ? S("") : (str){run->field, run->field_len});
    put_integer(&out, S("line"), run->line);
    pack_text(&out, S("log"));
    pack_list(&out, run->log_count);
    pack_raw(&out, buf_str(&run->log));
    put_integer(&out, S("fuel"), run->own == nullptr ? 0 : (int64_t)run->budget->fuel_spent);
    put_integer(&out, S("bytes"), run->own == nullptr ? 0 : (int64_t)run->budget->bytes_most);
    put_integer(&out, S("spent_ms"), budget_cpu_us() / 1000);
    require(!buf_is_over(&out));
    return frame_write(STDIN_FILENO, buf_str(&out), nullptr) == FRAME_WHOLE;
}

static bool serve_source(struct rule_run *run)
{
    str source = {}, why = {}, word = S("failed");
    enum talk_outcome outcome = talk_source(run, &source, &why);
    if (outcome == TALK_BROKEN) return false;
    if (outcome == TALK_ANSWERED) word = run_source(run, source);
    else run_set_message(run, why);
    bool is_said = run->end != RUN_BROKEN && say_done(run, word);
    /* Behind the answer: nobody waits for it. */
    if (run->own != nullptr) state_close(run->own);
    return is_said;
}

bool rule_serve(struct rule_keeper *keeper, str question, uint32_t depth)
{
    struct value ask;
    struct rule_run run = {.keeper = keeper, .depth = depth};
    if (!value_find_text(question, S("ask"), &ask) || ask.kind != VALUE_TEXT) return false;
    bool is_check = str_eq(ask.text, S("check"));
    if (!is_check && (!str_eq(ask.text, S("rule")) || !read_question(question, &run))) return false;
    arena_init(&run.arena, ARENA_BYTES_MAX);
    arena_init(&run.coming, ARENA_BYTES_MAX);
    arena_init(&run.going, ARENA_BYTES_MAX);
    run.log = buf_make(&run.arena, LOG_BYTES_MAX);
    /* What is put behind the most that is shown is as long again. */
    run.line_text = buf_make(&run.arena, 3 * RULE_LOG_LINE_BYTES_MAX);
    run.changes = buf_make(&run.arena, FRAME_BYTES_MAX / 2);
    keeper_enter(keeper);
    bool is_good = is_check ? check_serve(&run, question) : serve_source(&run);
    keeper_leave(keeper);
    arena_drop(&run.going);
    arena_drop(&run.coming);
    arena_drop(&run.arena);
    return is_good;
}
