/* A change with rules that use every part of the view, while the server's memory for it runs out:
 * at each allocation in turn, by a mark as by leaving the task in the middle of a talk. Each time
 * either all of the change is there or nothing, and the next one finds everything as it was. */
#include <signal.h>

#include "base/random.h"
#include "fixture.h"
#include "rules/formulas.h"
#include "rules/rules.h"

constexpr uint32_t UNTOUCHED_MAX = 12; /** so many changes that a fault no longer reaches */
constexpr uint64_t FAULT_STEP = 12;
constexpr size_t USUAL_BYTES = 32 * MIB;

static const char before_rule[] =
    "{\"name\":\"before\",\"entity\":\"client\",\"point\":\"before\",\"state\":\"active\","
    "\"when\":{\"kind\":\"individual\"},\"source\":\""
    "local firm = settings.currency or 'EUR' "
    "record.business_name = text.trim(record.name) .. ' ' .. firm "
    "if changed 'name' then log('named', record.name, now, today, actor.kind, random()) end\"}";
static const char after_rule[] =
    "{\"name\":\"after\",\"entity\":\"client\",\"point\":\"after\",\"state\":\"active\","
    "\"on\":[\"create\"],\"source\":\""
    "local made = db.create('contact', {name = 'Of ' .. record.name}) "
    "db.update('contact', made.id, {title = 'Buyer'}) "
    "assert(db.get('contact', made.id).title == 'Buyer') "
    "assert(#db.find('contact', {name = made.name}) == 1) "
    "assert(db.count('client', {name = record.name}) == 1) "
    "local gone = db.create('contact', {name = 'Gone'}) "
    "db.delete('contact', gone.id) "
    "queue.notify {to = made.id, text = 'made'} queue.mail {to = 'a@b.example', "
    "subject = 's', text = 't'}\"}";
/** Runs within the one before it. */
static const char caused_rule[] =
    "{\"name\":\"caused\",\"entity\":\"contact\",\"point\":\"before\",\"state\":\"active\","
    "\"source\":\"record.observations = 'seen'\"}";
static const char check_rule[] =
    "{\"name\":\"check\",\"entity\":\"client\",\"point\":\"check\",\"state\":\"active\","
    "\"source\":\"if record.name == 'Nobody' then reject('not him', 'name') end\"}";

struct faults_test {
    struct fixture fixture;
    struct runners *runners;
    struct formula_asker *formulas;
    struct rules *rules;
    uint32_t tried;
    uint32_t failed;
};

static void save_rule(struct faults_test *test, const char *json)
{
    struct fixture_change run = {
        .verb = "create", .entity = "rule", .json = json, .hooks = rules_hooks(test->rules)};
    enum err err = fixture_do(&test->fixture, &run);
    for (uint32_t at = 0; at < run.task.fault.item_count; at++)
        fprintf(stderr, "%.*s\n", FMT(run.task.fault.items[at].message));
    check_int(err, ERR_NONE);
    fixture_end(&run);
}

static void faults_init(struct faults_test *test)
{
    (void)signal(SIGPIPE, SIG_IGN); /* as the server does */
    *test = (struct faults_test){};
    fixture_init(&test->fixture);
    test->runners = runners_open(fixture_path("ATRIUM_RUNNER", "zig-out/bin/atrium-runner"));
    check(test->runners != nullptr);
    test->formulas = formulas_open(test->runners);
    const struct rules_options options = {.runners = test->runners,
                                          .formulas = formulas_slot(test->formulas),
                                          .model = models_base(test->fixture.models)};
    check_int(rules_open(&test->fixture.test.task, &options, &test->rules), ERR_NONE);
    static const char *const rules[] = {before_rule, after_rule, caused_rule, check_rule};
    for (size_t at = 0; at < sizeof rules / sizeof *rules; at++) save_rule(test, rules[at]);
}

static void faults_drop(struct faults_test *test)
{
    struct runner_figures figures = runners_figures(test->runners);
    check_int(figures.waiting, 0);
    rules_close(test->rules);
    formulas_close(test->formulas);
    fixture_check(&test->fixture);
    fixture_drop(&test->fixture);
    runners_close(test->runners);
}

