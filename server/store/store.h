/** store: the LMDB environment of one data directory: its tenants' spaces, lanes, committer,
 *  keyring and log.
 *
 *  One process owns a data directory. Each tenant has one lane in which its changes run one after
 *  another; one committer thread makes the lanes' batches durable, many in one fsync. What is
 *  answered is durable.
 *
 *  Floor   store; lmdb.h only in this folder.
 *  Thread  see each function. Threads owned: LANES_SERVED_MAX lane threads, and as many more, up to
 *          LANE_THREADS_MAX, as have waited in a lane at once; one committer, one keeper (stale
 *          readers, reader age, free space).
 *  Files   DIR/data.mdb, DIR/lock.mdb (LMDB), DIR/uploads/ (store/upload.h), DIR/owner.lock,
 *          DIR/control.sock, DIR/master.key, DIR/master.key.new (store/master.h).
 *  Bytes   see store/key.h for keys; a stored value is 8 bytes of short hash over (tenant's UUID,
 *          key, value), then MessagePack. Index and text entries have an empty value.
 */
#pragma once

#include "base/crypto.h"
#include "base/task.h"

struct store;
struct txn;

/** A handle bound to one tenant. Keys are made only from it, inside store/. */
struct space {
    struct store *store;
    uint32_t number; /** never reused; 0 is the instance itself */
    struct id uuid;  /** the tenant's own, so that a value never fits another's key */
    struct short_key hash_key;
};

/** Where the passphrase comes from that seals the master key. */
struct passphrase_source {
    /** False: there is none to be had. In the task's arena. */
    bool (*ask)(void *owner, struct task *task, str *passphrase_out);
    void *owner;
    bool is_wanted; /** a new directory's key is sealed by it, and one that is not is refused */
};

struct store_options {
    str folder;
    bool must_exist;                            /** refuse to create a new data directory */
    const struct passphrase_source *passphrase; /** nullptr: none */
    uint64_t map_bytes;                         /** 0: 1 TiB, or what the system allows */
    /** Called on the committer's thread when the disk fails in a way that leaves the outcome of a
     *  commit unknown (EIO, MDB_PANIC). Never returns: it starts the process anew, which checks.
     *  nullptr: abort. */
    void (*broken)(str reason);
};

/** Opens a data directory alone and starts its threads. ERR_CONFLICT: another process owns it
 *  (waits up to 2 s for one that is ending). ERR_CORRUPT, ERR_SYSTEM: the fault says which file and
 *  why. */
enum err store_open(struct task *task, const struct store_options *options,
                    struct store **store_out);
/** Finishes what lanes have taken, answers the rest ERR_FULL, ends the threads, closes. */
void store_close(struct store *store);

/** The data directory. */
str store_folder(const struct store *store);

/** Whether another process owns the directory now; for a command that then speaks to it over
 *  control.sock. */
bool store_is_owned(str folder);

/* Tenants of the store (number, uuid, wrapped key). Names and hosts are access/'s own rows in space
 * 0. */

/** Any thread. The space of the instance itself. */
struct space store_instance(struct store *store);
/** Any thread. A space from a number and uuid that were read from the instance's rows. */
struct space store_space(struct store *store, uint32_t number, struct id uuid);

/* Changes. */

/** One change in a tenant's lane. The submitter owns it until `done` was called. */
struct work {
    /** On a lane thread, behind a savepoint: anything but ERR_NONE leaves no trace. May run for
     *  long only while it waits for a runner. */
    enum err (*run)(struct work *work, struct txn *txn);
    /** On the committer or a lane thread, exactly once: ERR_NONE when durable, run's error, or the
     *  commit's. Must not block. */
    void (*done)(struct work *work, enum err err);
    struct arena
        *arena; /** of the task this work belongs to: guarded while `run` runs; may be nullptr */
    bool is_of_gone;   /** runs also in a space that was shut (store/moving.h) */
    struct work *next; /** the lane's own */
    enum err err;      /** the lane's own */
};

