/* Kinds that order by a number: number, decimal, money, date, time, boolean; and the reference,
 * which orders by its bytes. */
#include "base/limits.h"
#include "base/require.h"
#include "model/kinds.h"
#include "value/json.h"
#include "value/key.h"
#include "value/text.h"

#include <math.h>
#include <stdckdint.h>

static str key_of_int(struct arena *arena, int64_t number)
{
    struct buf key = buf_make(arena, KEY_ORDERED_BYTES_MAX);
    key_put_int(&key, number);
    return buf_str(&key);
}

static str key_of_float(struct arena *arena, double number)
{
    struct buf key = buf_make(arena, KEY_ORDERED_BYTES_MAX);
    key_put_float(&key, number);
    return buf_str(&key);
}

static bool is_within(struct task *task, const struct field *field, double number)
{
    if (field->has_least && number < (double)field->least) {
        kind_fault(task, field, "range", "is less than %lld", (long long)field->least);
        return false;
    }
    if (field->has_most && number > (double)field->most) {
        kind_fault(task, field, "range", "is more than %lld", (long long)field->most);
        return false;
    }
    return true;
}

bool read_number(struct task *task, const struct field *field, const struct value *given,
                 struct buf *stored)
{
    bool is_integer = given->kind == VALUE_INT;
    if (!is_integer && given->kind != VALUE_FLOAT)
        return refuse_type(task, field, given, "a number");
    double number = is_integer ? (double)given->integer : given->number;
    bool is_exact = number >= -(double)NUMBER_EXACT_MAX && number <= (double)NUMBER_EXACT_MAX;
    if (is_integer && (given->integer > NUMBER_EXACT_MAX || given->integer < -NUMBER_EXACT_MAX)) {
        kind_fault(task, field, "range",
                   "is a whole number beyond 2^53, which is not kept exactly");
        return false;
    }
    if (!is_within(task, field, number)) return false;
    if (is_exact && number == trunc(number)) pack_int(stored, (int64_t)number);
    else pack_float(stored, number);
    return true;
}

/** The units of a decimal that a person bounds, as text. */
static str decimal_text(struct arena *arena, const struct field *field, int64_t units)
{
    struct buf text = buf_make(arena, 64);
    decimal_write(&text, units, field->scale);
    return buf_str(&text);
}

static bool decimal_units(struct task *task, const struct field *field, const struct value *given,
                          int64_t *units_out)
{
    if (given->kind == VALUE_INT) {
        *units_out = given->integer;
        bool is_over = false;
        for (uint8_t i = 0; i < field->scale && !is_over; i++)
            is_over = ckd_mul(units_out, *units_out, 10);
        return !is_over;
    }
    if (given->kind == VALUE_TEXT) return decimal_parse(given->text, field->scale, units_out);
    struct buf text = buf_make(task->arena, 64);
    json_write_float(&text, given->number);
    return !buf_is_over(&text) && decimal_parse(buf_str(&text), field->scale, units_out);
}

bool read_decimal(struct task *task, const struct field *field, const struct value *given,
                  struct buf *stored)
{
    bool is_number =
        given->kind == VALUE_INT || given->kind == VALUE_FLOAT || given->kind == VALUE_TEXT;
    if (!is_number) return refuse_type(task, field, given, "a number");
    int64_t units;
    if (!decimal_units(task, field, given, &units)) {
        kind_fault(task, field, "range", "is no number with at most %u digits behind the point",
                   field->scale);
        return false;
    }
    if (units > DECIMAL_UNITS_MAX || units < -DECIMAL_UNITS_MAX) {
        kind_fault(task, field, "range", "has more than 15 digits");
        return false;
    }
    if (field->has_least && units < field->least) {
        kind_fault(task, field, "range", "is less than %.*s",
                   FMT(decimal_text(task->arena, field, field->least)));
        return false;
    }
    if (field->has_most && units > field->most) {
        kind_fault(task, field, "range", "is more than %.*s",
                   FMT(decimal_text(task->arena, field, field->most)));
        return false;
    }
    pack_int(stored, units);
    return true;
}

