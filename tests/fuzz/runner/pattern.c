/** pattern: any pattern on any text: within the steps it has, no read outside of either, captures
 *  within the text. */
#include "runner/pattern.h"

#include <setjmp.h>
#include <stdlib.h>

#include "base/require.h"

constexpr uint64_t STEPS_MAX = 20'000;

static jmp_buf leaving;
static uint64_t spent;

static void charge(void *, uint64_t units)
{
    spent += units;
    if (spent > STEPS_MAX) longjmp(leaving, 1);
}

static void fail(void *, const char *why)
{
    require(why != nullptr);
    longjmp(leaving, 2);
}

/** Bytes of their own, so that a read past their end is seen. */
static char *copy_of(const uint8_t *bytes, size_t len)
{
    char *copy = malloc(len == 0 ? 1 : len);
    require(copy != nullptr);
    if (len > 0) memcpy(copy, bytes, len);
    return copy;
}

static void match_all(str text, str pattern)
{
    static const struct pattern_owner owner = {charge, fail, nullptr};
    static struct pattern_match match;
    spent = 0;
    if (setjmp(leaving) != 0) return;
    pattern_begin(&match, &owner, text);
    for (size_t from = 0; from <= text.len; from++) {
        const char *at = text.at + from, *end = pattern_at(&match, at, pattern);
        if (end == nullptr) continue;
        require(end >= at && end <= text.at + text.len);
        for (uint32_t of = 0; of < match.capture_count; of++) {
            str part = match.captures[of].text;
            require(part.at >= text.at && part.at + part.len <= text.at + text.len);
        }
    }
    pattern_pay(&match);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len < 1) return 0;
    size_t pattern_len = bytes[0] < len - 1 ? bytes[0] : len - 1;
    char *pattern = copy_of(bytes + 1, pattern_len);
    char *text = copy_of(bytes + 1 + pattern_len, len - 1 - pattern_len);
    match_all((str){text, len - 1 - pattern_len}, (str){pattern, pattern_len});
    free(pattern);
    free(text);
    return 0;
}
