/* Kinds that are one text: text, long text, url, country, language, currency, time zone. */
#include "base/fold.h"
#include "base/limits.h"
#include "base/require.h"
#include "model/kinds.h"
#include "model/pattern.h"
#include "value/codes.h"
#include "value/json.h"
#include "value/key.h"
#include "value/text.h"

constexpr size_t HOST_BYTES_MAX = 253;

str key_of_text(struct arena *arena, str text)
{
    struct buf key = buf_make(arena, KEY_ORDERED_BYTES_MAX);
    key_put_text(&key, fold(arena, text));
    return buf_str(&key);
}

static bool has_control(str text, str allowed)
{
    for (size_t i = 0; i < text.len; i++) {
        bool is_control = (uint8_t)text.at[i] < ' ' || text.at[i] == 0x7F;
        if (is_control && str_find_byte(allowed, text.at[i]) == SIZE_MAX) return true;
    }
    return false;
}

bool read_line_text(struct task *task, const struct field *field, str text, uint32_t characters_max,
                    str *line_out)
{
    str line = str_trim(text);
    if (has_control(line, S(""))) {
        kind_fault(task, field, "format",
                   "is one line, but has a line break or control character in it");
        return false;
    }
    /* Composing costs more than counting, and no text gets shorter by more than its combining
     * marks. */
    if (line.len > (size_t)characters_max * 16 || utf8_length(line) > (size_t)characters_max * 4) {
        kind_fault(task, field, "length", "is longer than %u characters", characters_max);
        return false;
    }
    line = utf8_compose(task->arena, line);
    if (utf8_length(line) > characters_max) {
        kind_fault(task, field, "length", "has %zu characters, at most %u are kept",
                   utf8_length(line), characters_max);
        return false;
    }
    *line_out = line;
    return true;
}

/** Absence is what an empty text means. */
static void pack_text_or_nil(struct buf *stored, str text)
{
    if (text.len == 0) pack_nil(stored);
    else pack_text(stored, text);
}

bool read_text(struct task *task, const struct field *field, const struct value *given,
               struct buf *stored)
{
    if (given->kind != VALUE_TEXT) return refuse_type(task, field, given, "a text");
    str line;
    uint32_t most = field->max > 0 ? field->max : TEXT_CHARACTERS_MAX;
    if (!read_line_text(task, field, given->text, most, &line)) return false;
    if (!format_read(task, field, line, &line)) return false;
    bool is_fit = line.len == 0 || field->pattern_compiled == nullptr ||
                  pattern_fits(task->arena, field->pattern_compiled, line);
    if (!is_fit) {
        kind_fault(task, field, "pattern", "has not the form %.*s", FMT(field->pattern));
        return false;
    }
    pack_text_or_nil(stored, line);
    return true;
}

/** Line ends of any system to the one of this. */
static str with_plain_lines(struct arena *arena, str text)
{
    if (str_find_byte(text, '\r') == SIZE_MAX) return text;
    char *out = arena_take_raw(arena, text.len);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        bool is_pair = text.at[i] == '\r' && i + 1 < text.len && text.at[i + 1] == '\n';
        if (!is_pair) out[len++] = text.at[i] == '\r' ? '\n' : text.at[i];
    }
    return (str){out, len};
}

bool read_long_text(struct task *task, const struct field *field, const struct value *given,
                    struct buf *stored)
{
    if (given->kind != VALUE_TEXT) return refuse_type(task, field, given, "a text");
    if (given->text.len > TEXT_BYTES_MAX) {
        kind_fault(task, field, "length", "is longer than %zu bytes", TEXT_BYTES_MAX);
        return false;
    }
    str text = with_plain_lines(task->arena, given->text);
    if (has_control(text, S("\n\t"))) {
        kind_fault(task, field, "format", "has a control character in it");
        return false;
    }
    text = utf8_compose(task->arena, text);
    bool is_long = text.len > TEXT_BYTES_MAX || (field->max > 0 && utf8_length(text) > field->max);
    if (is_long) {
        kind_fault(task, field, "length", "is longer than %u characters",
                   field->max > 0 ? field->max : (uint32_t)TEXT_BYTES_MAX);
        return false;
    }
    pack_text_or_nil(stored, str_trim(text).len == 0 ? S("") : text);
    return true;
}

static char lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
}

static char upper(char byte)
{
    return byte >= 'a' && byte <= 'z' ? (char)(byte - 'a' + 'A') : byte;
}

static str mapped(struct arena *arena, str text, char (*map)(char))
{
    char *out = arena_take_raw(arena, text.len + 1);
    for (size_t i = 0; i < text.len; i++) out[i] = map(text.at[i]);
    return (str){out, text.len};
}

