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
/** The same of route.needs_own_proof: only persons are asked, for a token is bounded by what it
 *  covers. */
enum err step_up_need_of_person(struct call *call);
/** Before a call goes to the hashing thread: puts into call->job whose password or code is tried,
 *  folded so that one account is one whatever its address is typed like. With a mailed link it is
 *  the link's owner, whatever address stands beside it. ERR_INVALID: the body is no object of
 *  texts. ERR_FORBIDDEN: a token is no person. */
enum err session_tried(struct call *call);

/* For what else is asked of people who enter. */

/** ERR_INVALID: the body is no object; `form` says what it must be. */
enum err given_map(struct call *call, const char *form);
/** Adds a fault for each member of the body but these, which have commas between. */
void given_only(struct call *call, const char *known);
/** A text of the body, or empty; adds a fault. */
void given_text(struct call *call, str name, bool is_needed, str *text_out);
/** With the door and whence; the rest is empty. */
struct sign_in_given given_from(const struct call *call);
/** Counts a wrong try. Whoever is signed in is told of a fault of `field`; empty: nobody is. */
enum err session_tell_wrong(struct call *call, enum err err, str field);
/** The cookie of a new token, and who that is. */
enum err reply_session(struct call *call, const struct session_new *session, int status);
