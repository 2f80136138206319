#include "value/xlsx_book.h"

#include "base/limits.h"
#include "base/require.h"

constexpr uint32_t FORMATS_MAX = 4096;
constexpr uint32_t RELATIONS_MAX = 4096;
constexpr size_t STRING_BYTES_MAX = CSV_CELL_BYTES_MAX;

static bool number_of(str text, uint32_t max, uint32_t *number_out)
{
    int64_t number;
    if (!str_to_int64(text, &number) || number < 0 || number > max) return false;
    *number_out = (uint32_t)number;
    return true;
}

/* Relations: which part an id stands for. */

struct relation {
    str id;
    str type;
    str target;
};

struct relations {
    struct arena *arena;
    uint32_t count;
    struct relation *all;
};

static void relation_begin(void *owner, str name, const char **attributes)
{
    struct relations *relations = owner;
    if (!str_eq(name, S("Relationship")) || relations->count == RELATIONS_MAX) return;
    if (str_eq(part_attribute(attributes, S("TargetMode")), S("External"))) return;
    relations->all[relations->count++] = (struct relation){
        .id = arena_copy(relations->arena, part_attribute(attributes, S("Id"))),
        .type = arena_copy(relations->arena, part_attribute(attributes, S("Type"))),
        .target = arena_copy(relations->arena, part_attribute(attributes, S("Target"))),
    };
}

static void ignore_end(void *, str)
{
}

static void ignore_text(void *, str)
{
}

/** Those of a part; there may be none. */
static enum err relations_read(struct task *task, struct package *package, struct arena *arena,
                               str part, struct relations *relations_out)
{
    size_t slash = part.len;
    while (slash > 0 && part.at[slash - 1] != '/') slash--;
    str name = arena_print(arena, "%.*s_rels/%.*s.rels", FMT(str_first(part, slash)),
                           FMT(str_from(part, slash)));
    *relations_out =
        (struct relations){.arena = arena, .all = arena_new(arena, struct relation, RELATIONS_MAX)};
    struct part_events events = {relation_begin, ignore_end, ignore_text, relations_out};
    struct task quiet = *task;
    quiet.fault = (struct fault){};
    enum err err = part_read_whole(&quiet, package, name, XLSX_PART_BYTES_MAX, &events);
    if (err == ERR_NONE || err == ERR_MISSING) return ERR_NONE;
    return fail(task, err, "%.*s", FMT(quiet.fault.detail));
}

/** Where a target lies: from the root, or beside the part that refers to it. */
static str target_part(struct arena *arena, str part, str target)
{
    if (str_starts(target, S("/"))) return str_from(target, 1);
    size_t slash = part.len;
    while (slash > 0 && part.at[slash - 1] != '/') slash--;
    while (str_starts(target, S("./"))) target = str_from(target, 2);
    return arena_print(arena, "%.*s%.*s", FMT(str_first(part, slash)), FMT(target));
}

/** The part of the first relation of a type, by the type's last word. */
static bool relation_of_type(const struct relations *relations, str word, str *target_out)
{
    for (uint32_t at = 0; at < relations->count; at++) {
        if (!str_ends(relations->all[at].type, word)) continue;
        *target_out = relations->all[at].target;
        return true;
    }
    return false;
}

/* The workbook itself. */

struct book_reading {
    struct xlsx_book *book;
    str wanted;
    uint32_t sheet_count;
    bool is_found;
    str relation;
    struct buf names;
};

static void book_begin(void *owner, str name, const char **attributes)
{
    struct book_reading *reading = owner;
    struct xlsx_book *book = reading->book;
    if (str_eq(name, S("workbookPr"))) {
        str days = part_attribute(attributes, S("date1904"));
        book->has_1904_days = str_eq(days, S("1")) || str_eq(days, S("true"));
        return;
    }
    if (!str_eq(name, S("sheet")) || reading->sheet_count++ >= XLSX_SHEETS_MAX) return;
    str title = part_attribute(attributes, S("name"));
    buf_print(&reading->names, "%s%.*s", reading->names.len > 0 ? ", " : "", FMT(title));
    if (reading->is_found) return;
    if (reading->wanted.len > 0 && !str_eq_nocase(title, reading->wanted)) return;
    reading->is_found = true;
    reading->relation = arena_copy(&book->arena, part_attribute(attributes, S("id")));
}

