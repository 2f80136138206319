/** txn: one tenant's rows as of one moment, with this transaction's own pending writes on top.
 *
 *  A lane's transaction is an LMDB read snapshot plus a sorted map of pending writes; gets and
 *  scans merge the two. Nothing is written until the lane hands its batch to the committer. A
 *  transaction that is never handed in is a dry run.
 *
 *  Floor   store.
 *  Thread  one at a time.
 *  Memory  a `_view` points into the map and is valid until the transaction ends or its next write;
 *          pending writes are copied into the transaction's own arena.
 */
#pragma once

#include "store/store.h"

struct txn;

/* Life. */

/** A snapshot for reading on the calling thread. `task` counts keys touched and bounds them
 *  (keys_max). Transactions are kept and renewed for each thread, so opening costs no allocation.
 *  ERR_FULL: no reader slot. */
enum err txn_open(struct task *task, const struct space *space, struct txn **txn_out);
/** A snapshot that takes pending writes but can never be handed in. */
enum err txn_open_dry(struct task *task, const struct space *space, struct txn **txn_out);
void txn_close(struct txn *txn);

/** The same snapshot seen from another space; only access/ calls it, to go from a host name to its
 *  tenant. No writes may be pending. */
void txn_enter(struct txn *txn, const struct space *space);

const struct space *txn_space(const struct txn *txn);
/** Whose keys and time are counted. In a lane it is nullptr until the work's `run` sets it, which
 *  it does first. */
struct task *txn_task(struct txn *txn);
void txn_set_task(struct txn *txn, struct task *task);

/** A point to come back to; they nest. */
struct savepoint {
    uint64_t mark;
};
struct savepoint txn_savepoint(struct txn *txn);
/** Undoes all pending writes since. */
void txn_rollback(struct txn *txn, struct savepoint savepoint);

/* Records: key = tenant, entity, id. */

/** ERR_MISSING; ERR_CORRUPT when the hash does not fit (logged, this tenant's error). */
enum err txn_record_get_view(struct txn *txn, uint16_t entity, struct id id, str *value_out);
enum err txn_record_get(struct txn *txn, uint16_t entity, struct id id, struct arena *arena,
                        str *value_out);
void txn_record_put(struct txn *txn, uint16_t entity, struct id id, str value);
void txn_record_delete(struct txn *txn, uint16_t entity, struct id id);

/* Index: key = tenant, entity, field, ordered value (value/key.h), id. No value. The field may also
 * be the number of a pair, the value then its two (≤ KEY_INDEX_BYTES_MAX). */

void txn_index_put(struct txn *txn, uint16_t entity, uint16_t field, str ordered, struct id id);
void txn_index_delete(struct txn *txn, uint16_t entity, uint16_t field, str ordered, struct id id);

/* Text: key = tenant, entity, token (≤ KEY_TOKEN_BYTES_MAX, cut), 00, target id, source id. No
 * value. The target is the record that is found, the source the record that has the word: itself,
 * or one that lies under it (an address under its client). */

void txn_text_put(struct txn *txn, uint16_t entity, str token, struct id target, struct id source);
void txn_text_delete(struct txn *txn, uint16_t entity, str token, struct id target,
                     struct id source);

/* Scans. */

struct scan_range {
    str from;          /** ordered bytes or token: where it begins (a prefix is enough) */
    str to;            /** where it ends; empty with to_is_open: the whole field */
    bool from_is_open; /** `from` itself and what begins with it is left out */
    bool to_is_open;   /** `to` itself and what begins with it is left out, otherwise it is in */
    bool is_unbounded_from;
    bool is_unbounded_to;
    bool is_descending;
    /** go on behind this place (keyset cursor): ordered bytes and id as given by scan_next */
    bool has_after;
    str after_ordered;
    struct id after_id;
};

struct scan_entry {
    str ordered;      /** index: ordered value; text: token; a view */
    struct id id;     /** index, records: record; text: target */
    struct id source; /** text only */
    str value;        /** records only: checked MessagePack, a view */
};

struct scan;
/** In key order (or back). The scan belongs to the transaction and ends with it. Writing during a
 *  scan is allowed; the scan goes on behind the last entry given. */
struct scan *scan_index(struct txn *txn, uint16_t entity, uint16_t field,
                        const struct scan_range *range);
struct scan *scan_text(struct txn *txn, uint16_t entity, const struct scan_range *range);
/** All records of an entity by id. */
struct scan *scan_records(struct txn *txn, uint16_t entity, const struct scan_range *range);
/** ERR_NONE with *has_entry_out; ERR_TOO_LARGE when task->keys_max is reached; ERR_FULL when the
 *  snapshot is older than READER_AGE_MS_MAX (take a new one); ERR_CORRUPT. */
