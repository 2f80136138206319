/** audit: the tenant's audit log, for those who may change the firm's settings.
 *
 *  Floor   api, inside.
 *  Thread  that of the call.
 */
#pragma once

#include "api/call.h"

/** GET /api/v1/audit */
enum err audit_list(struct call *call);
/** A call was refused with 403. Of those who are not signed in nothing is kept: it would be theirs
 *  to fill. Does not block. */
void audit_note_refusal(const struct call *call);
/** A call was refused because a quota is reached. Does not block. */
void audit_note_quota(const struct call *call, const struct quota_fault *quota);
/** What the call asks for is being taken out. Does not block. */
void audit_note_export(const struct call *call, str words);
