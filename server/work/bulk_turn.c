#include "work/bulk_turn.h"

#include "base/clock.h"
#include "base/require.h"
#include "record/models.h"
#include "rules/rules.h"
#include "value/json.h"

constexpr size_t OPERATION_ARENA_BYTES_MAX = 16 * MIB;
constexpr size_t LINES_BYTES_MAX = 8 * MIB; /** of a turn; a problem may tell many faults */

enum bulk_count : uint8_t { COUNT_CREATED, COUNT_UPDATED, COUNT_DELETED, COUNT_FAILED };
static const str count_words[] = {
    [COUNT_CREATED] = {"created", 7},
    [COUNT_UPDATED] = {"updated", 7},
    [COUNT_DELETED] = {"deleted", 7},
    [COUNT_FAILED] = {"failed", 6},
};
constexpr uint32_t COUNTS = sizeof count_words / sizeof count_words[0];
static_assert((int)COUNT_CREATED == OPERATION_CREATE && (int)COUNT_UPDATED == OPERATION_UPDATE &&
              (int)COUNT_DELETED == OPERATION_DELETE);

/* From open to close. */

enum err bulk_turns_open(struct bulk_turns *turns, struct job_run *run)
{
    arena_init(&turns->arena, OPERATION_ARENA_BYTES_MAX);
    import_pace_start(&turns->pace, run->access.store);
    struct value position = value_of(run->job.position), item;
    if (position.kind == VALUE_NIL) return ERR_NONE;
    uint64_t numbers[COUNTS + 1];
    struct cursor items = cursor_of(position.items);
    bool is_read = position.kind == VALUE_LIST && position.count == COUNTS + 2;
    for (uint32_t at = 0; at < COUNTS + 1 && is_read; at++) {
        is_read = value_next(&items, &item) && item.kind == VALUE_INT && item.integer >= 0;
        if (is_read) numbers[at] = (uint64_t)item.integer;
    }
    is_read = is_read && value_next(&items, &item) && item.kind == VALUE_BYTES;
    if (!is_read) return fail(run->task, ERR_CORRUPT, "the position of a job is damaged");
    turns->index = numbers[0];
    memcpy(turns->counts, &numbers[1], sizeof turns->counts);
    turns->place = arena_copy(run->arena, item.text);
    return ERR_NONE;
}

void bulk_turns_close(struct bulk_turns *turns)
{
    arena_drop(&turns->arena);
}

enum err bulk_entity(struct job_run *run, const struct entity **entity_out)
{
    int64_t number;
    *entity_out = nullptr;
    if (value_int_at(run->job.given, BULK_ENTITY, &number) && number > 0 && number <= UINT16_MAX)
        *entity_out = model_entity_by_number(run->tenant.model, (uint16_t)number);
    if (*entity_out != nullptr) return ERR_NONE;
    return fail(run->task, ERR_CONFLICT, "the collection that this job is about is gone");
}

/* One turn. */

bool bulk_turn_has_room(const struct bulk_turns *turns, size_t bytes)
{
    if (turns->done == 0) return true;
    return turns->done < BULK_TURN_OPERATIONS_MAX && turns->bytes + bytes <= BULK_TURN_BYTES_MAX &&
           clock_monotonic_ns() < turns->end_ns;
}

struct attempt {
    struct bulk_turns *turns;
    struct job_run *run;
    struct change change;
    struct bulk_operation *operation;
};

static enum err attempt_run(void *argument)
{
    struct attempt *attempt = argument;
    struct change *change = &attempt->change;
    const struct entity *entity = attempt->turns->entity;
    rule_chain_of(change)->through = S("bulk");
    TRY(bulk_operation_run(change, entity, attempt->operation));
    return access_finish_change(change, entity);
}

static void write_line(struct bulk_turns *turns, struct task *task,
                       const struct bulk_operation *operation, enum err err)
{
    struct buf *lines = &turns->lines;
    buf_put_byte(lines, '{');
    if (turns->tells_index) buf_print(lines, "\"index\":%llu,", (unsigned long long)turns->index);
    /* The arena of the operation may be spent. */
    bulk_result_write(lines, lines->arena, operation, err, &task->fault);
    buf_put(lines, S("}\n"));
}

enum err bulk_turn_run(struct bulk_turns *turns, struct job_run *run, struct txn *txn,
                       struct task *task, struct bulk_operation *operation, enum err err)
{
    struct savepoint savepoint = txn_savepoint(txn);
    if (turns->entity->shapes_model) { /* the operation before may have made it another */
        TRY(model_of(run->task, txn, run->tenant.model, &run->tenant.model));
        TRY(bulk_entity(run, &turns->entity));
    }
    if (err == ERR_NONE) {
        struct attempt attempt = {
            .turns = turns,
            .run = run,
            .change = job_change(run, txn),
            .operation = operation,
        };
        attempt.change.task = task;
        txn_set_task(txn, task);
        err = arena_guard(task->arena, attempt_run, &attempt);
        txn_set_task(txn, run->task);
    }
    if (err == ERR_FULL || err == ERR_LIMITED) return err;
    if (err != ERR_NONE) txn_rollback(txn, savepoint);
    scope_cut_fault(&run->scope, run->tenant.model, turns->entity, &task->fault);
    write_line(turns, task, operation, err);
    turns->counts[err == ERR_NONE ? (uint32_t)operation->verb : COUNT_FAILED]++;
    turns->index++;
    turns->done++;
    return ERR_NONE;
}

struct turn_apply {
    struct bulk_turns *turns;
    enum err (*apply)(struct job_run *run, struct txn *txn, void *argument);
    void *argument;
};

static void position_put(struct bulk_turns *turns, struct job_run *run)
{
    struct buf position = buf_make(run->task->arena, 128 + turns->place.len);
    struct buf result = buf_make(run->task->arena, 128);
    pack_list(&position, COUNTS + 2);
    pack_int(&position, (int64_t)turns->index);
    pack_map(&result, COUNTS);
    for (uint32_t at = 0; at < COUNTS; at++) {
        pack_int(&position, (int64_t)turns->counts[at]);
        pack_text(&result, count_words[at]);
        pack_int(&result, (int64_t)turns->counts[at]);
    }
    pack_bytes(&position, turns->place);
    require(!buf_is_over(&position) && !buf_is_over(&result));
    run->job.position = buf_str(&position);
    run->job.result = buf_str(&result);
}

static enum err turn_apply(struct job_run *run, struct txn *txn, void *argument)
{
    struct turn_apply *self = argument;
    struct bulk_turns *turns = self->turns;
    TRY(bulk_entity(run, &turns->entity));
    turns->end_ns = clock_monotonic_ns() + turns->pace.turn_ns;
    turns->done = 0;
    turns->bytes = 0;
    turns->lines = buf_make(run->task->arena, LINES_BYTES_MAX);
    TRY(self->apply(run, txn, self->argument));
    if (buf_is_over(&turns->lines))
        return fail(run->task, ERR_TOO_LARGE, "too many faults to tell");
    run->lines = buf_str(&turns->lines);
    run->job.done = turns->index;
    position_put(turns, run);
    turns->ended_ns = clock_monotonic_ns();
    return ERR_NONE;
}

enum err bulk_turn_write(struct bulk_turns *turns, struct job_run *run,
                         enum err (*apply)(struct job_run *run, struct txn *txn, void *argument),
                         void *argument)
{
    struct turn_apply self = {turns, apply, argument};
    TRY(job_write(run, turn_apply, &self));
    import_pace_turned(&turns->pace, run->access.store, clock_monotonic_ns() - turns->ended_ns);
    return ERR_NONE;
}
