#include "test.h"

#include <stdint.h>

#include "base/fold.h"
#include "base/random.h"

static struct arena arena;

static str folded(str text)
{
    arena_drop(&arena);
    arena_init(&arena, 4 << 20);
    return fold(&arena, text);
}

static str named(str text)
{
    arena_drop(&arena);
    arena_init(&arena, 4 << 20);
    return fold_name(&arena, text);
}

TEST(test_utf8__accepts_well_formed_text_only)
{
    static const char *const good[] = {"",
                                       "plain ascii text, longer than a word",
                                       "\x7f",
                                       "\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xef\xbf\xbf",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf",
                                       ("12345678\xc3\xa4"
                                        "12345678")};
    for (size_t at = 0; at < sizeof good / sizeof good[0]; at++)
        check(utf8_is_valid(str_of(good[at])));
    static const char *const bad[] = {"\x80",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc2",
                                      "\xc2\x41",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xef\xbf",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xff",
                                      "\xf0\x90\x80",
                                      ("12345678\xff"
                                       "2345678")};
    for (size_t at = 0; at < sizeof bad / sizeof bad[0]; at++)
        check(!utf8_is_valid(str_of(bad[at])));
    for (size_t zero = 0; zero < 20; zero++) {
        char text[20];
        memset(text, 'x', sizeof text);
        text[zero] = 0;
        check(!utf8_is_valid((str){text, sizeof text}));
        text[zero] = '\x01';
        check(utf8_is_valid((str){text, sizeof text}));
        text[zero] = '\x80';
        check(!utf8_is_valid((str){text, sizeof text}));
    }
}

static size_t encode(uint32_t code, char *to)
{
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    size_t len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const uint8_t leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t at = len; at-- > 1; code >>= 6) to[at] = (char)(0x80 | (code & 0x3f));
    to[0] = (char)(leads[len] | code);
    return len;
}

TEST(test_utf8__accepts_each_code_point_and_no_surrogate)
{
    for (uint32_t code = 1; code <= 0x10ffff; code++) {
        char text[4];
        size_t len = encode(code, text);
        bool is_surrogate = code >= 0xd800 && code <= 0xdfff;
        check_int(utf8_is_valid((str){text, len}), !is_surrogate);
        if (len > 1) check(!utf8_is_valid((str){text, len - 1}));
    }
}

TEST(test_utf8_length__counts_code_points)
{
    check_int(utf8_length(S("")), 0);
    check_int(utf8_length(S("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80")), 4);
}

TEST(test_utf8_compose__gives_nfc)
{
    arena_init(&arena, 1 << 20);
    check_str(utf8_compose(&arena, S("")), S(""));
    check_str(utf8_compose(&arena, S("plain \xc3\xa4")), S("plain \xc3\xa4"));
    check_str(utf8_compose(&arena, S("a\xcc\x88x")), S("\xc3\xa4x"));
    check_str(utf8_compose(&arena, S("\xe2\x84\xab")), S("\xc3\x85"));
    check_str(utf8_compose(&arena, S("\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab")), S("\xed\x95\x9c"));
    /* Compatibility forms stay. */
    check_str(utf8_compose(&arena, S("\xef\xac\x81")), S("\xef\xac\x81"));
    arena_drop(&arena);
}

TEST(test_fold__makes_spellings_one)
{
    check_str(folded(S("Taquer\xc3\xad"
                       "a")),
              S("taqueria"));
    check_str(folded(S("TAQUERIA")), S("taqueria"));
    check_str(folded(S("Taqueri\xcc\x81"
                       "a")),
              S("taqueria"));
    check_str(folded(S("Stra\xc3\x9f"
                       "e")),
              S("strasse"));
    check_str(folded(S("\xe1\xba\x9e")), S("ss"));
    check_str(folded(S("\xc3\x85ngstr\xc3\xb6m")), S("angstrom"));
    check_str(folded(S("\xef\xac\x81ne")), S("fine"));
    check_str(folded(S("\xce\xa3\xce\xaf\xcf\x83\xcf\x85\xcf\x86\xce\xbf\xcf\x82")),
              S("\xcf\x83\xce\xb9\xcf\x83\xcf\x85\xcf\x86\xce\xbf\xcf\x83"));
    check_str(folded(S("\xef\xbc\xa1\xef\xbc\x91")), S("a1"));
    check_str(folded(S("co\xc2\xad"
                       "operate")),
              S("cooperate"));
}

TEST(test_fold__trims_and_joins_white_space)
{
    check_str(folded(S("  A \t\r\n B  ")), S("a b"));
    check_str(folded(S("\xc2\xa0"
                       "A\xe2\x80\x83 \xe3\x80\x80"
                       "B\xe2\x80\xa8")),
              S("a b"));
    check_str(folded(S("\xc3\x84  x")), S("a x"));
    check_str(folded(S("x \xc3\x84 ")), S("x a"));
    check_str(folded(S("   ")), S(""));
    check_str(folded(S("")), S(""));
    check_str(folded((str){}), S(""));
}

