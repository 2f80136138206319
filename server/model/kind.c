#include "model/kind.h"

#include "base/fold.h"
#include "base/limits.h"
#include "base/require.h"
#include "model/kinds.h"

#define ENTRY_SCHEMA(format) \
    "{\"type\":\"array\",\"items\":{\"oneOf\":[{\"type\":\"string\"},{\"type\":\"object\"," \
    "\"properties\":{\"value\":{\"type\":\"string\"" format \
    "},\"label\":{\"type\":[\"string\",\"null\"]}," \
    "\"primary\":{\"type\":\"boolean\"}},\"required\":[\"value\"],\"additionalProperties\":false}" \
    "]}}"
#define ID_SCHEMA "{\"type\":\"string\",\"format\":\"uuid\"}"

/** The rows, in the order of enum field_kind. */
static const struct kind kinds[FIELD_KIND_COUNT] = {
    [FIELD_TEXT] = {.name = S("text"),
                    .is_text = true,
                    .openapi = S("{\"type\":\"string\"}"),
                    .example = S("\"A text\""),
                    .read = read_text,
                    .write = write_plain,
                    .order = order_plain_text,
                    .order_text = order_text_plain,
                    .from_cell = cell_plain,
                    .words = words_plain},
    [FIELD_LONG_TEXT] = {.name = S("long_text"),
                         .is_text = true,
                         .openapi = S("{\"type\":\"string\"}"),
                         .example = S("\"A text\\nof two lines\""),
                         .read = read_long_text,
                         .write = write_plain,
                         .order = order_plain_text,
                         .order_text = order_text_plain,
                         .from_cell = cell_plain,
                         .words = words_plain},
    [FIELD_NUMBER] = {.name = S("number"),
                      .openapi = S("{\"type\":\"number\"}"),
                      .example = S("12.5"),
                      .read = read_number,
                      .write = write_plain,
                      .order = order_number,
                      .order_text = order_text_number,
                      .from_cell = cell_number},
    [FIELD_DECIMAL] = {.name = S("decimal"),
                       .openapi = S("{\"type\":\"number\"}"),
                       .example = S("12"),
                       .read = read_decimal,
                       .write = write_decimal,
                       .give = give_decimal,
                       .order = order_integer,
                       .order_text = order_text_decimal,
                       .from_cell = cell_decimal},
    [FIELD_MONEY] = {.name = S("money"),
                     .openapi = S(
                         "{\"type\":\"object\",\"properties\":{\"amount\":{\"type\":\"integer\"},"
                         "\"currency\":{\"type\":\"string\",\"pattern\":\"^[A-Z]{3}$\"}},"
                         "\"required\":[\"amount\",\"currency\"],\"additionalProperties\":false}"),
                     .example = S("{\"amount\":1250,\"currency\":\"EUR\"}"),
                     .read = read_money,
                     .write = write_money,
                     .give = give_money,
                     .order = order_money,
                     .order_text = order_text_money,
                     .from_cell = cell_money},
    [FIELD_DATE] = {.name = S("date"),
                    .openapi = S("{\"type\":\"string\",\"format\":\"date\"}"),
                    .example = S("\"2026-03-31\""),
                    .read = read_date,
                    .write = write_date,
                    .give = give_date,
                    .order = order_integer,
                    .order_text = order_text_date,
                    .from_cell = cell_date},
    [FIELD_TIME] = {.name = S("time"),
                    .openapi = S("{\"type\":\"string\",\"format\":\"date-time\"}"),
                    .example = S("\"2026-03-31T09:30:00.000Z\""),
                    .read = read_time,
                    .write = write_time,
                    .give = give_time,
                    .order = order_integer,
                    .order_text = order_text_time,
                    .from_cell = cell_time},
    [FIELD_BOOLEAN] = {.name = S("boolean"),
                       .openapi = S("{\"type\":\"boolean\"}"),
                       .example = S("true"),
                       .read = read_boolean,
                       .write = write_plain,
                       .order = order_boolean,
                       .order_text = order_text_boolean,
                       .from_cell = cell_boolean},
    [FIELD_CHOICE] = {.name = S("choice"),
                      .is_text = true,
                      .openapi = S("{\"type\":\"string\"}"),
                      .example = S("\"other\""),
                      .read = read_choice,
                      .write = write_plain,
                      .order = order_plain_text,
                      .order_text = order_text_plain,
                      .from_cell = cell_choice,
                      .words = words_choice},
    [FIELD_CHOICES] = {.name = S("choices"),
                       .is_list = true,
                       .is_text = true,
                       .openapi = S("{\"type\":\"array\",\"items\":{\"type\":\"string\"}}"),
                       .example = S("[\"vip\"]"),
                       .read = read_choices,
                       .write = write_plain,
                       .order = order_texts,
                       .order_text = order_text_plain,
                       .from_cell = cell_choices,
                       .words = words_choices},
    [FIELD_EMAILS] = {.name = S("emails"),
                      .is_list = true,
                      .is_text = true,
                      .openapi = S(ENTRY_SCHEMA(",\"format\":\"email\"")),
                      .example = S(
                          "[{\"value\":\"ann@firm.example\",\"label\":\"work\",\"primary\":true}]"),
                      .read = read_emails,
                      .write = write_entries,
                      .give = give_entries,
                      .order = order_emails,
                      .order_text = order_text_plain,
                      .from_cell = cell_emails,
                      .words = words_emails},
    [FIELD_PHONES] = {.name = S("phones"),
                      .is_list = true,
                      .is_text = true,
                      .openapi = S(ENTRY_SCHEMA("")),
                      .example = S("[{\"value\":\"+31 20 555 0100\"}]"),
                      .read = read_phones,
                      .write = write_entries,
                      .give = give_entries,
                      .order = order_phones,
                      .order_text = order_text_phone,
                      .from_cell = cell_phones,
                      .words = words_phones},
    [FIELD_URL] = {.name = S("url"),
                   .is_text = true,
                   .openapi = S("{\"type\":\"string\",\"format\":\"uri\"}"),
                   .example = S("\"https://firm.example/\""),
                   .read = read_url,
                   .write = write_plain,
                   .order = order_plain_text,
                   .order_text = order_text_url,
                   .from_cell = cell_plain,
                   .words = words_url},
    [FIELD_COUNTRY] = {.name = S("country"),
                       .is_text = true,
                       .openapi = S("{\"type\":\"string\",\"pattern\":\"^[A-Z]{2}$\"}"),
                       .example = S("\"NL\""),
                       .read = read_country,
                       .write = write_plain,
                       .order = order_plain_text,
                       .order_text = order_text_country,
                       .from_cell = cell_country},
    [FIELD_LANGUAGE] = {.name = S("language"),
                        .is_text = true,
                        .openapi = S("{\"type\":\"string\"}"),
                        .example = S("\"nl\""),
                        .read = read_language,
                        .write = write_plain,
                        .order = order_plain_text,
                        .order_text = order_text_plain,
                        .from_cell = cell_plain},
    [FIELD_CURRENCY] = {.name = S("currency"),
                        .is_text = true,
                        .openapi = S("{\"type\":\"string\",\"pattern\":\"^[A-Z]{3}$\"}"),
                        .example = S("\"EUR\""),
                        .read = read_currency,
                        .write = write_plain,
                        .order = order_plain_text,
                        .order_text = order_text_plain,
                        .from_cell = cell_code},
    [FIELD_TIMEZONE] = {.name = S("timezone"),
                        .is_text = true,
                        .openapi = S("{\"type\":\"string\"}"),
                        .example = S("\"Europe/Amsterdam\""),
                        .read = read_timezone,
                        .write = write_plain,
                        .order = order_plain_text,
                        .order_text = order_text_plain,
                        .from_cell = cell_plain},
    [FIELD_REFERENCE] = {.name = S("reference"),
                         .openapi = S(ID_SCHEMA),
                         .example = S("\"01890000-0000-7000-8000-000000000001\""),
                         .read = read_reference,
                         .write = write_reference,
                         .give = give_reference,
                         .order = order_reference,
                         .order_text = order_text_reference,
                         .from_cell = cell_plain},
    [FIELD_REFERENCES] = {.name = S("references"),
                          .is_list = true,
                          .openapi = S("{\"type\":\"array\",\"items\":" ID_SCHEMA "}"),
                          .example = S("[]"),
                          .read = read_references,
                          .write = write_references,
                          .give = give_references,
                          .order = order_references,
                          .order_text = order_text_reference,
                          .from_cell = cell_references},
    [FIELD_OBJECT] = {.name = S("object"),
                      .openapi = S("{\"type\":\"object\"}"),
                      .example = S("{\"status\":\"active\"}"),
                      .read = read_object,
                      .write = write_plain,
                      .order = order_nothing,
                      .order_text = order_text_nothing,
                      .from_cell = cell_object},
    [FIELD_SEALED] = {.name = S("sealed"),
                      .openapi = S("{\"type\":\"string\"}"),
                      .example = S("\"DE89370400440532013000\""),
                      .read = read_sealed,
                      .write = write_sealed,
                      .give = give_sealed,
                      .order = order_sealed,
                      .order_text = order_text_sealed,
                      .from_cell = cell_plain},
    [FIELD_SECRET] = {.name = S("secret"),
                      .openapi = S("{\"type\":\"string\",\"writeOnly\":true}"),
                      .example = S("\"A password\""),
                      .openapi_shown = S("{\"const\":true,\"description\":\"There is one; "
                                         "`POST …/reveal` shows it.\"}"),
                      .read = read_secret,
                      .write = write_secret,
                      .give = give_secret,
                      .order = order_nothing,
                      .order_text = order_text_nothing,
                      .from_cell = cell_secret},
};

