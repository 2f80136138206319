/* What came of a trial, as it is told. */
#include "base/require.h"
#include "model/kind.h"
#include "record/draft.h"
#include "rules/explain.h"
#include "rules/trying.h"
#include "value/json.h"

/* Differences. */

static void write_side(struct buf *json, str values, str name)
{
    struct value value;
    if (values.len > 0 && value_find_text(values, name, &value)) json_write(json, &value);
    else buf_put(json, S("null"));
}

static str values_of(const struct view *view, const struct tried_record *record, str value)
{
    struct record as = {.entity = record->entity, .id = record->id, .value = value};
    return value.len == 0 ? (str){} : record_values(view, &as);
}

static bool is_stored(const struct view *view, const struct field *field, str values)
{
    struct value value;
    struct id id;
    str record;
    return value_find_text(values, field->name, &value) && value.kind == VALUE_TEXT &&
           id_parse(value.text, &id) &&
           txn_record_get_view(view->txn, field->to->number, id, &record) == ERR_NONE;
}

/** Both lead to a record that the change itself makes, each time another. */
static bool is_made_twice(const struct view *view, const struct field *field, str from, str to)
{
    struct value value;
    return field->kind == FIELD_REFERENCE && from.len > 0 && to.len > 0 &&
           value_find_text(from, field->name, &value) && value_find_text(to, field->name, &value) &&
           !is_stored(view, field, from) && !is_stored(view, field, to);
}

static bool is_other(const struct view *view, const struct field *field, str from, str to)
{
    struct value a = {}, b = {};
    if (field->is_hidden || field->is_system) return false;
    if (from.len > 0 && !value_find_text(from, field->name, &a)) a = (struct value){};
    if (to.len > 0 && !value_find_text(to, field->name, &b)) b = (struct value){};
    return !str_eq(a.bytes, b.bytes) && !is_made_twice(view, field, from, to);
}

bool difference_write(struct buf *json, const struct view *view, const struct tried_record *record,
                      bool has_comma)
{
    str from = values_of(view, record, record->before), to = values_of(view, record, record->now);
    const struct entity *entity = record->entity;
    uint32_t count = 0;
    bool is_gone = to.len == 0 && from.len > 0, is_new = from.len == 0 && to.len > 0;
    for (uint32_t at = 0; at < entity->field_count; at++)
        count += is_other(view, &entity->fields[at], from, to);
    if (count == 0 && !is_gone && !is_new) return false;
    buf_print(json, "%s{\"entity\":\"%.*s\",\"id\":\"%.*s\",\"operation\":\"%s\",\"fields\":{",
              has_comma ? "," : "", FMT(entity->name), FMT(id_text(view->task->arena, record->id)),
              is_gone  ? "delete"
              : is_new ? "create"
                       : "update");
    count = 0;
    for (uint32_t at = 0; at < entity->field_count && !is_gone; at++) {
        const struct field *field = &entity->fields[at];
        if (!is_other(view, field, from, to)) continue;
        buf_print(json, "%s\"%.*s\":{\"from\":", count++ > 0 ? "," : "", FMT(field->name));
        write_side(json, from, field->name);
        buf_put(json, S(",\"to\":"));
        write_side(json, to, field->name);
        buf_put_byte(json, '}');
    }
    buf_put(json, S("}}"));
    return true;
}

void trial_effects_write(struct buf *json, const struct trial *trial)
{
    buf_put_byte(json, '[');
    for (uint32_t at = 0; at < trial->effect_count; at++) {
        struct value given = value_of(trial->effects[at].given);
        buf_print(json, "%s{\"kind\":\"%.*s\",\"given\":", at > 0 ? "," : "",
                  FMT(trial->effects[at].kind));
        json_write(json, &given);
        buf_put_byte(json, '}');
    }
    buf_put_byte(json, ']');
}

/* The rest. */

