#include "test.h"

#include "base/limits.h"
#include "work/mail_outbox.h"

static const struct mail_letter plain = {
    .from_name = {"Acme", 4},
    .from = {"no-reply@acme.localhost", 23},
    .to = {"ann@firm.example", 16},
    .subject = {"Hello", 5},
    .text = {"Good day.", 9},
    .at_ms = 1'800'000'000'000,
};

static enum err written(struct test_task *test, const struct mail_letter *letter, str *eml)
{
    struct buf buf = buf_make(test->task.arena, 1 * MIB);
    test->task.fault = (struct fault){};
    enum err err = mail_write(&test->task, letter, &buf);
    *eml = buf_str(&buf);
    return err;
}

static bool has(str text, const char *part)
{
    return memmem(text.at, text.len, part, strlen(part)) != nullptr;
}

TEST(test_mail__is_a_message_of_plain_lines)
{
    struct test_task test;
    str eml;
    test_task_init(&test);
    check_int(written(&test, &plain, &eml), ERR_NONE);
    check(str_starts(eml, S("From: \"Acme\" <no-reply@acme.localhost>\r\n"
                            "To: <ann@firm.example>\r\nSubject: Hello\r\n"
                            "Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n")));
    check(has(eml, "\r\n\r\nR29vZCBkYXku\r\n"));
    /* No part of it is read as HTML, whatever firms and clients wrote. */
    check(has(eml, "\r\nContent-Type: text/plain; charset=utf-8\r\n"));
    check(!has(eml, "html") && !has(eml, "multipart"));
    test_task_drop(&test);
}

TEST(test_mail__nobody_adds_a_header_or_an_address)
{
    static const str evil[] = {
        S("a@b.example\r\nBcc: c@d.example"),
        S("a@b.example, c@d.example"),
        S("a@b.example\nX: y"),
        S("<a@b.example>"),
        S("Ann <a@b.example>"),
        S("a@b.example;c@d.example"),
        S(""),
        S("a@b.example\0"),
    };
    struct test_task test;
    str eml;
    test_task_init(&test);
    for (size_t at = 0; at < sizeof evil / sizeof evil[0]; at++) {
        struct mail_letter letter = plain;
        letter.to = evil[at];
        check_int(written(&test, &letter, &eml), ERR_INVALID);
        letter = plain;
        letter.cc = evil[at];
        check_int(written(&test, &letter, &eml), evil[at].len == 0 ? ERR_NONE : ERR_INVALID);
        letter = plain;
        letter.reply_to = evil[at];
        check_int(written(&test, &letter, &eml), evil[at].len == 0 ? ERR_NONE : ERR_INVALID);
    }
    static const str subjects[] = {S("x\r\nBcc: c@d.example"), S("x\ny"), S("x\ry"), S("x\0y"),
                                   S("\xff")};
    for (size_t at = 0; at < sizeof subjects / sizeof subjects[0]; at++) {
        struct mail_letter letter = plain;
        letter.subject = subjects[at];
        check_int(written(&test, &letter, &eml), ERR_INVALID);
    }
    test_task_drop(&test);
}

TEST(test_mail__a_name_is_quoted_and_letters_beyond_ascii_are_words)
{
    struct test_task test;
    str eml;
    test_task_init(&test);
    struct mail_letter letter = plain;
    letter.from_name = S("\"Boss\" <boss@bank.example>, \\");
    letter.subject = S("Gr\xc3\xbc\xc3\x9f"
                       "e");
    check_int(written(&test, &letter, &eml), ERR_NONE);
    check(str_starts(eml, S("From: \"\\\"Boss\\\" <boss@bank.example>, \\\\\" <no-reply@")));
    check(has(eml, "\r\nSubject: =?UTF-8?B?R3LDvMOfZQ==?=\r\n"));
    letter.subject = S("=?UTF-8?B?RXZpbA==?=");
    check_int(written(&test, &letter, &eml), ERR_NONE);
    check(!has(eml, "Subject: =?UTF-8?B?RXZpbA==?="));
    letter = plain;
    letter.from_name = S("x\r\nBcc: c@d.example");
    check_int(written(&test, &letter, &eml), ERR_NONE);
    check(!has(eml, "Bcc"));
    char many[900];
    for (size_t at = 0; at < sizeof many; at += 2) memcpy(many + at, "\xc3\xa4", 2);
    letter.subject = (str){many, sizeof many};
    check_int(written(&test, &letter, &eml), ERR_NONE);
    size_t line = 0;
    for (size_t at = 0; at < eml.len; at++) {
        line = eml.at[at] == '\n' ? 0 : line + 1;
        check(line <= 78 + sizeof "Subject: ");
    }
    test_task_drop(&test);
}

/** Whatever was written is read as it was, and whatever was not is read without harm. */
TEST(test_mail__is_read_as_it_was_written)
{
    static const str texts[] = {
        S(""),
        S("a"),
        S("ab"),
        S("Good day.\r\nTo: <c@d.example>\r\n\r\nÄ"),
        S("=?UTF-8?B?YWJj?= and =?UTF-8?B?"),
        S("\xc3\x84nne has a name that is longer than any encoded word may be, with \xe2\x82\xac"),
    };
    struct test_task test;
    test_task_init(&test);
    for (size_t at = 0; at < sizeof texts / sizeof texts[0]; at++) {
        struct mail_letter letter = plain, told;
        str eml;
        letter.text = texts[at];
        if (str_find_byte(texts[at], '\r') == SIZE_MAX) letter.subject = texts[at];
        letter.cc = S("c@firm.example");
        letter.bcc = S("b@firm.example");
        letter.is_way_in = at % 2 == 0;
        check_int(written(&test, &letter, &eml), ERR_NONE);
        mail_read(test.task.arena, eml, &told);
        check_str(told.to, letter.to);
        check_str(told.cc, letter.cc);
        check_str(told.bcc, letter.bcc);
        check_str(told.subject, letter.subject);
        check_str(told.text, letter.text);
        check(told.is_way_in == letter.is_way_in);
        for (size_t len = 0; len < eml.len; len++)
            mail_read(test.task.arena, str_first(eml, len), &told);
    }
    struct mail_letter told;
    mail_read(test.task.arena, S("To: <a@b.example>\r\nSubject: x\r\n\r\nYQ=="), &told);
    check(told.is_way_in); /* it does not say that it is plain */
    test_task_drop(&test);
}
