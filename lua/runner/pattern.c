#include "pattern.h"

#include "base/require.h"

constexpr uint32_t DEPTH_MAX = 200; /** of the C stack, some 150 bytes each */
constexpr uint64_t STEPS_A_CHARGE = 64;
constexpr char ESCAPE = '%';

void pattern_pay(struct pattern_match *match)
{
    uint64_t steps = match->steps;
    match->steps = 0;
    if (steps > 0) match->owner->charge(match->owner->owner, steps);
}

static void step(struct pattern_match *match)
{
    if (++match->steps >= STEPS_A_CHARGE) pattern_pay(match);
}

[[noreturn]] static void fail(const struct pattern_match *match, const char *why)
{
    match->owner->fail(match->owner->owner, why);
    require(false);
}

static bool is_letter(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_hex(uint8_t byte)
{
    return is_digit(byte) || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}

static bool is_graphic(uint8_t byte)
{
    return byte > ' ' && byte < 0x7F;
}

/** Whether the byte is of the class `%a`; an upper-case letter means all others; what is no class
 *  stands for itself. */
static bool is_of_class(uint8_t byte, char class)
{
    bool is_upper = class >= 'A' && class <= 'Z', is_in;
    switch (is_upper ? class + ('a' - 'A') : class) {
    case 'a':
        is_in = is_letter(byte);
        break;
    case 'c':
        is_in = byte < ' ' || byte == 0x7F;
        break;
    case 'd':
        is_in = is_digit(byte);
        break;
    case 'g':
        is_in = is_graphic(byte);
        break;
    case 'l':
        is_in = byte >= 'a' && byte <= 'z';
        break;
    case 'p':
        is_in = is_graphic(byte) && !is_letter(byte) && !is_digit(byte);
        break;
    case 's':
        is_in = byte == ' ' || (byte >= '\t' && byte <= '\r');
        break;
    case 'u':
        is_in = byte >= 'A' && byte <= 'Z';
        break;
    case 'w':
        is_in = is_letter(byte) || is_digit(byte);
        break;
    case 'x':
        is_in = is_hex(byte);
        break;
    case 'z':
        is_in = byte == 0;
        break;
    default:
        return byte == (uint8_t) class;
    }
    return is_in != is_upper;
}

/** Behind the `]` of the set that begins at `at`, behind its `[`. */
static const char *set_end(struct pattern_match *match, const char *at)
{
    if (at < match->pattern_end && *at == '^') at++;
    /* A `]` that comes first stands for itself. */
    for (bool is_first = true; is_first || at == match->pattern_end || *at != ']';
         is_first = false) {
        if (at == match->pattern_end) fail(match, "malformed pattern (missing ']')");
        step(match);
        if (*at++ == ESCAPE && at++ == match->pattern_end)
            fail(match, "malformed pattern (missing ']')");
    }
    return at + 1;
}

/** Behind the single item at `at`. */
static const char *item_end(struct pattern_match *match, const char *at)
{
    char byte = *at++;
    if (byte == ESCAPE) {
        if (at == match->pattern_end) fail(match, "malformed pattern (ends with '%')");
        return at + 1;
    }
    return byte == '[' ? set_end(match, at) : at;
}

/** Whether the byte is in the set from `at`, at its `[`, to `end`, at its `]`. */
static bool is_in_set(struct pattern_match *match, uint8_t byte, const char *at, const char *end)
{
    bool is_in = true;
    if (*++at == '^') {
        is_in = false;
        at++;
    }
    for (; at < end; at++) {
        step(match);
        if (*at == ESCAPE) {
            if (is_of_class(byte, *++at)) return is_in;
        } else if (at[1] == '-' && at + 2 < end) {
            if ((uint8_t)at[0] <= byte && byte <= (uint8_t)at[2]) return is_in;
            at += 2;
        } else if ((uint8_t)*at == byte) {
            return is_in;
        }
    }
    return !is_in;
}

/** Whether the text's byte at `at` is one of the single item from `item` to `end`. */
static bool is_single(struct pattern_match *match, const char *at, const char *item,
                      const char *end)
{
    step(match);
    if (at == match->text.at + match->text.len) return false;
    uint8_t byte = (uint8_t)*at;
    switch (*item) {
    case '.':
        return true;
    case ESCAPE:
        return is_of_class(byte, item[1]);
    case '[':
        return is_in_set(match, byte, item, end - 1);
    default:
        return (uint8_t)*item == byte;
    }
}

static const char *do_match(struct pattern_match *match, const char *at, const char *pattern);

/** `%bxy`; `item` at x. */
static const char *match_balance(struct pattern_match *match, const char *at, const char *item)
{
    const char *end = match->text.at + match->text.len;
    if (match->pattern_end - item < 2) fail(match, "malformed pattern (missing arguments to '%b')");
    if (at == end || *at != item[0]) return nullptr;
    uint64_t open = 1;
    for (at++; at < end; at++) {
        step(match);
        if (*at == item[1]) {
            if (--open == 0) return at + 1;
        } else if (*at == item[0]) {
            open++;
        }
    }
    return nullptr;
}

/** As many as there are, then fewer. `rest` stands behind the `*`. */
static const char *expand_most(struct pattern_match *match, const char *at, const char *item,
                               const char *rest)
{
    ptrdiff_t count = 0;
    while (is_single(match, at + count, item, rest - 1)) count++;
    for (; count >= 0; count--) {
        const char *end = do_match(match, at + count, rest);
        if (end != nullptr) return end;
    }
    return nullptr;
}

static const char *expand_least(struct pattern_match *match, const char *at, const char *item,
                                const char *rest)
{
    for (;;) {
        const char *end = do_match(match, at, rest);
        if (end != nullptr) return end;
        if (!is_single(match, at, item, rest - 1)) return nullptr;
        at++;
    }
}

static const char *open_capture(struct pattern_match *match, const char *at, const char *rest,
                                enum pattern_capture_state state)
{
    if (match->capture_count == PATTERN_CAPTURES_MAX) fail(match, "too many captures");
    match->captures[match->capture_count++] = (struct pattern_capture){state, {at, 0}};
    const char *end = do_match(match, at, rest);
    if (end == nullptr) match->capture_count--;
    return end;
}

static const char *close_capture(struct pattern_match *match, const char *at, const char *rest)
{
    uint32_t newest = match->capture_count;
    while (newest > 0 && match->captures[newest - 1].state != PATTERN_CAPTURE_OPEN) newest--;
    if (newest == 0) fail(match, "invalid pattern capture");
    struct pattern_capture *capture = &match->captures[newest - 1];
    capture->text.len = (size_t)(at - capture->text.at);
    capture->state = PATTERN_CAPTURE_TEXT;
    const char *end = do_match(match, at, rest);
    if (end == nullptr) capture->state = PATTERN_CAPTURE_OPEN;
    return end;
}

/** `%1`: what the capture has matched, once more. */
static const char *match_again(struct pattern_match *match, const char *at, char digit)
{
    uint32_t number = (uint32_t)(digit - '1');
    bool is_known =
        number < match->capture_count && match->captures[number].state != PATTERN_CAPTURE_OPEN;
    if (!is_known) fail(match, "invalid capture index in the pattern");
    const struct pattern_capture *capture = &match->captures[number];
    /* A place has no bytes that could be there again. */
    if (capture->state == PATTERN_CAPTURE_PLACE) return nullptr;
    str text = capture->text;
    match->steps += text.len / 16;
    bool is_there = (size_t)(match->text.at + match->text.len - at) >= text.len &&
                    (text.len == 0 || memcmp(text.at, at, text.len) == 0);
    return is_there ? at + text.len : nullptr;
}

/** `%f[set]`; `item` at its `[`. */
static bool is_frontier(struct pattern_match *match, const char *at, const char *item,
                        const char *item_end_at)
{
    const char *end = match->text.at + match->text.len;
    uint8_t before = at == match->text.at ? 0 : (uint8_t)at[-1];
    uint8_t here = at == end ? 0 : (uint8_t)*at;
    return !is_in_set(match, before, item, item_end_at - 1) &&
           is_in_set(match, here, item, item_end_at - 1);
}

/** A special item at `*pattern` that takes no repetition: `*at` and `*pattern` move behind it;
 *  *at is nullptr when it does not match. False: there is none. */
static bool match_special(struct pattern_match *match, const char **at, const char **pattern)
{
    const char *item = *pattern;
    if (*item != ESCAPE || item + 1 == match->pattern_end) return false;
    char kind = item[1];
    if (kind == 'b') {
        *at = match_balance(match, *at, item + 2);
        *pattern = item + 4;
        return true;
    }
    if (kind == 'f') {
        item += 2;
        if (item == match->pattern_end || *item != '[')
            fail(match, "missing '[' after '%f' in pattern");
        *pattern = item_end(match, item);
        if (!is_frontier(match, *at, item, *pattern)) *at = nullptr;
        return true;
    }
    if (!is_digit((uint8_t)kind)) return false;
    if (kind == '0') fail(match, "invalid capture index in the pattern");
    *at = match_again(match, *at, kind);
    *pattern = item + 2;
    return true;
}

/** What follows a single item: true when `at` and `pattern` have moved and matching goes on; else
 *  `*at` is the end of all of the match, or nullptr. */
static bool match_single(struct pattern_match *match, const char **at, const char **pattern)
{
    const char *item = *pattern, *rest = item_end(match, item), *end;
    char suffix = rest < match->pattern_end ? *rest : 0;
    bool is_here = is_single(match, *at, item, rest);
    bool may_lack = suffix == '?' || suffix == '*' || suffix == '-';
    if (!is_here && may_lack) {
        *pattern = rest + 1;
        return true;
    }
    if (!is_here) return *at = nullptr, false;
    switch (suffix) {
    case '?':
        end = do_match(match, *at + 1, rest + 1);
        *pattern = rest + 1;
        if (end != nullptr) *at = end;
        return end == nullptr;
    case '*':
        *at = expand_most(match, *at, item, rest + 1);
        return false;
    case '+':
        *at = expand_most(match, *at + 1, item, rest + 1);
        return false;
    case '-':
        *at = expand_least(match, *at, item, rest + 1);
        return false;
    default:
        *at = *at + 1;
        *pattern = rest;
        return true;
    }
}

static const char *match_rest(struct pattern_match *match, const char *at, const char *pattern)
{
    const char *end = match->text.at + match->text.len;
    while (pattern < match->pattern_end) {
        step(match);
        if (*pattern == '(') {
            bool is_place = pattern + 1 < match->pattern_end && pattern[1] == ')';
            return is_place ? open_capture(match, at, pattern + 2, PATTERN_CAPTURE_PLACE)
                            : open_capture(match, at, pattern + 1, PATTERN_CAPTURE_OPEN);
        }
        if (*pattern == ')') return close_capture(match, at, pattern + 1);
        if (*pattern == '$' && pattern + 1 == match->pattern_end) return at == end ? at : nullptr;
        if (match_special(match, &at, &pattern)) {
            if (at == nullptr) return nullptr;
        } else if (!match_single(match, &at, &pattern)) {
            return at;
        }
    }
    return at;
}

static const char *do_match(struct pattern_match *match, const char *at, const char *pattern)
{
    if (match->depth_left == 0) fail(match, "pattern too complex");
    match->depth_left--;
    const char *end = match_rest(match, at, pattern);
    match->depth_left++;
    return end;
}

void pattern_begin(struct pattern_match *match, const struct pattern_owner *owner, str text)
{
    match->owner = owner;
    match->text = text;
    match->steps = 0;
}

const char *pattern_at(struct pattern_match *match, const char *at, str pattern)
{
    require(at >= match->text.at && at <= match->text.at + match->text.len);
    match->pattern_end = pattern.at + pattern.len;
    match->depth_left = DEPTH_MAX;
    match->capture_count = 0;
    step(match);
    return do_match(match, at, pattern.at);
}

bool pattern_is_plain(str pattern)
{
    static const str specials = S("^$*+?.([%-");
    for (size_t at = 0; at < pattern.len; at++)
        if (str_find_byte(specials, pattern.at[at]) != SIZE_MAX) return false;
    return true;
}
