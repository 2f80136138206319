#include "api/imports.h"

#include <stddef.h>

#include "api/jobs.h"
#include "api/once.h"
#include "api/parameters.h"
#include "api/reply.h"
#include "api/uploads.h"
#include "value/json.h"
#include "work/import_job.h"
#include "work/import_request.h"
#include "work/import_saved.h"

constexpr uint64_t PREVIEW_BYTES_MAX = 1 * MIB; /** a larger table is previewed by a job */
constexpr int64_t JOB_UPLOAD_KEPT_MS = 7 * UPLOAD_KEPT_MS;
constexpr size_t GIVEN_BYTES_MAX = 256 * KIB;

/** A call on its way to be an import. */
struct beginning {
    struct import_request request;
    str mapping;            /** name or id of a saved one, or empty */
    str text;               /** the table itself, or empty */
    bool has_table;         /** one was given */
    struct upload upload;   /** where it lies otherwise */
    struct source *source;  /** of either */
    struct source_text own; /** of the text */
};

/* What was asked. */

static void take_upload(struct call *call, struct beginning *beginning, const struct value *given)
{
    beginning->has_table = true;
    if (given->kind != VALUE_TEXT || !id_parse(given->text, &beginning->request.upload))
        task_fault(call->task, S("upload"), S("format"), "must be the id of an upload");
}

static void take_text(struct call *call, struct beginning *beginning, const struct value *given)
{
    beginning->has_table = true;
    if (given->kind == VALUE_TEXT && given->text.len > 0) beginning->text = given->text;
    else task_fault(call->task, S("text"), S("type"), "must be the table as text, not empty");
}

static void take_mapping(struct call *call, struct beginning *beginning, const struct value *given)
{
    if (given->kind == VALUE_TEXT) beginning->mapping = given->text;
    else task_fault(call->task, S("mapping"), S("type"), "must be the name or id of a mapping");
}

static enum err take_body(struct call *call, struct beginning *beginning)
{
    struct task *task = call->task;
    if (call->given.kind != VALUE_MAP) {
        task_fault(task, S(""), S("type"), "the body must be an object with `upload` or `text`");
        return task_faults(task);
    }
    struct cursor pairs = cursor_of(call->given.items);
    struct value key, value;
    for (uint32_t at = 0; at < call->given.count; at++) {
        if (!value_next(&pairs, &key) || !value_next(&pairs, &value)) break;
        if (str_eq(key.text, S("upload"))) take_upload(call, beginning, &value);
        else if (str_eq(key.text, S("text"))) take_text(call, beginning, &value);
        else if (str_eq(key.text, S("mapping"))) take_mapping(call, beginning, &value);
        else if (!import_request_set(task, &beginning->request, key.text, &value))
            task_fault(task, key.text, S("unknown"),
                       "an import has upload or text, format, map, match, mode, preview, "
                       "settings, mapping, rules");
    }
    if (!beginning->has_table)
        task_fault(task, S("upload"), S("required"), "give the table: `upload` or `text`");
    if (beginning->text.len > 0 && !id_is_nil(beginning->request.upload))
        task_fault(task, S("upload"), S("twice"), "give `upload` or `text`, not both");
    return task_faults(task);
}

/** The format that a content type says; a workbook is known by its first bytes anyway. */
static enum table_format format_of(str type)
{
    if (str_eq_nocase(type, S("application/x-ndjson"))) return TABLE_NDJSON;
    if (str_ends(type, S(".sheet"))) return TABLE_XLSX;
    return TABLE_CSV;
}

