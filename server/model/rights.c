/* Who may what, as it is declared: field groups, roles, and the words of entities that say to whom
 * their records are shown: `allow`, `portal`, `holders`, `tied_by`. */
#include "base/fold.h"
#include "base/limits.h"
#include "base/nearest.h"
#include "base/require.h"
#include "model/condition.h"
#include "model/making.h"

constexpr uint32_t ROLES_MAX = 120;        /** those of the schema and a tenant's 100 */
constexpr uint32_t ENTITIES_UNDER_MAX = 8; /** of the way up to a client */

static struct value attributes_of(const struct value *declared)
{
    struct value value;
    bool is_map = declared->kind == VALUE_MAP &&
                  value_find_text(declared->bytes, S("attributes"), &value) &&
                  value.kind == VALUE_MAP;
    return is_map ? value : (struct value){.kind = VALUE_MAP};
}

/** A fault of a role or a field group. */
static void fault_of(struct making *making, const struct value *declared, const char *what,
                     str code, str message)
{
    making_fault_at(making, value_text_in(declared->bytes, S("at")), S("schema"), code,
                    arena_print(making->task->arena, "%s \"%.*s\" %.*s", what,
                                FMT(value_text_in(declared->bytes, S("name"))), FMT(message)));
}

/** The place of a word in a list, or `count`. */
static uint32_t place_of(const str *words, uint32_t count, const struct value *word)
{
    uint32_t at = 0;
    while (at < count && !(word->kind == VALUE_TEXT && str_eq(words[at], word->text))) at++;
    return at;
}

/** One word or a list of them as a set of bits; false when one is none of `words`. */
static bool read_bits(const str *words, uint32_t count, const struct value *given,
                      uint8_t *bits_out)
{
    struct value item = *given;
    struct cursor cursor = cursor_of(given->items);
    uint32_t item_count = given->kind == VALUE_LIST ? given->count : 1;
    *bits_out = 0;
    for (uint32_t at = 0; at < item_count; at++) {
        if (given->kind == VALUE_LIST && !value_next(&cursor, &item)) return false;
        uint32_t place = place_of(words, count, &item);
        if (place == count) return false;
        *bits_out |= (uint8_t)(1U << place);
    }
    return true;
}

/** `"all"`, one of the words, or a list of them. */
static bool read_actions(const struct value *given, uint8_t *actions_out)
{
    if (given->kind == VALUE_TEXT && str_eq(given->text, S("all")))
        return *actions_out = SCOPE_EVERYTHING, true;
    return read_bits(scope_action_words, SCOPE_ACTION_COUNT, given, actions_out) &&
           (*actions_out == 0 || (*actions_out & SCOPE_VIEW) != 0);
}

/* Field groups. */

static void make_group(struct making *making, const struct value *declared,
                       struct field_group *group)
{
    *group = (struct field_group){.name = value_text_in(declared->bytes, S("name"))};
    struct value attributes = attributes_of(declared);
    group->label = value_text_in(attributes.bytes, S("label"));
    if (!name_is_good(group->name))
        fault_of(making, declared, "field_group", S("format"), S("has a name that is none"));
    if (group->label.len == 0 || attributes.count != 1)
        fault_of(making, declared, "field_group", S("required"),
                 S("says its `label` and nothing else"));
    if (model_group(making->model, group->name) != 0)
        fault_of(making, declared, "field_group", S("twice"), S("is declared twice"));
}

void make_groups(struct making *making, const struct value *groups)
{
    if (groups->count > FIELD_GROUPS_MAX) {
        making_fault(making, nullptr, nullptr, S("range"), "there are at most %u field groups",
                     FIELD_GROUPS_MAX);
        return;
    }
    struct field_group *made = arena_new(making->arena, struct field_group, groups->count);
    making->model->groups = made;
    struct cursor cursor = cursor_of(groups->items);
    struct value item;
    for (uint32_t at = 0; at < groups->count && value_next(&cursor, &item); at++) {
        make_group(making, &item, &made[at]);
        making->model->group_count++;
    }
}

