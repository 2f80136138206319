/* The counter of records: it goes along with each change, is made where there is none, and a check
 * finds one that lies. */
#include "record/quota.h"

#include "fixture.h"

struct told {
    struct check_report report;
    uint32_t count;
};

static void tell(struct check_report *report, uint32_t, str what)
{
    struct told *told = (struct told *)report;
    told->count += memmem(what.at, what.len, "were counted", 12) != nullptr;
}

static uint32_t said(struct fixture *fixture)
{
    struct told told = {.report.found = tell};
    check_int(
        record_check(&fixture->test.task, &fixture->space, fixture->model, nullptr, &told.report),
        ERR_NONE);
    return told.count;
}

struct spoil {
    struct work work;
    struct task *task;
    bool is_removal;
};

static enum err spoil_run(struct work *work, struct txn *txn)
{
    struct spoil *spoil = (struct spoil *)work;
    txn_set_task(txn, spoil->task);
    if (spoil->is_removal) txn_system_delete(txn, SYSTEM_COUNTER, S("records"));
    else txn_counter_put(spoil->task, txn, S("records"), &(struct row_counter){3, 4});
    return ERR_NONE;
}

static void spoil(struct fixture *fixture, bool is_removal)
{
    struct task *task = &fixture->test.task;
    struct spoil spoil = {.work = {.run = spoil_run, .arena = task->arena}, task, is_removal};
    check_int(store_write(fixture->store, &fixture->space, &spoil.work), ERR_NONE);
}

static int64_t counted(struct fixture *fixture)
{
    struct txn *txn;
    int64_t use;
    check_int(txn_open(&fixture->test.task, &fixture->space, &txn), ERR_NONE);
    check_int(quota_use(txn, QUOTA_RECORDS, &use), ERR_NONE);
    txn_close(txn);
    return use;
}

TEST(test_quota__counter_goes_along_is_made_and_is_proven)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_create(&fixture, "contact", "{\"name\":\"Ann\"}");
    int64_t before = counted(&fixture);
    check(before > 0);
    fixture_create(&fixture, "contact", "{\"name\":\"Bea\"}");
    check_int(counted(&fixture), before + 1);
    check_int(said(&fixture), 0);

    spoil(&fixture, false);
    check_int(said(&fixture), 1);

    /* Data of a version that did not count is counted with the next change, and proven. */
    spoil(&fixture, true);
    check_int(counted(&fixture), 0);
    check_int(said(&fixture), 0);
    fixture_create(&fixture, "contact", "{\"name\":\"Cay\"}");
    check_int(counted(&fixture), before + 2);
    check_int(said(&fixture), 0);
    fixture_drop(&fixture);
}

TEST(test_quota__words_are_known_and_numbers_are_their_own)
{
    uint32_t numbers = 0;
    for (uint32_t at = 0; at < QUOTA_COUNT; at++) {
        enum quota quota;
        check(quota_parse(quota_kinds[at].word, &quota) && quota == at);
        check((numbers & 1u << quota_kinds[at].number) == 0);
        numbers |= 1u << quota_kinds[at].number;
        check(quota_kinds[at].standard > 0);
        check(quota_kinds[at].standard <= quota_kinds[at].greatest);
        check(quota_kinds[at].greatest <= QUOTA_BOUND_MAX);
    }
    enum quota quota;
    check(!quota_parse(S("cows"), &quota));
}
