/* What a rule would have done, over the changes that the log has of its entity. */
#include "base/clock.h"
#include "base/require.h"
#include "record/draft.h"
#include "record/past.h"
#include "rules/trying.h"
#include "value/json.h"
#include "value/text.h"

constexpr size_t SLICE_ARENA_BYTES = 16 * MIB; /** used by then, the next slice begins */

/** A record as the last change that was looked at has left it. */
struct left {
    struct id id;
    str *slots; /** by field position; nullptr: it was deleted */
};

struct backtesting {
    struct trying trying; /** rule, view and what one change comes to */
    struct backtest *backtest;
    uint32_t left_count;
    struct left left[BACKTEST_SLICE_ENTRIES];
    struct savepoint savepoint;
};

/** One change of the log. */
struct recorded {
    struct log_entry entry; /** its body is a copy */
    enum operation operation;
    bool is_by_engine;
    str *before, *now; /** nullptr: it was not there */
};

/* The log. */

/** The first sequence whose entry is not older. Their times rise with them. */
static enum err sequence_at(struct txn *txn, int64_t at_ms, uint64_t *sequence_out)
{
    uint64_t from = 1, end = txn_log_newest(txn) + 1;
    while (from < end) {
        uint64_t middle = from + (end - from) / 2;
        struct log_entry entry;
        enum err err = txn_log_from(txn, middle, &entry);
        if (err != ERR_NONE && err != ERR_MISSING) return err;
        if (err == ERR_MISSING || entry.at_ms >= at_ms) end = middle;
        else from = entry.sequence + 1;
    }
    *sequence_out = from;
    return ERR_NONE;
}

enum err backtest_begin(const struct view *view, int64_t from_ms, int64_t to_ms,
                        struct backtest *backtest_out)
{
    *backtest_out = (struct backtest){};
    TRY(sequence_at(view->txn, from_ms, &backtest_out->position));
    return sequence_at(view->txn, to_ms, &backtest_out->end);
}

/* A record as it was. */

static struct left *left_of(struct backtesting *self, struct id id)
{
    for (uint32_t at = 0; at < self->left_count; at++)
        if (id_eq(self->left[at].id, id)) return &self->left[at];
    return nullptr;
}

static void leave(struct backtesting *self, struct id id, str *slots)
{
    struct left *left = left_of(self, id);
    if (left == nullptr && self->left_count == BACKTEST_SLICE_ENTRIES) return;
    if (left == nullptr) left = &self->left[self->left_count++];
    *left = (struct left){id, slots};
}

static enum err read_before(struct backtesting *self, struct id id, uint64_t sequence,
                            str **slots_out)
{
    const struct view *view = &self->trying.view;
    const struct entity *entity = self->trying.rule.entity;
    struct record record;
    *slots_out = nullptr;
    enum err err = record_get_before(view, entity, id, sequence, &record);
    if (err == ERR_MISSING) {
        view->task->fault = (struct fault){};
        return ERR_NONE;
    }
    TRY(err);
    *slots_out = arena_new(view->task->arena, str, entity->field_count);
    slots_read(entity, record.value, *slots_out);
    return ERR_NONE;
}

static str *apply_entry(struct backtesting *self, const str *before, const struct log_entry *entry,
                        struct log_change *change)
{
    struct arena *arena = self->trying.view.task->arena;
    const struct entity *entity = self->trying.rule.entity;
    str *slots = arena_new(arena, str, entity->field_count);
    uint16_t number;
    struct value old, new;
    memcpy(slots, before, entity->field_count * sizeof *slots);
    while (log_change_next(change, &number, &old, &new)) {
        const struct field *field = entity_field_by_number(entity, number);
        if (field == nullptr) continue;
        slots[field_position(field)] = new.kind == VALUE_NIL ? (str){} : new.bytes;
    }
    const struct field *updated_at = entity_field_by_number(entity, FIELD_UPDATED_AT);
    struct buf stored = buf_make(arena, 16);
    pack_int(&stored, entry->at_ms);
    if (updated_at != nullptr) slots[field_position(updated_at)] = buf_str(&stored);
    return slots;
}

