#include "test.h"

#include <stdint.h>

#include "base/buf.h"
#include "base/limits.h"

TEST(test_arena__gives_zeroed_aligned_memory)
{
    struct arena arena;
    arena_init(&arena, 1 << 20);
    for (size_t bytes = 1; bytes < 3000; bytes += 7) {
        char *raw = arena_take_raw(&arena, 3);
        memset(raw, 0xff, 3);
        unsigned char *taken = arena_take(&arena, bytes);
        check_int((uintptr_t)taken % alignof(max_align_t), 0);
        for (size_t at = 0; at < bytes; at++) check_int(taken[at], 0);
        memset(taken, 0xff, bytes);
    }
    arena_drop(&arena);
}

TEST(test_arena__allocations_do_not_overlap)
{
    struct arena arena;
    arena_init(&arena, 64 << 20);
    enum { COUNT = 400 };
    unsigned char *taken[COUNT];
    size_t bytes[COUNT];
    for (size_t at = 0; at < COUNT; at++) {
        bytes[at] = (at * at * 37) % 20000;
        taken[at] = (unsigned char *)arena_take_raw(&arena, bytes[at]);
        memset(taken[at], (int)(at & 255), bytes[at]);
    }
    for (size_t at = 0; at < COUNT; at++)
        for (size_t byte = 0; byte < bytes[at]; byte++) check_int(taken[at][byte], at & 255);
    arena_drop(&arena);
}

TEST(test_arena__clear_keeps_the_first_block)
{
    struct arena arena;
    arena_init(&arena, 64 << 20);
    char *first = arena_take_raw(&arena, 100);
    arena_take(&arena, 1 << 20);
    for (int i = 0; i < 1000; i++) arena_take(&arena, 100);
    arena_clear(&arena);
    check_int(arena.used_bytes, 0);
    check(arena_take_raw(&arena, 100) == first);
    arena_drop(&arena);
    check(arena_take_raw(&arena, 1) != nullptr);
    arena_drop(&arena);
}

TEST(test_arena__is_marked_past_the_soft_cap)
{
    struct arena arena;
    arena_init(&arena, 1000);
    arena_take(&arena, 1000);
    check(!arena_is_over(&arena));
    char *more = arena_take(&arena, 1);
    check(more != nullptr);
    check(arena_is_over(&arena));
    arena_clear(&arena);
    check(!arena_is_over(&arena));
    arena_drop(&arena);
}

static enum err take_for_ever(void *argument)
{
    for (;;) arena_take(argument, 100);
}

static enum err take_huge_array(void *argument)
{
    (void)arena_new((struct arena *)argument, uint64_t, SIZE_MAX / 4);
    return ERR_NONE;
}

static enum err take_little(void *argument)
{
    arena_take(argument, 10);
    return ERR_CONFLICT;
}

TEST(test_arena__guard_answers_too_large_past_the_hard_cap)
{
    struct arena arena;
    arena_init(&arena, 10'000);
    check_int(arena_guard(&arena, take_little, &arena), ERR_CONFLICT);
    check_int(arena_guard(&arena, take_for_ever, &arena), ERR_TOO_LARGE);
    check(arena.used_bytes <= 10'000 * ARENA_HARD_FACTOR);
    check(arena.used_bytes > 10'000 * ARENA_HARD_FACTOR - 100);
    check(arena_is_over(&arena));
    check(arena.escape == nullptr);
    arena_clear(&arena);
    check_int(arena_guard(&arena, take_huge_array, &arena), ERR_TOO_LARGE);
    arena_drop(&arena);
}

static enum err nest(void *argument)
{
    struct arena *arena = argument;
    jmp_buf *outer = arena->escape;
    check_int(arena_guard(arena, take_for_ever, arena), ERR_TOO_LARGE);
    check(arena->escape == outer);
    return take_for_ever(argument);
}

TEST(test_arena__nested_guards_restore_the_outer_one)
{
    struct arena arena;
    arena_init(&arena, 10'000);
    check_int(arena_guard(&arena, nest, &arena), ERR_TOO_LARGE);
    check(arena.escape == nullptr);
    arena_drop(&arena);
}

TEST(test_arena__fails_at_the_nth_allocation_once)
{
    struct arena arena;
    arena_init(&arena, 10'000);
    arena_fail_at(3);
    arena_take(&arena, 1);
    arena_take(&arena, 1);
    check(!arena_is_over(&arena));
    arena_take(&arena, 1);
    check(arena_is_over(&arena));
    arena_clear(&arena);
    arena_take(&arena, 1);
    check(!arena_is_over(&arena));
    arena_fail_at(1);
    arena_fail_at(0);
    arena_take(&arena, 1);
    check(!arena_is_over(&arena));
    arena_drop(&arena);
}

TEST(test_arena__extends_only_the_newest_in_place)
{
    struct arena arena;
    arena_init(&arena, 1 << 20);
    char *first = arena_take_raw(&arena, 100);
    check(arena_extend(&arena, first + 100, 50));
    char *second = arena_take_raw(&arena, 10);
    check(second == first + 150);
    check(!arena_extend(&arena, first + 150, 1));
    check(!arena_extend(&arena, second + 10, ARENA_BLOCK_BYTES));
    check(!arena_extend(&arena, nullptr, 1));
    check_int(arena.used_bytes, 160);
    arena_drop(&arena);
}

TEST(test_arena__copies_and_prints_text)
{
    struct arena arena;
    arena_init(&arena, 1 << 20);
    char source[] = "source";
    str copy = arena_copy(&arena, str_of(source));
    char *cstring = arena_cstring(&arena, str_first(str_of(source), 4));
    source[0] = 'X';
    check_str(copy, S("source"));
    check(strcmp(cstring, "sour") == 0);
    check_str(arena_copy(&arena, (str){}), S(""));
    check(strcmp(arena_cstring(&arena, (str){}), "") == 0);
    check_str(arena_print(&arena, "%d-%s", 12, "x"), S("12-x"));
    str longer = arena_print(&arena, "%*d|", 5000, 7);
    check_int(longer.len, 5001);
    check(str_ends(longer, S(" 7|")));
    for (int width = 505; width < 520; width++)
        check_int(arena_print(&arena, "%*d", width, 7).len, width);
    arena_drop(&arena);
}

TEST(test_memory__is_zeroed)
{
    unsigned char *memory = memory_take(1000);
    for (int at = 0; at < 1000; at++) check_int(memory[at], 0);
    memory_give(memory);
    memory_give(memory_take(0));
    memory_give(nullptr);
}

TEST(test_memory__keeps_what_is_resized)
{
    char *memory = memory_resize(nullptr, 6);
    memcpy(memory, "before", 6);
    memory = memory_resize(memory, 100'000);
    check(memcmp(memory, "before", 6) == 0);
    memory = memory_resize(memory, 3);
    check(memcmp(memory, "bef", 3) == 0);
    memory_give(memory_resize(memory, 0));
}
