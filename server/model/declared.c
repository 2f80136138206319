/* Sets, entities and fields as they were declared, before anything leads from one to another. */
#include "base/limits.h"
#include "base/nearest.h"
#include "base/require.h"
#include "model/making.h"

/** What an entity's own words were. */
struct entity_words {
    int64_t number;
    str plural;
    str label;
    bool is_single;
    uint8_t actions;
    bool shapes_model;
};

/** A part of a declaration that must be a map (`attributes`) or list (`fields`). */
static struct value part_of(struct making *making, const struct value *map, str key,
                            enum value_kind kind)
{
    struct value value;
    if (map->kind == VALUE_MAP && value_find_text(map->bytes, key, &value) && value.kind == kind)
        return value;
    making_fault(making, nullptr, nullptr, S("type"), "a declaration has no `%.*s`", FMT(key));
    return (struct value){.kind = kind};
}

/** `of`: the set, or the choice in it that a tenant's record says. */
static void set_fault(struct making *making, const struct value *set, const struct value *of,
                      str code, str what)
{
    str at = value_text_in(of->bytes, S("at"));
    if (!is_of_tenant(at)) at = value_text_in(set->bytes, S("at"));
    making_fault_at(making, at, S("schema"), code,
                    arena_print(making->task->arena, "choice_set \"%.*s\" %.*s",
                                FMT(value_text_in(set->bytes, S("name"))), FMT(what)));
}

static bool set_name_is_good(str name)
{
    str first;
    str second;
    bool is_cut = str_cut(name, '.', &first, &second);
    return name_is_good(first) && (!is_cut || name_is_good(second));
}

/** `next = { "past", … }`; false when it is no list of texts. */
static bool read_next(struct making *making, const struct value *value, struct choice *choice)
{
    if (value->kind != VALUE_LIST || value->count > LIST_ITEMS_MAX) return false;
    str *next = arena_new(making->arena, str, value->count);
    struct cursor cursor = cursor_of(value->items);
    struct value item;
    for (uint32_t i = 0; i < value->count; i++) {
        if (!value_next(&cursor, &item) || item.kind != VALUE_TEXT) return false;
        next[i] = item.text;
    }
    choice->next = next;
    choice->next_count = value->count;
    return true;
}

static bool read_choice_word(struct making *making, str word, const struct value *value,
                             struct choice *choice)
{
    str *into = str_eq(word, S("label"))      ? &choice->label
                : str_eq(word, S("color"))    ? &choice->color
                : str_eq(word, S("category")) ? &choice->category
                                              : nullptr;
    if (into != nullptr && value->kind == VALUE_TEXT) *into = value->text;
    else if (str_eq(word, S("inactive")) && value->kind == VALUE_BOOL)
        choice->is_inactive = value->boolean;
    else return str_eq(word, S("next")) && read_next(making, value, choice);
    return true;
}

static void check_choice(struct making *making, const struct value *set,
                         const struct value *declared, const struct choice *choice)
{
    making->word = S("value");
    if (!choice_value_is_good(choice->value))
        set_fault(making, set, declared, S("format"),
                  S("has a choice whose value is empty, too long or not one plain line"));
    making->word = S("label");
    if (choice->label.len == 0 || choice->label.len > CHOICE_BYTES_MAX)
        set_fault(making, set, declared, S("required"),
                  S("has a choice without a label of at most 100 bytes"));
    making->word = S("color");
    if (choice->color.len > 0 && !color_is_good(choice->color))
        set_fault(making, set, declared, S("format"),
                  S("has a choice whose color is not #rrggbb in lower case"));
    making->word = S("category");
    bool is_category = choice->category.len == 0 || str_eq(choice->category, S("open")) ||
                       str_eq(choice->category, S("closed"));
    if (!is_category)
        set_fault(making, set, declared, S("format"),
                  S("has a choice whose category is neither open nor closed"));
    making->word = S("");
}

