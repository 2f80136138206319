#include "api/openapi.h"

#include "access/portal.h"
#include "api/components.h"
#include "api/openapi_entity.h"
#include "api/reply.h"
#include "api/rights.h"
#include "api/routes.h"
#include "base/require.h"
#include "record/models.h"
#include "value/json.h"

constexpr size_t DOCUMENT_BYTES_MAX = 16 * MIB;
constexpr size_t SCRATCH_BYTES_MAX = 64 * MIB; /** components, while they are put in */

/** Who reads it. */
struct reader {
    const struct scope *scope;
    const struct model *model;
    struct arena *scratch;
};

static const str filters_word = {"filters", 7};
static const str view_word = {"view", 4};

/** Items of a list or members of an object: a comma before all but the first. */
static void put_comma(struct buf *json, bool *is_first)
{
    if (!*is_first) buf_put_byte(json, ',');
    *is_first = false;
}

static void put_reference(struct buf *json, const char *section, str name,
                          const struct entity *entity)
{
    buf_print(json, "{\"$ref\":\"#/components/%s/", section);
    components_name(json, name, entity);
    buf_put(json, S("\"}"));
}

/** Saved views are laid under a list by who sees them. */
static bool has_parameter(const struct reader *reader, str name)
{
    const struct entity *views = model_entity(reader->model, view_word);
    return !str_eq(name, view_word) ||
           (views != nullptr && scope_may(reader->scope, views->number, SCOPE_VIEW));
}

/** Those that the path names, then those of the row. */
static void put_parameters(struct buf *json, const struct reader *reader, const struct route *route,
                           const struct entity *entity)
{
    bool is_first = true;
    buf_put(json, S(",\"parameters\":["));
    str path = route->pattern, segment, rest;
    while (path.len > 0) {
        (void)str_cut(path, '/', &segment, &path);
        if (segment.len < 2 || segment.at[0] != '{' || str_eq(segment, S("{collection}"))) continue;
        put_comma(json, &is_first);
        put_reference(json, "parameters", (str){segment.at + 1, segment.len - 2}, entity);
    }
    if (route->method == METHOD_POST && route->need == NEED_IDENTITY &&
        route->repeat != REPEAT_ANEW) {
        put_comma(json, &is_first);
        put_reference(json, "parameters", S("idempotency_key"), entity);
    }
    rest = str_of(route->parameters == nullptr ? "" : route->parameters);
    while (rest.len > 0) {
        str name;
        (void)str_cut(rest, ' ', &name, &rest);
        if (str_eq(name, filters_word)) {
            require(entity != nullptr);
            openapi_entity_filter_references(json, reader->scope, entity, &is_first);
            continue;
        }
        if (!has_parameter(reader, name)) continue;
        put_comma(json, &is_first);
        put_reference(json, "parameters", name, entity);
    }
    buf_put_byte(json, ']');
}

static void put_answers(struct buf *json, const struct route *route, const struct entity *entity)
{
    require(route->answers != nullptr);
    str rest = str_of(route->answers), status, name;
    buf_put(json, S(",\"responses\":{"));
    while (rest.len > 0) {
        (void)str_cut(rest, ' ', &status, &rest);
        (void)str_cut(rest, ' ', &name, &rest);
        require(status.len == 3 && name.len > 0);
        buf_print(json, "\"%.*s\":", FMT(status));
        put_reference(json, "responses", name, entity);
        buf_put_byte(json, ',');
    }
    buf_put(json, S("\"default\":{\"$ref\":\"#/components/responses/problem\"}}"));
}

/** `patch_clients_id` */
static void put_operation_id(struct buf *json, const struct route *route, str word,
                             const struct entity *entity)
{
    buf_put(json, S(",\"operationId\":\""));
    for (size_t at = 0; at < word.len; at++) buf_put_byte(json, (char)(word.at[at] - 'A' + 'a'));
    str path = route->pattern, segment;
    if (str_starts(path, S("/api/v1"))) path = str_from(path, 7);
    while (path.len > 0) {
        (void)str_cut(path, '/', &segment, &path);
        if (segment.len == 0) continue;
        buf_put_byte(json, '_');
        if (str_eq(segment, S("{collection}"))) segment = entity->plural;
        for (size_t at = 0; at < segment.len; at++) {
            if (segment.at[at] == '{' || segment.at[at] == '}') continue;
            buf_put_byte(json, segment.at[at] == '.' ? '_' : segment.at[at]);
        }
    }
    buf_put_byte(json, '"');
}

