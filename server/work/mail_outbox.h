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

struct mail_letter {
    str from_name; /** the firm's */
    str from;
    str to, cc, bcc, reply_to; /** one address each; empty: none */
    str subject, text;
    bool is_way_in; /** its text holds what lets its reader in */
    struct id id;
    int64_t at_ms;
};

/** Owner: struct rule_work. */
enum err mail_run(void *owner, struct txn *txn, const struct tenant *tenant,
                  const struct outbox_entry *entry);

/** Deletes the mails of a tenant that lie there and of which `names` says yes to the bytes, the
 *  subject or the text; nullptr: all of them, and their folder. */
enum err mail_files_forget(struct task *task, const struct access *access, str tenant_name,
                           bool (*names)(void *owner, str bytes), void *owner, uint32_t *count_out);
/** The mails of a tenant that lie there, oldest first; room for MAILS_KEPT_MAX. */
enum err mail_files_list(struct task *task, const struct access *access, str tenant_name,
                         struct id *ids, uint32_t *count_out);
/** False: it is not there any more. Takes some 2 MiB of the arena. */
bool mail_file_read(struct arena *arena, const struct access *access, str tenant_name, struct id id,
                    struct mail_letter *letter_out);
/** They go with a tenant that has another name now. */
enum err mail_files_rename(struct task *task, const struct access *access, str name, str new_name);
/** At an opening, once no tenant is half gone: mails in folders that no tenant has the name of, as
 *  a kill behind a deletion or a renaming leaves them, are deleted. */
enum err mail_folders_sweep(struct task *task, const struct access *access);

/** ERR_INVALID: something that would begin a header of its own, or is no address. */
enum err mail_write(struct task *task, const struct mail_letter *letter, struct buf *eml);
/** Reads addresses, subject and text of what mail_write wrote, as copies; what it did not write may
 *  be anything, and is read as far as it goes. What does not say that it is plain is a way in. */
void mail_read(struct arena *arena, str eml, struct mail_letter *letter_out);
/** The header that says what the text is: plain, or way-in. */
#define MAIL_TEXT_HEADER S("X-Atrium-Text")
