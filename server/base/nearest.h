/** nearest: the name that was probably meant, for messages about one that is not there.
 *
 *  Floor   base.
 *  Thread  any.
 *  Source  Levenshtein, 1965.
 */
#pragma once

#include "base/str.h"

/** The one among `names` that takes the fewest changes of single bytes; empty when none is near. */
str nearest(const str *names, size_t count, str name);
