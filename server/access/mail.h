/** mail: a letter of the server itself, put into the outbox in the commit of what causes it.
 *
 *  Its text may hold a link that lets its reader in, so it stands beside what is told of an entry:
 *  whoever may look at the outbox reads to whom, and what about. What rules queue has the same kind
 *  and is delivered by the same worker (work/mail_outbox.h).
 *
 *  Floor   access.
 *  Thread  a lane.
 *  Bytes   outbox kind `mail`: {"given": {"to", "subject"}, "purpose", "text"}.
 */
#pragma once

#include "store/txn.h"

struct mail {
    str to; /** one address */
    str subject;
    str text;
    str purpose; /** a word for lists: `password_reset` */
};

/** ERR_LIMITED: too many lie in the outbox. ERR_INVALID: no address. */
enum err mail_queue(struct txn *txn, const struct mail *mail);
/** The text of an entry that mail_queue made, a view; false when it is none. */
bool mail_text(const struct outbox_entry *entry, str *text_out);
