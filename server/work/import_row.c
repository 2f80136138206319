/* One row of an import: its record is found, created or changed, behind a savepoint of its own. */
#include "access/access.h"
#include "base/clock.h"
#include "base/fold.h"
#include "base/require.h"
#include "record/query.h"
#include "record/undo.h"
#include "value/csv.h"
#include "work/import_engine.h"

constexpr size_t TOLD_COLUMN_BYTES_MAX = 200;
constexpr size_t TOLD_MESSAGE_BYTES_MAX = 800;

/** The existing record that a row means. *has_match_out is false when there is none. */
static enum err row_match(struct import *import, struct change *change, const struct table_row *row,
                          const struct import_values *values, struct id *id_out,
                          bool *has_match_out)
{
    const struct import_plan *plan = &import->plan;
    *has_match_out = false;
    if (plan->match == UINT32_MAX) return ERR_NONE;
    struct task *task = change->task;
    const struct view view = change_view(change);
    const struct import_target *target = &plan->targets[plan->match];
    if (target->field == nullptr) {
        struct record record;
        str cell = import_cell(plan, row, target->first_column);
        if (cell.len == 0) return ERR_NONE;
        if (!id_parse(cell, id_out)) {
            task_fault(task, S("id"), S("format"), "is no id");
            return task_faults(task);
        }
        enum err err = record_get(&view, plan->entity, *id_out, &record);
        *has_match_out = err == ERR_NONE;
        return err == ERR_MISSING ? ERR_NONE : err;
    }
    struct value given;
    if (!value_find_text(import_map_of(task, &values[0]), target->field->name, &given))
        return ERR_NONE;
    struct buf stored = buf_make(task->arena, RECORD_BYTES_MAX);
    if (given.kind == VALUE_NIL) return ERR_NONE;
    if (!target->field->kind_of->read(task, target->field, &given, &stored))
        return task_faults(task);
    struct value value = value_of(buf_str(&stored));
    struct id ids[2];
    uint32_t count;
    TRY(query_find_same_seen(&view, target->field, &value, 2, ids, &count));
    *has_match_out = count > 0;
    if (count > 0) *id_out = ids[0];
    if (count < 2) return ERR_NONE;
    task_fault(task, target->path, S("ambiguous"),
               "is in several records, so it is not clear which is meant");
    return task_faults(task);
}

/** The order keys of a unique field's value, or of the one that finds records; counts of 0: the row
 *  has none. */
static struct key_list keys_of_target(struct task *task, const struct import_target *target,
                                      const struct import_values *values)
{
    struct value given;
    const struct field *field = target->field;
    if (!value_find_text(import_map_of(task, &values[target->group]), field->name, &given) ||
        given.kind == VALUE_NIL)
        return (struct key_list){};
    struct buf stored = buf_make(task->arena, RECORD_BYTES_MAX);
    if (!field->kind_of->read(task, field, &given, &stored)) return (struct key_list){};
    struct value value = value_of(buf_str(&stored));
    if (value.kind == VALUE_NIL) return (struct key_list){};
    return field->kind_of->order(task->arena, field, &value);
}

static enum err row_end(const struct import *import, struct change *change)
{
    const struct scope *scope = change->scope;
    if (scope->actor_kind == ACTOR_USER) return access_finish_change(change, import->plan.entity);
    return change_finish(change);
}

/** In a dry run: whether a row of an earlier stretch would have created what this one means. */
static bool row_is_forecast(struct import *import, const struct import_values *values)
{
    const struct import_plan *plan = &import->plan;
    if (plan->match == UINT32_MAX || plan->targets[plan->match].field == nullptr) return false;
    const struct import_target *target = &plan->targets[plan->match];
    struct key_list keys = keys_of_target(&import->slice.task, target, values);
    for (uint32_t at = 0; at < keys.count; at++)
        if (keys.items[at].len > 0 &&
            forecast_has(&import->forecast, target->field, keys.items[at]))
            return true;
    return false;
}

/** In a dry run, of a row that creates a record: notes the values by which later rows may mean it,
 *  or, before, finds a unique one that a row of an earlier stretch has taken. */
