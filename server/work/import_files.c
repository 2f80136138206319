#include "work/import_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

constexpr size_t COPY_BYTES = 64 * 1024;

static int file_without_name(struct arena *arena)
{
    const char *folder = getenv("TMPDIR");
    if (folder == nullptr || *folder == 0) folder = "/tmp";
    int file = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (file >= 0) return file;
    char *path = arena_cstring(arena, arena_print(arena, "%s/atrium-XXXXXX", folder));
    file = mkostemp(path, O_CLOEXEC);
    if (file >= 0) (void)unlink(path);
    return file;
}

enum err import_files_open(struct task *task, str table, struct console *console)
{
    char *path = arena_cstring(task->arena, table);
    struct stat stat;
    console->file = open(path, O_RDONLY | O_CLOEXEC);
    if (console->file < 0) return fail(task, ERR_SYSTEM, "%s: %s", path, strerror(errno));
    bool is_table = fstat(console->file, &stat) == 0 && !S_ISDIR(stat.st_mode);
    if (is_table) console->rows = file_without_name(task->arena);
    if (is_table && console->rows >= 0) return ERR_NONE;
    (void)close(console->file);
    console->file = -1;
    if (!is_table) return fail(task, ERR_SYSTEM, "%s: is no file", path);
    return fail(task, ERR_SYSTEM, "no temporary file for failed rows: %s", strerror(errno));
}

static bool copy(int from, int to)
{
    char room[COPY_BYTES];
    if (lseek(from, 0, SEEK_SET) != 0) return false;
    for (;;) {
        ssize_t len = read(from, room, sizeof room);
        if (len < 0 && errno == EINTR) continue;
        if (len <= 0) return len == 0;
        for (ssize_t done = 0; done < len;) {
            ssize_t written = write(to, room + done, (size_t)(len - done));
            if (written < 0 && errno == EINTR) continue;
            if (written <= 0) return false;
            done += written;
        }
    }
}

static bool keep(struct task *task, int rows, str name)
{
    constexpr int flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC;
    int file = open(arena_cstring(task->arena, name), flags, 0600);
    if (file < 0) return false;
    bool is_kept = copy(rows, file);
    if (close(file) != 0) is_kept = false;
    return is_kept;
}

static str file_name_of(str path)
{
    size_t from = path.len;
    while (from > 0 && path.at[from - 1] != '/') from--;
    return str_from(path, from);
}

int import_files_close(struct task *task, str table, struct console *console, int status)
{
    struct stat stat;
    if (fstat(console->rows, &stat) == 0 && stat.st_size > 0) {
        str beside = arena_print(task->arena, "%.*s.failed.csv", FMT(table));
        str here = file_name_of(beside);
        if (keep(task, console->rows, beside))
            status = console_complain(console, "the failed rows are in %.*s", FMT(beside));
        else if (keep(task, console->rows, here))
            status = console_complain(console, "the failed rows are in %.*s", FMT(here));
        else
            status = console_complain(console, "the failed rows cannot be kept in %.*s: %s",
                                      FMT(beside), strerror(errno));
    }
    (void)close(console->rows);
    (void)close(console->file);
    console->rows = -1;
    console->file = -1;
    return status;
}
