#include "record/draft.h"

#include "base/require.h"

/** Records are written in the order of their entity's fields, so the next field is nearly always
 *  the one looked for. */
static const struct field *next_field(const struct entity *entity, uint32_t *position,
                                      int64_t number)
{
    const struct field *fields = entity->fields, *end = fields + entity->field_count;
    const struct field *from = fields + *position;
    for (const struct field *field = from; field < end; field++)
        if (field->number == number) return *position = (uint32_t)(field - fields) + 1, field;
    for (const struct field *field = fields; field < from; field++)
        if (field->number == number) return *position = (uint32_t)(field - fields) + 1, field;
    return nullptr;
}

/** A walk over the stored values of a record. */
struct stored_walk {
    const struct entity *entity;
    struct cursor cursor;
    uint32_t pairs_left;
    uint32_t position;
};

static struct stored_walk stored_begin(const struct entity *entity, str record)
{
    struct stored_walk walk = {.entity = entity};
    if (record.len == 0 || !value_pairs(record, &walk.cursor, &walk.pairs_left))
        walk.pairs_left = 0;
    return walk;
}

/** The next field that the entity knows, with its value; nullptr at the end, or where the record
 *  is damaged. */
static const struct field *stored_next(struct stored_walk *walk, struct value *value_out)
{
    while (walk->pairs_left > 0) {
        int64_t number;
        walk->pairs_left--;
        if (!value_next_number(&walk->cursor, &number) || !value_next(&walk->cursor, value_out))
            return nullptr;
        const struct field *field = next_field(walk->entity, &walk->position, number);
        if (field != nullptr) return field;
    }
    return nullptr;
}

void slots_read(const struct entity *entity, str value, str *slots_out)
{
    require(entity->field_count <= FIELDS_MAX);
    memset(slots_out, 0, entity->field_count * sizeof *slots_out);
    struct stored_walk walk = stored_begin(entity, value);
    struct value item;
    for (const struct field *field; (field = stored_next(&walk, &item)) != nullptr;)
        slots_out[field_position(field)] = item.bytes;
}

void values_read(const struct entity *entity, str value, struct value *values_out)
{
    require(entity->field_count <= FIELDS_MAX);
    for (uint32_t at = 0; at < entity->field_count; at++) values_out[at].bytes = (str){};
    struct stored_walk walk = stored_begin(entity, value);
    struct value item;
    for (const struct field *field; (field = stored_next(&walk, &item)) != nullptr;)
        values_out[field_position(field)] = item;
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
                            .value = value,
                            .as_of = change->write_count,
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

bool slots_flag(const str *slots, const struct field *field)
{
    str stored = slots[field_position(field)];
    struct value value = stored.len == 0 ? (struct value){} : value_of(stored);
    return value.kind == VALUE_BOOL && value.boolean;
}

bool draft_flag(const struct draft *draft, const struct field *field)
{
    return slots_flag(draft->now, field);
}
