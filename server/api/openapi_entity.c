#include "api/openapi_entity.h"

#include "model/kind.h"
#include "value/json.h"

constexpr uint32_t EXAMPLE_DEPTH_MAX = 3; /** of records made within records */

/** What a schema is for. */
enum side : uint8_t { SIDE_SHOWN, SIDE_NEW, SIDE_PATCH };

static void put_key(struct buf *json, str name)
{
    json_write_text(json, name);
    buf_put_byte(json, ':');
}

static bool is_kept_by_server(const struct field *field)
{
    return field->is_computed || field->is_system;
}

/** Whether the field leads to records, and to what the reader may view. */
static bool leads_to_seen(const struct scope *scope, const struct field *field)
{
    return field->to != nullptr && scope_may(scope, field->to->number, SCOPE_VIEW);
}

static void put_about(struct buf *json, const struct scope *scope, const struct field *field)
{
    buf_put(json, S("{\"title\":"));
    json_write_text(json, field->label);
    if (is_kept_by_server(field)) buf_put(json, S(",\"readOnly\":true"));
    if (leads_to_seen(scope, field)) {
        buf_put(json, S(",\"x-to\":"));
        json_write_text(json, field->to->name);
    }
    if (field->set != nullptr) {
        buf_put(json, S(",\"x-set\":"));
        json_write_text(json, field->set->name);
    }
    if (field->initial.len > 0) {
        struct value initial = value_of(field->initial);
        buf_put(json, S(",\"default\":"));
        json_write(json, &initial);
    }
}

/** Absent is null, an absent list empty; `expand` shows references as records. */
static void put_shown(struct buf *json, const struct scope *scope, const struct field *field)
{
    const struct kind *kind = field->kind_of;
    bool is_followed = leads_to_seen(scope, field);
    if (field->kind == FIELD_REFERENCES) {
        buf_put(json, S("{\"type\":\"array\",\"items\":{\"anyOf\":[{\"type\":\"string\","
                        "\"format\":\"uuid\"},{\"type\":\"null\"}"));
        if (is_followed)
            buf_print(json, ",{\"$ref\":\"#/components/schemas/%.*s\"}", FMT(field->to->name));
        buf_put(json, S("]}}"));
        return;
    }
    buf_put(json, kind->openapi_shown.len > 0 ? kind->openapi_shown : kind->openapi);
    if (!kind->is_list) buf_put(json, S(",{\"type\":\"null\"}"));
    if (field->kind == FIELD_REFERENCE && is_followed)
        buf_print(json, ",{\"$ref\":\"#/components/schemas/%.*s\"}", FMT(field->to->name));
}

/** Null and an empty list are absence; one item may stand for a list, and a patch may add to one
 *  and remove from it; given as an object, a reference creates that record too. */
static void put_given(struct buf *json, const struct scope *scope, const struct field *field,
                      enum side side)
{
    const struct kind *kind = field->kind_of;
    buf_put(json, kind->openapi);
    buf_put(json, S(",{\"type\":\"null\"}"));
    if (field->kind == FIELD_REFERENCE && leads_to_seen(scope, field))
        buf_print(json, ",{\"$ref\":\"#/components/schemas/%.*s.new\"}", FMT(field->to->name));
    if (kind->is_list && side == SIDE_PATCH) {
        buf_put(json, S(",{\"type\":\"object\",\"minProperties\":1,\"properties\":{\"$add\":"));
        buf_put(json, kind->openapi);
        buf_put(json, S(",\"$remove\":"));
        buf_put(json, kind->openapi);
        buf_put(json, S("},\"additionalProperties\":false}"));
    }
}

static void put_field(struct buf *json, const struct scope *scope, const struct field *field,
                      enum side side)
{
    put_key(json, field->name);
    put_about(json, scope, field);
    buf_put(json, S(",\"anyOf\":["));
    if (side == SIDE_SHOWN) put_shown(json, scope, field);
    else put_given(json, scope, field, side);
    buf_put(json, S("]}"));
}