bool read_money(struct task *task, const struct field *field, const struct value *given,
                struct buf *stored)
{
    static const char form[] = "an object such as {\"amount\": 1250, \"currency\": \"EUR\"}";
    if (given->kind != VALUE_MAP) return refuse_type(task, field, given, form);
    struct value amount;
    struct value currency;
    bool is_form = given->count == 2 && value_find_text(given->bytes, S("amount"), &amount) &&
                   value_find_text(given->bytes, S("currency"), &currency);
    if (!is_form) {
        kind_fault(task, field, "type", "is not %s", form);
        return false;
    }
    if (amount.kind != VALUE_INT) {
        kind_fault(task, field, "type",
                   "has an amount that is no whole number of the currency's smallest unit");
        return false;
    }
    if (amount.integer > NUMBER_EXACT_MAX || amount.integer < -NUMBER_EXACT_MAX) {
        kind_fault(task, field, "range", "has an amount beyond 2^53");
        return false;
    }
    uint8_t scale;
    if (currency.kind != VALUE_TEXT || !currency_scale(currency.text, &scale)) {
        kind_fault(task, field, "format",
                   "has no currency of three letters (ISO 4217), such as EUR");
        return false;
    }
    if (!is_within(task, field, (double)amount.integer)) return false;
    pack_list(stored, 2);
    pack_int(stored, amount.integer);
    pack_text(stored, currency.text);
    return true;
}

bool read_date(struct task *task, const struct field *field, const struct value *given,
               struct buf *stored)
{
    if (given->kind != VALUE_TEXT)
        return refuse_type(task, field, given, "a date as text, such as \"2026-11-21\"");
    int32_t days;
    if (str_trim(given->text).len == 0) {
        pack_nil(stored);
        return true;
    }
    if (!date_parse(given->text, &days)) {
        kind_fault(task, field, "format", "is no date of the form 2026-11-21");
        return false;
    }
    pack_int(stored, days);
    return true;
}

bool read_time(struct task *task, const struct field *field, const struct value *given,
               struct buf *stored)
{
    if (given->kind != VALUE_TEXT)
        return refuse_type(task, field, given, "a time as text, such as \"2026-11-21T19:58:40Z\"");
    int64_t ms;
    if (str_trim(given->text).len == 0) {
        pack_nil(stored);
        return true;
    }
    if (!time_parse(given->text, &ms)) {
        kind_fault(task, field, "format", "is no time of the form 2026-11-21T19:58:40Z (RFC 3339)");
        return false;
    }
    pack_int(stored, ms);
    return true;
}

bool read_boolean(struct task *task, const struct field *field, const struct value *given,
                  struct buf *stored)
{
    if (given->kind != VALUE_BOOL) return refuse_type(task, field, given, "true or false");
    pack_bool(stored, given->boolean);
    return true;
}

bool read_reference(struct task *task, const struct field *field, const struct value *given,
                    struct buf *stored)
{
    if (given->kind != VALUE_TEXT) return refuse_type(task, field, given, "an id as text");
    struct id id;
    if (!id_parse(given->text, &id)) {
        kind_fault(task, field, "format", "is no id (a lower-case UUID)");
        return false;
    }
    pack_bytes(stored, id_bytes(&id));
    return true;
}

static void write_nothing(struct buf *json)
{
    buf_put(json, S("null"));
}

void write_decimal(struct buf *json, const struct field *field, const struct value *stored)
{
    if (stored->kind == VALUE_INT) decimal_write(json, stored->integer, field->scale);
    else write_nothing(json);
}

/** The two parts of stored money; false when it is damaged. */
static bool money_parts(const struct value *stored, struct value *amount, struct value *currency)
{
    struct cursor cursor = cursor_of(stored->items);
    return stored->kind == VALUE_LIST && stored->count == 2 && value_next(&cursor, amount) &&
           amount->kind == VALUE_INT && value_next(&cursor, currency) &&
           currency->kind == VALUE_TEXT;
}

