/* The end of a change: what the engine wrote is shown to hooks, the final state is checked, the log
 * tells of each record. */
#include "record/draft.h"

#include "base/require.h"
#include "record/computed.h"
#include "record/gone.h"
#include "record/past.h"
#include "record/quota.h"
#include "record/reshape.h"

constexpr uint32_t ROUNDS_MAX = 16; /** of hooks writing what changes roll-ups that hooks see */

/* What the engine wrote. */

/** Whether anything but what the engine keeps for itself is other than it was. */
static bool is_other_for_people(const struct draft *draft)
{
    bool is = false;
    for (uint32_t at = 0; at < draft->entity->field_count && !is; at++)
        is = !draft->entity->fields[at].is_system && !str_eq(draft->before[at], draft->now[at]);
    return is;
}

static enum err show_written(struct change *change, uint32_t at)
{
    struct touched *touched = &change->touched[at];
    struct draft draft;
    enum err err = draft_load(change, touched->entity, touched->id, &draft);
    if (err != ERR_NONE) return err == ERR_MISSING ? ERR_NONE : err;
    str before = touched->shown.len > 0 ? touched->shown : touched->before;
    slots_read(draft.entity, before, draft.before);
    draft.operation = before.len == 0 ? OPERATION_CREATE : OPERATION_UPDATE;
    draft.is_by_engine = !touched->is_due_by_actor;
    touched_note_shown(change, touched, draft.value);
    return is_other_for_people(&draft) ? change_ask(change, HOOK_AFTER, &draft) : ERR_NONE;
}

/** Records that were written since `after` saw them are shown; what that writes is settled, and
 *  shown in turn. */
static enum err settle_and_show(struct change *change)
{
    for (uint32_t round = 0; round < ROUNDS_MAX; round++) {
        bool has_shown = false;
        TRY(computed_settle(change));
        /* More may be touched meanwhile, and the list move. */
        for (uint32_t at = 0; at < change->touched_count; at++) {
            const struct touched *touched = &change->touched[at];
            bool is_shown = touched->is_due && !touched->is_going &&
                            change_wants(change, HOOK_AFTER, touched->entity);
            if (!is_shown) continue;
            has_shown = true;
            TRY(show_written(change, at));
        }
        if (!has_shown) return ERR_NONE;
    }
    return fail(change->task, ERR_TOO_LARGE,
                "what follows from the change does not come to an end: rules and roll-ups went on "
                "changing each other %u times",
                ROUNDS_MAX);
}

/* Its final state. */

/** The record before the change and after it, for a hook. */
static enum err final_draft(struct change *change, const struct touched *touched,
                            struct draft **draft_out)
{
    struct draft *draft = draft_make(change, touched->entity, touched->id);
    enum err err = draft_load(change, draft->entity, draft->id, draft);
    if (err != ERR_NONE && err != ERR_MISSING) return err;
    bool is_gone = err == ERR_MISSING;
    slots_read(draft->entity, touched->before, draft->before);
    draft->is_new = false;
    draft->operation = is_gone                    ? OPERATION_DELETE
                       : touched->before.len == 0 ? OPERATION_CREATE
                                                  : OPERATION_UPDATE;
    draft->is_by_engine = !is_gone && !touched->is_by_actor;
    *draft_out = draft;
    return ERR_NONE;
}

/** Whether nothing has changed but which clients it lies under, or who holds it. */
static bool is_of_rows_alone(const struct draft *draft)
{
    bool is = draft->operation == OPERATION_UPDATE && draft->is_by_engine;
    for (uint32_t at = 0; at < draft->entity->field_count && is; at++) {
        uint16_t number = draft->entity->fields[at].number;
        is = number == FIELD_CLIENTS || number == FIELD_HOLDERS || number == FIELD_VERSION ||
             str_eq(draft->before[at], draft->now[at]);
    }
    return is;
}

static enum err check_touched(struct change *change)
{
    uint32_t count = change->touched_count;
    for (uint32_t at = 0; at < count; at++) {
        const struct touched *touched = &change->touched[at];
        struct draft *draft;
        if (!change_wants(change, HOOK_CHECK, touched->entity)) continue;
        TRY(final_draft(change, touched, &draft));
        bool was_never = draft->operation == OPERATION_DELETE && touched->before.len == 0;
        if (!was_never && !is_of_rows_alone(draft)) TRY(change_ask(change, HOOK_CHECK, draft));
    }
    require(change->touched_count == count);
    return ERR_NONE;
}

/** By another model than the tenant's a record would miss entries of an index. What shapes the
 *  model is the same in all models. */
static enum err verify_model(struct change *change)
{
    for (uint32_t at = 0; at < change->touched_count; at++)
        if (!change->touched[at].entity->shapes_model)
            return model_verify(change->task, change->txn, change->model);
    return ERR_NONE;
}

/* The log. */

/** False when nothing has changed that people see, or that decides who does: the first is told. A
 *  deletion keeps all that the record was. */
