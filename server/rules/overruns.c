#include "rules/overruns.h"

#include "base/require.h"
#include "record/models.h"
#include "rules/trace_rows.h"
#include "value/text.h"

struct switching {
    struct task *task;
    const struct overrunning *overrunning;
    str problem;
};

static str problem_text(struct switching *self)
{
    struct buf text = buf_make(self->task->arena, 512);
    buf_print(&text, "switched off on ");
    time_write(&text, self->task->now_ms);
    buf_print(&text,
              ": it ran out of its budget %u times in a row (the last run: %.*s). Make it do less, "
              "try it with POST /rules/{id}/test, and make it active again.",
              RULE_OVERRUNS_MAX, FMT(id_text(self->task->arena, self->overrunning->run)));
    require(!buf_is_over(&text));
    return buf_str(&text);
}

/** Before the record is saved: the field that people cannot set. */
static enum err set_problem(void *owner, struct change *change, enum hook_point point,
                            struct draft *draft)
{
    struct switching *self = owner;
    if (point != HOOK_BEFORE) return ERR_NONE;
    const struct field *field = entity_field(draft_entity(draft), S("problem"));
    struct buf given = buf_make(self->task->arena, self->problem.len + 8);
    require(field != nullptr);
    pack_text(&given, self->problem);
    struct value value = value_of(buf_str(&given));
    draft_compute(change, draft, field, &value);
    return ERR_NONE;
}

/** Whether the record says that it is active; ERR_MISSING: there is none. */
static enum err rule_is_active(struct switching *self, struct txn *txn, const struct entity *entity,
                               bool *is_active_out)
{
    str record;
    TRY(txn_record_get(txn, entity->number, self->overrunning->rule, self->task->arena, &record));
    str state = value_text_at(record, entity_field(entity, S("state"))->number);
    *is_active_out = str_eq(state, S("active"));
    return ERR_NONE;
}

static enum err state_write(struct switching *self, struct txn *txn, const struct model *model,
                            const struct entity *entity)
{
    struct scope scope = scope_system();
    struct hooks hooks = {.owner = self, .run = set_problem};
    struct change change = {.task = self->task,
                            .txn = txn,
                            .model = model,
                            .scope = &scope,
                            .hooks = &hooks,
                            .cause = self->task->request_id};
    struct buf given = buf_make(self->task->arena, 64);
    pack_map(&given, 1);
    pack_text(&given, S("state"));
    pack_text(&given, S("off"));
    struct value value = value_of(buf_str(&given));
    TRY(record_patch(&change, entity, self->overrunning->rule, &value, nullptr));
    rule_set_renew(&change);
    return change_finish(&change);
}

/** As an effect of a rule would be (rules.h), from no script. */
static void notice_put(struct switching *self, struct txn *txn, const struct entity *entity)
{
    const struct overrunning *overrunning = self->overrunning;
    struct buf body = buf_make(self->task->arena, 2 * KIB);
    pack_map(&body, 6);
    pack_text(&body, S("rule"));
    pack_bytes(&body, id_bytes(&overrunning->rule));
    pack_text(&body, S("run"));
    pack_bytes(&body, id_bytes(&overrunning->run));
    pack_text(&body, S("record"));
    pack_bytes(&body, id_bytes(&overrunning->rule));
    pack_text(&body, S("entity"));
    pack_text(&body, entity->name);
    pack_text(&body, S("causes"));
    pack_list(&body, 0);
    pack_text(&body, S("given"));
    pack_map(&body, 2);
    pack_text(&body, S("role"));
    pack_text(&body, S("owner"));
    pack_text(&body, S("text"));
    pack_text(&body, arena_print(self->task->arena, "The rule `%.*s` was %.*s",
                                 FMT(overrunning->rule_name), FMT(self->problem)));
    require(!buf_is_over(&body));
    struct outbox_entry entry = {
        .id = id_make(), .due_ms = self->task->now_ms, .kind = S("notify"), .body = buf_str(&body)};
    txn_outbox_put(txn, &entry);
}

enum err rule_switch_off(struct task *task, struct txn *txn, const struct model *base,
                         const struct overrunning *overrunning)
{
    struct switching self = {.task = task, .overrunning = overrunning};
    const struct model *model;
    bool is_active = false;
    TRY(model_of(task, txn, base, &model));
    const struct entity *entity = model_entity(model, S("rule"));
    if (entity == nullptr) return ERR_NONE;
    self.problem = problem_text(&self);
    enum err err = rule_is_active(&self, txn, entity, &is_active);
    if (err == ERR_MISSING) {
        self.problem = S("over its budget too often. It came with the product: switch it off, or "
                         "put another in its place.");
    } else {
        TRY(err);
        if (is_active) TRY(state_write(&self, txn, model, entity));
    }
    if (err == ERR_MISSING || is_active) notice_put(&self, txn, entity);
    return day_forgive(task, txn, overrunning->rule, overrunning->day);
}