void write_money(struct buf *json, const struct field *, const struct value *stored)
{
    struct value amount;
    struct value currency;
    if (!money_parts(stored, &amount, &currency)) {
        write_nothing(json);
        return;
    }
    buf_put(json, S("{\"amount\":"));
    json_write_int(json, amount.integer);
    buf_put(json, S(",\"currency\":"));
    json_write_text(json, currency.text);
    buf_put_byte(json, '}');
}

void write_date(struct buf *json, const struct field *, const struct value *stored)
{
    bool is_date =
        stored->kind == VALUE_INT && stored->integer >= INT32_MIN && stored->integer <= INT32_MAX;
    if (!is_date) {
        write_nothing(json);
        return;
    }
    buf_put_byte(json, '"');
    date_write(json, (int32_t)stored->integer);
    buf_put_byte(json, '"');
}

void write_time(struct buf *json, const struct field *, const struct value *stored)
{
    if (stored->kind != VALUE_INT) {
        write_nothing(json);
        return;
    }
    buf_put_byte(json, '"');
    time_write(json, stored->integer);
    buf_put_byte(json, '"');
}

void write_reference(struct buf *json, const struct field *, const struct value *stored)
{
    struct id id;
    if (stored->kind != VALUE_BYTES || !id_of_bytes(stored->text, &id)) {
        write_nothing(json);
        return;
    }
    char text[ID_TEXT_BYTES];
    id_write(id, text);
    json_write_text(json, (str){text, ID_TEXT_BYTES});
}

void give_decimal(struct buf *given, const struct field *field, const struct value *stored)
{
    double tens = 1;
    for (uint8_t digit = 0; digit < field->scale; digit++) tens *= 10;
    if (stored->kind != VALUE_INT) pack_nil(given);
    else if (field->scale == 0) pack_int(given, stored->integer);
    /* Both sides are exact (DECIMAL_UNITS_MAX), so this is the double nearest to its text. */
    else pack_float(given, (double)stored->integer / tens);
}

void give_money(struct buf *given, const struct field *, const struct value *stored)
{
    struct value amount;
    struct value currency;
    if (!money_parts(stored, &amount, &currency)) {
        pack_nil(given);
        return;
    }
    pack_map(given, 2);
    pack_text(given, S("amount"));
    pack_raw(given, amount.bytes);
    pack_text(given, S("currency"));
    pack_raw(given, currency.bytes);
}

void give_date(struct buf *given, const struct field *, const struct value *stored)
{
    bool is_date =
        stored->kind == VALUE_INT && stored->integer >= INT32_MIN && stored->integer <= INT32_MAX;
    char text[sizeof "YYYY-MM-DD" - 1];
    struct buf date = {.at = text, .capacity = sizeof text, .max = sizeof text};
    if (is_date) date_write(&date, (int32_t)stored->integer);
    if (is_date) pack_text(given, buf_str(&date));
    else pack_nil(given);
}

void give_time(struct buf *given, const struct field *, const struct value *stored)
{
    char text[sizeof "YYYY-MM-DDTHH:MM:SS.mmmZ" - 1];
    struct buf time = {.at = text, .capacity = sizeof text, .max = sizeof text};
    if (stored->kind == VALUE_INT) {
        time_write(&time, stored->integer);
        pack_text(given, buf_str(&time));
    } else {
        pack_nil(given);
    }
}

void give_reference(struct buf *given, const struct field *, const struct value *stored)
{
    struct id id;
    char text[ID_TEXT_BYTES];
    if (stored->kind != VALUE_BYTES || !id_of_bytes(stored->text, &id)) {
        pack_nil(given);
        return;
    }
    id_write(id, text);
    pack_text(given, (str){text, ID_TEXT_BYTES});
}

