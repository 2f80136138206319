/** store_test: a store in a fresh folder, for the tests of this folder. */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/random.h"
#include "store/store.h"
#include "store/txn.h"
#include "test.h"

struct test_store {
    struct test_task task;
    struct store *store;
    char folder[TEST_PATH_BYTES];
    uint64_t map_bytes;
};

/** Printed, so that a failed run can be repeated with ATRIUM_SEED. */
[[maybe_unused]] static uint64_t test_seed(void)
{
    const char *given = getenv("ATRIUM_SEED");
    uint64_t seed = given != nullptr ? strtoull(given, nullptr, 10) : random_uint64() >> 16 | 1;
    fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
    return seed;
}

/** Removes a folder of files. */
[[maybe_unused]] static void test_folder_drop(const char *folder)
{
    DIR *opened = opendir(folder);
    if (opened == nullptr) return;
    for (struct dirent *entry; (entry = readdir(opened)) != nullptr;)
        if (entry->d_type != DT_DIR) unlinkat(dirfd(opened), entry->d_name, 0);
    closedir(opened);
    rmdir(folder);
}

[[maybe_unused]] static enum err test_store_try(struct test_store *test)
{
    struct store_options options = {.folder = str_of(test->folder), .map_bytes = test->map_bytes};
    return store_open(&test->task.task, &options, &test->store);
}

[[maybe_unused]] static void test_store_open(struct test_store *test)
{
    *test = (struct test_store){};
    test_task_init(&test->task);
    test_folder_make(test->folder);
    check_int(test_store_try(test), ERR_NONE);
}

[[maybe_unused]] static void test_store_reopen(struct test_store *test)
{
    store_close(test->store);
    check_int(test_store_try(test), ERR_NONE);
}

[[maybe_unused]] static void test_store_drop(struct test_store *test)
{
    store_close(test->store);
    test_folder_drop(test->folder);
    test_task_drop(&test->task);
}