static enum err row_forecast(struct import *import, const struct import_values *values,
                             bool is_created)
{
    const struct import_plan *plan = &import->plan;
    struct task *task = &import->slice.task;
    for (uint32_t at = 0; at < plan->target_count; at++) {
        const struct import_target *target = &plan->targets[at];
        if (target->field == nullptr || (!target->field->is_unique && at != plan->match)) continue;
        struct key_list keys = keys_of_target(task, target, values);
        for (uint32_t key = 0; key < keys.count; key++) {
            str ordered = keys.items[key];
            if (ordered.len == 0) continue;
            if (is_created) forecast_note(&import->forecast, target->field, ordered);
            else if (target->field->is_unique &&
                     forecast_has(&import->forecast, target->field, ordered))
                task_fault(task, target->path, S("taken"), "stands in an earlier row too");
        }
    }
    return task_faults(task);
}

static enum err row_create(struct import *import, struct change *change,
                           struct import_values *values)
{
    const struct import_plan *plan = &import->plan;
    if (import->options.is_preview) TRY(row_forecast(import, values, false));
    struct import_values whole[IMPORT_GROUPS_MAX];
    memcpy(whole, values, plan->group_count * sizeof values[0]);
    for (uint32_t group = plan->group_count - 1; group > 0; group--)
        import_nest(plan, whole, group);
    str map = import_map_of(change->task, &whole[0]);
    struct value given = value_of(map);
    struct id id;
    TRY(record_create(change, plan->entity, &given, &id));
    TRY(row_end(import, change));
    return import->options.is_preview ? row_forecast(import, values, true) : ERR_NONE;
}

/** A record of the row by a patch; says whether that changed anything. */
static enum err patch(struct import *import, struct change *change, uint32_t group, struct id id,
                      const struct import_values *values, bool *is_changed)
{
    struct task *task = change->task;
    const struct entity *entity = import->plan.groups[group].entity;
    const struct view view = change_view(change);
    struct record record;
    TRY(record_get(&view, entity, id, &record));
    str before = arena_copy(task->arena, record.value);
    struct value given = value_of(import_map_of(task, values));
    task->path = import->plan.groups[group].path;
    enum err err = record_patch(change, entity, id, &given, nullptr);
    task->path = (str){};
    TRY(err);
    TRY(record_get(&view, entity, id, &record));
    if (str_eq(before, record.value)) return ERR_NONE;
    *is_changed = true;
    if (import->options.is_preview)
        forecast_count(&import->forecast, &import->plan, group, before, record.value);
    return ERR_NONE;
}

/** Changes the record and those it refers to; one that it does not refer to yet is created. */
static enum err row_update(struct import *import, struct change *change, struct id id,
                           struct import_values *values, bool *is_changed_out)
{
    struct task *task = change->task;
    const struct import_plan *plan = &import->plan;
    const struct view view = change_view(change);
    struct record record;
    *is_changed_out = false;
    TRY(record_get(&view, plan->entity, id, &record));
    str stored = arena_copy(task->arena, record.value);
    for (uint32_t at = plan->group_count - 1; at > 0; at--) {
        const struct import_group *group = &plan->groups[at];
        struct id target;
        if (group->parent != 0 || !value_id_at(stored, group->reference->number, &target)) {
            import_nest(plan, values, at);
            continue;
        }
        if (values[at].count > 0)
            TRY(patch(import, change, at, target, &values[at], is_changed_out));
    }
    if (values[0].count == 0) return ERR_NONE;
    return patch(import, change, 0, id, &values[0], is_changed_out);
}

static enum err row_check_form(struct task *task, const struct import_plan *plan,
                               const struct table_row *row)
{
    if (row->fault.len > 0) return fail(task, ERR_UNREADABLE, "%.*s", FMT(row->fault));
    uint32_t count = row->cell_count;
    while (count > plan->column_count && row->cells[count - 1].len == 0) count--;
    if (count == plan->column_count) return ERR_NONE;
    return fail(task, ERR_UNREADABLE,
                "has %u cells where the header has %u; is a quote or a separator %s?", count,
                plan->column_count, count > plan->column_count ? "too many" : "missing");
}

