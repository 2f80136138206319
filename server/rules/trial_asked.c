/* What a trial is asked for: a rule, a record, and how the change is to look. */
#include "base/require.h"
#include "record/record.h"
#include "rules/saving.h"
#include "rules/trying.h"
#include "rules/versions.h"
#include "value/text.h"

static const str known[] = {
    S("id"),    S("record"), S("old"),  S("operation"), S("actor"),
    S("input"), S("now"),    S("seed"), S("rule"),      S("version"),
};

static bool member(const struct value *given, str name, struct value *value_out)
{
    bool is_there = given->kind == VALUE_MAP && value_find_text(given->bytes, name, value_out) &&
                    value_out->kind != VALUE_NIL;
    if (!is_there) *value_out = (struct value){};
    return is_there;
}

static void verify_known(struct task *task, const struct value *given)
{
    struct cursor cursor = cursor_of(given->items);
    struct value name, value;
    for (uint32_t at = 0; at < given->count; at++) {
        if (!value_next(&cursor, &name) || !value_next(&cursor, &value)) return;
        bool is_known = false;
        for (size_t of = 0; of < sizeof known / sizeof known[0] && !is_known; of++)
            is_known = name.kind == VALUE_TEXT && str_eq(name.text, known[of]);
        if (!is_known)
            task_fault(task, name.kind == VALUE_TEXT ? name.text : S("?"), S("unknown"),
                       "there are id, record, old, operation, actor, input, now, seed, rule and "
                       "version");
    }
}

/* The rule. */

static enum err find_builtin(struct rules *rules, struct id id, struct rule *rule_out)
{
    struct rule_stretch builtin = rule_sets_builtin(rules_sets(rules));
    for (uint32_t at = 0; at < builtin.count; at++) {
        if (!id_eq(builtin.rules[at].id, id)) continue;
        *rule_out = builtin.rules[at];
        return ERR_NONE;
    }
    return ERR_MISSING;
}

/** Of a built-in one: whether it stands, or the firm or the product has it switched off. */
static enum err builtin_state(struct rules *rules, const struct view *view, struct id id,
                              str *state_out)
{
    const struct rule_set *set;
    TRY(rule_set_of(rules_sets(rules), view, &set));
    *state_out = rule_set_find(set, id) != nullptr ? S("active") : S("off");
    return ERR_NONE;
}

static enum err find_record(const struct view *view, struct id id, struct record *record_out)
{
    const struct entity *entity = model_entity_by_number(view->model, RULE_ENTITY);
    return entity == nullptr ? ERR_MISSING : record_get(view, entity, id, record_out);
}

enum err rule_find(struct rules *rules, const struct view *view, struct id id,
                   struct rule *rule_out, str *state_out)
{
    struct record record;
    *state_out = (str){};
    enum err err = find_record(view, id, &record);
    if (err == ERR_MISSING) {
        if (find_builtin(rules, id, rule_out) != ERR_NONE)
            return fail(view->task, ERR_MISSING, "there is no such rule");
        view->task->fault = (struct fault){};
        return builtin_state(rules, view, id, state_out);
    }
    TRY(err);
    struct value state;
    str values = record_values(view, &record);
    if (value_find_text(values, S("state"), &state) && state.kind == VALUE_TEXT)
        *state_out = state.text;
    /* One that cannot be read says why in its problem. */
    struct fault fault = view->task->fault;
    if (!rule_read(view, view->task->arena, &record, rule_out)) view->task->fault = fault;
    return rule_out->entity == nullptr
               ? fail(view->task, ERR_INVALID, "the rule is of an entity that is not there")
               : ERR_NONE;
}

static enum err read_overlaid(struct trying *trying, struct id id, const struct value *given)
{
    const struct view *view = &trying->view;
    struct task *task = view->task;
    str maps[2] = {given->bytes};
    uint32_t count = 1;
    if (!id_is_nil(id)) {
        struct record record;
        struct rule builtin;
        enum err err = find_record(view, id, &record);
        if (err == ERR_MISSING && find_builtin(trying->rules, id, &builtin) == ERR_NONE)
            return fail(task, ERR_INVALID,
                        "this rule came with the product: try what is to stand in its place by "
                        "POST /rules/test");
        TRY(err);
        maps[count++] = record_values(view, &record);
    }
    str path = task->path;
    task->path = S("rule.");
    bool is_right = rule_read_values(view, task->arena, id_is_nil(id) ? id_make() : id, maps, count,
                                     &trying->rule);
    task->path = path;
    if (trying->rule.name.len == 0) trying->rule.name = S("a rule that is not saved");
    return is_right ? ERR_NONE : task_faults(task);
}

static enum err read_rule(struct trying *trying, const struct trial_asked *asked)
{
    struct task *task = trying->view.task;
    struct value given, version;
    struct record record;
    str state;
    bool has_given = member(&asked->given, S("rule"), &given);
    bool has_version = member(&asked->given, S("version"), &version);
    if (has_given && given.kind != VALUE_MAP)
        task_fault(task, S("rule"), S("type"), "is an object: what the rule is to say");
    if (has_version && (version.kind != VALUE_INT || version.integer < 1))
        task_fault(task, S("version"), S("type"), "is the number of a version");
    if (has_version && (has_given || id_is_nil(asked->rule)))
        task_fault(task, S("version"), S("unknown"), "%s",
                   has_given ? "say either a version or what the rule is to say"
                             : "only a rule that is saved has versions");
    if (!has_given && id_is_nil(asked->rule))
        task_fault(task, S("rule"), S("required"), "is needed: what the rule is to say");
    TRY(task_faults(task));
    if (has_given) return read_overlaid(trying, asked->rule, &given);
    if (!has_version)
        return rule_find(trying->rules, &trying->view, asked->rule, &trying->rule, &state);
    TRY(version_find(&trying->view, asked->rule, version.integer, &record));
    if (rule_read(&trying->view, task->arena, &record, &trying->rule)) return ERR_NONE;
    return task_faults(task);
}