void set_group(struct making *making, const struct made_entity *entity, struct made_field *made,
               const struct value *value)
{
    made->field->group = model_group(making->model, value->text);
    if (made->field->group == 0)
        making_fault(making, entity, made, S("missing"), "there is no field_group \"%.*s\"",
                     FMT(value->text));
}

static bool read_groups(const struct making *making, const struct value *given,
                        uint16_t *groups_out)
{
    if (given->kind == VALUE_TEXT && str_eq(given->text, S("all")))
        return *groups_out = FIELD_GROUPS_ALL, true;
    struct cursor cursor = cursor_of(given->items);
    struct value item;
    bool is_right = given->kind == VALUE_LIST;
    for (uint32_t at = 0; is_right && at < given->count && value_next(&cursor, &item); at++) {
        uint8_t group = item.kind == VALUE_TEXT ? model_group(making->model, item.text) : 0;
        is_right = group != 0;
        if (is_right) *groups_out |= (uint16_t)(1U << (group - 1));
    }
    return is_right;
}

/* Roles. */

/** `rights = { client = { "view", "edit" } }`: what a tenant's own role says of each entity. */
static void read_rights(struct making *making, const struct value *declared,
                        const struct value *rights, struct role *role)
{
    struct cursor cursor = cursor_of(rights->items);
    struct value name, given;
    for (uint32_t at = 0; at < rights->count; at++) {
        if (!value_next(&cursor, &name) || !value_next(&cursor, &given)) return;
        str word = name.kind == VALUE_TEXT ? name.text : S("");
        const struct entity *entity = model_entity(making->model, word);
        if (entity == nullptr) {
            str near = model_nearest(making->model, word);
            fault_of(making, declared, "role", S("missing"),
                     arena_print(making->task->arena, "names no entity by `%.*s`%s%.*s",
                                 FMT(utf8_first(word, NAME_BYTES_MAX)),
                                 near.len == 0 ? "" : "; perhaps ", FMT(near)));
        } else if (!read_actions(&given, &role->actions[entity->number])) {
            fault_of(making, declared, "role", S("unknown"),
                     arena_print(making->task->arena,
                                 "may with %.*s `all`, or some of view, create, edit, delete and "
                                 "export, view among them",
                                 FMT(entity->plural)));
        }
    }
}

/** What it may with the tenant's own entities, those too that come later. */
static bool read_own_entities(const struct value *given, struct role *role)
{
    uint8_t actions;
    if (!read_actions(given, &actions)) return false;
    for (uint32_t at = ENTITY_NUMBER_CUSTOM_MIN; at < ENTITIES_MAX; at++)
        role->actions[at] = actions;
    return true;
}

/** False when the word has a value that it cannot have. */
static bool read_role_word(struct making *making, const struct value *declared, str word,
                           const struct value *value, struct role *role)
{
    if (str_eq(word, S("label"))) {
        role->label = value->kind == VALUE_TEXT ? value->text : S("");
        return role->label.len > 0;
    }
    if (str_eq(word, S("rows")))
        return read_bits(scope_rows_words, SCOPE_ROWS_COUNT, value, &role->rows);
    if (str_eq(word, S("sees"))) return read_groups(making, value, &role->groups_seen);
    if (str_eq(word, S("edits"))) return read_groups(making, value, &role->groups_edited);
    if (str_eq(word, S("own_entities"))) return read_own_entities(value, role);
    if (!str_eq(word, S("rights")) || !role->is_custom) return false;
    bool is_map = value->kind == VALUE_MAP;
    if (is_map) read_rights(making, declared, value, role);
    return is_map || (value->kind == VALUE_LIST && value->count == 0);
}

