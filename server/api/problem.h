/** problem: what went wrong, as RFC 9457 tells it.
 *
 *  `type` is a stable word (a relative reference), the same that http/ uses for what it refuses
 *  itself.
 *  Floor   api, inside.
 *  Thread  any.
 */
#pragma once

#include "base/buf.h"
#include "base/task.h"

struct problem {
    int status;
    str slug;
    str title;
    const struct fault *fault; /** or nullptr */
    str request_id;
    str present; /** JSON of the record as it is, or empty */
    uint32_t granted_by_count;
    const str *granted_by; /** names of those who can grant the right that is missing */
};

void problem_write(struct buf *json, const struct problem *problem);
