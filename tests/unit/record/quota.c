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

/* Bounds, at their very edge. */

struct deed {
    struct work work;
    struct fixture *fixture;
    struct task *task;
    enum err (*act)(struct deed *deed, struct txn *txn);
    struct quotas quotas;
    struct quota_delta delta;
    struct row_counter counted;
    bool is_to_enter, is_unbounded;
    str row;
};

static enum err deed_run(struct work *work, struct txn *txn)
{
    struct deed *deed = (struct deed *)work;
    txn_set_task(txn, deed->task);
    return deed->act(deed, txn);
}

/** Does it as a change of its own; what it told before is forgotten. */
static enum err act(struct deed *deed, enum err (*what)(struct deed *deed, struct txn *txn))
{
    task_fault_clear(deed->task);
    deed->act = what;
    deed->work = (struct work){.run = deed_run, .arena = deed->task->arena};
    return store_write(deed->fixture->store, &deed->fixture->space, &deed->work);
}

static enum err put_bounds(struct deed *deed, struct txn *txn)
{
    quotas_put(txn, &deed->quotas);
    return ERR_NONE;
}

static enum err read_bounds(struct deed *deed, struct txn *txn)
{
    return quotas_read(txn, &deed->quotas);
}

static enum err put_row(struct deed *deed, struct txn *txn)
{
    txn_system_put(txn, SYSTEM_QUOTA, S("bounds"), deed->row);
    return ERR_NONE;
}

static enum err count_records(struct deed *deed, struct txn *txn)
{
    return quota_count_records(deed->task, txn, deed->fixture->model, &deed->delta,
                               !deed->is_unbounded);
}

static enum err put_records(struct deed *deed, struct txn *txn)
{
    txn_counter_put(deed->task, txn, S("records"), &deed->counted);
    return ERR_NONE;
}

static enum err put_mails(struct deed *deed, struct txn *txn)
{
    txn_counter_put(deed->task, txn, S("mails"), &deed->counted);
    return ERR_NONE;
}

static enum err take_mail(struct deed *deed, struct txn *txn)
{
    return quota_take_mail(txn, deed->is_to_enter);
}

static enum err take_session(struct deed *, struct txn *txn)
{
    return quota_take_row(txn, QUOTA_SESSIONS);
}

static enum err put_session(struct deed *deed, struct txn *txn)
{
    txn_system_put(txn, SYSTEM_SESSION, deed->row, S("x"));
    return ERR_NONE;
}

static void deed_make(struct deed *deed, struct fixture *fixture)
{
    fixture_init(fixture);
    *deed = (struct deed){.fixture = fixture, .task = &fixture->test.task};
}

static void bound(struct deed *deed, enum quota quota, int64_t bound)
{
    deed->quotas = (struct quotas){};
    deed->quotas.bounds[quota] = bound;
    deed->quotas.is_set[quota] = true;
    check_int(act(deed, put_bounds), ERR_NONE);
}

static str packed(struct deed *deed, enum quota quota, int64_t number)
{
    struct buf row = buf_make(deed->task->arena, 64);
    pack_map(&row, 1);
    pack_int(&row, quota_kinds[quota].number);
    pack_int(&row, number);
    return buf_str(&row);
}

TEST(test_quota__what_is_set_is_kept_and_the_rest_is_as_in_the_table)
{
    struct fixture fixture;
    struct deed deed;
    deed_make(&deed, &fixture);
    for (uint32_t set = 0; set < QUOTA_COUNT; set++) {
        bound(&deed, (enum quota)set, (int64_t)set);
        check_int(act(&deed, read_bounds), ERR_NONE);
        for (uint32_t at = 0; at < QUOTA_COUNT; at++) {
            check_int(deed.quotas.is_set[at], at == set);
            check_int(deed.quotas.bounds[at], at == set ? (int64_t)set : quota_kinds[at].standard);
        }
    }
    /* What an earlier version let be set is cut to what may be now; what none did is damage. */
    deed.row = packed(&deed, QUOTA_TOKENS, QUOTA_BOUND_MAX);
    check_int(act(&deed, put_row), ERR_NONE);
    check_int(act(&deed, read_bounds), ERR_NONE);
    check_int(deed.quotas.bounds[QUOTA_TOKENS], quota_kinds[QUOTA_TOKENS].greatest);
    const int64_t wrong[] = {-1, QUOTA_BOUND_MAX + 1};
    for (int at = 0; at < 2; at++) {
        deed.row = packed(&deed, QUOTA_TOKENS, wrong[at]);
        check_int(act(&deed, put_row), ERR_NONE);
        check_int(act(&deed, read_bounds), ERR_CORRUPT);
    }
    fixture_drop(&fixture);
}

