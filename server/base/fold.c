#include "base/fold.h"

#include <utf8proc.h>

#include "base/buf.h"

/** The longest decomposition has 18 code points (U+FDFA). */
constexpr size_t DECOMPOSED_MAX = 32;
/** Of NFKD in UTF-8, in bytes for a byte: U+FDFA again, 3 to 33. */
constexpr size_t GROWTH_MAX = 11;
constexpr int32_t REPLACEMENT = 0xfffd;
constexpr uint64_t EACH_HIGH_BIT = 0x8080808080808080;
constexpr uint64_t EACH_LOW_BIT = 0x0101010101010101;

enum ascii_class : uint8_t { ASCII_OTHER, ASCII_SPACE, ASCII_UPPER, ASCII_LETTER, ASCII_DIGIT };

static enum ascii_class ascii_class(char byte)
{
    if (byte >= 'a' && byte <= 'z') return ASCII_LETTER;
    if (byte >= 'A' && byte <= 'Z') return ASCII_UPPER;
    if (byte >= '0' && byte <= '9') return ASCII_DIGIT;
    if (byte == ' ' || (byte >= '\t' && byte <= '\r')) return ASCII_SPACE;
    return ASCII_OTHER;
}

static bool is_ascii(char byte)
{
    return (uint8_t)byte < 0x80;
}

static uint64_t load_8(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/** Moves over bytes 1 to 7f, eight at a time. */
static void skip_ascii(struct cursor *cursor)
{
    while (cursor_left(cursor) >= 8) {
        uint64_t word = load_8(cursor->at);
        /* The second term has a high bit where a byte was 00 (and nothing else below 80). */
        if (((word | (word - EACH_LOW_BIT)) & EACH_HIGH_BIT) != 0) break;
        cursor->at += 8;
    }
    while (cursor->at < cursor->end && is_ascii(*cursor->at) && *cursor->at != 0) cursor->at++;
}

static bool is_between(char byte, uint8_t low, uint8_t high)
{
    return (uint8_t)byte >= low && (uint8_t)byte <= high;
}

/** Moves over one sequence of two to four bytes; false when it is not well-formed (Unicode's
 *  table 3-7). */
static bool skip_sequence(struct cursor *cursor)
{
    uint8_t lead = (uint8_t)*cursor->at;
    size_t len = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || cursor_left(cursor) < len) return false;
    uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (!is_between(cursor->at[1], low, high)) return false;
    for (size_t at = 2; at < len; at++)
        if (!is_between(cursor->at[at], 0x80, 0xbf)) return false;
    cursor->at += len;
    return true;
}

/** The next code point; a byte that is no UTF-8 (damaged storage) reads as U+FFFD. */
static int32_t next_code(struct cursor *cursor)
{
    int32_t code;
    utf8proc_ssize_t len = utf8proc_iterate((const utf8proc_uint8_t *)cursor->at,
                                            (utf8proc_ssize_t)cursor_left(cursor), &code);
    if (len <= 0) {
        cursor->at++;
        return REPLACEMENT;
    }
    cursor->at += len;
    return code;
}

static bool is_space_code(int32_t code)
{
    if (code < 0x80) return ascii_class((char)code) == ASCII_SPACE;
    utf8proc_category_t category = utf8proc_category(code);
    return code == 0x85 || category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL ||
           category == UTF8PROC_CATEGORY_ZP;
}

/** What has no ink although it is no control: fillers, and what chooses among a letter's forms. */
static bool is_blank_code(int32_t code)
{
    return code == 0x34f || code == 0x115f || code == 0x1160 || code == 0x17b4 || code == 0x17b5 ||
           (code >= 0x180b && code <= 0x180f) || code == 0x2800 || code == 0x3164 ||
           (code >= 0xfe00 && code <= 0xfe0f) || code == 0xffa0 ||
           (code >= 0xe0100 && code <= 0xe01ef);
}

static bool is_seen_code(int32_t code)
{
    switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
        return false;
    default:
        return !is_blank_code(code);
    }
}

static bool is_word_code(int32_t code)
{
    switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
        return true;
    default:
        return false;
    }
}

/** Where folded text goes: white space waits until something follows it. */
struct folding {
    struct buf out;
    bool is_name; /** keep letters and digits only */
    bool space_waits;
};

