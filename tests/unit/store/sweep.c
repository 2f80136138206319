#include "test.h"

#include "store/sweep.h"
#include "store/txn.h"
#include "store_test.h"
#include "value/value.h"

static bool is_odd(str value, int64_t)
{
    return value_of(value).integer % 2 == 1;
}

static enum err fill(struct work *, struct txn *txn)
{
    for (int number = 0; number < 1200; number++) {
        char name[8], value[16];
        int len = snprintf(name, sizeof name, "%06d", number);
        struct arena arena;
        arena_init(&arena, 1 << 20);
        struct buf packed = buf_make(&arena, sizeof value);
        pack_int(&packed, number);
        txn_system_put(txn, SYSTEM_COUNTER, (str){name, (size_t)len}, buf_str(&packed));
        arena_drop(&arena);
    }
    return ERR_NONE;
}

TEST(test_sweep__deletes_what_is_over_and_nothing_where_nothing_is)
{
    struct test_store test;
    test_store_open(&test);
    struct space space = store_space(test.store, 1, id_make());
    struct task *task = &test.task.task;
    uint64_t deleted = 1;
    check(system_sweep(task, &space, SYSTEM_COUNTER, is_odd, &deleted) == ERR_NONE);
    check_int(deleted, 0);
    struct work work = {.run = fill};
    check(store_write(test.store, &space, &work) == ERR_NONE);
    check(system_sweep(task, &space, SYSTEM_COUNTER, is_odd, &deleted) == ERR_NONE);
    check_int(deleted, 600);
    check(system_sweep(task, &space, SYSTEM_COUNTER, is_odd, &deleted) == ERR_NONE);
    check_int(deleted, 0);
    test_store_drop(&test);
}
