#include "api/records.h"

#include "access/access.h"
#include "api/accept.h"
#include "api/feed.h"
#include "api/jobs.h"
#include "api/duplicates.h"
#include "api/parameters.h"
#include "api/portal_door.h"
#include "api/reply.h"
#include "base/require.h"
#include "record/deletion.h"
#include "record/gone.h"
#include "record/past.h"
#include "record/query.h"
#include "record/search.h"
#include "value/json.h"
#include "value/text.h"
#include "work/job_delete.h"

constexpr uint32_t LOG_ENTRIES_DEFAULT = 50;
constexpr uint32_t LOG_ENTRIES_MAX = 200;
constexpr uint32_t TAGS_MAX = 16;

static const str event_type = {"text/event-stream", 17};
static const str json_type = {"application/json", 16};
static const struct etag no_tag = {-1, -1};

/* Entity tags. */

static str tag_take(str *list, bool *is_weak_out)
{
    str tag;
    (void)str_cut(*list, ',', &tag, list);
    tag = str_trim(tag);
    *is_weak_out = str_starts(tag, S("W/"));
    return *is_weak_out ? str_from(tag, 2) : tag;
}

bool tags_name(str list, struct etag etag)
{
    for (uint32_t count = 0; list.len > 0 && count < TAGS_MAX; count++) {
        bool is_weak;
        struct etag given;
        str tag = tag_take(&list, &is_weak);
        if (str_eq(tag, S("*"))) return true;
        if (!etag_parse(tag, &given)) continue;
        if (given.revision == etag.revision && given.version == etag.version) return true;
    }
    return false;
}

static bool is_quoted(str tag)
{
    return tag.len >= 2 && tag.at[0] == '"' && tag.at[tag.len - 1] == '"';
}

bool if_match_read(str list, struct etag present, bool *is_any_out, struct etag *tag_out)
{
    *is_any_out = str_eq(str_trim(list), S("*"));
    *tag_out = no_tag;
    if (*is_any_out) return true;
    uint32_t count = 0;
    for (; list.len > 0; count++) {
        bool is_weak;
        struct etag given;
        str tag = tag_take(&list, &is_weak);
        if (count == TAGS_MAX || !is_quoted(tag)) return false;
        if (is_weak || !etag_parse(tag, &given)) continue;
        bool is_match = given.revision == present.revision;
        if (is_match || tag_out->revision == no_tag.revision) *tag_out = given;
        if (is_match) break;
    }
    return count > 0 || tag_out->revision != no_tag.revision;
}

str etag_text(struct arena *arena, struct etag etag)
{
    return arena_print(arena, "\"%lld.%lld\"", (long long)etag.revision, (long long)etag.version);
}

static void reply_tag(struct call *call, struct etag etag)
{
    reply_header(call, S("etag"), etag_text(call->task->arena, etag));
}

/* Queries. */

static enum err at_read(struct call *call, str given, int64_t *at_ms_out)
{
    if (time_parse(given, at_ms_out)) return ERR_NONE;
    return fail_parameter(call->task, S("at"), S("format"),
                          "must be a time like 2026-11-21T12:00:00Z, or a date");
}

/** What records are alike in is told of fields that the portal need not show. */
static enum err warns_read(struct call *call, str value, bool *warns_out)
{
    if (call->identity.scope.actor_kind == ACTOR_CONTACT)
        return unknown_parameter(call, S("duplicates"), "fields, expand");
    *warns_out = str_eq(value, S("warn")) && call->entity->duplicates != nullptr;
    if (str_eq(value, S("warn"))) return ERR_NONE;
    return fail_parameter(call->task, S("duplicates"), S("choice"), "must be warn");
}

