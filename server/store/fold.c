#include "store/fold.h"

#include "base/require.h"
#include "store/change_log.h"
#include "store/walk.h"

constexpr uint64_t SLICE_ENTRIES = 1000;

struct folding {
    struct work work;
    struct task *task;
    struct id group;
    bool is_over;
};

/** The chain up to before a sequence: of the entry or gap before it, or of the log's beginning. */
static enum err chain_before(struct txn *txn, uint64_t sequence, struct hash *chain_out)
{
    struct walk walk;
    struct row_key prefix;
    char number[8];
    bool has_row;
    str key, stored, value;
    bytes_put_uint64(number, sequence);
    row_prefix_log(&prefix, &txn->space);
    row_bounds_all(&walk.bounds, &prefix);
    row_bounds_to(&walk.bounds, (str){number, 8}, true);
    walk_open(&walk, txn, DATABASE_CHANGES, true);
    enum err err = walk_next(&walk, &has_row, &key, &stored);
    walk_close(&walk);
    TRY(err);
    *chain_out = log_chain_start(txn->store, txn->space.uuid);
    if (!has_row) return ERR_NONE;
    TRY(row_check(txn, DATABASE_CHANGES, key, stored, &value));
    struct log_row row;
    struct log_gap gap;
    if (log_row_read(1, value, &row)) *chain_out = row.chain;
    else if (log_gap_read(value, &gap)) *chain_out = gap.chain;
    else return ERR_CORRUPT;
    return ERR_NONE;
}

static enum err entry_delete(struct txn *txn, uint64_t sequence, struct id group,
                             struct hash *chain_out)
{
    struct row_key key;
    struct log_row row;
    str value;
    row_key_log(&key, &txn->space, sequence);
    enum err err = row_get(txn, DATABASE_CHANGES, &key, &value);
    if (err != ERR_NONE) return err == ERR_MISSING ? ERR_CORRUPT : err;
    if (!log_row_read(sequence, value, &row) || !id_eq(row.entry.group, group)) return ERR_CORRUPT;
    *chain_out = row.chain;
    row_delete(txn, DATABASE_CHANGES, &key);
    row_key_log_of(&key, &txn->space, row.entry.entity, row.entry.record, sequence);
    row_delete(txn, DATABASE_CHANGES, &key);
    return ERR_NONE;
}

/** One slice; what is left of its stretch is found by the group still. */
static enum err fold_run(struct work *work, struct txn *txn)
{
    struct folding *folding = (struct folding *)work;
    txn_set_task(txn, folding->task);
    struct log_stretch stretch;
    enum err err = txn_log_of_group(txn, folding->group, UINT64_MAX, &stretch);
    folding->is_over = err == ERR_MISSING;
    if (err != ERR_NONE) return folding->is_over ? ERR_NONE : err;
    struct log_gap gap = {.first = stretch.first, .last = stretch.last};
    if (gap.last - gap.first >= SLICE_ENTRIES) gap.last = gap.first + SLICE_ENTRIES - 1;
    struct hash before;
    struct row_key key;
    TRY(chain_before(txn, gap.first, &before));
    for (uint64_t sequence = gap.first; sequence <= gap.last; sequence++)
        TRY(entry_delete(txn, sequence, folding->group, &gap.chain));
    row_key_log_group(&key, &txn->space, folding->group, gap.first);
    row_delete(txn, DATABASE_CHANGES, &key);
    if (gap.last < stretch.last) {
        row_key_log_group(&key, &txn->space, folding->group, gap.last + 1);
        row_put_empty(txn, DATABASE_CHANGES, &key);
    }
    struct buf value = row_build(txn);
    log_gap_write(&value, log_chain_key(txn->store), txn->space.uuid, &before, &gap);
    row_key_log(&key, &txn->space, gap.first);
    row_put_built(txn, DATABASE_CHANGES, &key, &value);
    txn->has_log_end = false;
    return ERR_NONE;
}

enum err fold_group(struct task *task, const struct space *space, struct id group)
{
    struct folding folding = {.task = task, .group = group};
    while (!folding.is_over) {
        folding.work = (struct work){.run = fold_run};
        TRY(store_write(space->store, space, &folding.work));
    }
    return ERR_NONE;
}
