/** rules_test: a run of a script without its runner: what a runner would say is said by the test,
 *  in a dry transaction. */
#pragma once

#include "fixture.h"
#include "rules/firing.h"

struct rules_test {
    struct fixture fixture;
    struct rules *rules;
    struct arena arena; /** of one run */
    struct task task;
    struct txn *txn;
    struct change change;
    struct rule rule;
    struct run_asked asked;
    struct run_result result;
    struct run run;
};

[[maybe_unused]] static void rules_test_init(struct rules_test *test)
{
    *test = (struct rules_test){};
    fixture_init(&test->fixture);
    const struct rules_options options = {.model = models_base(test->fixture.models)};
    check_int(rules_open(&test->fixture.test.task, &options, &test->rules), ERR_NONE);
}

[[maybe_unused]] static void rules_test_drop(struct rules_test *test)
{
    rules_close(test->rules);
    fixture_drop(&test->fixture);
}

/** A run of a rule at this point on a record of the entity. */
[[maybe_unused]] static void rules_test_begin(struct rules_test *test, const char *entity,
                                              enum rule_point point)
{
    struct fixture *fixture = &test->fixture;
    arena_init(&test->arena, 64 * MIB);
    task_init(&test->task, &test->arena);
    check_int(txn_open_dry(&test->task, &fixture->space, &test->txn), ERR_NONE);
    test->change = (struct change){.task = &test->task,
                                   .txn = test->txn,
                                   .model = fixture->model,
                                   .scope = &fixture->scope,
                                   .hooks = rules_hooks(test->rules),
                                   .group = id_make()};
    test->rule = (struct rule){.id = id_make(),
                               .name = S("the rule"),
                               .entity = model_entity(fixture->model, str_of(entity)),
                               .point = point,
                               .source = S("return")};
    test->rule.code = hash_of(nullptr, &test->rule.source, 1);
    check_int(rule_chain_set(test->rules, &test->change), ERR_NONE);
    test->asked = (struct run_asked){.rule = &test->rule, .id = id_make(), .record = id_make()};
    test->result = (struct run_result){};
    test->run = (struct run){.rules = test->rules,
                             .change = &test->change,
                             .chain = test->change.chain,
                             .asked = &test->asked,
                             .result = &test->result,
                             .fuel = RULE_FUEL_MAX};
}

[[maybe_unused]] static void rules_test_end(struct rules_test *test)
{
    txn_close(test->txn);
    arena_drop(&test->arena);
}

[[maybe_unused]] static str rules_test_pack(struct rules_test *test, const char *json)
{
    struct buf out = buf_make(&test->arena, 1 * MIB);
    check_int(json_read(&test->task, str_of(json), &out), ERR_NONE);
    return buf_str(&out);
}

/** What the server says to this question, as JSON; empty: it is none. */
[[maybe_unused]] static str rules_test_ask(struct rules_test *test, const char *json)
{
    str answer = run_answer(&test->run, rules_test_pack(test, json));
    test->result.question_count++;
    if (answer.len == 0) return answer;
    struct value value = value_of(answer);
    struct buf out = buf_make(&test->arena, 8 * MIB);
    json_write(&out, &value);
    return buf_str(&out);
}
