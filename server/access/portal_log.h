/** portal_log: that a contact has looked at a record, once an hour for each: who reads the log of a
 *  portal wants to know what was seen, not how often a page was loaded.
 *
 *  Which ones were noted of late stands in a table of fixed size that forgets with time; where it
 *  is full, or after a start, a view is noted once more.
 *
 *  Floor   access.
 *  Thread  any; a lock is held for a few instructions.
 */
#pragma once

#include "access/access.h"

struct portal_log;

struct portal_log *portal_log_make(void);
void portal_log_drop(struct portal_log *log);

struct portal_view {
    const struct space *space;
    const struct identity *identity; /** at the portal */
    struct id cause;                 /** the request */
    str address;
    uint16_t entity;
    struct id record; /** nil: a list of them */
};
/** Notes it in the tenant's audit log, if it is the contact itself who looks and it was not noted
 *  within the hour. Does not block. */
void portal_log_view(struct portal_log *log, const struct access *access,
                     const struct portal_view *view);
