/** door: whose accounts a door is for: of which entity they are, and who one is once inside.
 *
 *  The staff's door is for users, the portal's for portal accounts. Everything about signing in
 *  (passwords, sessions, links, one-time codes) knows subjects alone and asks here what they are.
 *  Where the schema has no portal account, nobody has one.
 *
 *  Floor   access.
 *  Thread  any, with its own transaction.
 */
#pragma once

#include "access/access.h"
#include "record/record.h"

constexpr uint16_t PORTAL_ACCOUNT_ENTITY = 20;

/** The number of the entity whose records are a door's accounts. */
uint16_t door_entity(enum door door);

struct account {
    struct subject subject;
    str email;
    str role; /** a session ends when it changes; empty: it has none */
    bool is_disabled;
};

/** Views. ERR_MISSING: no such account. */
enum err account_read(struct txn *txn, const struct access *access, struct subject subject,
                      struct account *account_out);
/** In a transaction of its own; what is given lies in task->arena. */
enum err account_read_now(struct task *task, const struct access *access, const struct space *space,
                          struct subject subject, struct account *account_out);
/** By the whole address, composed (NFC) and without regard to case. Views. ERR_MISSING: none. */
enum err account_find(struct task *task, struct txn *txn, const struct access *access,
                      enum door door, str email, struct account *account_out);
/** Who this is to the rest of the server; views. ERR_UNAUTHENTICATED: gone or disabled. */
enum err subject_identify(struct txn *txn, const struct access *access, struct subject subject,
                          struct identity *identity_out);
/** In a lane: ends the sessions and links of those whom this change disabled or deleted, so that
 *  none of them goes on when they are let in again. Tokens wait for who is disabled, and end with
 *  who is deleted: one that comes back from the trash is not let in by what somebody kept. */
enum err doors_shut(struct change *change);