static enum err shape_take(struct call *call, const struct parameter *parameter,
                           struct shape *shape, int64_t *at_ms_out, bool *warns_out)
{
    struct sight sight = scope_sight(&call->identity.scope);
    str name = parameter->name, value = parameter->value;
    if (str_eq(name, S("fields")))
        return shape_add_fields(call->task, call->entity, sight, value, shape);
    if (str_eq(name, S("expand")))
        return shape_add_expand(call->task, call->entity, sight, value, shape);
    if (at_ms_out != nullptr && str_eq(name, S("at"))) return at_read(call, value, at_ms_out);
    if (warns_out != nullptr && str_eq(name, S("duplicates")))
        return warns_read(call, value, warns_out);
    return unknown_parameter(call, name,
                             at_ms_out != nullptr   ? "fields, expand, at"
                             : warns_out != nullptr ? "fields, expand, duplicates"
                                                    : "fields, expand");
}

/** `fields` and `expand`; nullptr when neither is given. Where a record may be shown as it was,
 *  also `at`, INT64_MAX when it is not given; otherwise `at_ms_out` is nullptr. */
static enum err shape_read(struct call *call, struct shape *shape, const struct shape **shape_out,
                           int64_t *at_ms_out, bool *warns_out)
{
    if (at_ms_out != nullptr) *at_ms_out = INT64_MAX;
    *shape_out = nullptr;
    if (call->query.len == 0) return ERR_NONE;
    *shape = (struct shape){};
    struct cursor query = cursor_of(call->query);
    struct parameter parameter = {};
    enum err err;
    while (parameter_next(call, &query, &parameter, &err))
        parameter_judge(&parameter, shape_take(call, &parameter, shape, at_ms_out, warns_out));
    *shape_out = shape;
    if (err == ERR_NONE && at_ms_out != nullptr && *at_ms_out != INT64_MAX &&
        shape->expand_count > 0)
        return fail_parameter(call->task, S("expand"), S("forbidden"),
                              "shows records as they are now; leave it out beside `at`");
    return err;
}

static enum err log_after_read(struct call *call, const struct parameter *parameter,
                               struct log_page *page)
{
    if (!str_eq(parameter->name, S("after")))
        return unknown_parameter(call, parameter->name, "after, limit");
    page->has_after = true;
    return sequence_read(call, parameter->value, &page->after);
}

enum err log_page_read(struct call *call, struct log_page *page)
{
    *page = (struct log_page){.limit = LOG_ENTRIES_DEFAULT};
    struct cursor query = cursor_of(call->query);
    struct parameter parameter = {};
    enum err err;
    while (parameter_next(call, &query, &parameter, &err)) {
        bool is_limit = str_eq(parameter.name, S("limit"));
        page->has_limit = page->has_limit || is_limit;
        if (is_limit)
            parameter_judge(&parameter,
                            limit_read(call, parameter.value, LOG_ENTRIES_MAX, &page->limit));
        else parameter_judge(&parameter, log_after_read(call, &parameter, page));
    }
    return err;
}

/* Reads. */

enum err records_list(struct call *call)
{
    struct query query;
    query_init(&query, call->entity, &call->identity.scope);
    struct cursor text = cursor_of(call->query);
    struct parameter parameter = {.repeats = S("*")};
    enum err err;
    while (parameter_next(call, &text, &parameter, &err))
        parameter_judge(&parameter, query_add(call->task, &query, parameter.name, parameter.value));
    struct view view = call_view(call);
    struct buf json = reply_buf(call);
    str unindexed;
    enum err err_at_end = query_end(&view, &query);
    TRY(err);
    TRY(err_at_end);
    TRY(query_write(&json, &view, &query, &unindexed));
    portal_was_shown(call, (struct id){});
    if (unindexed.len > 0) reply_header(call, S("atrium-unindexed"), unindexed);
    reply_keys_touched(call);
    return reply_json(call, 200, &json);
}

