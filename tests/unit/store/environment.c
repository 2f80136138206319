#include "test.h"

#include <sys/wait.h>

#include "store/keyring.h"
#include "store/snapshot.h"
#include "store/key.h"
#include "store_test.h"
#include "value/value.h"

static struct id id_of(uint64_t number)
{
    struct id id = {};
    bytes_put_uint64((char *)id.bytes, number);
    return id;
}

struct bulk_work {
    struct work work;
    uint64_t number;
};

static enum err bulk_run(struct work *work, struct txn *txn)
{
    static char value[3000] = {(char)0xC5, 0x0B, (char)0xB5};
    txn_record_put(txn, 1, id_of(((struct bulk_work *)work)->number), (str){value, sizeof(value)});
    return ERR_NONE;
}

static enum err bulk_put(struct test_store *test, uint64_t number)
{
    struct space space = store_space(test->store, 1, id_of(1));
    struct bulk_work own = {.work.run = bulk_run, .number = number};
    return store_write(test->store, &space, &own.work);
}

static enum err bulk_get(struct test_store *test, uint64_t number)
{
    struct space space = store_space(test->store, 1, id_of(1));
    struct txn *txn;
    str value;
    check_int(txn_open(&test->task.task, &space, &txn), ERR_NONE);
    enum err err = txn_record_get_view(txn, 1, id_of(number), &value);
    txn_close(txn);
    return err;
}

TEST(test_environment__full_map_refuses_writes_and_loses_nothing)
{
    struct test_store test = {.map_bytes = 512 << 10};
    test_task_init(&test.task);
    test_folder_make(test.folder);
    check_int(test_store_try(&test), ERR_NONE);
    uint64_t count = 0;
    enum err err;
    while ((err = bulk_put(&test, count)) == ERR_NONE) count++;
    check_int(err, ERR_FULL);
    check(count > 50);
    check_int(bulk_put(&test, count), ERR_FULL);
    for (uint64_t i = 0; i < count; i++) check_int(bulk_get(&test, i), ERR_NONE);
    check_int(bulk_get(&test, count), ERR_MISSING);
    store_close(test.store);
    test.map_bytes = 2 << 20;
    check_int(test_store_try(&test), ERR_NONE);
    check_int(bulk_put(&test, count), ERR_NONE);
    for (uint64_t i = 0; i <= count; i++) check_int(bulk_get(&test, i), ERR_NONE);
    test_store_drop(&test);
}

TEST(test_environment__has_one_owner)
{
    struct test_store test, other;
    check(!store_is_owned(S("/tmp/atrium-test-not-there")));
    test_store_open(&test);
    other = test;
    check(store_is_owned(str_of(test.folder)));
    check_int(test_store_try(&other), ERR_CONFLICT);
    pid_t child = fork();
    check(child >= 0);
    if (child == 0) {
        /* The child has copies of the descriptors and nothing else to do with the store. */
        for (int file = 3; file < 1000; file++) close(file);
        struct test_task task;
        test_task_init(&task);
        struct store_options options = {.folder = str_of(test.folder)};
        struct store *store;
        bool is_owned = store_is_owned(str_of(test.folder));
        _exit(is_owned && store_open(&task.task, &options, &store) == ERR_CONFLICT ? 0 : 1);
    }
    int status;
    check(waitpid(child, &status, 0) == child);
    check_int(status, 0);
    store_close(test.store);
    check(!store_is_owned(str_of(test.folder)));
    check_int(test_store_try(&test), ERR_NONE);
    test_store_drop(&test);
}

static void file_replace(struct test_store *test, const char *name, str bytes, mode_t mode)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", test->folder, name);
    unlink(path);
    if (bytes.len == 0) return;
    int file = open(path, O_WRONLY | O_CREAT, mode);
    check(file >= 0);
    check(write(file, bytes.at, bytes.len) == (ssize_t)bytes.len);
    fchmod(file, mode);
    close(file);
}

TEST(test_environment__takes_an_emptied_file_for_no_data)
{
    struct test_store test;
    test_store_open(&test);
    store_close(test.store);
    char path[128];
    snprintf(path, sizeof(path), "%s/data.mdb", test.folder);
    check_int(truncate(path, 0), 0);
    struct store_options options = {.folder = str_of(test.folder), .must_exist = true};
    check_int(store_open(&test.task.task, &options, &test.store), ERR_CORRUPT);
    check_int(unlink(path), 0);
    check_int(store_open(&test.task.task, &options, &test.store), ERR_MISSING);
    check_int(test_store_try(&test), ERR_CORRUPT); /* lost data is no new directory */
    snprintf(path, sizeof(path), "%s/master.key", test.folder);
    check_int(unlink(path), 0);
    check_int(test_store_try(&test), ERR_NONE);
    test_store_drop(&test);
}

