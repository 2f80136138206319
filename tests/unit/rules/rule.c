/* Rules as they are read, and the sets of those that stand. */
#include "rules/rule.h"

#include "rules_test.h"

static struct rules_test reading;

/** Reads a rule from JSON; what is wrong stands in the task's faults. */
static bool read_json(const char *json, struct rule *rule)
{
    str map = rules_test_pack(&reading, json);
    struct view view = change_view(&reading.change);
    reading.task.fault = (struct fault){};
    return rule_read_values(&view, &reading.arena, id_make(), &map, 1, rule);
}

static bool is_fault(const char *field, const char *code)
{
    bool is = false;
    for (uint32_t at = 0; at < reading.task.fault.item_count && !is; at++)
        is = str_eq(reading.task.fault.items[at].field, str_of(field)) &&
             str_eq(reading.task.fault.items[at].code, str_of(code));
    return is;
}

TEST(test_rule__reads_all_that_a_record_says)
{
    struct rule rule;
    rules_test_init(&reading);
    rules_test_begin(&reading, "client", RULE_BEFORE);
    check(read_json(
        "{\"name\":\"N\",\"entity\":\"client\",\"point\":\"before\",\"on\":[\"create\"],"
        "\"when\":{\"name\":\"x\"},\"changed\":[\"name\",\"tags\"],\"set\":{\"website\":null,"
        "\"tags\":[\"a\"]},\"reject\":\"no\",\"reject_field\":\"name\",\"priority\":7.0,"
        "\"version_number\":3,\"in_imports\":\"once\"}",
        &rule));
    check_str(rule.name, S("N"));
    check_str(rule.entity->name, S("client"));
    check_int(rule.point, RULE_BEFORE);
    check_int(rule.operations, 1 << OPERATION_CREATE);
    check(rule.when != nullptr);
    check_int(rule.changed_count, 2);
    check_int(rule.set_count, 2);
    check_str(rule.reject, S("no"));
    check_int(rule.priority, 7);
    check_int(rule.version, 3);
    check_int(rule.in_imports, RULE_ONCE);
    check_int(rule.problem.len, 0);
    check(read_json("{\"entity\":\"client\",\"point\":\"settled\",\"source\":\"return\"}", &rule));
    check_int(rule.operations, 1 << OPERATION_CREATE | 1 << OPERATION_UPDATE);
    check_int(rule.priority, 100);
    check(rule.when == nullptr);
    rules_test_end(&reading);
    rules_test_drop(&reading);
}

TEST(test_rule__names_what_is_wrong)
{
    static const struct {
        const char *json, *field, *code;
    } wrong[] = {
        {"{\"entity\":\"clint\",\"point\":\"before\",\"source\":\"x\"}", "entity", "unknown"},
        {"{\"entity\":\"client\",\"point\":\"during\",\"source\":\"x\"}", "point", "choice"},
        {"{\"entity\":\"client\",\"point\":\"before\"}", "source", "required"},
        {"{\"entity\":\"client\",\"point\":\"before\",\"source\":\"x\",\"reject\":\"y\"}", "source",
         "unfit"},
        {"{\"entity\":\"client\",\"point\":\"before\",\"source\":\"x\",\"on\":[\"open\"]}", "on",
         "choice"},
        {"{\"entity\":\"client\",\"point\":\"before\",\"source\":\"x\",\"changed\":[\"nam\"]}",
         "changed", "unknown"},
        {"{\"entity\":\"client\",\"point\":\"before\",\"source\":\"x\",\"when\":{\"nam\":1}}",
         "when.nam", "unknown"},
        {"{\"entity\":\"client\",\"point\":\"before\",\"set\":{\"nam\":1}}", "set.nam", "unknown"},
        {"{\"entity\":\"client\",\"point\":\"before\",\"set\":{\"tags\":1}}", "set.tags", "type"},
        {"{\"entity\":\"client\",\"point\":\"before\",\"set\":{\"created_at\":1}}",
         "set.created_at", "read_only"},
        {"{\"entity\":\"client\",\"point\":\"check\",\"set\":{\"name\":\"x\"}}", "set", "unfit"},
        {"{\"entity\":\"client\",\"point\":\"before\",\"on\":[\"delete\"],"
         "\"set\":{\"name\":\"x\"}}",
         "set", "unfit"},
        {"{\"entity\":\"client\",\"point\":\"settled\",\"reject\":\"x\"}", "reject", "unfit"},
        {"{\"entity\":\"client\",\"point\":\"before\",\"reject\":\"x\",\"reject_field\":\"nam\"}",
         "reject_field", "unknown"},
    };
    rules_test_init(&reading);
    rules_test_begin(&reading, "client", RULE_BEFORE);
    for (size_t at = 0; at < sizeof wrong / sizeof *wrong; at++) {
        struct rule rule;
        if (read_json(wrong[at].json, &rule) || !is_fault(wrong[at].field, wrong[at].code))
            fprintf(stderr, "%s: %.*s\n", wrong[at].json, FMT(rule.problem));
        check(is_fault(wrong[at].field, wrong[at].code));
        check(rule.problem.len > 0);
    }
    rules_test_end(&reading);
    rules_test_drop(&reading);
}

TEST(test_rule__takes_the_first_map_that_says_something)
{
    struct rule rule;
    rules_test_init(&reading);
    rules_test_begin(&reading, "client", RULE_BEFORE);
    str maps[2] = {rules_test_pack(&reading, "{\"reject\":null,\"source\":\"return\"}"),
                   rules_test_pack(&reading, "{\"entity\":\"client\",\"point\":\"before\","
                                             "\"reject\":\"no\"}")};
    struct view view = change_view(&reading.change);
    check(rule_read_values(&view, &reading.arena, id_make(), maps, 2, &rule));
    check_int(rule.reject.len, 0);
    check_str(rule.source, S("return"));
    rules_test_end(&reading);
    rules_test_drop(&reading);
}

