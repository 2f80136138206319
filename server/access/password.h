/** password: which passwords are taken, and the row that keeps the hash of one.
 *
 *  Length and guessability only, no rules of composition (NIST SP 800-63B; OWASP ASVS 5.0, 6.2).
 *  Row     SYSTEM_PASSWORD: user id → Argon2id text.
 *  Floor   access.
 *  Thread  any.
 */
#pragma once

#include "store/txn.h"

/** What a password may not be made of, beside the common ones. */
struct password_owner {
    str email;
    str tenant_name;
};

/** Adds a fault with code `length`, `encoding` or `guessable` when the password is not to be used.
 *  */
void password_judge(struct task *task, str field, str password, const struct password_owner *owner);
/** Lower-case words that very many people use; for the judge and its test. */
bool password_is_common(str lower);

/** Of the composed text (NFC), so that it is one password however it is typed. Blocks some 16 ms.
 *  ERR_FULL: no memory. */
enum err password_make_hash(struct task *task, str password,
                            char hash_out[PASSWORD_HASH_BYTES_MAX]);
/** Whether this is the password of a hash. What is too long is none; blocks some 16 ms all the
 *  same. ERR_FULL: no memory. */
enum err password_check(struct task *task, str password, str hash, bool *is_right_out);

/** An Argon2id text with today's parameters that no password is known for: what an unknown user's
 *  sign-in is checked against, so that it takes as long. */
str password_hash_of_nobody(void);

/** ERR_MISSING: this user has none. The text lies in the transaction's task's arena. */
enum err password_row_get(struct txn *txn, struct id user, str *hash_out);
void password_row_put(struct txn *txn, struct id user, str hash);
