#include "record/show.h"

#include "base/fold.h"
#include "base/require.h"
#include "model/kind.h"
#include "record/draft.h"
#include "record/rows.h"
#include "record/past.h"
#include "record/sealed.h"
#include "value/text.h"

constexpr uint32_t FEED_HIDDEN_MAX = 400; /** entries passed over for one page */

static enum err add_names(struct task *task, const struct entity *entity, struct sight sight,
                          str names, bool is_expand, struct shape *shape)
{
    str name, rest = names, parameter = is_expand ? S("expand") : S("fields");
    enum err err = ERR_NONE;
    if (!is_expand && names.len > 0) shape->has_fields = true;
    while (rest.len > 0) {
        (void)str_cut(rest, ',', &name, &rest);
        const struct field *field = entity_field_seen(entity, sight, name);
        if (str_eq(name, S("id")) && !is_expand) continue;
        if (field == nullptr) {
            err = fail_parameter(task, parameter, S("unknown"), "\"%.*s\" is no field of %.*s",
                                 FMT(utf8_first(name, 64)), FMT(entity->name));
            continue;
        }
        if (is_expand && field->kind != FIELD_REFERENCE && field->kind != FIELD_REFERENCES) {
            err = fail_parameter(task, parameter, S("type"), "\"%.*s\" is no reference", FMT(name));
            continue;
        }
        uint32_t *count = is_expand ? &shape->expand_count : &shape->field_count;
        uint32_t max = is_expand ? SHOW_EXPAND_MAX : SHOW_FIELDS_MAX;
        if (*count == max)
            return fail_parameter(task, parameter, S("length"), "at most %u names", max);
        (is_expand ? shape->expand : shape->fields)[(*count)++] = field;
    }
    return err;
}

enum err shape_add_fields(struct task *task, const struct entity *entity, struct sight sight,
                          str names, struct shape *shape)
{
    return add_names(task, entity, sight, names, false, shape);
}

enum err shape_add_expand(struct task *task, const struct entity *entity, struct sight sight,
                          str names, struct shape *shape)
{
    return add_names(task, entity, sight, names, true, shape);
}

static bool is_in(const struct field *field, const struct field *const *fields, uint32_t count)
{
    for (uint32_t at = 0; at < count; at++)
        if (fields[at] == field) return true;
    return false;
}

/** The record behind a stored id; null when it is not there or not in the scope. */
static void write_expanded(struct buf *json, const struct view *view, const struct entity *to,
                           str stored)
{
    struct id id;
    struct record record;
    struct view quiet = *view;
    struct task task = {.arena = view->task->arena};
    quiet.task = &task;
    if (!id_of_bytes(stored, &id) || record_get(&quiet, to, id, &record) != ERR_NONE) {
        buf_put(json, S("null"));
        return;
    }
    record_write(json, view, &record, nullptr);
}

static void write_expanded_field(struct buf *json, const struct view *view,
                                 const struct field *field, const struct value *stored)
{
    if (field->kind == FIELD_REFERENCE) {
        write_expanded(json, view, field->to, stored->text);
        return;
    }
    buf_put_byte(json, '[');
    struct cursor cursor = cursor_of(stored->items);
    struct value item;
    for (uint32_t at = 0; at < stored->count && value_next(&cursor, &item); at++) {
        if (at > 0) buf_put_byte(json, ',');
        write_expanded(json, view, field->to, item.text);
    }
    buf_put_byte(json, ']');
}

void record_write(struct buf *json, const struct view *view, const struct record *record,
                  const struct shape *shape)
{
    const struct entity *entity = record->entity;
    struct sight sight = scope_sight(view->scope);
    struct value values[FIELDS_MAX];
    values_read(entity, record->value, values);
    char id[ID_TEXT_BYTES];
    id_write(record->id, id);
    buf_put(json, S("{\"id\":\""));
    buf_put(json, (str){id, ID_TEXT_BYTES});
    buf_put_byte(json, '"');
    for (uint32_t at = 0; at < entity->field_count; at++) {
        const struct field *field = &entity->fields[at];
        bool is_expanded = shape != nullptr && is_in(field, shape->expand, shape->expand_count);
        if (!sight_shows(sight, field)) continue;
        if (shape != nullptr && shape->is_export && field->kind == FIELD_SECRET) continue;
        if (shape != nullptr && shape->has_fields && !is_expanded &&
            !is_in(field, shape->fields, shape->field_count))
            continue;
        const struct value *stored = &values[at];
        buf_put(json, stored->bytes.len == 0 ? field->json_absent : field->json_head);
        if (stored->bytes.len == 0) continue;
        if (is_expanded) {
            write_expanded_field(json, view, field, stored);
            continue;
        }
        struct value told = sealed_told(view, field, record->id, stored);
        field->kind_of->write(json, field, &told);
    }
    buf_put_byte(json, '}');
}

