/* What leads from one entity to others, the checks that need it, and what is derived. */
#include "base/limits.h"
#include "base/require.h"
#include "model/making.h"

constexpr uint32_t VIA_STEPS_MAX = 8;

/** The field of that name, or nullptr and a fault that offers the nearest. */
static const struct field *field_or_fault(struct making *making, const struct made_entity *entity,
                                          const struct made_field *made, const struct entity *where,
                                          str name)
{
    const struct field *field = entity_field(where, name);
    if (field != nullptr) return field;
    str nearest = entity_nearest(where, sight_all(), name);
    making_fault(making, entity, made, S("missing"), "%.*s has no field `%.*s`%s%.*s",
                 FMT(where->name), FMT(name), nearest.len == 0 ? "" : "; perhaps ", FMT(nearest));
    return nullptr;
}

void set_to(struct making *making, const struct made_entity *entity, struct made_field *made,
            const struct value *value)
{
    made->field->to = model_entity(making->model, value->text);
    if (made->field->to == nullptr)
        making_fault(making, entity, made, S("missing"), "`to`: there is no entity \"%.*s\"",
                     FMT(value->text));
    else if (made->field->to->is_single)
        making_fault(making, entity, made, S("reference"), "`to`: %.*s is a single record",
                     FMT(value->text));
}

void set_one_of(struct making *making, const struct made_entity *entity, struct made_field *made,
                const struct value *value)
{
    struct value per;
    struct value least;
    bool has_per = value_find_text(value->bytes, S("per"), &per) && per.kind == VALUE_TEXT;
    bool has_least = value_find_text(value->bytes, S("at_least"), &least);
    if (!has_per || value->count != 1U + has_least) {
        making_fault(making, entity, made, S("type"),
                     "`one_of` is { per = \"reference\" } or with at_least = 1");
        return;
    }
    if (has_least && !(least.kind == VALUE_INT && (least.integer == 0 || least.integer == 1)))
        making_fault(making, entity, made, S("range"), "`at_least` is 0 or 1");
    const struct field *reference = field_or_fault(making, entity, made, entity->entity, per.text);
    if (reference == nullptr) return;
    bool is_fit =
        reference->kind == FIELD_REFERENCE && reference->is_required && !reference->is_computed;
    if (!is_fit)
        making_fault(making, entity, made, S("reference"),
                     "`per` names a field that is no required reference");
    made->field->one_of_per = reference;
    made->field->one_of_at_least = has_least && least.kind == VALUE_INT && least.integer == 1;
}

/** The link's own reference to what the `through` field means; nullptr and a fault unless there is
 *  exactly one. */
static const struct field *link_target(struct making *making, const struct made_entity *entity,
                                       struct made_field *made, const struct field *flag)
{
    const struct field *target = nullptr;
    uint32_t count = 0;
    for (uint32_t i = 0; i < flag->entity->field_count; i++) {
        const struct field *field = &flag->entity->fields[i];
        bool leads_there =
            field->kind == FIELD_REFERENCE && field->to == made->field->to && !field->is_computed;
        if (!leads_there || field == flag->one_of_per) continue;
        target = field;
        count++;
    }
    if (count != 1)
        making_fault(making, entity, made, S("reference"),
                     "`through`: %.*s has not exactly one reference to %.*s",
                     FMT(flag->entity->name), FMT(made->field->to->name));
    return target;
}

void set_through(struct making *making, const struct made_entity *entity, struct made_field *made,
                 const struct value *value)
{
    str link_name;
    str flag_name;
    str_cut(value->text, '.', &link_name, &flag_name);
    const struct entity *link = model_entity(making->model, link_name);
    if (link == nullptr) {
        making_fault(making, entity, made, S("missing"), "`through`: there is no entity \"%.*s\"",
                     FMT(link_name));
        return;
    }
    const struct field *flag = field_or_fault(making, entity, made, link, flag_name);
    if (flag == nullptr) return;
    if (flag->one_of_per == nullptr || flag->one_of_per->to != entity->entity ||
        made->field->to == nullptr) {
        making_fault(making, entity, made, S("reference"),
                     "`through` names no flag with one_of per %.*s, or the field has no `to`",
                     FMT(entity->entity->name));
        return;
    }
    made->field->through = (struct through){.link = link, .flag = flag, .parent = flag->one_of_per};
    if (link != made->field->to)
        made->field->through.target = link_target(making, entity, made, flag);
}

