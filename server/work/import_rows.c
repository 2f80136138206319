#include "work/import_rows.h"

#include "base/fold.h"
#include "base/require.h"
#include "value/json.h"

/** A cell's text in a fault is cut here, at a whole character. */
constexpr size_t TOLD_BYTES_MAX = 60;

static str cut_text(str text, size_t bytes_max)
{
    if (text.len <= bytes_max) return text;
    size_t len = bytes_max;
    while (len > 0 && ((uint8_t)text.at[len] & 0xc0) == 0x80) len--;
    return str_first(text, len);
}

static bool read_reference(const struct import_reading *reading, const struct field *field,
                           str cell, struct buf *given)
{
    struct id id;
    if (id_parse(cell, &id)) {
        pack_text(given, cell);
        return true;
    }
    if (!reading->names->find(reading->names, reading->task, field, cell, &id)) return false;
    pack_text(given, id_text(reading->task->arena, id));
    return true;
}

/** The value beside a cell, where there is one that says more than the cell. */
static bool value_beside(const struct table_row *row, uint32_t column, struct value *value_out)
{
    if (row->values == nullptr || row->values[column].len == 0) return false;
    *value_out = value_of(row->values[column]);
    return value_out->kind != VALUE_NIL && value_out->kind != VALUE_TEXT;
}

static bool read_cell(const struct import_reading *reading, const struct import_target *target,
                      uint32_t column, str cell, struct buf *given)
{
    struct value beside;
    if (value_beside(reading->row, column, &beside)) {
        pack_raw(given, beside.bytes);
        return true;
    }
    struct task *task = reading->task;
    const struct field *field = target->field;
    task->path = reading->plan->groups[target->group].path;
    bool is_read = field->kind == FIELD_REFERENCE
                       ? read_reference(reading, field, cell, given)
                       : field->kind_of->from_cell(task, field, cell, given);
    task->path = (str){};
    return is_read;
}

static void put_value(struct import_values *values, const struct field *field, str given)
{
    pack_text(&values->pairs, field->name);
    pack_raw(&values->pairs, given);
    values->count++;
    values->filled_count++;
}

static void put_nothing(const struct import_reading *reading, struct import_values *values,
                        const struct field *field)
{
    if (!reading->is_clearing) return;
    pack_text(&values->pairs, field->name);
    pack_nil(&values->pairs);
    values->count++;
}

static void read_scalar(const struct import_reading *reading, const struct import_target *target,
                        struct import_values *values)
{
    str cell = import_cell(reading->plan, reading->row, target->first_column);
    struct buf given = buf_make(reading->task->arena, RECORD_BYTES_MAX);
    if (cell.len > 0 && !read_cell(reading, target, target->first_column, cell, &given)) return;
    struct value value = value_of(buf_str(&given));
    if (value.kind == VALUE_NIL) put_nothing(reading, values, target->field);
    else put_value(values, target->field, value.bytes);
}

/** An item, which gets the label that its column stands for unless it brings its own. */
static void put_item(const struct field *field, const struct value *item, str label,
                     struct buf *items)
{
    bool takes_label = field->kind == FIELD_EMAILS || field->kind == FIELD_PHONES;
    struct value own = {};
    if (item->kind == VALUE_MAP && value_find_text(item->bytes, S("label"), &own) &&
        own.kind != VALUE_NIL)
        takes_label = false;
    if (!takes_label || label.len == 0 || (item->kind != VALUE_TEXT && item->kind != VALUE_MAP)) {
        pack_raw(items, item->bytes);
        return;
    }
    struct value text = *item;
    if (item->kind == VALUE_MAP && !value_find_text(item->bytes, S("value"), &text)) {
        pack_raw(items, item->bytes);
        return;
    }
    pack_map(items, 2);
    pack_text(items, S("value"));
    pack_raw(items, text.bytes);
    pack_text(items, S("label"));
    pack_text(items, label);
}

