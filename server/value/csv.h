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

#include "value/table.h"

struct csv;

struct csv_format {
    char separator; /** , ; tab or | */
    bool is_windows_1252;
    bool has_mark; /** began with a byte order mark */
};

/** Reads from a source it does not own; looks at the first 64 KiB and the encoding of all of
 *  them to find the format. A later byte sequence that is not UTF-8 is taken as Windows-1252 in
 *  its row. ERR_UNREADABLE: UTF-16 or binary. ERR_SYSTEM: cannot be read. */
enum err csv_open(struct task *task, struct source *source, struct csv **csv_out);
/** The same over text that is already here; it must outlive the reader. */
enum err csv_open_text(struct task *task, str text, struct csv **csv_out);
void csv_close(struct csv *csv);

struct csv_format csv_format(const struct csv *csv);
/** Behind the rows given so far. */
struct table_place csv_place(const struct csv *csv);
/** Goes on behind a place of the same bytes; after the first row was read. */
void csv_seek(struct csv *csv, const struct table_place *place);

/** The next row, empty lines skipped; false at the end. A broken row is given with its `fault`
 *  and reading goes on at the next line, so that one fault does not swallow the file: a line
 *  within the broken row that has as many cells as the header is a row, any other is given with
 *  a fault too. A file that can be read no further ends with such a row. A row with more cells
 *  than the header is given as it is, but when the cells that begin with a space behind an
 *  unquoted one are exactly those too many (`,12, rue des Bouchers,`): then each is joined to
 *  the one before. */
bool csv_next(struct csv *csv, struct arena *arena, struct table_row *row_out);

/** A spreadsheet takes a cell that begins with = + - @, a tab or a carriage return for a formula,
 *  which may do harm. With an apostrophe before it, it stays text; and so that this can be taken
 *  off again, a text that begins like that, with apostrophes before, gets one more. */
bool csv_is_formula(str cell);
/** The cell without the apostrophe that csv_is_formula calls for. */
str csv_without_apostrophe(str cell);

/** A cell as RFC 4180 wants it: quoted when needed. */
void csv_write_cell(struct buf *out, str cell, char separator);
