/** crypto: hashing, sealing and passwords; the only file that knows libsodium.
 *
 *  Floor   base.
 *  Thread  any, after crypto_start.
 *  Source  libsodium 1.0.18: BLAKE2b, SipHash-2-4, XChaCha20-Poly1305, secretstream,
 *          Argon2id (RFC 9106).
 */
#pragma once

#include "base/arena.h"

#define HASH_BYTES 32
#define SECRET_KEY_BYTES 32
#define SEAL_EXTRA_BYTES 40 /** nonce 24, tag 16 */
#define STREAM_HEADER_BYTES 24
#define STREAM_EXTRA_BYTES 17 /** for each chunk */
#define PASSWORD_HASH_BYTES_MAX 128
#define SHORT_HASH_KEY_BYTES 16

struct secret_key {
    uint8_t bytes[SECRET_KEY_BYTES];
};
struct hash {
    uint8_t bytes[HASH_BYTES];
};
/** Key of the short hash (SipHash): protects against mistakes and damage, not against a forger
 *  with disk access. */
struct short_key {
    uint8_t bytes[SHORT_HASH_KEY_BYTES];
};

/** Before any other call and any thread. ERR_SYSTEM when the library refuses. */
enum err crypto_start(void);

/** Keyed BLAKE2b over the parts one after another, each preceded by its length. `key` may
 *  be nullptr. */
struct hash hash_of(const struct secret_key *key, const str *parts, size_t part_count);
/** A key for one purpose, from a key and a name of that purpose of exactly 8 bytes. */
struct secret_key key_derive(const struct secret_key *key, uint64_t number, const char purpose[8]);
struct secret_key key_random(void);

/** 8 bytes that bind `value` to `name` under `key`. */
uint64_t short_hash(const struct short_key *key, str name, str value);

/** Constant time. */
bool bytes_equal_secret(str a, str b);
/** Overwrites, also when the optimiser thinks it useless. */
void bytes_wipe(void *bytes, size_t len);

/** nonce ‖ ciphertext ‖ tag, with `bound` as associated data. */
str seal(struct arena *arena, const struct secret_key *key, str plain, str bound);
/** The same into `out`, which holds plain.len + SEAL_EXTRA_BYTES. */
void seal_into(char *out, const struct secret_key *key, str plain, str bound);
/** ERR_CORRUPT when key, bytes or `bound` do not fit. */
enum err unseal(struct arena *arena, const struct secret_key *key, str sealed, str bound,
                str *plain_out);

/** A stream of sealed chunks: reordering, dropping and cutting short are noticed. */
struct seal_stream {
    _Alignas(16) uint8_t state[64];
};
void seal_stream_start(struct seal_stream *stream, const struct secret_key *key,
                       uint8_t header_out[STREAM_HEADER_BYTES]);
/** `out` holds plain.len + STREAM_EXTRA_BYTES. */
void seal_stream_push(struct seal_stream *stream, str plain, bool is_last, char *out);
enum err unseal_stream_start(struct seal_stream *stream, const struct secret_key *key,
                             const uint8_t header[STREAM_HEADER_BYTES]);
/** `out` holds sealed.len - STREAM_EXTRA_BYTES. ERR_CORRUPT when the chunk is not the next one of
 *  this stream. */
enum err unseal_stream_pull(struct seal_stream *stream, str sealed, char *out, bool *is_last_out);

/** Argon2id, 19 MiB, t = 2 (OWASP's minimum); takes about 16 ms, so never on an event loop.
 *  ERR_FULL: no memory. */
enum err password_hash(str password, char hash_out[PASSWORD_HASH_BYTES_MAX]);
/** Whether a hash was made with less memory or fewer passes than are used today. */
bool password_is_old(str hash);
enum err password_verify(str password, str hash, bool *is_right_out);

/** What a passphrase is made into a key with: kept beside what that key seals. */
#define PASSPHRASE_SALT_BYTES 16
struct passphrase_form {
    uint32_t passes;
    uint32_t memory_kib;
    uint8_t salt[PASSPHRASE_SALT_BYTES];
};
/** A fresh salt, and what a key that opens everything is worth: 256 MiB, t = 4, most of a
 *  second. */
struct passphrase_form passphrase_form_make(void);
/** The key of a passphrase, by Argon2id. ERR_FULL: no memory. ERR_CORRUPT: a form that no
 *  passphrase_form_make ever gave. */
enum err passphrase_key(str passphrase, const struct passphrase_form *form,
                        struct secret_key *key_out);

/** Zeroed memory for keys: kept out of swap and core dumps where the system allows
 *  (*is_locked_out; RLIMIT_MEMLOCK), and between pages that cannot be touched. Aborts when there is
 *  none. */
void *locked_take(size_t bytes, bool *is_locked_out);
/** Overwrites and gives back. */
void locked_give(void *locked);

/** base64url without padding (RFC 4648, section 5). */
str base64url_write(struct arena *arena, str bytes);
bool base64url_read(struct arena *arena, str text, str *bytes_out);
