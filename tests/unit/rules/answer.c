/* What a runner may ask, and what it is told; questions that a good one would never ask too. */
#include "rules_test.h"
#include "value/frame.h"

static bool has(str text, const char *part)
{
    return memmem(text.at, text.len, part, strlen(part)) != nullptr;
}

/** Fails unless the answer has this in it. */
#define check_has(answer, part) \
    do { \
        str answer_ = (answer); \
        if (!has(answer_, part)) fprintf(stderr, "%.*s\n", FMT(answer_)); \
        check(has(answer_, part)); \
    } while (false)

static struct id make_client(struct rules_test *test, const char *name)
{
    char json[200];
    (void)snprintf(json, sizeof json, "{\"name\":\"%s\",\"kind\":\"individual\"}", name);
    return fixture_create(&test->fixture, "client", json);
}

static str ask(struct rules_test *test, const char *format, struct id id)
{
    char json[1000], text[ID_TEXT_BYTES + 1] = {};
    id_write(id, text);
    (void)snprintf(json, sizeof json, format, text);
    return rules_test_ask(test, json);
}

TEST(test_answer__reads_records_lists_and_counts)
{
    struct rules_test test;
    rules_test_init(&test);
    struct id one = make_client(&test, "One");
    (void)make_client(&test, "Two");
    rules_test_begin(&test, "client", RULE_AFTER);
    check_has(ask(&test, "{\"ask\":\"get\",\"entity\":\"client\",\"id\":\"%s\"}", one),
              "\"name\":\"One\"");
    check_str(ask(&test, "{\"ask\":\"get\",\"entity\":\"client\",\"id\":\"%s\"}", id_make()),
              S("{\"answer\":null}"));
    check_str(rules_test_ask(&test, "{\"ask\":\"count\",\"entity\":\"client\"}"),
              S("{\"answer\":2}"));
    str where = rules_test_ask(&test, "{\"ask\":\"find\",\"entity\":\"client\","
                                      "\"where\":{\"name\":\"Two\"}}");
    check_has(where, "Two");
    check(!has(where, "\"One\""));
    check_has(rules_test_ask(&test, "{\"ask\":\"find\",\"entity\":\"client\",\"sort\":\"-name\","
                                    "\"limit\":1}"),
              "Two");
    check_has(rules_test_ask(&test, "{\"ask\":\"settings\"}"), "Test firm");
    check_has(rules_test_ask(&test, "{\"ask\":\"entity\",\"entity\":\"client\"}"),
              "\"name\":\"status\"");
    check_int(test.run.read_count, 6);
    rules_test_end(&test);
    rules_test_drop(&test);
}

TEST(test_answer__sees_what_the_change_has_written)
{
    struct rules_test test;
    rules_test_init(&test);
    rules_test_begin(&test, "client", RULE_AFTER);
    str made = rules_test_ask(&test, "{\"ask\":\"create\",\"entity\":\"client\",\"values\":"
                                     "{\"name\":\"Made\",\"kind\":\"individual\"}}");
    check_has(made, "\"name\":\"Made\"");
    check_str(rules_test_ask(&test, "{\"ask\":\"count\",\"entity\":\"client\","
                                    "\"where\":{\"name\":\"Made\"}}"),
              S("{\"answer\":1}"));
    check(test.change.chain->write_count >= 1);
    check_int(change_finish(&test.change), ERR_NONE);
    rules_test_end(&test);
    rules_test_drop(&test);
}