static void read_role(struct making *making, const struct value *declared, struct role *role)
{
    struct value attributes = attributes_of(declared);
    struct cursor cursor;
    struct value word, value;
    role->label = label_of_name(making->arena, role->name);
    for (uint32_t pass = 0; pass < 2; pass++) {
        cursor = cursor_of(attributes.items);
        for (uint32_t at = 0; at < attributes.count; at++) {
            if (!value_next(&cursor, &word) || !value_next(&cursor, &value)) break;
            bool is_text = word.kind == VALUE_TEXT;
            /* Of one own entity more may be said than of all. */
            if ((is_text && str_eq(word.text, S("rights"))) != (pass == 1)) continue;
            making->word = is_text ? word.text : S("");
            if (is_text && read_role_word(making, declared, word.text, &value, role)) continue;
            fault_of(making, declared, "role", S("type"),
                     arena_print(making->task->arena,
                                 "has a word `%.*s` that it cannot have, or not so; it says "
                                 "label, rows (own, managed, assigned, shared, all), sees and "
                                 "edits (`all` or a list of field groups) and own_entities",
                                 FMT(making->word)));
        }
    }
    making->word = S("edits");
    if ((role->groups_edited & ~role->groups_seen) != 0)
        fault_of(making, declared, "role", S("range"), S("edits a field group that it sees not"));
    making->word = S("");
}

static void make_role(struct making *making, const struct value *declared, struct role *role)
{
    *role = (struct role){.name = value_text_in(declared->bytes, S("name")),
                          .is_custom = is_of_tenant(value_text_in(declared->bytes, S("at")))};
    making->word = S("name");
    if (!name_is_good(role->name))
        fault_of(making, declared, "role", S("format"), S("has a name that is not a-z, 0-9, _"));
    if (str_eq(role->name, S("owner")))
        fault_of(making, declared, "role", S("reserved"),
                 S("may everything, whatever is said; it is not declared"));
    else if (model_role(making->model, role->name) != nullptr)
        fault_of(making, declared, "role", S("twice"), S("is declared twice"));
    making->word = S("");
    read_role(making, declared, role);
}

static struct role role_of_owner(void)
{
    struct role role = {
        .name = S("owner"),
        .label = S("Owner"),
        .rows = ROWS_ALL,
        .groups_seen = FIELD_GROUPS_ALL,
        .groups_edited = FIELD_GROUPS_ALL,
    };
    memset(role.actions, SCOPE_EVERYTHING, sizeof role.actions);
    return role;
}

void make_roles(struct making *making, const struct value *roles)
{
    struct role *made = arena_new(making->arena, struct role, roles->count + 1);
    making->model->roles = made;
    made[0] = role_of_owner();
    making->model->role_count = 1;
    if (roles->count > ROLES_MAX) {
        making_fault(making, nullptr, nullptr, S("range"), "there are at most %u roles", ROLES_MAX);
        return;
    }
    struct cursor cursor = cursor_of(roles->items);
    struct value item;
    for (uint32_t at = 0; at < roles->count && value_next(&cursor, &item); at++) {
        make_role(making, &item, &made[at + 1]);
        making->model->role_count++;
    }
}

/* allow. */

static void read_allowed(struct making *making, const struct made_entity *made, str name,
                         const struct value *given)
{
    struct role *role = (struct role *)model_role(making->model, name);
    uint8_t actions;
    if (!read_actions(given, &actions)) {
        making_fault(making, made, nullptr, S("unknown"),
                     "`allow` says of %.*s what is not `all` and not some of view, create, edit, "
                     "delete and export with view among them",
                     FMT(name));
        return;
    }
    if (role == nullptr) {
        making_fault(making, made, nullptr, S("missing"),
                     "`allow` names \"%.*s\", which is no role", FMT(name));
        return;
    }
    bool is_owner = role == making->model->roles;
    if (is_owner && actions != SCOPE_EVERYTHING)
        making_fault(making, made, nullptr, S("range"), "the owner may `all` of everything");
    /* A tenant's own role, or one in the place of a declared one, says all of it itself. */
    if (!is_owner && !role->is_custom) role->actions[made->entity->number] = actions;
}

/** Without roles in the schema there is the owner alone, and nothing is to be said. */
static bool has_declared_roles(const struct making *making)
{
    return making->model->role_count > 1;
}

