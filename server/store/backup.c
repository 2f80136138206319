#include "store/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/require.h"
#include "store/files.h"
#include "store/keyring.h"
#include "store/snapshot.h"
#include "value/value.h"

struct archive_writer {
    struct store *store;
    struct txn *txn;
    int file;
    struct arena arena; /** of one row or head at a time */
    struct hash running;
    uint64_t space_count;
    uint64_t row_count;
    struct seal_stream stream;
    size_t plain_len;
    char plain[ARCHIVE_CHUNK_BYTES];
    char sealed[4 + ARCHIVE_CHUNK_BYTES + STREAM_EXTRA_BYTES];
};

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

static bool plain_write(struct archive_writer *writer, str bytes)
{
    while (bytes.len > 0) {
        str part = str_first(bytes, ARCHIVE_CHUNK_BYTES - writer->plain_len);
        memcpy(writer->plain + writer->plain_len, part.at, part.len);
        writer->plain_len += part.len;
        bytes = str_from(bytes, part.len);
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

/** The space's wrapped key as it is stored, and the key of its stream. A key that is lost or
 *  damaged does not keep its rows out of the backup. */
static str space_key_find(struct archive_writer *writer, uint32_t number,
                          struct secret_key *key_out)
{
    struct space space = {.store = writer->store, .number = number};
    struct store *store = writer->store;
    struct row_key row_key;
    struct wrapped_key wrapped;
    struct secret_key data_key;
    row_key_system(&row_key, &space, SYSTEM_KEY, S(""));
    MDB_val name = {row_key.len, row_key.bytes}, stored;
    str bytes = S("");
    int code = mdb_get(writer->txn->mdb, store->databases[DATABASE_SYSTEM], &name, &stored);
    if (code == 0) bytes = str_from((str){stored.mv_data, stored.mv_size}, VALUE_HASH_BYTES);
    if (code != 0 || !wrapped_key_read(bytes, &wrapped) ||
        wrapped_key_open(&store->master_key, number, &wrapped, &data_key) != ERR_NONE) {
        bytes = S("");
        data_key = store->instance_key;
    }
    *key_out = archive_space_key(&data_key, number);
    bytes_wipe(&data_key, sizeof(data_key));
    return bytes;
}

static bool space_begin(struct archive_writer *writer, uint32_t number)
{
    struct secret_key key;
    str wrapped = space_key_find(writer, number, &key);
    struct buf head = buf_make(&writer->arena, ARCHIVE_HEAD_BYTES_MAX);
    pack_list(&head, 2);
    pack_int(&head, number);
    if (wrapped.len > 0) pack_bytes(&head, wrapped);
    else pack_nil(&head);
    uint8_t stream_head[STREAM_HEADER_BYTES];
    seal_stream_start(&writer->stream, &key, stream_head);
    bytes_wipe(&key, sizeof(key));
    writer->space_count++;
    bool is_written = head_write(writer, 'S', buf_str(&head)) &&
                      piece_write(writer, (str){(char *)stream_head, STREAM_HEADER_BYTES});
    arena_clear(&writer->arena);
    return is_written;
}

static bool row_write(struct archive_writer *writer, uint32_t database, MDB_val key, MDB_val value)
{
    struct buf row = buf_make(&writer->arena, ROW_BYTES_MAX + KIB);
    pack_list(&row, 3);
    pack_int(&row, database);
    pack_bytes(&row, (str){key.mv_data, key.mv_size});
    pack_bytes(&row, (str){value.mv_data, value.mv_size});
    bool is_written = !buf_is_over(&row) && plain_write(writer, buf_str(&row));
    arena_clear(&writer->arena);
    writer->row_count++;
    return is_written;
}

/** All rows of a space in one database. */
static enum err database_write(struct task *task, struct archive_writer *writer, uint32_t number,
                               enum database database)
{
    struct row_bounds bounds;
    struct row_key prefix;
    row_prefix_tenant(&prefix, number);
    row_bounds_all(&bounds, &prefix);
    MDB_cursor *cursor;
    TRY(txn_cursor_take(writer->txn, database, &cursor));
    MDB_val key = {prefix.len, prefix.bytes}, value;
    int code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    bool is_written = true;
    while (code == 0 && row_bounds_hold(&bounds, (str){key.mv_data, key.mv_size})) {
        is_written = row_write(writer, database, key, value);
        if (!is_written) break;
        code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    int cause = errno;
    txn_cursor_give(writer->txn, database, cursor);
    if (!is_written)
        return fail(task, cause == ENOSPC ? ERR_FULL : ERR_SYSTEM,
                    "The backup cannot be written: %s", strerror(cause));
    if (code != 0 && code != MDB_NOTFOUND)
        return fail(task, mdb_err(code), "data.mdb, tenant %u: %s", (unsigned)number,
                    mdb_strerror(code));
    return ERR_NONE;
}

/** The next space that has a row in any database; false when there is none. */
static enum err space_next(struct archive_writer *writer, uint64_t from, bool *has_next_out,
                           uint32_t *number_out)
{
    *has_next_out = false;
    if (from > UINT32_MAX) return ERR_NONE;
    for (uint32_t i = 0; i < DATABASE_COUNT; i++) {
        struct row_key prefix;
        row_prefix_tenant(&prefix, (uint32_t)from);
        MDB_cursor *cursor;
        TRY(txn_cursor_take(writer->txn, (enum database)i, &cursor));
        MDB_val key = {prefix.len, prefix.bytes}, value;
        int code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
        txn_cursor_give(writer->txn, (enum database)i, cursor);
        if (code == MDB_NOTFOUND || (code == 0 && key.mv_size < TENANT_BYTES)) continue;
        if (code != 0) return mdb_err(code);
        uint32_t number = bytes_uint32(key.mv_data);
        if (!*has_next_out || number < *number_out) *number_out = number;
        *has_next_out = true;
    }
    return ERR_NONE;
}

static enum err end_write(struct task *task, struct archive_writer *writer)
{
    struct buf plain = buf_make(&writer->arena, ARCHIVE_HEAD_BYTES_MAX);
    pack_list(&plain, 3);
    pack_int(&plain, (int64_t)writer->space_count);
    pack_int(&plain, (int64_t)writer->row_count);
    pack_bytes(&plain, (str){(const char *)writer->running.bytes, HASH_BYTES});
    struct secret_key key = archive_end_key(&writer->store->master_key);
    str sealed =
        seal(&writer->arena, &key, buf_str(&plain), (str){ARCHIVE_MAGIC, sizeof(ARCHIVE_MAGIC)});
    bytes_wipe(&key, sizeof(key));
    if (head_write(writer, 'E', sealed) && fsync(writer->file) == 0) return ERR_NONE;
    return fail(task, errno == ENOSPC ? ERR_FULL : ERR_SYSTEM, "The backup cannot be written: %s",
                strerror(errno));
}

static enum err archive_write(struct task *task, struct archive_writer *writer)
{
    char head[sizeof(ARCHIVE_MAGIC) + 4];
    memcpy(head, ARCHIVE_MAGIC, sizeof(ARCHIVE_MAGIC));
    bytes_put_uint32(head + sizeof(ARCHIVE_MAGIC), ARCHIVE_VERSION);
    if (!piece_write(writer, (str){head, sizeof(head)}))
        return fail(task, ERR_SYSTEM, "The backup cannot be written: %s", strerror(errno));
    bool has_next;
    uint32_t number;
    for (uint64_t from = 0;; from = (uint64_t)number + 1) {
        TRY(space_next(writer, from, &has_next, &number));
        if (!has_next) return end_write(task, writer);
        require(number >= from);
        bool is_written = space_begin(writer, number);
        for (uint32_t i = 0; i < DATABASE_COUNT && is_written; i++)
            TRY(database_write(task, writer, number, (enum database)i));
        if (!is_written || !chunk_write(writer, true))
            return fail(task, errno == ENOSPC ? ERR_FULL : ERR_SYSTEM,
                        "The backup cannot be written: %s", strerror(errno));
    }
}

/** `file`.key: there already with this key, or made. Another key there is a conflict: the backup
 *  could not be restored with it. */
static enum err key_file_make(struct task *task, struct store *store, str file)
{
    str name = arena_print(task->arena, "%.*s.key", FMT(file));
    struct secret_key there;
    enum err err = master_key_read(task, name, &there);
    if (err == ERR_MISSING) return master_key_write(task, name, &store->master_key);
    TRY(err);
    bool is_same = bytes_equal_secret((str){(char *)there.bytes, SECRET_KEY_BYTES},
                                      (str){(char *)store->master_key.bytes, SECRET_KEY_BYTES});
    bytes_wipe(&there, sizeof(there));
    if (is_same) return ERR_NONE;
    return fail(task, ERR_CONFLICT, "%.*s is the key of another backup.", FMT(name));
}

/** The unfinished file, locked, so that two backups to one name do not mix. */
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
    if (!is_ours) return fail(task, ERR_CONFLICT, "%s is being written by another backup.", part);
    return fail(task, ERR_SYSTEM, "%s: %s", part, strerror(cause));
}

/** A finished backup takes the place of an older one, but not that of a device or a folder. */
static enum err place_judge(struct task *task, const char *name)
{
    struct stat about;
    if (lstat(name, &about) != 0 || S_ISREG(about.st_mode)) return ERR_NONE;
    return fail(task, ERR_CONFLICT, "%s is there and is no file.", name);
}

enum err store_backup(struct task *task, struct store *store, str file)
{
    int opened;
    char *name = arena_cstring(task->arena, file);
    TRY(place_judge(task, name));
    char *part = arena_cstring(task->arena, arena_print(task->arena, "%s.part", name));
    TRY(key_file_make(task, store, file));
    TRY(part_open(task, part, &opened));
    struct space instance = store_instance(store);
    struct archive_writer *writer = memory_take(sizeof(*writer));
    writer->store = store;
    writer->file = opened;
    arena_init(&writer->arena, 4 * ROW_BYTES_MAX);
    enum err err = txn_open(task, &instance, &writer->txn);
    if (err == ERR_NONE) {
        atomic_store(&writer->txn->is_long, true);
        err = archive_write(task, writer);
        txn_close(writer->txn);
    }
    arena_drop(&writer->arena);
    bytes_wipe(writer, sizeof(*writer));
    memory_give(writer);
    if (err == ERR_NONE && rename(part, name) != 0)
        err = fail(task, ERR_SYSTEM, "%s: %s", name, strerror(errno));
    if (err != ERR_NONE) unlink(part);
    close(opened);
    return err == ERR_NONE ? folder_sync(task, folder_of(file)) : err;
}
