#include "rules/share.h"

#include "base/limits.h"
#include "base/require.h"

constexpr uint32_t PROBES_MAX = 8;
constexpr int64_t MINUTE_MS = 60'000;

/** What is left of a level when so much of it runs off in a minute. */
static int64_t left_us(int64_t then_us, int64_t ms_a_minute, const struct share *share,
                       int64_t now_ns)
{
    int64_t passed_us = now_ns > share->at_ns ? (now_ns - share->at_ns) / 1000 : 0;
    int64_t left = then_us - passed_us * ms_a_minute / MINUTE_MS;
    return left > 0 ? left : 0;
}

static int64_t rules_left_us(const struct share *share, uint32_t use, int64_t now_ns)
{
    return left_us(share->rules_us[use], share->bound_ms, share, now_ns);
}

static int64_t all_left_us(const struct share *share, int64_t now_ns)
{
    return left_us(share->all_us, TURN_MS_A_MINUTE, share, now_ns);
}

static uint32_t place_of(uint32_t tenant, uint32_t probe)
{
    return (tenant * 2'654'435'761U + probe) % SHARES_MAX;
}

static const struct share *find(const struct shares *shares, uint32_t tenant)
{
    for (uint32_t probe = 0; probe < PROBES_MAX; probe++) {
        const struct share *share = &shares->slots[place_of(tenant, probe)];
        if (share->tenant == tenant) return share;
    }
    return nullptr;
}

/** The tenant's own, as it is now; where there is none the lowest of a few is forgotten for it. */
static struct share *share_of(struct shares *shares, uint32_t tenant, int64_t now_ns)
{
    const struct share *found = find(shares, tenant);
    struct share *share = &shares->slots[place_of(tenant, 0)];
    if (found != nullptr) share = &shares->slots[found - shares->slots];
    for (uint32_t probe = 1; probe < PROBES_MAX && found == nullptr; probe++) {
        struct share *other = &shares->slots[place_of(tenant, probe)];
        bool is_lower = all_left_us(other, now_ns) < all_left_us(share, now_ns);
        if (is_lower) share = other;
    }
    if (found == nullptr)
        *share = (struct share){.tenant = tenant, .bound_ms = RULE_SHARE_MS_A_MINUTE};
    share->all_us = all_left_us(share, now_ns);
    for (uint32_t use = 0; use < SHARE_USES; use++)
        share->rules_us[use] = rules_left_us(share, use, now_ns);
    share->at_ns = now_ns;
    return share;
}

void shares_spend(struct shares *shares, uint32_t tenant, uint32_t use, bool is_rule,
                  int64_t spent_us, int64_t now_ns)
{
    require(use < SHARE_USES);
    struct share *share = share_of(shares, tenant, now_ns);
    share->all_us += spent_us;
    if (share->all_us > TURN_LEVEL_US_MAX) share->all_us = TURN_LEVEL_US_MAX;
    if (is_rule) share->rules_us[use] += spent_us;
}

int64_t shares_level_us(const struct shares *shares, uint32_t tenant, int64_t now_ns)
{
    const struct share *share = find(shares, tenant);
    return share == nullptr ? 0 : all_left_us(share, now_ns);
}

/** From now on it runs off at this bound, and what stands above it is forgotten with the old one:
 *  nobody waits for longer than a minute's worth. */
static void set_bound(struct share *share, int64_t bound_ms)
{
    if (share->bound_ms == bound_ms) return;
    share->bound_ms = bound_ms;
    for (uint32_t use = 0; use < SHARE_USES; use++)
        if (share->rules_us[use] > bound_ms * 1000) share->rules_us[use] = bound_ms * 1000;
}

int64_t shares_wait_ms(struct shares *shares, uint32_t tenant, uint32_t use, int64_t bound_ms,
                       int64_t now_ns)
{
    require(use < SHARE_USES);
    require(bound_ms >= 0);
    struct share *share = share_of(shares, tenant, now_ns);
    set_bound(share, bound_ms);
    if (bound_ms == 0) return MINUTE_MS;
    int64_t level = share->rules_us[use];
    if (level < bound_ms * 1000) return 0;
    /* Until a whole run has room, so that the next try does not come for nothing. */
    int64_t room_ms = bound_ms > RULE_CPU_MS_MAX ? bound_ms - RULE_CPU_MS_MAX : 0;
    return (level - room_ms * 1000) * MINUTE_MS / 1000 / bound_ms + 1;
}

int64_t shares_rules_us(const struct shares *shares, uint32_t tenant, uint32_t use, int64_t now_ns)
{
    require(use < SHARE_USES);
    const struct share *share = find(shares, tenant);
    return share == nullptr ? 0 : rules_left_us(share, use, now_ns);
}
