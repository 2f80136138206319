/** totp: one-time codes from somebody's telephone, and the recovery codes beside them.
 *
 *  RFC 6238 as telephones know it: HMAC-SHA-1, 30 seconds, 6 digits, one step to either side. A
 *  step is good once: the last one that was used is kept, and nothing up to it is taken again.
 *  Recovery codes have 120 random bits each, are stored hashed, and are good once.
 *
 *  Row     SYSTEM_TOTP: subject → {1: is active, 2: secret, 3: last step used, 4: hashes of the
 *          recovery codes that are left, one behind another}; the store keeps it sealed under the
 *          tenant's key.
 *  Floor   access; liboath only here.
 *  Thread  a lane, so that of two who give the same code one wins.
 *  Source  RFC 6238, RFC 4226; OWASP ASVS 5.0, 6.5.
 */
#pragma once

#include "store/txn.h"

constexpr uint32_t RECOVERY_CODES = 10;

/** Texts for a person, shown once. */
struct totp_secret {
    str base32;
    str recovery[RECOVERY_CODES];
};

/** A new secret that is not asked for until it is confirmed. ERR_CONFLICT: one is active. */
enum err totp_begin(struct txn *txn, struct id subject, str *base32_out);
/** The pending secret is active from now on; `made_out` has new recovery codes.
 *  ERR_CONFLICT: none is pending. ERR_UNAUTHENTICATED: a wrong code. */
enum err totp_confirm(struct txn *txn, struct id subject, str code, struct totp_secret *made_out);
/** Takes a code of the telephone, or a recovery code, where one is active. ERR_UNAUTHENTICATED of
 *  the type `code_needed`: it was not given; of the type `code_wrong`: it is wrong, or was used. */
enum err totp_take(struct txn *txn, struct id subject, str code);
void totp_end(struct txn *txn, struct id subject);

/** `otpauth://totp/…`, as the apps read it from a picture. */
str totp_uri(struct arena *arena, str issuer, str account, str base32);