/** Why the rule did not fire on this. */
static void write_why(struct buf *json, struct trying *trying)
{
    bool is_new = trying->operation == OPERATION_CREATE;
    bool is_going = trying->operation == OPERATION_DELETE;
    const struct entity *entity = trying->rule.entity;
    str before[FIELDS_MAX], now[FIELDS_MAX], base;
    struct arena *arena = trying->view.task->arena;
    bool has_base = !is_new && txn_record_get(trying->view.txn, entity->number, trying->id, arena,
                                              &base) == ERR_NONE;
    if (has_base) slots_read(entity, base, before);
    if (trying->plain.len > 0) slots_read(entity, trying->plain, now);
    bool is_alone = trying->rule.point == RULE_SCHEDULE || trying->rule.point == RULE_ACTION;
    struct explained explained = {.view = &trying->view,
                                  .rule = &trying->rule,
                                  .is_of_change = !is_alone,
                                  .operation = trying->operation,
                                  .before = has_base ? before : nullptr,
                                  .now = is_going || trying->plain.len == 0 ? nullptr : now};
    buf_put_byte(json, '{');
    (void)explain_write(json, &explained);
    buf_put_byte(json, '}');
}

static void write_changes(struct buf *json, struct trying *trying)
{
    bool has_any = false;
    buf_put(json, S(",\"changes\":["));
    for (uint32_t at = 0; at < trying->touched_count; at++)
        has_any = difference_write(json, &trying->view, &trying->touched[at], has_any) || has_any;
    buf_put_byte(json, ']');
}

/** The change fails, though the rule did not: what it set cannot be, or another rule refuses. */
static void write_problem(struct buf *json, const struct trying *trying)
{
    const struct fault *fault = &trying->view.task->fault;
    bool is_own = trying->trial.result.outcome != RUN_DONE || trying->err == ERR_NONE;
    buf_put(json, S(",\"problem\":"));
    if (is_own) {
        buf_put(json, S("null"));
        return;
    }
    buf_print(json, "{\"type\":\"%.*s\",\"detail\":", FMT(err_slug(trying->err)));
    json_write_text(json, fault->detail);
    buf_put(json, S(",\"errors\":["));
    for (uint32_t at = 0; at < fault->item_count; at++) {
        const struct fault_item *item = &fault->items[at];
        buf_put(json, at > 0 ? S(",{\"field\":") : S("{\"field\":"));
        json_write_text(json, item->field);
        buf_put(json, S(",\"code\":"));
        json_write_text(json, item->code);
        buf_put(json, S(",\"message\":"));
        json_write_text(json, item->message);
        buf_put_byte(json, '}');
    }
    buf_put(json, S("]}"));
}

void trying_write(struct buf *json, struct trying *trying)
{
    const struct trial *trial = &trying->trial;
    const struct run_result *result = &trial->result;
    struct value log = value_of(result->log);
    if (trial->has_run)
        buf_print(json, "{\"outcome\":\"%.*s\",\"fired\":true,\"why\":null",
                  FMT(run_outcome_word(result->outcome)));
    else {
        buf_put(json, S("{\"outcome\":null,\"fired\":false,\"why\":"));
        write_why(json, trying);
    }
    write_changes(json, trying);
    buf_put(json, S(",\"effects\":"));
    trial_effects_write(json, trial);
    buf_put(json, S(",\"log\":"));
    if (log.kind == VALUE_LIST) json_write(json, &log);
    else buf_put(json, S("[]"));
    json_member_text(json, "message", result->message);
    json_member_text(json, "field", result->field);
    if (result->line > 0) buf_print(json, ",\"line\":%u", result->line);
    else buf_put(json, S(",\"line\":null"));
    write_problem(json, trying);
    buf_print(json,
              ",\"cost\":{\"fuel\":%llu,\"bytes\":%zu,\"cpu_us\":%lld,\"wall_us\":%lld,"
              "\"questions\":%u},\"run\":",
              (unsigned long long)result->fuel, result->bytes, (long long)result->cpu_us,
              (long long)result->wall_us, result->question_count);
    if (trial->has_run && !trial->is_untraced)
        buf_print(json, "\"%.*s\"}", FMT(id_text(trying->view.task->arena, trial->run)));
    else buf_put(json, S("null}"));
}
