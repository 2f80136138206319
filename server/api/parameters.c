#include "api/parameters.h"
#include "base/fold.h"

constexpr size_t NAME_BYTES_TOLD = 64;

void parameter_judge(struct parameter *parameter, enum err err)
{
    bool is_first = parameter->err == ERR_NONE || parameter->err == ERR_UNREADABLE;
    if (err != ERR_NONE && is_first) parameter->err = err;
}

/** Whether it stood already, where it may stand once. */
static bool stands_again(struct parameter *parameter)
{
    if (str_eq(parameter->repeats, S("*")) || str_eq(parameter->repeats, parameter->name))
        return false;
    for (uint32_t at = 0; at < parameter->name_count; at++)
        if (str_eq(parameter->names[at], parameter->name)) return true;
    if (parameter->name_count < PARAMETER_NAMES_MAX)
        parameter->names[parameter->name_count++] = parameter->name;
    return false;
}

bool parameter_next(struct call *call, struct cursor *query, struct parameter *parameter,
                    enum err *err_out)
{
    struct task *task = call->task;
    bool is_broken = false;
    while (parameter->err == ERR_NONE || parameter->err == ERR_UNREADABLE) {
        if (!http_query_next(task->arena, query, &parameter->name, &parameter->value, &is_broken))
            break;
        if (is_broken) break;
        if (!stands_again(parameter)) return true;
        parameter_judge(parameter,
                        fail_parameter(task, utf8_first(parameter->name, NAME_BYTES_TOLD),
                                       S("twice"), "stands twice"));
    }
    *err_out = is_broken ? fail(task, ERR_UNREADABLE, "the query string cannot be decoded")
                         : parameter->err;
    return false;
}

enum err unknown_parameter(struct call *call, str name, const char *known)
{
    return fail_parameter(call->task, utf8_first(name, NAME_BYTES_TOLD), S("unknown"),
                          "no such parameter here; there are: %s", known);
}

enum err no_parameters(struct call *call)
{
    struct cursor query = cursor_of(call->query);
    struct parameter parameter = {};
    enum err err;
    while (parameter_next(call, &query, &parameter, &err))
        parameter_judge(&parameter,
                        fail_parameter(call->task, utf8_first(parameter.name, NAME_BYTES_TOLD),
                                       S("unknown"), "this call takes no parameters"));
    return err;
}

enum err limit_read(struct call *call, str value, uint32_t max, uint32_t *limit_out)
{
    int64_t number;
    if (!str_to_int64(value, &number) || number < 1 || number > max)
        return fail_parameter(call->task, S("limit"), S("range"), "must be a number from 1 to %u",
                              max);
    *limit_out = (uint32_t)number;
    return ERR_NONE;
}

enum err sequence_read(struct call *call, str value, uint64_t *sequence_out)
{
    int64_t number;
    if (!str_to_int64(value, &number) || number < 0)
        return fail_parameter(call->task, S("after"), S("type"),
                              "must be a number, as `next` gave it");
    *sequence_out = (uint64_t)number;
    return ERR_NONE;
}

enum err flag_read(struct call *call, const struct parameter *parameter, bool *flag_out)
{
    *flag_out = str_eq(parameter->value, S("true"));
    if (*flag_out || str_eq(parameter->value, S("false"))) return ERR_NONE;
    return fail_parameter(call->task, parameter->name, S("type"), "is true or false");
}
