/** overruns: a rule that keeps running out of its budget is switched off. Internal to rules/.
 *
 *  Floor   rules.
 *  Thread  a lane.
 */
#pragma once

#include "rules/rules.h"

struct overrunning {
    struct id rule;
    str rule_name;
    struct id run; /** the last that overran */
    uint32_t day;  /** on which it did */
};

/** In the tenant's lane, as a change of the system: the rule is off and its `problem` says why and
 *  when; the owners' notice lies in the outbox (kind `notify`). A built-in rule, which has no
 *  record, stays and is told of. After an error the caller rolls back. */
enum err rule_switch_off(struct task *task, struct txn *txn, const struct model *base,
                         const struct overrunning *overrunning);
