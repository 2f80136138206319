#include "access/link.h"

#include "access/audit.h"
#include "access/credential.h"
#include "access/mail.h"
#include "access/password.h"
#include "base/log.h"
#include "base/require.h"
#include "store/sweep.h"
#include "value/value.h"

constexpr size_t LINK_ROW_BYTES_MAX = 256;
constexpr size_t ID_BYTES = sizeof(struct id);

enum link_key : uint8_t {
    LINK_PURPOSE = 1,
    LINK_DOOR,
    LINK_SUBJECT,
    LINK_ENDS,
    LINK_BOUND,
    LINK_VIEWER
};
enum link_of_key : uint8_t { LINK_OF_HASH = 1, LINK_OF_ENDS };

struct link_row {
    int64_t purpose, door, ends_ms;
    struct subject subject;
    struct id viewer;
    str bound;
};

struct link_of {
    char bytes[ID_BYTES + 1];
};

static struct link_of link_of(struct id subject, enum link_purpose purpose)
{
    struct link_of key;
    memcpy(key.bytes, subject.bytes, ID_BYTES);
    key.bytes[ID_BYTES] = (char)purpose;
    return key;
}

static str link_of_str(const struct link_of *key)
{
    return (str){key->bytes, sizeof key->bytes};
}

static bool link_row_read(str row, struct link_row *link_out)
{
    if (!value_int_at(row, LINK_PURPOSE, &link_out->purpose) ||
        !value_int_at(row, LINK_DOOR, &link_out->door) ||
        !value_int_at(row, LINK_ENDS, &link_out->ends_ms))
        return false;
    link_out->subject.door = link_out->door == DOOR_PORTAL ? DOOR_PORTAL : DOOR_STAFF;
    return value_id_at(row, LINK_SUBJECT, &link_out->subject.id) &&
           value_id_at(row, LINK_VIEWER, &link_out->viewer) &&
           value_bytes_at(row, LINK_BOUND, &link_out->bound);
}

/** What must still be so when the link is used. */
static enum err bound_of(struct txn *txn, const struct account *account, struct hash *bound_out)
{
    str password = S("");
    enum err err = password_row_get(txn, account->subject.id, &password);
    if (err != ERR_MISSING) TRY(err);
    *bound_out =
        hash_of(nullptr, (const str[]){S("link"), account->email, account->role, password}, 4);
    return ERR_NONE;
}

/* Making. */

static void link_row_put(struct txn *txn, str hash, const struct link_row *link)
{
    struct arena *arena = txn_task(txn)->arena;
    struct link_of key = link_of(link->subject.id, (enum link_purpose)link->purpose);
    struct buf row = buf_make(arena, LINK_ROW_BYTES_MAX), of = buf_make(arena, LINK_ROW_BYTES_MAX);
    pack_map(&row, 6);
    pack_int(&row, LINK_PURPOSE);
    pack_int(&row, link->purpose);
    pack_int(&row, LINK_DOOR);
    pack_int(&row, link->subject.door);
    pack_int(&row, LINK_SUBJECT);
    pack_bytes(&row, id_bytes(&link->subject.id));
    pack_int(&row, LINK_ENDS);
    pack_int(&row, link->ends_ms);
    pack_int(&row, LINK_BOUND);
    pack_bytes(&row, link->bound);
    pack_int(&row, LINK_VIEWER);
    pack_bytes(&row, id_bytes(&link->viewer));
    pack_map(&of, 2);
    pack_int(&of, LINK_OF_HASH);
    pack_bytes(&of, hash);
    pack_int(&of, LINK_OF_ENDS);
    pack_int(&of, link->ends_ms);
    require(!buf_is_over(&row) && !buf_is_over(&of));
    txn_system_put(txn, SYSTEM_LINK, hash, buf_str(&row));
    txn_system_put(txn, SYSTEM_LINK_OF, link_of_str(&key), buf_str(&of));
}

static enum err link_make(struct txn *txn, const struct account *account, enum link_purpose purpose,
                          struct id viewer, str *token_out)
{
    struct task *task = txn_task(txn);
    struct hash bound;
    enum err err = link_revoke(txn, account->subject.id, purpose);
    if (err != ERR_MISSING) TRY(err);
    TRY(bound_of(txn, account, &bound));
    *token_out = credential_make(task->arena, S(""));
    struct hash hash = credential_hash(S("link"), *token_out);
    link_row_put(txn, hash_bytes(&hash),
                 &(struct link_row){
                     .purpose = purpose,
                     .ends_ms = task->now_ms + (purpose == LINK_VIEW ? LINK_VIEW_MS : LINK_MS),
                     .subject = account->subject,
                     .viewer = viewer,
                     .bound = hash_bytes(&bound),
                 });
    return ERR_NONE;
}

