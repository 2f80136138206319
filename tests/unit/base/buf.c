#include "test.h"

#include <stdint.h>

#include "base/buf.h"

TEST(test_buf__grows_and_keeps_its_bytes)
{
    struct arena arena;
    arena_init(&arena, 64 << 20);
    struct buf buf = buf_make(&arena, 1 << 20), other = buf_make(&arena, 1 << 20);
    for (int i = 0; i < 5000; i++) {
        buf_print(&buf, "%d,", i);
        buf_put(&other, S("abc"));
        buf_put_byte(&other, '.');
    }
    struct cursor cursor = cursor_of(buf_str(&buf));
    for (int i = 0; i < 5000; i++) {
        str number, rest;
        check(str_cut(str_between(cursor.at, cursor.end), ',', &number, &rest));
        int64_t is;
        check(str_to_int64(number, &is));
        check_int(is, i);
        cursor = cursor_of(rest);
    }
    check_int(other.len, 20'000);
    for (size_t at = 0; at < other.len; at += 4) check(memcmp(other.at + at, "abc.", 4) == 0);
    check(!buf_is_over(&buf));
    arena_drop(&arena);
}

TEST(test_buf__alone_grows_in_place)
{
    struct arena arena;
    arena_init(&arena, 64 << 20);
    struct buf buf = buf_make(&arena, 1 << 20);
    buf_put_byte(&buf, 'x');
    const char *first = buf.at;
    for (int i = 0; i < 4000; i++) buf_put_byte(&buf, 'x');
    check(buf.at == first);
    check(arena.used_bytes <= 8192);
    arena_drop(&arena);
}

TEST(test_buf__drops_what_passes_the_maximum_and_says_so)
{
    struct arena arena;
    arena_init(&arena, 1 << 20);
    struct buf buf = buf_make(&arena, 10);
    buf_put(&buf, S("12345678"));
    check(!buf_is_over(&buf));
    buf_put(&buf, S("abc"));
    check(buf_is_over(&buf));
    check_str(buf_str(&buf), S("12345678"));
    buf_put(&buf, S("90"));
    check_str(buf_str(&buf), S("1234567890"));
    buf_put_byte(&buf, 'x');
    buf_print(&buf, "%d", 5);
    check_int(buf.len, 10);
    check(buf_room(&buf, SIZE_MAX) == nullptr);
    check(buf_room(&buf, 1) == nullptr);
    check(buf_room(&buf, 0) != nullptr);
    arena_drop(&arena);
}

TEST(test_buf__prints_long_texts)
{
    struct arena arena;
    arena_init(&arena, 1 << 20);
    struct buf buf = buf_make(&arena, 100'000);
    size_t len = 0;
    for (int width = 250; width < 260; width++, len += (size_t)width - 1)
        buf_print(&buf, "%*d", width, 1);
    buf_print(&buf, "%*d", 5000, 1);
    check_int(buf.len, len + 5000);
    check_int(buf.at[len + 4999], '1');
    check_int(buf.at[len + 4998], ' ');
    arena_drop(&arena);
}

TEST(test_buf__room_is_used_by_grew)
{
    struct arena arena;
    arena_init(&arena, 1 << 20);
    struct buf buf = buf_make(&arena, 100);
    check(buf_room(&buf, 0) != nullptr);
    char *room = buf_room(&buf, 20);
    memcpy(room, "xyz", 3);
    buf_grew(&buf, 3);
    check_str(buf_str(&buf), S("xyz"));
    arena_drop(&arena);
}
