/** import_rows: a row's cells as API values, one map for each record of the row; and what is told
 *  of a row at fault.
 *
 *  Floor   work; import's own.
 *  Thread  any.
 *  Memory  all of it in the arena of the reading's task.
 */
#pragma once

#include "work/import_map.h"

/** One record of a row: pairs of field name and API value. */
struct import_values {
    uint32_t count;
    uint32_t filled_count; /** pairs whose value is not nil */
    struct buf pairs;
};

/** Finds the record that a reference's cell names; false and a fault (without a field) when it
 *  names none or several. */
struct import_names {
    bool (*find)(struct import_names *names, struct task *task, const struct field *field, str cell,
                 struct id *id_out);
};

struct import_reading {
    struct task *task;
    const struct import_plan *plan;
    const struct table_row *row;
    struct import_names *names;
    bool is_clearing; /** an empty cell gives nil, otherwise nothing */
    bool is_adding;   /** lists are given as `{"$add": […]}` */
};

/** `values_out` has a place for each group of the plan. Faults name the target's path. */
void import_read(const struct import_reading *reading, struct import_values *values_out);

/** Puts the values of a group into its parent's, as a map under the reference's name. */
void import_nest(const struct import_plan *plan, struct import_values *values, uint32_t group);

/** `{…}` of one group. */
str import_map_of(struct task *task, const struct import_values *values);

/** What a fault of the row says: column and words with the cell's text. */
struct import_fault import_fault_of(struct task *task, const struct import_plan *plan,
                                    const struct table_row *row, const struct fault_item *item);

/** The row as it stood, with a last column that says what is wrong. */
void import_write_failed(struct buf *out, const struct import_plan *plan,
                         const struct table_row *row, char separator, str fault);
/** The same of a row of NDJSON: the line with a last member that says what is wrong. */
void import_write_failed_line(struct buf *out, const struct table_row *row, str fault);
/** The header of that table. */
void import_write_failed_header(struct buf *out, const struct import_plan *plan, char separator);

/** Puts the members of an NDJSON row into the plan's columns: as cells, and as values. A member
 *  that no column is for becomes the row's fault. */
void import_row_of_record(struct arena *arena, const struct import_plan *plan,
                          struct table_row *row);
