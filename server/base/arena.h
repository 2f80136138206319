/** arena: memory of one task, freed all at once.
 *
 *  Past its soft cap an arena still serves but is marked; loops of the pipeline ask `arena_is_over`
 *  and return ERR_TOO_LARGE. Past the hard cap (four times the soft one) the task is left: control
 *  goes back to its `arena_guard`, which answers ERR_TOO_LARGE. So no allocation returns nullptr,
 *  and no tenant reaches an abort; only a refusal by the system aborts the process.
 *
 *  Floor   base; the only user of malloc.
 *  Thread  one at a time.
 *  Memory  blocks of ARENA_BLOCK_BYTES and up; `arena_clear` keeps the first block.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>

#include "base/err.h"
#include "base/str.h"

struct arena_block;

/** Something that is held until the arena is cleared or dropped. */
struct arena_held {
    void (*release)(void *thing);
    void *thing;
    struct arena_held *older;
};

struct arena {
    struct arena_block *newest;
    char *at;  /** next free byte of the newest block */
    char *end; /** end of the newest block */
    size_t used_bytes;
    size_t soft_cap_bytes;
    struct arena_held *held; /** newest first */
    jmp_buf *escape;         /** where to go past the hard cap; nullptr: abort */
    bool is_over;
};

/** Starts an empty arena; takes no memory yet. */
void arena_init(struct arena *arena, size_t soft_cap_bytes);
/** Gives everything back. The arena may be used again. */
void arena_clear(struct arena *arena);
/** Gives everything back, the first block too. */
void arena_drop(struct arena *arena);

/** From now on `held`, which lies in this arena, is let go when the arena is cleared or dropped, by
 *  `release(thing)`: so what a task only holds (a counted model) ends with the task, on whatever
 *  road it ends. */
void arena_hold(struct arena *arena, struct arena_held *held);
/** Whether this arena holds the thing. */
bool arena_holds(const struct arena *arena, const void *thing);

/** Whether the task has used more than its soft cap (or a test said so). */
static inline bool arena_is_over(const struct arena *arena)
{
    return arena->is_over;
}

/** Runs `run(argument)`; ERR_TOO_LARGE when the arena passes its hard cap in it. Whatever `run`
 *  held open at that moment must be known to its owner (a transaction's cursors are closed with
 *  the transaction). */
enum err arena_guard(struct arena *arena, enum err (*run)(void *argument), void *argument);

/** Zeroed memory, aligned for any type; never nullptr. */
void *arena_take(struct arena *arena, size_t bytes);

/** As arena_take but not zeroed: for bytes that are written at once. */
char *arena_take_raw(struct arena *arena, size_t bytes);

/** Makes the newest allocation longer in its place; false when that does not end at `end`, or its
 *  block is full. */
bool arena_extend(struct arena *arena, const char *end, size_t bytes);

#define arena_new(arena, type, count) ((type *)arena_take_array((arena), sizeof(type), (count)))
void *arena_take_array(struct arena *arena, size_t bytes_each, size_t count);

/** A copy of the bytes. */
str arena_copy(struct arena *arena, str s);
/** A copy with a NUL behind it, for C libraries. */
char *arena_cstring(struct arena *arena, str s);
[[gnu::format(printf, 2, 3)]] str arena_print(struct arena *arena, const char *format, ...);
str arena_vprint(struct arena *arena, const char *format, va_list arguments);

/** For tests: the n-th allocation from now on in any arena marks it as over (0: never). */
void arena_fail_at(uint64_t nth);

/** Once, before other threads: from now on large pieces go back to the system as they are given
 *  back, however large those were that were given back before (mallopt(3)). */
void memory_open(void);
/** Gives all free memory back to the system; for milliseconds, no thread may take any. */
void memory_trim(void);
/** Memory that outlives tasks (queues, connections, threads). Zeroed; aborts when
 *  the system refuses. */
void *memory_take(size_t bytes);
/** Makes it longer or shorter, here or elsewhere; what is added is not zeroed. nullptr: takes new
 *  memory. */
void *memory_resize(void *memory, size_t bytes);
void memory_give(void *memory);
