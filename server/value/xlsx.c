#include "value/xlsx.h"

#include <math.h>
#include <stdio.h>

#include "base/limits.h"
#include "base/require.h"
#include "value/json.h"
#include "value/text.h"
#include "value/xlsx_book.h"

constexpr size_t BOOK_ARENA_BYTES = 128 * MIB;
constexpr int32_t DAYS_OF_1900 = 25569; /** from day 0 of that count to 1970-01-01 */
constexpr int32_t DAYS_OF_1904 = 24107;
constexpr double SERIAL_MAX = 2'958'466; /** behind 9999-12-31 */

enum cell_type : uint8_t { CELL_NUMBER, CELL_SHARED, CELL_TEXT, CELL_BOOLEAN, CELL_ISO };

struct xlsx {
    struct source *source;
    struct package *package;
    struct part *part;
    struct xlsx_book book;
    struct table_place place;
    uint32_t header_cells;
    bool is_over;
    const char *fault; /** why it ended before its end */

    /* The row under way. */
    struct arena *arena;
    uint64_t number;
    uint32_t cell_count;
    str *cells;
    size_t bytes;
    bool is_too_wide;
    bool has_text;
    bool has_row;

    /* The cell under way. */
    enum cell_type type;
    uint32_t column;
    uint32_t style;
    struct buf text;
    bool is_in_value;
    bool is_in_reading_aid;
};

/** `BC12` → 54; UINT32_MAX without letters. */
static uint32_t column_of(str reference)
{
    uint32_t column = 0;
    size_t at = 0;
    for (; at < reference.len && at < 4; at++) {
        char byte = reference.at[at];
        if (byte >= 'a' && byte <= 'z') byte = (char)(byte - 'a' + 'A');
        if (byte < 'A' || byte > 'Z') break;
        column = column * 26 + (uint32_t)(byte - 'A' + 1);
    }
    return at == 0 ? UINT32_MAX : column - 1;
}

static enum cell_type type_of(str word)
{
    if (str_eq(word, S("s"))) return CELL_SHARED;
    if (str_eq(word, S("b"))) return CELL_BOOLEAN;
    if (str_eq(word, S("d"))) return CELL_ISO;
    if (word.len == 0 || str_eq(word, S("n"))) return CELL_NUMBER;
    return CELL_TEXT; /* inlineStr, str, e */
}

static void row_begin(struct xlsx *xlsx, const char **attributes)
{
    int64_t number;
    bool is_told = str_to_int64(part_attribute(attributes, S("r")), &number) && number > 0;
    xlsx->number = is_told ? (uint64_t)number : xlsx->number + 1;
    xlsx->cell_count = 0;
    xlsx->bytes = 0;
    xlsx->is_too_wide = false;
    xlsx->has_text = false;
    if (xlsx->arena == nullptr) return;
    xlsx->cells = arena_new(xlsx->arena, str, CSV_COLUMNS_MAX);
}

static void cell_begin(struct xlsx *xlsx, const char **attributes)
{
    uint32_t column = column_of(part_attribute(attributes, S("r")));
    int64_t style;
    xlsx->column = column == UINT32_MAX ? xlsx->cell_count : column;
    xlsx->type = type_of(part_attribute(attributes, S("t")));
    bool has_style = str_to_int64(part_attribute(attributes, S("s")), &style) && style >= 0 &&
                     style < XLSX_STYLES_MAX;
    xlsx->style = has_style ? (uint32_t)style : 0;
    xlsx->text.len = 0;
    xlsx->text.is_over = false;
}

static void on_begin(void *owner, str name, const char **attributes)
{
    struct xlsx *xlsx = owner;
    if (str_eq(name, S("row"))) row_begin(xlsx, attributes);
    else if (str_eq(name, S("c"))) cell_begin(xlsx, attributes);
    else if (str_eq(name, S("rPh"))) xlsx->is_in_reading_aid = true;
    xlsx->is_in_value = !xlsx->is_in_reading_aid && (str_eq(name, S("v")) || str_eq(name, S("t")));
}

