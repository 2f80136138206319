#include "rules/judging.h"

#include "base/fold.h"
#include "record/condition.h"

constexpr size_t NAME_SHOWN_MAX = 60;

/* Paths. */

static void add_path(struct judged *judged, const struct entity *entity, const struct field *field,
                     bool is_write)
{
    struct arena *arena = judged->view->task->arena;
    str path = entity->name;
    if (field != nullptr)
        path = arena_print(arena, "%.*s.%.*s", FMT(entity->name), FMT(field->name));
    texts_add(is_write ? &judged->writes : &judged->reads, path);
}

static bool add_test(void *argument, const struct condition_test *test)
{
    struct judged *judged = argument;
    if (test->of != nullptr) add_path(judged, test->of->entity, test->of, false);
    add_path(judged, test->field->entity, test->field, false);
    return true;
}

/** What it names without a script. */
static void add_plain(struct judged *judged)
{
    const struct rule *rule = judged->rule;
    if (rule->when != nullptr) (void)condition_visit(rule->when, judged, add_test);
    for (uint32_t at = 0; at < rule->changed_count; at++)
        add_path(judged, rule->entity, rule->changed[at], false);
    for (uint32_t at = 0; at < rule->set_count; at++)
        add_path(judged, rule->entity, rule->sets[at].field, true);
    if (rule->reject_field.len > 0)
        add_path(judged, rule->entity, entity_field(rule->entity, rule->reject_field), false);
}

/* The script. */

static void refuse_use(const struct judged *judged, const struct script_use *use, const char *code,
                       const char *what, str nearest)
{
    str hint = {};
    if (nearest.len > 0)
        hint = arena_print(judged->view->task->arena, "; did you mean %.*s?", FMT(nearest));
    task_fault(judged->view->task, S("source"), str_of(code), "line %u, column %u: %s%.*s",
               use->line, use->column, what, FMT(hint));
}

static void judge_write(struct judged *judged, const struct script_use *use,
                        const struct entity *entity, const struct field *field)
{
    const struct view *view = judged->view;
    struct scope scope = scope_of_rule(view->scope, view->model);
    bool is_own = use->entity.len == 0;
    enum rule_point point = judged->rule->point;
    if (field != nullptr && field->is_computed && field->through.link == nullptr) {
        const char *what = arena_cstring(
            view->task->arena, arena_print(view->task->arena, "%.*s of %.*s is kept by the system",
                                           FMT(field->name), FMT(entity->name)));
        refuse_use(judged, use, "read_only", what, (str){});
    } else if (is_own && point != RULE_BEFORE && point != RULE_ACTION) {
        judged_remark(judged, "line %u, column %u: the record cannot be changed in %.*s%s",
                      use->line, use->column, FMT(rule_point_word(point)),
                      point == RULE_CHECK ? "" : ": use db.update");
    } else if (!is_own && point == RULE_CHECK) {
        judged_remark(judged, "line %u, column %u: nothing can be written in check: use after",
                      use->line, use->column);
    } else if (!is_own && !scope_may(&scope, entity->number, SCOPE_EDIT)) {
        judged_remark(judged, "line %u, column %u: rules may not write %.*s", use->line,
                      use->column, FMT(entity->plural));
    }
}

static void judge_use(struct judged *judged, const struct script_use *use)
{
    const struct view *view = judged->view;
    struct arena *arena = view->task->arena;
    const struct entity *entity = judged->rule->entity;
    const struct field *field = nullptr;
    if (str_eq(use->entity, S("?"))) return;
    if (use->entity.len > 0) entity = model_entity(view->model, use->entity);
    if (entity == nullptr) {
        str what = arena_print(arena, "there is no entity \"%.*s\"",
                               FMT(utf8_first(use->entity, NAME_SHOWN_MAX)));
        refuse_use(judged, use, "unknown", arena_cstring(arena, what),
                   model_nearest(view->model, use->entity));
        return;
    }
    if (str_eq(use->field, S("id"))) return;
    if (use->field.len > 0) field = entity_field(entity, use->field);
    if (use->field.len > 0 && (field == nullptr || field->is_hidden)) {
        str what = arena_print(arena, "%.*s has no field \"%.*s\"", FMT(entity->name),
                               FMT(utf8_first(use->field, NAME_SHOWN_MAX)));
        refuse_use(judged, use, "unknown", arena_cstring(arena, what),
                   entity_nearest(entity, sight_all(), use->field));
        return;
    }
    if (use->is_write) judge_write(judged, use, entity, field);
    add_path(judged, entity, field, use->is_write);
}

static enum err judge_script(struct rules *rules, struct judged *judged)
{
    struct script_checked checked;
    if (judged->rule->source.len == 0) return ERR_NONE;
    TRY(script_check(rules, judged->view, judged->rule, &checked));
    if (checked.failure.len > 0 && checked.line > 0)
        task_fault(judged->view->task, S("source"), S("syntax"), "line %u, column %u: %.*s",
                   checked.line, checked.column > 0 ? checked.column : 1, FMT(checked.failure));
    else if (checked.failure.len > 0)
        task_fault(judged->view->task, S("source"), S("syntax"), "%.*s", FMT(checked.failure));
    for (uint32_t at = 0; at < checked.use_count; at++) judge_use(judged, &checked.uses[at]);
    return ERR_NONE;
}

enum err judge(struct rules *rules, const struct view *view, const struct rule *rule,
               struct judged *judged_out)
{
    *judged_out = (struct judged){.view = view, .rule = rule};
    add_plain(judged_out);
    TRY(judge_script(rules, judged_out));
    return task_faults(view->task) == ERR_NONE ? judge_remarks(judged_out) : ERR_NONE;
}
