#include "access/password.h"

#include "access/access.h"
#include "access/session.h"
#include "access/door.h"
#include "base/fold.h"
#include "base/require.h"
#include "value/value.h"

/** Bases of the passwords that lead every published list of leaked ones; digits and signs around
 *  them are looked through, so that each stands for many. */
static const char *const common[] = {
    "abc",           "abcd",      "abcdef",    "access",   "account",   "adidas",    "admin",
    "administrator", "alexander", "amanda",    "america",  "andrea",    "andrew",    "angel",
    "anthony",       "apple",     "arsenal",   "asdf",     "asdfgh",    "ashley",    "asshole",
    "august",        "austin",    "babygirl",  "banana",   "barcelona", "baseball",  "basketball",
    "batman",        "beautiful", "biteme",    "blink",    "buster",    "butterfly", "camaro",
    "changeme",      "charlie",   "cheese",    "chelsea",  "chicken",   "chocolate", "christian",
    "cocacola",      "computer",  "cookie",    "corvette", "dallas",    "daniel",    "default",
    "diamond",       "dolphin",   "donald",    "dragon",   "einloggen", "eminem",    "facebook",
    "ferrari",       "flower",    "football",  "forever",  "freedom",   "friends",   "fuckyou",
    "gandalf",       "geheim",    "george",    "ginger",   "guest",     "hallo",     "hannah",
    "harley",        "hello",     "hockey",    "hottie",   "hunter",    "iloveyou",  "internet",
    "jennifer",      "jessica",   "jordan",    "joshua",   "justin",    "killer",    "kitty",
    "letmein",       "liverpool", "login",     "london",   "lovely",    "loveme",    "maggie",
    "manager",       "marina",    "martin",    "master",   "matrix",    "matthew",   "maverick",
    "mercedes",      "michael",   "michelle",  "midnight", "monkey",    "mustang",   "mynoob",
    "naruto",        "nicole",    "ninja",     "nothing",  "orange",    "p@ssw0rd",  "pa$$word",
    "passw0rd",      "passord",   "passwort",  "password", "passwords", "patrick",   "peanut",
    "pepper",        "phoenix",   "please",    "pokemon",  "princess",  "purple",    "qazwsx",
    "qwer",          "qwert",     "qwertz",    "qwerty",   "ranger",    "rainbow",   "richard",
    "robert",        "samantha",  "samsung",   "schalke",  "secret",    "shadow",    "silver",
    "snoopy",        "soccer",    "sommer",    "spring",   "starwars",  "steelers",  "summer",
    "sunshine",      "superman",  "superstar", "taylor",   "test",      "testing",   "thomas",
    "tigger",        "trustno",   "user",      "victoria", "welcome",   "whatever",  "william",
    "willkommen",    "winter",    "yankees",   "zaq12wsx", "zxcvbnm",   "1q2w3e4r",  "1qaz2wsx",
    "q1w2e3r4",
};

static const char listed[] = {
#embed "common_passwords.txt"
};

static const str runs[] = {
    {"qwertyuiopasdfghjklzxcvbnm", 26},
    {"qwertzuiopasdfghjklyxcvbnm", 26},
    {"azertyuiopqsdfghjklmwxcvbn", 26},
    {"mnbvcxzlkjhgfdsapoiuytrewq", 26},
    {"1234567890", 10},
    {"0987654321", 10},
};

/** A hash made with the parameters of crypto.c over bytes that were thrown away. The unit test
 *  holds it to the parameters. */
static const char hash_of_nobody[] = "$argon2id$v=19$m=19456,t=2,p=1$mXcQDfd6NHk3B0q0f9Vy1w$"
                                     "0a6YdUw2t8c4vZl1mQe5XrTn3KsGh7BpJfLiOuEyVxA";

static bool is_letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte & 0x80) != 0;
}

static str lower_of(struct arena *arena, str text)
{
    char *lower = arena_take_raw(arena, text.len);
    for (size_t at = 0; at < text.len; at++) {
        char byte = text.at[at];
        lower[at] = byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
    }
    return (str){lower, text.len};
}

/** Without what is no letter at both ends. */
static str core_of(str lower)
{
    while (lower.len > 0 && !is_letter(lower.at[0])) lower = str_from(lower, 1);
    while (lower.len > 0 && !is_letter(lower.at[lower.len - 1])) lower.len--;
    return lower;
}

static bool is_repetition(str lower)
{
    for (size_t unit = 1; unit <= 4 && unit * 2 <= lower.len; unit++)
        if (memcmp(lower.at, lower.at + unit, lower.len - unit) == 0) return true;
    return false;
}

/** Neighbours in the alphabet, or each the next or the last digit. */
static bool is_ladder(str lower)
{
    if (lower.len < 3) return false;
    int step = lower.at[1] - lower.at[0];
    if (step != 1 && step != -1) return false;
    for (size_t at = 2; at < lower.len; at++)
        if (lower.at[at] - lower.at[at - 1] != step) return false;
    return true;
}

static bool is_keyboard_run(str lower)
{
    for (size_t at = 0; at < sizeof runs / sizeof runs[0]; at++)
        if (memmem(runs[at].at, runs[at].len, lower.at, lower.len) != nullptr) return true;
    return false;
}

static bool is_common(str lower)
{
    for (size_t at = 0; at < sizeof common / sizeof common[0]; at++)
        if (str_eq(lower, str_of(common[at]))) return true;
    return false;
}

