/** rule_run: a rule that somebody starts: one for a button, on a record; one by the clock, now.
 *
 *  Floor   api, inside; a function of the table.
 *  Thread  the tenant's lane.
 */
#pragma once

#include "api/call.h"

enum err rule_run_begin(struct call *call);
