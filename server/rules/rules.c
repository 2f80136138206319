#include "rules/rules.h"

#include "base/fold.h"
#include "base/require.h"
#include "record/condition.h"
#include "rules/firing.h"
#include "rules/saving.h"
#include "rules/trace.h"
#include "rules/trial.h"

static_assert((int)RULE_BEFORE == (int)HOOK_BEFORE && (int)RULE_AFTER == (int)HOOK_AFTER);
static_assert((int)RULE_CHECK == (int)HOOK_CHECK && (int)RULE_SETTLED == (int)HOOK_SETTLED);

/* The chain. */

struct rule_chain *rule_chain_of(struct change *change)
{
    if (change->chain == nullptr)
        change->chain = arena_new(change->task->arena, struct rule_chain, 1);
    return change->chain;
}

enum err rule_chain_set(struct rules *rules, struct change *change)
{
    struct rule_chain *chain = rule_chain_of(change);
    if (chain->set != nullptr) return ERR_NONE;
    struct view view = change_view(change);
    TRY(rule_set_of(rules->sets, &view, &chain->set));
    chain->scope = scope_of_rule(change->scope, change->model);
    return ERR_NONE;
}

static str name_of(const struct rule_chain *chain, struct id id)
{
    const struct rule *rule = rule_set_find(chain->set, id);
    if (rule != nullptr) return rule->name;
    bool is_tried = chain->trial != nullptr && id_eq(chain->trial->rule->id, id);
    return is_tried ? chain->trial->rule->name : S("a rule that is gone");
}

static void push(struct rule_chain *chain, const struct rule *rule, struct id run)
{
    require(chain->depth < RULE_DEPTH_MAX);
    chain->causes[chain->depth] = rule->id;
    chain->causes_runs[chain->depth] = run;
    chain->cause_count = ++chain->depth;
}

static void pop(struct rule_chain *chain)
{
    require(chain->depth > 0);
    chain->cause_count = --chain->depth;
}

void rule_causes_write(struct buf *out, const struct rule_chain *chain)
{
    pack_list(out, 2 * chain->cause_count);
    for (uint32_t at = 0; at < chain->cause_count; at++) {
        pack_bytes(out, id_bytes(&chain->causes[at]));
        pack_bytes(out, id_bytes(&chain->causes_runs[at]));
    }
}

bool rule_causes_read(const struct value *causes, struct rule_chain *chain)
{
    if (causes->kind != VALUE_LIST || causes->count % 2 != 0 || causes->count > 2 * RULE_DEPTH_MAX)
        return false;
    struct cursor cursor = cursor_of(causes->items);
    struct value rule, run;
    for (uint32_t at = 0; at < causes->count / 2; at++)
        if (!value_next(&cursor, &rule) || !value_next(&cursor, &run) || rule.kind != VALUE_BYTES ||
            run.kind != VALUE_BYTES || !id_of_bytes(rule.text, &chain->causes[at]) ||
            !id_of_bytes(run.text, &chain->causes_runs[at]))
            return false;
    chain->depth = chain->cause_count = causes->count / 2;
    return true;
}

/* Failing. */

enum err rule_fail(struct change *change, const struct rule *rule, struct id run, str field,
                   str code, str message)
{
    struct task *task = change->task;
    task_fault(task, field, code, "%.*s", FMT(message));
    task->fault.rule = rule->id;
    task->fault.rule_name = arena_copy(task->arena, rule->name);
    task->fault.run = run;
    return fail(task, ERR_REJECTED, "the rule \"%.*s\" %s", FMT(rule->name),
                str_eq(code, S("rejected")) ? "rejects this" : "failed, so nothing was changed");
}

static enum err fail_over(struct firing *firing, const struct rule *rule, str message)
{
    firing->chain->is_over = true;
    return rule_fail(firing->change, rule, firing->run, (str){}, S("rule_failed"), message);
}

