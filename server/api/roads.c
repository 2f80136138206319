#include "api/roads.h"

#include <stddef.h>

#include "api/once.h"
#include "api/reply.h"
#include "api/rights.h"
#include "api/routes.h"
#include "api/session.h"
#include "base/fold.h"
#include "base/log.h"
#include "base/require.h"
#include "record/models.h"
#include "value/json.h"

constexpr size_t BODY_BYTES_MAX_LOOP = 16 * KIB; /** a larger body is read by a worker */

static enum err run(void *argument)
{
    struct call *call = argument;
    return call->route->run(call);
}

static enum err run_guarded(struct call *call)
{
    return arena_guard(call->task->arena, run, call);
}

/** A copy of the call that outlives the request, in a task of its own; nullptr: there is no room
 *  for one, and the request was answered 503. */
static struct call *call_move(struct call *call)
{
    struct http_task *http_task = http_task_make(call->exchange);
    if (http_task == nullptr) return nullptr;
    struct arena *arena = &http_task->arena;
    struct call *moved = arena_new(arena, struct call, 1);
    *moved = *call;
    moved->exchange = nullptr;
    moved->txn = nullptr;
    moved->http_task = http_task;
    moved->task = &http_task->task;
    moved->task->request_id = call->task->request_id;
    moved->task->now_ms = call->task->now_ms;
    moved->task->keys_max = WORKER_KEYS_MAX;
    moved->query = arena_copy(arena, call->query);
    moved->body = arena_copy(arena, call->body);
    moved->content_type = arena_copy(arena, call->content_type);
    moved->if_match = arena_copy(arena, call->if_match);
    moved->idempotency_key = arena_copy(arena, call->idempotency_key);
    moved->if_none_match = arena_copy(arena, call->if_none_match);
    moved->accept = arena_copy(arena, call->accept);
    moved->last_event_id = arena_copy(arena, call->last_event_id);
    moved->address = arena_copy(arena, call->address);
    moved->user_agent = arena_copy(arena, call->user_agent);
    moved->tenant.name = arena_copy(arena, call->tenant.name);
    moved->tenant.title = arena_copy(arena, call->tenant.title);
    identity_keep(arena, &moved->identity);
    model_hold(moved->task, call->tenant.model);
    moved->reply = (struct reply){};
    http_task->request = moved;
    return moved;
}

/** The model as this call's own transaction sees it, which may be newer than the one by which its
 *  path was read. */
static enum err model_renew(struct call *call)
{
    const struct model *before = call->tenant.model;
    TRY(model_of(call->task, call->txn, before, &call->tenant.model));
    if (call->entity == nullptr || model_is_same(before, call->tenant.model)) return ERR_NONE;
    call->entity = model_entity_by_number(call->tenant.model, call->entity->number);
    return call->entity != nullptr ? ERR_NONE
                                   : fail(call->task, ERR_MISSING, "there is no such entity");
}

/* Bodies. */

static enum err body_read(void *argument)
{
    struct call *call = argument;
    /* A number of three characters may take nine bytes. */
    struct buf given = buf_make(call->task->arena, 4 * BODY_BYTES_MAX);
    if (call->is_packed) TRY(value_read_given(call->task, call->body, &given));
    else TRY(json_read(call->task, call->body, &given));
    if (buf_is_over(&given)) return fail(call->task, ERR_TOO_LARGE, "the body holds too much");
    call->given = value_of(buf_str(&given));
    return ERR_NONE;
}

/** To a call that takes none: what somebody meant by them would not be done. */
static enum err refuse_fields(struct call *call)
{
    struct cursor pairs = cursor_of(call->given.items);
    struct value key, value;
    if (call->given.kind == VALUE_NIL) return ERR_NONE;
    if (call->given.kind != VALUE_MAP)
        task_fault(call->task, S(""), S("type"), "this call takes no body");
    while (call->given.kind == VALUE_MAP && value_next(&pairs, &key) && value_next(&pairs, &value))
        task_fault(call->task, utf8_first(key.text, 64), S("unknown"), "this call takes no fields");
    return task_faults(call->task);
}

static enum err body_read_guarded(struct call *call)
{
    const struct route *route = call->route;
    if (call->is_raw || route->method == METHOD_GET || route->is_for_the_rest) return ERR_NONE;
    if (call->body.len == 0 && (!route->has_body || route->is_body_optional)) return ERR_NONE;
    TRY(arena_guard(call->task->arena, body_read, call));
    return route->has_body ? ERR_NONE : refuse_fields(call);
}

