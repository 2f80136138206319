#include "value/csv.h"

#include "base/fold.h"
#include "base/limits.h"
#include "base/require.h"
#include "value/csv_scan.h"

/** What the format is found from. */
constexpr size_t SAMPLE_BYTES = 64 * KIB;
constexpr size_t READ_BYTES = 128 * KIB;
/** The longest row, and what is read behind it. Pages that no row reaches are never touched. */
constexpr size_t WINDOW_BYTES = CSV_ROW_BYTES_MAX + READ_BYTES;
/** As much of a broken row is shown. */
constexpr size_t RAW_FAULT_BYTES_MAX = 64 * KIB;
/** Rows looked at for the separator. */
constexpr uint32_t SNIFF_ROWS_MAX = 64;
/** Lines read again behind broken rows, for each byte of the file and to begin with; past that a
 *  quote must close on its line, so that a file made of broken rows takes time in proportion to
 *  its size. */
constexpr uint64_t REREAD_FACTOR_MAX = 4;
constexpr uint64_t REREAD_BYTES_MIN = 16 * MIB;

static const char separators[] = {',', ';', '\t', '|'};

struct csv {
    struct source *source; /** nullptr: the text was given */
    str text;              /** that was given */
    uint64_t read_at;      /** of the source, behind `end` */
    bool is_at_end;        /** nothing will come behind `end` */
    bool has_failed;       /** nothing will, because the source cannot be read */
    char *window;          /** nullptr: the text was given */
    const char *at;        /** the first byte that is in no row yet */
    const char *end;
    uint64_t position; /** of `at` */
    uint64_t line;     /** of `at`, from 1 */
    uint64_t row_count;
    uint32_t header_cells; /** of the first row that is not broken */
    uint64_t broken_until; /** position up to which a broken row was read */
    uint64_t reread_bytes;
    struct csv_format format;
    struct csv_scanner scanner;
    struct csv_scan scan;
};

static str unread(const struct csv *csv)
{
    return str_between(csv->at, csv->end);
}

/** Reads up to `bytes` more behind what is unread; false when nothing came. */
static bool fill(struct csv *csv, size_t bytes)
{
    if (csv->is_at_end) return false;
    size_t kept = unread(csv).len;
    require(kept < WINDOW_BYTES);
    if (csv->at != csv->window && kept > 0) memmove(csv->window, csv->at, kept);
    csv->at = csv->window;
    csv->end = csv->window + kept;
    size_t room = WINDOW_BYTES - kept, got = 0;
    bool is_read = csv->source->read(csv->source, csv->read_at, csv->window + kept,
                                     bytes < room ? bytes : room, &got);
    csv->is_at_end = !is_read || got == 0;
    csv->has_failed = !is_read;
    csv->end += got;
    csv->read_at += got;
    return got > 0;
}

static void advance(struct csv *csv, size_t bytes)
{
    csv->at += bytes;
    csv->position += bytes;
}

static bool is_utf8(str text)
{
    /* A NUL is a fault of its own and says nothing of the encoding. */
    while (text.len > 0) {
        str piece;
        (void)str_cut(text, 0, &piece, &text);
        if (!utf8_is_valid(piece)) return false;
    }
    return true;
}

/** Without a UTF-8 sequence that the end of the sample cuts. */
static str without_cut_sequence(str sample)
{
    for (size_t back = 1; back <= 3 && back <= sample.len; back++) {
        uint8_t byte = (uint8_t)sample.at[sample.len - back];
        if (byte < 0x80) break;
        if (byte >= 0xc0) return str_first(sample, sample.len - back);
    }
    return sample;
}

