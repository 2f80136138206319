#include "record/rebuild.h"

#include "base/require.h"
#include "record/computed.h"
#include "record/under.h"
#include "record/sealed.h"

static enum err rebuild_one(struct change *change, struct draft *draft)
{
    draft->has_formulas = true;
    draft_judge_incomplete(change, draft);
    draft_renew_keys(change, draft);
    TRY(sealed_renew(change, draft));
    draft_drop_removed(draft);
    return draft_save(change, draft, WRITE_BY_ENGINE);
}

enum err records_rebuild(struct change *change, const struct entity *entity, const struct id *ids,
                         uint32_t count)
{
    require(count <= REBUILD_RECORDS_MAX);
    require(change->touched_count == 0);
    change->is_rebuild = true;
    struct draft **drafts = arena_new(change->task->arena, struct draft *, count);
    uint32_t there = 0;
    for (uint32_t at = 0; at < count; at++) {
        struct draft *draft = arena_new(change->task->arena, struct draft, 1);
        enum err err = draft_load(change, entity, ids[at], draft);
        if (err == ERR_MISSING) continue;
        TRY(err);
        TRY(rollups_renew(change, draft));
        TRY(under_renew(change, draft));
        drafts[there++] = draft;
    }
    if (there > 0) TRY(formulas_evaluate(change, drafts, there, true));
    for (uint32_t at = 0; at < there; at++) TRY(rebuild_one(change, drafts[at]));
    TRY(computed_settle(change));
    TRY(change_count(change));
    change->touched = nullptr;
    change->touched_count = change->touched_capacity = 0;
    return ERR_NONE;
}

enum err records_reseal(struct change *change, const struct entity *entity, const struct id *ids,
                        uint32_t count, uint32_t *sealed_out)
{
    require(count <= REBUILD_RECORDS_MAX);
    require(change->touched_count == 0);
    for (uint32_t at = 0; at < count; at++) {
        struct draft draft;
        enum err err = draft_load(change, entity, ids[at], &draft);
        if (err == ERR_MISSING) continue;
        TRY(err);
        TRY(sealed_renew(change, &draft));
        if (!draft_is_other(&draft, WRITE_BY_ENGINE)) continue;
        draft.has_formulas = true;
        TRY(draft_save(change, &draft, WRITE_BY_ENGINE));
        ++*sealed_out;
    }
    TRY(computed_settle(change));
    change->touched = nullptr;
    change->touched_count = change->touched_capacity = 0;
    return ERR_NONE;
}
