#include "work/export.h"

#include "base/require.h"
#include "record/sealed.h"
#include "value/csv.h"
#include "value/json.h"

/* Columns. */

static bool is_through(const struct field *field)
{
    return field->through.link != nullptr && field->to != nullptr;
}

/** Of a record within a row: what belongs to it, not what it belongs to. */
static bool is_own_of_nested(const struct scope *scope, const struct field *field)
{
    return scope_sees_field(scope, field) && !field->is_system && !field->is_computed &&
           field->to == nullptr && field->kind != FIELD_SECRET;
}

static bool is_wanted(const struct scope *scope, const struct shape *wanted,
                      const struct field *field)
{
    if (!scope_sees_field(scope, field) || field->kind == FIELD_SECRET) return false;
    if (!wanted->has_fields) return true;
    for (uint32_t at = 0; at < wanted->field_count; at++)
        if (wanted->fields[at] == field) return true;
    for (uint32_t at = 0; at < wanted->expand_count; at++)
        if (wanted->expand[at] == field) return true;
    return false;
}

static void column_add(struct export_plan *plan, const struct field *of, const struct field *field,
                       str header)
{
    if (plan->column_count == EXPORT_COLUMNS_MAX) return;
    plan->columns[plan->column_count++] = (struct export_column){of, field, header};
}

void export_plan_make(struct arena *arena, const struct entity *entity, const struct scope *scope,
                      const struct shape *wanted, struct export_plan *plan)
{
    *plan = (struct export_plan){.entity = entity, .separator = ','};
    plan->columns = arena_new(arena, struct export_column, EXPORT_COLUMNS_MAX);
    plan->shape = *wanted;
    plan->shape.is_export = true;
    column_add(plan, nullptr, nullptr, S("id"));
    for (uint32_t at = 0; at < entity->field_count; at++) {
        const struct field *field = &entity->fields[at];
        if (!is_wanted(scope, wanted, field)) continue;
        if (!is_through(field)) {
            column_add(plan, nullptr, field, field->name);
            continue;
        }
        if (plan->shape.expand_count < SHOW_EXPAND_MAX && wanted->expand_count == 0)
            plan->shape.expand[plan->shape.expand_count++] = field;
        for (uint32_t inner = 0; inner < field->to->field_count; inner++) {
            const struct field *behind = &field->to->fields[inner];
            if (is_own_of_nested(scope, behind))
                column_add(plan, field, behind,
                           arena_print(arena, "%.*s.%.*s", FMT(field->name), FMT(behind->name)));
        }
    }
}

/* Rows. */

/** The field by which people and imports know a record of another entity: a unique text. */
static const struct field *naming_field(const struct scope *scope, const struct entity *entity)
{
    for (uint32_t at = 0; at < entity->field_count; at++) {
        const struct field *field = &entity->fields[at];
        if (field->is_unique && field->kind_of->is_text && scope_sees_field(scope, field))
            return field;
    }
    return nullptr;
}

/** What stands behind a stored reference; false when it is not there or not to be seen. */
static bool referred(const struct view *view, const struct entity *to, const struct value *stored,
                     struct id *id_out, str *value_out)
{
    struct view quiet = *view;
    struct task task = {.arena = view->task->arena};
    struct record record;
    struct id id;
    quiet.task = &task;
    if (stored->kind != VALUE_BYTES || !id_of_bytes(stored->text, &id) ||
        record_get(&quiet, to, id, &record) != ERR_NONE)
        return false;
    *id_out = id;
    *value_out = record.value;
    return true;
}

static void put_reference(struct buf *cell, const struct view *view, const struct field *field,
                          const struct value *stored)
{
    const struct field *naming = naming_field(view->scope, field->to);
    str record;
    struct value name;
    struct id id;
    if (naming != nullptr && referred(view, field->to, stored, &id, &record) &&
        value_find(record, naming->number, &name) && name.kind != VALUE_NIL)
        kind_put_cell(cell, naming, &name);
    else kind_put_cell(cell, field, stored);
}

static void put_told(struct buf *cell, const struct view *view, const struct field *field,
                     struct id id, const struct value *stored)
{
    struct value told = sealed_told(view, field, id, stored);
    kind_put_cell(cell, field, &told);
}

/** The cell, safe from being taken for a formula, quoted where needed. */
static void put_cell(struct buf *out, const struct export_plan *plan, const struct field *field,
                     struct buf *cell)
{
    str text = buf_str(cell);
    bool is_number = field != nullptr && kind_cell_is_number(field->kind);
    if (!is_number && csv_is_formula(text)) {
        struct buf safe = buf_make(cell->arena, text.len + 1);
        buf_put_byte(&safe, '\'');
        buf_put(&safe, text);
        text = buf_str(&safe);
    }
    csv_write_cell(out, text, plan->separator);
}