static enum err book_read(struct task *task, struct package *package, str part, str sheet,
                          const struct relations *relations, struct xlsx_book *book)
{
    struct book_reading reading = {
        .book = book, .wanted = sheet, .names = buf_make(&book->arena, 4 * KIB)};
    struct part_events events = {book_begin, ignore_end, ignore_text, &reading};
    TRY(part_read_whole(task, package, part, XLSX_PART_BYTES_MAX, &events));
    if (!reading.is_found && sheet.len > 0)
        return fail(task, ERR_UNREADABLE, "the workbook has no sheet %.*s; it has %.*s", FMT(sheet),
                    FMT(buf_str(&reading.names)));
    if (!reading.is_found) return fail(task, ERR_UNREADABLE, "the workbook has no sheet");
    for (uint32_t at = 0; at < relations->count; at++)
        if (str_eq(relations->all[at].id, reading.relation)) {
            book->sheet_part = target_part(&book->arena, part, relations->all[at].target);
            return ERR_NONE;
        }
    return fail(task, ERR_UNREADABLE, "the workbook does not say where its sheet lies");
}

/* Texts that cells share. */

struct string_reading {
    struct xlsx_book *book;
    struct buf text;
    uint32_t capacity;
    size_t bytes;
    bool is_in_text;
    bool is_in_reading_aid; /** how to say it, not what it says */
    bool is_too_much;
};

static void string_begin(void *owner, str name, const char **)
{
    struct string_reading *reading = owner;
    if (str_eq(name, S("si"))) reading->text.len = 0;
    if (str_eq(name, S("rPh"))) reading->is_in_reading_aid = true;
    reading->is_in_text = str_eq(name, S("t")) && !reading->is_in_reading_aid;
}

static void string_text(void *owner, str text)
{
    struct string_reading *reading = owner;
    if (reading->is_in_text) buf_put(&reading->text, text);
}

static void string_end(void *owner, str name)
{
    struct string_reading *reading = owner;
    struct xlsx_book *book = reading->book;
    reading->is_in_text = false;
    if (str_eq(name, S("rPh"))) reading->is_in_reading_aid = false;
    if (!str_eq(name, S("si"))) return;
    reading->bytes += reading->text.len + sizeof(str);
    if (reading->bytes > XLSX_STRINGS_BYTES_MAX || book->string_count == XLSX_STRINGS_MAX ||
        buf_is_over(&reading->text))
        reading->is_too_much = true;
    if (reading->is_too_much) return;
    if (book->string_count == reading->capacity) {
        uint32_t wider = reading->capacity == 0 ? 1024 : 2 * reading->capacity;
        str *strings = arena_new(&book->arena, str, wider);
        if (book->string_count > 0)
            memcpy(strings, book->strings, book->string_count * sizeof strings[0]);
        book->strings = strings;
        reading->capacity = wider;
    }
    struct buf decoded = buf_make(&book->arena, reading->text.len + 1);
    xlsx_put_text(&decoded, buf_str(&reading->text));
    book->strings[book->string_count++] = buf_str(&decoded);
}

static enum err strings_read(struct task *task, struct package *package, str part,
                             struct xlsx_book *book)
{
    struct string_reading reading = {.book = book, .text = buf_make(task->arena, STRING_BYTES_MAX)};
    struct part_events events = {string_begin, string_end, string_text, &reading};
    TRY(part_read_whole(task, package, part, 4 * XLSX_STRINGS_BYTES_MAX, &events));
    if (!reading.is_too_much) return ERR_NONE;
    return fail(task, ERR_UNREADABLE,
                "the workbook's cells hold too much text; save the sheet as CSV");
}

/* Styles. */

struct style_reading {
    struct xlsx_book *book;
    uint32_t format_count;
    uint32_t formats[FORMATS_MAX]; /** numbers of those that show days */
    bool is_in_cell_styles;
};

static bool builtin_is_day(uint32_t number)
{
    return (number >= 14 && number <= 22) || (number >= 27 && number <= 36) ||
           (number >= 45 && number <= 47) || (number >= 50 && number <= 58);
}

