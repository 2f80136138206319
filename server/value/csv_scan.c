#include "value/csv_scan.h"

#include "base/require.h"

enum byte_class : uint8_t { CLASS_PLAIN, CLASS_SEPARATOR, CLASS_LINE_END };

/** One scan on its way. */
struct walk {
    const struct csv_scanner *scanner;
    struct csv_scan *scan;
    const char *from;
    const char *at;
    const char *end;
    bool is_last;
};

static size_t place(const struct walk *walk, const char *at)
{
    return (size_t)(at - walk->from);
}

/** Behind the line end at `at`; CRLF is one. */
static const char *line_end_skip(const char *at, const char *end)
{
    bool is_pair = *at == '\r' && at + 1 < end && at[1] == '\n';
    return at + (is_pair ? 2 : 1);
}

static const char *line_end_find(const char *at, const char *end)
{
    if (at == end) return end;
    const char *feed = memchr(at, '\n', (size_t)(end - at));
    const char *until = feed == nullptr ? end : feed;
    if (at == until) return until;
    const char *carriage = memchr(at, '\r', (size_t)(until - at));
    return carriage == nullptr ? until : carriage;
}

/** Counts the line ends within quotes and remembers the first. */
static void lines_count(struct walk *walk, const char *at, const char *until)
{
    struct csv_scan *scan = walk->scan;
    while ((at = line_end_find(at, until)) != until) {
        const char *next = line_end_skip(at, until);
        if (scan->second_line == 0) {
            scan->first_line_len = place(walk, at);
            scan->second_line = place(walk, next);
        }
        scan->line_ends++;
        at = next;
    }
}

static void cell_put(struct walk *walk, const char *from, const char *end, bool has_escapes)
{
    struct csv_scan *scan = walk->scan;
    if (scan->cell_count < CSV_COLUMNS_MAX)
        scan->cells[scan->cell_count] = (struct csv_span){
            .from = (uint32_t)place(walk, from),
            .len = (uint32_t)(end - from),
            .has_escapes = has_escapes,
        };
    scan->cell_count++;
}

static bool stop(struct walk *walk, enum csv_end end)
{
    walk->scan->end = end;
    return false;
}

static bool stop_for_more(struct walk *walk, bool is_in_quotes)
{
    walk->scan->is_in_quotes = is_in_quotes;
    return stop(walk, CSV_END_MORE);
}

/** Where a row that cannot be read further ends: its line does. */
static bool stop_behind_quote(struct walk *walk)
{
    struct csv_scan *scan = walk->scan;
    if (scan->second_line == 0) {
        const char *line_end = line_end_find(walk->at, walk->end);
        bool is_cut = line_end == walk->end || (*line_end == '\r' && line_end + 1 == walk->end);
        if (is_cut && !walk->is_last) return stop_for_more(walk, false);
        scan->row_len = place(walk, line_end);
        scan->next = place(walk, line_end);
        if (line_end < walk->end) {
            scan->next = place(walk, line_end_skip(line_end, walk->end));
            scan->line_ends++;
        }
    } else {
        scan->row_len = place(walk, walk->at);
    }
    return stop(walk, CSV_END_BEHIND_QUOTE);
}

/** A cell whose opening quote is at the cursor, which moves to the separator or line end behind
 *  it. */
static bool quoted_cell(struct walk *walk)
{
    const char *from = ++walk->at;
    bool has_escapes = false;
    for (;;) {
        size_t left = (size_t)(walk->end - walk->at);
        const char *quote = left == 0 ? nullptr : memchr(walk->at, '"', left);
        lines_count(walk, walk->at, quote == nullptr ? walk->end : quote);
        if (quote == nullptr && walk->is_last) {
            walk->scan->row_len = place(walk, walk->end);
            walk->scan->next = walk->scan->row_len;
            return stop(walk, CSV_END_UNCLOSED);
        }
        if (quote == nullptr || (quote + 1 == walk->end && !walk->is_last))
            return stop_for_more(walk, true);
        walk->at = quote + 1;
        if (walk->at < walk->end && *walk->at == '"') {
            has_escapes = true;
            walk->at++;
            continue;
        }
        cell_put(walk, from, quote, has_escapes);
        break;
    }
    while (walk->at < walk->end && *walk->at == ' ') walk->at++;
    if (walk->at == walk->end) return walk->is_last || stop_for_more(walk, false);
    if (walk->scanner->classes[(uint8_t)*walk->at] == CLASS_PLAIN) return stop_behind_quote(walk);
    return true;
}

static bool plain_cell(struct walk *walk)
{
    const char *from = walk->at;
    const char *at = from;
    const char *end = walk->end;
    const uint8_t *classes = walk->scanner->classes;
    while (at < end && classes[(uint8_t)*at] == CLASS_PLAIN) at++;
    walk->at = at;
    cell_put(walk, from, at, false);
    if (at == end && !walk->is_last) return stop_for_more(walk, false);
    return true;
}

/** The row's end is at the cursor. */
static void row_end(struct walk *walk)
{
    struct csv_scan *scan = walk->scan;
    scan->row_len = place(walk, walk->at);
    scan->next = scan->row_len;
    scan->end = CSV_END_ROW;
    if (walk->at == walk->end) return;
    /* Whether a line feed follows a carriage return at the end of the text is not known yet. */
    bool is_cut = *walk->at == '\r' && walk->at + 1 == walk->end && !walk->is_last;
    if (is_cut) (void)stop_for_more(walk, false);
    scan->next = place(walk, line_end_skip(walk->at, walk->end));
    scan->line_ends++;
}

void csv_scanner_init(struct csv_scanner *scanner, char separator)
{
    *scanner = (struct csv_scanner){.separator = separator};
    scanner->classes[(uint8_t)separator] = CLASS_SEPARATOR;
    scanner->classes['\r'] = CLASS_LINE_END;
    scanner->classes['\n'] = CLASS_LINE_END;
}

static void row_walk(struct walk *walk)
{
    for (;;) {
        bool is_quoted = walk->at < walk->end && *walk->at == '"';
        if (!(is_quoted ? quoted_cell(walk) : plain_cell(walk))) return;
        if (walk->at == walk->end || *walk->at != walk->scanner->separator) break;
        walk->at++;
    }
    row_end(walk);
}

/** As if the file ended with the line. */
static void line_walk(struct walk *walk)
{
    const char *end = walk->end;
    const char *line_end = line_end_find(walk->at, end);
    bool is_cut = line_end == end || (*line_end == '\r' && line_end + 1 == end);
    if (is_cut && !walk->is_last) {
        (void)stop_for_more(walk, false);
        return;
    }
    walk->end = line_end;
    walk->is_last = true;
    row_walk(walk);
    if (line_end == end) return;
    walk->scan->next = place(walk, line_end_skip(line_end, end));
    walk->scan->line_ends = 1;
}

void csv_scan_row(const struct csv_scanner *scanner, str text, bool is_last,
                  struct csv_scan *scan_out)
{
    require(text.len < UINT32_MAX);
    scan_out->is_in_quotes = false;
    scan_out->cell_count = 0;
    scan_out->line_ends = 0;
    scan_out->first_line_len = 0;
    scan_out->second_line = 0;
    struct walk walk = {
        .scanner = scanner,
        .scan = scan_out,
        .from = text.at,
        .at = text.at,
        .end = text.at + text.len,
        .is_last = is_last,
    };
    if (scanner->has_one_line_rows) line_walk(&walk);
    else row_walk(&walk);
}
