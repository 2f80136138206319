/** passwords: setting one: by whoever knows the old one, or by a link in a mail; asking for such a
 *  link; invitations; one-time codes.
 *
 *  Floor   api, inside; functions of the table.
 *  Thread  as the table's road says.
 */
#pragma once

#include "api/call.h"

enum err passwords_change(struct call *call);
/** Answers the same, and as fast, whether anybody has the address. */
enum err passwords_ask_reset(struct call *call);
enum err passwords_set(struct call *call);
enum err passwords_ask_session(struct call *call);
enum err invitations_send(struct call *call);
enum err invitations_revoke(struct call *call);
enum err invitations_accept(struct call *call);
enum err totp_make(struct call *call);
enum err totp_make_active(struct call *call);
enum err totp_drop(struct call *call);
