#include "base/arena.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdckdint.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/require.h"

/** Blocks double up to this size; what is larger than a quarter of a block gets one of its own. */
constexpr size_t BLOCK_BYTES_MAX = 256 * KIB;
/** Larger than an answer, for which a page fault for each 4 KiB is too dear. */
constexpr int LARGE_BYTES = 4 * MIB;
constexpr int IDLE_BYTES_MAX = 16 * MIB; /** at the end of a heap */
constexpr size_t ALIGNMENT = alignof(max_align_t);
/** Texts up to this length are printed once, longer ones twice. */
constexpr size_t PRINT_BYTES_FAST = 512;

struct arena_block {
    struct arena_block *older;
    size_t bytes;
    bool is_first; /** kept by arena_clear */
    alignas(max_align_t) char room[];
};

/** Allocations until a failing one, for tests; 0: none will fail. */
static atomic_uint_fast64_t allocations_to_failure;

static struct arena_block *block_make(size_t bytes)
{
    struct arena_block *block = malloc(sizeof(struct arena_block) + bytes);
    require(block != nullptr);
    block->older = nullptr;
    block->bytes = bytes;
    block->is_first = false;
    return block;
}

static bool is_failure_due(void)
{
    if (atomic_load_explicit(&allocations_to_failure, memory_order_relaxed) == 0) return false;
    return atomic_fetch_sub(&allocations_to_failure, 1) == 1;
}

[[noreturn]] static void leave(struct arena *arena)
{
    arena->is_over = true;
    require(arena->escape != nullptr);
    longjmp(*arena->escape, 1);
}

/** Counts `bytes` against the caps before anything is taken. */
static void count_bytes(struct arena *arena, size_t bytes)
{
    size_t used, hard_cap;
    if (ckd_mul(&hard_cap, arena->soft_cap_bytes, ARENA_HARD_FACTOR)) hard_cap = SIZE_MAX / 2;
    if (ckd_add(&used, arena->used_bytes, bytes) || used > hard_cap) leave(arena);
    arena->used_bytes = used;
    if (used > arena->soft_cap_bytes || is_failure_due()) arena->is_over = true;
}

static void open_block(struct arena *arena, size_t bytes)
{
    struct arena_block *block = block_make(bytes);
    block->older = arena->newest;
    block->is_first = arena->newest == nullptr;
    arena->newest = block;
    arena->at = block->room;
    arena->end = block->room + bytes;
}

/** A block of its own, put behind the newest so that the room left in that one is not lost. */
static char *take_large(struct arena *arena, size_t bytes)
{
    struct arena_block *block = block_make(bytes);
    block->older = arena->newest->older;
    arena->newest->older = block;
    return block->room;
}

static char *take(struct arena *arena, size_t bytes, size_t alignment)
{
    count_bytes(arena, bytes);
    if (arena->newest == nullptr) open_block(arena, ARENA_BLOCK_BYTES);
    size_t gap = -(uintptr_t)arena->at & (alignment - 1);
    size_t left = (size_t)(arena->end - arena->at);
    if (left < gap || left - gap < bytes) {
        size_t next = arena->newest->bytes * 2;
        if (next > BLOCK_BYTES_MAX) next = BLOCK_BYTES_MAX;
        if (bytes > next / 4) return take_large(arena, bytes);
        open_block(arena, next);
        gap = 0;
    }
    char *taken = arena->at + gap;
    arena->at = taken + bytes;
    return taken;
}

void arena_init(struct arena *arena, size_t soft_cap_bytes)
{
    require(soft_cap_bytes > 0);
    *arena = (struct arena){.soft_cap_bytes = soft_cap_bytes};
}

void arena_hold(struct arena *arena, struct arena_held *held)
{
    require(held->release != nullptr);
    held->older = arena->held;
    arena->held = held;
}

bool arena_holds(const struct arena *arena, const void *thing)
{
    for (const struct arena_held *held = arena->held; held != nullptr; held = held->older)
        if (held->thing == thing) return true;
    return false;
}

/** What is held lies in the arena's own blocks, so it is let go before them. */
static void release_held(struct arena *arena)
{
    struct arena_held *held = arena->held;
    arena->held = nullptr;
    for (; held != nullptr; held = held->older) held->release(held->thing);
}

