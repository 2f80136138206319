#include "store/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/require.h"
#include "store/files.h"

enum err archive_distrust(struct archive_reader *reader)
{
    return fail(reader->task, ERR_CORRUPT,
                "%.*s cannot be read: it is cut short, altered, or sealed with another key.",
                FMT(reader->name));
}

enum err archive_reader_open(struct task *task, str file, struct archive_reader *reader)
{
    char *name = arena_cstring(task->arena, file);
    int opened = open(name, O_RDONLY | O_CLOEXEC);
    if (opened < 0)
        return fail(task, errno == ENOENT ? ERR_MISSING : ERR_SYSTEM, "%s: %s", name,
                    strerror(errno));
    *reader = (struct archive_reader){.task = task, .name = file, .file = opened};
    reader->room = memory_take(ARCHIVE_ROOM_BYTES);
    return ERR_NONE;
}

void archive_reader_close(struct archive_reader *reader)
{
    close(reader->file);
    bytes_wipe(reader->room, reader->room_peak);
    memory_give(reader->room);
    bytes_wipe(reader, sizeof(*reader));
}

static enum err piece_read(struct archive_reader *reader, char *out, size_t len)
{
    if (!file_read(reader->file, out, len)) return archive_distrust(reader);
    reader->running = archive_hash(&reader->running, (str){out, len});
    return ERR_NONE;
}

enum err archive_read_begin(struct archive_reader *reader, const char *magic, const char *what)
{
    char head[ARCHIVE_MAGIC_BYTES + 4];
    TRY(piece_read(reader, head, sizeof(head)));
    if (memcmp(head, magic, ARCHIVE_MAGIC_BYTES) != 0)
        return fail(reader->task, ERR_CORRUPT, "%.*s is not %s.", FMT(reader->name), what);
    uint32_t version = bytes_uint32(head + ARCHIVE_MAGIC_BYTES);
    if (version == ARCHIVE_VERSION) return ERR_NONE;
    return fail(reader->task, ERR_CORRUPT, "%.*s has version %u; only %u can be read.",
                FMT(reader->name), (unsigned)version, (unsigned)ARCHIVE_VERSION);
}

enum err archive_read_head(struct archive_reader *reader, char *kind_out, str *head_out)
{
    char kind[5];
    reader->running_before = reader->running;
    TRY(piece_read(reader, kind, sizeof(kind)));
    uint32_t len = bytes_uint32(kind + 1);
    if (len > sizeof(reader->head) || (kind[0] != 'S' && kind[0] != 'E'))
        return archive_distrust(reader);
    TRY(piece_read(reader, reader->head, len));
    *kind_out = kind[0];
    *head_out = (str){reader->head, len};
    return ERR_NONE;
}

enum err archive_read_space(struct archive_reader *reader, str head, int64_t *number_out,
                            struct value *wrapped_out)
{
    struct value list = value_of(head), number;
    struct cursor items = cursor_of(list.items);
    if (list.kind != VALUE_LIST || list.count != 2 || !value_next(&items, &number) ||
        number.kind != VALUE_INT || number.integer < 0 || number.integer > UINT32_MAX ||
        !value_next(&items, wrapped_out))
        return archive_distrust(reader);
    *number_out = number.integer;
    return ERR_NONE;
}

/** Gives the whole values in the room away and keeps the rest. */
static enum err values_take(struct archive_reader *reader)
{
    struct cursor at = cursor_of((str){reader->room, reader->room_len});
    struct value value;
    for (;;) {
        struct cursor before = at;
        if (at.at == at.end || !value_next(&at, &value)) {
            at = before;
            break;
        }
        TRY(reader->take(reader, &value));
    }
    reader->room_len = cursor_left(&at);
    memmove(reader->room, at.at, reader->room_len);
    return reader->room_len <= ARCHIVE_ROOM_BYTES - ARCHIVE_CHUNK_BYTES ? ERR_NONE
                                                                        : archive_distrust(reader);
}

static enum err chunk_read(struct archive_reader *reader, bool *is_last_out)
{
    char *sealed = reader->sealed;
    if (!file_read(reader->file, sealed, 4)) return archive_distrust(reader);
    uint32_t len = bytes_uint32(sealed);
    if (len < STREAM_EXTRA_BYTES || len > ARCHIVE_CHUNK_BYTES + STREAM_EXTRA_BYTES ||
        !file_read(reader->file, sealed + 4, len))
        return archive_distrust(reader);
    reader->running = archive_hash(&reader->running, (str){sealed, 4 + len});
    require(reader->room_len + len <= ARCHIVE_ROOM_BYTES + STREAM_EXTRA_BYTES);
    if (unseal_stream_pull(&reader->stream, (str){sealed + 4, len}, reader->room + reader->room_len,
                           is_last_out) != ERR_NONE)
        return archive_distrust(reader);
    reader->room_len += len - STREAM_EXTRA_BYTES;
    if (reader->room_len > reader->room_peak) reader->room_peak = reader->room_len;
    return values_take(reader);
}

enum err archive_read_stream(struct archive_reader *reader, const struct secret_key *stream_key)
{
    uint8_t stream_head[STREAM_HEADER_BYTES];
    require(reader->take != nullptr);
    TRY(piece_read(reader, (char *)stream_head, STREAM_HEADER_BYTES));
    if (unseal_stream_start(&reader->stream, stream_key, stream_head) != ERR_NONE)
        return archive_distrust(reader);
    for (bool is_last = false; !is_last;) TRY(chunk_read(reader, &is_last));
    reader->space_count++;
    return reader->room_len == 0 ? ERR_NONE : archive_distrust(reader);
}

enum err archive_read_row(struct archive_reader *reader, const struct value *list,
                          enum database *database_out, str *key_out, str *value_out)
{
    struct value database, key, value;
    struct cursor items = cursor_of(list->items);
    if (list->kind != VALUE_LIST || list->count != 3 || !value_next(&items, &database) ||
        database.kind != VALUE_INT || database.integer < 0 || database.integer >= DATABASE_COUNT ||
        !value_next(&items, &key) || key.kind != VALUE_BYTES || !value_next(&items, &value) ||
        value.kind != VALUE_BYTES || value.text.len > ROW_BYTES_MAX + VALUE_HASH_BYTES)
        return archive_distrust(reader);
    *database_out = (enum database)database.integer;
    *key_out = key.text;
    *value_out = value.text;
    reader->row_count++;
    return ERR_NONE;
}

enum err archive_read_end(struct archive_reader *reader, const char *magic, str sealed,
                          const struct secret_key *file_key)
{
    struct secret_key key = archive_end_key(file_key);
    str plain;
    enum err err =
        unseal(reader->task->arena, &key, sealed, (str){magic, ARCHIVE_MAGIC_BYTES}, &plain);
    bytes_wipe(&key, sizeof(key));
    if (err != ERR_NONE) return archive_distrust(reader);
    struct value list = value_of(plain), spaces, rows, hash;
    struct cursor items = cursor_of(list.items);
    char more;
    if (list.kind != VALUE_LIST || !value_next(&items, &spaces) || !value_next(&items, &rows) ||
        !value_next(&items, &hash) || spaces.integer != (int64_t)reader->space_count ||
        rows.integer != (int64_t)reader->row_count || hash.kind != VALUE_BYTES ||
        !str_eq(hash.text, (str){(const char *)reader->running_before.bytes, HASH_BYTES}) ||
        read(reader->file, &more, 1) != 0)
        return archive_distrust(reader);
    return ERR_NONE;
}
