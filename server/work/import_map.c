#include "work/import_map.h"

#include "base/fold.h"
#include "base/require.h"
#include "value/json.h"

constexpr size_t FOLDED_BYTES_MAX = 16 * MIB;

struct path {
    uint32_t step_count;
    const struct field *steps[IMPORT_PATH_STEPS_MAX];
    str label;
    const struct field *second; /** that the header names as well */
};

static bool may_be_given(const struct scope *scope, const struct field *field)
{
    return !field->is_computed && !field->is_system && scope_edits_field(scope, field);
}

/** `phone2` is a second `phone` where a field holds many. */
static str without_digits(str name)
{
    while (name.len > 1 && name.at[name.len - 1] >= '0' && name.at[name.len - 1] <= '9') name.len--;
    return name;
}

/** How a header may name a field, best first: exactly by its name, label or a synonym; then, where
 *  a field holds many, as one of them (`phone`, `phone 2`). */
enum naming : uint8_t {
    NAMING_NAME,
    NAMING_LABEL,
    NAMING_SYNONYM,
    NAMING_ONE_OF_NAME,
    NAMING_ONE_OF_LABEL,
    NAMING_ONE_OF_SYNONYM,
    NAMING_COUNT,
};

static bool name_fits(const struct field *field, str name, str header, bool is_one_of)
{
    if (!is_one_of) return str_eq(name, header);
    if (!field->kind_of->is_list) return false;
    str base = without_digits(header);
    if (str_eq(name, base)) return true;
    return name.len == base.len + 1 && str_starts(name, base) && name.at[base.len] == 's';
}

/** Whether a folded header names a field in this way; a synonym may carry a label. */
static bool is_named(struct arena *arena, const struct field *field, enum naming naming, str header,
                     str *label_out)
{
    *label_out = (str){};
    bool is_one_of = naming >= NAMING_ONE_OF_NAME;
    switch (naming) {
    case NAMING_NAME:
    case NAMING_ONE_OF_NAME:
        /* The prefix of a firm's own fields is no part of what people call them. */
        return name_fits(field, fold_name(arena, field->name), header, is_one_of) ||
               (str_starts(field->name, S("x_")) &&
                name_fits(field, fold_name(arena, str_from(field->name, 2)), header, is_one_of));
    case NAMING_LABEL:
    case NAMING_ONE_OF_LABEL:
        return name_fits(field, fold_name(arena, field->label), header, is_one_of);
    case NAMING_SYNONYM:
    case NAMING_ONE_OF_SYNONYM:
        break;
    case NAMING_COUNT:
        return false;
    }
    for (uint32_t at = 0; at < field->synonym_count; at++) {
        if (!name_fits(field, field->synonyms[at], header, is_one_of)) continue;
        if (field->synonym_labels != nullptr) *label_out = field->synonym_labels[at];
        return true;
    }
    return false;
}

/** The field that a header names best; *second_out is another one that it names as well. */
static const struct field *find_own(struct arena *arena, const struct scope *scope,
                                    const struct entity *entity, str header, str *label_out,
                                    const struct field **second_out)
{
    *second_out = nullptr;
    if (header.len == 0) return nullptr;
    for (int naming = 0; naming < NAMING_COUNT; naming++) {
        const struct field *found = nullptr;
        for (uint32_t at = 0; at < entity->field_count; at++) {
            const struct field *field = &entity->fields[at];
            str label;
            if (!may_be_given(scope, field) ||
                !is_named(arena, field, (enum naming)naming, header, &label))
                continue;
            if (found != nullptr) {
                *second_out = field;
                return found;
            }
            found = field;
            *label_out = label;
        }
        if (found != nullptr) return found;
    }
    return nullptr;
}

/** Fields of the records behind flagged links, first with the reference before them
 *  (`contactName`), then alone (`city`). */
