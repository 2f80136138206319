#include "test.h"

#include <malloc.h>
#include <stdint.h>
#include <sys/resource.h>

#include "base/crypto.h"

static struct secret_key key_of(uint8_t first)
{
    struct secret_key key;
    for (size_t at = 0; at < sizeof key.bytes; at++) key.bytes[at] = (uint8_t)(first + at);
    return key;
}

static bool hash_eq(struct hash a, struct hash b)
{
    return memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
}

TEST(test_hash__depends_on_key_parts_and_where_they_end)
{
    struct secret_key key = key_of(1), other = key_of(2);
    struct hash hash = hash_of(&key, (str[]){S("ab"), S("c")}, 2);
    check(hash_eq(hash, hash_of(&key, (str[]){S("ab"), S("c")}, 2)));
    check(!hash_eq(hash, hash_of(&key, (str[]){S("a"), S("bc")}, 2)));
    check(!hash_eq(hash, hash_of(&key, (str[]){S("abc")}, 1)));
    check(!hash_eq(hash, hash_of(&other, (str[]){S("ab"), S("c")}, 2)));
    check(!hash_eq(hash, hash_of(nullptr, (str[]){S("ab"), S("c")}, 2)));
}

TEST(test_key_derive__differs_by_number_and_purpose)
{
    struct secret_key key = key_of(1);
    struct secret_key a = key_derive(&key, 1, "purpose1");
    struct secret_key again = key_derive(&key, 1, "purpose1");
    struct secret_key number = key_derive(&key, 2, "purpose1");
    struct secret_key purpose = key_derive(&key, 1, "purpose2");
    check(memcmp(&a, &again, sizeof a) == 0);
    check(memcmp(&a, &number, sizeof a) != 0);
    check(memcmp(&a, &purpose, sizeof a) != 0);
    struct secret_key x = key_random(), y = key_random();
    check(memcmp(&x, &y, sizeof x) != 0);
}

TEST(test_short_hash__binds_value_to_name_under_key)
{
    struct short_key key = {.bytes = {1, 2, 3}}, other = {.bytes = {1, 2, 4}};
    uint64_t hash = short_hash(&key, S("name"), S("value"));
    check(hash == short_hash(&key, S("name"), S("value")));
    check(hash != short_hash(&key, S("namev"), S("alue")));
    check(hash != short_hash(&key, S("name"), S("valuf")));
    check(hash != short_hash(&other, S("name"), S("value")));
    check(short_hash(&key, (str){}, (str){}) != short_hash(&other, (str){}, (str){}));
    /* Stored bytes carry this hash, so it must not change. */
    check(hash == 0x91e6690e1a3cfad9);
}

TEST(test_seal__opens_only_with_key_bytes_and_bound)
{
    struct arena arena;
    arena_init(&arena, 1 << 20);
    struct secret_key key = key_of(1), other = key_of(2);
    str sealed = seal(&arena, &key, S("secret"), S("bound"));
    check_int(sealed.len, 6 + SEAL_EXTRA_BYTES);
    str plain;
    check_int(unseal(&arena, &key, sealed, S("bound"), &plain), ERR_NONE);
    check_str(plain, S("secret"));
    check_int(unseal(&arena, &other, sealed, S("bound"), &plain), ERR_CORRUPT);
    check_int(unseal(&arena, &key, sealed, S("bounds"), &plain), ERR_CORRUPT);
    for (size_t len = 0; len < sealed.len; len++)
        check_int(unseal(&arena, &key, str_first(sealed, len), S("bound"), &plain), ERR_CORRUPT);
    for (size_t at = 0; at < sealed.len; at++) {
        char *damaged = (char *)arena_copy(&arena, sealed).at;
        damaged[at] ^= 1;
        str bytes = {damaged, sealed.len};
        check_int(unseal(&arena, &key, bytes, S("bound"), &plain), ERR_CORRUPT);
    }
    check(!str_eq(sealed, seal(&arena, &key, S("secret"), S("bound"))));
    check_int(unseal(&arena, &key, seal(&arena, &key, (str){}, (str){}), (str){}, &plain),
              ERR_NONE);
    check_int(plain.len, 0);
    arena_drop(&arena);
}

enum { CHUNKS = 3, CHUNK_BYTES = 5 };