/** A record as it was has no tag: it is not what a change would meet. */
static enum err read_at(struct call *call, int64_t at_ms, const struct shape *wanted)
{
    struct view view = call_view(call);
    struct record record;
    TRY(record_get_at(&view, call->entity, call->record, at_ms, &record));
    struct buf json = reply_buf(call);
    portal_was_shown(call, call->record);
    record_write(&json, &view, &record, wanted);
    reply_keys_touched(call);
    return reply_json(call, 200, &json);
}

/** The record into which that of this old id was merged; nil: none that the caller sees. */
static enum err survivor_of(struct call *call, struct id *survivor_out)
{
    struct view view = call_view(call);
    struct task quiet = {.arena = call->task->arena};
    struct record record;
    TRY(gone_survivor(call->task, call->txn, call->entity, call->record, survivor_out));
    view.task = &quiet;
    if (id_is_nil(*survivor_out)) return ERR_NONE;
    enum err err = record_get(&view, call->entity, *survivor_out, &record);
    if (err == ERR_MISSING) *survivor_out = (struct id){};
    return err == ERR_MISSING ? ERR_NONE : err;
}

/** An old id of a merged record leads to the survivor, with the same query. */
static enum err redirect(struct call *call)
{
    struct id survivor;
    TRY(survivor_of(call, &survivor));
    if (id_is_nil(survivor)) return ERR_MISSING;
    struct arena *arena = call->task->arena;
    task_fault_clear(call->task);
    reply_header(call, S("location"),
                 arena_print(arena, "/api/v1/%.*s/%.*s%s%.*s", FMT(call->entity->plural),
                             FMT(id_text(arena, survivor)), call->query.len > 0 ? "?" : "",
                             FMT(call->query)));
    reply_empty(call, 308);
    return ERR_NONE;
}

enum err records_search(struct call *call)
{
    struct search search = {.limit = SEARCH_RESULTS_DEFAULT};
    struct cursor text = cursor_of(call->query);
    struct parameter parameter = {};
    enum err err;
    while (parameter_next(call, &text, &parameter, &err)) {
        if (str_eq(parameter.name, S("q"))) search.words = str_trim(parameter.value);
        else if (str_eq(parameter.name, S("limit")))
            parameter_judge(&parameter,
                            limit_read(call, parameter.value, SEARCH_RESULTS_MAX, &search.limit));
        else parameter_judge(&parameter, unknown_parameter(call, parameter.name, "q, limit"));
    }
    if (search.words.len == 0)
        return fail_parameter(call->task, S("q"), S("required"), "must be what is looked for");
    TRY(err);
    struct view view = call_view(call);
    struct buf json = reply_buf(call);
    TRY(search_write(&json, &view, &search));
    reply_keys_touched(call);
    return reply_json(call, 200, &json);
}

enum err records_read(struct call *call)
{
    struct shape shape;
    const struct shape *wanted;
    int64_t at_ms;
    TRY(shape_read(call, &shape, &wanted, &at_ms, nullptr));
    if (at_ms != INT64_MAX) return read_at(call, at_ms, wanted);
    struct view view = call_view(call);
    struct record record;
    enum err err = record_get(&view, call->entity, call->record, &record);
    if (err == ERR_MISSING) return redirect(call);
    TRY(err);
    struct etag etag = record_etag(&record);
    portal_was_shown(call, call->record);
    reply_tag(call, etag);
    reply_header(call, S("cache-control"), S("private, no-cache"));
    /* The tag speaks of this record alone, not of those that are shown within it. */
    bool is_alone = wanted == nullptr || wanted->expand_count == 0;
    if (is_alone && call->if_none_match.len > 0 && tags_name(call->if_none_match, etag)) {
        reply_empty(call, 304);
        return ERR_NONE;
    }
    struct buf json = reply_buf(call);
    record_write(&json, &view, &record, wanted);
    return reply_json(call, 200, &json);
}

enum err records_history(struct call *call)
{
    struct log_page page;
    TRY(log_page_read(call, &page));
    struct view view = call_view(call);
    struct buf json = reply_buf(call);
    uint64_t before = page.has_after ? page.after : UINT64_MAX;
    TRY(history_write(&json, &view, call->entity, call->record, before, page.limit));
    reply_keys_touched(call);
    return reply_json(call, 200, &json);
}

