/** catalog: which entities and fields have written this environment.
 *
 *  Numbers of entities and fields stand in stored bytes, so a program that does not know one of
 *  them, or knows it as another kind, would misread: it refuses to start. A program that knows more
 *  (an index, words, a computed field) upgrades: what its records lack is built by jobs.
 *
 *  Floor   work.
 *  Thread  one that may block.
 *  Bytes   instance space, SYSTEM_CATALOG `model`: {entity number: {0: name, field number: [name,
 *          kind], 2^17 + field number: [name, what of it is derived], pair number: [names]}}
 */
#pragma once

#include "access/access.h"

/** Compares the stored catalog with the model. Where the model says more, each tenant is told what
 *  is to be built over its records, which jobs do while it is served, and the model's catalog is
 *  stored. ERR_CONFLICT: the data was written by a newer Atrium, or a field's kind changed; the
 *  detail says which. Before anything is served. */
enum err catalog_keep(struct task *task, const struct access *access);

/** The model's catalog, as it goes along with a tenant that is exported. */
str catalog_write(struct task *task, const struct model *model);
/** Whether rows written with that catalog stand as this model would have written them.
 *  ERR_CONFLICT: they do not; the detail says which instance is to be upgraded. */
enum err catalog_judge(struct task *task, const struct model *model, str catalog);
