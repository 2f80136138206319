/** walk: the rows within bounds in key order or back, the snapshot's and the pending ones merged.
 *
 *  Everything that reads more than one row by its key is a walk.
 *
 *  Floor   store, inside.
 *  Thread  that of its transaction.
 *  Memory  keys and values given are views that stay until the transaction ends.
 */
#pragma once

#include "store/snapshot.h"

struct walk {
    struct txn *txn;
    enum database database;
    bool is_descending;
    bool is_placed; /** the cursor stands somewhere */
    bool must_move; /** the cursor's row was used */
    bool has_row;   /** `row_key` and `row_value` are the snapshot's next */
    bool has_last;
    str row_key;
    str row_value;
    str last; /** the key given last */
    bool has_entry;
    struct pending_entry *entry; /** ascending: the next pending row, true while `version` stands */
    uint64_t version;
    MDB_cursor *cursor;
    struct row_bounds bounds; /** filled by the owner before walk_open */
};

/** Begins; the bounds are already in place. */
void walk_open(struct walk *walk, struct txn *txn, enum database database, bool is_descending);
/** The next row; the value as stored (hash first). */
enum err walk_next(struct walk *walk, bool *has_row_out, str *key_out, str *stored_out);
/** Ascending: goes forward to the first row at or behind prefix + `rest`; never back. */
void walk_seek(struct walk *walk, str rest);
void walk_close(struct walk *walk);

/** The first row only, its value opened and checked; ERR_MISSING when there is none. */
enum err walk_first(struct walk *walk, struct txn *txn, enum database database, bool is_descending,
                    str *key_out, str *value_out);
