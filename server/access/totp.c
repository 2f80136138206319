#include "access/totp.h"

#include <liboath/oath.h>

#include "access/credential.h"
#include "base/limits.h"
#include "base/random.h"
#include "base/require.h"
#include "value/value.h"

constexpr size_t SECRET_BYTES = 20; /** as long as SHA-1 (RFC 4226, section 4) */
constexpr uint32_t DIGITS = 6;
constexpr int64_t STEP_MS = 30'000;
constexpr int64_t STEPS_ASIDE = 1;
constexpr size_t RECOVERY_BYTES = 15;
constexpr size_t RECOVERY_LETTERS = 24;
constexpr size_t ROW_ROOM_BYTES = 2 * KIB;

enum totp_key : uint8_t { TOTP_ACTIVE = 1, TOTP_SECRET, TOTP_STEP, TOTP_RECOVERY };

struct totp_row {
    bool is_active;
    str secret; /** the row lies sealed under the tenant's key */
    int64_t last_step;
    str recovery; /** hashes, HASH_BYTES each */
};

/* Rows. */

static enum err totp_row_get(struct txn *txn, struct id subject, struct totp_row *row_out)
{
    str row;
    TRY(txn_system_get(txn, SYSTEM_TOTP, id_bytes(&subject), txn_task(txn)->arena, &row));
    struct value active;
    if (!value_find(row, TOTP_ACTIVE, &active) || active.kind != VALUE_BOOL) return ERR_CORRUPT;
    *row_out = (struct totp_row){.is_active = active.boolean};
    bool is_whole = value_bytes_at(row, TOTP_SECRET, &row_out->secret) &&
                    value_int_at(row, TOTP_STEP, &row_out->last_step) &&
                    value_bytes_at(row, TOTP_RECOVERY, &row_out->recovery) &&
                    row_out->recovery.len % HASH_BYTES == 0;
    return is_whole ? ERR_NONE : ERR_CORRUPT;
}

static void totp_row_put(struct txn *txn, struct id subject, const struct totp_row *totp)
{
    struct buf row = buf_make(txn_task(txn)->arena, ROW_ROOM_BYTES);
    pack_map(&row, 4);
    pack_int(&row, TOTP_ACTIVE);
    pack_bool(&row, totp->is_active);
    pack_int(&row, TOTP_SECRET);
    pack_bytes(&row, totp->secret);
    pack_int(&row, TOTP_STEP);
    pack_int(&row, totp->last_step);
    pack_int(&row, TOTP_RECOVERY);
    pack_bytes(&row, totp->recovery);
    require(!buf_is_over(&row));
    txn_system_put(txn, SYSTEM_TOTP, id_bytes(&subject), buf_str(&row));
}

/* Codes. */

/** The blanks and hyphens by which people read a code out are no part of it. */
static str code_core(struct arena *arena, str code)
{
    struct buf core = buf_make(arena, RECOVERY_LETTERS);
    for (size_t at = 0; at < code.len; at++) {
        char byte = code.at[at];
        if (byte == ' ' || byte == '-') continue;
        buf_put_byte(&core, byte >= 'a' && byte <= 'z' ? (char)(byte - 'a' + 'A') : byte);
    }
    return buf_is_over(&core) ? S("") : buf_str(&core);
}

/** The step of a code that is good now; 0: none. */
static int64_t code_step(str secret, str core, int64_t last_step, int64_t now_ms)
{
    int64_t found = 0;
    if (core.len != DIGITS) return 0;
    for (int64_t aside = -STEPS_ASIDE; aside <= STEPS_ASIDE; aside++) {
        char wanted[DIGITS + 1];
        int64_t step = now_ms / STEP_MS + aside;
        if (oath_hotp_generate(secret.at, secret.len, (uint64_t)step, DIGITS, false,
                               OATH_HOTP_DYNAMIC_TRUNCATION, wanted) != OATH_OK)
            continue;
        if (bytes_equal_secret((str){wanted, DIGITS}, core) && step > last_step) found = step;
    }
    return found;
}

static struct hash recovery_hash(struct id subject, str core)
{
    return hash_of(nullptr, (const str[]){S("recovery"), id_bytes(&subject), core}, 3);
}

/** Without the one that was used; false: no such code. */
static bool recovery_take(struct arena *arena, struct id subject, str core, str *recovery)
{
    struct hash hash = recovery_hash(subject, core);
    if (core.len != RECOVERY_LETTERS) return false;
    for (size_t at = 0; at < recovery->len; at += HASH_BYTES) {
        if (!bytes_equal_secret(hash_bytes(&hash), (str){recovery->at + at, HASH_BYTES})) continue;
        struct buf left = buf_make(arena, recovery->len);
        buf_put(&left, str_first(*recovery, at));
        buf_put(&left, str_from(*recovery, at + HASH_BYTES));
        *recovery = buf_str(&left);
        return true;
    }
    return false;
}

/** RFC 4648, section 6, of a multiple of five bytes. */
static str base32_write(struct arena *arena, str bytes)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    require(bytes.len % 5 == 0);
    struct buf text = buf_make(arena, bytes.len / 5 * 8);
    for (size_t at = 0; at < bytes.len; at += 5) {
        uint64_t group = 0;
        for (size_t byte = 0; byte < 5; byte++) group = group << 8 | (uint8_t)bytes.at[at + byte];
        for (int shift = 35; shift >= 0; shift -= 5)
            buf_put_byte(&text, letters[group >> shift & 31]);
    }
    return buf_str(&text);
}

