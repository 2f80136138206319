/* One operation: read, run, told. The jobs that run many: work/bulk_job.c, work/bulk_edit.c. */
#include "work/bulk.h"

#include "base/require.h"
#include "value/json.h"
#include "work/job_rows.h"

static const struct {
    str word;
    int status;
} verbs[] = {
    [OPERATION_CREATE] = {{"create", 6}, 201},
    [OPERATION_UPDATE] = {{"patch", 5}, 200},
    [OPERATION_DELETE] = {{"delete", 6}, 204},
};
constexpr uint32_t VERB_COUNT = sizeof verbs / sizeof verbs[0];

static bool id_read(struct task *task, str field, const struct value *given, struct id *id_out)
{
    if (given->kind == VALUE_TEXT && id_parse(given->text, id_out)) return true;
    task_fault(task, field, S("format"), "must be the id of a record");
    return false;
}

/** What is given to a patch, without the id that says of which record. */
static void patch_read(struct task *task, struct bulk_operation *operation)
{
    struct value given = operation->given, key, value;
    if (!value_find_text(given.bytes, S("id"), &value)) {
        task_fault(task, S("patch.id"), S("required"), "say which record is to be changed");
        return;
    }
    (void)id_read(task, S("patch.id"), &value, &operation->id);
    struct buf rest = buf_make(task->arena, given.bytes.len);
    struct cursor pairs = cursor_of(given.items);
    pack_map(&rest, given.count - 1);
    while (value_next(&pairs, &key) && value_next(&pairs, &value)) {
        if (key.kind == VALUE_TEXT && str_eq(key.text, S("id"))) continue;
        pack_raw(&rest, key.bytes);
        pack_raw(&rest, value.bytes);
    }
    require(!buf_is_over(&rest));
    operation->given = value_of(buf_str(&rest));
}

static void tag_read(struct task *task, const struct value *given, struct bulk_operation *operation)
{
    operation->has_tag = given->kind == VALUE_TEXT && etag_parse(given->text, &operation->tag);
    if (operation->has_tag) return;
    task_fault(task, S("if_match"), S("format"),
               "must be the entity tag of the record, with its quotes");
}

static void verb_read(struct task *task, enum operation verb, const struct value *given,
                      struct bulk_operation *operation)
{
    operation->verb = verb;
    operation->given = *given;
    if (verb == OPERATION_DELETE) (void)id_read(task, S("delete"), given, &operation->id);
    else if (given->kind != VALUE_MAP)
        task_fault(task, verbs[verb].word, S("type"), "must be an object of fields");
    else if (verb == OPERATION_UPDATE) patch_read(task, operation);
}

enum err bulk_operation_read(struct task *task, const struct value *given,
                             struct bulk_operation *operation_out)
{
    *operation_out = (struct bulk_operation){};
    struct cursor pairs = cursor_of(given->items);
    struct value key, value;
    uint32_t verb_count = 0;
    bool is_map = given->kind == VALUE_MAP;
    while (is_map && value_next(&pairs, &key) && value_next(&pairs, &value)) {
        uint32_t verb = 0;
        str word = key.kind == VALUE_TEXT ? key.text : S("");
        while (verb < VERB_COUNT && !str_eq(word, verbs[verb].word)) verb++;
        if (verb < VERB_COUNT) {
            verb_count++;
            verb_read(task, (enum operation)verb, &value, operation_out);
        } else if (str_eq(word, S("if_match"))) {
            tag_read(task, &value, operation_out);
        } else {
            task_fault(task, word, S("unknown"),
                       "an operation has create, patch or delete, and if_match");
        }
    }
    if (verb_count != 1)
        task_fault(task, S(""), S("type"), "must be an object with one of create, patch, delete");
    else if (operation_out->has_tag && operation_out->verb == OPERATION_CREATE)
        task_fault(task, S("if_match"), S("unknown"), "what is created has no entity tag yet");
    return task_faults(task);
}

enum err bulk_operation_run(struct change *change, const struct entity *entity,
                            struct bulk_operation *operation)
{
    const struct etag *tag = operation->has_tag ? &operation->tag : nullptr;
    switch (operation->verb) {
    case OPERATION_CREATE:
        return record_create(change, entity, &operation->given, &operation->id);
    case OPERATION_UPDATE:
        return record_patch(change, entity, operation->id, &operation->given, tag);
    case OPERATION_DELETE:
        break;
    }
    return record_delete(change, entity, operation->id, tag);
}

void bulk_result_write(struct buf *json, struct arena *arena,
                       const struct bulk_operation *operation, enum err err,
                       const struct fault *fault)
{
    int status = err == ERR_NONE ? verbs[operation->verb].status : err_status(err);
    buf_print(json,
              "\"operation\":\"%.*s\",\"status\":%d,\"id\":", FMT(verbs[operation->verb].word),
              status);
    bool has_id =
        !id_is_nil(operation->id) && (err == ERR_NONE || operation->verb != OPERATION_CREATE);
    if (has_id) buf_print(json, "\"%.*s\"", FMT(id_text(arena, operation->id)));
    else buf_put(json, S("null"));
    if (err == ERR_NONE) return;
    struct value problem = value_of(job_problem(arena, fault, err));
    buf_put(json, S(",\"problem\":"));
    json_write(json, &problem);
}
