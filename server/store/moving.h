/** moving: one tenant out of this environment into a sealed file, into another environment, or
 *  erased.
 *
 *  Floor   store.
 *  Thread  any that may block; not a loop, a lane or the committer.
 *  Bytes   the file: store/archive.h. Its key, random and of this tenant's files alone, lies beside
 *          it as `file`.key (0600) and wraps the tenant's data key on the way.
 *
 *  What is bound to an environment is made anew where the tenant arrives: its number in every key,
 *  the hash of every value, the chain of its log, the wrapping of its data key. Its uuid stays, and
 *  with it everything that is sealed. Sessions stay behind; tokens and work that waits come along.
 */
#pragma once

#include <stdatomic.h>

#include "store/store.h"

/** What the higher floors say of a tenant, at most: a MessagePack map. */
constexpr size_t MOVING_ABOUT_BYTES_MAX = 2 * 1024 * 1024;

/** Writes a tenant's rows as of one moment. `file`.key is used again when it is there, but never
 *  the master key. ERR_CORRUPT: a value is damaged, or the tenant has no key. */
enum err moving_export(struct task *task, const struct space *space, str about, str file);

struct moving_import {
    str file;
    str key_file;                  /** empty: `file`.key */
    const atomic_bool *is_stopped; /** asked between slices; may be nullptr */
    /** Called before anything is written: judges what is said of the tenant and gives it a space
     *  of its own, with a number that was never used. */
    enum err (*begin)(struct moving_import *import, str about, struct id uuid,
                      struct space *space_out);
    struct space space; /** once begun; its number is 0 before */
    uint64_t row_count;
};
/** Writes all rows of a file into the space that `begin` gave, in slices, durable. On failure what
 *  was written stays for moving_erase. ERR_MISSING: no file or no key. ERR_CORRUPT: the file is
 *  cut short, altered, or of another key. ERR_FULL: stopped. */
enum err moving_import(struct task *task, struct store *store, struct moving_import *import);

/** Removes all rows of a space in slices, its data key first. With `is_shut` a mark stays and
 *  refuses every later work in its lane, such as one that was on its way; without it nothing
 *  stays. Again after a kill it goes on. */
enum err moving_erase(struct task *task, const struct space *space, bool is_shut);
