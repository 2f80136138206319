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

/** Whether all clients that it left were its clients then: what came later was never seen. */
static bool lay_there(const struct view *view, const struct entity *entity, struct id id, str value,
                      uint64_t place)
{
    struct value clients, item;
    str then;
    if (!value_find(value, FIELD_CLIENTS, &clients) || clients.kind != VALUE_LIST ||
        !record_field_at(view, entity, id, FIELD_CLIENTS, place, &then))
        return false;
    struct cursor cursor = cursor_of(clients.items);
    for (uint32_t at = 0; at < clients.count && value_next(&cursor, &item); at++) {
        struct id client;
        if (item.kind != VALUE_BYTES || !id_of_bytes(item.text, &client) || !is_in(then, client))
            return false;
    }
    return true;
}

bool rows_lose(const struct view *view, const struct entity *entity, const struct log_entry *entry,
               uint64_t since)
{
    struct record found;
    struct id id = entry->record;
    if (rows_see_all(view, entity) || rows_see_id(view, entity, id) ||
        !log_record_before(view, entity, entry, &found))
        return false;
    if (rows_see(view, entity, id, found.value)) return true;
    /* Its client may have been lost behind `since`, and the record have left it before that was
     * looked at, so that no walk under the client comes by it. */
    return entity != view->model->client && since < entry->sequence && leaves_client(entry) &&
           lay_there(view, entity, id, found.value, since) &&
           rows_saw(view, entity, found.value, since);
}

/* With its client. */

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

/** Whether the record lay where it lies when the client was lost, and was seen then. */
static bool was_seen(const struct view *view, const struct rows_under *under,
                     const struct field *source, struct id id)
{
    const struct entity *entity = source->entity;
    str value, then;
    if (txn_record_get_view(view->txn, entity->number, id, &value) != ERR_NONE ||
        rows_see(view, entity, id, value) || !rows_saw(view, entity, value, under->sequence - 1) ||
        !record_field_at(view, entity, id, source->number, under->sequence, &then))
        return false;
    return source->number == FIELD_CLIENTS ? is_in(then, under->client) : then.len > 0;
}

/** Whether as many were looked at as may be: on an event loop a scan says so, and a worker goes on
 *  with it; there the client has to be told before its keys are used up. */
static bool has_looked_enough(const struct view *view, const struct rows_under *under)
{
    const struct task *task = view->task;
    bool is_on_worker = task->keys_max > LOOP_KEYS_MAX;
    return under->looked >= ROWS_LOST_MAX ||
           (is_on_worker && task->keys_touched > task->keys_max / 4 * 3);
}

enum err rows_under_next(const struct view *view, struct rows_under *under,
                         const struct entity **entity_out, struct id *id_out, bool *is_lost_out)
{
    require(under->sequence > 0);
    *entity_out = nullptr;
    uint32_t sources = 2 * view->model->entity_count;
    for (; under->source < sources && !has_looked_enough(view, under);
         under->source++, under->last = (struct id){}) {
        const struct field *field = source_field(view, under->source);
        if (field == nullptr) continue;
        str client = id_bytes(&under->client);
        struct scan_range range = {.from = client,
                                   .to = client,
                                   .has_after = !id_is_nil(under->last),
                                   .after_ordered = client,
                                   .after_id = under->last};
        struct scan *scan = scan_index(view->txn, field->entity->number, field->number, &range);
        struct scan_entry entry;
        bool has_entry;
        enum err err = scan_next(scan, &has_entry, &entry);
        scan_close(scan);
        TRY(err);
        if (!has_entry) continue;
        under->last = entry.id;
        under->looked++;
        *entity_out = field->entity;
        *id_out = entry.id;
        *is_lost_out = was_seen(view, under, field, entry.id);
        return ERR_NONE;
    }
    return ERR_NONE;
}
