/* What is worth a look in a rule that is no fault: conditions that hold for no record, circles. */
#include "rules/judging.h"

#include <stdarg.h>

#include "base/fold.h"
#include "record/condition.h"

constexpr size_t REMARK_BYTES_MAX = 400;
constexpr uint32_t CIRCLE_RULES_MAX = 10; /** named in one remark */

/* Texts. */

/** Where it stands, or would. */
static uint32_t place_of(const struct texts *texts, str text)
{
    uint32_t from = 0, to = texts->count;
    while (from < to) {
        uint32_t at = (from + to) / 2;
        if (str_compare(texts->items[at], text) < 0) from = at + 1;
        else to = at;
    }
    return from;
}

void texts_add(struct texts *texts, str text)
{
    uint32_t at = place_of(texts, text);
    bool is_there = at < texts->count && str_eq(texts->items[at], text);
    if (is_there || text.len == 0 || texts->count == LIST_ITEMS_MAX) return;
    memmove(&texts->items[at + 1], &texts->items[at], (texts->count - at) * sizeof(str));
    texts->items[at] = text;
    texts->count++;
}

void judged_remark(struct judged *judged, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    str remark = arena_vprint(judged->view->task->arena, format, arguments);
    va_end(arguments);
    texts_add(&judged->remarks, utf8_first(remark, REMARK_BYTES_MAX));
}

/* Conditions that never hold. */

static bool is_lower(enum test_op op)
{
    return op == TEST_GREATER || op == TEST_GREATER_EQUAL;
}

static bool is_upper(enum test_op op)
{
    return op == TEST_LESS || op == TEST_LESS_EQUAL;
}

static bool has_value(const struct condition_test *test, const struct test_value *value)
{
    for (uint32_t at = 0; at < test->value_count; at++)
        if (str_eq(test->values[at].ordered, value->ordered) &&
            str_eq(test->values[at].whole, value->whole))
            return true;
    return false;
}

/** Whether a value lies within a range that has one end. */
static bool is_within(const struct condition_test *range, str ordered)
{
    int order = str_compare(ordered, range->values[0].ordered);
    switch (range->op) {
    case TEST_GREATER:
        return order > 0;
    case TEST_GREATER_EQUAL:
        return order >= 0;
    case TEST_LESS:
        return order < 0;
    case TEST_LESS_EQUAL:
        return order <= 0;
    case TEST_EQUAL:
    case TEST_NOT_EQUAL:
    case TEST_PREFIX:
    case TEST_EMPTY:
        return true;
    }
    return true;
}

/** Whether no single value passes both; the first one is an equality. */
static bool excludes_all(const struct condition_test *equal, const struct condition_test *other)
{
    bool is_comparable = other->op == TEST_EQUAL || other->op == TEST_NOT_EQUAL ||
                         ((is_lower(other->op) || is_upper(other->op)) && other->value_count == 1 &&
                          !other->is_cut && !equal->is_cut);
    if (!is_comparable) return false;
    for (uint32_t at = 0; at < equal->value_count; at++) {
        const struct test_value *value = &equal->values[at];
        bool passes = other->op == TEST_EQUAL       ? has_value(other, value)
                      : other->op == TEST_NOT_EQUAL ? !has_value(other, value)
                                                    : is_within(other, value->ordered);
        if (passes) return false;
    }
    return true;
}

/** Whether both cannot hold of one record. */
static bool are_apart(const struct condition_test *a, const struct condition_test *b)
{
    if (a->of != b->of || a->field != b->field) return false;
    if (a->op == TEST_EMPTY && b->op == TEST_EMPTY) return a->is_empty != b->is_empty;
    if (b->op == TEST_EMPTY) return b->is_empty && a->op != TEST_NOT_EQUAL;
    if (a->op == TEST_EMPTY) return a->is_empty && b->op != TEST_NOT_EQUAL;
    if (a->field->kind_of->is_list) return false; /* one item may pass one, another the other */
    if (a->op == TEST_EQUAL) return excludes_all(a, b);
    if (b->op == TEST_EQUAL) return excludes_all(b, a);
    bool is_range = (is_lower(a->op) && is_upper(b->op)) || (is_upper(a->op) && is_lower(b->op));
    if (!is_range || a->value_count != 1 || b->value_count != 1 || a->is_cut || b->is_cut)
        return false;
    int order = str_compare(a->values[0].ordered, b->values[0].ordered);
    if (is_upper(a->op)) order = -order;
    bool is_open =
        a->op == TEST_GREATER || a->op == TEST_LESS || b->op == TEST_GREATER || b->op == TEST_LESS;
    return order > 0 || (order == 0 && is_open);
}

