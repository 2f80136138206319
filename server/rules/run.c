#include "rules/run.h"

#include "base/clock.h"
#include "base/fold.h"
#include "base/limits.h"
#include "base/require.h"
#include "record/models.h"
#include "record/quota.h"
#include "rules/firing.h"
#include "rules/trial.h"
#include "value/frame.h"
#include "value/text.h"

constexpr size_t FIELD_NAME_BYTES_MAX = 64;

/* What is asked. */

static void put_list(struct buf *frame, str name, str encoded)
{
    pack_text(frame, name);
    if (encoded.len == 0) pack_list(frame, 0);
    else pack_raw(frame, encoded);
}

/** The person's record, once for a chain; empty: nobody, or one that is gone. A user's id is no
 *  contact's: ids are given once. */
static str person_values(struct change *change, struct rule_chain *chain)
{
    const struct entity *people[] = {model_entity(change->model, S("user")),
                                     model_contact(change->model)};
    struct record record;
    struct view view = change_view(change);
    struct task quiet = {.arena = change->task->arena, .now_ms = change->task->now_ms};
    view.scope = &chain->scope;
    view.task = &quiet;
    for (int at = 0; at < 2 && chain->actor.len == 0 && !id_is_nil(change->scope->actor); at++) {
        if (people[at] == nullptr ||
            record_get(&view, people[at], change->scope->actor, &record) != ERR_NONE)
            continue;
        chain->actor = record_values(&view, &record);
        chain->is_contact = at == 1;
    }
    return chain->actor;
}

/** The first of a contact's addresses, or a user's only one. */
static struct value email_of(str person)
{
    struct value emails, first, email = {};
    struct cursor cursor;
    if (value_find_text(person, S("email"), &email)) return email;
    if (!value_find_text(person, S("emails"), &emails) || emails.kind != VALUE_LIST)
        return (struct value){};
    cursor = cursor_of(emails.items);
    bool has_first = value_next(&cursor, &first) && first.kind == VALUE_MAP;
    return has_first && value_find_text(first.bytes, S("value"), &email) ? email : (struct value){};
}

static void put_actor(struct buf *frame, struct change *change, struct rule_chain *chain)
{
    str person = person_values(change, chain);
    struct value name = {}, email = {}, role = {};
    bool is_person = !id_is_nil(change->scope->actor);
    if (person.len > 0) {
        email = email_of(person);
        if (!value_find_text(person, S("name"), &name)) name = (struct value){};
        if (!value_find_text(person, S("role"), &role)) role = (struct value){};
    }
    str kind = !is_person ? S("system") : chain->is_contact ? S("contact") : S("user");
    pack_text(frame, S("actor"));
    pack_map(frame, 6);
    pack_named_text(frame, S("kind"), kind);
    pack_text(frame, S("id"));
    if (is_person) pack_text(frame, id_text(change->task->arena, change->scope->actor));
    else pack_nil(frame);
    pack_named_raw(frame, S("name"), name.bytes);
    pack_named_raw(frame, S("email"), email.bytes);
    pack_text(frame, S("roles"));
    pack_list(frame, role.kind == VALUE_TEXT ? 1 : 0);
    if (role.kind == VALUE_TEXT) pack_text(frame, role.text);
    pack_named_text(frame, S("through"), rule_through(change));
}

static void put_time(struct buf *frame, const struct run *run)
{
    int64_t now_ms = run->change->task->now_ms;
    struct buf today = buf_make(run->change->task->arena, 32);
    str parts[2] = {S("seed"), id_bytes(&run->asked->id)};
    struct hash seed = hash_of(nullptr, parts, 2);
    date_write(&today, (int32_t)(now_ms / DAY_MS));
    pack_named_int(frame, S("now"), now_ms);
    pack_named_text(frame, S("today"), buf_str(&today));
    pack_text(frame, S("seed"));
    const struct trial *trial = run->chain->trial;
    bool is_given = trial != nullptr && trial->seed.len == 16;
    pack_bytes(frame, is_given ? trial->seed : (str){(const char *)seed.bytes, 16});
}

