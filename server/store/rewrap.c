/* The master key is replaced: every space's data keys are wrapped by a new one.
 *
 * From the beginning both keys lie in master.key.new, durable, and whatever wraps, wraps by the new
 * one. Each space is then brought over in its own lane, behind whatever wrapped by the old key; the
 * list of spaces is made in the instance's lane, behind whatever made one. */
#include <errno.h>
#include <unistd.h>

#include "base/log.h"
#include "base/random.h"
#include "base/require.h"
#include "store/files.h"
#include "store/keyring.h"
#include "store/master.h"
#include "store/snapshot.h"
#include "value/value.h"

constexpr uint32_t PASSES_MAX = 4;
static const struct short_key NO_KEY;

static bool is_by(const struct secret_key *master_key, uint32_t number,
                  const struct wrapped_keys *wrapped)
{
    struct data_keys keys;
    bool is = wrapped_keys_open(master_key, number, wrapped, &keys) == ERR_NONE;
    if (is) data_keys_wipe(&keys);
    return is;
}

/** The row of a space's keys wrapped by the store's master key; empty when it is so already, or
 *  cannot be opened. */
static str row_rewrapped(struct arena *arena, struct store *store, uint32_t number, str value,
                         struct id *uuid_out)
{
    struct wrapped_keys wrapped;
    struct data_keys keys;
    struct secret_key master_key = keyring_master(store->keyring);
    struct buf out = buf_make(arena, WRAPPED_KEYS_BYTES_MAX);
    if (!wrapped_keys_read(value, &wrapped)) return (str){};
    *uuid_out = wrapped.uuid;
    if (!is_by(&master_key, number, &wrapped) &&
        keyring_open_keys(store, number, &wrapped, &keys) == ERR_NONE) {
        wrapped_keys_put(&out, &master_key, number, wrapped.uuid, &keys);
        data_keys_wipe(&keys);
    }
    bytes_wipe(&master_key, sizeof master_key);
    return buf_str(&out);
}

/* Rows of keys, whatever space they are of. */

/** The next space at or behind `from` that has keys; `stored` is a view. */
static int keys_next(struct store *store, MDB_cursor *cursor, uint64_t from, uint32_t *number_out,
                     struct row_key *row_key_out, MDB_val *stored_out)
{
    for (;;) {
        if (from > UINT32_MAX) return MDB_NOTFOUND;
        struct space space = {.store = store, .number = (uint32_t)from};
        row_key_system(row_key_out, &space, SYSTEM_KEY, S(""));
        MDB_val key = {row_key_out->len, row_key_out->bytes};
        int code = mdb_cursor_get(cursor, &key, stored_out, MDB_SET_RANGE);
        if (code != 0) return code;
        if (key.mv_size < TENANT_BYTES) return MDB_CORRUPTED;
        bool is_it = str_eq((str){key.mv_data, key.mv_size}, row_key_str(row_key_out));
        *number_out = bytes_uint32(key.mv_data);
        if (is_it) return 0;
        /* Another row: of this space, which has no keys then, or of one further on. */
        from = *number_out == from ? from + 1 : *number_out;
    }
}

static enum err row_replace(struct task *task, struct store *store, MDB_cursor *cursor,
                            const struct row_key *row_key, uint32_t number, struct id uuid,
                            str value)
{
    struct buf stored = buf_make(task->arena, WRAPPED_KEYS_BYTES_MAX);
    buf_put(&stored, (str){"\0\0\0\0\0\0\0", VALUE_HASH_BYTES});
    buf_put(&stored, value);
    bytes_put_uint64(stored.at, row_hash(number == 0 ? &NO_KEY : &store->hash_key, uuid,
                                         DATABASE_SYSTEM, row_key_str(row_key), value));
    MDB_val key = {row_key->len, (void *)row_key->bytes}, put = {stored.len, stored.at};
    int code = mdb_cursor_put(cursor, &key, &put, MDB_CURRENT);
    return code == 0 ? ERR_NONE : fail(task, mdb_err(code), "data.mdb: %s", mdb_strerror(code));
}

