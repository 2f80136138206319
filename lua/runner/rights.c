#include "rights.h"

#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/require.h"

/* A sanitizer maps terabytes and runs threads of its own; under it the limits would end the
 * program. */
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
constexpr bool is_sanitized = true;
#else
constexpr bool is_sanitized = false;
#endif

/** The bits of the numbers of the clocks for everybody and for the process that asks. */
constexpr uint64_t OWN_CLOCKS = CLOCK_PROCESS_CPUTIME_ID | CLOCK_THREAD_CPUTIME_ID;

static bool limit(int resource, rlim_t most)
{
    struct rlimit both = {most, most};
    return setrlimit((__rlimit_resource_t)resource, &both) == 0;
}

static bool filter_calls(void)
{
    static const int allowed[] = {
        SCMP_SYS(read), SCMP_SYS(write),      SCMP_SYS(munmap),       SCMP_SYS(brk),
        SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(rt_sigreturn), SCMP_SYS(mremap),
    };
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (filter == nullptr) return false;
    bool is_done = true;
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        is_done = is_done && seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0) == 0;
    /* Memory, but none that can be executed. */
    is_done = is_done && seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                                          SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) == 0;
    /* The time, and the time it has computed itself; other numbers mean other processes. */
    is_done = is_done && seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clock_gettime), 1,
                                          SCMP_A0(SCMP_CMP_MASKED_EQ, ~OWN_CLOCKS, 0)) == 0;
    is_done = is_done && seccomp_load(filter) == 0;
    seccomp_release(filter);
    return is_done;
}

enum err rights_drop(const struct rights *rights)
{
    require(rights->address_bytes_max > 0);
    require(rights->cpu_seconds_max > 0);
    if (is_sanitized) return ERR_NONE;
    if (close_range(3, ~0U, 0) != 0) return ERR_SYSTEM;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return ERR_SYSTEM;
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return ERR_SYSTEM;
    if (!limit(RLIMIT_AS, rights->address_bytes_max)) return ERR_SYSTEM;
    if (!limit(RLIMIT_CPU, rights->cpu_seconds_max)) return ERR_SYSTEM;
    /* The filter allows none of these; should it ever fail, the kernel refuses them still. */
    if (!limit(RLIMIT_CORE, 0) || !limit(RLIMIT_NOFILE, 0) || !limit(RLIMIT_NPROC, 0))
        return ERR_SYSTEM;
    return filter_calls() ? ERR_NONE : ERR_SYSTEM;
}