static void put_code(struct folding *folding, int32_t code)
{
    if (is_space_code(code)) {
        folding->space_waits = folding->out.len > 0 && !folding->is_name;
        return;
    }
    if (folding->is_name && !is_word_code(code)) return;
    if (folding->space_waits) buf_put_byte(&folding->out, ' ');
    folding->space_waits = false;
    char *room = buf_room(&folding->out, 4);
    if (room == nullptr) return;
    buf_grew(&folding->out, (size_t)utf8proc_encode_char(code, (utf8proc_uint8_t *)room));
}

static void put_folded(struct folding *folding, int32_t code)
{
    int32_t codes[DECOMPOSED_MAX];
    int last_class = UTF8PROC_BOUNDCLASS_START;
    /* Marks are stripped, so what is left needs no canonical order and each code stands alone. */
    utf8proc_ssize_t count =
        utf8proc_decompose_char(code, codes, DECOMPOSED_MAX,
                                UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD |
                                    UTF8PROC_STRIPMARK | UTF8PROC_IGNORE,
                                &last_class);
    if (count < 0 || (size_t)count > DECOMPOSED_MAX) return;
    for (utf8proc_ssize_t at = 0; at < count; at++) put_code(folding, codes[at]);
}

/** Folds what stands before the first byte above 7f; `room` holds text.len bytes. Most
 *  texts end here. */
static size_t fold_ascii(struct cursor *text, bool is_name, char *room, bool *space_waits_out)
{
    size_t len = 0;
    bool space_waits = false;
    for (; text->at < text->end && is_ascii(*text->at); text->at++) {
        char byte = *text->at;
        enum ascii_class class = ascii_class(byte);
        if (class == ASCII_SPACE) {
            space_waits = len > 0 && !is_name;
            continue;
        }
        if (class == ASCII_OTHER && is_name) continue;
        if (space_waits) room[len++] = ' ';
        space_waits = false;
        room[len++] = class == ASCII_UPPER ? (char)(byte + ('a' - 'A')) : byte;
    }
    *space_waits_out = space_waits;
    return len;
}

static str fold_text(struct arena *arena, str text, bool is_name)
{
    struct folding folding = {.out = buf_make(arena, GROWTH_MAX * text.len + 8),
                              .is_name = is_name};
    if (text.len == 0) return S("");
    struct cursor cursor = cursor_of(text);
    char *room = buf_room(&folding.out, text.len);
    buf_grew(&folding.out, fold_ascii(&cursor, is_name, room, &folding.space_waits));
    while (cursor_left(&cursor) > 0) {
        if (is_ascii(*cursor.at))
            put_code(&folding, ascii_class(*cursor.at) == ASCII_UPPER ? *cursor.at++ + ('a' - 'A')
                                                                      : *cursor.at++);
        else put_folded(&folding, next_code(&cursor));
    }
    return buf_str(&folding.out);
}

/** By their blocks; signs, digits and all other letters have none. */
static uint32_t alphabet_of(int32_t code)
{
    static const struct {
        int32_t first, last;
        uint32_t alphabet;
    } blocks[] = {
        {'A', 'Z', 1},       {'a', 'z', 1},       {0xaa, 0xaa, 1},     {0xba, 0xba, 1},
        {0xc0, 0xd6, 1},     {0xd8, 0xf6, 1},     {0xf8, 0x2af, 1},    {0x1d00, 0x1d25, 1},
        {0x1e00, 0x1eff, 1}, {0x2c60, 0x2c7f, 1}, {0xa722, 0xa7ff, 1}, {0xfb00, 0xfb06, 1},
        {0xff21, 0xff5a, 1}, {0x370, 0x3ff, 2},   {0x1f00, 0x1fff, 2}, {0x400, 0x52f, 4},
        {0x1c80, 0x1c8f, 4}, {0x2de0, 0x2dff, 4}, {0xa640, 0xa69f, 4}, {0x531, 0x58f, 8},
    };
    for (size_t at = 0; at < sizeof blocks / sizeof blocks[0]; at++)
        if (code >= blocks[at].first && code <= blocks[at].last) return blocks[at].alphabet;
    return 0;
}

bool utf8_is_identifier(str text)
{
    struct cursor cursor = cursor_of(text);
    uint32_t alphabets = 0;
    while (cursor_left(&cursor) > 0) {
        int32_t code = next_code(&cursor);
        if (!is_seen_code(code)) return false;
        alphabets |= alphabet_of(code);
    }
    return (alphabets & (alphabets - 1)) == 0;
}

