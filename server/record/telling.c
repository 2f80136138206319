/* Records as hooks and formulas are told of them: encoded API values. */
#include "record/draft.h"

#include "base/require.h"
#include "model/kind.h"

void value_give(struct buf *out, const struct field *field, str stored)
{
    if (stored.len == 0) {
        pack_nil(out);
        return;
    }
    if (field->kind_of->give == nullptr) {
        pack_raw(out, stored);
        return;
    }
    struct value value = value_of(stored);
    field->kind_of->give(out, field, &value);
}

static str values_give(struct arena *arena, const struct entity *entity, struct id id,
                       const str *slots)
{
    uint32_t count = 1;
    for (uint32_t at = 0; at < entity->field_count; at++)
        count += slots[at].len > 0 && !entity->fields[at].is_hidden;
    struct buf map = buf_make(arena, 3 * RECORD_BYTES_MAX);
    char text[ID_TEXT_BYTES];
    id_write(id, text);
    pack_map(&map, count);
    pack_text(&map, S("id"));
    pack_text(&map, (str){text, sizeof text});
    for (uint32_t at = 0; at < entity->field_count; at++) {
        const struct field *field = &entity->fields[at];
        if (slots[at].len == 0 || field->is_hidden) continue;
        pack_text(&map, field->name);
        value_give(&map, field, slots[at]);
    }
    require(!buf_is_over(&map));
    return buf_str(&map);
}

str draft_values(struct change *change, const struct draft *draft, bool is_before)
{
    const str *slots = is_before ? draft->before : draft->now;
    bool has_any = !is_before && draft->operation != OPERATION_DELETE;
    for (uint32_t at = 0; at < draft->entity->field_count && !has_any; at++)
        has_any = slots[at].len > 0;
    if (!has_any) return (str){};
    return values_give(change->task->arena, draft->entity, draft->id, slots);
}

str record_values(const struct view *view, const struct record *record)
{
    str slots[FIELDS_MAX];
    slots_read(record->entity, record->value, slots);
    return values_give(view->task->arena, record->entity, record->id, slots);
}
