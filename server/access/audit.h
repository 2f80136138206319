/** audit: who entered, was refused, was shown or took out something, or changed who may: entries of
 *  the tenant's own change log, chained and hashed with all others.
 *
 *  They are entries of entity AUDIT_ENTITY, which no model has: whatever reads the log for changes
 *  of records (history, feed, groups, undo, back-tests) passes them over. In place of a record
 *  stands the kind, so those of one kind are found as a record's entries are. Each is a group of
 *  its own.
 *
 *  An event names people and records by their ids alone; an address it was asked from is the one
 *  thing more. Never a secret, a token, or a value of a record: the log is not the place where they
 *  could be forgotten again.
 *
 *  Floor   access.
 *  Thread  audit_put: the lane's. audit_write: one that may block. audit_submit: any.
 *  Bytes   body: MessagePack map {0: version 1, 1: kind of actor, 2: entity, 3: record, 4: address,
 *          5: words, 6: how often, if not once}; group, cause, actor and time stand in the entry
 */
#pragma once

#include "access/access.h"

constexpr uint16_t AUDIT_ENTITY = 0;
constexpr size_t AUDIT_WORDS_BYTES_MAX = 200;  /** longer ones are cut */
constexpr size_t AUDIT_ADDRESS_BYTES_MAX = 48; /** the longest IPv6 address with a zone */
constexpr uint32_t AUDIT_EVENTS_PER_PAGE = 200;

/** What happened: name, number in stored keys (never reused; not 17, 19, 20), word for the
 *  outside. */
#define AUDIT_KINDS(X) \
    X(SIGN_IN, 1, "sign_in") \
    X(SIGN_IN_REFUSED, 2, "sign_in_refused") \
    X(SIGN_OUT, 3, "sign_out") \
    X(SESSION_REVOKED, 4, "session_revoked") \
    X(PASSWORD_CHANGED, 5, "password_changed") \
    X(RESET_ASKED, 6, "reset_asked") \
    X(INVITED, 7, "invited") \
    X(INVITATION_TAKEN, 8, "invitation_taken") \
    X(TOTP_CHANGED, 9, "totp_changed") \
    X(PROVEN, 10, "proven") \
    X(REFUSED, 11, "refused") \
    X(REVEALED, 12, "revealed") \
    X(EXPORTED, 13, "exported") \
    X(RIGHTS_CHANGED, 14, "rights_changed") \
    X(TOKEN_MADE, 15, "token_made") \
    X(TOKEN_REVOKED, 16, "token_revoked") \
    X(PORTAL_VIEW, 18, "portal_view") \
    X(VIEWED_AS, 21, "viewed_as") \
    X(PERSON_EXPORTED, 22, "person_exported") \
    X(PERSON_ERASED, 23, "person_erased") \
    X(KEY_ROTATED, 24, "key_rotated") \
    X(QUOTA_REACHED, 25, "quota_reached") \
    X(TENANT_CHANGED, 26, "tenant_changed")

enum audit_kind : uint8_t {
#define AUDIT_MEMBER(name, number, word) AUDIT_##name = number,
    AUDIT_KINDS(AUDIT_MEMBER)
#undef AUDIT_MEMBER
};
/** ≥ every kind. */
constexpr uint32_t AUDIT_KIND_MAX = 26;

/** Who acted. Numbers stand in stored bytes and are never reused. */
enum audit_actor : uint8_t {
    AUDIT_NOBODY = 0,   /** not signed in; `actor` nil, or the account that was tried */
    AUDIT_USER = 1,     /** by a session */
    AUDIT_TOKEN = 2,    /** a script with a token of the user `actor` */
    AUDIT_CONTACT = 3,  /** at the portal; `actor` is the contact */
    AUDIT_OPERATOR = 4, /** by the command line; `actor` nil */
    AUDIT_SYSTEM = 5,   /** upkeep, jobs without an actor */
};
constexpr uint32_t AUDIT_ACTOR_COUNT = 6;

struct audit_event {
    enum audit_kind kind;
    enum audit_actor actor_kind;
    struct id actor;  /** nil: nobody known */
    uint16_t entity;  /** what it was about; 0: no record */
    struct id record; /** nil: none, or all of the entity */
    str address;      /** whence; empty: from within */
    str words;        /** what else there is to say, in few words: a route, a role, a count */
    uint32_t count;   /** so many alike, of which this is the first; 0 and 1: one */
};

/** An event by this identity, to be completed; AUDIT_NOBODY when nobody is signed in. */
struct audit_event audit_of(const struct identity *identity, enum audit_kind kind, str address);

/** In a lane's work, as part of its commit: it is kept if and only if the work is. The
 *  transaction's task says when, and its request why. */
void audit_put(struct txn *txn, const struct audit_event *event);

/** Blocks until the event is durable: what must not happen unseen waits for it. */
enum err audit_write(struct task *task, const struct access *access, const struct space *space,
                     const struct audit_event *event);

/** In a lane, behind a change and before it is finished: one event for each record that it touched
 *  of those that decide who may what (users, roles, teams, shares, portal accounts and rights),
 *  with the names of the fields that are other now. Only access_verify_change calls it. */
enum err audit_rights(struct change *change);

/** Does not block and never fails. What repeats itself within a minute (kind, actor, address; but
 *  for refusals also the record) is one entry more, with how often. At most AUDIT_SLOTS different
 *  ones at once; what finds no room is dropped, counted (audit_dropped) and told in the server's
 *  log. Nothing is kept where `access->audit` is nullptr: commands, and units that keep none. */
void audit_submit(const struct access *access, const struct space *space, struct id cause,
                  const struct audit_event *event);

/* What audit_submit remembers. */

struct audit;
/** Outlives every use of `access`; `access->audit` is set to it by its owner. */
struct audit *audit_make(void);
void audit_drop(struct audit *audit);
/** Writes those that repeated themselves and whose minute is over; about once a second. Any thread;
 *  does not block. */
void audit_flush(const struct access *access, int64_t now_ms);
/** Writes all that is left and waits until it is durable: before the store closes. Blocks. */
void audit_settle(const struct access *access);
/** Events since the start that were not kept. */
uint64_t audit_dropped(const struct audit *audit);

/* Reading. */

/** One event as it stands in the log. Texts are views. */
struct audit_entry {
    uint64_t sequence;
    int64_t at_ms;
    struct id cause;
    bool is_erased; /** its body was erased: kind, actor and time are all that is left */
    struct audit_event event;
};

/** What an entry of the log says, as views of it; false: it is no event. */
bool audit_read(const struct log_entry *logged, struct audit_entry *entry_out);

struct audit_wanted {
    uint32_t kinds; /** bits 1 << kind; 0: all */
    bool has_actor;
    struct id actor;
    uint64_t before; /** sequence; UINT64_MAX: the newest */
    uint32_t limit;  /** ≤ AUDIT_EVENTS_PER_PAGE */
};

/** The next event older than `wanted->before`, which is moved to it; ERR_MISSING: there is none.
 *  ERR_TOO_LARGE as a scan's. */
enum err audit_next(struct txn *txn, struct audit_wanted *wanted, struct audit_entry *entry_out);

/** False: no such kind. */
bool audit_kind_parse(str word, enum audit_kind *kind_out);
str audit_kind_word(enum audit_kind kind);
str audit_actor_word(enum audit_actor actor);