/** Killed before the new key got its name, with the data there or not yet. */
TEST(test_environment__goes_on_with_a_first_start_that_was_killed)
{
    for (int has_data = 0; has_data < 2; has_data++) {
        struct test_store test;
        test_store_open(&test);
        store_close(test.store);
        char path[128], new_path[128], data[128];
        snprintf(path, sizeof(path), "%s/master.key", test.folder);
        snprintf(new_path, sizeof(new_path), "%s/master.key.new", test.folder);
        snprintf(data, sizeof(data), "%s/data.mdb", test.folder);
        check_int(rename(path, new_path), 0);
        if (has_data == 0) check_int(unlink(data), 0);
        check_int(test_store_try(&test), ERR_NONE);
        check_int(access(path, F_OK), 0);
        check(access(new_path, F_OK) != 0);
        test_store_drop(&test);
    }
}

TEST(test_environment__refuses_a_wrong_or_open_master_key)
{
    struct test_store test;
    test_store_open(&test);
    char path[128], key[33];
    snprintf(path, sizeof(path), "%s/master.key", test.folder);
    struct stat about;
    check(stat(path, &about) == 0);
    check_int(about.st_mode & 0777, 0600);
    int file = open(path, O_RDONLY);
    check_int(read(file, key, sizeof(key)), 32);
    close(file);
    store_close(test.store);
    file_replace(&test, "master.key", S("0123456789abcdef0123456789abcdef"), 0600);
    check_int(test_store_try(&test), ERR_CORRUPT);
    file_replace(&test, "master.key", S("short"), 0600);
    check_int(test_store_try(&test), ERR_CORRUPT);
    file_replace(&test, "master.key", S(""), 0);
    check_int(test_store_try(&test), ERR_CORRUPT);
    file_replace(&test, "master.key", (str){key, 32}, 0644);
    check_int(test_store_try(&test), ERR_SYSTEM);
    file_replace(&test, "master.key", (str){key, 32}, 0600);
    check_int(test_store_try(&test), ERR_NONE);
    test_store_drop(&test);
}

TEST(test_environment__must_exist_makes_nothing)
{
    struct test_store test = {};
    test_task_init(&test.task);
    test_folder_make(test.folder);
    struct store_options options = {.folder = str_of(test.folder), .must_exist = true};
    check_int(store_open(&test.task.task, &options, &test.store), ERR_MISSING);
    check_int(rmdir(test.folder), 0);
    test_task_drop(&test.task);
}

TEST(test_environment__data_key_opens_after_reopen)
{
    struct test_store test;
    test_store_open(&test);
    struct txn *txn;
    struct data_keys key, again;
    struct space space = store_space(test.store, 9, id_of(9));
    check_int(txn_open_dry(&test.task.task, &space, &txn), ERR_NONE);
    check_int(txn_data_keys(txn, &key), ERR_MISSING);
    txn_data_key_make(txn);
    check_int(txn_data_keys(txn, &key), ERR_NONE);
    check_int(txn_data_keys(txn, &again), ERR_NONE);
    check(memcmp(&key.keys[0], &again.keys[0], sizeof key.keys[0]) == 0);
    txn_close(txn);
    /* Dry: nothing of it stays. */
    check_int(txn_open(&test.task.task, &space, &txn), ERR_NONE);
    check_int(txn_data_keys(txn, &key), ERR_MISSING);
    txn_close(txn);
    test_store_drop(&test);
}

TEST(test_environment__reader_slots_end_with_an_error)
{
    struct test_store test;
    test_store_open(&test);
    struct space space = store_space(test.store, 1, id_of(1));
    static struct txn *txns[READERS_MAX + 1];
    for (int round = 0; round < 2; round++) {
        uint32_t count = 0;
        enum err err = ERR_NONE;
        while (count <= READERS_MAX && err == ERR_NONE) {
            err = txn_open(&test.task.task, &space, &txns[count]);
            if (err == ERR_NONE) count++;
        }
        check_int(err, ERR_FULL);
        check_int(count, READERS_MAX);
        check_int(store_figures(test.store).readers_open, READERS_MAX);
        while (count > 0) txn_close(txns[--count]);
    }
    check_int(bulk_put(&test, 1), ERR_NONE);
    test_store_drop(&test);
}
