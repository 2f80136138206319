#include "store/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/require.h"
#include "store/files.h"

static bool piece_write(struct archive_writer *writer, str piece)
{
    writer->running = archive_hash(&writer->running, piece);
    return file_write(writer->file, piece);
}

static bool chunk_write(struct archive_writer *writer, bool is_last)
{
    size_t sealed_len = writer->plain_len + STREAM_EXTRA_BYTES;
    bytes_put_uint32(writer->sealed, (uint32_t)sealed_len);
    seal_stream_push(&writer->stream, (str){writer->plain, writer->plain_len}, is_last,
                     writer->sealed + 4);
    writer->plain_len = 0;
    return piece_write(writer, (str){writer->sealed, 4 + sealed_len});
}

bool archive_value(struct archive_writer *writer, str encoded)
{
    while (encoded.len > 0) {
        str part = str_first(encoded, ARCHIVE_CHUNK_BYTES - writer->plain_len);
        memcpy(writer->plain + writer->plain_len, part.at, part.len);
        writer->plain_len += part.len;
        encoded = str_from(encoded, part.len);
        if (writer->plain_len == ARCHIVE_CHUNK_BYTES && !chunk_write(writer, false)) return false;
    }
    return true;
}

/** 'S' or 'E', a length, and the bytes. */
static bool head_write(struct archive_writer *writer, char kind, str bytes)
{
    char head[5] = {kind};
    require(bytes.len <= ARCHIVE_HEAD_BYTES_MAX);
    bytes_put_uint32(head + 1, (uint32_t)bytes.len);
    return piece_write(writer, (str){head, 5}) && piece_write(writer, bytes);
}

bool archive_space_begin(struct archive_writer *writer, uint32_t number, str wrapped,
                         const struct secret_key *stream_key)
{
    struct buf head = buf_make(&writer->arena, ARCHIVE_HEAD_BYTES_MAX);
    pack_list(&head, 2);
    pack_int(&head, number);
    if (wrapped.len > 0) pack_bytes(&head, wrapped);
    else pack_nil(&head);
    uint8_t stream_head[STREAM_HEADER_BYTES];
    seal_stream_start(&writer->stream, stream_key, stream_head);
    writer->space_count++;
    bool is_written = head_write(writer, 'S', buf_str(&head)) &&
                      piece_write(writer, (str){(char *)stream_head, STREAM_HEADER_BYTES});
    arena_clear(&writer->arena);
    return is_written;
}

bool archive_row(struct archive_writer *writer, enum database database, str key, str value)
{
    struct buf row = buf_make(&writer->arena, ROW_BYTES_MAX + KIB);
    pack_list(&row, 3);
    pack_int(&row, database);
    pack_bytes(&row, key);
    pack_bytes(&row, value);
    bool is_written = !buf_is_over(&row) && archive_value(writer, buf_str(&row));
    arena_clear(&writer->arena);
    writer->row_count++;
    return is_written;
}

bool archive_space_end(struct archive_writer *writer)
{
    return chunk_write(writer, true);
}

bool archive_end(struct archive_writer *writer, const char *magic,
                 const struct secret_key *file_key)
{
    struct buf plain = buf_make(&writer->arena, ARCHIVE_HEAD_BYTES_MAX);
    pack_list(&plain, 3);
    pack_int(&plain, (int64_t)writer->space_count);
    pack_int(&plain, (int64_t)writer->row_count);
    pack_bytes(&plain, (str){(const char *)writer->running.bytes, HASH_BYTES});
    struct secret_key key = archive_end_key(file_key);
    str sealed = seal(&writer->arena, &key, buf_str(&plain), (str){magic, ARCHIVE_MAGIC_BYTES});
    bytes_wipe(&key, sizeof(key));
    return head_write(writer, 'E', sealed) && fsync(writer->file) == 0;
}

enum err archive_unwritten(struct task *task, const struct archive_writer *writer)
{
    return fail(task, errno == ENOSPC ? ERR_FULL : ERR_SYSTEM, "%s cannot be written: %s",
                writer->name, strerror(errno));
}

/** The unfinished file, locked, so that two writers to one name do not mix. */
static enum err part_open(struct task *task, const char *part, int *file_out)
{
    int file = open(part, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) return fail(task, ERR_SYSTEM, "%s: %s", part, strerror(errno));
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    bool is_ours = fcntl(file, F_OFD_SETLK, &lock) == 0;
    if (is_ours && ftruncate(file, 0) == 0) {
        *file_out = file;
        return ERR_NONE;
    }
    int cause = errno;
    close(file);
    if (!is_ours) return fail(task, ERR_CONFLICT, "%s is being written by another command.", part);
    return fail(task, ERR_SYSTEM, "%s: %s", part, strerror(cause));
}

/** A finished file takes the place of an older one, but not that of a device or a folder. */
static enum err place_judge(struct task *task, const char *name)
{
    struct stat about;
    if (lstat(name, &about) != 0 || S_ISREG(about.st_mode)) return ERR_NONE;
    return fail(task, ERR_CONFLICT, "%s is there and is no file.", name);
}

enum err archive_open(struct task *task, str file, const char *magic,
                      struct archive_writer **writer_out)
{
    int opened;
    char *name = arena_cstring(task->arena, file);
    char *part = arena_cstring(task->arena, arena_print(task->arena, "%s.part", name));
    TRY(place_judge(task, name));
    TRY(part_open(task, part, &opened));
    struct archive_writer *writer = memory_take(sizeof(*writer));
    writer->file = opened;
    writer->name = name;
    writer->part = part;
    arena_init(&writer->arena, 4 * ROW_BYTES_MAX);
    char head[ARCHIVE_MAGIC_BYTES + 4];
    memcpy(head, magic, ARCHIVE_MAGIC_BYTES);
    bytes_put_uint32(head + ARCHIVE_MAGIC_BYTES, ARCHIVE_VERSION);
    *writer_out = writer;
    if (piece_write(writer, (str){head, sizeof(head)})) return ERR_NONE;
    return archive_close(task, writer, archive_unwritten(task, writer));
}

enum err archive_close(struct task *task, struct archive_writer *writer, enum err err)
{
    char *name = writer->name, *part = writer->part;
    int file = writer->file;
    arena_drop(&writer->arena);
    bytes_wipe(writer, sizeof(*writer));
    memory_give(writer);
    if (err == ERR_NONE && rename(part, name) != 0)
        err = fail(task, ERR_SYSTEM, "%s: %s", name, strerror(errno));
    if (err != ERR_NONE) unlink(part);
    close(file);
    return err == ERR_NONE ? folder_sync(task, folder_of(str_of(name))) : err;
}
