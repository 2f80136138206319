/* A trial: the change is made twice in a transaction that is never handed in, without rules and
 * with the one that is tried; what is other then is the rule's. */
#include "rules/trial.h"

#include "base/require.h"
#include "record/draft.h"
#include "record/undo.h"
#include "rules/trying.h"

/* Changes. */

static struct change change_make(struct trying *trying, const struct hooks *hooks)
{
    const struct view *view = &trying->view;
    return (struct change){.task = view->task,
                           .txn = view->txn,
                           .model = view->model,
                           .scope = &trying->scope,
                           .hooks = hooks,
                           .group = id_make(),
                           .cause = view->task->request_id,
                           .is_made_up = true};
}

static void begin_chain(struct trying *trying, struct change *change)
{
    struct rule_chain *chain = rule_chain_of(change);
    chain->trial = &trying->trial;
    chain->through = S("api");
}

static enum err make(struct trying *trying, struct change *change, const struct value *given,
                     struct id *id_out, str path)
{
    struct task *task = trying->view.task;
    str outer = task->path;
    task->path = path;
    enum err err = record_create(change, trying->rule.entity, given, id_out);
    task->path = outer;
    return err;
}

static enum err patch(struct trying *trying, struct change *change, const struct value *given,
                      str path)
{
    struct task *task = trying->view.task;
    str outer = task->path;
    task->path = path;
    enum err err = record_patch(change, trying->rule.entity, trying->id, given, nullptr);
    task->path = outer;
    return err;
}

static uint32_t count_of(const struct value *map)
{
    return map->kind == VALUE_MAP ? map->count : 0;
}

/** What turns the record as it was into the one that is tried: of a stored one the values that it
 *  has where `old` names others, and then those of `record`. */
static struct value patch_of(struct trying *trying, str present)
{
    struct arena *arena = trying->view.task->arena;
    const struct value *over = &trying->record;
    struct buf pairs = buf_make(arena, present.len + trying->old.bytes.len + over->bytes.len + 64);
    struct buf map = buf_make(arena, pairs.max + 8);
    struct cursor cursor = cursor_of(trying->old.items);
    uint32_t count = 0;
    for (uint32_t at = 0; at < count_of(&trying->old); at++) {
        struct value name, value, is;
        if (!value_next(&cursor, &name) || !value_next(&cursor, &value)) break;
        bool is_given = over->kind == VALUE_MAP && value_find_text(over->bytes, name.text, &is);
        if (is_given || !trying->is_stored) continue;
        pack_raw(&pairs, name.bytes);
        if (value_find_text(present, name.text, &is)) pack_raw(&pairs, is.bytes);
        else pack_nil(&pairs);
        count++;
    }
    if (over->kind == VALUE_MAP) buf_put(&pairs, over->items);
    pack_map(&map, count + count_of(over));
    pack_raw(&map, buf_str(&pairs));
    require(!buf_is_over(&pairs) && !buf_is_over(&map));
    return value_of(buf_str(&map));
}

/** The record as it was before the change, without any rule. */
static enum err make_base(struct trying *trying, struct value *patch_out)
{
    struct hooks hooks = hooks_without_rules(rules_hooks(trying->rules));
    struct change change = change_make(trying, &hooks);
    const struct view *view = &trying->view;
    bool has_old = trying->old.kind == VALUE_MAP;
    *patch_out = trying->record;
    if (trying->is_stored) {
        struct record record;
        TRY(record_get(view, trying->rule.entity, trying->id, &record));
        *patch_out = patch_of(trying, record_values(view, &record));
        if (!has_old) return ERR_NONE;
        TRY(patch(trying, &change, &trying->old, S("old.")));
        return change_finish(&change);
    }
    if (trying->operation == OPERATION_CREATE) return ERR_NONE;
    TRY(make(trying, &change, has_old ? &trying->old : &trying->record, &trying->id,
             has_old ? S("old.") : S("record.")));
    return change_finish(&change);
}

static enum err operate(struct trying *trying, struct change *change, const struct value *given,
                        struct id *id)
{
    switch (trying->operation) {
    case OPERATION_CREATE:
        return make(trying, change, given, id, S("record."));
    case OPERATION_UPDATE:
        return patch(trying, change, given, S("record."));
    case OPERATION_DELETE:
        break;
    }
    return record_delete(change, trying->rule.entity, *id, nullptr);
}

static str read_stored(struct trying *trying, const struct entity *entity, struct id id)
{
    str value;
    struct arena *arena = trying->view.task->arena;
    bool is_there = txn_record_get(trying->view.txn, entity->number, id, arena, &value) == ERR_NONE;
    return is_there ? value : (str){};
}

