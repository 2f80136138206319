#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/require.h"
#include "store/archive.h"
#include "store/files.h"
#include "store/keyring.h"
#include "store/master.h"
#include "store/snapshot.h"

constexpr size_t RESTORE_COMMIT_BYTES = 8 * MIB;

struct restore {
    struct archive_reader reader; /** first: `take` is given it */
    MDB_env *mdb;
    MDB_dbi databases[DATABASE_COUNT];
    MDB_txn *txn;
    size_t txn_bytes; /** written since it began */
    struct master master;
    struct secret_key instance_key;
    bool has_instance_key;
    bool has_instance_row;
    int64_t last_number;
    uint32_t number; /** of the space that is being read */
};

static enum err not_stored(struct restore *restore, int code)
{
    return fail(restore->reader.task, mdb_err(code), "The rows cannot be written: %s",
                mdb_strerror(code));
}

static enum err txn_commit_and_begin(struct restore *restore)
{
    int code = restore->txn == nullptr ? 0 : mdb_txn_commit(restore->txn);
    restore->txn = nullptr;
    restore->txn_bytes = 0;
    if (code == 0) code = mdb_txn_begin(restore->mdb, nullptr, 0, &restore->txn);
    return code == 0 ? ERR_NONE : not_stored(restore, code);
}

static enum err row_store(struct archive_reader *reader, const struct value *list)
{
    struct restore *restore = (struct restore *)reader;
    enum database database;
    str key, stored;
    struct row_place place;
    TRY(archive_read_row(reader, list, &database, &key, &stored));
    /* A damaged key is kept as it was, for check to find, so long as it is this space's. */
    bool is_known = row_key_parse(database, key, &place);
    if (key.len < TENANT_BYTES || key.len > KEY_BYTES_MAX ||
        bytes_uint32(key.at) != restore->number)
        return archive_distrust(reader);
    if (is_known && database == DATABASE_SYSTEM && place.row == SYSTEM_KEY && restore->number == 0)
        restore->has_instance_row = true;
    MDB_val name = {key.len, (void *)key.at};
    MDB_val value = {stored.len, (void *)stored.at};
    int code = mdb_put(restore->txn, restore->databases[database], &name, &value, 0);
    if (code != 0) return not_stored(restore, code);
    restore->txn_bytes += key.len + stored.len;
    return restore->txn_bytes < RESTORE_COMMIT_BYTES ? ERR_NONE : txn_commit_and_begin(restore);
}

static enum err space_key_open(struct restore *restore, const struct value *wrapped_bytes,
                               struct secret_key *key_out)
{
    struct wrapped_keys wrapped;
    struct data_keys keys;
    struct secret_key data_key;
    if (wrapped_bytes->kind == VALUE_NIL && restore->has_instance_key) {
        data_key = restore->instance_key;
    } else if (wrapped_bytes->kind != VALUE_BYTES ||
               !wrapped_keys_read(wrapped_bytes->text, &wrapped) ||
               wrapped_keys_open(&restore->master.key, restore->number, &wrapped, &keys) !=
                   ERR_NONE) {
        return archive_distrust(&restore->reader);
    } else {
        data_key = data_key_newest(&keys)->key;
        data_keys_wipe(&keys);
    }
    if (restore->number == 0) {
        restore->instance_key = data_key;
        restore->has_instance_key = true;
    }
    *key_out = archive_space_key(&data_key, restore->number);
    bytes_wipe(&data_key, sizeof(data_key));
    return ERR_NONE;
}

static enum err space_read(struct restore *restore, str head)
{
    int64_t number;
    struct value wrapped;
    struct secret_key key;
    TRY(archive_read_space(&restore->reader, head, &number, &wrapped));
    if (number <= restore->last_number || (restore->last_number < 0 && number != 0))
        return archive_distrust(&restore->reader);
    restore->last_number = number;
    restore->number = (uint32_t)number;
    TRY(space_key_open(restore, &wrapped, &key));
    enum err err = archive_read_stream(&restore->reader, &key);
    bytes_wipe(&key, sizeof(key));
    return err;
}

