/** keyring: data keys of spaces, wrapped by the master key of the data directory.
 *
 *  A space has one data key or, once it was changed, several: the newest seals, the older ones open
 *  what still lies under them. The instance's own space gets another with each new master key
 *  (store/rewrap.c): the key of value hashes is derived from its first, for every row is bound to
 *  it; of each a key of log chains, the newest of which chains. Nothing is sealed in its space.
 *
 *  Keys that were unwrapped stay in locked memory, by what they are used for, so that opening a
 *  value costs a look-up; those of a space that is gone are overwritten.
 *
 *  Floor   store, inside.
 *  Thread  any.
 *  Bytes   value of a SYSTEM_KEY row: [uuid of the space, [id, sealed, made at ms, …]], oldest
 *          first; the seal is bound to number 4 ‖ uuid 16 ‖ id 4. The form before keys had ids is
 *          read too: [uuid, sealed], bound to number 4 ‖ uuid 16; its id is 1. The hash of the
 *          instance's own row is made with a key of zeros, for it must be read before all keys.
 */
#pragma once

#include "base/buf.h"
#include "store/environment.h"

constexpr size_t WRAPPED_KEYS_BYTES_MAX = DATA_KEYS_MAX * 128; /** of the row of a space */
constexpr uint32_t DATA_KEY_FIRST = 1; /** id of a space's first one; later ones are random */

struct data_key {
    uint32_t id;
    int64_t made_at_ms; /** 0: not known */
    struct secret_key key;
};
/** Unwrapped: whoever has it overwrites it (data_keys_wipe). */
struct data_keys {
    uint32_t count;
    struct data_key keys[DATA_KEYS_MAX]; /** oldest first */
};
static inline const struct data_key *data_key_newest(const struct data_keys *keys)
{
    return &keys->keys[keys->count - 1];
}
void data_keys_wipe(struct data_keys *keys);

struct wrapped_key {
    uint32_t id;
    int64_t made_at_ms;
    bool is_of_old_form;
    str sealed;
};
struct wrapped_keys {
    struct id uuid;
    uint32_t count; /** ≥ 1 */
    struct wrapped_key keys[DATA_KEYS_MAX];
};

void wrapped_keys_put(struct buf *out, const struct secret_key *master_key, uint32_t number,
                      struct id uuid, const struct data_keys *keys);
/** Views into the value; false when it is damaged. */
bool wrapped_keys_read(str value, struct wrapped_keys *wrapped_out);
/** All of them. ERR_CORRUPT: another master key, or damaged. */
enum err wrapped_keys_open(const struct secret_key *master_key, uint32_t number,
                           const struct wrapped_keys *wrapped, struct data_keys *keys_out);
/** The same with the master key of a store, or the one that is being replaced. */
enum err keyring_open_keys(struct store *store, uint32_t number, const struct wrapped_keys *wrapped,
                           struct data_keys *keys_out);

/** Reads the instance's key and derives the store's keys from it; makes it in an empty
 *  environment. */
enum err keyring_open(struct task *task, struct store *store);
/** Another data key of the instance, by which the next entries of all logs are chained. To be
 *  called once it is durable, and under the store's master_lock. */
void keyring_add_instance(struct store *store, const struct secret_key *instance_key);

/* What keys are used for: a key of its own for each. */

enum key_purpose : uint8_t {
    KEY_OF_FIELDS,  /** sealed fields of records */
    KEY_OF_BLINDS,  /** by which sealed fields are found */
    KEY_OF_ROWS,    /** system rows that hold what people sent */
    KEY_OF_UPLOADS, /** parts of files that arrive */
};
constexpr uint32_t KEY_PURPOSE_COUNT = 4;

struct keyring;
/** Locked memory for unwrapped keys. Logs once when the system does not lock it. */
struct keyring *keyring_make(void);
void keyring_drop(struct keyring *keyring);
/** The master key, and the one it replaces until all is wrapped anew. */
void keyring_set_master(struct keyring *keyring, const struct secret_key *master_key,
                        const struct secret_key *former);
struct secret_key keyring_master(struct keyring *keyring);
bool keyring_former(struct keyring *keyring, struct secret_key *former_out);
/** The instance's newest data key. */
struct secret_key keyring_instance(struct keyring *keyring);

/** The key of one purpose, from the transaction's space: of the data key with this id, 0: of the
 *  newest. ERR_MISSING: there is no such key (any more), or it is the
 *  instance's space. ERR_CORRUPT. */
enum err keyring_find(struct txn *txn, uint32_t id, enum key_purpose purpose, uint32_t *id_out,
                      struct secret_key *key_out);
/** The ids of the space's data keys, oldest first. ERR_MISSING: it has none. */
enum err keyring_ids(struct txn *txn, uint32_t ids_out[DATA_KEYS_MAX], uint32_t *count_out);
/** Overwrites what is kept of a space's keys. */
void keyring_forget(struct keyring *keyring, uint32_t number);