/** `ABCD-EFGH-…` */
static str recovery_write(struct arena *arena, str core)
{
    struct buf text = buf_make(arena, 2 * RECOVERY_LETTERS);
    for (size_t at = 0; at < core.len; at += 4) {
        if (at > 0) buf_put_byte(&text, '-');
        buf_put(&text, (str){core.at + at, 4});
    }
    return buf_str(&text);
}

static str recovery_make(struct arena *arena, struct id subject, struct totp_secret *made_out)
{
    struct buf hashes = buf_make(arena, (size_t)RECOVERY_CODES * HASH_BYTES);
    for (uint32_t at = 0; at < RECOVERY_CODES; at++) {
        char bytes[RECOVERY_BYTES];
        random_fill(bytes, sizeof bytes);
        str core = base32_write(arena, (str){bytes, sizeof bytes});
        struct hash hash = recovery_hash(subject, core);
        buf_put(&hashes, hash_bytes(&hash));
        made_out->recovery[at] = recovery_write(arena, core);
        bytes_wipe(bytes, sizeof bytes);
    }
    return buf_str(&hashes);
}

/* What is asked from outside. */

static enum err refuse(struct task *task, str type, const char *detail)
{
    task->fault.type = type;
    return fail(task, ERR_UNAUTHENTICATED, "%s", detail);
}

enum err totp_begin(struct txn *txn, struct id subject, str *base32_out)
{
    struct task *task = txn_task(txn);
    struct totp_row row;
    enum err err = totp_row_get(txn, subject, &row);
    if (err != ERR_MISSING) TRY(err);
    if (err == ERR_NONE && row.is_active)
        return fail(task, ERR_CONFLICT,
                    "one-time codes are on: DELETE /api/v1/me/totp switches them off first");
    char secret[SECRET_BYTES];
    random_fill(secret, sizeof secret);
    str plain = {secret, sizeof secret};
    *base32_out = base32_write(task->arena, plain);
    totp_row_put(txn, subject, &(struct totp_row){.secret = plain});
    bytes_wipe(secret, sizeof secret);
    return ERR_NONE;
}

enum err totp_confirm(struct txn *txn, struct id subject, str code, struct totp_secret *made_out)
{
    struct task *task = txn_task(txn);
    struct totp_row row;
    enum err err = totp_row_get(txn, subject, &row);
    if (err == ERR_MISSING || (err == ERR_NONE && row.is_active))
        return fail(task, ERR_CONFLICT,
                    "no secret waits to be confirmed: POST /api/v1/me/totp makes one");
    TRY(err);
    row.last_step = code_step(row.secret, code_core(task->arena, code), 0, task->now_ms);
    if (row.last_step == 0) return refuse(task, S("code_wrong"), "this is not the code of now");
    row.is_active = true;
    row.recovery = recovery_make(task->arena, subject, made_out);
    totp_row_put(txn, subject, &row);
    return ERR_NONE;
}

enum err totp_take(struct txn *txn, struct id subject, str code)
{
    struct task *task = txn_task(txn);
    struct totp_row row;
    enum err err = totp_row_get(txn, subject, &row);
    if (err == ERR_MISSING || (err == ERR_NONE && !row.is_active)) return ERR_NONE;
    TRY(err);
    if (code.len == 0)
        return refuse(task, S("code_needed"), "give the one-time code of your telephone too");
    str core = code_core(task->arena, code);
    int64_t step = code_step(row.secret, core, row.last_step, task->now_ms);
    if (step > 0) row.last_step = step;
    else if (!recovery_take(task->arena, subject, core, &row.recovery))
        return refuse(task, S("code_wrong"), "the code is wrong, or was used before");
    totp_row_put(txn, subject, &row);
    return ERR_NONE;
}

void totp_end(struct txn *txn, struct id subject)
{
    txn_system_delete(txn, SYSTEM_TOTP, id_bytes(&subject));
}

static void put_escaped(struct buf *uri, str text)
{
    for (size_t at = 0; at < text.len; at++) {
        char byte = text.at[at];
        bool is_plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                        (byte >= '0' && byte <= '9');
        if (is_plain || byte == '-' || byte == '.' || byte == '_' || byte == '~')
            buf_put_byte(uri, byte);
        else buf_print(uri, "%%%02X", (unsigned)(uint8_t)byte);
    }
}

str totp_uri(struct arena *arena, str issuer, str account, str base32)
{
    struct buf uri = buf_make(arena, 6 * (issuer.len + account.len) + 256);
    buf_put(&uri, S("otpauth://totp/"));
    put_escaped(&uri, issuer);
    buf_put_byte(&uri, ':');
    put_escaped(&uri, account);
    buf_print(&uri, "?secret=%.*s&issuer=", FMT(base32));
    put_escaped(&uri, issuer);
    buf_print(&uri, "&algorithm=SHA1&digits=%u&period=30", DIGITS);
    return buf_str(&uri);
}
