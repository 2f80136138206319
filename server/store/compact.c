#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/require.h"
#include "store/environment.h"
#include "store/files.h"

constexpr int64_t OWNER_WAIT_MS = 2000; /** for one that is ending */

struct compacting {
    struct task *task;
    str folder;
    char *name; /** data.mdb */
    char *part; /** the new one */
    char *lock; /** LMDB's, while the new one is looked at */
    uint64_t rows[DATABASE_COUNT];
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

static enum err copy_write(struct compacting *self)
{
    MDB_env *mdb;
    MDB_dbi databases[DATABASE_COUNT];
    struct task *task = self->task;
    TRY(mdb_open_folder(task, self->folder, 0, &mdb, databases));
    enum err err = rows_count(task, mdb, databases, self->rows);
    int file = open(self->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0 && err == ERR_NONE)
        err = fail(task, ERR_SYSTEM, "%s: %s", self->part, strerror(errno));
    if (err == ERR_NONE) {
        int code = mdb_env_copyfd2(mdb, file, MDB_CP_COMPACT);
        if (code == 0 && fsync(file) != 0) code = errno;
        if (code != 0) err = fail(task, mdb_err(code), "%s: %s", self->part, mdb_strerror(code));
    }
    if (file >= 0) close(file);
    mdb_env_close(mdb);
    return err;
}

/** A folder of its own would be wanted by mdb_open_folder; here the file alone is opened. */
static enum err copy_prove(struct compacting *self)
{
    MDB_env *mdb;
    MDB_dbi databases[DATABASE_COUNT];
    uint64_t rows[DATABASE_COUNT];
    struct task *task = self->task;
    int code = mdb_env_create(&mdb);
    if (code != 0) return fail(task, mdb_err(code), "%s: %s", self->part, mdb_strerror(code));
    code = mdb_env_set_maxdbs(mdb, DATABASE_COUNT);
    if (code == 0) code = mdb_env_open(mdb, self->part, MDB_NOSUBDIR | MDB_RDONLY, 0600);
    if (code == 0) code = mdb_databases_open(mdb, MDB_RDONLY, databases);
    enum err err = code == 0 ? rows_count(task, mdb, databases, rows)
                             : fail(task, mdb_err(code), "%s: %s", self->part, mdb_strerror(code));
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