/** All rows that are not wrapped by the master key, at once; for a start, before any thread. */
static enum err rows_rewrap(struct task *task, struct store *store, MDB_txn *mdb)
{
    MDB_cursor *cursor;
    MDB_val stored;
    struct row_key row_key;
    uint32_t number;
    int code = mdb_cursor_open(mdb, store->databases[DATABASE_SYSTEM], &cursor);
    enum err err = ERR_NONE;
    for (uint64_t from = 0; code == 0 && err == ERR_NONE; from = (uint64_t)number + 1) {
        struct id uuid;
        code = keys_next(store, cursor, from, &number, &row_key, &stored);
        if (code != 0 || stored.mv_size < VALUE_HASH_BYTES) continue;
        str value = str_from((str){stored.mv_data, stored.mv_size}, VALUE_HASH_BYTES);
        str wrapped = row_rewrapped(task->arena, store, number, value, &uuid);
        if (wrapped.len > 0)
            err = row_replace(task, store, cursor, &row_key, number, uuid, wrapped);
    }
    if (err == ERR_NONE && code != MDB_NOTFOUND)
        err = fail(task, mdb_err(code), "data.mdb: %s", mdb_strerror(code));
    if (cursor != nullptr) mdb_cursor_close(cursor);
    return err;
}

/* The files. */

static str new_file_of(struct task *task, const struct store *store)
{
    return str_of(path_join(task, str_of(store->folder), "master.key.new"));
}

/** All is wrapped by the new key: it takes the old one's place, which is overwritten. */
static enum err end(struct task *task, struct store *store)
{
    str folder = str_of(store->folder);
    struct secret_key former = store->master->former;
    store->master->has_former = false;
    bytes_wipe(&store->master->former, sizeof store->master->former);
    str file = str_of(path_join(task, folder, "master.key")), new_file = new_file_of(task, store);
    enum err err = master_replace(task, file, store->master);
    if (err == ERR_NONE) {
        /* It holds the old key too; its bytes are overwritten as those of any that goes. */
        err = master_replace(task, new_file, store->master);
        if (err == ERR_NONE && unlink(new_file.at) != 0)
            err = fail(task, ERR_SYSTEM, "%s: %s", new_file.at, strerror(errno));
        if (err == ERR_NONE) err = folder_sync(task, folder);
    }
    if (err == ERR_NONE) {
        keyring_set_master(store->keyring, &store->master->key, nullptr);
    } else {
        store->master->former = former;
        store->master->has_former = true;
    }
    bytes_wipe(&former, sizeof former);
    return err;
}

enum err rewrap_resume(struct task *task, struct store *store)
{
    MDB_txn *mdb;
    int code = mdb_txn_begin(store->mdb, nullptr, 0, &mdb);
    if (code != 0) return fail(task, mdb_err(code), "data.mdb: %s", mdb_strerror(code));
    enum err err = rows_rewrap(task, store, mdb);
    if (err == ERR_NONE) {
        code = mdb_txn_commit(mdb);
        if (code != 0) err = fail(task, mdb_err(code), "data.mdb: %s", mdb_strerror(code));
    } else {
        mdb_txn_abort(mdb);
    }
    TRY(err);
    log_info("store", "a replacement of the master key was cut off; it is ended now");
    return end(task, store);
}

/* While everything runs. */

struct space_list {
    struct work work;
    struct task *task;
    uint32_t count, capacity;
    uint32_t *numbers;
    struct id *uuids;
};

static void space_note(struct space_list *list, uint32_t number, struct id uuid)
{
    for (uint32_t at = 0; at < list->count; at++)
        if (list->numbers[at] == number) return;
    if (list->count == list->capacity) {
        struct arena *arena = list->task->arena;
        uint32_t wider = list->capacity == 0 ? 64 : 2 * list->capacity;
        uint32_t *numbers = arena_new(arena, uint32_t, wider);
        struct id *uuids = arena_new(arena, struct id, wider);
        if (list->count > 0) {
            memcpy(numbers, list->numbers, list->count * sizeof *numbers);
            memcpy(uuids, list->uuids, list->count * sizeof *uuids);
        }
        list->numbers = numbers;
        list->uuids = uuids;
        list->capacity = wider;
    }
    list->numbers[list->count] = number;
    list->uuids[list->count++] = uuid;
}

/** Tenants that stand, and those that arrive or go. */
static enum err spaces_read(struct space_list *list, struct txn *txn, enum system_row row)
{
    str after = {}, key, value;
    for (;;) {
        enum err err = txn_system_after(txn, row, after, list->task->arena, &key, &value);
        if (err != ERR_NONE) return err == ERR_MISSING ? ERR_NONE : err;
        struct value uuid_value;
        struct id uuid;
        bool is_right = key.len == 4 && value_find_text(value, S("uuid"), &uuid_value) &&
                        ((uuid_value.kind == VALUE_BYTES && id_of_bytes(uuid_value.text, &uuid)) ||
                         (uuid_value.kind == VALUE_TEXT && id_parse(uuid_value.text, &uuid)));
        if (is_right) space_note(list, bytes_uint32(key.at), uuid);
        after = key;
    }
}

