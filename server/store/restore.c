#include "store/archive.h"

#include <dirent.h>
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

constexpr size_t RESTORE_COMMIT_BYTES = 8 * MIB;
constexpr size_t ROW_ROOM_BYTES = ROW_BYTES_MAX + ARCHIVE_CHUNK_BYTES + KIB;

struct archive_reader {
    struct task *task;
    str name;
    int file;
    MDB_env *mdb;
    MDB_dbi databases[DATABASE_COUNT];
    MDB_txn *txn;
    size_t txn_bytes; /** written since it began */
    struct secret_key master_key;
    struct secret_key instance_key;
    bool has_instance_key;
    bool has_instance_row;
    struct hash running;
    uint64_t space_count;
    uint64_t row_count;
    int64_t last_number;
    uint32_t number; /** of the space that is being read */
    struct seal_stream stream;
    char *room; /** ROW_ROOM_BYTES: plain bytes of rows not yet whole */
    size_t room_len;
    size_t room_peak;
    char sealed[4 + ARCHIVE_CHUNK_BYTES + STREAM_EXTRA_BYTES];
};

static enum err distrust(struct archive_reader *reader)
{
    return fail(reader->task, ERR_CORRUPT,
                "%.*s cannot be restored: it is cut short, altered, or sealed with another key.",
                FMT(reader->name));
}

static enum err not_stored(struct archive_reader *reader, int code)
{
    return fail(reader->task, mdb_err(code), "The rows cannot be written: %s", mdb_strerror(code));
}

static enum err piece_read(struct archive_reader *reader, char *out, size_t len)
{
    if (!file_read(reader->file, out, len)) return distrust(reader);
    reader->running = archive_hash(&reader->running, (str){out, len});
    return ERR_NONE;
}

static enum err txn_commit_and_begin(struct archive_reader *reader)
{
    int code = reader->txn == nullptr ? 0 : mdb_txn_commit(reader->txn);
    reader->txn = nullptr;
    reader->txn_bytes = 0;
    if (code == 0) code = mdb_txn_begin(reader->mdb, nullptr, 0, &reader->txn);
    return code == 0 ? ERR_NONE : not_stored(reader, code);
}

static enum err row_store(struct archive_reader *reader, const struct value *list)
{
    struct value database, key, stored;
    struct cursor items = cursor_of(list->items);
    struct row_place place;
    if (list->kind != VALUE_LIST || list->count != 3 || !value_next(&items, &database) ||
        database.kind != VALUE_INT || database.integer < 0 || database.integer >= DATABASE_COUNT ||
        !value_next(&items, &key) || key.kind != VALUE_BYTES || !value_next(&items, &stored) ||
        stored.kind != VALUE_BYTES)
        return distrust(reader);
    /* A damaged key is kept as it was, for check to find, so long as it is this space's. */
    bool is_known = row_key_parse((enum database)database.integer, key.text, &place);
    if (key.text.len < TENANT_BYTES || key.text.len > KEY_BYTES_MAX ||
        bytes_uint32(key.text.at) != reader->number)
        return distrust(reader);
    if (is_known && database.integer == DATABASE_SYSTEM && place.row == SYSTEM_KEY &&
        reader->number == 0)
        reader->has_instance_row = true;
    MDB_val name = {key.text.len, (void *)key.text.at};
    MDB_val value = {stored.text.len, (void *)stored.text.at};
    int code = mdb_put(reader->txn, reader->databases[database.integer], &name, &value, 0);
    if (code != 0) return not_stored(reader, code);
    reader->row_count++;
    reader->txn_bytes += key.text.len + stored.text.len;
    return reader->txn_bytes < RESTORE_COMMIT_BYTES ? ERR_NONE : txn_commit_and_begin(reader);
}

/** Stores the whole rows in the room and keeps the rest. */
static enum err rows_store(struct archive_reader *reader)
{
    struct cursor at = cursor_of((str){reader->room, reader->room_len});
    struct value row;
    for (;;) {
        struct cursor before = at;
        if (at.at == at.end || !value_next(&at, &row)) {
            at = before;
            break;
        }
        TRY(row_store(reader, &row));
    }
    reader->room_len = cursor_left(&at);
    memmove(reader->room, at.at, reader->room_len);
    return reader->room_len <= ROW_ROOM_BYTES - ARCHIVE_CHUNK_BYTES ? ERR_NONE : distrust(reader);
}

