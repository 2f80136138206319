/** csv: tables as text, read row by row from a file of any size.
 *
 *  RFC 4180 and what real exports do: a byte order mark, CRLF / LF / CR, Excel's `sep=;` line,
 *  semicolons, tabs and bars sniffed, quoted newlines, UTF-16 refused by name, Windows-1252
 *  detected (not valid UTF-8) and converted.
 *
 *  Floor   value.
 *  Thread  one at a time.
 *  Memory  a row lives in the arena given to csv_next; the reader keeps one window of the file.
 */
#pragma once

#include "base/buf.h"
#include "base/task.h"

struct csv;

struct csv_row {
    uint64_t number;     /** of the record, the header is 1 */
    uint64_t line;       /** of the file where it begins */
    uint32_t cell_count; /** 0 with a fault */
    str *cells;          /** UTF-8, quotes removed */
    bool is_joined;      /** cells were joined, as csv_next says */
    /** As it stood in the file (converted to UTF-8), without its line end; with a fault its first
     *  line or first 64 KiB. */
    str raw;
    /** Empty, or why this row cannot be used: an unclosed quote, bytes behind a quote, too long,
     *  NUL. */
    str fault;
};

struct csv_format {
    char separator;        /** , ; tab or | */
    bool is_windows_1252;
    bool has_mark;         /** began with a byte order mark */
};

/** Reads from a descriptor it does not own, from where that stands; looks at the first 64 KiB
 *  and the encoding of all of them to find the format. A later byte sequence that is not UTF-8
 *  is taken as Windows-1252 in its row. ERR_UNREADABLE: UTF-16 or binary. ERR_SYSTEM: cannot be
 *  read. */
enum err csv_open(struct task *task, int file, struct csv **csv_out);
/** The same over text that is already here; it must outlive the reader. */
enum err csv_open_text(struct task *task, str text, struct csv **csv_out);
void csv_close(struct csv *csv);

struct csv_format csv_format(const struct csv *csv);
/** Bytes of the file behind the rows given so far. */
uint64_t csv_position(const struct csv *csv);

/** The next row, empty lines skipped; false at the end. A broken row is given with its `fault`
 *  and reading goes on at the next line, so that one fault does not swallow the file: a line
 *  within the broken row that has as many cells as the header is a row, any other is given with
 *  a fault too. A file that can be read no further ends with such a row. A row with more cells
 *  than the header is given as it is, but when the cells that begin with a space behind an
 *  unquoted one are exactly those too many (`,12, rue des Bouchers,`): then each is joined to
 *  the one before. */
bool csv_next(struct csv *csv, struct arena *arena, struct csv_row *row_out);

/** A cell as RFC 4180 wants it: quoted when needed. */
void csv_write_cell(struct buf *out, str cell, char separator);
