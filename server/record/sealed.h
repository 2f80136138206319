/** sealed: values of sealed and secret fields between the tenant's records and those who see them.
 *
 *  A record holds them as sealed bytes (store/sealing.h), bound to its tenant, entity, id and
 *  field; so does the log. They are sealed when they are written, and opened where a record is
 *  told: shown, exported, given to rules. Of a secret nobody is told but that it is there, until
 *  somebody reveals it. Filters, uniqueness and indexes of a sealed field go by its blind.
 *
 *  Floor   record.
 *  Thread  that of its transaction.
 *  Memory  what is opened lies in the task's arena.
 */
#pragma once

#include "model/condition.h"
#include "record/draft.h"

/** Seals a plain stored value for the draft's record. ERR_MISSING: the tenant has no key. */
enum err sealed_make(struct change *change, const struct field *field, struct id id, str plain,
                     str *stored_out);
/** The stored value as it was given: of a field that is not sealed the same; of a sealed or secret
 *  one the encoded text, VALUE_NIL when it cannot be opened, which is logged. */
struct value sealed_plain(const struct view *view, const struct field *field, struct id id,
                          const struct value *stored);
/** The same, encoded; empty for an empty one. */
str sealed_plain_slot(const struct view *view, const struct field *field, struct id id, str stored);
/** What may be told of a stored value, by the field's kind: a secret stays sealed. */
static inline struct value sealed_told(const struct view *view, const struct field *field,
                                       struct id id, const struct value *stored)
{
    return field->kind == FIELD_SEALED ? sealed_plain(view, field, id, stored) : *stored;
}
/** Whether two stored values of a record are the same, under whichever key they lie. */
bool sealed_is_same(const struct view *view, const struct field *field, struct id id, str a, str b);
/** A stored value of one record, for another. */
enum err sealed_move(struct change *change, const struct field *field, struct id from, struct id to,
                     str stored, str *stored_out);
/** Of what has changed, seals anew what its field's index would not hold: a value that comes back
 *  from a time when there was no index. */
enum err sealed_complete(struct change *change, struct draft *draft);
/** Seals anew what lies under another than the tenant's newest key, or lacks what an index holds.
 */
enum err sealed_renew(struct change *change, struct draft *draft);

/** What an index holds of this plain text, under each of the tenant's keys. */
enum err sealed_keys(const struct view *view, const struct field *field, str text,
                     struct key_list *keys_out);
/** Puts the blinds of a sealed field's values into a test, once; whoever evaluates it has done so.
 *  False with a fault: the tenant has no key. */
bool sealed_test(const struct view *view, struct condition_test *test);
