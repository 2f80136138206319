/* Stored tests of a rule: what must come of a trial. */
#include "record/record.h"
#include "rules/recorded.h"
#include "rules/trial.h"
#include "value/json.h"

constexpr size_t TOLD_BYTES_MAX = 2 * MIB;
constexpr size_t SHOWN_BYTES_MAX = 200; /** of a value, in a message */
constexpr size_t PATH_BYTES_MAX = 200;

/** A walk through what was expected and what came. */
struct comparison {
    struct arena *arena;
    struct buf path; /** `changes[1].fields` */
    str failure;     /** the first difference; empty: none */
};

static str shown(struct arena *arena, const struct value *value)
{
    struct buf json = buf_make(arena, SHOWN_BYTES_MAX);
    json_write(&json, value);
    return buf_is_over(&json) ? S("something longer") : buf_str(&json);
}

static bool differ(struct comparison *comparison, const struct value *expected,
                   const struct value *came)
{
    struct arena *arena = comparison->arena;
    comparison->failure =
        arena_print(arena, "%.*s: expected %.*s, got %.*s", FMT(buf_str(&comparison->path)),
                    FMT(shown(arena, expected)), FMT(shown(arena, came)));
    return false;
}

static bool fits(struct comparison *comparison, const struct value *expected,
                 const struct value *came, uint32_t depth);

/** The members that are named, whatever else there is. */
static bool map_fits(struct comparison *comparison, const struct value *expected,
                     const struct value *came, uint32_t depth)
{
    struct cursor cursor = cursor_of(expected->items);
    struct value name, wanted;
    size_t len = comparison->path.len;
    for (uint32_t at = 0; at < expected->count; at++) {
        struct value own = {};
        if (!value_next(&cursor, &name) || !value_next(&cursor, &wanted)) return true;
        if (name.kind != VALUE_TEXT) continue;
        buf_print(&comparison->path, "%s%.*s", len > 0 ? "." : "", FMT(name.text));
        (void)value_find_text(came->bytes, name.text, &own);
        if (!fits(comparison, &wanted, &own, depth)) return false;
        comparison->path.len = len;
    }
    return true;
}

/** Item by item. */
static bool list_fits(struct comparison *comparison, const struct value *expected,
                      const struct value *came, uint32_t depth)
{
    struct cursor wanted = cursor_of(expected->items), given = cursor_of(came->items);
    size_t len = comparison->path.len;
    if (expected->count != came->count) return differ(comparison, expected, came);
    for (uint32_t at = 0; at < expected->count; at++) {
        struct value item, own;
        if (!value_next(&wanted, &item) || !value_next(&given, &own)) return true;
        buf_print(&comparison->path, "[%u]", at + 1);
        if (!fits(comparison, &item, &own, depth)) return false;
        comparison->path.len = len;
    }
    return true;
}

static bool fits(struct comparison *comparison, const struct value *expected,
                 const struct value *came, uint32_t depth)
{
    /* An empty object of Lua's and an empty list are the same thing to who writes tests there. */
    bool is_nothing = (expected->kind == VALUE_MAP || expected->kind == VALUE_LIST) &&
                      expected->count == 0 &&
                      (came->kind == VALUE_MAP || came->kind == VALUE_LIST) && came->count == 0;
    if (is_nothing) return true;
    if (depth > 0 && expected->kind == VALUE_MAP && came->kind == VALUE_MAP)
        return map_fits(comparison, expected, came, depth - 1);
    if (depth > 0 && expected->kind == VALUE_LIST && came->kind == VALUE_LIST)
        return list_fits(comparison, expected, came, depth - 1);
    return value_eq(expected, came) || differ(comparison, expected, came);
}

/** What a rule is about to say goes beside what the test asks. */
static void put_asked(struct buf *asked, const struct value *given, str rule)
{
    struct cursor cursor = cursor_of(given->items);
    struct value name, value;
    uint32_t count = given->kind == VALUE_MAP ? given->count : 0, kept = 0;
    for (uint32_t at = 0; at < count && value_next(&cursor, &name); at++)
        kept += value_next(&cursor, &value) && !str_eq(name.text, S("rule"));
    pack_map(asked, kept + 1);
    pack_text(asked, S("rule"));
    pack_raw(asked, rule);
    cursor = cursor_of(given->items);
    for (uint32_t at = 0; at < count && value_next(&cursor, &name); at++) {
        if (!value_next(&cursor, &value) || str_eq(name.text, S("rule"))) continue;
        pack_raw(asked, name.bytes);
        pack_raw(asked, value.bytes);
    }
}

static struct value member(const struct record *test, const char *name)
{
    const struct field *field = entity_field(test->entity, str_of(name));
    struct value value = {};
    if (field != nullptr && value_find(test->value, field->number, &value)) return value;
    return (struct value){};
}