/** False: what the log kept of it was erased. */
static enum err read_recorded(struct backtesting *self, struct recorded *recorded,
                              bool *is_there_out)
{
    const struct log_entry *entry = &recorded->entry;
    struct task *task = self->trying.view.task;
    struct log_change change;
    *is_there_out = log_change_read(entry->body, &change);
    if (!*is_there_out) return ERR_NONE;
    recorded->operation = change.operation;
    recorded->is_by_engine = (change.flags & LOG_BY_ENGINE) != 0;
    const struct left *left = left_of(self, entry->record);
    enum err err = ERR_NONE;
    if (change.operation != OPERATION_CREATE) {
        if (left != nullptr) recorded->before = left->slots;
        else err = read_before(self, entry->record, entry->sequence, &recorded->before);
    }
    if (err == ERR_NONE && change.operation == OPERATION_UPDATE && recorded->before != nullptr)
        recorded->now = apply_entry(self, recorded->before, entry, &change);
    else if (err == ERR_NONE && change.operation != OPERATION_DELETE)
        err = read_before(self, entry->record, entry->sequence + 1, &recorded->now);
    if (err == ERR_CONFLICT) {
        task->fault = (struct fault){};
        *is_there_out = false;
        return ERR_NONE;
    }
    TRY(err);
    leave(self, entry->record, recorded->now);
    return ERR_NONE;
}

/* A run. */

static str *slots_copy(struct backtesting *self, const str *slots)
{
    const struct entity *entity = self->trying.rule.entity;
    str *copy = arena_new(self->trying.view.task->arena, str, entity->field_count);
    if (slots != nullptr) memcpy(copy, slots, entity->field_count * sizeof *copy);
    return copy;
}

/** As if the change were being made now, upon what there is now. */
static void place(struct backtesting *self, const struct recorded *recorded)
{
    const struct trying *trying = &self->trying;
    const struct entity *entity = trying->rule.entity;
    struct txn *txn = trying->view.txn;
    const str *slots = trying->rule.point == RULE_BEFORE ? recorded->before : recorded->now;
    str present;
    struct id id = recorded->entry.record;
    if (slots != nullptr)
        txn_record_put(txn, entity->number, id,
                       slots_encode(trying->view.task->arena, entity, slots));
    else if (txn_record_get_view(txn, entity->number, id, &present) == ERR_NONE)
        txn_record_delete(txn, entity->number, id);
}

static enum err fire(struct backtesting *self, struct change *change, struct draft *draft,
                     bool *has_fired_out)
{
    struct trying *trying = &self->trying;
    const struct rule *rule = &trying->rule;
    TRY(rule_chain_set(trying->rules, change));
    struct firing firing = {.rules = trying->rules,
                            .change = change,
                            .chain = rule_chain_of(change),
                            .draft = draft,
                            .entity = rule->entity,
                            .record = draft->id,
                            .operation = draft->operation};
    *has_fired_out = rule_fires(&firing, rule);
    if (!*has_fired_out) return ERR_NONE;
    struct rule_alone alone;
    if (rule->point == RULE_SETTLED) {
        struct run_asked asked = rule_asked(&firing, rule);
        alone = (struct rule_alone){.rule = rule,
                                    .operation = draft->operation,
                                    .record = draft->id,
                                    .record_values = asked.values,
                                    .old_values = asked.old,
                                    .changed = asked.changed};
        firing.draft = nullptr;
        firing.alone = &alone;
    }
    change->hook_depth++;
    change->is_read_only = rule->point == RULE_BEFORE || rule->point == RULE_CHECK;
    return rule_fire(&firing, rule);
}

static void prepare(struct backtesting *self, const struct recorded *recorded,
                    struct change *change)
{
    struct trying *trying = &self->trying;
    struct trial_effect *effects = trying->trial.effects;
    bool is_after = trying->rule.point != RULE_BEFORE && recorded->operation != OPERATION_DELETE;
    trying->trial = (struct trial){.rule = &trying->rule,
                                   .effects = effects,
                                   .at_ms = recorded->entry.at_ms - (is_after ? 0 : 1),
                                   .is_untraced = true};
    trying->scope.actor = recorded->entry.actor;
    trying->touched_count = 0;
    trying->touched = nullptr;
    trying->view.task->now_ms = recorded->entry.at_ms;
    *change = (struct change){.task = trying->view.task,
                              .txn = trying->view.txn,
                              .model = trying->view.model,
                              .scope = &trying->scope,
                              .hooks = rules_hooks(trying->rules),
                              .group = recorded->entry.group,
                              .cause = recorded->entry.cause,
                              .is_made_up = true};
    struct rule_chain *chain = rule_chain_of(change);
    chain->trial = &trying->trial;
    chain->through = S("api");
}