static enum err space_key_open(struct archive_reader *reader, const struct value *wrapped_bytes,
                               struct secret_key *key_out)
{
    struct wrapped_key wrapped;
    struct secret_key data_key;
    if (wrapped_bytes->kind == VALUE_NIL && reader->has_instance_key) {
        data_key = reader->instance_key;
    } else if (wrapped_bytes->kind != VALUE_BYTES ||
               !wrapped_key_read(wrapped_bytes->text, &wrapped) ||
               wrapped_key_open(&reader->master_key, reader->number, &wrapped, &data_key) !=
                   ERR_NONE) {
        return distrust(reader);
    }
    if (reader->number == 0) {
        reader->instance_key = data_key;
        reader->has_instance_key = true;
    }
    *key_out = archive_space_key(&data_key, reader->number);
    bytes_wipe(&data_key, sizeof(data_key));
    return ERR_NONE;
}

static enum err space_begin(struct archive_reader *reader, str head)
{
    struct value list = value_of(head), number, wrapped;
    struct cursor items = cursor_of(list.items);
    if (list.kind != VALUE_LIST || list.count != 2 || !value_next(&items, &number) ||
        number.kind != VALUE_INT || number.integer <= reader->last_number ||
        number.integer > UINT32_MAX || !value_next(&items, &wrapped))
        return distrust(reader);
    if (reader->last_number < 0 && number.integer != 0) return distrust(reader);
    reader->last_number = number.integer;
    reader->number = (uint32_t)number.integer;
    struct secret_key key;
    uint8_t stream_head[STREAM_HEADER_BYTES];
    TRY(space_key_open(reader, &wrapped, &key));
    TRY(piece_read(reader, (char *)stream_head, STREAM_HEADER_BYTES));
    enum err err = unseal_stream_start(&reader->stream, &key, stream_head);
    bytes_wipe(&key, sizeof(key));
    return err == ERR_NONE ? ERR_NONE : distrust(reader);
}

static enum err space_read(struct archive_reader *reader, str head)
{
    TRY(space_begin(reader, head));
    for (bool is_last = false; !is_last;) {
        char *sealed = reader->sealed;
        if (!file_read(reader->file, sealed, 4)) return distrust(reader);
        uint32_t len = bytes_uint32(sealed);
        if (len < STREAM_EXTRA_BYTES || len > ARCHIVE_CHUNK_BYTES + STREAM_EXTRA_BYTES ||
            !file_read(reader->file, sealed + 4, len))
            return distrust(reader);
        reader->running = archive_hash(&reader->running, (str){sealed, 4 + len});
        require(reader->room_len + len <= ROW_ROOM_BYTES + STREAM_EXTRA_BYTES);
        if (unseal_stream_pull(&reader->stream, (str){sealed + 4, len},
                               reader->room + reader->room_len, &is_last) != ERR_NONE)
            return distrust(reader);
        reader->room_len += len - STREAM_EXTRA_BYTES;
        if (reader->room_len > reader->room_peak) reader->room_peak = reader->room_len;
        TRY(rows_store(reader));
    }
    reader->space_count++;
    return reader->room_len == 0 ? ERR_NONE : distrust(reader);
}

/** The end must name what was read, and nothing may follow. */
static enum err end_check(struct archive_reader *reader, const struct hash *running, str sealed)
{
    struct secret_key key = archive_end_key(&reader->master_key);
    str plain;
    enum err err = unseal(reader->task->arena, &key, sealed,
                          (str){ARCHIVE_MAGIC, sizeof(ARCHIVE_MAGIC)}, &plain);
    bytes_wipe(&key, sizeof(key));
    if (err != ERR_NONE) return distrust(reader);
    struct value list = value_of(plain), spaces, rows, hash;
    struct cursor items = cursor_of(list.items);
    char more;
    if (list.kind != VALUE_LIST || !value_next(&items, &spaces) || !value_next(&items, &rows) ||
        !value_next(&items, &hash) || spaces.integer != (int64_t)reader->space_count ||
        rows.integer != (int64_t)reader->row_count || hash.kind != VALUE_BYTES ||
        !str_eq(hash.text, (str){(const char *)running->bytes, HASH_BYTES}) ||
        !reader->has_instance_row || read(reader->file, &more, 1) != 0)
        return distrust(reader);
    int code = mdb_txn_commit(reader->txn);
    reader->txn = nullptr;
    return code == 0 ? ERR_NONE : not_stored(reader, code);
}

