/* Traces of runs: kept, found, counted, bounded; a rule that overruns too often is switched off. */
#include "rules/trace.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "fixture.h"
#include "rules/trace_rows.h"

static struct id id_at(int64_t ms)
{
    struct id id = id_make();
    for (int at = 0; at < 6; at++) id.bytes[at] = (uint8_t)(ms >> (40 - 8 * at));
    return id;
}

static struct trace trace_of(struct id rule, enum run_outcome outcome)
{
    struct trace trace = {
        .id = id_make(),
        .rule = rule,
        .rule_name = S("no test clients"),
        .version = 3,
        .point = RULE_AFTER,
        .operation = OPERATION_UPDATE,
        .entity = 10,
        .record = id_make(),
        .through = S("api"),
        .cause = id_make(),
        .group = id_make(),
        .depth = 1,
        .result = {.outcome = outcome, .fuel = 100, .bytes = 2048, .cpu_us = 50, .wall_us = 70},
    };
    trace.at_ms = id_time_ms(trace.id);
    return trace;
}

static str packed(struct fixture *fixture, const char *json)
{
    struct buf out = buf_make(&fixture->test.arena, MIB);
    check_int(json_read(&fixture->test.task, str_of(json), &out), ERR_NONE);
    return buf_str(&out);
}

static struct txn *reading(struct fixture *fixture, const struct space *space)
{
    struct txn *txn;
    fixture->test.task.fault = (struct fault){};
    check_int(txn_open(&fixture->test.task, space, &txn), ERR_NONE);
    return txn;
}

/** All of a rule (nil: of all), newest first. */
static uint32_t walk(struct fixture *fixture, const struct space *space, struct id rule,
                     struct id *ids, uint32_t max)
{
    struct txn *txn = reading(fixture, space);
    uint32_t count = 0;
    struct id before = {};
    struct trace trace;
    enum err err;
    while ((err = trace_before(&fixture->test.task, txn, rule, before, &trace)) == ERR_NONE) {
        check(id_is_nil(rule) || id_eq(trace.rule, rule));
        if (count < max) ids[count] = trace.id;
        count++;
        before = trace.id;
    }
    check_int(err, ERR_MISSING);
    txn_close(txn);
    return count;
}

static str days(struct fixture *fixture, const struct space *space, struct id rule)
{
    struct txn *txn = reading(fixture, space);
    struct buf json = buf_make(&fixture->test.arena, MIB);
    check_int(trace_days_write(&json, &fixture->test.task, txn, rule, 7), ERR_NONE);
    txn_close(txn);
    return buf_str(&json);
}

static uint64_t figure(struct fixture *fixture, const struct space *space, struct id rule,
                       const char *name)
{
    struct value list =
        value_of(packed(fixture, arena_cstring(&fixture->test.arena, days(fixture, space, rule))));
    struct cursor items = cursor_of(list.items);
    struct value day, number;
    uint64_t sum = 0;
    while (value_next(&items, &day)) {
        check(value_find_text(day.bytes, str_of(name), &number));
        sum += (uint64_t)number.integer;
    }
    return sum;
}

