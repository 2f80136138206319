/* Counts of a list by the values of one field. */
#include "base/require.h"
#include "record/draft.h"
#include "record/listing.h"
#include "record/rows.h"
#include "value/json.h"

constexpr uint32_t GROUPS_MAX = 100;
constexpr uint32_t GROUP_COUNT_MAX = 1'000;  /** of one group; "at least" from here on */
constexpr uint32_t GROUPS_KEYS_MAX = 50'000; /** touched by all counts of one answer */

/** One value of the field. */
struct group {
    str ordered; /** empty: the records without a value */
    str stored;
    str label; /** empty: none */
};

struct grouping {
    const struct view *view;
    const struct query *query;
    const struct field *field;
    uint32_t count;
    bool is_cut; /** there are more values than GROUPS_MAX */
    struct group groups[GROUPS_MAX + 1];
};

static bool is_known(const struct grouping *grouping, str ordered)
{
    bool is_known = false;
    for (uint32_t at = 0; at < grouping->count && !is_known; at++)
        is_known = str_eq(grouping->groups[at].ordered, ordered);
    return is_known;
}

static str label_of(const struct grouping *grouping, const struct value *stored)
{
    const struct field *field = grouping->field;
    const struct view *view = grouping->view;
    if (field->set != nullptr && stored->kind == VALUE_TEXT) {
        const struct choice *choice = set_choice(field->set, stored->text);
        return choice == nullptr ? (str){} : choice->label;
    }
    struct id id;
    struct record record;
    struct value title;
    struct task quiet = {.arena = view->task->arena};
    struct view quiet_view = *view;
    quiet_view.task = &quiet;
    bool is_there = field->kind == FIELD_REFERENCE && stored->kind == VALUE_BYTES &&
                    id_of_bytes(stored->text, &id) &&
                    record_get(&quiet_view, field->to, id, &record) == ERR_NONE &&
                    scope_sees_field(view->scope, field->to->title) &&
                    value_find(record.value, field->to->title->number, &title);
    return is_there && title.kind == VALUE_TEXT ? title.text : (str){};
}

static void add_group(struct grouping *grouping, str ordered, str stored)
{
    struct arena *arena = grouping->view->task->arena;
    if (is_known(grouping, ordered)) return;
    if (grouping->count == GROUPS_MAX) {
        grouping->is_cut = true;
        return;
    }
    struct value value = value_of(stored);
    grouping->groups[grouping->count++] = (struct group){
        arena_copy(arena, ordered), arena_copy(arena, stored), label_of(grouping, &value)};
}

/** Every choice of the set, whether records have it or not. */
static void add_choices(struct grouping *grouping)
{
    struct arena *arena = grouping->view->task->arena;
    const struct field *field = grouping->field;
    struct task quiet = {.arena = arena};
    for (uint32_t at = 0; field->set != nullptr && at < field->set->choice_count; at++) {
        str choice = field->set->choices[at].value, ordered;
        struct buf stored = buf_make(arena, choice.len + 8);
        pack_text(&stored, choice);
        if (field->kind_of->order_text(&quiet, field, choice, &ordered))
            add_group(grouping, ordered, buf_str(&stored));
    }
}

/** The list, narrowed to one group. */
static const struct condition *group_condition(const struct grouping *grouping,
                                               const struct group *group)
{
    struct arena *arena = grouping->view->task->arena;
    struct condition_test *test = arena_new(arena, struct condition_test, 1);
    struct condition *condition = arena_new(arena, struct condition, 1);
    struct test_value *value = arena_new(arena, struct test_value, 1);
    bool is_empty = group->ordered.len == 0;
    *value = (struct test_value){.ordered = group->ordered};
    *test = (struct condition_test){.field = grouping->field,
                                    .op = is_empty ? TEST_EMPTY : TEST_EQUAL,
                                    .is_empty = is_empty,
                                    .value_count = is_empty ? 0 : 1,
                                    .values = value};
    *condition = (struct condition){.kind = CONDITION_TEST, .test = test};
    const struct condition *both[] = {condition, grouping->query->filter};
    return condition_all(arena, both, 2);
}