static enum err spaces_list(struct work *work, struct txn *txn)
{
    struct space_list *list = (struct space_list *)work;
    txn_set_task(txn, list->task);
    TRY(spaces_read(list, txn, SYSTEM_TENANT));
    return spaces_read(list, txn, SYSTEM_GONE);
}

struct rewrapping {
    struct work work;
    struct task *task;
    bool has_changed;
};

/** In the space's lane. */
static enum err space_rewrap(struct work *work, struct txn *txn)
{
    struct rewrapping *rewrapping = (struct rewrapping *)work;
    struct row_key row_key;
    struct id uuid;
    str value;
    txn_set_task(txn, rewrapping->task);
    row_key_system(&row_key, &txn->space, SYSTEM_KEY, S(""));
    enum err err = row_get(txn, DATABASE_SYSTEM, &row_key, &value);
    /* What cannot be read is the check's to tell; no key opened it before either. */
    if (err != ERR_NONE) return err == ERR_MISSING || err == ERR_CORRUPT ? ERR_NONE : err;
    str wrapped =
        row_rewrapped(rewrapping->task->arena, txn->store, txn->space.number, value, &uuid);
    if (wrapped.len == 0) return ERR_NONE;
    rewrapping->has_changed = true;
    row_put(txn, DATABASE_SYSTEM, &row_key, wrapped);
    return ERR_NONE;
}

static bool has_key(const struct data_keys *keys, uint32_t id)
{
    bool has = id <= DATA_KEY_FIRST;
    for (uint32_t at = 0; at < keys->count && !has; at++) has = keys->keys[at].id == id;
    return has;
}

/** The instance's keys wrapped by the new master key, and with them another data key, unless there
 *  are as many as there may be; empty when that is done already. */
static str instance_rewrapped(struct task *task, struct store *store, str value,
                              struct wrapped_keys *wrapped, struct data_key *added_out)
{
    struct data_keys keys;
    struct secret_key master_key = keyring_master(store->keyring);
    struct buf out = buf_make(task->arena, WRAPPED_KEYS_BYTES_MAX);
    bool is_due = wrapped_keys_read(value, wrapped) && !is_by(&master_key, 0, wrapped);
    if (is_due && keyring_open_keys(store, 0, wrapped, &keys) == ERR_NONE) {
        if (keys.count < DATA_KEYS_MAX) {
            *added_out = (struct data_key){.made_at_ms = task->now_ms, .key = key_random()};
            do random_fill(&added_out->id, sizeof added_out->id);
            while (has_key(&keys, added_out->id));
            keys.keys[keys.count++] = *added_out;
        }
        wrapped_keys_put(&out, &master_key, 0, wrapped->uuid, &keys);
        data_keys_wipe(&keys);
    }
    bytes_wipe(&master_key, sizeof master_key);
    return buf_str(&out);
}

/** The instance's own row has a hash of its own kind, and no lane writes it: it is written here,
 *  beside the committer. */
static enum err instance_rewrap(struct task *task, struct store *store)
{
    struct wrapped_keys wrapped_keys;
    struct data_key added = {};
    MDB_txn *mdb;
    MDB_cursor *cursor = nullptr;
    MDB_val stored;
    struct row_key row_key;
    uint32_t number;
    int code = mdb_txn_begin(store->mdb, nullptr, 0, &mdb);
    if (code != 0) return fail(task, mdb_err(code), "data.mdb: %s", mdb_strerror(code));
    code = mdb_cursor_open(mdb, store->databases[DATABASE_SYSTEM], &cursor);
    if (code == 0) code = keys_next(store, cursor, 0, &number, &row_key, &stored);
    enum err err = code == 0 && number == 0 && stored.mv_size > VALUE_HASH_BYTES
                       ? ERR_NONE
                       : fail(task, ERR_CORRUPT, "The instance's key in data.mdb is damaged.");
    if (err == ERR_NONE) {
        str value = str_from((str){stored.mv_data, stored.mv_size}, VALUE_HASH_BYTES);
        str wrapped = instance_rewrapped(task, store, value, &wrapped_keys, &added);
        if (wrapped.len > 0)
            err = row_replace(task, store, cursor, &row_key, 0, wrapped_keys.uuid, wrapped);
    }
    if (cursor != nullptr) mdb_cursor_close(cursor);
    if (err != ERR_NONE) {
        mdb_txn_abort(mdb);
        return err;
    }
    code = mdb_txn_commit(mdb);
    if (code == 0 && added.id != 0) keyring_add_instance(store, &added.key);
    bytes_wipe(&added, sizeof added);
    return code == 0 ? ERR_NONE : fail(task, mdb_err(code), "data.mdb: %s", mdb_strerror(code));
}

