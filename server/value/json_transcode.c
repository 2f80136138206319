/* JSON that was formed here, to the value it stands for: the way to MessagePack of every answer. */
#include "base/limits.h"
#include "value/json.h"

/** Of answers, which hold values of depth VALUE_DEPTH_MAX. */
constexpr uint32_t NESTING_MAX = VALUE_DEPTH_MAX + 16;
constexpr uint32_t COUNTS_CAPACITY_MIN = 64;

struct packing {
    struct cursor text;
    struct buf *out;
    /** Of the parts of each list and map, in the order in which they begin. */
    uint32_t *counts;
    uint32_t count_count;
    uint32_t count_capacity;
    uint32_t counted_at; /** the next of them */
};

/** Behind the string whose first byte is at the cursor; false when it does not end. */
static bool string_skip(struct cursor *text, bool *has_escape_out)
{
    *has_escape_out = false;
    for (text->at++; text->at < text->end; text->at++) {
        if (*text->at == '"') {
            text->at++;
            return true;
        }
        if (*text->at != '\\') continue;
        *has_escape_out = true;
        text->at++;
    }
    return false;
}

static void group_begin(struct packing *packing)
{
    if (packing->count_count == packing->count_capacity) {
        uint32_t capacity =
            packing->count_capacity == 0 ? COUNTS_CAPACITY_MIN : packing->count_capacity * 2;
        uint32_t *counts = arena_new(packing->out->arena, uint32_t, capacity);
        if (packing->count_count > 0)
            memcpy(counts, packing->counts, packing->count_count * sizeof *counts);
        packing->counts = counts;
        packing->count_capacity = capacity;
    }
    packing->counts[packing->count_count++] = 1;
}

/** A list's or map's head says how many parts follow, so they are counted before. */
static bool parts_count(struct packing *packing, str json)
{
    uint32_t open[NESTING_MAX], depth = 0;
    bool is_empty = false, has_escape;
    for (struct cursor text = cursor_of(json); text.at < text.end;) {
        char byte = *text.at;
        if (byte == '"') {
            is_empty = false;
            if (!string_skip(&text, &has_escape)) return false;
            continue;
        }
        text.at++;
        if (byte == '[' || byte == '{') {
            if (depth == NESTING_MAX) return false;
            open[depth++] = packing->count_count;
            group_begin(packing);
            is_empty = true;
        } else if (byte == ']' || byte == '}') {
            if (depth == 0) return false;
            depth--;
            if (is_empty) packing->counts[open[depth]] = 0;
            is_empty = false;
        } else if (byte == ',') {
            if (depth == 0) return false;
            packing->counts[open[depth - 1]]++;
        } else if (byte != ' ' && byte != '\n' && byte != '\r' && byte != '\t') {
            is_empty = false;
        }
    }
    return depth == 0;
}

static void blanks_skip(struct cursor *text)
{
    while (text->at < text->end &&
           (*text->at == ' ' || *text->at == '\n' || *text->at == '\r' || *text->at == '\t'))
        text->at++;
}

static bool byte_take(struct cursor *text, char byte)
{
    blanks_skip(text);
    if (text->at == text->end || *text->at != byte) return false;
    text->at++;
    return true;
}

/* Texts. */

static bool hex_take(struct cursor *text, uint32_t *number_out)
{
    *number_out = 0;
    if (cursor_left(text) < 4) return false;
    for (int digit = 0; digit < 4; digit++) {
        char byte = *text->at++;
        char letter = (char)(byte | 0x20);
        uint32_t value = byte >= '0' && byte <= '9'       ? (uint32_t)(byte - '0')
                         : letter >= 'a' && letter <= 'f' ? (uint32_t)(letter - 'a') + 10
                                                          : 16;
        if (value > 15) return false;
        *number_out = *number_out << 4 | value;
    }
    return true;
}

static void point_put(struct buf *out, uint32_t point)
{
    if (point < 0x80) {
        buf_put_byte(out, (char)point);
        return;
    }
    if (point < 0x800) {
        buf_put_byte(out, (char)(0xc0 | point >> 6));
    } else {
        if (point < 0x10000) {
            buf_put_byte(out, (char)(0xe0 | point >> 12));
        } else {
            buf_put_byte(out, (char)(0xf0 | point >> 18));
            buf_put_byte(out, (char)(0x80 | (point >> 12 & 0x3f)));
        }
        buf_put_byte(out, (char)(0x80 | (point >> 6 & 0x3f)));
    }
    buf_put_byte(out, (char)(0x80 | (point & 0x3f)));
}

