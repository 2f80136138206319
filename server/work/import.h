/** import: rows of a table become records, by the same road as every other change.
 *
 *  Columns are mapped to fields by a map or by their headers (import_map.c). A row is one change
 *  behind its own savepoint: a row at fault leaves no trace and goes, with its fault, to the table
 *  of failed rows; the others stand. Rows go to the tenant's lane in turns, one after another, so
 *  that people's changes get in between and memory does not grow with the file. Behind each turn
 *  the import has a position, which is committed with it: taken up there, each row is done once.
 *
 *  A preview does the same without writing, and tells what would come of it (import_forecast.c).
 *
 *  Floor   work; rests on access, record, model, store, value, base.
 *  Thread  one that may block; import_turn: a lane.
 *  Memory  the import has its own, from import_open to import_close; what it tells lies there.
 */
#pragma once

#include "record/record.h"
#include "value/table.h"

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
constexpr uint32_t IMPORT_EXAMPLES_MAX = 3;   /** of a column */
constexpr uint32_t IMPORT_ROWS_SHOWN_MAX = 5; /** in a preview, with the values they would give */
constexpr size_t IMPORT_FAILED_BYTES_MAX = 256 * KIB; /** of one turn; then it is over */

/** What the words of a cell that stand for nothing are, unless said otherwise. Their case counts,
 *  for there are people named Null. */
#define IMPORT_EMPTY_WORDS "NULL,null,N/A,n/a,#N/A"

struct rules;
struct settled_choice;

enum import_mode : uint8_t {
    IMPORT_CREATE,
    IMPORT_UPDATE, /** a row without a record that matches is at fault */
    IMPORT_UPSERT,
};
bool import_mode_find(str word, enum import_mode *mode_out);

/** Figures so far; what a progress bar shows. */
struct import_counts {
    uint64_t rows; /** with content, whatever became of them */
    uint64_t created;
    uint64_t updated;
    uint64_t unchanged; /** found, and already as the row has it */
    uint64_t failed;
};

static inline void import_counts_add(struct import_counts *counts, const struct import_counts *more)
{
    counts->rows += more->rows;
    counts->created += more->created;
    counts->updated += more->updated;
    counts->unchanged += more->unchanged;
    counts->failed += more->failed;
}

struct import_options {
    const struct space *space;
    const struct model *model;
    const struct scope *scope;
    const struct hooks *hooks; /** or nullptr */
    struct rules *rules;       /** or nullptr */
    /** what is done with some rules for settled changes; the others do as they say themselves */
    const struct settled_choice *choices;
    uint32_t choice_count;
    const struct entity *entity;
    struct source *source; /** the table; must outlive the import */
    struct table_options table;
    str map; /** JSON `{"Column": "path"}`, or empty: by headers */
    /** field that finds an existing record, or `id`; empty in mode create */
    str match;
    enum import_mode mode;
    str empty_words; /** separated by commas */
    /** an empty cell clears the field of an existing record; otherwise it is kept */
    bool is_clearing;
    bool is_preview; /** everything but writing */
    struct id cause; /** job or request */
    struct id group; /** of all its changes; nil: one of its own */
};

struct import_column {
    str header;
    uint32_t example_count;
    str examples[IMPORT_EXAMPLES_MAX]; /** its first values that are not empty; known once read */
    str path;                          /** `primary_contact.name`; empty: it is left out */
    str why;                           /** why it is left out, or empty */
};

struct import_fault {
    uint64_t row;   /** as a spreadsheet counts: the header is 1 */
    str column;     /** its header, or the field, or empty */
    str message;    /** what a book-keeper understands, with the cell's text */
    struct id rule; /** that refused the row; nil: none did */
    str rule_name;
};

struct import_report {
    struct import_counts counts;
    struct id group; /** for undo */
    uint32_t fault_count;
    struct import_fault faults[IMPORT_FAULTS_TOLD_MAX];
};

struct import;

/** Reads the header and finds each column's field. Copies its options. ERR_UNREADABLE: no table.
 *  ERR_INVALID: nothing matches, or the map, the match field or the mode does not fit; the fault
 *  says what would. */
enum err import_open(struct task *task, const struct import_options *options,
                     struct import **import_out);
void import_close(struct import *import);

/* In turns. */

/** Before each turn: the model and scope as they are now. ERR_INVALID: the map does not fit any
 *  more. */
enum err import_fit(struct task *task, struct import *import, const struct model *model,
                    const struct scope *scope);
/** Before the first turn: goes on where another import of the same table was; `position` empty: at
 *  the beginning. ERR_CORRUPT: it is none. */
enum err import_seek(struct task *task, struct import *import, str position);
/** Has rows for a turn, read now unless some are left; false: there are no more. */
bool import_has_rows(struct import *import);
/** In the lane, guarded by import_arena: as many rows as a turn may take, at least one. ERR_FULL
 *  and the like: nothing was done. */
enum err import_turn(struct import *import, struct txn *txn);
/** Behind the last turn, in a lane: what rules do once for the whole import, in the commit that
 *  ends it. ERR_LIMITED: the outbox is full. */
enum err import_settle(struct import *import, struct task *task, struct txn *txn);
/** Behind a turn: the position that it leads to, to be committed with it. In `arena`. */
str import_position(struct import *import, struct arena *arena);
/** The failed rows of the turn, as text. */
str import_turn_failed_rows(const struct import *import);
/** The turn is durable, and its figures count. */
void import_turned(struct import *import);
/** The turn came to nothing. ERR_NONE: it is to be tried again, smaller or later. Otherwise the
 *  import ends here, and the fault says at which row. */
enum err import_turn_undone(struct task *task, struct import *import, enum err err);
/** A turn that is never handed in. */
enum err import_turn_dry(struct task *task, struct import *import);

/** All rows, one turn after another, by lane or dry. */
struct import_run {
    /** After each turn; false ends the import there, with ERR_FULL. */
    bool (*progress)(void *owner, uint64_t bytes_done, const struct import_counts *counts);
    /** Failed rows as text; false: they cannot be kept, with errno. May be nullptr. */
    bool (*keep_failed)(void *owner, str text);
    void *owner;
};
/** An error means that the import ended early; import_report_of then says what stands. */
enum err import_run_all(struct task *task, struct import *import, const struct import_run *run);

/* What is known of it. */

enum table_format import_format(const struct import *import);
const struct import_report *import_report_of(const struct import *import);
uint64_t import_bytes_done(const struct import *import); /** of the source */
uint32_t import_column_count(const struct import *import);
const struct import_column *import_columns(const struct import *import);
struct arena *import_arena(struct import *import); /** of one turn */
bool import_is_preview(const struct import *import);
/** Whether its last turn failed because a quota is reached: waiting does not help there. */
bool import_is_over_quota(const struct import *import);
/** Whether the failed rows of this turn are the first ones. */
bool import_failed_is_first(const struct import *import);
/** What stands before the failed rows, mark and header; empty for NDJSON, whose rows stand as they
 *  were with the fault as one more member. */
str import_failed_header(struct import *import, struct arena *arena);
/** Of what is left out, the faults and the figures, as a MessagePack map for the `result` of the
 *  job that is the cause; with those of the turn that is not durable yet. */
void import_put_result(struct buf *out, const struct import *import, bool is_of_turn);
/** Behind a dry run over all rows: mapping, first values, faults and forecast as a MessagePack
 *  map. */
void import_put_preview(struct buf *out, const struct import *import);
