/** sealing: values of one tenant sealed under its data keys, so that the loss of those keys is the
 *  loss of the values.
 *
 *  Floor   store.
 *  Thread  that of its transaction.
 *  Memory  what is sealed or opened lies in the arena given.
 *  Bytes   form 1 | key id 4, big-endian | blind 16, only in form 2 | nonce 24 | text | tag 16.
 *          Associated data: uuid of the tenant 16 | all that stands before the nonce | place. So a
 *          value opens only where it was sealed. The blind is a keyed hash of the text, by which
 *          equal texts are found without opening any; it tells whoever has the disk which of them
 *          are equal, and nothing else.
 *  Source  XChaCha20-Poly1305, BLAKE2b (base/crypto.h).
 */
#pragma once

#include "store/txn.h"

constexpr size_t SEALED_BLIND_BYTES = 16;
constexpr size_t SEALED_KEY_BYTES = 4 + SEALED_BLIND_BYTES; /** key id and blind, in an index */
constexpr uint32_t SEALING_KEYS_MAX = 64;                   /** data keys of one tenant */

/** Sealed bytes, read: views. */
struct sealed {
    uint32_t key_id;
    str head;  /** form, key id, blind */
    str blind; /** empty: it has none */
    str rest;
};
/** False: no sealed bytes. */
bool sealed_read(str bytes, struct sealed *sealed_out);
/** Key id and blind, as an index holds them; empty when it has no blind. A view. */
str sealed_index_key(str bytes);

/** Seals under the tenant's newest key. `place` says where it will stand; `found_by` (empty: it is
 *  not found) is the text whose blind is kept, `group` what it is told apart by. ERR_MISSING: the
 *  tenant has no key. */
enum err sealing_seal(struct txn *txn, struct arena *arena, str plain, str place, str group,
                      str found_by, str *sealed_out);
/** ERR_CORRUPT: damaged, or it belongs elsewhere. ERR_MISSING: its key is gone. */
enum err sealing_open(struct txn *txn, struct arena *arena, str sealed, str place, str *plain_out);
/** Whether it is sealed under the newest key. */
bool sealing_is_newest(struct txn *txn, str sealed);
/** What an index holds of this text, under each of the tenant's keys. */
enum err sealing_index_keys(struct txn *txn, struct arena *arena, str group, str found_by,
                            str keys_out[SEALING_KEYS_MAX], uint32_t *count_out);
/** The blind of a text under the key of these sealed bytes is theirs. */
bool sealing_is_same(struct txn *txn, str sealed, str group, str found_by);

/* The keys. */

/** Adds a data key, which seals from now on. ERR_FULL: the tenant has SEALING_KEYS_MAX. */
enum err sealing_key_add(struct txn *txn, uint32_t *id_out);
struct sealing_key {
    uint32_t id;
    int64_t made_at_ms; /** 0: not known */
};
/** Oldest first. */
enum err sealing_keys(struct txn *txn, struct sealing_key keys_out[SEALING_KEYS_MAX],
                      uint32_t *count_out);
/** Destroys a key that is not the newest: what it sealed can never be opened again. */
enum err sealing_key_drop(struct txn *txn, uint32_t id);
/** Overwrites what memory keeps of the keys of a space; those there are are unwrapped again. */
void sealing_forget(const struct space *space);