static bool find_through(struct arena *arena, const struct scope *scope,
                         const struct entity *entity, str header, struct path *path_out)
{
    for (int is_alone = 0; is_alone < 2; is_alone++)
        for (uint32_t at = 0; at < entity->field_count; at++) {
            const struct field *reference = &entity->fields[at];
            if (reference->through.link == nullptr || reference->to == nullptr ||
                !scope_edits_field(scope, reference))
                continue;
            const str before[] = {fold_name(arena, reference->name),
                                  fold_name(arena, reference->label),
                                  fold_name(arena, reference->to->name), S("")};
            for (int way = is_alone ? 3 : 0; way < (is_alone ? 4 : 3); way++) {
                if (!str_starts(header, before[way])) continue;
                str rest = str_from(header, before[way].len);
                const struct field *field = find_own(arena, scope, reference->to, rest,
                                                     &path_out->label, &path_out->second);
                if (field == nullptr || field->to != nullptr) continue;
                path_out->step_count = 2;
                path_out->steps[0] = reference;
                path_out->steps[1] = field;
                return true;
            }
        }
    return false;
}

static bool path_of_header(struct arena *arena, const struct scope *scope,
                           const struct entity *entity, str header, struct path *path_out)
{
    str folded = fold_name(arena, header);
    /* The column that an import adds to its failed rows says nothing to the next one. */
    if (folded.len == 0 || str_eq(header, S("fault"))) return false;
    const struct field *field =
        find_own(arena, scope, entity, folded, &path_out->label, &path_out->second);
    if (field == nullptr) return find_through(arena, scope, entity, folded, path_out);
    path_out->step_count = 1;
    path_out->steps[0] = field;
    /* A column `Primary contact` holds the name of somebody who is made with the row. */
    if (field->through.link != nullptr && field->to != nullptr && field->to->title != nullptr) {
        path_out->step_count = 2;
        path_out->steps[1] = field->to->title;
    }
    return true;
}

/** What an import holds would lie about in a file, in what is told of its rows, in those that
 *  failed. */
static bool refuse_secret(struct task *task, str column, const struct path *path)
{
    if (path->steps[path->step_count - 1]->kind != FIELD_SECRET) return false;
    task_fault(task, column, S("secret"),
               "is a secret, and secrets are not imported: take the column out of the table");
    return true;
}

/** A path as a map has it. Adds a fault under the column's name when it leads nowhere. */
static bool path_of_text(struct task *task, const struct scope *scope, const struct entity *entity,
                         str column, str text, struct path *path_out)
{
    str rest = text;
    while (path_out->step_count < IMPORT_PATH_STEPS_MAX) {
        str name, behind;
        bool has_more = str_cut(rest, '.', &name, &behind);
        const struct field *field = entity_field_seen(entity, scope_sight(scope), name);
        if (field == nullptr) {
            str nearest = entity_nearest(entity, scope_sight(scope), name);
            task_fault(task, column, S("unknown"), "`%.*s` is no field of %.*s%s%.*s%s", FMT(name),
                       FMT(entity->plural), nearest.len > 0 ? "; is `" : "", FMT(nearest),
                       nearest.len > 0 ? "` meant?" : "");
            return false;
        }
        if (!scope_edits_field(scope, field)) {
            task_fault(task, column, S("forbidden"), "`%.*s` is not yours to change", FMT(text));
            return false;
        }
        if (!may_be_given(scope, field)) {
            task_fault(task, column, S("computed"), "`%.*s` is kept by the server", FMT(text));
            return false;
        }
        path_out->steps[path_out->step_count++] = field;
        if (!has_more) return !refuse_secret(task, column, path_out);
        if (field->kind != FIELD_REFERENCE) {
            task_fault(task, column, S("unknown"),
                       "`%.*s` refers to no record, so nothing can stand behind it", FMT(name));
            return false;
        }
        entity = field->to;
        rest = behind;
    }
    task_fault(task, column, S("unknown"), "`%.*s` has more than %u steps", FMT(text),
               IMPORT_PATH_STEPS_MAX);
    return false;
}

