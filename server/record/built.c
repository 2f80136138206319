/* How the building of fields ends: ready, stripped, or not unique. */
#include "base/require.h"
#include "model/kind.h"
#include "record/query.h"
#include "record/rebuild.h"
#include "record/reshape.h"

static enum err judge_value(struct change *change, const struct field *field, struct id id,
                            const struct value *stored)
{
    struct view view = change_view(change);
    struct id ids[2]; /* its own and another */
    uint32_t count;
    TRY(query_find_same(&view, field, stored, 2, ids, &count));
    for (uint32_t at = 0; at < count; at++) {
        if (id_eq(ids[at], id)) continue;
        struct arena *arena = change->task->arena;
        task_fault(change->task, field->name, S("taken"), "%.*s and %.*s have the same value",
                   FMT(id_text(arena, ids[at])), FMT(id_text(arena, id)));
        return ERR_NONE;
    }
    return ERR_NONE;
}

enum err records_judge_unique(struct change *change, const struct entity *entity,
                              const struct id *ids, uint32_t count)
{
    for (uint32_t field_at = 0; field_at < entity->field_count; field_at++) {
        const struct field *field = &entity->fields[field_at];
        if (!field->is_unique || !field->is_building) continue;
        for (uint32_t at = 0; at < count; at++) {
            str record;
            struct value stored;
            enum err err = txn_record_get_view(change->txn, entity->number, ids[at], &record);
            if (err == ERR_MISSING) continue;
            TRY(err);
            if (!value_find(record, field->number, &stored)) continue;
            TRY(judge_value(change, field, ids[at], &stored));
        }
    }
    return ERR_NONE;
}

/** The custom field that has this number; nullptr: it is a built-in one, or was deleted. */
static const struct shaper *custom_field(const struct model *base, const struct shapers *shapers,
                                         uint16_t entity, uint16_t number)
{
    for (uint32_t at = 0; at < shapers->fields.count; at++) {
        const struct shaper *field = &shapers->fields.items[at];
        if (shaper_number(field, CUSTOM_NUMBER) == number &&
            shape_entity_number(base, shapers, shaper_text(field, CUSTOM_OF)) == entity)
            return field;
    }
    return nullptr;
}

static void put_text(struct change *change, struct draft *draft, uint16_t number, str text)
{
    struct buf stored = buf_make(change->task->arena, text.len + 8);
    pack_text(&stored, text);
    draft_put(draft, entity_field_by_number(draft->entity, number),
              text.len > 0 ? buf_str(&stored) : (str){});
}

static enum err load_custom(struct change *change, const struct shaper *field,
                            struct draft *draft_out)
{
    const struct entity *entity = model_entity_by_number(change->model, CUSTOM_FIELD_ENTITY);
    return draft_load(change, entity, field->id, draft_out);
}

enum err build_finish(struct change *change, struct id job)
{
    const struct model *base = models_base(change->model->models);
    struct ledger ledger;
    struct shapers shapers;
    TRY(ledger_read(change->task, change->txn, &ledger));
    TRY(shapers_read(change->task, change->txn, &shapers));
    bool has_custom = false, has_any = false;
    for (uint32_t at = ledger.build_count; at > 0; at--) {
        struct build build = ledger.builds[at - 1];
        if (!id_eq(build.job, job)) continue;
        has_any = true;
        ledger_forget_build(&ledger, &ledger.builds[at - 1]);
        for (uint32_t of = 0; of < ledger.removed_count; of++)
            if (ledger.removed[of].entity == build.entity &&
                ledger.removed[of].number == build.field)
                ledger.removed[of].is_stripped = true;
        const struct shaper *field = custom_field(base, &shapers, build.entity, build.field);
        if (field == nullptr) continue;
        struct draft draft;
        TRY(load_custom(change, field, &draft));
        put_text(change, &draft, CUSTOM_STATE, S("ready"));
        TRY(draft_save(change, &draft, WRITE_BY_ENGINE));
        has_custom = true;
    }
    if (!has_any) return ERR_NONE;
    ledger_write(change->txn, &ledger);
    /* A changed custom field makes the model anew at the end of the change. */
    if (!has_custom || change->touched_count == 0)
        TRY(model_rows_write(change->task, change->txn, base, &shapers, &ledger));
    return change_finish(change);
}

enum err build_give_up_unique(struct change *change, uint16_t entity, struct id job, str problem)
{
    const struct model *base = models_base(change->model->models);
    struct ledger ledger;
    struct shapers shapers;
    struct id next = {};
    TRY(ledger_read(change->task, change->txn, &ledger));
    TRY(shapers_read(change->task, change->txn, &shapers));
    TRY(models_options(change->model->models)->build(change, entity, &next));
    for (uint32_t at = 0; at < ledger.build_count; at++) {
        struct build *build = &ledger.builds[at];
        if (!id_eq(build->job, job)) continue;
        build->job = next;
        const struct shaper *field = custom_field(base, &shapers, entity, build->field);
        if (field == nullptr || !shaper_flag(field, CUSTOM_UNIQUE, false)) continue;
        struct draft draft;
        struct buf no = buf_make(change->task->arena, 8);
        TRY(load_custom(change, field, &draft));
        pack_bool(&no, false);
        draft_put(&draft, entity_field_by_number(draft.entity, CUSTOM_UNIQUE), buf_str(&no));
        put_text(change, &draft, CUSTOM_PROBLEM, problem);
        TRY(draft_save(change, &draft, WRITE_BY_ENGINE));
    }
    ledger_write(change->txn, &ledger);
    return change_finish(change);
}

enum err model_upgrade(struct change *change, const struct build *builds, uint32_t build_count)
{
    const struct model *base = models_base(change->model->models);
    struct ledger ledger;
    struct shapers shapers;
    TRY(ledger_read(change->task, change->txn, &ledger));
    TRY(shapers_read(change->task, change->txn, &shapers));
    for (uint32_t at = 0; at < build_count; at++) {
        bool has_records;
        TRY(entity_has_records(change->txn, builds[at].entity, &has_records));
        if (has_records) TRY(reshape_queue(change, &ledger, builds[at]));
    }
    bool has_rows = ledger.build_count + ledger.next_count + shapers.choices.count +
                        shapers.entities.count + shapers.fields.count >
                    0;
    if (!has_rows) return ERR_NONE;
    return model_rows_write(change->task, change->txn, base, &shapers, &ledger);
}
