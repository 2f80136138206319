/** priority: who goes first where threads and processes want to compute at the same time.
 *
 *  Floor   base.
 *  Thread  any. There is no way back up: that takes rights which the server does not have. So a
 *          thread that has stepped back holds locks of others for moments only.
 *  Source  sched(7), setpriority(2).
 */
#pragma once

#include <sys/types.h>

/** A process, or a thread by its kernel's number (0: the calling one), gets about a fifteenth of
 *  what the others get, where all want to compute, and all of it otherwise. */
void priority_step_back(pid_t number);
