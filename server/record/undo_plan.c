/* What each record of the group is and what it shall be, by its entries alone. */
#include "record/undoing.h"

#include "base/require.h"
#include "model/kind.h"
#include "record/rows.h"
#include "record/past.h"
#include "record/sealed.h"
#include "record/show.h"

constexpr uint32_t BUCKETS = 4096;
static_assert(BUCKETS >= 2 * CHANGE_WRITES_MAX);

static uint32_t bucket_of(const struct entity *entity, struct id id)
{
    uint32_t hash = entity->number;
    for (uint32_t at = 0; at < 16; at++) hash = hash * 31 + id.bytes[at];
    return hash % BUCKETS;
}

struct undo_item *undo_item_find(const struct undo_plan *plan, const struct entity *entity,
                                 struct id id)
{
    for (uint32_t at = bucket_of(entity, id); plan->buckets[at] != 0; at = (at + 1) % BUCKETS) {
        struct undo_item *item = &plan->items[plan->buckets[at] - 1];
        if (item->entity == entity && id_eq(item->id, id)) return item;
    }
    return nullptr;
}

static void keep(struct undo *undo, const struct undo_kept *kept)
{
    undo->kept_count++;
    if (undo->told_count == UNDO_KEPT_MAX) return;
    if (undo->kept == nullptr)
        undo->kept = arena_new(undo->change->task->arena, struct undo_kept, UNDO_KEPT_MAX);
    undo->kept[undo->told_count++] = *kept;
}

void undo_keep(struct undo_plan *plan, const struct undo_item *item, const struct field *field,
               enum undo_reason reason)
{
    keep(plan->undo, &(struct undo_kept){item->entity, item->id, field, reason});
}

void undo_keep_record(struct undo *undo, const struct entity *entity, struct id id,
                      enum undo_reason reason)
{
    keep(undo, &(struct undo_kept){entity, id, nullptr, reason});
}

bool undo_is_own(const struct field *field)
{
    return !field->is_system && !field->is_removed && field->through.link == nullptr &&
           field->rollup == nullptr && field->formula == nullptr;
}

static enum err item_load(struct undo_plan *plan, const struct entity *entity, struct id id,
                          struct undo_item **item_out)
{
    struct change *change = plan->undo->change;
    struct arena *arena = change->task->arena;
    *item_out = undo_item_find(plan, entity, id);
    if (*item_out != nullptr) return ERR_NONE;
    require(plan->count < CHANGE_WRITES_MAX);
    struct undo_item *item = &plan->items[plan->count++];
    *item = (struct undo_item){.entity = entity,
                               .id = id,
                               .before = arena_new(arena, str, entity->field_count),
                               .now = arena_new(arena, str, entity->field_count)};
    uint32_t at = bucket_of(entity, id);
    while (plan->buckets[at] != 0) at = (at + 1) % BUCKETS;
    plan->buckets[at] = plan->count;
    *item_out = item;
    str value;
    enum err err = txn_record_get(change->txn, entity->number, id, arena, &value);
    if (err == ERR_MISSING) return ERR_NONE;
    TRY(err);
    item->was_there = item->is_there = true;
    slots_read(entity, value, item->before);
    memcpy(item->now, item->before, entity->field_count * sizeof(str));
    return ERR_NONE;
}

static str side(const struct value *value)
{
    return value->kind == VALUE_NIL ? (str){} : value->bytes;
}

/** A field that still is what the group wrote goes back. */
static void take_back_update(struct undo_plan *plan, struct undo_item *item,
                             struct log_change *change)
{
    uint16_t number;
    struct value old, new;
    struct view view = change_view(plan->undo->change);
    if (!item->is_there) {
        undo_keep(plan, item, nullptr, UNDO_GONE);
        return;
    }
    while (log_change_next(change, &number, &old, &new)) {
        const struct field *field = entity_field_by_number(item->entity, number);
        if (field == nullptr || !undo_is_own(field)) continue;
        str *now = &item->now[field_position(field)];
        if (!scope_sees_field(view.scope, field)) continue;
        if (!scope_edits_field(view.scope, field)) undo_keep(plan, item, field, UNDO_FORBIDDEN);
        else if (sealed_is_same(&view, field, item->id, *now, side(&new))) *now = side(&old);
        else if (field->one_of_per == nullptr) undo_keep(plan, item, field, UNDO_EDITED);
    }
}

/** Whether a created record is as the group made it; flags move from one record to another without
 *  an edit of theirs. */
