/* A mail as RFC 5322 has it: headers that nobody can add to, and a text in base64. */
#include <time.h>

#include "base/fold.h"
#include "base/limits.h"
#include "value/email.h"
#include "work/mail_outbox.h"

constexpr size_t SUBJECT_BYTES_MAX = 998;
constexpr size_t WORD_BYTES_MAX = 45; /** 60 letters of base64: an encoded word has at most 75 */
constexpr size_t LINE_BYTES = 57;     /** 76 letters */

/** RFC 4648, section 4, with its padding. */
static void put_base64(struct buf *out, str bytes)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t at = 0; at < bytes.len; at += 3) {
        size_t count = bytes.len - at < 3 ? bytes.len - at : 3;
        uint32_t group = 0;
        for (size_t byte = 0; byte < 3; byte++)
            group = group << 8 | (byte < count ? (uint8_t)bytes.at[at + byte] : 0);
        for (size_t place = 0; place < 4; place++)
            buf_put_byte(out, place <= count ? letters[group >> (18 - 6 * place) & 63] : '=');
    }
}

/** Nothing that ends a line, and no other sign that is not shown. */
static bool is_one_line(str text)
{
    for (size_t at = 0; at < text.len; at++)
        if ((uint8_t)text.at[at] < 0x20 || text.at[at] == 0x7f) return false;
    return utf8_is_valid(text);
}

static bool is_ascii(str text)
{
    for (size_t at = 0; at < text.len; at++)
        if ((uint8_t)text.at[at] >= 0x80) return false;
    return true;
}

/** RFC 2047: as it stands, or in encoded words that are folded. What might be read as an encoded
 *  word is one. */
static void put_words(struct buf *out, str text)
{
    bool is_short = text.len <= 60 && is_ascii(text);
    if (is_short && memmem(text.at, text.len, "=?", 2) == nullptr) {
        buf_put(out, text);
        return;
    }
    for (bool is_first = true; text.len > 0; is_first = false) {
        str word = utf8_first(text, WORD_BYTES_MAX);
        buf_put(out, is_first ? S("=?UTF-8?B?") : S("\r\n =?UTF-8?B?"));
        put_base64(out, word);
        buf_put(out, S("?="));
        text = str_from(text, word.len);
    }
}

/** The name of a sender, quoted so that no sign in it is read as a part of an address. */
static void put_name(struct buf *out, str name)
{
    if (!is_ascii(name) || name.len > 60) {
        put_words(out, name);
        return;
    }
    buf_put_byte(out, '"');
    for (size_t at = 0; at < name.len; at++) {
        if (name.at[at] == '"' || name.at[at] == '\\') buf_put_byte(out, '\\');
        buf_put_byte(out, name.at[at]);
    }
    buf_put_byte(out, '"');
}

static void put_date(struct buf *out, int64_t at_ms)
{
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(at_ms / 1000);
    struct tm moment;
    (void)gmtime_r(&seconds, &moment);
    buf_print(out, "Date: %s, %02d %s %d %02d:%02d:%02d +0000\r\n", days[moment.tm_wday],
              moment.tm_mday, months[moment.tm_mon], moment.tm_year + 1900, moment.tm_hour,
              moment.tm_min, moment.tm_sec);
}

/** Only in angle brackets, so that a comma in it would be no second address. */
static enum err put_address(struct task *task, struct buf *eml, const char *header, str address,
                            bool is_needed)
{
    if (address.len == 0 && !is_needed) return ERR_NONE;
    if (!email_is_address(address) || !is_one_line(address))
        return fail(task, ERR_INVALID, "the mail's `%s` is not one address", header);
    buf_print(eml, "%s: <%.*s>\r\n", header, FMT(address));
    return ERR_NONE;
}

static void put_text(struct buf *eml, str text)
{
    for (size_t at = 0; at < text.len; at += LINE_BYTES) {
        put_base64(eml, str_first(str_from(text, at), LINE_BYTES));
        buf_put(eml, S("\r\n"));
    }
}

enum err mail_write(struct task *task, const struct mail_letter *letter, struct buf *eml)
{
    char id[ID_TEXT_BYTES];
    if (!is_one_line(letter->subject) || letter->subject.len > SUBJECT_BYTES_MAX)
        return fail(task, ERR_INVALID, "the mail's subject is not one line of text");
    if (!utf8_is_valid(letter->text))
        return fail(task, ERR_INVALID, "the mail's text is no valid UTF-8");
    id_write(letter->id, id);
    buf_put(eml, S("From: "));
    put_name(eml, is_one_line(letter->from_name) ? letter->from_name : S(""));
    buf_print(eml, " <%.*s>\r\n", FMT(letter->from));
    TRY(put_address(task, eml, "To", letter->to, true));
    TRY(put_address(task, eml, "Cc", letter->cc, false));
    TRY(put_address(task, eml, "Bcc", letter->bcc, false));
    TRY(put_address(task, eml, "Reply-To", letter->reply_to, false));
    buf_put(eml, S("Subject: "));
    put_words(eml, letter->subject);
    buf_put(eml, S("\r\n"));
    put_date(eml, letter->at_ms);
    str behind, before;
    (void)str_cut(letter->from, '@', &before, &behind);
    buf_print(eml, "Message-ID: <%.*s@%.*s>\r\n", ID_TEXT_BYTES, id, FMT(behind));
    buf_put(eml, MAIL_TEXT_HEADER);
    buf_put(eml, letter->is_way_in ? S(": way-in\r\n") : S(": plain\r\n"));
    buf_put(eml, S("Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
                   "Content-Type: text/plain; charset=utf-8\r\n"
                   "Content-Transfer-Encoding: base64\r\n\r\n"));
    put_text(eml, letter->text);
    return buf_is_over(eml) ? fail(task, ERR_TOO_LARGE, "the mail is too large") : ERR_NONE;
}
