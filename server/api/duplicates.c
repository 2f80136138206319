#include "api/duplicates.h"

#include "api/jobs.h"
#include "api/reply.h"
#include "base/require.h"
#include "record/duplicates.h"
#include "value/json.h"

enum err duplicates_begin(struct call *call)
{
    const struct entity *entity = call->entity;
    struct buf given = buf_make(call->task->arena, 16);
    pack_int(&given, entity->number);
    return reply_job(call, S("duplicates"), buf_str(&given));
}

static void write_warning(struct buf *json, struct call *call, const struct duplicate *duplicate)
{
    struct arena *arena = call->task->arena;
    str why = duplicates_why(arena, call->entity, duplicate->fields), first, rest;
    (void)str_cut(why, ',', &first, &rest);
    buf_put(json, S("{\"code\":\"duplicate\",\"field\":"));
    json_write_text(json, first);
    buf_put(json, S(",\"message\":"));
    json_write_text(json, arena_print(arena, "there is a %.*s that is alike in %.*s",
                                      FMT(call->entity->name), FMT(why)));
    buf_print(json, ",\"score\":%u,\"records\":[\"%.*s\"]}", duplicate->score,
              FMT(id_text(arena, duplicate->id)));
}

enum err duplicates_warn(struct call *call, struct id id)
{
    struct view view = call_view(call);
    struct record record;
    struct duplicate found[DUPLICATES_FOUND_MAX];
    uint32_t count;
    TRY(record_get(&view, call->entity, id, &record));
    TRY(duplicates_find(&view, &record, found, &count));
    if (count == 0) return ERR_NONE;
    str body = call->reply.body;
    require(body.len > 0 && body.at[body.len - 1] == '}');
    struct buf json = reply_buf(call);
    buf_put(&json, str_first(body, body.len - 1));
    buf_put(&json, S(",\"warnings\":["));
    for (uint32_t at = 0; at < count; at++) {
        if (at > 0) buf_put_byte(&json, ',');
        write_warning(&json, call, &found[at]);
    }
    buf_put(&json, S("]}"));
    return reply_json(call, call->reply.status, &json);
}
