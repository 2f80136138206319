#include "store/batch.h"

#include "base/limits.h"
#include "base/require.h"
#include "value/value.h"

constexpr size_t ROW_HEAD_BYTES = 1 + 2 + 4;   /** database, key's and value's length */
constexpr uint32_t VALUE_DELETED = UINT32_MAX; /** in the value's place: the key goes */
constexpr size_t BATCH_HEAD_BYTES_MAX = 32;    /** of the list, its numbers and the rows' length */

struct batch *batch_open(struct lane *lane)
{
    struct batch *batch = memory_take(sizeof(*batch));
    batch->lane = lane;
    batch->works_end = &batch->works;
    arena_init(&batch->arena, SIZE_MAX / ARENA_HARD_FACTOR);
    return batch;
}

void batch_close(struct batch *batch)
{
    arena_drop(&batch->arena);
    memory_give(batch);
}

static char *row_write(char *at, const struct pending_entry *entry)
{
    bool is_put = entry->state == PENDING_PUT;
    at[0] = (char)entry->database;
    at[1] = (char)(uint8_t)(entry->key.len >> 8);
    at[2] = (char)(uint8_t)entry->key.len;
    bytes_put_uint32(at + 3, is_put ? (uint32_t)entry->value.len : VALUE_DELETED);
    at += ROW_HEAD_BYTES;
    memcpy(at, entry->key.at, entry->key.len);
    at += entry->key.len;
    if (!is_put || entry->value.len == 0) return at;
    memcpy(at, entry->value.at, entry->value.len);
    return at + entry->value.len;
}

void batch_write(struct batch *batch, uint32_t tenant, const struct pending *pending)
{
    require(pending->live_count > 0);
    size_t len = pending->live_bytes + pending->live_count * ROW_HEAD_BYTES;
    char *rows = arena_take_raw(&batch->arena, len), *at = rows;
    for (const struct pending_entry *entry = pending_first(pending); entry != nullptr;
         entry = pending_following(entry)) {
        if (entry->group != pending->group) continue;
        require(entry->key.len <= KEY_BYTES_MAX && entry->value.len < VALUE_DELETED);
        require(len - (size_t)(at - rows) >= ROW_HEAD_BYTES + entry->key.len + entry->value.len);
        at = row_write(at, entry);
        batch->has_outbox |= entry->database == DATABASE_OUTBOX && entry->state == PENDING_PUT;
    }
    struct buf out = buf_make(&batch->arena, BATCH_HEAD_BYTES_MAX + len);
    require(buf_room(&out, BATCH_HEAD_BYTES_MAX + len) != nullptr);
    pack_list(&out, 3);
    pack_int(&out, BATCH_VERSION);
    pack_int(&out, tenant);
    pack_bytes(&out, (str){rows, (size_t)(at - rows)});
    require(!buf_is_over(&out));
    batch->bytes = buf_str(&out);
}

/** One row of a batch as its bytes say it; `value` is where `is_put`. */
struct batch_row {
    enum database database;
    bool is_put;
    str key;
    str value;
};

static bool row_read(struct cursor *rows, struct batch_row *row_out)
{
    if (cursor_left(rows) < ROW_HEAD_BYTES || (uint8_t)rows->at[0] >= DATABASE_COUNT) return false;
    size_t key_len = bytes_uint16(rows->at + 1);
    uint32_t value_len = bytes_uint32(rows->at + 3);
    *row_out = (struct batch_row){.database = (enum database)rows->at[0],
                                  .is_put = value_len != VALUE_DELETED};
    rows->at += ROW_HEAD_BYTES;
    if (cursor_left(rows) < key_len) return false;
    row_out->key = (str){rows->at, key_len};
    rows->at += key_len;
    if (!row_out->is_put) return true;
    if (cursor_left(rows) < value_len) return false;
    row_out->value = (str){rows->at, value_len};
    rows->at += value_len;
    return true;
}

/** Where the rows of a batch go. A cursor finds the place of a key near the one before at once, and
 *  a batch is in order; it is put away before a delete, so that no page is taken from under it. */
struct batch_target {
    MDB_txn *mdb;
    const MDB_dbi *databases;
    MDB_cursor *cursors[DATABASE_COUNT];
};

static void cursor_drop(struct batch_target *target, enum database database)
{
    if (target->cursors[database] != nullptr) mdb_cursor_close(target->cursors[database]);
    target->cursors[database] = nullptr;
}

static int row_apply_delete(struct batch_target *target, const struct batch_row *row)
{
    cursor_drop(target, row->database);
    MDB_val name = {row->key.len, (void *)row->key.at};
    int code = mdb_del(target->mdb, target->databases[row->database], &name, nullptr);
    return code == MDB_NOTFOUND ? 0 : code;
}

static int row_apply_put(struct batch_target *target, const struct batch_row *row)
{
    MDB_cursor **cursor = &target->cursors[row->database];
    if (*cursor == nullptr) {
        int code = mdb_cursor_open(target->mdb, target->databases[row->database], cursor);
        if (code != 0) return code;
    }
    MDB_val name = {row->key.len, (void *)row->key.at};
    MDB_val stored = {row->value.len, (void *)row->value.at};
    return mdb_cursor_put(*cursor, &name, &stored, 0);
}

static int rows_apply(struct batch_target *target, int64_t tenant, str bytes)
{
    struct cursor rows = cursor_of(bytes);
    while (cursor_left(&rows) > 0) {
        struct batch_row row;
        struct row_place place;
        if (!row_read(&rows, &row)) return MDB_CORRUPTED;
        if (!row_key_parse(row.database, row.key, &place) || place.tenant != tenant)
            return MDB_CORRUPTED;
        bool is_sized = place.has_value ? row.value.len > VALUE_HASH_BYTES : row.value.len == 0;
        if (row.is_put && !is_sized) return MDB_CORRUPTED;
        int code = row.is_put ? row_apply_put(target, &row) : row_apply_delete(target, &row);
        if (code != 0) return code;
    }
    return 0;
}

int batch_apply(MDB_txn *mdb, const MDB_dbi databases[DATABASE_COUNT], str bytes)
{
    struct value list = value_of(bytes), version, tenant, rows;
    struct cursor items = cursor_of(list.items);
    if (list.kind != VALUE_LIST || list.count != 3 || !value_next(&items, &version) ||
        version.kind != VALUE_INT || version.integer != BATCH_VERSION ||
        !value_next(&items, &tenant) || tenant.kind != VALUE_INT || !value_next(&items, &rows) ||
        rows.kind != VALUE_BYTES)
        return MDB_CORRUPTED;
    struct batch_target target = {.mdb = mdb, .databases = databases};
    int code = rows_apply(&target, tenant.integer, rows.text);
    for (uint32_t database = 0; database < DATABASE_COUNT; database++)
        cursor_drop(&target, (enum database)database);
    return code;
}
