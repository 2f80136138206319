/** tokens: API tokens, one's own and, for who may change users, those of others.
 *
 *  Floor   api, inside; functions of the table.
 *  Thread  that of the call.
 */
#pragma once

#include "api/call.h"

/** GET, POST /api/v1/tokens */
enum err tokens_list(struct call *call);
enum err tokens_make(struct call *call);
/** DELETE /api/v1/tokens/{id}: one's own, or of a user whom one may change. */
enum err tokens_end(struct call *call);
/** GET, POST /api/v1/users/{id}/tokens */
enum err tokens_of_user(struct call *call);
enum err tokens_of_user_make(struct call *call);
/** `"token":{…}` of who comes by one. */
void json_write_token_of(struct buf *json, const struct identity *identity);
