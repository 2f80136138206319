/** import_saved: mappings that are kept by a name (entity import_mapping).
 *
 *  Floor   work.
 *  Thread  any, with its own transaction.
 */
#pragma once

#include "work/import_request.h"

/** By name or id, for tables of this entity. Texts in the task's arena. ERR_INVALID: there is none,
 *  or it is for another entity. */
enum err import_saved_find(const struct view *view, const struct entity *entity, str name,
                           struct import_request *request_out);