static void seal_chunks(uint8_t header[STREAM_HEADER_BYTES],
                        char chunks[CHUNKS][CHUNK_BYTES + STREAM_EXTRA_BYTES])
{
    struct secret_key key = key_of(1);
    struct seal_stream stream;
    seal_stream_start(&stream, &key, header);
    static const char plain[CHUNKS][CHUNK_BYTES + 1] = {"first", "secnd", "third"};
    for (int at = 0; at < CHUNKS; at++)
        seal_stream_push(&stream, (str){plain[at], CHUNK_BYTES}, at == CHUNKS - 1, chunks[at]);
}

static enum err pull(struct seal_stream *stream, const char *chunk, char *out, bool *is_last)
{
    return unseal_stream_pull(stream, (str){chunk, CHUNK_BYTES + STREAM_EXTRA_BYTES}, out, is_last);
}

TEST(test_seal_stream__notices_order_loss_and_damage)
{
    struct secret_key key = key_of(1);
    uint8_t header[STREAM_HEADER_BYTES];
    char chunks[CHUNKS][CHUNK_BYTES + STREAM_EXTRA_BYTES], out[CHUNK_BYTES];
    seal_chunks(header, chunks);
    struct seal_stream stream;
    bool is_last = true;
    check_int(unseal_stream_start(&stream, &key, header), ERR_NONE);
    check_int(pull(&stream, chunks[0], out, &is_last), ERR_NONE);
    check(!is_last && memcmp(out, "first", 5) == 0);
    struct seal_stream after_first = stream;
    check_int(pull(&stream, chunks[1], out, &is_last), ERR_NONE);
    check_int(pull(&stream, chunks[2], out, &is_last), ERR_NONE);
    check(is_last && memcmp(out, "third", 5) == 0);
    stream = after_first;
    check_int(pull(&stream, chunks[2], out, &is_last), ERR_CORRUPT);
    stream = after_first;
    check_int(pull(&stream, chunks[0], out, &is_last), ERR_CORRUPT);
    stream = after_first;
    chunks[1][3] ^= 1;
    check_int(pull(&stream, chunks[1], out, &is_last), ERR_CORRUPT);
    check_int(unseal_stream_pull(&stream, S("short"), out, &is_last), ERR_CORRUPT);
}

TEST(test_password__is_verified_by_its_hash)
{
    char hash[PASSWORD_HASH_BYTES_MAX];
    check_int(password_hash(S("correct horse"), hash), ERR_NONE);
    check(str_starts(str_of(hash), S("$argon2id$v=19$m=19456,t=2,p=1$")));
    bool is_right = false;
    check_int(password_verify(S("correct horse"), str_of(hash), &is_right), ERR_NONE);
    check(is_right);
    check_int(password_verify(S("wrong horse"), str_of(hash), &is_right), ERR_NONE);
    check(!is_right);
    check_int(password_verify((str){}, str_of(hash), &is_right), ERR_NONE);
    check(!is_right);
}

TEST(test_password__tells_a_damaged_hash_from_a_wrong_password)
{
    bool is_right = true;
    check_int(password_verify(S("x"), S(""), &is_right), ERR_CORRUPT);
    check(!is_right);
    check_int(password_verify(S("x"), S("plain text"), &is_right), ERR_CORRUPT);
    check_int(password_verify(S("x"), S("$argon2id$v=19$m=19456,t=2,p=1$"), &is_right),
              ERR_CORRUPT);
    check_int(password_verify(S("x"), S("$argon2i$v=19$m=19456,t=2,p=1$"), &is_right), ERR_CORRUPT);
    char hash[PASSWORD_HASH_BYTES_MAX], damaged[PASSWORD_HASH_BYTES_MAX];
    check_int(password_hash(S("x"), hash), ERR_NONE);
    str whole = str_of(hash);
    for (size_t len = 0; len < whole.len; len++)
        check_int(password_verify(S("x"), str_first(whole, len), &is_right), ERR_CORRUPT);
    memcpy(damaged, hash, sizeof hash);
    damaged[whole.len] = '$';
    check_int(password_verify(S("x"), (str){damaged, whole.len + 1}, &is_right), ERR_CORRUPT);
    damaged[whole.len - 1] = '=';
    check_int(password_verify(S("x"), (str){damaged, whole.len}, &is_right), ERR_CORRUPT);
    memcpy(damaged, hash, sizeof hash);
    memcpy(strstr(damaged, "19456"), "99999999", 5);
    check_int(password_verify(S("y"), (str){damaged, whole.len}, &is_right), ERR_NONE);
    memcpy(strstr(damaged, "t=2"), "t=0", 3);
    check_int(password_verify(S("x"), (str){damaged, whole.len}, &is_right), ERR_CORRUPT);
    char longer[200];
    memset(longer, 'x', sizeof longer);
    check_int(password_verify(S("x"), (str){longer, sizeof longer}, &is_right), ERR_CORRUPT);
}