static uint32_t group_of(struct task *task, struct import_plan *plan, uint32_t parent,
                         const struct field *reference)
{
    for (uint32_t at = 1; at < plan->group_count; at++)
        if (plan->groups[at].parent == parent && plan->groups[at].reference == reference) return at;
    if (plan->group_count == IMPORT_GROUPS_MAX) return UINT32_MAX;
    plan->groups[plan->group_count] = (struct import_group){
        .entity = reference->to,
        .reference = reference,
        .parent = parent,
        .path = arena_print(task->arena, "%.*s%.*s.", FMT(plan->groups[parent].path),
                            FMT(reference->name)),
    };
    return plan->group_count++;
}

/** Sends a column to a target, a new one or a list that has columns already; false when the place
 *  is taken. */
static bool column_to_target(struct import_plan *plan, uint32_t column,
                             const struct import_target *wanted)
{
    plan->next_column[column] = UINT32_MAX;
    for (uint32_t at = 0; at < plan->target_count; at++) {
        const struct import_target *target = &plan->targets[at];
        if (target->field != wanted->field || target->group != wanted->group) continue;
        if (target->field == nullptr || !target->field->kind_of->is_list) {
            plan->columns[column].why = plan->columns[target->first_column].header;
            return false;
        }
        uint32_t last = target->first_column;
        while (plan->next_column[last] != UINT32_MAX) last = plan->next_column[last];
        plan->next_column[last] = column;
        plan->columns[column].path = target->path;
        return true;
    }
    plan->targets[plan->target_count] = *wanted;
    plan->targets[plan->target_count++].first_column = column;
    plan->columns[column].path = wanted->path;
    return true;
}

static bool column_to_path(struct task *task, struct import_plan *plan, uint32_t column,
                           const struct path *path)
{
    uint32_t group = 0;
    for (uint32_t at = 0; at + 1 < path->step_count; at++) {
        group = group_of(task, plan, group, path->steps[at]);
        if (group == UINT32_MAX) {
            plan->columns[column].why = S("too many different references");
            return false;
        }
    }
    const struct field *field = path->steps[path->step_count - 1];
    struct import_target target = {
        .field = field,
        .group = group,
        .path =
            arena_print(task->arena, "%.*s%.*s", FMT(plan->groups[group].path), FMT(field->name)),
    };
    plan->labels[column] = path->label;
    if (column_to_target(plan, column, &target)) return true;
    plan->columns[column].why = arena_print(task->arena, "`%.*s` is taken from the column `%.*s`",
                                            FMT(target.path), FMT(plan->columns[column].why));
    return false;
}

static void column_to_id(struct import_plan *plan, uint32_t column)
{
    struct import_target target = {.field = nullptr, .group = 0, .path = S("id")};
    (void)column_to_target(plan, column, &target);
}

static void plan_by_headers(struct task *task, const struct import_options *options,
                            struct import_plan *plan)
{
    /* Names are folded again and again, which nobody needs behind a column. */
    struct arena folded;
    arena_init(&folded, FOLDED_BYTES_MAX);
    for (uint32_t at = 0; at < plan->column_count; at++) {
        struct import_column *column = &plan->columns[at];
        if (str_eq(options->match, S("id")) && str_eq_nocase(str_trim(column->header), S("id"))) {
            column_to_id(plan, at);
            continue;
        }
        struct path path = {};
        arena_clear(&folded);
        if (!path_of_header(&folded, plan->scope, plan->entity, column->header, &path))
            column->why = S("no field has this name");
        else if (path.second != nullptr)
            column->why =
                arena_print(task->arena, "it may be `%.*s` or `%.*s`; say in the map which",
                            FMT(path.steps[path.step_count - 1]->name), FMT(path.second->name));
        else if (!refuse_secret(task, column->header, &path))
            (void)column_to_path(task, plan, at, &path);
    }
    arena_drop(&folded);
}