/** How many records of an entity have this name. */
static uint32_t count_named(struct faults_test *test, const char *entity, const char *name)
{
    const char *pairs[] = {"name", name, nullptr};
    uint32_t count = 0;
    str json;
    struct arena own, **arena = &test->fixture.test.task.arena, *usual = *arena;
    arena_init(&own, USUAL_BYTES);
    *arena = &own;
    check_int(fixture_list(&test->fixture, entity, pairs, &json), ERR_NONE);
    const char *at = json.at, *end = json.at + json.len, *word = "\"created_at\"";
    while ((at = memmem(at, (size_t)(end - at), word, strlen(word))) != nullptr) at++, count++;
    *arena = usual;
    arena_drop(&own);
    return count;
}

/** Some of the places, which differ from run to run; each one with ATRIUM_LONG. */
static uint64_t step(void)
{
    return getenv("ATRIUM_LONG") != nullptr ? 1 : 1 + random_uint64() % FAULT_STEP;
}

/** One change with so much memory, whose n-th allocation is marked; true: it was made. */
static bool attempt(struct faults_test *test, size_t bytes, uint64_t nth)
{
    char name[40], of_name[48], json[120];
    (void)snprintf(name, sizeof name, "Number %u", ++test->tried);
    (void)snprintf(of_name, sizeof of_name, "Of %s", name);
    (void)snprintf(json, sizeof json, "{\"name\":\"%s\",\"kind\":\"individual\"}", name);
    struct fixture_change run = {.fixture = &test->fixture,
                                 .verb = "create",
                                 .entity = "client",
                                 .json = json,
                                 .hooks = rules_hooks(test->rules)};
    arena_init(&run.arena, bytes);
    task_init(&run.task, &run.arena);
    run.work = (struct work){.run = fixture_run, .arena = &run.arena};
    arena_fail_at(nth);
    enum err err = store_write(test->fixture.store, &test->fixture.space, &run.work);
    arena_fail_at(0);
    bool is_told = err == ERR_TOO_LARGE || err == ERR_REJECTED;
    if (err != ERR_NONE && (!is_told || (nth == 0 && bytes == USUAL_BYTES))) {
        fprintf(stderr, "%zu bytes, allocation %llu: %.*s: %.*s\n", bytes, (unsigned long long)nth,
                FMT(err_slug(err)), FMT(run.task.fault.detail));
        for (uint32_t at = 0; at < run.task.fault.item_count; at++)
            fprintf(stderr, "  %.*s\n", FMT(run.task.fault.items[at].message));
        test_failed(__FILE__, __LINE__, "it is told");
    }
    arena_drop(&run.arena);
    uint32_t whole = err == ERR_NONE ? 1 : 0;
    check_int(count_named(test, "client", name), whole);
    check_int(count_named(test, "contact", of_name), whole);
    check_int(count_named(test, "contact", "Gone"), 0);
    test->failed += 1 - whole;
    return whole == 1;
}

TEST(test_rules__fail_whole_at_each_allocation)
{
    struct faults_test test;
    faults_init(&test);
    check(attempt(&test, USUAL_BYTES, 0));
    uint64_t nth = step();
    for (uint32_t untouched = 0; untouched < UNTOUCHED_MAX; nth += step())
        untouched = attempt(&test, USUAL_BYTES, nth) ? untouched + 1 : 0;
    check(test.failed > 10);
    check(attempt(&test, USUAL_BYTES, 0));
    faults_drop(&test);
}

/** Past four times its soft cap a task is left where it stands, also in the middle of a talk, and
 *  in a rule that another one caused. */
TEST(test_rules__are_left_anywhere)
{
    struct faults_test test;
    faults_init(&test);
    check(attempt(&test, USUAL_BYTES, 0));
    size_t bytes = 1 * KIB;
    for (uint32_t untouched = 0; untouched < UNTOUCHED_MAX; bytes += step() * (KIB / 4))
        untouched = attempt(&test, bytes, 0) ? untouched + 1 : 0;
    check(test.failed > 10);
    check(attempt(&test, USUAL_BYTES, 0));
    faults_drop(&test);
}