static void read_allow(struct making *making, const struct made_entity *made)
{
    struct value allow, name, given;
    bool says = value_find_text(made->attributes, S("allow"), &allow);
    if (made->entity->is_custom) return;
    if (!says || allow.kind != VALUE_MAP) {
        if (says || has_declared_roles(making))
            making_fault(making, made, nullptr, S("required"),
                         "`allow` says what each role may: { owner = \"all\", … }; roles it does "
                         "not name may nothing");
        return;
    }
    struct cursor cursor = cursor_of(allow.items);
    for (uint32_t at = 0; at < allow.count; at++)
        if (value_next(&cursor, &name) && value_next(&cursor, &given))
            read_allowed(making, made, name.kind == VALUE_TEXT ? name.text : S(""), &given);
}

/* Clients: who holds them, and what lies under them. */

static const struct field *own_field(struct making *making, const struct made_entity *made,
                                     const struct entity *of, str name, const char *word)
{
    const struct field *field = entity_field(of, name);
    if (field != nullptr && !field->is_hidden && !field->is_removed) return field;
    str near = entity_nearest(of, sight_all(), name);
    making_fault(making, made, nullptr, S("missing"), "`%s`: %.*s has no field `%.*s`%s%.*s", word,
                 FMT(of->name), FMT(utf8_first(name, NAME_BYTES_MAX)),
                 near.len == 0 ? "" : "; perhaps ", FMT(near));
    return nullptr;
}

static void add_holder(struct making *making, const struct made_entity *made, enum scope_rows row,
                       str path)
{
    str entity_name, field_name;
    struct model *model = making->model;
    bool is_behind = str_cut(path, '.', &entity_name, &field_name);
    const struct entity *of = is_behind ? model_entity(model, entity_name) : made->entity;
    bool is_under = of != nullptr &&
                    (of == made->entity || (of->via != nullptr && of->via->to == made->entity));
    if (!is_under || model->holder_count == HOLDERS_MAX) {
        making_fault(making, made, nullptr, S("missing"),
                     "`holders` names \"%.*s\"; it is a reference of this entity, or of one "
                     "whose `via` leads straight to it; at most %u",
                     FMT(utf8_first(path, 2 * NAME_BYTES_MAX)), HOLDERS_MAX);
        return;
    }
    const struct field *field =
        own_field(making, made, of, is_behind ? field_name : path, "holders");
    if (field == nullptr) return;
    bool is_fit = (field->kind == FIELD_REFERENCE || field->kind == FIELD_REFERENCES) &&
                  !field->is_computed && field->through.link == nullptr && field->to != nullptr &&
                  (str_eq(field->to->name, S("user")) || str_eq(field->to->name, S("team")));
    if (!is_fit)
        making_fault(making, made, nullptr, S("reference"),
                     "`holders` names \"%.*s\", which is no kept reference to users or teams",
                     FMT(path));
    ((struct holder *)model->holders)[model->holder_count++] =
        (struct holder){.row = row, .of = field, .via = of == made->entity ? nullptr : of->via};
}

static void read_holders(struct making *making, const struct made_entity *made)
{
    struct value holders, word, list, path;
    if (!value_find_text(made->attributes, S("holders"), &holders)) return;
    if (making->model->client != nullptr) {
        making_fault(making, made, nullptr, S("twice"), "%.*s has `holders` too",
                     FMT(making->model->client->name));
        return;
    }
    making->model->client = made->entity;
    making->model->holders = arena_new(making->arena, struct holder, HOLDERS_MAX);
    struct cursor cursor = cursor_of(holders.items);
    for (uint32_t at = 0; at < holders.count; at++) {
        bool is_read = value_next(&cursor, &word) && value_next(&cursor, &list);
        uint32_t place =
            is_read ? place_of(scope_rows_words, SCOPE_ROWS_COUNT, &word) : SCOPE_ROWS_COUNT;
        enum scope_rows row = (enum scope_rows)(1U << place);
        bool is_row = row == ROWS_MANAGED || row == ROWS_ASSIGNED || row == ROWS_SHARED;
        if (!is_row || list.kind != VALUE_LIST) {
            making_fault(making, made, nullptr, S("type"),
                         "`holders` is { managed = { \"reference\", … }, assigned = …, shared = "
                         "{ \"entity.reference\", … } }");
            return;
        }
        struct cursor items = cursor_of(list.items);
        for (uint32_t i = 0; i < list.count && value_next(&items, &path); i++)
            add_holder(making, made, row, path.kind == VALUE_TEXT ? path.text : S(""));
    }
}

