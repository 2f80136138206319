/** master: the master key of a data directory, which wraps the data keys of all spaces, and what
 *  keeps it: a file, or a file sealed by a passphrase.
 *
 *  Floor   store, inside.
 *  Thread  any.
 *  Files   DIR/master.key (0600): the key. DIR/master.key.new: that of a new directory until its
 *          data is there; beside master.key it holds a new key and the one it replaces, from before
 *          the first data key is wrapped anew until all are (store/rewrap.c).
 *  Bytes   32 of the key, and 32 of the replaced one behind it, if there is one. Sealed by a
 *          passphrase: ATRIUMPP | passes 4 | memory in KiB 4 | salt 16 | those sealed (nonce 24,
 *          tag 16), bound to all that stands before; numbers big-endian.
 */
#pragma once

#include "base/crypto.h"
#include "base/task.h"
#include "store/store.h"

struct master {
    struct secret_key key;
    struct secret_key former; /** being replaced by `key` */
    bool has_former;
    bool is_sealed; /** by a passphrase: its form, and the key made of it */
    struct passphrase_form form;
    struct secret_key passphrase_key;
};

/** Reads such a file. ERR_MISSING: there is none. ERR_SYSTEM: others may read it. ERR_CORRUPT: not
 *  a key. ERR_UNAUTHENTICATED: it needs a passphrase, and got none or another. */
enum err master_read(struct task *task, str file, const struct passphrase_source *source,
                     struct master *master_out);
/** Writes one that is not there yet, or in the place of one; durable, whole or not at all, 0600. */
enum err master_write(struct task *task, str file, const struct master *master);
enum err master_replace(struct task *task, str file, const struct master *master);
/** Makes the master sealed by this passphrase from now on, or by none (empty). ERR_FULL: no
 *  memory. */
enum err master_seal_by(struct task *task, struct master *master, str passphrase);

/** Whether a file holds this very key, kept in the same way. ERR_MISSING. */
enum err master_is_in(struct task *task, str file, const struct master *master, bool *is_same_out);

/** A key of a file of its own (an exported tenant): no passphrase. */
enum err file_key_read(struct task *task, str file, struct secret_key *key_out);
enum err file_key_write(struct task *task, str file, const struct secret_key *key);

/** Finds or makes the master key of the store's directory. `*is_new_out`: the directory has no data
 *  yet; `*is_half_out`: a key was being replaced when the last owner ended. */
enum err master_open(struct task *task, struct store *store, const struct passphrase_source *source,
                     bool *is_new_out, bool *is_half_out);
/** Gives the key of a new directory its name, once the data is there. */
enum err master_keep(struct task *task, struct store *store);

/* rewrap.c */

/** Ends a replacement that was cut off, before any thread has started. */
enum err rewrap_resume(struct task *task, struct store *store);