static enum err grow(struct deed *deed, int64_t records, int64_t bytes)
{
    deed->delta = (struct quota_delta){records, bytes};
    return act(deed, count_records);
}

/** Up to the bound, not beyond; what does not grow is never refused, nor what is not bounded. */
TEST(test_quota__records_and_bytes_grow_up_to_their_bounds)
{
    struct fixture fixture;
    struct deed deed;
    deed_make(&deed, &fixture);
    for (int of_bytes = 0; of_bytes < 2; of_bytes++) {
        enum quota quota = of_bytes ? QUOTA_BYTES : QUOTA_RECORDS;
        bound(&deed, quota, 10);
        deed.counted = (struct row_counter){8, 8};
        check_int(act(&deed, put_records), ERR_NONE);
        check_int(grow(&deed, 2, 2), ERR_NONE);
        check_int(grow(&deed, !of_bytes, of_bytes), ERR_LIMITED);
        check_str(deed.task->fault.quota.name, quota_kinds[quota].word);
        check_int(deed.task->fault.quota.bound, 10);
        check_int(deed.task->fault.quota.use, 10);
        check(!deed.task->fault.quota.runs_off);
        check(deed.task->fault.wait_ms > 0);
        check_int(grow(&deed, of_bytes, !of_bytes), ERR_NONE);
        deed.is_unbounded = true;
        check_int(grow(&deed, 5, 5), ERR_NONE);
        deed.is_unbounded = false;
        check_int(grow(&deed, -1, -1), ERR_NONE);
        check_int(grow(&deed, 0, 0), ERR_NONE);
        check_int(grow(&deed, !of_bytes, of_bytes), ERR_LIMITED);
        check_int(deed.task->fault.quota.use, 14);
    }
    fixture_drop(&fixture);
}

/** So many a day; letters that let somebody in, some more; and on the next day anew. */
TEST(test_quota__mails_are_bounded_by_the_day)
{
    constexpr int64_t day_ms = 24LL * 3600 * 1000;
    struct fixture fixture;
    struct deed deed;
    deed_make(&deed, &fixture);
    deed.task->now_ms = 5 * day_ms + 1000;
    bound(&deed, QUOTA_MAILS, 2);
    check_int(act(&deed, take_mail), ERR_NONE);
    check_int(act(&deed, take_mail), ERR_NONE);
    check_int(act(&deed, take_mail), ERR_LIMITED);
    check_int(deed.task->fault.wait_ms, day_ms - 1000);
    check_int(deed.task->fault.quota.use, 2);
    check(!deed.task->fault.quota.runs_off);
    deed.is_to_enter = true;
    deed.counted = (struct row_counter){2 + QUOTA_MAILS_TO_ENTER - 1, 5};
    check_int(act(&deed, put_mails), ERR_NONE);
    check_int(act(&deed, take_mail), ERR_NONE);
    check_int(act(&deed, take_mail), ERR_LIMITED);
    deed.is_to_enter = false;
    deed.task->now_ms = 6 * day_ms;
    check_int(act(&deed, take_mail), ERR_NONE);
    fixture_drop(&fixture);
}

TEST(test_quota__sessions_are_refused_once_there_are_as_many)
{
    struct fixture fixture;
    struct deed deed;
    deed_make(&deed, &fixture);
    bound(&deed, QUOTA_SESSIONS, 0);
    check_int(act(&deed, take_session), ERR_LIMITED);
    check_int(deed.task->fault.quota.use, 0);
    bound(&deed, QUOTA_SESSIONS, 2);
    static const str names[] = {S("a"), S("b")};
    for (int at = 0; at < 2; at++) {
        check_int(act(&deed, take_session), ERR_NONE);
        deed.row = names[at];
        check_int(act(&deed, put_session), ERR_NONE);
    }
    check_int(act(&deed, take_session), ERR_LIMITED);
    check_int(deed.task->fault.quota.use, 2);
    check_int(deed.task->fault.quota.bound, 2);
    fixture_drop(&fixture);
}

TEST(test_quota__what_memory_counts_is_told_to_run_off)
{
    struct test_task test;
    test_task_init(&test);
    for (uint32_t at = 0; at < QUOTA_COUNT; at++) {
        bool runs_off = at == QUOTA_REQUESTS || at == QUOTA_RULE_TIME;
        check_int(quota_is_in_memory((enum quota)at), runs_off || at == QUOTA_STREAMS);
        task_fault_clear(&test.task);
        check_int(quota_reached(&test.task, (enum quota)at, 1, 1, 7), ERR_LIMITED);
        check_int(test.task.fault.quota.runs_off, runs_off);
        check_int(test.task.fault.wait_ms, 7);
    }
    test_task_drop(&test);
}
