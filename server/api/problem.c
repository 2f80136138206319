#include "api/problem.h"

#include "value/json.h"

static void member_text(struct buf *json, const char *name, str text)
{
    buf_print(json, "\"%s\":", name);
    json_write_text(json, text);
}

static str detail_of(const struct problem *problem)
{
    const struct fault *fault = problem->fault;
    if (fault == nullptr) return problem->status == 422 ? problem->title : S("");
    if (fault->detail.len > 0) return fault->detail;
    if (problem->status != 422) return S("");
    return fault->item_count == 0   ? problem->title
           : fault->item_count == 1 ? S("1 field is at fault")
                                    : S("several fields are at fault");
}

static void write_item(struct buf *json, const struct fault_item *item)
{
    buf_put_byte(json, '{');
    member_text(json, "field", item->field);
    buf_put_byte(json, ',');
    member_text(json, "code", item->code);
    buf_put_byte(json, ',');
    member_text(json, "message", item->message);
    buf_put_byte(json, '}');
}

/** What is wrong with no field alone is told as a fault of the whole. */
static void write_errors(struct buf *json, const struct problem *problem)
{
    const struct fault *fault = problem->fault;
    uint32_t count = fault == nullptr ? 0 : fault->item_count;
    if (count == 0 && problem->status != 422) return;
    buf_put(json, S(",\"errors\":["));
    for (uint32_t at = 0; at < count; at++) {
        if (at > 0) buf_put_byte(json, ',');
        write_item(json, &fault->items[at]);
    }
    if (count == 0) write_item(json, &(struct fault_item){S(""), S("invalid"), detail_of(problem)});
    buf_put_byte(json, ']');
}

/** Which rule said so, and where its run can be looked at. */
static void write_rule(struct buf *json, const struct fault *fault)
{
    char id[ID_TEXT_BYTES], run[ID_TEXT_BYTES];
    id_write(fault->rule, id);
    id_write(fault->run, run);
    buf_print(json, ",\"rule\":{\"id\":\"%.*s\",", ID_TEXT_BYTES, id);
    member_text(json, "name", fault->rule_name);
    if (id_is_nil(fault->run)) buf_put(json, S(",\"run\":null}"));
    else buf_print(json, ",\"run\":\"%.*s\"}", ID_TEXT_BYTES, run);
}

/** Which right is missing, and who can grant it. */
static void write_right(struct buf *json, const struct problem *problem)
{
    const struct right *right = &problem->fault->right;
    bool is_group = right->group.len > 0;
    buf_put(json, S(",\"right\":{"));
    member_text(json, is_group ? "group" : "entity", is_group ? right->group : right->entity);
    buf_put_byte(json, ',');
    member_text(json, "action", right->action);
    buf_put(json, S("},\"granted_by\":["));
    for (uint32_t at = 0; at < problem->granted_by_count; at++) {
        if (at > 0) buf_put_byte(json, ',');
        json_write_text(json, problem->granted_by[at]);
    }
    buf_put_byte(json, ']');
}

static void write_quota(struct buf *json, const struct quota_fault *quota)
{
    buf_put(json, S(",\"quota\":{"));
    member_text(json, "name", quota->name);
    buf_print(json, ",\"bound\":%lld,\"use\":%lld}", (long long)quota->bound,
              (long long)quota->use);
}

void problem_write(struct buf *json, const struct problem *problem)
{
    buf_put_byte(json, '{');
    member_text(json, "type", problem->slug);
    buf_put_byte(json, ',');
    member_text(json, "title", problem->title);
    buf_print(json, ",\"status\":%d", problem->status);
    str detail = detail_of(problem);
    if (detail.len > 0) {
        buf_put_byte(json, ',');
        member_text(json, "detail", detail);
    }
    buf_put_byte(json, ',');
    member_text(json, "request_id", problem->request_id);
    write_errors(json, problem);
    bool lacks_right =
        problem->status == 403 && problem->fault != nullptr && problem->fault->right.action.len > 0;
    if (lacks_right) write_right(json, problem);
    if (problem->fault != nullptr && !id_is_nil(problem->fault->rule))
        write_rule(json, problem->fault);
    if (problem->fault != nullptr && problem->fault->quota.name.len > 0)
        write_quota(json, &problem->fault->quota);
    if (problem->present.len > 0) {
        buf_put(json, S(",\"record\":"));
        buf_put(json, problem->present);
    }
    buf_put_byte(json, '}');
}
