/** codes_table: the tables behind value/codes.h, each sorted by its text in byte order.
 *
 *  Floor   value; for codes.c and its test.
 *  Thread  any.
 */
#pragma once

#include <stddef.h>

/** A name as fold_name gives it. */
struct country_name {
    const char *folded;
    char code[3];
};

extern const char country_codes[][3];
extern const size_t country_code_count;
extern const struct country_name country_names[];
extern const size_t country_name_count;
extern const char language_codes[][3];
extern const size_t language_code_count;
extern const char *const timezone_names[];
extern const size_t timezone_name_count;
