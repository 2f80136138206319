/* What is to follow the commit: entries of the outbox, written in the same one. */
#include "base/fold.h"
#include "base/require.h"
#include "record/quota.h"
#include "rules/firing.h"
#include "rules/trial.h"

static const str kinds[] = {S("mail"), S("task"), S("notify"), S("webhook"), S("start")};

struct id effect_id(struct id run, uint32_t place)
{
    const uint8_t number[4] = {(uint8_t)(place >> 24), (uint8_t)(place >> 16),
                               (uint8_t)(place >> 8), (uint8_t)place};
    str parts[2] = {id_bytes(&run), {(const char *)number, sizeof number}};
    struct hash hash = hash_of(nullptr, parts, 2);
    struct id id;
    memcpy(id.bytes, hash.bytes, sizeof id.bytes);
    /* RFC 9562, version 7: the time is the run's. */
    memcpy(id.bytes, run.bytes, 6);
    id.bytes[6] = (uint8_t)(0x70 | (id.bytes[6] & 0x0f));
    id.bytes[8] = (uint8_t)(0x80 | (id.bytes[8] & 0x3f));
    return id;
}

static enum err put(struct change *change, struct id id, str kind, const struct buf *body)
{
    if (buf_is_over(body))
        return fail(change->task, ERR_TOO_LARGE, "what is to follow this change is too large");
    TRY(txn_outbox_room(change->txn, kind));
    const struct outbox_entry entry = {
        .id = id, .due_ms = change->task->now_ms, .kind = kind, .body = buf_str(body)};
    txn_outbox_put(change->txn, &entry);
    return ERR_NONE;
}

/* Effects of scripts. */

static bool is_kind(str kind)
{
    bool is = false;
    for (size_t at = 0; at < sizeof kinds / sizeof kinds[0] && !is; at++)
        is = str_eq(kinds[at], kind);
    return is;
}

/** Whose change it was, and by what road it came. */
static void put_origin(struct buf *body, struct change *change)
{
    pack_named_id(body, S("actor"), change->scope->actor);
    pack_named_text(body, S("through"), rule_through(change));
    pack_named_id(body, S("cause"), change->cause);
    pack_named_id(body, S("group"), change->group);
}

static enum err put_effect(struct run *run, struct id id, str kind, const struct value *given)
{
    struct change *change = run->change;
    struct buf body = buf_make(change->task->arena, 2 * EFFECT_BYTES_MAX);
    pack_map(&body, 10);
    pack_named_id(&body, S("rule"), run->asked->rule->id);
    pack_named_id(&body, S("run"), run->asked->id);
    pack_named_id(&body, S("record"), run->asked->record);
    pack_named_text(&body, S("entity"), run->asked->rule->entity->name);
    pack_text(&body, S("causes"));
    rule_causes_write(&body, run->chain);
    pack_text(&body, S("given"));
    pack_raw(&body, given->bytes);
    put_origin(&body, change);
    return put(change, id, kind, &body);
}

enum err effect_put(struct run *run, str kind, const struct value *given, struct id *id_out)
{
    struct rule_chain *chain = run->chain;
    struct task *task = run->change->task;
    struct trial *trial = chain->trial;
    if (!is_kind(kind))
        return fail(task, ERR_INVALID,
                    "there is no queue \"%.*s\"; there are: mail, task, notify, "
                    "webhook, start",
                    FMT(utf8_first(kind, 30)));
    if (given->bytes.len > EFFECT_BYTES_MAX)
        return fail(task, ERR_INVALID, "what is queued has at most %zu KiB",
                    EFFECT_BYTES_MAX / KIB);
    bool is_mail = str_eq(kind, S("mail"));
    if (chain->effect_count >= RULE_EFFECTS_MAX * rule_heads(chain))
        return fail(task, ERR_LIMITED, "what follows from one record queues at most %u effects",
                    RULE_EFFECTS_MAX);
    if (is_mail && chain->mail_count >= RULE_MAILS_MAX * rule_heads(chain))
        return fail(task, ERR_LIMITED, "what follows from one record queues at most %u mails",
                    RULE_MAILS_MAX);
    *id_out = effect_id(run->asked->id, chain->next_effect++);
    struct rule_tallied *tallied = rule_tallied_of(chain, run->asked->rule);
    if (tallied != nullptr) tallied->mail_count += is_mail;
    if (chain->tally != nullptr) {
        /* It is counted, and nobody will look for it. */
    } else if (trial == nullptr) {
        if (is_mail) TRY(quota_take_mail(run->change->txn, false));
        TRY(put_effect(run, *id_out, kind, given));
    } else if (trial->effect_count < RULE_EFFECTS_MAX) {
        trial->effects[trial->effect_count++] = (struct trial_effect){
            arena_copy(task->arena, kind), arena_copy(task->arena, given->bytes)};
    }
    chain->effect_count++;
    chain->mail_count += is_mail;
    return ERR_NONE;
}

/* Settled rules. */

/** Who caused it: of what rules wrote, those that wrote it, the deepest ones. */
static struct rule_chain causes_of(const struct firing *firing)
{
    struct rule_chain causes = *firing->chain;
    const struct rule_write *write = firing->chain->writes;
    for (; write != nullptr; write = write->older) {
        if (write->entity != firing->entity || !id_eq(write->record, firing->record) ||
            write->cause_count < causes.cause_count)
            continue;
        causes.cause_count = write->cause_count;
        memcpy(causes.causes, write->causes, sizeof causes.causes);
        memcpy(causes.causes_runs, write->causes_runs, sizeof causes.causes_runs);
    }
    return causes;
}

static enum rule_in_imports choice_of(const struct change *change, const struct rule *rule)
{
    for (uint32_t at = 0; at < change->settled_choice_count; at++)
        if (id_eq(change->settled_choices[at].rule, rule->id))
            return change->settled_choices[at].choice;
    return rule->in_imports;
}

enum err effect_settled(struct firing *firing, const struct rule *rule)
{
    struct change *change = firing->change;
    if (firing->chain->tally != nullptr) {
        struct rule_tallied *tallied = rule_tallied_of(firing->chain, rule);
        if (tallied != nullptr) tallied->run_count++;
        return ERR_NONE;
    }
    if (change->is_undo || (firing->chain->is_import && choice_of(change, rule) != RULE_EACH))
        return ERR_NONE;
    const struct run_asked asked = rule_asked(firing, rule);
    const struct rule_chain causes = causes_of(firing);
    struct buf body = buf_make(change->task->arena, 3 * RECORD_BYTES_MAX + EFFECT_BYTES_MAX);
    pack_map(&body, 12);
    pack_named_id(&body, S("rule"), rule->id);
    pack_named_text(&body, S("entity"), firing->entity->name);
    pack_named_id(&body, S("record"), firing->record);
    pack_named_text(&body, S("operation"), operation_word(firing->operation));
    pack_named_raw(&body, S("values"), asked.values);
    pack_named_raw(&body, S("old"), asked.old);
    pack_named_raw(&body, S("changed"), asked.changed);
    pack_text(&body, S("causes"));
    rule_causes_write(&body, &causes);
    put_origin(&body, change);
    return put(change, firing->run, S("settled"), &body);
}