/** A name for what this is instead of a table, or nullptr. */
static const char *foreign_name(str sample)
{
    if (str_starts(sample, S("\xff\xfe")) || str_starts(sample, S("\xfe\xff")))
        return "this is UTF-16; save it as UTF-8";
    if (str_starts(sample, S("PK\x03\x04")))
        return "this is a workbook or zip file, not text";
    if (str_starts(sample, S("\xd0\xcf\x11\xe0")))
        return "this is an old Excel workbook, not text; save the sheet as CSV";
    if (str_starts(sample, S("%PDF-"))) return "this is a PDF, not a table";
    if (str_starts(sample, S("\x1f\x8b"))) return "this is compressed; unpack it first";
    size_t nul_count[2] = {};
    size_t control_count = 0;
    for (size_t at = 0; at < sample.len; at++) {
        uint8_t byte = (uint8_t)sample.at[at];
        if (byte == 0) nul_count[at % 2]++;
        if (byte < 0x20 && (byte < '\t' || byte > '\r')) control_count++;
    }
    /* Latin text has a NUL in each pair, all on the same side. */
    size_t pairs = sample.len / 2;
    size_t more = nul_count[0] > nul_count[1] ? nul_count[0] : nul_count[1];
    size_t fewer = nul_count[0] + nul_count[1] - more;
    if (pairs >= 4 && more > pairs / 2 && fewer < pairs / 8)
        return "this is UTF-16 without a mark; save it as UTF-8";
    if (control_count > 8 && control_count > sample.len / 16)
        return "this is binary, not a table as text";
    return nullptr;
}

struct score {
    uint32_t agreeing; /** rows with as many cells as the first */
    uint32_t rows;
    uint32_t cells;
};

/** How well the sample falls into rows of equal length by one separator. */
static struct score score_of(struct csv *csv, str sample, bool is_last, char separator)
{
    struct csv_scanner scanner;
    csv_scanner_init(&scanner, separator);
    struct csv_scan *scan = &csv->scan;
    struct score score = {};
    while (score.rows < SNIFF_ROWS_MAX && sample.len > 0) {
        csv_scan_row(&scanner, sample, is_last, scan);
        if (scan->end == CSV_END_MORE && score.rows > 0) break;
        bool is_broken = scan->end == CSV_END_UNCLOSED || scan->end == CSV_END_BEHIND_QUOTE;
        bool is_empty = scan->end == CSV_END_ROW && scan->row_len == 0;
        if (!is_empty) {
            if (score.rows == 0) score.cells = scan->cell_count;
            score.agreeing += !is_broken && scan->cell_count == score.cells;
            score.rows++;
        }
        if (scan->end == CSV_END_MORE) break;
        bool has_second_line = is_broken && scan->second_line > 0;
        sample = str_from(sample, has_second_line ? scan->second_line : scan->next);
    }
    return score;
}

static bool is_better(struct score score, struct score than)
{
    if (score.cells < 2) return false;
    if (than.cells < 2) return true;
    uint64_t share = (uint64_t)score.agreeing * than.rows;
    uint64_t than_share = (uint64_t)than.agreeing * score.rows;
    return share > than_share || (share == than_share && score.cells > than.cells);
}

static char separator_sniff(struct csv *csv, str sample, bool is_last)
{
    char best = separators[0];
    struct score best_score = {};
    for (size_t at = 0; at < sizeof separators; at++) {
        struct score score = score_of(csv, sample, is_last, separators[at]);
        if (!is_better(score, best_score)) continue;
        best = separators[at];
        best_score = score;
    }
    return best;
}

/** Excel's first line `sep=;` names the separator and is no row. */
static bool separator_line_skip(struct csv *csv, char *separator_out)
{
    str text = unread(csv);
    str name = S("sep=");
    if (text.len < name.len + 2 || !str_eq_nocase(str_first(text, name.len), name)) return false;
    char separator = text.at[name.len];
    char end = text.at[name.len + 1];
    if (memchr(separators, separator, sizeof separators) == nullptr) return false;
    if (end != '\r' && end != '\n') return false;
    bool is_pair = end == '\r' && text.len > name.len + 2 && text.at[name.len + 2] == '\n';
    advance(csv, name.len + (is_pair ? 3 : 2));
    csv->line++;
    *separator_out = separator;
    return true;
}

