#include "access/throttle.h"

#include "base/require.h"

static struct throttle_slot *set_of(struct throttle *throttle, uint64_t key)
{
    constexpr uint32_t sets = THROTTLE_SLOTS / THROTTLE_WAYS;
    return &throttle->slots[key % sets * THROTTLE_WAYS];
}

static struct throttle_slot *slot_find(struct throttle *throttle, uint64_t key)
{
    struct throttle_slot *set = set_of(throttle, key);
    for (uint32_t way = 0; way < THROTTLE_WAYS; way++)
        if (set[way].key == key) return &set[way];
    return nullptr;
}

/** The key's slot, else the slot of its set whose bucket is the emptiest. */
static struct throttle_slot *slot_for(struct throttle *throttle, uint64_t key)
{
    struct throttle_slot *slot = slot_find(throttle, key);
    if (slot != nullptr) return slot;
    struct throttle_slot *set = set_of(throttle, key);
    slot = &set[0];
    for (uint32_t way = 1; way < THROTTLE_WAYS; way++)
        if (set[way].empty_at_ms < slot->empty_at_ms) slot = &set[way];
    *slot = (struct throttle_slot){.key = key};
    return slot;
}

/** Milliseconds until the bucket takes a try; not positive: now. */
static int64_t bucket_wait_ms(struct throttle *throttle, const struct throttle_bucket *bucket,
                              int64_t now_ms)
{
    const struct throttle_slot *slot = slot_find(throttle, bucket->key);
    if (slot == nullptr) return 0;
    int64_t room_ms = (int64_t)(bucket->tries_max - 1) * bucket->try_ms;
    int64_t wait_ms = slot->empty_at_ms - now_ms - room_ms;
    /* A clock that was set back must not make anybody wait longer than a full bucket would. */
    return wait_ms > bucket->try_ms ? bucket->try_ms : wait_ms;
}

bool throttle_take(struct throttle *throttle, const struct throttle_bucket *buckets,
                   uint32_t bucket_count, int64_t now_ms, int64_t *wait_ms_out)
{
    int64_t longest_ms = 0;
    for (uint32_t at = 0; at < bucket_count; at++) {
        require(buckets[at].tries_max > 0);
        int64_t wait_ms = bucket_wait_ms(throttle, &buckets[at], now_ms);
        if (wait_ms > longest_ms) longest_ms = wait_ms;
    }
    *wait_ms_out = longest_ms;
    if (longest_ms > 0) return false;
    for (uint32_t at = 0; at < bucket_count; at++) {
        struct throttle_slot *slot = slot_for(throttle, buckets[at].key);
        if (slot->empty_at_ms < now_ms) slot->empty_at_ms = now_ms;
        slot->empty_at_ms += buckets[at].try_ms;
    }
    return true;
}

void throttle_give_back(struct throttle *throttle, const struct throttle_bucket *bucket,
                        int64_t now_ms)
{
    struct throttle_slot *slot = slot_find(throttle, bucket->key);
    if (slot != nullptr && slot->empty_at_ms > now_ms) slot->empty_at_ms -= bucket->try_ms;
}

void throttle_mark(struct throttle *throttle, uint64_t key, int64_t until_ms)
{
    slot_for(throttle, key)->empty_at_ms = until_ms;
}

bool throttle_is_marked(struct throttle *throttle, uint64_t key, int64_t now_ms)
{
    const struct throttle_slot *slot = slot_find(throttle, key);
    return slot != nullptr && slot->empty_at_ms > now_ms;
}

void throttle_forget(struct throttle *throttle, uint64_t key)
{
    struct throttle_slot *slot = slot_find(throttle, key);
    if (slot != nullptr) *slot = (struct throttle_slot){};
}
