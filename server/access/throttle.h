/** throttle: how many tries a key has left, in a table of fixed size that forgets with time.
 *
 *  Each key is a bucket: a try fills it by one, time empties it. A full bucket says how long to
 *  wait; it is never shut for good. Where two keys want one slot, the emptier bucket is forgotten.
 *
 *  Floor   access.
 *  Thread  one at a time; sign_in.c holds its lock.
 */
#pragma once

#include <stdint.h>

constexpr uint32_t THROTTLE_SLOTS = 8192;
constexpr uint32_t THROTTLE_WAYS = 4; /** slots in which one key may lie */
static_assert(THROTTLE_SLOTS % THROTTLE_WAYS == 0);

struct throttle_slot {
    uint64_t key;
    int64_t empty_at_ms; /** when the bucket will be empty; a time past: it is */
};

struct throttle {
    struct throttle_slot slots[THROTTLE_SLOTS];
};

/** One bucket that a try goes into. */
struct throttle_bucket {
    uint64_t key;
    uint32_t tries_max; /** that it holds at once */
    int64_t try_ms;     /** after which one try is forgotten */
};

/** Puts one try into all the buckets, or into none when any is full; then *wait_ms_out is how long
 *  until all would take one. */
bool throttle_take(struct throttle *throttle, const struct throttle_bucket *buckets,
                   uint32_t bucket_count, int64_t now_ms, int64_t *wait_ms_out);
/** Takes one try out again. */
void throttle_give_back(struct throttle *throttle, const struct throttle_bucket *bucket,
                        int64_t now_ms);
/** Remembers a key until then; what is remembered longest is forgotten last. */
void throttle_mark(struct throttle *throttle, uint64_t key, int64_t until_ms);
bool throttle_is_marked(struct throttle *throttle, uint64_t key, int64_t now_ms);
/** Forgets the key. */
void throttle_forget(struct throttle *throttle, uint64_t key);
