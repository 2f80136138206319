/** runner: the processes that hold Lua, started when a tenant needs one and asked over a socket.
 *
 *  A runner serves one tenant, holds one socket and no other descriptor or variable, and gives
 *  its rights away before it reads anything (lua/runner/rights.c). It is killed when an answer
 *  takes too long, retired when it has computed for long, ended when nobody has asked it for a
 *  while. What it sends is checked as bytes from outside are. Nothing of it outlives the server:
 *  its socket closes, and the kernel kills it when the thread that started it ends.
 *
 *  No more are asked at once than twice the cores. Of those that wait for their turn, the one whose
 *  tenant has made its runners compute least of late comes first; tenants that have computed for
 *  long take at most half of the turns, on processes that are slowed down, and trials at most half.
 *  A task that has a runner may take another one (a formula of a record that a rule writes): that
 *  takes no turn, for the first one waits meanwhile.
 *
 *  Floor   rules; rests on record, model, store, value, base.
 *  Thread  any; one thread of its own starts and ends the processes. One lock, over all slots,
 *          askers and shares, held for a look at them and never while a process is started, ended,
 *          asked or waited for.
 */
#pragma once

#include "base/task.h"

constexpr uint32_t RUNNERS_MAX = 64; /** live at once; the one asked longest ago makes room */
constexpr int64_t RUNNER_IDLE_NS = 60'000'000'000;
constexpr int64_t RUNNER_WAIT_NS = 5'000'000'000; /** for one that is free; then ERR_FULL */
constexpr int64_t RUNNER_SPENT_MS_MAX = 10'000;   /** computed in all; then another takes over */

struct runners;

/** `program`: the path of atrium-runner; it is not looked for before somebody asks. nullptr: no
 *  thread to be had. */
struct runners *runners_open(str program);
/** For tests, before anybody asks: less patience than RULE_STALLED_MS_MAX and RULE_WALL_MS_MAX. */
void runners_hurry(struct runners *runners, int64_t stalled_ms, int64_t wall_ms);
/** Kills those that are left. Nobody may be asking. */
void runners_close(struct runners *runners);

enum runner_outcome : uint8_t {
    RUNNER_ANSWERED,
    RUNNER_FAILED, /** it took too long, ended, or sent what is no answer; it is gone */
    RUNNER_NONE,   /** none can be had now; the task has a fault for ERR_FULL */
};

/* A talk: what is said between taking a runner and giving it back: a question about a rule, in
 * which the runner asks back. Whoever waits gets one in the end, unless RUNNER_WAIT_NS pass. */

/** People's changes and trials never wait for each other's runner. */
enum runner_use : uint8_t { RUNNER_FOR_CHANGES, RUNNER_FOR_TRIALS };

struct talk;
/** Takes a runner of this tenant. The arena of the task holds the talk: one that is not ended by
 *  talk_end is ended with the arena, and its runner with it. RUNNER_NONE: a fault for ERR_FULL. */
enum runner_outcome talk_begin(struct runners *runners, struct task *task, uint32_t tenant,
                               enum runner_use use, struct talk **talk_out);
/** Says `frame`, an encoded map, and waits for what the runner says next: a map, checked as bytes
 *  from outside are, in the arena of the task. It is killed, and RUNNER_FAILED, when it has
 *  computed for more than `cpu_ms` since this call began, said nothing for RULE_WALL_MS_MAX,
 *  computed nothing for RULE_STALLED_MS_MAX, taken longer than that for the rest of what it began
 *  to say, ended, or sent what is no map; also when `frame` is longer than FRAME_BYTES_MAX. After a
 *  failure only talk_end may follow. */
enum runner_outcome talk_say(struct talk *talk, str frame, int64_t cpu_ms, str *answer_out);
/** Of the runner's own time, since talk_begin; microseconds. As the kernel counts it: nothing
 *  that a runner says about itself is believed. */
int64_t talk_cpu_us(const struct talk *talk);
/** Why it failed, for people: `takes too much time`, `stopped`; empty: it did not. Static. */
str talk_failure(const struct talk *talk);
/** Whether it failed for computing too long, which is the script's own doing. */
bool talk_has_overrun(const struct talk *talk);
/** The runner is free for others; not `is_good`: it is killed. */
void talk_end(struct talk *talk, bool is_good);

struct runner_share {
    int64_t use_ms;  /** computed of late, and not run off yet */
    int64_t wait_ms; /** until rules may compute; 0: now */
};
/** Whether the rules of a tenant may compute now, at most `bound_ms` in a minute. To be asked
 *  before talk_begin; by rule_time_ask (rules/run.h), which knows the bound. */
struct runner_share runners_share(struct runners *runners, uint32_t tenant, enum runner_use use,
                                  int64_t bound_ms);
/** What the rules of its changes have computed of late; milliseconds. */
int64_t runners_use_ms(struct runners *runners, uint32_t tenant);

/** A talk of one exchange about formulas, which no share is asked for. */
enum runner_outcome runner_ask(struct runners *runners, struct task *task, uint32_t tenant,
                               str question, int64_t cpu_ms, str *answer_out);

struct runner_figures {
    uint32_t live;
    uint64_t started;
    uint32_t waiting; /** those that want one */
    uint64_t killed;  /** for taking too long, or ended by themselves */
    uint64_t asked;
    uint64_t refused;    /** for their tenant's share */
    int64_t computed_us; /** by those that were given back */
};
struct runner_figures runners_figures(struct runners *runners);
