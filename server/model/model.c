#include "model/model.h"

#include "base/limits.h"
#include "base/nearest.h"
#include "base/require.h"
#include "model/making.h"

void making_fault(struct making *making, const struct made_entity *entity,
                  const struct made_field *field, str code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    str message = arena_vprint(making->task->arena, format, arguments);
    va_end(arguments);
    str path = entity == nullptr ? S("schema") : entity->entity->name;
    str at = entity == nullptr ? S("") : entity->at;
    if (field != nullptr) {
        path = arena_print(making->task->arena, "%.*s.%.*s", FMT(path), FMT(field->field->name));
        at = field->at;
    }
    making_fault_at(making, at, path, code, message);
}

void making_fault_at(struct making *making, str at, str path, str code, str message)
{
    if (is_of_tenant(at)) {
        str place = arena_print(making->task->arena, "%.*s/%.*s", FMT(at), FMT(making->word));
        task_fault(making->task, place, code, "%.*s", FMT(message));
        return;
    }
    task_fault(making->task, path, code, "%.*s%s%.*s", FMT(at), at.len == 0 ? "" : ": ",
               FMT(message));
}

bool name_is_good(str name)
{
    if (name.len == 0 || name.len > NAME_BYTES_MAX) return false;
    for (size_t i = 0; i < name.len; i++) {
        char byte = name.at[i];
        bool is_letter = byte >= 'a' && byte <= 'z';
        bool is_inner = (byte >= '0' && byte <= '9') || byte == '_';
        if (!is_letter && (i == 0 || !is_inner)) return false;
    }
    return true;
}

bool choice_value_is_good(str value)
{
    if (value.len == 0 || value.len > CHOICE_BYTES_MAX) return false;
    for (size_t i = 0; i < value.len; i++)
        if ((uint8_t)value.at[i] < ' ' || value.at[i] == 0x7F || value.at[i] == ';') return false;
    return str_trim(value).len == value.len;
}

