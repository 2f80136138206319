#include "work/rule_outbox.h"

#include "base/fold.h"
#include "base/require.h"
#include "record/models.h"
#include "rules/rules.h"
#include "work/rule_clock.h"
#include "work/rule_job.h"

constexpr size_t ENTRY_ROOM_BYTES = 1 * KIB;

/* One run. */

/** An entry on its way to be a change. */
struct follow {
    const struct rule_work *work;
    const struct outbox_entry *entry;
    struct scope scope;
    struct change change;
    const struct rule *rule; /** nullptr: it is active no more */
};

static struct value member(const struct follow *follow, str name)
{
    struct value value;
    return value_find_text(follow->entry->body, name, &value) ? value : (struct value){};
}

static struct id id_member(const struct follow *follow, str name)
{
    struct id id;
    struct value value = member(follow, name);
    bool is_id = value.kind == VALUE_BYTES && id_of_bytes(value.text, &id);
    return is_id ? id : (struct id){};
}

/** The whole encoded value; empty when it is nil. */
static str encoded_member(const struct follow *follow, str name)
{
    struct value value = member(follow, name);
    return value.kind == VALUE_NIL ? (str){} : value.bytes;
}

/** The change, by whoever caused it, with the chain that led here; and the rules of now. */
static enum err follow_begin(struct follow *follow, struct txn *txn, const struct tenant *tenant,
                             const struct rule_set **set_out)
{
    struct task *task = txn_task(txn);
    struct scope actor = {.actor = id_member(follow, S("actor"))};
    actor.actor_kind = id_is_nil(actor.actor) ? ACTOR_SYSTEM : ACTOR_USER;
    const struct model *model;
    TRY(model_of(task, txn, tenant->model, &model));
    follow->scope = scope_of_rule(&actor, model);
    follow->change = (struct change){.task = task,
                                     .txn = txn,
                                     .model = model,
                                     .scope = &follow->scope,
                                     .hooks = follow->work->hooks,
                                     .cause = id_member(follow, S("cause"))};
    struct rule_chain *chain = rule_chain_of(&follow->change);
    struct value causes = member(follow, S("causes"));
    chain->through = member(follow, S("through")).text;
    if (!rule_causes_read(&causes, chain))
        return fail(task, ERR_CORRUPT, "the causes of an entry of the outbox are damaged");
    struct view view = change_view(&follow->change);
    return rule_set_of(rules_sets(follow->work->rules), &view, set_out);
}

static enum err follow_end(struct follow *follow, const struct rule_alone *alone)
{
    bool has_fired;
    TRY(rules_run_alone(follow->work->rules, &follow->change, alone, &has_fired));
    return change_finish(&follow->change);
}

/* settled */

static enum err settled_run(void *owner, struct txn *txn, const struct tenant *tenant,
                            const struct outbox_entry *entry)
{
    struct follow follow = {.work = owner, .entry = entry};
    const struct rule_set *set;
    TRY(follow_begin(&follow, txn, tenant, &set));
    const struct rule *rule = rule_set_find(set, id_member(&follow, S("rule")));
    bool is_same = rule != nullptr && rule->point == RULE_SETTLED &&
                   str_eq(rule->entity->name, member(&follow, S("entity")).text);
    if (!is_same) return ERR_NONE;
    enum operation operation;
    if (!operation_of(member(&follow, S("operation")).text, &operation))
        operation = OPERATION_UPDATE;
    struct rule_alone alone = {
        .rule = rule,
        .run = entry->id,
        .operation = operation,
        .record = id_member(&follow, S("record")),
        .record_values = encoded_member(&follow, S("values")),
        .old_values = encoded_member(&follow, S("old")),
        .changed = encoded_member(&follow, S("changed")),
        .input = encoded_member(&follow, S("input")),
    };
    return follow_end(&follow, &alone);
}

