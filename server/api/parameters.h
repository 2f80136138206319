/** parameters: the query string of a call, one name and value at a time.
 *
 *  Floor   api, inside.
 *  Thread  that of the call.
 *  Memory  what is read lies in the call's arena or is a view of its query.
 */
#pragma once

#include "api/call.h"

constexpr uint32_t PARAMETER_NAMES_MAX = 16; /** of a call, besides those that may stand again */

/** Begins as `{}`. */
struct parameter {
    str name;
    str value;
    str repeats;  /** given: the name that may stand more than once; `*`: each may */
    enum err err; /** the first fault, by parameter_judge */
    uint32_t name_count;
    str names[PARAMETER_NAMES_MAX]; /** those that stood already */
};

/** The next one; false at the end, with *err_out when the string cannot be read or one of them was
 *  at fault. One that stands twice is. */
bool parameter_next(struct call *call, struct cursor *query, struct parameter *parameter,
                    enum err *err_out);
/** Keeps what came of reading it. ERR_UNREADABLE lets the others be read, so that every fault is
 *  named; another error ends that. */
void parameter_judge(struct parameter *parameter, enum err err);
/** ERR_UNREADABLE; `known` lists those that there are, for the detail. */
enum err unknown_parameter(struct call *call, str name, const char *known);
/** ERR_UNREADABLE when there are any. */
enum err no_parameters(struct call *call);
/** A `limit` from 1 to `max`; ERR_UNREADABLE says so. */
enum err limit_read(struct call *call, str value, uint32_t max, uint32_t *limit_out);
/** An `after` that is a number of the log; ERR_UNREADABLE says so. */
enum err sequence_read(struct call *call, str value, uint64_t *sequence_out);
/** `true` or `false`; ERR_UNREADABLE says so of this name. */
enum err flag_read(struct call *call, const struct parameter *parameter, bool *flag_out);
