/** preload: faults of the disk and of memory, and what a power cut would leave; for LD_PRELOAD.
 *
 *  Built as a shared library, used by tests only; rests on nothing of the server.
 *
 *  ATRIUM_FAULT=pwrite:N:EIO|ENOSPC[:all]
 *      The N-th write to a file named data.mdb fails, or all from the N-th on.
 *  ATRIUM_FAULT=fdatasync:N:EIO|ENOSPC[:all]
 *      The same for its syncs.
 *      N = 0: those fail that happen while the switch of the count file is on.
 *  ATRIUM_FAULT=malloc:N[:LIBRARY]
 *      The N-th allocation by the program itself, or by a library whose path has this word in it
 *      (lmdb), gives NULL.
 *  ATRIUM_COUNT_FILE=PATH
 *      Running counts, see `struct counts`; readable while the process runs and after.
 *  ATRIUM_SHADOW=FOLDER
 *      FOLDER/data.mdb is the first data.mdb opened as it stood on the disk: changed only by syncs
 *      that succeeded, and by writes through a file opened O_DSYNC (LMDB's meta pages). After
 *      SIGKILL it is what a power cut would have left.
 *
 *  Source  mdb.c of LMDB 0.9.24: data pages go by pwrite, or lseek and writev, to one file, then
 *          fdatasync, then the meta page by pwrite to a second one with O_DSYNC; a new file's first
 *          pages go to the first one.
 *  Thread  any; one lock for all of it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

/** Native 64-bit numbers, in this order. */
struct counts {
    _Atomic uint64_t syncs;          /** of data.mdb that succeeded */
    _Atomic uint64_t writes;         /** to data.mdb that succeeded */
    _Atomic uint64_t durable_writes; /** of them through O_DSYNC */
    _Atomic uint64_t sync_calls;     /** also those that were made to fail */
    _Atomic uint64_t write_calls;
    _Atomic uint64_t allocations;    /** by the program, or by the library asked for */
    _Atomic uint64_t faults;         /** made so far */
    _Atomic uint64_t is_switched_on; /** written by the test, with N = 0 */
};

enum fault_kind { FAULT_NONE, FAULT_WRITE, FAULT_SYNC, FAULT_ALLOCATION };

constexpr int FILES_MAX = 4096;
constexpr size_t UNSYNCED_BYTES_MAX = (size_t)1 << 30;

struct unsynced_write {
    uint64_t offset;
    uint64_t len;
    char bytes[];
};

static struct counts own_counts;
static struct counts *counts = &own_counts;
static enum fault_kind fault_kind;
static uint64_t fault_at;
static int fault_errno = EIO;
static bool fault_stays;
static bool fault_is_switched;
static uintptr_t caller_from, caller_end; /** code whose allocations count */
static char caller_word[64];

/** Which descriptors are a data.mdb, and how they were opened. */
static _Atomic uint8_t file_is_data[FILES_MAX];
static _Atomic uint8_t file_is_durable[FILES_MAX];
static _Atomic uint8_t file_is_shadowed[FILES_MAX];

/** `lock` guards the shadow: its file, the writes not yet synced, the path it follows. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int shadow_file = -1;
static char shadow_folder[512];
static char shadow_of[4096];
static char *unsynced;
static size_t unsynced_bytes;

static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_pwritev)(int, const struct iovec *, int, off_t);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static int (*real_fdatasync)(int);
static int (*real_fsync)(int);
static int (*real_open)(const char *, int, ...);
static int (*real_close)(int);
static _Atomic bool is_ready;

/* Start. */

static void counts_open(const char *path)
{
    int file = real_open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, sizeof(struct counts)) != 0) return;
    void *map = mmap(nullptr, sizeof(struct counts), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (map != MAP_FAILED) counts = map;
    real_close(file);
}

/** The code of the program itself (no name), or of the library asked for. */
static int caller_find(struct dl_phdr_info *library, size_t, void *)
{
    bool is_wanted = caller_word[0] == 0 ? library->dlpi_name[0] == 0
                                         : strstr(library->dlpi_name, caller_word) != nullptr;
    if (!is_wanted) return 0;
    for (int i = 0; i < library->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &library->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || (part->p_flags & PF_X) == 0) continue;
        caller_from = library->dlpi_addr + part->p_vaddr;
        caller_end = caller_from + part->p_memsz;
        return 1;
    }
    return 0;
}

static void fault_read(const char *text)
{
    char kind[32] = "", word[64] = "", all[8] = "";
    unsigned long long nth = 0;
    if (sscanf(text, "%31[a-z]:%llu:%63[^:]:%7s", kind, &nth, word, all) < 2) return;
    fault_at = nth;
    fault_is_switched = nth == 0;
    fault_stays = strcmp(all, "all") == 0;
    fault_errno = strcmp(word, "ENOSPC") == 0 ? ENOSPC : EIO;
    if (strcmp(kind, "pwrite") == 0) fault_kind = FAULT_WRITE;
    if (strcmp(kind, "fdatasync") == 0) fault_kind = FAULT_SYNC;
    if (strcmp(kind, "malloc") != 0) return;
    memcpy(caller_word, word, sizeof(word));
    dl_iterate_phdr(caller_find, nullptr);
    fault_kind = FAULT_ALLOCATION;
}

