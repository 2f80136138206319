/** job_erase: what is kept about a person, forgotten for ever: the record with those under it and
 *  those once merged into it, the history of them all, and what else names them: the trash, answers
 *  kept for idempotency keys, traces of rules, work that waits or is dead, lines of jobs.
 *
 *  Entries of the log stay, without their bodies: who did when something about which record. The
 *  last bytes go when `atrium compact` rewrites the file. Uploads are not looked into: they are
 *  sealed, and gone after a day.
 *
 *  More than it can hold in mind at once is done in rounds: some of the records under it, their
 *  history, what names them; at last the record itself. The same with addresses.
 *
 *  Floor   work.
 *  Thread  a job's.
 *  Bytes   given: [entity, id]; position: [phase, 1: the record is gone, 1: more
 *          addresses, of which so many are done, records done, [entity, id, …], [text, …]]
 */
#pragma once

#include "work/job.h"

str erase_job_given(struct task *task, const struct entity *entity, struct id id);
/** False: it is none. */
bool erase_job_given_read(str given, uint16_t *entity_out, struct id *id_out);
enum err erase_job_open(struct job_run *run);
enum err erase_job_step(struct job_run *run, bool *is_over_out);
