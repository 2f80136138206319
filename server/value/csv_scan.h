/** csv_scan: where a row of a table ends and where its cells lie; no memory, no files.
 *
 *  Floor   value; for csv.c.
 *  Thread  any.
 */
#pragma once

#include "base/limits.h"
#include "base/str.h"

/** A cell, by its place in the scanned text. */
struct csv_span {
    uint32_t from;
    uint32_t len;
    bool has_escapes; /** holds `""` that mean `"` */
};

enum csv_end : uint8_t {
    CSV_END_ROW,          /** a line end, or the end of the file */
    CSV_END_MORE,         /** the text ends within the row and the file goes on */
    CSV_END_UNCLOSED,     /** the file (or the line, where quotes must) ends within quotes */
    CSV_END_BEHIND_QUOTE, /** something stands between a closing quote and the next separator */
};

struct csv_scan {
    enum csv_end end;
    bool is_in_quotes;     /** with CSV_END_MORE: where the text ends */
    uint32_t cell_count;   /** also counts cells beyond CSV_COLUMNS_MAX, which have no span */
    uint64_t line_ends;    /** consumed with the row */
    size_t row_len;        /** without the line end */
    size_t next;           /** where the next row begins */
    size_t first_line_len; /** of a row of several lines */
    size_t second_line;    /** where it begins; 0: the row is on one line */
    struct csv_span cells[CSV_COLUMNS_MAX];
};

struct csv_scanner {
    uint8_t classes[256]; /** which bytes end an unquoted cell */
    char separator;
    bool has_one_line_rows; /** a quote must close on its line */
};

void csv_scanner_init(struct csv_scanner *scanner, char separator);

/** Scans one row from the start of `text`. `is_last`: the file ends with it. */
void csv_scan_row(const struct csv_scanner *scanner, str text, bool is_last,
                  struct csv_scan *scan_out);