/** Finds out what the first bytes tell; a reason when this is no table. */
static const char *format_find(struct csv *csv)
{
    while (unread(csv).len < SAMPLE_BYTES && fill(csv, SAMPLE_BYTES - unread(csv).len)) continue;
    if (csv->has_failed) return nullptr;
    str sample = str_first(unread(csv), SAMPLE_BYTES);
    bool is_last = csv->is_at_end && sample.len == unread(csv).len;
    const char *foreign = foreign_name(sample);
    if (foreign != nullptr) return foreign;
    csv->format.is_windows_1252 = !is_utf8(is_last ? sample : without_cut_sequence(sample));
    csv->format.has_mark = str_starts(sample, S("\xef\xbb\xbf"));
    if (csv->format.has_mark) advance(csv, 3);
    if (!separator_line_skip(csv, &csv->format.separator)) {
        sample = str_between(csv->at, sample.at + sample.len);
        csv->format.separator = separator_sniff(csv, sample, is_last);
    }
    csv_scanner_init(&csv->scanner, csv->format.separator);
    return nullptr;
}

static enum err open_checked(struct task *task, struct csv *csv, struct csv **csv_out)
{
    *csv_out = nullptr;
    csv->line = 1;
    const char *foreign = format_find(csv);
    const char *failure = csv->has_failed ? csv->source->fault : nullptr;
    if (foreign == nullptr && failure == nullptr) {
        *csv_out = csv;
        return ERR_NONE;
    }
    /* Before the fault is told: that takes from the task's arena, which may leave. */
    csv_close(csv);
    if (foreign != nullptr) return fail(task, ERR_UNREADABLE, "%s", foreign);
    return fail(task, ERR_SYSTEM, "the file cannot be read: %s", failure);
}

enum err csv_open(struct task *task, struct source *source, struct csv **csv_out)
{
    require(source->read != nullptr);
    struct csv *csv = memory_take(sizeof *csv);
    csv->window = memory_take(WINDOW_BYTES);
    csv->source = source;
    csv->at = csv->window;
    csv->end = csv->window;
    return open_checked(task, csv, csv_out);
}

enum err csv_open_text(struct task *task, str text, struct csv **csv_out)
{
    struct csv *csv = memory_take(sizeof *csv);
    csv->text = text;
    csv->is_at_end = true;
    csv->at = text.len == 0 ? "" : text.at;
    csv->end = csv->at + text.len;
    return open_checked(task, csv, csv_out);
}

void csv_close(struct csv *csv)
{
    if (csv == nullptr) return;
    memory_give(csv->window);
    memory_give(csv);
}

struct csv_format csv_format(const struct csv *csv)
{
    return csv->format;
}

struct table_place csv_place(const struct csv *csv)
{
    return (struct table_place){
        .bytes = csv->position,
        .rows = csv->row_count,
        .line = csv->line,
        .broken_until = csv->broken_until,
        .reread_bytes = csv->reread_bytes,
    };
}

void csv_seek(struct csv *csv, const struct table_place *place)
{
    require(csv->row_count > 0);
    csv->position = place->bytes;
    csv->row_count = place->rows;
    csv->line = place->line;
    csv->broken_until = place->broken_until;
    csv->reread_bytes = place->reread_bytes;
    if (csv->source == nullptr) {
        require(place->bytes <= csv->text.len);
        csv->at = csv->end - (csv->text.len - place->bytes);
        return;
    }
    csv->at = csv->end = csv->window;
    csv->read_at = place->bytes;
    csv->is_at_end = false;
}

static bool is_line_end(char byte)
{
    return byte == '\n' || byte == '\r';
}

/** Moves over empty lines; false at the end of the file. */
static bool empty_lines_skip(struct csv *csv)
{
    for (;;) {
        while (csv->at < csv->end && is_line_end(*csv->at)) {
            bool is_pair = *csv->at == '\r';
            if (is_pair && csv->at + 1 == csv->end && fill(csv, READ_BYTES)) continue;
            is_pair = is_pair && csv->at + 1 < csv->end && csv->at[1] == '\n';
            advance(csv, is_pair ? 2 : 1);
            csv->line++;
        }
        if (csv->at < csv->end) return true;
        if (!fill(csv, READ_BYTES)) return false;
    }
}

