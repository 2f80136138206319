#include "base/require.h"
#include "store/walk.h"
#include "value/value.h"

/** What an outbox row says: [kind, body]. The body stands last as it was given. */
constexpr size_t OUTBOX_KIND_BYTES_MAX = 32;

void txn_outbox_put(struct txn *txn, const struct outbox_entry *entry)
{
    require(entry->kind.len <= OUTBOX_KIND_BYTES_MAX);
    require(entry->body.len > 0);
    struct row_key key;
    row_key_outbox(&key, &txn->space, entry->due_ms, entry->id);
    struct buf value = row_build(txn);
    pack_list(&value, 2);
    pack_text(&value, entry->kind);
    pack_raw(&value, entry->body);
    row_put_built(txn, DATABASE_OUTBOX, &key, &value);
}

void txn_outbox_delete(struct txn *txn, int64_t due_ms, struct id id)
{
    struct row_key key;
    row_key_outbox(&key, &txn->space, due_ms, id);
    row_delete(txn, DATABASE_OUTBOX, &key);
}

enum err txn_outbox_after(struct txn *txn, int64_t due_ms, struct id id,
                          struct outbox_entry *entry_out)
{
    struct walk walk;
    struct row_key prefix, after;
    row_prefix_outbox(&prefix, &txn->space);
    row_key_outbox(&after, &txn->space, due_ms, id);
    row_bounds_all(&walk.bounds, &prefix);
    row_bounds_from(&walk.bounds, str_from(row_key_str(&after), prefix.len), true);
    str key, bytes;
    TRY(walk_first(&walk, txn, DATABASE_OUTBOX, false, &key, &bytes));
    struct row_place place;
    struct value list = value_of(bytes), kind, body;
    struct cursor items = cursor_of(list.items);
    if (!row_key_parse(DATABASE_OUTBOX, key, &place) || list.kind != VALUE_LIST ||
        !value_next(&items, &kind) || kind.kind != VALUE_TEXT || !value_next(&items, &body))
        return ERR_CORRUPT;
    *entry_out = (struct outbox_entry){
        .due_ms = (int64_t)(bytes_uint64(key.at + TENANT_BYTES) ^ (uint64_t)1 << 63),
        .kind = kind.text,
        .body = body.bytes,
    };
    memcpy(entry_out->id.bytes, key.at + TENANT_BYTES + 8, 16);
    return ERR_NONE;
}
