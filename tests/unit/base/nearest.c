#include "base/nearest.h"

#include "test.h"

TEST(test_nearest__finds_what_was_meant)
{
    static const str names[] = {S("name"), S("notes"), S("status"), S("account_manager")};
    static const struct {
        const char *said;
        const char *meant;
    } cases[] = {
        {"nmae", "name"},  {"stauts", "status"}, {"acount_manager", "account_manager"},
        {"note", "notes"}, {"zzzzzzzz", ""},     {"", ""},
        {"x", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_str(nearest(names, 4, str_of(cases[i].said)), str_of(cases[i].meant));
}

TEST(test_nearest__leaves_long_texts_alone)
{
    char text[1000];
    memset(text, 'a', sizeof text);
    str names[] = {{text, sizeof text}, S("aa")};
    check_str(nearest(names, 2, (str){text, sizeof text}), S(""));
    check_str(nearest(names, 2, S("aaa")), S("aa"));
}
