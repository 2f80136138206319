#include "api/reply.h"

#include "api/audit.h"

#include "api/problem.h"
#include "api/rights.h"
#include "api/routes.h"
#include "base/log.h"
#include "base/require.h"
#include "value/json.h"

constexpr size_t PROBLEM_BYTES_MAX = 1 * MIB;

static const str json_type = {"application/json", 16};
static const str pack_type = {"application/msgpack", 19};
static const str problem_type = {"application/problem+json", 24};

struct buf reply_buf(const struct call *call)
{
    bool is_on_loop = call->http_task == nullptr;
    struct buf body =
        buf_make(call->task->arena, is_on_loop ? REPLY_BYTES_MAX_LOOP : REPLY_BYTES_MAX_WORKER);
    /* Most answers fit at once, and need not be moved while they grow. */
    (void)buf_room(&body, REPLY_BYTES_USUAL);
    return body;
}

enum err reply_json(struct call *call, int status, const struct buf *json)
{
    if (buf_is_over(json)) return fail(call->task, ERR_TOO_LARGE, "the answer is too large");
    call->reply.status = status;
    call->reply.content_type = json_type;
    call->reply.body = buf_str(json);
    return ERR_NONE;
}

void reply_slices(struct call *call, str content_type,
                  enum err (*next)(struct call *call, struct buf *slice, bool *is_over_out),
                  void *state)
{
    require(call->route->road == ROAD_SLICES);
    call->reply.status = 200;
    call->reply.content_type = content_type;
    call->reply.body = S("");
    call->next = next;
    call->state = state;
}

void reply_empty(struct call *call, int status)
{
    call->reply.status = status;
    call->reply.content_type = S("");
    call->reply.body = S("");
}

void reply_header(struct call *call, str name, str value)
{
    require(call->reply.header_count < REPLY_HEADERS_MAX);
    call->reply.headers[call->reply.header_count++] = (struct http_header){name, value};
}

void reply_keys_touched(struct call *call)
{
    if (!scope_sees_everything(&call->identity.scope, call->tenant.model)) return;
    str count = arena_print(call->task->arena, "%u", call->task->keys_touched);
    reply_header(call, S("atrium-keys-touched"), count);
}

/* Forms. Answers are formed as JSON, and leave in the form that was asked for. */

struct form_change {
    struct call *call;
    str packed;
};

static enum err form_pack(void *argument)
{
    struct form_change *change = argument;
    struct call *call = change->call;
    /* What takes one byte in JSON may take nine; texts, which are most of it, do not grow. */
    struct buf packed = buf_make(call->task->arena, 4 * REPLY_BYTES_MAX_WORKER);
    (void)buf_room(&packed, call->reply.body.len);
    if (!json_transcode(&packed, call->reply.body)) return ERR_TOO_LARGE;
    change->packed = buf_str(&packed);
    return ERR_NONE;
}

static bool is_formed(const struct call *call)
{
    str type = call->reply.content_type;
    if (call->reply.status == 304) return call->route != nullptr && call->route->need > NEED_TENANT;
    return str_eq(type, json_type) || str_eq(type, problem_type);
}

static void form_apply(struct call *call)
{
    if (!is_formed(call)) return;
    reply_header(call, S("vary"), S("accept"));
    if (call->form != FORM_PACK || call->reply.status == 304) return;
    struct form_change change = {.call = call};
    /* Where there is no room for it, the answer stays what it is, and says so. */
    if (arena_guard(call->task->arena, form_pack, &change) != ERR_NONE) return;
    call->reply.body = change.packed;
    call->reply.content_type = pack_type;
}

static void send(struct call *call)
{
    require(call->reply.status != 0);
    form_apply(call);
    reply_header(call, S("x-request-id"), (str){call->request_id, ID_TEXT_BYTES});
    struct http_answer answer = {
        .status = call->reply.status,
        .content_type = call->reply.content_type,
        .body = call->reply.body,
        .header_count = call->reply.header_count,
        .headers = call->reply.headers,
    };
    if (call->next != nullptr) http_task_slice(call->http_task, &answer, false);
    else if (call->http_task != nullptr) http_task_answer(call->http_task, &answer);
    else http_answer(call->exchange, &answer);
}

