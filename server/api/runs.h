/** runs: what rules did, run by run: lists, one of them, a replay, the days of a rule.
 *
 *  A run shows what the rule saw, whoever acted; so these calls are for those who may save rules.
 *
 *  Floor   api, inside; functions of the table.
 *  Thread  patient ones: what was just added is first written.
 */
#pragma once

#include "api/call.h"

enum err runs_list(struct call *call);
enum err runs_of_rule(struct call *call);
enum err runs_read(struct call *call);
enum err runs_days(struct call *call);
enum err runs_replay(struct call *call);
/** Makes a stored test of a run. */
enum err runs_keep(struct call *call);

/** What was just added can be read after it; a busy lane is not waited for without end. */
void runs_flush(struct call *call);