static uint32_t column_named(struct arena *arena, const struct import_plan *plan, str name)
{
    for (uint32_t at = 0; at < plan->column_count; at++)
        if (str_eq(plan->columns[at].header, name)) return at;
    str folded = fold_name(arena, name);
    for (uint32_t at = 0; at < plan->column_count && folded.len > 0; at++)
        if (str_eq(fold_name(arena, plan->columns[at].header), folded)) return at;
    return UINT32_MAX;
}

static void plan_column_by_map(struct task *task, const struct import_options *options,
                               struct import_plan *plan, str name, const struct value *given)
{
    uint32_t column = column_named(task->arena, plan, name);
    if (column == UINT32_MAX) {
        task_fault(task, name, S("unknown"), "the table has no column of this name");
        return;
    }
    bool is_text = given->kind == VALUE_TEXT;
    if (given->kind == VALUE_NIL || (is_text && given->text.len == 0)) {
        plan->columns[column].why = S("left out by the map");
        return;
    }
    if (!is_text) {
        task_fault(task, name, S("type"), "a path is a text such as `name`, or null");
        return;
    }
    if (str_eq(given->text, S("id")) && str_eq(options->match, S("id"))) {
        column_to_id(plan, column);
        return;
    }
    struct path path = {};
    if (!path_of_text(task, plan->scope, plan->entity, name, given->text, &path)) return;
    struct path known = {};
    const struct field *field = path.steps[path.step_count - 1];
    if (path_of_header(task->arena, plan->scope, field->entity, plan->columns[column].header,
                       &known) &&
        known.steps[known.step_count - 1] == field)
        path.label = known.label;
    if (plan->columns[column].path.len > 0)
        task_fault(task, name, S("twice"), "the map names this column twice");
    else if (!column_to_path(task, plan, column, &path))
        task_fault(task, name, S("twice"), "%.*s", FMT(plan->columns[column].why));
}

static enum err map_read(struct task *task, str text, struct value *map_out)
{
    struct buf bytes = buf_make(task->arena, BODY_BYTES_MAX);
    TRY(json_read(task, text, &bytes));
    *map_out = value_of(buf_str(&bytes));
    if (map_out->kind == VALUE_MAP) return ERR_NONE;
    return fail(task, ERR_INVALID, "the map is no JSON object such as {\"Company\": \"name\"}");
}

static enum err plan_by_map(struct task *task, const struct import_options *options,
                            struct import_plan *plan)
{
    struct value map;
    TRY(map_read(task, options->map, &map));
    for (uint32_t at = 0; at < plan->column_count; at++)
        plan->columns[at].why = S("the map does not name it");
    struct cursor cursor = cursor_of(map.items);
    struct value key, given;
    for (uint32_t at = 0; at < map.count; at++) {
        if (!value_next(&cursor, &key) || !value_next(&cursor, &given)) break;
        if (key.kind == VALUE_TEXT) plan_column_by_map(task, options, plan, key.text, &given);
    }
    return task_faults(task);
}

static void plan_empty_words(struct task *task, struct import_plan *plan, str words)
{
    uint32_t count = 1;
    for (size_t at = 0; at < words.len; at++) count += words.at[at] == ',';
    plan->empty_words = arena_new(task->arena, str, count);
    str rest = words;
    for (bool has_more = words.len > 0; has_more;) {
        str word, behind;
        has_more = str_cut(rest, ',', &word, &behind);
        rest = behind;
        word = arena_copy(task->arena, str_trim(word));
        if (word.len > 0) plan->empty_words[plan->empty_count++] = word;
    }
}

