#include "test.h"

#include "access/password.h"
#include "base/limits.h"
#include "base/clock.h"

/** The code of the fault, or empty. */
static str judged(struct test_task *test, str password)
{
    static const struct password_owner owner = {{"ann.lee@acme.example", 20}, {"northwind", 9}};
    task_fault_clear(&test->task);
    password_judge(&test->task, S("password"), password, &owner);
    return test->task.fault.item_count == 0 ? S("") : test->task.fault.items[0].code;
}

static void judges(const char *password, const char *code)
{
    struct test_task test;
    test_task_init(&test);
    check_str(judged(&test, str_of(password)), str_of(code));
    test_task_drop(&test);
}

TEST(test_password__takes_what_nobody_guesses)
{
    judges("correct horse battery staple", "");
    judges(" leading and trailing ", "");
    judges("tr0ub4dor&3x", "");
    judges("gr\xc3\xbc\xc3\x9f"
           "e aus Z\xc3\xbcrich",
           "");
    judges("kwzrmvtp", "");
}

TEST(test_password__counts_characters_not_bytes)
{
    judges("kwzrmvt", "length");
    judges("\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4", "length");
}

/** Each of these leads lists of leaked passwords, and no other rule sees through it. */
TEST(test_password__refuses_the_three_thousand_that_most_people_use)
{
    static const char *const first[] = {"trustno1", "metallica", "slipknot", "spiderman",
                                        "scorpion", "panthers",  "redskins", "elephant",
                                        "chevelle", "swordfish", "Hardcore", "BIGDADDY",
                                        "rush2112", "ncc1701d",  "01011980", "a1b2c3d4"};
    for (size_t at = 0; at < sizeof first / sizeof first[0]; at++) judges(first[at], "guessable");
    str list = password_list(), word, rest;
    size_t count = 0;
    for (str before = S(""); list.len > 0; list = rest, before = word, count++) {
        const char *end = memchr(list.at, ' ', list.len), *line = memchr(list.at, '\n', list.len);
        if (end == nullptr || (line != nullptr && line < end)) end = line;
        check(end != nullptr);
        word = (str){list.at, (size_t)(end - list.at)};
        rest = str_from(list, word.len + 1);
        check(word.len >= PASSWORD_BYTES_MIN);
        check(str_compare(before, word) < 0);
        struct test_task test;
        test_task_init(&test);
        check_str(judged(&test, word), S("guessable"));
        test_task_drop(&test);
    }
    check(count >= 3000);
    judges("metallicas", "");
    judges("etallica", "");
    judges("elephant swordfish", "");
    judges("01011980 02", "");
}

TEST(test_password__refuses_what_is_too_long_or_no_text)
{
    struct test_task test;
    test_task_init(&test);
    char *bytes = arena_take_raw(&test.arena, PASSWORD_BYTES_MAX + 1);
    for (size_t at = 0; at <= PASSWORD_BYTES_MAX; at++) bytes[at] = "kwzrmvtpq7"[at * at % 10];
    check_str(judged(&test, (str){bytes, PASSWORD_BYTES_MAX + 1}), S("length"));
    check_str(judged(&test, (str){bytes, PASSWORD_BYTES_MAX}), S(""));
    check_str(judged(&test, S("kwzr\xff\xfe mvt")), S("encoding"));
    test_task_drop(&test);
}

TEST(test_password__refuses_common_words_with_digits_and_signs_around)
{
    judges("password", "guessable");
    judges("Password123!", "guessable");
    judges("12football34", "guessable");
    judges("iLoveYou", "guessable");
    judges("1q2w3e4r", "guessable");
    judges("footballfieldmouse", "");
}

TEST(test_password__refuses_repetitions_and_sequences)
{
    judges("aaaaaaaa", "guessable");
    judges("12121212", "guessable");
    judges("abcabcabc", "guessable");
    judges("12345678", "guessable");
    judges("87654321", "guessable");
    judges("abcdefgh", "guessable");
    judges("qwertyuiop", "guessable");
    judges("asdfghjk", "guessable");
}

TEST(test_password__refuses_the_owners_own_names)
{
    judges("ann.lee@acme.example", "guessable");
    judges("Ann.Lee2026", "guessable");
    judges("NorthWind!!", "guessable");
    judges("northwinds of change", "");
}

TEST(test_password__checking_against_nobody_is_as_dear_and_never_right)
{
    char made[PASSWORD_HASH_BYTES_MAX];
    check(password_hash(S("kwzrmvtpq7"), made) == ERR_NONE);
    str nobody = password_hash_of_nobody();
    const char *parameters = "$argon2id$v=19$m=19456,t=2,p=1$";
    check(str_starts(nobody, str_of(parameters)));
    check(str_starts(str_of(made), str_of(parameters)));
    check_int(nobody.len, strlen(made));
    bool is_right = true;
    int64_t began_ns = clock_monotonic_ns();
    check(password_verify(S("kwzrmvtpq7"), nobody, &is_right) == ERR_NONE);
    check(!is_right);
    /* An unreadable hash would be refused in microseconds. */
    check(clock_monotonic_ns() - began_ns > 2'000'000);
}