static void put_call(struct buf *json, const struct reader *reader, const struct route *route,
                     const struct entity *entity)
{
    str word = method_word(route->method);
    buf_put_byte(json, '"');
    for (size_t at = 0; at < word.len; at++) buf_put_byte(json, (char)(word.at[at] - 'A' + 'a'));
    buf_put(json, S("\":{\"summary\":"));
    json_write_text(json, route->summary);
    put_operation_id(json, route, word, entity);
    if (entity != nullptr) {
        buf_put(json, S(",\"tags\":["));
        json_write_text(json, entity->plural);
        buf_put_byte(json, ']');
    }
    if (route->need != NEED_IDENTITY) buf_put(json, S(",\"security\":[]"));
    put_parameters(json, reader, route, entity);
    if (route->body != nullptr) {
        buf_put(json, S(",\"requestBody\":"));
        put_reference(json, "requestBodies", str_of(route->body), entity);
    }
    put_answers(json, route, entity);
    buf_put_byte(json, '}');
}

/** Whether the reader's door has this call, and he may make it. */
static bool is_described(const struct reader *reader, const struct route *route,
                         const struct entity *entity)
{
    bool is_of_door = route->is_for_portal || reader->scope->actor_kind != ACTOR_CONTACT;
    bool is_seen = entity == nullptr || scope_may(reader->scope, entity->number, SCOPE_VIEW);
    return is_of_door && is_seen && !route->is_for_the_rest && route_is_of(route, entity) &&
           rights_allow(reader->scratch, reader->scope, reader->model, route, entity);
}

/** All calls of one path; the rows of one pattern stand together in the table. */
static void put_path(struct buf *json, const struct reader *reader, uint32_t first,
                     const struct entity *entity)
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
        if (!is_described(reader, &routes[row], entity)) continue;
        put_comma(json, &is_first);
        put_call(json, reader, &routes[row], entity);
    }
    buf_put_byte(json, '}');
}

static bool has_calls(const struct reader *reader, str pattern, const struct entity *entity)
{
    for (uint32_t row = 0; row < route_count; row++)
        if (str_eq(routes[row].pattern, pattern) && is_described(reader, &routes[row], entity))
            return true;
    return false;
}

static bool is_first_of_pattern(uint32_t row)
{
    for (uint32_t before = 0; before < row; before++)
        if (str_eq(routes[before].pattern, routes[row].pattern)) return false;
    return true;
}

static void put_paths(struct buf *json, const struct reader *reader)
{
    bool is_first = true;
    for (uint32_t row = 0; row < route_count; row++) {
        if (!is_first_of_pattern(row)) continue;
        bool is_of_records =
            memmem(routes[row].pattern.at, routes[row].pattern.len, "{collection}", 12) != nullptr;
        uint32_t count = is_of_records ? reader->model->entity_count : 1;
        for (uint32_t at = 0; at < count; at++) {
            const struct entity *entity = is_of_records ? &reader->model->entities[at] : nullptr;
            if (!has_calls(reader, routes[row].pattern, entity)) continue;
            put_comma(json, &is_first);
            put_path(json, reader, row, entity);
        }
    }
}

/** What these calls lead to. False: it is too much. */
static bool put_components(struct buf *json, const struct reader *reader, str paths)
{
    struct parts parts = parts_make(reader->scratch, DOCUMENT_BYTES_MAX);
    bool has_tokens = reader->scope->actor_kind != ACTOR_CONTACT;
    components_add(&parts, reader->scope, reader->model);
    for (uint32_t at = 0; at < reader->model->entity_count; at++) {
        const struct entity *entity = &reader->model->entities[at];
        if (!scope_may(reader->scope, entity->number, SCOPE_VIEW)) continue;
        openapi_entity_filters(&parts, reader->scope, entity);
        openapi_entity_schemas(&parts, reader->scope, entity);
    }
    if (!parts_follow(&parts, paths)) return false;
    buf_put(json, S("\"components\":{\"securitySchemes\":{"));
    if (has_tokens) buf_put(json, S("\"token\":{\"type\":\"http\",\"scheme\":\"bearer\"},"));
    buf_put(json, S("\"session\":{\"type\":\"apiKey\",\"in\":\"cookie\","
                    "\"name\":\"__Host-atrium\",\"description\":\"What is not GET or HEAD also "
                    "needs its own Origin and, in X-CSRF-Token, the word that /me gives.\"}},"));
    parts_write(json, &parts);
    buf_put_byte(json, '}');
    return !buf_is_over(json);
}