/** Moves to the next line end over any number of bytes. */
static void line_skip(struct csv *csv)
{
    do {
        const char *at = csv->at;
        while (at < csv->end && !is_line_end(*at)) at++;
        advance(csv, (size_t)(at - csv->at));
    } while (csv->at == csv->end && fill(csv, READ_BYTES));
}

/** Scans the row at the start of what is unread, reading on as needed. CSV_END_MORE: it is
 *  longer than a row may be. */
static void row_scan(struct csv *csv)
{
    csv->scanner.has_one_line_rows =
        csv->reread_bytes > REREAD_BYTES_MIN + REREAD_FACTOR_MAX * csv->position;
    for (;;) {
        str text = str_first(unread(csv), CSV_ROW_BYTES_MAX);
        bool is_last = csv->is_at_end && text.len == unread(csv).len;
        csv_scan_row(&csv->scanner, text, is_last, &csv->scan);
        if (csv->scan.end != CSV_END_MORE || text.len == CSV_ROW_BYTES_MAX) return;
        /* At least as much again as is there, so that a long row is not scanned too often. */
        (void)fill(csv, text.len > READ_BYTES ? text.len : READ_BYTES);
    }
}

/** Code points of bytes 80 to 9f; where Windows-1252 has none it is the control character, as
 *  browsers do. */
static const uint16_t windows_1252[32] = {
    0x20ac, 0x0081, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x008d, 0x017d, 0x008f, 0x0090, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x009d, 0x017e, 0x0178,
};

static str windows_1252_convert(struct arena *arena, str text)
{
    char *room = arena_take_raw(arena, text.len * 3);
    size_t len = 0;
    for (size_t at = 0; at < text.len; at++) {
        uint8_t byte = (uint8_t)text.at[at];
        uint32_t code = byte >= 0x80 && byte < 0xa0 ? windows_1252[byte - 0x80] : byte;
        if (code < 0x80) {
            room[len++] = (char)code;
        } else if (code < 0x800) {
            room[len++] = (char)(0xc0 | code >> 6);
            room[len++] = (char)(0x80 | (code & 0x3f));
        } else {
            room[len++] = (char)(0xe0 | code >> 12);
            room[len++] = (char)(0x80 | (code >> 6 & 0x3f));
            room[len++] = (char)(0x80 | (code & 0x3f));
        }
    }
    return (str){room, len};
}

/** A copy in UTF-8; says whether it had to be converted. */
static str raw_copy(struct arena *arena, str text, bool *is_converted_out)
{
    *is_converted_out = !is_utf8(text);
    return *is_converted_out ? windows_1252_convert(arena, text) : arena_copy(arena, text);
}

/** A cell's bytes, with `""` made `"`. */
static str cell_text(struct arena *arena, str raw, struct csv_span span)
{
    str text = {raw.at + span.from, span.len};
    if (!span.has_escapes) return text;
    char *room = arena_take_raw(arena, text.len);
    size_t len = 0;
    for (size_t at = 0; at < text.len; at++) {
        room[len++] = text.at[at];
        if (text.at[at] == '"') at++;
    }
    return (str){room, len};
}

/** Whether a cell is what stands behind a comma in prose, as ` rue des Bouchers` behind `12`:
 *  nobody puts a space before each cell of one column only. Quoted cells have their quote where
 *  the space must be. */
static bool is_continued(str raw, struct csv_span cell, struct csv_span by)
{
    return cell.len > 0 && cell.from + cell.len + 1 == by.from && by.len > 1 &&
           raw.at[by.from] == ' ';
}

/** A row with more cells than the header: joins those that an unquoted separator within a text
 *  made two, when these are exactly the cells too many. Says whether it did. */