bool color_is_good(str color)
{
    if (color.len != 7 || color.at[0] != '#') return false;
    for (size_t i = 1; i < color.len; i++) {
        char byte = color.at[i];
        if (!((byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f'))) return false;
    }
    return true;
}

str label_of_name(struct arena *arena, str name)
{
    if (name.len == 0) return name;
    char *label = arena_take_raw(arena, name.len);
    for (size_t i = 0; i < name.len; i++) label[i] = name.at[i] == '_' ? ' ' : name.at[i];
    if (label[0] >= 'a' && label[0] <= 'z') label[0] = (char)(label[0] - 'a' + 'A');
    return (str){label, name.len};
}

enum err model_make(struct task *task, struct arena *arena, str schema,
                    const struct model **model_out)
{
    require(model_out != nullptr);
    if (schema.len > SCHEMA_BYTES_MAX) return fail(task, ERR_TOO_LARGE, "the schema is too long");
    TRY(value_check(task, schema));
    /* What is made points into the schema's texts, so these live as long as the model. */
    str kept = arena_copy(arena, schema);
    struct value root = value_of(kept);
    struct value version;
    struct value entities;
    struct value sets;
    struct value groups = {.kind = VALUE_LIST};
    struct value roles = {.kind = VALUE_LIST};
    bool is_schema = root.kind == VALUE_MAP && value_find_text(kept, S("version"), &version) &&
                     version.kind == VALUE_INT && version.integer == 1 &&
                     value_find_text(kept, S("entities"), &entities) &&
                     entities.kind == VALUE_LIST && value_find_text(kept, S("sets"), &sets) &&
                     sets.kind == VALUE_LIST;
    if (!is_schema) return fail(task, ERR_INVALID, "this is no schema of version 1");
    (void)value_find_text(kept, S("groups"), &groups);
    (void)value_find_text(kept, S("roles"), &roles);
    if (groups.kind != VALUE_LIST || roles.kind != VALUE_LIST)
        return fail(task, ERR_INVALID, "the roles and groups of a schema are lists");
    if (entities.count == 0 || entities.count > ENTITIES_MAX || sets.count > SETS_MAX)
        return fail(task, ERR_INVALID, "a schema has 1 to %u entities and at most %u sets",
                    ENTITIES_MAX, SETS_MAX);
    struct making making = {
        .task = task,
        .arena = arena,
        .model = arena_new(arena, struct model, 1),
    };
    make_groups(&making, &groups);
    make_sets(&making, &sets);
    make_entities(&making, &entities);
    make_roles(&making, &roles);
    TRY(task_faults(task));
    resolve_entities(&making);
    TRY(task_faults(task));
    *model_out = making.model;
    return ERR_NONE;
}

const str action_names[] = {S("restore"), S("archive"), S("merge"), S("enable_portal"), S("erase")};
static_assert(sizeof action_names / sizeof *action_names == ACTION_COUNT);

const struct entity *model_entity(const struct model *model, str name)
{
    for (uint32_t i = 0; i < model->entity_count; i++)
        if (str_eq(model->entities[i].name, name)) return &model->entities[i];
    return nullptr;
}

const struct entity *model_collection(const struct model *model, str plural)
{
    for (uint32_t i = 0; i < model->entity_count; i++)
        if (str_eq(model->entities[i].plural, plural)) return &model->entities[i];
    return nullptr;
}

const struct entity *model_entity_by_number(const struct model *model, uint16_t number)
{
    for (uint32_t i = 0; i < model->entity_count; i++)
        if (model->entities[i].number == number) return &model->entities[i];
    return nullptr;
}

const struct entity *model_contact(const struct model *model)
{
    const struct entity *account = model_entity(model, S("portal_account"));
    const struct field *contact =
        account == nullptr ? nullptr : entity_field(account, S("contact"));
    return contact == nullptr ? nullptr : contact->to;
}

const struct choice_set *model_set(const struct model *model, str name)
{
    for (uint32_t i = 0; i < model->set_count; i++)
        if (str_eq(model->sets[i].name, name)) return &model->sets[i];
    return nullptr;
}

const struct field *entity_field(const struct entity *entity, str name)
{
    for (uint32_t i = 0; i < entity->field_count; i++)
        if (str_eq(entity->fields[i].name, name)) return &entity->fields[i];
    return nullptr;
}

const struct field *entity_field_seen(const struct entity *entity, struct sight sight, str name)
{
    const struct field *field = entity_field(entity, name);
    return field != nullptr && sight_shows(sight, field) ? field : nullptr;
}

const struct field *entity_field_by_number(const struct entity *entity, uint16_t number)
{
    for (uint32_t i = 0; i < entity->field_count; i++)
        if (entity->fields[i].number == number) return &entity->fields[i];
    return nullptr;
}

const struct pair *entity_pair(const struct entity *entity, const struct field *first,
                               const struct field *second)
{
    for (uint32_t i = 0; i < entity->pair_count; i++)
        if (entity->pairs[i].first == first && entity->pairs[i].second == second)
            return &entity->pairs[i];
    return nullptr;
}

const struct field *entity_field_ever(const struct entity *entity, uint16_t number)
{
    const struct field *field = entity_field_by_number(entity, number);
    for (uint32_t i = 0; i < entity->gone_count && field == nullptr; i++)
        if (entity->gone[i].number == number) field = &entity->gone[i];
    return field;
}

str entity_nearest(const struct entity *entity, struct sight sight, str name)
{
    str names[FIELDS_MAX + SYSTEM_FIELD_COUNT];
    require(entity->field_count <= sizeof names / sizeof *names);
    size_t count = 0;
    for (uint32_t i = 0; i < entity->field_count; i++)
        if (sight_shows(sight, &entity->fields[i])) names[count++] = entity->fields[i].name;
    return nearest(names, count, name);
}

str model_nearest(const struct model *model, str name)
{
    str names[ENTITIES_MAX];
    require(model->entity_count <= ENTITIES_MAX);
    for (uint32_t at = 0; at < model->entity_count; at++) names[at] = model->entities[at].name;
    return nearest(names, model->entity_count, name);
}

const struct choice *set_choice(const struct choice_set *set, str value)
{
    for (uint32_t i = 0; i < set->choice_count; i++)
        if (str_eq(set->choices[i].value, value)) return &set->choices[i];
    return nullptr;
}