static bool is_host(str host)
{
    size_t dots = 0;
    size_t label = 0;
    for (size_t i = 0; i < host.len; i++) {
        uint8_t byte = (uint8_t)host.at[i];
        bool is_letter =
            (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte >= 0x80;
        bool is_inner = byte == '-' && label > 0;
        if (byte == '.' && label > 0) {
            dots++;
            label = 0;
        } else if (is_letter || is_inner) {
            label++;
        } else {
            return false;
        }
    }
    return host.len <= HOST_BYTES_MAX && label > 0 && dots > 0;
}

static bool is_port(str port)
{
    int64_t number;
    return port.len <= 5 && port.at[0] != '+' && port.at[0] != '-' && str_to_int64(port, &number) &&
           number > 0 && number < 65536;
}

/** The address in its full form; false when it is none. Scheme and host are given in lower case. */
static bool url_complete(struct arena *arena, str text, str *url_out)
{
    str rest = text;
    str scheme = S("https://");
    if (text.len > 7 && str_eq_nocase(str_first(text, 7), S("http://"))) scheme = S("http://");
    bool has_scheme = str_eq_nocase(str_first(text, scheme.len), scheme);
    if (has_scheme) rest = str_from(text, scheme.len);
    size_t host_len = 0;
    while (host_len < rest.len && str_find_byte(S("/?#"), rest.at[host_len]) == SIZE_MAX)
        host_len++;
    str host;
    str port;
    bool has_port = str_cut(str_first(rest, host_len), ':', &host, &port);
    host = mapped(arena, host, lower);
    if (!is_host(host) || (has_port && (port.len == 0 || !is_port(port)))) return false;
    for (size_t i = 0; i < rest.len; i++)
        if ((uint8_t)rest.at[i] <= ' ' || str_find_byte(S("\"<>\\^`{|}"), rest.at[i]) != SIZE_MAX)
            return false;
    *url_out =
        arena_print(arena, "%.*s%.*s%.*s", FMT(scheme), FMT(host), FMT(str_from(rest, host.len)));
    return url_out->len <= URL_BYTES_MAX;
}

bool read_url(struct task *task, const struct field *field, const struct value *given,
              struct buf *stored)
{
    if (given->kind != VALUE_TEXT) return refuse_type(task, field, given, "a text");
    str line;
    str url = S("");
    if (!read_line_text(task, field, given->text, URL_BYTES_MAX, &line)) return false;
    if (line.len > 0 && !url_complete(task->arena, line, &url)) {
        kind_fault(task, field, "format",
                   "is no web address: one looks like https://www.example.com, with http or https");
        return false;
    }
    pack_text_or_nil(stored, url);
    return true;
}

bool read_country(struct task *task, const struct field *field, const struct value *given,
                  struct buf *stored)
{
    if (given->kind != VALUE_TEXT) return refuse_type(task, field, given, "a text");
    str code = mapped(task->arena, str_trim(given->text), upper);
    if (code.len > 0 && !country_is_code(code)) {
        kind_fault(task, field, "format",
                   "is no country code of two letters (ISO 3166-1), such as DE");
        return false;
    }
    pack_text_or_nil(stored, code);
    return true;
}

bool read_language(struct task *task, const struct field *field, const struct value *given,
                   struct buf *stored)
{
    if (given->kind != VALUE_TEXT) return refuse_type(task, field, given, "a text");
    str tag = str_trim(given->text);
    if (tag.len > 0 && !language_is_tag(tag)) {
        kind_fault(task, field, "format", "is no language, such as de or pt-BR");
        return false;
    }
    pack_text_or_nil(stored, tag);
    return true;
}

bool read_currency(struct task *task, const struct field *field, const struct value *given,
                   struct buf *stored)
{
    if (given->kind != VALUE_TEXT) return refuse_type(task, field, given, "a text");
    str code = mapped(task->arena, str_trim(given->text), upper);
    uint8_t scale;
    if (code.len > 0 && !currency_scale(code, &scale)) {
        kind_fault(task, field, "format",
                   "is no currency of three letters (ISO 4217), such as EUR");
        return false;
    }
    pack_text_or_nil(stored, code);
    return true;
}

bool read_timezone(struct task *task, const struct field *field, const struct value *given,
                   struct buf *stored)
{
    if (given->kind != VALUE_TEXT) return refuse_type(task, field, given, "a text");
    str name = str_trim(given->text);
    if (name.len > 0 && !timezone_is_name(name)) {
        kind_fault(task, field, "format", "is no time zone, such as Europe/Berlin");
        return false;
    }
    pack_text_or_nil(stored, name);
    return true;
}

void write_plain(struct buf *json, const struct field *, const struct value *stored)
{
    json_write(json, stored);
}

struct key_list order_plain_text(struct arena *arena, const struct field *,
                                 const struct value *stored)
{
    if (stored->kind != VALUE_TEXT) return (struct key_list){};
    return key_one(arena, key_of_text(arena, stored->text));
}

bool order_text_plain(struct task *task, const struct field *, str text, str *ordered_out)
{
    *ordered_out = key_of_text(task->arena, text);
    return true;
}

bool order_text_url(struct task *task, const struct field *, str text, str *ordered_out)
{
    str url;
    bool is_url = url_complete(task->arena, str_trim(text), &url);
    *ordered_out = key_of_text(task->arena, is_url ? url : text);
    return true;
}

bool order_text_country(struct task *task, const struct field *field, str text, str *ordered_out)
{
    str code;
    if (!country_find(task->arena, text, &code)) {
        kind_fault(task, field, "format", "is no country: give a code such as DE, or a name");
        return false;
    }
    *ordered_out = key_of_text(task->arena, code);
    return true;
}

struct key_list words_plain(struct arena *arena, const struct field *, const struct value *stored)
{
    return stored->kind == VALUE_TEXT ? words_of_text(arena, stored->text) : (struct key_list){};
}

/** All but the words that every address has. */
struct key_list words_url(struct arena *arena, const struct field *field,
                          const struct value *stored)
{
    struct key_list words = words_plain(arena, field, stored);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < words.count; i++) {
        bool is_common = str_eq(words.items[i], S("http")) || str_eq(words.items[i], S("https")) ||
                         str_eq(words.items[i], S("www"));
        if (!is_common) words.items[kept++] = words.items[i];
    }
    words.count = kept;
    return words;
}