static bool cells_join(struct csv *csv, str raw)
{
    struct csv_scan *scan = &csv->scan;
    uint32_t wanted = csv->header_cells;
    if (wanted == 0 || scan->cell_count <= wanted || scan->cell_count > CSV_COLUMNS_MAX)
        return false;
    uint32_t joints = 0;
    for (uint32_t at = 1; at < scan->cell_count; at++)
        joints += is_continued(raw, scan->cells[at - 1], scan->cells[at]);
    if (joints != scan->cell_count - wanted) return false;
    uint32_t last = 0;
    for (uint32_t at = 1; at < scan->cell_count; at++) {
        struct csv_span cell = scan->cells[at];
        struct csv_span *joined = &scan->cells[last];
        if (is_continued(raw, *joined, cell)) joined->len = cell.from + cell.len - joined->from;
        else scan->cells[++last] = cell;
    }
    scan->cell_count = last + 1;
    require(scan->cell_count == wanted);
    return true;
}

static void row_fault(struct csv *csv, struct arena *arena, size_t raw_len, str fault,
                      struct table_row *row)
{
    bool is_converted;
    str raw = {csv->at, raw_len < RAW_FAULT_BYTES_MAX ? raw_len : RAW_FAULT_BYTES_MAX};
    row->raw = raw_copy(arena, raw, &is_converted);
    row->fault = fault;
}

/** Why a row that was scanned whole cannot be used; empty when it can. */
static str whole_row_fault(struct csv *csv, struct arena *arena, str raw)
{
    const struct csv_scan *scan = &csv->scan;
    if (scan->cell_count > CSV_COLUMNS_MAX)
        return arena_print(arena, "the row has %u cells, at most %u are read", scan->cell_count,
                           CSV_COLUMNS_MAX);
    if (memchr(raw.at, 0, raw.len) != nullptr) return S("the row holds a NUL byte");
    for (uint32_t at = 0; at < scan->cell_count; at++)
        if (scan->cells[at].len > CSV_CELL_BYTES_MAX)
            return arena_print(arena, "cell %u is longer than %zu bytes", at + 1,
                               CSV_CELL_BYTES_MAX);
    bool is_within_broken = csv->position < csv->broken_until;
    if (is_within_broken && csv->header_cells > 0 && scan->cell_count != csv->header_cells)
        return S("the line belongs to a broken row above it");
    if (csv->has_failed && csv->at + scan->next == csv->end)
        return S("the file cannot be read further; the row may be cut short");
    return S("");
}

/** A whole row. True when the next row begins behind it, false when that begins on this one's
 *  second line. */
static bool row_take(struct csv *csv, struct arena *arena, struct table_row *row)
{
    struct csv_scan *scan = &csv->scan;
    str text = {csv->at, scan->row_len};
    row->is_joined = cells_join(csv, text);
    str fault = whole_row_fault(csv, arena, text);
    if (fault.len > 0) {
        /* A row of several lines and another shape than the header is more likely a stray quote
         * that found another. */
        bool is_stray = scan->second_line > 0 && scan->cell_count != csv->header_cells;
        row_fault(csv, arena, is_stray ? scan->first_line_len : text.len, fault, row);
        return !is_stray;
    }
    bool is_converted;
    row->raw = raw_copy(arena, text, &is_converted);
    if (is_converted) {
        /* The places of the cells moved; the structure is ASCII and did not. */
        size_t next = scan->next;
        uint64_t line_ends = scan->line_ends;
        csv_scan_row(&csv->scanner, row->raw, true, scan);
        require(scan->end == CSV_END_ROW && scan->row_len == row->raw.len);
        scan->next = next;
        scan->line_ends = line_ends;
        (void)cells_join(csv, row->raw);
    }
    row->cell_count = scan->cell_count;
    row->cells = arena_new(arena, str, scan->cell_count);
    for (uint32_t at = 0; at < scan->cell_count; at++)
        row->cells[at] = cell_text(arena, row->raw, scan->cells[at]);
    return true;
}

