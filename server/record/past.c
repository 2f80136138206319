#include "record/past.h"

#include "base/require.h"
#include "model/kind.h"
#include "record/draft.h"
#include "record/rows.h"

bool log_change_read(str body, struct log_change *change_out)
{
    struct value list = value_of(body), operation, changes, flags, into, rules;
    struct cursor items = cursor_of(list.items);
    *change_out = (struct log_change){};
    if (list.kind != VALUE_LIST || list.count < 2 || !value_next(&items, &operation) ||
        !value_next(&items, &changes) || operation.kind != VALUE_INT || operation.integer < 0 ||
        operation.integer > OPERATION_DELETE || changes.kind != VALUE_MAP)
        return false;
    change_out->operation = (enum operation)operation.integer;
    change_out->pairs_left = changes.count;
    change_out->pairs = cursor_of(changes.items);
    if (list.count > 2 && value_next(&items, &flags) && flags.kind == VALUE_INT)
        change_out->flags = (uint8_t)flags.integer;
    if (list.count > 3 && value_next(&items, &into) && into.kind == VALUE_BYTES &&
        !id_of_bytes(into.text, &change_out->into))
        return false;
    if (list.count > 4 && value_next(&items, &rules) && rules.kind == VALUE_LIST) {
        change_out->rules_left = rules.count;
        change_out->rules = cursor_of(rules.items);
    }
    return true;
}

bool log_is_untold(const struct log_entry *entry)
{
    struct log_change change;
    return log_change_read(entry->body, &change) && (change.flags & LOG_ROWS_ALONE) != 0;
}

bool log_change_next(struct log_change *change, uint16_t *number_out, struct value *old_out,
                     struct value *new_out)
{
    if (change->pairs_left == 0) return false;
    change->pairs_left--;
    int64_t number;
    struct value sides;
    if (!value_next_number(&change->pairs, &number) || !value_next(&change->pairs, &sides) ||
        number < 0 || number > UINT16_MAX)
        return false;
    struct cursor items = cursor_of(sides.items);
    *number_out = (uint16_t)number;
    return value_next(&items, old_out) && value_next(&items, new_out);
}

bool log_deleted_record(struct arena *arena, const struct entity *entity,
                        const struct log_entry *entry, struct record *record_out)
{
    struct log_change change;
    uint16_t number;
    struct value old, new;
    str slots[FIELDS_MAX] = {};
    if (!log_change_read(entry->body, &change) || change.operation != OPERATION_DELETE)
        return false;
    while (log_change_next(&change, &number, &old, &new)) {
        const struct field *field = entity_field_by_number(entity, number);
        if (field != nullptr && old.kind != VALUE_NIL) slots[field_position(field)] = old.bytes;
    }
    *record_out = (struct record){entity, entry->record, slots_encode(arena, entity, slots)};
    return true;
}

bool record_last_value(const struct view *view, const struct entity *entity, struct id id,
                       str *value_out)
{
    struct log_entry newest;
    struct record record;
    if (txn_record_get_view(view->txn, entity->number, id, value_out) == ERR_NONE) return true;
    if (txn_log_of_record(view->txn, entity->number, id, UINT64_MAX, &newest) != ERR_NONE ||
        !log_deleted_record(view->task->arena, entity, &newest, &record))
        return false;
    *value_out = record.value;
    return true;
}

bool log_record_before(const struct view *view, const struct entity *entity,
                       const struct log_entry *entry, struct record *record_out)
{
    struct log_change change;
    uint16_t number;
    struct value old, new;
    str value, slots[FIELDS_MAX] = {};
    if (!log_change_read(entry->body, &change) || change.operation == OPERATION_CREATE)
        return false;
    if (change.operation == OPERATION_UPDATE) {
        if (!record_last_value(view, entity, entry->record, &value)) return false;
        slots_read(entity, value, slots);
    }
    while (log_change_next(&change, &number, &old, &new)) {
        const struct field *field = entity_field_by_number(entity, number);
        if (field != nullptr)
            slots[field_position(field)] = old.kind == VALUE_NIL ? (str){} : old.bytes;
    }
    str found = slots_encode(view->task->arena, entity, slots);
    *record_out = (struct record){entity, entry->record, found};
    return true;
}