/** The change without any rule; what it comes to is taken back. */
static void make_plain(struct trying *trying, const struct value *given)
{
    struct hooks hooks = hooks_without_rules(rules_hooks(trying->rules));
    struct savepoint savepoint = txn_savepoint(trying->view.txn);
    struct change change = change_make(trying, &hooks);
    trying->plain_id = trying->id;
    enum err err = operate(trying, &change, given, &trying->plain_id);
    if (err == ERR_NONE) err = change_finish(&change);
    trying->has_plain = err == ERR_NONE;
    if (err == ERR_NONE) trying->plain = read_stored(trying, trying->rule.entity, trying->plain_id);
    txn_rollback(trying->view.txn, savepoint);
    trying->view.task->fault = (struct fault){};
}

/* The rule. */

/** What a rule for settled changes is asked. */
struct settling {
    bool is_due;
    struct rule_alone alone;
};

static str encoded_in(str map, str name)
{
    struct value value;
    bool is_there = value_find_text(map, name, &value) && value.kind != VALUE_NIL;
    return is_there ? value.bytes : (str){};
}

/** The entry that this change has just put into the outbox for the rule. */
static void find_settled(struct trying *trying, struct id record, struct settling *settling)
{
    const struct view *view = &trying->view;
    struct outbox_entry entry;
    struct id after = {};
    int64_t due_ms = view->task->now_ms;
    struct arena *arena = view->task->arena;
    while (txn_outbox_after(view->txn, due_ms, after, arena, &entry) == ERR_NONE &&
           entry.due_ms == view->task->now_ms) {
        struct value rule, of;
        after = entry.id;
        str body = entry.body;
        bool is_own = str_eq(entry.kind, S("settled")) && value_find_text(body, S("rule"), &rule) &&
                      value_find_text(body, S("record"), &of) &&
                      str_eq(rule.text, id_bytes(&trying->rule.id)) &&
                      str_eq(of.text, id_bytes(&record));
        if (!is_own) continue;
        settling->is_due = true;
        settling->alone = (struct rule_alone){.rule = &trying->rule,
                                              .operation = trying->operation,
                                              .record = record,
                                              .record_values = encoded_in(body, S("values")),
                                              .old_values = encoded_in(body, S("old")),
                                              .changed = encoded_in(body, S("changed"))};
        return;
    }
}

/** A change that changes nothing shows its record to no rule behind `before`; whoever tries one
 *  means it shown nevertheless. */
static enum err fire_on_unchanged(struct trying *trying, struct change *change,
                                  struct settling *settling)
{
    const struct rule *rule = &trying->rule;
    struct draft draft;
    TRY(draft_load(change, rule->entity, trying->id, &draft));
    draft.operation = OPERATION_UPDATE;
    TRY(rule_chain_set(trying->rules, change));
    struct firing firing = {.rules = trying->rules,
                            .change = change,
                            .chain = rule_chain_of(change),
                            .draft = &draft,
                            .entity = rule->entity,
                            .record = trying->id,
                            .operation = OPERATION_UPDATE};
    if (!rule_fires(&firing, rule)) return ERR_NONE;
    if (rule->point == RULE_SETTLED) {
        struct run_asked asked = rule_asked(&firing, rule);
        settling->is_due = true;
        settling->alone = (struct rule_alone){.rule = rule,
                                              .operation = OPERATION_UPDATE,
                                              .record = trying->id,
                                              .record_values = asked.values,
                                              .old_values = asked.old,
                                              .changed = asked.changed};
        return ERR_NONE;
    }
    bool was_read_only = change->is_read_only;
    change->hook_depth++;
    change->is_read_only = rule->point == RULE_CHECK;
    enum err err = rule_fire(&firing, rule);
    change->hook_depth--;
    change->is_read_only = was_read_only;
    return err;
}

/** The change with the rule in it. */
static enum err make_tried(struct trying *trying, const struct value *given, struct id *id,
                           struct change *change, struct settling *settling)
{
    *change = change_make(trying, rules_hooks(trying->rules));
    begin_chain(trying, change);
    bool is_unchanged = trying->operation == OPERATION_UPDATE && trying->has_plain &&
                        str_eq(trying->plain, read_stored(trying, trying->rule.entity, *id));
    TRY(operate(trying, change, given, id));
    if (is_unchanged && trying->rule.point != RULE_BEFORE)
        TRY(fire_on_unchanged(trying, change, settling));
    TRY(change_finish(change));
    if (trying->rule.point == RULE_SETTLED && !settling->is_due)
        find_settled(trying, *id, settling);
    return ERR_NONE;
}

/** A rule that runs by itself, in a change of its own upon the other. */
static enum err run_alone(struct trying *trying, const struct rule_alone *alone,
                          struct change *change)
{
    bool has_fired;
    *change = change_make(trying, rules_hooks(trying->rules));
    begin_chain(trying, change);
    TRY(rules_run_alone(trying->rules, change, alone, &has_fired));
    return change_finish(change);
}

/* What it did. */

