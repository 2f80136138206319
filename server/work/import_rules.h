/** import_rules: what an import does with the rules that follow its changes, and what a preview
 *  tells of all rules.
 *
 *  Floor   work; import's own, and of who begins one.
 *  Thread  that of the import.
 */
#pragma once

#include "record/record.h"
#include "rules/rules.h"
#include "work/import.h"

constexpr uint32_t IMPORT_CHOICES_MAX = 100;

/** Reads `{"<id of a rule>": "each"|"once"|"not"}` into at most IMPORT_CHOICES_MAX places. Adds
 *  faults for `rules`; returns how many were read. */
uint32_t import_choices_read(struct task *task, const struct value *given,
                             struct settled_choice *choices);
/** Faults where one is no active rule for settled changes. */
enum err import_choices_verify(struct rules *rules, const struct view *view,
                               const struct settled_choice *choices, uint32_t count);
