/** credential: 256 random bits as text, and the hash by which they are found again.
 *
 *  The hash has no key: nobody can search 256 random bits, so a key would add nothing that the
 *  length does not give, and unwrapping one would cost more than all else that a request with a
 *  token does.
 *
 *  Floor   access.
 *  Thread  any.
 */
#pragma once

#include "base/crypto.h"

/** `prefix` and 43 characters of base64url. */
str credential_make(struct arena *arena, str prefix);
/** The row's key; `purpose` keeps sessions and API tokens apart. */
struct hash credential_hash(str purpose, str credential);
static inline str hash_bytes(const struct hash *hash)
{
    return (str){(const char *)hash->bytes, HASH_BYTES};
}
