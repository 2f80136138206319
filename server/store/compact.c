#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/require.h"
#include "store/environment.h"
#include "store/files.h"

constexpr int64_t OWNER_WAIT_MS = 2000;        /** for one that is ending */
constexpr size_t COMMIT_ROWS_BYTES = 64 * MIB; /** between two commits of the new file */

struct compacting {
    struct task *task;
    str folder;
    char *name; /** data.mdb */
    char *part; /** the new one */
    char *lock; /** LMDB's, while the new one is looked at */
    uint64_t rows[DATABASE_COUNT];
    size_t map_bytes;
};

static enum err rows_count(struct task *task, MDB_env *mdb, const MDB_dbi *databases,
                           uint64_t rows_out[DATABASE_COUNT])
{
    MDB_txn *txn;
    int code = mdb_txn_begin(mdb, nullptr, MDB_RDONLY, &txn);
    if (code != 0) return fail(task, mdb_err(code), "data.mdb: %s", mdb_strerror(code));
    for (uint32_t at = 0; at < DATABASE_COUNT && code == 0; at++) {
        MDB_stat stat;
        code = mdb_stat(txn, databases[at], &stat);
        if (code == 0) rows_out[at] = stat.ms_entries;
    }
    mdb_txn_abort(txn);
    return code == 0 ? ERR_NONE : fail(task, mdb_err(code), "data.mdb: %s", mdb_strerror(code));
}

static enum err not_done(struct compacting *self, int code)
{
    return fail(self->task, mdb_err(code), "%s: %s", self->part, mdb_strerror(code));
}

/** An environment of one file; a folder of its own is what mdb_open_folder wants. */
static enum err part_open(struct compacting *self, unsigned flags, MDB_env **mdb_out,
                          MDB_dbi databases_out[DATABASE_COUNT])
{
    MDB_env *mdb;
    size_t map_bytes = self->map_bytes;
    int code = mdb_env_create(&mdb);
    if (code != 0) return not_done(self, code);
    code = mdb_env_set_maxdbs(mdb, DATABASE_COUNT);
    if (code == 0) code = mdb_env_set_mapsize(mdb, map_bytes);
    if (code == 0) code = mdb_env_open(mdb, self->part, MDB_NOSUBDIR | flags, 0600);
    if (code == 0) code = mdb_databases_open(mdb, flags & MDB_RDONLY, databases_out);
    if (code == 0) *mdb_out = mdb;
    else mdb_env_close(mdb);
    return code == 0 ? ERR_NONE : not_done(self, code);
}

/** Where the rows go: each behind the one before, so that every page is full. */
struct filling {
    MDB_env *mdb;
    MDB_txn *txn;
    size_t bytes; /** since the last commit */
};

static int commit_and_begin(struct filling *filling)
{
    int code = filling->txn == nullptr ? 0 : mdb_txn_commit(filling->txn);
    filling->txn = nullptr;
    filling->bytes = 0;
    return code == 0 ? mdb_txn_begin(filling->mdb, nullptr, 0, &filling->txn) : code;
}

static int row_fill(struct filling *filling, MDB_dbi database, MDB_val *key, MDB_val *value)
{
    filling->bytes += key->mv_size + value->mv_size;
    int code = filling->bytes < COMMIT_ROWS_BYTES ? 0 : commit_and_begin(filling);
    return code == 0 ? mdb_put(filling->txn, database, key, value, MDB_APPEND) : code;
}

static int database_fill(struct filling *filling, MDB_txn *from, MDB_dbi source, MDB_dbi target)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    int code = mdb_cursor_open(from, source, &cursor);
    if (code != 0) return code;
    code = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    while (code == 0) {
        code = row_fill(filling, target, &key, &value);
        if (code == 0) code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    return code == MDB_NOTFOUND ? 0 : code;
}

