#include "http/query.h"

#include "test.h"

static struct test_task owner;

static void check_path(str raw, bool is_good, str should)
{
    str path = S("");
    bool is = path_decode(&owner.arena, raw, &path);
    if (is != is_good) fprintf(stderr, "path \"%.*s\"\n", FMT(raw));
    check(is == is_good);
    if (is) check_str(path, should);
}

TEST(test_query__decodes_paths_once)
{
    test_task_init(&owner);
    check_path(S("/"), true, S("/"));
    check_path(S("/clients/"), true, S("/clients/"));
    check_path(S("/a%20b/%c3%a9"), true, S("/a b/\xc3\xa9"));
    check_path(S("/a%2541"), true, S("/a%41"));
    check_path(S("/..a/b..c/..."), true, S("/..a/b..c/..."));
    test_task_drop(&owner);
}

TEST(test_query__refuses_paths_with_tricks)
{
    static const char *const bad[] = {"",      "x",       "*",       "//",           "/a//b",
                                      "/.",    "/..",     "/a/./b",  "/a/..",        "/%2e%2e/",
                                      "/%2e",  "/a\\b",   "/a%5cb",  "/%00",         "/%",
                                      "/%4",   "/%zz",    "/%ff",    "/%c0%ae/",     "/a%2f%2f",
                                      "/a\tb", "/%0d%0a", "/a%2F..", "/\xed\xa0\x80"};
    test_task_init(&owner);
    for (size_t at = 0; at < sizeof bad / sizeof bad[0]; at++)
        check_path(str_of(bad[at]), false, S(""));
    test_task_drop(&owner);
}

static void check_host(const char *authority, const char *host_and_port, const char *host)
{
    str is_host_and_port, is_host;
    check(authority_read(&owner.arena, str_of(authority), &is_host_and_port, &is_host));
    check_str(is_host_and_port, str_of(host_and_port));
    check_str(is_host, str_of(host));
}

TEST(test_query__reads_hosts)
{
    test_task_init(&owner);
    check_host("Acme.Example.COM", "acme.example.com", "acme.example.com");
    check_host("acme-portal.localhost:8080", "acme-portal.localhost:8080", "acme-portal.localhost");
    check_host("[::1]:8080", "[::1]:8080", "[::1]");
    check_host("[2001:DB8::1]", "[2001:db8::1]", "[2001:db8::1]");
    static const char *const bad[] = {"",     "a b", "a/b", "a@b",     ":80",    "a:b",  "a:123456",
                                      "[::1", "[]",  "é",   "[::1]80", "a:80:8", "a\tb", "a,b"};
    str one, two;
    for (size_t at = 0; at < sizeof bad / sizeof bad[0]; at++)
        check(!authority_read(&owner.arena, str_of(bad[at]), &one, &two));
    char long_name[300];
    memset(long_name, 'a', sizeof long_name);
    check(!authority_read(&owner.arena, (str){long_name, sizeof long_name}, &one, &two));
    test_task_drop(&owner);
}

TEST(test_query__splits_and_decodes)
{
    test_task_init(&owner);
    struct cursor query = cursor_of(S("a=1&&b%5Bgte%5D=x+y&c&=d&e=%C3%A9&f=a=b&"));
    const str should[][2] = {{S("a"), S("1")}, {S("b[gte]"), S("x y")}, {S("c"), S("")},
                             {S(""), S("d")},  {S("e"), S("é")},        {S("f"), S("a=b")}};
    str name, value;
    bool is_broken = false;
    for (size_t at = 0; at < sizeof should / sizeof should[0]; at++) {
        check(http_query_next(&owner.arena, &query, &name, &value, &is_broken));
        check_str(name, should[at][0]);
        check_str(value, should[at][1]);
    }
    check(!http_query_next(&owner.arena, &query, &name, &value, &is_broken));
    check(!is_broken);
    test_task_drop(&owner);
}

TEST(test_query__tells_what_cannot_be_decoded)
{
    static const char *const bad[] = {"a=%", "a=%4", "a=%zz", "%00=1", "a=%ff", "a=%ed%a0%80"};
    test_task_init(&owner);
    for (size_t at = 0; at < sizeof bad / sizeof bad[0]; at++) {
        struct cursor query = cursor_of(str_of(bad[at]));
        str name, value;
        bool is_broken = false;
        check(http_query_next(&owner.arena, &query, &name, &value, &is_broken));
        check(is_broken);
        check(!http_query_next(&owner.arena, &query, &name, &value, &is_broken));
        check(is_broken);
    }
    str text;
    check(http_query_decode(&owner.arena, S("a+b"), false, &text));
    check_str(text, S("a+b"));
    check(http_query_decode(&owner.arena, S("a+b%2B"), true, &text));
    check_str(text, S("a b+"));
    test_task_drop(&owner);
}

TEST(test_query__finds_cookies)
{
    str header = S("a=1; __Host-session=abc==;b=\"quoted\" ; c ; d=");
    check_str(http_cookie(header, S("a")), S("1"));
    check_str(http_cookie(header, S("__Host-session")), S("abc=="));
    check_str(http_cookie(header, S("b")), S("quoted"));
    check_str(http_cookie(header, S("c")), S(""));
    check_str(http_cookie(header, S("d")), S(""));
    check_str(http_cookie(header, S("session")), S(""));
    check_str(http_cookie(header, S("A")), S(""));
    check_str(http_cookie(S(""), S("a")), S(""));
}
