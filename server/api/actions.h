/** actions: what is done with one record beyond reading, changing and deleting it, and the trash.
 *
 *  Floor   api, inside; functions of the table.
 *  Thread  reads: loop or worker; changes: the tenant's lane.
 */
#pragma once

#include "api/call.h"

enum err actions_archive(struct call *call);
/** Out of the archive, or back from the trash with all that went with it. */
enum err actions_restore(struct call *call);
enum err actions_merge(struct call *call);
/** Begins the job that forgets a person: work/job_erase.h. */
enum err actions_erase(struct call *call);
/** Begins the job that tells all that is kept about one: work/job_person.h. */
enum err actions_person(struct call *call);
/** Any other name: says which actions there are. */
enum err actions_unknown(struct call *call);
enum err trash_list(struct call *call);