/* Workers. */

struct reading {
    struct call *call;
    enum err (*read)(struct call *call);
};

static enum err read_with_model(void *argument)
{
    struct reading *reading = argument;
    TRY(model_renew(reading->call));
    TRY(rights_again(reading->call));
    return reading->read(reading->call);
}

enum err call_read(struct call *call, bool is_dry, enum err (*read)(struct call *call))
{
    struct reading reading = {call, read};
    enum err (*open)(struct task * task, const struct space *space, struct txn **txn_out) =
        is_dry ? txn_open_dry : txn_open;
    TRY(open(call->task, &call->tenant.space, &call->txn));
    enum err err = arena_guard(call->task->arena, read_with_model, &reading);
    txn_close(call->txn);
    call->txn = nullptr;
    return err;
}

/** A request that names itself, and was answered before, gets that answer. */
static enum err find_guarded(void *argument)
{
    struct call *call = argument;
    bool is_known;
    TRY(once_find(call, &is_known));
    return is_known ? ERR_NONE : ERR_MISSING;
}

static enum err run_once(struct call *call)
{
    if (call->once_mark.is_entered) {
        TRY(txn_open(call->task, &call->tenant.space, &call->txn));
        enum err err = arena_guard(call->task->arena, find_guarded, call);
        txn_close(call->txn);
        call->txn = nullptr;
        if (err != ERR_MISSING) return err;
    }
    TRY(run_guarded(call));
    return once_keep_alone(call);
}

/* Slices. */

struct slice {
    struct call *call;
    struct buf bytes;
    bool is_over;
};

/** Whoever may see less by now is told no more; he can ask again. */
static enum err slice_judge(struct call *call)
{
    struct scope before = call->identity.scope;
    TRY(rights_again(call));
    if (scope_sees_as(&before, &call->identity.scope)) return ERR_NONE;
    return fail(call->task, ERR_FORBIDDEN, "what you may see was changed meanwhile");
}

static enum err slice_form(void *argument)
{
    struct slice *slice = argument;
    TRY(slice_judge(slice->call));
    TRY(slice->call->next(slice->call, &slice->bytes, &slice->is_over));
    return buf_is_over(&slice->bytes) ? ERR_TOO_LARGE : ERR_NONE;
}

static enum err slice_read(struct slice *slice)
{
    struct call *call = slice->call;
    TRY(txn_open(call->task, &call->tenant.space, &call->txn));
    enum err err = arena_guard(call->task->arena, slice_form, slice);
    txn_close(call->txn);
    call->txn = nullptr;
    return err;
}

static void slice_on_worker(struct http_task *http_task)
{
    struct call *call = http_task->request;
    arena_clear(&http_task->slice);
    call->task->arena = &http_task->slice;
    call->task->keys_touched = 0;
    struct slice slice = {call, buf_make(&http_task->slice, REPLY_BYTES_MAX_WORKER), false};
    enum err err = slice_read(&slice);
    if (err == ERR_NONE) {
        require(slice.is_over || slice.bytes.len > 0);
        struct http_answer answer = {.status = 200, .body = buf_str(&slice.bytes)};
        http_task_slice(http_task, &answer, slice.is_over);
        return;
    }
    log_error("api", "request %.*s was broken off: %.*s: %.*s", ID_TEXT_BYTES, call->request_id,
              FMT(err_slug(err)), FMT(call->task->fault.detail));
    http_task_break(http_task);
}

static enum err run_blocking(struct call *call)
{
    enum err err = body_read_guarded(call);
    if (err == ERR_NONE) err = once_enter(call);
    if (err == ERR_NONE) err = run_once(call);
    once_leave(call);
    return err;
}

static void on_worker(struct http_task *http_task)
{
    struct call *call = http_task->request;
    enum err err = ERR_NONE;
    http_task->run = slice_on_worker;
    if (call->route->road == ROAD_WORKER) {
        err = run_blocking(call);
    } else {
        err = call_read(call, false, call->route->run);
    }
    call_answer(call, err);
}

static void queue_for_worker(struct call *call, void (*run_task)(struct http_task *task))
{
    call->http_task->run = run_task;
    http_task_queue(call->http_task);
}

/* Those that may wait for long. */

