#include "test.h"

#include <stdint.h>
#include <time.h>

#include "base/clock.h"

TEST(test_clock__runs_with_the_system)
{
    int64_t seconds = time(nullptr);
    int64_t now_ms = clock_now_ms();
    check(now_ms >= seconds * 1000 - 1000 && now_ms < seconds * 1000 + 60'000);
}

TEST(test_clock__is_held_and_let_go)
{
    clock_set(0);
    check_int(clock_now_ms(), 0);
    clock_set(1234);
    check_int(clock_now_ms(), 1234);
    clock_set(-1);
    check(clock_now_ms() > 1'600'000'000'000);
}

TEST(test_clock__monotonic_time_rises_while_the_clock_is_held)
{
    clock_set(5);
    int64_t last = clock_monotonic_ns(), first = last;
    for (int i = 0; i < 100'000; i++) {
        int64_t now = clock_monotonic_ns();
        check(now >= last);
        last = now;
    }
    check(last > first);
    clock_set(-1);
}