static enum err take_query(struct call *call, struct beginning *beginning)
{
    struct cursor query = cursor_of(call->query);
    struct parameter parameter = {};
    enum err err;
    /* Beside a body that says all of it nothing stands here. */
    if (!call->is_raw) return no_parameters(call);
    while (parameter_next(call, &query, &parameter, &err)) {
        struct value value = {.kind = VALUE_TEXT, .text = parameter.value};
        if (str_eq(parameter.name, S("mapping"))) beginning->mapping = parameter.value;
        else if (str_eq(parameter.name, S("settings")) ||
                 !import_request_set(call->task, &beginning->request, parameter.name, &value))
            parameter_judge(&parameter,
                            unknown_parameter(call, parameter.name,
                                              "map, match, mode, preview, mapping, rules, format, "
                                              "sheet, empty, empty_words"));
    }
    TRY(err);
    /* A query string cannot be read, where a body is not right. */
    if (call->task->fault.item_count == 0) return ERR_NONE;
    const struct fault_item *item = &call->task->fault.items[0];
    return fail(call->task, ERR_UNREADABLE, "%.*s: %.*s", FMT(item->field), FMT(item->message));
}

static enum err verify_rules(struct call *call, const struct import_request *request)
{
    struct txn *txn;
    if (request->choice_count == 0) return ERR_NONE;
    TRY(txn_open(call->task, &call->tenant.space, &txn));
    struct view view = call_view(call);
    view.txn = txn;
    enum err err =
        import_choices_verify(call->rules, &view, request->choices, request->choice_count);
    txn_close(txn);
    return err;
}

static enum err fill_from_saved(struct call *call, struct beginning *beginning)
{
    if (beginning->mapping.len == 0) return ERR_NONE;
    struct import_request saved;
    struct txn *txn;
    TRY(txn_open(call->task, &call->tenant.space, &txn));
    struct view view = call_view(call);
    view.txn = txn;
    enum err err = import_saved_find(&view, call->entity, beginning->mapping, &saved);
    txn_close(txn);
    TRY(err);
    import_request_fill(&beginning->request, &saved);
    return ERR_NONE;
}

static enum err check_scope(struct call *call, const struct import_options *options)
{
    struct task *task = call->task;
    const struct scope *scope = &call->identity.scope;
    if (options->mode != IMPORT_UPDATE) TRY(scope_require(task, scope, call->entity, SCOPE_CREATE));
    if (options->mode != IMPORT_CREATE) TRY(scope_require(task, scope, call->entity, SCOPE_EDIT));
    return ERR_NONE;
}

/* The table. */

static enum err table_find(struct call *call, struct beginning *beginning)
{
    struct task *task = call->task;
    if (id_is_nil(beginning->request.upload)) {
        source_of_text(&beginning->own, beginning->text);
        beginning->source = &beginning->own.source;
        return ERR_NONE;
    }
    enum err err = uploads_find(call, beginning->request.upload, &beginning->upload);
    if (err == ERR_MISSING) {
        task->fault = (struct fault){};
        task_fault(task, S("upload"), S("reference"), "there is no such upload of yours");
        return task_faults(task);
    }
    TRY(err);
    TRY(upload_is_whole(task, &beginning->upload));
    return upload_open(task, &call->tenant.space, beginning->upload.id, &beginning->source);
}

static void table_drop(struct beginning *beginning)
{
    if (beginning->source != nullptr && beginning->source != &beginning->own.source)
        upload_close(beginning->source);
}

/** A table that came with the call is kept like an upload, for the job. */
static enum err table_keep(struct call *call, struct beginning *beginning)
{
    struct task *task = call->task;
    int64_t until_ms = task->now_ms + JOB_UPLOAD_KEPT_MS;
    if (!id_is_nil(beginning->request.upload))
        return upload_keep(task, &call->tenant.space, beginning->upload.id, until_ms);
    beginning->upload = (struct upload){.owner = call->identity.user,
                                        .name = S("import"),
                                        .bytes = beginning->text.len,
                                        .kept_until_ms = until_ms};
    TRY(quota_make_upload(task, &call->tenant.space, &beginning->upload));
    beginning->request.upload = beginning->upload.id;
    beginning->request.is_own = true;
    uint32_t part = 1;
    for (str rest = beginning->text; rest.len > 0; part++) {
        str bytes = str_first(rest, UPLOAD_PART_BYTES_MAX);
        TRY(upload_put(task, &call->tenant.space, beginning->upload.id, part, bytes));
        rest = str_from(rest, bytes.len);
    }
    return ERR_NONE;
}

/* What is answered. */

