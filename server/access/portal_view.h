/** portal_view: a user of the firm sees the portal as one of its contacts does: for a short time,
 *  and without changing anything.
 *
 *  It is handed over by a link that works once, as a cookie of the staff's door is none at the
 *  portal's. Its session is the contact's, with a note of who looks (access/portal.h).
 *
 *  Floor   access.
 *  Thread  a lane.
 */
#pragma once

#include "access/access.h"

constexpr int64_t PORTAL_VIEW_MS = 30LL * 60 * 1000;

/** The address that begins it, good once and for LINK_VIEW_MS. ERR_MISSING: no such account.
 *  ERR_CONFLICT: it is disabled. */
enum err portal_view_offer(struct txn *txn, const struct access *access,
                           const struct tenant *tenant, struct id account, struct id viewer,
                           str *address_out);
/** Begins it. ERR_UNAUTHENTICATED: the token is not good, or no more. */
enum err portal_view_begin(struct txn *txn, const struct access *access,
                           const struct sign_in_given *given, struct session_new *session_out);
