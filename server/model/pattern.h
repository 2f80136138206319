/** pattern: what a text must look like, as a regular expression that cannot run away.
 *
 *  Form    literal characters; `.`; `[a-z]`, `[^a-z]`; `\d \w \s` and `\` before any punctuation;
 *          groups `( )`, alternatives `|`; `* + ? {n} {n,} {n,m}` with at most PATTERN_REPEATS_MAX.
 *          It always speaks of the whole text; `^` and `$` are literals only behind a `\`,
 *          else refused.
 *  Time    text length × pattern steps, by walking all states at once; no backtracking.
 *
 *  Floor   model.
 *  Thread  any, read only.
 */
#pragma once

#include "base/arena.h"

constexpr uint32_t PATTERN_REPEATS_MAX = 100;
constexpr uint32_t PATTERN_STEPS_MAX = 1000; /** after repeats are written out */
constexpr size_t PATTERN_BYTES_MAX = 500;

struct pattern;

/** False with the reason (a sentence's end, such as "has a group that is not closed"). `source` is
 *  valid UTF-8. */
bool pattern_make(struct arena *arena, str source, const struct pattern **pattern_out,
                  const char **why_out);

/** Whether the whole of `text` (valid UTF-8) fits. The arena holds the states while it runs. */
bool pattern_fits(struct arena *arena, const struct pattern *pattern, str text);
