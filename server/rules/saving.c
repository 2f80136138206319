#include "rules/saving.h"

#include "base/clock.h"
#include "base/require.h"
#include "record/query.h"
#include "rules/builtin.h"
#include "rules/judging.h"
#include "rules/naming.h"
#include "rules/trial.h"
#include "rules/versions.h"

constexpr size_t LIST_BYTES_MAX = RECORD_BYTES_MAX;
constexpr uint32_t ENTITIES_NAMED_MAX = 3; /** in a refusal */

/** What a rule does: another value of one of these is another version. */
static const str doing[] = {S("entity"), S("point"), S("on"),    S("when"),   S("changed"),
                            S("source"), S("set"),   S("every"), S("reject"), S("reject_field")};
constexpr size_t doing_count = sizeof doing / sizeof doing[0];

bool saving_is_of(const struct entity *entity)
{
    return entity->number == RULE_ENTITY || entity->number == RULE_VERSION_ENTITY ||
           entity->number == RULE_TEST_ENTITY || entity->shapes_model;
}

/* Who. */

static enum err verify_sees_all(const struct view *view)
{
    if ((view->scope->rows & ROWS_ALL) == 0)
        return fail(view->task, ERR_FORBIDDEN,
                    "a rule sees the records of all clients, so only who may as well can save one, "
                    "try one or see what it did");
    for (uint32_t at = 0; at < view->model->group_count; at++)
        TRY(scope_require_group(view->task, view->scope, view->model, view->model->groups[at].name,
                                SCOPE_EDIT));
    return ERR_NONE;
}

enum err rule_verify_author(const struct view *view)
{
    const struct model *model = view->model;
    const struct scope *scope = view->scope;
    static const struct {
        enum scope_action action;
        const char *word;
    } actions[] = {{SCOPE_VIEW, "view"},
                   {SCOPE_CREATE, "create"},
                   {SCOPE_EDIT, "edit"},
                   {SCOPE_DELETE, "delete"}};
    struct buf lacks = buf_make(view->task->arena, 1 * KIB);
    uint32_t count = 0;
    struct right lacking = {};
    for (uint32_t at = 0; at < model->entity_count; at++) {
        const struct entity *entity = &model->entities[at];
        for (size_t of = 0; of < sizeof actions / sizeof actions[0]; of++) {
            if (scope_may(scope, entity->number, actions[of].action)) continue;
            if (count == 0)
                lacking =
                    (struct right){.entity = entity->name, .action = str_of(actions[of].word)};
            if (count < ENTITIES_NAMED_MAX)
                buf_print(&lacks, "%s%s %.*s", count == 0 ? "" : ", ", actions[of].word,
                          FMT(entity->plural));
            count++;
            break;
        }
    }
    if (count == 0) return verify_sees_all(view);
    view->task->fault.right = lacking;
    return fail(view->task, ERR_FORBIDDEN,
                "a rule sees and changes everything, so only who may as well can save one, try one "
                "or see what it did; you may not: %.*s%s",
                FMT(buf_str(&lacks)), count > ENTITIES_NAMED_MAX ? ", …" : "");
}

static enum err verify_author(const struct change *change)
{
    struct view view = change_view(change);
    return rule_verify_author(&view);
}

/* The draft of a rule. */

static const struct field *field_of(const struct draft *draft, str name)
{
    const struct field *field = entity_field(draft_entity(draft), name);
    require(field != nullptr);
    return field;
}

static bool has_other(const struct draft *draft, str name)
{
    const struct field *field = field_of(draft, name);
    return !str_eq(draft_stored(draft, field, true), draft_stored(draft, field, false));
}

static bool does_other(const struct draft *draft)
{
    for (size_t at = 0; at < doing_count; at++)
        if (has_other(draft, doing[at])) return true;
    return false;
}

static str text_now(const struct draft *draft, str name)
{
    str stored = draft_stored(draft, field_of(draft, name), false);
    struct value value = value_of(stored);
    return stored.len > 0 && value.kind == VALUE_TEXT ? value.text : (str){};
}

static bool is_active(const struct draft *draft)
{
    return str_eq(text_now(draft, S("state")), S("active"));
}

