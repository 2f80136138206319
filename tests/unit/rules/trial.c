/* Trials and back-tests through real runners: nothing of them stays, and what was said in them is
 * said again, byte for byte. */
#include "rules/trial.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/random.h"
#include "fixture.h"
#include "rules/formulas.h"
#include "rules/rules.h"
#include "rules/trace.h"
#include "store/walk.h"

struct place {
    struct fixture fixture;
    struct runners *runners;
    struct formula_asker *formulas;
    struct traces *traces;
    struct rules *rules;
    struct id people[8];
    uint64_t seed;
};

static uint32_t below(struct place *place, uint32_t count)
{
    place->seed = place->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(place->seed >> 33) % count;
}

/** On a machine that stood still while it was checked: saved again. */
static bool was_late(const struct task *task)
{
    static const char late[] = "takes too much time";
    for (uint32_t at = 0; at < task->fault.item_count; at++) {
        str message = task->fault.items[at].message;
        if (memmem(message.at, message.len, late, sizeof late - 1) != nullptr) return true;
    }
    return false;
}

static struct id save_rule(struct place *place, const char *json)
{
    constexpr uint32_t TRIES_MAX = 20;
    const struct fixture_change asked = {
        .verb = "create", .entity = "rule", .json = json, .hooks = rules_hooks(place->rules)};
    struct fixture_change run = asked;
    enum err err = fixture_do(&place->fixture, &run);
    for (uint32_t tries = 1; tries < TRIES_MAX && was_late(&run.task); tries++) {
        fixture_end(&run);
        run = asked;
        err = fixture_do(&place->fixture, &run);
    }
    for (uint32_t at = 0; at < run.task.fault.item_count; at++)
        fprintf(stderr, "%.*s: %.*s\n", FMT(run.task.fault.items[at].field),
                FMT(run.task.fault.items[at].message));
    check_int(err, ERR_NONE);
    fixture_end(&run);
    return run.id;
}

static void place_init(struct place *place)
{
    (void)signal(SIGPIPE, SIG_IGN); /* as the server does */
    *place = (struct place){};
    fixture_init(&place->fixture);
    struct fixture *fixture = &place->fixture;
    const char *seed = getenv("ATRIUM_SEED");
    place->seed = seed != nullptr ? strtoull(seed, nullptr, 10) : random_uint64() >> 1;
    fprintf(stderr, "ATRIUM_SEED=%llu\n", (unsigned long long)place->seed);
    place->runners = runners_open(fixture_path("ATRIUM_RUNNER", "zig-out/bin/atrium-runner"));
    place->formulas = formulas_open(place->runners);
    place->traces = traces_open(fixture->store, models_base(fixture->models));
    const struct rules_options options = {.runners = place->runners,
                                          .formulas = formulas_slot(place->formulas),
                                          .model = models_base(fixture->models),
                                          .traces = place->traces};
    check_int(rules_open(&fixture->test.task, &options, &place->rules), ERR_NONE);
    for (uint32_t at = 0; at < 8; at++) {
        char json[100];
        (void)snprintf(json, sizeof json, "{\"name\":\"person %u\"}", at);
        place->people[at] = fixture_create(fixture, "contact", json);
    }
    /* Fires on what tried rules make. */
    (void)save_rule(place, "{\"name\":\"inner\",\"entity\":\"contact\",\"point\":\"after\","
                           "\"state\":\"active\",\"when\":{\"name\":{\"prefix\":\"made\"}},"
                           "\"source\":\"log(record.name, random(1000), db.count('contact'))\"}");
}

static void place_drop(struct place *place)
{
    traces_close(place->traces);
    rules_close(place->rules);
    formulas_close(place->formulas);
    runners_close(place->runners);
    fixture_drop(&place->fixture);
}

/* Digests. */

/** Rows that trials do write: their traces, and how many there are. */
static bool is_of_traces(enum database database, str key)
{
    struct row_place place;
    check(row_key_parse(database, key, &place));
    return database == DATABASE_SYSTEM &&
           (place.row == SYSTEM_RUN || place.row == SYSTEM_RUN_OF || place.row == SYSTEM_RUN_TALK ||
            place.row == SYSTEM_RUN_DAY || place.row == SYSTEM_COUNTER);
}

static struct hash digest(struct place *place, uint64_t *rows_out)
{
    struct fixture *fixture = &place->fixture;
    struct txn *txn;
    struct hash hash = {};
    *rows_out = 0;
    for (int database = DATABASE_RECORDS; database <= DATABASE_SYSTEM; database++) {
        struct walk walk = {};
        struct row_key prefix;
        bool has_row;
        str key, stored;
        check_int(txn_open(&fixture->test.task, &fixture->space, &txn), ERR_NONE);
        row_prefix_tenant(&prefix, fixture->space.number);
        row_bounds_all(&walk.bounds, &prefix);
        walk_open(&walk, txn, (enum database)database, false);
        while (walk_next(&walk, &has_row, &key, &stored) == ERR_NONE && has_row) {
            if (is_of_traces((enum database)database, key)) continue;
            str parts[] = {{(const char *)hash.bytes, sizeof hash.bytes}, key, stored};
            hash = hash_of(nullptr, parts, 3);
            ++*rows_out;
        }
        walk_close(&walk);
        txn_close(txn);
    }
    return hash;
}

