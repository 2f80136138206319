/** export: records as rows of a table that import reads back: CSV or NDJSON.
 *
 *  CSV has a column for each field, named by it; of a record behind a flagged link (the primary
 *  contact) its own fields, as `primary_contact.name`; of another reference the unique field or the
 *  id of the record. NDJSON has the API's values, with records behind flagged links nested.
 *
 *  Floor   work.
 *  Thread  any, with its own transaction.
 *  Memory  the plan lies in the arena given.
 */
#pragma once

#include "record/query.h"

constexpr uint32_t EXPORT_COLUMNS_MAX = 512;

struct export_column {
    const struct field *of;    /** the reference whose record has the field; nullptr: own */
    const struct field *field; /** nullptr: the id */
    str header;
};

struct export_plan {
    const struct entity *entity;
    bool is_ndjson;
    char separator;
    uint32_t column_count;
    struct export_column *columns;
    struct shape shape; /** of NDJSON */
};

/** `wanted`: which fields, all that the scope sees without any named; expanded ones are nested in
 *  NDJSON. */
void export_plan_make(struct arena *arena, const struct entity *entity, const struct scope *scope,
                      const struct shape *wanted, struct export_plan *plan_out);
/** A row with its line end. */
void export_put_row(struct buf *out, const struct view *view, const struct export_plan *plan,
                    const struct record *record);
/** The header of CSV; nothing in NDJSON. */
void export_put_header(struct buf *out, const struct export_plan *plan);
/** A table to be filled in and imported: labels as header, one row as an example. */
void export_put_template(struct buf *out, struct arena *arena, const struct entity *entity,
                         const struct scope *scope);
