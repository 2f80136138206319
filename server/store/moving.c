#include "store/moving.h"

#include <errno.h>

#include "base/require.h"
#include "store/archive.h"
#include "store/change_log.h"
#include "store/keyring.h"
#include "store/master.h"
#include "store/walk.h"
#include "value/value.h"

constexpr uint32_t SLICE_ROWS = 4000;
constexpr size_t SLICE_BYTES = COMMIT_BYTES_MAX / 2;
constexpr size_t SLICE_ARENA_BYTES = 2 * ROW_BYTES_MAX;

/* The key of a file. */

/** The key beside a file, made if there is none. The master key is not for other instances. */
static enum err file_key_make(struct task *task, const struct store *store, str file,
                              struct secret_key *key_out)
{
    str name = arena_print(task->arena, "%.*s.key", FMT(file));
    enum err err = file_key_read(task, name, key_out);
    if (err == ERR_MISSING) {
        *key_out = key_random();
        return file_key_write(task, name, key_out);
    }
    TRY(err);
    struct secret_key master_key = keyring_master(store->keyring);
    bool is_master = bytes_equal_secret((str){(char *)key_out->bytes, SECRET_KEY_BYTES},
                                        (str){(char *)master_key.bytes, SECRET_KEY_BYTES});
    bytes_wipe(&master_key, sizeof master_key);
    if (!is_master) return ERR_NONE;
    bytes_wipe(key_out, sizeof *key_out);
    return fail(task, ERR_CONFLICT,
                "%.*s is the key of this whole instance; choose another name for the tenant's "
                "file.",
                FMT(name));
}

/* Export. */

/** Sessions and mailed links are of this place; the data key travels in the head. */
static bool stays_behind(const struct row_place *place, enum database database)
{
    return database == DATABASE_SYSTEM &&
           (place->row == SYSTEM_KEY || place->row == SYSTEM_SESSION ||
            place->row == SYSTEM_SESSION_OF || place->row == SYSTEM_LINK ||
            place->row == SYSTEM_LINK_OF);
}

/** Every value is proven before it leaves: damage must not get a fresh hash elsewhere. */
static enum err row_export(struct txn *txn, struct archive_writer *writer, enum database database,
                           str key, str stored)
{
    struct row_place place;
    str value = S("");
    if (!row_key_parse(database, key, &place))
        return fail(txn->task, ERR_CORRUPT, "A key is damaged. `atrium check` says more.");
    if (stays_behind(&place, database)) return ERR_NONE;
    if (place.has_value) TRY(row_check(txn, database, key, stored, &value));
    if (archive_row(writer, database, str_from(key, TENANT_BYTES), value)) return ERR_NONE;
    return archive_unwritten(txn->task, writer);
}

static enum err database_export(struct txn *txn, struct archive_writer *writer,
                                enum database database)
{
    struct walk walk;
    struct row_key prefix;
    row_prefix_tenant(&prefix, txn->space.number);
    row_bounds_all(&walk.bounds, &prefix);
    walk_open(&walk, txn, database, false);
    enum err err;
    for (;;) {
        bool has_row;
        str key, stored;
        err = walk_next(&walk, &has_row, &key, &stored);
        if (err != ERR_NONE || !has_row) break;
        err = row_export(txn, writer, database, key, stored);
        if (err != ERR_NONE) break;
    }
    walk_close(&walk);
    return err;
}

static enum err space_export(struct txn *txn, struct archive_writer *writer, str about,
                             const struct secret_key *file_key)
{
    struct task *task = txn->task;
    const struct space *space = &txn->space;
    struct data_keys keys;
    if (txn_data_keys(txn, &keys) != ERR_NONE)
        return fail(task, ERR_CORRUPT, "The tenant's data key is not there or damaged.");
    struct buf wrapped = buf_make(task->arena, ARCHIVE_HEAD_BYTES_MAX);
    wrapped_keys_put(&wrapped, file_key, space->number, space->uuid, &keys);
    struct secret_key stream_key = archive_space_key(&data_key_newest(&keys)->key, space->number);
    data_keys_wipe(&keys);
    bool is_written = archive_space_begin(writer, space->number, buf_str(&wrapped), &stream_key) &&
                      archive_value(writer, about);
    bytes_wipe(&stream_key, sizeof stream_key);
    for (uint32_t at = 0; at < DATABASE_COUNT && is_written; at++)
        TRY(database_export(txn, writer, (enum database)at));
    if (is_written && archive_space_end(writer) && archive_end(writer, MOVE_MAGIC, file_key))
        return ERR_NONE;
    return archive_unwritten(task, writer);
}

enum err moving_export(struct task *task, const struct space *space, str about, str file)
{
    require(space->number != 0);
    require(about.len > 0 && about.len <= MOVING_ABOUT_BYTES_MAX);
    struct secret_key file_key;
    struct archive_writer *writer;
    struct txn *txn;
    TRY(file_key_make(task, space->store, file, &file_key));
    enum err err = archive_open(task, file, MOVE_MAGIC, &writer);
    if (err == ERR_NONE) {
        err = txn_open(task, space, &txn);
        if (err == ERR_NONE) {
            atomic_store(&txn->is_long, true);
            err = space_export(txn, writer, about, &file_key);
            txn_close(txn);
        }
        err = archive_close(task, writer, err);
    }
    bytes_wipe(&file_key, sizeof file_key);
    return err;
}