/** Whether a number format shows days or times. */
static bool format_is_day(str code)
{
    bool is_quoted = false, is_bracketed = false;
    for (size_t at = 0; at < code.len; at++) {
        char byte = code.at[at];
        if (is_quoted || is_bracketed) {
            is_quoted = is_quoted && byte != '"';
            is_bracketed = is_bracketed && byte != ']';
            /* `[h]` counts hours. */
            if (is_bracketed && code.at[at - 1] == '[' && strchr("hHmMsS", byte) != nullptr)
                return true;
            continue;
        }
        if (byte == '"') is_quoted = true;
        else if (byte == '[') is_bracketed = true;
        else if (byte == '\\' || byte == '_' || byte == '*') at++;
        else if (byte == ';') return false;
        else if (byte == 'G' || byte == 'g') return false; /* General */
        else if (strchr("yYmMdDhHsS", byte) != nullptr) return true;
    }
    return false;
}

static void style_begin(void *owner, str name, const char **attributes)
{
    struct style_reading *reading = owner;
    struct xlsx_book *book = reading->book;
    uint32_t number;
    if (str_eq(name, S("numFmt"))) {
        if (number_of(part_attribute(attributes, S("numFmtId")), UINT16_MAX, &number) &&
            reading->format_count < FORMATS_MAX &&
            format_is_day(part_attribute(attributes, S("formatCode"))))
            reading->formats[reading->format_count++] = number;
    } else if (str_eq(name, S("cellXfs"))) {
        reading->is_in_cell_styles = true;
    } else if (str_eq(name, S("xf")) && reading->is_in_cell_styles &&
               book->style_count < XLSX_STYLES_MAX) {
        bool is_day = false;
        if (number_of(part_attribute(attributes, S("numFmtId")), UINT16_MAX, &number)) {
            is_day = builtin_is_day(number);
            for (uint32_t at = 0; at < reading->format_count && !is_day; at++)
                is_day = reading->formats[at] == number;
        }
        book->style_is_day[book->style_count++] = is_day;
    }
}

static void style_end(void *owner, str name)
{
    struct style_reading *reading = owner;
    if (str_eq(name, S("cellXfs"))) reading->is_in_cell_styles = false;
}

static enum err styles_read(struct task *task, struct package *package, str part,
                            struct xlsx_book *book)
{
    struct style_reading *reading = arena_new(task->arena, struct style_reading, 1);
    reading->book = book;
    book->style_is_day = arena_new(&book->arena, bool, XLSX_STYLES_MAX);
    struct part_events events = {style_begin, style_end, ignore_text, reading};
    return part_read_whole(task, package, part, XLSX_PART_BYTES_MAX, &events);
}

enum err xlsx_book_read(struct task *task, struct package *package, str sheet,
                        struct xlsx_book *book)
{
    struct arena *arena = &book->arena;
    struct relations relations;
    str part = S("xl/workbook.xml"), target;
    TRY(relations_read(task, package, arena, S(""), &relations));
    if (relation_of_type(&relations, S("/officeDocument"), &target))
        part = target_part(arena, S(""), target);
    TRY(relations_read(task, package, arena, part, &relations));
    enum err err = book_read(task, package, part, sheet, &relations, book);
    if (err == ERR_MISSING) return ERR_UNREADABLE;
    TRY(err);
    if (relation_of_type(&relations, S("/sharedStrings"), &target))
        TRY(strings_read(task, package, target_part(arena, part, target), book));
    if (relation_of_type(&relations, S("/styles"), &target))
        TRY(styles_read(task, package, target_part(arena, part, target), book));
    return ERR_NONE;
}

static int hex_of(char byte)
{
    if (byte >= '0' && byte <= '9') return byte - '0';
    if (byte >= 'A' && byte <= 'F') return byte - 'A' + 10;
    if (byte >= 'a' && byte <= 'f') return byte - 'a' + 10;
    return -1;
}

/** `_x000D_`: a character below 128 that XML cannot hold; 0: none stands here. */
static char escaped_at(str text)
{
    if (text.len < 7 || text.at[0] != '_' || text.at[1] != 'x' || text.at[6] != '_') return 0;
    int code = 0;
    for (size_t at = 2; at < 6; at++) {
        int digit = hex_of(text.at[at]);
        if (digit < 0) return 0;
        code = code * 16 + digit;
    }
    return code > 0 && code < 128 ? (char)code : 0;
}

void xlsx_put_text(struct buf *out, str text)
{
    while (text.len > 0) {
        char escaped = escaped_at(text);
        buf_put_byte(out, escaped != 0 ? escaped : text.at[0]);
        text = str_from(text, escaped != 0 ? 7 : 1);
    }
}