enum err scan_next(struct scan *scan, bool *has_entry_out, struct scan_entry *entry_out);
/** Moves forward to the first entry at or behind (ordered, id). Ascending scans only. */
void scan_seek(struct scan *scan, str ordered, struct id id);
void scan_close(struct scan *scan);

/** Entries in the range, counted up to `max`. */
enum err scan_index_count(struct txn *txn, uint16_t entity, uint16_t field,
                          const struct scan_range *range, uint32_t max, uint32_t *count_out);
enum err scan_text_count(struct txn *txn, uint16_t entity, const struct scan_range *range,
                         uint32_t max, uint32_t *count_out);

/* The change log: key = tenant, sequence. Each entry is chained by a keyed hash over the hash of
 * its body. */

struct log_entry {
    uint64_t sequence; /** given by txn_log_append */
    struct id group;   /** what is undone together */
    struct id cause;   /** request or job that caused it */
    struct id actor;   /** user; nil for the system */
    int64_t at_ms;
    uint16_t entity;
    struct id record;
    /** MessagePack, the record floor's: {field: [old, new]} and the operation; may be erased
     *  later */
    str body;
};
/** Also makes what finds it by its record and by its group. */
uint64_t txn_log_append(struct txn *txn, const struct log_entry *entry);
/** In a lane: the entry's body is no more; who, when and what it was about stay, and the chain
 *  holds. ERR_MISSING: there is no such entry. An entry without a body stays as it is. */
enum err txn_log_erase(struct txn *txn, uint64_t sequence);
/** The newest sequence, 0 when there is none. */
uint64_t txn_log_newest(struct txn *txn);
/** The entry with this sequence, or the next one behind it; ERR_MISSING at the end. Views. */
enum err txn_log_from(struct txn *txn, uint64_t sequence, struct log_entry *entry_out);
/** The newest entry of a record older than `before` (UINT64_MAX: the newest); ERR_MISSING when
 *  none. Views. */
enum err txn_log_of_record(struct txn *txn, uint16_t entity, struct id record, uint64_t before,
                           struct log_entry *entry_out);

/** Entries of one group that follow each other. */
struct log_stretch {
    uint64_t first, last; /** sequences, both of them in it */
};
/** The newest stretch of a group's entries older than `before` (UINT64_MAX: the newest), cut there;
 *  ERR_MISSING when none. Those behind it: `before` = first. Touches about the logarithm of its
 *  length. */
enum err txn_log_of_group(struct txn *txn, struct id group, uint64_t before,
                          struct log_stretch *stretch_out);

/* The outbox: key = tenant, due time, id. Written in the commit of the change that causes it.
 * Bodies lie sealed under the tenant's key; of an entry that is found the body is a copy in
 * `arena`, and empty without one; the kind is a view. */

struct outbox_entry {
    struct id id; /** also the idempotency key */
    int64_t due_ms;
    str kind; /** ≤ 32 bytes */
    str body; /** MessagePack */
};
void txn_outbox_put(struct txn *txn, const struct outbox_entry *entry);
/** Whether one more of a kind may be put. ERR_LIMITED, with a fault: OUTBOX_OF_KIND_MAX lie there.
 */
enum err txn_outbox_room(struct txn *txn, str kind);
void txn_outbox_delete(struct txn *txn, int64_t due_ms, struct id id);
/** ERR_MISSING. */
enum err txn_outbox_get(struct txn *txn, int64_t due_ms, struct id id, struct arena *arena,
                        struct outbox_entry *entry_out);
/** The first entry due after (due_ms, id); ERR_MISSING when none. */
enum err txn_outbox_after(struct txn *txn, int64_t due_ms, struct id id, struct arena *arena,
                          struct outbox_entry *entry_out);
/** The same among those of one kind, whatever lies there of others. */
enum err txn_outbox_of(struct txn *txn, str kind, int64_t due_ms, struct id id, struct arena *arena,
                       struct outbox_entry *entry_out);
/** Writes the entry behind (due_ms, id) again, under the newest key; ERR_MISSING at the end. */
enum err txn_outbox_reseal(struct txn *txn, int64_t due_ms, struct id id, struct arena *arena,
                           struct outbox_entry *entry_out);
enum err txn_outbox_count(struct txn *txn, str kind, uint64_t *count_out);

/* System rows: what is no record: tenants and hosts (in the instance's space), sessions, tokens,
 * password hashes, counters. */