static void read_tied_by(struct making *making, const struct made_entity *made)
{
    str name = value_text_in(made->attributes, S("tied_by"));
    if (name.len == 0) return;
    const struct model *model = making->model;
    const struct entity *link = model_entity(model, name);
    bool leads = link != nullptr && link->via != nullptr && model->client != nullptr &&
                 link->via->to == model->client && made->entity->via == nullptr;
    uint32_t count = 0;
    for (uint32_t at = 0; leads && at < link->field_count; at++) {
        const struct field *field = &link->fields[at];
        if (field->kind != FIELD_REFERENCE || field->to != made->entity || field->is_computed ||
            field == link->via)
            continue;
        made->entity->tied_by = field;
        count++;
    }
    if (count != 1)
        making_fault(making, made, nullptr, S("reference"),
                     "`tied_by` names an entity whose `via` leads to a client and that has one "
                     "reference to this one; `%.*s` is none, or there is a `via` already",
                     FMT(name));
}

static bool lies_under(const struct model *model, const struct entity *entity)
{
    for (uint32_t step = 0; step < ENTITIES_UNDER_MAX; step++) {
        if (entity == model->client || entity->tied_by != nullptr) return true;
        if (entity->via == nullptr) return false;
        entity = entity->via->to;
    }
    return false;
}

/** What the engine keeps in such records itself; room for it was left (add_system_fields). */
static void add_kept_fields(struct making *making, const struct made_entity *made)
{
    const struct model *model = making->model;
    struct entity *entity = made->entity;
    if (!entity->is_under_client) return;
    add_system_field(making, entity,
                     (struct field){.kind = FIELD_REFERENCES,
                                    .number = FIELD_CLIENTS,
                                    .name = S("clients"),
                                    .label = S("Lies under clients"),
                                    .to = model->client,
                                    .is_hidden = true,
                                    .is_building = is_index_building(made, FIELD_CLIENTS),
                                    .is_indexed = true});
    if (entity != model->client) return;
    add_system_field(making, entity,
                     (struct field){.kind = FIELD_REFERENCES,
                                    .number = FIELD_HOLDERS,
                                    .name = S("holders"),
                                    .label = S("Held by"),
                                    .is_hidden = true,
                                    .is_building = is_index_building(made, FIELD_HOLDERS),
                                    .is_indexed = true});
    add_holder_pairs(making, made);
}

/* The portal. */

static bool read_portal_fields(struct making *making, const struct made_entity *made,
                               const struct value *portal, str word, bool is_edit)
{
    struct value list, item;
    if (!value_find_text(portal->bytes, word, &list)) return false;
    struct cursor cursor = cursor_of(list.items);
    uint32_t count = list.kind == VALUE_LIST ? list.count : 0;
    const char *written = is_edit ? "portal.edit" : "portal.fields";
    if (count == 0)
        making_fault(making, made, nullptr, S("type"), "`%s` is a list of fields", written);
    for (uint32_t at = 0; at < count && value_next(&cursor, &item); at++) {
        str name = item.kind == VALUE_TEXT ? item.text : S("");
        struct field *field = (struct field *)own_field(making, made, made->entity, name, written);
        if (field == nullptr) continue;
        if (field->group != 0)
            making_fault(making, made, nullptr, S("group"),
                         "`%s`: %.*s is in the group %.*s, which the portal never shows", written,
                         FMT(name), FMT(making->model->groups[field->group - 1].name));
        if (field->kind == FIELD_SECRET)
            making_fault(making, made, nullptr, S("type"),
                         "`%s`: %.*s is a secret, which the portal never shows", written,
                         FMT(name));
        bool is_kept = field->is_computed || field->is_system || field->through.link != nullptr;
        if (is_edit && (!field->is_portal_seen || is_kept))
            making_fault(making, made, nullptr, S("unknown"),
                         "`portal.edit`: %.*s is computed, or not among `portal.fields`",
                         FMT(name));
        if (is_edit) field->is_portal_edited = true;
        else field->is_portal_seen = true;
    }
    return count > 0;
}