bool record_field_at(const struct view *view, const struct entity *entity, struct id id,
                     uint16_t number, uint64_t sequence, str *stored_out)
{
    uint64_t before = UINT64_MAX;
    struct value stored;
    str value;
    bool is_there = txn_record_get_view(view->txn, entity->number, id, &value) == ERR_NONE;
    *stored_out = is_there && value_find(value, number, &stored) ? stored.bytes : (str){};
    for (uint32_t count = 0; count < PAST_ENTRIES_MAX; count++) {
        struct log_entry entry;
        struct log_change change;
        uint16_t changed;
        struct value old, new;
        enum err err = txn_log_of_record(view->txn, entity->number, id, before, &entry);
        if (err == ERR_MISSING || (err == ERR_NONE && entry.sequence <= sequence)) return true;
        if (err != ERR_NONE || !log_change_read(entry.body, &change)) return false;
        if (change.operation == OPERATION_CREATE) *stored_out = (str){};
        while (log_change_next(&change, &changed, &old, &new))
            if (changed == number && change.operation != OPERATION_CREATE)
                *stored_out = old.kind == VALUE_NIL ? (str){} : old.bytes;
        before = entry.sequence;
    }
    return false;
}

bool log_change_rule(struct log_change *change, struct id *rule_out, str *name_out)
{
    struct value pair, rule, name;
    if (change->rules_left == 0 || !value_next(&change->rules, &pair)) return false;
    change->rules_left--;
    struct cursor items = cursor_of(pair.items);
    if (pair.kind != VALUE_LIST || !value_next(&items, &rule) || !value_next(&items, &name) ||
        rule.kind != VALUE_BYTES || !id_of_bytes(rule.text, rule_out) || name.kind != VALUE_TEXT)
        return false;
    *name_out = name.text;
    return true;
}

void log_body_begin(struct buf *body, const struct log_head *head)
{
    uint32_t count = head->rules.len > 0      ? 5
                     : !id_is_nil(head->into) ? 4
                     : head->flags != 0       ? 3
                                              : 2;
    pack_list(body, count);
    pack_int(body, head->operation);
    pack_map(body, head->field_count);
}

void log_body_field(struct buf *body, uint16_t number, str old, str new)
{
    pack_int(body, number);
    pack_list(body, 2);
    str sides[2] = {old, new};
    for (int side = 0; side < 2; side++) {
        if (sides[side].len == 0) pack_nil(body);
        else pack_raw(body, sides[side]);
    }
}

void log_body_end(struct buf *body, const struct log_head *head)
{
    bool has_rules = head->rules.len > 0, has_into = !id_is_nil(head->into);
    if (has_rules || has_into || head->flags != 0) pack_int(body, head->flags);
    if (has_into) pack_bytes(body, id_bytes(&head->into));
    else if (has_rules) pack_nil(body);
    if (has_rules) pack_raw(body, head->rules);
}

/* The record as it was. */

struct walk_back {
    const struct view *view;
    const struct entity *entity;
    struct id id;
    int64_t at_ms;   /** what was changed later is taken back, */
    uint64_t before; /** or this entry and those behind it; 0: by the time */
    str *slots;      /** by field position; copies */
    bool is_there;
};

static void slot_put(struct walk_back *walk, uint16_t number, str stored)
{
    const struct field *field = entity_field_by_number(walk->entity, number);
    if (field != nullptr) walk->slots[field_position(field)] = stored;
}

/** Takes one entry back. */
static enum err step_back(struct walk_back *walk, const struct log_entry *entry)
{
    struct task *task = walk->view->task;
    struct log_change change;
    str body = arena_copy(task->arena, entry->body);
    if (body.len == 0 || !log_change_read(body, &change))
        return fail(task, ERR_CONFLICT, "what this %.*s was like then has been erased",
                    FMT(walk->entity->name));
    walk->is_there = change.operation != OPERATION_CREATE;
    if (!walk->is_there) memset(walk->slots, 0, walk->entity->field_count * sizeof(str));
    uint16_t number;
    struct value old, new;
    while (walk->is_there && log_change_next(&change, &number, &old, &new))
        slot_put(walk, number, old.kind == VALUE_NIL ? (str){} : old.bytes);
    return ERR_NONE;
}

static void slot_put_actor(struct walk_back *walk, uint16_t number, struct id actor)
{
    struct buf stored = buf_make(walk->view->task->arena, 32);
    if (!id_is_nil(actor)) pack_bytes(&stored, id_bytes(&actor));
    slot_put(walk, number, buf_str(&stored));
}

