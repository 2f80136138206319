/** models: the models of tenants: the schema with what each tenant added, kept by revision.
 *
 *  A model is frozen. A change of a record that shapes it (own entities, own fields, choices) makes
 *  another, under a new revision, in the same commit; so each transaction names the one that it
 *  uses by the revision it reads. Revisions are random: that of a change that failed never comes
 *  again. A tenant that added nothing uses the schema's own model, which costs nothing.
 *
 *  Floor   record.
 *  Thread  any; one lock, held for a few instructions, never while a model is made.
 *  Memory  models are counted: a task holds its own until its arena is cleared, the rest are
 *          dropped, the longest unused first, when together they pass MODELS_BYTES_MAX.
 *  Bytes   tenant's space, SYSTEM_MODEL: `revision` → integer; `declared` → what the tenant added,
 *          in the form of a schema; `ledger`, see record/ledger.h. None when nothing was added.
 */
#pragma once

#include "record/ledger.h"
#include "record/record.h"

constexpr size_t MODELS_BYTES_MAX = 128 * MIB;

struct models;

struct models_options {
    const struct model *model; /** the schema's own */
    str schema;                /** as model_make was given it; both outlive the object */
    /** Queues a job that brings all records of an entity up to date, for a change that has just
     *  made it necessary; work/ fills it. *job is one that was queued for that entity before, or
     *  nil; it stays the same when that has not begun. nullptr: nothing can be built, so ERR_FULL
     *  where something must be. */
    enum err (*build)(struct change *change, uint16_t entity, struct id *job);
};
/** ERR_INVALID: an entity of the schema that shapes models has another form. */
enum err models_open(struct task *task, const struct models_options *options,
                     struct models **models_out);
/** No task holds a model any more. */
void models_close(struct models *models);
/** The schema's own model, with which all else is found: `model->models` leads back here. */
const struct model *models_base(const struct models *models);

/** The model of the tenant in whose space the transaction stands, as its rows say; held by the
 *  arena of `task`. `base`: any model; without `models` it is the answer itself. */
enum err model_of(struct task *task, struct txn *txn, const struct model *base,
                  const struct model **model_out);
/** The task holds the model too, as one that outlives the task that found it. */
void model_hold(struct task *task, const struct model *model);
/** Whether two models are of one revision. */
bool model_is_same(const struct model *a, const struct model *b);

/** Which model of its tenant it is; 0: the schema's own. */
int64_t model_revision(const struct model *model);

/** A text that was made from this model and is kept with it, such as a document; empty: none
 *  yet. */
str model_text(const struct model *model);
/** Keeps a copy, unless there is one already. */
void model_text_keep(const struct model *model, str text);

/** In a change of its own in the tenant's lane: notes what a newer schema has that its records lack
 *  (build->job is given here), queues jobs where there are records, and writes the model's rows
 *  anew. */
enum err model_upgrade(struct change *change, const struct build *builds, uint32_t build_count);
/** Whether the change still has the model that its transaction reads. ERR_FULL: no; with the
 *  present one it may be tried again. */
enum err model_verify(struct task *task, struct txn *txn, const struct model *model);

/* Inside record/. */

/** Makes the model of these declarations under a revision, and keeps it. */
enum err models_make(struct models *models, struct task *task, const struct space *space,
                     int64_t revision, str declared, const struct model **model_out);
const struct models_options *models_options(const struct models *models);
