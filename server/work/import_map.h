/** import_map: which column of a table goes to which field, and how a row's cells become one API
 *  value.
 *
 *  Floor   work; import's own.
 *  Thread  any.
 *  Memory  the plan lives in the arena of the task that made it.
 */
#pragma once

#include "model/kind.h"
#include "value/csv.h"
#include "work/import.h"

constexpr uint32_t IMPORT_GROUPS_MAX = 16;

/** One record of a row: the row's own (the first), or one that it refers to. */
struct import_group {
    const struct entity *entity;
    const struct field *reference; /** of the parent; nullptr: the row's own record */
    uint32_t parent;
    str path; /** `primary_contact.`, as faults have it */
};

/** A field that cells go to: one column, or several when it is a list. */
struct import_target {
    const struct field *field; /** nullptr: the record's id */
    uint32_t group;
    str path;
    uint32_t first_column;
};

struct import_plan {
    const struct entity *entity;
    const struct scope *scope; /** whose fields are offered, and may be given */
    uint32_t column_count;
    struct import_column *columns;
    uint32_t *next_column; /** for each column: the next one of the same target, or UINT32_MAX */
    str *labels;           /** for each column: the label that its items get in a list, or empty */
    uint32_t group_count;
    struct import_group groups[IMPORT_GROUPS_MAX];
    uint32_t target_count;
    struct import_target *targets;
    uint32_t match; /** target that finds an existing record; UINT32_MAX: none */
    bool is_of_map; /** what the map does not name is left out */
    uint32_t empty_count;
    str *empty_words;
};

/** From a header and a map (JSON, empty: by headers). `header` nullptr: the columns are those of
 *  the map, or without one all fields by their names. Errors as import_open. */
enum err import_plan_make(struct task *task, const struct import_options *options,
                          const struct table_row *header, struct import_plan *plan_out);

/** A cell without white space around it; empty also when its text stands for nothing. */
str import_cell(const struct import_plan *plan, const struct table_row *row, uint32_t column);

/** The target whose field a fault names (`emails`, `primary_contact.name`, `phones[1]`), or
 *  nullptr. */
const struct import_target *import_target_of(const struct import_plan *plan, str fault_field);
