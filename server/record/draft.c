#include "record/draft.h"

#include "base/require.h"

/** Records are written in the order of their entity's fields, so the next field is nearly always
 *  the one looked for. */
static const struct field *next_field(const struct entity *entity, uint32_t *position,
                                      int64_t number)
{
    for (uint32_t at = *position; at < entity->field_count; at++)
        if (entity->fields[at].number == number) return *position = at + 1, &entity->fields[at];
    for (uint32_t at = 0; at < *position; at++)
        if (entity->fields[at].number == number) return *position = at + 1, &entity->fields[at];
    return nullptr;
}

void slots_read(const struct entity *entity, str value, str *slots_out)
{
    require(entity->field_count <= FIELDS_MAX);
    memset(slots_out, 0, entity->field_count * sizeof *slots_out);
    if (value.len == 0) return;
    struct value map = value_of(value);
    if (map.kind != VALUE_MAP) return;
    struct cursor cursor = cursor_of(map.items);
    uint32_t position = 0;
    for (uint32_t pair = 0; pair < map.count; pair++) {
        struct value key, item;
        if (!value_next(&cursor, &key) || !value_next(&cursor, &item)) return;
        if (key.kind != VALUE_INT) continue;
        const struct field *field = next_field(entity, &position, key.integer);
        if (field != nullptr) slots_out[field_position(field)] = item.bytes;
    }
}

struct draft *draft_make(struct change *change, const struct entity *entity, struct id id)
{
    struct draft *draft = arena_new(change->task->arena, struct draft, 1);
    draft->entity = entity;
    draft->id = id;
    draft->is_new = true;
    draft->before = arena_new(change->task->arena, str, entity->field_count);
    draft->now = arena_new(change->task->arena, str, entity->field_count);
    return draft;
}

enum err draft_load(struct change *change, const struct entity *entity, struct id id,
                    struct draft *draft)
{
    str value;
    TRY(txn_record_get(change->txn, entity->number, id, change->task->arena, &value));
    struct arena *arena = change->task->arena;
    *draft = (struct draft){.entity = entity,
                            .id = id,
                            .before = arena_new(arena, str, entity->field_count),
                            .now = arena_new(arena, str, entity->field_count)};
    slots_read(entity, value, draft->before);
    memcpy(draft->now, draft->before, entity->field_count * sizeof(str));
    return ERR_NONE;
}

bool slots_reference(const str *slots, const struct field *field, struct id *id_out)
{
    require(field->kind == FIELD_REFERENCE);
    str stored = slots[field_position(field)];
    if (stored.len == 0) return false;
    struct value value = value_of(stored);
    return value.kind == VALUE_BYTES && id_of_bytes(value.text, id_out);
}

bool draft_reference(const struct draft *draft, const struct field *field, struct id *id_out)
{
    return slots_reference(draft->now, field, id_out);
}

bool draft_flag(const struct draft *draft, const struct field *field)
{
    str stored = draft_get(draft, field);
    if (stored.len == 0) return false;
    struct value value = value_of(stored);
    return value.kind == VALUE_BOOL && value.boolean;
}