static void check_made_pair(struct making *making, const struct made_entity *entity,
                            struct made_field *made, const struct made_from_pair *pair)
{
    bool is_written = !pair->target->is_computed && pair->target->through.link == nullptr;
    if (pair->target->kind != pair->source->kind || !is_written)
        making_fault(making, entity, made, S("reference"),
                     "`made_from`: %.*s cannot be made from %.*s", FMT(pair->target->name),
                     FMT(pair->source->name));
}

/** Whatever the new record must have is given, or has a default. */
static void check_made_whole(struct making *making, const struct made_entity *entity,
                             struct made_field *made, const struct made_from *from)
{
    for (uint32_t i = 0; i < made->field->to->field_count; i++) {
        const struct field *needed = &made->field->to->fields[i];
        if (!needed->is_required || needed->is_computed || needed->is_custom) continue;
        /* The link's own reference is filled by the engine. */
        bool is_given = needed == made->field->through.parent;
        struct value value;
        for (uint32_t j = 0; j < making->model->entity_count && !is_given; j++) {
            const struct made_entity *other = &making->entities[j];
            for (uint32_t k = 0;
                 other->entity == made->field->to && k < other->field_count && !is_given; k++)
                is_given = other->fields[k].field == needed &&
                           value_find_text(other->fields[k].attributes, S("default"), &value);
        }
        for (uint32_t j = 0; j < from->pair_count && !is_given; j++)
            is_given = from->pairs[j].target == needed;
        if (!is_given)
            making_fault(making, entity, made, S("required"),
                         "`made_from` leaves %.*s.%.*s without a value", FMT(made->field->to->name),
                         FMT(needed->name));
    }
}

static void read_made_when(struct making *making, const struct made_entity *entity,
                           struct made_field *made, struct made_from *from)
{
    struct value when;
    if (!value_find_text(made->attributes, S("made_when"), &when)) return;
    struct cursor cursor = cursor_of(when.items);
    struct value name;
    struct value value;
    bool is_pair = when.kind == VALUE_MAP && when.count == 1 && value_next(&cursor, &name) &&
                   value_next(&cursor, &value) && name.kind == VALUE_TEXT &&
                   value.kind == VALUE_TEXT;
    if (!is_pair) {
        making_fault(making, entity, made, S("type"),
                     "`made_when` is one choice field and its value");
        return;
    }
    from->when = field_or_fault(making, entity, made, entity->entity, name.text);
    from->when_value = value.text;
    if (from->when == nullptr) return;
    bool is_choice = from->when->kind == FIELD_CHOICE && from->when->set != nullptr;
    bool is_value = is_choice && (from->when->set->is_open ||
                                  set_choice(from->when->set, value.text) != nullptr);
    if (!is_value)
        making_fault(making, entity, made, S("missing"),
                     "`made_when` is one choice field and its value");
}

void set_made_from(struct making *making, const struct made_entity *entity, struct made_field *made,
                   const struct value *value)
{
    if (made->field->to == nullptr) return;
    struct made_from *from = arena_new(making->arena, struct made_from, 1);
    struct made_from_pair *pairs = arena_new(making->arena, struct made_from_pair, value->count);
    from->pairs = pairs;
    struct cursor cursor = cursor_of(value->items);
    for (uint32_t i = 0; i < value->count; i++) {
        struct value target;
        struct value source;
        bool is_pair = value_next(&cursor, &target) && value_next(&cursor, &source) &&
                       target.kind == VALUE_TEXT && source.kind == VALUE_TEXT;
        if (!is_pair) {
            making_fault(making, entity, made, S("type"),
                         "`made_from` is { field of the new record = own field, … }");
            return;
        }
        struct made_from_pair pair = {
            .target = field_or_fault(making, entity, made, made->field->to, target.text),
            .source = field_or_fault(making, entity, made, entity->entity, source.text),
        };
        if (pair.target == nullptr || pair.source == nullptr) return;
        if (field_is_sealed(pair.target) || field_is_sealed(pair.source))
            making_fault(making, entity, made, S("type"), "`made_from` copies no sealed field");
        check_made_pair(making, entity, made, &pair);
        pairs[from->pair_count++] = pair;
    }
    read_made_when(making, entity, made, from);
    check_made_whole(making, entity, made, from);
    made->field->made_from = from;
}

