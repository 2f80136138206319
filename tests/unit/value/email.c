#include "test.h"

#include "value/email.h"

TEST(test_email__takes_addresses_of_any_alphabet)
{
    static const char *const right[] = {
        "ann@example.com",
        "ann.lee+news@mail.example.co.uk",
        "o'hara_1@a-b.example",
        "jos\xc3\xa9@m\xc3\xbcnchen.example",
        "\xd0\xb0\xd0\xbd\xd0\xbd\xd0\xb0@\xd0\xbf\xd1\x80\xd0\xb8.\xd1\x80\xd1\x84",
        "info@\xd0\xbf\xd1\x80\xd0\xb8\xd0\xbc\xd0\xb5\xd1\x80.\xd1\x80\xd1\x84",
        "\xe7\x8c\xab@example.jp",
    };
    for (size_t at = 0; at < sizeof right / sizeof right[0]; at++)
        check(email_is_address(str_of(right[at])));
}

TEST(test_email__refuses_what_is_no_address)
{
    static const char *const wrong[] = {
        "",
        "ann",
        "@example.com",
        "ann@",
        "ann@example",
        "ann@@example.com",
        "a b@example.com",
        ".ann@example.com",
        "ann.@example.com",
        "a..n@example.com",
        "ann@.example.com",
        "ann@example..com",
        "ann@-a.example",
        "ann@a-.example",
        "a,b@example.com",
        "\"a\"@example.com",
        "<a@example.com>",
        "ann@example.com\n",
    };
    for (size_t at = 0; at < sizeof wrong / sizeof wrong[0]; at++)
        check(!email_is_address(str_of(wrong[at])));
}

TEST(test_email__refuses_what_would_look_like_another_one)
{
    static const char *const wrong[] = {
        "jo\xe2\x80\x8bse@example.com", /* a space without width */
        "jo\xc2\xadse@example.com",     /* a hyphen that shows at a line's end alone */
        "z\xe2\x80\xaez@example.com",   /* from here from right to left */
        "jose\xef\xbb\xbf@example.com", /* a mark of byte order */
        "jo\xe3\x85\xa4se@example.com", /* a filler of Hangul */
        "jose\xc2\x85@example.com",     /* a control */
        "j\xd0\xbese@example.com",      /* one letter of Cyrillic among Latin ones */
        "jose@ex\xce\xb1mple.com",      /* one of Greek */
        "jose@example.\xd1\x81om",      "\xd5\xb8x@example.com", /* one of Armenian */
        "jose@example.com\xff",
    };
    for (size_t at = 0; at < sizeof wrong / sizeof wrong[0]; at++)
        check(!email_is_address(str_of(wrong[at])));
}