const struct kind *kind_of(enum field_kind kind)
{
    require(kind < FIELD_KIND_COUNT);
    require(kinds[kind].name.len > 0);
    return &kinds[kind];
}

bool kind_find(str name, enum field_kind *kind_out)
{
    for (size_t i = 0; i < FIELD_KIND_COUNT; i++) {
        if (!str_eq(kinds[i].name, name)) continue;
        *kind_out = (enum field_kind)i;
        return true;
    }
    return false;
}

bool refuse_type(struct task *task, const struct field *field, const struct value *given,
                 const char *wanted)
{
    static const char *const words[] = {"nothing", "true or false", "a number", "a number",
                                        "a text",  "bytes",         "a list",   "an object"};
    require(given->kind < sizeof words / sizeof *words);
    kind_fault(task, field, "type", "is %s, should be %s", words[given->kind], wanted);
    return false;
}

struct key_list key_one(struct arena *arena, str key)
{
    str *items = arena_new(arena, str, 1);
    items[0] = key;
    return (struct key_list){1, items};
}

struct key_list words_of_text(struct arena *arena, str text)
{
    str folded = fold(arena, text);
    struct key_list words = {};
    str word;
    for (struct cursor cursor = cursor_of(folded); fold_word_next(&cursor, &word);) words.count++;
    words.items = arena_new(arena, str, words.count);
    struct cursor cursor = cursor_of(folded);
    for (uint32_t i = 0; i < words.count && fold_word_next(&cursor, &word); i++)
        words.items[i] = str_first(word, KEY_TOKEN_BYTES_MAX);
    return words;
}

