/** keeper: what a process keeps from one run to the next: sources of rules, by their code, and
 *  catalogs of entities, by model and name; nothing that a script could write.
 *
 *  Thread  the only one.
 *  Memory  each kind up to a bound; then all of it is forgotten, catalogs only while nothing runs.
 *          What is given stays valid until then.
 */
#pragma once

#include "base/arena.h"
#include "rule.h"

constexpr size_t RULE_CODE_BYTES = 32;
constexpr size_t KEEPER_SOURCES_BYTES_MAX = 1024 * KIB;
constexpr size_t KEEPER_CATALOGS_BYTES_MAX = RULE_KEPT_BYTES_MAX - KEEPER_SOURCES_BYTES_MAX;
constexpr uint32_t KEEPER_FIELDS_MAX = 512; /** of one entity */

struct catalog_field {
    str name;
    str kind; /** the word of schema/: `text`, `money`, … */
    str to;   /** of a reference: the entity; else empty */
    bool is_list;
    bool is_computed; /** a script cannot set it */
};

struct catalog {
    str name; /** of the entity */
    int64_t model;
    uint32_t field_count;
    const struct catalog_field *fields; /** sorted by name */
    const struct catalog *next;
};

/** Binary search; nullptr: no such field. */
const struct catalog_field *catalog_field(const struct catalog *catalog, str name);
/** The field that was probably meant, or empty. */
str catalog_nearest(const struct catalog *catalog, str name);

struct rule_state;
/** A state that no run has used yet (rule.c), kept for the next one; nullptr: there is none. The
 *  taker, or who puts another one, drops it. */
struct rule_state *keeper_take_state(struct rule_keeper *keeper);
void keeper_put_state(struct rule_keeper *keeper, struct rule_state *state);

/** While at least one has entered, catalogs stay. */
void keeper_enter(struct rule_keeper *keeper);
void keeper_leave(struct rule_keeper *keeper);

/** False: it is not kept. Valid until the next keeper_add_source. */
bool keeper_source(const struct rule_keeper *keeper, str code, str *source_out);
str keeper_add_source(struct rule_keeper *keeper, str code, str source);

/** nullptr: it is not kept. */
const struct catalog *keeper_catalog(const struct rule_keeper *keeper, int64_t model, str entity);
/** From what the server answered; nullptr: it is no catalog, or there is no room for it while
 *  something runs. */
const struct catalog *keeper_add_catalog(struct rule_keeper *keeper, int64_t model, str entity,
                                         str answer);
