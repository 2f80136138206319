/** merge: the entries of a section's stretches as one walk, none twice. Internal to record/.
 *
 *  Floor   record.
 *  Thread  that of its transaction.
 *  Memory  the task's arena; the scans belong to the transaction and end with it.
 */
#pragma once

#include "record/plan.h"

struct merge;

/** An entry's place in the list, as far as its index tells it. */
struct merged {
    struct sort_value value; /** of the first sort field; a view */
    struct id id;
    str record; /** its stored value, where the records themselves are walked; a view */
};

/** Goes on behind `after` (nullptr: from the beginning). With `is_inclusive` it begins with all
 *  that have the value of `after`, whatever their ids. */
struct merge *merge_open(const struct view *view, const struct query *query,
                         const struct section *section, const struct list_place *after,
                         bool is_inclusive);
/** Errors as scan_next. */
enum err merge_next(struct merge *merge, bool *has_one_out, struct merged *merged_out);
void merge_close(struct merge *merge);