static enum err spaces_read(struct restore *restore)
{
    struct archive_reader *reader = &restore->reader;
    TRY(archive_read_begin(reader, ARCHIVE_MAGIC, "a backup"));
    TRY(txn_commit_and_begin(restore));
    for (;;) {
        char kind;
        str head;
        TRY(archive_read_head(reader, &kind, &head));
        if (kind == 'S') {
            TRY(space_read(restore, head));
            continue;
        }
        TRY(archive_read_end(reader, ARCHIVE_MAGIC, head, &restore->master.key));
        if (!restore->has_instance_row) return archive_distrust(reader);
        int code = mdb_txn_commit(restore->txn);
        restore->txn = nullptr;
        return code == 0 ? ERR_NONE : not_stored(restore, code);
    }
}

static enum err archive_load(struct task *task, str file, const struct master *master, str folder)
{
    struct restore *restore = memory_take(sizeof(*restore));
    enum err err = archive_reader_open(task, file, &restore->reader);
    if (err == ERR_NONE) {
        restore->reader.take = row_store;
        restore->master = *master;
        restore->last_number = -1;
        err = mdb_open_folder(task, folder, 0, &restore->mdb, restore->databases);
        if (err == ERR_NONE) {
            err = spaces_read(restore);
            if (restore->txn != nullptr) mdb_txn_abort(restore->txn);
            mdb_env_close(restore->mdb);
        }
        archive_reader_close(&restore->reader);
    }
    bytes_wipe(restore, sizeof(*restore));
    memory_give(restore);
    return err;
}

/** Removes what a restore puts into its folder, and the folder. */
static void folder_remove(struct task *task, str folder)
{
    static const char *const NAMES[] = {"data.mdb", "lock.mdb", "master.key", "master.key.part",
                                        "owner.lock"};
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
        unlink(path_join(task, folder, NAMES[i]));
    rmdir(arena_cstring(task->arena, folder));
}

static enum err folder_must_be_free(struct task *task, const char *folder)
{
    DIR *opened = opendir(folder);
    if (opened == nullptr && errno == ENOENT) return ERR_NONE;
    if (opened == nullptr) return fail(task, ERR_CONFLICT, "%s: %s", folder, strerror(errno));
    bool is_free = true;
    for (struct dirent *entry; is_free && (entry = readdir(opened)) != nullptr;)
        is_free = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    closedir(opened);
    if (is_free) return ERR_NONE;
    return fail(task, ERR_CONFLICT, "%s is not empty.", folder);
}

/** Fills the folder beside the final one, which only we own meanwhile, and gives it its name. */
static enum err restore_into(struct task *task, str file, const struct master *master, str part,
                             str folder)
{
    char *part_name = arena_cstring(task->arena, part);
    char *name = arena_cstring(task->arena, folder);
    int owner_lock;
    if (mkdir(part_name, 0700) != 0 && errno != EEXIST)
        return fail(task, ERR_SYSTEM, "%s: %s", part_name, strerror(errno));
    TRY(owner_lock_take(task, part, 0, &owner_lock));
    /* What a killed restore may have left; the lock file stays, for it is ours now. */
    unlink(path_join(task, part, "data.mdb"));
    unlink(path_join(task, part, "lock.mdb"));
    unlink(path_join(task, part, "master.key"));
    enum err err = archive_load(task, file, master, part);
    if (err == ERR_NONE)
        err = master_write(task, str_of(path_join(task, part, "master.key")), master);
    if (err == ERR_NONE) err = folder_sync(task, part);
    if (err == ERR_NONE && rename(part_name, name) != 0)
        err = fail(task, errno == ENOTEMPTY || errno == EEXIST ? ERR_CONFLICT : ERR_SYSTEM,
                   "%s: %s", name, strerror(errno));
    if (err != ERR_NONE) folder_remove(task, part);
    close(owner_lock);
    return err == ERR_NONE ? folder_sync(task, folder_of(folder)) : err;
}

enum err store_restore(struct task *task, str file, str key_file,
                       const struct passphrase_source *passphrase, str folder)
{
    while (folder.len > 1 && str_ends(folder, S("/"))) folder.len--;
    struct master master;
    if (key_file.len == 0) key_file = arena_print(task->arena, "%.*s.key", FMT(file));
    TRY(folder_must_be_free(task, arena_cstring(task->arena, folder)));
    enum err err = master_read(task, key_file, passphrase, &master);
    if (err == ERR_MISSING)
        return fail(task, err, "%.*s, the key of the backup, is not there.", FMT(key_file));
    TRY(err);
    str part = arena_print(task->arena, "%.*s.restoring", FMT(folder));
    err = restore_into(task, file, &master, part, folder);
    bytes_wipe(&master, sizeof(master));
    return err;
}
