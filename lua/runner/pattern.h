/** pattern: Lua's patterns, matched within a budget.
 *
 *  All items of the manual's section 6.4.1: classes, sets, `*` `+` `-` `?`, `%b`, `%f`, captures,
 *  positions, back references, anchors; letters and digits are ASCII's in any locale. Each step is
 *  charged, and depth is bounded, so that no pattern takes longer than has been paid for.
 *  Knows no Lua, so that it can be tested and fuzzed apart.
 *  Thread  any.
 *  Source  Lua 5.4 reference manual; where that is silent, what Lua 5.4 does.
 */
#pragma once

#include "base/str.h"

constexpr uint32_t PATTERN_CAPTURES_MAX = 32;

/** Whoever pays; both may leave by longjmp, and nothing is held. `fail` must. */
struct pattern_owner {
    void (*charge)(void *owner, uint64_t units);
    void (*fail)(void *owner, const char *why); /** the pattern is no pattern */
    void *owner;
};

enum pattern_capture_state : uint8_t {
    PATTERN_CAPTURE_OPEN,
    PATTERN_CAPTURE_TEXT,
    PATTERN_CAPTURE_PLACE, /** `()`: where it is */
};
struct pattern_capture {
    enum pattern_capture_state state;
    str text;
};

struct pattern_match {
    const struct pattern_owner *owner;
    str text;
    const char *pattern_end;
    uint32_t depth_left;
    uint64_t steps; /** not charged yet */
    uint32_t capture_count;
    struct pattern_capture captures[PATTERN_CAPTURES_MAX];
};

/** For any number of pattern_at on this text. */
void pattern_begin(struct pattern_match *match, const struct pattern_owner *owner, str text);
/** Matches `pattern`, without its anchor, at this place of the text: where the match ends, or
 *  nullptr. The captures are those of this match. */
const char *pattern_at(struct pattern_match *match, const char *at, str pattern);
/** Charges what is left to charge. */
void pattern_pay(struct pattern_match *match);
/** Whether the pattern is a plain text, that is found without matching. */
bool pattern_is_plain(str pattern);