/** Any thread; does not block on I/O. ERR_FULL: the lane's queue is at LANE_QUEUE_MAX, or the store
 *  is closing; the work was not taken then and `done` is not called. A full disk is told by
 *  `done`. */
enum err store_submit(struct store *store, const struct space *space, struct work *work);
/** Blocks until done; not on an event loop, a lane or the committer. `work->done` may be
 *  nullptr. */
enum err store_write(struct store *store, const struct space *space, struct work *work);

/** A work is about to wait for something that computes elsewhere, and has waited: meanwhile another
 *  thread serves other lanes, so that those that wait never hold up those that need not. On threads
 *  that serve no lane it does nothing. */
void store_wait_begins(void);
void store_wait_ends(void);

/** Calls `committed` on the committer's thread after each commit by which a tenant's log grew, with
 *  the newest sequence that is durable; it must not block. Any thread; nullptr ends it, and then
 *  none is under way when this returns. One watches at a time. */
void store_watch(struct store *store,
                 void (*committed)(void *owner, uint32_t tenant, uint64_t newest), void *owner);

/** The same after each commit that put something into a tenant's outbox. */
void store_watch_outbox(struct store *store, void (*committed)(void *owner, uint32_t tenant),
                        void *owner);

/* Figures, for metrics and tests. */
struct store_figures {
    uint64_t commits; /** LMDB commits, each one fsync */
    uint64_t works_done;
    uint64_t works_failed;
    uint64_t committed_bytes;
    uint64_t pages_used; /** of the map */
    uint64_t page_bytes;
    uint32_t lanes_live;
    uint32_t readers_open;
    int64_t oldest_reader_ms;
};
struct store_figures store_figures(struct store *store);

/* Whole-environment work. */

/** A sealed copy of the live environment: each tenant's rows under its own key, wrapped by the
 *  master key. Writes go on meanwhile. Written to a temporary name, synced, renamed. The master key
 *  is written beside it as `file`.key (0600) unless that is there already, sealed by the
 *  passphrase if it has one. ERR_CONFLICT: the master key is being replaced. */
enum err store_backup(struct task *task, struct store *store, str file);
/** Into a folder that does not exist or is empty. ERR_CONFLICT otherwise; ERR_CORRUPT when cut
 *  short, altered or under another key (key from `key_file`, or `file`.key when empty). Nothing is
 *  left behind on failure. `passphrase` may be nullptr. */
enum err store_restore(struct task *task, str file, str key_file,
                       const struct passphrase_source *passphrase, str folder);

/** What keeps the master key from now on. */
enum key_custody : uint8_t { CUSTODY_AS_BEFORE, CUSTODY_FILE, CUSTODY_PASSPHRASE };
/** Replaces the master key while readers and writers go on: the data keys of all spaces are wrapped
 *  by a new one, and the old one is overwritten only once all of that is durable. Killed at any
 *  moment, the next start opens everything and ends it. ERR_CONFLICT: another replacement, or a
 *  backup, is under way. */
enum err store_rewrap(struct task *task, struct store *store, enum key_custody custody,
                      str passphrase, uint32_t *spaces_out);

/** Rewrites data.mdb of a directory that nobody owns, row behind row, without free pages: beside
 *  it, durable, proven to have as many rows, and then in its place. Killed at any moment one of the
 *  two is there. ERR_CONFLICT: somebody owns the directory. ERR_FULL: no room for both. */
enum err store_compact(struct task *task, str folder, uint64_t *bytes_before_out,
                       uint64_t *bytes_after_out);

/** One fault found. `tenant` is a number; 0 also stands for the environment. */
struct check_report {
    void (*found)(struct check_report *report, uint32_t tenant, str what);
    uint64_t keys_checked;
    uint64_t fault_count;
};
/** Every key parses, every hash fits, each tenant's log chain and counts hold. Reads in slices of a
 *  fresh snapshot each. What needs the model (indexes, references) is record/check.h. */
enum err store_check(struct task *task, struct store *store, struct check_report *report);