static void read_list(const struct import_reading *reading, const struct import_target *target,
                      struct import_values *values)
{
    const struct import_plan *plan = reading->plan;
    struct buf items = buf_make(reading->task->arena, RECORD_BYTES_MAX);
    uint32_t item_count = 0;
    for (uint32_t column = target->first_column; column != UINT32_MAX;
         column = plan->next_column[column]) {
        str cell = import_cell(plan, reading->row, column);
        struct buf given = buf_make(reading->task->arena, RECORD_BYTES_MAX);
        if (cell.len == 0 || !read_cell(reading, target, column, cell, &given)) continue;
        struct value list = value_of(buf_str(&given));
        if (list.kind != VALUE_LIST) {
            task_fault(reading->task, target->path, S("type"), "must be a list");
            continue;
        }
        struct cursor cursor = cursor_of(list.items);
        struct value item;
        for (uint32_t at = 0; at < list.count && value_next(&cursor, &item); at++, item_count++)
            put_item(target->field, &item, plan->labels[column], &items);
    }
    if (item_count == 0) {
        put_nothing(reading, values, target->field);
        return;
    }
    struct buf list = buf_make(reading->task->arena, RECORD_BYTES_MAX);
    if (reading->is_adding) {
        pack_map(&list, 1);
        pack_text(&list, S("$add"));
    }
    pack_list(&list, item_count);
    pack_raw(&list, buf_str(&items));
    if (buf_is_over(&items) || buf_is_over(&list))
        task_fault(reading->task, target->path, S("length"), "is too large");
    else put_value(values, target->field, buf_str(&list));
}

void import_read(const struct import_reading *reading, struct import_values *values_out)
{
    const struct import_plan *plan = reading->plan;
    require(reading->task->path.len == 0);
    for (uint32_t at = 0; at < plan->group_count; at++)
        values_out[at] =
            (struct import_values){.pairs = buf_make(reading->task->arena, BODY_BYTES_MAX)};
    for (uint32_t at = 0; at < plan->target_count; at++) {
        const struct import_target *target = &plan->targets[at];
        if (target->field == nullptr) continue;
        struct import_values *values = &values_out[target->group];
        if (target->field->kind_of->is_list) read_list(reading, target, values);
        else read_scalar(reading, target, values);
    }
    for (uint32_t at = 0; at < plan->group_count; at++)
        if (buf_is_over(&values_out[at].pairs))
            task_fault(reading->task, plan->groups[at].entity->name, S("length"), "is too large");
}

str import_map_of(struct task *task, const struct import_values *values)
{
    struct buf map = buf_make(task->arena, BODY_BYTES_MAX + 8);
    pack_map(&map, values->count);
    pack_raw(&map, buf_str(&values->pairs));
    return buf_str(&map);
}

void import_nest(const struct import_plan *plan, struct import_values *values, uint32_t group)
{
    require(group > 0);
    require(group < plan->group_count);
    const struct import_values *own = &values[group];
    if (own->filled_count == 0) return;
    struct import_values *parent = &values[plan->groups[group].parent];
    pack_text(&parent->pairs, plan->groups[group].reference->name);
    pack_map(&parent->pairs, own->count);
    pack_raw(&parent->pairs, buf_str(&own->pairs));
    parent->count++;
    parent->filled_count++;
}

struct import_fault import_fault_of(struct task *task, const struct import_plan *plan,
                                    const struct table_row *row, const struct fault_item *item)
{
    struct import_fault fault = {.row = row->number, .column = item->field};
    const struct import_target *target = import_target_of(plan, item->field);
    str cell = {};
    if (target != nullptr) {
        uint32_t column = target->first_column;
        fault.column = plan->columns[column].header;
        for (; column != UINT32_MAX && cell.len == 0; column = plan->next_column[column]) {
            cell = import_cell(plan, row, column);
            if (cell.len > 0) fault.column = plan->columns[column].header;
        }
    }
    str told = cut_text(cell, TOLD_BYTES_MAX);
    if (told.len == 0) fault.message = item->message;
    else
        fault.message = arena_print(task->arena, "\"%.*s%s\" %.*s", FMT(told),
                                    told.len < cell.len ? "…" : "", FMT(item->message));
    return fault;
}

static bool is_fault_column(const struct import_plan *plan, uint32_t column)
{
    return str_eq(plan->columns[column].header, S("fault"));
}

void import_write_failed_header(struct buf *out, const struct import_plan *plan, char separator)
{
    for (uint32_t at = 0; at < plan->column_count; at++) {
        if (is_fault_column(plan, at)) continue;
        csv_write_cell(out, plan->columns[at].header, separator);
        buf_put_byte(out, separator);
    }
    buf_put(out, S("fault\r\n"));
}

