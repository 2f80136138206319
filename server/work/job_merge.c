#include "work/job_merge.h"

#include "base/require.h"
#include "rules/rules.h"

constexpr uint32_t MOVED_IN_STEP = 250;
constexpr uint32_t REFERENCES_COUNTED_MAX = 1'000'000;

struct merge_live {
    uint16_t entity;
    struct id survivor;
    struct value given;
};

str merge_job_given(struct task *task, const struct entity *entity, struct id survivor,
                    const struct value *given)
{
    struct buf out = buf_make(task->arena, given->bytes.len + 64);
    pack_list(&out, 3);
    pack_int(&out, entity->number);
    pack_bytes(&out, id_bytes(&survivor));
    pack_raw(&out, given->bytes);
    require(!buf_is_over(&out));
    return buf_str(&out);
}

enum err merge_job_open(struct job_run *run)
{
    struct merge_live *live = arena_new(run->arena, struct merge_live, 1);
    struct value list = value_of(run->job.given), entity, survivor;
    struct cursor items = cursor_of(list.items);
    run->live = live;
    bool is_whole = list.kind == VALUE_LIST && value_next(&items, &entity) &&
                    value_next(&items, &survivor) && value_next(&items, &live->given) &&
                    entity.kind == VALUE_INT && survivor.kind == VALUE_BYTES &&
                    id_of_bytes(survivor.text, &live->survivor);
    if (!is_whole) return ERR_CORRUPT;
    live->entity = (uint16_t)entity.integer;
    return ERR_NONE;
}

static void note_result(struct job_run *run, uint64_t moved)
{
    struct buf result = buf_make(run->task->arena, 64);
    pack_map(&result, 1);
    pack_text(&result, S("moved"));
    pack_int(&result, (int64_t)moved);
    run->job.result = buf_str(&result);
}

/** A part of what refers to the others, or, when the rest fits into one change, all of it. */
static enum err merge_part(struct job_run *run, struct txn *txn, void *argument)
{
    struct merge_live *live = argument;
    struct change change = job_change(run, txn);
    rule_chain_of(&change)->through = S("job");
    const struct entity *entity = model_entity_by_number(run->tenant.model, live->entity);
    if (entity == nullptr) return fail(run->task, ERR_MISSING, "there are no such records now");
    struct merging *merging = arena_new(run->task->arena, struct merging, 1);
    uint32_t references, moved = 0;
    TRY(merging_read(&change, entity, live->survivor, &live->given, merging));
    TRY(merging_count(merging, REFERENCES_COUNTED_MAX, &references));
    bool counts_all = scope_sees_everything(&run->scope, run->tenant.model);
    if (run->job.total == 0 && counts_all) run->job.total = references;
    run->is_over = references <= MOVED_IN_STEP;
    if (!run->is_over) {
        TRY(merging_move_some(merging, MOVED_IN_STEP, &moved));
        run->is_over = moved == 0;
    }
    if (run->is_over) {
        moved = references;
        TRY(merging_run(merging));
    }
    TRY(change_finish(&change));
    /* Whoever does not see everything is told how much there is of what he sees, at the end. */
    run->job.done += counts_all ? moved : merging_told(merging);
    if (run->is_over) run->job.total = run->job.done;
    note_result(run, run->job.done);
    return ERR_NONE;
}

enum err merge_job_step(struct job_run *run, bool *is_over_out)
{
    const struct merge_live *live = run->live;
    require(is_over_out == &run->is_over);
    enum err err = job_write(run, merge_part, run->live);
    const struct model *model = run->tenant.model;
    if (err != ERR_NONE)
        scope_cut_fault(&run->scope, model, model_entity_by_number(model, live->entity),
                        &run->task->fault);
    return err;
}