struct key_list order_number(struct arena *arena, const struct field *, const struct value *stored)
{
    if (stored->kind == VALUE_INT)
        return key_one(arena, key_of_float(arena, (double)stored->integer));
    if (stored->kind == VALUE_FLOAT) return key_one(arena, key_of_float(arena, stored->number));
    return (struct key_list){};
}

struct key_list order_integer(struct arena *arena, const struct field *, const struct value *stored)
{
    if (stored->kind != VALUE_INT) return (struct key_list){};
    return key_one(arena, key_of_int(arena, stored->integer));
}

struct key_list order_money(struct arena *arena, const struct field *, const struct value *stored)
{
    struct value amount;
    struct value currency;
    if (!money_parts(stored, &amount, &currency)) return (struct key_list){};
    return key_one(arena, key_of_int(arena, amount.integer));
}

struct key_list order_boolean(struct arena *arena, const struct field *, const struct value *stored)
{
    if (stored->kind != VALUE_BOOL) return (struct key_list){};
    struct buf key = buf_make(arena, KEY_ORDERED_BYTES_MAX);
    key_put_bool(&key, stored->boolean);
    return key_one(arena, buf_str(&key));
}

struct key_list order_reference(struct arena *arena, const struct field *,
                                const struct value *stored)
{
    struct id id;
    if (stored->kind != VALUE_BYTES || !id_of_bytes(stored->text, &id)) return (struct key_list){};
    return key_one(arena, arena_copy(arena, stored->text));
}

bool order_text_number(struct task *task, const struct field *field, str text, str *ordered_out)
{
    double number;
    if (!str_to_double(text, &number)) {
        kind_fault(task, field, "type", "is no number");
        return false;
    }
    *ordered_out = key_of_float(task->arena, number);
    return true;
}

bool order_text_decimal(struct task *task, const struct field *field, str text, str *ordered_out)
{
    int64_t units;
    if (!decimal_parse(text, field->scale, &units)) {
        kind_fault(task, field, "type", "is no number with at most %u digits behind the point",
                   field->scale);
        return false;
    }
    *ordered_out = key_of_int(task->arena, units);
    return true;
}

bool order_text_money(struct task *task, const struct field *field, str text, str *ordered_out)
{
    int64_t amount;
    if (!str_to_int64(text, &amount)) {
        kind_fault(task, field, "type",
                   "is no amount: a whole number of the currency's smallest unit");
        return false;
    }
    *ordered_out = key_of_int(task->arena, amount);
    return true;
}

bool order_text_date(struct task *task, const struct field *field, str text, str *ordered_out)
{
    int32_t days;
    if (!date_parse(text, &days)) {
        kind_fault(task, field, "format", "is no date of the form 2026-11-21");
        return false;
    }
    *ordered_out = key_of_int(task->arena, days);
    return true;
}

bool order_text_time(struct task *task, const struct field *field, str text, str *ordered_out)
{
    int64_t ms;
    if (!time_parse(text, &ms)) {
        kind_fault(task, field, "format",
                   "is no time of the form 2026-11-21T19:58:40Z and no date");
        return false;
    }
    *ordered_out = key_of_int(task->arena, ms);
    return true;
}

bool order_text_boolean(struct task *task, const struct field *field, str text, str *ordered_out)
{
    bool is_true = str_eq(text, S("true"));
    if (!is_true && !str_eq(text, S("false"))) {
        kind_fault(task, field, "type", "is neither true nor false");
        return false;
    }
    struct buf key = buf_make(task->arena, KEY_ORDERED_BYTES_MAX);
    key_put_bool(&key, is_true);
    *ordered_out = buf_str(&key);
    return true;
}

bool order_text_reference(struct task *task, const struct field *field, str text, str *ordered_out)
{
    struct id id;
    if (!id_parse(text, &id)) {
        kind_fault(task, field, "format", "is no id (a lower-case UUID)");
        return false;
    }
    *ordered_out = arena_copy(task->arena, id_bytes(&id));
    return true;
}
