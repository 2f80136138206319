#include "rules/explain.h"

#include "base/require.h"
#include "model/kind.h"
#include "record/condition.h"
#include "record/draft.h"
#include "record/past.h"
#include "rules/trial.h"
#include "value/json.h"

constexpr uint32_t TESTS_TOLD_MAX = 50;

static const str op_words[] = {
    [TEST_EQUAL] = S("eq"),          [TEST_NOT_EQUAL] = S("ne"), [TEST_GREATER] = S("gt"),
    [TEST_GREATER_EQUAL] = S("gte"), [TEST_LESS] = S("lt"),      [TEST_LESS_EQUAL] = S("lte"),
    [TEST_PREFIX] = S("prefix"),     [TEST_EMPTY] = S("empty"),
};

static const str operation_words[] = {
    [OPERATION_CREATE] = S("created"),
    [OPERATION_UPDATE] = S("changed"),
    [OPERATION_DELETE] = S("deleted"),
};

/** What is to blame that a condition is not as it should be. */
struct blaming {
    const struct explained *explained;
    struct buf *json;
    const str *slots;
    uint32_t count;
};

static void write_stored(struct buf *json, const struct field *field, str stored)
{
    if (stored.len == 0) {
        buf_put(json, S("null"));
        return;
    }
    struct value value = value_of(stored);
    field->kind_of->write(json, field, &value);
}

static void write_wanted(struct buf *json, const struct condition_test *test)
{
    buf_put_byte(json, '[');
    for (uint32_t at = 0; at < test->value_count; at++) {
        const struct test_value *value = &test->values[at];
        if (at > 0) buf_put_byte(json, ',');
        json_write_text(json, value->text.len > 0 ? value->text : value->ordered);
    }
    if (test->op == TEST_EMPTY) buf_put(json, test->is_empty ? S("true") : S("false"));
    buf_put_byte(json, ']');
}

static void tell_test(struct blaming *blaming, const struct condition_test *test, bool is_wanted)
{
    struct buf *json = blaming->json;
    const struct view *view = blaming->explained->view;
    if (blaming->count == TESTS_TOLD_MAX) return;
    if (blaming->count++ > 0) buf_put_byte(json, ',');
    buf_put(json, S("{\"path\":"));
    json_write_text(json, test->path);
    buf_put(json, S(",\"field\":"));
    if (test->of == nullptr) json_write_text(json, test->field->name);
    else
        json_write_text(json, arena_print(view->task->arena, "%.*s.%.*s", FMT(test->of->name),
                                          FMT(test->field->name)));
    buf_print(json, ",\"op\":\"%.*s\",\"not\":%s,\"wants\":", FMT(op_words[test->op]),
              is_wanted ? "false" : "true");
    write_wanted(json, test);
    buf_put(json, S(",\"seen\":"));
    write_stored(json, test->field, test_value(view, test, blaming->slots));
    buf_put_byte(json, '}');
}

/** The condition is not what is wanted: tells the tests that make it so. As deep as the tree, which
 *  is at most CONDITION_DEPTH_MAX. */
static void blame(struct blaming *blaming, const struct condition *condition, bool is_wanted)
{
    const struct view *view = blaming->explained->view;
    bool is_each = (condition->kind == CONDITION_ANY) == is_wanted;
    switch (condition->kind) {
    case CONDITION_TEST:
        tell_test(blaming, condition->test, is_wanted);
        return;
    case CONDITION_NOT:
        blame(blaming, &condition->items[0], !is_wanted);
        return;
    case CONDITION_ALL:
    case CONDITION_ANY:
        break;
    }
    for (uint32_t at = 0; at < condition->item_count; at++) {
        const struct condition *item = &condition->items[at];
        bool holds = condition_holds(view, view->task->arena, item, blaming->slots);
        if (holds == is_wanted) continue;
        blame(blaming, item, is_wanted);
        if (!is_each) return; /* the first one is enough */
    }
}

static bool end_with(struct buf *json, const char *reason, str message)
{
    buf_print(json, "\"fires\":%s,\"reason\":", reason == nullptr ? "true" : "false");
    if (reason == nullptr) buf_put(json, S("null"));
    else buf_print(json, "\"%s\"", reason);
    buf_put(json, S(",\"message\":"));
    if (message.len == 0) buf_put(json, S("null"));
    else json_write_text(json, message);
    return reason == nullptr;
}

static bool refuse(struct buf *json, const char *reason, str message)
{
    (void)end_with(json, reason, message);
    buf_put(json, S(",\"tests\":[]"));
    return false;
}

static bool field_has_changed(const struct explained *explained, const struct field *field)
{
    uint32_t at = field_position(field);
    str before = explained->before == nullptr ? (str){} : explained->before[at];
    str now = explained->now == nullptr ? (str){} : explained->now[at];
    return !str_eq(before, now);
}