static int64_t number_of(const struct draft *draft, bool is_before)
{
    str stored = draft_stored(draft, field_of(draft, S("version_number")), is_before);
    struct value value = stored.len > 0 ? value_of(stored) : (struct value){};
    if (value.kind == VALUE_FLOAT) return (int64_t)value.number;
    return value.kind == VALUE_INT ? value.integer : 0;
}

static void compute_number(struct change *change, struct draft *draft, int64_t number)
{
    struct buf out = buf_make(change->task->arena, 16);
    pack_int(&out, number);
    struct value given = value_of(buf_str(&out));
    draft_compute(change, draft, field_of(draft, S("version_number")), &given);
}

static void compute_texts(struct change *change, struct draft *draft, str name,
                          const struct texts *texts)
{
    struct buf out = buf_make(change->task->arena, LIST_BYTES_MAX);
    pack_list(&out, texts->count);
    for (uint32_t at = 0; at < texts->count; at++) pack_text(&out, texts->items[at]);
    struct value given = value_of(buf_str(&out));
    draft_compute(change, draft, field_of(draft, name), &given);
}

/** One in each line. */
static void compute_remarks(struct change *change, struct draft *draft, const struct texts *remarks)
{
    struct buf lines = buf_make(change->task->arena, TEXT_BYTES_MAX);
    struct buf out = buf_make(change->task->arena, 2 * TEXT_BYTES_MAX);
    for (uint32_t at = 0; at < remarks->count && !buf_is_over(&lines); at++)
        buf_print(&lines, "%s%.*s", at == 0 ? "" : "\n", FMT(remarks->items[at]));
    pack_text(&out, buf_str(&lines));
    struct value given = value_of(buf_str(&out));
    draft_compute(change, draft, field_of(draft, S("remarks")), &given);
}

/** `room`: for so many more. */
static enum err verify_count(struct change *change, uint32_t room)
{
    struct view view = change_view(change);
    struct standings standings;
    uint32_t count;
    TRY(standings_read(&view, &standings, &count));
    if (count + room <= RULES_OF_TENANT_MAX) return ERR_NONE;
    return fail(change->task, ERR_CONFLICT, "a firm has at most %u rules", RULES_OF_TENANT_MAX);
}

/* In place of a built-in one. */

/** What was not said is as the built-in rule has it. */
static enum err fill_from(struct change *change, struct draft *draft, const struct value *builtin)
{
    static const str deeds[] = {S("source"), S("set"), S("reject"), S("reject_field")};
    bool has_deed = false;
    for (size_t at = 0; at < sizeof deeds / sizeof deeds[0]; at++)
        has_deed = has_deed || draft_stored(draft, field_of(draft, deeds[at]), false).len > 0;
    struct cursor cursor = cursor_of(builtin->items);
    struct value name, given;
    for (uint32_t at = 0; at < builtin->count; at++) {
        if (!value_next(&cursor, &name) || !value_next(&cursor, &given)) break;
        const struct field *field = entity_field(draft_entity(draft), name.text);
        if (field == nullptr || field->is_computed || str_eq(name.text, S("state"))) continue;
        bool is_deed = false;
        for (size_t of = 0; of < sizeof deeds / sizeof deeds[0]; of++)
            is_deed = is_deed || str_eq(deeds[of], name.text);
        if (is_deed && has_deed) continue;
        /* Where there is a default, what was said cannot be told from it unless it is another. */
        str stored = draft_stored(draft, field, false);
        struct value now = stored.len > 0 ? value_of(stored) : (struct value){};
        struct value initial = field->initial.len > 0 ? value_of(field->initial) : (struct value){};
        if (stored.len == 0 || value_eq(&now, &initial))
            TRY(draft_set(change, draft, field, &given));
    }
    return ERR_NONE;
}

