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
/** E-mail address and password of the body. ERR_INVALID: the faults say which is missing. */
enum err session_given(struct call *call, str *email_out, str *password_out);
