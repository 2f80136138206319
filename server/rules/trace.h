/** trace: what every run of a rule leaves: who, why, what came of it, what it cost.
 *
 *  A trace is handed over in memory and written by a thread of its own, many in one commit, so that
 *  a change waits for none. A crash loses those of the last second; that a rule changed a record
 *  stands in the record's history, in the same commit. Failed and rejected runs, and trials, are
 *  kept with all that was said in them. Of runs that went well at most TRACES_A_SECOND are kept one
 *  by one; all are counted in the figures of their rule's day. The same thread switches off a rule
 *  that has overrun its budget RULE_OVERRUNS_MAX times in a row, and puts a notice to the owners
 *  into the outbox.
 *
 *  Floor   rules.
 *  Thread  trace_add: any, never blocks. The rest: any, with its own transaction.
 *  Memory  trace_add copies; what is read lies in the task's arena.
 *  Bytes   SYSTEM_RUN, SYSTEM_RUN_OF, SYSTEM_RUN_TALK, SYSTEM_RUN_DAY (store/txn.h); see trace.c.
 */
#pragma once

#include "base/buf.h"
#include "rules/run.h"

constexpr uint32_t TRACES_WAITING_MAX = 8192; /** of all tenants; those beyond are only counted */
constexpr uint32_t TRACES_A_SECOND = 100;     /** of one tenant, of runs that went well */
constexpr uint32_t TRACES_KEPT_MAX = 20'000;  /** of one tenant; then the oldest go */
constexpr int64_t TRACE_KEPT_MS = 30LL * 24 * 3600 * 1000;

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
    struct run_result result; /** its `talk` only when it is to be kept */
};

struct traces;
struct traces *traces_open(struct store *store, const struct model *model);
/** Writes what waits. Before the store is closed. */
void traces_close(struct traces *traces);
void trace_add(struct traces *traces, const struct space *space, const struct trace *trace);
/** Blocks until all that was added before is durable; for tests and for what reads after writing.
 *  */
void traces_flush(struct traces *traces);

/** ERR_MISSING. */
enum err trace_get(struct task *task, struct txn *txn, struct id run, struct trace *trace_out);
/** The newest older than `before` (nil: the newest) of a rule (nil: of all); ERR_MISSING when
 *  none. */
enum err trace_before(struct task *task, struct txn *txn, struct id rule, struct id before,
                      struct trace *trace_out);
/** With its `talk`; ERR_MISSING: it was not kept. */
enum err trace_talk(struct task *task, struct txn *txn, struct id run, str *talk_out);
/** As `GET /runs/{id}` tells it. */
void trace_write(struct buf *json, const struct model *model, const struct trace *trace);
/** What a rule did on each of the last days: runs, rejected, failed, fuel, time. */
enum err trace_days_write(struct buf *json, struct task *task, struct txn *txn, struct id rule,
                          uint32_t days);