static void slot_put_time(struct walk_back *walk, uint16_t number, int64_t at_ms)
{
    struct buf stored = buf_make(walk->view->task->arena, 16);
    pack_int(&stored, at_ms);
    slot_put(walk, number, buf_str(&stored));
}

/** Who had changed it last, and when: no entry says so, it is the entry itself. */
static enum err find_last_change(struct walk_back *walk, uint64_t before)
{
    struct task *task = walk->view->task;
    for (;;) {
        struct log_entry entry;
        struct log_change change;
        enum err err =
            txn_log_of_record(walk->view->txn, walk->entity->number, walk->id, before, &entry);
        if (err != ERR_NONE) return err == ERR_MISSING ? ERR_NONE : err;
        if (task->keys_max > 0 && task->keys_touched >= task->keys_max)
            return fail(task, ERR_TOO_LARGE, "this %.*s was computed anew too often before then",
                        FMT(walk->entity->name));
        before = entry.sequence;
        if (log_change_read(entry.body, &change) && (change.flags & LOG_BY_ENGINE) != 0) continue;
        /* As it was stored: never before the record was made, whose id tells a finer time. */
        int64_t created_ms = id_time_ms(walk->id);
        slot_put_time(walk, FIELD_UPDATED_AT, entry.at_ms < created_ms ? created_ms : entry.at_ms);
        slot_put_actor(walk, FIELD_UPDATED_BY, entry.actor);
        return ERR_NONE;
    }
}

static enum err walk_back(struct walk_back *walk)
{
    struct task *task = walk->view->task;
    uint64_t before = UINT64_MAX;
    bool has_stepped = false;
    for (;;) {
        struct log_entry entry;
        enum err err =
            txn_log_of_record(walk->view->txn, walk->entity->number, walk->id, before, &entry);
        if (err == ERR_MISSING) break;
        TRY(err);
        if (walk->before > 0 ? entry.sequence < walk->before : entry.at_ms <= walk->at_ms) break;
        if (task->keys_max > 0 && task->keys_touched >= task->keys_max)
            return fail(task, ERR_TOO_LARGE, "this %.*s has changed too often since then",
                        FMT(walk->entity->name));
        TRY(step_back(walk, &entry));
        before = entry.sequence;
        has_stepped = true;
    }
    return has_stepped && walk->is_there ? find_last_change(walk, before) : ERR_NONE;
}

static enum err get_past(struct walk_back *walk, struct record *record_out)
{
    const struct view *view = walk->view;
    const struct entity *entity = walk->entity;
    struct id id = walk->id;
    struct task *task = view->task;
    struct arena *arena = task->arena;
    *record_out = (struct record){.entity = entity, .id = id};
    if (!scope_may(view->scope, entity->number, SCOPE_VIEW) || !rows_see_id(view, entity, id))
        return fail(task, ERR_MISSING, "there is no such %.*s", FMT(entity->name));
    walk->slots = arena_new(arena, str, entity->field_count);
    str present;
    enum err err = txn_record_get(view->txn, entity->number, id, arena, &present);
    if (err != ERR_NONE && err != ERR_MISSING)
        return fail(task, err, "the stored %.*s is damaged", FMT(entity->name));
    walk->is_there = err == ERR_NONE;
    if (walk->is_there) slots_read(entity, present, walk->slots);
    TRY(walk_back(walk));
    if (!walk->is_there)
        return fail(task, ERR_MISSING, "there was no such %.*s then", FMT(entity->name));
    record_out->value = slots_encode(arena, entity, walk->slots);
    /* Who sees it now sees what it was; but a contact none of what the portal did not show. */
    bool is_contact = view->scope->actor_kind == ACTOR_CONTACT;
    if (is_contact && !rows_see(view, entity, id, record_out->value))
        return fail(task, ERR_MISSING, "there was no such %.*s then", FMT(entity->name));
    return ERR_NONE;
}

enum err record_get_at(const struct view *view, const struct entity *entity, struct id id,
                       int64_t at_ms, struct record *record_out)
{
    struct walk_back walk = {.view = view, .entity = entity, .id = id, .at_ms = at_ms};
    return get_past(&walk, record_out);
}

enum err record_get_before(const struct view *view, const struct entity *entity, struct id id,
                           uint64_t sequence, struct record *record_out)
{
    struct walk_back walk = {.view = view, .entity = entity, .id = id, .before = sequence};
    require(sequence > 0);
    return get_past(&walk, record_out);
}
