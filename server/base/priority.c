#include "base/priority.h"

#include <sched.h>
#include <sys/resource.h>

constexpr int NICENESS = 12;

void priority_step_back(pid_t number)
{
    const struct sched_param none = {};
    /* Where a sandbox forbids it, all is as right, only slower beside a crowd. */
    (void)sched_setscheduler(number, SCHED_BATCH, &none);
    (void)setpriority(PRIO_PROCESS, (id_t)number, NICENESS);
}
