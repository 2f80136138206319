/** rows: which records a scope sees. The one place that decides it: gets, lists, references,
 *  history and the feed ask here.
 *
 *  Of entities that lie under clients, or are the client, somebody of the firm sees all, or what is
 *  his own, managed, assigned, shared: a record that he made, and those of clients of which he, or
 *  a team of his, is a holder (record/under.h). A contact sees at the portal what is declared for
 *  it, and lies under the scope's client. Records with `own_unless` are seen by their makers alone.
 *  While a job still computes what rows rest on, who does not see all sees none.
 *
 *  Floor   record.
 *  Thread  any, with its own transaction.
 *  Memory  the task's arena.
 */
#pragma once

#include "model/condition.h"
#include "record/record.h"

/** Whether all records of the entity are seen, so that nobody need ask for each. */
bool rows_see_all(const struct view *view, const struct entity *entity);
/** Whether this stored record is seen by the view's actor. */
bool rows_see(const struct view *view, const struct entity *entity, struct id id, str value);
/** The same as a condition of lists; nullptr: all are seen. *is_exact_out: those that it means are
 *  seen; else rows_see decides of each. */
const struct condition *rows_condition(const struct view *view, const struct entity *entity,
                                       bool *is_exact_out);
/** The same of a record by its id, which may be gone: as its deletion found it. */
bool rows_see_id(const struct view *view, const struct entity *entity, struct id id);
/** Whether a log entry is: its record is, or was when it went. */
bool rows_see_entry(const struct view *view, const struct entity *entity,
                    const struct log_entry *entry);
/** Whether somebody of the firm saw a record with these values by the holders that its clients had
 *  just behind a place in the log. Of contacts always false: what they see changes no hands. */
bool rows_saw(const struct view *view, const struct entity *entity, str value, uint64_t place);
/** Whether somebody of the firm holds the client of these values, and so sees what lies under it.
 *  One that he made he sees, but does not hold by that. */
bool rows_hold(const struct view *view, str client);
/** Of records that each name two of one entity, which may be one and the same, the reference to the
 *  second; nullptr: these are no such records. The way up leads to the first. */
const struct field *rows_second(const struct entity *entity);

/** After a call that made records, from this one on that the change has touched: whoever made one
 *  must see it. ERR_FORBIDDEN says what would be right. */
enum err rows_verify_made(struct change *change, uint32_t from);