/** Why the trial could not be made. */
static str refusal(struct arena *arena, const struct fault *fault)
{
    if (fault->item_count == 0) return fault->detail;
    const struct fault_item *first = &fault->items[0];
    return arena_print(arena, "%.*s: %.*s", FMT(first->field), FMT(first->message));
}

/** As it was kept, with the answers that it got then. */
static enum err run_recorded(struct rules *rules, const struct view *view, struct id id, str values,
                             const struct record *test, struct buf *told)
{
    struct value given = member(test, "given"), answers = member(test, "answers");
    struct rule rule;
    if (!rule_read_values(view, view->task->arena, id, &values, 1, &rule))
        return task_faults(view->task);
    return recorded_run(rules, view, &rule, &given, &answers, told);
}

static enum err run_asked(struct rules *rules, const struct view *view, struct id id, str values,
                          const struct record *test, struct buf *told)
{
    struct value given = member(test, "given");
    struct buf asked = buf_make(view->task->arena, 4 * RECORD_BYTES_MAX);
    put_asked(&asked, &given, values);
    struct trial_asked trial = {
        .rule = id, .given = value_of(buf_str(&asked)), .is_untraced = true};
    return trial_run(rules, view, &trial, told);
}

enum err trial_test(struct rules *rules, const struct view *view, struct id rule, str values,
                    const struct record *test, str *failure_out)
{
    struct arena *arena = view->task->arena;
    struct task task = {
        .arena = arena, .now_ms = view->task->now_ms, .request_id = view->task->request_id};
    struct view quiet = *view;
    struct value expected = member(test, "expected");
    struct buf told = buf_make(arena, TOLD_BYTES_MAX), read = buf_make(arena, 4 * TOLD_BYTES_MAX);
    bool is_kept = member(test, "answers").kind == VALUE_MAP;
    quiet.task = &task;
    *failure_out = (str){};
    enum err err = is_kept ? run_recorded(rules, &quiet, rule, values, test, &told)
                           : run_asked(rules, &quiet, rule, values, test, &told);
    bool is_ours = err == ERR_FULL || err == ERR_LIMITED || err == ERR_SYSTEM || err == ERR_CORRUPT;
    if (err != ERR_NONE && !is_ours) {
        *failure_out = arena_print(arena, "cannot be run: %.*s", FMT(refusal(arena, &task.fault)));
        return ERR_NONE;
    }
    if (err != ERR_NONE) return fail(view->task, err, "%.*s", FMT(task.fault.detail));
    if (!json_transcode(&read, buf_str(&told)))
        return fail(view->task, ERR_TOO_LARGE, "what came of a test is too long");
    struct comparison comparison = {.arena = arena, .path = buf_make(arena, PATH_BYTES_MAX)};
    struct value came = value_of(buf_str(&read));
    struct value message;
    if (fits(&comparison, &expected, &came, VALUE_DEPTH_MAX)) return ERR_NONE;
    *failure_out = comparison.failure;
    if (value_find_text(came.bytes, S("message"), &message) && message.kind == VALUE_TEXT)
        *failure_out =
            arena_print(arena, "%.*s (it says: %.*s)", FMT(comparison.failure), FMT(message.text));
    return ERR_NONE;
}

enum err trial_keep(struct rules *rules, const struct view *view, struct id run, str name,
                    const struct value *expected, str *test_out)
{
    struct task *task = view->task;
    struct recorded_test test;
    struct trace trace;
    struct rule rule;
    str talk, state;
    TRY(trace_get(task, view->txn, run, &trace));
    TRY(trace_talk(task, view->txn, run, &talk));
    TRY(rule_find(rules, view, trace.rule, &rule, &state));
    if (rule.is_builtin)
        return fail(task, ERR_CONFLICT, "this rule came with the product, and has no stored tests");
    TRY(recorded_read(task, &trace, talk, &test));
    struct buf map = buf_make(task->arena, 4 * RECORD_BYTES_MAX);
    pack_map(&map, 5);
    pack_text(&map, S("rule"));
    pack_text(&map, id_text(task->arena, trace.rule));
    pack_text(&map, S("name"));
    pack_text(&map, name);
    pack_text(&map, S("given"));
    pack_raw(&map, test.given);
    pack_text(&map, S("answers"));
    pack_raw(&map, test.answers);
    pack_text(&map, S("expected"));
    pack_raw(&map, expected->kind == VALUE_NIL ? test.expected : expected->bytes);
    if (buf_is_over(&map)) return fail(task, ERR_TOO_LARGE, "this is too long for a stored test");
    *test_out = buf_str(&map);
    return ERR_NONE;
}
