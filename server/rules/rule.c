#include "rules/rule.h"

#include "base/fold.h"
#include "base/require.h"
#include "model/kind.h"

constexpr size_t PROBLEM_BYTES_MAX = 500;

/** A rule while it is read. */
struct reading {
    struct view view; /** its task lies on the arena that takes the rule */
    struct arena *arena;
    const str *maps;
    uint32_t map_count;
    struct rule *rule;
};

#define reading_fault(reading, name, code, ...) \
    task_fault((reading)->view.task, S(name), S(code), __VA_ARGS__)

/** False when it has no value. */
static bool find(const struct reading *reading, str name, struct value *value_out)
{
    for (uint32_t at = 0; at < reading->map_count; at++)
        if (value_find_text(reading->maps[at], name, value_out))
            return value_out->kind != VALUE_NIL;
    return false;
}

static str find_text(const struct reading *reading, str name)
{
    struct value value;
    bool is_text = find(reading, name, &value) && value.kind == VALUE_TEXT;
    return is_text ? arena_copy(reading->arena, value.text) : (str){};
}

static int64_t find_number(const struct reading *reading, str name, int64_t otherwise)
{
    constexpr double most = 1e15;
    struct value value;
    if (!find(reading, name, &value)) return otherwise;
    if (value.kind == VALUE_INT) return value.integer;
    bool is_number = value.kind == VALUE_FLOAT && value.number > -most && value.number < most;
    return is_number ? (int64_t)value.number : otherwise;
}

static bool is_known(const struct field *field)
{
    return field != nullptr && !field->is_hidden && !field->is_removed;
}

static void refuse_field(const struct reading *reading, str path, str name)
{
    const struct entity *entity = reading->rule->entity;
    str nearest = entity_nearest(entity, sight_all(), name);
    if (nearest.len > 0)
        task_fault(reading->view.task, path, S("unknown"),
                   "%.*s has no field \"%.*s\"; the nearest is %.*s", FMT(entity->name),
                   FMT(utf8_first(name, 60)), FMT(nearest));
    else
        task_fault(reading->view.task, path, S("unknown"), "%.*s has no field \"%.*s\"",
                   FMT(entity->name), FMT(utf8_first(name, 60)));
}

static bool read_place(const struct reading *reading)
{
    struct rule *rule = reading->rule;
    str entity = find_text(reading, S("entity")), point = find_text(reading, S("point"));
    rule->entity = model_entity(reading->view.model, entity);
    if (rule->entity == nullptr)
        reading_fault(reading, "entity", "unknown", "there is no entity \"%.*s\"",
                      FMT(utf8_first(entity, 60)));
    if (!rule_point_of(point, &rule->point)) {
        reading_fault(reading, "point", "choice",
                      "is one of before, after, check, settled, schedule, action");
        return false;
    }
    return rule->entity != nullptr;
}

static void read_operations(const struct reading *reading)
{
    struct rule *rule = reading->rule;
    struct value list, item;
    rule->operations = 1 << OPERATION_CREATE | 1 << OPERATION_UPDATE;
    if (!find(reading, S("on"), &list) || list.kind != VALUE_LIST || list.count == 0) return;
    struct cursor cursor = cursor_of(list.items);
    rule->operations = 0;
    for (uint32_t at = 0; at < list.count && value_next(&cursor, &item); at++) {
        enum operation operation;
        if (item.kind == VALUE_TEXT && operation_of(item.text, &operation))
            rule->operations |= (uint8_t)(1 << operation);
        else reading_fault(reading, "on", "choice", "is a list of create, update, delete");
    }
}

/** nullptr: none, or it always holds. */
static const struct condition *read_condition(const struct reading *reading, str name,
                                              const struct entity *entity)
{
    struct value tree;
    const struct condition *condition;
    struct condition_form form = {
        .entity = entity, .arena = reading->arena, .path = name, .sight = sight_all()};
    if (entity == nullptr || !find(reading, name, &tree)) return nullptr;
    /* What is made of a tree points into it. */
    tree = value_of(arena_copy(reading->arena, tree.bytes));
    bool is_read = condition_read(reading->view.task, &form, &tree, &condition);
    return is_read && !condition_is_always(condition) ? condition : nullptr;
}

