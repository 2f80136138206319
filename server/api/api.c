#include "api/api.h"

#include "access/audit.h"
#include "access/portal_log.h"
#include "api/cookie.h"
#include "api/feed.h"
#include "api/metrics.h"
#include "api/once.h"
#include "api/openapi.h"
#include "api/pace.h"
#include "api/parameters.h"
#include "api/quotas.h"
#include "api/reply.h"
#include "api/rights.h"
#include "api/roads.h"
#include "api/routes.h"
#include "api/session.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/require.h"

constexpr size_t API_ARENA_BYTES_MAX = 256 * MIB;

/* A request's way up to its function. Each step answers by an error, or goes on. */

struct arrival {
    const struct http_request *request;
    struct call *call;
    bool is_gone;       /** somebody else answers */
    bool is_of_no_host; /** 404 that says nothing */
    bool is_unserved;   /** 405 */
    bool is_unwanted;   /** 406 */
};

static bool is_below_api(str path)
{
    return str_starts(path, S("/api/"));
}

/** The host's tenant, in whose space the transaction then stands. */
static enum err find_tenant(struct arrival *arrival)
{
    struct call *call = arrival->call;
    const struct access *access = call->access;
    struct space instance = store_instance(access->store);
    TRY(txn_open(call->task, &instance, &call->txn));
    enum err err = tenant_enter_host(call->txn, access, arrival->request->host, &call->tenant);
    arrival->is_of_no_host = err == ERR_MISSING;
    return err;
}

/** The session's token, or empty. */
static str session_cookie(const struct arrival *arrival)
{
    str cookies = http_header(arrival->request, S("cookie"));
    return http_cookie(cookies, cookie_name(arrival->call->is_cookie_plain));
}

/** By token or by cookie; a token wins, because no page of another origin can set it. */
static enum err find_identity(struct arrival *arrival)
{
    struct call *call = arrival->call;
    const struct access *access = call->access;
    str authorization = http_header(arrival->request, S("authorization"));
    enum err err = ERR_UNAUTHENTICATED;
    if (authorization.len > 0) {
        str scheme, token;
        (void)str_cut(authorization, ' ', &scheme, &token);
        if (str_eq_nocase(scheme, S("bearer")))
            err = identity_of_token(call->txn, access, call->tenant.door, str_trim(token),
                                    &call->identity);
    } else {
        str token = session_cookie(arrival);
        if (token.len > 0)
            err = identity_of_session(call->txn, access, call->tenant.door, token, &call->identity);
    }
    if (err == ERR_UNAUTHENTICATED)
        return fail(call->task, err, "a session or a token of this firm is needed");
    return err;
}

static enum err check_origin(struct arrival *arrival)
{
    const struct http_request *request = arrival->request;
    struct call *call = arrival->call;
    struct origin_check check = {
        .origin = http_header(request, S("origin")),
        .scheme = request->scheme,
        .host_and_port = request->host_and_port,
        .fetch_site = http_header(request, S("sec-fetch-site")),
        .csrf_given = http_header(request, S("x-csrf-token")),
        .csrf = call->identity.csrf,
    };
    str reason = S("");
    if (call->identity.credential == CREDENTIAL_SESSION) reason = origin_fault(&check);
    else if (call->identity.credential == CREDENTIAL_NONE) reason = origin_fault_unknown(&check);
    return reason.len == 0 ? ERR_NONE : fail(call->task, ERR_FORBIDDEN, "%.*s", FMT(reason));
}

/** Whether a body of this type is taken as it stands. */
static bool is_raw_type(str types, str type)
{
    for (str word; types.len > 0;) {
        (void)str_cut(types, ' ', &word, &types);
        if (str_eq(word, S("*")) || str_eq_nocase(word, type)) return true;
    }
    return false;
}

