#include "store/walk.h"

#include <inttypes.h>

#include "base/log.h"
#include "base/require.h"

void walk_open(struct walk *walk, struct txn *txn, enum database database, bool is_descending)
{
    walk->txn = txn;
    walk->database = database;
    walk->is_descending = is_descending;
    walk->is_placed = false;
    walk->must_move = true;
    walk->has_row = false;
    walk->has_last = false;
    walk->has_entry = false;
    walk->cursor = nullptr;
}

void walk_close(struct walk *walk)
{
    if (walk->cursor != nullptr) txn_cursor_give(walk->txn, walk->database, walk->cursor);
    walk->cursor = nullptr;
}

/** Puts the cursor on the first row of the bounds in the walk's direction, or near it. */
static int cursor_place(struct walk *walk, MDB_val *key, MDB_val *value)
{
    if (!walk->is_descending) {
        *key = (MDB_val){walk->bounds.lower.len, walk->bounds.lower.bytes};
        return mdb_cursor_get(walk->cursor, key, value, MDB_SET_RANGE);
    }
    if (!walk->bounds.has_upper) return mdb_cursor_get(walk->cursor, key, value, MDB_LAST);
    *key = (MDB_val){walk->bounds.upper.len, walk->bounds.upper.bytes};
    int code = mdb_cursor_get(walk->cursor, key, value, MDB_SET_RANGE);
    if (code == MDB_NOTFOUND) return mdb_cursor_get(walk->cursor, key, value, MDB_LAST);
    if (code != 0) return code;
    return mdb_cursor_get(walk->cursor, key, value, MDB_PREV);
}

/** Sees to it that `row_key` is the snapshot's next row, if it has one. */
static enum err snapshot_step(struct walk *walk)
{
    if (!walk->must_move) return ERR_NONE;
    walk->must_move = false;
    walk->has_row = false;
    if (walk->cursor == nullptr) TRY(txn_cursor_take(walk->txn, walk->database, &walk->cursor));
    MDB_val key, value;
    int code = walk->is_placed ? mdb_cursor_get(walk->cursor, &key, &value,
                                                walk->is_descending ? MDB_PREV : MDB_NEXT)
                               : cursor_place(walk, &key, &value);
    walk->is_placed = true;
    if (code == MDB_NOTFOUND) return ERR_NONE;
    if (code != 0) {
        log_error("store", "tenant %" PRIu32 ": %s", walk->txn->space.number, mdb_strerror(code));
        return mdb_err(code);
    }
    walk->row_key = (str){key.mv_data, key.mv_size};
    walk->row_value = (str){value.mv_data, value.mv_size};
    walk->has_row = row_bounds_hold(&walk->bounds, walk->row_key);
    return ERR_NONE;
}

/** The next pending row within the bounds, or nullptr. */
static struct pending_entry *pending_step(struct walk *walk)
{
    const struct pending *pending = &walk->txn->pending;
    if (!walk->txn->takes_writes || pending->version == 0) return nullptr;
    if (walk->is_descending) {
        str upper = row_key_str(&walk->bounds.upper);
        const str *before = walk->bounds.has_upper ? &upper : nullptr;
        if (walk->has_last) before = &walk->last;
        walk->entry = pending_before(pending, walk->database, before);
    } else if (!walk->has_entry || walk->version != pending->version) {
        str from = walk->has_last ? walk->last : row_key_str(&walk->bounds.lower);
        walk->entry = pending_from(pending, walk->database, from, walk->has_last);
        walk->version = pending->version;
        walk->has_entry = true;
    }
    struct pending_entry *entry = walk->entry;
    return entry != nullptr && row_bounds_hold(&walk->bounds, entry->key) ? entry : nullptr;
}

enum err walk_next(struct walk *walk, bool *has_row_out, str *key_out, str *stored_out)
{
    *has_row_out = false;
    if (walk->bounds.is_empty) return ERR_NONE;
    for (;;) {
        TRY(snapshot_step(walk));
        struct pending_entry *entry = pending_step(walk);
        if (!walk->has_row && entry == nullptr) return ERR_NONE;
        int order = 0; /* below zero: the pending row comes first */
        if (!walk->has_row) order = -1;
        else if (entry == nullptr) order = 1;
        else order = str_compare(entry->key, walk->row_key) * (walk->is_descending ? -1 : 1);
        txn_touch(walk->txn);
        walk->has_last = true;
        walk->must_move = order >= 0;
        walk->last = order > 0 ? walk->row_key : entry->key;
        if (order <= 0) walk->entry = pending_next(entry);
        if (order <= 0 && entry->state == PENDING_DELETE) continue;
        *has_row_out = true;
        *key_out = walk->last;
        *stored_out = order > 0 ? walk->row_value : entry->value;
        return ERR_NONE;
    }
}

void walk_seek(struct walk *walk, str rest)
{
    require(!walk->is_descending);
    row_bounds_from(&walk->bounds, rest, false);
    if (walk->has_last && str_compare(row_key_str(&walk->bounds.lower), walk->last) <= 0) return;
    if (walk->has_row && !walk->must_move &&
        str_compare(walk->row_key, row_key_str(&walk->bounds.lower)) >= 0)
        return;
    walk->has_last = false;
    walk->has_entry = false;
    walk->is_placed = false;
    walk->must_move = true;
}

enum err walk_first(struct walk *walk, struct txn *txn, enum database database, bool is_descending,
                    str *key_out, str *value_out)
{
    bool has_row;
    str stored;
    walk_open(walk, txn, database, is_descending);
    enum err err = walk_next(walk, &has_row, key_out, &stored);
    walk_close(walk);
    TRY(err);
    if (!has_row) return ERR_MISSING;
    return row_check(txn, database, *key_out, stored, value_out);
}