/** One row for each purpose. */
static const struct {
    str word, place, subject;
    const char *text; /** of the firm's title, the link, and again the title */
} letters[LINK_PURPOSE_MAX + 1] = {
    [LINK_RESET] = {S("password_reset"), S("password"), S("Set a new password"),
                    "Somebody, probably you, asked for a new password at %.*s.\n\n"
                    "To set it, open this address within an hour:\n\n%.*s\n\n"
                    "If it was not you, do nothing: your password stays as it is.\n"},
    [LINK_INVITATION] = {S("invitation"), S("invitation"), S("You are invited"),
                         "You are invited to %.*s.\n\n"
                         "To accept and choose your password, open this address within an "
                         "hour:\n\n%.*s\n\n"
                         "If you expected nothing of the kind, do nothing.\n"},
    [LINK_SIGN_IN] = {S("sign_in"), S("sign-in"), S("Your link to sign in"),
                      "Somebody, probably you, wants to sign in at %.*s.\n\n"
                      "To do so, open this address within an hour; it works once:\n\n%.*s\n\n"
                      "If it was not you, do nothing.\n"},
};

str door_address(struct arena *arena, const struct access *access, str tenant_name, enum door door)
{
    const struct web_address *web = access->web;
    str scheme = web != nullptr ? web->scheme : S("https");
    uint32_t port = web != nullptr ? atomic_load(&web->port) : 0;
    bool is_usual = port == 0 || port == (str_eq(scheme, S("http")) ? 80 : 443);
    str host = arena_print(arena, "%.*s://%.*s%s.%.*s", FMT(scheme), FMT(tenant_name),
                           door == DOOR_PORTAL ? "-portal" : "", FMT(access->domain));
    return is_usual ? host : arena_print(arena, "%.*s:%u", FMT(host), port);
}

enum err link_send(struct txn *txn, const struct access *access, const struct tenant *tenant,
                   const struct account *account, enum link_purpose purpose)
{
    struct arena *arena = txn_task(txn)->arena;
    str token;
    const struct account kept = {
        .subject = account->subject,
        .email = arena_copy(arena, account->email),
        .role = arena_copy(arena, account->role),
    };
    TRY(link_make(txn, &kept, purpose, (struct id){}, &token));
    str host = door_address(arena, access, tenant->name, account->subject.door);
    /* Behind the #, so that it stands in no log and no Referer. */
    str link =
        arena_print(arena, "%.*s/#/%.*s/%.*s", FMT(host), FMT(letters[purpose].place), FMT(token));
    const struct mail mail = {
        .to = kept.email,
        .subject = letters[purpose].subject,
        .text = arena_print(arena, letters[purpose].text, FMT(tenant->title), FMT(link)),
        .purpose = letters[purpose].word,
    };
    return mail_queue(txn, &mail);
}

enum err link_view_make(struct txn *txn, const struct account *account, struct id viewer,
                        str *token_out)
{
    require(account->subject.door == DOOR_PORTAL && !id_is_nil(viewer));
    return link_make(txn, account, LINK_VIEW, viewer, token_out);
}

/* Reading and taking. */

static enum err link_refuse(struct task *task)
{
    task->fault.type = S("link");
    return fail(task, ERR_UNAUTHENTICATED,
                "this link was used, is too old, or was replaced by a newer one");
}

static enum err link_row_get(struct txn *txn, str token, struct link_row *link_out)
{
    struct hash hash = credential_hash(S("link"), token);
    str row;
    if (token.len == 0 || token.len > TOKEN_TEXT_BYTES_MAX) return ERR_MISSING;
    TRY(txn_system_get(txn, SYSTEM_LINK, hash_bytes(&hash), txn_task(txn)->arena, &row));
    return link_row_read(row, link_out) ? ERR_NONE : ERR_CORRUPT;
}

enum err link_owner(struct txn *txn, const struct access *access, str token,
                    struct account *account_out)
{
    struct link_row link;
    TRY(link_row_get(txn, token, &link));
    return account_read(txn, access, link.subject, account_out);
}

static enum err link_find(struct txn *txn, const struct access *access, enum door door,
                          enum link_purpose purpose, str token, struct account *account_out,
                          struct id *viewer_out)
{
    struct task *task = txn_task(txn);
    struct link_row link;
    struct hash bound;
    TRY(link_row_get(txn, token, &link));
    if (link.purpose != purpose || link.subject.door != door || link.ends_ms <= task->now_ms)
        return ERR_MISSING;
    TRY(account_read(txn, access, link.subject, account_out));
    TRY(bound_of(txn, account_out, &bound));
    bool is_same = bytes_equal_secret(hash_bytes(&bound), link.bound);
    *viewer_out = link.viewer;
    return is_same && !account_out->is_disabled ? ERR_NONE : ERR_MISSING;
}

enum err link_read(struct txn *txn, const struct access *access, enum door door,
                   enum link_purpose purpose, str token, struct account *account_out)
{
    struct id viewer;
    enum err err = link_find(txn, access, door, purpose, token, account_out, &viewer);
    return err == ERR_MISSING ? link_refuse(txn_task(txn)) : err;
}