static enum err check_type(struct arrival *arrival)
{
    struct call *call = arrival->call;
    str type, parameters;
    (void)str_cut(http_header(arrival->request, S("content-type")), ';', &type, &parameters);
    type = str_trim(type);
    call->content_type = type;
    call->is_raw = is_raw_type(call->route->raw_types, type);
    if (call->is_raw || (!call->route->has_body && call->body.len == 0)) return ERR_NONE;
    /* What has no body has no type either. */
    if (call->route->is_body_optional && type.len == 0) return ERR_NONE;
    call->is_packed = str_eq_nocase(type, S("application/msgpack"));
    if (call->is_packed || str_eq_nocase(type, S("application/json"))) return ERR_NONE;
    bool is_patch = call->route->method == METHOD_PATCH;
    if (is_patch && str_eq_nocase(type, S("application/merge-patch+json"))) return ERR_NONE;
    return fail(call->task, ERR_UNSUPPORTED, "send application/json%s or application/msgpack",
                is_patch ? ", application/merge-patch+json" : "");
}

static enum err check_identity(struct arrival *arrival)
{
    struct call *call = arrival->call;
    TRY(find_identity(arrival));
    TRY(quotas_take_request(call));
    if (session_is_stale(call->access, &call->identity, call->task->now_ms))
        session_touch(call->access, &call->tenant.space, &call->identity, call->task->now_ms);
    return ERR_NONE;
}

/** Whether the portal's door knows this call: of records, those alone that it shows. */
static bool is_of_portal(const struct route_match *match)
{
    bool is_shown = match->entity == nullptr || (match->entity->portal.actions & SCOPE_VIEW) != 0;
    return match->route != nullptr && match->route->is_for_portal && is_shown;
}

/** Who looks at the portal as a contact changes nothing there. */
static enum err check_viewer(const struct call *call)
{
    bool is_reading = call->route->method == METHOD_GET || call->route->is_for_viewer;
    if (id_is_nil(call->identity.viewer) || is_reading) return ERR_NONE;
    return fail(call->task, ERR_FORBIDDEN,
                "you look at the portal as this contact; only the contact can change anything");
}

/** What is meant for somebody else must not be taken by whoever sits at this page. */
static enum err check_nobody(struct arrival *arrival)
{
    struct call *call = arrival->call;
    enum err err = find_identity(arrival);
    call->identity = (struct identity){};
    if (err == ERR_NONE) return fail(call->task, ERR_CONFLICT, "sign out first");
    if (err != ERR_UNAUTHENTICATED) return err;
    task_fault_clear(call->task);
    return ERR_NONE;
}

static enum err fail_nowhere(struct call *call)
{
    return fail(call->task, ERR_MISSING,
                "nothing is served at this address; ids are lower-case UUIDs");
}

/** A path that is not in the table may be a file of the page. */
static enum err serve_file(struct arrival *arrival)
{
    struct call *call = arrival->call;
    const struct page_file *file = page_find(&call->api->page, arrival->request->path);
    bool is_of_door = call->tenant.door == DOOR_STAFF ||
                      str_starts(arrival->request->path, S("/portal.")) ||
                      str_eq(arrival->request->path, S("/app.css"));
    if (file == nullptr || !is_of_door) return fail_nowhere(call);
    if (method_of(call->method) == METHOD_GET) return page_reply(call, file);
    arrival->is_unserved = true;
    call->allow = methods_write(call->task->arena, METHOD_GET);
    return ERR_MISSING;
}

/** A request that names itself by nothing is no less at fault than one that does so too long. */
static enum err check_key(struct arrival *arrival)
{
    struct call *call = arrival->call;
    uint32_t count = http_header_count(arrival->request, S("idempotency-key"));
    if (count == 0) return ERR_NONE;
    if (count > 1) return fail(call->task, ERR_UNREADABLE, "Idempotency-Key: stands twice");
    call->idempotency_key = str_trim(http_header(arrival->request, S("idempotency-key")));
    return once_judge(call);
}