/** Every row that opens at all opens by the new key. */
static enum err prove(struct task *task, struct store *store, bool *is_proven_out)
{
    struct space instance = store_instance(store);
    struct txn *txn;
    struct row_key row_key;
    struct secret_key former;
    MDB_val stored;
    MDB_cursor *cursor;
    uint32_t number;
    *is_proven_out = true;
    if (!keyring_former(store->keyring, &former)) return ERR_NONE;
    TRY(txn_open(task, &instance, &txn));
    int code = 0;
    enum err err = txn_cursor_take(txn, DATABASE_SYSTEM, &cursor);
    for (uint64_t from = 0; err == ERR_NONE && code == 0; from = (uint64_t)number + 1) {
        struct wrapped_keys wrapped;
        code = keys_next(store, cursor, from, &number, &row_key, &stored);
        if (code != 0 || stored.mv_size < VALUE_HASH_BYTES) continue;
        str value = str_from((str){stored.mv_data, stored.mv_size}, VALUE_HASH_BYTES);
        if (wrapped_keys_read(value, &wrapped) && is_by(&former, number, &wrapped))
            *is_proven_out = false;
    }
    if (err == ERR_NONE) txn_cursor_give(txn, DATABASE_SYSTEM, cursor);
    txn_close(txn);
    bytes_wipe(&former, sizeof former);
    if (err == ERR_NONE && code != MDB_NOTFOUND)
        err = fail(task, mdb_err(code), "data.mdb: %s", mdb_strerror(code));
    return err;
}

static enum err spaces_rewrap(struct task *task, struct store *store, uint32_t *spaces_out)
{
    struct space_list list = {.task = task, .work = {.run = spaces_list}};
    struct space instance = store_instance(store);
    TRY(instance_rewrap(task, store));
    TRY(store_write(store, &instance, &list.work));
    for (uint32_t at = 0; at < list.count; at++) {
        struct space space = store_space(store, list.numbers[at], list.uuids[at]);
        struct arena arena;
        struct task own;
        arena_init(&arena, MIB);
        task_init(&own, &arena);
        own.now_ms = task->now_ms;
        struct rewrapping rewrapping = {.task = &own,
                                        .work = {.run = space_rewrap, .is_of_gone = true}};
        enum err err = store_write(store, &space, &rewrapping.work);
        if (err != ERR_NONE)
            err = fail(task, err, "tenant %u: its key could not be written",
                       (unsigned)list.numbers[at]);
        arena_drop(&arena);
        TRY(err);
        *spaces_out += rewrapping.has_changed;
    }
    return ERR_NONE;
}

static enum err begin(struct task *task, struct store *store, enum key_custody custody,
                      str passphrase)
{
    struct master *master = store->master;
    /* One that could not be ended goes on with the key it began with. */
    if (master->has_former) return ERR_NONE;
    struct master newer = *master;
    newer.former = master->key;
    newer.has_former = true;
    newer.key = key_random();
    enum err err = ERR_NONE;
    if (custody != CUSTODY_AS_BEFORE) err = master_seal_by(task, &newer, passphrase);
    if (err == ERR_NONE) err = master_replace(task, new_file_of(task, store), &newer);
    if (err == ERR_NONE) {
        *master = newer;
        keyring_set_master(store->keyring, &master->key, &master->former);
    }
    bytes_wipe(&newer, sizeof newer);
    return err;
}

static enum err rewrap(struct task *task, struct store *store, enum key_custody custody,
                       str passphrase, uint32_t *spaces_out)
{
    bool is_proven = false;
    *spaces_out = 0;
    TRY(begin(task, store, custody, passphrase));
    for (uint32_t pass = 0; pass < PASSES_MAX && !is_proven; pass++) {
        TRY(spaces_rewrap(task, store, spaces_out));
        TRY(prove(task, store, &is_proven));
    }
    if (!is_proven)
        return fail(task, ERR_FULL,
                    "some tenants' keys are still wrapped by the old key; both keys are kept: run "
                    "this again.");
    TRY(end(task, store));
    log_info("store", "the master key was replaced; %u tenants are wrapped anew", *spaces_out);
    return ERR_NONE;
}

enum err store_rewrap(struct task *task, struct store *store, enum key_custody custody,
                      str passphrase, uint32_t *spaces_out)
{
    require(custody == CUSTODY_PASSPHRASE || passphrase.len == 0);
    if (pthread_mutex_trylock(&store->master_lock) != 0)
        return fail(task, ERR_CONFLICT,
                    "a backup is being written, or the key is being replaced already");
    enum err err = rewrap(task, store, custody, passphrase, spaces_out);
    pthread_mutex_unlock(&store->master_lock);
    return err;
}