/** Empty: it is too long. */
static str first_frame(const struct run *run)
{
    const struct run_asked *asked = run->asked;
    const struct rule *rule = asked->rule;
    struct buf frame = buf_make(run->change->task->arena, FRAME_BYTES_MAX);
    pack_map(&frame, 18);
    pack_named_text(&frame, S("ask"), S("rule"));
    pack_text(&frame, S("code"));
    pack_bytes(&frame, (str){(const char *)rule->code.bytes, sizeof rule->code.bytes});
    pack_named_text(&frame, S("name"), rule->name);
    pack_named_text(&frame, S("point"), rule_point_word(rule->point));
    pack_named_text(&frame, S("operation"), operation_word(asked->operation));
    pack_named_text(&frame, S("entity"), rule->entity->name);
    pack_named_int(&frame, S("model"), model_revision(run->change->model));
    pack_named_raw(&frame, S("values"), asked->values);
    pack_named_raw(&frame, S("old"), asked->old);
    put_list(&frame, S("changed"), asked->changed);
    put_actor(&frame, run->change, run->chain);
    pack_named_raw(&frame, S("input"), asked->input);
    put_time(&frame, run);
    pack_named_int(&frame, S("fuel"), (int64_t)run->fuel);
    pack_named_int(&frame, S("cpu_ms"), run_cpu_ms_left(run));
    pack_named_int(&frame, S("depth"), run->chain->depth);
    return buf_is_over(&frame) ? (str){} : buf_str(&frame);
}

/* The talk. */

static void keep_frame(struct arena *arena, struct run_frames *frames, str frame)
{
    frames->bytes += frame.len;
    if (frames->bytes > RUN_TALK_BYTES_MAX) return;
    if (frames->count == frames->capacity) {
        uint32_t capacity = frames->capacity == 0 ? 8 : 2 * frames->capacity;
        str *items = arena_new(arena, str, capacity);
        if (frames->count > 0) memcpy(items, frames->items, frames->count * sizeof *items);
        frames->items = items;
        frames->capacity = capacity;
    }
    frames->items[frames->count++] = frame;
}

/** What a run says belongs to all those around it too. What the server has said lies where the next
 *  answer will lie. */
static void keep_frames(struct run *run, str said, str answer)
{
    struct arena *arena = run->change->task->arena;
    bool is_kept = run->frames.bytes + said.len + answer.len <= RUN_TALK_BYTES_MAX;
    if (is_kept && run->scratch != nullptr) said = arena_copy(arena, said);
    for (struct run *at = run; at != nullptr; at = at->outer) {
        keep_frame(arena, &at->frames, said);
        keep_frame(arena, &at->frames, answer);
    }
}

/** Without what ran within it. */
static int64_t own_us(const struct run *run)
{
    const struct talk *talk = run->chain->talk;
    return talk == nullptr ? 0 : talk_cpu_us(talk) - run->begun_us - run->inner_us;
}

/** Since the first rule of the change. */
static int64_t chain_us(const struct rule_chain *chain)
{
    return chain->cpu_us + (chain->talk == nullptr ? 0 : talk_cpu_us(chain->talk));
}

/** That all of its chains may compute. */
static int64_t chain_ms_max(const struct rule_chain *chain)
{
    int64_t most = RULE_CHAIN_CPU_MS_MAX * (int64_t)rule_heads(chain);
    return most < RULE_CHANGE_CPU_MS_MAX ? most : RULE_CHANGE_CPU_MS_MAX;
}

int64_t run_cpu_ms_left(const struct run *run)
{
    int64_t left = RULE_CPU_MS_MAX - own_us(run) / 1000;
    int64_t chain_left = chain_ms_max(run->chain) - chain_us(run->chain) / 1000;
    return left < chain_left ? left : chain_left;
}

static void end_badly(struct run *run, enum run_outcome outcome, str message)
{
    run->result->outcome = outcome;
    run->result->message = utf8_first(message, RULE_MESSAGE_BYTES_MAX);
    run->result->changes = (str){};
}

/** A runner that says what it may not is gone, and with it all that ran in it. */
static void silence(struct run *run, str why)
{
    run->chain->is_silent = true;
    end_badly(run, RUN_FAILED, why);
}

/* How it ended. */

static uint64_t number_in(str frame, str name, uint64_t most)
{
    struct value value;
    bool is_number =
        value_find_text(frame, name, &value) && value.kind == VALUE_INT && value.integer >= 0;
    return !is_number ? 0 : (uint64_t)value.integer < most ? (uint64_t)value.integer : most;
}

