/** rule: one script of one rule: its state, its budget, and its talk with the server.
 *
 *  Every run has a fresh state, made of what view.h puts into an empty table, and ends with it:
 *  nothing persists. While a script waits for what it asked, the server may ask of another rule,
 *  which the first one caused; it runs within, in a state of its own, at most RULE_DEPTH_MAX deep.
 *
 *  Thread  the only one.
 *  Bytes   frames (value/frame.h), each one map. The server begins:
 *            ask "rule", code (32 bytes), name (of the rule, for messages), point, operation,
 *                entity (name), model (integer: which catalogs hold), values (map, or nil),
 *                old (map, or nil), changed (list of names), actor {kind, id, name, email, roles,
 *                through}, input (map, or nil), now (milliseconds), today (date as text),
 *                seed (16 bytes), fuel (what this run may spend), cpu_ms, depth
 *          and each side speaks in turn. The runner says
 *            ask "source", code                        → answer: text
 *            ask "entity", entity                      → answer: catalog
 *                {name, fields: [{name, kind, is_list, is_computed, to}]}
 *            ask "settings"                            → answer: map
 *            ask "get", entity, id                     → answer: map or nil
 *            ask "find", entity, where, sort, limit    → answer: list of maps
 *            ask "count", entity, where                → answer: integer
 *            ask "create", entity, values              → answer: map, the record as it is then
 *            ask "update", entity, id, values          → answer: map
 *            ask "delete", entity, id                  → answer: true
 *            ask "link", entity, id, field, to         → answer: true
 *            ask "queue", kind, given                  → answer: id of the effect, text
 *          to each of which the server may answer `refused` (text: the script gets it as an error,
 *          which it may catch), `ended` (text: the run is over, nothing can catch it), or first ask
 *          "rule" of another one any number of times. At last the runner says
 *            done "done" | "rejected" | "failed" | "overran", changes (map), message, field, line,
 *                log (list of texts), fuel, bytes, spent_ms
 *                (the message without the place that `line` tells)
 *          (absent ones nil or left out). What is longer than FRAME_BYTES_MAX fails the run.
 *          Values are API values: money {amount, currency}, dates and times texts, ids texts; in a
 *          record of the server's `id` and all fields that have a value. In `changes` and `values`
 *          nil clears.
 *          ask "check", source, point, entity, model → failure (text, empty: none), line, column,
 *                uses: list of [entity, field, is_write, line, column] (rules/saving.h), spent_ms.
 *          Sources and catalogs are kept, by code and by (model, name), up to RULE_KEPT_BYTES_MAX;
 *          then all are forgotten and asked for again.
 */
#pragma once

#include "base/limits.h"
#include "base/str.h"

constexpr size_t RULE_KEPT_BYTES_MAX = 1536 * KIB;

struct rule_keeper;
/** What a process keeps between runs. */
struct rule_keeper *rule_keeper_open(void);
/** Nothing is running. */
void rule_keeper_close(struct rule_keeper *keeper);

/** Answers a question `rule` or `check` over the socket on standard input, all of its talk.
 *  `depth`: 1, and within a run one more than it has. False when the process is of no use any
 *  more. */
bool rule_serve(struct rule_keeper *keeper, str question, uint32_t depth);

/** Makes the state of the next run while nobody waits for it: as fresh as one that is made when it
 *  is asked for, a third of a run's time earlier. */
void rule_prepare(struct rule_keeper *keeper);
/** Before the keeper is closed. */
void rule_unprepare(struct rule_keeper *keeper);