static enum err fail_deep(struct firing *firing, const struct rule *rule)
{
    const struct rule_chain *chain = firing->chain;
    struct buf message = buf_make(firing->change->task->arena, 2 * KIB);
    buf_print(&message, "rules set each other off more than %u deep: ", RULE_DEPTH_MAX);
    for (uint32_t at = 0; at < chain->cause_count; at++)
        buf_print(&message, "%.*s → ", FMT(utf8_first(name_of(chain, chain->causes[at]), 100)));
    buf_print(&message, "%.*s", FMT(utf8_first(rule->name, 100)));
    return fail_over(firing, rule, buf_str(&message));
}

/* Whether a rule fires. */

static bool has_changed(const struct firing *firing, const struct field *field)
{
    return !str_eq(draft_stored(firing->draft, field, true),
                   draft_stored(firing->draft, field, false));
}

static bool is_own_write(const struct firing *firing, const struct rule *rule)
{
    const struct rule_chain *chain = firing->chain;
    if (chain->writer != nullptr) return id_eq(chain->writer->rule->id, rule->id);
    if (rule->point != RULE_SETTLED) return false;
    /* All is written by now: that of another rule upon it would fire it. */
    bool is_own = false;
    for (const struct rule_write *write = chain->writes; write != nullptr; write = write->older) {
        if (write->entity != firing->entity || !id_eq(write->record, firing->record)) continue;
        if (!id_eq(write->rule, rule->id)) return false;
        is_own = true;
    }
    return is_own;
}

static bool holds_in_settings(const struct firing *firing, const struct condition *condition)
{
    struct change *change = firing->change;
    struct view view = change_view(change);
    struct record settings = {.entity = model_entity(change->model, S("settings")),
                              .id = txn_space(change->txn)->uuid};
    view.scope = &firing->chain->scope;
    return record_get(&view, settings.entity, settings.id, &settings) == ERR_NONE &&
           condition_holds_record(&view, change->task->arena, condition, &settings);
}

/** Decided without Lua: most rules do not fire on most changes. */
bool rule_fires(const struct firing *firing, const struct rule *rule)
{
    const struct draft *draft = firing->draft;
    struct change *change = firing->change;
    if ((rule->operations & 1 << firing->operation) == 0) return false;
    bool is_deletion = firing->operation == OPERATION_DELETE;
    bool is_due = rule->changed_count == 0 && !draft_is_by_engine(draft);
    for (uint32_t at = 0; at < rule->changed_count && !is_due && !is_deletion; at++)
        is_due = has_changed(firing, rule->changed[at]);
    if (!is_due || is_own_write(firing, rule)) return false;
    struct view view = change_view(change);
    view.scope = &firing->chain->scope; /* rules see all, whoever acts */
    if (rule->when != nullptr && !draft_meets(&view, draft, rule->when, is_deletion)) return false;
    return rule->when_settings == nullptr || holds_in_settings(firing, rule->when_settings);
}

/* What a rule does. */

static void keep_failure(struct run_result *result, str field, str message)
{
    result->outcome = RUN_FAILED;
    result->field = field;
    result->message = utf8_first(message, RULE_MESSAGE_BYTES_MAX);
}

/** Sets a field of the draft; false when it cannot be that, and the result says so. */
static bool set_field(struct firing *firing, str name, const struct value *given,
                      struct run_result *result)
{
    struct change *change = firing->change;
    struct task *task = change->task;
    const struct field *field = entity_field(firing->entity, name);
    if (field == nullptr || field->is_hidden) {
        keep_failure(result, (str){},
                     arena_print(task->arena, "sets \"%.*s\", which is no field of %.*s",
                                 FMT(utf8_first(name, 60)), FMT(firing->entity->name)));
        return false;
    }
    if (given->kind == VALUE_MAP && field->kind == FIELD_REFERENCE) {
        keep_failure(result, field->name,
                     S("a rule that runs before a record is saved creates no other records"));
        return false;
    }
    uint32_t fault_count = task->fault.item_count;
    enum err err = draft_set(change, firing->draft, field, given);
    if (err == ERR_NONE && task->fault.item_count == fault_count) return true;
    str why = task->fault.item_count > fault_count ? task->fault.items[fault_count].message
                                                   : task->fault.detail;
    keep_failure(result, field->name,
                 arena_print(task->arena, "sets %.*s to what it cannot be: %.*s", FMT(field->name),
                             FMT(why)));
    task->fault.item_count = fault_count;
    task->fault.detail = (str){};
    return false;
}