/** Where the stream of changes begins: behind what the client has seen, which a client that comes
 *  back says in a header, or with what comes from now on. */
static enum err stream_place_read(struct call *call, uint64_t *after_out)
{
    struct log_page page;
    TRY(log_page_read(call, &page));
    uint64_t newest = txn_log_newest(call->txn);
    if (page.has_limit)
        return fail(call->task, ERR_UNREADABLE, "limit: a stream of events has none");
    *after_out = page.has_after ? page.after : newest;
    if (call->last_event_id.len > 0) {
        int64_t number;
        if (!str_to_int64(call->last_event_id, &number) || number < 0)
            return fail(call->task, ERR_UNREADABLE,
                        "Last-Event-ID: must be the number that an event had as its id");
        *after_out = (uint64_t)number;
    }
    if (*after_out <= newest) return ERR_NONE;
    return fail(call->task, ERR_CONFLICT,
                "the log ends with %llu: it is not the one that was read; begin anew",
                (unsigned long long)newest);
}

static enum err changes_stream(struct call *call)
{
    uint64_t after;
    TRY(stream_place_read(call, &after));
    if (!str_eq(call->method, S("HEAD"))) return feed_answer(call, after);
    reply_empty(call, 200);
    call->reply.content_type = event_type;
    return ERR_NONE;
}

enum err records_changes(struct call *call)
{
    if (accept_weight(call->accept, event_type) > accept_weight(call->accept, json_type))
        return changes_stream(call);
    struct log_page page;
    TRY(log_page_read(call, &page));
    struct view view = call_view(call);
    struct buf json = reply_buf(call);
    TRY(feed_write(&json, &view, page.after, page.limit));
    reply_keys_touched(call);
    return reply_json(call, 200, &json);
}

/* Changes. */

struct change change_begin(const struct call *call)
{
    return (struct change){
        .task = call->task,
        .txn = call->txn,
        .model = call->tenant.model,
        .scope = &call->identity.scope,
        .hooks = call->hooks,
        .cause = call->task->request_id,
    };
}

enum err change_end(struct call *call, struct change *change)
{
    uint64_t newest = txn_log_newest(call->txn);
    TRY(access_finish_change(change, call->entity));
    /* A change that changed nothing is no group. */
    if (txn_log_newest(call->txn) == newest) return ERR_NONE;
    reply_header(call, S("atrium-group"), id_text(call->task->arena, change->group));
    return ERR_NONE;
}

static enum err given_is_map(struct call *call)
{
    if (call->given.kind == VALUE_MAP) return ERR_NONE;
    task_fault(call->task, S(""), S("type"), "the body must be an object of fields");
    return task_faults(call->task);
}

enum err reply_record(struct call *call, int status, struct id id, const struct shape *shape)
{
    struct view view = call_view(call);
    struct record record;
    TRY(record_get(&view, call->entity, id, &record));
    reply_tag(call, record_etag(&record));
    struct buf json = reply_buf(call);
    record_write(&json, &view, &record, shape);
    return reply_json(call, status, &json);
}

/** The record that was written; nothing, if a rule deleted it in the same change. */
static enum err reply_written(struct call *call, int status, struct id id,
                              const struct shape *shape, bool *is_there_out)
{
    enum err err = reply_record(call, status, id, shape);
    *is_there_out = err != ERR_MISSING;
    if (*is_there_out) return err;
    task_fault_clear(call->task);
    reply_empty(call, 204);
    return ERR_NONE;
}

