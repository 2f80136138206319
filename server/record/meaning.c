#include "record/meaning.h"

#include "base/fold.h"
#include "base/require.h"

static const struct field *field_meaning(const struct entity *entity, enum meaning meaning)
{
    for (uint32_t at = 0; at < entity->field_count; at++)
        if (entity->fields[at].meaning == meaning) return &entity->fields[at];
    return nullptr;
}

static str text_of(const str *slots, const struct field *field)
{
    if (field == nullptr || slots[field_position(field)].len == 0) return (str){};
    struct value value = value_of(slots[field_position(field)]);
    return value.kind == VALUE_TEXT ? value.text : (str){};
}

/** The entity that the record speaks of; nullptr when it names none that the scope may see. */
static const struct entity *entity_meant(const struct view *view, const struct entity *entity,
                                         const str *slots)
{
    str name = text_of(slots, field_meaning(entity, MEANING_ENTITY));
    const struct entity *meant = name.len == 0 ? nullptr : model_entity(view->model, name);
    bool is_seen =
        meant != nullptr && !meant->is_single && scope_may(view->scope, meant->number, SCOPE_VIEW);
    return is_seen ? meant : nullptr;
}

static bool read_filter(const struct view *view, const struct entity *meant,
                        const struct field *field, str stored,
                        const struct condition **condition_out)
{
    struct condition_form form = {.entity = meant,
                                  .arena = view->task->arena,
                                  .path = field->name,
                                  .sight = scope_sight(view->scope),
                                  .needs_index = field->meaning == MEANING_FILTER};
    struct value tree = value_of(stored);
    return condition_read(view->task, &form, &tree, condition_out) &&
           condition_verify(view, *condition_out);
}

static str parameter_of(enum meaning meaning)
{
    return meaning == MEANING_SORT     ? S("sort")
           : meaning == MEANING_FIELDS ? S("fields")
                                       : S("group_by");
}

/** A text that a list's parameter may have: the query itself judges it. */
static void verify_parameter(const struct view *view, const struct entity *meant,
                             const struct field *field, str text)
{
    struct task quiet = {.arena = view->task->arena};
    struct view quiet_view = *view;
    struct query query;
    quiet_view.task = &quiet;
    query_init(&query, meant, view->scope);
    enum err err = query_add(&quiet, &query, parameter_of(field->meaning), text);
    if (err == ERR_NONE) err = query_end(&quiet_view, &query);
    if (err != ERR_NONE)
        task_fault(view->task, field->name, S("unknown"), "%.*s", FMT(quiet.fault.detail));
}

void meaning_verify(struct change *change, const struct draft *draft)
{
    const struct field *names = field_meaning(draft->entity, MEANING_ENTITY);
    if (names == nullptr || draft_get(draft, names).len == 0) return;
    struct view view = change_view(change);
    const struct entity *meant = entity_meant(&view, draft->entity, draft->now);
    bool is_other = draft_has_changed(draft, names);
    if (meant == nullptr) {
        if (is_other)
            task_fault(change->task, names->name, S("unknown"), "there is no entity \"%.*s\"",
                       FMT(utf8_first(text_of(draft->now, names), 60)));
        return;
    }
    for (uint32_t at = 0; at < draft->entity->field_count; at++) {
        const struct field *field = &draft->entity->fields[at];
        bool is_due = draft->now[at].len > 0 && (is_other || draft_has_changed(draft, field));
        if (!is_due || field->meaning <= MEANING_ENTITY) continue;
        const struct condition *condition;
        if (field->meaning == MEANING_FILTER || field->meaning == MEANING_CONDITION)
            (void)read_filter(&view, meant, field, draft->now[at], &condition);
        else verify_parameter(&view, meant, field, text_of(draft->now, field));
    }
}

/** A view whose fields have gone since it was saved. */
static enum err refuse_view(const struct view *view)
{
    struct task *task = view->task;
    if (task->fault.item_count == 0) return fail(task, ERR_UNREADABLE, "view: cannot be applied");
    const struct fault_item *first = &task->fault.items[0];
    return fail(task, ERR_UNREADABLE, "view: its %.*s: %.*s", FMT(first->field),
                FMT(first->message));
}

static enum err apply_slots(const struct view *view, const struct entity *views, const str *slots,
                            struct query *query)
{
    const struct field *where = field_meaning(views, MEANING_FILTER);
    const struct condition *condition;
    if (where != nullptr && slots[field_position(where)].len > 0) {
        if (!read_filter(view, query->entity, where, slots[field_position(where)], &condition))
            return refuse_view(view);
        query_narrow(query, view->task->arena, condition);
    }
    struct arena *arena = view->task->arena;
    str columns = text_of(slots, field_meaning(views, MEANING_FIELDS));
    if (query->sort.len == 0)
        query->sort = arena_copy(arena, text_of(slots, field_meaning(views, MEANING_SORT)));
    if (query->group_name.len == 0)
        query->group_name = arena_copy(arena, text_of(slots, field_meaning(views, MEANING_GROUP)));
    if (columns.len == 0 || query->shape.has_fields) return ERR_NONE;
    return shape_add_fields(view->task, query->entity, query->sight, columns, &query->shape);
}

enum err view_apply(const struct view *view, str text, struct query *query)
{
    struct task *task = view->task;
    const struct entity *views = model_entity(view->model, S("view"));
    struct id id;
    struct record record;
    if (views == nullptr || !id_parse(text, &id))
        return fail_parameter(task, S("view"), S("format"), "is no id of a saved view");
    const struct fault before = task->fault;
    task_fault_clear(task);
    enum err err = record_get(view, views, id, &record);
    if (err != ERR_NONE && err != ERR_MISSING) return err;
    task->fault = before;
    if (err == ERR_MISSING)
        return fail_parameter(task, S("view"), S("missing"), "there is no such view");
    str slots[FIELDS_MAX];
    slots_read(views, record.value, slots);
    if (entity_meant(view, views, slots) != query->entity)
        return fail_parameter(task, S("view"), S("type"), "is no view of %.*s",
                              FMT(query->entity->plural));
    return apply_slots(view, views, slots, query);
}
