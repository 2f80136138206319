/** pace: how many requests each tenant has made of late.
 *
 *  A bucket for each: a request fills it by one, and it runs empty by the tenant's quota in a
 *  minute. It holds as much as runs off in a minute, so a burst of a minute's requests is taken at
 *  once.
 *
 *  Floor   api, inside.
 *  Thread  any; short locks of a few tenants each.
 *  Memory  fixed: PACE_TENANTS_MAX buckets; where all that one could lie in are taken the emptiest
 *          is forgotten. Constant time.
 */
#pragma once

#include <stdint.h>

constexpr uint32_t PACE_TENANTS_MAX = 8192;
constexpr int64_t PACE_BOUND_KEPT_MS = 1000; /** so late a new quota holds at most */

struct pace;
struct pace *pace_make(void);
void pace_drop(struct pace *pace);

/** False: it is not known, or was read too long ago: read it, and pace_set_bound. */
bool pace_has_bound(struct pace *pace, uint32_t tenant, int64_t now_ms);
void pace_set_bound(struct pace *pace, uint32_t tenant, int64_t bound, int64_t now_ms);

struct pace_state {
    int64_t bound, use;
    int64_t wait_ms; /** until the next is taken; 0: it is now */
};
/** One request more, unless the bucket is full (false). */
bool pace_take(struct pace *pace, uint32_t tenant, int64_t now_ms, struct pace_state *state_out);
/** How full it is. */
int64_t pace_use(struct pace *pace, uint32_t tenant, int64_t now_ms);