void set_made_when(struct making *making, const struct made_entity *entity, struct made_field *made,
                   const struct value *)
{
    struct value from;
    if (!value_find_text(made->attributes, S("made_from"), &from))
        making_fault(making, entity, made, S("required"),
                     "`made_when` without `made_from` says nothing");
}

void set_waived_by(struct making *making, const struct made_entity *entity, struct made_field *made,
                   const struct value *value)
{
    const struct field *setting = nullptr;
    for (uint32_t i = 0; i < making->model->entity_count && setting == nullptr; i++)
        if (making->model->entities[i].is_single)
            setting = entity_field(&making->model->entities[i], value->text);
    made->field->waived_by = value->text;
    if (setting == nullptr || setting->kind != FIELD_BOOLEAN)
        making_fault(making, entity, made, S("missing"),
                     "`waived_by`: no settings have a boolean \"%.*s\"", FMT(value->text));
    if (!made->field->is_required)
        making_fault(making, entity, made, S("required"),
                     "`waived_by` says nothing of a field that is not required");
}

void set_default(struct making *making, const struct made_entity *entity, struct made_field *made,
                 const struct value *value)
{
    struct field *field = made->field;
    field->initial = value->bytes;
    if (field->is_computed)
        making_fault(making, entity, made, S("unknown"), "a computed field has no `default`");
    str path = making->task->path;
    making->task->path = arena_print(making->task->arena, "%.*s: `default` of %.*s.", FMT(made->at),
                                     FMT(entity->entity->name));
    struct buf stored = buf_make(making->task->arena, RECORD_BYTES_MAX);
    struct task quiet = {.arena = making->task->arena};
    bool is_of_own = is_of_tenant(made->at);
    bool is_read = field->kind_of->read(is_of_own ? &quiet : making->task, field, value, &stored);
    making->task->path = path;
    if (!is_read && is_of_own && quiet.fault.item_count > 0)
        making_fault(making, entity, made, S("default"), "%.*s", FMT(quiet.fault.items[0].message));
    if (!is_read || field->set == nullptr || field->set->is_open || value->kind != VALUE_TEXT)
        return;
    if (set_choice(field->set, value->text) == nullptr)
        making_fault(making, entity, made, S("choice"), "`default`: %.*s has no choice \"%.*s\"",
                     FMT(field->set->name), FMT(value->text));
}

void set_default_cell(struct making *making, const struct made_entity *entity,
                      struct made_field *made, const struct value *value)
{
    struct task quiet = {.arena = making->task->arena};
    struct buf given = buf_make(making->arena, RECORD_BYTES_MAX);
    making->word = S("default");
    if (!made->field->kind_of->from_cell(&quiet, made->field, value->text, &given)) {
        str why = quiet.fault.item_count > 0 ? quiet.fault.items[0].message : S("does not fit");
        making_fault(making, entity, made, S("default"), "%.*s", FMT(why));
        return;
    }
    struct value read = value_of(buf_str(&given));
    if (read.kind != VALUE_NIL) set_default(making, entity, made, &read);
}

static void check_reference(struct making *making, const struct made_entity *entity,
                            struct made_field *made)
{
    const struct field *field = made->field;
    making->word = S("to");
    if (field->to == nullptr)
        making_fault(making, entity, made, S("required"), "a reference says `to` which entity");
    making->word = S("on_delete");
    struct value on_delete;
    bool says = value_find_text(made->attributes, S("on_delete"), &on_delete);
    if (says && (field->through.link != nullptr || field->is_computed))
        making_fault(making, entity, made, S("unknown"), "`on_delete` is the link's matter");
    if (field->on_delete == ON_DELETE_DETACH && field->is_required)
        making_fault(making, entity, made, S("reference"),
                     "a required reference cannot be detached");
    if (field->on_delete == ON_DELETE_CASCADE && field->kind == FIELD_REFERENCES)
        making_fault(making, entity, made, S("reference"),
                     "a list of references can restrict or detach");
}

