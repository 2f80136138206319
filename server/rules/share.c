#include "rules/share.h"

#include "base/limits.h"
#include "base/require.h"

constexpr uint32_t PROBES_MAX = 8;

/** What is left of a level when so much of it runs off in a minute. */
static int64_t left_us(int64_t then_us, int64_t ms_a_minute, const struct share *share,
                       int64_t now_ns)
{
    int64_t passed_us = now_ns > share->at_ns ? (now_ns - share->at_ns) / 1000 : 0;
    int64_t left = then_us - passed_us * ms_a_minute / 60'000;
    return left > 0 ? left : 0;
}

static int64_t rules_left_us(const struct share *share, uint32_t use, int64_t now_ns)
{
    return left_us(share->rules_us[use], RULE_SHARE_MS_A_MINUTE, share, now_ns);
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

void shares_spend(struct shares *shares, uint32_t tenant, uint32_t use, bool is_rule,
                  int64_t spent_us, int64_t now_ns)
{
    require(use < SHARE_USES);
    const struct share *found = find(shares, tenant);
    struct share *share = &shares->slots[place_of(tenant, 0)];
    if (found != nullptr) share = &shares->slots[found - shares->slots];
    for (uint32_t probe = 1; probe < PROBES_MAX && found == nullptr; probe++) {
        struct share *other = &shares->slots[place_of(tenant, probe)];
        bool is_lower = all_left_us(other, now_ns) < all_left_us(share, now_ns);
        if (is_lower) share = other;
    }
    struct share next = {.tenant = tenant, .at_ns = now_ns};
    if (found != nullptr) {
        next.all_us = all_left_us(share, now_ns);
        for (uint32_t at = 0; at < SHARE_USES; at++)
            next.rules_us[at] = rules_left_us(share, at, now_ns);
    }
    next.all_us += spent_us;
    if (next.all_us > TURN_LEVEL_US_MAX) next.all_us = TURN_LEVEL_US_MAX;
    if (is_rule) next.rules_us[use] += spent_us;
    *share = next;
}

int64_t shares_level_us(const struct shares *shares, uint32_t tenant, int64_t now_ns)
{
    const struct share *share = find(shares, tenant);
    return share == nullptr ? 0 : all_left_us(share, now_ns);
}

int64_t shares_wait_ms(const struct shares *shares, uint32_t tenant, uint32_t use, int64_t now_ns)
{
    require(use < SHARE_USES);
    const struct share *share = find(shares, tenant);
    int64_t level = share == nullptr ? 0 : rules_left_us(share, use, now_ns);
    if (level < RULE_SHARE_MS_A_MINUTE * 1000) return 0;
    /* Until a whole run has room, so that the next try does not come for nothing. */
    int64_t over_us = level - (RULE_SHARE_MS_A_MINUTE - RULE_CPU_MS_MAX) * 1000;
    return over_us * 60 / RULE_SHARE_MS_A_MINUTE + 1;
}