/** What a rule gives to the record before it is saved. */
static void give(struct firing *firing, const struct rule *rule, const struct value *changes,
                 struct run_result *result)
{
    struct change *change = firing->change;
    struct cursor cursor = cursor_of(changes->items);
    struct value name, given;
    bool is_right = true;
    for (uint32_t at = 0; at < changes->count && is_right; at++) {
        if (!value_next(&cursor, &name) || !value_next(&cursor, &given)) break;
        is_right = name.kind == VALUE_TEXT && set_field(firing, name.text, &given, result);
    }
    if (is_right && changes->count > 0)
        change_mark(change, firing->entity, firing->record, rule->id, rule->name);
}

/** The same of a record that is saved. */
static enum err patch(struct firing *firing, const struct rule *rule, const struct value *changes,
                      struct run_result *result)
{
    if (changes->count == 0 || id_is_nil(firing->record)) return ERR_NONE;
    struct deed deed = {
        .kind = DEED_UPDATE, .entity = firing->entity, .id = firing->record, .given = changes};
    str refusal;
    enum err err = rule_do(firing->change, rule, firing->run, &deed, &refusal);
    if (err != ERR_NONE) return err;
    if (refusal.len > 0) keep_failure(result, (str){}, refusal);
    return ERR_NONE;
}

static enum err apply(struct firing *firing, const struct rule *rule, str changes,
                      struct run_result *result)
{
    struct value map = changes.len == 0 ? (struct value){} : value_of(changes);
    if (map.kind != VALUE_MAP || firing->operation == OPERATION_DELETE) return ERR_NONE;
    bool is_draft = rule->point == RULE_BEFORE && firing->draft != nullptr;
    if (!is_draft) return patch(firing, rule, &map, result);
    give(firing, rule, &map, result);
    return ERR_NONE;
}

static str sets_of(struct arena *arena, const struct rule *rule)
{
    size_t bytes = 8;
    for (uint32_t at = 0; at < rule->set_count; at++)
        bytes += rule->sets[at].field->name.len + rule->sets[at].given.len + 8;
    struct buf map = buf_make(arena, bytes);
    pack_map(&map, rule->set_count);
    for (uint32_t at = 0; at < rule->set_count; at++) {
        pack_text(&map, rule->sets[at].field->name);
        pack_raw(&map, rule->sets[at].given);
    }
    require(!buf_is_over(&map));
    return buf_str(&map);
}

static enum err do_plain(struct firing *firing, const struct rule *rule, struct run_result *result)
{
    if (rule->set_count > 0) result->changes = sets_of(firing->change->task->arena, rule);
    if (rule->reject.len == 0) return ERR_NONE;
    result->outcome = RUN_REJECTED;
    result->message = rule->reject;
    result->field = rule->reject_field;
    return ERR_NONE;
}

/** Names of the fields that have changed, of a new record those that have a value. */
static str changed_names(const struct firing *firing)
{
    const struct entity *entity = firing->entity;
    uint32_t count = 0;
    bool is_one[FIELDS_MAX];
    size_t bytes = 8;
    for (uint32_t at = 0; at < entity->field_count; at++) {
        const struct field *field = &entity->fields[at];
        is_one[at] = firing->operation != OPERATION_DELETE && !field->is_hidden &&
                     !field->is_system && has_changed(firing, field);
        if (is_one[at]) count++, bytes += field->name.len + 5;
    }
    struct buf list = buf_make(firing->change->task->arena, bytes);
    pack_list(&list, count);
    for (uint32_t at = 0; at < entity->field_count; at++)
        if (is_one[at]) pack_text(&list, entity->fields[at].name);
    require(!buf_is_over(&list));
    return buf_str(&list);
}

