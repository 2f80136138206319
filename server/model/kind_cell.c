/* Cells of a table, in a person's own writing, to API values. What reads in two ways is a fault. */
#include "base/fold.h"
#include "base/limits.h"
#include "base/require.h"
#include "model/kinds.h"
#include "value/codes.h"
#include "value/text.h"

#include <stdio.h>

constexpr size_t NUMBER_BYTES_MAX = 64; /** of a written number, without its currency */

/** Whether the cell is empty; nil is written then. */
static bool is_empty_cell(str cell, struct buf *given)
{
    if (str_trim(cell).len > 0) return false;
    pack_nil(given);
    return true;
}

bool cell_plain(struct task *, const struct field *, str cell, struct buf *given)
{
    if (!is_empty_cell(cell, given)) pack_text(given, cell);
    return true;
}

/** Signs between digits that mean nothing: blanks of all widths, apostrophes. */
static size_t skipped_bytes(str text)
{
    static const str skipped[] = {
        S(" "), S("'"), S("\xC2\xA0"), S("\xE2\x80\x89"), S("\xE2\x80\xAF"), S("\xE2\x80\x99")};
    for (size_t i = 0; i < sizeof skipped / sizeof *skipped; i++)
        if (str_starts(text, skipped[i])) return skipped[i].len;
    return 0;
}

/** Digits and separators of a number as it was written. */
struct written {
    bool is_negative;
    size_t len;
    char text[NUMBER_BYTES_MAX]; /** digits, points and commas only */
    size_t points;
    size_t commas;
};

static bool scan_number(str cell, struct written *written)
{
    *written = (struct written){};
    str rest = str_trim(cell);
    bool is_bracketed = rest.len > 2 && rest.at[0] == '(' && rest.at[rest.len - 1] == ')';
    if (is_bracketed) rest = (str){rest.at + 1, rest.len - 2};
    bool is_minus = rest.len > 0 && rest.at[0] == '-';
    if (is_minus || (rest.len > 0 && rest.at[0] == '+')) rest = str_from(rest, 1);
    written->is_negative = is_bracketed || is_minus;
    bool has_digit = false;
    while (rest.len > 0) {
        size_t skipped = skipped_bytes(rest);
        char byte = rest.at[0];
        rest = str_from(rest, skipped > 0 ? skipped : 1);
        if (skipped > 0) continue;
        bool is_digit = byte >= '0' && byte <= '9';
        bool is_known = is_digit || byte == '.' || byte == ',';
        if (!is_known || written->len == NUMBER_BYTES_MAX) return false;
        has_digit = has_digit || is_digit;
        written->points += byte == '.';
        written->commas += byte == ',';
        written->text[written->len++] = byte;
    }
    return has_digit;
}

/** Groups of three digits between separators, as thousands are written: `1.234.567`. */
static bool is_grouped(str whole, char separator)
{
    str group;
    str rest = whole;
    bool is_first = true;
    bool has_more = true;
    while (has_more) {
        has_more = str_cut(rest, separator, &group, &rest);
        bool is_whole_group =
            is_first && has_more ? group.len >= 1 && group.len <= 3 : group.len == 3;
        if (is_first && !has_more) return group.len > 0;
        if (!is_whole_group || str_find_byte(group, '.') != SIZE_MAX ||
            str_find_byte(group, ',') != SIZE_MAX)
            return false;
        is_first = false;
    }
    return true;
}

static size_t find_last(str text, char byte)
{
    size_t at = text.len;
    while (at > 0 && text.at[at - 1] != byte) at--;
    return at == 0 ? SIZE_MAX : at - 1;
}

enum reading : uint8_t { READING_NONE, READING_TWO, READING_ONE };

/** Where the decimal sign is (SIZE_MAX: nowhere) and which sign groups thousands (0: none).
 *  `is_short`: at most two digits can stand behind the decimal sign, so three are a group. */