static void write_side(struct buf *json, const struct view *view, const struct field *field,
                       struct id id, const struct value *stored)
{
    struct value told = sealed_told(view, field, id, stored);
    if (stored->kind == VALUE_NIL) buf_put(json, S("null"));
    else field->kind_of->write(json, field, &told);
}

static void write_id(struct buf *json, struct id id)
{
    char text[ID_TEXT_BYTES];
    id_write(id, text);
    if (id_is_nil(id)) buf_put(json, S("null"));
    else buf_print(json, "\"%.*s\"", ID_TEXT_BYTES, text);
}

/** The title of a record, if it is one of this entity and may be seen. */
static bool name_find(const struct view *view, const struct entity *entity, struct id id,
                      str *name_out)
{
    struct record record;
    struct value name = {};
    if (entity == nullptr || entity->title == nullptr) return false;
    if (record_get(view, entity, id, &record) != ERR_NONE ||
        !scope_sees_field(view->scope, entity->title) ||
        !value_find(record.value, entity->title->number, &name) || name.kind != VALUE_TEXT)
        return false;
    *name_out = arena_copy(view->task->arena, name.text);
    return true;
}

/** What people call the user who created, changed or deleted something, or the contact who did so
 *  at the portal; empty when that one is gone or may not be seen. */
static str actor_name(struct actor_names *known, const struct view *view,
                      const struct entity *entity, struct id actor)
{
    for (uint32_t at = 0; at < known->count; at++)
        if (id_eq(known->ids[at], actor)) return known->names[at];
    const struct entity *users = entity_field_by_number(entity, FIELD_CREATED_BY)->to;
    struct task task = {.arena = view->task->arena};
    struct view quiet = *view;
    quiet.task = &task;
    str found = {};
    if (!name_find(&quiet, users, actor, &found))
        (void)name_find(&quiet, model_contact(view->model), actor, &found);
    if (known->count == sizeof known->ids / sizeof *known->ids) known->count = 0;
    known->ids[known->count] = actor;
    known->names[known->count++] = found;
    return found;
}

void actor_write(struct buf *json, const struct view *view, struct actor_names *names,
                 const struct entity *entity, struct id actor)
{
    buf_put(json, S("\"actor\":"));
    write_id(json, actor);
    str name = id_is_nil(actor) ? (str){} : actor_name(names, view, entity, actor);
    buf_put(json, S(",\"actor_name\":"));
    if (name.len == 0) buf_put(json, S("null"));
    else json_write_text(json, name);
}

/** Removed fields have no group any more: what was in one is told to those who see all. */
static bool is_told(struct sight sight, const struct field *field)
{
    if (field->is_removed) return !sight.is_portal && sight.groups == FIELD_GROUPS_ALL;
    return sight_shows(sight, field) && (!field->is_system || field->number == FIELD_INCOMPLETE);
}

/** The engine's own are for nobody. */
static bool is_withheld(const struct field *field)
{
    return !field->is_hidden && !field->is_system;
}

/** Those that the scope sees. */
static void entry_fields_write(struct buf *json, const struct view *view,
                               const struct entity *entity, struct id id, struct log_change *change,
                               enum history_side sides)
{
    uint16_t number;
    struct value old, new;
    uint32_t told = 0;
    struct sight sight = scope_sight(view->scope);
    while (log_change_next(change, &number, &old, &new)) {
        const struct field *field = entity_field_ever(entity, number);
        if (field == nullptr) continue;
        /* A deletion keeps the engine's own fields too: they are for its undo. */
        if (!is_told(sight, field)) continue;
        buf_print(json, "%s\"%.*s\":{", told++ == 0 ? "" : ",", FMT(field->name));
        if ((sides & HISTORY_OLD) != 0) {
            buf_put(json, S("\"old\":"));
            write_side(json, view, field, id, &old);
        }
        if ((sides & HISTORY_NEW) != 0) {
            buf_put(json, sides == HISTORY_BOTH ? S(",\"new\":") : S("\"new\":"));
            write_side(json, view, field, id, &new);
        }
        buf_put_byte(json, '}');
    }
}

void rule_named_write(struct buf *json, struct id rule, str name)
{
    buf_put(json, S("{\"id\":"));
    write_id(json, rule);
    buf_put(json, S(",\"name\":"));
    json_write_text(json, name);
    buf_put_byte(json, '}');
}

