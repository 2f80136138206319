/* The words for the points and outcomes of rules, as schema, API and frames have them. */
#include "base/require.h"
#include "rules/run.h"

static const str point_words[] = {
    [RULE_BEFORE] = S("before"),   [RULE_AFTER] = S("after"),       [RULE_CHECK] = S("check"),
    [RULE_SETTLED] = S("settled"), [RULE_SCHEDULE] = S("schedule"), [RULE_ACTION] = S("action"),
};
static_assert(sizeof point_words / sizeof point_words[0] == RULE_POINT_COUNT);

static const str outcome_words[] = {
    [RUN_DONE] = S("done"),
    [RUN_REJECTED] = S("rejected"),
    [RUN_FAILED] = S("failed"),
    [RUN_OVERRAN] = S("overran"),
};

str rule_point_word(enum rule_point point)
{
    require(point < RULE_POINT_COUNT);
    return point_words[point];
}

bool rule_point_of(str word, enum rule_point *point_out)
{
    for (uint32_t at = 0; at < RULE_POINT_COUNT; at++) {
        if (!str_eq(point_words[at], word)) continue;
        *point_out = (enum rule_point)at;
        return true;
    }
    return false;
}

str run_outcome_word(enum run_outcome outcome)
{
    require(outcome <= RUN_OVERRAN);
    return outcome_words[outcome];
}