static enum reading find_signs(const struct written *written, bool is_short, size_t *decimal_out,
                               char *group_out)
{
    str text = {written->text, written->len};
    *decimal_out = SIZE_MAX;
    *group_out = 0;
    if (written->points + written->commas == 0) return READING_ONE;
    if (written->points > 0 && written->commas > 0) {
        size_t point = find_last(text, '.');
        size_t comma = find_last(text, ',');
        *decimal_out = point > comma ? point : comma;
        *group_out = point > comma ? ',' : '.';
        size_t decimals = point > comma ? written->points : written->commas;
        return decimals == 1 ? READING_ONE : READING_NONE;
    }
    char sign = written->points > 0 ? '.' : ',';
    if (written->points + written->commas > 1) {
        *group_out = sign;
        return READING_ONE;
    }
    size_t at = str_find_byte(text, sign);
    bool may_group = text.len - at - 1 == 3 && at >= 1 && at <= 3 && text.at[0] != '0';
    if (may_group && sign == ',' && !is_short) return READING_TWO;
    if (may_group && is_short) *group_out = sign;
    else *decimal_out = at;
    return READING_ONE;
}

/** `1.234,50` → `1234.50`. */
static enum reading number_of_cell(struct arena *arena, str cell, bool is_short, str *number_out)
{
    struct written written;
    if (!scan_number(cell, &written)) return READING_NONE;
    size_t decimal;
    char group;
    enum reading reading = find_signs(&written, is_short, &decimal, &group);
    if (reading != READING_ONE) return reading;
    str text = {written.text, written.len};
    str whole = str_first(text, decimal);
    str behind = decimal == SIZE_MAX ? S("") : str_from(text, decimal + 1);
    if (group != 0 && !is_grouped(whole, group)) return READING_NONE;
    bool has_sign =
        str_find_byte(behind, '.') != SIZE_MAX || str_find_byte(behind, ',') != SIZE_MAX;
    if (has_sign) return READING_NONE;
    struct buf out = buf_make(arena, NUMBER_BYTES_MAX + 4);
    if (written.is_negative) buf_put_byte(&out, '-');
    if (whole.len == 0) buf_put_byte(&out, '0');
    for (size_t i = 0; i < whole.len; i++)
        if (whole.at[i] != group) buf_put_byte(&out, whole.at[i]);
    if (behind.len > 0) buf_put_byte(&out, '.');
    buf_put(&out, behind);
    *number_out = buf_str(&out);
    return READING_ONE;
}

static bool refuse_reading(struct task *task, const struct field *field, enum reading reading)
{
    if (reading == READING_TWO)
        kind_fault(task, field, "format",
                   "reads in two ways: the comma may be a decimal sign or may group thousands");
    else kind_fault(task, field, "type", "is no number");
    return false;
}

bool cell_number(struct task *task, const struct field *field, str cell, struct buf *given)
{
    if (is_empty_cell(cell, given)) return true;
    double number;
    int64_t integer;
    str plain = str_trim(cell);
    if (!str_to_double(plain, &number)) {
        enum reading reading = number_of_cell(task->arena, cell, false, &plain);
        if (reading != READING_ONE || !str_to_double(plain, &number))
            return refuse_reading(task, field, reading);
    }
    if (str_to_int64(plain, &integer)) pack_int(given, integer);
    else pack_float(given, number);
    return true;
}

bool cell_decimal(struct task *task, const struct field *field, str cell, struct buf *given)
{
    if (is_empty_cell(cell, given)) return true;
    str plain;
    enum reading reading = number_of_cell(task->arena, cell, false, &plain);
    if (reading != READING_ONE) return refuse_reading(task, field, reading);
    pack_text(given, plain);
    return true;
}

struct currency_sign {
    str sign;
    str code;
};

/** The currency whose sign this is, or the text in capitals. `kr`, `R$` and their like mean several
 *  or are rare. */
static str currency_of_text(struct arena *arena, str text)
{
    static const struct currency_sign signs[] = {
        {S("€"), S("EUR")},  {S("$"), S("USD")},   {S("£"), S("GBP")},   {S("¥"), S("JPY")},
        {S("₹"), S("INR")},  {S("₩"), S("KRW")},   {S("₽"), S("RUB")}, {S("₺"), S("TRY")},
        {S("zł"), S("PLN")}, {S("US$"), S("USD")}, {S("Fr."), S("CHF")}, {S("SFr."), S("CHF")},
    };
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (str_eq(signs[i].sign, text)) return signs[i].code;
    char *code = arena_take_raw(arena, text.len + 1);
    for (size_t i = 0; i < text.len; i++)
        code[i] =
            text.at[i] >= 'a' && text.at[i] <= 'z' ? (char)(text.at[i] - 'a' + 'A') : text.at[i];
    return (str){code, text.len};
}

