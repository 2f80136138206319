/** trace: what every run of a rule leaves: who, why, what came of it, what it cost.
 *
 *  A trace is handed over in memory and written by a thread of its own, many in one commit, so that
 *  a change waits for none. A crash loses those of the last second; that a rule changed a record
 *  stands in the record's history, in the same commit. Failed and rejected runs, and trials, are
 *  kept with all that was said in them. Of one tenant at most TRACES_A_SECOND runs that went well,
 *  and as many others, are kept one by one; all but trials are counted in the figures of their
 *  rule's day. The same thread switches off a rule that has overrun its budget RULE_OVERRUNS_MAX
 *  times in a row, and puts a notice to the owners into the outbox.
 *
 *  Floor   rules.
 *  Thread  trace_add: any, never blocks. The rest: any, with its own transaction.
 *  Memory  trace_add copies; what is read lies in the task's arena.
 *  Bytes   SYSTEM_RUN, SYSTEM_RUN_OF, SYSTEM_RUN_TALK, SYSTEM_RUN_DAY (store/txn.h); see
 *          rules/trace_rows.h.
 */
#pragma once

#include "base/buf.h"
#include "base/limits.h"
#include "rules/run.h"

constexpr uint32_t TRACES_WAITING_MAX = 8192; /** of all tenants; those beyond are only counted */
constexpr size_t TRACES_WAITING_BYTES_MAX = 64 * MIB;
constexpr uint32_t TRACES_OF_TENANT_WAITING_MAX = 1024; /** so that a flood of one leaves room */
constexpr size_t TRACES_OF_TENANT_WAITING_BYTES_MAX = 4 * MIB;
constexpr uint32_t TRACES_A_SECOND = 100;          /** of one tenant, of runs that went well */
constexpr uint32_t TRACES_KEPT_MAX = 20'000;       /** of one tenant; then the oldest go */
constexpr size_t TRACES_KEPT_BYTES_MAX = 64 * MIB; /** the same, with what was said in them */
constexpr int64_t TRACE_KEPT_MS = 30 * DAY_MS;
constexpr uint32_t TRACE_DAYS_KEPT = 366;
constexpr int64_t TRACES_FLUSH_MS_MAX = 5'000; /** readers wait no longer for what was just added */

struct trace {
    struct id id;
    struct id rule;
    str rule_name;
    int64_t version;
    int64_t at_ms;
    enum rule_point point;
    enum operation operation;
    uint16_t entity;
    struct id record;
    struct id actor; /** nil: the server itself */
    str through;
    struct id cause; /** request or job */
    struct id group; /** of the change; for undo */
    uint32_t depth;
    struct id caused_by; /** the run that caused this one, or nil */
    bool is_trial;
    bool has_talk;            /** it was kept with all that was said; set by those that read */
    struct run_result result; /** its `talk` only when it is to be kept */
};

struct traces;
/** Starts the thread; nullptr: none is to be had. `model`: the schema's own, with its models. */
struct traces *traces_open(struct store *store, const struct model *model);
/** Writes what waits. Before the store is closed. */
void traces_close(struct traces *traces);
void trace_add(struct traces *traces, const struct space *space, const struct trace *trace);
/** Blocks until all that was added of a tenant before is durable, at most `ms_max`; for tests and
 *  for what reads after writing. False: it is not yet. */
bool traces_flush(struct traces *traces, const struct space *space, int64_t ms_max);

struct traces_figures {
    uint64_t added;
    uint64_t dropped; /** only counted, in the figures of their rule's day */
    uint64_t failed;  /** could not be written: the tenant is gone, or its lane is full */
};
struct traces_figures traces_figures(struct traces *traces);

/** ERR_MISSING. */
enum err trace_get(struct task *task, struct txn *txn, struct id run, struct trace *trace_out);
/** The newest older than `before` (nil: the newest) of a rule (nil: of all); ERR_MISSING when
 *  none. */
enum err trace_before(struct task *task, struct txn *txn, struct id rule, struct id before,
                      struct trace *trace_out);
/** What was said; ERR_MISSING: it was not kept. */
enum err trace_talk(struct task *task, struct txn *txn, struct id run, str *talk_out);
/** As `GET /runs/{id}` tells it; in a list (not `is_whole`) without its log and changes. */
void trace_write(struct buf *json, const struct model *model, const struct trace *trace,
                 bool is_whole);
/** What a rule did on each of the last `days` on which it ran, newest first: a JSON list. */
enum err trace_days_write(struct buf *json, struct task *task, struct txn *txn, struct id rule,
                          uint32_t days);
/** In a lane: the trace is kept no longer, nor what was said. ERR_MISSING. */
enum err trace_forget(struct task *task, struct txn *txn, struct id run);
/** Deletes what has had its time, some of it: *has_more_out. In a lane. */
enum err traces_sweep(struct task *task, struct txn *txn, bool *has_more_out);
