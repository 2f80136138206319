/** portal_door: what is particular to calls at the portal's door: whose records are shown, and that
 *  they were looked at. All else is as at the staff's, with the contact's scope.
 *
 *  Floor   api, inside.
 *  Thread  that of the call.
 */
#pragma once

#include "api/call.h"
#include "base/buf.h"

/** POST /api/v1/session/client: another one of the clients that the account has a right to. */
enum err portal_choose(struct call *call);
/** POST /api/v1/session/view: by the token of portal_view_as. */
enum err portal_view(struct call *call);
/** The member `portal` of who I am, with a comma before it. Opens a transaction where none is. */
enum err portal_me_write(struct buf *json, struct call *call);
/** A contact was shown a record, or (nil) a list of them. At the staff's door nothing. */
void portal_was_shown(const struct call *call, struct id record);