TEST(test_traces__one_comes_back_as_it_was)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct traces *traces = traces_open(fixture.store, fixture.model);
    struct trace given = trace_of(id_make(), RUN_REJECTED);
    given.is_trial = true;
    given.actor = id_make();
    given.caused_by = id_make();
    given.result.message = S("not \"this\" one");
    given.result.field = S("name");
    given.result.line = 7;
    given.result.question_count = 2;
    given.result.log = packed(&fixture, "[\"first\",\"second\"]");
    given.result.changes = packed(&fixture, "{\"name\":\"Acme\"}");
    given.result.talk = packed(&fixture, "[[],{\"ask\":\"rule\"},{\"done\":\"rejected\"}]");
    trace_add(traces, &fixture.space, &given);
    check(traces_flush(traces, &fixture.space, 60'000));
    struct trace is;
    struct txn *txn = reading(&fixture, &fixture.space);
    str talk;
    check_int(trace_get(&fixture.test.task, txn, given.id, &is), ERR_NONE);
    check_int(trace_talk(&fixture.test.task, txn, given.id, &talk), ERR_NONE);
    check_str(talk, given.result.talk);
    check(is.has_talk && is.is_trial && is.at_ms == given.at_ms && is.version == 3);
    check(id_eq(is.rule, given.rule) && id_eq(is.record, given.record));
    check(id_eq(is.actor, given.actor) && id_eq(is.cause, given.cause));
    check(id_eq(is.group, given.group) && id_eq(is.caused_by, given.caused_by));
    check_str(is.result.log, given.result.log);
    struct buf json = buf_make(&fixture.test.arena, MIB);
    trace_write(&json, fixture.model, &is, true);
    const char *parts[] = {
        "\"name\":\"no test clients\"}",
        "\"version\":3",
        "\"point\":\"after\",\"operation\":\"update\"",
        "\"through\":\"api\"",
        "\"trial\":true,\"can_be_replayed\":true",
        "\"outcome\":\"rejected\",\"message\":\"not \\\"this\\\" one\"",
        "\"field\":\"name\",\"line\":7",
        "\"cost\":{\"fuel\":100,\"bytes\":2048,\"cpu_us\":50,\"wall_us\":70,\"questions\":2}",
        "\"changes\":{\"name\":\"Acme\"}",
        "\"log\":[\"first\",\"second\"]",
    };
    for (size_t at = 0; at < sizeof parts / sizeof *parts; at++)
        if (strstr(arena_cstring(&fixture.test.arena, buf_str(&json)), parts[at]) == nullptr)
            test_failed(__FILE__, __LINE__, parts[at]);
    check_int(trace_get(&fixture.test.task, txn, id_make(), &is), ERR_MISSING);
    check_int(trace_talk(&fixture.test.task, txn, id_make(), &talk), ERR_MISSING);
    txn_close(txn);
    check_str(days(&fixture, &fixture.space, given.rule), S("[]")); /* a trial is no run of it */
    traces_close(traces);
    fixture_drop(&fixture);
}

TEST(test_traces__are_found_newest_first_by_rule_and_in_all)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct traces *traces = traces_open(fixture.store, fixture.model);
    struct id rules[2] = {id_make(), id_make()}, ids[20], found[20];
    for (uint32_t at = 0; at < 20; at++) {
        struct trace trace = trace_of(rules[at % 2], RUN_DONE);
        ids[19 - at] = trace.id;
        trace_add(traces, &fixture.space, &trace);
    }
    check(traces_flush(traces, &fixture.space, 60'000));
    check_int(walk(&fixture, &fixture.space, (struct id){}, found, 20), 20);
    check(memcmp(found, ids, sizeof ids) == 0);
    for (uint32_t of = 0; of < 2; of++) {
        check_int(walk(&fixture, &fixture.space, rules[of], found, 20), 10);
        for (uint32_t at = 0; at < 10; at++) check(id_eq(found[at], ids[2 * at + 1 - of]));
        check_int(figure(&fixture, &fixture.space, rules[of], "runs"), 10);
        check_int(figure(&fixture, &fixture.space, rules[of], "fuel"), 1000);
    }
    check_int(walk(&fixture, &fixture.space, id_make(), found, 20), 0);
    traces_close(traces);
    fixture_drop(&fixture);
}

/** What was durable is there whole after a kill, and counts add up. */
TEST(test_traces__a_killed_process_loses_only_the_newest)
{
    int ends[2];
    char folder[TEST_PATH_BYTES];
    struct id rule = id_make();
    check(pipe(ends) == 0);
    pid_t child = fork();
    if (child == 0) {
        struct fixture fixture;
        fixture_init(&fixture);
        struct traces *traces = traces_open(fixture.store, fixture.model);
        for (uint32_t at = 0; at < 50; at++) {
            struct trace trace = trace_of(rule, RUN_FAILED);
            trace.result.talk = packed(&fixture, "[1,2,3]");
            trace_add(traces, &fixture.space, &trace);
        }
        check(traces_flush(traces, &fixture.space, 60'000));
        check(write(ends[1], fixture.folder, sizeof folder) == sizeof folder);
        check(write(ends[1], &fixture.space.uuid, sizeof(struct id)) == sizeof(struct id));
        for (;;) {
            struct trace trace = trace_of(rule, RUN_FAILED);
            trace_add(traces, &fixture.space, &trace);
        }
    }
    struct id uuid;
    check(read(ends[0], folder, sizeof folder) == sizeof folder);
    check(read(ends[0], &uuid, sizeof uuid) == sizeof uuid);
    usleep(30'000);
    check(kill(child, SIGKILL) == 0 && waitpid(child, nullptr, 0) == child);
    struct fixture fixture;
    fixture_init(&fixture);
    struct store *store;
    struct store_options options = {.folder = str_of(folder), .map_bytes = 1ull << 30};
    check_int(store_open(&fixture.test.task, &options, &store), ERR_NONE);
    struct space space = store_space(store, 1, uuid);
    uint32_t all = walk(&fixture, &space, (struct id){}, nullptr, 0);
    check(all >= 50);
    check_int(walk(&fixture, &space, rule, nullptr, 0), all);
    check_int(figure(&fixture, &space, rule, "failed"),
              all + figure(&fixture, &space, rule, "only_counted"));
    struct row_counter counter;
    struct txn *txn = reading(&fixture, &space);
    check_int(txn_counter_read(&fixture.test.task, txn, TRACE_COUNTER, &counter), ERR_NONE);
    check_int(counter.count, all);
    txn_close(txn);
    store_close(store);
    fixture_remove(folder);
    fixture_drop(&fixture);
    close(ends[0]);
    close(ends[1]);
}

TEST(test_traces__a_flood_is_counted_and_does_not_crowd_out_others)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct traces *traces = traces_open(fixture.store, fixture.model);
    struct space other = store_space(fixture.store, 2, id_make());
    struct id flooding = id_make(), quiet = id_make(), found[1];
    str log = packed(&fixture, "[\"many words in a log\"]");
    int64_t begun_ns = clock_monotonic_ns();
    for (uint32_t at = 0; at < 20'000; at++) {
        struct trace trace = trace_of(flooding, at % 2 == 0 ? RUN_DONE : RUN_FAILED);
        trace.result.log = log;
        trace_add(traces, &fixture.space, &trace);
    }
    struct trace trace = trace_of(quiet, RUN_DONE);
    trace_add(traces, &other, &trace);
    int64_t seconds = (clock_monotonic_ns() - begun_ns) / 1'000'000'000 + 2;
    check(traces_flush(traces, &fixture.space, 60'000));
    check(traces_flush(traces, &other, 60'000));
    uint32_t kept = walk(&fixture, &fixture.space, flooding, nullptr, 0);
    check(kept >= 2 * TRACES_A_SECOND && kept <= 2 * TRACES_A_SECOND * seconds);
    check_int(figure(&fixture, &fixture.space, flooding, "runs"), 20'000);
    check_int(figure(&fixture, &fixture.space, flooding, "failed"), 10'000);
    check_int(figure(&fixture, &fixture.space, flooding, "only_counted"), 20'000 - kept);
    check_int(walk(&fixture, &other, (struct id){}, found, 1), 1);
    check(id_eq(found[0], trace.id));
    check_int(traces_figures(traces).dropped, 20'000 - kept);
    check_int(traces_figures(traces).failed, 0);
    traces_close(traces);
    fixture_drop(&fixture);
}

TEST(test_traces__of_many_tenants_are_written_together)
{
    constexpr uint32_t tenants = 150;
    struct fixture fixture;
    fixture_init(&fixture);
    struct traces *traces = traces_open(fixture.store, fixture.model);
    struct space spaces[tenants];
    struct id rule = id_make();
    for (uint32_t at = 0; at < tenants; at++)
        spaces[at] = store_space(fixture.store, 10 + at, id_make());
    uint64_t commits = store_figures(fixture.store).commits;
    for (uint32_t at = 0; at < 3 * tenants; at++) {
        struct trace trace = trace_of(rule, RUN_DONE);
        trace_add(traces, &spaces[at % tenants], &trace);
    }
    for (uint32_t at = 0; at < tenants; at++) check(traces_flush(traces, &spaces[at], 60'000));
    check(store_figures(fixture.store).commits - commits < tenants);
    for (uint32_t at = 0; at < tenants; at++) {
        check_int(walk(&fixture, &spaces[at], rule, nullptr, 0), 3);
        check_int(figure(&fixture, &spaces[at], rule, "runs"), 3);
    }
    traces_close(traces);
    fixture_drop(&fixture);
}

/** Something done in the tenant's lane. */
struct in_lane {
    struct work work;
    struct fixture *fixture;
    enum err (*run)(struct task *task, struct txn *txn, void *argument);
    void *argument;
    struct arena arena;
    struct task task;
};

static enum err run_in_lane(struct work *work, struct txn *txn)
{
    struct in_lane *self = (struct in_lane *)work;
    txn_set_task(txn, &self->task);
    return self->run(&self->task, txn, self->argument);
}

static void do_in_lane(struct fixture *fixture,
                       enum err (*run)(struct task *task, struct txn *txn, void *argument),
                       void *argument)
{
    struct in_lane self = {
        .work = {.run = run_in_lane}, .fixture = fixture, .run = run, .argument = argument};
    arena_init(&self.arena, 64 * MIB);
    task_init(&self.task, &self.arena);
    check_int(store_write(fixture->store, &fixture->space, &self.work), ERR_NONE);
    arena_drop(&self.arena);
}

static enum err put_counter(struct task *task, struct txn *txn, void *argument)
{
    struct row_counter counter;
    TRY(txn_counter_read(task, txn, TRACE_COUNTER, &counter));
    counter.count += *(int64_t *)argument;
    txn_counter_put(task, txn, TRACE_COUNTER, &counter);
    return ERR_NONE;
}

TEST(test_traces__the_oldest_go_when_there_are_too_many)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct traces *traces = traces_open(fixture.store, fixture.model);
    struct id rule = id_make(), ids[30], found[40];
    for (uint32_t at = 0; at < 30; at++) {
        struct trace trace = trace_of(rule, RUN_FAILED);
        trace.result.talk = packed(&fixture, "[1]");
        ids[at] = trace.id;
        trace_add(traces, &fixture.space, &trace);
    }
    check(traces_flush(traces, &fixture.space, 60'000));
    int64_t as_if = TRACES_KEPT_MAX - 30; /* as many more are there, it says */
    do_in_lane(&fixture, put_counter, &as_if);
    for (uint32_t at = 0; at < 10; at++) {
        struct trace trace = trace_of(rule, RUN_FAILED);
        trace_add(traces, &fixture.space, &trace);
    }
    check(traces_flush(traces, &fixture.space, 60'000));
    check_int(walk(&fixture, &fixture.space, rule, found, 40), 30);
    check_int(walk(&fixture, &fixture.space, (struct id){}, found, 40), 30);
    check(id_eq(found[29], ids[10]));
    struct txn *txn = reading(&fixture, &fixture.space);
    str talk;
    check_int(trace_talk(&fixture.test.task, txn, ids[9], &talk), ERR_MISSING);
    check_int(trace_talk(&fixture.test.task, txn, ids[10], &talk), ERR_NONE);
    txn_close(txn);
    traces_close(traces);
    fixture_drop(&fixture);
}

static enum err sweep(struct task *task, struct txn *txn, void *argument)
{
    return traces_sweep(task, txn, argument);
}

TEST(test_traces__have_their_time)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct traces *traces = traces_open(fixture.store, fixture.model);
    int64_t now_ms = fixture.test.task.now_ms;
    struct id rule = id_make();
    for (uint32_t at = 0; at < 40; at++) {
        struct trace trace = trace_of(rule, RUN_FAILED);
        trace.id = id_at(now_ms - TRACE_KEPT_MS + (at < 25 ? -60'000 : 60'000));
        trace_add(traces, &fixture.space, &trace);
    }
    check(traces_flush(traces, &fixture.space, 60'000));
    check_int(walk(&fixture, &fixture.space, rule, nullptr, 0), 40);
    bool has_more = true;
    do_in_lane(&fixture, sweep, &has_more);
    check(!has_more);
    check_int(walk(&fixture, &fixture.space, rule, nullptr, 0), 15);
    check_int(figure(&fixture, &fixture.space, rule, "failed"), 40);
    traces_close(traces);
    fixture_drop(&fixture);
}

static uint32_t notices(struct fixture *fixture, struct id rule)
{
    struct txn *txn = reading(fixture, &fixture->space);
    struct outbox_entry entry;
    uint32_t count = 0;
    int64_t due_ms = 0;
    struct id id = {};
    while (txn_outbox_after(txn, due_ms, id, txn_task(txn)->arena, &entry) == ERR_NONE) {
        struct value of;
        due_ms = entry.due_ms;
        id = entry.id;
        if (!str_eq(entry.kind, S("notify"))) continue;
        check(value_find_text(entry.body, S("rule"), &of) && str_eq(of.text, id_bytes(&rule)));
        count++;
    }
    txn_close(txn);
    return count;
}

static void add(struct traces *traces, struct fixture *fixture, struct id rule,
                enum run_outcome outcome, uint32_t count)
{
    for (uint32_t at = 0; at < count; at++) {
        struct trace trace = trace_of(rule, outcome);
        trace_add(traces, &fixture->space, &trace);
    }
    check(traces_flush(traces, &fixture->space, 60'000));
}

static bool has(struct fixture *fixture, struct id rule, const char *part)
{
    char *json = arena_cstring(&fixture->test.arena, fixture_show(fixture, "rule", rule));
    return strstr(json, part) != nullptr;
}

TEST(test_traces__a_rule_that_overruns_in_a_row_is_switched_off)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct traces *traces = traces_open(fixture.store, fixture.model);
    struct id rule = fixture_create(&fixture, "rule",
                                    "{\"name\":\"endless\",\"entity\":\"client\","
                                    "\"point\":\"before\",\"state\":\"active\","
                                    "\"source\":\"while true do end\"}");
    add(traces, &fixture, rule, RUN_OVERRAN, RULE_OVERRUNS_MAX - 1);
    add(traces, &fixture, rule, RUN_DONE, 1);
    add(traces, &fixture, rule, RUN_OVERRAN, RULE_OVERRUNS_MAX - 2);
    add(traces, &fixture, rule, RUN_OVERRAN, 1);
    check(has(&fixture, rule, "\"state\":\"active\""));
    check_int(notices(&fixture, rule), 0);
    add(traces, &fixture, rule, RUN_OVERRAN, 1);
    check(has(&fixture, rule, "\"state\":\"off\""));
    check(has(&fixture, rule, "ran out of its budget 10 times in a row"));
    check_int(notices(&fixture, rule), 1);
    /* Those that were still under way do not tell it again, but count. */
    add(traces, &fixture, rule, RUN_OVERRAN, 3);
    check_int(notices(&fixture, rule), 1);
    check_int(fixture_patch(&fixture, "rule", rule, "{\"state\":\"active\"}"), ERR_NONE);
    add(traces, &fixture, rule, RUN_OVERRAN, RULE_OVERRUNS_MAX - 4);
    check(has(&fixture, rule, "\"state\":\"active\""));
    add(traces, &fixture, rule, RUN_OVERRAN, 1);
    check(has(&fixture, rule, "\"state\":\"off\""));
    check_int(notices(&fixture, rule), 2);
    fixture_check(&fixture);
    traces_close(traces);
    fixture_drop(&fixture);
}
