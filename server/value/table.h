/** table: rows from a source, one after another: CSV, NDJSON or a workbook; and again from a place
 *  that was noted.
 *
 *  Floor   value.
 *  Thread  one at a time.
 *  Memory  a row lives in the arena given to table_next; the reader keeps one window of the source.
 *  Source  RFC 4180 (csv.h), ndjson.org (ndjson.h), ECMA-376 (xlsx.h).
 */
#pragma once

#include "base/buf.h"
#include "base/task.h"
#include "value/source.h"

enum table_format : uint8_t {
    TABLE_UNKNOWN, /** told by its first bytes */
    TABLE_CSV,
    TABLE_NDJSON, /** one JSON object a line; it has no header */
    TABLE_XLSX,
};

struct table_row {
    uint64_t number;     /** of the record; the header, where there is one, is 1 */
    uint64_t line;       /** of the file where it begins; 0 in a workbook */
    uint32_t cell_count; /** 0 with a fault, and in NDJSON */
    str *cells;          /** UTF-8, quotes removed */
    bool is_joined;      /** cells were joined, as csv_next says */
    /** As it stood in the file (converted to UTF-8), without its line end; with a fault its first
     *  line or first 64 KiB. Empty in a workbook. */
    str raw;
    str record; /** NDJSON: the object as an encoded map */
    /** Encoded values beside the cells, where a cell is more than text; nullptr: none is. Who reads
     *  the rows fills them. */
    str *values;
    /** Empty, or why this row cannot be used: an unclosed quote, bytes behind a quote, too long,
     *  NUL, no JSON. */
    str fault;
};

/** Behind a row; where reading can be taken up again. */
struct table_place {
    uint64_t bytes; /** of the source */
    uint64_t rows;
    uint64_t line;
    uint64_t broken_until; /** CSV's own */
    uint64_t reread_bytes; /** CSV's own */
};

struct table_options {
    enum table_format format;
    str sheet; /** of a workbook, by its name; empty: the first one */
};

struct table;

/** ERR_UNREADABLE: no table, or none that is understood; the fault says what it is. ERR_SYSTEM: the
 *  source cannot be read. The source must outlive the table. */
enum err table_open(struct task *task, struct source *source, const struct table_options *options,
                    struct table **table_out);
/** The next row, empty ones skipped; false at the end. Broken rows are given with their fault. */
bool table_next(struct table *table, struct arena *arena, struct table_row *row_out);
struct table_place table_place(const struct table *table);
/** Goes on behind a place of the same bytes; after the header was read. */
void table_seek(struct table *table, const struct table_place *place);
/** What was found. */
enum table_format table_format(const struct table *table);
char table_separator(const struct table *table); /** of CSV; else a comma */
/** The bytes were no UTF-8, or had a mark: a spreadsheet wants one. */
bool table_wants_mark(const struct table *table);
/** `UTF-8` or `Windows-1252` */
str table_encoding(const struct table *table);
void table_close(struct table *table);

/** `csv`, `ndjson`, `xlsx`; false for another word. */
bool table_format_find(str word, enum table_format *format_out);
str table_format_word(enum table_format format);
