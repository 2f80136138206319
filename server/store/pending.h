/** pending: the writes of a transaction that its snapshot does not show yet: a sorted map with a
 *  journal to undo them.
 *
 *  They come in groups. Those of earlier groups were handed in and still show, but cannot be undone
 *  and are not handed in again; a later group writes over them.
 *  A skip list by (database, key). Entries are never unlinked, an undone one says PENDING_NOTHING,
 *  so a walk may hold a pointer while others write.
 *
 *  Floor   store, inside.
 *  Thread  one at a time.
 *  Memory  all in the arena; keys and values are copied into it by the caller or here as said.
 */
#pragma once

#include "store/key.h"

enum pending_state : uint8_t {
    PENDING_NOTHING, /** undone: the snapshot's row shows */
    PENDING_PUT,
    PENDING_DELETE,
};

constexpr uint32_t PENDING_HEADS = 2;

struct pending_entry {
    enum database database;
    enum pending_state state;
    uint32_t group;                /** that wrote it last */
    uint64_t heads[PENDING_HEADS]; /** the key's first bytes, big-endian, 0 behind its end */
    str key;
    str value;                    /** as stored: the hash first */
    struct pending_entry *next[]; /** by level */
};

struct pending_undo;
constexpr uint32_t PENDING_LEVELS = 12;

struct pending {
    struct arena *arena;
    struct pending_entry *first[PENDING_LEVELS];
    struct pending_undo *undo;
    uint64_t undo_count;
    uint64_t undo_capacity;
    uint64_t version; /** rises with each change; a walk notices by it that what it saw is old */
    uint32_t group;   /** the present one */
    uint64_t entry_count; /** of the whole map */
    uint64_t live_count;  /** puts and deletes of this group that stand */
    size_t live_bytes;    /** of their keys and values */
    uint64_t random;
};

void pending_init(struct pending *pending, struct arena *arena);
/** The key is copied when it is new; the value must lie in the arena already. */
void pending_set(struct pending *pending, enum database database, str key, enum pending_state state,
                 str value);
/** What was written so far was handed in: a new group begins. */
void pending_next_group(struct pending *pending);
/** Undoes down to a journal length; of the present group only. */
void pending_undo_to(struct pending *pending, uint64_t mark);

/** The entry of exactly this key, or nullptr. May be one that says nothing. */
struct pending_entry *pending_find(const struct pending *pending, enum database database, str key);
/** The first standing entry at or behind a key (strictly behind it), or nullptr. */
struct pending_entry *pending_from(const struct pending *pending, enum database database, str key,
                                   bool is_strict);
/** The last standing entry before a key, or the last of the database without one. */
struct pending_entry *pending_before(const struct pending *pending, enum database database,
                                     const str *key);
/** The next standing entry of the same database, or nullptr. */
struct pending_entry *pending_next(const struct pending_entry *entry);
/** The first standing entry of all, then on by `pending_following`, across databases: the order of
 *  a batch. */
struct pending_entry *pending_first(const struct pending *pending);
struct pending_entry *pending_following(const struct pending_entry *entry);
