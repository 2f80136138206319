/** err: the closed list of what can go wrong above the system's own calls.
 *
 *  Each has the HTTP status it becomes (RFC 9110) and the slug of its problem document (RFC 9457).
 *  Details go to `task->fault` by `fail` (base/task.h), once, by the function that knows.
 *  Floor   base.
 *  Thread  any.
 */
#pragma once

#include "base/str.h"

#define ERR_LIST(X) \
    X(NONE, 200, "none", "No error") \
    X(UNREADABLE, 400, "unreadable", "The request cannot be read") \
    X(UNAUTHENTICATED, 401, "unauthenticated", "Sign in first") \
    X(FORBIDDEN, 403, "forbidden", "Not allowed") \
    X(MISSING, 404, "missing", "Not found") \
    X(CONFLICT, 409, "conflict", "In conflict with the present state") \
    X(CHANGED, 412, "changed", "Changed meanwhile") \
    X(TOO_LARGE, 413, "too-large", "Too large") \
    X(UNSUPPORTED, 415, "unsupported", "This content type is not understood") \
    X(INVALID, 422, "invalid", "Some fields are at fault") \
    X(REJECTED, 422, "rejected", "Rejected by a rule") \
    X(LIMITED, 429, "limited", "Too fast, or over quota") \
    X(CORRUPT, 500, "corrupt", "Stored data is damaged") \
    X(SYSTEM, 500, "system", "The server failed") \
    X(FULL, 503, "full", "No room or no time now; try again")

enum [[nodiscard]] err : uint8_t{
#define X(name, status, slug, title) ERR_##name,
    ERR_LIST(X)
#undef X
};

int err_status(enum err err);
str err_slug(enum err err);
str err_title(enum err err);

/** Returns from the calling function on error. In capitals because it hides a return. */
#define TRY(call) \
    do { \
        enum err try_err_ = (call); \
        if (try_err_ != ERR_NONE) return try_err_; \
    } while (false)
