#include "record/plan.h"

#include "base/require.h"
#include "record/index.h"
#include "record/rows.h"
#include "value/key.h"

constexpr uint32_t BEHIND_MAX = 50; /** records behind a reference that are followed back */
constexpr size_t ID_TIME_BYTES = 6;
constexpr int64_t ID_TIME_MAX = ((int64_t)1 << 48) - 1;

/* Drivers. */

static bool can_find(const struct condition_test *test)
{
    bool has_index = test->field->is_indexed && !is_in_id_order(test->field);
    return has_index && test->op != TEST_NOT_EQUAL && test->op != TEST_EMPTY;
}

static bool add_sources(const struct view *view, struct driver *driver,
                        const struct condition *condition);

/** Whether what a test finds is what it means: not where a value is cut, nor behind a reference
 *  whose records are not all seen. */
static bool is_exact(const struct view *view, const struct condition_test *test)
{
    bool is_behind = test->of != nullptr && !test->field->is_hidden;
    return !test->is_cut && !(is_behind && !rows_see_all(view, test->of->to));
}

/** Of conditions that must all hold one is enough to find them; equality finds the fewest. */
static bool add_one_of(const struct view *view, struct driver *driver,
                       const struct condition *condition)
{
    uint32_t mark = driver->source_count;
    for (int is_any = 0; is_any < 2; is_any++)
        for (uint32_t at = 0; at < condition->item_count; at++) {
            const struct condition *item = &condition->items[at];
            bool is_equal = item->kind == CONDITION_TEST && item->test->op == TEST_EQUAL;
            if (is_any == 0 && !is_equal) continue;
            driver->source_count = mark;
            if (add_sources(view, driver, item)) return true;
        }
    driver->source_count = mark;
    return false;
}

static bool add_sources(const struct view *view, struct driver *driver,
                        const struct condition *condition)
{
    bool is_found = true;
    switch (condition->kind) {
    case CONDITION_TEST:
        if (!can_find(condition->test) || driver->source_count == SOURCES_MAX) return false;
        driver->sources[driver->source_count++] = condition->test;
        driver->is_exact = driver->is_exact && is_exact(view, condition->test);
        return true;
    case CONDITION_ALL:
        driver->is_exact = false;
        return add_one_of(view, driver, condition);
    case CONDITION_ANY:
        for (uint32_t at = 0; at < condition->item_count && is_found; at++)
            is_found = add_sources(view, driver, &condition->items[at]);
        return is_found;
    case CONDITION_NOT:
        return false;
    }
    return false;
}

bool driver_make(const struct view *view, const struct condition *condition, struct driver *driver)
{
    driver->condition = condition;
    driver->source_count = 0;
    driver->is_exact = true;
    return add_sources(view, driver, condition);
}

uint32_t query_conjuncts(const struct query *query, const struct condition **conjuncts_out)
{
    const struct condition *filter = query->filter;
    bool is_all = filter->kind == CONDITION_ALL;
    *conjuncts_out = is_all ? filter->items : filter;
    return is_all ? filter->item_count : 1;
}

const struct condition *condition_rest(struct arena *arena, const struct query *query,
                                       const struct condition *decided)
{
    const struct condition *conjuncts;
    uint32_t count = query_conjuncts(query, &conjuncts);
    const struct condition **left = arena_new(arena, const struct condition *, count);
    uint32_t left_count = 0;
    for (uint32_t at = 0; at < count; at++)
        if (&conjuncts[at] != decided) left[left_count++] = &conjuncts[at];
    return left_count == 0 ? nullptr : condition_all(arena, left, left_count);
}

/* Ranges. */

struct scan_range source_range(const struct condition_test *test, uint32_t value_at)
{
    const struct test_value *value = &test->values[value_at];
    struct scan_range range = {.from = value->ordered, .to = value->ordered};
    bool is_cut = value->whole.len > 0; /* then what begins with it may lie on either side */
    switch (test->op) {
    case TEST_GREATER:
        range.from_is_open = !is_cut;
        [[fallthrough]];
    case TEST_GREATER_EQUAL:
        range.is_unbounded_to = true;
        break;
    case TEST_LESS:
        range.to_is_open = !is_cut;
        [[fallthrough]];
    case TEST_LESS_EQUAL:
        range.is_unbounded_from = true;
        break;
    case TEST_EQUAL:
    case TEST_PREFIX:
        break;
    case TEST_NOT_EQUAL:
    case TEST_EMPTY:
        require(false);
        break;
    }
    return range;
}

