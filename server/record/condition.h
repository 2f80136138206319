/** condition: whether a record is one that a filter tree means.
 *
 *  Floor   record.
 *  Thread  any, with its own transaction.
 */
#pragma once

#include "model/condition.h"
#include "record/record.h"

/** Whether the record with these stored values (by field position, record/draft.h) is meant. Reads
 *  no key but those of records behind references; one that cannot be read counts as none.
 *  `scratch` takes what the comparison needs and may be cleared afterwards. */
bool condition_holds(const struct view *view, struct arena *scratch,
                     const struct condition *condition, const str *slots);
/** The same for lists: what its references lead to must be seen by the view's actor, or counts as
 *  none. */
bool condition_holds_seen(const struct view *view, struct arena *scratch,
                          const struct condition *condition, const str *slots);
/** The same as both of a record as it is stored. */
bool condition_holds_record_seen(const struct view *view, struct arena *scratch,
                                 const struct condition *condition, const struct record *record);
bool condition_holds_record(const struct view *view, struct arena *scratch,
                            const struct condition *condition, const struct record *record);

/** The stored value that a test looks at: of the record, or of the one its reference leads to;
 *  empty: there is none. A view of the transaction. */
str test_value(const struct view *view, const struct condition_test *test, const str *slots);

/** What the tree itself cannot know: whether closed sets have its choices (false with faults, code
 *  `choice`), and whether the scope may see what lies behind its references (code `forbidden`).
 *  Values of sealed fields become their blinds: before a tree with them is asked, it is verified in
 *  the same transaction. */
bool condition_verify(const struct view *view, const struct condition *condition);