/* Trials. */

static void try_in_dry(struct place *place, const char *json, enum err expected, str *told_out)
{
    struct fixture *fixture = &place->fixture;
    struct arena arena;
    struct task task;
    struct txn *txn;
    arena_init(&arena, 64 * MIB);
    task_init(&task, &arena);
    struct buf given = buf_make(&arena, MIB), told = buf_make(&arena, 4 * MIB);
    check_int(json_read(&task, str_of(json), &given), ERR_NONE);
    check_int(txn_open_dry(&task, &fixture->space, &txn), ERR_NONE);
    struct view view = {&task, txn, fixture->model, &fixture->scope};
    struct trial_asked asked = {.given = value_of(buf_str(&given))};
    enum err err = trial_run(place->rules, &view, &asked, &told);
    if (err != expected)
        fprintf(stderr, "%s\n%.*s: %.*s\n", json, FMT(err_slug(err)), FMT(task.fault.detail));
    check_int(err, expected);
    if (told_out != nullptr) *told_out = arena_copy(&fixture->test.arena, buf_str(&told));
    txn_close(txn);
    arena_drop(&arena);
}

static const char *const fragments[] = {
    "log(record.name, today, now)",
    "log(random(1000000), random())",
    "for name, value in pairs(record) do log(name, value) end",
    "log(db.count('contact'))",
    "for _, other in ipairs(db.find('contact', {name = {prefix = 'p'}})) do log(other.name) end",
    "local other = db.get('contact', 'PERSON') log(other and other.name)",
    "pcall(function() db.create('contact', {name = 'made ' .. random(99)}) end)",
    "pcall(function() db.update('contact', 'PERSON', {title = 'title ' .. random(99)}) end)",
    "pcall(function() db.delete('contact', 'PERSON') end)",
    "log(pcall(db.create, 'contact', {nmae = 1}))",
    "log(pcall(db.get, 'nothing', 'PERSON'))",
    "pcall(function() queue.notify{to = 'owner', text = 'n ' .. random(99)} end)",
    "local t = {} for at = 1, 40 do t['k' .. random(500)] = at end log(t)",
    "for key, value in pairs({b = 2, a = 1, [3] = 3, [2.5] = 4}) do log(key, value) end",
    "log(tostring({}), tostring(log), settings.title)",
    "log(actor.kind, actor.name, changed 'name')",
    "pcall(function() record.title = 'set ' .. random(99) end)",
    "log(pcall(function() return date.add(today, {months = 1}) end))",
};
static const char *const ends[] = {
    "",
    "",
    "",
    "reject('not this ' .. random(9), 'name')",
    "error('wrong ' .. random(9))",
    "return record.x.y",
    "while true do end",
};
static const char *const points[] = {"before", "after", "check", "settled"};

/** The body of `POST /rules/test`, of some statements. */
static const char *some_trial(struct place *place)
{
    struct arena *arena = &place->fixture.test.arena;
    struct buf json = buf_make(arena, 64 * KIB), source = buf_make(arena, 32 * KIB);
    uint32_t count = 1 + below(place, 6);
    const char *person = fixture_id(&place->fixture, place->people[below(place, 8)]);
    for (uint32_t at = 0; at < count; at++) {
        str rest = str_of(fragments[below(place, sizeof fragments / sizeof *fragments)]);
        const char *found;
        while ((found = memmem(rest.at, rest.len, "PERSON", 6)) != nullptr) {
            buf_put(&source, str_between(rest.at, found));
            buf_put(&source, str_of(person));
            rest = str_from(rest, (size_t)(found - rest.at) + 6);
        }
        buf_print(&source, "%.*s\n", FMT(rest));
    }
    buf_put(&source, str_of(ends[below(place, sizeof ends / sizeof *ends)]));
    buf_print(&json, "{\"rule\":{\"entity\":\"contact\",\"point\":\"%s\",\"source\":",
              points[below(place, 4)]);
    json_write_text(&json, buf_str(&source));
    if (below(place, 2) == 0) buf_put(&json, S("},\"record\":{\"name\":\"up\"}}"));
    else
        buf_print(&json, "},\"id\":\"%s\",\"record\":{\"title\":\"t%u\"}}", person,
                  below(place, 99));
    return arena_cstring(arena, buf_str(&json));
}

/* Another tenant at work. */

struct busy {
    struct place *place;
    struct space space;
    _Atomic bool is_over;
    _Atomic uint32_t count;
    struct work work;
};

