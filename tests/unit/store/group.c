#include "store_test.h"

constexpr uint32_t GROUPS = 4;
constexpr uint32_t ENTRIES_MAX = 4000;

/** Which group each entry belongs to, by sequence. */
struct groups {
    uint64_t count;
    uint8_t of[ENTRIES_MAX];
};

static struct id id_of(uint64_t number)
{
    struct id id = {};
    memcpy(id.bytes, &number, 8);
    return id;
}

struct group_work {
    struct work work;
    struct groups *groups;
};

static enum err group_run(struct work *work, struct txn *txn)
{
    struct groups *groups = ((struct group_work *)work)->groups;
    uint32_t stretches = 1 + (uint32_t)(random_uint64() % 6);
    for (uint32_t stretch = 0; stretch < stretches; stretch++) {
        struct savepoint savepoint = txn_savepoint(txn);
        uint64_t before = groups->count;
        uint8_t group = (uint8_t)(random_uint64() % GROUPS);
        uint32_t length = 1 + (uint32_t)(random_uint64() % 40);
        for (uint32_t at = 0; at < length && groups->count + 1 < ENTRIES_MAX; at++) {
            struct log_entry entry = {.group = id_of(group), .entity = 1, .body = S("\xC0")};
            groups->of[++groups->count] = group;
            check_int(txn_log_append(txn, &entry), groups->count);
        }
        if (random_uint64() % 4 > 0) continue;
        txn_rollback(txn, savepoint);
        groups->count = before;
    }
    return ERR_NONE;
}

/** Newest first, all entries of the group older than `before`, by their stretches. */
static void groups_check(const struct groups *groups, struct txn *txn, uint8_t group,
                         uint64_t before)
{
    uint64_t expected = before > groups->count ? groups->count : before - 1;
    for (;;) {
        while (expected > 0 && groups->of[expected] != group) expected--;
        struct log_stretch stretch;
        enum err err = txn_log_of_group(txn, id_of(group), before, &stretch);
        check_int(err, expected == 0 ? ERR_MISSING : ERR_NONE);
        if (err != ERR_NONE) return;
        check_int(stretch.last, expected);
        check(stretch.first <= stretch.last);
        while (expected > 0 && groups->of[expected] == group) expected--;
        check_int(stretch.first, expected + 1);
        before = stretch.first;
    }
}

static void found(struct check_report *, uint32_t, str what)
{
    fprintf(stderr, "%.*s\n", FMT(what));
}

TEST(test_group__finds_each_groups_entries_whatever_lies_between)
{
    random_seed(test_seed());
    struct test_store test;
    test_store_open(&test);
    static struct groups groups;
    struct space space = store_space(test.store, 7, id_of(70));
    for (uint32_t round = 0; round < 30; round++) {
        struct group_work own = {.work.run = group_run, .groups = &groups};
        check_int(store_write(test.store, &space, &own.work), ERR_NONE);
        struct txn *txn;
        check_int(txn_open(&test.task.task, &space, &txn), ERR_NONE);
        for (uint8_t group = 0; group < GROUPS; group++) {
            groups_check(&groups, txn, group, UINT64_MAX);
            groups_check(&groups, txn, group, 1 + random_uint64() % (groups.count + 1));
        }
        struct log_stretch stretch;
        check_int(txn_log_of_group(txn, id_of(GROUPS), UINT64_MAX, &stretch), ERR_MISSING);
        txn_close(txn);
    }
    struct check_report report = {.found = found};
    check_int(store_check(&test.task.task, test.store, &report), ERR_NONE);
    check_int(report.fault_count, 1); /* this space has no name, and so no known uuid */
    test_store_drop(&test);
    random_seed(0);
}
