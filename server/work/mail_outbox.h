/** mail_outbox: delivers mails: until there is a server for them, as files that people can open.
 *
 *  The rules' own mails and those of the server itself (access/mail.h) take this road.
 *
 *  Floor   work.
 *  Thread  a lane.
 *  Files   DATA/mail/TENANT/ID.eml (RFC 5322), 0600, in folders of 0700; TENANT is its name, ID
 *          that of the entry, so that one that is tried again replaces itself.
 */
#pragma once

#include "work/outbox.h"

constexpr uint32_t MAILS_KEPT_MAX = 10'000; /** files of a tenant; then mails wait */
constexpr uint64_t MAILS_KEPT_BYTES_MAX = 256ULL << 20;

/** Owner: struct rule_work. */
enum err mail_run(void *owner, struct txn *txn, const struct tenant *tenant,
                  const struct outbox_entry *entry);

/** Deletes the mails of a tenant that lie there and that `names` says yes to; nullptr: all of them,
 *  and their folder. */
enum err mail_files_forget(struct task *task, const struct access *access, str tenant_name,
                           bool (*names)(void *owner, str bytes), void *owner, uint32_t *count_out);
/** They go with a tenant that has another name now. */
void mail_files_rename(struct task *task, const struct access *access, str name, str new_name);

struct mail_letter {
    str from_name; /** the firm's */
    str from;
    str to, cc, bcc, reply_to; /** one address each; empty: none */
    str subject, text;
    struct id id;
    int64_t at_ms;
};
/** ERR_INVALID: something that would begin a header of its own, or is no address. */
enum err mail_write(struct task *task, const struct mail_letter *letter, struct buf *eml);
