#include "work/rule_job.h"

#include "base/clock.h"
#include "base/fold.h"
#include "base/require.h"
#include "record/condition.h"
#include "rules/rules.h"

constexpr uint32_t LOOKED_AT_MAX = 20'000;   /** records in one transaction */
constexpr int64_t LOOK_NS_MAX = 200'000'000; /** of one transaction */
constexpr uint32_t TURN_RECORDS_MAX = 100;   /** in the lane at once */
constexpr int64_t TURN_NS_MAX = 50'000'000;  /** then others have their turn */
constexpr size_t SCRATCH_BYTES_MAX = 16 * MIB;
constexpr size_t EXAMPLES_BYTES_MAX = 48 * KIB;
constexpr size_t EXAMPLE_TEXT_BYTES_MAX = 500;
constexpr size_t GIVEN_BYTES_MAX = 64 + 2 * RULE_DEPTH_MAX * (sizeof(struct id) + 2);

enum rule_count : uint8_t {
    COUNT_LOOKED_AT,
    COUNT_FIRED,
    COUNT_CHANGED,
    COUNT_REJECTED,
    COUNT_FAILED,
    COUNTS,
};
static const str count_words[COUNTS] = {
    [COUNT_LOOKED_AT] = {"looked_at", 9}, [COUNT_FIRED] = {"fired", 5},
    [COUNT_CHANGED] = {"changed", 7},     [COUNT_REJECTED] = {"rejected", 8},
    [COUNT_FAILED] = {"failed", 6},
};

/** From open to close. */
struct rule_live {
    struct id rule;
    str causes;     /** an encoded list of who began it; empty: no rule did */
    struct id last; /** looked at */
    uint64_t counts[COUNTS];
    uint32_t example_count;
    struct buf examples; /** maps, one behind another */
    /* Of the step. */
    struct arena scratch;
    struct id seen; /** the last that was looked at for this step */
    uint64_t looked_at;
    bool is_at_end;
    uint32_t count, at;
    struct id found[TURN_RECORDS_MAX];
    uint64_t found_behind[TURN_RECORDS_MAX]; /** looked at up to this one */
};

enum err rule_job_begin(struct task *task, struct txn *txn, const struct scope *scope,
                        struct id rule, const struct rule_chain *causes, struct job *job_out)
{
    struct buf given = buf_make(task->arena, GIVEN_BYTES_MAX);
    if (causes != nullptr) pack_list(&given, 2);
    pack_bytes(&given, id_bytes(&rule));
    if (causes != nullptr) rule_causes_write(&given, causes);
    return job_create(task, txn, scope, S("rule"), buf_str(&given), job_out);
}

/** The rule as it stands in this transaction. */
static enum err rule_find(struct job_run *run, struct txn *txn, const struct rule **rule_out)
{
    const struct rule_live *live = run->live;
    struct view view = {run->task, txn, run->tenant.model, &run->scope};
    const struct rule_set *set;
    TRY(rule_set_of(rules_sets(run->rules), &view, &set));
    *rule_out = rule_set_find(set, live->rule);
    if (*rule_out != nullptr && (*rule_out)->point == RULE_SCHEDULE) return ERR_NONE;
    return fail(run->task, ERR_CONFLICT, "the rule is active no more");
}

/* What it is meant for. */

static bool speaks_of_archived(const struct rule *rule)
{
    const struct field *fields[CONDITION_TESTS_MAX];
    uint32_t count = rule->when == nullptr ? 0 : condition_fields(rule->when, fields);
    for (uint32_t at = 0; at < count; at++)
        if (fields[at] == rule->entity->archived_at) return true;
    return false;
}

static bool is_meant(const struct view *view, struct rule_live *live, const struct rule *rule,
                     bool takes_archived, const struct record *record)
{
    struct value archived_at;
    if (!takes_archived && rule->entity->archived_at != nullptr &&
        value_find(record->value, rule->entity->archived_at->number, &archived_at) &&
        archived_at.kind != VALUE_NIL)
        return false;
    arena_clear(&live->scratch);
    return rule->when == nullptr ||
           condition_holds_record(view, &live->scratch, rule->when, record);
}

