#include "record/forget.h"

#include "base/require.h"
#include "store/fold.h"

constexpr uint32_t GROUPS_MAX = 100'000; /** looked at in one compacting */

/** A group and what undid it. */
struct undone_group {
    struct id group;
    struct id undo;
};

struct forgetting {
    struct work work;
    struct task *task;
    struct undone_group pair;
};

static bool is_of_pair(const struct undone_group *pair, struct id group)
{
    return id_eq(group, pair->group) || id_eq(group, pair->undo);
}

/** The next group behind `after` that was undone, by an undo that stands. */
static enum err pair_next(struct task *task, struct txn *txn, str after,
                          struct undone_group *pair_out)
{
    for (str key = after, row;;) {
        struct group_state state, undo;
        TRY(txn_system_after(txn, SYSTEM_GROUP, key, task->arena, &key, &row));
        if (!id_of_bytes(key, &pair_out->group)) return ERR_CORRUPT;
        TRY(group_state_get(task, txn, pair_out->group, &state));
        pair_out->undo = state.undone_by;
        if (id_is_nil(state.undone_by)) continue;
        TRY(group_state_get(task, txn, state.undone_by, &undo));
        if (id_is_nil(undo.undone_by)) return ERR_NONE;
    }
}

/** Whether a record is gone, and nobody but the two ever touched it. */
static enum err judge_record(struct txn *txn, const struct undone_group *pair,
                             const struct log_entry *entry, bool *may_go_out)
{
    str value;
    enum err err = txn_record_get_view(txn, entry->entity, entry->record, &value);
    *may_go_out = false;
    if (err != ERR_MISSING) return err;
    for (uint64_t before = UINT64_MAX;;) {
        struct log_entry own;
        err = txn_log_of_record(txn, entry->entity, entry->record, before, &own);
        *may_go_out = err == ERR_MISSING;
        if (err != ERR_NONE) return err == ERR_MISSING ? ERR_NONE : err;
        if (!is_of_pair(pair, own.group)) return ERR_NONE;
        before = own.sequence;
    }
}

static enum err judge_group(struct txn *txn, const struct undone_group *pair, struct id group,
                            bool *may_go_out)
{
    struct log_stretch stretch;
    *may_go_out = true;
    for (uint64_t before = UINT64_MAX; *may_go_out; before = stretch.first) {
        enum err err = txn_log_of_group(txn, group, before, &stretch);
        if (err == ERR_MISSING) return ERR_NONE;
        TRY(err);
        for (uint64_t at = stretch.first; at <= stretch.last && *may_go_out; at++) {
            struct log_entry entry;
            TRY(txn_log_from(txn, at, &entry));
            TRY(judge_record(txn, pair, &entry, may_go_out));
        }
    }
    return ERR_NONE;
}

static enum err rows_drop(struct work *work, struct txn *txn)
{
    struct forgetting *forgetting = (struct forgetting *)work;
    txn_set_task(txn, forgetting->task);
    txn_system_delete(txn, SYSTEM_GROUP, id_bytes(&forgetting->pair.group));
    txn_system_delete(txn, SYSTEM_GROUP, id_bytes(&forgetting->pair.undo));
    return ERR_NONE;
}

static enum err pair_forget(struct task *task, const struct space *space,
                            const struct undone_group *pair)
{
    TRY(fold_group(task, space, pair->group));
    TRY(fold_group(task, space, pair->undo));
    struct forgetting forgetting = {.work = {.run = rows_drop}, .task = task, .pair = *pair};
    return store_write(space->store, space, &forgetting.work);
}

/** The next pair that may go; a snapshot for each, since folding writes. */
static enum err pair_find(struct task *task, const struct space *space, struct undone_group *pair,
                          bool *may_go_out)
{
    struct txn *txn;
    bool is_first = id_is_nil(pair->group), may_undo_go = false;
    struct id after = pair->group;
    TRY(txn_open(task, space, &txn));
    enum err err = pair_next(task, txn, is_first ? S("") : id_bytes(&after), pair);
    if (err == ERR_NONE) err = judge_group(txn, pair, pair->group, may_go_out);
    if (err == ERR_NONE && *may_go_out) err = judge_group(txn, pair, pair->undo, &may_undo_go);
    *may_go_out = *may_go_out && may_undo_go;
    txn_close(txn);
    return err;
}

enum err forget_undone(struct task *task, const struct space *space, uint64_t *groups_out)
{
    struct arena arena;
    struct undone_group pair = {};
    enum err err = ERR_NONE;
    arena_init(&arena, TASK_ARENA_BYTES_MAX);
    for (uint32_t count = 0; count < GROUPS_MAX && err == ERR_NONE; count++) {
        struct task each;
        bool may_go = false;
        task_init(&each, &arena);
        each.now_ms = task->now_ms;
        err = pair_find(&each, space, &pair, &may_go);
        if (err == ERR_NONE && may_go) err = pair_forget(&each, space, &pair);
        if (err == ERR_NONE) *groups_out += may_go;
        if (err != ERR_NONE && err != ERR_MISSING && each.fault.detail.len > 0)
            err = fail(task, err, "%.*s", FMT(each.fault.detail));
        arena_clear(&arena);
    }
    arena_drop(&arena);
    return err == ERR_MISSING ? ERR_NONE : err;
}
