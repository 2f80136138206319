/** rule_outbox: what of the outbox runs rules: `settled`, behind the change that they follow, and
 *  `start`, what a script has put off.
 *
 *  Each is a change of its own, with the chain of causes that led to it. A rule that was switched
 *  off or deleted meanwhile does not run any more.
 *
 *  Floor   work; rests on rules, record, model, store, value, base.
 *  Thread  a lane; rule_round: a thread of the outbox.
 */
#pragma once

#include "work/outbox.h"

struct rule;
struct rules;

/** The owner of the kinds. */
struct rule_work {
    const struct access *access;
    const struct hooks *hooks;
    struct rules *rules;
    struct jobs *jobs;
    str mail_folder; /** of mails that are written as files (work/mail_outbox.h) */
};
extern const struct outbox_kind rule_outbox_kinds[];
extern const uint32_t rule_outbox_kind_count;

/** outbox_options.each_round: begins what is due by the clock. */
enum err rule_round(void *owner, struct task *task, const struct space *space);

/** In a lane: a run of a rule for settled changes that is of no single record, with what it is told
 *  as `input`, an encoded map. ERR_LIMITED: the outbox is full. */
enum err rule_settle_once(struct change *change, const struct rule *rule, str through, str input);