static enum err reply_preview(struct call *call, struct import *import)
{
    TRY(import_run_all(call->task, import, &(struct import_run){}));
    struct buf preview = buf_make(call->task->arena, REPLY_BYTES_MAX_WORKER);
    struct buf json = reply_buf(call);
    import_put_preview(&preview, import);
    struct value value = value_of(buf_str(&preview));
    json_write(&json, &value);
    return reply_json(call, 200, &json);
}

struct job_work {
    struct work work;
    struct call *call;
    str given;
};

static enum err begin_in_lane(struct work *work, struct txn *txn)
{
    struct job_work *own = (struct job_work *)work;
    txn_set_task(txn, own->call->task);
    own->call->txn = txn;
    TRY(reply_job(own->call, S("import"), own->given));
    return once_keep(own->call);
}

static enum err begin_job(struct call *call, const struct beginning *beginning)
{
    struct buf given = buf_make(call->task->arena, GIVEN_BYTES_MAX);
    import_request_put(&given, &beginning->request);
    if (buf_is_over(&given))
        return fail(call->task, ERR_TOO_LARGE, "the map and settings are too large");
    struct job_work work = {
        .work = {.run = begin_in_lane, .arena = call->task->arena},
        .call = call,
        .given = buf_str(&given),
    };
    enum err err = store_write(call->access->store, &call->tenant.space, &work.work);
    call->txn = nullptr;
    TRY(err);
    jobs_wake(call->jobs, &call->tenant.space);
    return ERR_NONE;
}

/** With the table open: what is wrong with the map is told before anything begins. */
static enum err begin_with_table(struct call *call, struct beginning *beginning,
                                 struct import_options *options)
{
    struct import *import;
    options->source = beginning->source;
    TRY(import_open(call->task, options, &import));
    bool is_small = beginning->source->bytes <= PREVIEW_BYTES_MAX;
    if (options->is_preview && is_small) {
        enum err err = reply_preview(call, import);
        import_close(import);
        return err;
    }
    import_close(import);
    TRY(table_keep(call, beginning));
    return begin_job(call, beginning);
}

enum err imports_begin(struct call *call)
{
    struct beginning *beginning = arena_new(call->task->arena, struct beginning, 1);
    struct import_request *request = &beginning->request;
    request->entity = call->entity->name;
    TRY(take_query(call, beginning));
    if (call->is_raw) {
        beginning->text = call->body;
        if (call->body.len == 0) return fail(call->task, ERR_UNREADABLE, "the table is empty");
        if (request->table.format == TABLE_UNKNOWN)
            request->table.format = format_of(call->content_type);
    } else {
        TRY(take_body(call, beginning));
    }
    TRY(fill_from_saved(call, beginning));
    TRY(verify_rules(call, request));
    struct import_options options = {
        .space = &call->tenant.space,
        .model = call->tenant.model,
        .scope = &call->identity.scope,
        .hooks = call->hooks,
        .rules = call->rules,
        .entity = call->entity,
        .cause = call->task->request_id,
    };
    import_request_options(request, &options);
    TRY(check_scope(call, &options));
    TRY(table_find(call, beginning));
    enum err err = begin_with_table(call, beginning, &options);
    table_drop(beginning);
    return err;
}

/* Failed rows. */

enum err imports_failed(struct call *call)
{
    struct job job;
    str first;
    TRY(jobs_find_told(call, &job));
    if (!str_eq(job.kind, S("import")))
        return fail(call->task, ERR_MISSING, "this job is no import");
    enum err err = job_lines(call->task, call->txn, job.id, 0, &first);
    if (err == ERR_MISSING) return fail(call->task, err, "no row of this import failed");
    TRY(err);
    bool is_ndjson = str_starts(first, S("{"));
    reply_header(call, S("content-disposition"),
                 is_ndjson ? S("attachment; filename=\"failed.ndjson\"")
                           : S("attachment; filename=\"failed.csv\""));
    reply_slices(call, is_ndjson ? S("application/x-ndjson") : S("text/csv; charset=utf-8"),
                 jobs_lines_next, arena_new(call->task->arena, uint32_t, 1));
    return ERR_NONE;
}
