/** chain: proves one tenant's change log link by link, and that a head which was noted elsewhere
 *  still lies on it.
 *
 *  Each entry is bound to all before it by a keyed hash (store/change_log.h), so that one altered,
 *  deleted, put in, or moved is found where it stands. A tail that was cut off leaves a chain that
 *  holds: only an anchor, the head as it was told outside, shows that.
 *
 *  Floor   store.
 *  Thread  one that may block; reads in slices of a fresh snapshot each.
 */
#pragma once

#include "store/store.h"

/** The newest entry, as it is told outside: `sequence:hash`. */
struct chain_link {
    uint64_t sequence; /** 0: the log is empty */
    struct hash hash;
    int64_t at_ms; /** of the entry; 0: the log is empty, or ends in what was folded */
};

struct chain_proof {
    uint64_t entry_count;
    uint64_t erased_count; /** their bodies were erased; they are chained all the same */
    uint64_t folded_count; /** taken out as a whole (store/fold.h) */
    int64_t first_at_ms;
    struct chain_link head;
    /* The first broken link, if any; then the head is that of what holds. */
    bool is_broken;
    uint64_t broken_at;   /** sequence */
    int64_t broken_at_ms; /** of that entry, or of the one before when it cannot be read; 0: none */
    str what;             /** a sentence without an end, in the task's arena */
};

/** `anchor` nullptr: none. ERR_…: it could not be read; a broken chain is no error here. */
enum err chain_prove(struct task *task, const struct space *space, const struct chain_link *anchor,
                     struct chain_proof *proof_out);

/** The newest entry of a transaction's log. */
enum err chain_head(struct txn *txn, struct chain_link *head_out);

constexpr size_t CHAIN_TEXT_BYTES_MAX = 20 + 1 + 2 * HASH_BYTES;
/** `123:0f3a…`, 64 digits; and back, false for anything else (then `at_ms` is 0). */
str chain_link_text(struct arena *arena, const struct chain_link *link);
bool chain_link_parse(str text, struct chain_link *link_out);