/** The tests that all must hold, at most CONDITION_TESTS_MAX; those of inner lists too. */
struct needed {
    uint32_t count;
    const struct condition_test *tests[CONDITION_TESTS_MAX];
};

static void need(const struct condition *condition, struct needed *needed)
{
    if (condition->kind == CONDITION_TEST) {
        if (needed->count < CONDITION_TESTS_MAX) needed->tests[needed->count++] = condition->test;
    } else if (condition->kind == CONDITION_ALL) {
        for (uint32_t at = 0; at < condition->item_count; at++) need(&condition->items[at], needed);
    }
}

/** Where it says what cannot be, of a condition that holds for no record; empty: it may hold. */
static str never_at(const struct condition *condition)
{
    struct needed needed = {};
    switch (condition->kind) {
    case CONDITION_TEST:
        return (str){};
    case CONDITION_NOT:
        return condition_is_always(condition->items) ? S("when") : (str){};
    case CONDITION_ANY:
        for (uint32_t at = 0; at < condition->item_count; at++)
            if (never_at(&condition->items[at]).len == 0) return (str){};
        return condition->item_count == 0 ? S("when") : never_at(&condition->items[0]);
    case CONDITION_ALL:
        break;
    }
    for (uint32_t at = 0; at < condition->item_count; at++) {
        str place = never_at(&condition->items[at]);
        if (place.len > 0) return place;
    }
    need(condition, &needed);
    for (uint32_t at = 0; at < needed.count; at++)
        for (uint32_t of = 0; of < at; of++)
            if (are_apart(needed.tests[of], needed.tests[at])) return needed.tests[at]->path;
    return (str){};
}

static void judge_when(struct judged *judged)
{
    const struct rule *rule = judged->rule;
    if (rule->changed_count > 0 && rule->operations == 1 << OPERATION_DELETE)
        judged_remark(judged, "never runs: of a record that is deleted nothing has changed");
    if (rule->when == nullptr) return;
    str place = never_at(rule->when);
    if (place.len > 0)
        judged_remark(judged, "never runs: what %.*s says no record can fulfil", FMT(place));
    struct task quiet = {.arena = judged->view->task->arena};
    struct view view = *judged->view;
    view.task = &quiet;
    if (condition_verify(&view, rule->when)) return;
    for (uint32_t at = 0; at < quiet.fault.item_count; at++)
        judged_remark(judged, "%.*s: %.*s", FMT(quiet.fault.items[at].field),
                      FMT(quiet.fault.items[at].message));
}

/* Circles: what a rule writes may be what another one runs on, and so on until it runs again. */

struct node {
    struct id id;
    str name;
    str entity;
    bool is_caused;       /** it runs when something is written */
    bool is_before;       /** what it writes into its own record fires no other `before` rule */
    bool runs_on_writes;  /** on create or update */
    struct value changed; /** a list of names, or nil */
    uint32_t write_count;
    const str *writes;
    uint32_t by; /** whom it was reached from */
    bool is_reached;
};

static bool path_fires(str path, const struct node *from, const struct node *to)
{
    str entity, field;
    bool is_whole = !str_cut(path, '.', &entity, &field);
    if (!str_eq(entity, to->entity)) return false;
    bool is_own = from->is_before && str_eq(entity, from->entity) && !is_whole;
    if (is_own && to->is_before) return false;
    if (!is_whole && !to->runs_on_writes) return false;
    return is_whole || to->changed.kind != VALUE_LIST || to->changed.count == 0 ||
           list_has_text(&to->changed, field);
}

static bool fires(const struct node *from, const struct node *to)
{
    if (!to->is_caused) return false;
    for (uint32_t at = 0; at < from->write_count; at++)
        if (path_fires(from->writes[at], from, to)) return true;
    return false;
}