static void make_choice(struct making *making, const struct value *set,
                        const struct value *declared, struct choice *choice)
{
    *choice = (struct choice){.value = value_text_in(declared->bytes, S("value"))};
    struct value attributes = part_of(making, declared, S("attributes"), VALUE_MAP);
    struct cursor cursor = cursor_of(attributes.items);
    struct value word;
    struct value value;
    for (uint32_t i = 0; i < attributes.count; i++) {
        if (!value_next(&cursor, &word) || !value_next(&cursor, &value)) break;
        if (word.kind != VALUE_TEXT || !read_choice_word(making, word.text, &value, choice))
            set_fault(making, set, declared, S("unknown"),
                      S("has a choice with a word that is no label, color, category, next or "
                        "inactive"));
    }
    check_choice(making, set, declared, choice);
}

/** What may follow a choice is a choice of the same set. */
static void check_next(struct making *making, const struct value *declared,
                       const struct choice_set *set)
{
    struct value list = part_of(making, declared, S("choices"), VALUE_LIST);
    struct cursor cursor = cursor_of(list.items);
    struct value item;
    making->word = S("next");
    for (uint32_t i = 0; i < set->choice_count && value_next(&cursor, &item); i++)
        for (uint32_t j = 0; j < set->choices[i].next_count; j++)
            if (!set->is_open && set_choice(set, set->choices[i].next[j]) == nullptr)
                set_fault(making, declared, &item, S("choice"),
                          arena_print(making->task->arena, "has no choice \"%.*s\"",
                                      FMT(set->choices[i].next[j])));
    making->word = S("");
}

static void make_choices(struct making *making, const struct value *declared,
                         struct choice_set *set)
{
    struct value list = part_of(making, declared, S("choices"), VALUE_LIST);
    if (list.count > SET_CHOICES_MAX) {
        set_fault(making, declared, declared, S("range"),
                  arena_print(making->task->arena, "has more than %u choices", SET_CHOICES_MAX));
        return;
    }
    struct choice *choices = arena_new(making->arena, struct choice, list.count);
    set->choices = choices;
    struct cursor cursor = cursor_of(list.items);
    struct value item;
    for (uint32_t i = 0; i < list.count && value_next(&cursor, &item); i++) {
        make_choice(making, declared, &item, &choices[i]);
        making->word = S("value");
        if (set_choice(set, choices[i].value) != nullptr)
            set_fault(making, declared, &item, S("twice"), S("has a value twice"));
        making->word = S("");
        set->choice_count++;
    }
    check_next(making, declared, set);
}

static void make_set(struct making *making, const struct value *declared, struct choice_set *set)
{
    *set = (struct choice_set){.name = value_text_in(declared->bytes, S("name"))};
    set->label = label_of_name(making->arena, set->name);
    if (!set_name_is_good(set->name))
        set_fault(making, declared, declared, S("format"),
                  S("is named otherwise than `entity.field` in a-z, 0-9 and _"));
    if (model_set(making->model, set->name) != nullptr)
        set_fault(making, declared, declared, S("twice"), S("is declared twice"));
    struct value attributes = part_of(making, declared, S("attributes"), VALUE_MAP);
    struct cursor cursor = cursor_of(attributes.items);
    struct value word;
    struct value value;
    for (uint32_t i = 0; i < attributes.count; i++) {
        if (!value_next(&cursor, &word) || !value_next(&cursor, &value)) break;
        bool is_text = word.kind == VALUE_TEXT;
        if (is_text && str_eq(word.text, S("open")) && value.kind == VALUE_BOOL)
            set->is_open = value.boolean;
        else if (is_text && str_eq(word.text, S("label")) && value.kind == VALUE_TEXT)
            set->label = value.text;
        else
            set_fault(making, declared, declared, S("unknown"),
                      S("knows only label (a text) and open (true or false)"));
    }
    make_choices(making, declared, set);
    if (set->choice_count == 0 && !set->is_open &&
        !is_of_tenant(value_text_in(declared->bytes, S("at"))))
        set_fault(making, declared, declared, S("required"), S("has no choices and is not open"));
}

void make_sets(struct making *making, const struct value *sets)
{
    struct choice_set *made = arena_new(making->arena, struct choice_set, sets->count + 1);
    making->sets = made;
    making->model->sets = made;
    made[0] = (struct choice_set){
        .name = S("system.incomplete"), .label = S("Incomplete"), .is_open = true};
    making->model->set_count = 1;
    struct cursor cursor = cursor_of(sets->items);
    struct value item;
    for (uint32_t i = 0; i < sets->count && value_next(&cursor, &item); i++) {
        make_set(making, &item, &made[i + 1]);
        making->model->set_count++;
    }
}

