#include "store/change_log.h"

#include "base/limits.h"
#include "base/require.h"
#include "store/walk.h"
#include "value/value.h"

static bool next_bytes(struct cursor *items, size_t len, void *out)
{
    struct value value;
    if (!value_next(items, &value) || value.kind != VALUE_BYTES || value.text.len != len)
        return false;
    memcpy(out, value.text.at, len);
    return true;
}

static bool next_int(struct cursor *items, int64_t *number_out)
{
    struct value value;
    if (!value_next(items, &value) || value.kind != VALUE_INT) return false;
    *number_out = value.integer;
    return true;
}

bool log_row_read(uint64_t sequence, str value, struct log_row *row_out)
{
    struct value list = value_of(value), body;
    struct cursor items = cursor_of(list.items);
    struct log_entry *entry = &row_out->entry;
    int64_t entity;
    if (list.kind != VALUE_LIST || list.count != 9) return false;
    *row_out = (struct log_row){.entry.sequence = sequence};
    if (!next_bytes(&items, 16, entry->group.bytes) ||
        !next_bytes(&items, 16, entry->cause.bytes) ||
        !next_bytes(&items, 16, entry->actor.bytes) || !next_int(&items, &entry->at_ms) ||
        !next_int(&items, &entity) || entity < 0 || entity > UINT16_MAX ||
        !next_bytes(&items, 16, entry->record.bytes) ||
        !next_bytes(&items, HASH_BYTES, row_out->body_hash.bytes))
        return false;
    entry->entity = (uint16_t)entity;
    row_out->head = str_between(list.items.at, items.at);
    if (!next_bytes(&items, HASH_BYTES, row_out->chain.bytes) || !value_next(&items, &body))
        return false;
    if (body.kind != VALUE_NIL) entry->body = body.bytes;
    return true;
}

bool log_gap_read(str value, struct log_gap *gap_out)
{
    struct value list = value_of(value);
    struct cursor items = cursor_of(list.items);
    int64_t last;
    *gap_out = (struct log_gap){};
    if (list.kind != VALUE_LIST || list.count != 3 || !next_int(&items, &last) || last < 1 ||
        !next_bytes(&items, HASH_BYTES, gap_out->chain.bytes) ||
        !next_bytes(&items, HASH_BYTES, gap_out->proof.bytes))
        return false;
    gap_out->last = (uint64_t)last;
    return true;
}

static struct hash gap_proof(const struct secret_key *chain_key, struct id uuid,
                             const struct hash *before, const struct log_gap *gap)
{
    char first[8], last[8];
    bytes_put_uint64(first, gap->first);
    bytes_put_uint64(last, gap->last);
    const str parts[] = {{(const char *)before->bytes, HASH_BYTES},
                         id_bytes(&uuid),
                         {first, 8},
                         {last, 8},
                         {(const char *)gap->chain.bytes, HASH_BYTES}};
    return hash_of(chain_key, parts, 5);
}

void log_gap_write(struct buf *out, const struct secret_key *chain_key, struct id uuid,
                   const struct hash *before, const struct log_gap *gap)
{
    require(gap->first > 0 && gap->first <= gap->last);
    struct hash proof = gap_proof(chain_key, uuid, before, gap);
    pack_list(out, 3);
    pack_int(out, (int64_t)gap->last);
    pack_bytes(out, (str){(const char *)gap->chain.bytes, HASH_BYTES});
    pack_bytes(out, (str){(const char *)proof.bytes, HASH_BYTES});
}

const struct secret_key *log_chain_key(const struct store *store)
{
    return &store->chain_keys.keys[atomic_load(&store->chain_keys.count) - 1];
}

bool log_gap_is_proven(const struct store *store, struct id uuid, const struct hash *before,
                       const struct log_gap *gap)
{
    /* It was folded at any time since. */
    uint32_t count = atomic_load(&store->chain_keys.count);
    bool is_proven = false;
    for (uint32_t at = 0; at < count && !is_proven; at++) {
        struct hash proof = gap_proof(&store->chain_keys.keys[at], uuid, before, gap);
        is_proven = memcmp(proof.bytes, gap->proof.bytes, HASH_BYTES) == 0;
    }
    return is_proven && gap->first <= gap->last;
}

