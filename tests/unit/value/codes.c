#include "test.h"

#include "base/fold.h"
#include "value/codes.h"
#include "value/codes_table.h"

static void country(const char *text, const char *code)
{
    struct test_task test;
    test_task_init(&test);
    str found = S("none");
    bool is_found = country_find(&test.arena, str_of(text), &found);
    check_str(found, str_of(code == nullptr ? "none" : code));
    check(is_found == (code != nullptr));
    test_task_drop(&test);
}

TEST(test_codes__finds_countries_by_code_in_any_case)
{
    country("DE", "DE");
    country("de", "DE");
    country(" Us ", "US");
    country("USA", "US");
    country("deu", "DE");
    country("XX", nullptr);
    country("ZZZ", nullptr);
}

TEST(test_codes__finds_countries_by_names)
{
    static const struct {
        const char *text;
        const char *code;
    } names[] = {
        {"Germany", "DE"},
        {"germany", "DE"},
        {"GERMANY ", "DE"},
        {"Deutschland", "DE"},
        {"Allemagne", "DE"},
        {"UK", "GB"},
        {"U.K.", "GB"},
        {"Great Britain", "GB"},
        {"England", "GB"},
        {"United Kingdom", "GB"},
        {"U.S.A.", "US"},
        {"U.S.", "US"},
        {"United States of America", "US"},
        {"México", "MX"},
        {"Mexico", "MX"},
        {"Brasil", "BR"},
        {"España", "ES"},
        {"Espana", "ES"},
        {"Schweiz", "CH"},
        {"Suisse", "CH"},
        {"Svizzera", "CH"},
        {"Österreich", "AT"},
        {"Holland", "NL"},
        {"The Netherlands", "NL"},
        {"Nederland", "NL"},
        {"Côte d’Ivoire", "CI"},
        {"Korea, Republic of", "KR"},
        {"Viet Nam", "VN"},
        {"Turkey", "TR"},
        {"Türkiye", "TR"},
        {"Czech Republic", "CZ"},
        {"Россия", "RU"},
        {"日本", "JP"},
        {"대한민국", "KR"},
        {"Ελλάδα", "GR"},
        {"Bosnia & Herzegovina", "BA"},
        {"Bosnia and Herzegovina", "BA"},
        {"Sverige", "SE"},
        {"Norge", "NO"},
        {"Suomi", "FI"},
        {"Danmark", "DK"},
        {"Polska", "PL"},
        {"Ireland", "IE"},
        {"Venezuela", "VE"},
    };
    for (size_t at = 0; at < sizeof names / sizeof names[0]; at++)
        country(names[at].text, names[at].code);
}

TEST(test_codes__does_not_know_what_is_no_country)
{
    country("", nullptr);
    country("   ", nullptr);
    country("---", nullptr);
    country("Atlantis", nullptr);
    country("Germanyy", nullptr);
    country("NULL", nullptr);
    country("N/A", nullptr); /* is not Namibia */
    country("n. a.", nullptr);
    country("-", nullptr);
    char long_text[5000];
    memset(long_text, 'a', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = 0;
    country(long_text, nullptr);
}

TEST(test_codes__knows_codes_only_in_capitals)
{
    check(country_is_code(S("DE")));
    check(country_is_code(S("AD")));
    check(country_is_code(S("ZW")));
    check(!country_is_code(S("de")));
    check(!country_is_code(S("UK")));
    check(!country_is_code(S("DEU")));
    check(!country_is_code(S("")));
}

TEST(test_codes__knows_languages_with_and_without_region)
{
    check(language_is_tag(S("de")));
    check(language_is_tag(S("aa")));
    check(language_is_tag(S("zu")));
    check(language_is_tag(S("pt-BR")));
    check(language_is_tag(S("en-GB")));
    check(!language_is_tag(S("pt-")));
    check(!language_is_tag(S("pt-br")));
    check(!language_is_tag(S("pt_BR")));
    check(!language_is_tag(S("xx")));
    check(!language_is_tag(S("de-XX")));
    check(!language_is_tag(S("de-DE-x")));
    check(!language_is_tag(S("german")));
    check(!language_is_tag(S("")));
}

TEST(test_codes__knows_time_zones_and_their_links)
{
    static const char *const names[] = {
        "Africa/Abidjan",
        "Europe/Berlin",
        "Europe/Kiev",
        "Europe/Kyiv",
        "America/Indiana/Knox",
        "UTC",
        "Etc/UTC",
        "GMT",
        "Etc/GMT+12",
        "Asia/Calcutta",
        "Zulu",
        "US/Pacific",
        "America/Argentina/ComodRivadavia",
    };
    for (size_t at = 0; at < sizeof names / sizeof names[0]; at++)
        check(timezone_is_name(str_of(names[at])));
    check(!timezone_is_name(S("Europe/Berlin ")));
    check(!timezone_is_name(S("europe/berlin")));
    check(!timezone_is_name(S("Europe/Atlantis")));
    check(!timezone_is_name(S("Europe/Berli")));
    check(!timezone_is_name(S("")));
}

TEST(test_codes__tables_are_sorted_unique_and_complete)
{
    check_int(country_code_count, 249);
    check_int(language_code_count, 184);
    check(timezone_name_count > 590);
    for (size_t at = 1; at < country_code_count; at++)
        check(strcmp(country_codes[at - 1], country_codes[at]) < 0);
    for (size_t at = 1; at < language_code_count; at++)
        check(strcmp(language_codes[at - 1], language_codes[at]) < 0);
    for (size_t at = 1; at < country_name_count; at++)
        check(strcmp(country_names[at - 1].folded, country_names[at].folded) < 0);
    for (size_t at = 1; at < timezone_name_count; at++)
        check(strcmp(timezone_names[at - 1], timezone_names[at]) < 0);
}

TEST(test_codes__each_country_name_is_folded_and_has_a_code)
{
    struct test_task test;
    test_task_init(&test);
    for (size_t at = 0; at < country_name_count; at++) {
        str name = str_of(country_names[at].folded);
        check_str(fold_name(&test.arena, name), name);
        check(country_is_code(str_of(country_names[at].code)));
    }
    test_task_drop(&test);
}

TEST(test_codes__each_country_has_a_name)
{
    for (size_t code = 0; code < country_code_count; code++) {
        size_t names = 0;
        for (size_t at = 0; at < country_name_count; at++)
            names += strcmp(country_names[at].code, country_codes[code]) == 0;
        check(names >= 2);
    }
}
