#include "value/codes.h"

#include "base/fold.h"
#include "value/codes_table.h"

/** Longer texts are no name of a country; folding them would be work for nothing. */
constexpr size_t COUNTRY_BYTES_MAX = 256;
constexpr size_t CODE_BYTES = 2;

/** Whether one of the sorted two-byte codes is `code`; says which. */
static bool code_find(const char (*codes)[3], size_t count, str code, size_t *at_out)
{
    if (code.len != CODE_BYTES) return false;
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = memcmp(code.at, codes[middle], CODE_BYTES);
        if (order == 0) {
            *at_out = middle;
            return true;
        }
        if (order < 0) high = middle;
        else low = middle + 1;
    }
    return false;
}

static char upper(char byte)
{
    return byte >= 'a' && byte <= 'z' ? (char)(byte - ('a' - 'A')) : byte;
}

static bool country_find_code(str text, str *code_out)
{
    if (text.len != CODE_BYTES) return false;
    const char code[CODE_BYTES] = {upper(text.at[0]), upper(text.at[1])};
    size_t at;
    if (!code_find(country_codes, country_code_count, (str){code, CODE_BYTES}, &at)) return false;
    *code_out = (str){country_codes[at], CODE_BYTES};
    return true;
}

bool country_find(struct arena *arena, str text, str *code_out)
{
    text = str_trim(text);
    if (text.len == 0 || text.len > COUNTRY_BYTES_MAX) return false;
    if (country_find_code(text, code_out)) return true;
    str name = fold_name(arena, text);
    size_t low = 0;
    size_t high = country_name_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_compare(name, str_of(country_names[middle].folded));
        if (order == 0) {
            *code_out = (str){country_names[middle].code, CODE_BYTES};
            return true;
        }
        if (order < 0) high = middle;
        else low = middle + 1;
    }
    return false;
}

bool country_is_code(str code)
{
    size_t at;
    return code_find(country_codes, country_code_count, code, &at);
}

bool language_is_tag(str text)
{
    str language, region;
    bool has_region = str_cut(text, '-', &language, &region);
    size_t at;
    if (!code_find(language_codes, language_code_count, language, &at)) return false;
    return !has_region || country_is_code(region);
}

bool timezone_is_name(str text)
{
    size_t low = 0;
    size_t high = timezone_name_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_compare(text, str_of(timezone_names[middle]));
        if (order == 0) return true;
        if (order < 0) high = middle;
        else low = middle + 1;
    }
    return false;
}
