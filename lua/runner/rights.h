/** rights: what the process may still ask of the system, given away before any Lua is read.
 *
 *  Afterwards it may read and write what is open, take and give memory (never executable), tell the
 *  time and end; anything else kills it (tests/unit/runner/rights.c tries every call there is). The
 *  only file that knows libseccomp.
 *  Thread  before any other thread.
 */
#pragma once

#include "base/err.h"

struct rights {
    size_t address_bytes_max; /** of the whole process */
    uint32_t cpu_seconds_max;
};

/** Closes every descriptor but the three standard ones, then drops. For good. ERR_SYSTEM:
 *  refused. */
enum err rights_drop(const struct rights *rights);