/* The rest. */

static void read_record(struct trying *trying, const struct value *given)
{
    struct task *task = trying->view.task;
    struct value id;
    trying->is_stored = member(given, S("id"), &id);
    if (trying->is_stored && (id.kind != VALUE_TEXT || !id_parse(id.text, &trying->id)))
        task_fault(task, S("id"), S("format"), "is no id of a record");
    struct {
        str name;
        struct value *out;
    } maps[] = {
        {S("record"), &trying->record}, {S("old"), &trying->old}, {S("input"), &trying->input}};
    for (size_t at = 0; at < sizeof maps / sizeof maps[0]; at++)
        if (member(given, maps[at].name, maps[at].out) && maps[at].out->kind != VALUE_MAP)
            task_fault(task, maps[at].name, S("type"), "is an object: names of fields and values");
    if (!trying->is_stored && trying->record.kind != VALUE_MAP)
        task_fault(task, S("id"), S("required"),
                   "is needed: the id of a stored record; or `record`, one that is made up");
}

static void read_operation(struct trying *trying, const struct value *given)
{
    struct task *task = trying->view.task;
    struct value word;
    bool is_change = trying->is_stored || trying->old.kind == VALUE_MAP;
    trying->operation = is_change ? OPERATION_UPDATE : OPERATION_CREATE;
    if (!member(given, S("operation"), &word)) return;
    if (word.kind != VALUE_TEXT || !operation_of(word.text, &trying->operation))
        task_fault(task, S("operation"), S("type"), "is create, update or delete");
    if (trying->operation == OPERATION_CREATE && trying->is_stored)
        task_fault(task, S("operation"), S("conflict"),
                   "a stored record is there already: give its values as `record`");
    if (trying->operation != OPERATION_UPDATE && trying->old.kind == VALUE_MAP)
        task_fault(task, S("old"), S("conflict"),
                   "only a record that is changed was another before");
}

static void read_actor(struct trying *trying, const struct value *given)
{
    const struct view *view = &trying->view;
    struct value value;
    struct id id;
    struct record user;
    const struct entity *users = model_entity(view->model, S("user"));
    trying->scope = *view->scope;
    if (!member(given, S("actor"), &value)) return;
    struct task quiet = {.arena = view->task->arena, .now_ms = view->task->now_ms};
    struct view quietly = *view;
    quietly.task = &quiet;
    if (value.kind != VALUE_TEXT || !id_parse(value.text, &id) || users == nullptr ||
        record_get(&quietly, users, id, &user) != ERR_NONE)
        task_fault(view->task, S("actor"), S("unknown"), "is the id of a user");
    else trying->scope.actor = id;
}

static int hex_of(char digit)
{
    if (digit >= '0' && digit <= '9') return digit - '0';
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

static void read_seed(struct trying *trying, const struct value *given)
{
    constexpr size_t seed_bytes = 16;
    struct value value;
    if (!member(given, S("seed"), &value)) return;
    bool is_right = value.kind == VALUE_TEXT && value.text.len == 2 * seed_bytes;
    char *bytes = arena_take(trying->view.task->arena, seed_bytes);
    for (size_t at = 0; at < seed_bytes && is_right; at++) {
        int high = hex_of(value.text.at[2 * at]), low = hex_of(value.text.at[2 * at + 1]);
        is_right = high >= 0 && low >= 0;
        bytes[at] = (char)(high << 4 | low);
    }
    if (is_right) trying->seed = (str){bytes, seed_bytes};
    else task_fault(trying->view.task, S("seed"), S("format"), "is 32 hexadecimal digits");
}

static void read_now(struct trying *trying, const struct value *given)
{
    struct value value;
    trying->now_ms = trying->view.task->now_ms;
    if (!member(given, S("now"), &value)) return;
    if (value.kind != VALUE_TEXT || !time_parse(value.text, &trying->now_ms) || trying->now_ms < 0)
        task_fault(trying->view.task, S("now"), S("format"), "is a time (RFC 3339)");
}

enum err trying_read(struct trying *trying, const struct trial_asked *asked)
{
    struct task *task = trying->view.task;
    struct rule saved;
    str state;
    if (!id_is_nil(asked->rule))
        TRY(rule_find(trying->rules, &trying->view, asked->rule, &saved, &state));
    if (asked->given.kind != VALUE_MAP && asked->given.kind != VALUE_NIL)
        return fail(task, ERR_INVALID, "send an object");
    verify_known(task, &asked->given);
    read_record(trying, &asked->given);
    read_operation(trying, &asked->given);
    read_actor(trying, &asked->given);
    read_seed(trying, &asked->given);
    read_now(trying, &asked->given);
    TRY(read_rule(trying, asked));
    bool is_by_button = trying->rule.point == RULE_ACTION;
    if (trying->input.kind == VALUE_MAP && !is_by_button)
        task_fault(task, S("input"), S("conflict"), "only a rule that runs by a button has input");
    TRY(task_faults(task));
    if (!trying->is_stored) return ERR_NONE;
    struct record record;
    return record_get(&trying->view, trying->rule.entity, trying->id, &record);
}
