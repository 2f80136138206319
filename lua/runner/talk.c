/* How a run asks the server, and answers what the server asks meanwhile. */
#include "run.h"

#include <lauxlib.h>
#include <unistd.h>

#include "base/require.h"
#include "rule.h"
#include "value/frame.h"

constexpr uint64_t QUESTION_FUEL = 100; /** its way there and back, beside what it computes */

struct buf *talk_question(struct rule_run *run, str ask, uint32_t more)
{
    arena_clear(&run->going);
    arena_clear(&run->coming);
    struct buf *out = arena_new(&run->going, struct buf, 1);
    *out = buf_make(&run->going, FRAME_BYTES_MAX);
    pack_map(out, more + 1);
    pack_text(out, S("ask"));
    pack_text(out, ask);
    run->question = out;
    return out;
}

static enum talk_outcome is_broken(struct rule_run *run)
{
    run->end = RUN_BROKEN;
    return TALK_BROKEN;
}

/** Reads a frame that is one map; false when it is none, or nothing comes any more. */
static bool hear(struct rule_run *run, str *frame_out)
{
    arena_clear(&run->coming);
    struct task task = {.arena = &run->coming};
    return frame_read(&run->coming, STDIN_FILENO, nullptr, frame_out) == FRAME_WHOLE &&
           value_check(&task, *frame_out) == ERR_NONE && value_of(*frame_out).kind == VALUE_MAP;
}

/** Runs another rule within, whose time is not this one's. */
static bool serve_within(struct rule_run *run, str frame)
{
    int64_t begun_us = budget_cpu_us();
    if (run->depth >= RULE_DEPTH_MAX) return false;
    if (!rule_serve(run->keeper, frame, run->depth + 1)) return false;
    if (run->budget != nullptr) run->budget->cpu_us_begun += budget_cpu_us() - begun_us;
    return true;
}

/** What an answer says: exactly one of the three. */
static enum talk_outcome read_answer(struct rule_run *run, str frame, struct value *said_out)
{
    static const struct {
        str word;
        enum talk_outcome outcome;
    } answers[] = {
        {S("answer"), TALK_ANSWERED}, {S("refused"), TALK_REFUSED}, {S("ended"), TALK_ENDED}};
    for (size_t at = 0; at < sizeof answers / sizeof *answers; at++) {
        if (!value_find_text(frame, answers[at].word, said_out)) continue;
        bool is_text = said_out->kind == VALUE_TEXT;
        if (value_of(frame).count != 1 || (!is_text && answers[at].outcome != TALK_ANSWERED)) break;
        return answers[at].outcome;
    }
    return is_broken(run);
}

enum talk_outcome talk_exchange(struct rule_run *run, struct value *said_out)
{
    str frame;
    struct value ask;
    require(run->question != nullptr);
    if (frame_write(STDIN_FILENO, buf_str(run->question), nullptr) != FRAME_WHOLE)
        return is_broken(run);
    while (hear(run, &frame)) {
        if (!value_find_text(frame, S("ask"), &ask)) return read_answer(run, frame, said_out);
        bool is_rule = ask.kind == VALUE_TEXT && str_eq(ask.text, S("rule"));
        if (!is_rule || !serve_within(run, frame)) break;
    }
    return is_broken(run);
}

/** After anything but an answer. */
[[noreturn]] static void raise_outcome(lua_State *state, enum talk_outcome outcome, str why)
{
    struct rule_run *run = run_of(state);
    if (outcome == TALK_REFUSED) {
        luaL_where(state, 1);
        lua_pushlstring(state, why.at, why.len);
        lua_concat(state, 2);
        (void)lua_error(state);
    }
    if (outcome == TALK_ENDED) {
        run->end = RUN_ENDED;
        run_set_message(run, why);
    }
    budget_stop(state, BUDGET_STOPPED);
}

struct value talk_ask(lua_State *state)
{
    struct rule_run *run = run_of(state);
    struct value said = {};
    if (buf_is_over(run->question)) luaL_error(state, "what is asked for is too long");
    budget_charge(state, QUESTION_FUEL);
    enum talk_outcome outcome = talk_exchange(run, &said);
    if (outcome != TALK_ANSWERED) raise_outcome(state, outcome, said.text);
    budget_charge_bytes(state, said.bytes.len);
    return said;
}

enum talk_outcome talk_source(struct rule_run *run, str *source_out, str *why_out)
{
    struct value said;
    if (keeper_source(run->keeper, run->code, source_out)) return TALK_ANSWERED;
    struct buf *out = talk_question(run, S("source"), 1);
    pack_text(out, S("code"));
    pack_bytes(out, run->code);
    enum talk_outcome outcome = talk_exchange(run, &said);
    if (outcome == TALK_BROKEN) return outcome;
    if (outcome != TALK_ANSWERED) {
        *why_out = said.text;
        return outcome;
    }
    bool is_source = said.kind == VALUE_TEXT && said.text.len <= RULE_SOURCE_BYTES_MAX;
    if (!is_source) return is_broken(run);
    *source_out = keeper_add_source(run->keeper, run->code, said.text);
    return TALK_ANSWERED;
}

enum talk_outcome talk_find_catalog(struct rule_run *run, str entity,
                                    const struct catalog **catalog_out, str *why_out)
{
    struct value said;
    *catalog_out = keeper_catalog(run->keeper, run->model, entity);
    if (*catalog_out != nullptr) return TALK_ANSWERED;
    /* A slice of the last answer would be gone. */
    entity = arena_copy(&run->arena, entity);
    struct buf *out = talk_question(run, S("entity"), 1);
    pack_text(out, S("entity"));
    pack_text(out, entity);
    enum talk_outcome outcome = talk_exchange(run, &said);
    if (outcome == TALK_REFUSED || outcome == TALK_ENDED) *why_out = said.text;
    if (outcome != TALK_ANSWERED) return outcome;
    if (said.kind == VALUE_MAP)
        *catalog_out = keeper_add_catalog(run->keeper, run->model, entity, said.bytes);
    return *catalog_out != nullptr ? TALK_ANSWERED : is_broken(run);
}

const struct catalog *talk_catalog(lua_State *state, str entity)
{
    const struct catalog *catalog = nullptr;
    str why = {};
    budget_charge(state, 1);
    enum talk_outcome outcome = talk_find_catalog(run_of(state), entity, &catalog, &why);
    if (outcome != TALK_ANSWERED) raise_outcome(state, outcome, why);
    return catalog;
}
