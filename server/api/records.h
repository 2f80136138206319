/** records: the calls on records of any entity, their history and the feed of all changes.
 *
 *  Floor   api, inside; functions of the table.
 *  Thread  reads: loop or worker; changes: the tenant's lane.
 */
#pragma once

#include "api/call.h"

enum err records_list(struct call *call);
enum err records_create(struct call *call);
enum err records_read(struct call *call);
enum err records_patch(struct call *call);
enum err records_delete(struct call *call);
enum err records_history(struct call *call);
enum err records_changes(struct call *call);

/** Whether a list of entity tags (If-None-Match) names this one; weak tags count. */
bool tags_name(str list, struct etag etag);
/** Reads If-Match for a record whose tag is `present`: *is_any_out for `*`, else the tag to
 *  compare with. False: it holds no entity tag. A weak tag never matches (RFC 9110, 13.1.1). */
bool if_match_read(str list, struct etag present, bool *is_any_out, struct etag *tag_out);
