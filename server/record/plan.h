/** plan: the ways in which a list can be walked. Internal to record/.
 *
 *  A list is one or two sections, one behind the other: records with a value in the first sort
 *  field, then those without. A section is a union of stretches of indexes, each in the order of
 *  the list, so that they can be merged. What the stretches do not decide is tested of each
 *  record.
 *
 *  Floor   record.
 *  Thread  that of its transaction.
 *  Memory  the task's arena.
 */
#pragma once

#include "record/query.h"

constexpr uint32_t STRETCHES_MAX = 100; /** merged at once */
constexpr uint32_t SOURCES_MAX = 64;    /** tests that together find what a condition means */
constexpr uint32_t PLANS_MAX = 12;
constexpr uint16_t INDEX_OF_RECORDS = 0; /** the records themselves */

/** A stretch of one index. */
struct stretch {
    uint16_t index; /** its number */
    struct scan_range range;
    /** what the ordered bytes of all its entries begin with; what follows is the place in the
     *  list */
    str front;
    bool has_value; /** what follows is the value of the first sort field */
};

struct section {
    uint32_t stretch_count;
    const struct stretch *stretches;
    const struct condition *rest; /** to be tested of each record; nullptr: all of it is decided */
};

struct plan {
    uint32_t section_count;
    struct section sections[2];
    /** nothing is walked but what is shown */
    bool is_whole;
};

/** A condition by which records can be found before they are tested. */
struct driver {
    const struct condition *condition;
    uint32_t source_count;
    const struct condition_test *sources[SOURCES_MAX];
    bool is_exact; /** what the sources find is what the condition means */
};

/** The ways in which the list can be walked in its own order; a whole one comes alone. At most
 *  PLANS_MAX; the last one uses no filter but the bounds of the sort field. */
enum err plans_make(const struct view *view, const struct query *query, struct plan *plans,
                    uint32_t *count_out);

/** The conditions that must all hold. */
uint32_t query_conjuncts(const struct query *query, const struct condition **conjuncts_out);
/** False when the condition finds no records (`ne`, `empty`, `not`). */
bool driver_make(const struct view *view, const struct condition *condition, struct driver *driver);
/** The entries of one value of a source, in its own field's index. */
struct scan_range source_range(const struct condition_test *test, uint32_t value_at);
/** All conditions but this one; nullptr when nothing is left. */
const struct condition *condition_rest(struct arena *arena, const struct query *query,
                                       const struct condition *decided);
