/** parameters: the query string of a call, one name and value at a time.
 *
 *  Floor   api, inside.
 *  Thread  that of the call.
 *  Memory  what is read lies in the call's arena or is a view of its query.
 */
#pragma once

#include "api/call.h"

struct parameter {
    str name;
    str value;
};

/** The next one; false at the end, with *err_out when it cannot be read. */
bool parameter_next(struct call *call, struct cursor *query, struct parameter *parameter,
                    enum err *err_out);
/** ERR_UNREADABLE; `known` lists those that there are, for the detail. */
enum err unknown_parameter(struct call *call, str name, const char *known);
/** ERR_UNREADABLE when there are any. */
enum err no_parameters(struct call *call);
/** A `limit` from 1 to `max`; ERR_UNREADABLE says so. */
enum err limit_read(struct call *call, str value, uint32_t max, uint32_t *limit_out);
