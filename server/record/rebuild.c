#include "record/rebuild.h"

#include "base/require.h"
#include "record/draft.h"

static enum err rebuild_one(struct change *change, const struct entity *entity, struct id id)
{
    struct draft draft;
    enum err err = draft_load(change, entity, id, &draft);
    if (err == ERR_MISSING) return ERR_NONE;
    TRY(err);
    draft_judge_incomplete(change, &draft);
    draft_renew_keys(change, &draft);
    draft_drop_removed(&draft);
    return draft_save(change, &draft, WRITE_BY_ENGINE);
}

enum err records_rebuild(struct change *change, const struct entity *entity, const struct id *ids,
                         uint32_t count)
{
    require(count <= REBUILD_RECORDS_MAX);
    require(change->touched_count == 0);
    for (uint32_t at = 0; at < count; at++) TRY(rebuild_one(change, entity, ids[at]));
    change->touched = nullptr;
    change->touched_count = change->touched_capacity = 0;
    return ERR_NONE;
}