static enum err fill_builtin(struct rules *rules, struct change *change, struct draft *draft)
{
    str name = text_now(draft, S("builtin"));
    struct value builtin;
    if (name.len == 0) return ERR_NONE;
    if (!builtin_find(rules_builtin(rules), name, &builtin)) {
        struct buf names = buf_make(change->task->arena, 4 * KIB);
        builtin_names(rules_builtin(rules), &names);
        task_fault(change->task, S("builtin"), S("unknown"),
                   "there is no such built-in rule; there are: %.*s", FMT(buf_str(&names)));
        return ERR_NONE;
    }
    if (draft_operation(draft) == OPERATION_CREATE) TRY(fill_from(change, draft, &builtin));
    static const str same[] = {S("entity"), S("point")};
    for (size_t at = 0; at < sizeof same / sizeof same[0]; at++) {
        struct value wanted;
        if (!value_find_text(builtin.bytes, same[at], &wanted) ||
            str_eq(wanted.text, text_now(draft, same[at])))
            continue;
        task_fault(change->task, same[at], S("unfit"),
                   "is %.*s of the built-in rule, and of what stands in its place",
                   FMT(wanted.text));
    }
    return ERR_NONE;
}

/* Judging. */

/** Entities that decide who may what, and what there is, are out of the reach of rules: one that
 *  rejects every change of rules could not be switched off. */
static void verify_entity(const struct change *change, const struct rule *rule)
{
    struct scope scope = scope_of_rule(change->scope, change->model);
    if (rule->entity->is_single || !scope_may(&scope, rule->entity->number, SCOPE_EDIT))
        task_fault(change->task, S("entity"), S("unfit"), "there are no rules on %.*s",
                   FMT(rule->entity->plural));
}

static void verify_rest(const struct change *change, const struct rule *rule, str in_imports)
{
    if (rule->every.len > 0 && rule->point != RULE_SCHEDULE)
        task_fault(change->task, S("every"), S("unfit"), "is of rules that run by the clock");
    bool is_settled = rule->point == RULE_SETTLED;
    if (in_imports.len > 0 && !str_eq(in_imports, S("each")) && !is_settled)
        task_fault(change->task, S("in_imports"), S("unfit"),
                   "is of rules that run after the change is settled");
}

/** Faults are those of the fields of `rule`. */
static enum err judge_values(struct rules *rules, struct change *change, struct id id,
                             const str *maps, uint32_t map_count, struct judged *judged,
                             struct rule *rule)
{
    struct view view = change_view(change);
    struct value in_imports = {};
    bool is_read = rule_read_values(&view, change->task->arena, id, maps, map_count, rule);
    if (rule->entity == nullptr) return task_faults(change->task);
    (void)value_find_text(maps[map_count - 1], S("in_imports"), &in_imports);
    verify_entity(change, rule);
    verify_rest(change, rule, in_imports.kind == VALUE_TEXT ? in_imports.text : (str){});
    if (!is_read && rule->source.len > RULE_SOURCE_BYTES_MAX) return task_faults(change->task);
    TRY(judge(rules, &view, rule, judged));
    return task_faults(change->task);
}

/** What the draft says, and nil for what it does not, so that nothing that is saved shines through
 *  where it is laid over that. */
static str whole_values(struct change *change, const struct draft *draft)
{
    const struct entity *entity = draft_entity(draft);
    struct buf map = buf_make(change->task->arena, RECORD_BYTES_MAX + 8 * KIB);
    str values = draft_values(change, draft, false);
    uint32_t count = 0;
    for (uint32_t at = 0; at < entity->field_count; at++) count += !entity->fields[at].is_system;
    pack_map(&map, count);
    for (uint32_t at = 0; at < entity->field_count; at++) {
        struct value value;
        if (entity->fields[at].is_system) continue;
        pack_text(&map, entity->fields[at].name);
        if (value_find_text(values, entity->fields[at].name, &value)) pack_raw(&map, value.bytes);
        else pack_nil(&map);
    }
    return buf_str(&map);
}