static bool is_among(str name, const str *names, size_t count)
{
    bool is_found = false;
    for (size_t i = 0; i < count && !is_found; i++) is_found = str_eq(names[i], name);
    return is_found;
}

static void check_field_name(struct making *making, const struct made_entity *entity,
                             const struct made_field *made)
{
    /* Names of parameters, of members that the API adds itself, and of the engine's own fields. */
    static const str reserved[] = {
        S("id"),         S("limit"),      S("after"),      S("sort"),       S("fields"),
        S("expand"),     S("q"),          S("count"),      S("filter"),     S("at"),
        S("created_at"), S("created_by"), S("updated_at"), S("updated_by"), S("incomplete"),
        S("revision"),   S("version"),    S("and"),        S("or"),         S("not"),
        S("warnings"),   S("group_by"),   S("view"),       S("clients"),    S("holders"),
    };
    str name = made->field->name;
    bool has_mark = str_starts(name, S("x_"));
    making->word = S("name");
    if (!name_is_good(name))
        making_fault(making, entity, made, S("format"),
                     "a name is a-z, then a-z, 0-9 and _, at most %zu", NAME_BYTES_MAX);
    if (is_among(name, reserved, sizeof reserved / sizeof *reserved))
        making_fault(making, entity, made, S("reserved"), "this name is the engine's own");
    if (has_mark && !made->field->is_custom)
        making_fault(making, entity, made, S("reserved"), "names with x_ belong to the tenants");
    if (made->field->is_custom && (!has_mark || name.len < 3))
        making_fault(making, entity, made, S("format"), "the name of an own field begins with x_");
    making->word = S("");
}

/** A tenant's own entity begins with fields of the engine's, as every entity does. */
static bool number_fits(const struct made_field *made, int64_t number)
{
    if (made->field->is_custom) return number >= FIELD_NUMBER_CUSTOM_MIN && number <= UINT16_MAX;
    return number > 0 && number < FIELD_NUMBER_SYSTEM_MIN;
}

static void make_field(struct making *making, const struct made_entity *entity,
                       const struct value *declared, struct made_field *made)
{
    struct field *field = made->field;
    field->entity = entity->entity;
    field->name = value_text_in(declared->bytes, S("name"));
    field->label = label_of_name(making->arena, field->name);
    made->at = value_text_in(declared->bytes, S("at"));
    made->attributes = part_of(making, declared, S("attributes"), VALUE_MAP).bytes;
    struct value number = {};
    bool has_number = declared->kind == VALUE_MAP &&
                      value_find_text(declared->bytes, S("number"), &number) &&
                      number.kind == VALUE_INT;
    field->is_custom =
        is_of_tenant(made->at) && has_number && number.integer >= FIELD_NUMBER_CUSTOM_MIN;
    check_field_name(making, entity, made);
    str kind = value_text_in(declared->bytes, S("kind"));
    if (!declare_computed(making, entity, made, kind) && !kind_find(kind, &field->kind))
        making_fault(making, entity, made, S("unknown"), "`%.*s` is no kind of field", FMT(kind));
    field->kind_of = kind_of(field->kind);
    bool is_number = has_number && number_fits(made, number.integer);
    if (is_number) field->number = (uint16_t)number.integer;
    else
        making_fault(making, entity, made, S("range"), "the number of a field is 1 to %d",
                     FIELD_NUMBER_SYSTEM_MIN - 1);
    if (is_number && entity_field_by_number(entity->entity, field->number) != nullptr)
        making_fault(making, entity, made, S("twice"), "the number %u is another field's",
                     field->number);
    making->word = S("name");
    if (entity_field(entity->entity, field->name) != nullptr)
        making_fault(making, entity, made, S("twice"),
                     "this entity has a field of that name already");
    making->word = S("");
}

/** What a record's JSON says of a field, whatever its value. */
static void make_json(struct arena *arena, struct field *field)
{
    bool is_list = field->kind_of != nullptr && field->kind_of->is_list;
    field->json_absent =
        arena_print(arena, ",\"%.*s\":%s", FMT(field->name), is_list ? "[]" : "null");
    field->json_head = str_first(field->json_absent, field->name.len + 4);
}

