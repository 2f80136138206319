/** access: who may: tenants, users, sessions, tokens, and the scope that follows.
 *
 *  Floor   access; rests on record, model, store, value, base.
 *  Thread  any, with a transaction of its own; sign-in on the hashing thread.
 *  Rows    instance space: SYSTEM_TENANT, SYSTEM_TENANT_NAME, SYSTEM_COUNTER; tenant's space:
 *          SYSTEM_SESSION, SYSTEM_TOKEN, SYSTEM_PASSWORD. A token is 256 random bits shown once;
 *          only its hash is stored.
 */
#pragma once

#include <stdatomic.h>

#include "model/model.h"
#include "record/scope.h"
#include "store/txn.h"

constexpr size_t TENANT_NAME_BYTES_MAX = 40;
constexpr size_t TOKEN_TEXT_BYTES_MAX = 64;

enum door : uint8_t { DOOR_STAFF, DOOR_PORTAL };

struct tenant {
    struct space space;
    str name; /** lower-case letters, digits, hyphens; not ending in `-portal` */
    str title;
    bool is_suspended;
    enum door door; /** by which it was entered */
    /** Its entities, fields and choices as its transaction saw them: what everything above access/
     *  asks. */
    const struct model *model;
};

struct audit;
struct change;

/** What an operator may set; 0 takes the default of base/limits.h. */
struct access_limits {
    int64_t session_idle_ms; /** unused for so long a session ends */
    int64_t session_age_ms;  /** and after so long in any case; at most SESSION_AGE_MS_MAX */
    int64_t proof_ms;        /** so long a password counts as just given (step_up_is_needed) */
};

/** Where the server's pages are reached from outside, for links in mails. */
struct web_address {
    str scheme;
    _Atomic uint32_t port; /** 0: as the scheme has it, or not known yet */
};

/** What every part of the server that acts for requests holds. */
struct access {
    struct store *store;
    const struct model *model; /** that of the schema, without what tenants added */
    str domain;                /** `localhost` */
    struct audit *audit;       /** access/audit.h; nullptr: events are not gathered */
    struct access_limits limits;
    const struct web_address *web; /** nullptr: HTTPS, and its own port */
};
/** ERR_INVALID: the schema lacks an entity or field that access/ rests on. Once, before anything
 *  else here is used. */
enum err access_fits_model(struct task *task, const struct model *model);

/* Tenants. */

struct tenant_new {
    str name;
    str title;
    str owner_email;
    str owner_password; /** empty: none can sign in by password until one is set */
};
/** Blocks; not on a loop. Creates the tenant, its key, its settings record and its owner.
 *  ERR_CONFLICT: the name is taken. ERR_INVALID: faults by field. */
enum err tenant_create(struct task *task, const struct access *access,
                       const struct tenant_new *new_tenant, struct tenant *tenant_out);
/** By a transaction on the instance's space, which then sees the tenant's (txn_enter).
 *  ERR_MISSING: no tenant has this host. */
enum err tenant_enter_host(struct txn *txn, const struct access *access, str host,
                           struct tenant *tenant_out);
enum err tenant_enter_name(struct txn *txn, const struct access *access, str name,
                           struct tenant *tenant_out);
/** As before; ERR_MISSING: it has been deleted. */
enum err tenant_enter_number(struct txn *txn, const struct access *access, uint32_t number,
                             struct tenant *tenant_out);
/** The next tenant by number behind `after` (0: the first); ERR_MISSING at the end. Does not enter
 *  it. */
enum err tenant_after(struct txn *txn, const struct access *access, uint32_t after,
                      struct tenant *tenant_out);

/* Who. */

enum credential : uint8_t { CREDENTIAL_NONE, CREDENTIAL_SESSION, CREDENTIAL_TOKEN };

/** Who signs in: at the staff's door a user, at the portal's a portal account (access/door.h). */
struct subject {
    enum door door;
    struct id id;
};

