/** portal: who a portal account is, whose records it sees, and by which of its rights.
 *
 *  An account is a contact's, and sees one client at a time: the one that its session has chosen,
 *  else the first that it may see. What it sees of it is declared (model/role.h), and is its own
 *  alone where its right is no other. A client whose portal is switched off, or who is archived, is
 *  nobody's to see; an account that is disabled, or whose contact is archived, does not enter. All
 *  of it is looked up with each request, so a change of it holds at the next one.
 *
 *  Entity and field numbers are those of schema/, which never change; portal_fits_model holds them
 *  to the names, once, when the server starts.
 *  Floor   access.
 *  Thread  any, with its own transaction.
 */
#pragma once

#include "access/door.h"
#include "record/record.h"

constexpr uint16_t PORTAL_RIGHT_ENTITY = 21;
constexpr uint32_t PORTAL_RIGHTS_SHOWN_MAX = 200; /** of one account */

/** ERR_INVALID: there are portal accounts, but not as they are understood here. */
enum err portal_fits_model(struct task *task, const struct model *model);

struct portal_account {
    struct id id;
    struct id contact;
    str email;
    str state; /** `invited`, `active`, `disabled` */
};
/** Views. ERR_MISSING: no such account. */
enum err portal_account_read(struct txn *txn, struct id id, struct portal_account *account_out);
/** nil: this contact has none. */
enum err portal_account_of(struct txn *txn, const struct model *model, struct id contact,
                           struct id *account_out);

struct portal_right {
    struct id id;
    struct id client;
    str client_name; /** a view */
    bool is_all;     /** else what is the contact's own */
    bool is_open;    /** the client's portal is switched on, and it is not archived */
};
/** This account's right to this client; ERR_MISSING: it has none. */
enum err portal_right_find(struct txn *txn, const struct model *model, struct id account,
                           struct id client, struct portal_right *right_out);
/** The account's rights to what is open, oldest first, as many as there are room for. */
enum err portal_rights(struct txn *txn, const struct model *model, struct id account,
                       struct portal_right *rights_out, uint32_t max, uint32_t *count_out);

/** ERR_FORBIDDEN: the view's scope does not see every client that this account leads to. */
enum err portal_reach_verify(const struct view *view, struct id account);
/** Whoever enters as its contact, by its password, its address or a look, sees them all, and of
 *  them whatever the portal shows. The same, and ERR_FORBIDDEN: of these `actions` the scope may
 *  not do all that contacts may, or it does not see every field that they are shown. */
enum err portal_entrance_verify(const struct view *view, struct id account, uint8_t actions);
/** The same of an account that this change deletes, by the rights that go with it. A client that
 *  goes, too, was the actor's to delete. */
enum err portal_end_verify(struct change *change, struct id account);

/** What a session at the portal keeps of it (session_note). */
struct portal_note {
    struct id client; /** chosen; nil: none yet */
    struct id viewer; /** the user who looks at the portal as this contact; nil: it is itself */
    int64_t until_ms; /** of a viewer: when it ends */
};
struct portal_note portal_note_read(str encoded);
str portal_note_write(struct arena *arena, const struct portal_note *note);

/** What any contact may do, and sees of a record, but no records: of no client. To describe by. */
struct scope scope_of_portal(const struct model *model);
/** Who this is to the rest of the server; views. `identity_out->note` is what its session keeps.
 *  ERR_UNAUTHENTICATED: gone, disabled, its contact archived, or who views is no more
 *  allowed to. */
enum err portal_identify(struct txn *txn, const struct access *access, struct id account,
                         struct identity *identity_out);

/** In a lane, in a change of its own: the account has just entered, for which it needs no rule. */
enum err portal_entered(struct txn *txn, const struct access *access, struct id account);
