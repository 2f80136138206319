#include "access/credential.h"

#include "base/random.h"

str credential_make(struct arena *arena, str prefix)
{
    char secret[32];
    random_fill(secret, sizeof secret);
    str text = base64url_write(arena, (str){secret, sizeof secret});
    bytes_wipe(secret, sizeof secret);
    char *whole = arena_take_raw(arena, prefix.len + text.len);
    if (prefix.len > 0) memcpy(whole, prefix.at, prefix.len);
    memcpy(whole + prefix.len, text.at, text.len);
    return (str){whole, prefix.len + text.len};
}

struct hash credential_hash(str purpose, str credential)
{
    return hash_of(nullptr, (const str[]){purpose, credential}, 2);
}
