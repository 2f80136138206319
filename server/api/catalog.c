#include "api/catalog.h"

#include "api/reply.h"
#include "model/kind.h"
#include "value/json.h"

constexpr uint32_t CHOICES_MAX = 10'000; /** of a tenant's own */

static void put_text(struct buf *json, const char *name, str text)
{
    buf_print(json, ",\"%s\":", name);
    json_write_text(json, text);
}

static void put_flag(struct buf *json, const char *name, bool is_set)
{
    if (is_set) buf_print(json, ",\"%s\":true", name);
}

static void put_amount(struct buf *json, const struct field *field, const char *name, int64_t units)
{
    buf_print(json, ",\"%s\":", name);
    if (field->scale == 0) {
        json_write_int(json, units);
        return;
    }
    double divisor = 1;
    for (uint8_t digit = 0; digit < field->scale; digit++) divisor *= 10;
    json_write_float(json, (double)units / divisor);
}

static const char *on_delete_word(enum on_delete on_delete)
{
    switch (on_delete) {
    case ON_DELETE_RESTRICT:
        return "restrict";
    case ON_DELETE_DETACH:
        return "detach";
    case ON_DELETE_CASCADE:
        return "cascade";
    }
    return "";
}

static void put_limits(struct buf *json, const struct field *field)
{
    if (field->max > 0) buf_print(json, ",\"max\":%u", field->max);
    if (field->has_least) put_amount(json, field, "least", field->least);
    if (field->has_most) put_amount(json, field, "most", field->most);
    if (field->kind == FIELD_DECIMAL) buf_print(json, ",\"scale\":%u", field->scale);
    if (field->pattern.len > 0) put_text(json, "pattern", field->pattern);
    if (field->initial.len > 0) {
        struct value initial = value_of(field->initial);
        buf_put(json, S(",\"default\":"));
        json_write(json, &initial);
    }
}

static void put_encoded(struct buf *json, const char *name, str encoded)
{
    if (encoded.len == 0) return;
    struct value value = value_of(encoded);
    buf_print(json, ",\"%s\":", name);
    json_write(json, &value);
}

/** Where its value comes from, and when it is required or shown: forms and formulas are built of
 *  it. */
static void put_computed(struct buf *json, const struct field *field)
{
    static const char *const functions[] = {"count", "sum", "min", "max", "latest"};
    if (field->rollup != nullptr) {
        const struct rollup *rollup = field->rollup;
        buf_print(json, ",\"rollup\":{\"from\":\"%.*s\",\"via\":\"%.*s\",\"function\":\"%s\"",
                  FMT(rollup->via->entity->name), FMT(rollup->via->name),
                  functions[rollup->function]);
        if (rollup->of != nullptr) put_text(json, "field", rollup->of->name);
        put_encoded(json, "where", rollup->where_given);
        buf_put_byte(json, '}');
    }
    if (field->formula != nullptr) put_text(json, "formula", field->formula->source);
    put_encoded(json, "required_when", field->required_when_given);
    put_encoded(json, "visible_when", field->visible_when_given);
}

static void put_field(struct buf *json, const struct field *field)
{
    buf_put(json, S("{\"name\":"));
    json_write_text(json, field->name);
    put_text(json, "label", field->label);
    put_text(json, "kind", field->kind_of->name);
    put_flag(json, "many", field->kind_of->is_list);
    put_flag(json, "required", field->is_required);
    put_flag(json, "unique", field->is_unique);
    put_flag(json, "indexed", field->is_indexed);
    put_flag(json, "searched", field->is_searched);
    put_flag(json, "computed", field->is_computed || field->is_system);
    put_flag(json, "system", field->is_system);
    put_limits(json, field);
    if (field->set != nullptr) put_text(json, "set", field->set->name);
    if (field->to != nullptr) {
        put_text(json, "to", field->to->name);
        put_text(json, "on_delete", str_of(on_delete_word(field->on_delete)));
    }
    if (field->waived_by.len > 0) put_text(json, "waived_by", field->waived_by);
    put_computed(json, field);
    if (field->list > 0) buf_print(json, ",\"list\":%u", field->list);
    buf_put_byte(json, '}');
}

static void put_entity(struct buf *json, const struct entity *entity)
{
    buf_put(json, S("{\"name\":"));
    json_write_text(json, entity->name);
    put_text(json, "plural", entity->plural);
    put_text(json, "label", entity->label);
    if (entity->title != nullptr) put_text(json, "title", entity->title->name);
    if (entity->via != nullptr) put_text(json, "via", entity->via->name);
    put_flag(json, "single", entity->is_single);
    buf_put(json, S(",\"actions\":["));
    for (uint32_t at = 0, shown = 0; at < ACTION_COUNT; at++)
        if ((entity->actions & 1U << at) != 0)
            buf_print(json, "%s\"%.*s\"", shown++ == 0 ? "" : ",", FMT(action_names[at]));
    buf_put_byte(json, ']');
    buf_put(json, S(",\"fields\":["));
    bool is_first = true;
    for (uint32_t at = 0; at < entity->field_count; at++) {
        if (entity->fields[at].is_hidden) continue;
        if (!is_first) buf_put_byte(json, ',');
        put_field(json, &entity->fields[at]);
        is_first = false;
    }
    buf_put(json, S("]}"));
}