/** Goes on at the second line of a row that was scanned to `reached`. */
static void second_line_take(struct csv *csv, size_t reached)
{
    uint64_t until = csv->position + reached;
    if (until > csv->broken_until) csv->broken_until = until;
    csv->reread_bytes += reached;
    advance(csv, csv->scan.second_line);
    csv->line++;
}

/** A row that has no end where one can be. */
static void broken_row_take(struct csv *csv, struct arena *arena, str fault, struct table_row *row)
{
    const struct csv_scan *scan = &csv->scan;
    bool is_too_long = scan->end == CSV_END_MORE;
    size_t reached = is_too_long ? CSV_ROW_BYTES_MAX : scan->row_len;
    if (scan->second_line > 0) {
        row_fault(csv, arena, scan->first_line_len, fault, row);
        second_line_take(csv, reached);
        return;
    }
    row_fault(csv, arena, reached, fault, row);
    if (is_too_long) {
        line_skip(csv);
        return;
    }
    csv->line += scan->line_ends;
    advance(csv, scan->next);
}

/** At the end of what can be read: one row more when that is not the end of the file. */
static bool end_take(struct csv *csv, struct table_row *row)
{
    if (!csv->has_failed) return false;
    csv->has_failed = false;
    csv->row_count++;
    row->fault = S("the file cannot be read further");
    return true;
}

bool csv_next(struct csv *csv, struct arena *arena, struct table_row *row_out)
{
    bool has_row = empty_lines_skip(csv);
    *row_out = (struct table_row){.number = csv->row_count + 1, .line = csv->line};
    if (!has_row) return end_take(csv, row_out);
    row_scan(csv);
    const struct csv_scan *scan = &csv->scan;
    switch (scan->end) {
    case CSV_END_ROW:
        if (row_take(csv, arena, row_out)) {
            csv->line += scan->line_ends;
            advance(csv, scan->next);
        } else {
            second_line_take(csv, scan->next);
        }
        break;
    case CSV_END_MORE:
        broken_row_take(csv, arena,
                        scan->is_in_quotes ? S("a quote is opened and not closed")
                                           : S("the row is longer than 1 MiB"),
                        row_out);
        static_assert(CSV_ROW_BYTES_MAX == MIB);
        break;
    case CSV_END_UNCLOSED:
        broken_row_take(csv, arena, S("a quote is opened and not closed"), row_out);
        break;
    case CSV_END_BEHIND_QUOTE:
        broken_row_take(csv, arena, S("something stands between a closing quote and the separator"),
                        row_out);
        break;
    }
    if (csv->header_cells == 0) csv->header_cells = row_out->cell_count;
    csv->row_count++;
    return true;
}

bool csv_is_formula(str cell)
{
    size_t at = 0;
    while (at < cell.len && cell.at[at] == '\'') at++;
    return at < cell.len && memchr("=+-@\t\r", cell.at[at], 6) != nullptr;
}

str csv_without_apostrophe(str cell)
{
    bool has_one = cell.len > 0 && cell.at[0] == '\'' && csv_is_formula(cell);
    return has_one ? str_from(cell, 1) : cell;
}

void csv_write_cell(struct buf *out, str cell, char separator)
{
    const char specials[] = {separator, '"', '\r', '\n'};
    bool needs_quotes = false;
    for (size_t at = 0; at < sizeof specials; at++)
        needs_quotes = needs_quotes || str_find_byte(cell, specials[at]) != SIZE_MAX;
    if (!needs_quotes) {
        buf_put(out, cell);
        return;
    }
    buf_put_byte(out, '"');
    for (;;) {
        size_t quote = str_find_byte(cell, '"');
        if (quote == SIZE_MAX) break;
        buf_put(out, str_first(cell, quote));
        buf_put(out, S("\"\""));
        cell = str_from(cell, quote + 1);
    }
    buf_put(out, cell);
    buf_put_byte(out, '"');
}