struct run_asked rule_asked(struct firing *firing, const struct rule *rule)
{
    struct change *change = firing->change;
    struct run_asked asked = {
        .rule = rule, .id = firing->run, .operation = firing->operation, .record = firing->record};
    const struct rule_alone *alone = firing->alone;
    if (firing->draft != nullptr) {
        bool is_deletion = firing->operation == OPERATION_DELETE;
        asked.old = draft_values(change, firing->draft, true);
        asked.values = is_deletion ? asked.old : draft_values(change, firing->draft, false);
        asked.changed = changed_names(firing);
    } else if (alone != nullptr) {
        asked.values = alone->record_values;
        asked.old = alone->old_values;
        asked.changed = alone->changed;
        asked.input = alone->input;
    }
    return asked;
}

struct rule_tallied *rule_tallied_of(struct rule_chain *chain, const struct rule *rule)
{
    struct rule_tally *tally = chain->tally;
    if (tally == nullptr) return nullptr;
    for (uint32_t at = 0; at < tally->count; at++)
        if (id_eq(tally->rules[at].rule, rule->id)) return &tally->rules[at];
    if (tally->count == RULE_TALLY_MAX) return nullptr;
    tally->rules[tally->count] = (struct rule_tallied){.rule = rule->id,
                                                       .name = arena_copy(tally->arena, rule->name),
                                                       .point = rule->point,
                                                       .in_imports = rule->in_imports};
    return &tally->rules[tally->count++];
}

static void count_run(struct firing *firing, const struct rule *rule,
                      const struct run_result *result)
{
    struct rule_tallied *tallied = rule_tallied_of(firing->chain, rule);
    if (tallied == nullptr) return;
    tallied->run_count++;
    tallied->set_count += result->outcome == RUN_DONE && value_of(result->changes).count > 0;
    tallied->rejected_count += result->outcome == RUN_REJECTED;
    tallied->failed_count += result->outcome == RUN_FAILED || result->outcome == RUN_OVERRAN;
}

static void leave_trace(const struct firing *firing, const struct rule *rule,
                        const struct run_result *result)
{
    const struct rule_chain *chain = firing->chain;
    struct change *change = firing->change;
    bool is_trial = chain->trial != nullptr;
    if (firing->rules->options.traces == nullptr || chain->tally != nullptr) return;
    if (is_trial && chain->trial->is_untraced) return;
    const struct trace trace = {
        .id = firing->run,
        .rule = rule->id,
        .rule_name = rule->name,
        .version = rule->version,
        .at_ms = change->task->now_ms,
        .point = rule->point,
        .operation = firing->operation,
        .entity = firing->entity->number,
        .record = firing->record,
        .actor = change->scope->actor,
        .through = rule_through(change),
        .cause = change->cause,
        .group = change->group,
        .depth = chain->depth + 1,
        .caused_by = chain->depth > 0 ? chain->causes_runs[chain->depth - 1] : (struct id){},
        .is_trial = is_trial,
        .result = *result,
    };
    trace_add(firing->rules->options.traces, txn_space(change->txn), &trace);
}

static enum err tell(struct firing *firing, const struct rule *rule,
                     const struct run_result *result)
{
    struct arena *arena = firing->change->task->arena;
    str code = S("rule_failed"), message = result->message;
    switch (result->outcome) {
    case RUN_DONE:
        return ERR_NONE;
    case RUN_REJECTED:
        return rule_fail(firing->change, rule, firing->run, result->field, S("rejected"), message);
    case RUN_OVERRAN:
        code = S("rule_overran");
        break;
    case RUN_FAILED:
        break;
    }
    if (message.len == 0) message = S("failed");
    message = result->line > 0
                  ? arena_print(arena, "rule \"%.*s\", line %u: %.*s", FMT(rule->name),
                                result->line, FMT(message))
                  : arena_print(arena, "rule \"%.*s\": %.*s", FMT(rule->name), FMT(message));
    return rule_fail(firing->change, rule, firing->run, result->field, code, message);
}