/** Those behind the last, as many as one turn takes. */
static enum err look(struct job_run *run, struct txn *txn, void *argument)
{
    struct rule_live *live = argument;
    const struct rule *rule;
    TRY(rule_find(run, txn, &rule));
    struct view view = {run->task, txn, run->tenant.model, &run->scope};
    struct scan_range range = {.is_unbounded_from = true,
                               .is_unbounded_to = true,
                               .has_after = !id_is_nil(live->last),
                               .after_id = live->last};
    struct scan *scan = scan_records(txn, rule->entity->number, &range);
    int64_t end_ns = clock_monotonic_ns() + LOOK_NS_MAX;
    bool takes_archived = speaks_of_archived(rule);
    live->count = live->at = 0;
    live->looked_at = 0;
    live->is_at_end = false;
    live->seen = live->last;
    while (live->looked_at < LOOKED_AT_MAX && live->count < TURN_RECORDS_MAX &&
           clock_monotonic_ns() < end_ns) {
        struct scan_entry entry;
        bool has_entry;
        TRY(scan_next(scan, &has_entry, &entry));
        live->is_at_end =
            !has_entry || memcmp(entry.id.bytes, run->job.id.bytes, sizeof entry.id.bytes) > 0;
        if (live->is_at_end) break;
        struct record record = {rule->entity, entry.id, entry.value};
        live->seen = entry.id;
        live->looked_at++;
        if (!is_meant(&view, live, rule, takes_archived, &record)) continue;
        live->found_behind[live->count] = live->looked_at;
        live->found[live->count++] = entry.id;
    }
    scan_close(scan);
    return ERR_NONE;
}

/* One record. */

static void put_id(struct buf *out, struct arena *arena, str name, struct id id)
{
    pack_text(out, name);
    if (id_is_nil(id)) pack_nil(out);
    else pack_text(out, id_text(arena, id));
}

static void note_example(struct rule_live *live, const struct task *task, struct id record,
                         const char *outcome)
{
    const struct fault *fault = &task->fault;
    str field = S(""), message = fault->detail;
    if (fault->item_count > 0) {
        field = fault->items[0].field;
        message = fault->items[0].message;
    }
    if (live->example_count == RULE_JOB_EXAMPLES_MAX ||
        live->examples.len + 2 * EXAMPLE_TEXT_BYTES_MAX > EXAMPLES_BYTES_MAX)
        return;
    live->example_count++;
    struct buf *out = &live->examples;
    pack_map(out, 6);
    pack_text(out, S("record"));
    pack_text(out, id_text(task->arena, record));
    pack_text(out, S("outcome"));
    pack_text(out, str_of(outcome));
    pack_text(out, S("message"));
    pack_text(out, utf8_first(message, EXAMPLE_TEXT_BYTES_MAX));
    pack_text(out, S("field"));
    pack_text(out, utf8_first(field, 100));
    put_id(out, task->arena, S("run"), fault->run);
    pack_text(out, S("rule"));
    if (id_is_nil(fault->rule)) {
        pack_nil(out);
        return;
    }
    pack_map(out, 2);
    put_id(out, task->arena, S("id"), fault->rule);
    pack_text(out, S("name"));
    pack_text(out, fault->rule_name);
}

struct attempt {
    struct job_run *run;
    const struct rule *rule;
    struct change change;
    struct id record;
    bool has_fired;
};

static enum err attempt_run(void *argument)
{
    struct attempt *attempt = argument;
    struct change *change = &attempt->change;
    struct rule_alone alone = {
        .rule = attempt->rule, .operation = OPERATION_UPDATE, .record = attempt->record};
    struct rule_chain *chain = rule_chain_of(change);
    const struct rule_live *live = attempt->run->live;
    struct value causes = live->causes.len == 0 ? (struct value){} : value_of(live->causes);
    chain->through = S("job");
    if (live->causes.len > 0 && !rule_causes_read(&causes, chain))
        return fail(change->task, ERR_CORRUPT, "what began a job is damaged");
    TRY(rules_run_alone(attempt->run->rules, change, &alone, &attempt->has_fired));
    return attempt->has_fired ? change_finish(change) : ERR_NONE;
}

static enum err record_run(struct job_run *run, struct txn *txn, const struct rule *rule,
                           struct id record)
{
    struct rule_live *live = run->live;
    struct savepoint savepoint = txn_savepoint(txn);
    uint64_t newest = txn_log_newest(txn);
    struct task task;
    arena_clear(&live->scratch);
    task_init(&task, &live->scratch);
    task.now_ms = run->task->now_ms;
    task.request_id = run->job.id;
    struct attempt attempt = {
        .run = run, .rule = rule, .change = job_change(run, txn), .record = record};
    attempt.change.task = &task;
    txn_set_task(txn, &task);
    enum err err = arena_guard(task.arena, attempt_run, &attempt);
    txn_set_task(txn, run->task);
    if (err != ERR_NONE) txn_rollback(txn, savepoint);
    if (err == ERR_FULL || err == ERR_LIMITED || err == ERR_SYSTEM) return err;
    /* It may have gone with one before it. */
    if (err == ERR_MISSING && id_is_nil(task.fault.rule)) return ERR_NONE;
    bool has_changed = err == ERR_NONE && txn_log_newest(txn) > newest;
    /* A script that fails rejects the change too, by another code. */
    bool is_rejected = err == ERR_REJECTED && task.fault.item_count > 0 &&
                       str_eq(task.fault.items[0].code, S("rejected"));
    live->counts[COUNT_FIRED] += err != ERR_NONE || attempt.has_fired;
    live->counts[COUNT_CHANGED] += has_changed;
    if (err == ERR_NONE) return ERR_NONE;
    live->counts[is_rejected ? COUNT_REJECTED : COUNT_FAILED]++;
    note_example(live, &task, record, is_rejected ? "rejected" : "failed");
    return ERR_NONE;
}