/** What bounds a walk in the order of one field: at most one condition at either end. */
struct bounds {
    const struct condition *lower;
    const struct condition *upper;
};

static bool is_lower(enum test_op op)
{
    return op == TEST_GREATER || op == TEST_GREATER_EQUAL;
}

static bool is_upper(enum test_op op)
{
    return op == TEST_LESS || op == TEST_LESS_EQUAL;
}

/** Those of the conditions that bound this field; equality and a prefix bound it at both ends. */
static struct bounds find_bounds(const struct condition *conjuncts, uint32_t count,
                                 const struct field *field, const struct condition *driver)
{
    struct bounds bounds = {};
    for (uint32_t at = 0; at < count; at++) {
        const struct condition *one = &conjuncts[at];
        bool is_fit = one != driver && one->kind == CONDITION_TEST && one->test->of == nullptr &&
                      one->test->field == field && one->test->value_count == 1;
        if (!is_fit || one->test->op == TEST_NOT_EQUAL) continue;
        bool is_at_both = one->test->op == TEST_EQUAL || one->test->op == TEST_PREFIX;
        if (is_at_both) return (struct bounds){one, one};
        if (is_lower(one->test->op) && bounds.lower == nullptr) bounds.lower = one;
        if (is_upper(one->test->op) && bounds.upper == nullptr) bounds.upper = one;
    }
    return bounds;
}

static bool bounds_decide(const struct bounds *bounds, const struct condition *condition)
{
    return (condition == bounds->lower || condition == bounds->upper) && !condition->test->is_cut;
}

static str join(struct arena *arena, str front, str behind)
{
    struct buf out = buf_make(arena, KEY_INDEX_BYTES_MAX + 1);
    buf_put(&out, front);
    buf_put(&out, behind);
    require(!buf_is_over(&out));
    return buf_str(&out);
}

/** A bound of `created_at` as the first bytes of ids. */
static str id_bound(struct arena *arena, str ordered, bool *is_outside_out)
{
    int64_t ms = key_get_int(ordered);
    *is_outside_out = ms < 0 || ms > ID_TIME_MAX;
    ms = ms < 0 ? 0 : ms > ID_TIME_MAX ? ID_TIME_MAX : ms;
    char *bytes = arena_take_raw(arena, ID_TIME_BYTES);
    for (size_t at = 0; at < ID_TIME_BYTES; at++)
        bytes[at] = (char)(uint8_t)(ms >> 8 * (ID_TIME_BYTES - 1 - at));
    return (str){bytes, ID_TIME_BYTES};
}

static str bound_of(struct arena *arena, const struct condition *bound, bool *is_outside_out)
{
    const struct condition_test *test = bound->test;
    *is_outside_out = false;
    return is_in_id_order(test->field) ? id_bound(arena, test->values[0].ordered, is_outside_out)
                                       : test->values[0].ordered;
}

static struct scan_range bounded_range(struct arena *arena, str front, const struct bounds *bounds)
{
    struct scan_range range = {.from = front, .to = front};
    range.is_unbounded_from = range.is_unbounded_to = front.len == 0;
    bool is_outside;
    if (bounds->lower != nullptr) {
        const struct condition_test *test = bounds->lower->test;
        range.from = join(arena, front, bound_of(arena, bounds->lower, &is_outside));
        /* What lies outside what ids can say was cut to their ends, which stay in. */
        range.from_is_open = test->op == TEST_GREATER && !test->is_cut && !is_outside;
        range.is_unbounded_from = false;
    }
    if (bounds->upper != nullptr) {
        const struct condition_test *test = bounds->upper->test;
        range.to = join(arena, front, bound_of(arena, bounds->upper, &is_outside));
        range.to_is_open = test->op == TEST_LESS && !test->is_cut && !is_outside;
        range.is_unbounded_to = false;
    }
    return range;
}

/* Stretches. */

/** A plan that is being made. */
struct planning {
    const struct view *view;
    const struct query *query;
    const struct field *sort; /** the first one; nullptr: by id */
    const struct condition *conjuncts;
    uint32_t conjunct_count;
    struct bounds bounds;
    uint32_t counts[2];
    struct stretch *stretches[2];
};

static bool add_stretch(struct planning *planning, uint32_t section, struct stretch stretch)
{
    if (planning->counts[section] == STRETCHES_MAX) return false;
    planning->stretches[section][planning->counts[section]++] = stretch;
    return true;
}