static enum err arrive(void *argument)
{
    struct arrival *arrival = argument;
    const struct http_request *request = arrival->request;
    struct call *call = arrival->call;
    enum method method = method_of(call->method);
    struct route_match match = route_match(nullptr, method, request->path);
    if (match.route == nullptr || match.route->need != NEED_NOTHING) {
        TRY(find_tenant(arrival));
        match = route_match(call->tenant.model, method, request->path);
    }
    call->route = match.route;
    call->entity = match.entity;
    call->record = match.record;
    call->part = match.part;
    if (match.methods == 0) return serve_file(arrival);
    if (call->tenant.door == DOOR_PORTAL && is_below_api(request->path) && !is_of_portal(&match))
        return fail_nowhere(call);
    if (match.route == nullptr) {
        arrival->is_unserved = true;
        call->allow = methods_write(call->task->arena, match.methods);
        return ERR_MISSING;
    }
    if (call->tenant.is_suspended)
        return fail(call->task, ERR_FORBIDDEN, "this firm is suspended; its data is kept");
    bool has_any =
        http_header(request, S("authorization")).len > 0 || session_cookie(arrival).len > 0;
    enum need need = match.route->need;
    if (need == NEED_IDENTITY || (need == NEED_NO_FALSE && has_any)) TRY(check_identity(arrival));
    if (match.route->is_for_nobody) TRY(check_nobody(arrival));
    if (match.route->method != METHOD_GET) TRY(check_origin(arrival));
    TRY(check_viewer(call));
    TRY(rights_judge(call));
    if (match.route->needs_proof) TRY(step_up_need(call));
    if (match.route->needs_own_proof) TRY(step_up_need_of_person(call));
    bool is_call = is_below_api(request->path) && !match.route->is_for_the_rest;
    if (is_call && !route_has_query(match.route)) TRY(no_parameters(call));
    if (match.route->method == METHOD_POST && need == NEED_IDENTITY) TRY(check_key(arrival));
    /* A change must not be made and then not be told of; a read is judged by its answer. */
    if (match.route->method != METHOD_GET && call->form == FORM_NONE) {
        arrival->is_unwanted = true;
        return ERR_UNSUPPORTED;
    }
    if (match.route->method != METHOD_GET && !match.route->is_for_the_rest)
        TRY(check_type(arrival));
    return road_take(call, &arrival->is_gone);
}

static struct call call_begin(struct http_request *request, struct task *task)
{
    const struct api *api = request->owner;
    struct call call = {
        .api = api,
        .access = api->access,
        .hooks = api->hooks,
        .rules = api->rules,
        .jobs = api->jobs,
        .once = api->once,
        .task = task,
        .exchange = request->exchange,
        .method = request->method,
        .query = request->query,
        .body = request->body,
        .if_match = http_header(request, S("if-match")),
        .if_none_match = http_header(request, S("if-none-match")),
        .accept = http_header(request, S("accept")),
        .form = accept_form(http_header(request, S("accept"))),
        .last_event_id = http_header(request, S("last-event-id")),
        .address = request->address,
        .user_agent = http_header(request, S("user-agent")),
        .is_cookie_plain = request->is_loopback && str_eq(request->scheme, S("http")),
    };
    id_write(task->request_id, call.request_id);
    return call;
}

static void answer(struct arrival *arrival, enum err err)
{
    struct call *call = arrival->call;
    if (arrival->is_of_no_host) call_answer_status(call, 404, S("missing"), S("Not found"), S(""));
    else if (arrival->is_unserved)
        call_answer_status(call, 405, S("method"), S("This method is not served"),
                           S("The methods served here are named in Allow."));
    else if (arrival->is_unwanted) call_answer_unwanted(call);
    else call_answer(call, err);
}

void api_handle(struct http_request *request)
{
    struct task task;
    task_init(&task, http_arena(request->exchange));
    task.keys_max = LOOP_KEYS_MAX;
    struct call call = call_begin(request, &task);
    struct arrival arrival = {.request = request, .call = &call};
    enum err err = arena_guard(task.arena, arrive, &arrival);
    if (call.txn != nullptr) txn_close(call.txn);
    call.txn = nullptr;
    if (!arrival.is_gone) answer(&arrival, err);
}