/* A turn. */

static void position_put(struct job_run *run)
{
    const struct rule_live *live = run->live;
    struct arena *arena = run->task->arena;
    struct buf position = buf_make(arena, 256 + EXAMPLES_BYTES_MAX);
    struct buf result = buf_make(arena, 512 + EXAMPLES_BYTES_MAX);
    pack_list(&position, COUNTS + 2);
    pack_bytes(&position, id_bytes(&live->last));
    pack_map(&result, COUNTS + 2);
    pack_text(&result, S("rule"));
    pack_text(&result, id_text(arena, live->rule));
    for (uint32_t at = 0; at < COUNTS; at++) {
        pack_int(&position, (int64_t)live->counts[at]);
        pack_text(&result, count_words[at]);
        pack_int(&result, (int64_t)live->counts[at]);
    }
    pack_list(&position, live->example_count);
    pack_raw(&position, buf_str(&live->examples));
    pack_text(&result, S("examples"));
    pack_list(&result, live->example_count);
    pack_raw(&result, buf_str(&live->examples));
    require(!buf_is_over(&position) && !buf_is_over(&result));
    run->job.position = buf_str(&position);
    run->job.result = buf_str(&result);
}

static enum err turn_apply(struct job_run *run, struct txn *txn, void *argument)
{
    struct rule_live *live = argument;
    const struct rule *rule;
    uint64_t before = live->counts[COUNT_LOOKED_AT];
    TRY(rule_find(run, txn, &rule));
    int64_t end_ns = clock_monotonic_ns() + TURN_NS_MAX;
    enum err err = ERR_NONE;
    while (live->at < live->count && err == ERR_NONE) {
        if (live->at > 0 && clock_monotonic_ns() > end_ns) break;
        err = record_run(run, txn, rule, live->found[live->at]);
        if (err == ERR_NONE) live->at++;
    }
    /* What was done before a lack of room or time stands. */
    if (err != ERR_NONE && live->at == 0) return err;
    bool is_whole = live->at == live->count;
    live->last = is_whole ? live->seen : live->found[live->at - 1];
    live->counts[COUNT_LOOKED_AT] =
        before + (is_whole ? live->looked_at : live->found_behind[live->at - 1]);
    run->is_over = is_whole && live->is_at_end;
    run->job.done = live->counts[COUNT_LOOKED_AT];
    if (run->is_over) run->job.total = run->job.done;
    position_put(run);
    return ERR_NONE;
}

enum err rule_job_step(struct job_run *run, bool *is_over_out)
{
    TRY(job_read(run, look, run->live));
    enum err err = job_write(run, turn_apply, run->live);
    *is_over_out = run->is_over;
    return err;
}

/* Open and close. */

static bool position_read(struct job_run *run, struct rule_live *live)
{
    struct value list = value_of(run->job.position), item;
    if (list.kind == VALUE_NIL) return true;
    struct cursor items = cursor_of(list.items);
    if (list.kind != VALUE_LIST || list.count != COUNTS + 2 || !value_next(&items, &item) ||
        item.kind != VALUE_BYTES || !id_of_bytes(item.text, &live->last))
        return false;
    for (uint32_t at = 0; at < COUNTS; at++) {
        if (!value_next(&items, &item) || item.kind != VALUE_INT) return false;
        live->counts[at] = (uint64_t)item.integer;
    }
    if (!value_next(&items, &item) || item.kind != VALUE_LIST) return false;
    live->example_count = item.count;
    buf_put(&live->examples, item.items);
    return true;
}

/** The rule's id; with who began it, a list of both. */
static struct value given_read(struct job_run *run, struct rule_live *live)
{
    struct value given = value_of(run->job.given), rule = {}, causes = {};
    struct cursor items = cursor_of(given.items);
    if (given.kind != VALUE_LIST) return given;
    if (given.count == 2 && value_next(&items, &rule) && value_next(&items, &causes))
        live->causes = arena_copy(run->arena, causes.bytes);
    return rule;
}

enum err rule_job_open(struct job_run *run)
{
    struct rule_live *live = arena_new(run->arena, struct rule_live, 1);
    struct value rule = given_read(run, live);
    run->live = live;
    arena_init(&live->scratch, SCRATCH_BYTES_MAX);
    live->examples = buf_make(run->arena, EXAMPLES_BYTES_MAX);
    if (run->rules == nullptr || rule.kind != VALUE_BYTES || !id_of_bytes(rule.text, &live->rule) ||
        !position_read(run, live))
        return fail(run->task, ERR_CORRUPT, "what a job was given is damaged");
    return ERR_NONE;
}

void rule_job_close(struct job_run *run)
{
    struct rule_live *live = run->live;
    arena_drop(&live->scratch);
}
