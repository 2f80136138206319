#include "base/limits.h"
#include "base/require.h"
#include "store/row_seal.h"
#include "store/walk.h"
#include "value/value.h"

/** What an outbox row says: [kind, body]. The body stands last, sealed (store/row_seal.h) in the
 *  name of SYSTEM_OUTBOX and the entry's place, or as it was given where it was not sealed yet. */
constexpr size_t OUTBOX_KIND_BYTES_MAX = 32;
constexpr size_t PLACE_BYTES = 8 + sizeof(struct id);

static enum err entry_read(struct txn *txn, str place, str row, struct arena *arena,
                           struct outbox_entry *entry_out)
{
    struct value list = value_of(row), kind, body;
    struct cursor items = cursor_of(list.items);
    if (list.kind != VALUE_LIST || !value_next(&items, &kind) || kind.kind != VALUE_TEXT ||
        !value_next(&items, &body))
        return ERR_CORRUPT;
    *entry_out = (struct outbox_entry){
        .due_ms = (int64_t)(bytes_uint64(place.at) ^ (uint64_t)1 << 63),
        .kind = kind.text,
    };
    memcpy(entry_out->id.bytes, place.at + 8, sizeof entry_out->id);
    if (arena == nullptr) return ERR_NONE;
    return sealed_value_open(txn, SYSTEM_OUTBOX, place, body.bytes, arena, &entry_out->body);
}

/* Which there are of a kind: SYSTEM_OUTBOX, kind, 0, place → nil; kind alone → how many. */

/** The key's bytes behind the tenant's number: due time and id. */
static str place_of(const struct row_key *key)
{
    str bytes = row_key_str(key);
    return str_from(bytes, bytes.len - PLACE_BYTES);
}

static str finder_of(struct arena *arena, str kind, str place)
{
    char *key = arena_take_raw(arena, kind.len + 1 + place.len);
    memcpy(key, kind.at, kind.len);
    key[kind.len] = 0;
    memcpy(key + kind.len + 1, place.at, place.len);
    return (str){key, kind.len + 1 + place.len};
}

enum err txn_outbox_count(struct txn *txn, str kind, uint64_t *count_out)
{
    struct row_key key;
    str row;
    *count_out = 0;
    row_key_system(&key, &txn->space, SYSTEM_OUTBOX, kind);
    enum err err = row_get(txn, DATABASE_SYSTEM, &key, &row);
    if (err == ERR_MISSING) return ERR_NONE;
    TRY(err);
    struct value count = value_of(row);
    if (count.kind != VALUE_INT || count.integer < 0) return ERR_CORRUPT;
    *count_out = (uint64_t)count.integer;
    return ERR_NONE;
}

static void count_move(struct txn *txn, str kind, int64_t by)
{
    uint64_t count = 0;
    /* One that is damaged was told by row_get; it begins anew. */
    if (txn_outbox_count(txn, kind, &count) != ERR_NONE || (by < 0 && count == 0)) count = by < 0;
    struct row_key key;
    row_key_system(&key, &txn->space, SYSTEM_OUTBOX, kind);
    struct buf row = row_build(txn);
    pack_int(&row, (int64_t)count + by);
    row_put_built(txn, DATABASE_SYSTEM, &key, &row);
}

enum err txn_outbox_room(struct txn *txn, str kind)
{
    uint64_t count;
    TRY(txn_outbox_count(txn, kind, &count));
    if (count < OUTBOX_OF_KIND_MAX) return ERR_NONE;
    return fail(
        txn_task(txn), ERR_LIMITED,
        "%u entries of the kind `%.*s` wait in the outbox; no more may, until some are done",
        OUTBOX_OF_KIND_MAX, FMT(kind));
}

/* Entries. */

static void entry_write(struct txn *txn, const struct row_key *key,
                        const struct outbox_entry *entry)
{
    struct buf value = row_build(txn);
    pack_list(&value, 2);
    pack_text(&value, entry->kind);
    sealed_value_put(txn, &value, SYSTEM_OUTBOX, place_of(key), entry->body);
    row_put_built(txn, DATABASE_OUTBOX, key, &value);
}

