#include "test.h"

#include "api/accept.h"
#include "base/buf.h"

static bool prefers(const char *accept, const char *one, const char *other)
{
    return accept_weight(str_of(accept), str_of(one)) >
           accept_weight(str_of(accept), str_of(other));
}

TEST(test_accept__takes_everything_alike_when_nothing_is_said)
{
    check_int(accept_weight(S(""), S("a/b")), accept_weight(S(" "), S("c/d")));
    check(accept_weight(S(""), S("a/b")) > 0);
}

TEST(test_accept__goes_by_quality_then_by_how_closely_a_type_is_named)
{
    check(prefers("a/b;q=0.2, c/d;q=0.3", "c/d", "a/b"));
    check(prefers("a/b, c/d;q=0.999", "a/b", "c/d"));
    check(prefers("a/b, */*", "a/b", "c/d"));
    check(prefers("c/*, */*", "c/d", "a/b"));
    check(prefers("*/*;q=0.9, c/d;q=0.1", "a/b", "c/d"));
    check(!prefers("a/b, c/d", "a/b", "c/d"));
    check(!prefers("a/b, c/d", "c/d", "a/b"));
}

TEST(test_accept__refuses_what_is_not_named_or_weighs_nothing)
{
    check_int(accept_weight(S("a/b"), S("c/d")), 0);
    check_int(accept_weight(S("a/*"), S("ab/c")), 0);
    check_int(accept_weight(S("*/*, c/d;q=0"), S("c/d")), 0);
    check_int(accept_weight(S("*/*, c/d;q=0.000"), S("c/d")), 0);
    check(accept_weight(S("C/D ; Q=1"), S("c/d")) > 0);
}

TEST(test_accept__counts_in_full_what_is_no_quality)
{
    const char *odd[] = {"c/d;q=", "c/d;q=x", "c/d;q=0.1234", "c/d;q=0x", "c/d;q=2", "c/d;v=1;q"};
    for (size_t at = 0; at < sizeof odd / sizeof odd[0]; at++)
        check_int(accept_weight(str_of(odd[at]), S("c/d")), accept_weight(S("c/d"), S("c/d")));
}

TEST(test_accept__looks_at_so_many_ranges_and_no_more)
{
    struct test_task test;
    test_task_init(&test);
    struct buf many = buf_make(&test.arena, 4096);
    for (int at = 0; at < 500; at++) buf_put(&many, S("x/y,"));
    buf_put(&many, S("c/d"));
    check_int(accept_weight(buf_str(&many), S("c/d")), 0);
    test_task_drop(&test);
}

TEST(test_accept__chooses_the_form)
{
    check_int(accept_form(S("")), FORM_JSON);
    check_int(accept_form(S("*/*")), FORM_JSON);
    check_int(accept_form(S("application/msgpack")), FORM_PACK);
    check_int(accept_form(S("application/msgpack, application/json")), FORM_JSON);
    check_int(accept_form(S("application/problem+json")), FORM_JSON);
    check_int(accept_form(S("text/html")), FORM_NONE);
}