struct hash log_chain_start(const struct store *store, struct id uuid)
{
    str part = id_bytes(&uuid);
    return hash_of(&store->chain_keys.keys[0], &part, 1);
}

static struct hash log_chain_next(const struct secret_key *chain_key, struct id uuid,
                                  const struct hash *previous, uint64_t sequence, str head)
{
    char number[8];
    bytes_put_uint64(number, sequence);
    const str parts[] = {
        {(const char *)previous->bytes, HASH_BYTES}, id_bytes(&uuid), {number, 8}, head};
    return hash_of(chain_key, parts, 4);
}

bool log_row_is_chained(const struct store *store, struct id uuid, const struct hash *previous,
                        const struct log_row *row, uint32_t *key_at)
{
    uint32_t count = atomic_load(&store->chain_keys.count);
    for (uint32_t at = *key_at; at < count; at++) {
        struct hash chain = log_chain_next(&store->chain_keys.keys[at], uuid, previous,
                                           row->entry.sequence, row->head);
        if (memcmp(chain.bytes, row->chain.bytes, HASH_BYTES) != 0) continue;
        *key_at = at;
        return true;
    }
    return false;
}

static struct hash log_body_hash(const struct secret_key *chain_key, str body)
{
    return hash_of(chain_key, &body, 1);
}

bool log_row_has_body(const struct store *store, const struct log_row *row)
{
    uint32_t count = atomic_load(&store->chain_keys.count);
    bool has = false;
    for (uint32_t at = count; at > 0 && !has; at--) {
        struct hash body = log_body_hash(&store->chain_keys.keys[at - 1], row->entry.body);
        has = memcmp(body.bytes, row->body_hash.bytes, HASH_BYTES) == 0;
    }
    return has;
}

static void bounds_of_log(struct walk *walk, const struct txn *txn)
{
    struct row_key prefix;
    row_prefix_log(&prefix, &txn->space);
    row_bounds_all(&walk->bounds, &prefix);
}

/** The log's end is an entry, or a gap. */
static enum err log_end_take(struct txn *txn, str value)
{
    struct log_row row;
    struct log_gap gap;
    if (log_row_read(txn->log_sequence, value, &row)) {
        txn->log_chain = row.chain;
        txn->log_group = row.entry.group;
        return ERR_NONE;
    }
    if (!log_gap_read(value, &gap)) return ERR_CORRUPT;
    txn->log_sequence = gap.last;
    txn->log_chain = gap.chain;
    txn->log_group = (struct id){};
    return ERR_NONE;
}

/** Finds the newest entry once for a transaction, then carries it along. When it cannot be read the
 *  transaction is marked, so that no work of it is kept: an entry in a wrong place would break the
 *  log. */
static void log_end_find(struct txn *txn)
{
    if (txn->has_log_end) return;
    struct walk walk;
    str key, value;
    bool has_row;
    bounds_of_log(&walk, txn);
    walk_open(&walk, txn, DATABASE_CHANGES, true);
    enum err err = walk_next(&walk, &has_row, &key, &value);
    walk_close(&walk);
    txn->log_sequence = 0;
    txn->log_chain = log_chain_start(txn->store, txn->space.uuid);
    txn->has_log_end = true;
    if (err == ERR_NONE && has_row) {
        txn->log_sequence = bytes_uint64(key.at + key.len - 8);
        err = row_check(txn, DATABASE_CHANGES, key, value, &value);
        if (err == ERR_NONE) err = log_end_take(txn, value);
    }
    txn->broken = err;
}

