#include "api/catalog.h"

#include "api/reply.h"
#include "model/kind.h"
#include "value/json.h"

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
    if (field->format == FORMAT_IBAN) put_text(json, "format", S("iban"));
    if (field->format == FORMAT_EMAIL) put_text(json, "format", S("email"));
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

/** Who reads, and of what. */
struct reader {
    const struct model *model;
    const struct scope *scope;
    struct sight sight;
};

/** An entity that is not viewed is named nowhere. */
static bool views(const struct reader *reader, const struct entity *entity)
{
    return scope_may(reader->scope, entity->number, SCOPE_VIEW);
}

/** Where its value comes from, and when it is required or shown: forms and formulas are built of
 *  it. */
static void put_computed(struct buf *json, const struct reader *reader, const struct field *field)
{
    static const char *const functions[] = {"count", "sum", "min", "max", "latest"};
    if (field->rollup != nullptr && views(reader, field->rollup->via->entity)) {
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

static void put_field(struct buf *json, const struct reader *reader, const struct field *field)
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
    put_flag(json, "custom", field->is_custom);
    put_flag(json, "building", field->is_building || field->is_noting);
    put_flag(json, "fixed", field->is_fixed);
    put_limits(json, field);
    if (field->set != nullptr) put_text(json, "set", field->set->name);
    if (field->to != nullptr) {
        if (views(reader, field->to)) put_text(json, "to", field->to->name);
        put_text(json, "on_delete", str_of(on_delete_word(field->on_delete)));
    }
    if (field->group != 0) put_text(json, "group", reader->model->groups[field->group - 1].name);
    bool is_given = !field->is_computed && !field->is_system;
    put_flag(json, "read_only", is_given && !scope_edits_field(reader->scope, field));
    /* How the firm comes by a value is not the portal's affair. */
    if (!reader->sight.is_portal && field->waived_by.len > 0)
        put_text(json, "waived_by", field->waived_by);
    if (!reader->sight.is_portal) put_computed(json, reader, field);
    if (field->list > 0) buf_print(json, ",\"list\":%u", field->list);
    buf_put_byte(json, '}');
}

static void put_entity(struct buf *json, const struct reader *reader, const struct entity *entity)
{
    struct sight sight = reader->sight;
    buf_put(json, S("{\"name\":"));
    json_write_text(json, entity->name);
    put_text(json, "plural", entity->plural);
    put_text(json, "label", entity->label);
    if (entity->title != nullptr && sight_shows(sight, entity->title))
        put_text(json, "title", entity->title->name);
    if (entity->via != nullptr && sight_shows(sight, entity->via))
        put_text(json, "via", entity->via->name);
    put_flag(json, "single", entity->is_single);
    buf_put(json, S(",\"actions\":["));
    for (uint32_t at = 0, shown = 0; at < ACTION_COUNT; at++)
        if (!sight.is_portal && (entity->actions & 1U << at) != 0)
            buf_print(json, "%s\"%.*s\"", shown++ == 0 ? "" : ",", FMT(action_names[at]));
    buf_put_byte(json, ']');
    put_flag(json, "custom", entity->is_custom);
    buf_put(json, S(",\"fields\":["));
    bool is_first = true;
    for (uint32_t at = 0; at < entity->field_count; at++) {
        if (!sight_shows(sight, &entity->fields[at])) continue;
        if (!is_first) buf_put_byte(json, ',');
        put_field(json, reader, &entity->fields[at]);
        is_first = false;
    }
    buf_put(json, S("]}"));
}

static void put_choice(struct buf *json, const struct choice *choice)
{
    buf_put(json, S("{\"value\":"));
    json_write_text(json, choice->value);
    put_text(json, "label", choice->label);
    if (choice->color.len > 0) put_text(json, "color", choice->color);
    if (choice->category.len > 0) put_text(json, "category", choice->category);
    put_flag(json, "inactive", choice->is_inactive);
    if (choice->next_count > 0) {
        buf_put(json, S(",\"next\":["));
        for (uint32_t at = 0; at < choice->next_count; at++) {
            if (at > 0) buf_put_byte(json, ',');
            json_write_text(json, choice->next[at]);
        }
        buf_put_byte(json, ']');
    }
    buf_put_byte(json, '}');
}

static void put_set(struct buf *json, const struct choice_set *set)
{
    buf_put(json, S("{\"name\":"));
    json_write_text(json, set->name);
    put_text(json, "label", set->label);
    buf_put(json, set->is_open ? S(",\"open\":true") : S(",\"open\":false"));
    buf_put(json, S(",\"choices\":["));
    for (uint32_t at = 0; at < set->choice_count; at++) {
        if (at > 0) buf_put_byte(json, ',');
        put_choice(json, &set->choices[at]);
    }
    buf_put(json, S("]}"));
}

/** Whether some field that is seen takes its choices: what a set of other fields alone holds is not
 *  for who does not see them. */
static bool set_is_seen(const struct scope *scope, const struct model *model,
                        const struct choice_set *set)
{
    bool is_used = false;
    for (uint32_t at = 0; at < model->entity_count; at++) {
        const struct entity *entity = &model->entities[at];
        for (uint32_t of = 0; of < entity->field_count; of++) {
            const struct field *field = &entity->fields[of];
            if (field->set != set || field->is_hidden) continue;
            is_used = true;
            if (scope_may(scope, entity->number, SCOPE_VIEW) && scope_sees_field(scope, field))
                return true;
        }
    }
    return !is_used && scope_sees_fields(scope, model);
}

enum err catalog_read(struct call *call)
{
    const struct model *model = call->tenant.model;
    const struct scope *scope = &call->identity.scope;
    struct reader reader = {model, scope, scope_sight(scope)};
    struct buf json = reply_buf(call);
    buf_put(&json, S("{\"entities\":["));
    bool is_first = true;
    for (uint32_t at = 0; at < model->entity_count; at++) {
        if (!scope_may(scope, model->entities[at].number, SCOPE_VIEW)) continue;
        if (!is_first) buf_put_byte(&json, ',');
        put_entity(&json, &reader, &model->entities[at]);
        is_first = false;
    }
    buf_put(&json, S("],\"sets\":["));
    is_first = true;
    for (uint32_t at = 0; at < model->set_count; at++) {
        if (!set_is_seen(scope, model, &model->sets[at])) continue;
        if (!is_first) buf_put_byte(&json, ',');
        put_set(&json, &model->sets[at]);
        is_first = false;
    }
    buf_put(&json, S("]}"));
    return reply_json(call, 200, &json);
}