bool cell_code(struct task *task, const struct field *, str cell, struct buf *given)
{
    if (!is_empty_cell(cell, given))
        pack_text(given, currency_of_text(task->arena, str_trim(cell)));
    return true;
}

static bool is_number_byte(char byte)
{
    return (byte >= '0' && byte <= '9') || str_find_byte(S("+-(.,"), byte) != SIZE_MAX;
}

/** Cuts `-EUR 12.50`, `12.50 EUR` into number and currency; the currency is empty when there is
 *  none. */
static void split_money(struct arena *arena, str cell, str *number_out, str *currency_out)
{
    str text = str_trim(cell);
    bool is_minus =
        text.len > 1 && text.at[0] == '-' && !is_number_byte(text.at[1]) && text.at[1] != ' ';
    if (is_minus) text = str_from(text, 1);
    size_t from = 0;
    while (from < text.len && !is_number_byte(text.at[from])) from++;
    size_t to = text.len;
    while (to > from &&
           !((text.at[to - 1] >= '0' && text.at[to - 1] <= '9') || text.at[to - 1] == ')'))
        to--;
    str before = str_trim(str_first(text, from));
    str behind = str_trim(str_from(text, to));
    *number_out =
        arena_print(arena, "%s%.*s", is_minus ? "-" : "", (int)(to - from), text.at + from);
    *currency_out = before.len > 0 && behind.len > 0 ? S("") : before.len > 0 ? before : behind;
}

bool cell_money(struct task *task, const struct field *field, str cell, struct buf *given)
{
    if (is_empty_cell(cell, given)) return true;
    str number;
    str sign;
    split_money(task->arena, cell, &number, &sign);
    str currency = currency_of_text(task->arena, sign);
    uint8_t scale;
    if (!currency_scale(currency, &scale)) {
        kind_fault(task, field, "format", "has no currency beside its amount, such as 12.50 EUR");
        return false;
    }
    str plain;
    int64_t amount;
    enum reading reading = number_of_cell(task->arena, number, scale < 3, &plain);
    if (reading != READING_ONE) return refuse_reading(task, field, reading);
    if (!decimal_parse(plain, scale, &amount)) {
        kind_fault(task, field, "range",
                   "has more than the %u digits behind the point that %.*s has", scale,
                   FMT(currency));
        return false;
    }
    pack_map(given, 2);
    pack_text(given, S("amount"));
    pack_int(given, amount);
    pack_text(given, S("currency"));
    pack_text(given, currency);
    return true;
}

/** Three numbers with one sign between them: `31.12.2025`. */
static bool three_numbers(str text, char sign, int64_t numbers[3], size_t lengths[3])
{
    str rest = text;
    for (size_t i = 0; i < 3; i++) {
        str part;
        bool has_more = str_cut(rest, sign, &part, &rest);
        part = str_trim(part);
        bool is_digits = part.len > 0 && part.len <= 4 && part.at[0] >= '0' && part.at[0] <= '9';
        if (has_more != (i < 2) || !is_digits || !str_to_int64(part, &numbers[i])) return false;
        lengths[i] = part.len;
    }
    return true;
}

static bool date_of(int64_t year, int64_t month, int64_t day, int32_t *days_out)
{
    char text[32];
    if (year > 9999 || month > 12 || day > 31) return false;
    int len = snprintf(text, sizeof text, "%04lld-%02lld-%02lld", (long long)year, (long long)month,
                       (long long)day);
    return date_parse((str){text, (size_t)len}, days_out);
}

/** A date as people write it. */
static enum reading date_of_cell(str text, int32_t *days_out)
{
    int64_t n[3];
    size_t lengths[3];
    if (date_parse(text, days_out)) return READING_ONE;
    bool is_dotted = three_numbers(text, '.', n, lengths);
    if (!is_dotted && !three_numbers(text, '/', n, lengths) &&
        !three_numbers(text, '-', n, lengths))
        return READING_NONE;
    if (lengths[0] == 4) return date_of(n[0], n[1], n[2], days_out) ? READING_ONE : READING_NONE;
    if (lengths[2] != 4) return READING_NONE;
    int32_t other;
    bool is_day_first = date_of(n[2], n[1], n[0], days_out);
    bool is_month_first = !is_dotted && date_of(n[2], n[0], n[1], &other);
    if (is_day_first && is_month_first && other != *days_out) return READING_TWO;
    if (!is_day_first && is_month_first) *days_out = other;
    return is_day_first || is_month_first ? READING_ONE : READING_NONE;
}

