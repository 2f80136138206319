/** trials: what a rule would do: on a record, on recorded changes; and why it did not fire.
 *
 *  Floor   api, inside; functions of the table.
 *  Thread  patient ones, in transactions that are never handed in; trials_backtest, trials_keep:
 *          the tenant's lane.
 */
#pragma once

#include "api/call.h"

enum err trials_test(struct call *call);
enum err trials_explain(struct call *call);
enum err trials_backtest(struct call *call);
