/** portal: what the staff does with the portal: opening it for a client, and with the accounts of
 *  contacts.
 *
 *  Floor   api, inside; functions of the table.
 *  Thread  that of the call.
 */
#pragma once

#include "api/call.h"

/** Opens a client's portal for one of its contacts: switches it on, finds or makes the contact's
 *  account and its right, and invites who has never entered; all in one change. Asked again, it
 *  changes nothing and invites nobody. */
enum err portal_enable(struct call *call);
/** Sets an account's password, which nobody can read again, and ends its sessions. */
enum err portal_set_password(struct call *call);
/** Mails an invitation to who has never entered, to others a link that sets a new password. */
enum err portal_invite(struct call *call);
/** The address by which the caller sees the portal as this contact. */
enum err portal_view_as(struct call *call);