TEST(test_fold__survives_the_greatest_growth_and_damaged_bytes)
{
    char text[3 * 100];
    for (size_t at = 0; at < sizeof text; at += 3) memcpy(text + at, "\xef\xb7\xba", 3);
    str long_text = folded((str){text, sizeof text});
    check_int(long_text.len, 33 * 100);
    check_str(folded(S("a\xff\xc3")), S("a\xef\xbf\xbd\xef\xbf\xbd"));
}

TEST(test_fold__is_stable_for_each_code_point)
{
    struct arena second;
    arena_init(&second, 1 << 20);
    for (uint32_t code = 1; code <= 0x10ffff; code++) {
        if (code >= 0xd800 && code <= 0xdfff) continue;
        char text[6] = "x";
        size_t len = 1 + encode(code, text + 1);
        text[len++] = 'y';
        str once = folded((str){text, len});
        check(utf8_is_valid(once));
        str twice = fold(&second, once);
        if (!str_eq(once, twice)) fprintf(stderr, "U+%04X\n", code);
        check_str(twice, once);
        arena_clear(&second);
    }
    arena_drop(&second);
}

TEST(test_fold__slow_and_fast_way_agree_on_ascii)
{
    uint64_t seed = random_uint64() | 1;
    random_seed(seed);
    for (int round = 0; round < 20'000; round++) {
        /* A soft hyphen in front vanishes, but sends the rest the slow way. */
        char text[2 + 30] = "\xc2\xad";
        size_t len = random_uint64() % 30;
        for (size_t at = 0; at < len; at++) text[2 + at] = (char)(1 + random_uint64() % 127);
        struct arena other;
        arena_init(&other, 1 << 20);
        str slow = fold(&other, (str){text, 2 + len});
        str slow_name = fold_name(&other, (str){text, 2 + len});
        bool is_right = str_eq(folded((str){text + 2, len}), slow) &&
                        str_eq(named((str){text + 2, len}), slow_name);
        if (!is_right) fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
        check(is_right);
        arena_drop(&other);
    }
    random_seed(0);
}

TEST(test_fold_word__gives_runs_of_letters_and_digits)
{
    struct cursor cursor = cursor_of(S("a.b@c-d1, \xe6\x97\xa5\xe6\x9c\xac!"));
    static const char *const words[] = {"a", "b", "c", "d1", "\xe6\x97\xa5\xe6\x9c\xac"};
    str word;
    for (size_t at = 0; at < sizeof words / sizeof words[0]; at++) {
        check(fold_word_next(&cursor, &word));
        check_str(word, str_of(words[at]));
    }
    check(!fold_word_next(&cursor, &word));
    cursor = cursor_of(S("last"));
    check(fold_word_next(&cursor, &word));
    check_str(word, S("last"));
    check(!fold_word_next(&cursor, &word));
    cursor = cursor_of(S(" ,"));
    check(!fold_word_next(&cursor, &word));
}

TEST(test_fold_name__keeps_letters_and_digits)
{
    check_str(named(S("Company Name")), S("companyname"));
    check_str(named(S("companyName")), S("companyname"));
    check_str(named(S(" company_name (2) ")), S("companyname2"));
    check_str(named(S("Stra\xc3\x9f"
                      "e / Nr. \xe2\x91\xa1")),
              S("strassenr2"));
    check_str(named(S("-")), S(""));
}

TEST(test_utf8__changes_case_by_letters)
{
    arena_drop(&arena);
    arena_init(&arena, 1 << 20);
    check_str(utf8_upper(&arena, S("Müller & Søn, straße")), S("MÜLLER & SØN, STRAẞE"));
    check_str(utf8_lower(&arena, S("ÉCLAIR ΑΒΓ")), S("éclair αβγ"));
    check_str(utf8_title(&arena, S("jean-luc o'neil  élan IBM")), S("Jean-Luc O'neil  Élan IBM"));
    check_str(utf8_upper(&arena, S("")), S(""));
    /* ɐ takes two bytes, Ɐ three. */
    check_str(utf8_upper(&arena, S("ɐɐɐɐɐɐɐɐɐɐɐɐ")), S("ⱯⱯⱯⱯⱯⱯⱯⱯⱯⱯⱯⱯ"));
    arena_drop(&arena);
}

TEST(test_utf8__cuts_by_code_points)
{
    check_str(utf8_first_codes(S("aéz"), 2), S("aé"));
    check_str(utf8_first_codes(S("aéz"), 0), S(""));
    check_str(utf8_first_codes(S("aéz"), 9), S("aéz"));
    check_str(utf8_first_codes(S(""), 3), S(""));
}