static enum err do_all(struct firing *firing, const struct rule *rule, struct run_result *result)
{
    if (rule->problem.len > 0) {
        keep_failure(
            result, (str){},
            arena_print(firing->change->task->arena, "cannot run: %.*s", FMT(rule->problem)));
        return ERR_NONE;
    }
    const struct run_asked asked = rule_asked(firing, rule);
    if (rule->source.len == 0) TRY(do_plain(firing, rule, result));
    else TRY(run_script(firing->rules, firing->change, &asked, result));
    return result->outcome == RUN_DONE ? apply(firing, rule, result->changes, result) : ERR_NONE;
}

enum err rule_fire(struct firing *firing, const struct rule *rule)
{
    struct rule_chain *chain = firing->chain;
    struct id kept = firing->run;
    struct run_result result = {};
    if (id_is_nil(kept)) firing->run = id_make();
    if (rule->point == RULE_SETTLED && firing->draft != nullptr)
        return effect_settled(firing, rule);
    if (chain->depth >= RULE_DEPTH_MAX) return fail_deep(firing, rule);
    push(chain, rule, firing->run);
    enum err err = do_all(firing, rule, &result);
    pop(chain);
    if (err != ERR_NONE && chain->is_over)
        keep_failure(&result, (str){}, S("a limit of all rules of this change was passed"));
    bool has_ended = err == ERR_NONE || chain->is_over; /* and not that none could run */
    if (has_ended) {
        count_run(firing, rule, &result);
        leave_trace(firing, rule, &result);
    }
    bool is_tried = chain->trial != nullptr && chain->trial->rule == rule && chain->depth == 0;
    if (is_tried && has_ended) {
        chain->trial->has_run = true;
        chain->trial->run = firing->run;
        chain->trial->result = result;
    }
    if (err == ERR_NONE) err = tell(firing, rule, &result);
    firing->run = kept;
    return err;
}

/* The hooks. */

uint32_t rule_heads(const struct rule_chain *chain)
{
    return chain->head_count == 0 ? 1 : chain->head_count;
}

/** A rule writes this record: that counts, and its history says so. */
static enum err note_write(struct firing *firing, enum hook_point at)
{
    struct rule_chain *chain = firing->chain;
    const struct rule_writer *writer = chain->writer;
    if (draft_is_by_engine(firing->draft)) return ERR_NONE;
    if (at == HOOK_BEFORE) {
        if (chain->write_count++ < RULE_WRITES_MAX * rule_heads(chain)) return ERR_NONE;
        firing->run = writer->run;
        return fail_over(firing, writer->rule,
                         arena_print(firing->change->task->arena,
                                     "what follows from one record writes at most %u records",
                                     RULE_WRITES_MAX));
    }
    change_mark(firing->change, firing->entity, firing->record, writer->rule->id,
                writer->rule->name);
    struct rule_write *write = arena_new(firing->change->task->arena, struct rule_write, 1);
    *write = (struct rule_write){.entity = firing->entity,
                                 .record = firing->record,
                                 .rule = writer->rule->id,
                                 .cause_count = chain->cause_count,
                                 .older = chain->writes};
    memcpy(write->causes, chain->causes, sizeof write->causes);
    memcpy(write->causes_runs, chain->causes_runs, sizeof write->causes_runs);
    chain->writes = write;
    return ERR_NONE;
}

/** In a trial one rule alone fires on the record itself; on what it writes all do, and it stands in
 *  for itself as it was saved. */
static const struct rule *rule_tried(const struct rule_chain *chain, const struct rule *rule)
{
    bool is_same = chain->trial != nullptr && id_eq(chain->trial->rule->id, rule->id);
    return is_same ? chain->trial->rule : rule;
}

static bool is_written(const struct firing *firing)
{
    const struct rule_write *write = firing->chain->writes;
    while (write != nullptr &&
           (write->entity != firing->entity || !id_eq(write->record, firing->record)))
        write = write->older;
    return write != nullptr;
}