static bool point_take(struct cursor *text, uint32_t *point_out)
{
    uint32_t low;
    if (!hex_take(text, point_out)) return false;
    if (*point_out < 0xd800 || *point_out > 0xdfff) return true;
    bool is_pair =
        *point_out < 0xdc00 && cursor_left(text) >= 6 && text->at[0] == '\\' && text->at[1] == 'u';
    if (!is_pair) return false;
    text->at += 2;
    if (!hex_take(text, &low) || low < 0xdc00 || low > 0xdfff) return false;
    *point_out = 0x10000 + ((*point_out - 0xd800) << 10) + (low - 0xdc00);
    return true;
}

static bool escape_take(struct cursor *text, struct buf *out)
{
    static const char letters[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
    if (cursor_left(text) < 1) return false;
    char letter = *text->at++;
    if (letter == 'u') {
        uint32_t point;
        if (!point_take(text, &point)) return false;
        point_put(out, point);
        return true;
    }
    const char *place = memchr(letters, letter, sizeof letters - 1);
    if (place == nullptr) return false;
    buf_put_byte(out, bytes[place - letters]);
    return true;
}

static bool text_pack(struct packing *packing)
{
    const char *from = packing->text.at + 1;
    bool has_escape;
    if (!string_skip(&packing->text, &has_escape)) return false;
    str inside = str_between(from, packing->text.at - 1);
    if (!has_escape) {
        pack_text(packing->out, inside);
        return true;
    }
    struct buf plain = buf_make(packing->out->arena, inside.len);
    for (struct cursor text = cursor_of(inside); text.at < text.end;) {
        size_t len = str_find_byte(str_between(text.at, text.end), '\\');
        if (len == SIZE_MAX) len = cursor_left(&text);
        buf_put(&plain, (str){text.at, len});
        text.at += len;
        if (text.at == text.end) break;
        text.at++;
        if (!escape_take(&text, &plain)) return false;
    }
    if (buf_is_over(&plain)) return false;
    pack_text(packing->out, buf_str(&plain));
    return true;
}

/* Numbers and words. */

static bool word_pack(struct packing *packing)
{
    static const str words[] = {S("null"), S("true"), S("false")};
    str rest = str_between(packing->text.at, packing->text.end);
    for (size_t at = 0; at < sizeof words / sizeof words[0]; at++) {
        if (!str_starts(rest, words[at])) continue;
        packing->text.at += words[at].len;
        if (at == 0) pack_nil(packing->out);
        else pack_bool(packing->out, at == 1);
        return true;
    }
    size_t len = 0;
    bool is_integer = true;
    for (; len < rest.len; len++) {
        char byte = rest.at[len];
        bool is_digit = (byte >= '0' && byte <= '9') || byte == '-';
        if (!is_digit && byte != '.' && byte != 'e' && byte != 'E' && byte != '+') break;
        if (!is_digit) is_integer = false;
    }
    int64_t integer;
    double number;
    packing->text.at += len;
    if (is_integer && str_to_int64(str_first(rest, len), &integer)) {
        pack_int(packing->out, integer);
        return true;
    }
    if (!str_to_double(str_first(rest, len), &number)) return false;
    pack_float(packing->out, number);
    return true;
}

/* Lists and maps. */

static bool value_pack(struct packing *packing);

static bool group_pack(struct packing *packing)
{
    bool is_map = *packing->text.at == '{';
    uint32_t count = packing->counts[packing->counted_at++];
    packing->text.at++;
    if (is_map) pack_map(packing->out, count);
    else pack_list(packing->out, count);
    for (uint32_t at = 0; at < count; at++) {
        if (at > 0 && !byte_take(&packing->text, ',')) return false;
        blanks_skip(&packing->text);
        if (is_map) {
            bool is_key = packing->text.at < packing->text.end && *packing->text.at == '"';
            if (!is_key || !text_pack(packing) || !byte_take(&packing->text, ':')) return false;
        }
        if (!value_pack(packing)) return false;
    }
    return byte_take(&packing->text, is_map ? '}' : ']');
}

/** As deep as parts_count has let it be. */
static bool value_pack(struct packing *packing)
{
    blanks_skip(&packing->text);
    if (packing->text.at == packing->text.end) return false;
    switch (*packing->text.at) {
    case '{':
    case '[':
        return group_pack(packing);
    case '"':
        return text_pack(packing);
    default:
        return word_pack(packing);
    }
}

bool json_transcode(struct buf *out, str json)
{
    struct packing packing = {.text = cursor_of(json), .out = out};
    if (!parts_count(&packing, json) || !value_pack(&packing)) return false;
    blanks_skip(&packing.text);
    return packing.text.at == packing.text.end && !buf_is_over(out);
}