/* Examples. */

static str difference_of(struct backtesting *self)
{
    struct trying *trying = &self->trying;
    struct arena *arena = trying->view.task->arena;
    struct buf json = buf_make(arena, 4 * RECORD_BYTES_MAX);
    struct buf encoded = buf_make(arena, BACKTEST_EXAMPLE_BYTES_MAX);
    bool has_any = false;
    buf_put_byte(&json, '[');
    for (uint32_t at = 0; at < trying->touched_count; at++)
        has_any = difference_write(&json, &trying->view, &trying->touched[at], has_any) || has_any;
    buf_put_byte(&json, ']');
    if (!has_any) return (str){};
    bool is_right =
        !buf_is_over(&json) && json_transcode(&encoded, buf_str(&json)) && !buf_is_over(&encoded);
    static const char nothing = (char)0x90;
    return is_right ? buf_str(&encoded) : (str){&nothing, 1};
}

static void put_member(struct buf *example, str name, str text)
{
    pack_text(example, name);
    if (text.len == 0) pack_nil(example);
    else pack_text(example, text);
}

static void keep_example(struct backtesting *self, const struct recorded *recorded, str changes,
                         uint32_t *kept)
{
    struct backtest *backtest = self->backtest;
    const struct run_result *result = &self->trying.trial.result;
    struct arena *arena = self->trying.view.task->arena;
    if (*kept == BACKTEST_EXAMPLES_OF_KIND_MAX || backtest->example_count == BACKTEST_EXAMPLES_MAX)
        return;
    struct buf time = buf_make(arena, 40),
               example = buf_make(arena, 2 * BACKTEST_EXAMPLE_BYTES_MAX);
    time_write(&time, recorded->entry.at_ms);
    pack_map(&example, 9);
    put_member(&example, S("record"), id_text(arena, recorded->entry.record));
    pack_text(&example, S("change"));
    pack_int(&example, (int64_t)recorded->entry.sequence);
    put_member(&example, S("at"), buf_str(&time));
    put_member(&example, S("operation"), operation_word(recorded->operation));
    put_member(&example, S("outcome"), run_outcome_word(result->outcome));
    put_member(&example, S("message"), result->message);
    put_member(&example, S("field"), result->field);
    pack_text(&example, S("line"));
    if (result->line > 0) pack_int(&example, result->line);
    else pack_nil(&example);
    pack_text(&example, S("changes"));
    if (changes.len > 0) pack_raw(&example, changes);
    else pack_list(&example, 0);
    if (buf_is_over(&example)) return;
    struct buf all = buf_make(arena, backtest->examples.len + example.len);
    buf_put(&all, backtest->examples);
    buf_put(&all, buf_str(&example));
    backtest->examples = buf_str(&all);
    backtest->example_count++;
    ++*kept;
}

static void tally(struct backtesting *self, const struct recorded *recorded, enum err err)
{
    struct backtest *backtest = self->backtest;
    const struct trial *trial = &self->trying.trial;
    str changes = err == ERR_NONE ? difference_of(self) : (str){};
    backtest->fired++;
    switch (trial->result.outcome) {
    case RUN_DONE:
        backtest->effects += trial->effect_count;
        if (changes.len == 0) return;
        backtest->changed++;
        keep_example(self, recorded, changes, &backtest->kept_changed);
        return;
    case RUN_REJECTED:
        backtest->rejected++;
        keep_example(self, recorded, changes, &backtest->kept_rejected);
        return;
    case RUN_FAILED:
    case RUN_OVERRAN:
        break;
    }
    backtest->failed++;
    keep_example(self, recorded, changes, &backtest->kept_failed);
}

