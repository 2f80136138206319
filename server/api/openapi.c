#include "api/openapi.h"

#include "api/reply.h"
#include "api/routes.h"
#include "base/require.h"
#include "model/kind.h"
#include "value/json.h"

constexpr size_t DOCUMENT_BYTES_MAX = 16 * MIB;

static void put_key(struct buf *json, str name)
{
    json_write_text(json, name);
    buf_put_byte(json, ':');
}

/** Items of a list or members of an object: a comma before all but the first. */
static void put_comma(struct buf *json, bool *is_first)
{
    if (!*is_first) buf_put_byte(json, ',');
    *is_first = false;
}

/* Schemas. */

static bool is_kept_by_server(const struct field *field)
{
    return field->is_computed || field->is_system;
}

/** A field as it is shown: absent is null, an absent list empty. */
static void put_field(struct buf *json, const struct field *field)
{
    put_key(json, field->name);
    buf_put(json, S("{\"title\":"));
    json_write_text(json, field->label);
    if (is_kept_by_server(field)) buf_put(json, S(",\"readOnly\":true"));
    if (field->to != nullptr) {
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
    buf_put(json, S(",\"anyOf\":["));
    buf_put(json, field->kind_of->openapi);
    if (!field->kind_of->is_list) buf_put(json, S(",{\"type\":\"null\"}"));
    /* Given as an object, a reference creates that record too; `expand` shows it so. */
    if (field->kind == FIELD_REFERENCE && !is_kept_by_server(field))
        buf_print(json, ",{\"$ref\":\"#/components/schemas/%.*s\"}", FMT(field->to->name));
    buf_put(json, S("]}"));
}

static void put_entity(struct buf *json, const struct entity *entity)
{
    put_key(json, entity->name);
    buf_put(json, S("{\"type\":\"object\",\"title\":"));
    json_write_text(json, entity->label);
    buf_put(json, S(",\"properties\":{\"id\":{\"type\":\"string\",\"format\":\"uuid\","
                    "\"readOnly\":true}"));
    for (uint32_t at = 0; at < entity->field_count; at++) {
        if (entity->fields[at].is_hidden) continue;
        buf_put_byte(json, ',');
        put_field(json, &entity->fields[at]);
    }
    buf_put(json, S("},\"required\":["));
    bool is_first = true;
    for (uint32_t at = 0; at < entity->field_count; at++) {
        const struct field *field = &entity->fields[at];
        if (!field->is_required || field->initial.len > 0 || is_kept_by_server(field)) continue;
        if (field->waived_by.len > 0 || field->made_from != nullptr) continue;
        put_comma(json, &is_first);
        json_write_text(json, field->name);
    }
    buf_put(json, S("],\"additionalProperties\":false}"));
}

static const str shared_schemas = S(
    "\"problem\":{\"type\":\"object\",\"required\":[\"type\",\"title\",\"status\",\"request_id\"],"
    "\"properties\":{\"type\":{\"type\":\"string\"},\"title\":{\"type\":\"string\"},"
    "\"status\":{\"type\":\"integer\"},\"detail\":{\"type\":\"string\"},"
    "\"request_id\":{\"type\":\"string\",\"format\":\"uuid\"},"
    "\"errors\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"
    "\"field\":{\"type\":\"string\"},\"code\":{\"type\":\"string\"},"
    "\"message\":{\"type\":\"string\"}}}},"
    "\"record\":{\"type\":\"object\",\"description\":\"To 412: the record as it is.\"}}},"
    "\"log\":{\"type\":\"object\",\"properties\":{\"data\":{\"type\":\"array\","
    "\"items\":{\"type\":\"object\"}},\"next\":{\"type\":[\"integer\",\"null\"]}}},"
    "\"sign_in\":{\"type\":\"object\",\"required\":[\"email\",\"password\"],\"properties\":{"
    "\"email\":{\"type\":\"string\"},\"password\":{\"type\":\"string\",\"writeOnly\":true}}}");

/* Calls. */

static void put_parameter(struct buf *json, bool *is_first, const char *name, const char *place,
                          const char *schema, const char *description)
{
    put_comma(json, is_first);
    buf_print(json, "{\"name\":\"%s\",\"in\":\"%s\",\"required\":%s,\"schema\":%s", name, place,
              strcmp(place, "path") == 0 ? "true" : "false", schema);
    if (description[0] != 0) buf_print(json, ",\"description\":\"%s\"", description);
    buf_put_byte(json, '}');
}

static void put_filters(struct buf *json, bool *is_first, const struct entity *entity)
{
    for (uint32_t at = 0; at < entity->field_count; at++) {
        const struct field *field = &entity->fields[at];
        if (!field->is_indexed || field->is_hidden) continue;
        put_comma(json, is_first);
        buf_put(json, S("{\"in\":\"query\",\"name\":"));
        json_write_text(json, field->name);
        buf_put(json, S(",\"schema\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
                        "\"explode\":true,\"description\":\"Equal to any of these; also with [ne], "
                        "[gt], [gte], [lt], [lte], [prefix], [empty] behind the name.\"}"));
    }
}

static void put_list_parameters(struct buf *json, bool *is_first, const struct entity *entity)
{
    const char *text = "{\"type\":\"string\"}";
    put_parameter(json, is_first, "limit", "query",
                  "{\"type\":\"integer\",\"minimum\":1,\"maximum\":200,\"default\":50}", "");
    put_parameter(json, is_first, "after", "query", text, "The `next` of the page before.");
    put_parameter(json, is_first, "sort", "query", text,
                  "An indexed field; `-` before it: falling.");
    put_parameter(json, is_first, "q", "query", text, "Words that the record must have.");
    put_parameter(json, is_first, "count", "query", "{\"type\":\"boolean\"}", "");
    put_filters(json, is_first, entity);
}

static void put_parameters(struct buf *json, const struct route *route, const struct entity *entity)
{
    const char *text = "{\"type\":\"string\"}";
    bool is_first = true;
    buf_put(json, S(",\"parameters\":["));
    if (str_find_byte(route->pattern, '{') != SIZE_MAX &&
        memmem(route->pattern.at, route->pattern.len, "{id}", 4) != nullptr)
        put_parameter(json, &is_first, "id", "path", "{\"type\":\"string\",\"format\":\"uuid\"}",
                      "");
    if (route->answer == ANSWER_LIST) put_list_parameters(json, &is_first, entity);
    if (route->answer == ANSWER_LOG) {
        put_parameter(json, &is_first, "after", "query", "{\"type\":\"integer\",\"minimum\":0}",
                      "The `next` of the page before.");
        put_parameter(json, &is_first, "limit", "query",
                      "{\"type\":\"integer\",\"minimum\":1,\"maximum\":200,\"default\":50}", "");
    }
    if (route->answer == ANSWER_LIST || route->answer == ANSWER_RECORD) {
        put_parameter(json, &is_first, "fields", "query", text, "Names with commas between.");
        put_parameter(json, &is_first, "expand", "query", text, "References to show as records.");
    }
    bool has_condition = route->method == METHOD_PATCH || route->method == METHOD_DELETE;
    if (has_condition && entity != nullptr)
        put_parameter(json, &is_first, "If-Match", "header", text, "The ETag that it must have.");
    if (route->method == METHOD_GET && route->answer == ANSWER_RECORD)
        put_parameter(json, &is_first, "If-None-Match", "header", text, "");
    buf_put_byte(json, ']');
}

static void put_body(struct buf *json, const struct route *route, const struct entity *entity)
{
    if (!route->has_body) return;
    const char *type =
        route->method == METHOD_PATCH ? "application/merge-patch+json" : "application/json";
    str schema = entity == nullptr ? S("sign_in") : entity->name;
    buf_print(json, ",\"requestBody\":{\"required\":true,\"content\":{\"%s\":{\"schema\":", type);
    /* A patch names only what changes: nothing is required of it. */
    if (route->method == METHOD_PATCH) buf_put(json, S("{\"type\":\"object\"}"));
    else buf_print(json, "{\"$ref\":\"#/components/schemas/%.*s\"}", FMT(schema));
    buf_put(json, S("}}}"));
}

static void put_answer_schema(struct buf *json, enum answer_form answer,
                              const struct entity *entity)
{
    switch (answer) {
    case ANSWER_TEXT:
        buf_put(json, S("{\"type\":\"string\"}"));
        break;
    case ANSWER_NOTHING:
    case ANSWER_OBJECT:
        buf_put(json, S("{\"type\":\"object\"}"));
        break;
    case ANSWER_LOG:
        buf_put(json, S("{\"$ref\":\"#/components/schemas/log\"}"));
        break;
    case ANSWER_RECORD:
        buf_print(json, "{\"$ref\":\"#/components/schemas/%.*s\"}", FMT(entity->name));
        break;
    case ANSWER_LIST:
        buf_print(
            json,
            "{\"type\":\"object\",\"required\":[\"data\",\"next\"],\"properties\":{"
            "\"data\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/%.*s\"}},"
            "\"next\":{\"type\":[\"string\",\"null\"]},\"count\":{\"type\":\"object\","
            "\"properties\":{\"value\":{\"type\":\"integer\"},"
            "\"exact\":{\"type\":\"boolean\"}}}}}",
            FMT(entity->name));
        break;
    }
}

static void put_call(struct buf *json, const struct route *route, const struct entity *entity)
{
    str word = method_word(route->method);
    buf_put_byte(json, '"');
    for (size_t at = 0; at < word.len; at++) buf_put_byte(json, (char)(word.at[at] - 'A' + 'a'));
    buf_put(json, S("\":{\"summary\":"));
    json_write_text(json, route->summary);
    if (entity != nullptr) {
        buf_put(json, S(",\"tags\":["));
        json_write_text(json, entity->plural);
        buf_put_byte(json, ']');
    }
    if (route->need != NEED_IDENTITY) buf_put(json, S(",\"security\":[]"));
    put_parameters(json, route, entity);
    put_body(json, route, entity);
    buf_print(json, ",\"responses\":{\"%d\":{\"description\":\"Done\"", route->status);
    if (route->answer != ANSWER_NOTHING) {
        const char *type = route->answer == ANSWER_TEXT ? "text/plain" : "application/json";
        buf_print(json, ",\"content\":{\"%s\":{\"schema\":", type);
        put_answer_schema(json, route->answer, entity);
        buf_put(json, S("}}"));
    }
    buf_put(json, S("},\"default\":{\"$ref\":\"#/components/responses/problem\"}}}"));
}

/** All calls of one path; the rows of one pattern stand together in the table. */
static void put_path(struct buf *json, uint32_t first, const struct entity *entity)
{
    str pattern = routes[first].pattern;
    str collection = S("{collection}");
    const char *at = memmem(pattern.at, pattern.len, collection.at, collection.len);
    require((at != nullptr) == (entity != nullptr));
    buf_put_byte(json, '"');
    if (at == nullptr) {
        buf_put(json, pattern);
    } else {
        buf_put(json, str_between(pattern.at, at));
        buf_put(json, entity->plural);
        buf_put(json, str_between(at + collection.len, pattern.at + pattern.len));
    }
    buf_put(json, S("\":{"));
    bool is_first = true;
    for (uint32_t row = first; row < route_count; row++) {
        if (!str_eq(routes[row].pattern, pattern)) continue;
        if (entity != nullptr && entity->is_single && routes[row].is_not_of_single) continue;
        put_comma(json, &is_first);
        put_call(json, &routes[row], entity);
    }
    buf_put_byte(json, '}');
}

static bool is_first_of_pattern(uint32_t row)
{
    for (uint32_t before = 0; before < row; before++)
        if (str_eq(routes[before].pattern, routes[row].pattern)) return false;
    return true;
}

static void put_paths(struct buf *json, const struct model *model)
{
    bool is_first = true;
    for (uint32_t row = 0; row < route_count; row++) {
        if (!is_first_of_pattern(row)) continue;
        bool is_of_records =
            memmem(routes[row].pattern.at, routes[row].pattern.len, "{collection}", 12) != nullptr;
        uint32_t count = is_of_records ? model->entity_count : 1;
        for (uint32_t at = 0; at < count; at++) {
            put_comma(json, &is_first);
            put_path(json, row, is_of_records ? &model->entities[at] : nullptr);
        }
    }
}

struct page_file openapi_make(struct arena *arena, const struct model *model)
{
    struct buf json = buf_make(arena, DOCUMENT_BYTES_MAX);
    buf_put(&json, S("{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"Atrium\",\"version\":\"1\","
                     "\"description\":\"Records of one firm.\"},"
                     "\"security\":[{\"token\":[]},{\"session\":[]}],\"paths\":{"));
    put_paths(&json, model);
    buf_put(&json, S("},\"components\":{\"securitySchemes\":{"
                     "\"token\":{\"type\":\"http\",\"scheme\":\"bearer\"},"
                     "\"session\":{\"type\":\"apiKey\",\"in\":\"cookie\","
                     "\"name\":\"__Host-atrium\"}},"
                     "\"responses\":{\"problem\":{\"description\":\"What went wrong (RFC 9457)\","
                     "\"content\":{\"application/problem+json\":{\"schema\":"
                     "{\"$ref\":\"#/components/schemas/problem\"}}}}},\"schemas\":{"));
    buf_put(&json, shared_schemas);
    for (uint32_t at = 0; at < model->entity_count; at++) {
        buf_put_byte(&json, ',');
        put_entity(&json, &model->entities[at]);
    }
    buf_put(&json, S("}}}"));
    require(!buf_is_over(&json));
    return (struct page_file){
        .path = S("/api/v1/openapi.json"),
        .type = S("application/json"),
        .bytes = buf_str(&json),
        .etag = page_etag(arena, buf_str(&json)),
    };
}

enum err openapi_read(struct call *call)
{
    return page_reply(call, &call->api->openapi);
}
