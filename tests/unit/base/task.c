#include "test.h"

#include "base/clock.h"
#include "base/limits.h"

TEST(test_task__begins_at_one_moment_without_fault)
{
    struct test_task test;
    clock_set(77);
    test_task_init(&test);
    clock_set(-1);
    check_int(test.task.now_ms, 77);
    check(!id_is_nil(test.task.request_id));
    check_int(task_faults(&test.task), ERR_NONE);
    check_int(test.task.fault.detail.len, 0);
    test_task_drop(&test);
}

TEST(test_fail__keeps_the_first_detail)
{
    struct test_task test;
    test_task_init(&test);
    check_int(fail(&test.task, ERR_MISSING, "no %s", "such thing"), ERR_MISSING);
    check_int(fail(&test.task, ERR_CONFLICT, "later"), ERR_CONFLICT);
    check_str(test.task.fault.detail, S("no such thing"));
    test_task_drop(&test);
}

TEST(test_task_fault__names_fields_with_their_path)
{
    struct test_task test;
    test_task_init(&test);
    char name[] = "email";
    task_fault(&test.task, str_of(name), S("type"), "is %d", 5);
    name[0] = 'X';
    test.task.path = S("contact.");
    task_fault(&test.task, S("name"), S("required"), "is required");
    test.task.path = (str){};
    check_int(test.task.fault.item_count, 2);
    const struct fault_item *items = test.task.fault.items;
    check_str(items[0].field, S("email"));
    check_str(items[0].code, S("type"));
    check_str(items[0].message, S("is 5"));
    check_str(items[1].field, S("contact.name"));
    check_int(task_faults(&test.task), ERR_INVALID);
    check_str(test.task.fault.detail, S("2 fields are at fault"));
    task_fault_clear(&test.task);
    check_int(task_faults(&test.task), ERR_NONE);
    task_fault(&test.task, S("a"), S("type"), "is wrong");
    check_int(task_faults(&test.task), ERR_INVALID);
    check_str(test.task.fault.detail, S("1 field is at fault"));
    test_task_drop(&test);
}

TEST(test_task_fault__keeps_so_many_and_counts_the_rest)
{
    struct test_task test;
    test_task_init(&test);
    for (uint32_t i = 0; i < FAULTS_MAX; i++) task_fault(&test.task, S("f"), S("type"), "%u", i);
    size_t used = test.arena.used_bytes;
    for (uint32_t i = 0; i < 1000; i++) task_fault(&test.task, S("f"), S("type"), "%u", i);
    check_int(test.arena.used_bytes, used);
    check_int(test.task.fault.item_count, FAULTS_MAX);
    check_str(test.task.fault.items[FAULTS_MAX - 1].message, S("49"));
    check_int(task_faults(&test.task), ERR_INVALID);
    check_str(test.task.fault.detail, S("1050 fields are at fault; the first 50 are told"));
    test_task_drop(&test);
}

TEST(test_task_faults__says_when_memory_is_over)
{
    struct test_task test;
    test_task_init(&test);
    arena_fail_at(1);
    arena_take(&test.arena, 1);
    check_int(task_faults(&test.task), ERR_TOO_LARGE);
    check(test.task.fault.detail.len > 0);
    test_task_drop(&test);
}
