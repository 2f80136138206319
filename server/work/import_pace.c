#include "work/import_pace.h"

#include "base/clock.h"
#include "work/import.h"

constexpr int64_t TURN_NS_MIN = 4'000'000;
constexpr int64_t COMMIT_NS_SHARED = 8'000'000; /** aimed at while others write */
constexpr int64_t SHARED_NS = 10'000'000'000;   /** others are expected to write again so long */

void import_pace_start(struct import_pace *pace, struct store *store)
{
    *pace = (struct import_pace){.turn_ns = IMPORT_SLICE_NS_MAX,
                                 .works_done = store_figures(store).works_done};
}

void import_pace_turned(struct import_pace *pace, struct store *store, int64_t commit_ns)
{
    int64_t now_ns = clock_monotonic_ns();
    uint64_t works_done = store_figures(store).works_done;
    /* One of them is the turn itself. */
    if (works_done - pace->works_done > 1) pace->shared_at_ns = now_ns;
    pace->works_done = works_done;
    bool is_shared = pace->shared_at_ns != 0 && now_ns - pace->shared_at_ns < SHARED_NS;
    int64_t turn_ns = IMPORT_SLICE_NS_MAX;
    if (is_shared) {
        /* One slow commit says little: at most half as long, or a quarter longer. */
        turn_ns = pace->turn_ns * 5 / 4;
        if (commit_ns > COMMIT_NS_SHARED) turn_ns = pace->turn_ns * COMMIT_NS_SHARED / commit_ns;
        if (turn_ns < pace->turn_ns / 2) turn_ns = pace->turn_ns / 2;
        if (turn_ns < TURN_NS_MIN) turn_ns = TURN_NS_MIN;
        if (turn_ns > IMPORT_SLICE_NS_MAX) turn_ns = IMPORT_SLICE_NS_MAX;
    }
    pace->turn_ns = turn_ns;
}