enum system_row : uint8_t {
    SYSTEM_KEY, /** the space's wrapped data key; only store/ reads or writes it */
    /** instance: number, 4 bytes big-endian → {name, title, uuid, state}; backup and check walk
     *  these */
    SYSTEM_TENANT,
    SYSTEM_TENANT_NAME, /** instance: name → number */
    SYSTEM_COUNTER,     /** name → integer, or [rows, bytes] */
    SYSTEM_CATALOG,     /** instance: the catalog that wrote this environment */
    SYSTEM_SESSION,     /** tenant: hash of token → session */
    SYSTEM_TOKEN,       /** tenant: hash of token → API token */
    SYSTEM_PASSWORD,    /** tenant: user id → Argon2id text */
    SYSTEM_JOB,         /** tenant: job id → state and position */
    SYSTEM_JOB_LIVE,    /** tenant: id of a job that is not over → nil */
    SYSTEM_JOB_GIVEN,   /** tenant: job id → what it was asked to do, until it is over */
    SYSTEM_JOB_LINES,   /** tenant: job id, number 4 bytes big-endian → lines of its result */
    SYSTEM_ANSWER,      /** tenant: hash of an idempotency key → the answer that was given */
    /** instance: number → {uuid} of a tenant whose rows are to be removed, or that is still
     *  arriving; tenant: no work is taken any more */
    SYSTEM_GONE,
    SYSTEM_ANSWER_AT, /** tenant: ms 8 bytes big-endian, hash → bytes of that answer */
    SYSTEM_GROUP,     /** tenant: group of changes → whether it was undone */
    SYSTEM_TRASH,     /** tenant: entity, sequence of a deletion → id of the record */
    SYSTEM_MERGED,    /** tenant: entity, id → id of the record that it was merged into */
    /** tenant: `revision`, `declared`, `ledger`: what it added to the schema (record/models.h) */
    SYSTEM_MODEL,
    SYSTEM_RULES,    /** tenant: `revision`: which of its rules stand (rules/rule.h) */
    SYSTEM_RUN,      /** tenant: id of a run of a rule → its trace (rules/trace.h) */
    SYSTEM_RUN_OF,   /** tenant: id of a rule, id of a run → nil */
    SYSTEM_RUN_TALK, /** tenant: id of a run → what was said in it, to be said again */
    SYSTEM_RUN_DAY,  /** tenant: id of a rule, day 4 bytes big-endian → its figures */
    /** tenant: kind → how many of it lie in the outbox; kind, 0, due time, id → nil */
    SYSTEM_OUTBOX,
    SYSTEM_SESSION_OF,  /** tenant: id of who is signed in, id of the session → its hash */
    SYSTEM_TENANT_HOST, /** instance: a host name of its own → [number of the tenant, door] */
    SYSTEM_TOTP,      /** tenant: id of who signs in → secret of one-time codes (access/totp.h) */
    SYSTEM_LINK,      /** tenant: hash of a mailed token → what it is good for (access/link.h) */
    SYSTEM_LINK_OF,   /** tenant: id of who signs in, purpose → that hash */
    SYSTEM_QUOTA,     /** tenant: `bounds` → {number of a quota: its bound} (record/quota.h) */
    SYSTEM_ROW_COUNT, /** new rows stand before it, behind all others */
};
enum err txn_system_get(struct txn *txn, enum system_row row, str key, struct arena *arena,
                        str *value_out);
void txn_system_put(struct txn *txn, enum system_row row, str key, str value);
void txn_system_delete(struct txn *txn, enum system_row row, str key);
/** The row behind `after` (empty: the first); ERR_MISSING at the end. */
enum err txn_system_after(struct txn *txn, enum system_row row, str after, struct arena *arena,
                          str *key_out, str *value_out);
/** The row before `before` (empty: the last); ERR_MISSING at the beginning. */
enum err txn_system_before(struct txn *txn, enum system_row row, str before, struct arena *arena,
                           str *key_out, str *value_out);

/** Whether the values of this row lie sealed under the tenant's key. */
bool system_row_is_sealed(enum system_row row);
/** Writes the row behind `after` again, under the newest key; ERR_MISSING at the end. */
enum err txn_system_reseal(struct txn *txn, enum system_row row, str after, struct arena *arena,
                           str *key_out);

/** How many rows of a kind there are, counted up to `max`; keys alone are looked at. */
enum err txn_system_count(struct txn *txn, enum system_row row, uint32_t max, uint32_t *count_out);

/** How many rows of some kind a tenant has, and their bytes; a SYSTEM_COUNTER by its name. */
struct row_counter {
    int64_t count, bytes;
};
/** Zero when nothing was counted yet. ERR_CORRUPT. */
enum err txn_counter_read(struct task *task, struct txn *txn, str name,
                          struct row_counter *counter_out);
void txn_counter_put(struct task *task, struct txn *txn, str name,
                     const struct row_counter *counter);

/** Makes the space's random data key and keeps it wrapped (associated data: number, uuid). Once for
 *  a new tenant. */
void txn_data_key_make(struct txn *txn);