void api_handle_admin(struct http_request *request)
{
    static const struct route health = {.run = page_health}, metrics = {.run = metrics_read};
    struct task task;
    task_init(&task, http_arena(request->exchange));
    struct call call = call_begin(request, &task);
    bool is_get = method_of(call.method) == METHOD_GET;
    if (str_eq(request->path, S("/metrics"))) call.route = &metrics;
    else if (str_eq(request->path, S("/healthz"))) call.route = &health;
    if (call.route == nullptr) {
        call_answer(&call, ERR_MISSING);
    } else if (!is_get) {
        call.allow = methods_write(task.arena, METHOD_GET);
        call_answer_status(&call, 405, S("method"), S("This method is not served"), S(""));
    } else {
        call_answer(&call, call.route->run(&call));
    }
}

/* Life. */

static void api_woken(void *owner, uint32_t loop)
{
    feed_woken(((struct api *)owner)->feed, loop);
}

static void api_tick(void *owner, uint32_t loop)
{
    const struct api *api = owner;
    feed_tick(api->feed, loop);
    if (loop == 0) audit_flush(api->access, clock_now_ms());
}

static enum err api_listen(struct task *task, struct api *api, const struct api_options *options)
{
    api->sign_in = sign_in_open(api->access);
    if (api->sign_in == nullptr)
        return fail(task, ERR_SYSTEM, "no thread for sign-ins can be made");
    api->patient = patient_open();
    if (api->patient == nullptr) {
        sign_in_close(api->sign_in);
        return fail(task, ERR_SYSTEM, "no threads for calls that wait can be made");
    }
    struct http_options http = options->http;
    http.handle = api_handle;
    http.handle_admin = api_handle_admin;
    http.woken = api_woken;
    http.tick = api_tick;
    http.owner = api;
    api->feed = feed_make(api->access, &options->feed);
    store_watch(api->access->store, feed_committed, api->feed);
    enum err err = http_open(task, &http, &api->http);
    if (err == ERR_NONE) return ERR_NONE;
    store_watch(api->access->store, nullptr, nullptr);
    feed_drop(api->feed);
    patient_close(api->patient);
    sign_in_close(api->sign_in);
    return err;
}

enum err api_open(struct task *task, const struct api_options *options, struct api **api_out)
{
    require(options->access != nullptr && options->jobs != nullptr);
    TRY(access_fits_model(task, options->access->model));
    struct api *api = memory_take(sizeof *api);
    api->access = options->access;
    api->hooks = options->hooks;
    api->rules = options->rules;
    api->jobs = options->jobs;
    api->once = once_make(task->arena);
    api->portal_log = portal_log_make();
    api->pace = pace_make();
    arena_init(&api->arena, API_ARENA_BYTES_MAX);
    api->openapi = openapi_make(&api->arena, api->access->model, DOOR_STAFF);
    api->openapi_of_portal = openapi_make(&api->arena, api->access->model, DOOR_PORTAL);
    enum err err = page_make(task, &api->arena, options->page_folder, &api->page);
    if (err == ERR_NONE) err = guide_make(task, &api->arena, &options->rule_texts, &api->guide);
    if (err == ERR_NONE) err = api_listen(task, api, options);
    if (err != ERR_NONE) {
        pace_drop(api->pace);
        portal_log_drop(api->portal_log);
        arena_drop(&api->arena);
        memory_give(api);
        return err;
    }
    *api_out = api;
    return ERR_NONE;
}

struct http *api_http(const struct api *api)
{
    return api->http;
}

void api_close(struct api *api)
{
    store_watch(api->access->store, nullptr, nullptr);
    http_close(api->http);
    feed_drop(api->feed);
    patient_close(api->patient);
    sign_in_close(api->sign_in);
    pace_drop(api->pace);
    portal_log_drop(api->portal_log);
    arena_drop(&api->arena);
    memory_give(api);
}