static int rows_fill(MDB_env *from, const MDB_dbi *sources, MDB_env *to, const MDB_dbi *targets)
{
    MDB_txn *reading;
    struct filling filling = {.mdb = to};
    int code = mdb_txn_begin(from, nullptr, MDB_RDONLY, &reading);
    if (code != 0) return code;
    code = commit_and_begin(&filling);
    for (uint32_t at = 0; at < DATABASE_COUNT && code == 0; at++)
        code = database_fill(&filling, reading, sources[at], targets[at]);
    mdb_txn_abort(reading);
    if (filling.txn == nullptr) return code;
    if (code == 0) return mdb_txn_commit(filling.txn);
    mdb_txn_abort(filling.txn);
    return code;
}

static enum err copy_write(struct compacting *self)
{
    MDB_env *from, *to;
    MDB_dbi sources[DATABASE_COUNT], targets[DATABASE_COUNT];
    MDB_envinfo about;
    TRY(mdb_open_folder(self->task, self->folder, 0, &from, sources));
    int code = mdb_env_info(from, &about);
    self->map_bytes = about.me_mapsize;
    enum err err =
        code == 0 ? rows_count(self->task, from, sources, self->rows) : not_done(self, code);
    if (err == ERR_NONE) err = part_open(self, MDB_NOSYNC, &to, targets);
    if (err == ERR_NONE) {
        code = rows_fill(from, sources, to, targets);
        if (code == 0) code = mdb_env_sync(to, 1);
        if (code != 0) err = not_done(self, code);
        mdb_env_close(to);
    }
    mdb_env_close(from);
    return err;
}

static enum err copy_prove(struct compacting *self)
{
    MDB_env *mdb;
    MDB_dbi databases[DATABASE_COUNT];
    uint64_t rows[DATABASE_COUNT];
    struct task *task = self->task;
    TRY(part_open(self, MDB_RDONLY, &mdb, databases));
    enum err err = rows_count(task, mdb, databases, rows);
    mdb_env_close(mdb);
    for (uint32_t at = 0; at < DATABASE_COUNT && err == ERR_NONE; at++)
        if (rows[at] != self->rows[at])
            err =
                fail(task, ERR_CORRUPT, "%s has %llu rows where %llu should be; nothing changed",
                     self->part, (unsigned long long)rows[at], (unsigned long long)self->rows[at]);
    return err;
}

static enum err compact_owned(struct compacting *self, uint64_t *before_out, uint64_t *after_out)
{
    struct stat before, after;
    struct task *task = self->task;
    if (stat(self->name, &before) != 0)
        return fail(task, errno == ENOENT ? ERR_MISSING : ERR_SYSTEM, "%s: %s", self->name,
                    strerror(errno));
    /* What a killed one may have left. */
    unlink(self->part);
    unlink(self->lock);
    enum err err = copy_write(self);
    if (err == ERR_NONE) err = copy_prove(self);
    unlink(self->lock);
    if (err == ERR_NONE && (stat(self->part, &after) != 0 || rename(self->part, self->name) != 0))
        err = fail(task, ERR_SYSTEM, "%s: %s", self->name, strerror(errno));
    if (err != ERR_NONE) {
        unlink(self->part);
        return err;
    }
    *before_out = (uint64_t)before.st_size;
    *after_out = (uint64_t)after.st_size;
    return folder_sync(task, self->folder);
}

enum err store_compact(struct task *task, str folder, uint64_t *bytes_before_out,
                       uint64_t *bytes_after_out)
{
    int owner_lock;
    struct compacting self = {
        .task = task,
        .folder = folder,
        .name = path_join(task, folder, "data.mdb"),
        .part = path_join(task, folder, "data.mdb.compact"),
        .lock = path_join(task, folder, "data.mdb.compact-lock"),
    };
    TRY(owner_lock_take(task, folder, OWNER_WAIT_MS, &owner_lock));
    enum err err = compact_owned(&self, bytes_before_out, bytes_after_out);
    close(owner_lock);
    return err;
}
