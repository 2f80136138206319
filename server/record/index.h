/** index: the indexes of an entity and what a record has in them. Internal to record/.
 *
 *  Each indexed field has one, and each pair. What was created when is told by the ids themselves:
 *  `created_at` has no entries of its own.
 *
 *  Floor   record.
 *  Thread  any.
 *  Bytes   a field's entry is its ordered value; a pair's is the first's, then 01 and the second's
 *          or, of a record without a second, 00.
 */
#pragma once

#include "model/kind.h"
#include "store/txn.h"

struct index {
    uint16_t number; /** in keys */
    /** the field, or the first of the pair */
    const struct field *field;
    const struct field *second; /** nullptr: no pair */
    bool is_kept;               /** every write keeps its entries; otherwise they fade */
    bool is_renewed;            /** a job is building it, or taking its entries away */
};

constexpr char PAIR_WITHOUT_SECOND = 0;
constexpr char PAIR_WITH_SECOND = 1;

/** The next index that writes look after, begun with *at 0; false at the end. */
bool index_next(const struct entity *entity, uint32_t *at, struct index *index_out);
/** What the record with these stored values has in it. */
struct key_list index_keys(struct arena *arena, const struct index *index, const str *slots);

/** Another record than `self` that has the same two references as these stored values; nil: none,
 *  or one of them is absent. */
enum err index_pair_other(struct txn *txn, const struct pair *pair, const str *slots,
                          struct id self, struct id *other_out);

/** Whether records in the order of this field are records in the order of their ids. */
static inline bool is_in_id_order(const struct field *field)
{
    return field->number == FIELD_CREATED_AT;
}
