#include "store/sweep.h"

#include "base/limits.h"
#include "base/require.h"

struct sweep {
    struct work work;
    struct task task;
    enum system_row row;
    bool (*is_over)(str value, int64_t now_ms);
    str last; /** the key looked at last */
    bool is_at_end;
    uint32_t count;
    uint32_t deleted;
    str keys[SWEEP_ROWS_MAX];
};

static enum err sweep_look(struct sweep *sweep, struct txn *txn)
{
    struct arena *arena = sweep->task.arena;
    for (uint32_t seen = 0; seen < SWEEP_ROWS_MAX; seen++) {
        str value;
        enum err err = txn_system_after(txn, sweep->row, sweep->last, arena, &sweep->last, &value);
        sweep->is_at_end = err == ERR_MISSING;
        if (sweep->is_at_end) return ERR_NONE;
        TRY(err);
        if (sweep->is_over(value, sweep->task.now_ms)) sweep->keys[sweep->count++] = sweep->last;
    }
    return ERR_NONE;
}

static enum err sweep_run(struct work *work, struct txn *txn)
{
    struct sweep *sweep = (struct sweep *)work;
    txn_set_task(txn, &sweep->task);
    sweep->deleted = 0;
    for (uint32_t at = 0; at < sweep->count; at++) {
        str value;
        enum err err = txn_system_get(txn, sweep->row, sweep->keys[at], sweep->task.arena, &value);
        if (err == ERR_MISSING) continue;
        TRY(err);
        if (!sweep->is_over(value, sweep->task.now_ms)) continue;
        txn_system_delete(txn, sweep->row, sweep->keys[at]);
        sweep->deleted++;
    }
    return ERR_NONE;
}

/** One slice; `last` is then in `arena`, which the caller keeps until the next. */
static enum err sweep_slice(struct sweep *sweep, const struct space *space)
{
    struct txn *txn;
    sweep->count = sweep->deleted = 0;
    TRY(txn_open(&sweep->task, space, &txn));
    enum err err = sweep_look(sweep, txn);
    txn_close(txn);
    TRY(err);
    if (sweep->count == 0) return ERR_NONE;
    sweep->work = (struct work){.run = sweep_run, .arena = sweep->task.arena};
    return store_write(space->store, space, &sweep->work);
}

enum err system_sweep(struct task *task, const struct space *space, enum system_row row,
                      bool (*is_over)(str value, int64_t now_ms), uint64_t *deleted_out)
{
    char last[KEY_BYTES_MAX];
    struct arena arena;
    arena_init(&arena, TASK_ARENA_BYTES_MAX);
    struct sweep *sweep = arena_new(task->arena, struct sweep, 1);
    sweep->row = row;
    sweep->is_over = is_over;
    enum err err = ERR_NONE;
    *deleted_out = 0;
    while (err == ERR_NONE && !sweep->is_at_end) {
        task_init(&sweep->task, &arena);
        sweep->task.now_ms = task->now_ms;
        err = sweep_slice(sweep, space);
        *deleted_out += sweep->deleted;
        require(sweep->last.len <= sizeof last);
        if (sweep->last.len > 0) memcpy(last, sweep->last.at, sweep->last.len);
        sweep->last.at = last;
        arena_clear(&arena);
    }
    arena_drop(&arena);
    return err;
}