static void read_changed(const struct reading *reading)
{
    struct value list, item;
    struct rule *rule = reading->rule;
    if (!find(reading, S("changed"), &list) || list.kind != VALUE_LIST || list.count == 0) return;
    const struct field **fields = arena_new(reading->arena, const struct field *, list.count);
    struct cursor cursor = cursor_of(list.items);
    for (uint32_t at = 0; at < list.count && value_next(&cursor, &item); at++) {
        str name = item.kind == VALUE_TEXT ? item.text : (str){};
        const struct field *field = entity_field(rule->entity, name);
        if (is_known(field)) fields[rule->changed_count++] = field;
        else refuse_field(reading, S("changed"), name);
    }
    rule->changed = fields;
}

static bool read_set(const struct reading *reading, str name, const struct value *given,
                     struct rule_value *set)
{
    struct task *task = reading->view.task;
    struct arena *arena = reading->arena;
    const struct field *field = entity_field(reading->rule->entity, name);
    if (!is_known(field)) {
        refuse_field(reading, arena_print(arena, "set.%.*s", FMT(utf8_first(name, 60))), name);
        return false;
    }
    if (field->is_computed || field->is_system) {
        task_fault(task, arena_print(arena, "set.%.*s", FMT(name)), S("read_only"),
                   "is kept by the server");
        return false;
    }
    *set = (struct rule_value){field, arena_copy(arena, given->bytes)};
    if (given->kind == VALUE_NIL) return true;
    struct buf stored = buf_make(arena, RECORD_BYTES_MAX);
    task->path = S("set.");
    bool is_read = field->kind_of->read(task, field, given, &stored);
    task->path = (str){};
    return is_read;
}

static void read_sets(const struct reading *reading)
{
    struct rule *rule = reading->rule;
    struct value map, name, given;
    if (!find(reading, S("set"), &map)) return;
    if (map.kind != VALUE_MAP) {
        reading_fault(reading, "set", "type", "is an object of fields and their values");
        return;
    }
    struct rule_value *sets = arena_new(reading->arena, struct rule_value, map.count);
    struct cursor cursor = cursor_of(map.items);
    for (uint32_t at = 0; at < map.count; at++) {
        if (!value_next(&cursor, &name) || !value_next(&cursor, &given)) break;
        if (name.kind == VALUE_TEXT && read_set(reading, name.text, &given, &sets[rule->set_count]))
            rule->set_count++;
    }
    rule->sets = sets;
    if (rule->point == RULE_CHECK)
        reading_fault(reading, "set", "unfit", "a check changes nothing: use before or after");
    if (rule->operations == 1 << OPERATION_DELETE)
        reading_fault(reading, "set", "unfit", "a record that goes takes no values");
}

static void read_reject(const struct reading *reading)
{
    struct rule *rule = reading->rule;
    rule->reject = find_text(reading, S("reject"));
    rule->reject_field = find_text(reading, S("reject_field"));
    if (rule->reject_field.len > 0 && !is_known(entity_field(rule->entity, rule->reject_field)))
        refuse_field(reading, S("reject_field"), rule->reject_field);
    bool is_late = rule->point == RULE_SETTLED || rule->point == RULE_SCHEDULE;
    if (rule->reject.len > 0 && is_late)
        reading_fault(reading, "reject", "unfit",
                      "the change is settled by then: use before, after or check");
}

/** What it does: a script, or what needs none. */
static void read_deed(const struct reading *reading)
{
    struct rule *rule = reading->rule;
    rule->source = find_text(reading, S("source"));
    if (rule->source.len > RULE_SOURCE_BYTES_MAX)
        reading_fault(reading, "source", "length", "has at most %zu KiB",
                      RULE_SOURCE_BYTES_MAX / KIB);
    if (rule->source.len > 0) rule->code = hash_of(nullptr, &rule->source, 1);
    read_sets(reading);
    read_reject(reading);
    bool is_plain = rule->set_count > 0 || rule->reject.len > 0;
    struct value set;
    bool says_set = find(reading, S("set"), &set) && set.count > 0;
    if (rule->source.len > 0 && is_plain)
        reading_fault(reading, "source", "unfit",
                      "a rule has either a script, or values that it sets and a message");
    if (rule->source.len == 0 && !is_plain && !says_set)
        reading_fault(reading, "source", "required",
                      "a rule has a script, or values that it sets, or a message to reject with");
}

