#include "base/crypto.h"

#include <sodium.h>

#include "base/limits.h"
#include "base/random.h"
#include "base/require.h"

/** OWASP Password Storage Cheat Sheet: Argon2id with m = 19 MiB, t = 2, p = 1 at least. */
constexpr unsigned long long PASSWORD_PASSES = 2;
constexpr size_t PASSWORD_MEMORY_BYTES = 19 * MIB;
/** What a stored hash may ask for: more than we would ever write is damage. */
constexpr int64_t PASSWORD_MEMORY_KIB_MAX = 256 * 1024;
constexpr int64_t PASSWORD_PASSES_MAX = 16;
/** A guess costs what a start costs; there is one such key for all firms. */
constexpr uint32_t PASSPHRASE_PASSES = 4;
constexpr uint32_t PASSPHRASE_MEMORY_KIB = 256 * 1024;
constexpr uint32_t PASSPHRASE_PASSES_MAX = 64;
constexpr uint32_t PASSPHRASE_MEMORY_KIB_MAX = 4 * 1024 * 1024;
constexpr size_t NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr int BASE64_FORM = sodium_base64_VARIANT_URLSAFE_NO_PADDING;

static_assert(SEAL_EXTRA_BYTES == NONCE_BYTES + crypto_aead_xchacha20poly1305_ietf_ABYTES);
static_assert(STREAM_HEADER_BYTES == crypto_secretstream_xchacha20poly1305_HEADERBYTES);
static_assert(STREAM_EXTRA_BYTES == crypto_secretstream_xchacha20poly1305_ABYTES);
static_assert(PASSWORD_HASH_BYTES_MAX == crypto_pwhash_STRBYTES);
static_assert(SHORT_HASH_KEY_BYTES == crypto_shorthash_KEYBYTES);
static_assert(SHORT_HASH_KEY_BYTES == crypto_shorthash_siphashx24_BYTES);
static_assert(SECRET_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
static_assert(SECRET_KEY_BYTES == crypto_secretstream_xchacha20poly1305_KEYBYTES);
static_assert(SECRET_KEY_BYTES == crypto_kdf_KEYBYTES);
static_assert(PASSPHRASE_SALT_BYTES == crypto_pwhash_SALTBYTES);
static_assert(sizeof(crypto_secretstream_xchacha20poly1305_state) <=
              sizeof((struct seal_stream){}.state));

static crypto_secretstream_xchacha20poly1305_state *state_of(struct seal_stream *stream)
{
    return (crypto_secretstream_xchacha20poly1305_state *)(void *)stream->state;
}

/** The library forbids nullptr even where there are no bytes. */
static const uint8_t *bytes_of(str s)
{
    return (const uint8_t *)(s.at == nullptr ? "" : s.at);
}

/** What a password's text form holds: `$argon2id$v=19$m=KIB,t=PASSES,p=1$SALT$KEY`. */
struct password_hash {
    unsigned long long passes;
    size_t memory_bytes;
    uint8_t salt[crypto_pwhash_SALTBYTES];
    uint8_t key[32];
};

/** Moves over `head`; false when something else stands there. */
static bool skip_head(str *text, str head)
{
    if (!str_starts(*text, head)) return false;
    *text = str_from(*text, head.len);
    return true;
}

/** The number up to `end`, within its bounds; moves behind `end`. */
static bool take_number(str *text, char end, int64_t max, int64_t *number_out)
{
    str digits;
    if (!str_cut(*text, end, &digits, text)) return false;
    return str_to_int64(digits, number_out) && *number_out >= 1 && *number_out <= max;
}

/** Exactly `len` bytes in base64; the last part ends with the text, others at a `$`. */
static bool take_base64(str *text, bool is_last, uint8_t *out, size_t len)
{
    str digits;
    if (str_cut(*text, '$', &digits, text) == is_last) return false;
    size_t read = 0;
    int result = sodium_base642bin(out, len, (const char *)bytes_of(digits), digits.len, nullptr,
                                   &read, nullptr, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
    return result == 0 && read == len;
}

static bool read_password_hash(str text, struct password_hash *hash_out)
{
    if (text.len >= PASSWORD_HASH_BYTES_MAX) return false;
    int64_t memory_kib, passes;
    if (!skip_head(&text, S("$argon2id$v=19$m="))) return false;
    if (!take_number(&text, ',', PASSWORD_MEMORY_KIB_MAX, &memory_kib)) return false;
    if (!skip_head(&text, S("t=")) || !take_number(&text, ',', PASSWORD_PASSES_MAX, &passes))
        return false;
    hash_out->memory_bytes = (size_t)memory_kib * KIB;
    hash_out->passes = (unsigned long long)passes;
    if (hash_out->memory_bytes < crypto_pwhash_MEMLIMIT_MIN) return false;
    return skip_head(&text, S("p=1$")) &&
           take_base64(&text, false, hash_out->salt, sizeof hash_out->salt) &&
           take_base64(&text, true, hash_out->key, sizeof hash_out->key);
}

enum err crypto_start(void)
{
    return sodium_init() < 0 ? ERR_SYSTEM : ERR_NONE;
}

struct hash hash_of(const struct secret_key *key, const str *parts, size_t part_count)
{
    crypto_generichash_state state;
    struct hash hash;
    crypto_generichash_init(&state, key == nullptr ? nullptr : key->bytes,
                            key == nullptr ? 0 : sizeof key->bytes, sizeof hash.bytes);
    for (size_t part = 0; part < part_count; part++) {
        uint64_t len = parts[part].len;
        uint8_t len_bytes[8];
        for (size_t at = 0; at < sizeof len_bytes; at++) len_bytes[at] = (uint8_t)(len >> (8 * at));
        crypto_generichash_update(&state, len_bytes, sizeof len_bytes);
        crypto_generichash_update(&state, bytes_of(parts[part]), len);
    }
    crypto_generichash_final(&state, hash.bytes, sizeof hash.bytes);
    return hash;
}

struct secret_key key_derive(const struct secret_key *key, uint64_t number, const char purpose[8])
{
    struct secret_key derived;
    int result = crypto_kdf_derive_from_key(derived.bytes, sizeof derived.bytes, number, purpose,
                                            key->bytes);
    require(result == 0);
    return derived;
}

struct secret_key key_random(void)
{
    struct secret_key key;
    random_fill(key.bytes, sizeof key.bytes);
    return key;
}

uint64_t short_hash(const struct short_key *key, str name, str value)
{
    /* The name chooses the key for the value: both count, and neither is copied. */
    uint8_t name_key[crypto_shorthash_KEYBYTES];
    crypto_shorthash_siphashx24(name_key, bytes_of(name), name.len, key->bytes);
    uint8_t hash[crypto_shorthash_BYTES];
    crypto_shorthash(hash, bytes_of(value), value.len, name_key);
    uint64_t number;
    static_assert(sizeof hash == sizeof number);
    memcpy(&number, hash, sizeof number);
    return number;
}

bool bytes_equal_secret(str a, str b)
{
    return a.len == b.len && (a.len == 0 || sodium_memcmp(a.at, b.at, a.len) == 0);
}

void bytes_wipe(void *bytes, size_t len)
{
    if (len > 0) sodium_memzero(bytes, len);
}

void seal_into(char *out, const struct secret_key *key, str plain, str bound)
{
    uint8_t *sealed = (uint8_t *)out;
    random_fill(sealed, NONCE_BYTES);
    unsigned long long len = 0;
    int result = crypto_aead_xchacha20poly1305_ietf_encrypt(
        sealed + NONCE_BYTES, &len, bytes_of(plain), plain.len, bytes_of(bound), bound.len, nullptr,
        sealed, key->bytes);
    require(result == 0);
    require(NONCE_BYTES + len == plain.len + SEAL_EXTRA_BYTES);
}

str seal(struct arena *arena, const struct secret_key *key, str plain, str bound)
{
    char *sealed = arena_take_raw(arena, plain.len + SEAL_EXTRA_BYTES);
    seal_into(sealed, key, plain, bound);
    return (str){sealed, plain.len + SEAL_EXTRA_BYTES};
}

enum err unseal(struct arena *arena, const struct secret_key *key, str sealed, str bound,
                str *plain_out)
{
    if (sealed.len < SEAL_EXTRA_BYTES) return ERR_CORRUPT;
    char *plain = arena_take_raw(arena, sealed.len - SEAL_EXTRA_BYTES);
    str rest = str_from(sealed, NONCE_BYTES);
    unsigned long long len = 0;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt((uint8_t *)plain, &len, nullptr, bytes_of(rest),
                                                   rest.len, bytes_of(bound), bound.len,
                                                   bytes_of(sealed), key->bytes) != 0)
        return ERR_CORRUPT;
    *plain_out = (str){plain, (size_t)len};
    return ERR_NONE;
}

void seal_stream_start(struct seal_stream *stream, const struct secret_key *key,
                       uint8_t header_out[STREAM_HEADER_BYTES])
{
    int result =
        crypto_secretstream_xchacha20poly1305_init_push(state_of(stream), header_out, key->bytes);
    require(result == 0);
}

void seal_stream_push(struct seal_stream *stream, str plain, bool is_last, char *out)
{
    uint8_t tag = is_last ? crypto_secretstream_xchacha20poly1305_TAG_FINAL
                          : crypto_secretstream_xchacha20poly1305_TAG_MESSAGE;
    int result = crypto_secretstream_xchacha20poly1305_push(
        state_of(stream), (uint8_t *)out, nullptr, bytes_of(plain), plain.len, nullptr, 0, tag);
    require(result == 0);
}

enum err unseal_stream_start(struct seal_stream *stream, const struct secret_key *key,
                             const uint8_t header[STREAM_HEADER_BYTES])
{
    int result =
        crypto_secretstream_xchacha20poly1305_init_pull(state_of(stream), header, key->bytes);
    return result == 0 ? ERR_NONE : ERR_CORRUPT;
}

enum err unseal_stream_pull(struct seal_stream *stream, str sealed, char *out, bool *is_last_out)
{
    if (sealed.len < STREAM_EXTRA_BYTES) return ERR_CORRUPT;
    uint8_t tag = 0;
    if (crypto_secretstream_xchacha20poly1305_pull(state_of(stream), (uint8_t *)out, nullptr, &tag,
                                                   bytes_of(sealed), sealed.len, nullptr, 0) != 0)
        return ERR_CORRUPT;
    *is_last_out = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
    return ERR_NONE;
}

enum err password_hash(str password, char hash_out[PASSWORD_HASH_BYTES_MAX])
{
    if (password.len > PASSWORD_BYTES_MAX) return ERR_INVALID;
    /* With these arguments only a refused allocation makes it fail. */
    if (crypto_pwhash_str(hash_out, (const char *)bytes_of(password), password.len, PASSWORD_PASSES,
                          PASSWORD_MEMORY_BYTES) != 0)
        return ERR_FULL;
    return ERR_NONE;
}

bool password_is_old(str hash)
{
    struct password_hash stored;
    return read_password_hash(hash, &stored) &&
           (stored.passes < PASSWORD_PASSES || stored.memory_bytes < PASSWORD_MEMORY_BYTES);
}

enum err password_verify(str password, str hash, bool *is_right_out)
{
    *is_right_out = false;
    struct password_hash stored;
    if (!read_password_hash(hash, &stored)) return ERR_CORRUPT;
    if (password.len > PASSWORD_BYTES_MAX) return ERR_NONE;
    /* Not the library's crypto_pwhash_str_verify: for want of memory that says "wrong password". */
    uint8_t key[sizeof stored.key];
    if (crypto_pwhash(key, sizeof key, (const char *)bytes_of(password), password.len, stored.salt,
                      stored.passes, stored.memory_bytes, crypto_pwhash_ALG_ARGON2ID13) != 0)
        return ERR_FULL;
    *is_right_out = sodium_memcmp(key, stored.key, sizeof key) == 0;
    return ERR_NONE;
}

struct passphrase_form passphrase_form_make(void)
{
    struct passphrase_form form = {.passes = PASSPHRASE_PASSES,
                                   .memory_kib = PASSPHRASE_MEMORY_KIB};
    random_fill(form.salt, sizeof form.salt);
    return form;
}

enum err passphrase_key(str passphrase, const struct passphrase_form *form,
                        struct secret_key *key_out)
{
    bool is_right = form->passes >= 1 && form->passes <= PASSPHRASE_PASSES_MAX &&
                    form->memory_kib >= crypto_pwhash_MEMLIMIT_MIN / KIB &&
                    form->memory_kib <= PASSPHRASE_MEMORY_KIB_MAX;
    if (!is_right) return ERR_CORRUPT;
    int result = crypto_pwhash(
        key_out->bytes, sizeof key_out->bytes, (const char *)bytes_of(passphrase), passphrase.len,
        form->salt, form->passes, (size_t)form->memory_kib * KIB, crypto_pwhash_ALG_ARGON2ID13);
    return result == 0 ? ERR_NONE : ERR_FULL;
}

void *locked_take(size_t bytes, bool *is_locked_out)
{
    void *locked = sodium_malloc(bytes);
    require(locked != nullptr);
    /* It has tried already, and says nothing of what came of it. */
    *is_locked_out = sodium_mlock(locked, bytes) == 0;
    sodium_memzero(locked, bytes);
    return locked;
}

void locked_give(void *locked)
{
    sodium_free(locked);
}

str base64url_write(struct arena *arena, str bytes)
{
    size_t room = sodium_base64_encoded_len(bytes.len, BASE64_FORM);
    char *text = arena_take_raw(arena, room);
    sodium_bin2base64(text, room, bytes_of(bytes), bytes.len, BASE64_FORM);
    return (str){text, room - 1};
}

bool base64url_read(struct arena *arena, str text, str *bytes_out)
{
    size_t room = text.len / 4 * 3 + 3;
    char *bytes = arena_take_raw(arena, room);
    size_t len = 0;
    if (sodium_base642bin((uint8_t *)bytes, room, (const char *)bytes_of(text), text.len, nullptr,
                          &len, nullptr, BASE64_FORM) != 0)
        return false;
    *bytes_out = (str){bytes, len};
    return true;
}
