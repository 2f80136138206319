/** explain: why a rule fires on a record, or what keeps it from it. Internal to rules/.
 *
 *  Floor   rules.
 *  Thread  any, with its own transaction.
 */
#pragma once

#include "base/buf.h"
#include "rules/rule.h"

/** What is looked at. */
struct explained {
    const struct view *view;
    const struct rule *rule;
    str state;         /** of the rule, as its record says; empty: it counts as active */
    bool is_of_change; /** else the record as it is: what was done with it is not asked */
    enum operation operation;
    bool is_by_engine; /** the change wrote only what the engine computes */
    /** stored values by field position; nullptr: there was, or is, no record */
    const str *before, *now;
};

/** Writes, as members of an object that stands open: `"fires":…,"reason":…,"message":…,
 *  "tests":[…]`. True: it fires. */
bool explain_write(struct buf *json, const struct explained *explained);