[[gnu::constructor]] static void start(void)
{
    real_pwrite = (ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");
    real_pwritev = (ssize_t(*)(int, const struct iovec *, int, off_t))dlsym(RTLD_NEXT, "pwritev");
    real_write = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    real_writev = (ssize_t(*)(int, const struct iovec *, int))dlsym(RTLD_NEXT, "writev");
    real_fdatasync = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    real_fsync = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    real_open = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
    real_close = (int (*)(int))dlsym(RTLD_NEXT, "close");
    const char *count_file = getenv("ATRIUM_COUNT_FILE");
    const char *shadow = getenv("ATRIUM_SHADOW");
    const char *fault = getenv("ATRIUM_FAULT");
    if (count_file != nullptr) counts_open(count_file);
    if (shadow != nullptr) snprintf(shadow_folder, sizeof(shadow_folder), "%s", shadow);
    if (fault != nullptr) fault_read(fault);
    atomic_store(&is_ready, true);
}

/** Before the constructor ran (another library's may run first). */
static void need_ready(void)
{
    if (!atomic_load(&is_ready)) start();
}

/** Counts one call and says whether it is to fail. N counts the calls of this process, but a fault
 *  that comes once comes once for all processes of one count file: one that starts anew after it is
 *  left alone. */
static bool must_fail(enum fault_kind kind, _Atomic uint64_t *calls)
{
    static _Atomic uint64_t calls_here;
    atomic_fetch_add(calls, 1);
    if (kind != fault_kind) return false;
    bool is_lasting = fault_stays || fault_is_switched;
    if (!is_lasting && atomic_load(&counts->faults) > 0) return false;
    uint64_t number = atomic_fetch_add(&calls_here, 1) + 1;
    bool fails = fault_is_switched ? atomic_load(&counts->is_switched_on) != 0
                 : fault_stays     ? number >= fault_at
                                   : number == fault_at;
    if (fails) atomic_fetch_add(&counts->faults, 1);
    return fails;
}

/* The shadow. */

static void die(const char *what)
{
    fprintf(stderr, "preload: %s: %s\n", what, strerror(errno));
    _exit(99);
}

static void shadow_put(const char *bytes, uint64_t len, uint64_t offset)
{
    while (len > 0) {
        ssize_t put = real_pwrite(shadow_file, bytes, len, (off_t)offset);
        if (put <= 0) die("the shadow cannot be written");
        bytes += put;
        len -= (uint64_t)put;
        offset += (uint64_t)put;
    }
}

/** Under `lock`: what the file holds when it is opened first counts as durable. */
static void shadow_open(const char *path)
{
    char name[1024];
    static char bytes[1 << 16];
    snprintf(name, sizeof(name), "%s/data.mdb", shadow_folder);
    shadow_file = real_open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (shadow_file < 0) die(name);
    unsynced = mmap(nullptr, UNSYNCED_BYTES_MAX, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (unsynced == MAP_FAILED) die("no room for writes");
    snprintf(shadow_of, sizeof(shadow_of), "%s", path);
    int file = real_open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got;
    for (uint64_t at = 0; file >= 0 && (got = read(file, bytes, sizeof(bytes))) > 0;
         at += (uint64_t)got)
        shadow_put(bytes, (uint64_t)got, at);
    if (file >= 0) real_close(file);
}

static void shadow_keep(int file, const char *bytes, size_t len, uint64_t offset)
{
    if (atomic_load(&file_is_durable[file])) {
        shadow_put(bytes, len, offset);
        return;
    }
    size_t room = (sizeof(struct unsynced_write) + len + 7) & ~(size_t)7;
    if (unsynced_bytes + room > UNSYNCED_BYTES_MAX) die("too many writes between two syncs");
    struct unsynced_write *kept = (struct unsynced_write *)(unsynced + unsynced_bytes);
    kept->offset = offset;
    kept->len = len;
    memcpy(kept->bytes, bytes, len);
    unsynced_bytes += room;
}

/** Notes a write of `len` bytes in these parts that succeeded. */
static void write_note(int file, const struct iovec *parts, int count, size_t len, uint64_t offset)
{
    atomic_fetch_add(&counts->writes, 1);
    if (atomic_load(&file_is_durable[file])) atomic_fetch_add(&counts->durable_writes, 1);
    if (!atomic_load(&file_is_shadowed[file])) return;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < count && len > 0; i++) {
        size_t part = parts[i].iov_len < len ? parts[i].iov_len : len;
        shadow_keep(file, parts[i].iov_base, part, offset);
        offset += part;
        len -= part;
    }
    pthread_mutex_unlock(&lock);
}

static void sync_note(int file)
{
    atomic_fetch_add(&counts->syncs, 1);
    if (!atomic_load(&file_is_shadowed[file])) return;
    pthread_mutex_lock(&lock);
    for (size_t at = 0; at < unsynced_bytes;) {
        const struct unsynced_write *kept = (const struct unsynced_write *)(unsynced + at);
        shadow_put(kept->bytes, kept->len, kept->offset);
        at += (sizeof(*kept) + kept->len + 7) & ~(size_t)7;
    }
    unsynced_bytes = 0;
    pthread_mutex_unlock(&lock);
}

/* What stands in for the C library's own. */

static bool is_data(int file)
{
    return file >= 0 && file < FILES_MAX && atomic_load(&file_is_data[file]);
}

static int opened_note(int file, const char *path, int flags)
{
    if (file < 0 || file >= FILES_MAX) return file;
    const char *slash = strrchr(path, '/');
    const char *name = slash == nullptr ? path : slash + 1;
    bool is_ours = strcmp(name, "data.mdb") == 0 && (flags & O_ACCMODE) != O_RDONLY;
    atomic_store(&file_is_data[file], is_ours);
    atomic_store(&file_is_durable[file], (flags & O_DSYNC) != 0);
    if (is_ours && shadow_folder[0] != 0) {
        pthread_mutex_lock(&lock);
        if (shadow_file < 0) shadow_open(path);
        atomic_store(&file_is_shadowed[file], strcmp(path, shadow_of) == 0);
        pthread_mutex_unlock(&lock);
    }
    return file;
}

int open(const char *path, int flags, ...)
{
    need_ready();
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return opened_note(real_open(path, flags, mode), path, flags);
}

int open64(const char *path, int flags, ...)
{
    need_ready();
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return opened_note(real_open(path, flags, mode), path, flags);
}

int close(int file)
{
    need_ready();
    if (file >= 0 && file < FILES_MAX) {
        atomic_store(&file_is_data[file], 0);
        atomic_store(&file_is_shadowed[file], 0);
    }
    return real_close(file);
}

/** A full disk lasts, but LMDB's meta pages have their place: a lasting ENOSPC leaves them
 *  alone. */
static bool write_fails(int file)
{
    bool is_placed = atomic_load(&file_is_durable[file]) != 0;
    if (is_placed && fault_errno == ENOSPC && (fault_stays || fault_is_switched)) {
        atomic_fetch_add(&counts->write_calls, 1);
        return false;
    }
    return must_fail(FAULT_WRITE, &counts->write_calls);
}

ssize_t pwrite(int file, const void *bytes, size_t len, off_t offset)
{
    need_ready();
    if (!is_data(file)) return real_pwrite(file, bytes, len, offset);
    if (write_fails(file)) {
        errno = fault_errno;
        return -1;
    }
    ssize_t put = real_pwrite(file, bytes, len, offset);
    const struct iovec part = {(void *)bytes, len};
    if (put > 0) write_note(file, &part, 1, (size_t)put, (uint64_t)offset);
    return put;
}

ssize_t pwrite64(int file, const void *bytes, size_t len, off_t offset)
{
    return pwrite(file, bytes, len, offset);
}

ssize_t pwritev(int file, const struct iovec *parts, int count, off_t offset)
{
    need_ready();
    if (!is_data(file)) return real_pwritev(file, parts, count, offset);
    if (write_fails(file)) {
        errno = fault_errno;
        return -1;
    }
    ssize_t put = real_pwritev(file, parts, count, offset);
    if (put > 0) write_note(file, parts, count, (size_t)put, (uint64_t)offset);
    return put;
}

ssize_t writev(int file, const struct iovec *parts, int count)
{
    need_ready();
    if (!is_data(file)) return real_writev(file, parts, count);
    if (write_fails(file)) {
        errno = fault_errno;
        return -1;
    }
    off_t offset = lseek(file, 0, SEEK_CUR);
    ssize_t put = real_writev(file, parts, count);
    if (put > 0) write_note(file, parts, count, (size_t)put, (uint64_t)offset);
    return put;
}

ssize_t write(int file, const void *bytes, size_t len)
{
    need_ready();
    const struct iovec part = {(void *)bytes, len};
    return is_data(file) ? writev(file, &part, 1) : real_write(file, bytes, len);
}

int fdatasync(int file)
{
    need_ready();
    if (!is_data(file)) return real_fdatasync(file);
    if (must_fail(FAULT_SYNC, &counts->sync_calls)) {
        errno = fault_errno;
        return -1;
    }
    int result = real_fdatasync(file);
    if (result == 0) sync_note(file);
    return result;
}

int fsync(int file)
{
    need_ready();
    return is_data(file) ? fdatasync(file) : real_fsync(file);
}

/* Memory. */

extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t count, size_t bytes);
extern void *__libc_realloc(void *memory, size_t bytes);

static bool allocation_fails(const void *caller)
{
    uintptr_t from = (uintptr_t)caller;
    if (fault_kind != FAULT_ALLOCATION || from < caller_from || from >= caller_end) return false;
    if (!must_fail(FAULT_ALLOCATION, &counts->allocations)) return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t bytes)
{
    return allocation_fails(__builtin_return_address(0)) ? nullptr : __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
    return allocation_fails(__builtin_return_address(0)) ? nullptr : __libc_calloc(count, bytes);
}

void *realloc(void *memory, size_t bytes)
{
    return allocation_fails(__builtin_return_address(0)) ? nullptr : __libc_realloc(memory, bytes);
}