static bool is_telephone_text(str query)
{
    static const str punctuation = S(" +()-./");
    uint32_t digits = 0;
    for (size_t i = 0; i < query.len; i++) {
        bool is_digit = query.at[i] >= '0' && query.at[i] <= '9';
        if (!is_digit && str_find_byte(punctuation, query.at[i]) == SIZE_MAX) return false;
        digits += is_digit;
    }
    return digits >= PHONE_DIGITS_MIN && digits <= PHONE_DIGITS_MAX;
}

/** `~`, then the digits backward. */
static str backward(struct arena *arena, str digits)
{
    char *text = arena_take_raw(arena, digits.len + 1);
    text[0] = '~';
    for (size_t i = 0; i < digits.len; i++) text[digits.len - i] = digits.at[i];
    return (str){text, digits.len + 1};
}

struct key_list kind_query_words(struct arena *arena, str query, bool *is_digits_out)
{
    require(is_digits_out != nullptr);
    *is_digits_out = is_telephone_text(query);
    if (*is_digits_out) {
        str digits = phone_digits(arena, query);
        /* `030 123` is found in `+49 30 123`: a leading 0 is dialled only within a country. */
        str ending = digits;
        while (ending.len > PHONE_DIGITS_MIN && ending.at[0] == '0') ending = str_from(ending, 1);
        str *items = arena_new(arena, str, 2);
        items[0] = digits;
        items[1] = backward(arena, ending);
        return (struct key_list){2, items};
    }
    struct key_list words = words_of_text(arena, query);
    if (words.count > SEARCH_WORDS_MAX) words.count = SEARCH_WORDS_MAX;
    return words;
}

struct key_list words_phones(struct arena *arena, const struct field *, const struct value *stored)
{
    struct cursor cursor = cursor_of(stored->items);
    struct key_list words = {};
    if (stored->kind != VALUE_LIST) return words;
    words.items = arena_new(arena, str, (size_t)stored->count * 2);
    struct value item;
    for (uint32_t i = 0; i < stored->count && value_next(&cursor, &item); i++) {
        struct cursor parts = cursor_of(item.items);
        struct value number;
        if (item.kind != VALUE_LIST || !value_next(&parts, &number) || number.kind != VALUE_TEXT)
            continue;
        str digits = phone_digits(arena, number.text);
        if (digits.len < PHONE_DIGITS_MIN) continue;
        words.items[words.count++] = digits;
        words.items[words.count++] = backward(arena, digits);
    }
    return words;
}
