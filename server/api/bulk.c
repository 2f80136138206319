#include "api/bulk.h"

#include "api/jobs.h"
#include "api/records.h"
#include "api/reply.h"
#include "base/require.h"
#include "record/condition.h"
#include "rules/rules.h"
#include "value/json.h"
#include "work/bulk.h"

/** What the body asks for; VALUE_NIL where it does not say. */
struct bulk_wanted {
    struct value operations, upload, filter, patch;
    bool is_atomic, has_atomic;
    bool is_deletion;
};

/* The body. */

static void member_read(struct task *task, str name, const struct value *value,
                        struct bulk_wanted *wanted)
{
    static const struct {
        str name;
        size_t at;
        enum value_kind kind;
        const char *must_be;
    } members[] = {
        {S("operations"), offsetof(struct bulk_wanted, operations), VALUE_LIST, "a list"},
        {S("upload"), offsetof(struct bulk_wanted, upload), VALUE_TEXT, "the id of an upload"},
        {S("filter"), offsetof(struct bulk_wanted, filter), VALUE_MAP, "a filter tree"},
        {S("patch"), offsetof(struct bulk_wanted, patch), VALUE_MAP, "an object of fields"},
    };
    for (size_t at = 0; at < sizeof members / sizeof members[0]; at++) {
        if (!str_eq(members[at].name, name)) continue;
        if (value->kind != members[at].kind)
            task_fault(task, name, S("type"), "must be %s", members[at].must_be);
        *(struct value *)((char *)wanted + members[at].at) = *value;
        return;
    }
    bool is_atomic = str_eq(name, S("atomic")), is_delete = str_eq(name, S("delete"));
    if (!is_atomic && !is_delete)
        task_fault(task, name, S("unknown"),
                   "there are: operations, upload, atomic, filter, patch, delete");
    else if (value->kind != VALUE_BOOL || (is_delete && !value->boolean))
        task_fault(task, name, S("type"), is_delete ? "must be true" : "must be true or false");
    if (is_atomic) wanted->has_atomic = true;
    if (is_atomic) wanted->is_atomic = value->kind == VALUE_BOOL && value->boolean;
    if (is_delete) wanted->is_deletion = true;
}

/** Exactly one thing to do, and only what goes with it. */
static void wanted_judge(struct task *task, const struct bulk_wanted *wanted)
{
    bool has_operations = wanted->operations.kind != VALUE_NIL;
    bool has_upload = wanted->upload.kind != VALUE_NIL;
    bool has_filter = wanted->filter.kind != VALUE_NIL;
    bool has_patch = wanted->patch.kind != VALUE_NIL;
    if (has_operations + has_upload + has_filter != 1)
        task_fault(task, S(""), S("required"),
                   "give either operations, or an upload with one of them a line, or a filter with "
                   "a patch");
    else if (has_filter && has_patch == wanted->is_deletion)
        task_fault(task, S("patch"), S("required"),
                   "to a filter belongs either a patch or \"delete\": true");
    else if (!has_filter && (has_patch || wanted->is_deletion))
        task_fault(task, has_patch ? S("patch") : S("delete"), S("unknown"),
                   "goes with a filter; an operation has its own");
    else if (!has_operations && wanted->is_atomic)
        task_fault(task, S("atomic"), S("range"),
                   "such work is done as a job: only false is taken");
}

static enum err wanted_read(struct call *call, struct bulk_wanted *wanted)
{
    struct task *task = call->task;
    *wanted = (struct bulk_wanted){.is_atomic = true};
    if (call->given.kind == VALUE_LIST) {
        wanted->operations = call->given;
        return ERR_NONE;
    }
    if (call->given.kind != VALUE_MAP) {
        task_fault(task, S(""), S("type"), "the body must be a list of operations, or an object");
        return task_faults(task);
    }
    struct cursor pairs = cursor_of(call->given.items);
    struct value key, value;
    while (value_next(&pairs, &key) && value_next(&pairs, &value))
        member_read(task, key.text, &value, wanted);
    if (!wanted->has_atomic) wanted->is_atomic = wanted->operations.kind != VALUE_NIL;
    if (task->fault.item_count == 0) wanted_judge(task, wanted);
    return task_faults(task);
}

/* In one change. */

/** One that is at fault with its fields lets the others be judged too: all is told at once. */
static enum err operation_run(struct call *call, struct change *change, uint32_t at,
                              const struct value *given, struct bulk_operation *operation)
{
    struct task *task = call->task;
    struct change_savepoint savepoint = change_savepoint(change);
    const struct fault before = task->fault;
    task->fault = (struct fault){};
    str path = arena_print(task->arena, "operations[%u]", at);
    task->path = arena_print(task->arena, "%.*s.", FMT(path));
    enum err err = bulk_operation_read(task, given, operation);
    if (err == ERR_NONE) err = bulk_operation_run(change, call->entity, operation);
    /* Whatever is wrong with one stands at its place, that the others cannot be done without it. */
    if (err == ERR_INVALID && task->fault.item_count == 0)
        task_fault(task, S(""), S("invalid"), "%.*s", FMT(task->fault.detail));
    task->path = S("");
    /* How many there are is said of all operations together, at the end. */
    if (err == ERR_NONE || err == ERR_INVALID) task->fault.detail = S("");
    else if (task->fault.detail.len == 0) (void)fail(task, err, "%.*s", FMT(path));
    else
        task->fault.detail =
            arena_print(task->arena, "%.*s: %.*s", FMT(path), FMT(task->fault.detail));
    task_fault_join(task, &before);
    if (err == ERR_INVALID) change_rollback(change, &savepoint);
    return err;
}

