#include "rules/share.h"

#include "base/limits.h"
#include "base/require.h"

constexpr uint32_t PROBES_MAX = 8;

/** What runs off in a time. */
static int64_t run_off_us(int64_t passed_ns)
{
    if (passed_ns <= 0) return 0;
    return passed_ns / 1000 * RULE_SHARE_MS_A_MINUTE / 60'000;
}

static int64_t level_us(int64_t then_us, const struct share *share, int64_t now_ns)
{
    int64_t left_us = then_us - run_off_us(now_ns - share->at_ns);
    return left_us > 0 ? left_us : 0;
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
        bool is_lower =
            level_us(other->all_us, other, now_ns) < level_us(share->all_us, share, now_ns);
        if (is_lower) share = other;
    }
    struct share next = {.tenant = tenant, .at_ns = now_ns};
    if (found != nullptr) {
        next.all_us = level_us(share->all_us, share, now_ns);
        for (uint32_t at = 0; at < SHARE_USES; at++)
            next.rules_us[at] = level_us(share->rules_us[at], share, now_ns);
    }
    next.all_us += spent_us;
    if (is_rule) next.rules_us[use] += spent_us;
    *share = next;
}

int64_t shares_level_us(const struct shares *shares, uint32_t tenant, int64_t now_ns)
{
    const struct share *share = find(shares, tenant);
    return share == nullptr ? 0 : level_us(share->all_us, share, now_ns);
}

int64_t shares_wait_ms(const struct shares *shares, uint32_t tenant, uint32_t use, int64_t now_ns)
{
    require(use < SHARE_USES);
    const struct share *share = find(shares, tenant);
    int64_t level = share == nullptr ? 0 : level_us(share->rules_us[use], share, now_ns);
    if (level < RULE_SHARE_MS_A_MINUTE * 1000) return 0;
    /* Until a whole run has room, so that the next try does not come for nothing. */
    int64_t over_us = level - (RULE_SHARE_MS_A_MINUTE - RULE_CPU_MS_MAX) * 1000;
    return over_us * 60 / RULE_SHARE_MS_A_MINUTE + 1;
}
