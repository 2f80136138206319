/** process: one atrium-runner: started, listened to, killed.
 *
 *  It gets one socket as its standard input, no other descriptor, no variable, no signal blocked.
 *  The kernel kills it when the thread that started it ends (lua/runner/serve.c asks for that),
 *  and its socket ends with the server.
 *
 *  Floor   rules; rests on base.
 *  Thread  process_start: one that lives as long as the server; the others any.
 */
#pragma once

#include <sys/types.h>
#include <time.h>

#include "base/str.h"

struct process {
    pid_t number;
    int handle;      /** so that no other process is ever meant */
    clockid_t clock; /** what it has computed; tells on until it is ended, even when it is dead */
    int socket;      /** does not block */
};

/** `program`: a path. False: it cannot be started, and *process is unchanged. */
bool process_start(const char *program, struct process *process);
/** Microseconds of computing since its start, as the kernel counts them. */
int64_t process_cpu_us(const struct process *process);
/** Whether it lives and has said nothing that was not read. */
bool process_is_silent(const struct process *process);
/** From now on it computes after all others; a server without privileges cannot take that back. */
void process_slow_down(const struct process *process);
/** It computes no more; may be called again. process_end is still due. */
void process_kill(const struct process *process);
/** Kills it and lets go of all of it. */
void process_end(struct process *process);
