/** records: the calls on records of any entity, their history and the feed of all changes.
 *
 *  Floor   api, inside; functions of the table.
 *  Thread  reads: loop or worker; changes: the tenant's lane.
 */
#pragma once

#include "api/call.h"
#include "record/show.h"

enum err records_list(struct call *call);
/** GET /search: of all entities, best first. */
enum err records_search(struct call *call);
enum err records_create(struct call *call);
enum err records_read(struct call *call);
enum err records_patch(struct call *call);
enum err records_delete(struct call *call);
enum err records_history(struct call *call);
enum err records_changes(struct call *call);

/* For other functions of the table that change records. */

struct change change_begin(const struct call *call);
/** Ends the change and names its group in a header, where it changed anything. */
enum err change_end(struct call *call, struct change *change);

/** Of a record with more under it than one change can delete: refuses what the job that deletes it
 *  would only find at its end. */
enum err records_verify_deletion(struct call *call);

/** As the header has it, with quotes. */
str etag_text(struct arena *arena, struct etag etag);
/** A change of a record that was merged is told where that went (ERR_CONFLICT instead of
 *  ERR_MISSING): it may not be meant for the survivor. */
enum err with_survivor(struct call *call, enum err err);
/** Answers with the record and its tag. */
enum err reply_record(struct call *call, int status, struct id id, const struct shape *shape);

/** `after` and `limit` of a page of the log. */
struct log_page {
    bool has_after;
    bool has_limit;
    uint64_t after;
    uint32_t limit;
};
enum err log_page_read(struct call *call, struct log_page *page);

/** Whether a list of entity tags (If-None-Match) names this one; weak tags count. */
bool tags_name(str list, struct etag etag);
/** Reads If-Match for a record whose tag is `present`: *is_any_out for `*`, else the tag to
 *  compare with. False: it holds no entity tag. A weak tag never matches (RFC 9110, 13.1.1). */
bool if_match_read(str list, struct etag present, bool *is_any_out, struct etag *tag_out);
