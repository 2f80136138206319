/** user: what access/ must know of a user record: who it is, in which role, whether it may enter.
 *
 *  Entity and field numbers are those of schema/, which never change; access_fits_model
 *  holds them to the names, once, when the server starts.
 *  Floor   access.
 *  Thread  any, with its own transaction.
 */
#pragma once

#include "access/access.h"

constexpr uint16_t SETTINGS_ENTITY = 1;
constexpr uint16_t USER_ENTITY = 2;
constexpr uint16_t USER_EMAIL = 1;
constexpr uint16_t USER_NAME = 2;
constexpr uint16_t USER_ROLE = 3;
constexpr uint16_t USER_DISABLED = 4;

struct user_row {
    struct id id;
    str email;
    str name;
    str role;
    bool is_disabled;
};

/** Views of the transaction. ERR_MISSING: no such user. */
enum err user_read(struct txn *txn, struct id id, struct user_row *user_out);
/** By the whole address (account_find). Views. ERR_MISSING: none has it. */
enum err user_find(struct task *task, struct txn *txn, const struct access *access, str email,
                   struct user_row *user_out);
/** Names of owners who may enter, at most `max`, in the task's arena: they can grant anything. */
constexpr uint32_t OWNERS_TOLD_MAX = 5;
enum err owners_named(struct txn *txn, const struct access *access, uint32_t max, str *names_out,
                      uint32_t *count_out);
/** Who this user is to the rest of the server; views. ERR_UNAUTHENTICATED: gone or disabled. */
enum err user_identify(struct txn *txn, const struct access *access, struct id id,
                       struct identity *identity_out);