void import_write_failed_line(struct buf *out, const struct table_row *row, str fault)
{
    str line = str_trim(row->raw);
    if (row->record.len == 0 || !str_ends(line, S("}"))) {
        /* What is no object stands as a text within one. */
        buf_put(out, S("{\"line\":"));
        json_write_text(out, line);
    } else {
        line = str_trim(str_first(line, line.len - 1));
        buf_put(out, line);
        if (str_ends(line, S("{"))) line = (str){};
    }
    if (line.len > 0) buf_put_byte(out, ',');
    buf_put(out, S("\"fault\":"));
    json_write_text(out, fault);
    buf_put(out, S("}\n"));
}

void import_write_failed(struct buf *out, const struct import_plan *plan,
                         const struct table_row *row, char separator, str fault)
{
    /* A row that could not be taken apart stands whole in the first cell. */
    bool is_whole = row->fault.len > 0 && row->cell_count == 0;
    uint32_t count = row->cell_count > plan->column_count ? row->cell_count : plan->column_count;
    for (uint32_t at = 0; at < count; at++) {
        if (at < plan->column_count && is_fault_column(plan, at)) continue;
        if (is_whole && at == 0) csv_write_cell(out, row->raw, separator);
        else if (at < row->cell_count) csv_write_cell(out, row->cells[at], separator);
        buf_put_byte(out, separator);
    }
    csv_write_cell(out, fault, separator);
    buf_put(out, S("\r\n"));
}

struct members {
    struct arena *arena;
    const struct import_plan *plan;
    struct table_row *row;
    uint32_t next; /** column that is looked at first: members mostly come in order */
};

static uint32_t column_of(struct members *members, str name)
{
    const struct import_plan *plan = members->plan;
    for (uint32_t tried = 0; tried < plan->column_count; tried++) {
        uint32_t at = members->next + tried;
        if (at >= plan->column_count) at -= plan->column_count;
        if (!str_eq(plan->columns[at].header, name)) continue;
        members->next = at + 1 == plan->column_count ? 0 : at + 1;
        return at;
    }
    return UINT32_MAX;
}

/** Whether there are columns for what lies within a member. */
static bool has_columns_within(const struct import_plan *plan, str name)
{
    for (uint32_t at = 0; at < plan->column_count; at++) {
        str header = plan->columns[at].header;
        if (header.len > name.len && header.at[name.len] == '.' && str_starts(header, name))
            return true;
    }
    return false;
}

static void member_put(struct members *members, uint32_t column, const struct value *value)
{
    struct table_row *row = members->row;
    row->values[column] = value->bytes;
    if (value->kind == VALUE_NIL) return;
    if (value->kind == VALUE_TEXT) {
        row->cells[column] = value->text;
        return;
    }
    struct buf json = buf_make(members->arena, CSV_CELL_BYTES_MAX);
    json_write(&json, value);
    row->cells[column] = buf_is_over(&json) ? S("(too long)") : buf_str(&json);
}

static void members_put(struct members *members, const struct value *map, str prefix,
                        uint32_t depth)
{
    struct cursor pairs = cursor_of(map->items);
    struct value key, value;
    for (uint32_t at = 0; at < map->count && members->row->fault.len == 0; at++) {
        if (!value_next(&pairs, &key) || !value_next(&pairs, &value)) return;
        str name = key.text;
        if (prefix.len > 0)
            name = arena_print(members->arena, "%.*s.%.*s", FMT(prefix), FMT(key.text));
        bool is_object = value.kind == VALUE_MAP && depth < IMPORT_PATH_STEPS_MAX &&
                         has_columns_within(members->plan, name);
        uint32_t column = is_object ? UINT32_MAX : column_of(members, name);
        if (is_object) members_put(members, &value, name, depth + 1);
        else if (column != UINT32_MAX) member_put(members, column, &value);
        else if (!members->plan->is_of_map && !str_eq(name, S("fault")))
            members->row->fault =
                arena_print(members->arena, "`%.*s` is no field of %.*s", FMT(utf8_first(name, 60)),
                            FMT(members->plan->entity->plural));
    }
}

void import_row_of_record(struct arena *arena, const struct import_plan *plan,
                          struct table_row *row)
{
    require(row->record.len > 0);
    row->cell_count = plan->column_count;
    row->cells = arena_new(arena, str, plan->column_count);
    row->values = arena_new(arena, str, plan->column_count);
    struct members members = {.arena = arena, .plan = plan, .row = row};
    struct value map = value_of(row->record);
    members_put(&members, &map, (str){}, 1);
    if (row->fault.len > 0) row->cell_count = 0;
}
