/** random: unpredictable bytes, behind a seam so that tests can repeat them.
 *
 *  Floor   base.
 *  Thread  any; `random_seed` only in tests, before other threads start.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

void random_fill(void *bytes_out, size_t bytes);
uint64_t random_uint64(void);
/** In a process made by fork, before anything is drawn: what its parent drew ahead is the parent's,
 *  and every other child's. */
void random_after_fork(void);
/** From now on a sequence that depends on `seed` alone; 0: the system's randomness again. */
void random_seed(uint64_t seed);
