/* Records as hooks and formulas are told of them: encoded API values. */
#include "record/draft.h"

#include "base/require.h"
#include "model/kind.h"
#include "record/sealed.h"

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

/** Rules are told everything but secrets. */
static bool is_given(const struct field *field, str stored)
{
    return stored.len > 0 && !field->is_hidden && field->kind != FIELD_SECRET;
}

static str values_give(const struct view *view, const struct entity *entity, struct id id,
                       const str *slots)
{
    struct arena *arena = view->task->arena;
    uint32_t count = 1;
    for (uint32_t at = 0; at < entity->field_count; at++)
        count += is_given(&entity->fields[at], slots[at]);
    struct buf map = buf_make(arena, 3 * RECORD_BYTES_MAX);
    char text[ID_TEXT_BYTES];
    id_write(id, text);
    pack_map(&map, count);
    pack_text(&map, S("id"));
    pack_text(&map, (str){text, sizeof text});
    for (uint32_t at = 0; at < entity->field_count; at++) {
        const struct field *field = &entity->fields[at];
        if (!is_given(field, slots[at])) continue;
        pack_text(&map, field->name);
        value_give(&map, field, sealed_plain_slot(view, field, id, slots[at]));
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
    struct view view = change_view(change);
    return values_give(&view, draft->entity, draft->id, slots);
}

str record_values(const struct view *view, const struct record *record)
{
    str slots[FIELDS_MAX];
    slots_read(record->entity, record->value, slots);
    return values_give(view, record->entity, record->id, slots);
}
