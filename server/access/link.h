/** link: a token by mail that lets its reader do one thing once: set a password, accept an
 *  invitation, sign in.
 *
 *  256 random bits, stored hashed, good for LINK_MS. It is bound to the tenant (whose rows it lies
 *  among), the door, the subject, what it is for, and to what stood of the subject when it was
 *  made: address, role, password. So it is dead as soon as one of these is another. Of one subject
 *  and one purpose the newest alone is good. Looking at one consumes nothing, as mail scanners do.
 *
 *  Rows    SYSTEM_LINK: hash → {1: purpose, 2: door, 3: subject, 4: ends at, 5: what it is bound
 *          to, 6: who views (nil but of LINK_VIEW)}; SYSTEM_LINK_OF: subject 16, purpose 1 →
 *          {1: hash, 2: ends at}.
 *  Floor   access.
 *  Thread  any, with its own transaction; making and taking in a lane, so that one taker wins.
 */
#pragma once

#include "access/door.h"
#include "base/limits.h"

constexpr int64_t LINK_MS = HOUR_MS;

enum link_purpose : uint8_t {
    LINK_RESET = 1,
    LINK_INVITATION = 2,
    LINK_SIGN_IN = 3,
    LINK_VIEW = 4, /** to see the portal as this contact, for a user; goes by no mail */
};
constexpr uint8_t LINK_PURPOSE_MAX = LINK_VIEW;
constexpr int64_t LINK_VIEW_MS = 5LL * 60 * 1000; /** a LINK_VIEW is good so long */

/** In a lane: makes one and queues the mail that carries it. `tenant`: its name, for the host. */
enum err link_send(struct txn *txn, const struct access *access, const struct tenant *tenant,
                   const struct account *account, enum link_purpose purpose);
/** In a lane: a LINK_VIEW for this user, of an account of the portal. */
enum err link_view_make(struct txn *txn, const struct account *account, struct id viewer,
                        str *token_out);
/** In a lane: it is used up. Errors as link_read. */
enum err link_view_take(struct txn *txn, const struct access *access, str token,
                        struct account *account_out, struct id *viewer_out);
/** Whose it is, whatever it is for and whether or not it is still good, so that tries by it count
 *  as his; views. ERR_MISSING: there is no such link, or its owner is gone. */
enum err link_owner(struct txn *txn, const struct access *access, str token,
                    struct account *account_out);
/** Whose it is; views. ERR_UNAUTHENTICATED of the type `link`: it is not good, or no more. */
enum err link_read(struct txn *txn, const struct access *access, enum door door,
                   enum link_purpose purpose, str token, struct account *account_out);
/** In a lane: the same, and it is used up. */
enum err link_take(struct txn *txn, const struct access *access, enum door door,
                   enum link_purpose purpose, str token, struct account *account_out);
/** In a lane. ERR_MISSING: there is none. */
enum err link_revoke(struct txn *txn, struct id subject, enum link_purpose purpose);
/** In a lane: all of a subject. */
enum err links_revoke(struct txn *txn, struct id subject);
/** Deletes those that have ended. Blocks. */
enum err link_upkeep(struct task *task, const struct access *access, const struct space *space);

/** Does not block and tells nothing: later, in the lane, a mail goes to this address if somebody
 *  has it who may enter by this door. ERR_FULL: the lane takes nothing. */
enum err link_ask(const struct access *access, const struct tenant *tenant,
                  enum link_purpose purpose, str email, str address);

/** `https://acme.example.com` of a tenant's door, as the operator's settings have it; never as a
 *  request says. */
str door_address(struct arena *arena, const struct access *access, str tenant_name, enum door door);