void add_system_field(struct making *making, struct entity *entity, struct field field)
{
    struct field *fields = (struct field *)entity->fields;
    field.entity = entity;
    field.kind_of = kind_of(field.kind);
    field.is_system = true;
    field.is_computed = true;
    field.keeps_index = field.is_indexed;
    field.is_indexed = field.keeps_index && !field.is_building;
    require(entity_field_by_number(entity, field.number) == nullptr);
    make_json(making->arena, &field);
    fields[entity->field_count++] = field;
}

static void add_system_fields(struct making *making, struct entity *entity)
{
    /* `updated_by` has no index: nobody looks records up by it, and every change by another one
     * would move an entry. */
    const struct field fields[] = {
        {.kind = FIELD_TIME,
         .number = FIELD_CREATED_AT,
         .name = S("created_at"),
         .label = S("Created"),
         .is_indexed = true},
        {.kind = FIELD_REFERENCE,
         .number = FIELD_CREATED_BY,
         .name = S("created_by"),
         .label = S("Created by"),
         .is_indexed = true},
        {.kind = FIELD_TIME,
         .number = FIELD_UPDATED_AT,
         .name = S("updated_at"),
         .label = S("Changed"),
         .is_indexed = true},
        {.kind = FIELD_REFERENCE,
         .number = FIELD_UPDATED_BY,
         .name = S("updated_by"),
         .label = S("Changed by")},
        {.kind = FIELD_CHOICES,
         .number = FIELD_INCOMPLETE,
         .name = S("incomplete"),
         .label = S("Incomplete"),
         .is_indexed = true,
         .set = &making->sets[0]},
        {.kind = FIELD_NUMBER,
         .number = FIELD_REVISION,
         .name = S("revision"),
         .label = S("Revision"),
         .is_hidden = true},
        {.kind = FIELD_NUMBER,
         .number = FIELD_VERSION,
         .name = S("version"),
         .label = S("Version"),
         .is_hidden = true},
    };
    static_assert(sizeof fields / sizeof *fields + 2 == SYSTEM_FIELD_COUNT);
    static_assert(FIELD_NUMBER_SYSTEM_MIN <= FIELD_CREATED_AT);
    static_assert(FIELD_HOLDERS < FIELD_NUMBER_CUSTOM_MIN);
    for (size_t at = 0; at < sizeof fields / sizeof *fields; at++)
        add_system_field(making, entity, fields[at]);
}

static bool is_gone(const struct value *declared)
{
    struct value attributes, gone;
    return declared->kind == VALUE_MAP &&
           value_find_text(declared->bytes, S("attributes"), &attributes) &&
           attributes.kind == VALUE_MAP && value_find_text(attributes.bytes, S("gone"), &gone);
}

/** What was deleted and stripped: as much of it as its history needs. */
static void make_gone(struct making *making, const struct made_entity *entity,
                      const struct value *declared, struct field *field)
{
    struct value number, scale, label;
    struct value attributes = part_of(making, declared, S("attributes"), VALUE_MAP);
    *field = (struct field){.entity = entity->entity,
                            .name = value_text_in(declared->bytes, S("name")),
                            .is_custom = true,
                            .is_hidden = true,
                            .is_removed = true};
    if (!kind_find(value_text_in(declared->bytes, S("kind")), &field->kind))
        field->kind = FIELD_TEXT;
    field->kind_of = kind_of(field->kind);
    if (value_find_text(declared->bytes, S("number"), &number) && number.kind == VALUE_INT)
        field->number = (uint16_t)number.integer;
    if (value_find_text(attributes.bytes, S("scale"), &scale) && scale.kind == VALUE_INT)
        field->scale = (uint8_t)scale.integer;
    if (value_find_text(attributes.bytes, S("label"), &label) && label.kind == VALUE_TEXT)
        field->label = label.text;
}

