/** catalog: the entities, their fields and choices, as a page needs them to build lists and forms.
 *
 *  Floor   api, inside; a function of the table.
 *  Thread  loop or worker.
 */
#pragma once

#include "api/call.h"

enum err catalog_read(struct call *call);
