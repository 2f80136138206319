/** wide: whole numbers of 128 bits, for sums that stay exact.
 *
 *  Adding and comparing is the processor's. What the compiler would call its run-time library for
 *  (products under overflow checks, division, floats) stands here: we link none of it, since its
 *  memcpy and memcmp would take the place of libc's, which are several times as fast.
 *
 *  Floor   base.
 *  Thread  any; values.
 */
#pragma once

#include <stdint.h>

__extension__ typedef __int128 wide;
__extension__ typedef unsigned __int128 wide_bits;

/** Always fits. */
static inline wide wide_product(int64_t one, int64_t other)
{
    return (wide)((wide_bits)(wide)one * (wide_bits)(wide)other);
}

/** Toward zero; the rest has the sign of the number. */
static inline wide wide_divide(wide number, uint32_t by, int64_t *rest_out)
{
    wide_bits left = number < 0 ? (wide_bits)0 - (wide_bits)number : (wide_bits)number;
    wide_bits quotient = 0;
    uint64_t rest = 0;
    for (int shift = 96; shift >= 0; shift -= 32) {
        uint64_t digit = rest << 32 | (uint32_t)(left >> shift);
        quotient = quotient << 32 | digit / by;
        rest = digit % by;
    }
    *rest_out = number < 0 ? -(int64_t)rest : (int64_t)rest;
    return (wide)(number < 0 ? (wide_bits)0 - quotient : quotient);
}

/** The float nearest to number / by, as far as a long double tells it. */
static inline double wide_ratio(wide number, uint32_t by)
{
    int64_t rest;
    wide whole = wide_divide(number, by, &rest);
    long double high = (long double)(int64_t)(whole >> 64), low = (long double)(uint64_t)whole;
    return (double)(high * 0x1p64L + low + (long double)rest / (long double)by);
}
