/** trace_rows: traces and the figures of days as they are stored. Internal to rules/.
 *
 *  Floor   rules.
 *  Thread  any, with its own transaction; writing: a lane.
 *  Memory  the task's arena.
 *  Bytes   SYSTEM_RUN: run id → map of small integers (trace.c), absent what is empty.
 *          SYSTEM_RUN_OF: rule id, run id → nil. SYSTEM_RUN_TALK: run id → list of frames (run.h).
 *          SYSTEM_RUN_DAY: rule id, day since 1970 4 bytes big-endian → list of integers, in the
 *          order of struct day_figures. SYSTEM_COUNTER `traces` → [rows, bytes].
 */
#pragma once

#include "rules/trace.h"

/** What a rule did on one day. */
struct day_figures {
    uint64_t runs, rejected, failed, overran;
    uint64_t fuel, cpu_us, wall_us;
    uint64_t dropped;  /** of the runs: not kept one by one */
    uint64_t overruns; /** in a row, at the end of what is counted */
};
constexpr uint32_t DAY_FIGURE_COUNT = 9;

uint32_t day_of_ms(int64_t at_ms);

/** The bytes of a row. */
str trace_row_write(struct arena *arena, const struct trace *trace);
/** Total: any bytes that value_check takes. False: they are no trace. */
bool trace_row_read(struct id run, str row, struct trace *trace_out);
bool day_row_read(str row, struct day_figures *figures_out);

/** The name under which a tenant's traces are counted. */
#define TRACE_COUNTER S("traces")

/** Puts a trace, instead of one with the same id. */
enum err trace_put(struct task *task, struct txn *txn, const struct trace *trace,
                   struct row_counter *counter);
/** Takes the oldest away until the tenant has no more than it may, at most `max`. */
enum err traces_trim(struct task *task, struct txn *txn, uint32_t max, struct row_counter *counter);
/** Adds to the figures of a day. `has_other`: some of the runs did not overrun; then `overruns` of
 *  `more` are all there are in a row. What is stored then is given back. */
enum err day_add(struct task *task, struct txn *txn, struct id rule, uint32_t day,
                 const struct day_figures *more, bool has_other, struct day_figures *figures_out);
/** The overruns in a row begin anew. */
enum err day_forgive(struct task *task, struct txn *txn, struct id rule, uint32_t day);
