#include "api/parameters.h"
#include "base/fold.h"

constexpr size_t NAME_BYTES_TOLD = 64;

bool parameter_next(struct call *call, struct cursor *query, struct parameter *parameter,
                    enum err *err_out)
{
    bool is_broken = false;
    bool has_one =
        http_query_next(call->task->arena, query, &parameter->name, &parameter->value, &is_broken);
    *err_out = is_broken ? fail(call->task, ERR_UNREADABLE, "the query string cannot be decoded")
                         : ERR_NONE;
    return has_one && !is_broken;
}

enum err unknown_parameter(struct call *call, str name, const char *known)
{
    return fail(call->task, ERR_UNREADABLE, "%.*s: no such parameter here; there are: %s",
                FMT(utf8_first(name, NAME_BYTES_TOLD)), known);
}

enum err no_parameters(struct call *call)
{
    if (call->query.len == 0) return ERR_NONE;
    return fail(call->task, ERR_UNREADABLE, "this call takes no parameters");
}

enum err limit_read(struct call *call, str value, uint32_t max, uint32_t *limit_out)
{
    int64_t number;
    if (!str_to_int64(value, &number) || number < 1 || number > max)
        return fail(call->task, ERR_UNREADABLE, "limit: must be a number from 1 to %u", max);
    *limit_out = (uint32_t)number;
    return ERR_NONE;
}
