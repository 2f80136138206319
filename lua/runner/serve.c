#include "serve.h"

#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <malloc.h>
#include <math.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fold.h"
#include "base/require.h"
#include "budget.h"
#include "expression.h"
#include "rights.h"
#include "rule.h"
#include "sandbox.h"
#include "value/frame.h"
#include "value/value.h"
#include "values.h"

constexpr size_t LUA_BYTES_MAX = 2 * MIB; /** of the state, with the sources it has compiled */
constexpr uint64_t FORMULA_STEPS_MAX = 100'000; /** a millisecond */
constexpr size_t FORMULA_TAKEN_BYTES_MAX = 32 * MIB;
/** Some 5 MiB of program and libraries, five runs within each other with their states, frames of
 *  FRAME_BYTES_MAX each way, and room. */
constexpr size_t ADDRESS_BYTES_MAX = 128 * MIB;
constexpr int KEPT_BYTES_MAX = 256 * 1024; /** of what was given back; the rest is the system's */
constexpr uint32_t CPU_SECONDS_MAX = 60;   /** the server ends it long before */
constexpr int NICENESS = 3;                /** people's requests come first */
constexpr size_t ARENA_BYTES_MAX = 32 * MIB;
constexpr size_t FAILURE_BYTES_MAX = 300;
constexpr uint32_t RESULT_MEMBERS_MAX = 8;

struct serving {
    struct arena arena; /** of one question */
    struct budget budget;
    lua_State *state;
    struct rule_keeper *keeper;
};

/** One question about formulas, and how far it is answered. */
struct evaluation {
    struct serving *serving;
    struct value sources, names, records;
    struct buf *out;
    /* of the present formula */
    str source;
    str record; /** its encoded values */
};

static int fill(lua_State *state)
{
    sandbox_fill(state);
    return 0;
}

/** A fresh state; false when there is no memory for one. */
static bool open_state(struct serving *serving)
{
    if (serving->state != nullptr) lua_close(serving->state);
    serving->budget = (struct budget){.bytes_max = LUA_BYTES_MAX,
                                      .fuel_max = FORMULA_STEPS_MAX,
                                      .taken_bytes_max = FORMULA_TAKEN_BYTES_MAX};
    serving->state = budget_open_state(&serving->budget);
    if (serving->state == nullptr) return false;
    lua_pushcfunction(serving->state, fill);
    return lua_pcall(serving->state, 0, 0, 0) == LUA_OK;
}

/* Values in and out. */

/** A table of the record's fields; absent ones are nil. */
static void push_record(lua_State *state, const struct evaluation *evaluation)
{
    struct value list = value_of(evaluation->record), name, item;
    struct cursor names = cursor_of(evaluation->names.items), items = cursor_of(list.items);
    lua_createtable(state, 0, (int)evaluation->names.count);
    for (uint32_t at = 0; at < evaluation->names.count && at < list.count; at++) {
        if (!value_next(&names, &name) || !value_next(&items, &item)) return;
        if (item.kind == VALUE_NIL || name.kind != VALUE_TEXT) continue;
        lua_pushlstring(state, name.text.at, name.text.len);
        values_push(state, &item);
        lua_rawset(state, -3);
    }
}

static void pack_scalar(lua_State *state, int at, struct buf *out)
{
    size_t len;
    double number;
    const char *text;
    switch (lua_type(state, at)) {
    case LUA_TNIL:
        pack_nil(out);
        return;
    case LUA_TBOOLEAN:
        pack_bool(out, lua_toboolean(state, at) != 0);
        return;
    case LUA_TNUMBER:
        number = lua_tonumber(state, at);
        if (lua_isinteger(state, at)) pack_int(out, lua_tointeger(state, at));
        else if (isfinite(number)) pack_float(out, number);
        else luaL_error(state, "the result is no finite number");
        return;
    case LUA_TSTRING:
        text = lua_tolstring(state, at, &len);
        if (len > TEXT_BYTES_MAX || !utf8_is_valid((str){text, len}))
            luaL_error(state, "the result is longer than 64 KiB or no valid text");
        pack_text(out, (str){text, len});
        return;
    default:
        luaL_error(state, "the result is a %s", luaL_typename(state, at));
    }
}

