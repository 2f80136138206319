/** catalog: which entities and fields have written this environment.
 *
 *  Numbers of entities and fields stand in stored bytes, so a program that does not know one of
 *  them, or knows it as another kind, would misread: it refuses to start. A program that knows more
 *  adds what it knows.
 *
 *  Floor   work.
 *  Thread  one that may block.
 *  Bytes   instance space, SYSTEM_CATALOG `model`: {entity number: {0: name, field number: [name,
 *          kind]}}
 */
#pragma once

#include "model/model.h"
#include "store/txn.h"

/** Compares the stored catalog with the model, and stores the model's where it says more.
 *  ERR_CONFLICT: the data was written by a newer Atrium, or a field's kind changed; the detail says
 *  which. */
enum err catalog_keep(struct task *task, struct store *store, const struct model *model);

/** The model's catalog, as it goes along with a tenant that is exported. */
str catalog_write(struct task *task, const struct model *model);
/** Whether rows written with that catalog stand as this model would have written them.
 *  ERR_CONFLICT: they do not; the detail says which instance is to be upgraded. */
enum err catalog_judge(struct task *task, const struct model *model, str catalog);