/* The sanitizers keep memory of their own and cannot live under such a limit. */
#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
TEST(test_password__tells_no_memory_from_a_wrong_password)
{
    char hash[PASSWORD_HASH_BYTES_MAX], unused[PASSWORD_HASH_BYTES_MAX];
    bool is_right = true;
    check_int(password_hash(S("x"), hash), ERR_NONE);
    /* What earlier hashes gave back must not serve this one. */
    malloc_trim(0);
    struct rlimit before;
    check_int(getrlimit(RLIMIT_AS, &before), 0);
    struct rlimit tight = {.rlim_cur = 1 << 20, .rlim_max = before.rlim_max};
    check_int(setrlimit(RLIMIT_AS, &tight), 0);
    enum err hashed = password_hash(S("x"), unused);
    enum err verified = password_verify(S("x"), str_of(hash), &is_right);
    check_int(setrlimit(RLIMIT_AS, &before), 0);
    check_int(hashed, ERR_FULL);
    check_int(verified, ERR_FULL);
    check(!is_right);
}
#endif

TEST(test_password__verifies_what_the_library_hashed_elsewhere)
{
    /* Made by crypto_pwhash_str of libsodium and checked with its crypto_pwhash_str_verify. */
    static const char hash[] = "$argon2id$v=19$m=64,t=1,p=1$cZ3AgoxC1tsxH5sMT3eNAw$"
                               "8oyHDaUtUdtqhkTdhb48GYpkT4pOZDMkVio6ruAtsys";
    bool is_right = false;
    check_int(password_verify(S("Atrium"), str_of(hash), &is_right), ERR_NONE);
    check(is_right);
    check_int(password_verify(S("atrium"), str_of(hash), &is_right), ERR_NONE);
    check(!is_right);
}

TEST(test_password__bounds_the_length)
{
    static char letters[1025];
    memset(letters, 'x', sizeof letters);
    char hash[PASSWORD_HASH_BYTES_MAX];
    bool is_right = true;
    check_int(password_hash((str){letters, 1025}, hash), ERR_INVALID);
    check_int(password_hash((str){letters, 1024}, hash), ERR_NONE);
    check_int(password_verify((str){letters, 1025}, str_of(hash), &is_right), ERR_NONE);
    check(!is_right);
    check_int(password_verify((str){letters, 1024}, str_of(hash), &is_right), ERR_NONE);
    check(is_right);
}

TEST(test_bytes_equal_secret__compares_whole)
{
    check(bytes_equal_secret(S("abc"), S("abc")));
    check(!bytes_equal_secret(S("abc"), S("abd")));
    check(!bytes_equal_secret(S("abc"), S("ab")));
    check(bytes_equal_secret((str){}, S("")));
}

TEST(test_bytes_wipe__overwrites)
{
    char bytes[] = "secret";
    bytes_wipe(bytes, 3);
    check(memcmp(bytes, "\0\0\0ret", 6) == 0);
    bytes_wipe(bytes, 0);
}

TEST(test_base64url__has_one_text_for_bytes)
{
    struct arena arena;
    arena_init(&arena, 1 << 20);
    str bytes;
    check_str(base64url_write(&arena, S("")), S(""));
    check_str(base64url_write(&arena, S("f")), S("Zg"));
    check_str(base64url_write(&arena, S("foobar")), S("Zm9vYmFy"));
    check_str(base64url_write(&arena, S("\xfb\xff\xfe")), S("-__-"));
    check(base64url_read(&arena, S("-__-"), &bytes));
    check_str(bytes, S("\xfb\xff\xfe"));
    check(base64url_read(&arena, S(""), &bytes) && bytes.len == 0);
    check(base64url_read(&arena, S("Zm9vYg"), &bytes));
    check_str(bytes, S("foob"));
    static const char *const bad[] = {"Z", "Zg==", "Zh", "Zm9v Yg", "+//+", "Zm9vYg\n", "Zm9v!"};
    for (size_t at = 0; at < sizeof bad / sizeof bad[0]; at++)
        check(!base64url_read(&arena, str_of(bad[at]), &bytes));
    arena_drop(&arena);
}