TEST(test_answer__refuses_and_takes_back_what_fails)
{
    struct rules_test test;
    rules_test_init(&test);
    struct id one = make_client(&test, "One");
    rules_test_begin(&test, "client", RULE_AFTER);
    static const char *const questions[][2] = {
        {"{\"ask\":\"create\",\"entity\":\"client\",\"values\":{\"name\":\"x\",\"kind\":\"no\"}}",
         "kind"},
        {"{\"ask\":\"create\",\"entity\":\"client\",\"values\":{\"nam\":\"x\"}}", "nam"},
        {"{\"ask\":\"create\",\"entity\":\"client\"}", "values"},
        {"{\"ask\":\"create\",\"entity\":\"clients\",\"values\":{}}", "it is client"},
        {"{\"ask\":\"create\",\"entity\":\"user\",\"values\":{\"name\":\"x\"}}", "may not"},
        {"{\"ask\":\"create\",\"entity\":\"rule\",\"values\":{\"name\":\"x\"}}", "may not"},
        {"{\"ask\":\"create\",\"entity\":\"custom_field\",\"values\":{}}", "may not"},
        {"{\"ask\":\"update\",\"entity\":\"client\",\"id\":\"x\",\"values\":{}}", "no id"},
        {"{\"ask\":\"delete\",\"entity\":\"client\"}", "no id"},
        {"{\"ask\":\"find\",\"entity\":\"client\",\"limit\":201}", "1 to 200"},
        {"{\"ask\":\"find\",\"entity\":\"client\",\"where\":{\"nam\":1}}", "nam"},
        {"{\"ask\":\"find\",\"entity\":\"client\",\"where\":[1]}", "refused"},
        {"{\"ask\":\"find\",\"entity\":\"client\",\"sort\":\"nam\"}", "sort"},
        {"{\"ask\":\"count\",\"entity\":7}", "no entity"},
        {"{\"ask\":\"get\",\"entity\":\"clint\",\"id\":\"x\"}", "clint"},
        {"{\"ask\":\"queue\",\"kind\":\"sms\",\"given\":{}}", "sms"},
        {"{\"ask\":\"queue\",\"kind\":\"mail\",\"given\":7}", "given"},
        {"{\"ask\":\"source\",\"code\":\"x\"}", "no such source"},
    };
    for (size_t at = 0; at < sizeof questions / sizeof *questions; at++) {
        str answer = rules_test_ask(&test, questions[at][0]);
        check_has(answer, "refused");
        check_has(answer, questions[at][1]);
        check_int(test.task.fault.item_count, 0);
        check_int(test.task.fault.detail.len, 0);
    }
    str link = ask(&test,
                   "{\"ask\":\"link\",\"entity\":\"client\",\"id\":\"%s\","
                   "\"field\":\"name\",\"to\":\"00000000-0000-7000-8000-000000000000\"}",
                   one);
    check_has(link, "refused");
    check_int(test.change.touched_count, 0);
    check_int(test.run.err, ERR_NONE);
    check_int(test.run.ended.len, 0);
    rules_test_end(&test);
    rules_test_drop(&test);
}

TEST(test_answer__lets_no_check_and_no_before_write)
{
    struct rules_test test;
    rules_test_init(&test);
    static const enum rule_point points[] = {RULE_BEFORE, RULE_CHECK};
    for (size_t at = 0; at < 2; at++) {
        rules_test_begin(&test, "client", points[at]);
        check_has(rules_test_ask(&test, "{\"ask\":\"create\",\"entity\":\"client\",\"values\":"
                                        "{\"name\":\"x\",\"kind\":\"individual\"}}"),
                  "refused");
        check_int(test.change.touched_count, 0);
        rules_test_end(&test);
    }
    rules_test_begin(&test, "client", RULE_CHECK);
    check_has(rules_test_ask(&test, "{\"ask\":\"queue\",\"kind\":\"mail\",\"given\":{}}"),
              "refused");
    rules_test_end(&test);
    rules_test_drop(&test);
}

TEST(test_answer__ends_a_run_at_its_limits)
{
    struct rules_test test;
    rules_test_init(&test);
    static const char *const queue = "{\"ask\":\"queue\",\"kind\":\"task\",\"given\":{\"a\":1}}";
    rules_test_begin(&test, "client", RULE_AFTER);
    for (uint32_t at = 0; at < RULE_EFFECTS_MAX; at++)
        check_has(rules_test_ask(&test, queue), "answer");
    check_has(rules_test_ask(&test, queue), "ended");
    check(test.run.ended.len > 0);
    /* It was told so, and asks on: it is no good runner. */
    check_int(rules_test_ask(&test, queue).len, 0);
    rules_test_end(&test);

    rules_test_begin(&test, "client", RULE_AFTER);
    for (uint32_t at = 0; at < RULE_MAILS_MAX; at++)
        check_has(rules_test_ask(&test, "{\"ask\":\"queue\",\"kind\":\"mail\",\"given\":{}}"),
                  "answer");
    check_has(rules_test_ask(&test, "{\"ask\":\"queue\",\"kind\":\"mail\",\"given\":{}}"), "ended");
    rules_test_end(&test);

    rules_test_begin(&test, "client", RULE_CHECK);
    for (uint32_t at = 0; at < RULE_READS_MAX; at++)
        check_has(rules_test_ask(&test, "{\"ask\":\"count\",\"entity\":\"client\"}"), "answer");
    check_has(rules_test_ask(&test, "{\"ask\":\"count\",\"entity\":\"client\"}"), "ended");
    rules_test_end(&test);

    rules_test_begin(&test, "client", RULE_CHECK);
    static const char *const entity = "{\"ask\":\"entity\",\"entity\":\"contact\"}";
    for (uint32_t at = 0; at < RULE_QUESTIONS_MAX; at++)
        check_has(rules_test_ask(&test, entity), "answer");
    check_has(rules_test_ask(&test, entity), "ended");
    rules_test_end(&test);
    rules_test_drop(&test);
}

