#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "base/clock.h"
#include "base/limits.h"
#include "store/key.h"
#include "store_test.h"
#include "value/value.h"

/* Groups that are built while those before them are with the committer. The program's own pwrite
 * and writev stand before the C library's, also for LMDB, so a commit can be held and can fail. */

constexpr size_t PAGE_BYTES = 4096;
static _Atomic bool is_held;
static _Atomic bool is_held_now;
static _Atomic int fails_with;

static bool write_waits_and_fails(void)
{
    while (is_held) {
        is_held_now = true;
        usleep(500);
    }
    is_held_now = false;
    /* Read once: a failure without an error would be taken for a write that went well. */
    int error = fails_with;
    errno = error;
    return error != 0;
}

ssize_t pwrite(int file, const void *bytes, size_t len, off_t offset)
{
    /* Not the meta page, which is shorter: without that LMDB cannot go on at all. */
    if (len >= PAGE_BYTES && write_waits_and_fails()) return -1;
    return syscall(SYS_pwrite64, file, bytes, len, offset);
}

ssize_t writev(int file, const struct iovec *parts, int count)
{
    if (write_waits_and_fails()) return -1;
    return syscall(SYS_writev, file, parts, count);
}

constexpr uint16_t ENTITY = 1;
constexpr int64_t WAIT_MS_MAX = 60'000;

static struct id id_of(uint64_t number)
{
    struct id id = {};
    bytes_put_uint64((char *)id.bytes, number);
    return id;
}

static void wait_for(const _Atomic uint32_t *what, uint32_t value)
{
    int64_t begun_ms = clock_now_ms();
    while (atomic_load(what) < value) {
        check(clock_now_ms() - begun_ms < WAIT_MS_MAX);
        usleep(500);
    }
}

static void wait_until_held(void)
{
    for (int64_t begun_ms = clock_now_ms(); !is_held_now; usleep(500))
        check(clock_now_ms() - begun_ms < WAIT_MS_MAX);
}