static void on_patient(struct patient_call *patient_call, enum err err)
{
    struct call *call = (struct call *)((char *)patient_call - offsetof(struct call, patient_call));
    if (err == ERR_NONE && http_task_is_abandoned(call->http_task)) err = ERR_FULL;
    call_answer(call, err != ERR_NONE ? err : run_blocking(call));
}

static void queue_for_patient(struct call *call)
{
    call->patient_call =
        (struct patient_call){.run = on_patient, .tenant = call->tenant.space.number};
    enum err err = patient_queue(call->api->patient, &call->patient_call);
    if (err == ERR_LIMITED) {
        call->wait_ms = 1000;
        err = fail(call->task, err, "%u such calls of this firm wait already; send fewer at once",
                   PATIENT_OF_TENANT_WAITING_MAX);
    }
    if (err != ERR_NONE) call_answer(call, err);
}

/* Lanes. */

static struct call *call_of_work(struct work *work)
{
    return (struct call *)((char *)work - offsetof(struct call, work));
}

static enum err in_lane(struct work *work, struct txn *txn)
{
    struct call *call = call_of_work(work);
    txn_set_task(txn, call->task);
    call->txn = txn;
    TRY(model_renew(call));
    TRY(rights_again(call));
    bool is_known;
    TRY(once_find(call, &is_known));
    if (is_known) return ERR_NONE;
    TRY(call->route->run(call));
    return once_keep(call);
}

static void lane_done(struct work *work, enum err err)
{
    struct call *call = call_of_work(work);
    call->txn = nullptr;
    if (err == ERR_NONE && call->task->has_job) jobs_wake(call->jobs, &call->tenant.space);
    once_leave(call);
    call_answer(call, err);
}

static void submit(struct call *call)
{
    call->work = (struct work){.run = in_lane, .done = lane_done, .arena = call->task->arena};
    enum err err = once_enter(call);
    if (err == ERR_NONE) err = store_submit(call->access->store, &call->tenant.space, &call->work);
    if (err == ERR_NONE) return;
    once_leave(call);
    call_answer(call, err);
}

/* Sign-in. */

static struct call *call_of_job(struct sign_in_job *job)
{
    return (struct call *)((char *)job - offsetof(struct call, job));
}

static enum err on_hashing_thread(struct sign_in_job *job)
{
    return run_guarded(call_of_job(job));
}

static void hashing_done(struct sign_in_job *job, enum err err)
{
    call_answer(call_of_job(job), err);
}

static enum err queue_for_hashing(struct call *call)
{
    call->job = (struct sign_in_job){
        .run = on_hashing_thread,
        .done = hashing_done,
        .tenant = call->tenant.space.uuid,
        .address = call->address,
    };
    TRY(session_tried(call));
    enum err err = sign_in_queue(call->api->sign_in, &call->job, &call->wait_ms);
    if (err == ERR_LIMITED) return fail(call->task, err, "too many tries; wait, then try again");
    return err;
}

/** Reads the body, where there is one, and hands the call on. */
static void begin(struct call *call)
{
    enum err err = body_read_guarded(call);
    bool is_sign_in = call->route->road == ROAD_HASHING;
    if (err == ERR_NONE && is_sign_in) err = queue_for_hashing(call);
    if (err != ERR_NONE) call_answer(call, err);
    else if (!is_sign_in) submit(call);
}

static void begin_on_worker(struct http_task *http_task)
{
    begin(http_task->request);
}

static void forward(struct call *moved)
{
    switch (moved->route->road) {
    case ROAD_READ:
    case ROAD_WORKER:
    case ROAD_SLICES:
        queue_for_worker(moved, on_worker);
        break;
    case ROAD_PATIENT:
        queue_for_patient(moved);
        break;
    case ROAD_LANE:
    case ROAD_HASHING:
        if (moved->body.len > BODY_BYTES_MAX_LOOP) queue_for_worker(moved, begin_on_worker);
        else begin(moved);
        break;
    case ROAD_LOOP:
        require(moved->route->road != ROAD_LOOP);
        break;
    }
}

enum err road_take(struct call *call, bool *is_gone_out)
{
    *is_gone_out = false;
    enum road road = call->route->road;
    if (road == ROAD_LOOP) return run_guarded(call);
    if (road == ROAD_READ) {
        enum err err = run_guarded(call);
        if (err != ERR_TOO_LARGE) return err;
    }
    *is_gone_out = true;
    struct call *moved = call_move(call);
    if (moved != nullptr) forward(moved);
    return ERR_NONE;
}
