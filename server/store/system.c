#include "base/require.h"
#include "store/keyring.h"
#include "store/row_seal.h"
#include "store/walk.h"
#include "value/value.h"

/* Rows whose values are sealed (store/row_seal.h). */

bool system_row_is_sealed(enum system_row row)
{
    return row == SYSTEM_ANSWER || row == SYSTEM_JOB_GIVEN || row == SYSTEM_JOB_LINES ||
           row == SYSTEM_RUN || row == SYSTEM_RUN_TALK || row == SYSTEM_TOTP;
}

/** A copy of the value of a row. */
static enum err value_read(struct txn *txn, enum system_row row, str key, str stored,
                           struct arena *arena, str *value_out)
{
    if (system_row_is_sealed(row))
        return sealed_value_open(txn, row, key, stored, arena, value_out);
    *value_out = arena_copy(arena, stored);
    return ERR_NONE;
}

enum err txn_system_get(struct txn *txn, enum system_row row, str key, struct arena *arena,
                        str *value_out)
{
    require(row != SYSTEM_KEY);
    if (key.len > SYSTEM_KEY_BYTES_MAX) return ERR_MISSING;
    struct row_key row_key;
    row_key_system(&row_key, &txn->space, row, key);
    str view;
    TRY(row_get(txn, DATABASE_SYSTEM, &row_key, &view));
    return value_read(txn, row, key, view, arena, value_out);
}

void txn_system_put(struct txn *txn, enum system_row row, str key, str value)
{
    require(row != SYSTEM_KEY);
    struct row_key row_key;
    row_key_system(&row_key, &txn->space, row, key);
    if (!system_row_is_sealed(row)) {
        row_put(txn, DATABASE_SYSTEM, &row_key, value);
        return;
    }
    struct buf built = row_build(txn);
    sealed_value_put(txn, &built, row, key, value);
    row_put_built(txn, DATABASE_SYSTEM, &row_key, &built);
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
    return value_read(txn, row, *key_out, view, arena, value_out);
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
    return value_read(txn, row, *key_out, view, arena, value_out);
}

enum err txn_system_reseal(struct txn *txn, enum system_row row, str after, struct arena *arena,
                           str *key_out)
{
    require(system_row_is_sealed(row));
    str value;
    TRY(txn_system_after(txn, row, after, arena, key_out, &value));
    txn_system_put(txn, row, *key_out, value);
    return ERR_NONE;
}

enum err txn_system_count(struct txn *txn, enum system_row row, uint32_t max, uint32_t *count_out)
{
    require(row != SYSTEM_KEY);
    struct walk walk;
    struct row_key prefix;
    row_prefix_system(&prefix, &txn->space, row);
    row_bounds_all(&walk.bounds, &prefix);
    walk_open(&walk, txn, DATABASE_SYSTEM, false);
    bool has_row = true;
    enum err err = ERR_NONE;
    for (*count_out = 0; *count_out < max;) {
        str key, stored;
        err = walk_next(&walk, &has_row, &key, &stored);
        if (err != ERR_NONE || !has_row) break;
        ++*count_out;
    }
    walk_close(&walk);
    return err;
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

enum err txn_data_keys(struct txn *txn, struct data_keys *keys_out)
{
    if (txn->space.number == 0) {
        *keys_out = (struct data_keys){
            .count = 1,
            .keys = {{.id = DATA_KEY_FIRST, .key = keyring_instance(txn->store->keyring)}}};
        return ERR_NONE;
    }
    struct row_key row_key;
    row_key_system(&row_key, &txn->space, SYSTEM_KEY, S(""));
    str view;
    TRY(row_get(txn, DATABASE_SYSTEM, &row_key, &view));
    struct wrapped_keys wrapped;
    if (!wrapped_keys_read(view, &wrapped)) return ERR_CORRUPT;
    return keyring_open_keys(txn->store, txn->space.number, &wrapped, keys_out);
}

void txn_data_keys_keep(struct txn *txn, const struct data_keys *keys)
{
    require(txn->space.number != 0);
    struct row_key row_key;
    row_key_system(&row_key, &txn->space, SYSTEM_KEY, S(""));
    struct secret_key master_key = keyring_master(txn->store->keyring);
    struct buf value = row_build(txn);
    wrapped_keys_put(&value, &master_key, txn->space.number, txn->space.uuid, keys);
    row_put_built(txn, DATABASE_SYSTEM, &row_key, &value);
    bytes_wipe(&master_key, sizeof master_key);
}

void txn_data_key_make(struct txn *txn)
{
    struct data_keys keys = {.count = 1, .keys = {{.id = DATA_KEY_FIRST, .key = key_random()}}};
    if (txn->task != nullptr) keys.keys[0].made_at_ms = txn->task->now_ms;
    txn_data_keys_keep(txn, &keys);
    data_keys_wipe(&keys);
}

bool txn_is_shut(struct txn *txn)
{
    struct row_key row_key;
    str value;
    if (txn->space.number == 0) return false;
    row_key_system(&row_key, &txn->space, SYSTEM_GONE, S(""));
    return row_get(txn, DATABASE_SYSTEM, &row_key, &value) == ERR_NONE;
}