static enum err write_something(struct work *work, struct txn *txn)
{
    struct busy *busy = (struct busy *)((char *)work - offsetof(struct busy, work));
    struct id id = id_make();
    static const char nil = (char)0xC0;
    txn_record_put(txn, 11, id, (str){&nil, 1});
    txn_index_put(txn, 11, 1, S("x"), id);
    busy->count++;
    return ERR_NONE;
}

static void *be_busy(void *argument)
{
    struct busy *busy = argument;
    while (!busy->is_over) {
        busy->work = (struct work){.run = write_something};
        check_int(store_write(busy->place->fixture.store, &busy->space, &busy->work), ERR_NONE);
    }
    return nullptr;
}

/** A rule over all that the log has. */
static struct backtest look_back(struct place *place, struct id rule_id)
{
    struct fixture *fixture = &place->fixture;
    struct backtest backtest;
    struct arena arena;
    bool is_over = false;
    for (uint32_t slices = 0; !is_over; slices++) {
        struct task task;
        struct txn *txn;
        struct rule rule;
        str state;
        arena_init(&arena, 64 * MIB);
        task_init(&task, &arena);
        check_int(txn_open(&task, &fixture->space, &txn), ERR_NONE);
        struct view view = {&task, txn, fixture->model, &fixture->scope};
        check_int(rule_find(place->rules, &view, rule_id, &rule, &state), ERR_NONE);
        if (slices == 0) {
            check_int(backtest_begin(&view, 0, INT64_MAX, &backtest), ERR_NONE);
            backtest.position = backtest.position > 0 ? backtest.position : 1;
        }
        enum err err = backtest_step(place->rules, &view, &rule, &backtest, &is_over);
        check(err == ERR_NONE || err == ERR_FULL);
        backtest.examples = arena_copy(&fixture->test.arena, backtest.examples);
        txn_close(txn);
        arena_drop(&arena);
        check(slices < 1000);
    }
    return backtest;
}

TEST(test_trial__and_backtest_write_nothing)
{
    struct place place;
    uint64_t rows, rows_after;
    place_init(&place);
    for (uint32_t at = 0; at < 20; at++) {
        char json[100];
        (void)snprintf(json, sizeof json, "{\"title\":\"of %u\"}", at);
        check_int(fixture_patch(&place.fixture, "contact", place.people[at % 8], json), ERR_NONE);
    }
    struct id rule =
        save_rule(&place, "{\"name\":\"all\",\"entity\":\"contact\",\"point\":\"after\","
                          "\"source\":\"db.create('contact', {name = 'made'}) "
                          "db.update('contact', record.id, {title = 'x'}) "
                          "queue.notify{to = 'owner', text = 'y'}\"}");
    struct busy busy = {.place = &place, .space = store_space(place.fixture.store, 2, id_make())};
    pthread_t thread;
    check(pthread_create(&thread, nullptr, be_busy, &busy) == 0);
    struct hash before = digest(&place, &rows);
    for (uint32_t at = 0; at < 40; at++) try_in_dry(&place, some_trial(&place), ERR_NONE, nullptr);
    struct backtest backtest = look_back(&place, rule);
    check_int(backtest.looked_at, 28);
    check_int(backtest.fired, 28);
    check_int(backtest.failed, 0);
    check_int(backtest.effects, 28);
    check(traces_flush(place.traces, &place.fixture.space, 60'000));
    struct hash after = digest(&place, &rows_after);
    busy.is_over = true;
    pthread_join(thread, nullptr);
    check(busy.count > 3 && rows > 200);
    check_int(rows_after, rows);
    check(memcmp(&before, &after, sizeof before) == 0);
    fixture_check(&place.fixture);
    place_drop(&place);
}

TEST(test_trial__what_was_said_is_said_again)
{
    struct place place;
    place_init(&place);
    for (uint32_t at = 0; at < 60; at++) try_in_dry(&place, some_trial(&place), ERR_NONE, nullptr);
    check(traces_flush(place.traces, &place.fixture.space, 60'000));
    struct task *task = &place.fixture.test.task;
    struct id run = {};
    uint32_t replayed = 0;
    for (;;) {
        struct txn *txn;
        struct trace trace;
        str talk, difference;
        bool is_same;
        check_int(txn_open(task, &place.fixture.space, &txn), ERR_NONE);
        enum err err = trace_before(task, txn, (struct id){}, run, &trace);
        if (err == ERR_NONE && trace.has_talk) err = trace_talk(task, txn, trace.id, &talk);
        txn_close(txn);
        if (err == ERR_MISSING) break;
        check_int(err, ERR_NONE);
        run = trace.id;
        /* One that was ended from outside ends elsewhere another time. */
        if (!trace.has_talk) continue;
        check_int(run_replay(place.rules, task, &place.fixture.space, talk, &is_same, &difference),
                  ERR_NONE);
        if (!is_same)
            fprintf(stderr, "%.*s: %.*s\n", FMT(id_text(task->arena, run)), FMT(difference));
        check(is_same);
        replayed++;
    }
    check(replayed >= 50);
    place_drop(&place);
}
