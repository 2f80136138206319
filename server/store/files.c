#include "store/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

char *path_join(struct task *task, str folder, const char *name)
{
    str path = arena_print(task->arena, "%.*s/%s", FMT(folder), name);
    return arena_cstring(task->arena, path);
}

enum err folder_sync(struct task *task, str folder)
{
    char *path = arena_cstring(task->arena, folder);
    int file = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0) return fail(task, ERR_SYSTEM, "%s: %s", path, strerror(errno));
    /* Some file systems cannot sync a folder and say EINVAL; there is nothing more to be done
     * then. */
    bool is_synced = fsync(file) == 0 || errno == EINVAL;
    int cause = errno;
    close(file);
    if (!is_synced) return fail(task, ERR_SYSTEM, "%s: %s", path, strerror(cause));
    return ERR_NONE;
}

str folder_of(str path)
{
    size_t len = path.len;
    while (len > 0 && path.at[len - 1] != '/') len--;
    while (len > 1 && path.at[len - 1] == '/') len--;
    return len == 0 ? S(".") : str_first(path, len);
}

bool file_write(int file, str bytes)
{
    while (bytes.len > 0) {
        ssize_t written = write(file, bytes.at, bytes.len);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        bytes = str_from(bytes, (size_t)written);
    }
    return true;
}

bool file_read(int file, char *out, size_t len)
{
    while (len > 0) {
        ssize_t got = read(file, out, len);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        out += got;
        len -= (size_t)got;
    }
    return true;
}

enum err file_make(struct task *task, str path, str bytes)
{
    char *name = arena_cstring(task->arena, path);
    char *part = arena_cstring(task->arena, arena_print(task->arena, "%s.part", name));
    if (access(name, F_OK) == 0) return fail(task, ERR_CONFLICT, "%s exists.", name);
    /* A rest of an earlier start that was killed here. */
    unlink(part);
    int file = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0) return fail(task, ERR_SYSTEM, "%s: %s", part, strerror(errno));
    bool is_made = file_write(file, bytes) && fsync(file) == 0;
    int cause = errno;
    close(file);
    if (is_made && rename(part, name) == 0) return folder_sync(task, folder_of(path));
    if (is_made) cause = errno;
    unlink(part);
    return fail(task, cause == ENOSPC ? ERR_FULL : ERR_SYSTEM, "%s: %s", name, strerror(cause));
}

enum err file_replace(struct task *task, str path, str bytes)
{
    char *name = arena_cstring(task->arena, path);
    /* A name of its own, for two may write at once. */
    str unique = id_text(task->arena, id_make());
    str folder = folder_of(path);
    char *part = arena_cstring(task->arena,
                               arena_print(task->arena, "%.*s/.%.*s", FMT(folder), FMT(unique)));
    int file = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0)
        return fail(task, errno == ENOSPC ? ERR_FULL : ERR_SYSTEM, "%s: %s", part, strerror(errno));
    bool is_made = file_write(file, bytes) && fsync(file) == 0;
    int cause = errno;
    close(file);
    if (is_made && rename(part, name) == 0) return folder_sync(task, folder);
    if (is_made) cause = errno;
    unlink(part);
    return fail(task, cause == ENOSPC ? ERR_FULL : ERR_SYSTEM, "%s: %s", name, strerror(cause));
}
