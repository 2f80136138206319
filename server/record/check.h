/** check: proves that a tenant's derived rows agree with its records.
 *
 *  Every index and text entry has its record and every record its entries; references hold; one-of
 *  flags and what depends on them hold; required fields are there or named in `incomplete`;
 *  roll-ups are what the records that refer to them say, formulas what a runner says.
 *
 *  Floor   record.
 *  Thread  any; reads in slices of a fresh snapshot each, so it may run beside writers (a slice is
 *          consistent in itself).
 */
#pragma once

#include "record/record.h"
#include "store/store.h"

/** By the tenant's own model, found by any model, `base`. `formulas` nullptr: what formulas say is
 *  not checked. ERR_FULL: the model is changed faster than it is checked. */
enum err record_check(struct task *task, const struct space *space, const struct model *base,
                      const struct formulas *formulas, struct check_report *report);
