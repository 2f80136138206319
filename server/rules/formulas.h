/** formulas: what record/ asks of them (struct formulas), answered by runners.
 *
 *  A formula that runs out of its budget fails alone, inside its runner. One that takes its runner
 *  with it is found by asking again with less; after that has happened FORMULA_STRIKES times it is
 *  not asked for FORMULA_REST_NS, and fails at once: a tenant's formula costs others nothing.
 *
 *  Floor   rules.
 *  Thread  any.
 */
#pragma once

#include "record/record.h"
#include "rules/runner.h"

constexpr uint32_t FORMULA_STRIKES = 3;
constexpr int64_t FORMULA_REST_NS = 60'000'000'000;

struct formula_asker;
/** The runners outlive it. */
struct formula_asker *formulas_open(struct runners *runners);
void formulas_close(struct formula_asker *asker);
/** For struct hooks; valid until formulas_close. */
const struct formulas *formulas_slot(const struct formula_asker *asker);

/** Reads the answers to a question about formulas from what a runner has sent (value_check'ed):
 *  exactly `count` of them. False when they are not that. */
bool formulas_read(struct arena *arena, str answer, uint32_t count, struct formula_answer *answers);