/** A value that only records hold which are not in the scope is none. */
static enum err is_seen(const struct grouping *grouping, str ordered, bool *is_seen_out)
{
    const struct view *view = grouping->view;
    *is_seen_out = true;
    if (rows_see_all(view, grouping->query->entity)) return ERR_NONE;
    struct query narrowed = *grouping->query;
    struct group group = {.ordered = ordered};
    uint32_t count;
    bool is_exact;
    narrowed.filter = group_condition(grouping, &group);
    TRY(query_count(view, &narrowed, 1, GROUPS_KEYS_MAX / GROUPS_MAX, &count, &is_exact));
    *is_seen_out = count > 0;
    return ERR_NONE;
}

/** The value as a record has it, since an index folds texts. */
static enum err add_stored(struct grouping *grouping, const struct scan_entry *entry)
{
    const struct field *field = grouping->field;
    struct arena *arena = grouping->view->task->arena;
    str ordered = arena_copy(arena, entry->ordered), record;
    bool is_one;
    if (is_known(grouping, ordered)) return ERR_NONE;
    TRY(is_seen(grouping, ordered, &is_one));
    if (!is_one) return ERR_NONE;
    TRY(txn_record_get_view(grouping->view->txn, field->entity->number, entry->id, &record));
    struct value value, item;
    if (!value_find(record, field->number, &value)) return ERR_NONE;
    bool is_list = field->kind_of->is_list && value.kind == VALUE_LIST;
    struct cursor cursor = cursor_of(is_list ? value.items : value.bytes);
    struct key_list keys = field->kind_of->order(arena, field, &value);
    for (uint32_t at = 0; at < keys.count && value_next(&cursor, &item); at++)
        if (str_eq(keys.items[at], ordered))
            return add_group(grouping, ordered, item.bytes), ERR_NONE;
    return ERR_NONE;
}

/** The values that records have, one key each: from one value on to the next. */
static enum err add_values(struct grouping *grouping)
{
    struct txn *txn = grouping->view->txn;
    const struct field *field = grouping->field;
    struct scan_range range = {.is_unbounded_from = true, .is_unbounded_to = true};
    for (bool has_entry = true; has_entry && !grouping->is_cut;) {
        struct scan_entry entry;
        struct scan *scan = scan_index(txn, field->entity->number, field->number, &range);
        TRY(scan_next(scan, &has_entry, &entry));
        if (has_entry) {
            range =
                (struct scan_range){.from = arena_copy(grouping->view->task->arena, entry.ordered),
                                    .from_is_open = true,
                                    .is_unbounded_to = true};
            TRY(add_stored(grouping, &entry));
        }
        scan_close(scan);
    }
    return ERR_NONE;
}

static enum err write_group(struct buf *json, const struct grouping *grouping,
                            const struct group *group)
{
    struct query narrowed = *grouping->query;
    uint32_t count, keys = GROUPS_KEYS_MAX / (grouping->count + 1);
    bool is_exact;
    narrowed.filter = group_condition(grouping, group);
    TRY(query_count(grouping->view, &narrowed, GROUP_COUNT_MAX, keys, &count, &is_exact));
    struct value stored = value_of(group->stored);
    buf_put(json, S("{\"value\":"));
    if (group->stored.len == 0) buf_put(json, S("null"));
    else if (grouping->field->kind == FIELD_REFERENCE)
        grouping->field->kind_of->write(json, grouping->field, &stored);
    else json_write(json, &stored);
    buf_put(json, S(",\"label\":"));
    if (group->label.len == 0) buf_put(json, S("null"));
    else json_write_text(json, group->label);
    buf_print(json, ",\"count\":{\"value\":%u,\"exact\":%s}}", count, is_exact ? "true" : "false");
    return ERR_NONE;
}

enum err groups_write(struct buf *json, const struct view *view, const struct query *query)
{
    struct grouping grouping = {.view = view, .query = query, .field = query->group};
    add_choices(&grouping);
    TRY(add_values(&grouping));
    grouping.groups[grouping.count++] = (struct group){};
    buf_put(json, S(",\"groups\":["));
    for (uint32_t at = 0; at < grouping.count; at++) {
        if (at > 0) buf_put_byte(json, ',');
        TRY(write_group(json, &grouping, &grouping.groups[at]));
    }
    buf_put_byte(json, ']');
    return ERR_NONE;
}