enum err link_take(struct txn *txn, const struct access *access, enum door door,
                   enum link_purpose purpose, str token, struct account *account_out)
{
    struct arena *arena = txn_task(txn)->arena;
    TRY(link_read(txn, access, door, purpose, token, account_out));
    account_out->email = arena_copy(arena, account_out->email);
    account_out->role = arena_copy(arena, account_out->role);
    return link_revoke(txn, account_out->subject.id, purpose);
}

enum err link_view_take(struct txn *txn, const struct access *access, str token,
                        struct account *account_out, struct id *viewer_out)
{
    enum err err = link_find(txn, access, DOOR_PORTAL, LINK_VIEW, token, account_out, viewer_out);
    if (err == ERR_MISSING) return link_refuse(txn_task(txn));
    TRY(err);
    account_out->role = arena_copy(txn_task(txn)->arena, account_out->role);
    return link_revoke(txn, account_out->subject.id, LINK_VIEW);
}

enum err link_revoke(struct txn *txn, struct id subject, enum link_purpose purpose)
{
    struct link_of key = link_of(subject, purpose);
    str row, hash;
    TRY(txn_system_get(txn, SYSTEM_LINK_OF, link_of_str(&key), txn_task(txn)->arena, &row));
    if (!value_bytes_at(row, LINK_OF_HASH, &hash)) return ERR_CORRUPT;
    txn_system_delete(txn, SYSTEM_LINK, hash);
    txn_system_delete(txn, SYSTEM_LINK_OF, link_of_str(&key));
    return ERR_NONE;
}

enum err links_revoke(struct txn *txn, struct id subject)
{
    for (uint8_t purpose = LINK_RESET; purpose <= LINK_PURPOSE_MAX; purpose++) {
        enum err err = link_revoke(txn, subject, (enum link_purpose)purpose);
        if (err != ERR_MISSING) TRY(err);
    }
    return ERR_NONE;
}

static bool link_row_is_over(str row, int64_t now_ms)
{
    int64_t ends_ms;
    return !value_int_at(row, LINK_ENDS, &ends_ms) || ends_ms <= now_ms;
}

static bool link_of_is_over(str row, int64_t now_ms)
{
    int64_t ends_ms;
    return !value_int_at(row, LINK_OF_ENDS, &ends_ms) || ends_ms <= now_ms;
}

enum err link_upkeep(struct task *task, const struct access *access, const struct space *space)
{
    require(access != nullptr);
    uint64_t deleted;
    TRY(system_sweep(task, space, SYSTEM_LINK, link_row_is_over, &deleted));
    return system_sweep(task, space, SYSTEM_LINK_OF, link_of_is_over, &deleted);
}

/* Asking for one. */

/** Lives on its own: whoever asked has been answered, the same for an address that nobody has. */
struct ask_work {
    struct work work;
    struct arena arena;
    struct task task;
    const struct access *access;
    struct tenant tenant;
    enum link_purpose purpose;
    str email, address;
};

static enum err ask_run(struct work *work, struct txn *txn)
{
    struct ask_work *self = (struct ask_work *)work;
    struct task *task = &self->task;
    struct account account;
    txn_set_task(txn, task);
    enum err err = account_find(task, txn, self->access, self->tenant.door, self->email, &account);
    if (err == ERR_MISSING || (err == ERR_NONE && account.is_disabled)) return ERR_NONE;
    TRY(err);
    audit_put(txn, &(struct audit_event){
                       .kind = AUDIT_RESET_ASKED,
                       .actor = account.subject.id,
                       .entity = door_entity(account.subject.door),
                       .record = account.subject.id,
                       .address = self->address,
                       .words = letters[self->purpose].word,
                   });
    TRY(account_read(txn, self->access, account.subject, &account));
    return link_send(txn, self->access, &self->tenant, &account, self->purpose);
}

static void ask_drop(struct ask_work *self)
{
    arena_drop(&self->arena);
    memory_give(self);
}

static void ask_done(struct work *work, enum err err)
{
    if (err != ERR_NONE)
        log_warning("link", "a mail that was asked for was not made: %.*s", FMT(err_title(err)));
    ask_drop((struct ask_work *)work);
}

enum err link_ask(const struct access *access, const struct tenant *tenant,
                  enum link_purpose purpose, str email, str address)
{
    struct ask_work *self = memory_take(sizeof *self);
    arena_init(&self->arena, MIB);
    task_init(&self->task, &self->arena);
    self->access = access;
    self->tenant = *tenant;
    self->tenant.name = arena_copy(&self->arena, tenant->name);
    self->tenant.title = arena_copy(&self->arena, tenant->title);
    self->purpose = purpose;
    self->email = arena_copy(&self->arena, email);
    self->address = arena_copy(&self->arena, address);
    self->work = (struct work){.run = ask_run, .done = ask_done, .arena = &self->arena};
    enum err err = store_submit(access->store, &tenant->space, &self->work);
    if (err != ERR_NONE) ask_drop(self);
    return err;
}