static enum err archive_read(struct archive_reader *reader)
{
    char head[sizeof(ARCHIVE_MAGIC) + 4];
    TRY(piece_read(reader, head, sizeof(head)));
    if (memcmp(head, ARCHIVE_MAGIC, sizeof(ARCHIVE_MAGIC)) != 0)
        return fail(reader->task, ERR_CORRUPT, "%.*s is not a backup.", FMT(reader->name));
    uint32_t version = bytes_uint32(head + sizeof(ARCHIVE_MAGIC));
    if (version != ARCHIVE_VERSION)
        return fail(reader->task, ERR_CORRUPT, "%.*s has version %u; only %u can be read.",
                    FMT(reader->name), (unsigned)version, (unsigned)ARCHIVE_VERSION);
    TRY(txn_commit_and_begin(reader));
    for (;;) {
        char kind[5], bytes[ARCHIVE_HEAD_BYTES_MAX];
        struct hash running = reader->running;
        TRY(piece_read(reader, kind, sizeof(kind)));
        uint32_t len = bytes_uint32(kind + 1);
        if (len > sizeof(bytes)) return distrust(reader);
        TRY(piece_read(reader, bytes, len));
        if (kind[0] == 'E') return end_check(reader, &running, (str){bytes, len});
        if (kind[0] != 'S') return distrust(reader);
        TRY(space_read(reader, (str){bytes, len}));
    }
}

static enum err archive_load(struct task *task, str file, int opened,
                             const struct secret_key *master_key, str folder)
{
    struct archive_reader *reader = memory_take(sizeof(*reader));
    reader->task = task;
    reader->name = file;
    reader->file = opened;
    reader->master_key = *master_key;
    reader->last_number = -1;
    reader->room = memory_take(ROW_ROOM_BYTES);
    enum err err = mdb_open_folder(task, folder, 0, &reader->mdb, reader->databases);
    if (err == ERR_NONE) {
        err = archive_read(reader);
        if (reader->txn != nullptr) mdb_txn_abort(reader->txn);
        mdb_env_close(reader->mdb);
    }
    bytes_wipe(reader->room, reader->room_peak);
    memory_give(reader->room);
    bytes_wipe(reader, sizeof(*reader));
    memory_give(reader);
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
static enum err restore_into(struct task *task, str file, int opened,
                             const struct secret_key *master_key, str part, str folder)
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
    enum err err = archive_load(task, file, opened, master_key, part);
    if (err == ERR_NONE)
        err = master_key_write(task, str_of(path_join(task, part, "master.key")), master_key);
    if (err == ERR_NONE) err = folder_sync(task, part);
    if (err == ERR_NONE && rename(part_name, name) != 0)
        err = fail(task, errno == ENOTEMPTY || errno == EEXIST ? ERR_CONFLICT : ERR_SYSTEM,
                   "%s: %s", name, strerror(errno));
    if (err != ERR_NONE) folder_remove(task, part);
    close(owner_lock);
    return err == ERR_NONE ? folder_sync(task, folder_of(folder)) : err;
}

enum err store_restore(struct task *task, str file, str key_file, str folder)
{
    while (folder.len > 1 && str_ends(folder, S("/"))) folder.len--;
    struct secret_key master_key;
    if (key_file.len == 0) key_file = arena_print(task->arena, "%.*s.key", FMT(file));
    TRY(folder_must_be_free(task, arena_cstring(task->arena, folder)));
    enum err err = master_key_read(task, key_file, &master_key);
    if (err == ERR_MISSING)
        return fail(task, err, "%.*s, the key of the backup, is not there.", FMT(key_file));
    TRY(err);
    char *name = arena_cstring(task->arena, file);
    int opened = open(name, O_RDONLY | O_CLOEXEC);
    if (opened < 0) {
        err =
            fail(task, errno == ENOENT ? ERR_MISSING : ERR_SYSTEM, "%s: %s", name, strerror(errno));
    } else {
        str part = arena_print(task->arena, "%.*s.restoring", FMT(folder));
        err = restore_into(task, file, opened, &master_key, part, folder);
        close(opened);
    }
    bytes_wipe(&master_key, sizeof(master_key));
    return err;
}