TEST(test_answer__counts_every_record_that_rules_write)
{
    struct rules_test test;
    rules_test_init(&test);
    rules_test_begin(&test, "client", RULE_AFTER);
    static const char *const create = "{\"ask\":\"create\",\"entity\":\"contact\",\"values\":"
                                      "{\"name\":\"Contact\"}}";
    for (uint32_t at = 0; at < RULE_WRITES_MAX; at++)
        check_has(rules_test_ask(&test, create), "answer");
    check_has(rules_test_ask(&test, create), "at most 200 records");
    check_int(test.run.err, ERR_REJECTED);
    check(test.change.chain->is_over);
    check(id_eq(test.task.fault.rule, test.rule.id));
    rules_test_end(&test);
    rules_test_drop(&test);
}

TEST(test_answer__gives_effects_ids_that_follow_from_run_and_place)
{
    struct rules_test test;
    rules_test_init(&test);
    struct id run = id_make(), first = {}, second = {};
    for (int turn = 0; turn < 2; turn++) {
        rules_test_begin(&test, "client", RULE_SETTLED);
        test.asked.id = run;
        str body = rules_test_pack(&test, "{\"to\":\"a@b.example\"}");
        struct value given = value_of(body);
        struct id ids[2];
        check_int(effect_put(&test.run, S("mail"), &given, &ids[0]), ERR_NONE);
        check_int(effect_put(&test.run, S("mail"), &given, &ids[1]), ERR_NONE);
        check(!id_eq(ids[0], ids[1]));
        if (turn == 0) first = ids[0], second = ids[1];
        check(id_eq(ids[0], first) && id_eq(ids[1], second));
        check_int(id_time_ms(first), id_time_ms(run));
        struct outbox_entry entry;
        check_int(txn_outbox_get(test.txn, test.task.now_ms, first, test.task.arena, &entry),
                  ERR_NONE);
        check_str(entry.kind, S("mail"));
        rules_test_end(&test);
    }
    rules_test_drop(&test);
}

static bool read_done(struct rules_test *test, const char *json)
{
    test->result = (struct run_result){};
    return run_read_done(&test->run, rules_test_pack(test, json));
}

TEST(test_answer__believes_no_last_frame)
{
    struct rules_test test;
    rules_test_init(&test);
    rules_test_begin(&test, "client", RULE_BEFORE);
    check(!read_done(&test, "{\"done\":\"well\"}"));
    check(!read_done(&test, "{\"done\":1}"));
    check(!read_done(&test, "{\"done\":\"done\",\"changes\":[1]}"));
    check(read_done(&test, "{\"done\":\"done\",\"changes\":{\"name\":\"x\"},\"fuel\":-5,"
                           "\"bytes\":9223372036854775807,\"line\":4294967299,\"log\":[1,\"a\"]}"));
    check_int(test.result.fuel, 0);
    check(test.result.bytes <= 2 * RULE_BYTES_MAX);
    check(test.result.changes.len > 0);
    check_int(value_of(test.result.log).count, 1);
    check(read_done(&test, "{\"done\":\"rejected\",\"message\":\"no\",\"field\":\"no field\"}"));
    check_int(test.result.outcome, RUN_REJECTED);
    check_int(test.result.field.len, 0);
    check(read_done(&test, "{\"done\":\"rejected\",\"message\":\"no\",\"field\":\"name\"}"));
    check_str(test.result.field, S("name"));
    rules_test_end(&test);
    /* Only where a rule may change its record. */
    rules_test_begin(&test, "client", RULE_CHECK);
    check(!read_done(&test, "{\"done\":\"done\",\"changes\":{\"name\":\"x\"}}"));
    check(read_done(&test, "{\"done\":\"done\",\"changes\":{}}"));
    rules_test_end(&test);
    rules_test_drop(&test);
}