/** The records equal to `value` in an indexed field, in the order of the list; false where no index
 *  has that order. */
static bool add_equal(struct planning *planning, const struct field *field, str value)
{
    struct arena *arena = planning->view->task->arena;
    if (planning->sort == nullptr)
        return add_stretch(planning, 0,
                           (struct stretch){field->number,
                                            bounded_range(arena, value, &planning->bounds), value,
                                            false});
    const struct pair *pair = entity_pair(field->entity, field, planning->sort);
    if (pair == nullptr || pair->is_building) return false;
    str with = join(arena, value, (str){&PAIR_WITH_SECOND, 1});
    str without = join(arena, value, (str){&PAIR_WITHOUT_SECOND, 1});
    bool is_bounded = planning->bounds.lower != nullptr || planning->bounds.upper != nullptr;
    if (!add_stretch(planning, 0,
                     (struct stretch){pair->number, bounded_range(arena, with, &planning->bounds),
                                      with, true}))
        return false;
    struct scan_range range = {.from = without, .to = without};
    return is_bounded ||
           add_stretch(planning, 1, (struct stretch){pair->number, range, without, false});
}

/** Follows few records behind a reference back to those that refer to them. */
static enum err add_behind(struct planning *planning, const struct condition_test *test,
                           bool *is_fit)
{
    struct id ids[BEHIND_MAX];
    uint32_t count = 0;
    const struct field *field = test->field;
    for (uint32_t at = 0; at < test->value_count && *is_fit; at++) {
        struct scan_range range = source_range(test, at);
        struct scan *scan =
            scan_index(planning->view->txn, field->entity->number, field->number, &range);
        for (;;) {
            bool has_entry;
            struct scan_entry entry;
            TRY(scan_next(scan, &has_entry, &entry));
            *is_fit = !has_entry || count < BEHIND_MAX;
            if (!has_entry || !*is_fit) break;
            ids[count++] = entry.id;
        }
        scan_close(scan);
    }
    struct arena *arena = planning->view->task->arena;
    for (uint32_t at = 0; at < count && *is_fit; at++)
        *is_fit = add_equal(planning, test->of, arena_copy(arena, id_bytes(&ids[at])));
    return ERR_NONE;
}

static enum err add_source(struct planning *planning, const struct condition_test *test,
                           bool *is_fit)
{
    if (test->of != nullptr) {
        bool has_order = planning->sort == nullptr ||
                         entity_pair(test->of->entity, test->of, planning->sort) != nullptr;
        *is_fit = has_order;
        return has_order ? add_behind(planning, test, is_fit) : ERR_NONE;
    }
    for (uint32_t at = 0; at < test->value_count && *is_fit; at++) {
        if (test->field == planning->sort)
            *is_fit = add_stretch(
                planning, 0,
                (struct stretch){test->field->number, source_range(test, at), (str){}, true});
        else
            *is_fit = test->op == TEST_EQUAL &&
                      add_equal(planning, test->field, test->values[at].ordered);
    }
    return ERR_NONE;
}

static bool is_always_there(const struct field *field)
{
    if (field->is_system) return field->number == FIELD_UPDATED_AT;
    return field->is_required && field->waived_by.len == 0 &&
           field->number < FIELD_NUMBER_CUSTOM_MIN;
}

/** No value in the sort field. */
static const struct condition *absence(struct arena *arena, const struct field *field)
{
    struct condition_test *test = arena_new(arena, struct condition_test, 1);
    struct condition *condition = arena_new(arena, struct condition, 1);
    *test = (struct condition_test){.field = field, .op = TEST_EMPTY, .is_empty = true};
    *condition = (struct condition){.kind = CONDITION_TEST, .test = test};
    return condition;
}

/** All that neither the driver nor the bounds decide. */
static const struct condition *rest_of(const struct planning *planning, const struct driver *driver)
{
    struct arena *arena = planning->view->task->arena;
    const struct condition **left =
        arena_new(arena, const struct condition *, planning->conjunct_count);
    uint32_t count = 0;
    for (uint32_t at = 0; at < planning->conjunct_count; at++) {
        const struct condition *one = &planning->conjuncts[at];
        bool is_driven = driver != nullptr && driver->condition == one && driver->is_exact;
        if (!is_driven && !bounds_decide(&planning->bounds, one)) left[count++] = one;
    }
    return count == 0 ? nullptr : condition_all(arena, left, count);
}