/* Problems. */

struct problem_form {
    struct call *call;
    struct problem problem;
};

static enum err problem_form(void *argument)
{
    struct problem_form *form = argument;
    struct call *call = form->call;
    struct buf json = buf_make(call->task->arena, PROBLEM_BYTES_MAX);
    problem_write(&json, &form->problem);
    if (buf_is_over(&json)) return ERR_TOO_LARGE;
    call->reply.body = buf_str(&json);
    int status = form->problem.status;
    if (status == 401) reply_header(call, S("www-authenticate"), S("Bearer"));
    if (status == 405) reply_header(call, S("allow"), call->allow);
    if (status == 429 || status == 503) {
        int64_t fault_ms = call->task->fault.wait_ms;
        int64_t wait_ms = call->wait_ms > fault_ms ? call->wait_ms : fault_ms;
        int64_t seconds = wait_ms <= 1000 ? 1 : (wait_ms + 999) / 1000;
        reply_header(call, S("retry-after"),
                     arena_print(call->task->arena, "%lld", (long long)seconds));
    }
    return ERR_NONE;
}

/** Of the headers that the function set, only those of the record count beside a problem. */
static void keep_entity_tag(struct reply *reply)
{
    uint32_t kept = 0;
    for (uint32_t at = 0; at < reply->header_count; at++)
        if (str_eq(reply->headers[at].name, S("etag"))) reply->headers[kept++] = reply->headers[at];
    reply->header_count = kept;
}

static void send_problem(struct call *call, struct problem problem)
{
    static const str bare = S("{\"type\":\"too-large\",\"title\":\"Too large\",\"status\":413}");
    call->next = nullptr;
    if (problem.status == 403) audit_note_refusal(call);
    if (problem.fault != nullptr && problem.fault->quota.name.len > 0)
        audit_note_quota(call, &problem.fault->quota);
    if (problem.status == 403) rights_explain(call, &problem);
    scope_cut_fault(&call->identity.scope, call->tenant.model, call->entity, &call->task->fault);
    problem.request_id = (str){call->request_id, ID_TEXT_BYTES};
    struct problem_form form = {call, problem};
    call->reply.status = problem.status;
    call->reply.content_type = problem_type;
    if (problem.present.len > 0) keep_entity_tag(&call->reply);
    else call->reply.header_count = 0;
    /* The arena may be spent: that is what the problem may be about. */
    if (arena_guard(call->task->arena, problem_form, &form) != ERR_NONE) {
        call->reply.status = 413;
        call->reply.header_count = 0;
        call->reply.body = bare;
    }
    send(call);
}

void call_answer(struct call *call, enum err err)
{
    if (call->is_answered) return;
    if (err == ERR_NONE && call->form == FORM_NONE && is_formed(call)) {
        call_answer_unwanted(call);
        return;
    }
    if (err == ERR_NONE) {
        send(call);
        return;
    }
    int status = err_status(err);
    if (status == 500)
        log_error("api", "request %.*s failed: %.*s: %.*s", ID_TEXT_BYTES, call->request_id,
                  FMT(err_slug(err)), FMT(call->task->fault.detail));
    /* What went wrong inside is for the log. */
    const struct fault *fault = status == 500 ? nullptr : &call->task->fault;
    str present = err == ERR_CHANGED ? call->present : S("");
    send_problem(call,
                 (struct problem){
                     .status = status,
                     .slug = fault != nullptr && fault->type.len > 0 ? fault->type : err_slug(err),
                     .title = err_title(err),
                     .fault = fault,
                     .present = present,
                 });
}

void call_answer_status(struct call *call, int status, str slug, str title, str detail)
{
    struct fault fault = {.detail = detail};
    send_problem(call,
                 (struct problem){.status = status, .slug = slug, .title = title, .fault = &fault});
}

void call_answer_unwanted(struct call *call)
{
    call_answer_status(call, 406, S("unwanted"), S("In no form that is taken"),
                       S("Answers are application/json or application/msgpack."));
}
