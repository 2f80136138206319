/* Kinds that are stored sealed under the tenant's key: what `read` gives is still plain, and
 * record/sealed.h seals and opens it. */
#include "base/fold.h"
#include "base/limits.h"
#include "base/require.h"
#include "model/kinds.h"
#include "store/sealing.h"

constexpr size_t IBAN_BYTES_MIN = 15, IBAN_BYTES_MAX = 34; /** ISO 13616-1 */
constexpr uint32_t SECRET_CHARACTERS_MAX = 4000;

bool field_is_sealed(const struct field *field)
{
    return field->kind == FIELD_SEALED || field->kind == FIELD_SECRET;
}

/** 0–9, and 10–35 for a letter; -1: neither. */
static int iban_digit(char byte)
{
    if (byte >= '0' && byte <= '9') return byte - '0';
    if (byte >= 'A' && byte <= 'Z') return byte - 'A' + 10;
    return -1;
}

bool iban_read(struct arena *arena, str text, str *iban_out)
{
    char *iban = arena_take_raw(arena, IBAN_BYTES_MAX);
    size_t len = 0;
    for (size_t at = 0; at < text.len; at++) {
        char byte = text.at[at];
        if (byte == ' ' || byte == '-') continue;
        if (byte >= 'a' && byte <= 'z') byte = (char)(byte - 'a' + 'A');
        if (len == IBAN_BYTES_MAX || iban_digit(byte) < 0) return false;
        bool is_letter = iban_digit(byte) > 9;
        if ((len < 2 && !is_letter) || (len >= 2 && len < 4 && is_letter)) return false;
        iban[len++] = byte;
    }
    if (len < IBAN_BYTES_MIN) return false;
    /* ISO 7064, mod 97-10, with the first four characters moved to the end. */
    uint32_t rest = 0;
    for (size_t at = 0; at < len; at++) {
        uint32_t digit = (uint32_t)iban_digit(iban[(at + 4) % len]);
        rest = (rest * (digit > 9 ? 100 : 10) + digit) % 97;
    }
    *iban_out = (str){iban, len};
    return rest == 1;
}

bool format_read(struct task *task, const struct field *field, str line, str *line_out)
{
    *line_out = line;
    if (line.len == 0 || field->format == FORMAT_ANY) return true;
    if (field->format == FORMAT_EMAIL) return email_read(task, field, line);
    require(field->format == FORMAT_IBAN);
    if (iban_read(task->arena, line, line_out)) return true;
    kind_fault(task, field, "format",
               "is no IBAN: two letters, two check digits, then letters and digits, such as "
               "DE89 3704 0044 0532 0130 00");
    return false;
}

str sealed_found_by(struct arena *arena, str text)
{
    return fold(arena, text);
}

bool read_sealed(struct task *task, const struct field *field, const struct value *given,
                 struct buf *stored)
{
    return read_text(task, field, given, stored);
}

bool read_secret(struct task *task, const struct field *field, const struct value *given,
                 struct buf *stored)
{
    if (given->kind != VALUE_TEXT) return refuse_type(task, field, given, "a text");
    /* As it was given, to the last blank: it must open what it opened before. */
    str text = given->text;
    uint32_t most = field->max > 0 ? field->max : SECRET_CHARACTERS_MAX;
    if (text.len > (size_t)most * 4 || utf8_length(text) > most) {
        kind_fault(task, field, "length", "is longer than %u characters", most);
        return false;
    }
    if (text.len == 0) pack_nil(stored);
    else pack_text(stored, text);
    return true;
}

/** What could not be opened is shown as if it were not there. */
void write_sealed(struct buf *json, const struct field *field, const struct value *stored)
{
    if (stored->kind == VALUE_TEXT) write_plain(json, field, stored);
    else buf_put(json, S("null"));
}

/** Only that there is one. */
void write_secret(struct buf *json, const struct field *, const struct value *)
{
    buf_put(json, S("true"));
}

void give_sealed(struct buf *given, const struct field *, const struct value *stored)
{
    if (stored->kind == VALUE_TEXT) pack_raw(given, stored->bytes);
    else pack_nil(given);
}

void give_secret(struct buf *given, const struct field *, const struct value *)
{
    pack_bool(given, true);
}

/** Of sealed bytes their blind; of a text that is not sealed yet the text. */
struct key_list order_sealed(struct arena *arena, const struct field *field,
                             const struct value *stored)
{
    if (stored->kind == VALUE_TEXT) return order_plain_text(arena, field, stored);
    str key = stored->kind == VALUE_BYTES ? sealed_index_key(stored->text) : (str){};
    return key.len == 0 ? (struct key_list){} : key_one(arena, key);
}

/** The text, for record/ to make its blinds of (record/condition.h). */
bool order_text_sealed(struct task *task, const struct field *field, str text, str *ordered_out)
{
    str line;
    if (!format_read(task, field, str_trim(text), &line)) return false;
    *ordered_out = key_of_text(task->arena, line);
    return true;
}

bool cell_secret(struct task *task, const struct field *field, str, struct buf *)
{
    kind_fault(task, field, "type", "is a secret: secrets are not imported");
    return false;
}