static str text_in(str frame, str name, size_t bytes_max)
{
    return utf8_first(value_text_in(frame, name), bytes_max);
}

static bool read_outcome(str word, enum run_outcome *outcome_out)
{
    for (enum run_outcome at = RUN_DONE; at <= RUN_OVERRAN; at++)
        if (str_eq(run_outcome_word(at), word)) return *outcome_out = at, true;
    return false;
}

/** At most so many lines, none too long. */
static str read_log(struct arena *arena, str frame)
{
    struct value list, line;
    bool is_list = value_find_text(frame, S("log"), &list) && list.kind == VALUE_LIST;
    if (!is_list) list = (struct value){};
    uint32_t count = list.count < RULE_LOG_LINES_MAX ? list.count : RULE_LOG_LINES_MAX, kept = 0;
    str lines[RULE_LOG_LINES_MAX];
    size_t bytes = 8;
    struct cursor cursor = cursor_of(list.items);
    for (uint32_t at = 0; at < count && value_next(&cursor, &line); at++) {
        if (line.kind != VALUE_TEXT) continue;
        lines[kept] = utf8_first(line.text, RULE_LOG_LINE_BYTES_MAX);
        bytes += lines[kept++].len + 5;
    }
    struct buf log = buf_make(arena, bytes);
    pack_list(&log, kept);
    for (uint32_t at = 0; at < kept; at++) pack_text(&log, lines[at]);
    return buf_str(&log);
}

/** What it set, in the form of what somebody sends. False: it is no such thing. */
static bool read_changes(struct run *run, str frame)
{
    struct arena *arena = run->change->task->arena;
    struct task quiet = {.arena = arena};
    struct value changes;
    if (!value_find_text(frame, S("changes"), &changes) || changes.kind == VALUE_NIL) return true;
    if (changes.kind != VALUE_MAP) return false;
    if (changes.count == 0) return true;
    bool may = run->asked->rule->point == RULE_BEFORE || run->asked->rule->point == RULE_ACTION;
    struct buf given = buf_make(arena, BODY_BYTES_MAX);
    if (!may || value_read_given(&quiet, changes.bytes, &given) != ERR_NONE) return false;
    run->result->changes = buf_str(&given);
    return true;
}

bool run_read_done(struct run *run, str frame)
{
    struct run_result *result = run->result;
    enum run_outcome outcome;
    if (!read_outcome(text_in(frame, S("done"), 16), &outcome)) return false;
    result->outcome = outcome;
    result->message = text_in(frame, S("message"), RULE_MESSAGE_BYTES_MAX);
    result->line = (uint32_t)number_in(frame, S("line"), INT32_MAX);
    result->log = read_log(run->change->task->arena, frame);
    result->fuel = number_in(frame, S("fuel"), run->fuel);
    result->bytes = (size_t)number_in(frame, S("bytes"), 2 * RULE_BYTES_MAX);
    str field = text_in(frame, S("field"), FIELD_NAME_BYTES_MAX);
    bool is_field = entity_field(run->asked->rule->entity, field) != nullptr;
    if (outcome == RUN_REJECTED && is_field) result->field = field;
    return outcome != RUN_DONE || read_changes(run, frame);
}

/** Says a frame and takes what comes back: another question, whose answer is the next frame, or the
 *  end. False: it is over. */
static bool exchange(struct run *run, str *frame)
{
    struct talk *talk = run->chain->talk;
    int64_t cpu_ms = run_cpu_ms_left(run);
    str answer, next;
    if (frame->len == 0) return silence(run, S("the record is too large for a rule")), false;
    if (cpu_ms < 1 || talk_say(talk, *frame, cpu_ms, &answer) != RUNNER_ANSWERED) {
        bool has_overrun = cpu_ms < 1 || talk_has_overrun(talk);
        struct arena *arena = run->change->task->arena;
        silence(run, has_overrun ? S("takes too much time")
                                 : arena_print(arena, "its process %.*s", FMT(talk_failure(talk))));
        if (has_overrun) run->result->outcome = RUN_OVERRAN;
        return false;
    }
    keep_frames(run, *frame, answer);
    if (run_read_done(run, answer)) return false;
    next = run_answer(run, answer);
    if (run->chain->is_silent)
        end_badly(run, RUN_FAILED, S("a rule that it set off ended the process of both"));
    else if (next.len == 0) silence(run, S("its process said what is no question"));
    if (run->chain->is_silent) return false;
    run->result->question_count++;
    *frame = next;
    return true;
}