struct identity {
    enum credential credential;
    enum door door;
    struct id user; /** the subject's id */
    str email;
    str name;
    str role;
    str csrf;              /** sessions only: what a changing request must repeat */
    str token_hash;        /** row of the session or token */
    struct id session;     /** sessions: its public id */
    int64_t seen_at_ms;    /** sessions: last written use */
    int64_t proven_at_ms;  /** sessions: when its password was last given */
    str note;              /** sessions: what its door keeps with it (session_note), or empty */
    struct id viewer;      /** sessions at the portal: the user who looks at it as this contact */
    bool is_proof;         /** a token made with the right to what needs a fresh password */
    str token_name;        /** tokens: what people call it */
    str token_role;        /** tokens: the role that narrows its user's; or empty */
    int64_t token_ends_ms; /** tokens; 0: never */
    struct scope scope;
};
static inline struct subject identity_subject(const struct identity *identity)
{
    return (struct subject){identity->door, identity->user};
}
/** From a bearer token or a session cookie's value, in the tenant's entered transaction.
 *  ERR_UNAUTHENTICATED: none, unknown, expired, of another door, its user disabled, gone or in
 *  another role than when the session was made. Tokens are good at the staff's door alone. */
enum err identity_of_token(struct txn *txn, const struct access *access, enum door door, str token,
                           struct identity *identity_out);
enum err identity_of_session(struct txn *txn, const struct access *access, enum door door,
                             str token, struct identity *identity_out);
/** For an answer that stays open: whether the credential is still good, by its row alone
 *  (`token_hash`). As the two above, but for `csrf`. */
enum err identity_again(struct txn *txn, const struct access *access, enum credential credential,
                        str token_hash, struct identity *identity_out);
/** Makes its texts copies in the arena instead of views. */
void identity_keep(struct arena *arena, struct identity *identity);

/** In a lane, behind a change of records of `entity`, or of any (nullptr), and before it is
 *  finished, on every road. ERR_CONFLICT: the firm would be left without an owner who can enter:
 *  one with a password, or who acts, whose token or session has just let him in. ERR_FORBIDDEN: a
 *  user would get, or had, more rights than who acts. ERR_INVALID: one would be in too many teams.
 *  What decides who may what is noted in the audit log. */
enum err access_verify_change(struct change *change, const struct entity *entity);
/** The same, then change_finish, then what only the finished change tells: ERR_FORBIDDEN: a role
 *  would allow, or allowed, more than who acts may. After an error nothing of it may be kept. */
enum err access_finish_change(struct change *change, const struct entity *entity);

/* Sign-in. */

struct sign_in_given {
    enum door door;
    str email, password;
    str new_password;        /** password_change: in place of the other one */
    str token;               /** of a mailed link, in place of both; or empty */
    str code;                /** one-time or recovery code; or empty */
    str address, user_agent; /** whence; kept with the session */
};
struct session_new {
    str token; /** for the cookie; shown once */
    struct identity identity;
};
/** Blocks (about 16 ms of hashing, then a durable write): only on the hashing thread. The same
 *  answer and about the same time for somebody unknown, disabled or without a password, and for a
 *  wrong password: ERR_UNAUTHENTICATED. With the right password and no one-time code, where one is
 *  needed, of the type `code_needed`; with a wrong one `code_wrong`. */
enum err session_create(struct task *task, const struct access *access, const struct space *space,
                        const struct sign_in_given *given, struct session_new *session_out);
/** Blocks, on the hashing thread. Who is signed in gives the password again: the same session under
 *  a new token, proven now; the old token is dead. ERR_UNAUTHENTICATED: wrong. */
enum err session_prove(struct task *task, const struct access *access, const struct space *space,
                       const struct identity *identity, const struct sign_in_given *given,
                       struct session_new *session_out);
/** Whether a dangerous act must wait for a fresh proof. */
bool step_up_is_needed(const struct access *access, const struct identity *identity,
                       int64_t now_ms);
