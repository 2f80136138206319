/** reshape: what a change of a tenant's own entities, fields and choices does to its model.
 *
 *  Floor   record, inside.
 *  Thread  that of its change.
 */
#pragma once

#include "record/draft.h"
#include "record/models.h"
#include "record/shape.h"

/** A change that is reshaping the model. */
struct reshaping {
    struct change *change;
    struct models *models;
    const struct model *base;
    struct shapers shapers;
    struct ledger ledger;
    uint32_t touched_count; /** records in this change that shape the model */
};

/** In change_finish, before its log entries: where the change has touched records that shape the
 *  model, gives them their numbers, queues what must be built, and writes the new model's rows.
 *  ERR_INVALID: the faults name the fields of the record. ERR_CONFLICT: something needs what is
 *  deleted. */
enum err change_reshape(struct change *change);

/** A fault of one record: by its field when it is what the change is about, else by its name. */
[[gnu::format(printf, 5, 6)]] void reshape_fault(struct reshaping *reshaping, struct id record,
                                                 str word, str code, const char *format, ...);

/** What model_make cannot know: names that were given before, entities that are not there, limits
 *  (record/reshape_judge.c). Faults are added. */
void reshape_judge(struct reshaping *reshaping);
/** Whether records have a choice that is deleted. ERR_CONFLICT. */
enum err reshape_verify_deleted(struct reshaping *reshaping);

/** Writes the rows of the model that these say, under a new revision, and makes it. ERR_INVALID:
 *  the faults' fields are places, see model_extend. */
enum err model_rows_write(struct task *task, struct txn *txn, const struct model *base,
                          const struct shapers *shapers, const struct ledger *ledger);

/** Notes what is to be built, and queues a job for it. */
enum err reshape_queue(struct change *change, struct ledger *ledger, struct build build);

/** Whether the entity has any record. */
enum err entity_has_records(struct txn *txn, uint16_t entity, bool *has_out);