static void note_touched(struct trying *trying, const struct entity *entity, struct id id)
{
    for (uint32_t at = 0; at < trying->touched_count; at++)
        if (trying->touched[at].entity == entity && id_eq(trying->touched[at].id, id)) return;
    if (trying->touched_count > RULE_WRITES_MAX) return;
    trying->touched[trying->touched_count++] =
        (struct tried_record){.entity = entity, .id = id, .now = read_stored(trying, entity, id)};
}

void trying_note_writes(struct trying *trying, struct change *change, struct id own)
{
    const struct rule_write *writes[RULE_WRITES_MAX];
    uint32_t count = 0;
    trying->touched = arena_new(trying->view.task->arena, struct tried_record, RULE_WRITES_MAX + 1);
    note_touched(trying, trying->rule.entity, own);
    const struct rule_write *write = rule_chain_of(change)->writes;
    for (; write != nullptr && count < RULE_WRITES_MAX; write = write->older)
        writes[count++] = write;
    while (count-- > 0) note_touched(trying, writes[count]->entity, writes[count]->record);
}

void trying_note_before(struct trying *trying)
{
    for (uint32_t at = 0; at < trying->touched_count; at++)
        trying->touched[at].before =
            read_stored(trying, trying->touched[at].entity, trying->touched[at].id);
}

static bool is_alone(const struct rule *rule)
{
    return rule->point == RULE_SCHEDULE || rule->point == RULE_ACTION;
}

/** Rules by the clock or a button: the change comes first, without them. */
static enum err try_alone(struct trying *trying, const struct value *given)
{
    struct hooks hooks = hooks_without_rules(rules_hooks(trying->rules));
    struct change change = change_make(trying, &hooks);
    bool is_new = trying->operation == OPERATION_CREATE;
    struct id id = trying->id;
    if (trying->operation == OPERATION_DELETE)
        return fail(trying->view.task, ERR_INVALID, "such a rule runs on a record that is there");
    if (is_new || count_of(given) > 0) TRY(operate(trying, &change, given, &id));
    TRY(change_finish(&change));
    struct rule_alone alone = {.rule = &trying->rule,
                               .operation = OPERATION_UPDATE,
                               .record = id,
                               .input =
                                   trying->input.kind == VALUE_MAP ? trying->input.bytes : (str){}};
    struct savepoint savepoint = txn_savepoint(trying->view.txn);
    trying->plain_id = id;
    trying->plain = read_stored(trying, trying->rule.entity, id);
    trying->has_plain = true;
    struct change ran;
    trying->err = run_alone(trying, &alone, &ran);
    if (trying->err == ERR_NONE) trying_note_writes(trying, &ran, id);
    txn_rollback(trying->view.txn, savepoint);
    trying_note_before(trying);
    return ERR_NONE;
}

static enum err try_in_change(struct trying *trying, const struct value *given)
{
    struct settling settling = {};
    struct change change;
    struct id id = trying->id;
    make_plain(trying, given);
    struct savepoint savepoint = txn_savepoint(trying->view.txn);
    trying->err = make_tried(trying, given, &id, &change, &settling);
    if (trying->err == ERR_NONE && settling.is_due) {
        savepoint = txn_savepoint(trying->view.txn);
        trying->err = run_alone(trying, &settling.alone, &change);
    }
    if (trying->err == ERR_NONE) trying_note_writes(trying, &change, id);
    txn_rollback(trying->view.txn, savepoint);
    trying_note_before(trying);
    if (trying->touched_count > 0 && trying->has_plain && !settling.is_due)
        trying->touched[0].before = trying->plain;
    /* What was asked for cannot be, whatever the rule says. */
    return trying->trial.has_run ? ERR_NONE : trying->err;
}

static enum err try_rule(struct trying *trying)
{
    struct value given;
    trying->trial = (struct trial){
        .rule = &trying->rule,
        .effects = arena_new(trying->view.task->arena, struct trial_effect, RULE_EFFECTS_MAX),
        .seed = trying->seed,
        .is_untraced = trying->is_untraced,
    };
    TRY(make_base(trying, &given));
    return is_alone(&trying->rule) ? try_alone(trying, &given) : try_in_change(trying, &given);
}

enum err trial_run(struct rules *rules, const struct view *view, const struct trial_asked *asked,
                   struct buf *json)
{
    struct trying trying = {.rules = rules, .view = *view, .is_untraced = asked->is_untraced};
    struct task *task = view->task;
    int64_t now_ms = task->now_ms;
    TRY(trying_read(&trying, asked));
    struct savepoint savepoint = txn_savepoint(view->txn);
    task->now_ms = trying.now_ms;
    enum err err = try_rule(&trying);
    if (err == ERR_NONE) trying_write(json, &trying);
    task->now_ms = now_ms;
    txn_rollback(view->txn, savepoint);
    if (err != ERR_NONE) return err;
    task->fault = (struct fault){};
    return ERR_NONE;
}
