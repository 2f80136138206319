#include "test.h"

#include <pthread.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/id.h"

static int order(struct id a, struct id b)
{
    return str_compare(id_bytes(&a), id_bytes(&b));
}

TEST(test_id__is_a_uuid_of_version_7_with_the_time)
{
    clock_set(0x0123456789ab);
    struct id id = id_make();
    clock_set(-1);
    static const uint8_t time[] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab};
    check(memcmp(id.bytes, time, sizeof time) == 0);
    check_int(id.bytes[6] >> 4, 7);
    check_int(id.bytes[8] >> 6, 2);
}

TEST(test_id__rises_also_when_the_clock_is_set_back)
{
    struct id last = id_make();
    for (int i = 0; i < 20'000; i++) {
        clock_set(1'900'000'000'000 - i);
        struct id next = id_make();
        check(order(last, next) < 0);
        last = next;
    }
    clock_set(-1);
    check(order(last, id_make()) < 0);
}

enum { THREADS = 4, IDS_EACH = 20'000 };

static struct id made[THREADS][IDS_EACH];

static void *make_many(void *argument)
{
    struct id *ids = argument;
    for (int i = 0; i < IDS_EACH; i++) ids[i] = id_make();
    return nullptr;
}

static int order_for_sort(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct id));
}

TEST(test_id__rises_in_each_thread_and_differs_between_them)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        check_int(pthread_create(&threads[i], nullptr, make_many, made[i]), 0);
    for (int i = 0; i < THREADS; i++) check_int(pthread_join(threads[i], nullptr), 0);
    for (int i = 0; i < THREADS; i++)
        for (int at = 1; at < IDS_EACH; at++) check(order(made[i][at - 1], made[i][at]) < 0);
    qsort(made, THREADS * IDS_EACH, sizeof(struct id), order_for_sort);
    for (int at = 1; at < THREADS * IDS_EACH; at++) {
        /* The first 8 bytes alone hold tick and version: one tick is given once. */
        const struct id *ids = &made[0][0];
        check(memcmp(ids[at - 1].bytes, ids[at].bytes, 8) < 0);
    }
}

TEST(test_id__goes_to_text_and_back)
{
    struct arena arena;
    arena_init(&arena, 1 << 20);
    struct id id;
    check(id_of_bytes(S("\x01\x93\x4f\xab\xcd\xef\x70\x00\x80\x00\x00\x00\x00\x00\x00\xff"), &id));
    check_str(id_text(&arena, id), S("01934fab-cdef-7000-8000-0000000000ff"));
    for (int i = 0; i < 100; i++) {
        struct id made_id = id_make(), read;
        check(id_parse(id_text(&arena, made_id), &read));
        check(id_eq(made_id, read));
    }
    arena_drop(&arena);
}

TEST(test_id_parse__refuses_all_else)
{
    struct id id;
    static const char *const bad[] = {
        "",
        "01934fab-cdef-7000-8000-0000000000f",
        "01934fab-cdef-7000-8000-0000000000ff0",
        "01934FAB-cdef-7000-8000-0000000000ff",
        "01934fab-cdef-7000-8000-0000000000fg",
        "01934fabcdef-7000-8000-0000000000ffff",
        "01934fab-cdef-7000-80000-000000000ff",
        "{1934fab-cdef-7000-8000-0000000000f}",
        "01934fab--def-7000-8000-0000000000ff",
        "01934fab0cdef07000080000000000000000",
    };
    for (size_t at = 0; at < sizeof bad / sizeof bad[0]; at++)
        check(!id_parse(str_of(bad[at]), &id));
    check(!id_of_bytes(S("short"), &id));
    check(id_is_nil((struct id){}));
    check(!id_is_nil(id_make()));
}
