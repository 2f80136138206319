#include "test.h"

#include <stdint.h>

TEST(test_str__slices_and_splits)
{
    str before, behind;
    check(str_cut(S("a=b=c"), '=', &before, &behind));
    check_str(before, S("a"));
    check_str(behind, S("b=c"));
    check(!str_cut(S("abc"), '=', &before, &behind));
    check_str(before, S("abc"));
    check_str(behind, S(""));
    check_str(str_from(S("abc"), 1), S("bc"));
    check_str(str_from(S("abc"), 4), S(""));
    check_str(str_first(S("abc"), 2), S("ab"));
    check_str(str_first(S("abc"), 9), S("abc"));
    check(str_starts(S("abc"), S("ab")) && !str_starts(S("a"), S("ab")));
    check(str_ends(S("abc"), S("bc")) && !str_ends(S("c"), S("bc")));
    check_int(str_find_byte(S("abc"), 'c'), 2);
    check(str_find_byte(S("abc"), 'd') == SIZE_MAX);
}

TEST(test_str__empty_slices_are_harmless)
{
    str empty = {}, before, behind;
    check(str_eq(empty, S("")));
    check_int(str_compare(empty, empty), 0);
    check(str_starts(S("a"), empty) && str_ends(empty, empty));
    check_int(str_trim(empty).len, 0);
    check_int(str_from(empty, 0).len, 0);
    check(!str_cut(empty, ',', &before, &behind));
    check(str_eq_nocase(empty, S("")));
    check_int(str_of(nullptr).len, 0);
}

TEST(test_str__compares_bytes_as_unsigned)
{
    check(str_compare(S("a"), S("b")) < 0);
    check(str_compare(S("a"), S("ab")) < 0);
    check(str_compare(S("\xff"), S("a")) > 0);
    check(str_compare(S("a\0b"), S("a\0c")) < 0);
    check_int(str_compare(S("ab"), S("ab")), 0);
    check(!str_eq(S("ab"), S("aB")));
}

TEST(test_str_trim__takes_white_space_from_both_ends)
{
    check_str(str_trim(S(" \t\r\n\v\f a b \n")), S("a b"));
    check_str(str_trim(S("   ")), S(""));
    check_str(str_trim(S("a")), S("a"));
    check_str(str_trim(S("\xc2\xa0")), S("\xc2\xa0"));
}

TEST(test_str_eq_nocase__knows_ascii_only)
{
    check(str_eq_nocase(S("Content-TYPE"), S("content-type")));
    check(!str_eq_nocase(S("a"), S("ab")));
    check(!str_eq_nocase(S("@"), S("`")));
    check(!str_eq_nocase(S("["), S("{")));
    check(!str_eq_nocase(S("\xc3\x84"), S("\xc3\xa4")));
}

TEST(test_str_to_int64__takes_whole_decimal_integers)
{
    int64_t number = 7;
    check(str_to_int64(S("0"), &number) && number == 0);
    check(str_to_int64(S("-0012"), &number) && number == -12);
    check(str_to_int64(S("+5"), &number) && number == 5);
    check(str_to_int64(S("9223372036854775807"), &number) && number == INT64_MAX);
    check(str_to_int64(S("-9223372036854775808"), &number) && number == INT64_MIN);
    number = 7;
    static const char *const bad[] = {"",
                                      "-",
                                      "+",
                                      "+-1",
                                      " 1",
                                      "1 ",
                                      "1.0",
                                      "0x1",
                                      "1e3",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "99999999999999999999999"};
    for (size_t at = 0; at < sizeof bad / sizeof bad[0]; at++)
        check(!str_to_int64(str_of(bad[at]), &number));
    check_int(number, 7);
}

TEST(test_str_to_double__takes_whole_decimal_numbers)
{
    double number = 7;
    check(str_to_double(S("0.1"), &number) && number == 0.1);
    check(str_to_double(S("-12.5e-1"), &number) && number == -1.25);
    check(str_to_double(S(".5"), &number) && number == 0.5);
    check(str_to_double(S("5."), &number) && number == 5);
    check(str_to_double(S("1E3"), &number) && number == 1000);
    check(str_to_double(S("1e-400"), &number) && number == 0);
    number = 7;
    static const char *const bad[] = {"",     "-",     ".",   "e5", "1e", "1e+", "inf", "nan",
                                      "0x10", "1e400", "1,5", " 1", "1 ", "1_0", "--1"};
    for (size_t at = 0; at < sizeof bad / sizeof bad[0]; at++)
        check(!str_to_double(str_of(bad[at]), &number));
    check(!str_to_double(S("1\0"), &number));
    check(number == 7);
}

TEST(test_str_to_double__bounds_the_length)
{
    char digits[2000];
    double number;
    memset(digits, '0', sizeof digits);
    digits[0] = '1';
    digits[1] = '.';
    check(str_to_double((str){digits, 1100}, &number) && number == 1);
    check(!str_to_double((str){digits, 1101}, &number));
}

TEST(test_str__finds_a_control_byte_at_each_place)
{
    char text[24];
    for (size_t len = 0; len <= sizeof text; len++) {
        for (int byte = 0; byte < 256; byte++) {
            memset(text, 'a', sizeof text);
            for (size_t at = 0; at < len; at++) {
                text[at] = (char)byte;
                check(str_has_control((str){text, len}) == (byte < 0x20 || byte == 0x7f));
                text[at] = at % 2 == 0 ? ' ' : (char)0xff;
            }
            check(!str_has_control((str){text, len}));
        }
    }
}