/** What the formula gave, on top of the stack: a scalar, or a flat table such as money. */
static void pack_result(lua_State *state, struct buf *out)
{
    if (lua_type(state, -1) != LUA_TTABLE) {
        pack_scalar(state, -1, out);
        return;
    }
    uint32_t count = 0;
    int table = lua_gettop(state);
    luaL_checkstack(state, 8, "nested too deep");
    for (int pass = 0; pass < 2; pass++) {
        if (pass == 1) pack_map(out, count);
        lua_pushnil(state);
        while (lua_next(state, table) != 0) {
            if (lua_type(state, -2) != LUA_TSTRING || (pass == 0 && ++count > RESULT_MEMBERS_MAX))
                luaL_error(state, "the result is a list or a large table");
            if (pass == 1) {
                pack_scalar(state, -2, out);
                pack_scalar(state, -1, out);
            }
            lua_pop(state, 1);
        }
    }
}

/* One formula. */

/** Pushes the compiled source, kept by its text. */
static void push_formula(lua_State *state, struct evaluation *evaluation)
{
    str source = evaluation->source;
    lua_pushlstring(state, source.at, source.len);
    lua_pushvalue(state, -1);
    if (lua_rawget(state, LUA_REGISTRYINDEX) == LUA_TFUNCTION) {
        lua_remove(state, -2);
        return;
    }
    lua_pop(state, 1);
    if (expression_load(state, &evaluation->serving->arena, source) != LUA_OK)
        luaL_error(state, "%s", lua_tostring(state, -1));
    lua_pushvalue(state, -1);
    lua_insert(state, -3);
    lua_rawset(state, LUA_REGISTRYINDEX);
}

/** All that touches Lua, inside one protected call; the answer goes to `out`. */
static int evaluate(lua_State *state)
{
    struct evaluation *evaluation = lua_touserdata(state, 1);
    push_formula(state, evaluation);
    /* A formula can give itself other globals; the next evaluation has the right ones again. */
    lua_pushglobaltable(state);
    if (lua_setupvalue(state, -2, 1) == nullptr) lua_pop(state, 1);
    push_record(state, evaluation);
    lua_call(state, 1, 1);
    pack_list(evaluation->out, 2);
    pack_bool(evaluation->out, true);
    pack_result(state, evaluation->out);
    return 0;
}

/** What Lua said, fit for an answer: it cuts texts without regard to UTF-8. */
static str failure_text(struct arena *arena, lua_State *state, int outcome)
{
    size_t len;
    if (outcome == LUA_ERRMEM) return S("needs too much memory");
    if (lua_type(state, -1) != LUA_TSTRING) return S("fails");
    const char *said = lua_tolstring(state, -1, &len);
    str words = str_first((str){said, len}, FAILURE_BYTES_MAX);
    char *plain = arena_take_raw(arena, words.len);
    bool is_text = utf8_is_valid(words);
    for (size_t at = 0; at < words.len; at++) {
        bool is_plain = words.at[at] >= ' ' && words.at[at] < 0x7F;
        plain[at] = is_plain || (is_text && (uint8_t)words.at[at] >= 0x80) ? words.at[at] : '?';
    }
    return (str){plain, words.len};
}

/** False when the process is of no use any more. */
static bool answer_one(struct serving *serving, struct evaluation *evaluation)
{
    lua_State *state = serving->state;
    size_t from = evaluation->out->len;
    budget_begin(&serving->budget);
    lua_pushcfunction(state, evaluate);
    lua_pushlightuserdata(state, evaluation);
    int outcome = lua_pcall(state, 1, 0, 0);
    if (outcome != LUA_OK) {
        str words = failure_text(&serving->arena, state, outcome);
        evaluation->out->len = from;
        pack_list(evaluation->out, 2);
        pack_bool(evaluation->out, false);
        pack_text(evaluation->out, words.len > 0 ? words : S("fails"));
    }
    lua_settop(state, 0);
    /* What has spent its budget is not trusted with another turn. */
    bool is_worn = serving->budget.end != BUDGET_LEFT || outcome == LUA_ERRMEM ||
                   serving->budget.bytes_used > LUA_BYTES_MAX / 2;
    return !is_worn || open_state(serving);
}

static bool answer_formulas(struct serving *serving, struct evaluation *evaluation)
{
    struct cursor records = cursor_of(evaluation->records.items);
    pack_text(evaluation->out, S("answers"));
    pack_list(evaluation->out, evaluation->records.count * evaluation->sources.count);
    for (uint32_t at = 0; at < evaluation->records.count; at++) {
        struct cursor sources = cursor_of(evaluation->sources.items);
        struct value record, source;
        if (!value_next(&records, &record)) return false;
        evaluation->record = record.bytes;
        for (uint32_t of = 0; of < evaluation->sources.count; of++) {
            if (!value_next(&sources, &source) || source.kind != VALUE_TEXT) return false;
            evaluation->source = source.text;
            if (!answer_one(serving, evaluation)) return false;
        }
    }
    return true;
}

