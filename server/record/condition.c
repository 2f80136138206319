#include "record/condition.h"

#include "base/fold.h"
#include "base/require.h"
#include "record/draft.h"
#include "record/rows.h"
#include "record/sealed.h"

static bool compares(enum test_op op, str key, str value)
{
    int order = str_compare(key, value);
    switch (op) {
    case TEST_EQUAL:
    case TEST_NOT_EQUAL:
        return order == 0;
    case TEST_GREATER:
        return order > 0;
    case TEST_GREATER_EQUAL:
        return order >= 0;
    case TEST_LESS:
        return order < 0;
    case TEST_LESS_EQUAL:
        return order <= 0;
    case TEST_PREFIX:
        return str_starts(key, value);
    case TEST_EMPTY:
        return false;
    }
    return false;
}

static bool compares_any(enum test_op op, struct key_list list, str value)
{
    bool is_any = false;
    for (uint32_t at = 0; at < list.count && !is_any; at++)
        is_any = compares(op, list.items[at], value);
    return is_any;
}

/** The value of the record behind a reference; empty when that is not there, or `is_seen` and not
 *  in the scope. */
static str value_behind(const struct view *view, const struct condition_test *test, struct id id,
                        bool is_seen)
{
    str value, behind[FIELDS_MAX];
    const struct entity *to = test->of->to;
    /* Rows themselves look at a field that nobody can name. */
    bool is_asked = is_seen && !test->field->is_hidden;
    if (txn_record_get_view(view->txn, to->number, id, &value) != ERR_NONE) return (str){};
    if (is_asked && !rows_see(view, to, id, value)) return (str){};
    slots_read(to, value, behind);
    return behind[field_position(test->field)];
}

static str value_of_test(const struct view *view, const struct condition_test *test,
                         const str *slots, bool is_seen)
{
    struct id id;
    if (test->of == nullptr) return slots[field_position(test->field)];
    return slots_reference(slots, test->of, &id) ? value_behind(view, test, id, is_seen) : (str){};
}

str test_value(const struct view *view, const struct condition_test *test, const str *slots)
{
    return value_of_test(view, test, slots, false);
}

static bool stored_holds(struct arena *scratch, const struct condition_test *test, str stored)
{
    if (test->op == TEST_EMPTY) return (stored.len == 0) == test->is_empty;
    struct key_list keys = {}, texts = {};
    if (stored.len > 0) {
        struct value value = value_of(stored);
        keys = test->field->kind_of->order(scratch, test->field, &value);
        if (test->is_cut) texts = texts_folded(scratch, &value);
    }
    bool is_any = false;
    for (uint32_t at = 0; at < test->value_count && !is_any; at++) {
        const struct test_value *value = &test->values[at];
        is_any = value->whole.len > 0 ? compares_any(test->op, texts, value->whole)
                                      : compares_any(test->op, keys, value->ordered);
    }
    return test->op == TEST_NOT_EQUAL ? !is_any : is_any;
}

/** Behind a list of references any record will do: rows alone look through lists. */
static bool any_holds(const struct view *view, struct arena *scratch,
                      const struct condition_test *test, const str *slots, bool is_seen)
{
    struct value list = value_of(slots[field_position(test->of)]), item;
    struct cursor cursor = cursor_of(list.items);
    bool holds = false;
    for (uint32_t at = 0;
         list.kind == VALUE_LIST && at < list.count && !holds && value_next(&cursor, &item); at++) {
        struct id id;
        if (item.kind == VALUE_BYTES && id_of_bytes(item.text, &id))
            holds = stored_holds(scratch, test, value_behind(view, test, id, is_seen));
    }
    return holds;
}

static bool one_holds(const struct view *view, struct arena *scratch,
                      const struct condition_test *test, const str *slots, bool is_seen)
{
    if (test->of != nullptr && test->of->kind == FIELD_REFERENCES)
        return any_holds(view, scratch, test, slots, is_seen);
    return stored_holds(scratch, test, value_of_test(view, test, slots, is_seen));
}

static bool all_holds(const struct view *view, struct arena *scratch,
                      const struct condition *condition, const str *slots, bool is_seen)
{
    bool holds = condition->kind != CONDITION_ANY;
    switch (condition->kind) {
    case CONDITION_TEST:
        return one_holds(view, scratch, condition->test, slots, is_seen);
    case CONDITION_NOT:
        return !all_holds(view, scratch, &condition->items[0], slots, is_seen);
    case CONDITION_ALL:
        for (uint32_t at = 0; at < condition->item_count && holds; at++)
            holds = all_holds(view, scratch, &condition->items[at], slots, is_seen);
        break;
    case CONDITION_ANY:
        for (uint32_t at = 0; at < condition->item_count && !holds; at++)
            holds = all_holds(view, scratch, &condition->items[at], slots, is_seen);
        break;
    }
    return holds;
}

bool condition_holds(const struct view *view, struct arena *scratch,
                     const struct condition *condition, const str *slots)
{
    return all_holds(view, scratch, condition, slots, false);
}

bool condition_holds_seen(const struct view *view, struct arena *scratch,
                          const struct condition *condition, const str *slots)
{
    return all_holds(view, scratch, condition, slots, true);
}

bool condition_holds_record_seen(const struct view *view, struct arena *scratch,
                                 const struct condition *condition, const struct record *record)
{
    str slots[FIELDS_MAX];
    slots_read(record->entity, record->value, slots);
    return all_holds(view, scratch, condition, slots, true);
}

bool condition_holds_record(const struct view *view, struct arena *scratch,
                            const struct condition *condition, const struct record *record)
{
    str slots[FIELDS_MAX];
    slots_read(record->entity, record->value, slots);
    return condition_holds(view, scratch, condition, slots);
}

struct verifying {
    const struct view *view;
    bool is_right;
};

static bool verify_test(void *argument, const struct condition_test *test)
{
    struct verifying *verifying = argument;
    const struct view *view = verifying->view;
    const struct choice_set *set = test->field->set;
    /* Trees are made for one reading, by the same task; only the values of its tests change. */
    if (!sealed_test(view, (struct condition_test *)test)) return verifying->is_right = false;
    bool is_asked = test->of != nullptr && !test->field->is_hidden;
    if (is_asked && !scope_may(view->scope, test->of->to->number, SCOPE_VIEW)) {
        verifying->is_right = false;
        task_fault(view->task, test->path, S("forbidden"), "you may not see %.*s",
                   FMT(test->of->to->plural));
    }
    if (set == nullptr || (test->op != TEST_EQUAL && test->op != TEST_NOT_EQUAL)) return true;
    for (uint32_t at = 0; at < test->value_count; at++) {
        if (choice_is_known(set, test->values[at].text)) continue;
        verifying->is_right = false;
        task_fault(view->task, test->path, S("choice"), "has no choice \"%.*s\"; there are: %.*s",
                   FMT(utf8_first(test->values[at].text, 100)),
                   FMT(choices_text(view->task->arena, set)));
    }
    return true;
}

bool condition_verify(const struct view *view, const struct condition *condition)
{
    struct verifying verifying = {view, true};
    (void)condition_visit(condition, &verifying, verify_test);
    return verifying.is_right;
}
