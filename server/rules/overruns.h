/** overruns: a rule that keeps running out of its budget is switched off. Internal to rules/.
 *
 *  Floor   rules.
 *  Thread  one that may block.
 */
#pragma once

#include "rules/rules.h"

struct overrunning {
    struct id rule;
    str rule_name;
    struct id run; /** the last that overran */
    uint32_t day;  /** on which it did */
};

/** In a change of its own in the tenant's lane, as the system: the rule is off and its `problem`
 *  says why and when; the owners' notice lies in the outbox (kind `notify`). A built-in rule, which
 *  has no record, stays and is told of. What fails is logged. */
void rule_switch_off(struct store *store, const struct space *space, const struct model *model,
                     const struct overrunning *overrunning);
