/** task: one unit of work (a request, a command, a slice of a job): its memory, time and fault.
 *
 *  Floor   base.
 *  Thread  one at a time; handed from loop to lane and back whole.
 *  Memory  all of it in `arena`, which the task's owner drops.
 */
#pragma once

#include "base/arena.h"
#include "base/id.h"

/** One thing wrong with one field. `field` is a path as the caller wrote it (`emails`,
 *  `primary_contact.name`). */
struct fault_item {
    str field;
    str code;    /** stable word: `required`, `type`, `unknown`, `taken`, … */
    str message; /** what was wrong and what would be right */
};

/** What an actor would have to be granted: to do `action` with an entity, or with the fields of a
 *  group. Names. */
struct right {
    str entity; /** or empty */
    str group;  /** or empty */
    str action;
};

/** A bound of a tenant's that was reached. */
struct quota_fault {
    str name; /** empty: none */
    int64_t bound, use;
    bool runs_off; /** by itself, so that waiting helps; else somebody has to make room */
};
/** Whether waiting for it would never end. */
static inline bool quota_fault_stands(const struct quota_fault *quota)
{
    return quota->name.len > 0 && !quota->runs_off;
}

/** What the problem document will say. */
struct fault {
    str type; /** of the problem, where it says more than the error's own; empty: that one */
    str detail;
    struct right right; /** to ERR_FORBIDDEN: what is missing; no action: nothing that is granted */
    struct fault_item *items;
    uint32_t item_count;
    uint32_t item_capacity;
    uint32_t rest_count; /** faults beyond FAULTS_MAX: counted, not kept */
    struct id rule;      /** that rejected the change, or failed; nil: none did */
    str rule_name;
    struct id run;   /** its trace */
    int64_t wait_ms; /** to ERR_LIMITED: until the next try; 0: not said */
    struct quota_fault quota;
};

struct task {
    struct arena *arena;
    int64_t now_ms; /** the time of the task; everything in it happens at this moment */
    struct id request_id;
    struct fault fault;
    uint32_t keys_touched; /** keys read by this task, for limits and for the answer's header */
    uint32_t keys_max;     /** how many it may touch; 0: no limit */
    bool has_job;          /** it queued a job, which begins once the change is durable */
    str path;              /** put before field names in faults: `primary_contact.` while in it */
};

void task_init(struct task *task, struct arena *arena);

/** Sets the detail and returns `err`; the first one stands.
 *  Usage: `return fail(task, ERR_MISSING, "…");` */
[[gnu::format(printf, 3, 4)]] enum err fail(struct task *task, enum err err, const char *format,
                                            ...);

/** One thing wrong with one parameter of a query string: told as the detail, where it is the first,
 *  and as an item, so that whoever reads the string can go on to find more. ERR_UNREADABLE. */
[[gnu::format(printf, 4, 5)]] enum err fail_parameter(struct task *task, str name, str code,
                                                      const char *format, ...);

/** Adds a fault of one field (at most FAULTS_MAX are kept, the rest are counted in the detail).
 *  Does not return: the caller goes on to find more, and ends with `return task_faults(task)`. */
[[gnu::format(printf, 4, 5)]] void task_fault(struct task *task, str field, str code,
                                              const char *format, ...);

/** ERR_INVALID when any fault was added, ERR_TOO_LARGE when the arena is over, else ERR_NONE. */
enum err task_faults(struct task *task);

/** Puts the items of `before` in front of those found since; else the fault stays what it is. For
 *  what is judged in parts, each of which begins without a fault. */
void task_fault_join(struct task *task, const struct fault *before);

/** Forgets faults, as before a next row of an import. */
void task_fault_clear(struct task *task);