static void check_field(struct making *making, const struct made_entity *entity,
                        struct made_field *made)
{
    struct field *field = made->field;
    if (field->is_removed) return; /* nothing leads to it or from it any more */
    bool is_choice = field->kind == FIELD_CHOICE || field->kind == FIELD_CHOICES;
    bool is_reference = field->kind == FIELD_REFERENCE || field->kind == FIELD_REFERENCES;
    struct value scale;
    making->word = S("set");
    if (is_choice && field->set == nullptr)
        making_fault(making, entity, made, S("required"), "a choice names its `set`");
    if (is_reference) check_reference(making, entity, made);
    making->word = S("scale");
    bool has_scale = field->rollup != nullptr; /* that of what it rolls up */
    if (field->kind == FIELD_DECIMAL && !has_scale &&
        !value_find_text(made->attributes, S("scale"), &scale))
        making_fault(making, entity, made, S("required"), "a decimal says its `scale`");
    making->word = S("min");
    if (field->has_least && field->has_most && field->least > field->most)
        making_fault(making, entity, made, S("range"), "`min` is more than `max`");
    making->word = S("required");
    if (field->is_computed &&
        (field->is_required || field->is_unique || field->one_of_per != nullptr))
        making_fault(making, entity, made, S("unknown"),
                     "a computed field is neither required nor unique nor one_of");
    if (field->is_unique || is_reference || field->one_of_per != nullptr) field->is_indexed = true;
    making->word = S("");
    field->keeps_index = field->is_indexed && !field->is_removed;
    field->is_indexed = field->keeps_index && !field->is_building;
}

/** No two fields of an entity answer to the same header. */
static void check_synonyms(struct making *making, const struct made_entity *entity)
{
    for (uint32_t i = 0; i < entity->field_count; i++) {
        const struct field *one = entity->fields[i].field;
        for (uint32_t s = 0; s < one->synonym_count; s++) {
            for (uint32_t j = 0; j < entity->field_count; j++) {
                const struct field *other = entity->fields[j].field;
                uint32_t before = j < i ? other->synonym_count : j == i ? s : 0;
                for (uint32_t t = 0; t < before; t++)
                    if (str_eq(other->synonyms[t], one->synonyms[s]))
                        making_fault(making, entity, &entity->fields[i], S("twice"),
                                     "the synonym `%.*s` stands twice", FMT(one->synonyms[s]));
            }
        }
    }
}

static void resolve_title(struct making *making, const struct made_entity *made)
{
    str name = value_text_in(made->attributes, S("title"));
    const struct field *title = field_or_fault(making, made, nullptr, made->entity, name);
    if (title == nullptr) return;
    bool is_fit =
        title->kind == FIELD_TEXT || title->kind == FIELD_CHOICE || title->kind == FIELD_REFERENCE;
    if (!is_fit || title->is_system)
        making_fault(making, made, nullptr, S("type"),
                     "`title` is a text, a choice or a reference");
    made->entity->title = title;
    for (uint32_t i = 0; i < made->field_count; i++)
        made->fields[i].field->is_title = made->fields[i].field == title;
}

static void resolve_via(struct making *making, const struct made_entity *made)
{
    str name = value_text_in(made->attributes, S("via"));
    if (name.len == 0) return;
    const struct field *via = field_or_fault(making, made, nullptr, made->entity, name);
    if (via == nullptr) return;
    bool is_fit = via->kind == FIELD_REFERENCE && !via->is_computed &&
                  via->through.link == nullptr && via->to != nullptr;
    if (!is_fit)
        making_fault(making, made, nullptr, S("type"),
                     "`via` is a reference that is kept in this record");
    else made->entity->via = via;
}

