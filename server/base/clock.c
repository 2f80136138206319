#include "base/clock.h"

#include <stdatomic.h>
#include <time.h>

#include "base/require.h"

/** The time a test holds; -1 when the clock runs. */
static _Atomic int64_t held_ms = -1;

int64_t clock_now_ms(void)
{
    int64_t held = atomic_load_explicit(&held_ms, memory_order_relaxed);
    if (held >= 0) return held;
    struct timespec now;
    require(clock_gettime(CLOCK_REALTIME, &now) == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

int64_t clock_monotonic_ns(void)
{
    struct timespec now;
    require(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (int64_t)now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

void clock_set(int64_t now_ms)
{
    atomic_store(&held_ms, now_ms);
}