static bool any_has_changed(const struct explained *explained)
{
    const struct rule *rule = explained->rule;
    bool has = false;
    for (uint32_t at = 0; at < rule->changed_count && !has; at++)
        has = field_has_changed(explained, rule->changed[at]);
    return has;
}

/** Its fields, and those that did change. */
static bool refuse_unchanged(struct buf *json, const struct explained *explained)
{
    const struct rule *rule = explained->rule;
    struct buf message = buf_make(explained->view->task->arena, 4 * KIB);
    buf_put(&message, S("none of the fields it names in `changed` has changed: "));
    for (uint32_t at = 0; at < rule->changed_count; at++)
        buf_print(&message, "%s%.*s", at > 0 ? ", " : "", FMT(rule->changed[at]->name));
    (void)end_with(json, "changed", buf_str(&message));
    buf_put(json, S(",\"tests\":["));
    bool has_any = false;
    for (uint32_t at = 0; at < rule->changed_count; at++) {
        const struct field *field = rule->changed[at];
        uint32_t position = field_position(field);
        if (has_any) buf_put_byte(json, ',');
        has_any = true;
        buf_print(json,
                  "{\"path\":\"changed[%u]\",\"field\":\"%.*s\",\"op\":\"changed\","
                  "\"not\":false,\"wants\":[],\"seen\":",
                  at, FMT(field->name));
        write_stored(json, field, explained->now == nullptr ? (str){} : explained->now[position]);
        buf_put_byte(json, '}');
    }
    buf_put_byte(json, ']');
    return false;
}

static bool refuse_condition(struct buf *json, const struct explained *explained,
                             const struct condition *condition, const char *reason,
                             const str *slots)
{
    (void)end_with(json, reason,
                   str_eq(str_of(reason), S("when"))
                       ? S("its condition does not hold for the record")
                       : S("its condition does not hold for the firm's settings"));
    buf_put(json, S(",\"tests\":["));
    struct blaming blaming = {.explained = explained, .json = json, .slots = slots};
    blame(&blaming, condition, true);
    buf_put_byte(json, ']');
    return false;
}

/** Of built-in rules: whether the firm's settings are as they want them. */
static bool settings_hold(const struct explained *explained, str *slots)
{
    const struct view *view = explained->view;
    const struct rule *rule = explained->rule;
    struct record settings;
    const struct entity *entity = model_entity(view->model, S("settings"));
    if (record_get(view, entity, txn_space(view->txn)->uuid, &settings) != ERR_NONE) return true;
    slots_read(entity, settings.value, slots);
    return condition_holds(view, view->task->arena, rule->when_settings, slots);
}

static bool explain_change(struct buf *json, const struct explained *explained, bool *is_told_out)
{
    const struct rule *rule = explained->rule;
    struct arena *arena = explained->view->task->arena;
    *is_told_out = true;
    bool is_of_changes = rule->point != RULE_SCHEDULE && rule->point != RULE_ACTION;
    if (!is_of_changes)
        return refuse(json, "point",
                      rule->point == RULE_SCHEDULE ? S("it runs by the clock, not on changes")
                                                   : S("it runs by a button, not on changes"));
    if ((rule->operations & 1 << explained->operation) == 0)
        return refuse(json, "operation",
                      arena_print(arena, "it does not run when a record is %.*s",
                                  FMT(operation_words[explained->operation])));
    if (rule->changed_count > 0) {
        bool is_deletion = explained->operation == OPERATION_DELETE;
        if (is_deletion || !any_has_changed(explained)) return refuse_unchanged(json, explained);
    } else if (explained->is_by_engine) {
        return refuse(json, "engine",
                      S("only computed fields were written: such a change fires rules that name "
                        "one of them in `changed`"));
    }
    *is_told_out = false;
    return true;
}

bool explain_write(struct buf *json, const struct explained *explained)
{
    const struct rule *rule = explained->rule;
    struct arena *arena = explained->view->task->arena;
    bool is_told = false;
    if (explained->state.len > 0 && !str_eq(explained->state, S("active")))
        return refuse(json, "state",
                      arena_print(arena, "its state is `%.*s`: only active rules run",
                                  FMT(explained->state)));
    if (rule->problem.len > 0) return refuse(json, "problem", rule->problem);
    if (explained->is_of_change) (void)explain_change(json, explained, &is_told);
    if (is_told) return false;
    const str *judged = explained->operation == OPERATION_DELETE && explained->is_of_change
                            ? explained->before
                            : explained->now;
    if (judged == nullptr) return refuse(json, "record", S("there is no such record"));
    if (rule->when != nullptr && !condition_holds(explained->view, arena, rule->when, judged))
        return refuse_condition(json, explained, rule->when, "when", judged);
    str settings[FIELDS_MAX];
    if (rule->when_settings != nullptr && !settings_hold(explained, settings))
        return refuse_condition(json, explained, rule->when_settings, "settings", settings);
    (void)end_with(json, nullptr, (str){});
    buf_put(json, S(",\"tests\":[]"));
    return true;
}