/** The first rows of a preview, with the values that they give. */
static void row_show(struct import *import, const struct table_row *row,
                     const struct import_values *values)
{
    struct import_forecast *forecast = &import->forecast;
    const struct import_plan *plan = &import->plan;
    if (!import->options.is_preview || forecast->shown_count == IMPORT_ROWS_SHOWN_MAX) return;
    struct import_values own[IMPORT_GROUPS_MAX];
    for (uint32_t group = 0; group < plan->group_count; group++) {
        own[group] = values[group];
        /* Nesting writes behind what is there, which is still wanted without. */
        own[group].pairs = buf_make(import->slice.task.arena, BODY_BYTES_MAX);
        buf_put(&own[group].pairs, buf_str(&values[group].pairs));
    }
    for (uint32_t group = plan->group_count - 1; group > 0; group--) import_nest(plan, own, group);
    str map = import_map_of(&import->slice.task, &own[0]);
    forecast->shown[forecast->shown_count++] =
        (struct import_shown_row){row->number, arena_copy(&import->arena, map)};
}

enum outcome : uint8_t { OUTCOME_CREATED, OUTCOME_UPDATED, OUTCOME_UNCHANGED };

static enum err row_change(struct import *import, struct change *change,
                           const struct table_row *row, enum outcome *outcome_out)
{
    const struct import_plan *plan = &import->plan;
    struct task *task = &import->slice.task;
    TRY(row_check_form(task, plan, row));
    const struct view view = change_view(change);
    struct import_lane_names lane = {.names = {.find = import_names_find}, .view = &view};
    struct import_values values[IMPORT_GROUPS_MAX];
    struct import_reading reading = {.task = task, .plan = plan, .row = row, .names = &lane.names};
    import_read(&reading, values);
    TRY(task_faults(task));
    row_show(import, row, values);
    struct id id;
    bool has_match;
    TRY(row_match(import, change, row, values, &id, &has_match));
    str match = import->options.match;
    enum import_mode mode = import->options.mode;
    bool is_forecast = import->options.is_preview && !has_match && row_is_forecast(import, values);
    if ((has_match || is_forecast) && mode == IMPORT_CREATE)
        return fail(task, ERR_CONFLICT, "a record of %.*s has this %.*s already",
                    FMT(plan->entity->plural), FMT(match));
    *outcome_out = OUTCOME_UPDATED;
    if (is_forecast && mode == IMPORT_UPSERT) return ERR_NONE;
    if (!has_match && mode == IMPORT_UPDATE)
        return fail(task, ERR_MISSING, "no record of %.*s has this %.*s", FMT(plan->entity->plural),
                    FMT(match));
    if (!has_match) {
        *outcome_out = OUTCOME_CREATED;
        return row_create(import, change, values);
    }
    reading.is_clearing = import->options.is_clearing;
    reading.is_adding = !import->options.is_clearing;
    import_read(&reading, values);
    TRY(task_faults(task));
    bool is_changed;
    TRY(row_update(import, change, id, values, &is_changed));
    if (!is_changed) *outcome_out = OUTCOME_UNCHANGED;
    return row_end(import, change);
}

static void tell_fault(struct import *import, const struct import_fault *fault, struct buf *told)
{
    struct import_slice *slice = &import->slice;
    if (told->len > 0) buf_put(told, S("; "));
    else buf_print(told, "row %llu: ", (unsigned long long)fault->row);
    if (fault->column.len > 0) buf_print(told, "%.*s: ", FMT(fault->column));
    buf_put(told, fault->message);
    if (slice->fault_count == IMPORT_FAULTS_TOLD_MAX) return;
    slice->faults[slice->fault_count++] = (struct import_fault){
        .row = fault->row,
        .column = arena_copy(&import->lane_arena, utf8_first(fault->column, TOLD_COLUMN_BYTES_MAX)),
        .message =
            arena_copy(&import->lane_arena, utf8_first(fault->message, TOLD_MESSAGE_BYTES_MAX)),
        .rule = slice->task.fault.rule,
        .rule_name = arena_copy(&import->lane_arena, slice->task.fault.rule_name),
    };
}

/** Puts the rule that said so before a message. */
static void name_rule(struct task *task, str *message)
{
    if (!id_is_nil(task->fault.rule))
        *message = arena_print(task->arena, "rule \"%.*s\": %.*s", FMT(task->fault.rule_name),
                               FMT(*message));
}