void txn_outbox_put(struct txn *txn, const struct outbox_entry *entry)
{
    require(entry->kind.len > 0 && entry->kind.len <= OUTBOX_KIND_BYTES_MAX);
    require(entry->body.len > 0);
    struct outbox_entry before;
    if (txn_outbox_get(txn, entry->due_ms, entry->id, nullptr, &before) == ERR_NONE)
        txn_outbox_delete(txn, entry->due_ms, entry->id);
    struct row_key key, finder;
    row_key_outbox(&key, &txn->space, entry->due_ms, entry->id);
    entry_write(txn, &key, entry);
    row_key_system(&finder, &txn->space, SYSTEM_OUTBOX,
                   finder_of(&txn->arena, entry->kind, place_of(&key)));
    struct buf nothing = row_build(txn);
    pack_nil(&nothing);
    row_put_built(txn, DATABASE_SYSTEM, &finder, &nothing);
    count_move(txn, entry->kind, 1);
}

void txn_outbox_delete(struct txn *txn, int64_t due_ms, struct id id)
{
    struct outbox_entry entry;
    struct row_key key, finder;
    row_key_outbox(&key, &txn->space, due_ms, id);
    /* A damaged row goes too; nothing tells then of which kind it was. */
    if (txn_outbox_get(txn, due_ms, id, nullptr, &entry) == ERR_NONE) {
        row_key_system(&finder, &txn->space, SYSTEM_OUTBOX,
                       finder_of(&txn->arena, entry.kind, place_of(&key)));
        row_delete(txn, DATABASE_SYSTEM, &finder);
        count_move(txn, entry.kind, -1);
    }
    row_delete(txn, DATABASE_OUTBOX, &key);
}

enum err txn_outbox_get(struct txn *txn, int64_t due_ms, struct id id, struct arena *arena,
                        struct outbox_entry *entry_out)
{
    struct row_key key;
    str row;
    row_key_outbox(&key, &txn->space, due_ms, id);
    TRY(row_get(txn, DATABASE_OUTBOX, &key, &row));
    return entry_read(txn, place_of(&key), row, arena, entry_out);
}

enum err txn_outbox_after(struct txn *txn, int64_t due_ms, struct id id, struct arena *arena,
                          struct outbox_entry *entry_out)
{
    struct walk walk;
    struct row_key prefix, after;
    row_prefix_outbox(&prefix, &txn->space);
    row_key_outbox(&after, &txn->space, due_ms, id);
    row_bounds_all(&walk.bounds, &prefix);
    row_bounds_from(&walk.bounds, str_from(row_key_str(&after), prefix.len), true);
    str key, row;
    TRY(walk_first(&walk, txn, DATABASE_OUTBOX, false, &key, &row));
    struct row_place place;
    if (!row_key_parse(DATABASE_OUTBOX, key, &place)) return ERR_CORRUPT;
    return entry_read(txn, str_from(key, prefix.len), row, arena, entry_out);
}

enum err txn_outbox_of(struct txn *txn, str kind, int64_t due_ms, struct id id,
                       struct arena *body_arena, struct outbox_entry *entry_out)
{
    struct row_key after;
    row_key_outbox(&after, &txn->space, due_ms, id);
    struct arena *arena = txn_task(txn)->arena;
    str last = finder_of(arena, kind, place_of(&after)), key, nothing;
    TRY(txn_system_after(txn, SYSTEM_OUTBOX, last, arena, &key, &nothing));
    if (key.len != last.len || !str_starts(key, str_first(last, kind.len + 1))) return ERR_MISSING;
    struct id found;
    str place = str_from(key, kind.len + 1);
    memcpy(found.bytes, place.at + 8, sizeof found);
    int64_t found_ms = (int64_t)(bytes_uint64(place.at) ^ (uint64_t)1 << 63);
    enum err err = txn_outbox_get(txn, found_ms, found, body_arena, entry_out);
    return err == ERR_MISSING ? ERR_CORRUPT : err;
}

enum err txn_outbox_reseal(struct txn *txn, int64_t due_ms, struct id id, struct arena *arena,
                           struct outbox_entry *entry_out)
{
    struct row_key key;
    TRY(txn_outbox_after(txn, due_ms, id, arena, entry_out));
    entry_out->kind = arena_copy(arena, entry_out->kind);
    row_key_outbox(&key, &txn->space, entry_out->due_ms, entry_out->id);
    entry_write(txn, &key, entry_out);
    return ERR_NONE;
}
