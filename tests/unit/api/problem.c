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
    check(str_ends(json, S(",\"errors\":[]}")));
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