static bool is_as_made(const struct view *view, const struct undo_item *item,
                       struct log_change *change)
{
    uint16_t number;
    struct value old, new;
    bool is_same = true;
    bool is_given[FIELDS_MAX] = {};
    while (log_change_next(change, &number, &old, &new)) {
        const struct field *field = entity_field_by_number(item->entity, number);
        if (field == nullptr || !undo_is_own(field) || field->one_of_per != nullptr) continue;
        is_given[field_position(field)] = true;
        is_same = is_same && sealed_is_same(view, field, item->id, item->now[field_position(field)],
                                            side(&new));
    }
    for (uint32_t at = 0; at < item->entity->field_count; at++) {
        const struct field *field = &item->entity->fields[at];
        if (is_given[at] || !undo_is_own(field) || field->one_of_per != nullptr) continue;
        is_same = is_same && item->now[at].len == 0;
    }
    return is_same;
}

static enum err take_back_creation(struct undo_plan *plan, struct undo_item *item,
                                   const struct log_entry *entry, struct log_change *change)
{
    if (!item->is_there) return ERR_NONE; /* gone already, as it shall be */
    struct view view = change_view(plan->undo->change);
    if (!is_as_made(&view, item, change)) {
        undo_keep(plan, item, nullptr, UNDO_EDITED);
        return ERR_NONE;
    }
    item->is_there = false;
    item->is_own_creation = true;
    /* It was there before, came back by an undo, and had been merged into another one. */
    struct log_entry last;
    struct log_change deletion;
    enum err err = txn_log_of_record(plan->undo->change->txn, entry->entity, entry->record,
                                     entry->sequence, &last);
    if (err != ERR_NONE) return err == ERR_MISSING ? ERR_NONE : err;
    if (log_change_read(last.body, &deletion)) item->into = deletion.into;
    return ERR_NONE;
}

static void take_back_deletion(struct undo_plan *plan, struct undo_item *item,
                               struct log_change *change)
{
    uint16_t number;
    struct value old, new;
    if (item->is_there) {
        undo_keep(plan, item, nullptr, UNDO_THERE);
        return;
    }
    item->is_there = true;
    memset(item->now, 0, item->entity->field_count * sizeof(str));
    while (log_change_next(change, &number, &old, &new)) {
        const struct field *field = entity_field_by_number(item->entity, number);
        if (field != nullptr && !field->is_removed) item->now[field_position(field)] = side(&old);
    }
}

/** What is not the actor's to see is left out; nothing is said of it, nor how much it is. */
static enum err verify_scope(struct undo_plan *plan, const struct entity *entity,
                             const struct log_entry *entry, enum operation operation,
                             bool *is_left_out)
{
    static const enum scope_action needed[] = {SCOPE_DELETE, SCOPE_EDIT, SCOPE_CREATE};
    struct change *change = plan->undo->change;
    struct view view = change_view(change);
    *is_left_out = !history_sees(&view, entity, entry);
    return *is_left_out ? ERR_NONE
                        : scope_require(change->task, change->scope, entity, needed[operation]);
}

static enum err take_back(struct undo_plan *plan, uint64_t sequence)
{
    struct change *change = plan->undo->change;
    struct log_entry entry;
    TRY(txn_log_from(change->txn, sequence, &entry));
    require(entry.sequence == sequence);
    const struct entity *entity = model_entity_by_number(change->model, entry.entity);
    if (entity == nullptr) return ERR_NONE; /* its firm does without such records now */
    struct undo_item *item;
    struct log_change taken;
    str body = arena_copy(change->task->arena, entry.body);
    bool is_whole = log_change_read(body, &taken), is_left_out = false;
    if (is_whole) TRY(verify_scope(plan, entity, &entry, taken.operation, &is_left_out));
    if (is_left_out) return ERR_NONE;
    TRY(item_load(plan, entity, entry.record, &item));
    if (!is_whole) {
        undo_keep(plan, item, nullptr, UNDO_ERASED);
        return ERR_NONE;
    }
    switch (taken.operation) {
    case OPERATION_CREATE:
        return take_back_creation(plan, item, &entry, &taken);
    case OPERATION_UPDATE:
        take_back_update(plan, item, &taken);
        break;
    case OPERATION_DELETE:
        take_back_deletion(plan, item, &taken);
        break;
    }
    return ERR_NONE;
}

enum err undo_plan_make(struct undo *undo, const uint64_t *sequences, uint32_t count,
                        struct undo_plan *plan_out)
{
    struct arena *arena = undo->change->task->arena;
    require(count <= CHANGE_WRITES_MAX);
    *plan_out = (struct undo_plan){.undo = undo,
                                   .items = arena_new(arena, struct undo_item, CHANGE_WRITES_MAX),
                                   .buckets = arena_new(arena, uint32_t, BUCKETS)};
    for (uint32_t at = 0; at < count; at++) {
        require(at == 0 || sequences[at] < sequences[at - 1]);
        TRY(take_back(plan_out, sequences[at]));
    }
    return ERR_NONE;
}
