/** sessions: where somebody is signed in, and ending it: one's own, and others' for who may edit
 *  users.
 *
 *  Floor   api, inside; functions of the table.
 *  Thread  reads: loop or worker; changes: the tenant's lane.
 */
#pragma once

#include "api/call.h"

enum err sessions_list(struct call *call);
enum err sessions_end_one(struct call *call);
/** All but the one that asks. */
enum err sessions_end_others(struct call *call);
enum err sessions_of_user(struct call *call);
enum err sessions_of_user_end(struct call *call);

/** `"session":{…}`: the one that asks. */
void json_write_session(struct buf *json, const struct identity *identity);
