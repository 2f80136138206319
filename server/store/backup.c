#include <errno.h>

#include "base/require.h"
#include "store/archive.h"
#include "store/keyring.h"
#include "store/master.h"
#include "store/snapshot.h"

struct backup {
    struct store *store;
    struct txn *txn;
    struct archive_writer *writer;
};

/** The space's wrapped key as it is stored, and the key of its stream. A key that is lost or
 *  damaged does not keep its rows out of the backup. */
static str space_key_find(struct backup *backup, uint32_t number, struct secret_key *key_out)
{
    struct store *store = backup->store;
    struct space space = {.store = store, .number = number};
    struct row_key row_key;
    struct wrapped_keys wrapped;
    struct data_keys keys;
    struct secret_key data_key = keyring_instance(store->keyring);
    row_key_system(&row_key, &space, SYSTEM_KEY, S(""));
    MDB_val name = {row_key.len, row_key.bytes}, stored;
    str bytes = S("");
    int code = mdb_get(backup->txn->mdb, store->databases[DATABASE_SYSTEM], &name, &stored);
    if (code == 0) bytes = str_from((str){stored.mv_data, stored.mv_size}, VALUE_HASH_BYTES);
    if (code != 0 || !wrapped_keys_read(bytes, &wrapped) ||
        keyring_open_keys(store, number, &wrapped, &keys) != ERR_NONE) {
        bytes = S("");
    } else {
        data_key = data_key_newest(&keys)->key;
        data_keys_wipe(&keys);
    }
    *key_out = archive_space_key(&data_key, number);
    bytes_wipe(&data_key, sizeof(data_key));
    return bytes;
}

static bool space_begin(struct backup *backup, uint32_t number)
{
    struct secret_key key;
    str wrapped = space_key_find(backup, number, &key);
    bool is_written = archive_space_begin(backup->writer, number, wrapped, &key);
    bytes_wipe(&key, sizeof(key));
    return is_written;
}

/** All rows of a space in one database. */
static enum err database_write(struct task *task, struct backup *backup, uint32_t number,
                               enum database database)
{
    struct row_bounds bounds;
    struct row_key prefix;
    row_prefix_tenant(&prefix, number);
    row_bounds_all(&bounds, &prefix);
    MDB_cursor *cursor;
    TRY(txn_cursor_take(backup->txn, database, &cursor));
    MDB_val key = {prefix.len, prefix.bytes}, value;
    int code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    bool is_written = true;
    while (code == 0 && row_bounds_hold(&bounds, (str){key.mv_data, key.mv_size})) {
        is_written = archive_row(backup->writer, database, (str){key.mv_data, key.mv_size},
                                 (str){value.mv_data, value.mv_size});
        if (!is_written) break;
        code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    int cause = errno;
    txn_cursor_give(backup->txn, database, cursor);
    errno = cause;
    if (!is_written) return archive_unwritten(task, backup->writer);
    if (code != 0 && code != MDB_NOTFOUND)
        return fail(task, mdb_err(code), "data.mdb, tenant %u: %s", (unsigned)number,
                    mdb_strerror(code));
    return ERR_NONE;
}

/** The next space that has a row in any database; false when there is none. */
static enum err space_next(struct backup *backup, uint64_t from, bool *has_next_out,
                           uint32_t *number_out)
{
    *has_next_out = false;
    if (from > UINT32_MAX) return ERR_NONE;
    for (uint32_t i = 0; i < DATABASE_COUNT; i++) {
        struct row_key prefix;
        row_prefix_tenant(&prefix, (uint32_t)from);
        MDB_cursor *cursor;
        TRY(txn_cursor_take(backup->txn, (enum database)i, &cursor));
        MDB_val key = {prefix.len, prefix.bytes}, value;
        int code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
        txn_cursor_give(backup->txn, (enum database)i, cursor);
        if (code == MDB_NOTFOUND || (code == 0 && key.mv_size < TENANT_BYTES)) continue;
        if (code != 0) return mdb_err(code);
        uint32_t number = bytes_uint32(key.mv_data);
        if (!*has_next_out || number < *number_out) *number_out = number;
        *has_next_out = true;
    }
    return ERR_NONE;
}

static enum err backup_write(struct task *task, struct backup *backup)
{
    struct archive_writer *writer = backup->writer;
    bool has_next;
    uint32_t number;
    for (uint64_t from = 0;; from = (uint64_t)number + 1) {
        TRY(space_next(backup, from, &has_next, &number));
        if (!has_next) break;
        require(number >= from);
        bool is_written = space_begin(backup, number);
        for (uint32_t i = 0; i < DATABASE_COUNT && is_written; i++)
            TRY(database_write(task, backup, number, (enum database)i));
        if (!is_written || !archive_space_end(writer)) return archive_unwritten(task, writer);
    }
    if (archive_end(writer, ARCHIVE_MAGIC, &backup->store->master->key)) return ERR_NONE;
    return archive_unwritten(task, writer);
}

/** `file`.key: there already with this key, or made. Another key there is a conflict: the backup
 *  could not be restored with it. */
static enum err key_file_make(struct task *task, struct store *store, str file)
{
    str name = arena_print(task->arena, "%.*s.key", FMT(file));
    bool is_same;
    enum err err = master_is_in(task, name, store->master, &is_same);
    if (err == ERR_MISSING) return master_write(task, name, store->master);
    TRY(err);
    if (is_same) return ERR_NONE;
    return fail(task, ERR_CONFLICT, "%.*s is the key of another backup.", FMT(name));
}

static enum err backup_of(struct task *task, struct store *store, str file)
{
    struct backup backup = {.store = store};
    struct space instance = store_instance(store);
    TRY(key_file_make(task, store, file));
    TRY(archive_open(task, file, ARCHIVE_MAGIC, &backup.writer));
    enum err err = txn_open(task, &instance, &backup.txn);
    if (err == ERR_NONE) {
        atomic_store(&backup.txn->is_long, true);
        err = backup_write(task, &backup);
        txn_close(backup.txn);
    }
    return archive_close(task, backup.writer, err);
}

enum err store_backup(struct task *task, struct store *store, str file)
{
    /* All of a backup is wrapped by one master key. */
    if (pthread_mutex_trylock(&store->master_lock) != 0)
        return fail(task, ERR_CONFLICT,
                    "another backup is being written, or the master key is being replaced; try "
                    "again when it is done.");
    enum err err = store->master->has_former
                       ? fail(task, ERR_CONFLICT,
                              "the master key was not replaced to the end: run `atrium key rotate` "
                              "again first.")
                       : backup_of(task, store, file);
    pthread_mutex_unlock(&store->master_lock);
    return err;
}
