#include "api/uploads.h"

#include "api/reply.h"
#include "value/json.h"

enum err uploads_find(struct call *call, struct id id, struct upload *upload_out)
{
    struct task *task = call->task;
    TRY(upload_get(task, &call->tenant.space, id, upload_out));
    if (id_eq(upload_out->owner, call->identity.user)) return ERR_NONE;
    return fail(task, ERR_MISSING, "there is no such upload, or its time is over");
}

static enum err reply_upload(struct call *call, int status, const struct upload *upload)
{
    struct buf json = reply_buf(call);
    buf_print(&json, "{\"id\":\"%.*s\",\"name\":", FMT(id_text(call->task->arena, upload->id)));
    json_write_text(&json, upload->name);
    buf_print(&json, ",\"bytes\":%llu,\"bytes_there\":%llu,\"part_bytes_max\":%zu",
              (unsigned long long)upload->bytes, (unsigned long long)upload->bytes_there,
              UPLOAD_PART_BYTES_MAX);
    json_member_time(&json, "created_at", upload->created_at_ms);
    json_member_time(&json, "kept_until", upload->kept_until_ms);
    buf_put(&json, S(",\"parts\":["));
    for (uint32_t at = 0; at < upload->part_count; at++)
        buf_print(&json, "%s{\"number\":%u,\"bytes\":%u}", at == 0 ? "" : ",",
                  upload->parts[at].number, upload->parts[at].bytes);
    buf_put(&json, S("]}"));
    return reply_json(call, status, &json);
}

enum err uploads_create(struct call *call)
{
    struct task *task = call->task;
    struct upload upload = {.owner = call->identity.user,
                            .kept_until_ms = task->now_ms + UPLOAD_KEPT_MS};
    if (call->given.kind != VALUE_MAP)
        task_fault(task, S(""), S("type"), "the body must be an object with `name` and `bytes`");
    struct cursor pairs = cursor_of(call->given.items);
    struct value key, value;
    bool has_bytes = false;
    for (uint32_t at = 0; call->given.kind == VALUE_MAP && at < call->given.count; at++) {
        if (!value_next(&pairs, &key) || !value_next(&pairs, &value)) break;
        if (str_eq(key.text, S("name"))) {
            if (value.kind != VALUE_TEXT || value.text.len > UPLOAD_NAME_BYTES_MAX)
                task_fault(task, S("name"), S("type"), "must be a text of at most %zu bytes",
                           UPLOAD_NAME_BYTES_MAX);
            else upload.name = value.text;
        } else if (str_eq(key.text, S("bytes"))) {
            has_bytes = true;
            if (value.kind != VALUE_INT || value.integer < 1 ||
                (uint64_t)value.integer > UPLOAD_BYTES_MAX)
                task_fault(task, S("bytes"), S("range"), "must be a number from 1 to %llu",
                           (unsigned long long)UPLOAD_BYTES_MAX);
            else upload.bytes = (uint64_t)value.integer;
        } else {
            task_fault(task, key.text, S("unknown"), "an upload has `name` and `bytes`");
        }
    }
    if (!has_bytes)
        task_fault(task, S("bytes"), S("required"), "say how many bytes there are in all");
    TRY(task_faults(task));
    TRY(quota_make_upload(task, &call->tenant.space, &upload));
    reply_header(
        call, S("location"),
        arena_print(task->arena, "/api/v1/uploads/%.*s", FMT(id_text(task->arena, upload.id))));
    return reply_upload(call, 201, &upload);
}

enum err uploads_read(struct call *call)
{
    struct upload upload;
    TRY(uploads_find(call, call->record, &upload));
    return reply_upload(call, 200, &upload);
}

enum err uploads_delete(struct call *call)
{
    struct upload upload;
    TRY(uploads_find(call, call->record, &upload));
    upload_remove(call->task, &call->tenant.space, upload.id);
    reply_empty(call, 204);
    return ERR_NONE;
}

enum err uploads_put(struct call *call)
{
    struct upload upload;
    if (call->part < 1 || call->part > UPLOAD_PARTS_MAX)
        return fail(call->task, ERR_UNREADABLE, "parts are numbered from 1 to %u",
                    UPLOAD_PARTS_MAX);
    if (call->body.len == 0) return fail(call->task, ERR_UNREADABLE, "this part is empty");
    TRY(uploads_find(call, call->record, &upload));
    TRY(upload_put(call->task, &call->tenant.space, upload.id, call->part, call->body));
    TRY(upload_get(call->task, &call->tenant.space, upload.id, &upload));
    return reply_upload(call, 200, &upload);
}