/** The items of an entry; gives its chain. */
static struct hash entry_pack(struct buf *out, const struct secret_key *chain_key, struct id uuid,
                              const struct hash *previous, const struct log_entry *entry,
                              const struct hash *body_hash)
{
    pack_list(out, 9);
    size_t head_at = out->len;
    pack_bytes(out, id_bytes(&entry->group));
    pack_bytes(out, id_bytes(&entry->cause));
    pack_bytes(out, id_bytes(&entry->actor));
    pack_int(out, entry->at_ms);
    pack_int(out, entry->entity);
    pack_bytes(out, id_bytes(&entry->record));
    pack_bytes(out, (str){(const char *)body_hash->bytes, HASH_BYTES});
    struct hash chain =
        log_chain_next(chain_key, uuid, previous, entry->sequence, str_from(buf_str(out), head_at));
    pack_bytes(out, (str){(const char *)chain.bytes, HASH_BYTES});
    if (entry->body.len > 0) pack_raw(out, entry->body);
    else pack_nil(out);
    return chain;
}

bool log_row_chain_anew(struct buf *out, const struct secret_key *chain_key, struct id uuid,
                        struct hash *chain, uint64_t sequence, str value)
{
    struct log_row row;
    struct log_gap gap;
    if (log_gap_read(value, &gap)) {
        gap.first = sequence;
        gap.chain = gap_proof(chain_key, uuid, chain, &gap);
        log_gap_write(out, chain_key, uuid, chain, &gap);
        *chain = gap.chain;
        return gap.first <= gap.last;
    }
    if (!log_row_read(sequence, value, &row)) return false;
    if (row.entry.body.len > 0) row.body_hash = log_body_hash(chain_key, row.entry.body);
    *chain = entry_pack(out, chain_key, uuid, chain, &row.entry, &row.body_hash);
    return true;
}

uint64_t txn_log_append(struct txn *txn, const struct log_entry *entry)
{
    require(entry->body.len > 0);
    log_end_find(txn);
    uint64_t sequence = txn->log_sequence + 1;
    const struct secret_key *chain_key = log_chain_key(txn->store);
    struct hash body_hash = log_body_hash(chain_key, entry->body);
    struct log_entry numbered = *entry;
    numbered.sequence = sequence;
    struct buf value = row_build(txn);
    struct hash chain =
        entry_pack(&value, chain_key, txn->space.uuid, &txn->log_chain, &numbered, &body_hash);

    struct row_key key;
    row_key_log(&key, &txn->space, sequence);
    row_put_built(txn, DATABASE_CHANGES, &key, &value);
    row_key_log_of(&key, &txn->space, entry->entity, entry->record, sequence);
    row_put_empty(txn, DATABASE_CHANGES, &key);
    /* Entries of one group that follow each other are found by the first of them. */
    if (sequence == 1 || !id_eq(txn->log_group, entry->group)) {
        row_key_log_group(&key, &txn->space, entry->group, sequence);
        row_put_empty(txn, DATABASE_CHANGES, &key);
    }
    txn->has_logged = true;
    txn->log_sequence = sequence;
    txn->log_chain = chain;
    txn->log_group = entry->group;
    return sequence;
}

enum err txn_log_erase(struct txn *txn, uint64_t sequence)
{
    struct row_key key;
    struct log_row row;
    str stored;
    row_key_log(&key, &txn->space, sequence);
    TRY(row_get(txn, DATABASE_CHANGES, &key, &stored));
    if (!log_row_read(sequence, stored, &row)) return ERR_CORRUPT;
    if (row.entry.body.len == 0) return ERR_NONE;
    struct buf value = row_build(txn);
    pack_list(&value, 9);
    buf_put(&value, row.head);
    pack_bytes(&value, (str){(const char *)row.chain.bytes, HASH_BYTES});
    pack_nil(&value);
    row_put_built(txn, DATABASE_CHANGES, &key, &value);
    return ERR_NONE;
}

uint64_t txn_log_newest(struct txn *txn)
{
    log_end_find(txn);
    return txn->log_sequence;
}