void arena_clear(struct arena *arena)
{
    release_held(arena);
    struct arena_block *first = nullptr;
    for (struct arena_block *block = arena->newest, *older; block != nullptr; block = older) {
        older = block->older;
        if (block->is_first) first = block;
        else free(block);
    }
    if (first != nullptr) first->older = nullptr;
    arena->newest = first;
    arena->at = first == nullptr ? nullptr : first->room;
    arena->end = first == nullptr ? nullptr : first->room + first->bytes;
    arena->used_bytes = 0;
    arena->is_over = false;
}

void arena_drop(struct arena *arena)
{
    arena_clear(arena);
    free(arena->newest);
    arena->newest = nullptr;
    arena->at = nullptr;
    arena->end = nullptr;
}

enum err arena_guard(struct arena *arena, enum err (*run)(void *argument), void *argument)
{
    jmp_buf here;
    jmp_buf *outer = arena->escape;
    enum err err;
    if (setjmp(here) == 0) {
        arena->escape = &here;
        err = run(argument);
    } else {
        err = ERR_TOO_LARGE;
    }
    arena->escape = outer;
    return err;
}

void *arena_take(struct arena *arena, size_t bytes)
{
    char *taken = take(arena, bytes, ALIGNMENT);
    memset(taken, 0, bytes);
    return taken;
}

char *arena_take_raw(struct arena *arena, size_t bytes)
{
    return take(arena, bytes, 1);
}

bool arena_extend(struct arena *arena, const char *end, size_t bytes)
{
    if (end == nullptr || end != arena->at || bytes > (size_t)(arena->end - arena->at))
        return false;
    count_bytes(arena, bytes);
    arena->at += bytes;
    return true;
}

void *arena_take_array(struct arena *arena, size_t bytes_each, size_t count)
{
    size_t bytes;
    if (ckd_mul(&bytes, bytes_each, count)) leave(arena);
    return arena_take(arena, bytes);
}

str arena_copy(struct arena *arena, str s)
{
    if (s.len == 0) return S("");
    char *copy = arena_take_raw(arena, s.len);
    memcpy(copy, s.at, s.len);
    return (str){copy, s.len};
}

char *arena_cstring(struct arena *arena, str s)
{
    char *copy = arena_take_raw(arena, s.len + 1);
    if (s.len > 0) memcpy(copy, s.at, s.len);
    copy[s.len] = 0;
    return copy;
}

str arena_vprint(struct arena *arena, const char *format, va_list arguments)
{
    char fast[PRINT_BYTES_FAST];
    va_list again;
    va_copy(again, arguments);
    int len = vsnprintf(fast, sizeof fast, format, arguments);
    require(len >= 0);
    str text;
    if ((size_t)len < sizeof fast) {
        text = arena_copy(arena, (str){fast, (size_t)len});
    } else {
        char *room = arena_take_raw(arena, (size_t)len + 1);
        (void)vsnprintf(room, (size_t)len + 1, format, again);
        text = (str){room, (size_t)len};
    }
    va_end(again);
    return text;
}

str arena_print(struct arena *arena, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    str text = arena_vprint(arena, format, arguments);
    va_end(arguments);
    return text;
}

void arena_fail_at(uint64_t nth)
{
    atomic_store(&allocations_to_failure, nth);
}

void memory_open(void)
{
    /* A sanitizer's allocator has no such settings. */
    constexpr bool is_own = __has_feature(address_sanitizer);
    require(mallopt(M_MMAP_THRESHOLD, LARGE_BYTES) == 1 || is_own);
    require(mallopt(M_TRIM_THRESHOLD, IDLE_BYTES_MAX) == 1 || is_own);
}

void memory_trim(void)
{
    (void)malloc_trim(0);
}

void *memory_take(size_t bytes)
{
    void *memory = calloc(1, bytes == 0 ? 1 : bytes);
    require(memory != nullptr);
    return memory;
}

void *memory_resize(void *memory, size_t bytes)
{
    void *resized = realloc(memory, bytes == 0 ? 1 : bytes);
    require(resized != nullptr);
    return resized;
}

void memory_give(void *memory)
{
    free(memory);
}