/* Sets. */

/** What lua/rules/ would say: one that stands, one that does not. */
static str write_builtins(struct arena *arena)
{
    struct task task = {.arena = arena};
    struct buf out = buf_make(arena, 8 * KIB);
    check_int(json_read(&task,
                        S("{\"version\":1,\"rules\":["
                          "{\"at\":\"a\",\"name\":\"first\",\"attributes\":{\"entity\":\"client\","
                          "\"point\":\"before\",\"state\":\"active\",\"reject\":\"first\"}},"
                          "{\"at\":\"b\",\"name\":\"second\",\"attributes\":{\"entity\":\"client\","
                          "\"point\":\"check\",\"state\":\"off\",\"reject\":\"second\"}}]}"),
                        &out),
              ERR_NONE);
    return buf_str(&out);
}

static struct id make_rule(struct fixture *fixture, const struct hooks *hooks, const char *json)
{
    struct fixture_change run = {.verb = "create", .entity = "rule", .json = json, .hooks = hooks};
    check_int(fixture_do(fixture, &run), ERR_NONE);
    fixture_end(&run);
    return run.id;
}

/** The set as a new transaction sees it, held by the fixture's task. */
static const struct rule_set *set_of(struct fixture *fixture, struct rule_sets *sets)
{
    struct task *task = &fixture->test.task;
    const struct rule_set *set;
    struct txn *txn;
    check_int(txn_open(task, &fixture->space, &txn), ERR_NONE);
    struct view view = {task, txn, fixture_model(fixture), &fixture->scope};
    check_int(rule_set_of(sets, &view, &set), ERR_NONE);
    txn_close(txn);
    return set;
}

TEST(test_rule_set__has_those_that_stand_in_their_order)
{
    struct fixture fixture;
    struct rules *rules;
    fixture_init(&fixture);
    const struct rules_options options = {.model = models_base(fixture.models),
                                          .builtin = write_builtins(&fixture.test.arena)};
    check_int(rules_open(&fixture.test.task, &options, &rules), ERR_NONE);
    struct rule_sets *sets = rules_sets(rules);
    const struct hooks *hooks = rules_hooks(rules);
    const struct rule_set *set = set_of(&fixture, sets);
    check_int(set->rule_count, 1);
    check(set->rules[0].is_builtin);
    check(set_of(&fixture, sets) == set);

    struct id late = make_rule(&fixture, hooks,
                               "{\"name\":\"late\",\"entity\":\"client\",\"point\":\"before\","
                               "\"state\":\"active\",\"priority\":200,\"reject\":\"x\"}");
    struct id early = make_rule(&fixture, hooks,
                                "{\"name\":\"early\",\"entity\":\"client\",\"point\":\"before\","
                                "\"state\":\"active\",\"priority\":1,\"reject\":\"x\"}");
    (void)make_rule(&fixture, hooks,
                    "{\"name\":\"draft\",\"entity\":\"client\",\"point\":\"before\","
                    "\"reject\":\"x\"}");
    (void)make_rule(&fixture, hooks,
                    "{\"name\":\"instead\",\"entity\":\"client\",\"point\":\"before\","
                    "\"state\":\"off\",\"builtin\":\"first\",\"reject\":\"x\"}");
    const struct rule_set *next = set_of(&fixture, sets);
    check(next != set);
    check_int(next->rule_count, 2);
    const struct entity *client = model_entity(next->model, S("client"));
    struct rule_stretch stretch = rule_set_at(next, client, RULE_BEFORE);
    check_int(stretch.count, 2);
    check(id_eq(stretch.rules[0].id, early) && id_eq(stretch.rules[1].id, late));
    check_int(rule_set_at(next, client, RULE_AFTER).count, 0);
    check_int(rule_set_at(next, model_entity(next->model, S("contact")), RULE_BEFORE).count, 0);
    check(rule_set_find(next, late) == &stretch.rules[1]);
    check(rule_set_find(next, id_make()) == nullptr);
    check_int(rule_sets_builtin(sets).count, 2);
    /* No task holds a set any more. */
    arena_clear(&fixture.test.arena);
    rules_close(rules);
    fixture_drop(&fixture);
}

TEST(test_rule_set__lives_as_long_as_a_task_holds_it)
{
    struct fixture fixture;
    struct rules *rules;
    fixture_init(&fixture);
    const struct rules_options options = {.model = models_base(fixture.models)};
    check_int(rules_open(&fixture.test.task, &options, &rules), ERR_NONE);
    const struct rule_set *first = nullptr;
    for (int turn = 0; turn < 12; turn++) {
        char json[200];
        (void)snprintf(json, sizeof json,
                       "{\"name\":\"rule %d\",\"entity\":\"client\",\"point\":\"before\","
                       "\"state\":\"active\",\"when\":{\"name\":\"x\"},\"reject\":\"x\"}",
                       turn);
        (void)make_rule(&fixture, rules_hooks(rules), json);
        const struct rule_set *set = set_of(&fixture, rules_sets(rules));
        check_int(set->rule_count, turn + 1);
        if (first == nullptr) first = set;
        /* Long out of the table, and still whole. */
        check_str(first->rules[0].name, S("rule 0"));
    }
    /* No task holds a set any more. */
    arena_clear(&fixture.test.arena);
    rules_close(rules);
    fixture_drop(&fixture);
}