/** The sort's own index, or the records; without a value in it all records, tested for that. */
static void add_base(struct planning *planning)
{
    struct arena *arena = planning->view->task->arena;
    const struct field *sort = planning->sort;
    struct stretch stretch = {.index = sort == nullptr ? INDEX_OF_RECORDS : sort->number,
                              .range = bounded_range(arena, (str){}, &planning->bounds),
                              .has_value = sort != nullptr};
    (void)add_stretch(planning, 0, stretch);
    bool is_bounded = planning->bounds.lower != nullptr || planning->bounds.upper != nullptr;
    if (sort == nullptr || is_bounded || is_always_there(sort)) return;
    struct scan_range all = {.is_unbounded_from = true, .is_unbounded_to = true};
    (void)add_stretch(planning, 1, (struct stretch){INDEX_OF_RECORDS, all, (str){}, false});
}

/** Whether the driver walks stretches of the sort's own index, to which no other bounds are put. */
static bool walks_sort(const struct planning *planning, const struct driver *driver)
{
    bool walks = false;
    for (uint32_t at = 0; at < driver->source_count && !walks; at++)
        walks = driver->sources[at]->of == nullptr && driver->sources[at]->field == planning->sort;
    return walks;
}

/** Whether the walk is through what the list shows alone: the few archived records between them are
 *  passed over, and counted as such. */
static bool is_whole(const struct query *query, const struct condition *rest)
{
    if (rest == nullptr) return true;
    const struct condition_test *test = rest->test;
    return rest->kind == CONDITION_TEST && test->op == TEST_EMPTY && test->is_empty &&
           test->of == nullptr && test->field == query->entity->archived_at;
}

static const struct condition *and_also(struct arena *arena, const struct condition *one,
                                        const struct condition *other)
{
    const struct condition *both[] = {one, other};
    return condition_all(arena, both, 2);
}

static enum err plan_make(struct planning *planning, const struct driver *driver, struct plan *plan,
                          bool *is_fit_out)
{
    struct arena *arena = planning->view->task->arena;
    const struct query *query = planning->query;
    const struct field *sort = planning->sort;
    const struct field *ordering =
        sort != nullptr ? sort : entity_field_by_number(query->entity, FIELD_CREATED_AT);
    *is_fit_out = true;
    planning->counts[0] = planning->counts[1] = 0;
    for (int at = 0; at < 2; at++)
        planning->stretches[at] = arena_new(arena, struct stretch, STRETCHES_MAX);
    planning->bounds = find_bounds(planning->conjuncts, planning->conjunct_count, ordering,
                                   driver == nullptr ? nullptr : driver->condition);
    if (driver != nullptr && walks_sort(planning, driver)) planning->bounds = (struct bounds){};
    if (driver == nullptr) add_base(planning);
    else
        for (uint32_t at = 0; at < driver->source_count && *is_fit_out; at++)
            TRY(add_source(planning, driver->sources[at], is_fit_out));
    if (!*is_fit_out) return ERR_NONE;
    const struct condition *rest = rest_of(planning, driver);
    *plan = (struct plan){.section_count = planning->counts[1] > 0 ? 2 : 1,
                          .is_whole = is_whole(query, rest)};
    for (int at = 0; at < 2; at++)
        plan->sections[at] = (struct section){planning->counts[at], planning->stretches[at], rest};
    if (driver == nullptr && plan->section_count == 2)
        plan->sections[1].rest = and_also(arena, rest, absence(arena, sort));
    return ERR_NONE;
}

enum err plans_make(const struct view *view, const struct query *query, struct plan *plans,
                    uint32_t *count_out)
{
    struct planning planning = {.view = view,
                                .query = query,
                                .sort = query->sort_count > 0 ? query->sorts[0].field : nullptr};
    planning.conjunct_count = query_conjuncts(query, &planning.conjuncts);
    *count_out = 0;
    struct plan plan;
    bool is_fit;
    for (uint32_t at = 0; at < planning.conjunct_count && *count_out < PLANS_MAX - 1; at++) {
        struct driver driver;
        if (!driver_make(view, &planning.conjuncts[at], &driver)) continue;
        TRY(plan_make(&planning, &driver, &plan, &is_fit));
        if (!is_fit) continue;
        plans[(*count_out)++] = plan;
        if (plan.is_whole) return plans[0] = plan, *count_out = 1, ERR_NONE;
    }
    TRY(plan_make(&planning, nullptr, &plan, &is_fit));
    if (plan.is_whole) *count_out = 0;
    plans[(*count_out)++] = plan;
    return ERR_NONE;
}
