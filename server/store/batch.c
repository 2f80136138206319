#include "store/batch.h"

#include "base/limits.h"
#include "base/require.h"
#include "value/value.h"

constexpr size_t ROW_EXTRA_BYTES = 16; /** MessagePack heads of one row, at most */

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

void batch_write(struct batch *batch, uint32_t tenant, const struct pending *pending)
{
    require(pending->live_count > 0);
    require(pending->live_count <= UINT32_MAX / 3);
    size_t max = pending->live_bytes + pending->live_count * ROW_EXTRA_BYTES + 64;
    struct buf out = buf_make(&batch->arena, max);
    require(buf_room(&out, max) != nullptr);
    pack_list(&out, 3);
    pack_int(&out, BATCH_VERSION);
    pack_int(&out, tenant);
    pack_list(&out, (uint32_t)pending->live_count * 3);
    for (const struct pending_entry *entry = pending_first(pending); entry != nullptr;
         entry = pending_following(entry)) {
        pack_int(&out, entry->database);
        pack_bytes(&out, entry->key);
        if (entry->state == PENDING_PUT) pack_bytes(&out, entry->value);
        else pack_nil(&out);
    }
    require(!buf_is_over(&out));
    batch->bytes = buf_str(&out);
}

static int row_apply(MDB_txn *mdb, const MDB_dbi databases[DATABASE_COUNT], int64_t tenant,
                     struct cursor *rows)
{
    struct value database, key, value;
    struct row_place place;
    if (!value_next(rows, &database) || database.kind != VALUE_INT || database.integer < 0 ||
        database.integer >= DATABASE_COUNT || !value_next(rows, &key) || key.kind != VALUE_BYTES ||
        !value_next(rows, &value))
        return MDB_CORRUPTED;
    if (!row_key_parse((enum database)database.integer, key.text, &place) || place.tenant != tenant)
        return MDB_CORRUPTED;
    MDB_dbi dbi = databases[database.integer];
    MDB_val name = {key.text.len, (void *)key.text.at};
    if (value.kind == VALUE_NIL) {
        int code = mdb_del(mdb, dbi, &name, nullptr);
        return code == MDB_NOTFOUND ? 0 : code;
    }
    if (value.kind != VALUE_BYTES) return MDB_CORRUPTED;
    if (place.has_value ? value.text.len <= VALUE_HASH_BYTES : value.text.len != 0)
        return MDB_CORRUPTED;
    MDB_val stored = {value.text.len, (void *)value.text.at};
    return mdb_put(mdb, dbi, &name, &stored, 0);
}

int batch_apply(MDB_txn *mdb, const MDB_dbi databases[DATABASE_COUNT], str bytes)
{
    struct value list = value_of(bytes), version, tenant, rows;
    struct cursor items = cursor_of(list.items);
    if (list.kind != VALUE_LIST || list.count != 3 || !value_next(&items, &version) ||
        version.kind != VALUE_INT || version.integer != BATCH_VERSION ||
        !value_next(&items, &tenant) || tenant.kind != VALUE_INT || !value_next(&items, &rows) ||
        rows.kind != VALUE_LIST || rows.count % 3 != 0)
        return MDB_CORRUPTED;
    struct cursor at = cursor_of(rows.items);
    for (uint32_t i = 0; i < rows.count; i += 3) {
        int code = row_apply(mdb, databases, tenant.integer, &at);
        if (code != 0) return code;
    }
    return 0;
}
