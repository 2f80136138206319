/* What mail_letter.c wrote, read again: headers that are folded, encoded words and base64. */
#include "base/fold.h"
#include "work/mail_outbox.h"

constexpr size_t HEADER_LINES_MAX = 100;
constexpr size_t WORD_BYTES_MAX = 75; /** of an encoded word, RFC 2047, section 2 */

/** Of a letter of base64 its six bits; -1: it is none. */
static int base64_bits(char byte)
{
    if (byte >= 'A' && byte <= 'Z') return byte - 'A';
    if (byte >= 'a' && byte <= 'z') return byte - 'a' + 26;
    if (byte >= '0' && byte <= '9') return byte - '0' + 52;
    if (byte == '+') return 62;
    return byte == '/' ? 63 : -1;
}

/** What is no letter of it is passed over, as RFC 2045, section 6.8, has it. */
static void take_base64(struct buf *out, str text)
{
    uint32_t group = 0, bits = 0;
    for (size_t at = 0; at < text.len; at++) {
        int six = base64_bits(text.at[at]);
        if (six < 0) continue;
        group = (group << 6 | (uint32_t)six) & 0xffffff;
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        buf_put_byte(out, (char)(group >> bits & 0xff));
    }
}

/** Encoded words (RFC 2047) are read, with nothing between two of them. */
static str words_read(struct arena *arena, str line)
{
    static const str begin = S("=?UTF-8?B?"), end = S("?=");
    struct buf out = buf_make(arena, line.len + 1);
    bool was_encoded = false;
    for (size_t at = 0; at < line.len;) {
        str rest = str_from(line, at), word = {};
        if (str_starts(rest, begin)) word = str_from(str_first(rest, WORD_BYTES_MAX), begin.len);
        const char *close = word.len == 0 ? nullptr : memmem(word.at, word.len, end.at, end.len);
        if (close != nullptr) {
            take_base64(&out, (str){word.at, (size_t)(close - word.at)});
            at = (size_t)(close - line.at) + end.len;
            was_encoded = true;
            continue;
        }
        bool is_between = was_encoded && rest.at[0] == ' ' && str_starts(str_from(rest, 1), begin);
        if (!is_between) buf_put_byte(&out, rest.at[0]);
        if (!is_between) was_encoded = false;
        at++;
    }
    return buf_str(&out);
}

/** The next header with what was folded behind it, in one line; false: the text begins. */
static bool header_next(struct arena *arena, str *rest, str *line_out)
{
    struct buf line = buf_make(arena, rest->len + 1);
    for (bool is_first = true; rest->len > 0; is_first = false) {
        bool is_folded = rest->at[0] == ' ' || rest->at[0] == '\t';
        if (!is_first && !is_folded) break;
        const char *close = memmem(rest->at, rest->len, "\r\n", 2);
        size_t len = close == nullptr ? rest->len : (size_t)(close - rest->at);
        str part = str_first(*rest, len);
        *rest = str_from(*rest, close == nullptr ? len : len + 2);
        if (!is_first) buf_put_byte(&line, ' ');
        buf_put(&line, is_first ? part : str_from(part, 1));
        if (len == 0) break;
    }
    *line_out = buf_str(&line);
    return line_out->len > 0;
}

/** Without the angle brackets. */
static str address_read(str value)
{
    bool is_bracketed = value.len >= 2 && value.at[0] == '<' && value.at[value.len - 1] == '>';
    return is_bracketed ? str_from(str_first(value, value.len - 1), 1) : value;
}

void mail_read(struct arena *arena, str eml, struct mail_letter *letter_out)
{
    str rest = eml, line;
    *letter_out = (struct mail_letter){.is_way_in = true};
    for (size_t count = 0; count < HEADER_LINES_MAX && header_next(arena, &rest, &line); count++) {
        str name, value;
        if (!str_cut(line, ':', &name, &value)) continue;
        value = str_trim(value);
        if (str_eq_nocase(name, S("To"))) letter_out->to = address_read(value);
        else if (str_eq_nocase(name, S("Cc"))) letter_out->cc = address_read(value);
        else if (str_eq_nocase(name, S("Bcc"))) letter_out->bcc = address_read(value);
        else if (str_eq_nocase(name, S("Subject"))) letter_out->subject = words_read(arena, value);
        else if (str_eq_nocase(name, MAIL_TEXT_HEADER))
            letter_out->is_way_in = !str_eq(value, S("plain"));
    }
    struct buf text = buf_make(arena, rest.len + 1);
    take_base64(&text, rest);
    letter_out->text = buf_str(&text);
}
