/** own: records that are seen by who made them alone, until they are shared (`own_unless` of their
 *  entity). The one place that decides it; gets, lists, history and the feed ask here.
 *
 *  Floor   record.
 */
#pragma once

#include "model/condition.h"
#include "record/record.h"

/** Whether this stored record is seen by the view's actor. */
bool own_is_seen(const struct view *view, const struct entity *entity, str value);
/** The same as a condition of lists; nullptr: all are seen. In the task's arena. */
const struct condition *own_condition(const struct view *view, const struct entity *entity);
/** The same of a record by its id, which may be gone; its newest log entry decides then. */
bool own_id_is_seen(const struct view *view, const struct entity *entity, struct id id);
/** Whether a log entry is: its record is, or is gone and was the actor's own doing. */
bool own_entry_is_seen(const struct view *view, const struct entity *entity,
                       const struct log_entry *entry);