static void read_portal_own(struct making *making, const struct made_entity *made,
                            const struct value *own)
{
    struct portal *portal = &made->entity->portal;
    str name = own->kind == VALUE_TEXT ? own->text : S("");
    if (str_eq(name, S("always"))) {
        portal->own_is = PORTAL_OWN_ALWAYS;
    } else if (str_eq(name, S("self"))) {
        portal->own_is = PORTAL_OWN_SELF;
        if (made->entity->tied_by == nullptr)
            making_fault(making, made, nullptr, S("reference"),
                         "`portal.own` is \"self\" of contacts alone, which are `tied_by` a link");
    } else {
        portal->own_is = PORTAL_OWN_FIELD;
        portal->own = own_field(making, made, made->entity, name, "portal.own");
        bool is_contact = portal->own != nullptr && portal->own->to != nullptr &&
                          portal->own->to->tied_by != nullptr;
        if (!is_contact)
            making_fault(making, made, nullptr, S("reference"),
                         "`portal.own` is \"always\", \"self\", or a reference to a contact");
    }
}

static void read_portal_where(struct making *making, const struct made_entity *made,
                              const struct value *tree)
{
    struct task *task = making->task;
    const struct condition *condition = nullptr;
    struct condition_form form = {.entity = made->entity,
                                  .arena = making->arena,
                                  .path = S("portal.where"),
                                  .sight = sight_all()};
    str path = task->path;
    task->path = arena_print(task->arena, "%.*s.", FMT(made->entity->name));
    bool is_read = condition_read(task, &form, tree, &condition);
    if (is_read && condition_looks_behind(condition))
        task_fault(task, form.path, S("reference"),
                   "looks behind a reference; it can test the record's own fields");
    task->path = path;
    if (is_read && !condition_is_always(condition)) made->entity->portal.where = condition;
}

static void read_portal_word(struct making *making, const struct made_entity *made, str word,
                             const struct value *value)
{
    if (str_eq(word, S("fields")) || str_eq(word, S("edit"))) return;
    if (str_eq(word, S("own"))) read_portal_own(making, made, value);
    else if (str_eq(word, S("where"))) read_portal_where(making, made, value);
    else if (!str_eq(word, S("create")) || value->kind != VALUE_BOOL)
        making_fault(making, made, nullptr, S("unknown"),
                     "`portal` knows fields, edit, create (true or false), own and where");
}

static void read_portal(struct making *making, const struct made_entity *made)
{
    struct value portal, word, value;
    if (!value_find_text(made->attributes, S("portal"), &portal)) return;
    uint8_t *actions = &made->entity->portal.actions;
    if (portal.kind != VALUE_MAP || !made->entity->is_under_client) {
        making_fault(making, made, nullptr, S("type"),
                     "`portal` is { fields = { … }, … } of an entity that lies under clients");
        return;
    }
    if (read_portal_fields(making, made, &portal, S("fields"), false)) *actions |= SCOPE_VIEW;
    if (read_portal_fields(making, made, &portal, S("edit"), true)) *actions |= SCOPE_EDIT;
    if (value_find_text(portal.bytes, S("create"), &value) && value.kind == VALUE_BOOL &&
        value.boolean)
        *actions |= SCOPE_CREATE;
    if (*actions != 0 && (*actions & SCOPE_VIEW) == 0)
        making_fault(making, made, nullptr, S("required"), "`portal` says its `fields`");
    struct cursor cursor = cursor_of(portal.items);
    for (uint32_t at = 0; at < portal.count; at++)
        if (value_next(&cursor, &word) && value_next(&cursor, &value))
            read_portal_word(making, made, word.kind == VALUE_TEXT ? word.text : S(""), &value);
}

/* What follows from a field says of it what it is. */