static void make_fields(struct making *making, struct made_entity *made, const struct value *list)
{
    uint32_t gone_count = 0;
    struct cursor cursor = cursor_of(list->items);
    struct value item;
    for (uint32_t i = 0; i < list->count && value_next(&cursor, &item); i++)
        gone_count += is_gone(&item);
    uint32_t count = list->count - gone_count;
    if (count == 0 || count + SYSTEM_FIELD_COUNT > FIELDS_MAX) {
        making_fault(making, made, nullptr, S("range"), "an entity has 1 to %u fields",
                     FIELDS_MAX - SYSTEM_FIELD_COUNT);
        return;
    }
    struct field *fields = arena_new(making->arena, struct field, count + SYSTEM_FIELD_COUNT);
    struct field *gone = arena_new(making->arena, struct field, gone_count);
    made->entity->fields = fields;
    made->entity->gone = gone;
    made->fields = arena_new(making->task->arena, struct made_field, count);
    cursor = cursor_of(list->items);
    for (uint32_t i = 0; i < list->count && value_next(&cursor, &item); i++) {
        if (is_gone(&item)) {
            make_gone(making, made, &item, &gone[made->entity->gone_count++]);
            continue;
        }
        struct made_field *field = &made->fields[made->field_count];
        field->field = &fields[made->field_count];
        make_field(making, made, &item, field);
        made->entity->field_count++;
        made->field_count++;
    }
    for (uint32_t i = 0; i < made->field_count; i++)
        apply_field_words(making, made, &made->fields[i], 0);
    add_system_fields(making, made->entity);
    for (uint32_t i = 0; i < made->field_count; i++)
        make_json(making->arena, made->fields[i].field);
}

static bool read_actions(const struct value *list, uint8_t *actions_out)
{
    struct cursor cursor = cursor_of(list->items);
    struct value item;
    bool is_right = list->kind == VALUE_LIST;
    for (uint32_t i = 0; is_right && i < list->count && value_next(&cursor, &item); i++) {
        uint32_t at = 0;
        while (at < ACTION_COUNT && item.kind == VALUE_TEXT && !str_eq(item.text, action_names[at]))
            at++;
        is_right = item.kind == VALUE_TEXT && at < ACTION_COUNT;
        if (is_right) *actions_out |= (uint8_t)(1U << at);
    }
    return is_right;
}

static struct entity_words read_entity_words(struct making *making, const struct made_entity *made,
                                             const struct value *attributes)
{
    static const str known[] = {
        S("number"),     S("plural"), S("label"),   S("title"),      S("via"),
        S("single"),     S("pairs"),  S("actions"), S("own_unless"), S("shapes_model"),
        S("duplicates"), S("allow"),  S("portal"),  S("holders"),    S("tied_by"),
    };
    struct entity_words words = {};
    struct cursor cursor = cursor_of(attributes->items);
    struct value word;
    struct value value;
    for (uint32_t i = 0; i < attributes->count; i++) {
        if (!value_next(&cursor, &word) || !value_next(&cursor, &value) || word.kind != VALUE_TEXT)
            break;
        bool is_text = value.kind == VALUE_TEXT;
        bool is_right = true;
        if (str_eq(word.text, S("number"))) {
            is_right = value.kind == VALUE_INT;
            if (is_right) words.number = value.integer;
        } else if (str_eq(word.text, S("single"))) {
            is_right = value.kind == VALUE_BOOL;
            if (is_right) words.is_single = value.boolean;
        } else if (str_eq(word.text, S("pairs")) || str_eq(word.text, S("building_pairs"))) {
            is_right = value.kind == VALUE_LIST;
        } else if (str_eq(word.text, S("allow")) || str_eq(word.text, S("portal")) ||
                   str_eq(word.text, S("holders"))) {
            is_right = value.kind == VALUE_MAP;
        } else if (str_eq(word.text, S("actions"))) {
            is_right = read_actions(&value, &words.actions);
        } else if (str_eq(word.text, S("shapes_model"))) {
            is_right = value.kind == VALUE_BOOL;
            if (is_right) words.shapes_model = value.boolean;
        } else if (str_eq(word.text, S("plural")) && is_text) {
            words.plural = value.text;
        } else if (str_eq(word.text, S("label")) && is_text) {
            words.label = value.text;
        } else if (is_among(word.text, known, sizeof known / sizeof *known)) {
            is_right = is_text;
        } else {
            str near = nearest(known, sizeof known / sizeof *known, word.text);
            making_fault(making, made, nullptr, S("unknown"),
                         "`%.*s` is no word of an entity%s%.*s", FMT(word.text),
                         near.len == 0 ? "" : "; perhaps ", FMT(near));
        }
        if (!is_right)
            making_fault(making, made, nullptr, S("type"), "`%.*s` has a value of the wrong type",
                         FMT(word.text));
    }
    return words;
}

