#include "work/job_delete.h"

#include "base/require.h"
#include "record/deletion.h"
#include "rules/rules.h"

constexpr uint32_t DELETED_IN_STEP = 250;
constexpr uint32_t COUNTED_MAX = 1'000'000;

struct delete_live {
    uint16_t entity;
    struct id id;
};

str delete_job_given(struct task *task, const struct entity *entity, struct id id)
{
    struct buf given = buf_make(task->arena, 64);
    pack_list(&given, 2);
    pack_int(&given, entity->number);
    pack_bytes(&given, id_bytes(&id));
    return buf_str(&given);
}

enum err delete_job_open(struct job_run *run)
{
    struct delete_live *live = arena_new(run->arena, struct delete_live, 1);
    struct value list = value_of(run->job.given), entity, id;
    struct cursor items = cursor_of(list.items);
    run->live = live;
    bool is_whole = list.kind == VALUE_LIST && value_next(&items, &entity) &&
                    value_next(&items, &id) && entity.kind == VALUE_INT && id.kind == VALUE_BYTES &&
                    id_of_bytes(id.text, &live->id);
    if (!is_whole) return ERR_CORRUPT;
    live->entity = (uint16_t)entity.integer;
    return ERR_NONE;
}

static void note_result(struct job_run *run)
{
    struct buf result = buf_make(run->task->arena, 64);
    pack_map(&result, 1);
    pack_text(&result, S("deleted"));
    pack_int(&result, (int64_t)run->job.done);
    run->job.result = buf_str(&result);
}

/** A part of what lies under the record, or, when the rest fits into one change, all of it. */
static enum err delete_part(struct job_run *run, struct txn *txn, void *argument)
{
    const struct delete_live *live = argument;
    struct change change = job_change(run, txn);
    rule_chain_of(&change)->through = S("job");
    const struct entity *entity = model_entity_by_number(run->tenant.model, live->entity);
    if (entity == nullptr) return fail(run->task, ERR_MISSING, "there are no such records now");
    bool counts_all = scope_sees_everything(&run->scope, run->tenant.model);
    uint32_t count, seen = 0, left = 0, deleted = 0;
    TRY(deletion_verify(&change, entity, live->id));
    TRY(deletion_count(&change, entity, live->id, COUNTED_MAX, &count));
    if (!counts_all) TRY(deletion_count_seen(&change, entity, live->id, COUNTED_MAX, &seen));
    if (run->job.total == 0 && counts_all) run->job.total = count + 1;
    run->is_over = count <= DELETED_IN_STEP;
    if (!run->is_over) {
        TRY(deletion_some(&change, entity, live->id, DELETED_IN_STEP, &deleted));
        run->is_over = deleted == 0;
        if (!counts_all) TRY(deletion_count_seen(&change, entity, live->id, COUNTED_MAX, &left));
    }
    if (run->is_over) {
        deleted = count + 1;
        left = 0;
        TRY(record_delete(&change, entity, live->id, nullptr));
    }
    TRY(run->is_over ? access_finish_change(&change, entity) : change_finish(&change));
    /* Whoever does not see everything is told how much there is of what he sees, at the end. */
    run->job.done += counts_all ? deleted : seen - left + run->is_over;
    if (run->is_over) run->job.total = run->job.done;
    note_result(run);
    return ERR_NONE;
}

enum err delete_job_step(struct job_run *run, bool *is_over_out)
{
    const struct delete_live *live = run->live;
    require(is_over_out == &run->is_over);
    enum err err = job_write(run, delete_part, run->live);
    const struct model *model = run->tenant.model;
    if (err != ERR_NONE)
        scope_cut_fault(&run->scope, model, model_entity_by_number(model, live->entity),
                        &run->task->fault);
    return err;
}