enum err rule_settle_once(struct change *change, const struct rule *rule, str through, str input)
{
    struct buf body = buf_make(change->task->arena, input.len + ENTRY_ROOM_BYTES);
    require(rule->point == RULE_SETTLED);
    pack_map(&body, 9);
    pack_named_id(&body, S("rule"), rule->id);
    pack_named_text(&body, S("entity"), rule->entity->name);
    pack_named_text(&body, S("operation"), S("update"));
    pack_named_id(&body, S("actor"), change->scope->actor);
    pack_named_text(&body, S("through"), through);
    pack_text(&body, S("causes"));
    pack_list(&body, 0);
    pack_named_id(&body, S("cause"), change->cause);
    pack_named_id(&body, S("group"), change->group);
    pack_text(&body, S("input"));
    pack_raw(&body, input);
    require(!buf_is_over(&body));
    TRY(txn_outbox_room(change->txn, S("settled")));
    txn_outbox_put(change->txn, &(struct outbox_entry){.id = id_make(),
                                                       .due_ms = change->task->now_ms,
                                                       .kind = S("settled"),
                                                       .body = buf_str(&body)});
    return ERR_NONE;
}

/* start */

/** By its id, or by its name where only one has it. */
static const struct rule *rule_named(const struct rule_set *set, str word)
{
    struct id id;
    const struct rule *found = nullptr;
    if (id_parse(word, &id)) return rule_set_find(set, id);
    for (uint32_t at = 0; at < set->rule_count; at++) {
        const struct rule *rule = &set->rules[at];
        if (!str_eq(rule->name, word)) continue;
        if (rule->point != RULE_ACTION && rule->point != RULE_SCHEDULE) continue;
        if (found != nullptr) return nullptr;
        found = rule;
    }
    return found;
}

/** `given`: {rule, record, input}; without a record it is that of the rule that asks. */
static enum err start_run(void *owner, struct txn *txn, const struct tenant *tenant,
                          const struct outbox_entry *entry)
{
    struct follow follow = {.work = owner, .entry = entry};
    struct task *task = txn_task(txn);
    const struct rule_set *set;
    struct value given = member(&follow, S("given")), word = {}, record = {}, input = {};
    TRY(follow_begin(&follow, txn, tenant, &set));
    bool is_map = given.kind == VALUE_MAP;
    if (!is_map || !value_find_text(given.bytes, S("rule"), &word) || word.kind != VALUE_TEXT)
        return fail(task, ERR_INVALID, "`start` needs the name or id of a `rule`");
    const struct rule *rule = rule_named(set, word.text);
    if (rule == nullptr || (rule->point != RULE_ACTION && rule->point != RULE_SCHEDULE))
        return fail(task, ERR_INVALID,
                    "there is no active rule `%.*s` (only one, for a button or by the clock)",
                    FMT(utf8_first(word.text, 100)));
    struct job job;
    if (rule->point == RULE_SCHEDULE)
        return rule_job_begin(task, txn, &follow.scope, rule->id, rule_chain_of(&follow.change),
                              &job);
    struct rule_alone alone = {.rule = rule,
                               .run = entry->id,
                               .operation = OPERATION_UPDATE,
                               .record = id_member(&follow, S("record"))};
    bool has_record = value_find_text(given.bytes, S("record"), &record) ||
                      value_find_text(given.bytes, S("id"), &record);
    if (has_record && record.kind != VALUE_NIL &&
        (record.kind != VALUE_TEXT || !id_parse(record.text, &alone.record)))
        return fail(task, ERR_INVALID, "`record` must be the id of a record");
    if (value_find_text(given.bytes, S("input"), &input) && input.kind == VALUE_MAP)
        alone.input = input.bytes;
    return follow_end(&follow, &alone);
}

const struct outbox_kind rule_outbox_kinds[] = {
    {{"settled", 7}, settled_run},
    {{"start", 5}, start_run},
};
const uint32_t rule_outbox_kind_count = sizeof rule_outbox_kinds / sizeof rule_outbox_kinds[0];

enum err rule_round(void *owner, struct task *task, const struct space *space)
{
    const struct rule_work *work = owner;
    bool has_job;
    TRY(rules_by_clock(task, work->access, work->rules, space, &has_job));
    if (has_job) jobs_wake(work->jobs, space);
    return ERR_NONE;
}
