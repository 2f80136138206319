/** share: how long runners computed for each tenant of late.
 *
 *  What a tenant spends runs off at its quota of rule time in a minute; what has not run off yet is
 *  its level.
 *  Changes and trials of one tenant are counted apart, so that a back-test never uses up what its
 *  people's changes need. Formulas count for a tenant's turn, not for its share: no change is
 *  refused for what its formulas cost.
 *
 *  Floor   rules; rests on base.
 *  Thread  under the lock of its owner.
 *  Memory  fixed: SHARES_MAX levels; when all are taken the lowest of a few is forgotten.
 */
#pragma once

#include <stdint.h>

constexpr uint32_t SHARES_MAX = 4096;
/** For turns it runs off more slowly: where eight share two cores none of them spends its share,
 *  and each must still come behind those that spend next to nothing. Over in half a minute. */
constexpr int64_t TURN_MS_A_MINUTE = 2'000;
constexpr int64_t TURN_LEVEL_US_MAX = 1'000'000;
/** Of what a tenant spends at most; as runner_use in rules/runner.h. */
constexpr uint32_t SHARE_USES = 2;

struct share {
    uint32_t tenant; /** 0: none */
    int64_t rules_us[SHARE_USES];
    int64_t bound_ms; /** of rules in a minute, as it was when it was asked last */
    int64_t all_us;
    int64_t at_ns; /** when that was so */
};

struct shares {
    struct share slots[SHARES_MAX];
};

/** Adds what was computed, `is_rule`: for a rule. */
void shares_spend(struct shares *shares, uint32_t tenant, uint32_t use, bool is_rule,
                  int64_t spent_us, int64_t now_ns);
/** Of everything, for whose turn it is; microseconds. */
int64_t shares_level_us(const struct shares *shares, uint32_t tenant, int64_t now_ns);
/** How long until a rule may run of a tenant whose rules may compute `bound_ms` in a minute; 0: it
 *  may. Milliseconds. */
int64_t shares_wait_ms(struct shares *shares, uint32_t tenant, uint32_t use, int64_t bound_ms,
                       int64_t now_ns);
/** Of what the use's rules have spent; microseconds. */
int64_t shares_rules_us(const struct shares *shares, uint32_t tenant, uint32_t use, int64_t now_ns);