bool utf8_is_valid(str text)
{
    struct cursor cursor = cursor_of(text);
    for (;;) {
        skip_ascii(&cursor);
        if (cursor_left(&cursor) == 0) return true;
        if (!skip_sequence(&cursor)) return false;
    }
}

size_t utf8_length(str text)
{
    size_t count = 0;
    for (size_t at = 0; at < text.len; at++) count += !is_between(text.at[at], 0x80, 0xbf);
    return count;
}

/** Code points below U+0300 are composed already, and nothing combines with what stands
 *  before them. */
static bool is_surely_composed(str text)
{
    struct cursor cursor = cursor_of(text);
    for (skip_ascii(&cursor); cursor.at < cursor.end; cursor.at++)
        if ((uint8_t)*cursor.at >= 0xcc) return false;
    return true;
}

str utf8_first(str text, size_t bytes)
{
    if (text.len <= bytes) return text;
    while (bytes > 0 && ((uint8_t)text.at[bytes] & 0xC0) == 0x80) bytes--;
    return str_first(text, bytes);
}

str utf8_first_codes(str text, size_t count)
{
    size_t at = 0;
    for (; at < text.len; at++)
        if (!is_between(text.at[at], 0x80, 0xbf) && count-- == 0) break;
    return str_first(text, at);
}

enum letter_case : uint8_t { CASE_UPPER, CASE_LOWER, CASE_TITLE };

/** An apostrophe within a word is no end of it. */
static bool is_inner_code(int32_t code)
{
    return code == '\'' || code == 0x2019 || is_word_code(code);
}

static str change_case(struct arena *arena, str text, enum letter_case wanted)
{
    bool is_inner = false;
    struct buf out = buf_make(arena, 2 * text.len + 8);
    struct cursor cursor = cursor_of(text);
    while (cursor_left(&cursor) > 0) {
        int32_t code = next_code(&cursor);
        bool is_next_inner = is_inner_code(code);
        if (wanted == CASE_UPPER) code = utf8proc_toupper(code);
        else if (wanted == CASE_LOWER) code = utf8proc_tolower(code);
        else if (!is_inner) code = utf8proc_totitle(code);
        is_inner = is_next_inner;
        char *room = buf_room(&out, 4);
        if (room == nullptr) break;
        buf_grew(&out, (size_t)utf8proc_encode_char(code, (utf8proc_uint8_t *)room));
    }
    return buf_str(&out);
}

str utf8_upper(struct arena *arena, str text)
{
    return change_case(arena, text, CASE_UPPER);
}

str utf8_lower(struct arena *arena, str text)
{
    return change_case(arena, text, CASE_LOWER);
}

str utf8_title(struct arena *arena, str text)
{
    return change_case(arena, text, CASE_TITLE);
}

str utf8_compose(struct arena *arena, str text)
{
    if (is_surely_composed(text)) return arena_copy(arena, text);
    constexpr utf8proc_option_t options = UTF8PROC_STABLE | UTF8PROC_COMPOSE;
    const utf8proc_uint8_t *bytes = (const utf8proc_uint8_t *)text.at;
    utf8proc_ssize_t text_len = (utf8proc_ssize_t)text.len;
    utf8proc_ssize_t count = utf8proc_decompose(bytes, text_len, nullptr, 0, options);
    if (count < 0) return arena_copy(arena, text);
    /* One more, for the NUL that reencode writes. */
    int32_t *codes = arena_new(arena, int32_t, (size_t)count + 1);
    count = utf8proc_decompose(bytes, text_len, codes, count, options);
    utf8proc_ssize_t len = utf8proc_reencode(codes, count, options);
    if (len < 0) return arena_copy(arena, text);
    return (str){(const char *)codes, (size_t)len};
}

str fold(struct arena *arena, str text)
{
    return fold_text(arena, text, false);
}

bool fold_word_next(struct cursor *folded, str *word_out)
{
    const char *from = nullptr;
    while (cursor_left(folded) > 0) {
        const char *at = folded->at;
        bool is_word = is_word_code(next_code(folded));
        if (is_word && from == nullptr) from = at;
        if (!is_word && from != nullptr) {
            *word_out = str_between(from, at);
            return true;
        }
    }
    if (from == nullptr) return false;
    *word_out = str_between(from, folded->at);
    return true;
}

str fold_name(struct arena *arena, str text)
{
    return fold_text(arena, text, true);
}
