#include "work/import_saved.h"

#include "base/fold.h"
#include "base/require.h"
#include "record/query.h"

static enum err not_there(struct task *task, str name)
{
    task_fault(task, S("mapping"), S("reference"), "there is no import mapping `%.*s`",
               FMT(utf8_first(name, 100)));
    return task_faults(task);
}

static enum err find_id(const struct view *view, const struct entity *mappings, str name,
                        struct id *id_out)
{
    const struct field *title = mappings->title;
    struct task quiet = *view->task;
    quiet.fault = (struct fault){};
    struct view own = *view;
    own.task = &quiet;
    str ordered;
    uint32_t count = 0;
    if (id_parse(name, id_out)) return ERR_NONE;
    if (!title->kind_of->order_text(&quiet, title, name, &ordered))
        return not_there(view->task, name);
    TRY(query_find(&own, title, ordered, 1, id_out, &count));
    return count == 1 ? ERR_NONE : not_there(view->task, name);
}

enum err import_saved_find(const struct view *view, const struct entity *entity, str name,
                           struct import_request *request_out)
{
    static const str settings[] = {S("map"), S("match"), S("mode"), S("settings")};
    struct task *task = view->task;
    const struct entity *mappings = model_entity(view->model, S("import_mapping"));
    require(mappings != nullptr && mappings->title != nullptr);
    *request_out = (struct import_request){};
    struct id id;
    struct record record;
    TRY(find_id(view, mappings, name, &id));
    if (record_get(view, mappings, id, &record) != ERR_NONE) {
        task->fault = (struct fault){};
        return not_there(task, name);
    }
    str stored = arena_copy(task->arena, record.value);
    const struct field *of = entity_field(mappings, S("entity"));
    struct value value;
    require(of != nullptr);
    if (!value_find(stored, of->number, &value) || !str_eq(value.text, entity->name)) {
        task_fault(task, S("mapping"), S("reference"), "this mapping is for tables of %.*s",
                   FMT(value.text));
        return task_faults(task);
    }
    for (size_t at = 0; at < sizeof settings / sizeof settings[0]; at++) {
        const struct field *field = entity_field(mappings, settings[at]);
        if (field != nullptr && value_find(stored, field->number, &value) &&
            value.kind != VALUE_NIL)
            (void)import_request_set(task, request_out, settings[at], &value);
    }
    return task_faults(task);
}
