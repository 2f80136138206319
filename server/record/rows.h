/** rows: which records a scope sees. The one place that decides it: gets, lists, references,
 *  history and the feed ask here. Records with `own_unless` are seen by their makers alone.
 *
 *  Floor   record.
 */
#pragma once

#include "model/condition.h"
#include "record/record.h"

/** Whether this stored record is seen by the view's actor. */
bool rows_see(const struct view *view, const struct entity *entity, str value);
/** The same as a condition of lists; nullptr: all are seen. In the task's arena. */
const struct condition *rows_condition(const struct view *view, const struct entity *entity);
/** The same of a record by its id, which may be gone; its newest log entry decides then. */
bool rows_see_id(const struct view *view, const struct entity *entity, struct id id);
/** Whether a log entry is: its record is, or is gone and was the actor's own doing. */
bool rows_see_entry(const struct view *view, const struct entity *entity,
                    const struct log_entry *entry);
