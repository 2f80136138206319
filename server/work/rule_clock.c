#include "work/rule_clock.h"

#include "base/limits.h"
#include "base/require.h"
#include "record/models.h"
#include "rules/rules.h"
#include "rules/saving.h"
#include "value/text.h"
#include "work/rule_job.h"

constexpr int64_t MONDAY_DAYS = 3;        /** 1970-01-01 was a Thursday */
constexpr int64_t DAYS_TO_1970 = 719'468; /** from 0000-03-01 */
constexpr int64_t ERA_DAYS = 146'097;     /** 400 years */
constexpr size_t RAN_KEY_BYTES = 3 + sizeof(struct id);

/* When. */

/** Months since the year 0, by the proleptic calendar, counted in years that begin in March. */
static int64_t month_of(int64_t at_ms)
{
    int64_t days = at_ms / DAY_MS + DAYS_TO_1970;
    int64_t era = days / ERA_DAYS, day_of_era = days % ERA_DAYS;
    int64_t year =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    return 12 * (400 * era + year) + (5 * day_of_year + 2) / 153;
}

bool rule_is_due(str every, int64_t ran_ms, int64_t now_ms)
{
    if (str_eq(every, S("hour"))) return ran_ms == 0 || now_ms / HOUR_MS > ran_ms / HOUR_MS;
    if (str_eq(every, S("day"))) return ran_ms == 0 || now_ms / DAY_MS > ran_ms / DAY_MS;
    if (str_eq(every, S("week")))
        return ran_ms == 0 ||
               (now_ms / DAY_MS + MONDAY_DAYS) / 7 > (ran_ms / DAY_MS + MONDAY_DAYS) / 7;
    if (!str_eq(every, S("month"))) return false;
    return ran_ms == 0 || month_of(now_ms) > month_of(ran_ms);
}

/* What was begun. */

static str ran_key(struct id rule, char room[RAN_KEY_BYTES])
{
    memcpy(room, "ran", 3);
    memcpy(room + 3, rule.bytes, sizeof rule.bytes);
    return (str){room, RAN_KEY_BYTES};
}

static enum err is_due(struct task *task, struct txn *txn, const struct rule *rule,
                       bool *is_due_out)
{
    char room[RAN_KEY_BYTES];
    str row;
    *is_due_out = false;
    if (rule->point != RULE_SCHEDULE || rule->every.len == 0 || rule->problem.len > 0)
        return ERR_NONE;
    enum err err = txn_system_get(txn, SYSTEM_RULES, ran_key(rule->id, room), task->arena, &row);
    if (err == ERR_MISSING) {
        int64_t since_ms = rule->is_builtin ? id_time_ms(txn_space(txn)->uuid) : 0;
        *is_due_out = rule_is_due(rule->every, since_ms, task->now_ms);
        return ERR_NONE;
    }
    TRY(err);
    struct value list = value_of(row), at, id;
    struct cursor items = cursor_of(list.items);
    struct id job_id;
    if (list.kind != VALUE_LIST || !value_next(&items, &at) || at.kind != VALUE_INT ||
        !value_next(&items, &id) || id.kind != VALUE_BYTES || !id_of_bytes(id.text, &job_id))
        return fail(task, ERR_CORRUPT, "the row of a rule's last run is damaged");
    if (!rule_is_due(rule->every, at.integer, task->now_ms)) return ERR_NONE;
    struct job job;
    struct task quiet = *task;
    err = job_get(&quiet, txn, job_id, &job);
    if (err != ERR_NONE && err != ERR_MISSING) return err;
    *is_due_out = err == ERR_MISSING || job_is_over(&job);
    return ERR_NONE;
}

static void note_ran(struct txn *txn, const struct rule *rule, const struct job *job)
{
    char room[RAN_KEY_BYTES];
    struct task *task = txn_task(txn);
    struct buf row = buf_make(task->arena, 64);
    pack_list(&row, 2);
    pack_int(&row, task->now_ms);
    pack_bytes(&row, id_bytes(&job->id));
    txn_system_put(txn, SYSTEM_RULES, ran_key(rule->id, room), buf_str(&row));
}

/** In the rule's own record too, where people look. */
static enum err tell_ran(struct change *change, const struct rule *rule)
{
    const struct entity *entity = model_entity_by_number(change->model, RULE_ENTITY);
    require(entity != nullptr);
    const struct field *ran_at = entity_field(entity, S("ran_at"));
    require(ran_at != nullptr);
    struct buf text = buf_make(change->task->arena, 64), given = buf_make(change->task->arena, 64);
    time_write(&text, change->task->now_ms);
    pack_text(&given, buf_str(&text));
    struct value value = value_of(buf_str(&given));
    struct task *task = change->task;
    enum err err = record_compute(change, entity, rule->id, ran_at, &value);
    /* A built-in one has no record. */
    if (err == ERR_MISSING) task_fault_clear(task);
    return err == ERR_MISSING ? ERR_NONE : err;
}

struct beginning {
    struct work work;
    struct task *task;
    const struct access *access;
    struct rules *rules;
    bool is_writing;
    bool has_due;
};

/** Looks whether any is due, or begins those that are. */
static enum err each_rule(struct beginning *self, struct txn *txn)
{
    struct task *task = self->task;
    struct scope scope = {.actor_kind = ACTOR_SYSTEM};
    struct change change = {.task = task, .txn = txn, .scope = &scope, .cause = task->request_id};
    TRY(model_of(task, txn, self->access->model, &change.model));
    struct view view = change_view(&change);
    const struct rule_set *set;
    TRY(rule_set_of(rules_sets(self->rules), &view, &set));
    for (uint32_t at = 0; at < set->rule_count; at++) {
        bool is_due_now;
        struct job job;
        const struct rule *rule = &set->rules[at];
        TRY(is_due(task, txn, rule, &is_due_now));
        self->has_due |= is_due_now;
        if (!is_due_now || !self->is_writing) continue;
        TRY(rule_job_begin(task, txn, nullptr, rule->id, nullptr, &job));
        note_ran(txn, rule, &job);
        TRY(tell_ran(&change, rule));
    }
    return self->is_writing ? change_finish(&change) : ERR_NONE;
}

static enum err begin_in_lane(struct work *work, struct txn *txn)
{
    struct beginning *self = (struct beginning *)work;
    txn_set_task(txn, self->task);
    return each_rule(self, txn);
}

enum err rules_by_clock(struct task *task, const struct access *access, struct rules *rules,
                        const struct space *space, bool *has_job_out)
{
    struct txn *txn;
    struct beginning self = {.task = task, .access = access, .rules = rules};
    *has_job_out = false;
    TRY(txn_open(task, space, &txn));
    enum err err = each_rule(&self, txn);
    txn_close(txn);
    if (err != ERR_NONE || !self.has_due) return err;
    self.is_writing = true;
    self.work = (struct work){.run = begin_in_lane, .arena = task->arena};
    TRY(store_write(access->store, space, &self.work));
    *has_job_out = task->has_job;
    return ERR_NONE;
}