/** ERR_FORBIDDEN of type `step_up`, which says how it is given. */
enum err step_up_refuse(struct task *task, bool is_session);
/** Ends the session that `identity` came by; `address`: whence, for the audit log. Blocks. */
enum err session_end(struct task *task, const struct access *access, const struct space *space,
                     const struct identity *identity, str address);
int64_t session_age_ms(const struct access *access);
/** Whether the last use of a session or token should be written again (at most once a minute), and
 *  writing it; submit, does not block. */
bool session_is_stale(const struct access *access, const struct identity *identity, int64_t now_ms);
void session_touch(const struct access *access, const struct space *space,
                   const struct identity *identity, int64_t now_ms);

struct token_wanted {
    str email;     /** whose */
    str name;      /** at most TOKEN_NAME_BYTES_MAX; or empty */
    str role;      /** empty: the user's own */
    uint32_t days; /** 0: no end */
};
/** Blocks. The token's text, once. ERR_MISSING: no such user. ERR_INVALID: no such role. */
enum err token_create(struct task *task, const struct access *access, const struct space *space,
                      const struct token_wanted *wanted, str *token_out);
/** Blocks, on the hashing thread. Another password in place of the one that is given: all other
 *  sessions and all links end, and this session goes on under a new token.
 *  ERR_UNAUTHENTICATED: the old one is wrong. ERR_INVALID: a fault of `new`. */
enum err password_change(struct task *task, const struct access *access, const struct space *space,
                         const struct identity *identity, const struct sign_in_given *given,
                         struct session_new *session_out);
/** The same by a mailed link (given->token), without signing in: of a reset, or of an invitation.
 *  A one-time code is asked for as at a sign-in. ERR_INVALID: a fault of `password`. */
enum err password_by_link(struct task *task, const struct access *access, const struct space *space,
                          bool is_invitation, const struct sign_in_given *given);

/** A password that somebody sets for another. */
struct password_given {
    struct subject subject;
    str password; /** PASSWORD_BYTES_MIN..MAX, not one of the common ones */
    /** In the lane, before it is set: whether that may still be; what it writes goes along.
     *  nullptr: nobody asks. */
    enum err (*verify)(void *owner, struct txn *txn);
    void *owner;
};
/** Blocks. Sets it and ends all sessions of the subject. ERR_INVALID: a fault of `password`. */
enum err password_set(struct task *task, const struct access *access, const struct space *space,
                      const struct password_given *given);

/* The hashing thread. */

struct sign_in;
/** One thread behind a queue of PASSWORD_QUEUE_MAX, from which tenants are served by turns.
 *  nullptr: no thread to be had. */
struct sign_in *sign_in_open(const struct access *access);
/** Waits for the job that runs; those behind it are done with ERR_FULL. */
void sign_in_close(struct sign_in *sign_in);
struct sign_in_job {
    enum err (*run)(struct sign_in_job *job);            /** on the hashing thread */
    void (*done)(struct sign_in_job *job, enum err err); /** there too, once the try was counted */
    struct id tenant;
    str email;   /** what is tried, as given */
    str address; /** whence */
    bool has_code;
    /** Set by `run`: what was wrong, whatever it returns. */
    enum : uint8_t { WRONG_NOTHING, WRONG_PASSWORD, WRONG_CODE } wrong;
    uint8_t taken; /** the queue's own: which buckets hold this try */
    struct sign_in_job *next;
};
/** Any thread. ERR_FULL: the queue is full, and this tenant has as much of it as any other; where
 *  another has more, that one's newest job makes room (it is done with ERR_FULL). Also bounds
 *  tries: after many wrong ones an account at one address, an account, an address or a tenant waits
 *  (ERR_LIMITED, *wait_ms_out says how long), never for good. Tries of others keep nobody out from
 *  where he signed in before. */
enum err sign_in_queue(struct sign_in *sign_in, struct sign_in_job *job, int64_t *wait_ms_out);
/** Any thread: the same bounds for what needs no hashing, like mails that somebody asks for; fewer
 *  at once. */
enum err sign_in_ask(struct sign_in *sign_in, struct id tenant, str email, str address,
                     int64_t *wait_ms_out);