static void put_csv_row(struct buf *out, const struct view *view, const struct export_plan *plan,
                        const struct record *record)
{
    const struct field *nested_of = nullptr;
    struct id nested_id = {};
    str nested = {};
    for (uint32_t at = 0; at < plan->column_count; at++) {
        const struct export_column *column = &plan->columns[at];
        struct buf cell = buf_make(view->task->arena, RECORD_BYTES_MAX);
        struct value stored = {};
        if (at > 0) buf_put_byte(out, plan->separator);
        if (column->of != nullptr && column->of != nested_of) {
            nested_of = column->of;
            nested = (str){};
            if (value_find(record->value, nested_of->number, &stored))
                (void)referred(view, nested_of->to, &stored, &nested_id, &nested);
            stored = (struct value){};
        }
        str from = column->of == nullptr ? record->value : nested;
        if (column->field == nullptr) {
            char text[ID_TEXT_BYTES];
            id_write(record->id, text);
            buf_put(&cell, (str){text, ID_TEXT_BYTES});
        } else if (from.len > 0 && value_find(from, column->field->number, &stored)) {
            if (column->field->kind == FIELD_REFERENCE)
                put_reference(&cell, view, column->field, &stored);
            else
                put_told(&cell, view, column->field, column->of == nullptr ? record->id : nested_id,
                         &stored);
        }
        put_cell(out, plan, column->field, &cell);
    }
    buf_put(out, S("\r\n"));
}

void export_put_row(struct buf *out, const struct view *view, const struct export_plan *plan,
                    const struct record *record)
{
    require(record->entity == plan->entity);
    if (!plan->is_ndjson) {
        put_csv_row(out, view, plan, record);
        return;
    }
    record_write(out, view, record, &plan->shape);
    buf_put_byte(out, '\n');
}

void export_put_header(struct buf *out, const struct export_plan *plan)
{
    if (plan->is_ndjson) return;
    for (uint32_t at = 0; at < plan->column_count; at++) {
        if (at > 0) buf_put_byte(out, plan->separator);
        csv_write_cell(out, plan->columns[at].header, plan->separator);
    }
    buf_put(out, S("\r\n"));
}

/* Templates. */

static void put_example(struct buf *out, struct arena *arena, const struct field *field)
{
    struct buf cell = buf_make(arena, RECORD_BYTES_MAX), given = buf_make(arena, RECORD_BYTES_MAX);
    struct buf stored = buf_make(arena, RECORD_BYTES_MAX);
    struct task task;
    task_init(&task, arena);
    if (field->set != nullptr && field->set->choice_count > 0) {
        buf_put(&cell, field->set->choices[0].label);
    } else if (json_read(&task, field->kind_of->example, &given) == ERR_NONE) {
        struct value value = value_of(buf_str(&given));
        if (field->kind_of->read(&task, field, &value, &stored)) {
            value = value_of(buf_str(&stored));
            kind_put_cell(&cell, field, &value);
        }
    }
    str text = buf_str(&cell);
    csv_write_cell(out, csv_is_formula(text) ? arena_print(arena, "'%.*s", FMT(text)) : text, ',');
}

/** Calls for each field that a person may fill in; references to others are left out, since an
 *  example cannot name one. */
static void put_template_line(struct buf *out, struct arena *arena, const struct entity *entity,
                              const struct scope *scope, bool is_header)
{
    bool is_first = true;
    for (uint32_t at = 0; at < entity->field_count; at++) {
        const struct field *own = &entity->fields[at];
        bool is_nested = is_through(own);
        if (!scope_edits_field(scope, own) || (!is_nested && !is_own_of_nested(scope, own)))
            continue;
        uint32_t count = is_nested ? own->to->field_count : 1;
        for (uint32_t inner = 0; inner < count; inner++) {
            const struct field *field = is_nested ? &own->to->fields[inner] : own;
            if (!scope_edits_field(scope, field) || !is_own_of_nested(scope, field) ||
                field->kind == FIELD_OBJECT)
                continue;
            if (!is_first) buf_put_byte(out, ',');
            is_first = false;
            str header = field->label;
            if (is_nested)
                header = arena_print(arena, "%.*s %.*s", FMT(own->label), FMT(field->label));
            if (is_header) csv_write_cell(out, header, ',');
            else put_example(out, arena, field);
        }
    }
    buf_put(out, S("\r\n"));
}

void export_put_template(struct buf *out, struct arena *arena, const struct entity *entity,
                         const struct scope *scope)
{
    put_template_line(out, arena, entity, scope, true);
    put_template_line(out, arena, entity, scope, false);
}