static bool log_body(struct buf *body, const struct touched *touched, str after, str rules,
                     uint8_t flags, bool *is_told_out)
{
    const struct entity *entity = touched->entity;
    str old[FIELDS_MAX], new[FIELDS_MAX];
    slots_read(entity, touched->before, old);
    slots_read(entity, after, new);
    struct log_head head = {.operation = touched->before.len == 0 ? OPERATION_CREATE
                                         : after.len == 0         ? OPERATION_DELETE
                                                                  : OPERATION_UPDATE,
                            .flags = flags,
                            .into = touched->into,
                            .rules = rules};
    uint32_t changed[FIELDS_MAX], count = 0, told = 0;
    for (uint32_t at = 0; at < entity->field_count; at++) {
        const struct field *field = &entity->fields[at];
        if (field->number == FIELD_REVISION && str_eq(old[at], new[at]))
            head.flags |= LOG_BY_ENGINE;
        bool is_told = (!field->is_system && !field->is_removed) ||
                       field->number == FIELD_INCOMPLETE || head.operation == OPERATION_DELETE;
        bool is_kept = is_told || field->number == FIELD_CLIENTS || field->number == FIELD_HOLDERS;
        if (!is_kept || str_eq(old[at], new[at])) continue;
        changed[count++] = at;
        told += is_told;
    }
    if (head.operation == OPERATION_UPDATE && count == 0) return false;
    if (head.operation == OPERATION_UPDATE && told == 0) head.flags |= LOG_ROWS_ALONE;
    *is_told_out = head.operation != OPERATION_UPDATE || told > 0;
    head.field_count = count;
    log_body_begin(body, &head);
    for (uint32_t at = 0; at < count; at++)
        log_body_field(body, entity->fields[changed[at]].number, old[changed[at]],
                       new[changed[at]]);
    log_body_end(body, &head);
    return true;
}

/** `settled` may put what follows into the outbox, as part of this commit. */
static enum err settle_touched(struct change *change, const struct touched *touched)
{
    struct draft *draft;
    if (!change_wants(change, HOOK_SETTLED, touched->entity)) return ERR_NONE;
    TRY(final_draft(change, touched, &draft));
    return change_ask(change, HOOK_SETTLED, draft);
}

/** Tells of one record, if there is anything to tell. */
static enum err log_touched(struct change *change, const struct touched *touched,
                            const struct marks *marks, uint8_t *flags)
{
    struct arena *arena = change->task->arena;
    str after = {};
    enum err err = txn_record_get_view(change->txn, touched->entity->number, touched->id, &after);
    if (err != ERR_NONE && err != ERR_MISSING) return err;
    if (touched->before.len == 0 && after.len == 0) return ERR_NONE;
    struct buf body = buf_make(arena, 2 * RECORD_BYTES_MAX + 20 * KIB);
    str rules = marks->count == 0 ? (str){} : marks_of(arena, marks, touched);
    bool is_told;
    if (!log_body(&body, touched, after, rules, *flags, &is_told)) return ERR_NONE;
    require(!buf_is_over(&body));
    struct log_entry entry = {.group = change->group,
                              .cause = change->cause,
                              .actor = change->scope->actor,
                              .at_ms = change->task->now_ms,
                              .entity = touched->entity->number,
                              .record = touched->id,
                              .body = buf_str(&body)};
    bool is_deletion = after.len == 0;
    uint64_t sequence = txn_log_append(change->txn, &entry);
    if (is_deletion && (!change->is_undo || !id_is_nil(touched->into)))
        gone_note(change->txn, touched->entity, touched->id, sequence, touched->into);
    *flags = LOG_CONTINUED;
    return is_told ? settle_touched(change, touched) : ERR_NONE;
}

enum err change_count(struct change *change)
{
    struct quota_delta delta = {};
    uint32_t keys_touched = change->task->keys_touched;
    for (uint32_t at = 0; at < change->touched_count; at++) {
        const struct touched *touched = &change->touched[at];
        str after = {};
        enum err err =
            txn_record_get_view(change->txn, touched->entity->number, touched->id, &after);
        if (err != ERR_NONE && err != ERR_MISSING) return err;
        delta.records += (after.len > 0) - (touched->before.len > 0);
        delta.bytes += (int64_t)after.len - (int64_t)touched->before_bytes;
    }
    change->task->keys_touched = keys_touched;
    /* What the engine brings up to date is not for anybody to give up. */
    return quota_count_records(change->task, change->txn, change->model, &delta,
                               !change->is_rebuild);
}

enum err change_finish(struct change *change)
{
    require(change->hook_depth == 0);
    TRY(settle_and_show(change));
    TRY(check_touched(change));
    TRY(verify_model(change));
    TRY(change_reshape(change));
    TRY(change_count(change));
    if (id_is_nil(change->group)) change->group = id_make();
    struct marks marks = marks_sort(change);
    uint8_t flags = 0;
    for (uint32_t at = 0; at < change->touched_count; at++)
        TRY(log_touched(change, &change->touched[at], &marks, &flags));
    change->touched = nullptr;
    change->touched_count = change->touched_capacity = 0;
    change->touched_were = nullptr;
    change->marks = nullptr;
    return ERR_NONE;
}