/** All stored tests of the rule, on a trial runner; the first that fails refuses it. */
static enum err run_tests(struct rules *rules, struct change *change, const struct draft *draft)
{
    struct view view = change_view(change);
    const struct entity *tests = model_entity_by_number(change->model, RULE_TEST_ENTITY);
    struct id ids[RULE_TESTS_MAX];
    uint32_t count;
    int64_t until_ns = clock_monotonic_ns() + RULE_TESTS_NS_MAX;
    struct id rule = draft_id(draft);
    str values = whole_values(change, draft);
    TRY(query_find(&view, entity_field(tests, S("rule")), id_bytes(&rule), RULE_TESTS_MAX, ids,
                   &count));
    for (uint32_t at = 0; at < count; at++) {
        struct record test;
        struct value name = {};
        str failure;
        if (clock_monotonic_ns() > until_ns)
            return fail(change->task, ERR_CONFLICT,
                        "the tests of this rule take longer than %lld s together",
                        (long long)(RULE_TESTS_NS_MAX / 1'000'000'000));
        TRY(record_get(&view, tests, ids[at], &test));
        test.value = arena_copy(change->task->arena, test.value);
        TRY(trial_test(rules, &view, rule, values, &test, &failure));
        if (failure.len == 0) continue;
        (void)value_find(test.value, entity_field(tests, S("name"))->number, &name);
        task_fault(change->task, S("state"), S("test_failed"), "the test \"%.*s\": %.*s",
                   FMT(name.kind == VALUE_TEXT ? name.text : S("")), FMT(failure));
        return task_faults(change->task);
    }
    return ERR_NONE;
}

static enum err number_rule(struct change *change, struct draft *draft)
{
    int64_t number = change->rule_version, newest;
    struct view view = change_view(change);
    if (number == 0) {
        TRY(versions_newest(&view, draft_id(draft), &newest));
        int64_t before = number_of(draft, true);
        number = 1 + (newest > before ? newest : before);
    }
    compute_number(change, draft, number);
    return ERR_NONE;
}

static enum err judge_rule(struct rules *rules, struct change *change, struct draft *draft,
                           bool is_begun)
{
    struct rule *rule = arena_new(change->task->arena, struct rule, 1);
    struct judged *judged = arena_new(change->task->arena, struct judged, 1);
    str values = draft_values(change, draft, false);
    TRY(judge_values(rules, change, draft_id(draft), &values, 1, judged, rule));
    compute_texts(change, draft, S("reads"), &judged->reads);
    compute_texts(change, draft, S("writes"), &judged->writes);
    compute_remarks(change, draft, &judged->remarks);
    if (is_begun) draft_compute(change, draft, field_of(draft, S("problem")), &(struct value){});
    bool has_tests = draft_operation(draft) == OPERATION_UPDATE;
    return is_begun && has_tests ? run_tests(rules, change, draft) : ERR_NONE;
}

static bool lacks_required(const struct draft *draft)
{
    const struct entity *entity = draft_entity(draft);
    for (uint32_t at = 0; at < entity->field_count; at++)
        if (entity->fields[at].is_required && !entity->fields[at].is_system &&
            draft_stored(draft, &entity->fields[at], false).len == 0)
            return true;
    return false;
}

static enum err rule_before(struct rules *rules, struct change *change, struct draft *draft)
{
    bool is_new = draft_operation(draft) == OPERATION_CREATE;
    TRY(verify_author(change));
    if (draft_operation(draft) == OPERATION_DELETE) return ERR_NONE;
    if (is_new) TRY(verify_count(change, 1));
    if (is_new || has_other(draft, S("builtin")) || does_other(draft))
        TRY(fill_builtin(rules, change, draft));
    /* What is missing or wrong in itself is told with the rest of the record. */
    if (change->task->fault.item_count > 0 || lacks_required(draft)) return ERR_NONE;
    bool is_other = is_new || does_other(draft);
    bool is_begun = is_active(draft) && (is_other || has_other(draft, S("state")));
    if (!is_other && !is_begun && !has_other(draft, S("in_imports"))) return ERR_NONE;
    TRY(judge_rule(rules, change, draft, is_begun));
    return is_other ? number_rule(change, draft) : ERR_NONE;
}

/* Versions and tests. */

/** ERR_MISSING, which is told with the rest of the record. */
static enum err rule_of(struct change *change, struct draft *draft, struct record *rule_out)
{
    struct task quiet = {.arena = change->task->arena};
    struct view view = {&quiet, change->txn, change->model, change->scope};
    struct id id;
    str stored = draft_stored(draft, field_of(draft, S("rule")), false);
    struct value value = stored.len > 0 ? value_of(stored) : (struct value){};
    if (value.kind != VALUE_BYTES || !id_of_bytes(value.text, &id)) return ERR_MISSING;
    return record_get(&view, model_entity_by_number(change->model, RULE_ENTITY), id, rule_out);
}

static enum err version_before(struct rules *rules, struct change *change, struct draft *draft)
{
    struct record rule_record;
    TRY(verify_author(change));
    if (draft_operation(draft) != OPERATION_CREATE) return ERR_NONE;
    if (change->rule_version > 0) {
        compute_number(change, draft, change->rule_version);
        return ERR_NONE;
    }
    if (change->task->fault.item_count > 0) return ERR_NONE;
    enum err err = rule_of(change, draft, &rule_record);
    if (err == ERR_MISSING) return ERR_NONE;
    TRY(err);
    struct view view = change_view(change);
    struct rule *rule = arena_new(change->task->arena, struct rule, 1);
    struct judged *judged = arena_new(change->task->arena, struct judged, 1);
    str maps[] = {whole_values(change, draft), record_values(&view, &rule_record)};
    TRY(judge_values(rules, change, rule_record.id, maps, 2, judged, rule));
    int64_t newest;
    TRY(versions_newest(&view, rule_record.id, &newest));
    int64_t present = version_number(&rule_record);
    compute_number(change, draft, 1 + (newest > present ? newest : present));
    return ERR_NONE;
}

static enum err test_before(struct change *change, struct draft *draft)
{
    struct record rule;
    struct view view = change_view(change);
    struct id ids[RULE_TESTS_MAX];
    uint32_t count;
    TRY(verify_author(change));
    if (draft_operation(draft) != OPERATION_CREATE) return ERR_NONE;
    enum err err = rule_of(change, draft, &rule);
    if (err == ERR_MISSING) return ERR_NONE;
    TRY(err);
    TRY(query_find(&view, field_of(draft, S("rule")), id_bytes(&rule.id), RULE_TESTS_MAX, ids,
                   &count));
    if (count < RULE_TESTS_MAX) return ERR_NONE;
    return fail(change->task, ERR_CONFLICT, "a rule has at most %u tests", RULE_TESTS_MAX);
}

enum err saving_before(struct rules *rules, struct change *change, struct draft *draft)
{
    switch (draft_entity(draft)->number) {
    case RULE_ENTITY:
        return rule_before(rules, change, draft);
    case RULE_VERSION_ENTITY:
        return version_before(rules, change, draft);
    case RULE_TEST_ENTITY:
        return test_before(change, draft);
    default:
        return naming_before(change, draft);
    }
}

static enum err version_after(struct change *change, struct draft *draft)
{
    struct record rule;
    if (draft_operation(draft) != OPERATION_CREATE) return ERR_NONE;
    TRY(rule_of(change, draft, &rule));
    return versions_trim(change, rule.id);
}

static enum err rule_after(struct change *change, struct draft *draft)
{
    rule_set_renew(change);
    bool is_gone = draft_operation(draft) == OPERATION_DELETE;
    if (is_gone || change->rule_version > 0 || !does_other(draft)) return ERR_NONE;
    return version_keep(change, draft, number_of(draft, false));
}

enum err saving_after(struct change *change, struct draft *draft)
{
    switch (draft_entity(draft)->number) {
    case RULE_ENTITY:
        return rule_after(change, draft);
    case RULE_VERSION_ENTITY:
        return version_after(change, draft);
    default:
        return ERR_NONE;
    }
}

enum err saving_undone(struct change *change, struct draft *draft)
{
    struct arena *arena = change->task->arena;
    struct task quiet = {.arena = arena, .now_ms = change->task->now_ms};
    struct view view = {&quiet, change->txn, change->model, change->scope};
    struct rule rule;
    if (draft_entity(draft)->number != RULE_ENTITY) return naming_before(change, draft);
    rule_set_renew(change);
    /* It is written already. */
    if (draft_operation(draft) == OPERATION_CREATE) TRY(verify_count(change, 0));
    bool is_back = draft_operation(draft) != OPERATION_DELETE && is_active(draft) &&
                   (does_other(draft) || has_other(draft, S("state")));
    if (!is_back) return ERR_NONE;
    str values = draft_values(change, draft, false);
    if (rule_read_values(&view, arena, draft_id(draft), &values, 1, &rule)) return ERR_NONE;
    return fail(change->task, ERR_CONFLICT, "the active rule \"%.*s\" cannot come back: %.*s",
                FMT(rule.name), FMT(rule.problem));
}
