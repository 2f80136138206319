/** outbox: what is to follow changes, as those see it who may change the firm's settings.
 *
 *  Floor   api, inside; functions of the table.
 *  Thread  reads: loop or worker; changes: the tenant's lane.
 */
#pragma once

#include "api/call.h"

enum err outbox_list(struct call *call);
enum err outbox_one(struct call *call);
/** One that waits is due now; one that is dead begins anew. */
enum err outbox_retry_one(struct call *call);
/** Of those that are dead. */
enum err outbox_delete(struct call *call);
