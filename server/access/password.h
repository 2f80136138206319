/** password: which passwords are taken, and the row that keeps the hash of one.
 *
 *  Length and guessability only, no rules of composition (NIST SP 800-63B; OWASP ASVS 5.0, 6.2).
 *  Source  common_passwords.txt: the first 3,000 of at least eight letters in data/passwords.txt of
 *          dropbox/zxcvbn (MIT), which counts passwords that were leaked and published.
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
/** The passwords that most people use, as common_passwords.txt has them: lower-case, of ASCII
 *  letters, digits and signs, in the order of their bytes, each followed by a blank or a line end.
 *  For the judge and its test. */
str password_list(void);

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
