/* Dates, times, decimals, codes: no text may crash a parser, and what it accepts is written as
 * the same thing. */
#include <stdint.h>

#include "base/fold.h"
#include "base/limits.h"
#include "base/require.h"
#include "value/codes.h"
#include "value/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void dates_check(struct arena *arena, str text)
{
    int32_t days, days_again;
    int64_t ms, ms_again;
    struct buf out = buf_make(arena, KIB);
    if (date_parse(text, &days)) {
        date_write(&out, days);
        require(str_eq(buf_str(&out), text));
        require(date_parse(buf_str(&out), &days_again) && days_again == days);
    }
    out = buf_make(arena, KIB);
    if (time_parse(text, &ms)) {
        time_write(&out, ms);
        require(time_parse(buf_str(&out), &ms_again) && ms_again == ms);
    }
}

static void decimals_check(struct arena *arena, str text)
{
    for (uint8_t scale = 0; scale <= 18; scale++) {
        int64_t units, again;
        struct buf out = buf_make(arena, KIB);
        if (!decimal_parse(text, scale, &units)) continue;
        decimal_write(&out, units, scale);
        require(decimal_parse(buf_str(&out), scale, &again) && again == units);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct arena arena;
    arena_init(&arena, 64 * MIB);
    str text = {(const char *)bytes, len};
    dates_check(&arena, text);
    decimals_check(&arena, text);
    uint8_t scale = 0;
    if (currency_scale(text, &scale)) require(scale <= 3 && len == 3);
    str code;
    if (utf8_is_valid(text) && country_find(&arena, text, &code)) require(country_is_code(code));
    if (language_is_tag(text)) require(len == 2 || len == 5);
    if (timezone_is_name(text)) require(len <= 32);
    arena_drop(&arena);
    return 0;
}
