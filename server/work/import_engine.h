/** import_engine: what an import is made of, for its own files.
 *
 *  Floor   work; import's own.
 *  Thread  as import.h says.
 */
#pragma once

#include "store/store.h"
#include "work/import_forecast.h"
#include "work/import_map.h"
#include "work/import_pace.h"
#include "work/import_rows.h"

/** One turn. Everything in it is of this run alone; it counts only once it is durable. */
struct import_slice {
    struct task task; /** of one row */
    struct txn *txn;
    uint32_t done_count;
    int64_t ended_ns; /** when its turn in the lane did */
    struct import_counts counts;
    struct buf failed;
    uint32_t fault_count;
    struct import_fault faults[IMPORT_FAULTS_TOLD_MAX];
};

struct import {
    struct import_options options; /** its texts in `arena` */
    uint16_t entity_number;        /** the entity itself may go with its model */
    struct table *table;
    struct table_row header;
    struct import_plan plan;
    struct import_report report;
    struct import_forecast forecast;
    struct arena arena;      /** as long as the import; the plan in plan_arena */
    struct arena plan_arena; /** made anew when the model changes */
    struct arena rows_arena; /** rows that were read */
    struct arena lane_arena; /** what a turn leaves: figures, failed rows */
    /** what is made of one row; cleared behind it, so that it stays in the cache */
    struct arena row_arena;
    struct table_row *rows;
    struct table_place *places; /** behind each row */
    uint32_t row_count;
    uint32_t from;           /** the first row of the next turn */
    struct table_place done; /** behind the rows of all turns that count */
    uint32_t rows_max;       /** of one turn; fewer when rows are rich */
    uint32_t tries;          /** of this turn, for lack of room or time */
    bool is_giving_up;       /** the next row takes more memory than a turn may use */
    struct import_pace pace;
    struct import_slice slice;
};

/** The row at which the turn stands, behind a savepoint of its own. An error is the server's, not
 *  the row's. */
enum err import_row_try(struct import *import);
/** {"rows", "rules": […]}: what the rules did in a dry run, and in how many rows. */
void import_put_rules(struct buf *out, const struct import *import);
/** Counts a row at fault and keeps it. */
void import_row_failed(struct import *import, const struct table_row *row, enum err err);

/** References by name, in a lane. */
struct import_lane_names {
    struct import_names names;
    const struct view *view;
};
bool import_names_find(struct import_names *names, struct task *task, const struct field *field,
                       str cell, struct id *id_out);

static inline const struct table_row *import_row_now(const struct import *import)
{
    return &import->rows[import->from + import->slice.done_count];
}
