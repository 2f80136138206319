/** import_forecast: what a dry run over a whole table tells: what the rows would do, counted by
 *  field.
 *
 *  A dry run takes its rows in stretches, each in a transaction that is thrown away, so that memory
 *  does not grow with the table. What an earlier stretch would have created is known by hashes of
 *  its unique values and of the field that finds records.
 *
 *  Floor   work; import's own.
 *  Thread  that of the import.
 */
#pragma once

#include "rules/rules.h"
#include "work/import_map.h"

constexpr uint32_t FORECAST_RULED_ROWS_MAX = 1000; /** rules run for the first rows only */
constexpr int64_t FORECAST_RULED_NS_MAX = 5'000'000'000;
constexpr uint32_t FORECAST_SEEN_MAX = 4'000'000; /** values kept; past that, no more are */

struct import_shown_row {
    uint64_t row;
    str values; /** encoded map of API values */
};

struct import_forecast {
    uint64_t *seen; /** hashes, open addressing; 0: free */
    uint32_t seen_count;
    uint32_t seen_capacity;
    uint64_t *changed[IMPORT_GROUPS_MAX]; /** for each group and field: rows that would change it */
    uint32_t shown_count;
    struct import_shown_row shown[IMPORT_ROWS_SHOWN_MAX];
    struct rule_tally tally; /** of the first rows */
    uint64_t ruled_rows;     /** for which rules ran */
    int64_t ruled_ns;        /** that those rows took */
};

/** Before the rows of a plan, and when it was made anew. */
void forecast_begin(struct import_forecast *forecast, struct arena *arena,
                    const struct import_plan *plan);
void forecast_end(struct import_forecast *forecast);
/** Whether a row before this one would have brought this value; `ordered` is not empty. */
bool forecast_has(const struct import_forecast *forecast, const struct field *field, str ordered);
void forecast_note(struct import_forecast *forecast, const struct field *field, str ordered);
/** Counts the fields that differ between two stored records. */
void forecast_count(struct import_forecast *forecast, const struct import_plan *plan,
                    uint32_t group, str before, str after);