static enum err plan_match(struct task *task, const struct import_options *options,
                           struct import_plan *plan)
{
    plan->match = UINT32_MAX;
    if (options->match.len == 0) {
        if (options->mode == IMPORT_CREATE) return ERR_NONE;
        return fail(task, ERR_INVALID, "to update records, name the field that finds them: match");
    }
    bool is_id = str_eq(options->match, S("id"));
    const struct field *field =
        is_id ? nullptr : entity_field_seen(plan->entity, scope_sight(plan->scope), options->match);
    if (!is_id && (field == nullptr || !field->is_indexed))
        return fail(task, ERR_INVALID, "match: `%.*s` is no indexed field of %.*s",
                    FMT(options->match), FMT(plan->entity->plural));
    for (uint32_t at = 0; at < plan->target_count; at++)
        if (plan->targets[at].group == 0 && plan->targets[at].field == field) plan->match = at;
    if (plan->match != UINT32_MAX) return ERR_NONE;
    return fail(task, ERR_INVALID, "match: no column gives `%.*s`", FMT(options->match));
}

/** What every row would fail for is said once, before any of them. */
static enum err plan_complete(struct task *task, const struct import_options *options,
                              const struct import_plan *plan)
{
    const struct entity *entity = plan->entity;
    for (uint32_t at = 0; at < entity->field_count && options->mode == IMPORT_CREATE; at++) {
        const struct field *field = &entity->fields[at];
        if (!field->is_required || field->to != nullptr || !may_be_given(plan->scope, field))
            continue;
        if (field->initial.len > 0 || field->waived_by.len > 0) continue;
        bool is_given = false;
        for (uint32_t target = 0; target < plan->target_count; target++)
            is_given |= plan->targets[target].field == field;
        if (is_given) continue;
        return fail(task, ERR_INVALID, "no column gives `%.*s`, which %.*s must have",
                    FMT(field->name), FMT(entity->plural));
    }
    return ERR_NONE;
}

/** Columns of a table without a header: those of the map. */
static enum err columns_of_map(struct task *task, const struct import_options *options,
                               struct import_plan *plan)
{
    struct value map, key, value;
    TRY(map_read(task, options->map, &map));
    plan->columns = arena_new(task->arena, struct import_column, map.count + 1);
    plan->is_of_map = true;
    struct cursor cursor = cursor_of(map.items);
    for (uint32_t at = 0; at < map.count && at < CSV_COLUMNS_MAX; at++) {
        if (!value_next(&cursor, &key) || !value_next(&cursor, &value)) break;
        plan->columns[plan->column_count++].header = key.text;
    }
    return ERR_NONE;
}

static void column_add(struct import_plan *plan, str header)
{
    if (plan->column_count < CSV_COLUMNS_MAX) plan->columns[plan->column_count++].header = header;
}

/** Columns of a table without a header: all fields by their names, and those of the records behind
 *  flagged links. */
static void columns_of_fields(struct arena *arena, struct import_plan *plan)
{
    const struct entity *entity = plan->entity;
    plan->columns = arena_new(arena, struct import_column, CSV_COLUMNS_MAX);
    column_add(plan, S("id"));
    for (uint32_t at = 0; at < entity->field_count; at++) {
        const struct field *field = &entity->fields[at];
        if (!scope_sees_field(plan->scope, field) || field->kind == FIELD_SECRET) continue;
        column_add(plan, field->name);
        if (field->through.link == nullptr || field->to == nullptr) continue;
        column_add(plan, arena_print(arena, "%.*s.id", FMT(field->name)));
        for (uint32_t inner = 0; inner < field->to->field_count; inner++) {
            const struct field *behind = &field->to->fields[inner];
            if (scope_sees_field(plan->scope, behind) && behind->kind != FIELD_SECRET)
                column_add(plan,
                           arena_print(arena, "%.*s.%.*s", FMT(field->name), FMT(behind->name)));
        }
    }
}

