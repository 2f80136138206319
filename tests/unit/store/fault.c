#include "test.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "store/key.h"
#include "store_test.h"

/* The program's own fdatasync and pwrite stand before the C library's, also for LMDB. */

static _Atomic int syncs;
static _Atomic int sync_fails_with;
static _Atomic int write_fails_with;
static _Atomic bool is_sync_held;

int fdatasync(int file)
{
    if (sync_fails_with != 0) {
        errno = sync_fails_with;
        return -1;
    }
    while (is_sync_held) usleep(1000);
    syncs++;
    return (int)syscall(SYS_fdatasync, file);
}

ssize_t pwrite(int file, const void *bytes, size_t len, off_t offset)
{
    if (write_fails_with != 0) {
        errno = write_fails_with;
        return -1;
    }
    return syscall(SYS_pwrite64, file, bytes, len, offset);
}

ssize_t writev(int file, const struct iovec *parts, int count)
{
    if (write_fails_with != 0) {
        errno = write_fails_with;
        return -1;
    }
    return syscall(SYS_writev, file, parts, count);
}

static struct id id_of(uint64_t number)
{
    struct id id = {};
    bytes_put_uint64((char *)id.bytes, number);
    return id;
}

struct put_work {
    struct work work;
    uint64_t number;
    int syncs_at_run;
    int syncs_at_done;
};

static enum err put_run(struct work *work, struct txn *txn)
{
    struct put_work *own = (struct put_work *)work;
    own->syncs_at_run = syncs;
    txn_record_put(txn, 1, id_of(own->number), S("\x01"));
    txn_index_put(txn, 1, 1, S("x"), id_of(own->number));
    return ERR_NONE;
}

static void put_done(struct work *work, enum err)
{
    struct put_work *own = (struct put_work *)work;
    own->syncs_at_done = syncs;
}

static enum err put(struct test_store *test, uint64_t number, struct put_work *own)
{
    struct space space = store_space(test->store, 1, id_of(1));
    *own = (struct put_work){.work = {.run = put_run, .done = put_done}, .number = number};
    return store_write(test->store, &space, &own->work);
}

static uint32_t count(struct test_store *test)
{
    struct space space = store_space(test->store, 1, id_of(1));
    struct txn *txn;
    uint32_t number, records = 0;
    struct scan_range all = {.is_unbounded_from = true, .is_unbounded_to = true};
    check_int(txn_open(&test->task.task, &space, &txn), ERR_NONE);
    check_int(scan_index_count(txn, 1, 1, &all, 10'000, &number), ERR_NONE);
    for (uint64_t i = 0; i < 100; i++) {
        str value;
        if (txn_record_get_view(txn, 1, id_of(i), &value) == ERR_NONE) records++;
    }
    txn_close(txn);
    check_int(records, number);
    return number;
}

TEST(test_fault__nothing_is_answered_before_it_is_synced)
{
    struct test_store test;
    struct put_work own;
    test_store_open(&test);
    for (uint64_t i = 0; i < 10; i++) {
        check_int(put(&test, i, &own), ERR_NONE);
        check(own.syncs_at_done > own.syncs_at_run);
    }
    test_store_drop(&test);
}

TEST(test_fault__full_disk_refuses_and_comes_back)
{
    struct test_store test;
    struct put_work own;
    test_store_open(&test);
    for (int round = 0; round < 3; round++) {
        check_int(put(&test, (uint64_t)round, &own), ERR_NONE);
        write_fails_with = ENOSPC;
        check_int(put(&test, 50, &own), ERR_FULL);
        check_int(put(&test, 51, &own), ERR_FULL);
        check_int(count(&test), round + 1);
        write_fails_with = 0;
    }
    check_int(put(&test, 50, &own), ERR_NONE);
    check_int(count(&test), 4);
    check(store_figures(test.store).works_failed == 6);
    test_store_drop(&test);
}

struct large_work {
    struct work work;
    uint32_t count;
    _Atomic int *answered;
    enum err answer;
};

static enum err large_run(struct work *work, struct txn *txn)
{
    static char value[3000] = {(char)0xC5, 0x0B, (char)0xB5};
    for (uint64_t i = 0; i < ((struct large_work *)work)->count; i++)
        txn_record_put(txn, 2, id_of(i), (str){value, sizeof(value)});
    return ERR_NONE;
}

static void large_done(struct work *work, enum err err)
{
    struct large_work *own = (struct large_work *)work;
    own->answer = err;
    ++*own->answered;
}

TEST(test_fault__one_tenants_large_batch_does_not_cost_the_others)
{
    struct test_store test = {.map_bytes = 512 << 10};
    test_task_init(&test.task);
    test_folder_make(test.folder);
    check_int(test_store_try(&test), ERR_NONE);
    _Atomic int answered = 0;
    struct large_work works[6];
    struct put_work first = {.work = {.run = put_run, .done = put_done}};
    struct space first_space = store_space(test.store, 99, id_of(99));
    /* While the first commit waits for the disk the other batches gather to one group. */
    is_sync_held = true;
    check_int(store_submit(test.store, &first_space, &first.work), ERR_NONE);
    usleep(20'000);
    for (uint32_t i = 0; i < 6; i++) {
        struct space space = store_space(test.store, i + 1, id_of(i));
        works[i] = (struct large_work){.work = {.run = large_run, .done = large_done},
                                       .count = i == 3 ? 400 : 1,
                                       .answered = &answered};
        check_int(store_submit(test.store, &space, &works[i].work), ERR_NONE);
    }
    usleep(50'000);
    check_int(answered, 0);
    is_sync_held = false;
    while (answered < 6) usleep(1000);
    for (uint32_t i = 0; i < 6; i++) check_int(works[i].answer, i == 3 ? ERR_FULL : ERR_NONE);
    test_store_drop(&test);
}

[[noreturn]] static void leave(str)
{
    _exit(42);
}

/** In a process of its own: writes until told to fail; the exit status of `leave` is what should
 *  come. */
static int child_run(struct test_store *test, _Atomic int *fails, int with)
{
    pid_t child = fork();
    check(child >= 0);
    if (child == 0) {
        struct store_options options = {.folder = str_of(test->folder), .broken = leave};
        struct put_work own;
        if (store_open(&test->task.task, &options, &test->store) != ERR_NONE) _exit(2);
        if (put(test, 1, &own) != ERR_NONE || put(test, 2, &own) != ERR_NONE) _exit(3);
        *fails = with;
        (void)!put(test, 3, &own);
        _exit(4);
    }
    int status;
    check(waitpid(child, &status, 0) == child);
    check(WIFEXITED(status));
    return WEXITSTATUS(status);
}

TEST(test_fault__broken_disk_ends_the_process_unanswered)
{
    _Atomic int *const faults[] = {&sync_fails_with, &write_fails_with};
    for (int i = 0; i < 2; i++) {
        struct test_store test = {};
        test_task_init(&test.task);
        test_folder_make(test.folder);
        check_int(child_run(&test, faults[i], EIO), 42);
        check_int(test_store_try(&test), ERR_NONE);
        /* What was answered is there; what was not is there whole or not at all. */
        uint32_t number = count(&test);
        check(number == 2 || number == 3);
        test_store_drop(&test);
    }
}
