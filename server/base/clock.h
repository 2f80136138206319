/** clock: time, behind a seam so that tests can hold and move it.
 *
 *  Floor   base.
 *  Thread  any; `clock_set` only in tests, before other threads start.
 */
#pragma once

#include <stdint.h>

/** Milliseconds since 1970-01-01 UTC. */
int64_t clock_now_ms(void);
/** Nanoseconds that only rise; for durations. */
int64_t clock_monotonic_ns(void);
/** Holds `clock_now_ms` at a time; -1 lets it run again. */
void clock_set(int64_t now_ms);