static bool is_in(const struct scope *scope, const struct field *field, enum side side)
{
    return side == SIDE_SHOWN ? scope_sees_field(scope, field)
                              : scope_edits_field(scope, field) && !is_kept_by_server(field);
}

static bool must_be_given(const struct scope *scope, const struct field *field)
{
    return is_in(scope, field, SIDE_NEW) && field->is_required && field->initial.len == 0 &&
           !is_kept_by_server(field) && field->waived_by.len == 0 && field->made_from == nullptr;
}

static void put_required(struct buf *json, const struct scope *scope, const struct entity *entity,
                         enum side side)
{
    /* `fields` may leave out all but the id. */
    if (side == SIDE_SHOWN) buf_put(json, S(",\"required\":[\"id\"]"));
    if (side != SIDE_NEW) return;
    bool is_first = true;
    buf_put(json, S(",\"required\":["));
    for (uint32_t at = 0; at < entity->field_count; at++) {
        if (!must_be_given(scope, &entity->fields[at])) continue;
        if (!is_first) buf_put_byte(json, ',');
        is_first = false;
        json_write_text(json, entity->fields[at].name);
    }
    buf_put_byte(json, ']');
}

static bool has_example(const struct scope *scope, const struct field *field)
{
    return is_in(scope, field, SIDE_NEW) && field->kind_of->example.len > 0 &&
           (field->is_required || field->is_title) && field->initial.len == 0;
}

/** What must be given, and the title; a record that is referred to is made in the same change. */
static void put_example(struct buf *json, const struct scope *scope, const struct entity *entity,
                        uint32_t depth)
{
    bool is_first = true;
    buf_put_byte(json, '{');
    for (uint32_t at = 0; at < entity->field_count; at++) {
        const struct field *field = &entity->fields[at];
        if (!has_example(scope, field)) continue;
        if (!is_first) buf_put_byte(json, ',');
        is_first = false;
        put_key(json, field->name);
        bool has_choice = field->set != nullptr && field->set->choice_count > 0;
        if (has_choice && field->kind == FIELD_CHOICE)
            json_write_text(json, field->set->choices[0].value);
        else if (field->kind == FIELD_REFERENCE && depth < EXAMPLE_DEPTH_MAX &&
                 leads_to_seen(scope, field))
            put_example(json, scope, field->to, depth + 1);
        else if (field->format == FORMAT_EMAIL) buf_put(json, S("\"ann@firm.example\""));
        else buf_put(json, field->kind_of->example);
    }
    buf_put_byte(json, '}');
}

static void put_schema(struct buf *json, const struct scope *scope, const struct entity *entity,
                       enum side side)
{
    buf_put(json, S("{\"type\":\"object\",\"title\":"));
    json_write_text(json, entity->label);
    buf_put(json, S(",\"properties\":{"));
    bool is_first = true;
    if (side == SIDE_SHOWN)
        buf_put(json, S("\"id\":{\"type\":\"string\",\"format\":\"uuid\",\"readOnly\":true}"));
    if (side == SIDE_SHOWN && entity->duplicates != nullptr)
        buf_put(json, S(",\"warnings\":{\"type\":\"array\",\"readOnly\":true,\"description\":"
                        "\"Only in the answer to a creation with duplicates=warn.\",\"items\":"
                        "{\"$ref\":\"#/components/schemas/Warning\"}}"));
    is_first = side != SIDE_SHOWN;
    for (uint32_t at = 0; at < entity->field_count; at++) {
        if (!is_in(scope, &entity->fields[at], side)) continue;
        if (!is_first) buf_put_byte(json, ',');
        is_first = false;
        put_field(json, scope, &entity->fields[at], side);
    }
    buf_put_byte(json, '}');
    put_required(json, scope, entity, side);
    if (side == SIDE_NEW) {
        buf_put(json, S(",\"examples\":["));
        put_example(json, scope, entity, 0);
        buf_put_byte(json, ']');
    }
    buf_put(json, S(",\"additionalProperties\":false}"));
}