static void check_entity(struct making *making, const struct made_entity *made,
                         const struct entity_words *words)
{
    static const str taken[] = {S("session"), S("me"),      S("search"), S("changes"),
                                S("jobs"),    S("uploads"), S("schema"), S("groups")};
    const struct model *model = making->model;
    int64_t least = made->entity->is_custom ? ENTITY_NUMBER_CUSTOM_MIN : 1;
    int64_t most = made->entity->is_custom ? ENTITIES_MAX - 1 : ENTITY_NUMBER_CUSTOM_MIN - 1;
    making->word = S("name");
    if (!name_is_good(made->entity->name))
        making_fault(making, made, nullptr, S("format"),
                     "a name is a-z, then a-z, 0-9 and _, at most %zu", NAME_BYTES_MAX);
    if (model_entity(model, made->entity->name) != nullptr)
        making_fault(making, made, nullptr, S("twice"), "is declared twice");
    making->word = S("plural");
    if (!name_is_good(words->plural))
        making_fault(making, made, nullptr, S("format"),
                     "`plural` is its name in addresses: a-z, 0-9 and _");
    if (is_among(words->plural, taken, sizeof taken / sizeof *taken))
        making_fault(making, made, nullptr, S("reserved"),
                     "the plural `%.*s` is an address of the API", FMT(words->plural));
    if (model_collection(model, words->plural) != nullptr)
        making_fault(making, made, nullptr, S("twice"), "the plural `%.*s` is another entity's",
                     FMT(words->plural));
    making->word = S("");
    if (words->number < least || words->number > most)
        making_fault(making, made, nullptr, S("range"), "`number` is %u to %u", (unsigned)least,
                     (unsigned)most);
    else if (model_entity_by_number(model, (uint16_t)words->number) != nullptr)
        making_fault(making, made, nullptr, S("twice"), "the number %u is another entity's",
                     (unsigned)words->number);
}

static void find_archived_at(struct making *making, const struct made_entity *made)
{
    struct entity *entity = made->entity;
    if ((entity->actions & ~ACTION_RESTORE) != 0 && entity->is_single)
        making_fault(making, made, nullptr, S("type"), "a single record has no `actions`");
    if ((entity->actions & ACTION_ARCHIVE) == 0) return;
    entity->archived_at = entity_field(entity, S("archived_at"));
    const struct field *field = entity->archived_at;
    if (field == nullptr || field->kind != FIELD_TIME || !field->is_computed || !field->is_indexed)
        making_fault(making, made, nullptr, S("required"),
                     "what can be archived has a time \"archived_at\", computed and indexed");
}

static void make_entity(struct making *making, const struct value *declared,
                        struct made_entity *made)
{
    struct entity *entity = made->entity;
    entity->name = value_text_in(declared->bytes, S("name"));
    made->at = value_text_in(declared->bytes, S("at"));
    entity->is_custom = is_of_tenant(made->at);
    struct value attributes = part_of(making, declared, S("attributes"), VALUE_MAP);
    made->attributes = attributes.bytes;
    struct entity_words words = read_entity_words(making, made, &attributes);
    check_entity(making, made, &words);
    entity->number = (uint16_t)words.number;
    entity->plural = words.plural;
    entity->label = words.label.len > 0 ? words.label : label_of_name(making->arena, entity->name);
    entity->is_single = words.is_single;
    entity->actions = words.actions;
    if (!words.is_single) entity->actions |= ACTION_RESTORE;
    entity->shapes_model = words.shapes_model;
    struct value fields = part_of(making, declared, S("fields"), VALUE_LIST);
    make_fields(making, made, &fields);
    find_archived_at(making, made);
}

void make_entities(struct making *making, const struct value *entities)
{
    struct entity *made = arena_new(making->arena, struct entity, entities->count);
    making->model->entities = made;
    making->entities = arena_new(making->task->arena, struct made_entity, entities->count);
    struct cursor cursor = cursor_of(entities->items);
    struct value item;
    for (uint32_t i = 0; i < entities->count && value_next(&cursor, &item); i++) {
        making->entities[i].entity = &made[i];
        make_entity(making, &item, &making->entities[i]);
        making->model->entity_count++;
    }
}