enum err records_create(struct call *call)
{
    struct shape shape;
    const struct shape *wanted;
    bool warns = false;
    TRY(shape_read(call, &shape, &wanted, nullptr, &warns));
    TRY(given_is_map(call));
    struct change change = change_begin(call);
    struct id id;
    TRY(record_create(&change, call->entity, &call->given, &id));
    TRY(change_end(call, &change));
    bool is_there;
    TRY(reply_written(call, 201, id, wanted, &is_there));
    if (!is_there) return ERR_NONE;
    struct arena *arena = call->task->arena;
    reply_header(call, S("location"),
                 arena_print(arena, "/api/v1/%.*s/%.*s", FMT(call->entity->plural),
                             FMT(id_text(arena, id))));
    return warns ? duplicates_warn(call, id) : ERR_NONE;
}

/** The tag that a change must find; *tag_out is nullptr when any will do. */
static enum err precondition_read(struct call *call, struct etag *tag, const struct etag **tag_out)
{
    *tag_out = nullptr;
    if (call->if_match.len == 0) return ERR_NONE;
    struct view view = call_view(call);
    struct record record;
    TRY(record_get(&view, call->entity, call->record, &record));
    bool is_any;
    if (!if_match_read(call->if_match, record_etag(&record), &is_any, tag))
        return fail(call->task, ERR_UNREADABLE, "If-Match holds no entity tag");
    if (!is_any) *tag_out = tag;
    return ERR_NONE;
}

/** To ERR_CHANGED, what the record is like now: nothing of this change was written yet. */
static enum err with_present(struct call *call, enum err err)
{
    if (err != ERR_CHANGED) return err;
    TRY(reply_record(call, 412, call->record, nullptr));
    call->present = call->reply.body;
    return ERR_CHANGED;
}

enum err with_survivor(struct call *call, enum err err)
{
    struct id survivor;
    if (err != ERR_MISSING) return err;
    TRY(survivor_of(call, &survivor));
    if (id_is_nil(survivor)) return err;
    task_fault_clear(call->task);
    return fail(call->task, ERR_CONFLICT, "this %.*s was merged into %.*s", FMT(call->entity->name),
                FMT(id_text(call->task->arena, survivor)));
}

enum err records_patch(struct call *call)
{
    struct shape shape;
    const struct shape *wanted;
    TRY(shape_read(call, &shape, &wanted, nullptr, nullptr));
    TRY(given_is_map(call));
    struct etag tag;
    const struct etag *condition;
    TRY(precondition_read(call, &tag, &condition));
    struct change change = change_begin(call);
    enum err err = record_patch(&change, call->entity, call->record, &call->given, condition);
    TRY(with_present(call, with_survivor(call, err)));
    TRY(change_end(call, &change));
    bool is_there;
    return reply_written(call, 200, call->record, wanted, &is_there);
}

enum err records_verify_deletion(struct call *call)
{
    struct change change = change_begin(call);
    task_fault_clear(call->task);
    TRY(deletion_verify(&change, call->entity, call->record));
    /* What the job will only find when all else is done is refused before it begins. */
    struct savepoint savepoint = txn_savepoint(call->txn);
    txn_record_delete(call->txn, call->entity->number, call->record);
    enum err err = access_verify_change(&change, call->entity);
    txn_rollback(call->txn, savepoint);
    return err;
}

/** More lies under the record than one change can delete. */
static enum err delete_as_job(struct call *call)
{
    TRY(records_verify_deletion(call));
    return reply_job(call, S("delete"), delete_job_given(call->task, call->entity, call->record));
}

enum err records_delete(struct call *call)
{
    struct etag tag;
    const struct etag *condition;
    TRY(precondition_read(call, &tag, &condition));
    struct change change = change_begin(call);
    struct savepoint savepoint = txn_savepoint(call->txn);
    enum err err = record_delete(&change, call->entity, call->record, condition);
    if (err == ERR_TOO_LARGE) {
        txn_rollback(call->txn, savepoint);
        return delete_as_job(call);
    }
    TRY(with_present(call, with_survivor(call, err)));
    TRY(change_end(call, &change));
    reply_empty(call, 204);
    return ERR_NONE;
}