/** What the rule makes of one change. ERR_FULL: nobody can be asked now. */
static enum err judge(struct backtesting *self, const struct recorded *recorded)
{
    struct trying *trying = &self->trying;
    const struct entity *entity = trying->rule.entity;
    struct arena *arena = trying->view.task->arena;
    bool is_before = trying->rule.point == RULE_BEFORE && recorded->operation != OPERATION_DELETE;
    struct change change;
    bool has_fired;
    prepare(self, recorded, &change);
    struct draft draft = {.entity = entity,
                          .id = recorded->entry.record,
                          .is_new = recorded->operation == OPERATION_CREATE,
                          .operation = recorded->operation,
                          .before = slots_copy(self, recorded->before),
                          .now = slots_copy(self, recorded->now),
                          .is_by_engine = recorded->is_by_engine};
    struct savepoint savepoint = txn_savepoint(trying->view.txn);
    place(self, recorded);
    struct savepoint placed = txn_savepoint(trying->view.txn);
    enum err err = fire(self, &change, &draft, &has_fired);
    if (has_fired && err == ERR_NONE) trying_note_writes(trying, &change, draft.id);
    txn_rollback(trying->view.txn, placed);
    trying_note_before(trying);
    if (trying->touched_count > 0 && is_before) {
        trying->touched[0].before = slots_encode(arena, entity, slots_copy(self, recorded->now));
        trying->touched[0].now = slots_encode(arena, entity, draft.now);
    }
    if (trying->trial.has_run) tally(self, recorded, err);
    txn_rollback(trying->view.txn, savepoint);
    trying->view.task->fault = (struct fault){};
    if (trying->trial.has_run || err == ERR_NONE) return ERR_NONE;
    return err == ERR_LIMITED ? ERR_FULL : err;
}

/* A slice. */

static enum err look_at(struct backtesting *self, const struct log_entry *entry)
{
    struct recorded recorded = {.entry = *entry};
    bool is_there;
    recorded.entry.body = arena_copy(self->trying.view.task->arena, entry->body);
    TRY(read_recorded(self, &recorded, &is_there));
    bool is_known = recorded.operation == OPERATION_CREATE || recorded.before != nullptr;
    is_known = is_known && (recorded.operation == OPERATION_DELETE || recorded.now != nullptr);
    if (is_there && is_known) TRY(judge(self, &recorded));
    self->backtest->looked_at++;
    self->backtest->erased += !is_there || !is_known;
    return ERR_NONE;
}

static enum err slice(struct backtesting *self, bool *is_over_out)
{
    struct backtest *backtest = self->backtest;
    struct task *task = self->trying.view.task;
    int64_t until_ns = clock_monotonic_ns() + BACKTEST_SLICE_NS;
    uint32_t count = 0;
    uint64_t begun = backtest->position;
    *is_over_out = backtest->position >= backtest->end;
    for (uint32_t looked = 0; looked < BACKTEST_SLICE_LOOKED && !*is_over_out; looked++) {
        struct log_entry entry;
        enum err err = txn_log_from(self->trying.view.txn, backtest->position, &entry);
        *is_over_out = err == ERR_MISSING || (err == ERR_NONE && entry.sequence >= backtest->end);
        if (*is_over_out) break;
        TRY(err);
        if (entry.entity == self->trying.rule.entity->number && !log_is_untold(&entry)) {
            bool is_full = count++ == BACKTEST_SLICE_ENTRIES || clock_monotonic_ns() > until_ns ||
                           task->arena->used_bytes > SLICE_ARENA_BYTES;
            if (is_full && looked > 0) break;
            err = look_at(self, &entry);
            /* What was looked at before this one is not lost. */
            if (err == ERR_FULL && backtest->position > begun) break;
            TRY(err);
        }
        backtest->position = entry.sequence + 1;
        *is_over_out = backtest->position >= backtest->end;
    }
    return ERR_NONE;
}

struct guarded {
    struct backtesting *self;
    bool *is_over_out;
};

static enum err guarded_slice(void *argument)
{
    struct guarded *guarded = argument;
    return slice(guarded->self, guarded->is_over_out);
}

enum err backtest_step(struct rules *rules, const struct view *view, const struct rule *rule,
                       struct backtest *backtest, bool *is_over_out)
{
    struct task *task = view->task;
    int64_t now_ms = task->now_ms;
    struct backtesting *self = arena_new(task->arena, struct backtesting, 1);
    self->backtest = backtest;
    self->trying = (struct trying){
        .rules = rules, .view = *view, .rule = *rule, .scope = *view->scope, .is_untraced = true};
    self->trying.trial.effects = arena_new(task->arena, struct trial_effect, RULE_EFFECTS_MAX);
    TRY(txn_open_dry(task, txn_space(view->txn), &self->trying.view.txn));
    struct guarded guarded = {self, is_over_out};
    enum err err = arena_guard(task->arena, guarded_slice, &guarded);
    txn_close(self->trying.view.txn);
    task->now_ms = now_ms;
    return err;
}
