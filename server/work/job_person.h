/** job_person: all that is kept about one person, as lines of JSON to be handed over.
 *
 *  Each line has a `part`: `person` (the first), `record`, `reference`, `session`, `event`,
 *  `history`, `mail`. Records are those about the person (work/person.h), events those about them
 *  or of them, mails those addressed to them. Of others no more is told than ids: who changed
 *  something, from where somebody else looked, who else got a mail is not said. Sealed values are
 *  plain in it; secrets are left out.
 *
 *  It only reads, so one that was interrupted begins anew, with none of its lines.
 *
 *  Floor   work.
 *  Thread  a job's.
 *  Bytes   given: as that of erasing (work/job_erase.h); position: true, once it has begun
 */
#pragma once

#include "work/job.h"

enum err person_job_open(struct job_run *run);
enum err person_job_step(struct job_run *run, bool *is_over_out);