/** The rules that wrote it; nothing where none did. */
static void entry_rules_write(struct buf *json, struct log_change *change)
{
    struct id rule;
    str name;
    bool is_first = true;
    while (log_change_rule(change, &rule, &name)) {
        buf_put(json, is_first ? S(",\"rules\":[") : S(","));
        rule_named_write(json, rule, name);
        is_first = false;
    }
    if (!is_first) buf_put_byte(json, ']');
}

/** `change` nullptr: what it said was erased. */
static void write_operation(struct buf *json, const struct log_change *change)
{
    str word = change == nullptr ? S("erased") : operation_word(change->operation);
    buf_print(json, ",\"operation\":\"%.*s\"", FMT(word));
}

bool history_shows(const struct view *view, const struct entity *entity,
                   const struct log_entry *entry)
{
    struct log_change change;
    struct sight sight = scope_sight(view->scope);
    uint16_t number;
    struct value old, new;
    bool withholds = false;
    if (!log_change_read(entry->body, &change) || change.operation != OPERATION_UPDATE) return true;
    while (log_change_next(&change, &number, &old, &new)) {
        const struct field *field = entity_field_ever(entity, number);
        if (field == nullptr) continue;
        if (is_told(sight, field)) return true;
        withholds = withholds || is_withheld(field);
    }
    return !withholds;
}

bool history_sees(const struct view *view, const struct entity *entity,
                  const struct log_entry *entry)
{
    return scope_may(view->scope, entity->number, SCOPE_VIEW) && !log_is_untold(entry) &&
           rows_see_entry(view, entity, entry) && history_shows(view, entity, entry);
}

/** One log entry: who changed what, when, and because of which request. An erased body shows no
 *  changes. False, and nothing is written, when all that it changed are fields out of sight. */
static bool entry_write(struct buf *json, const struct view *view, struct actor_names *names,
                        const struct entity *entity, const struct log_entry *entry)
{
    struct log_change change;
    bool is_whole = log_change_read(entry->body, &change);
    if (!history_shows(view, entity, entry)) return false;
    buf_print(json, "{\"sequence\":%llu,\"at\":\"", (unsigned long long)entry->sequence);
    time_write(json, entry->at_ms);
    buf_put(json, S("\",\"group\":"));
    write_id(json, entry->group);
    buf_put(json, S(",\"cause\":"));
    write_id(json, entry->cause);
    buf_put_byte(json, ',');
    actor_write(json, view, names, entity, entry->actor);
    buf_print(json, ",\"entity\":\"%.*s\",\"id\":", FMT(entity->name));
    write_id(json, entry->record);
    write_operation(json, is_whole ? &change : nullptr);
    if (is_whole && !id_is_nil(change.into)) {
        buf_put(json, S(",\"merged_into\":"));
        write_id(json, change.into);
    }
    /* How the firm works is not its clients' affair. */
    if (is_whole && view->scope->actor_kind != ACTOR_CONTACT) entry_rules_write(json, &change);
    buf_put(json, S(",\"changes\":{"));
    if (is_whole) entry_fields_write(json, view, entity, entry->record, &change, HISTORY_BOTH);
    buf_put(json, S("}}"));
    return true;
}

void history_write_alone(struct buf *json, const struct view *view, const struct entity *entity,
                         const struct log_entry *entry, enum history_side sides)
{
    struct log_change change;
    bool is_whole = log_change_read(entry->body, &change);
    buf_print(json, "\"entity\":\"%.*s\",\"id\":", FMT(entity->name));
    write_id(json, entry->record);
    buf_print(json, ",\"sequence\":%llu,\"at\":\"", (unsigned long long)entry->sequence);
    time_write(json, entry->at_ms);
    buf_put_byte(json, '"');
    write_operation(json, is_whole ? &change : nullptr);
    buf_put(json, S(",\"changes\":{"));
    if (is_whole) entry_fields_write(json, view, entity, entry->record, &change, sides);
    buf_put_byte(json, '}');
}

/** The record has left what this actor sees. Who took it away, and how, is told to those who see
 *  it. */
static void gone_write(struct buf *json, const struct entity *entity, struct id id,
                       const struct log_entry *entry)
{
    buf_print(json, "{\"sequence\":%llu,\"at\":\"", (unsigned long long)entry->sequence);
    time_write(json, entry->at_ms);
    buf_put(json, S("\",\"group\":null,\"cause\":null,\"actor\":null,\"actor_name\":null,"));
    buf_print(json, "\"entity\":\"%.*s\",\"id\":", FMT(entity->name));
    write_id(json, id);
    buf_put(json, S(",\"operation\":\"gone\",\"changes\":{}}"));
}