str password_list(void)
{
    return (str){listed, sizeof listed};
}

/** A few microseconds: nothing beside the hash that follows. */
static bool is_listed(str lower)
{
    str rest = password_list();
    if (memchr(lower.at, ' ', lower.len) != nullptr) return false;
    if (memchr(lower.at, '\n', lower.len) != nullptr) return false;
    for (;;) {
        const char *found = memmem(rest.at, rest.len, lower.at, lower.len);
        if (found == nullptr) return false;
        const char *end = found + lower.len;
        bool is_begin = found == listed || found[-1] <= ' ';
        if (is_begin && end < listed + sizeof listed && *end <= ' ') return true;
        rest = str_from(rest, (size_t)(found + 1 - rest.at));
    }
}

/** Whether a password is a name with nothing but digits and signs around it. */
static bool is_made_of(struct arena *arena, str lower, str name)
{
    if (name.len == 0) return false;
    str name_lower = lower_of(arena, name);
    str name_core = core_of(name_lower);
    return str_eq(lower, name_lower) || (name_core.len > 0 && str_eq(core_of(lower), name_core));
}

static bool is_guessable(struct arena *arena, str password, const struct password_owner *owner)
{
    str lower = lower_of(arena, password);
    str local, host;
    str_cut(owner->email, '@', &local, &host);
    return is_repetition(lower) || is_ladder(lower) || is_keyboard_run(lower) || is_common(lower) ||
           is_common(core_of(lower)) || is_listed(lower) ||
           is_made_of(arena, lower, owner->email) || is_made_of(arena, lower, local) ||
           is_made_of(arena, lower, owner->tenant_name);
}

/** One password, however it was typed: an accent may come as a letter of its own. */
static str password_composed(struct arena *arena, str password)
{
    return utf8_is_valid(password) ? utf8_compose(arena, password) : password;
}

void password_judge(struct task *task, str field, str password, const struct password_owner *owner)
{
    str composed =
        password.len > PASSWORD_BYTES_MAX ? password : password_composed(task->arena, password);
    if (composed.len > PASSWORD_BYTES_MAX) {
        task_fault(task, field, S("length"), "is longer than %zu bytes", PASSWORD_BYTES_MAX);
    } else if (!utf8_is_valid(password)) {
        task_fault(task, field, S("encoding"), "is not valid UTF-8");
    } else if (utf8_length(password) < PASSWORD_BYTES_MIN) {
        task_fault(task, field, S("length"), "is shorter than %zu characters", PASSWORD_BYTES_MIN);
    } else if (is_guessable(task->arena, password, owner)) {
        task_fault(task, field, S("guessable"),
                   "is among the first that would be guessed; choose another");
    }
}

str password_hash_of_nobody(void)
{
    return (str){hash_of_nobody, sizeof hash_of_nobody - 1};
}

enum err password_check(struct task *task, str password, str hash, bool *is_right_out)
{
    bool is_bounded = password.len <= PASSWORD_BYTES_MAX;
    str composed = is_bounded ? password_composed(task->arena, password) : S("");
    return password_verify(composed, hash, is_right_out);
}

enum err password_make_hash(struct task *task, str password, char hash_out[PASSWORD_HASH_BYTES_MAX])
{
    return password_hash(password_composed(task->arena, password), hash_out);
}

enum err password_row_get(struct txn *txn, struct id user, str *hash_out)
{
    str row;
    TRY(txn_system_get(txn, SYSTEM_PASSWORD, id_bytes(&user), txn_task(txn)->arena, &row));
    struct value value = value_of(row);
    if (value.kind != VALUE_TEXT) return ERR_CORRUPT;
    *hash_out = value.text;
    return ERR_NONE;
}

void password_row_put(struct txn *txn, struct id user, str hash)
{
    require(hash.len > 0 && hash.len < PASSWORD_HASH_BYTES_MAX);
    struct buf row = buf_make(txn_task(txn)->arena, PASSWORD_HASH_BYTES_MAX + 8);
    pack_text(&row, hash);
    txn_system_put(txn, SYSTEM_PASSWORD, id_bytes(&user), buf_str(&row));
}

struct password_work {
    struct work work;
    struct task *task;
    const struct password_given *given;
    str hash;
};

static enum err password_write(struct work *work, struct txn *txn)
{
    struct password_work *self = (struct password_work *)work;
    const struct password_given *given = self->given;
    txn_set_task(txn, self->task);
    if (given->verify != nullptr) TRY(given->verify(given->owner, txn));
    password_row_put(txn, given->subject.id, self->hash);
    return sessions_end(txn, given->subject.id, (struct id){});
}

enum err password_set(struct task *task, const struct access *access, const struct space *space,
                      const struct password_given *given)
{
    struct account account;
    TRY(account_read_now(task, access, space, given->subject, &account));
    password_judge(task, S("password"), given->password,
                   &(struct password_owner){.email = account.email});
    TRY(task_faults(task));
    char hash[PASSWORD_HASH_BYTES_MAX];
    TRY(password_make_hash(task, given->password, hash));
    struct password_work self = {
        .work = {.run = password_write, .arena = task->arena},
        .task = task,
        .given = given,
        .hash = str_of(hash),
    };
    return store_write(access->store, space, &self.work);
}
