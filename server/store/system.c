#include "base/require.h"
#include "store/keyring.h"
#include "store/walk.h"
#include "value/value.h"

enum err txn_system_get(struct txn *txn, enum system_row row, str key, struct arena *arena,
                        str *value_out)
{
    require(row != SYSTEM_KEY);
    if (key.len > SYSTEM_KEY_BYTES_MAX) return ERR_MISSING;
    struct row_key row_key;
    row_key_system(&row_key, &txn->space, row, key);
    str view;
    TRY(row_get(txn, DATABASE_SYSTEM, &row_key, &view));
    *value_out = arena_copy(arena, view);
    return ERR_NONE;
}

void txn_system_put(struct txn *txn, enum system_row row, str key, str value)
{
    require(row != SYSTEM_KEY);
    struct row_key row_key;
    row_key_system(&row_key, &txn->space, row, key);
    row_put(txn, DATABASE_SYSTEM, &row_key, value);
}

void txn_system_delete(struct txn *txn, enum system_row row, str key)
{
    require(row != SYSTEM_KEY);
    struct row_key row_key;
    row_key_system(&row_key, &txn->space, row, key);
    row_delete(txn, DATABASE_SYSTEM, &row_key);
}

enum err txn_system_after(struct txn *txn, enum system_row row, str after, struct arena *arena,
                          str *key_out, str *value_out)
{
    require(row != SYSTEM_KEY);
    struct walk walk;
    struct row_key prefix;
    row_prefix_system(&prefix, &txn->space, row);
    row_bounds_all(&walk.bounds, &prefix);
    /* The first key behind `after` is `after` and a 00: keys that begin with it come behind it. */
    char room[KEY_BYTES_MAX + 1];
    if (after.len > 0) {
        str rest = str_first(after, SYSTEM_KEY_BYTES_MAX - 1);
        memcpy(room, rest.at, rest.len);
        room[rest.len] = 0;
        row_bounds_from(&walk.bounds, (str){room, rest.len + 1}, false);
    }
    str key, view;
    TRY(walk_first(&walk, txn, DATABASE_SYSTEM, false, &key, &view));
    *key_out = arena_copy(arena, str_from(key, prefix.len));
    *value_out = arena_copy(arena, view);
    return ERR_NONE;
}

enum err txn_system_before(struct txn *txn, enum system_row row, str before, struct arena *arena,
                           str *key_out, str *value_out)
{
    require(row != SYSTEM_KEY);
    struct walk walk;
    struct row_key prefix;
    row_prefix_system(&prefix, &txn->space, row);
    row_bounds_all(&walk.bounds, &prefix);
    if (before.len > 0) row_bounds_to(&walk.bounds, str_first(before, SYSTEM_KEY_BYTES_MAX), true);
    str key, view;
    TRY(walk_first(&walk, txn, DATABASE_SYSTEM, true, &key, &view));
    *key_out = arena_copy(arena, str_from(key, prefix.len));
    *value_out = arena_copy(arena, view);
    return ERR_NONE;
}

enum err txn_counter_read(struct task *task, struct txn *txn, str name,
                          struct row_counter *counter_out)
{
    str row;
    *counter_out = (struct row_counter){};
    enum err err = txn_system_get(txn, SYSTEM_COUNTER, name, task->arena, &row);
    if (err == ERR_MISSING) return ERR_NONE;
    TRY(err);
    struct value list = value_of(row), count, bytes;
    struct cursor items = cursor_of(list.items);
    if (list.kind != VALUE_LIST || !value_next(&items, &count) || !value_next(&items, &bytes) ||
        count.kind != VALUE_INT || bytes.kind != VALUE_INT)
        return fail(task, ERR_CORRUPT, "the counter of %.*s is damaged", FMT(name));
    *counter_out = (struct row_counter){count.integer, bytes.integer};
    return ERR_NONE;
}

void txn_counter_put(struct task *task, struct txn *txn, str name,
                     const struct row_counter *counter)
{
    struct buf row = buf_make(task->arena, 32);
    pack_list(&row, 2);
    pack_int(&row, counter->count);
    pack_int(&row, counter->bytes);
    require(!buf_is_over(&row));
    txn_system_put(txn, SYSTEM_COUNTER, name, buf_str(&row));
}

enum err txn_data_key(struct txn *txn, struct secret_key *key_out)
{
    if (txn->space.number == 0) {
        *key_out = txn->store->instance_key;
        return ERR_NONE;
    }
    struct row_key row_key;
    row_key_system(&row_key, &txn->space, SYSTEM_KEY, S(""));
    str view;
    TRY(row_get(txn, DATABASE_SYSTEM, &row_key, &view));
    struct wrapped_key wrapped;
    if (!wrapped_key_read(view, &wrapped)) return ERR_CORRUPT;
    return wrapped_key_open(&txn->store->master_key, txn->space.number, &wrapped, key_out);
}

void txn_data_key_keep(struct txn *txn, const struct secret_key *key)
{
    require(txn->space.number != 0);
    struct row_key row_key;
    row_key_system(&row_key, &txn->space, SYSTEM_KEY, S(""));
    struct buf value = row_build(txn);
    wrapped_key_put(&value, &txn->store->master_key, txn->space.number, txn->space.uuid, key);
    row_put_built(txn, DATABASE_SYSTEM, &row_key, &value);
}

void txn_data_key_make(struct txn *txn)
{
    struct secret_key key = key_random();
    txn_data_key_keep(txn, &key);
    bytes_wipe(&key, sizeof(key));
}

bool txn_is_shut(struct txn *txn)
{
    struct row_key row_key;
    str value;
    if (txn->space.number == 0) return false;
    row_key_system(&row_key, &txn->space, SYSTEM_GONE, S(""));
    return row_get(txn, DATABASE_SYSTEM, &row_key, &value) == ERR_NONE;
}