/** The tag, a line's end, the document. */
static str openapi_text(struct arena *arena, const struct scope *scope, const struct model *model)
{
    struct arena scratch;
    arena_init(&scratch, SCRATCH_BYTES_MAX);
    struct reader reader = {scope, model, &scratch};
    struct buf json = buf_make(&scratch, DOCUMENT_BYTES_MAX);
    buf_put(&json, S("{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"Atrium\",\"version\":\"1\","
                     "\"description\":\"Records of one firm. Bodies and answers are JSON, or "
                     "the same in MessagePack: application/msgpack as Content-Type, as Accept.\","
                     "\"license\":{\"name\":"
                     "\"AGPL-3.0-or-later\",\"identifier\":\"AGPL-3.0-or-later\"}},"
                     "\"servers\":[{\"url\":\"/\"}],\"security\":["));
    if (scope->actor_kind != ACTOR_CONTACT) buf_put(&json, S("{\"token\":[]},"));
    buf_put(&json, S("{\"session\":[]}],\"paths\":{"));
    size_t paths_at = json.len;
    put_paths(&json, &reader);
    buf_put(&json, S("},"));
    bool is_over = !put_components(&json, &reader, str_from(buf_str(&json), paths_at));
    buf_put_byte(&json, '}');
    str etag = page_etag(arena, buf_str(&json));
    str text = is_over ? S("") : arena_print(arena, "%.*s\n%.*s", FMT(etag), FMT(buf_str(&json)));
    arena_drop(&scratch);
    return text;
}

static struct page_file file_of(str text)
{
    struct page_file file = {.path = S("/api/v1/openapi.json"), .type = S("application/json")};
    (void)str_cut(text, '\n', &file.etag, &file.bytes);
    return file;
}

/** For who sees all of it. */
static str whole_text(struct arena *arena, const struct model *model)
{
    struct scope scope = scope_system();
    return openapi_text(arena, &scope, model);
}

/** For any contact, and for who has not entered. */
static str portal_text(struct arena *arena, const struct model *model)
{
    struct scope scope = scope_of_portal(model);
    return openapi_text(arena, &scope, model);
}

/** Whether no call and no field is left out for this reader. */
static bool sees_whole(const struct scope *scope, const struct model *model)
{
    uint16_t groups = (uint16_t)((1U << model->group_count) - 1);
    bool sees = scope_sees_fields(scope, model) && (scope->rows & ROWS_ALL) != 0 &&
                (scope->groups_edited & groups) == groups;
    for (uint32_t at = 0; at < model->entity_count && sees; at++) {
        uint8_t actions = scope->actions[model->entities[at].number];
        sees = (actions & SCOPE_EVERYTHING) == SCOPE_EVERYTHING;
    }
    return sees;
}

/** What a reader who sees less is told; made each time, for there is one for each role. */
static enum err openapi_read_cut(struct call *call)
{
    if (call->http_task == nullptr) return ERR_TOO_LARGE;
    str text = openapi_text(call->task->arena, &call->identity.scope, call->tenant.model);
    if (text.len == 0) return fail(call->task, ERR_TOO_LARGE, "the description is too long");
    struct page_file file = file_of(text);
    return page_reply(call, &file);
}

struct page_file openapi_make(struct arena *arena, const struct model *model, enum door door)
{
    str text = door == DOOR_PORTAL ? portal_text(arena, model) : whole_text(arena, model);
    require(text.len > 0);
    return file_of(text);
}

enum err openapi_read(struct call *call)
{
    const struct model *model = call->tenant.model;
    if (call->tenant.door == DOOR_PORTAL && call->identity.credential == CREDENTIAL_NONE)
        return page_reply(call, &call->api->openapi_of_portal);
    bool is_known = call->identity.credential != CREDENTIAL_NONE;
    if (is_known && !sees_whole(&call->identity.scope, model)) return openapi_read_cut(call);
    if (!is_known || model_is_same(model, call->access->model))
        return page_reply(call, &call->api->openapi);
    str text = model_text(model);
    if (text.len == 0) {
        /* Too much for a loop: a worker makes it, and keeps it with the model. */
        if (call->http_task == nullptr) return ERR_TOO_LARGE;
        text = whole_text(call->task->arena, model);
        if (text.len == 0) return fail(call->task, ERR_TOO_LARGE, "the description is too long");
        model_text_keep(model, text);
    }
    struct page_file file = file_of(text);
    return page_reply(call, &file);
}