/* Choices: those declared, and the tenant's own, which replace one with the same value. */

struct own_choice {
    str set;
    struct choice choice;
    bool is_inactive;
};
struct own_choices {
    uint32_t count;
    uint32_t capacity;
    struct own_choice *items;
};

static str stored_text(const struct entity *entity, str record, str name)
{
    const struct field *field = entity_field(entity, name);
    struct value value;
    bool is_text =
        field != nullptr && value_find(record, field->number, &value) && value.kind == VALUE_TEXT;
    return is_text ? value.text : S("");
}

static bool is_switched_off(const struct entity *entity, str record)
{
    const struct field *field = entity_field(entity, S("is_active"));
    struct value value;
    return field != nullptr && value_find(record, field->number, &value) &&
           value.kind == VALUE_BOOL && !value.boolean;
}

static void own_add(struct arena *arena, struct own_choices *own, struct own_choice choice)
{
    if (own->count == own->capacity) {
        uint32_t capacity = own->capacity == 0 ? 32 : own->capacity * 2;
        struct own_choice *items = arena_new(arena, struct own_choice, capacity);
        if (own->count > 0) memcpy(items, own->items, own->count * sizeof *items);
        own->items = items;
        own->capacity = capacity;
    }
    own->items[own->count++] = choice;
}

static enum err own_choices_read(struct call *call, struct own_choices *own)
{
    const struct entity *entity = model_entity(call->tenant.model, S("choice"));
    if (entity == nullptr) return ERR_NONE;
    struct scan_range all = {.is_unbounded_from = true, .is_unbounded_to = true};
    struct scan *scan = scan_records(call->txn, entity->number, &all);
    enum err err = ERR_NONE;
    while (own->count < CHOICES_MAX) {
        bool has_entry;
        struct scan_entry entry;
        err = scan_next(scan, &has_entry, &entry);
        if (err != ERR_NONE || !has_entry) break;
        own_add(call->task->arena, own,
                (struct own_choice){
                    .set = stored_text(entity, entry.value, S("set")),
                    .choice = {.value = stored_text(entity, entry.value, S("value")),
                               .label = stored_text(entity, entry.value, S("label")),
                               .color = stored_text(entity, entry.value, S("color")),
                               .category = stored_text(entity, entry.value, S("category"))},
                    .is_inactive = is_switched_off(entity, entry.value),
                });
    }
    scan_close(scan);
    return err;
}

static void put_choice(struct buf *json, const struct choice *choice, bool is_inactive,
                       bool *is_first)
{
    buf_put(json, *is_first ? S("{\"value\":") : S(",{\"value\":"));
    *is_first = false;
    json_write_text(json, choice->value);
    put_text(json, "label", choice->label);
    if (choice->color.len > 0) put_text(json, "color", choice->color);
    if (choice->category.len > 0) put_text(json, "category", choice->category);
    put_flag(json, "inactive", is_inactive);
    buf_put_byte(json, '}');
}

static bool is_replaced(const struct own_choices *own, str set, str value)
{
    for (uint32_t at = 0; at < own->count; at++)
        if (str_eq(own->items[at].set, set) && str_eq(own->items[at].choice.value, value))
            return true;
    return false;
}

static void put_set(struct buf *json, const struct choice_set *set, const struct own_choices *own)
{
    buf_put(json, S("{\"name\":"));
    json_write_text(json, set->name);
    buf_put(json, set->is_open ? S(",\"open\":true") : S(",\"open\":false"));
    buf_put(json, S(",\"choices\":["));
    bool is_first = true;
    for (uint32_t at = 0; at < set->choice_count; at++)
        if (!is_replaced(own, set->name, set->choices[at].value))
            put_choice(json, &set->choices[at], false, &is_first);
    for (uint32_t at = 0; at < own->count; at++)
        if (str_eq(own->items[at].set, set->name))
            put_choice(json, &own->items[at].choice, own->items[at].is_inactive, &is_first);
    buf_put(json, S("]}"));
}

enum err catalog_read(struct call *call)
{
    if (call->query.len > 0)
        return fail(call->task, ERR_UNREADABLE, "this call takes no parameters");
    const struct model *model = call->tenant.model;
    struct own_choices own = {};
    TRY(own_choices_read(call, &own));
    struct buf json = reply_buf(call);
    buf_put(&json, S("{\"entities\":["));
    bool is_first = true;
    for (uint32_t at = 0; at < model->entity_count; at++) {
        if (!scope_may(&call->identity.scope, model->entities[at].number, SCOPE_VIEW)) continue;
        if (!is_first) buf_put_byte(&json, ',');
        put_entity(&json, &model->entities[at]);
        is_first = false;
    }
    buf_put(&json, S("],\"sets\":["));
    for (uint32_t at = 0; at < model->set_count; at++) {
        if (at > 0) buf_put_byte(&json, ',');
        put_set(&json, &model->sets[at], &own);
    }
    buf_put(&json, S("]}"));
    return reply_json(call, 200, &json);
}