static void read_rest(const struct reading *reading)
{
    struct rule *rule = reading->rule;
    rule->name = find_text(reading, S("name"));
    rule->is_builtin = false;
    rule->priority = find_number(reading, S("priority"), 100);
    rule->version = find_number(reading, S("version_number"), 1);
    rule->every = find_text(reading, S("every"));
    str in_imports = find_text(reading, S("in_imports"));
    rule->in_imports = str_eq(in_imports, S("once"))  ? RULE_ONCE
                       : str_eq(in_imports, S("not")) ? RULE_NOT
                                                      : RULE_EACH;
}

/** Faults come to the task of the view, which may have another arena than the rule. */
static void tell(const struct view *view, const struct fault *fault)
{
    for (uint32_t at = 0; at < fault->item_count; at++) {
        const struct fault_item *item = &fault->items[at];
        task_fault(view->task, item->field, item->code, "%.*s", FMT(item->message));
    }
}

bool rule_read_values(const struct view *view, struct arena *arena, struct id id, const str *maps,
                      uint32_t map_count, struct rule *rule_out)
{
    struct task task = {.arena = arena, .now_ms = view->task->now_ms};
    struct reading reading = {.view = {&task, view->txn, view->model, view->scope},
                              .arena = arena,
                              .maps = maps,
                              .map_count = map_count,
                              .rule = rule_out};
    *rule_out = (struct rule){.id = id};
    read_rest(&reading);
    if (read_place(&reading)) {
        read_operations(&reading);
        const struct entity *settings = model_entity(view->model, S("settings"));
        rule_out->when = read_condition(&reading, S("when"), rule_out->entity);
        rule_out->when_settings = read_condition(&reading, S("when_settings"), settings);
        read_changed(&reading);
        read_deed(&reading);
    }
    if (task.fault.item_count == 0) return true;
    const struct fault_item *first = &task.fault.items[0];
    str problem = arena_print(arena, "%.*s: %.*s", FMT(first->field), FMT(first->message));
    rule_out->problem = utf8_first(problem, PROBLEM_BYTES_MAX);
    tell(view, &task.fault);
    return false;
}

/** The record that a version is of; false when it is none. */
static bool rule_of_version(const struct view *view, const struct record *record,
                            struct record *rule_out)
{
    const struct field *field = entity_field(record->entity, S("rule"));
    struct id id;
    bool is_version = field != nullptr && field->kind == FIELD_REFERENCE &&
                      value_id_at(record->value, field->number, &id);
    return is_version && record_get(view, field->to, id, rule_out) == ERR_NONE;
}

/** A version has its own of all its fields, none where it says none. */
static str nothing_of(struct arena *arena, const struct entity *version)
{
    struct buf map = buf_make(arena, version->field_count * 80 + 8);
    uint32_t count = 0;
    for (uint32_t at = 0; at < version->field_count; at++) count += !version->fields[at].is_system;
    pack_map(&map, count);
    for (uint32_t at = 0; at < version->field_count; at++) {
        if (version->fields[at].is_system) continue;
        pack_text(&map, version->fields[at].name);
        pack_nil(&map);
    }
    require(!buf_is_over(&map));
    return buf_str(&map);
}

bool rule_read(const struct view *view, struct arena *arena, const struct record *record,
               struct rule *rule_out)
{
    struct record rule;
    str maps[3] = {record_values(view, record)};
    if (!rule_of_version(view, record, &rule))
        return rule_read_values(view, arena, record->id, maps, 1, rule_out);
    maps[1] = nothing_of(view->task->arena, record->entity);
    maps[2] = record_values(view, &rule);
    return rule_read_values(view, arena, rule.id, maps, 3, rule_out);
}
