#include "test.h"

#include "api/problem.h"

static str written(struct test_task *test, const struct problem *problem)
{
    struct buf json = buf_make(&test->arena, 64 << 10);
    problem_write(&json, problem);
    check(!buf_is_over(&json));
    return buf_str(&json);
}

TEST(test_problem__without_detail_says_no_more_than_its_status)
{
    struct test_task test;
    test_task_init(&test);
    struct problem problem = {404, S("missing"), S("Not found"), .request_id = S("r")};
    check_str(
        written(&test, &problem),
        S("{\"type\":\"missing\",\"title\":\"Not found\",\"status\":404,\"request_id\":\"r\"}"));
    test_task_drop(&test);
}

TEST(test_problem__names_each_field_and_escapes_what_callers_wrote)
{
    struct test_task test;
    test_task_init(&test);
    task_fault(&test.task, S("na\"me"), S("unknown"), "is no field of <client>\n");
    task_fault(&test.task, S("kind"), S("choice"), "is none");
    check(task_faults(&test.task) == ERR_INVALID);
    struct problem problem = {422, S("invalid"), S("Some fields are at fault"),
                              .fault = &test.task.fault, .request_id = S("r")};
    check_str(written(&test, &problem),
              S("{\"type\":\"invalid\",\"title\":\"Some fields are at fault\",\"status\":422,"
                "\"detail\":\"2 fields are at fault\",\"request_id\":\"r\",\"errors\":["
                "{\"field\":\"na\\\"me\",\"code\":\"unknown\",\"message\":\"is no field of "
                "<client>\\n\"},"
                "{\"field\":\"kind\",\"code\":\"choice\",\"message\":\"is none\"}]}"));
    test_task_drop(&test);
}

TEST(test_problem__of_invalid_input_always_has_a_list_of_errors)
{
    struct test_task test;
    test_task_init(&test);
    check(fail(&test.task, ERR_REJECTED, "no") == ERR_REJECTED);
    struct problem problem = {422, S("rejected"), S("Rejected by a rule"),
                              .fault = &test.task.fault, .request_id = S("r")};
    str json = written(&test, &problem);
    check(str_ends(json,
                   S(",\"errors\":[{\"field\":\"\",\"code\":\"invalid\",\"message\":\"no\"}]}")));
    test_task_drop(&test);
}

TEST(test_problem__carries_the_present_record_as_it_is)
{
    struct test_task test;
    test_task_init(&test);
    struct problem problem = {412, S("changed"), S("Changed meanwhile"), .request_id = S("r"),
                              .present = S("{\"id\":1}")};
    check(str_ends(written(&test, &problem), S(",\"record\":{\"id\":1}}")));
    test_task_drop(&test);
}

TEST(test_problem__names_the_right_that_is_missing_and_who_grants_it)
{
    struct test_task test;
    test_task_init(&test);
    check(fail(&test.task, ERR_FORBIDDEN, "no") == ERR_FORBIDDEN);
    struct problem problem = {403, S("forbidden"), S("Not allowed"), .fault = &test.task.fault,
                              .request_id = S("r")};
    check(str_ends(written(&test, &problem), S("\"request_id\":\"r\"}")));
    test.task.fault.right = (struct right){.entity = S("client"), .action = S("edit")};
    check(str_ends(written(&test, &problem),
                   S(",\"right\":{\"entity\":\"client\",\"action\":\"edit\"},\"granted_by\":[]}")));
    test.task.fault.right = (struct right){.group = S("vault"), .action = S("view")};
    const str names[] = {S("Ann Lee"), S("Bo \"B\"")};
    problem.granted_by = names;
    problem.granted_by_count = 2;
    check(
        str_ends(written(&test, &problem), S(",\"right\":{\"group\":\"vault\",\"action\":\"view\"},"
                                             "\"granted_by\":[\"Ann Lee\",\"Bo \\\"B\\\"\"]}")));
    test_task_drop(&test);
}
