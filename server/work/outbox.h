/** outbox: what is to follow a change once it is durable, and who does it.
 *
 *  An entry is written in the commit of the change that causes it. The worker takes what is due,
 *  tenants by turns, and runs each entry as one work in its tenant's lane, in which the entry is
 *  deleted too: so what it wrote is there exactly once, whatever is killed when. What fails is
 *  tried again a while later, and after OUTBOX_TRIES_MAX lies dead until somebody retries or
 *  deletes it. Kinds that are not in the table of kinds lie there untouched.
 *
 *  Floor   work; rests on access, rules, record, model, store, value, base.
 *  Thread  outbox_open, outbox_close: main. Threads of its own: OUTBOX_THREADS, which mostly wait
 *          for lanes.
 *  Bytes   the body of an entry is a map (rules/rules.h). Of one that failed it also has `tries`
 *          and `problem`; a dead one has the kind `dead`, its own under `kind`, and is due when it
 *          is to be forgotten.
 */
#pragma once

#include "access/access.h"
#include "base/buf.h"
#include "base/limits.h"
#include "record/record.h"
#include "work/job.h"

constexpr uint32_t OUTBOX_THREADS = 4;
constexpr uint32_t OUTBOX_TURN_ENTRIES_MAX = 16; /** of a tenant at once, when they are quick */
constexpr uint32_t OUTBOX_TRIES_MAX = 5;
constexpr uint32_t OUTBOX_DEAD_MAX = 1000; /** of a tenant; then the oldest goes */
constexpr int64_t OUTBOX_DEAD_KEPT_MS = 30 * DAY_MS;
#define OUTBOX_DEAD S("dead")

/* Entries. */

struct outbox_state {
    str kind; /** its own, also of a dead one */
    bool is_dead;
    int64_t tries;
    str problem;      /** of the last try, or empty */
    struct id rule;   /** that caused it, or is to run; nil: none */
    struct id record; /** that it is about, or nil */
    str entity;       /** name, or empty */
    struct value given;
};
void outbox_read(const struct outbox_entry *entry, struct outbox_state *state_out);
/** As `GET /outbox/{id}` tells it. */
void outbox_write_json(struct buf *json, const struct outbox_entry *entry);

/** What is asked for in a list; empty: any. */
struct outbox_filter {
    str kind;
    enum : uint8_t { OUTBOX_ANY, OUTBOX_ONLY_WAITING, OUTBOX_ONLY_DEAD } state;
};
/** The next behind (due_ms, id) that is meant, those waiting before the dead. Touches a key for
 *  each that is passed over. ERR_MISSING at the end. Views. */
enum err outbox_next(struct task *task, struct txn *txn, const struct outbox_filter *filter,
                     int64_t due_ms, struct id id, struct outbox_entry *entry_out);
/** ERR_MISSING. Views. */
enum err outbox_find(struct task *task, struct txn *txn, struct id id,
                     struct outbox_entry *entry_out);
/** In a lane. Due now; one that was dead has all its tries again. */
void outbox_retry(struct txn *txn, const struct outbox_entry *entry);
/** In a lane: after a failed try, later or dead. `entry` may be of this transaction. */
void outbox_put_off(struct txn *txn, const struct outbox_entry *entry, str problem);

/* The worker. */

/** One row of the table of kinds. */
struct outbox_kind {
    str name;
    /** In the tenant's lane. The entry lies in the arena of the task, and in the outbox no more.
     *  ERR_FULL and ERR_LIMITED are no fault of it: it is tried again soon, and that is not
     *  counted; but where the outbox itself is full, it has failed. */
    enum err (*run)(void *owner, struct txn *txn, const struct tenant *tenant,
                    const struct outbox_entry *entry);
};

struct outbox_options {
    const struct access *access; /** outlives the worker */
    void *owner;                 /** for the kinds and `each_round` */
    const struct outbox_kind *kinds;
    uint32_t kind_count;
    struct jobs *jobs; /** woken for those that a run begins; or nullptr */
    int64_t round_ms;  /** all tenants are looked at once in this time, first at the start */
    /** In each round, of each tenant that is not suspended; outside of any lane. Or nullptr. */
    enum err (*each_round)(void *owner, struct task *task, const struct space *space);
};

struct outbox;
/** Starts the threads, and watches the store. Its memory outlives the store, as jobs_open's. */
enum err outbox_open(struct task *task, const struct outbox_options *options,
                     struct outbox **outbox_out);
/** Ends after the entries that run; before the store is closed. */
void outbox_close(struct outbox *outbox);
