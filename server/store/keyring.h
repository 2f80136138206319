/** keyring: data keys of spaces, wrapped by the master key of the data directory.
 *
 *  The instance's own space has such a key too; the keys of value hashes and log chains are derived
 *  from it, so the master key can be changed by wrapping again.
 *
 *  Floor   store, inside.
 *  Thread  any.
 *  Bytes   value of a SYSTEM_KEY row: [uuid of the space, sealed key]; the seal is bound to number
 *          4 ‖ uuid 16. The hash of the instance's own row is made with a key of zeros, for it must
 *          be read before all keys.
 */
#pragma once

#include "base/buf.h"
#include "store/environment.h"

struct wrapped_key {
    struct id uuid;
    str sealed;
};

void wrapped_key_put(struct buf *out, const struct secret_key *master_key, uint32_t number,
                     struct id uuid, const struct secret_key *key);
/** A view into the value; false when it is damaged. */
bool wrapped_key_read(str value, struct wrapped_key *wrapped_out);
/** ERR_CORRUPT: another master key, or damaged. */
enum err wrapped_key_open(const struct secret_key *master_key, uint32_t number,
                          const struct wrapped_key *wrapped, struct secret_key *key_out);

/** Reads DIR/master.key. ERR_MISSING: there is none. ERR_SYSTEM: others may read it. ERR_CORRUPT:
 *  not a key. */
enum err master_key_read(struct task *task, str file, struct secret_key *key_out);
/** Writes a key so that it is there whole or not at all, 0600, durable. */
enum err master_key_write(struct task *task, str file, const struct secret_key *key);

/** Reads the instance's key and derives the store's keys from it; makes it in an empty
 *  environment. */
enum err keyring_open(struct task *task, struct store *store);
/** The keys that are derived from an instance's data key. */
void keyring_derive(const struct secret_key *instance_key, struct short_key *hash_key_out,
                    struct secret_key *chain_key_out);