/** A member that the server keeps is passed over, so that what was exported can be taken back. */
static void plan_by_members(struct task *task, const struct import_options *options,
                            struct import_plan *plan)
{
    for (uint32_t at = 0; at < plan->column_count; at++) {
        struct import_column *column = &plan->columns[at];
        if (str_eq(column->header, S("id")) && str_eq(options->match, S("id"))) {
            column_to_id(plan, at);
            continue;
        }
        struct task quiet = *task;
        quiet.fault = (struct fault){};
        struct path path = {};
        bool is_given =
            path_of_text(&quiet, plan->scope, plan->entity, column->header, column->header, &path);
        /* What lies under this record is known by it, not the other way round. */
        for (uint32_t step = 1; is_given && step < path.step_count; step++)
            is_given = path.steps[step]->to == nullptr;
        if (is_given) (void)column_to_path(task, plan, at, &path);
        else column->why = S("it is kept by the server");
    }
}

static void columns_of_header(struct arena *arena, const struct table_row *header,
                              struct import_plan *plan)
{
    require(header->cell_count > 0);
    plan->column_count = header->cell_count;
    plan->columns = arena_new(arena, struct import_column, plan->column_count);
    for (uint32_t at = 0; at < plan->column_count; at++)
        plan->columns[at].header = arena_copy(arena, str_trim(header->cells[at]));
}

enum err import_plan_make(struct task *task, const struct import_options *options,
                          const struct table_row *header, struct import_plan *plan_out)
{
    require(options->entity != nullptr);
    require(options->scope != nullptr);
    struct arena *arena = task->arena;
    struct import_plan *plan = plan_out;
    bool has_map = options->map.len > 0;
    *plan = (struct import_plan){.entity = options->entity, .scope = options->scope};
    if (header != nullptr) columns_of_header(arena, header, plan);
    else if (has_map) TRY(columns_of_map(task, options, plan));
    else columns_of_fields(arena, plan);
    plan->next_column = arena_new(arena, uint32_t, plan->column_count);
    plan->labels = arena_new(arena, str, plan->column_count);
    plan->targets = arena_new(arena, struct import_target, plan->column_count);
    plan->groups[plan->group_count++] = (struct import_group){.entity = options->entity};
    plan_empty_words(task, plan, options->empty_words);
    if (has_map) TRY(plan_by_map(task, options, plan));
    else if (header == nullptr) plan_by_members(task, options, plan);
    else plan_by_headers(task, options, plan);
    TRY(task_faults(task));
    if (plan->target_count == 0)
        return fail(
            task, ERR_INVALID,
            "no column has the name of a field of %.*s; give a map such as {\"%.*s\": \"%.*s\"}",
            FMT(plan->entity->plural),
            FMT(plan->column_count == 0 ? S("Company") : utf8_first(plan->columns[0].header, 40)),
            FMT(plan->entity->title == nullptr ? S("name") : plan->entity->title->name));
    TRY(plan_match(task, options, plan));
    return plan_complete(task, options, plan);
}

str import_cell(const struct import_plan *plan, const struct table_row *row, uint32_t column)
{
    if (column >= row->cell_count) return (str){};
    str cell = str_trim(row->cells[column]);
    for (uint32_t at = 0; at < plan->empty_count; at++)
        if (str_eq(cell, plan->empty_words[at])) return (str){};
    /* An apostrophe that keeps a cell from being a formula is no part of it. */
    return row->values == nullptr ? csv_without_apostrophe(cell) : cell;
}

const struct import_target *import_target_of(const struct import_plan *plan, str fault_field)
{
    const struct import_target *nearest = nullptr;
    for (uint32_t at = 0; at < plan->target_count; at++) {
        const struct import_target *target = &plan->targets[at];
        if (!str_starts(fault_field, target->path)) continue;
        bool is_whole = fault_field.len == target->path.len;
        if (!is_whole && fault_field.at[target->path.len] != '[' &&
            fault_field.at[target->path.len] != '.')
            continue;
        if (nearest == nullptr || target->path.len > nearest->path.len) nearest = target;
    }
    return nearest;
}
