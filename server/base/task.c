#include "base/task.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/require.h"

constexpr uint32_t ITEMS_MIN = 4;

static struct fault_item *item_next(struct task *task)
{
    struct fault *fault = &task->fault;
    if (fault->item_count == fault->item_capacity) {
        uint32_t capacity = fault->item_capacity == 0 ? ITEMS_MIN : fault->item_capacity * 2;
        struct fault_item *items = arena_new(task->arena, struct fault_item, capacity);
        if (fault->item_count > 0) memcpy(items, fault->items, fault->item_count * sizeof items[0]);
        fault->items = items;
        fault->item_capacity = capacity;
    }
    return &fault->items[fault->item_count++];
}

void task_init(struct task *task, struct arena *arena)
{
    require(arena != nullptr);
    *task = (struct task){
        .arena = arena,
        .now_ms = clock_now_ms(),
        .request_id = id_make(),
    };
}

enum err fail(struct task *task, enum err err, const char *format, ...)
{
    require(err != ERR_NONE);
    if (task->fault.detail.len > 0) return err;
    va_list arguments;
    va_start(arguments, format);
    task->fault.detail = arena_vprint(task->arena, format, arguments);
    va_end(arguments);
    return err;
}

void task_fault(struct task *task, str field, str code, const char *format, ...)
{
    if (task->fault.item_count == FAULTS_MAX) {
        task->fault.rest_count++;
        return;
    }
    struct fault_item *item = item_next(task);
    str path = task->path;
    if (field.len == 0 && str_ends(path, S("."))) path.len--;
    item->field = arena_print(task->arena, "%.*s%.*s", FMT(path), FMT(field));
    item->code = arena_copy(task->arena, code);
    va_list arguments;
    va_start(arguments, format);
    item->message = arena_vprint(task->arena, format, arguments);
    va_end(arguments);
}

enum err fail_parameter(struct task *task, str name, str code, const char *format, ...)
{
    struct fault *fault = &task->fault;
    if (fault->item_count == FAULTS_MAX && fault->detail.len > 0)
        return fault->rest_count++, ERR_UNREADABLE;
    va_list arguments;
    va_start(arguments, format);
    str message = arena_vprint(task->arena, format, arguments);
    va_end(arguments);
    task_fault(task, name, code, "%.*s", FMT(message));
    return fail(task, ERR_UNREADABLE, "%.*s: %.*s", FMT(name), FMT(message));
}

enum err task_faults(struct task *task)
{
    uint32_t kept = task->fault.item_count;
    uint32_t rest = task->fault.rest_count;
    if (rest > 0)
        return fail(task, ERR_INVALID, "%u fields are at fault; the first %u are told", kept + rest,
                    kept);
    if (kept == 1) return fail(task, ERR_INVALID, "1 field is at fault");
    if (kept > 1) return fail(task, ERR_INVALID, "%u fields are at fault", kept);
    if (arena_is_over(task->arena))
        return fail(task, ERR_TOO_LARGE, "this takes more memory than one request may use");
    return ERR_NONE;
}

void task_fault_join(struct task *task, const struct fault *before)
{
    const struct fault behind = task->fault;
    task->fault.items = before->items;
    task->fault.item_count = before->item_count;
    task->fault.item_capacity = before->item_capacity;
    task->fault.rest_count += before->rest_count;
    for (uint32_t at = 0; at < behind.item_count; at++) {
        if (task->fault.item_count < FAULTS_MAX) *item_next(task) = behind.items[at];
        else task->fault.rest_count++;
    }
}

void task_fault_clear(struct task *task)
{
    task->fault = (struct fault){};
}
