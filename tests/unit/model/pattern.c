#include "model/pattern.h"

#include "test.h"

static bool fits(const char *source, const char *text)
{
    struct test_task test;
    test_task_init(&test);
    const struct pattern *pattern;
    const char *why;
    check(pattern_make(&test.arena, str_of(source), &pattern, &why));
    bool is_fit = pattern_fits(&test.arena, pattern, str_of(text));
    test_task_drop(&test);
    return is_fit;
}

static const char *refusal(const char *source)
{
    struct test_task test;
    test_task_init(&test);
    const struct pattern *pattern;
    const char *why = nullptr;
    check(!pattern_make(&test.arena, str_of(source), &pattern, &why));
    check(why != nullptr);
    test_task_drop(&test);
    return why;
}

TEST(test_pattern__speaks_of_the_whole_text)
{
    check(fits("ab", "ab"));
    check(!fits("ab", "abc"));
    check(!fits("ab", "xab"));
    check(!fits("ab", ""));
}

TEST(test_pattern__knows_sets_ranges_and_their_opposite)
{
    check(fits("[a-c]x[^0-9]", "bxz"));
    check(!fits("[a-c]x[^0-9]", "dxz"));
    check(!fits("[a-c]x[^0-9]", "bx5"));
    check(fits("[a\\]-]+", "a]-"));
    check(fits("[\\d,]+", "1,2"));
    check(!fits("[\\d,]+", "1;2"));
}

TEST(test_pattern__repeats_as_often_as_said)
{
    check(fits("a{2,3}", "aa") && fits("a{2,3}", "aaa"));
    check(!fits("a{2,3}", "a") && !fits("a{2,3}", "aaaa"));
    check(fits("a{3}", "aaa") && !fits("a{3}", "aa") && !fits("a{3}", "aaaa"));
    check(fits("a{1,}b*c+d?", "aacc") && fits("a{1,}b*c+d?", "abbcd"));
    check(!fits("a{1,}b*c+d?", "ab"));
}

TEST(test_pattern__takes_either_of_groups)
{
    check(fits("(ab|cd)+(|x)", "abcdab") && fits("(ab|cd)+(|x)", "cdx"));
    check(!fits("(ab|cd)+(|x)", "abc"));
    check(fits("a|b|", "") && fits("a|b|", "b"));
}

TEST(test_pattern__counts_characters_not_bytes)
{
    check(fits("...", "äö€"));
    check(!fits("..", "äö€"));
    check(fits("[α-ω]+", "λόγος") == false && fits("[α-ω]+", "λογος"));
}

TEST(test_pattern__escapes_punctuation)
{
    check(fits("\\^\\$\\(\\)\\.", "^$()."));
    check(!fits("\\.", "x"));
    check(fits("\\w+\\s\\d", "a_Z 7"));
}

TEST(test_pattern__refuses_what_makes_no_sense_and_says_why)
{
    static const char *const wrong[] = {
        "",   "(",    ")",      "(a",  "a)", "[",   "[a",    "[]", "*a", "a**{2}+", "a{2,1}",
        "a{", "a{x}", "a{101}", "^a$", "\\", "\\q", "[b-a]", "a]", "a}", "a{1",     "[\\d-\\q]",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) check(strlen(refusal(wrong[i])) > 5);
}

TEST(test_pattern__refuses_what_grows_without_bound_at_once)
{
    check(strstr(refusal("((a{100}){100}){100}"), "too large") != nullptr);
    check(strstr(refusal("((((((((((((((((((((("), "nested") != nullptr);
    check(fits("(((((){100}){100}){100}){100}){100}", ""));
}

TEST(test_pattern__takes_linear_time_where_others_run_for_ever)
{
    struct test_task test;
    test_task_init(&test);
    char *text = arena_take_raw(&test.arena, 4000);
    memset(text, 'a', 4000);
    const struct pattern *pattern;
    const char *why;
    check(pattern_make(&test.arena, S("(a*)*(a|a)*(a+)+b"), &pattern, &why));
    check(!pattern_fits(&test.arena, pattern, (str){text, 4000}));
    test_task_drop(&test);
}