static bool refuse_date(struct task *task, const struct field *field, enum reading reading)
{
    if (reading == READING_TWO)
        kind_fault(task, field, "format",
                   "reads in two ways: day or month may come first; write 2025-12-31");
    else
        kind_fault(task, field, "format",
                   "is no date, such as 2025-12-31 or 31.12.2025, with four digits of the year");
    return false;
}

/** The day of a cell that holds a date, or a date and a time of day. */
static str date_part(str cell)
{
    str text = str_trim(cell);
    str date;
    str time;
    bool has_time = str_cut(text, ' ', &date, &time) || str_cut(text, 'T', &date, &time);
    bool is_clock =
        has_time && str_find_byte(time, ':') != SIZE_MAX && time.at[0] >= '0' && time.at[0] <= '9';
    return is_clock ? date : text;
}

static void pack_day(struct buf *given, struct arena *arena, int32_t days)
{
    struct buf text = buf_make(arena, 32);
    date_write(&text, days);
    pack_text(given, buf_str(&text));
}

bool cell_date(struct task *task, const struct field *field, str cell, struct buf *given)
{
    if (is_empty_cell(cell, given)) return true;
    int32_t days;
    enum reading reading = date_of_cell(date_part(cell), &days);
    if (reading != READING_ONE) return refuse_date(task, field, reading);
    pack_day(given, task->arena, days);
    return true;
}

bool cell_time(struct task *task, const struct field *field, str cell, struct buf *given)
{
    if (is_empty_cell(cell, given)) return true;
    str text = str_trim(cell);
    int64_t ms;
    if (time_parse(text, &ms)) {
        pack_text(given, text);
        return true;
    }
    str date = date_part(cell);
    int32_t days;
    enum reading reading = date_of_cell(date, &days);
    if (reading != READING_ONE) return refuse_date(task, field, reading);
    struct buf whole = buf_make(task->arena, 64);
    date_write(&whole, days);
    str clock = date.len < text.len ? str_from(text, date.len + 1) : S("00:00");
    /* A time of day without a zone is taken as UTC. */
    buf_print(&whole, "T%.*s%sZ", FMT(str_first(clock, 12)), clock.len == 5 ? ":00" : "");
    if (!time_parse(buf_str(&whole), &ms)) return refuse_date(task, field, READING_NONE);
    pack_text(given, buf_str(&whole));
    return true;
}

bool cell_boolean(struct task *task, const struct field *field, str cell, struct buf *given)
{
    static const str yes[] = {S("true"), S("yes"),  S("y"),  S("1"),   S("x"), S("ja"),
                              S("j"),    S("wahr"), S("si"), S("oui"), S("on")};
    static const str no[] = {S("false"), S("no"),     S("n"),   S("0"),  S("-"),
                             S("nein"),  S("falsch"), S("non"), S("off")};
    if (is_empty_cell(cell, given)) return true;
    str word = fold(task->arena, cell);
    bool is_yes = false;
    bool is_no = false;
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) is_yes = is_yes || str_eq(word, yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) is_no = is_no || str_eq(word, no[i]);
    if (!is_yes && !is_no) {
        kind_fault(task, field, "type", "is neither yes nor no");
        return false;
    }
    pack_bool(given, is_yes);
    return true;
}

bool cell_country(struct task *task, const struct field *field, str cell, struct buf *given)
{
    if (is_empty_cell(cell, given)) return true;
    str code;
    if (!country_find(task->arena, str_trim(cell), &code)) {
        kind_fault(task, field, "format",
                   "is no country: neither a code such as DE nor a known name");
        return false;
    }
    pack_text(given, code);
    return true;
}