enum err history_write(struct buf *json, const struct view *view, const struct entity *entity,
                       struct id id, uint64_t before, uint32_t limit)
{
    require(limit > 0);
    if (!scope_may(view->scope, entity->number, SCOPE_VIEW) || !rows_see_id(view, entity, id))
        return fail(view->task, ERR_MISSING, "there is no such %.*s", FMT(entity->name));
    buf_put(json, S("{\"data\":["));
    uint64_t next = 0;
    uint32_t count = 0, hidden = 0;
    struct actor_names names = {};
    for (;;) {
        struct log_entry entry;
        enum err err = txn_log_of_record(view->txn, entity->number, id, before, &entry);
        if (err == ERR_MISSING) break;
        TRY(err);
        if (log_is_untold(&entry)) {
            before = entry.sequence;
            continue;
        }
        if (count == limit || hidden == FEED_HIDDEN_MAX) {
            next = before;
            break;
        }
        size_t begun = json->len;
        if (count > 0) buf_put_byte(json, ',');
        bool is_told = entry_write(json, view, &names, entity, &entry);
        before = entry.sequence;
        count += is_told;
        hidden += !is_told;
        if (!is_told) json->len = begun;
    }
    /* Behind its first entry a record has none; it was there all the same. */
    struct log_entry newest;
    if (count == 0 &&
        txn_log_of_record(view->txn, entity->number, id, UINT64_MAX, &newest) != ERR_NONE)
        return fail(view->task, ERR_MISSING, "there is no such %.*s", FMT(entity->name));
    if (next == 0) buf_put(json, S("],\"next\":null}"));
    else buf_print(json, "],\"next\":%llu}", (unsigned long long)next);
    return buf_is_over(json)
               ? fail(view->task, ERR_TOO_LARGE, "the page is too large; ask for fewer")
               : ERR_NONE;
}

/** What lay under the client that the entry takes away, one at a time; *is_over_out: all of it was
 *  told. */
static enum err step_under(struct buf *json, const struct view *view, struct feed_place *place,
                           const struct log_entry *entry, bool *is_over_out)
{
    struct rows_left left;
    TRY(rows_under_next(view, &place->under, &left));
    *is_over_out = left.entity == nullptr;
    if (left.is_lost) gone_write(json, left.entity, left.id, entry);
    return ERR_NONE;
}

enum err feed_step(struct buf *json, const struct view *view, struct feed_walk *walk)
{
    struct feed_place *place = &walk->place;
    struct log_entry entry;
    enum err err = txn_log_from(view->txn, place->position + 1, &entry);
    walk->is_end = err == ERR_MISSING;
    if (walk->is_end) return ERR_NONE;
    TRY(err);
    const struct entity *entity = model_entity_by_number(view->model, entry.entity);
    bool is_seen = entity != nullptr && scope_may(view->scope, entity->number, SCOPE_VIEW);
    if (place->under.sequence == entry.sequence) {
        bool is_over;
        TRY(step_under(json, view, place, &entry, &is_over));
        if (!is_over) return ERR_NONE;
        place->under = (struct rows_under){};
    } else if (entity != nullptr && rows_lose_under(view, entity, &entry)) {
        place->under = (struct rows_under){.client = entry.record, .sequence = entry.sequence};
        return ERR_NONE;
    }
    bool is_lost = is_seen && rows_lose(view, entity, &entry);
    walk->is_of_actor |= is_seen && entity->own_unless != nullptr;
    place->position = entry.sequence;
    if (is_lost) gone_write(json, entity, entry.record, &entry);
    else if (is_seen && !log_is_untold(&entry) && rows_see_entry(view, entity, &entry))
        (void)entry_write(json, view, &walk->actors, entity, &entry);
    return ERR_NONE;
}

enum err feed_write(struct buf *json, const struct view *view, uint64_t after, uint32_t limit)
{
    require(limit > 0);
    buf_put(json, S("{\"data\":["));
    uint32_t count = 0, hidden = 0;
    struct feed_walk walk = {.place = feed_place_of(after)};
    while ((count < limit && hidden < FEED_HIDDEN_MAX) || walk.place.under.sequence > 0) {
        size_t before = json->len;
        if (count > 0) buf_put_byte(json, ',');
        size_t begun = json->len;
        TRY(feed_step(json, view, &walk));
        bool is_told = json->len > begun;
        if (!is_told) json->len = before;
        if (walk.is_end) break;
        count += is_told;
        hidden += !is_told;
    }
    buf_print(json, "],\"next\":%llu,\"end\":%s}", (unsigned long long)walk.place.position,
              walk.is_end ? "true" : "false");
    return buf_is_over(json)
               ? fail(view->task, ERR_TOO_LARGE, "the page is too large; ask for fewer")
               : ERR_NONE;
}
