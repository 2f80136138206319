/** change_log: the entries of a tenant's log and the chain that binds them.
 *
 *  chain = keyed hash(previous chain, space's uuid, sequence, head), the head being all of the
 *  entry but its body, with the hash of the body in the body's place: so a body can be erased and
 *  the chain still holds. Before the first entry stands the hash of the uuid alone. The keys are
 *  derived from the instance's data keys, of which the newest chains: whoever knows older ones
 *  alone can make no entry before it another one. Walking in slices one carries on with the chain
 *  of the entry before.
 *
 *  Floor   store, inside.
 *  Thread  any.
 *  Bytes   [group, cause, actor, at ms, entity, record, hash of body, chain, body or nil]; of a gap
 *          (store/fold.h): [last sequence, chain, keyed hash of (chain before, uuid, first and last
 *          sequence, chain)], under the key of its first sequence
 */
#pragma once

#include "store/snapshot.h"

struct log_row {
    struct log_entry entry; /** views; the body is empty when it was erased */
    struct hash body_hash;
    struct hash chain;
    str head; /** the encoded items before the chain */
};

/** Entries that were folded, first and last with it. */
struct log_gap {
    uint64_t first, last;
    struct hash chain; /** goes on from here */
    struct hash proof;
};
/** False when the bytes are no gap. `first` is its key's. */
bool log_gap_read(str value, struct log_gap *gap_out);
void log_gap_write(struct buf *out, const struct secret_key *chain_key, struct id uuid,
                   const struct hash *before, const struct log_gap *gap);
/** Whether it stands where it was made. */
bool log_gap_is_proven(const struct store *store, struct id uuid, const struct hash *before,
                       const struct log_gap *gap);

/** False when the bytes are no entry. */
bool log_row_read(uint64_t sequence, str value, struct log_row *row_out);
struct hash log_chain_start(const struct store *store, struct id uuid);
/** By which entries are chained from now on. */
const struct secret_key *log_chain_key(const struct store *store);
/** Whether an entry follows from what stands before it: by the key with this number or by a later
 *  one, for none is used again once another has come. *key_at: by which. */
bool log_row_is_chained(const struct store *store, struct id uuid, const struct hash *previous,
                        const struct log_row *row, uint32_t *key_at);
/** Whether its body is the one whose hash was chained; by any key, as the hash is in the chain. */
bool log_row_has_body(const struct store *store, const struct log_row *row);

/** Builds the bytes of an entry anew for another environment: the hash of its body (unless that was
 *  erased) and the chain, which moves on. False when the bytes are no entry. */
bool log_row_chain_anew(struct buf *out, const struct secret_key *chain_key, struct id uuid,
                        struct hash *chain, uint64_t sequence, str value);