static enum err reply_results(struct call *call, const struct change *change,
                              const struct bulk_operation *operations, uint32_t count)
{
    struct buf json = reply_buf(call);
    struct view view = call_view(call);
    uint32_t reached = call->reply.header_count;
    buf_put(&json, S("{\"group\":"));
    if (reached > 0) json_write_text(&json, id_text(call->task->arena, change->group));
    else buf_put(&json, S("null"));
    buf_put(&json, S(",\"results\":["));
    for (uint32_t at = 0; at < count; at++) {
        buf_print(&json, "%s{\"index\":%u,", at == 0 ? "" : ",", at);
        bulk_result_write(&json, call->task->arena, &operations[at], ERR_NONE, nullptr);
        struct record record;
        if (operations[at].verb != OPERATION_DELETE &&
            record_get(&view, call->entity, operations[at].id, &record) == ERR_NONE) {
            buf_put(&json, S(",\"etag\":"));
            json_write_text(&json, etag_text(call->task->arena, record_etag(&record)));
        }
        buf_put_byte(&json, '}');
    }
    buf_put(&json, S("]}"));
    /* A record that a later operation deleted is no fault. */
    task_fault_clear(call->task);
    return reply_json(call, 200, &json);
}

static enum err bulk_now(struct call *call, const struct bulk_wanted *wanted)
{
    struct task *task = call->task;
    uint32_t count = wanted->operations.count;
    if (count > BULK_ATOMIC_MAX)
        return fail(
            task, ERR_TOO_LARGE,
            "one change takes at most %u operations; with \"atomic\": false a job does more",
            BULK_ATOMIC_MAX);
    struct bulk_operation *operations = arena_new(task->arena, struct bulk_operation, count + 1);
    struct change change = change_begin(call);
    rule_chain_of(&change)->through = S("bulk");
    struct cursor items = cursor_of(wanted->operations.items);
    for (uint32_t at = 0; at < count; at++) {
        struct value given;
        require(value_next(&items, &given));
        enum err err = operation_run(call, &change, at, &given, &operations[at]);
        if (err != ERR_NONE && err != ERR_INVALID) return err;
    }
    TRY(task_faults(task));
    TRY(change_end(call, &change));
    return reply_results(call, &change, operations, count);
}

/* As a job. */

static enum err filter_verify(struct call *call, const struct bulk_wanted *wanted)
{
    struct task *task = call->task;
    const struct entity *entity = call->entity;
    enum scope_action action = wanted->is_deletion ? SCOPE_DELETE : SCOPE_EDIT;
    TRY(scope_require(task, &call->identity.scope, entity, action));
    struct view view = call_view(call);
    struct condition_form form = {.entity = entity,
                                  .arena = task->arena,
                                  .path = S("filter"),
                                  .sight = scope_sight(&call->identity.scope)};
    const struct condition *condition;
    if (condition_read(task, &form, &wanted->filter, &condition) &&
        condition_verify(&view, condition))
        return ERR_NONE;
    return task_faults(task);
}

static enum err bulk_later(struct call *call, const struct bulk_wanted *wanted)
{
    struct task *task = call->task;
    struct id upload;
    bool has_filter = wanted->filter.kind == VALUE_MAP;
    if (has_filter) TRY(filter_verify(call, wanted));
    struct buf given = buf_make(task->arena, call->given.bytes.len + 64);
    pack_map(&given, has_filter && !wanted->is_deletion ? 3 : 2);
    pack_int(&given, BULK_ENTITY);
    pack_int(&given, call->entity->number);
    if (wanted->operations.kind == VALUE_LIST) {
        pack_int(&given, BULK_OPERATIONS);
        pack_raw(&given, wanted->operations.bytes);
    } else if (has_filter) {
        pack_int(&given, BULK_FILTER);
        pack_raw(&given, wanted->filter.bytes);
        if (!wanted->is_deletion) pack_int(&given, BULK_PATCH);
        if (!wanted->is_deletion) pack_raw(&given, wanted->patch.bytes);
    } else if (id_parse(wanted->upload.text, &upload)) {
        pack_int(&given, BULK_UPLOAD);
        pack_bytes(&given, id_bytes(&upload));
    } else {
        task_fault(task, S("upload"), S("format"), "must be the id of an upload");
        return task_faults(task);
    }
    require(!buf_is_over(&given));
    return reply_job(call, has_filter ? S("bulk_edit") : S("bulk"), buf_str(&given));
}

enum err records_bulk(struct call *call)
{
    struct bulk_wanted wanted;
    TRY(wanted_read(call, &wanted));
    return wanted.is_atomic ? bulk_now(call, &wanted) : bulk_later(call, &wanted);
}
