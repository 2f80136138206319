/** import: rows of a table become records, by the same road as every other change.
 *
 *  Columns are mapped to fields by a map or by their headers (import_map.c). A row is one change
 *  behind its own savepoint: a row at fault leaves no trace and goes, with its fault, to the table
 *  of failed rows; the others stand. Rows go to the tenant's lane in slices, one after another, so
 *  that people's changes get in between and memory does not grow with the file.
 *
 *  Floor   work; rests on access, record, model, store, value, base.
 *  Thread  one that may block: not a loop, a lane or the committer.
 *  Memory  what is told about columns and faults lives in the arena of the task given to
 *          import_open.
 */
#pragma once

#include "record/record.h"

/** fields in `primary_contact.name` and the like */
constexpr uint32_t IMPORT_PATH_STEPS_MAX = 3;
/** in the report; all of them are in the failed rows */
constexpr uint32_t IMPORT_FAULTS_TOLD_MAX = 20;
/** read at once; the lane takes them in turns, the last of which is short */
constexpr uint32_t IMPORT_SLICE_ROWS_MAX = 1000;
constexpr size_t IMPORT_SLICE_BYTES_MAX = 512 * KIB; /** of cells, read at once */
/** of a turn in the lane, before others have theirs; shorter while they write */
constexpr int64_t IMPORT_SLICE_NS_MAX = 50'000'000;
constexpr size_t IMPORT_EXAMPLE_BYTES_MAX = 60;

/** What the words of a cell that stand for nothing are, unless said otherwise. Their case counts,
 *  for there are people named Null. */
#define IMPORT_EMPTY_WORDS "NULL,null,N/A,n/a,#N/A"

enum import_mode : uint8_t {
    IMPORT_CREATE,
    IMPORT_UPDATE, /** a row without a record that matches is at fault */
    IMPORT_UPSERT,
};

/** Figures so far; what a progress bar shows. */
struct import_counts {
    uint64_t rows; /** with content, whatever became of them */
    uint64_t created;
    uint64_t updated;
    uint64_t failed;
};

struct import_options {
    const struct space *space;
    const struct model *model;
    const struct scope *scope;
    const struct hooks *hooks; /** or nullptr */
    const struct entity *entity;
    int file; /** the table, read from where it stands */
    /** where failed rows are written, or -1; stays empty when none fails */
    int failed_file;
    str map; /** JSON `{"Column": "path"}`, or empty: by headers */
    /** field that finds an existing record, or `id`; empty in mode create */
    str match;
    enum import_mode mode;
    str empty_words; /** separated by commas */
    /** an empty cell clears the field of an existing record; otherwise it is kept */
    bool is_clearing;
    bool is_preview; /** everything but writing */
    struct id cause; /** job or request */
    /** After each slice; false ends the import there, with ERR_FULL. */
    bool (*progress)(void *owner, uint64_t bytes_done, const struct import_counts *counts);
    void *owner;
};

struct import_column {
    str header;
    str example; /** its first value that is not empty; known after import_run */
    str path;    /** `primary_contact.name`; empty: the column is left out */
    str why;     /** why it is left out, or empty */
};

struct import_fault {
    uint64_t row; /** as a spreadsheet counts: the header is 1 */
    str column;   /** its header, or the field, or empty */
    str message;  /** what a book-keeper understands, with the cell's text */
};

struct import_report {
    struct import_counts counts;
    struct id group; /** for undo */
    uint32_t fault_count;
    struct import_fault faults[IMPORT_FAULTS_TOLD_MAX];
};

struct import;

/** Reads the header and finds each column's field. ERR_UNREADABLE: no table. ERR_INVALID: nothing
 *  matches, or the map, the match field or the mode does not fit; the fault says what would. */
enum err import_open(struct task *task, const struct import_options *options,
                     struct import **import_out);
/** All rows. An error means that the import ended early; *report_out then says what stands. */
enum err import_run(struct task *task, struct import *import, struct import_report *report_out);
uint32_t import_column_count(const struct import *import);
const struct import_column *import_columns(const struct import *import);
void import_close(struct import *import);