/** The way up by `via` ends. */
static void check_via(struct making *making, const struct made_entity *made)
{
    const struct entity *at = made->entity;
    uint32_t steps = 0;
    while (at->via != nullptr && steps < VIA_STEPS_MAX) {
        at = at->via->to;
        steps++;
    }
    if (at->via != nullptr)
        making_fault(making, made, nullptr, S("reference"), "`via` leads in a circle or too far");
}

static bool has_searched(const struct entity *entity)
{
    bool has = false;
    for (uint32_t i = 0; i < entity->field_count && !has; i++) has = entity->fields[i].is_searched;
    return has;
}

static bool refers_to(const struct field *field, const struct entity *entity)
{
    return field->to == entity && !field->is_computed && !field->is_removed &&
           field->through.link == nullptr;
}

static void derive_referrers(struct making *making, struct entity *entity)
{
    const struct model *model = making->model;
    uint32_t count = 0;
    for (uint32_t i = 0; i < model->entity_count; i++)
        for (uint32_t j = 0; j < model->entities[i].field_count; j++)
            count += refers_to(&model->entities[i].fields[j], entity);
    const struct field **referrers = arena_new(making->arena, const struct field *, count);
    entity->referrers = referrers;
    for (uint32_t i = 0; i < model->entity_count; i++)
        for (uint32_t j = 0; j < model->entities[i].field_count; j++)
            if (refers_to(&model->entities[i].fields[j], entity))
                referrers[entity->referrer_count++] = &model->entities[i].fields[j];
    require(entity->referrer_count == count);
}

static void derive_under(struct making *making, struct entity *entity)
{
    const struct model *model = making->model;
    const struct entity **under =
        arena_new(making->arena, const struct entity *, model->entity_count);
    entity->under = under;
    for (uint32_t i = 0; i < model->entity_count; i++) {
        const struct entity *other = &model->entities[i];
        if (other->via != nullptr && other->via->to == entity && has_searched(other))
            under[entity->under_count++] = other;
    }
}

/** Who made and changed a record is a user, so there must be such an entity. */
static void resolve_system(struct making *making)
{
    const struct entity *user = model_entity(making->model, S("user"));
    if (user == nullptr)
        making_fault(making, nullptr, nullptr, S("missing"), "there is no entity \"user\"");
    uint32_t single_count = 0;
    for (uint32_t i = 0; i < making->model->entity_count; i++) {
        struct made_entity *made = &making->entities[i];
        single_count += made->entity->is_single;
        for (uint32_t j = made->field_count; j < made->entity->field_count; j++) {
            struct field *field = (struct field *)&made->entity->fields[j];
            if (field->kind == FIELD_REFERENCE) field->to = user;
        }
    }
    if (single_count > 1)
        making_fault(making, nullptr, nullptr, S("twice"), "more than one entity is `single`");
}

void resolve_entities(struct making *making)
{
    uint32_t count = making->model->entity_count;
    resolve_system(making);
    for (int rank = 1; rank <= FIELD_WORD_RANK_MAX; rank++)
        for (uint32_t i = 0; i < count; i++)
            for (uint32_t j = 0; j < making->entities[i].field_count; j++)
                apply_field_words(making, &making->entities[i], &making->entities[i].fields[j],
                                  rank);
    resolve_computed(making);
    for (uint32_t i = 0; i < count; i++) {
        struct made_entity *made = &making->entities[i];
        for (uint32_t j = 0; j < made->field_count; j++)
            check_field(making, made, &made->fields[j]);
        check_synonyms(making, made);
        resolve_title(making, made);
        resolve_via(making, made);
        resolve_pairs(making, made);
        resolve_own(making, made);
        resolve_duplicates(making, made);
    }
    for (uint32_t i = 0; i < count; i++) check_via(making, &making->entities[i]);
    if (making->task->fault.item_count > 0) return;
    resolve_rights(making);
    for (uint32_t i = 0; i < count; i++) {
        derive_referrers(making, making->entities[i].entity);
        derive_under(making, making->entities[i].entity);
    }
}