enum err txn_log_from(struct txn *txn, uint64_t sequence, struct log_entry *entry_out)
{
    for (;;) {
        struct walk walk;
        str key, value;
        char number[8];
        bytes_put_uint64(number, sequence);
        bounds_of_log(&walk, txn);
        row_bounds_from(&walk.bounds, (str){number, 8}, false);
        TRY(walk_first(&walk, txn, DATABASE_CHANGES, false, &key, &value));
        struct log_row row;
        struct log_gap gap;
        if (log_row_read(bytes_uint64(key.at + key.len - 8), value, &row)) {
            *entry_out = row.entry;
            return ERR_NONE;
        }
        if (!log_gap_read(value, &gap) || gap.last < sequence) return ERR_CORRUPT;
        sequence = gap.last + 1;
    }
}

enum err txn_log_of_record(struct txn *txn, uint16_t entity, struct id record, uint64_t before,
                           struct log_entry *entry_out)
{
    struct walk walk;
    struct row_key prefix, entry_key;
    char number[8];
    bytes_put_uint64(number, before);
    row_prefix_log_of(&prefix, &txn->space, entity, record);
    row_bounds_all(&walk.bounds, &prefix);
    row_bounds_to(&walk.bounds, (str){number, 8}, true);
    walk_open(&walk, txn, DATABASE_CHANGES, true);
    bool has_row;
    str key, value;
    enum err err = walk_next(&walk, &has_row, &key, &value);
    walk_close(&walk);
    TRY(err);
    if (!has_row) return ERR_MISSING;
    uint64_t sequence = bytes_uint64(key.at + key.len - 8);
    row_key_log(&entry_key, &txn->space, sequence);
    err = row_get(txn, DATABASE_CHANGES, &entry_key, &value);
    if (err != ERR_NONE) return err == ERR_MISSING ? ERR_CORRUPT : err;
    struct log_row row;
    if (!log_row_read(sequence, value, &row)) return ERR_CORRUPT;
    *entry_out = row.entry;
    return ERR_NONE;
}

/** Whether the entry with this sequence belongs to the group. */
static enum err is_of_group(struct txn *txn, uint64_t sequence, struct id group, bool *is_of_out)
{
    struct row_key key;
    str value;
    struct log_row row;
    row_key_log(&key, &txn->space, sequence);
    txn_touch(txn);
    enum err err = row_get(txn, DATABASE_CHANGES, &key, &value);
    /* What was folded belongs to nobody. */
    *is_of_out = false;
    if (err != ERR_NONE) return err == ERR_MISSING ? ERR_NONE : err;
    *is_of_out = log_row_read(sequence, value, &row) && id_eq(row.entry.group, group);
    return ERR_NONE;
}

enum err txn_log_of_group(struct txn *txn, struct id group, uint64_t before,
                          struct log_stretch *stretch_out)
{
    struct walk walk;
    struct row_key prefix;
    char number[8];
    bytes_put_uint64(number, before);
    row_prefix_log_group(&prefix, &txn->space, group);
    row_bounds_all(&walk.bounds, &prefix);
    row_bounds_to(&walk.bounds, (str){number, 8}, true);
    walk_open(&walk, txn, DATABASE_CHANGES, true);
    bool has_row;
    str key, value;
    enum err err = walk_next(&walk, &has_row, &key, &value);
    walk_close(&walk);
    TRY(err);
    if (!has_row) return ERR_MISSING;
    uint64_t newest = txn_log_newest(txn);
    uint64_t first = bytes_uint64(key.at + key.len - 8);
    if (first > newest) return ERR_CORRUPT;
    /* No other stretch of the group begins before the bound, so up to there its entries end once:
     * `last` is one of them, `behind` is none. */
    uint64_t last = first, behind = before <= newest ? before : newest + 1;
    while (behind - last > 1) {
        uint64_t middle = last + (behind - last) / 2;
        bool is_of;
        TRY(is_of_group(txn, middle, group, &is_of));
        if (is_of) last = middle;
        else behind = middle;
    }
    *stretch_out = (struct log_stretch){first, last};
    return ERR_NONE;
}