/* Import. */

struct moved_row {
    enum database database;
    str key; /** without the number */
    str value;
};

/** Rows that are written at once. */
struct arriving {
    struct archive_reader reader; /** first: `take` is given it */
    struct work work;
    struct store *store;
    struct moving_import *import;
    struct data_keys keys;
    struct id uuid;
    struct hash chain; /** of the log entry written last */
    struct hash chain_before;
    struct arena arena; /** of the rows that wait */
    uint32_t row_count;
    size_t row_bytes;
    struct moved_row rows[SLICE_ROWS];
};

static struct arriving *arriving_of_work(struct work *work)
{
    return (struct arriving *)((char *)work - offsetof(struct arriving, work));
}

static enum err row_write(struct arriving *arriving, struct txn *txn, const struct moved_row *row)
{
    struct archive_reader *reader = &arriving->reader;
    struct row_key key;
    struct row_place place;
    if (!row_key_join(&key, &txn->space, row->key) ||
        !row_key_parse(row->database, row_key_str(&key), &place) ||
        stays_behind(&place, row->database) || place.has_value != (row->value.len > 0) ||
        row->value.len > ROW_BYTES_MAX)
        return archive_distrust(reader);
    if (!place.has_value) {
        row_put_empty(txn, row->database, &key);
        return ERR_NONE;
    }
    if (!place.is_log_entry) {
        row_put(txn, row->database, &key, row->value);
        return ERR_NONE;
    }
    struct buf value = row_build(txn);
    if (!log_row_chain_anew(&value, log_chain_key(txn->store), txn->space.uuid, &arriving->chain,
                            place.sequence, row->value))
        return archive_distrust(reader);
    row_put_built(txn, row->database, &key, &value);
    return ERR_NONE;
}

static enum err slice_run(struct work *work, struct txn *txn)
{
    struct arriving *arriving = arriving_of_work(work);
    txn_set_task(txn, arriving->reader.task);
    arriving->chain = arriving->chain_before;
    for (uint32_t at = 0; at < arriving->row_count; at++)
        TRY(row_write(arriving, txn, &arriving->rows[at]));
    return ERR_NONE;
}

static enum err slice_write(struct arriving *arriving)
{
    if (arriving->row_count == 0) return ERR_NONE;
    struct moving_import *import = arriving->import;
    if (import->is_stopped != nullptr && atomic_load(import->is_stopped))
        return fail(arriving->reader.task, ERR_FULL, "stopped: the server ends");
    arriving->work = (struct work){.run = slice_run};
    TRY(store_write(arriving->store, &import->space, &arriving->work));
    arriving->chain_before = arriving->chain;
    import->row_count += arriving->row_count;
    arriving->row_count = 0;
    arriving->row_bytes = 0;
    arena_clear(&arriving->arena);
    return ERR_NONE;
}

static enum err key_run(struct work *work, struct txn *txn)
{
    txn_data_keys_keep(txn, &arriving_of_work(work)->keys);
    return ERR_NONE;
}

/** The first value: what is said of the tenant. */
static enum err about_take(struct arriving *arriving, const struct value *about)
{
    struct moving_import *import = arriving->import;
    struct task *task = arriving->reader.task;
    if (about->kind != VALUE_MAP || about->bytes.len > MOVING_ABOUT_BYTES_MAX)
        return archive_distrust(&arriving->reader);
    str copy = arena_copy(task->arena, about->bytes);
    TRY(import->begin(import, copy, arriving->uuid, &import->space));
    require(import->space.number != 0);
    require(id_eq(import->space.uuid, arriving->uuid));
    arriving->chain = log_chain_start(arriving->store, arriving->uuid);
    arriving->chain_before = arriving->chain;
    arriving->work = (struct work){.run = key_run};
    return store_write(arriving->store, &import->space, &arriving->work);
}

static enum err value_take(struct archive_reader *reader, const struct value *value)
{
    struct arriving *arriving = (struct arriving *)reader;
    struct moved_row row;
    if (arriving->import->space.number == 0) return about_take(arriving, value);
    TRY(archive_read_row(reader, value, &row.database, &row.key, &row.value));
    row.key = arena_copy(&arriving->arena, row.key);
    row.value = arena_copy(&arriving->arena, row.value);
    arriving->rows[arriving->row_count++] = row;
    arriving->row_bytes += row.key.len + row.value.len;
    bool is_full = arriving->row_count == SLICE_ROWS || arriving->row_bytes >= SLICE_BYTES;
    return is_full ? slice_write(arriving) : ERR_NONE;
}