void openapi_entity_schemas(struct parts *parts, const struct scope *scope,
                            const struct entity *entity)
{
    static const char *const endings[] = {"", ".new", ".patch"};
    for (enum side side = SIDE_SHOWN; side <= SIDE_PATCH; side++) {
        part_begin(parts, SECTION_SCHEMAS);
        buf_print(&parts->text, "%.*s%s", FMT(entity->name), endings[side]);
        part_named(parts);
        put_schema(&parts->text, scope, entity, side);
        part_end(parts);
    }
}

/* Filters. */

static const struct {
    const char *word; /** empty: equal */
    const char *about;
    bool is_of_order, is_of_text;
} operations[] = {
    {"", "Equal to this, or to any of these when it is given more than once.", true, true},
    {"ne", "None of these.", true, true},
    {"empty", "Whether it has no value.", true, true},
    {"gt", "Above this.", true, false},
    {"gte", "This or above.", true, false},
    {"lt", "Below this.", true, false},
    {"lte", "This or below.", true, false},
    {"prefix", "Text that begins so.", false, true},
};
constexpr uint32_t OPERATION_COUNT = sizeof operations / sizeof operations[0];

/** Of any kind every comparison is served; what makes sense for it is described. */
static bool has_operation(const struct field *field, uint32_t operation)
{
    return field->kind_of->is_text ? operations[operation].is_of_text
                                   : operations[operation].is_of_order;
}

static bool is_filter(const struct scope *scope, const struct field *field)
{
    return field->is_indexed && is_in(scope, field, SIDE_SHOWN);
}

static void put_filter_name(struct buf *json, const struct field *field, uint32_t operation)
{
    const char *word = operations[operation].word;
    buf_print(json, "%.*s.%.*s%s%s", FMT(field->entity->name), FMT(field->name),
              word[0] == 0 ? "" : ".", word);
}

static void put_filter(struct buf *json, const struct field *field, uint32_t operation)
{
    const char *word = operations[operation].word;
    buf_print(json, "{\"in\":\"query\",\"name\":\"%.*s", FMT(field->name));
    if (word[0] != 0) buf_print(json, "[%s]", word);
    bool is_many = word[0] == 0 || strcmp(word, "ne") == 0;
    buf_put(json, S("\",\"schema\":"));
    if (strcmp(word, "empty") == 0) buf_put(json, S("{\"type\":\"boolean\"}"));
    else if (is_many)
        buf_put(json, S("{\"type\":\"array\",\"maxItems\":100,\"items\":{\"type\":\"string\"}}"));
    else buf_put(json, S("{\"type\":\"string\"}"));
    if (is_many) buf_put(json, S(",\"explode\":true"));
    buf_print(json, ",\"description\":\"%s\"}", operations[operation].about);
}

void openapi_entity_filters(struct parts *parts, const struct scope *scope,
                            const struct entity *entity)
{
    for (uint32_t at = 0; at < entity->field_count; at++)
        for (uint32_t operation = 0; operation < OPERATION_COUNT; operation++) {
            const struct field *field = &entity->fields[at];
            if (!is_filter(scope, field) || !has_operation(field, operation)) continue;
            part_begin(parts, SECTION_PARAMETERS);
            put_filter_name(&parts->text, field, operation);
            part_named(parts);
            put_filter(&parts->text, field, operation);
            part_end(parts);
        }
}

void openapi_entity_filter_references(struct buf *json, const struct scope *scope,
                                      const struct entity *entity, bool *is_first)
{
    if (entity->archived_at != nullptr) {
        buf_print(json, "%s{\"$ref\":\"#/components/parameters/archived\"}", *is_first ? "" : ",");
        *is_first = false;
    }
    for (uint32_t at = 0; at < entity->field_count; at++)
        for (uint32_t operation = 0; operation < OPERATION_COUNT; operation++) {
            const struct field *field = &entity->fields[at];
            if (!is_filter(scope, field) || !has_operation(field, operation)) continue;
            if (!*is_first) buf_put_byte(json, ',');
            *is_first = false;
            buf_put(json, S("{\"$ref\":\"#/components/parameters/"));
            put_filter_name(json, field, operation);
            buf_put(json, S("\"}"));
        }
}