static enum err fire_all(struct firing *firing, enum rule_point point)
{
    struct rule_chain *chain = firing->chain;
    struct rule_stretch stretch = rule_set_at(chain->set, firing->entity, point);
    uint32_t seen_writes = chain->write_count;
    if (chain->trial != nullptr && chain->writer == nullptr && !is_written(firing)) {
        bool is_here =
            chain->trial->rule->point == point && chain->trial->rule->entity == firing->entity;
        stretch = (struct rule_stretch){is_here ? 1 : 0, chain->trial->rule};
    }
    for (uint32_t at = 0; at < stretch.count; at++) {
        const struct rule *rule = rule_tried(chain, &stretch.rules[at]);
        bool is_there = true, has_written = chain->write_count != seen_writes;
        if (has_written && point == RULE_AFTER && firing->operation != OPERATION_DELETE)
            TRY(draft_reread(firing->change, firing->draft, &is_there));
        seen_writes = chain->write_count;
        if (!is_there) return ERR_NONE;
        if (rule_fires(firing, rule)) TRY(rule_fire(firing, rule));
    }
    return ERR_NONE;
}

/** What holds of rules themselves, and of what they name. */
static enum err run_saving(struct rules *rules, struct change *change, enum hook_point at,
                           struct draft *draft)
{
    if (!saving_is_of(draft_entity(draft))) return ERR_NONE;
    if (at == HOOK_BEFORE) return saving_before(rules, change, draft);
    return at == HOOK_AFTER ? saving_after(change, draft) : ERR_NONE;
}

static enum err run_rules(void *owner, struct change *change, enum hook_point at,
                          struct draft *draft)
{
    struct rules *rules = owner;
    struct rule_chain *chain = rule_chain_of(change);
    TRY(run_saving(rules, change, at, draft));
    /* What was given is at fault already: it is refused, whatever rules would make of it. */
    if (at == HOOK_BEFORE && change->task->fault.item_count > 0) return ERR_NONE;
    TRY(rule_chain_set(rules, change));
    struct firing firing = {.rules = rules,
                            .change = change,
                            .chain = chain,
                            .draft = draft,
                            .entity = draft_entity(draft),
                            .record = draft_id(draft),
                            .operation = draft_operation(draft)};
    if (chain->writer != nullptr && at <= HOOK_AFTER) TRY(note_write(&firing, at));
    return fire_all(&firing, (enum rule_point)at);
}

static enum err undone([[maybe_unused]] void *owner, struct change *change, struct draft *draft)
{
    return saving_is_of(draft_entity(draft)) ? saving_undone(change, draft) : ERR_NONE;
}

static bool wants(void *owner, struct change *change, enum hook_point at,
                  const struct entity *entity)
{
    struct rule_chain *chain = rule_chain_of(change);
    bool is_saving = saving_is_of(entity);
    chain->is_import = chain->is_import || change->is_import;
    bool is_head = chain->writer == nullptr && change->depth <= 1;
    if (at == HOOK_BEFORE && is_head) chain->head_count++;
    if (at <= HOOK_AFTER && (chain->writer != nullptr || is_saving)) return true;
    /* An error is told by what runs then. */
    if (rule_chain_set(owner, change) != ERR_NONE || chain->trial != nullptr) return true;
    return (chain->set->points[entity->number] & 1 << at) != 0;
}

/* Life. */

enum err rules_open(struct task *task, const struct rules_options *options,
                    struct rules **rules_out)
{
    struct rules *rules = memory_take(sizeof *rules);
    rules->options = *options;
    rules->hooks = (struct hooks){.owner = rules,
                                  .formulas = options->formulas,
                                  .run = run_rules,
                                  .wants = wants,
                                  .undone = undone};
    enum err err = rule_sets_open(task, options->model, options->builtin, &rules->sets);
    if (err == ERR_NONE) *rules_out = rules;
    else memory_give(rules);
    return err;
}

void rules_close(struct rules *rules)
{
    rule_sets_close(rules->sets);
    memory_give(rules);
}

const struct hooks *rules_hooks(const struct rules *rules)
{
    return &rules->hooks;
}

struct rule_sets *rules_sets(const struct rules *rules)
{
    return rules->sets;
}

struct runners *rules_runners(const struct rules *rules)
{
    return rules->options.runners;
}

str rules_builtin(const struct rules *rules)
{
    return rules->options.builtin;
}

struct traces *rules_traces(const struct rules *rules)
{
    return rules->options.traces;
}
