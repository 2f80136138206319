#include "store/environment.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/require.h"
#include "store/files.h"

constexpr uint64_t MAP_BYTES_DEFAULT = (uint64_t)1 << 40;
constexpr uint64_t MAP_BYTES_MIN = (uint64_t)1 << 30; /** the last that is tried */
constexpr int64_t LOCK_LOOK_NS = 20'000'000;

static const char *const DATABASE_NAMES[DATABASE_COUNT] = {"records", "index",  "text",
                                                           "changes", "outbox", "system"};

enum err mdb_err(int code)
{
    switch (code) {
    case 0:
        return ERR_NONE;
    case MDB_NOTFOUND:
        return ERR_MISSING;
    case MDB_MAP_FULL:
    case MDB_TXN_FULL:
    case MDB_READERS_FULL:
    case ENOSPC:
    case EDQUOT:
    case ENOMEM:
        return ERR_FULL;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_BAD_VALSIZE:
        return ERR_CORRUPT;
    default:
        return ERR_SYSTEM;
    }
}

/** Opened once, before any other transaction, so that none of them ever opens one. */
int mdb_databases_open(MDB_env *mdb, unsigned flags, MDB_dbi databases_out[DATABASE_COUNT])
{
    MDB_txn *txn;
    int code = mdb_txn_begin(mdb, nullptr, flags, &txn);
    if (code != 0) return code;
    unsigned make = (flags & MDB_RDONLY) != 0 ? 0 : MDB_CREATE;
    for (uint32_t i = 0; i < DATABASE_COUNT && code == 0; i++)
        code = mdb_dbi_open(txn, DATABASE_NAMES[i], make, &databases_out[i]);
    if (code == 0) return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return code;
}

/** MDB_NOTLS and nothing else: no WRITEMAP (a full disk would be SIGBUS), no NOSYNC (what is
 *  answered is durable), no NORDAHEAD (the map is usually smaller than memory). */
static int folder_open(const char *folder, uint64_t map_bytes, MDB_env **mdb_out)
{
    MDB_env *mdb;
    int code = mdb_env_create(&mdb);
    if (code != 0) return code;
    code = mdb_env_set_maxdbs(mdb, DATABASE_COUNT);
    if (code == 0) code = mdb_env_set_maxreaders(mdb, READERS_MAX);
    if (code == 0) code = mdb_env_set_mapsize(mdb, map_bytes);
    if (code == 0) code = mdb_env_open(mdb, folder, MDB_NOTLS, 0600);
    if (code == 0) *mdb_out = mdb;
    else mdb_env_close(mdb);
    return code;
}

enum err mdb_open_folder(struct task *task, str folder, uint64_t map_bytes, MDB_env **mdb_out,
                         MDB_dbi databases_out[DATABASE_COUNT])
{
    static_assert(MDB_VERSION_FULL >= MDB_VERINT(0, 9, 24));
    char *path = arena_cstring(task->arena, folder);
    uint64_t bytes = map_bytes != 0 ? map_bytes : MAP_BYTES_DEFAULT;
    int code = folder_open(path, bytes, mdb_out);
    while (code == ENOMEM && map_bytes == 0 && bytes > MAP_BYTES_MIN) {
        bytes /= 2;
        code = folder_open(path, bytes, mdb_out);
    }
    if (code != 0) return fail(task, mdb_err(code), "%s/data.mdb: %s", path, mdb_strerror(code));
    require(mdb_env_get_maxkeysize(*mdb_out) == KEY_BYTES_MAX);
    code = mdb_databases_open(*mdb_out, 0, databases_out);
    if (code == 0) return ERR_NONE;
    mdb_env_close(*mdb_out);
    *mdb_out = nullptr;
    return fail(task, mdb_err(code), "%s/data.mdb: %s", path, mdb_strerror(code));
}

static struct flock lock_all(void)
{
    return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
}

enum err owner_lock_take(struct task *task, str folder, int64_t wait_ms, int *file_out)
{
    char *path = path_join(task, folder, "owner.lock");
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) return fail(task, ERR_SYSTEM, "%s: %s", path, strerror(errno));
    int64_t end_ns = clock_monotonic_ns() + wait_ms * 1'000'000;
    for (;;) {
        /* Bound to the open file, not to the process: a second owner inside this process is refused
         * too. */
        struct flock lock = lock_all();
        if (fcntl(file, F_OFD_SETLK, &lock) == 0) {
            *file_out = file;
            return ERR_NONE;
        }
        int cause = errno;
        bool is_owned = cause == EAGAIN || cause == EACCES;
        if (!is_owned || clock_monotonic_ns() >= end_ns) {
            close(file);
            if (!is_owned) return fail(task, ERR_SYSTEM, "%s: %s", path, strerror(cause));
            return fail(task, ERR_CONFLICT, "Another process owns %.*s.", FMT(folder));
        }
        nanosleep(&(struct timespec){.tv_nsec = LOCK_LOOK_NS}, nullptr);
    }
}

bool store_is_owned(str folder)
{
    struct arena arena;
    arena_init(&arena, 64 * KIB);
    str path = arena_print(&arena, "%.*s/owner.lock", FMT(folder));
    int file = open(arena_cstring(&arena, path), O_RDONLY | O_CLOEXEC);
    arena_drop(&arena);
    if (file < 0) return false;
    struct flock lock = lock_all();
    bool is_owned = fcntl(file, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    close(file);
    return is_owned;
}

enum err thread_start(struct task *task, pthread_t *thread, const char *name, void *(*run)(void *),
                      void *owner)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(thread, nullptr, run, owner);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (code != 0) return fail(task, ERR_SYSTEM, "No thread for the %s: %s", name, strerror(code));
    pthread_setname_np(*thread, name);
    return ERR_NONE;
}
