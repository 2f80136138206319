#include "store/scan.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/require.h"

/** Entries between two looks at the clock. */
constexpr uint32_t AGE_LOOK_INTERVAL = 64;

struct scan {
    struct scan *next;
    struct scan *previous;
    uint32_t entries;
    struct walk walk;
};

static struct scan *scan_take(struct txn *txn)
{
    struct scan *scan = txn->scans_idle;
    if (scan != nullptr) txn->scans_idle = scan->next;
    else scan = memory_take(sizeof(*scan));
    scan->entries = 0;
    scan->previous = nullptr;
    scan->next = txn->scans;
    if (scan->next != nullptr) scan->next->previous = scan;
    txn->scans = scan;
    return scan;
}

void scan_close(struct scan *scan)
{
    struct txn *txn = scan->walk.txn;
    walk_close(&scan->walk);
    if (scan->previous != nullptr) scan->previous->next = scan->next;
    else txn->scans = scan->next;
    if (scan->next != nullptr) scan->next->previous = scan->previous;
    scan->next = txn->scans_idle;
    txn->scans_idle = scan;
}

void scans_drop(struct txn *txn)
{
    require(txn->scans == nullptr);
    for (struct scan *scan = txn->scans_idle, *next; scan != nullptr; scan = next) {
        next = scan->next;
        memory_give(scan);
    }
    txn->scans_idle = nullptr;
}

/** What follows the prefix in a key of this database: an ordered value or token, then an id. */
static str place_bytes(enum database database, str ordered, struct id id, char room[KEY_BYTES_MAX])
{
    size_t len = 0;
    require(ordered.len <= KEY_INDEX_BYTES_MAX);
    if (ordered.len > 0) memcpy(room, ordered.at, ordered.len);
    len = ordered.len;
    if (database == DATABASE_TEXT) room[len++] = 0;
    memcpy(room + len, id.bytes, 16);
    return (str){room, len + 16};
}

/** A bound is cut as stored values are; the whole of a longest token is its bytes and their 00. */
static str bound_cut(enum database database, str bound)
{
    if (database != DATABASE_TEXT) return str_first(bound, KEY_INDEX_BYTES_MAX);
    bool is_whole = bound.len == KEY_TOKEN_BYTES_MAX + 1 && bound.at[KEY_TOKEN_BYTES_MAX] == 0;
    return is_whole ? bound : str_first(bound, KEY_TOKEN_BYTES_MAX);
}

static struct scan *scan_open(struct txn *txn, enum database database, const struct row_key *prefix,
                              const struct scan_range *range)
{
    struct scan *scan = scan_take(txn);
    struct row_bounds *bounds = &scan->walk.bounds;
    row_bounds_all(bounds, prefix);
    str from = bound_cut(database, range->from), to = bound_cut(database, range->to);
    if (!range->is_unbounded_from && from.len > 0)
        row_bounds_from(bounds, from, range->from_is_open);
    if (!range->is_unbounded_to && to.len > 0) row_bounds_to(bounds, to, range->to_is_open);
    if (range->has_after) {
        char room[KEY_BYTES_MAX];
        str after =
            place_bytes(database, bound_cut(database, range->after_ordered), range->after_id, room);
        if (range->is_descending) row_bounds_to(bounds, after, true);
        else row_bounds_from(bounds, after, true);
    }
    walk_open(&scan->walk, txn, database, range->is_descending);
    return scan;
}

struct scan *scan_index(struct txn *txn, uint16_t entity, uint16_t field,
                        const struct scan_range *range)
{
    struct row_key prefix;
    row_prefix_index(&prefix, &txn->space, entity, field);
    return scan_open(txn, DATABASE_INDEX, &prefix, range);
}

struct scan *scan_text(struct txn *txn, uint16_t entity, const struct scan_range *range)
{
    struct row_key prefix;
    row_prefix_records(&prefix, &txn->space, entity);
    return scan_open(txn, DATABASE_TEXT, &prefix, range);
}

struct scan *scan_records(struct txn *txn, uint16_t entity, const struct scan_range *range)
{
    struct row_key prefix;
    row_prefix_records(&prefix, &txn->space, entity);
    return scan_open(txn, DATABASE_RECORDS, &prefix, range);
}

/** Whether the snapshot is too old to go on: LMDB cannot reuse pages behind it. */
static bool is_too_old(struct scan *scan)
{
    if (++scan->entries % AGE_LOOK_INTERVAL != 0) return false;
    int64_t opened_at_ns =
        atomic_load_explicit(&scan->walk.txn->opened_at_ns, memory_order_relaxed);
    return clock_monotonic_ns() - opened_at_ns > READER_AGE_MS_MAX * 1'000'000;
}

static enum err entry_read(struct scan *scan, str key, str stored, struct scan_entry *entry_out)
{
    const struct walk *walk = &scan->walk;
    size_t prefix = walk->bounds.prefix.len;
    struct row_place place;
    if (!row_key_parse(walk->database, key, &place))
        return walk->txn->task == nullptr
                   ? ERR_CORRUPT
                   : fail(walk->txn->task, ERR_CORRUPT, "A stored key is damaged.");
    *entry_out = (struct scan_entry){.id = place.id};
    if (walk->database == DATABASE_RECORDS)
        return row_check(walk->txn, walk->database, key, stored, &entry_out->value);
    if (walk->database == DATABASE_TEXT) {
        entry_out->ordered = (str){key.at + prefix, key.len - prefix - 33};
        memcpy(entry_out->source.bytes, key.at + key.len - 16, 16);
    } else {
        entry_out->ordered = (str){key.at + prefix, key.len - prefix - 16};
    }
    return ERR_NONE;
}

enum err scan_next(struct scan *scan, bool *has_entry_out, struct scan_entry *entry_out)
{
    struct txn *txn = scan->walk.txn;
    struct task *task = txn->task;
    *has_entry_out = false;
    if (task != nullptr && task->keys_max > 0 && task->keys_touched >= task->keys_max)
        return fail(task, ERR_TOO_LARGE, "This needs more than %u keys; narrow it.",
                    (unsigned)task->keys_max);
    if (is_too_old(scan))
        return task == nullptr ? ERR_FULL : fail(task, ERR_FULL, "This took too long; try again.");
    bool has_row;
    str key, stored;
    TRY(walk_next(&scan->walk, &has_row, &key, &stored));
    if (!has_row) return ERR_NONE;
    TRY(entry_read(scan, key, stored, entry_out));
    *has_entry_out = true;
    return ERR_NONE;
}

void scan_seek(struct scan *scan, str ordered, struct id id)
{
    char room[KEY_BYTES_MAX];
    enum database database = scan->walk.database;
    walk_seek(&scan->walk, place_bytes(database, bound_cut(database, ordered), id, room));
}

static enum err scan_count(struct scan *scan, uint32_t max, uint32_t *count_out)
{
    *count_out = 0;
    enum err err = ERR_NONE;
    struct scan_entry entry;
    bool has_entry = true;
    while (*count_out < max && has_entry && err == ERR_NONE) {
        err = scan_next(scan, &has_entry, &entry);
        if (has_entry) ++*count_out;
    }
    scan_close(scan);
    return err;
}

enum err scan_index_count(struct txn *txn, uint16_t entity, uint16_t field,
                          const struct scan_range *range, uint32_t max, uint32_t *count_out)
{
    return scan_count(scan_index(txn, entity, field, range), max, count_out);
}

enum err scan_text_count(struct txn *txn, uint16_t entity, const struct scan_range *range,
                         uint32_t max, uint32_t *count_out)
{
    return scan_count(scan_text(txn, entity, range), max, count_out);
}
