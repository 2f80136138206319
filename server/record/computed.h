/** computed: fields whose value follows from others: roll-ups of the records that refer to this
 *  one, and formulas over its own fields. Internal to record/.
 *
 *  Each write notes what it means for the roll-ups of the records that it refers to, and for its
 *  own formulas; computed_settle brings them up to date at the end of the change, as writes of the
 *  engine, each record once where that is possible. What those mean for others is settled too: the
 *  model has no circles.
 *
 *  Counts and sums move by differences, in whole numbers: money and decimals in their smallest
 *  unit, numbers in millionths, so that no sequence leaves anything behind. Least and greatest are
 *  the ends of index entries of their own, under each parent.
 *
 *  Floor   record.
 *  Thread  that of its change.
 *  Memory  the task's arena.
 *  Bytes   index entries of a min, max or latest: its own entity with ENTITY_ROLLUP set, its
 *          number, (id of the parent, ordered value), id of the record that has the value.
 */
#pragma once

#include "record/draft.h"

constexpr uint16_t ENTITY_ROLLUP = 0x8000; /** no entity has such a number */

/** A new record: roll-ups of nothing. Before its formulas. */
enum err rollups_begin(struct change *change, struct draft *draft);
/** In a save or removal, while the draft still knows what was: what it means for others. */
enum err computed_note(struct change *change, const struct draft *draft, bool was_new);
/** Evaluates the formulas of the drafts' entity, of all or of those whose fields have changed. One
 *  that fails leaves its field absent and is named in `incomplete`. ERR_FULL: no runner. */
enum err formulas_evaluate(struct change *change, struct draft *const *drafts, uint32_t count,
                           bool is_of_all);
/** Whether some field that a formula of this record reads has changed. */
bool formulas_are_due(const struct draft *draft);
/** Notes that something of a record is due (enum under_due, record/under.h). */
void computed_due(struct change *change, const struct entity *entity, struct id id, uint8_t due);
/** Brings everything noted up to date. */
enum err computed_settle(struct change *change);
/** All roll-ups of a record from the records that refer to it, into the draft. */
enum err rollups_renew(struct change *change, struct draft *draft);

/** Takes away the entries that roll-ups which a tenant deleted have left under this record. */
enum err rollups_strip(struct change *change, const struct draft *draft);

/** What a roll-up should be, read from the records that refer to this one; for checks. */
enum err rollup_expected(const struct view *view, const struct field *field, struct id id,
                         str currency, str *stored_out);
/** The same as its own index entries say: of min, max, latest. */
enum err rollup_extreme(const struct view *view, const struct field *field, struct id id,
                        str *stored_out);
/** Whether it is a min, max or latest, which has index entries; of the entity `…_entity`. */
bool rollup_has_entries(const struct field *field);
uint16_t rollup_entry_entity(const struct field *field);
/** The ordered bytes of the entry of a record with these stored values; false: it gives none. */
bool rollup_entry(const struct view *view, const struct field *field, str currency,
                  const str *slots, str *ordered_out);
/** The currency in which the tenant's money is rolled up; empty: none. */
str rollup_currency(const struct view *view);
