#include "api/rules.h"

#include "api/parameters.h"
#include "api/records.h"
#include "api/reply.h"
#include "api/roads.h"
#include "rules/builtin.h"
#include "rules/versions.h"

enum err rules_reference(struct call *call)
{
    const struct guide *guide = &call->api->guide;
    const struct {
        str type;
        str sent_as;
        str bytes;
    } forms[] = {
        {S("application/json"), S("application/json"), guide->json},
        {S("text/html"), S("text/html; charset=utf-8"), guide->html},
        {S("text/markdown"), S("text/markdown; charset=utf-8"), guide->markdown},
    };
    size_t best = 0;
    for (size_t at = 1; at < sizeof forms / sizeof forms[0]; at++)
        if (accept_weight(call->accept, forms[at].type) >
            accept_weight(call->accept, forms[best].type))
            best = at;
    /* What is sent as JSON says `vary` itself (api/reply.c). */
    if (best > 0) reply_header(call, S("vary"), S("accept"));
    call->reply.status = 200;
    call->reply.content_type = forms[best].sent_as;
    call->reply.body = forms[best].bytes;
    return ERR_NONE;
}

enum err rules_built_in(struct call *call)
{
    struct view view = call_view(call);
    struct buf json = reply_buf(call);
    TRY(builtin_write(&view, rules_builtin(call->rules), &json));
    reply_keys_touched(call);
    return reply_json(call, 200, &json);
}

/** A version's number; false: it is none. */
static bool number_read(const struct value *given, int64_t *number_out)
{
    *number_out = given->kind == VALUE_INT ? given->integer : 0;
    return *number_out > 0;
}

static enum err activate_read(struct call *call, int64_t *number_out)
{
    struct value given = {};
    *number_out = 0;
    if (call->given.kind == VALUE_NIL) return ERR_NONE;
    bool is_map = call->given.kind == VALUE_MAP;
    bool has_version = is_map && value_find_text(call->given.bytes, S("version"), &given);
    if (!is_map || call->given.count != (uint32_t)has_version)
        task_fault(call->task, S(""), S("unknown"), "only `version` may stand here");
    else if (has_version && given.kind != VALUE_NIL && !number_read(&given, number_out))
        task_fault(call->task, S("version"), S("type"), "is the number of a version, from 1");
    return task_faults(call->task);
}

enum err rules_activate(struct call *call)
{
    int64_t number;
    TRY(activate_read(call, &number));
    call->entity = model_entity_by_number(call->tenant.model, RULE_ENTITY);
    struct change change = change_begin(call);
    TRY(version_activate(&change, call->record, number));
    TRY(change_end(call, &change));
    return reply_record(call, 200, call->record, nullptr);
}

static enum err version_read(struct call *call, const struct parameter *parameter,
                             int64_t numbers[2])
{
    bool is_from = str_eq(parameter->name, S("from"));
    if (!is_from && !str_eq(parameter->name, S("to")))
        return unknown_parameter(call, parameter->name, "from, to");
    int64_t *number = &numbers[is_from ? 0 : 1];
    if (str_to_int64(parameter->value, number) && *number >= 1) return ERR_NONE;
    return fail_parameter(call->task, parameter->name, S("range"),
                          "must be the number of a version, from 1");
}

/** The numbers in the query; 0: left out. */
static enum err numbers_read(struct call *call, int64_t numbers[2])
{
    struct cursor query = cursor_of(call->query);
    struct parameter parameter = {};
    enum err err;
    while (parameter_next(call, &query, &parameter, &err))
        parameter_judge(&parameter, version_read(call, &parameter, numbers));
    return err;
}

static enum err difference(struct call *call)
{
    int64_t numbers[2] = {};
    TRY(numbers_read(call, numbers));
    struct view view = call_view(call);
    struct buf json = reply_buf(call);
    TRY(version_difference(&view, call->record, numbers[0], numbers[1], &json));
    reply_keys_touched(call);
    return reply_json(call, 200, &json);
}

/** Comparing long scripts takes longer than a loop may. */
enum err rules_difference(struct call *call)
{
    return call_read(call, false, difference);
}