static _Atomic uint32_t run_count, done_count;
static char filling[100'000];

struct chain_work {
    struct work work;
    uint64_t number; /** of the record that it puts; 0: none */
    uint64_t looks_for;
    size_t bytes;
    enum err answers;
    /* What came of it. */
    enum err looked, answer;
    uint32_t done_at;
};

static enum err chain_run(struct work *work, struct txn *txn)
{
    struct chain_work *own = (struct chain_work *)work;
    str value;
    if (own->looks_for > 0)
        own->looked = txn_record_get_view(txn, ENTITY, id_of(own->looks_for), &value);
    size_t bytes = own->bytes == 0 ? 1 : own->bytes;
    if (own->number > 0) {
        txn_record_put(txn, ENTITY, id_of(own->number), (str){filling, bytes});
        txn_index_put(txn, ENTITY, 1, S("x"), id_of(own->number));
    }
    atomic_fetch_add(&run_count, 1);
    return own->answers;
}

static void chain_done(struct work *work, enum err err)
{
    struct chain_work *own = (struct chain_work *)work;
    own->answer = err;
    own->done_at = atomic_load(&done_count) + 1;
    atomic_fetch_add(&done_count, 1);
}

static void submit(struct test_store *test, struct chain_work *own)
{
    struct space space = store_space(test->store, 1, id_of(1));
    own->work = (struct work){.run = chain_run, .done = chain_done};
    own->looked = own->answer = ERR_NONE;
    check_int(store_submit(test->store, &space, &own->work), ERR_NONE);
}

static enum err look(struct test_store *test, uint64_t number)
{
    struct space space = store_space(test->store, 1, id_of(1));
    struct txn *txn;
    str value;
    check_int(txn_open(&test->task.task, &space, &txn), ERR_NONE);
    enum err err = txn_record_get_view(txn, ENTITY, id_of(number), &value);
    txn_close(txn);
    return err;
}

static void chain_open(struct test_store *test)
{
    is_held = false;
    fails_with = 0;
    atomic_store(&run_count, 0);
    atomic_store(&done_count, 0);
    memset(filling, 'f', sizeof filling);
    test_store_open(test);
}

/** Opens a store in which the first of these works is held, and each of the others is a group that
 *  was built upon those before it. */
static void chain_build(struct test_store *test, struct chain_work *works, uint32_t count)
{
    uint32_t built = 0;
    for (int tries = 0; built < count; tries++) {
        /* On a machine that stood still the first was too old to be built upon: once more then. */
        check(tries < 20);
        if (tries > 0) test_store_drop(test);
        chain_open(test);
        is_held = true;
        submit(test, &works[0]);
        wait_until_held();
        int64_t begun_ns = clock_monotonic_ns();
        uint32_t given = 1;
        for (built = 1; built == given && given < count; built = atomic_load(&run_count)) {
            submit(test, &works[given++]);
            while (atomic_load(&run_count) < given &&
                   clock_monotonic_ns() - begun_ns < 2 * CHAIN_NS_MAX)
                usleep(500);
        }
        if (built == count) return;
        is_held = false;
        wait_for(&done_count, given);
    }
}

TEST(test_chain__a_group_sees_what_is_not_durable_and_is_answered_behind_it)
{
    struct test_store test;
    struct chain_work works[] = {
        {.number = 1},
        {.number = 2, .looks_for = 1},
        {.looks_for = 2, .answers = ERR_CONFLICT},
    };
    chain_build(&test, works, 3);
    check_int(works[1].looked, ERR_NONE);
    check_int(works[2].looked, ERR_NONE);
    /* Nobody outside sees any of it, and nobody is told. */
    check_int(look(&test, 1), ERR_MISSING);
    usleep(20'000);
    check_int(atomic_load(&done_count), 0);
    is_held = false;
    wait_for(&done_count, 3);
    check_int(works[0].answer, ERR_NONE);
    check_int(works[1].answer, ERR_NONE);
    check_int(works[2].answer, ERR_CONFLICT);
    check(works[0].done_at < works[1].done_at && works[1].done_at < works[2].done_at);
    check_int(look(&test, 1), ERR_NONE);
    check_int(look(&test, 2), ERR_NONE);
    test_store_drop(&test);
}

TEST(test_chain__fails_with_what_it_was_built_upon)
{
    struct test_store test;
    struct chain_work works[] = {
        {.number = 1},
        {.number = 2, .looks_for = 1},
        {.looks_for = 1, .answers = ERR_CONFLICT},
        {.number = 3, .looks_for = 2},
    };
    chain_build(&test, works, 4);
    fails_with = ENOSPC;
    is_held = false;
    wait_for(&done_count, 4);
    for (uint32_t at = 0; at < 4; at++) check_int(works[at].answer, ERR_FULL);
    fails_with = 0;
    struct chain_work after = {.number = 4, .looks_for = 1};
    submit(&test, &after);
    wait_for(&done_count, 5);
    check_int(after.looked, ERR_MISSING);
    check_int(after.answer, ERR_NONE);
    for (uint64_t number = 1; number < 4; number++) check_int(look(&test, number), ERR_MISSING);
    check_int(look(&test, 4), ERR_NONE);
    test_store_drop(&test);
}

TEST(test_chain__undoes_a_work_back_to_the_group_before)
{
    struct test_store test;
    struct chain_work works[] = {
        {.number = 1, .bytes = 1},
        /* It writes over the record of the group before, fails, and leaves no trace. */
        {.number = 1, .bytes = 50, .answers = ERR_INVALID},
        {.number = 2, .looks_for = 1},
    };
    chain_build(&test, works, 3);
    is_held = false;
    wait_for(&done_count, 3);
    check_int(works[1].answer, ERR_INVALID);
    struct space space = store_space(test.store, 1, id_of(1));
    struct txn *txn;
    str value;
    check_int(txn_open(&test.task.task, &space, &txn), ERR_NONE);
    check_int(txn_record_get_view(txn, ENTITY, id_of(1), &value), ERR_NONE);
    check_int(value.len, 1);
    txn_close(txn);
    test_store_drop(&test);
}

TEST(test_chain__is_bounded_while_the_disk_is_slow)
{
    constexpr uint32_t works_max = 300;
    static struct chain_work works[works_max];
    struct test_store test;
    chain_open(&test);
    memset(works, 0, sizeof works);
    is_held = true;
    for (uint32_t at = 0; at < works_max; at++) {
        works[at].number = at + 1;
        works[at].bytes = sizeof filling;
        submit(&test, &works[at]);
    }
    uint32_t before, now = 0;
    do {
        before = now;
        usleep(100'000);
        now = atomic_load(&run_count);
    } while (now != before || now == 0);
    check(now < works_max / 2);
    is_held = false;
    wait_for(&done_count, works_max);
    for (uint32_t at = 0; at < works_max; at++) {
        check_int(works[at].answer, ERR_NONE);
        check_int(look(&test, at + 1), ERR_NONE);
    }
    test_store_drop(&test);
}

TEST(test_chain__takes_in_nothing_more_when_it_is_old)
{
    struct test_store test;
    struct chain_work works[] = {{.number = 1}, {.number = 2}};
    struct chain_work third = {.number = 3, .looks_for = 2};
    chain_build(&test, works, 2);
    usleep((useconds_t)(CHAIN_NS_MAX / 1000) + 100'000);
    submit(&test, &third);
    usleep(100'000);
    check_int(atomic_load(&run_count), 2);
    is_held = false;
    wait_for(&done_count, 3);
    check_int(works[0].answer, ERR_NONE);
    check_int(works[1].answer, ERR_NONE);
    check_int(third.answer, ERR_NONE);
    check_int(third.looked, ERR_NONE);
    test_store_drop(&test);
}

/* A counter, and an entry for each time it was raised: both must say the same as the answers,
 * however commits fail. */

struct raise_work {
    struct work work;
    struct arena arena;
    enum err answer;
    bool is_refused;
};

static enum err raise_run(struct work *work, struct txn *txn)
{
    struct raise_work *own = (struct raise_work *)work;
    str value;
    enum err err = txn_record_get_view(txn, ENTITY, id_of(1), &value);
    int64_t number = err == ERR_NONE ? value_of(value).integer : 0;
    struct buf next = buf_make(&own->arena, 16);
    pack_int(&next, number + 1);
    txn_record_put(txn, ENTITY, id_of(1), buf_str(&next));
    txn_index_put(txn, ENTITY, 1, S("x"), id_of((uint64_t)number + 1));
    txn_record_put(txn, ENTITY, id_of(100 + (uint64_t)number), (str){filling, 500});
    return own->is_refused ? ERR_REJECTED : ERR_NONE;
}

static void raise_done(struct work *work, enum err err)
{
    ((struct raise_work *)work)->answer = err;
    atomic_fetch_add(&done_count, 1);
}

TEST(test_chain__holds_together_while_commits_fail)
{
    constexpr uint32_t works_max = 3000;
    static struct raise_work works[works_max];
    struct test_store test;
    chain_open(&test);
    random_seed(test_seed());
    struct space space = store_space(test.store, 1, id_of(1));
    fails_with = ENOSPC;
    for (uint32_t at = 0; at < works_max; at++) {
        struct raise_work *own = &works[at];
        *own = (struct raise_work){.work = {.run = raise_run, .done = raise_done},
                                   .is_refused = random_uint64() % 8 == 0};
        arena_init(&own->arena, 1 << 20);
        check_int(store_submit(test.store, &space, &own->work), ERR_NONE);
        /* At first all is refused, and then none, so that both are sure to come. */
        if (at == 50 || at == 100) wait_for(&done_count, at);
        if (at == 50) fails_with = 0;
        if (at > 100 && random_uint64() % 16 == 0)
            fails_with = random_uint64() % 4 == 0 ? ENOSPC : 0;
        if (random_uint64() % 4 == 0) usleep(random_uint64() % 400);
    }
    fails_with = 0;
    wait_for(&done_count, works_max);
    int64_t raised = 0;
    uint32_t full = 0, entries;
    for (uint32_t at = 0; at < works_max; at++) {
        raised += works[at].answer == ERR_NONE;
        full += works[at].answer == ERR_FULL;
        check(works[at].answer == ERR_NONE || works[at].answer == ERR_FULL || works[at].is_refused);
        arena_drop(&works[at].arena);
    }
    struct txn *txn;
    str value;
    struct scan_range all = {.is_unbounded_from = true, .is_unbounded_to = true};
    check_int(txn_open(&test.task.task, &space, &txn), ERR_NONE);
    check_int(txn_record_get_view(txn, ENTITY, id_of(1), &value), ERR_NONE);
    check_int(value_of(value).integer, raised);
    check_int(scan_index_count(txn, ENTITY, 1, &all, 10'000, &entries), ERR_NONE);
    check_int(entries, raised);
    txn_close(txn);
    check(full > 0 && raised > 0);
    test_store_drop(&test);
}