str choice_of_text(struct arena *arena, const struct field *field, str text)
{
    if (field->set == nullptr) return text;
    str name = fold_name(arena, text);
    for (uint32_t i = 0; i < field->set->choice_count && name.len > 0; i++) {
        const struct choice *choice = &field->set->choices[i];
        if (str_eq(fold_name(arena, choice->label), name) ||
            str_eq(fold_name(arena, choice->value), name))
            return choice->value;
    }
    return text;
}

bool cell_choice(struct task *task, const struct field *field, str cell, struct buf *given)
{
    if (!is_empty_cell(cell, given))
        pack_text(given, choice_of_text(task->arena, field, str_trim(cell)));
    return true;
}

/** The items of a cell that holds many. */
struct items {
    uint32_t count;
    str list[LIST_ITEMS_MAX];
};

/** Cuts at each byte of `signs`, leaving out empty items; false with a fault when there are too
 *  many. */
static bool split_cell(struct task *task, const struct field *field, str cell, str signs,
                       struct items *items)
{
    items->count = 0;
    size_t from = 0;
    for (size_t i = 0; i <= cell.len; i++) {
        if (i < cell.len && str_find_byte(signs, cell.at[i]) == SIZE_MAX) continue;
        str item = str_trim((str){cell.at + from, i - from});
        from = i + 1;
        if (item.len == 0) continue;
        if (items->count == LIST_ITEMS_MAX) {
            kind_fault(task, field, "length", "has more than %u items", LIST_ITEMS_MAX);
            return false;
        }
        items->list[items->count++] = item;
    }
    return true;
}

/** Semicolons part where there are any, so that an item may hold a comma. */
static str list_signs(str cell)
{
    return str_find_byte(cell, ';') != SIZE_MAX ? S(";\n\r") : S(",\n\r");
}

static bool pack_items(struct buf *given, const struct items *items)
{
    pack_list(given, items->count);
    for (uint32_t i = 0; i < items->count; i++) pack_text(given, items->list[i]);
    return true;
}

bool cell_choices(struct task *task, const struct field *field, str cell, struct buf *given)
{
    if (is_empty_cell(cell, given)) return true;
    struct items *items = arena_new(task->arena, struct items, 1);
    if (!split_cell(task, field, cell, list_signs(cell), items)) return false;
    for (uint32_t i = 0; i < items->count; i++)
        items->list[i] = choice_of_text(task->arena, field, items->list[i]);
    return pack_items(given, items);
}

bool cell_references(struct task *task, const struct field *field, str cell, struct buf *given)
{
    if (is_empty_cell(cell, given)) return true;
    struct items *items = arena_new(task->arena, struct items, 1);
    if (!split_cell(task, field, cell, list_signs(cell), items)) return false;
    return pack_items(given, items);
}

/** `Ann Lee <ann@example.com>`, `mailto:ann@example.com` → the address. */
static str bare_address(str item)
{
    size_t open = str_find_byte(item, '<');
    if (open != SIZE_MAX && item.at[item.len - 1] == '>')
        item = (str){item.at + open + 1, item.len - open - 2};
    str scheme = S("mailto:");
    if (item.len > scheme.len && str_eq_nocase(str_first(item, scheme.len), scheme))
        item = str_from(item, scheme.len);
    return str_trim(item);
}

bool cell_emails(struct task *task, const struct field *field, str cell, struct buf *given)
{
    if (is_empty_cell(cell, given)) return true;
    struct items *items = arena_new(task->arena, struct items, 1);
    if (!split_cell(task, field, cell, S(";,\n\r"), items)) return false;
    for (uint32_t i = 0; i < items->count; i++) items->list[i] = bare_address(items->list[i]);
    return pack_items(given, items);
}

bool cell_phones(struct task *task, const struct field *field, str cell, struct buf *given)
{
    if (is_empty_cell(cell, given)) return true;
    /* A slash parts two numbers only with a blank on each side: `030/1234` is one. */
    char *text = arena_take_raw(task->arena, cell.len);
    memcpy(text, cell.at, cell.len);
    for (size_t i = 1; i + 1 < cell.len; i++)
        if (text[i] == '/' && text[i - 1] == ' ' && text[i + 1] == ' ') text[i] = ';';
    struct items *items = arena_new(task->arena, struct items, 1);
    if (!split_cell(task, field, (str){text, cell.len}, S(";,\n\r"), items)) return false;
    return pack_items(given, items);
}
