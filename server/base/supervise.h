/** supervise: a process that does nothing but watch another, and starts it again when it dies.
 *
 *  What is open before stays open in the watching process, so that listening sockets outlive any
 *  server: who connects meanwhile waits for the next one. Neither outlives the other: the server
 *  is killed when its watcher is, and the watcher ends with the server's own status when that
 *  ended by itself or was asked to. SIGTERM, SIGINT and SIGHUP are handed on.
 *
 *  Floor   base.
 *  Thread  main, before there is any other.
 *  Source  prctl(2) PR_SET_PDEATHSIG; `systemd.service(5)` StartLimitBurst for the giving up.
 */
#pragma once

#include <stdint.h>

/** The status by which a server asks to be started again. */
constexpr int SUPERVISE_AGAIN = 75;

struct supervised_life {
    uint32_t number;       /** 0: the first */
    bool is_after_failure; /** the one before asked to be started again */
};

/** True in the server's process, once for each of its lives; `*life_out` tells which. False in the
 *  watching process, when all is over: `*status_out` is what to exit with. `ending` is called there
 *  when the server is asked to end, to close what it would connect to. */
bool supervise(void (*ending)(void *owner), void *owner, struct supervised_life *life_out,
               int *status_out);