void import_row_failed(struct import *import, const struct table_row *row, enum err err)
{
    struct import_slice *slice = &import->slice;
    struct task *task = &slice->task;
    struct buf told = buf_make(task->arena, CSV_CELL_BYTES_MAX);
    scope_cut_fault(import->options.scope, import->options.model, import->plan.entity,
                    &task->fault);
    for (uint32_t at = 0; at < task->fault.item_count; at++) {
        struct import_fault fault =
            import_fault_of(task, &import->plan, row, &task->fault.items[at]);
        name_rule(task, &fault.message);
        tell_fault(import, &fault, &told);
    }
    if (task->fault.item_count == 0) {
        str detail = task->fault.detail.len > 0 ? task->fault.detail : err_title(err);
        name_rule(task, &detail);
        struct import_fault fault = {.row = row->number, .message = detail};
        tell_fault(import, &fault, &told);
    }
    if (table_format(import->table) == TABLE_NDJSON)
        import_write_failed_line(&slice->failed, row, buf_str(&told));
    else
        import_write_failed(&slice->failed, &import->plan, row, table_separator(import->table),
                            buf_str(&told));
    slice->counts.failed++;
}

/** Faults of a row, in contrast to those of the server or the disk, which end the import. */
static bool is_fault_of_row(enum err err)
{
    switch (err) {
    case ERR_SYSTEM:
    case ERR_FULL:
    case ERR_LIMITED:
        return false;
    case ERR_NONE:
    case ERR_UNREADABLE:
    case ERR_UNAUTHENTICATED:
    case ERR_FORBIDDEN:
    case ERR_MISSING:
    case ERR_CONFLICT:
    case ERR_CHANGED:
    case ERR_TOO_LARGE:
    case ERR_UNSUPPORTED:
    case ERR_INVALID:
    case ERR_REJECTED:
    case ERR_CORRUPT:
        return true;
    }
    return false;
}

/** In a dry run rules run for the first rows only, and what they do is counted. */
static void row_take_rules(struct import *import, struct change *change, struct hooks *without)
{
    struct import_forecast *forecast = &import->forecast;
    if (!import->options.is_preview || change->hooks == nullptr) return;
    if (forecast->ruled_rows < FORECAST_RULED_ROWS_MAX &&
        forecast->ruled_ns < FORECAST_RULED_NS_MAX) {
        forecast->ruled_rows++;
        rule_chain_of(change)->tally = &forecast->tally;
        return;
    }
    *without = hooks_without_rules(change->hooks);
    change->hooks = without;
}

static enum err row_run(struct import *import)
{
    const struct import_options *options = &import->options;
    struct import_slice *slice = &import->slice;
    struct change change = {
        .task = &slice->task,
        .txn = slice->txn,
        .model = options->model,
        .scope = options->scope,
        .hooks = options->hooks,
        .group = import->report.group,
        .cause = options->cause,
        .is_import = true,
        .settled_choices = options->choices,
        .settled_choice_count = options->choice_count,
    };
    struct hooks without;
    rule_chain_of(&change)->through = S("import");
    row_take_rules(import, &change, &without);
    enum outcome outcome = OUTCOME_CREATED;
    TRY(row_change(import, &change, import_row_now(import), &outcome));
    slice->counts.created += outcome == OUTCOME_CREATED;
    slice->counts.updated += outcome == OUTCOME_UPDATED;
    slice->counts.unchanged += outcome == OUTCOME_UNCHANGED;
    return ERR_NONE;
}

enum err import_row_try(struct import *import)
{
    struct import_slice *slice = &import->slice;
    struct savepoint savepoint = txn_savepoint(slice->txn);
    arena_clear(&import->row_arena);
    task_init(&slice->task, &import->row_arena);
    struct import_forecast *forecast = &import->forecast;
    int64_t begun_ns = import->options.is_preview ? clock_monotonic_ns() : 0;
    enum err err = row_run(import);
    bool has_no_runner = err == ERR_FULL || err == ERR_LIMITED;
    if (import->options.is_preview && has_no_runner && forecast->ruled_ns < FORECAST_RULED_NS_MAX) {
        /* What the rules would do is told of the rows before it. */
        txn_rollback(slice->txn, savepoint);
        forecast->ruled_ns = FORECAST_RULED_NS_MAX;
        forecast->ruled_rows--;
        return import_row_try(import);
    }
    if (import->options.is_preview) forecast->ruled_ns += clock_monotonic_ns() - begun_ns;
    if (err != ERR_NONE) {
        txn_rollback(slice->txn, savepoint);
        slice->task.path = (str){};
        if (!is_fault_of_row(err)) return err;
        import_row_failed(import, import_row_now(import), err);
    }
    slice->counts.rows++;
    return ERR_NONE;
}
