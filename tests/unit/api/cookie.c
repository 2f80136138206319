#include "test.h"

#include "api/cookie.h"

static const struct origin_check own = {
    .origin = {"https://acme.example.com", 24},
    .scheme = {"https", 5},
    .host_and_port = {"acme.example.com", 16},
    .csrf_given = {"token-of-this-session", 21},
    .csrf = {"token-of-this-session", 21},
};

TEST(test_cookie__own_origin_with_the_sessions_token_passes)
{
    check_str(origin_fault(&own), S(""));
}

TEST(test_cookie__other_origins_are_refused)
{
    const char *origins[] = {"",
                             "null",
                             "http://acme.example.com",
                             "https://acme.example.com.evil.example",
                             "https://acme.example.com:444",
                             "https://acme.example.co",
                             "https://other.example.com",
                             "https://",
                             "https:acme.example.com",
                             "acme.example.com",
                             "https://acme.example.com/",
                             "https://acme.example.com https://evil.example"};
    for (size_t at = 0; at < sizeof origins / sizeof origins[0]; at++) {
        struct origin_check other = own;
        other.origin = str_of(origins[at]);
        check(origin_fault(&other).len > 0);
    }
}

TEST(test_cookie__other_tokens_are_refused)
{
    const char *tokens[] = {"", "token-of-this-sessio", "token-of-this-sessions",
                            "token-of-that-session"};
    for (size_t at = 0; at < sizeof tokens / sizeof tokens[0]; at++) {
        struct origin_check other = own;
        other.csrf_given = str_of(tokens[at]);
        check(origin_fault(&other).len > 0);
    }
}

TEST(test_cookie__session_without_a_token_is_never_matched_by_an_empty_one)
{
    struct origin_check none = own;
    none.csrf = none.csrf_given = S("");
    check(origin_fault(&none).len > 0);
}

TEST(test_cookie__port_counts_as_sent)
{
    struct origin_check with_port = own;
    with_port.scheme = S("http");
    with_port.host_and_port = S("acme.localhost:8080");
    with_port.origin = S("http://acme.localhost:8080");
    check_str(origin_fault(&with_port), S(""));
    with_port.origin = S("http://acme.localhost");
    check(origin_fault(&with_port).len > 0);
}

TEST(test_cookie__is_bound_to_host_and_secure_origin)
{
    struct test_task test;
    test_task_init(&test);
    check_str(cookie_write(&test.arena, false, S("abc"), 60'000),
              S("__Host-atrium=abc; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"));
    check_str(cookie_write(&test.arena, true, S("abc"), 60'000),
              S("atrium=abc; Path=/; Max-Age=60; HttpOnly; SameSite=Lax"));
    check_str(cookie_write(&test.arena, true, S(""), 60'000),
              S("atrium=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"));
    test_task_drop(&test);
}