/* A run. */

enum err rule_time_ask(struct rules *rules, struct txn *txn, enum runner_use use)
{
    struct quotas quotas;
    TRY(quotas_read(txn, &quotas));
    int64_t bound_ms = quotas.bounds[QUOTA_RULE_TIME];
    struct runner_share share =
        runners_share(rules->options.runners, txn_space(txn)->number, use, bound_ms);
    if (share.wait_ms == 0) return ERR_NONE;
    return quota_reached(txn_task(txn), QUOTA_RULE_TIME, bound_ms, share.use_ms, share.wait_ms);
}

static enum err begin(struct run *run, bool *is_outermost_out)
{
    struct rule_chain *chain = run->chain;
    struct change *change = run->change;
    *is_outermost_out = chain->talk == nullptr;
    if (*is_outermost_out) {
        bool is_dry = chain->trial != nullptr || chain->tally != nullptr;
        enum runner_use use = is_dry ? RUNNER_FOR_TRIALS : RUNNER_FOR_CHANGES;
        struct runners *runners = run->rules->options.runners;
        uint32_t tenant = txn_space(change->txn)->number;
        struct talk *begun;
        TRY(rule_time_ask(run->rules, change->txn, use));
        if (talk_begin(runners, change->task, tenant, use, &begun) != RUNNER_ANSWERED)
            return ERR_FULL;
        chain->talk = begun;
        chain->is_silent = false;
    }
    run->begun_us = talk_cpu_us(chain->talk);
    return ERR_NONE;
}

/** What is spent counts, however it ended; a talk lasts as long as its outermost run. */
static void end(struct run *run, bool is_outermost)
{
    struct rule_chain *chain = run->chain;
    int64_t all_us = talk_cpu_us(chain->talk) - run->begun_us;
    run->result->cpu_us = all_us - run->inner_us;
    if (run->outer != nullptr) run->outer->inner_us += all_us;
    chain->fuel += run->result->fuel;
    chain->run = run->outer;
    if (run->scratch != nullptr) arena_drop(run->scratch);
    if (!is_outermost) return;
    chain->cpu_us += all_us;
    talk_end(chain->talk, !chain->is_silent);
    chain->talk = nullptr;
}

enum err run_script(struct rules *rules, struct change *change, const struct run_asked *asked,
                    struct run_result *result_out)
{
    struct rule_chain *chain = rule_chain_of(change);
    struct run run = {.rules = rules,
                      .change = change,
                      .chain = chain,
                      .asked = asked,
                      .result = result_out,
                      .outer = chain->run};
    *result_out = (struct run_result){};
    uint64_t most = RULE_CHAIN_FUEL_MAX * rule_heads(chain);
    uint64_t left = chain->fuel < most ? most - chain->fuel : 0;
    run.fuel = left < RULE_FUEL_MAX ? left : RULE_FUEL_MAX;
    if (run.fuel == 0 || chain_us(chain) / 1000 >= chain_ms_max(chain)) {
        end_badly(&run, RUN_OVERRAN, S("the rules of this change have used up their budget"));
        return ERR_NONE;
    }
    bool is_outermost;
    TRY(begin(&run, &is_outermost));
    const struct change_savepoint savepoint = change_savepoint(change);
    uint32_t effect_count = chain->trial != nullptr ? chain->trial->effect_count : 0;
    int64_t begun_ns = clock_monotonic_ns();
    chain->run = &run;
    str frame = first_frame(&run);
    while (exchange(&run, &frame)) {
    }
    if (run.ended.len > 0 && result_out->outcome == RUN_DONE)
        end_badly(&run, RUN_FAILED, run.ended);
    result_out->wall_us = (clock_monotonic_ns() - begun_ns) / 1000;
    if (result_out->outcome != RUN_DONE || chain->trial != nullptr)
        result_out->talk = frames_write(&run);
    end(&run, is_outermost);
    if (run.err != ERR_NONE) return run.err;
    if (result_out->outcome == RUN_DONE) return ERR_NONE;
    change_rollback(change, &savepoint);
    if (chain->trial != nullptr) chain->trial->effect_count = effect_count;
    return ERR_NONE;
}