/** The data key, by the file's key, and the stream's. */
static enum err data_key_open(struct arriving *arriving, str head,
                              const struct secret_key *file_key, struct secret_key *stream_key_out)
{
    int64_t number;
    struct value bytes;
    struct wrapped_keys wrapped;
    TRY(archive_read_space(&arriving->reader, head, &number, &bytes));
    if (number == 0 || bytes.kind != VALUE_BYTES || !wrapped_keys_read(bytes.text, &wrapped) ||
        wrapped_keys_open(file_key, (uint32_t)number, &wrapped, &arriving->keys) != ERR_NONE)
        return archive_distrust(&arriving->reader);
    arriving->uuid = wrapped.uuid;
    *stream_key_out = archive_space_key(&data_key_newest(&arriving->keys)->key, (uint32_t)number);
    return ERR_NONE;
}

static enum err file_read_whole(struct arriving *arriving, const struct secret_key *file_key)
{
    struct archive_reader *reader = &arriving->reader;
    struct secret_key stream_key;
    char kind;
    str head;
    TRY(archive_read_begin(reader, MOVE_MAGIC, "an exported tenant"));
    TRY(archive_read_head(reader, &kind, &head));
    if (kind != 'S') return archive_distrust(reader);
    TRY(data_key_open(arriving, head, file_key, &stream_key));
    enum err err = archive_read_stream(reader, &stream_key);
    bytes_wipe(&stream_key, sizeof stream_key);
    TRY(err);
    TRY(archive_read_head(reader, &kind, &head));
    if (kind != 'E' || arriving->import->space.number == 0) return archive_distrust(reader);
    TRY(archive_read_end(reader, MOVE_MAGIC, head, file_key));
    return slice_write(arriving);
}

enum err moving_import(struct task *task, struct store *store, struct moving_import *import)
{
    require(import->begin != nullptr && import->space.number == 0);
    struct secret_key file_key;
    str key_file = import->key_file;
    if (key_file.len == 0) key_file = arena_print(task->arena, "%.*s.key", FMT(import->file));
    struct arriving *arriving = memory_take(sizeof *arriving);
    enum err err = archive_reader_open(task, import->file, &arriving->reader);
    if (err == ERR_NONE) {
        err = file_key_read(task, key_file, &file_key);
        if (err == ERR_MISSING)
            err = fail(task, err, "%.*s, the key of the file, is not there.", FMT(key_file));
        if (err == ERR_NONE) {
            arriving->reader.take = value_take;
            arriving->store = store;
            arriving->import = import;
            arena_init(&arriving->arena, SLICE_ARENA_BYTES);
            err = file_read_whole(arriving, &file_key);
            arena_drop(&arriving->arena);
        }
        archive_reader_close(&arriving->reader);
    }
    bytes_wipe(&file_key, sizeof file_key);
    bytes_wipe(arriving, sizeof *arriving);
    memory_give(arriving);
    return err;
}

/* Erasing. */

struct erasing {
    struct work work;
    struct task *task;
    bool is_shut;
    bool is_begun; /** the key is gone */
    uint32_t count;
};

static bool is_mark(enum database database, str key)
{
    struct row_place place;
    return database == DATABASE_SYSTEM && row_key_parse(database, key, &place) &&
           place.row == SYSTEM_GONE;
}

static enum err database_erase(struct erasing *erasing, struct txn *txn, enum database database)
{
    struct walk walk;
    struct row_key prefix, row_key;
    row_prefix_tenant(&prefix, txn->space.number);
    row_bounds_all(&walk.bounds, &prefix);
    walk_open(&walk, txn, database, false);
    enum err err = ERR_NONE;
    while (erasing->count < SLICE_ROWS) {
        bool has_row;
        str key, stored;
        err = walk_next(&walk, &has_row, &key, &stored);
        if (err != ERR_NONE || !has_row) break;
        if (erasing->is_shut && is_mark(database, key)) continue;
        row_key.len = key.len;
        memcpy(row_key.bytes, key.at, key.len);
        row_delete(txn, database, &row_key);
        erasing->count++;
    }
    walk_close(&walk);
    return err;
}

static enum err erase_run(struct work *work, struct txn *txn)
{
    struct erasing *erasing = (struct erasing *)work;
    txn_set_task(txn, erasing->task);
    erasing->count = 0;
    if (!erasing->is_begun) {
        struct row_key row_key;
        row_key_system(&row_key, &txn->space, SYSTEM_KEY, S(""));
        row_delete(txn, DATABASE_SYSTEM, &row_key);
        if (erasing->is_shut) txn_system_put(txn, SYSTEM_GONE, S(""), S("\xc3"));
    }
    for (uint32_t at = 0; at < DATABASE_COUNT && erasing->count < SLICE_ROWS; at++)
        TRY(database_erase(erasing, txn, (enum database)at));
    return ERR_NONE;
}

enum err moving_erase(struct task *task, const struct space *space, bool is_shut)
{
    require(space->number != 0);
    struct erasing erasing = {.task = task, .is_shut = is_shut};
    do {
        erasing.work = (struct work){.run = erase_run, .is_of_gone = true};
        TRY(store_write(space->store, space, &erasing.work));
        erasing.is_begun = true;
    } while (erasing.count > 0);
    keyring_forget(space->store->keyring, space->number);
    return ERR_NONE;
}
