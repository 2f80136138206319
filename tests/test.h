/** test: a unit test file is one executable; each TEST registers itself, main runs them in order of
 *  the file.
 *
 *  A failed check prints where and ends the process with 1. `--only NAME` runs one. "Done" is said
 *  at the end, without which the build takes a program for failed, whatever it ends with.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/crypto.h"
#include "base/task.h"

struct test_case {
    const char *name;
    void (*run)(void);
    struct test_case *next;
};
static struct test_case *test_first, **test_last = &test_first;

#define TEST(test_name) \
    static void test_name(void); \
    [[gnu::constructor]] static void register_##test_name(void) \
    { \
        static struct test_case test = {#test_name, test_name, nullptr}; \
        *test_last = &test; \
        test_last = &test.next; \
    } \
    static void test_name(void)

#define check(condition) \
    ((condition) ? (void)0 : test_failed(__FILE__, __LINE__, #condition))
#define check_str(is, should) test_check_str(__FILE__, __LINE__, (is), (should))
#define check_int(is, should) \
    test_check_int(__FILE__, __LINE__, (long long)(is), (long long)(should))

[[noreturn, maybe_unused]] static void test_failed(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: failed: %s\n", file, line, what);
    exit(1);
}

[[maybe_unused]] static void test_check_str(const char *file, int line, str is, str should)
{
    if (str_eq(is, should)) return;
    fprintf(stderr, "%s:%d: is \"%.*s\", should be \"%.*s\"\n", file, line, FMT(is), FMT(should));
    exit(1);
}

[[maybe_unused]] static void test_check_int(const char *file, int line, long long is,
                                            long long should)
{
    if (is == should) return;
    fprintf(stderr, "%s:%d: is %lld, should be %lld\n", file, line, is, should);
    exit(1);
}

constexpr size_t TEST_PATH_BYTES = 256;

/** A new folder below TMPDIR. */
[[maybe_unused]] static void test_folder_make(char folder[TEST_PATH_BYTES])
{
    const char *place = getenv("TMPDIR");
    int len = snprintf(folder, TEST_PATH_BYTES, "%s/atrium-test-XXXXXX",
                       place == nullptr || *place == 0 ? "/tmp" : place);
    check(len > 0 && (size_t)len < TEST_PATH_BYTES && mkdtemp(folder) != nullptr);
}

/** A task with an arena of its own, for one test. */
struct test_task {
    struct arena arena;
    struct task task;
};
[[maybe_unused]] static void test_task_init(struct test_task *test)
{
    arena_init(&test->arena, 64 << 20);
    task_init(&test->task, &test->arena);
}
[[maybe_unused]] static void test_task_drop(struct test_task *test)
{
    arena_drop(&test->arena);
}

int main(int argc, char **argv)
{
    if (crypto_start() != ERR_NONE) return 1;
    const char *only = argc == 3 && strcmp(argv[1], "--only") == 0 ? argv[2] : nullptr;
    int run = 0;
    for (struct test_case *test = test_first; test != nullptr; test = test->next) {
        if (only != nullptr && strcmp(only, test->name) != 0) continue;
        test->run();
        run++;
    }
    if (run == 0) fprintf(stderr, "no test of that name\n");
    else fprintf(stderr, "Done %d tests\n", run);
    return run == 0;
}
