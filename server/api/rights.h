/** rights: what a call needs, as its row of the table says (api/routes.h), judged in one place
 *  before its function runs; and what a refusal says. Which records and fields are seen and
 *  written is decided in record/, one by one; this only keeps whole calls from whoever could do
 *  nothing by them.
 *
 *  Floor   api, inside.
 *  Thread  that of the call.
 */
#pragma once

#include "api/call.h"
#include "api/problem.h"

/** ERR_FORBIDDEN: the caller lacks what the row asks for; the fault names it. */
enum err rights_judge(const struct call *call);
/** Whether such a scope may make this call, of `entity` where the path names one: what judging
 *  refuses to everybody with it is not described to him either. */
bool rights_allow(struct arena *arena, const struct scope *scope, const struct model *model,
                  const struct route *route, const struct entity *entity);
/** Later than the call arrived, in an open transaction: who calls is asked for again, and judged
 *  with what he may now. ERR_UNAUTHENTICATED: the session or token is over meanwhile. */
enum err rights_again(struct call *call);

/** One who looks after how another enters must be able to do all that the other may. ERR_FORBIDDEN:
 *  he is not. ERR_MISSING: there is no such user. */
enum err rights_cover_user(struct call *call, struct id user);

/** The same of the caller's own entrance: a token with a role of its own does not decide how its
 *  user enters, or end what he does by another one. */
enum err rights_cover_own(struct call *call);

/** Whether this is the caller's own, or he looks after everybody's: RIGHT_BEGUN. One who came by a
 *  token with a role of its own has only what was begun by that token. */
bool rights_to_begun(const struct call *call, struct id who, struct id token);

/** Puts into the fault of a refusal whose right it is that is missing, and into the problem who can
 *  grant it. Opens a transaction of its own. */
void rights_explain(struct call *call, struct problem *problem);