static int compile(lua_State *state)
{
    const struct evaluation *evaluation = lua_touserdata(state, 1);
    if (expression_load(state, &evaluation->serving->arena, evaluation->source) != LUA_OK)
        return luaL_error(state, "%s", lua_tostring(state, -1));
    return 0;
}

static bool answer_compile(struct serving *serving, struct evaluation *evaluation)
{
    struct expression_names names;
    const char *why = "";
    str failure = {};
    if (!expression_names(evaluation->source, &names, &why)) {
        failure = str_of(why);
        names.count = 0;
    } else {
        lua_pushcfunction(serving->state, compile);
        lua_pushlightuserdata(serving->state, evaluation);
        int outcome = lua_pcall(serving->state, 1, 0, 0);
        if (outcome != LUA_OK) failure = failure_text(&serving->arena, serving->state, outcome);
    }
    pack_text(evaluation->out, S("failure"));
    pack_text(evaluation->out, failure);
    pack_text(evaluation->out, S("reads"));
    pack_list(evaluation->out, names.count);
    for (uint32_t at = 0; at < names.count; at++) pack_text(evaluation->out, names.names[at]);
    return open_state(serving);
}

/* The loop. */

static bool find_list(str question, str key, struct value *list_out)
{
    return value_find_text(question, key, list_out) && list_out->kind == VALUE_LIST;
}

static bool answer(struct serving *serving, str ask, str question, struct buf *out)
{
    struct value source;
    struct evaluation evaluation = {.serving = serving, .out = out};
    bool is_compile = str_eq(ask, S("compile"));
    pack_map(out, is_compile ? 3 : 2);
    pack_text(out, S("spent_ms"));
    pack_int(out, budget_cpu_us() / 1000);
    if (is_compile) {
        if (!value_find_text(question, S("source"), &source) || source.kind != VALUE_TEXT)
            return false;
        evaluation.source = source.text;
        return answer_compile(serving, &evaluation);
    }
    return str_eq(ask, S("formulas")) && find_list(question, S("sources"), &evaluation.sources) &&
           find_list(question, S("names"), &evaluation.names) &&
           find_list(question, S("records"), &evaluation.records) &&
           answer_formulas(serving, &evaluation);
}

static bool serve_question(struct serving *serving, str question)
{
    struct value ask;
    if (!value_find_text(question, S("ask"), &ask) || ask.kind != VALUE_TEXT) return false;
    bool is_rule = str_eq(ask.text, S("rule"));
    if (is_rule || str_eq(ask.text, S("check"))) {
        bool is_good = rule_serve(serving->keeper, question, 1);
        if (is_rule && is_good) rule_prepare(serving->keeper);
        return is_good;
    }
    struct buf out = buf_make(&serving->arena, FRAME_BYTES_MAX);
    return answer(serving, ask.text, question, &out) && !buf_is_over(&out) &&
           frame_write(STDIN_FILENO, buf_str(&out), nullptr) == FRAME_WHOLE;
}

/** False at the end of the socket, or when something is not as it should be: then it ends. */
static bool serve_one(struct serving *serving)
{
    str question;
    struct task task = {.arena = &serving->arena};
    bool is_answered =
        frame_read(&serving->arena, STDIN_FILENO, nullptr, &question) == FRAME_WHOLE &&
        value_check(&task, question) == ERR_NONE && serve_question(serving, question);
    arena_clear(&serving->arena);
    return is_answered;
}

/** Others come first: at computing, and when the system has no memory left, at living. */
static void step_back(void)
{
    (void)setpriority(PRIO_PROCESS, 0, NICENESS);
    int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (file < 0) return;
    (void)!write(file, "1000", 4);
    close(file);
}

int serve_run(char **)
{
    struct serving serving = {};
    struct rights rights = {.address_bytes_max = ADDRESS_BYTES_MAX,
                            .cpu_seconds_max = CPU_SECONDS_MAX};
    arena_init(&serving.arena, ARENA_BYTES_MAX);
    serving.keeper = rule_keeper_open();
    /* Nothing outlives the server, not even what computes and does not see its socket close. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return 1;
    step_back();
    /* Large blocks go back at once, and what a run had goes back behind it. */
    (void)mallopt(M_MMAP_THRESHOLD, KEPT_BYTES_MAX);
    (void)mallopt(M_TRIM_THRESHOLD, KEPT_BYTES_MAX);
    if (rights_drop(&rights) != ERR_NONE || !open_state(&serving)) return 1;
    while (serve_one(&serving)) {
    }
    rule_unprepare(serving.keeper);
    return 0;
}