static void node_of_standing(struct arena *arena, const struct standings *standings,
                             const struct standing *standing, struct node *node)
{
    enum rule_point point;
    struct value on = standing_value(standings, standing, "on");
    struct value writes = standing_value(standings, standing, "writes"), item;
    bool is_known = rule_point_of(standing_text(standings, standing, "point"), &point);
    *node = (struct node){.id = standing->id,
                          .name = standing_text(standings, standing, "name"),
                          .entity = standing_text(standings, standing, "entity"),
                          .is_caused = is_known && point <= RULE_SETTLED,
                          .is_before = is_known && point == RULE_BEFORE,
                          .runs_on_writes = on.kind != VALUE_LIST || on.count == 0 ||
                                            list_has_text(&on, S("create")) ||
                                            list_has_text(&on, S("update")),
                          .changed = standing_value(standings, standing, "changed")};
    if (writes.kind != VALUE_LIST) return;
    str *paths = arena_new(arena, str, writes.count + 1);
    struct cursor cursor = cursor_of(writes.items);
    for (uint32_t at = 0; at < writes.count && value_next(&cursor, &item); at++)
        if (item.kind == VALUE_TEXT) paths[node->write_count++] = item.text;
    node->writes = paths;
}

static struct value changed_of(struct arena *arena, const struct rule *rule)
{
    struct buf list = buf_make(arena, FIELDS_MAX * KIB);
    pack_list(&list, rule->changed_count);
    for (uint32_t at = 0; at < rule->changed_count; at++) pack_text(&list, rule->changed[at]->name);
    return value_of(buf_str(&list));
}

static void node_of_judged(const struct judged *judged, struct node *node)
{
    const struct rule *rule = judged->rule;
    uint8_t writes = 1 << OPERATION_CREATE | 1 << OPERATION_UPDATE;
    *node = (struct node){.id = rule->id,
                          .name = rule->name,
                          .entity = rule->entity->name,
                          .is_caused = rule->point <= RULE_SETTLED,
                          .is_before = rule->point == RULE_BEFORE,
                          .runs_on_writes = (rule->operations & writes) != 0,
                          .changed = changed_of(judged->view->task->arena, rule),
                          .write_count = judged->writes.count,
                          .writes = judged->writes.items,
                          .is_reached = true};
}

/** `A → B → A`, from the last one before the circle closes. */
static void tell_circle(struct judged *judged, const struct node *nodes, uint32_t last)
{
    uint32_t chain[CIRCLE_RULES_MAX];
    uint32_t count = 0;
    struct buf names = buf_make(judged->view->task->arena, 4 * KIB);
    for (uint32_t at = last; at != 0 && count < CIRCLE_RULES_MAX; at = nodes[at].by)
        chain[count++] = at;
    buf_print(&names, "%.*s", FMT(nodes[0].name));
    while (count > 0) {
        str name = nodes[chain[--count]].name;
        buf_print(&names, " → %.*s", FMT(name));
    }
    judged_remark(judged, "may set itself off in a circle: %.*s → %.*s; a chain ends after %u",
                  FMT(buf_str(&names)), FMT(nodes[0].name), RULE_DEPTH_MAX);
}

/** The shortest way by which this rule may set itself off by others. */
static enum err judge_circle(struct judged *judged)
{
    struct standings standings;
    struct arena *arena = judged->view->task->arena;
    if (judged->writes.count == 0 || judged->rule->point > RULE_SETTLED) return ERR_NONE;
    TRY(standings_read(judged->view, &standings, nullptr));
    struct node *nodes = arena_new(arena, struct node, standings.count + 1);
    uint32_t *queue = arena_new(arena, uint32_t, standings.count + 1);
    uint32_t count = 1, from = 0, to = 1;
    node_of_judged(judged, &nodes[0]);
    for (uint32_t at = 0; at < standings.count; at++)
        if (!id_eq(standings.items[at].id, judged->rule->id))
            node_of_standing(arena, &standings, &standings.items[at], &nodes[count++]);
    queue[0] = 0;
    while (from < to) {
        uint32_t at = queue[from++];
        if (at != 0 && fires(&nodes[at], &nodes[0])) {
            tell_circle(judged, nodes, at);
            return ERR_NONE;
        }
        for (uint32_t of = 1; of < count; of++) {
            if (nodes[of].is_reached || !fires(&nodes[at], &nodes[of])) continue;
            nodes[of].is_reached = true;
            nodes[of].by = at;
            queue[to++] = of;
        }
    }
    return ERR_NONE;
}

enum err judge_remarks(struct judged *judged)
{
    judge_when(judged);
    return judge_circle(judged);
}
