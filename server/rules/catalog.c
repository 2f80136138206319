#include "rules/catalog.h"

#include "model/kind.h"

static void put_field(struct buf *out, const struct field *field)
{
    pack_map(out, field->to == nullptr ? 4 : 5);
    pack_text(out, S("name"));
    pack_text(out, field->name);
    pack_text(out, S("kind"));
    pack_text(out, field->kind_of->name);
    pack_text(out, S("is_list"));
    pack_bool(out, field->kind_of->is_list);
    pack_text(out, S("is_computed"));
    pack_bool(out, field->is_system || (field->is_computed && field->through.link == nullptr));
    if (field->to == nullptr) return;
    pack_text(out, S("to"));
    pack_text(out, field->to->name);
}

void rule_catalog_write(struct buf *out, const struct entity *entity)
{
    uint32_t shown = 0;
    for (uint32_t at = 0; at < entity->field_count; at++) shown += !entity->fields[at].is_hidden;
    pack_map(out, 2);
    pack_text(out, S("name"));
    pack_text(out, entity->name);
    pack_text(out, S("fields"));
    pack_list(out, shown);
    for (uint32_t at = 0; at < entity->field_count; at++)
        if (!entity->fields[at].is_hidden) put_field(out, &entity->fields[at]);
}
