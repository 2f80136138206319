#include "record/rows_lost.h"

#include "base/limits.h"
#include "base/require.h"
#include "record/past.h"
#include "record/rows.h"

/* With an entry of its own. */

/** Whether the entry took the record away from a client that it lay under. */
static bool leaves_client(const struct log_entry *entry)
{
    struct log_change change;
    uint16_t number;
    struct value old, new;
    bool leaves = false;
    if (!log_change_read(entry->body, &change)) return false;
    while (!leaves && log_change_next(&change, &number, &old, &new))
        leaves = number == FIELD_CLIENTS && old.kind != VALUE_NIL;
    return leaves;
}

static bool is_in(str stored, struct id id)
{
    struct value list = value_of(stored), item;
    if (stored.len == 0 || list.kind != VALUE_LIST) return false;
    struct cursor cursor = cursor_of(list.items);
    for (uint32_t at = 0; at < list.count && value_next(&cursor, &item); at++)
        if (item.kind == VALUE_BYTES && str_eq(item.text, id_bytes(&id))) return true;
    return false;
}

bool rows_lose(const struct view *view, const struct entity *entity, const struct log_entry *entry)
{
    struct record found;
    struct id id = entry->record;
    if (rows_see_all(view, entity) || rows_see_id(view, entity, id) ||
        !log_record_before(view, entity, entry, &found))
        return false;
    if (rows_see(view, entity, id, found.value)) return true;
    /* Its client may have been lost later on, when no walk under that comes by it any more. */
    return entity != view->model->client && leaves_client(entry) &&
           rows_saw(view, entity, found.value, entry->sequence - 1);
}

/* With its client. */

bool rows_lose_under(const struct view *view, const struct entity *entity,
                     const struct log_entry *entry)
{
    struct record found;
    str now;
    return entity == view->model->client && !rows_see_all(view, entity) &&
           log_record_before(view, entity, entry, &found) && rows_hold(view, found.value) &&
           record_last_value(view, entity, entry->record, &now) && !rows_hold(view, now);
}

/** The index that leads from the client to records of one entity; nullptr: none does. Each entity
 *  has two: what lies under it, and pairs of which it is the second. */
static const struct field *source_field(const struct view *view, uint32_t source)
{
    const struct entity *entity = &view->model->entities[source / 2];
    if (!entity->is_under_client || entity == view->model->client ||
        !scope_may(view->scope, entity->number, SCOPE_VIEW))
        return nullptr;
    const struct field *field =
        source % 2 == 1 ? rows_second(entity) : entity_field_by_number(entity, FIELD_CLIENTS);
    return field == nullptr || field->is_building ? nullptr : field;
}

/** Whether the record lay there when the client was lost, and was seen then; `value` is that of the
 *  time when it lay there last. */
static bool was_seen(const struct view *view, const struct rows_under *under,
                     const struct field *source, struct id id, str value)
{
    const struct entity *entity = source->entity;
    str then;
    if (rows_see_id(view, entity, id) || !rows_saw(view, entity, value, under->sequence - 1) ||
        !record_field_at(view, entity, id, source->number, under->sequence, &then))
        return false;
    return source->number == FIELD_CLIENTS ? is_in(then, under->client) : then.len > 0;
}

/** Whether as many keys were touched as a walk may: on an event loop a scan says so, and a worker
 *  goes on with it; there the client has to be told before its keys are used up. */
static bool has_touched_enough(const struct view *view, uint32_t keys_max)
{
    bool is_on_worker = view->task->keys_max > LOOP_KEYS_MAX;
    return is_on_worker && view->task->keys_touched > keys_max;
}

/** The next record that the index leads to. */
static enum err next_there(const struct view *view, struct rows_under *under,
                           const struct field *source, struct rows_left *left)
{
    str client = id_bytes(&under->client), value;
    struct scan_range range = {.from = client,
                               .to = client,
                               .has_after = !id_is_nil(under->last),
                               .after_ordered = client,
                               .after_id = under->last};
    struct scan *scan = scan_index(view->txn, source->entity->number, source->number, &range);
    struct scan_entry entry;
    bool has_entry;
    enum err err = scan_next(scan, &has_entry, &entry);
    scan_close(scan);
    TRY(err);
    if (!has_entry) return ERR_NONE;
    under->last = entry.id;
    under->looked++;
    *left = (struct rows_left){.entity = source->entity, .id = entry.id};
    left->is_lost =
        txn_record_get_view(view->txn, source->entity->number, entry.id, &value) == ERR_NONE &&
        was_seen(view, under, source, entry.id, value);
    return ERR_NONE;
}

/** What the next entry of the log took away from there, after the client was lost; not found under
 *  it any more. */
static enum err next_gone(const struct view *view, struct rows_under *under, struct rows_left *left)
{
    struct task *task = view->task;
    struct log_entry entry;
    struct record found;
    bool is_on_loop = task->keys_max > 0 && task->keys_max <= LOOP_KEYS_MAX;
    if (is_on_loop && task->keys_touched >= task->keys_max)
        return fail(task, ERR_TOO_LARGE, "this takes more than %u keys", task->keys_max);
    enum err err = txn_log_from(view->txn, under->ahead + 1, &entry);
    if (err == ERR_MISSING) return ERR_NONE;
    TRY(err);
    under->ahead = entry.sequence;
    const struct entity *entity = model_entity_by_number(view->model, entry.entity);
    *left = (struct rows_left){.entity = view->model->client, .id = under->client};
    if (entity == nullptr || !leaves_client(&entry) ||
        !log_record_before(view, entity, &entry, &found))
        return ERR_NONE;
    for (uint32_t is_second = 0; is_second < 2 && !left->is_lost; is_second++) {
        const struct field *source =
            source_field(view, 2 * (uint32_t)(entity - view->model->entities) + is_second);
        if (source != nullptr && was_seen(view, under, source, entry.record, found.value))
            *left = (struct rows_left){entity, entry.record, true};
    }
    return ERR_NONE;
}

enum err rows_under_next(const struct view *view, struct rows_under *under, struct rows_left *left)
{
    require(under->sequence > 0);
    *left = (struct rows_left){};
    uint32_t keys_max = view->task->keys_max;
    uint32_t sources = 2 * view->model->entity_count;
    for (; under->source < sources && under->looked < ROWS_LOST_MAX &&
           !has_touched_enough(view, keys_max / 4 * 3);
         under->source++, under->last = (struct id){}) {
        const struct field *source = source_field(view, under->source);
        if (source != nullptr) TRY(next_there(view, under, source, left));
        if (left->entity != nullptr) return ERR_NONE;
    }
    if (under->ahead < under->sequence) under->ahead = under->sequence;
    bool is_far = under->ahead - under->sequence >= ROWS_LOST_MAX;
    return is_far || has_touched_enough(view, keys_max / 2) ? ERR_NONE
                                                            : next_gone(view, under, left);
}
