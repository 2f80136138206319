/** session: signing in and out, and who one is.
 *
 *  Floor   api, inside; functions of the table.
 *  Thread  session_open: the hashing thread; session_close: a worker; session_me: loop.
 */
#pragma once

#include "api/call.h"

enum err session_open(struct call *call);
enum err session_close(struct call *call);
enum err session_me(struct call *call);
/** POST /session/proof. */
enum err session_renew_proof(struct call *call);
/** Before a dangerous act (route.needs_proof). ERR_FORBIDDEN of type `step_up`: the password was
 *  not given lately. */
enum err step_up_need(struct call *call);
/** Before a call goes to the hashing thread: whose password is tried, folded so that one account is
 *  one whatever its address is typed like. ERR_INVALID: the faults say what is missing. */
enum err session_tried(struct call *call, str *email_out);