static void on_text(void *owner, str text)
{
    struct xlsx *xlsx = owner;
    if (xlsx->is_in_value) buf_put(&xlsx->text, text);
}

/** Days and parts of one since a day; the sheet's own day 60, 29 February 1900, never was. */
static str day_text(const struct xlsx *xlsx, double serial)
{
    struct buf out = buf_make(xlsx->arena, 64);
    double whole = floor(serial);
    int64_t ms = (int64_t)round((serial - whole) * (double)DAY_MS);
    int64_t days = (int64_t)whole + ms / DAY_MS;
    ms %= DAY_MS;
    if (days == 0 && ms > 0) { /* a time of no day */
        buf_print(&out, "%02lld:%02lld:%02lld", (long long)(ms / 3'600'000),
                  (long long)(ms / 60'000 % 60), (long long)(ms / 1000 % 60));
        return buf_str(&out);
    }
    if (!xlsx->book.has_1904_days && days < 60) days++;
    days -= xlsx->book.has_1904_days ? DAYS_OF_1904 : DAYS_OF_1900;
    if (ms == 0) date_write(&out, (int32_t)days);
    else time_write(&out, days * DAY_MS + ms);
    return buf_str(&out);
}

/** Three digits behind the point would read as thousands in a person's writing. */
static str number_text(const struct xlsx *xlsx, double number)
{
    struct buf out = buf_make(xlsx->arena, 64);
    json_write_float(&out, number);
    str text = buf_str(&out);
    size_t point = str_find_byte(text, '.');
    bool is_plain = str_find_byte(text, 'e') == SIZE_MAX && str_find_byte(text, 'E') == SIZE_MAX;
    if (point != SIZE_MAX && is_plain && text.len - point - 1 == 3) buf_put_byte(&out, '0');
    return buf_str(&out);
}

static str cell_text(struct xlsx *xlsx)
{
    const struct xlsx_book *book = &xlsx->book;
    str text = buf_str(&xlsx->text);
    double number;
    int64_t index;
    switch (xlsx->type) {
    case CELL_SHARED:
        if (!str_to_int64(str_trim(text), &index) || index < 0 || index >= book->string_count)
            return (str){};
        return book->strings[index];
    case CELL_BOOLEAN:
        return str_eq(str_trim(text), S("1")) ? S("true") : S("false");
    case CELL_NUMBER:
        if (!str_to_double(str_trim(text), &number)) return arena_copy(xlsx->arena, text);
        if (xlsx->style < book->style_count && book->style_is_day[xlsx->style] && number >= 0 &&
            number < SERIAL_MAX)
            return day_text(xlsx, number);
        return number_text(xlsx, number);
    case CELL_TEXT:
    case CELL_ISO:
        break;
    }
    struct buf decoded = buf_make(xlsx->arena, text.len + 1);
    xlsx_put_text(&decoded, text);
    return buf_str(&decoded);
}

static void cell_end(struct xlsx *xlsx)
{
    if (xlsx->arena == nullptr) {
        xlsx->has_text |= xlsx->text.len > 0;
        return;
    }
    if (xlsx->text.len == 0) return;
    if (xlsx->column >= CSV_COLUMNS_MAX || buf_is_over(&xlsx->text) ||
        xlsx->bytes > CSV_ROW_BYTES_MAX) {
        xlsx->is_too_wide = true;
        return;
    }
    str text = cell_text(xlsx);
    xlsx->bytes += text.len;
    xlsx->has_text = true;
    xlsx->cells[xlsx->column] = text;
    if (xlsx->column >= xlsx->cell_count) xlsx->cell_count = xlsx->column + 1;
}

static void on_end(void *owner, str name)
{
    struct xlsx *xlsx = owner;
    xlsx->is_in_value = false;
    if (str_eq(name, S("rPh"))) xlsx->is_in_reading_aid = false;
    else if (str_eq(name, S("c"))) cell_end(xlsx);
    else if (str_eq(name, S("row")) && (xlsx->has_text || xlsx->is_too_wide)) {
        xlsx->has_row = true;
        part_pause(xlsx->part);
    }
}

static enum err sheet_open(struct task *task, struct xlsx *xlsx)
{
    struct part_events events = {on_begin, on_end, on_text, xlsx};
    xlsx->number = 0;
    xlsx->is_over = false;
    xlsx->text = buf_make(&xlsx->book.arena, CSV_CELL_BYTES_MAX);
    return part_open(task, xlsx->package, xlsx->book.sheet_part, XLSX_SHEET_BYTES_MAX, &events,
                     &xlsx->part);
}

enum err xlsx_open(struct task *task, struct source *source, str sheet, struct xlsx **xlsx_out)
{
    struct xlsx *xlsx = memory_take(sizeof *xlsx);
    xlsx->source = source;
    arena_init(&xlsx->book.arena, BOOK_ARENA_BYTES);
    enum err err = package_open(task, source, &xlsx->package);
    if (err == ERR_NONE) err = xlsx_book_read(task, xlsx->package, sheet, &xlsx->book);
    if (err == ERR_NONE) err = sheet_open(task, xlsx);
    if (err == ERR_NONE) {
        *xlsx_out = xlsx;
        return ERR_NONE;
    }
    xlsx_close(xlsx);
    return err == ERR_MISSING ? ERR_UNREADABLE : err;
}

void xlsx_close(struct xlsx *xlsx)
{
    if (xlsx == nullptr) return;
    part_close(xlsx->part);
    package_close(xlsx->package);
    arena_drop(&xlsx->book.arena);
    memory_give(xlsx);
}

/** Up to the next row that holds something; without an arena its cells are passed over. */
static bool row_read(struct xlsx *xlsx, struct arena *arena)
{
    if (xlsx->is_over) return false;
    xlsx->arena = arena;
    xlsx->has_row = false;
    bool is_over = false;
    bool is_read = part_read(xlsx->part, &is_over);
    if (!is_read) xlsx->fault = part_fault(xlsx->part);
    xlsx->is_over = is_over || !is_read;
    if (xlsx->has_row) xlsx->place.rows++;
    return xlsx->has_row;
}

bool xlsx_next(struct xlsx *xlsx, struct arena *arena, struct table_row *row_out)
{
    *row_out = (struct table_row){};
    if (!row_read(xlsx, arena)) {
        if (xlsx->fault == nullptr) return false;
        row_out->number = xlsx->number + 1;
        row_out->fault = arena_print(arena, "the sheet cannot be read further: %s", xlsx->fault);
        xlsx->fault = nullptr;
        return true;
    }
    row_out->number = xlsx->number;
    if (xlsx->is_too_wide) {
        row_out->fault = arena_print(arena,
                                     "the row has more than %u cells, or one of more than "
                                     "%zu bytes",
                                     CSV_COLUMNS_MAX, CSV_CELL_BYTES_MAX);
        return true;
    }
    row_out->cells = xlsx->cells;
    row_out->cell_count = xlsx->cell_count;
    if (xlsx->header_cells == 0) xlsx->header_cells = xlsx->cell_count;
    /* A sheet leaves out what is empty at the end. */
    if (row_out->cell_count < xlsx->header_cells) row_out->cell_count = xlsx->header_cells;
    return true;
}

struct table_place xlsx_place(const struct xlsx *xlsx)
{
    struct table_place place = xlsx->place;
    place.bytes = package_position(xlsx->package);
    return place;
}

void xlsx_seek(struct xlsx *xlsx, const struct table_place *place)
{
    struct arena arena;
    struct task task;
    arena_init(&arena, 1 * MIB);
    task_init(&task, &arena);
    part_close(xlsx->part);
    xlsx->part = nullptr;
    xlsx->place = (struct table_place){};
    if (sheet_open(&task, xlsx) != ERR_NONE) {
        xlsx->is_over = true;
        xlsx->fault = "it cannot be read again";
    }
    while (xlsx->place.rows < place->rows && row_read(xlsx, nullptr)) continue;
    arena_drop(&arena);
}