/** A field is in the group of what it rests on. */
static void check_rests_on(struct making *making, const struct made_entity *made,
                           struct made_field *field, const struct field *below)
{
    if (below->group == 0 || below->group == field->field->group) return;
    making->word = S("group");
    making_fault(making, made, field, S("group"),
                 "rests on %.*s.%.*s, so it is in the group %.*s too", FMT(below->entity->name),
                 FMT(below->name), FMT(making->model->groups[below->group - 1].name));
    making->word = S("");
}

/** Its value, or whether it may be given, tells of other fields. */
static void check_group_below(struct making *making, const struct made_entity *made,
                              struct made_field *field)
{
    const struct field *below[FIELDS_MAX + CONDITION_TESTS_MAX + 2];
    uint32_t count = computed_rests_on(field->field, below);
    for (uint32_t i = 0; i < count; i++) check_rests_on(making, made, field, below[i]);
    const struct condition *conditions[] = {field->field->required_when,
                                            field->field->visible_when};
    for (size_t at = 0; at < 2; at++) {
        if (conditions[at] == nullptr) continue;
        count = condition_fields(conditions[at], below);
        for (uint32_t i = 0; i < count; i++) check_rests_on(making, made, field, below[i]);
    }
    if (field->field->through.flag != nullptr)
        check_rests_on(making, made, field, field->field->through.flag);
    const struct made_from *from = field->field->made_from;
    if (from == nullptr) return;
    if (from->when != nullptr) check_rests_on(making, made, field, from->when);
    for (uint32_t i = 0; i < from->pair_count; i++)
        check_rests_on(making, made, field, from->pairs[i].source);
}

/** What everybody meets cannot be in a group: by what a record is called, found alike, or made. */
static void check_group_use(struct making *making, const struct made_entity *made,
                            struct made_field *field)
{
    const struct entity *entity = made->entity;
    if (field->field->group == 0) return;
    bool is_shape = field->field == entity->title || field->field == entity->via ||
                    field->field == entity->own_unless || field->field == entity->archived_at ||
                    field->field->duplicates_by != DUPLICATES_BY_NOTHING;
    making->word = S("group");
    if (is_shape)
        making_fault(making, made, field, S("group"),
                     "is met by all who see the record, as its title, its way to the client, or "
                     "what duplicates are found by; so it is in no group");
    if (field->field->is_required || field->field->required_when != nullptr)
        making_fault(making, made, field, S("group"),
                     "is required of all who write the record, those too who do not see its "
                     "group; so it is in none");
    making->word = S("");
}

static void check_groups(struct making *making, const struct made_entity *made)
{
    for (uint32_t at = 0; at < made->field_count; at++) {
        if (made->fields[at].field->is_removed) continue;
        check_group_below(making, made, &made->fields[at]);
        check_group_use(making, made, &made->fields[at]);
    }
}

/** `incomplete` names formulas that failed: whoever does not see one is not shown it. */
static void note_named_groups(struct entity *entity)
{
    struct field *fields = (struct field *)entity->fields;
    uint16_t named = 0;
    for (uint32_t at = 0; at < entity->field_count; at++)
        if (fields[at].formula != nullptr && fields[at].group != 0 && !fields[at].is_removed)
            named |= (uint16_t)(1U << (fields[at].group - 1));
    for (uint32_t at = 0; at < entity->field_count; at++)
        if (fields[at].number == FIELD_INCOMPLETE) fields[at].groups_named = named;
}

void resolve_rights(struct making *making)
{
    uint32_t count = making->model->entity_count;
    for (uint32_t at = 0; at < count; at++) read_holders(making, &making->entities[at]);
    for (uint32_t at = 0; at < count; at++) read_tied_by(making, &making->entities[at]);
    for (uint32_t at = 0; at < count; at++) {
        struct made_entity *made = &making->entities[at];
        made->entity->is_under_client = lies_under(making->model, made->entity);
        add_kept_fields(making, made);
    }
    for (uint32_t at = 0; at < count; at++) {
        read_allow(making, &making->entities[at]);
        read_portal(making, &making->entities[at]);
        check_groups(making, &making->entities[at]);
        note_named_groups(making->entities[at].entity);
    }
}
