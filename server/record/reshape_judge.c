/* What is wrong with a tenant's own entities and fields beyond what any schema may get wrong. */
#include "base/limits.h"
#include "base/require.h"
#include "model/kind.h"
#include "record/query.h"
#include "record/reshape.h"

static void judge_entity(struct reshaping *reshaping, const struct shaper *own)
{
    const struct model *base = reshaping->base;
    str name = shaper_text(own, OWN_NAME), plural = shaper_text(own, OWN_PLURAL);
    if (shaper_number(own, OWN_NUMBER) != 0) return;
    if (model_entity(base, name) != nullptr || model_collection(base, name) != nullptr)
        reshape_fault(reshaping, own->id, S("name"), S("taken"),
                      "is the name of a built-in entity");
    if (model_collection(base, plural) != nullptr || model_entity(base, plural) != nullptr)
        reshape_fault(reshaping, own->id, S("plural"), S("taken"),
                      "is the name of a built-in entity");
}

/** The words that only some kinds have, and those that a kind must have. */
static void judge_kind(struct reshaping *reshaping, const struct shaper *field)
{
    static const struct {
        uint16_t word;
        str name;
        str kind;
        bool is_needed;
    } words[] = {
        {CUSTOM_FORMULA, S("formula"), S("formula"), true},
        {CUSTOM_ROLLUP, S("rollup"), S("rollup"), true},
        {CUSTOM_RESULT, S("result"), S("formula"), false},
    };
    str kind = shaper_text(field, CUSTOM_KIND);
    for (size_t at = 0; at < sizeof words / sizeof *words; at++) {
        struct value value;
        bool is_kind = str_eq(kind, words[at].kind);
        bool is_given = value_find(field->value, words[at].word, &value);
        if (is_given && !is_kind)
            reshape_fault(reshaping, field->id, words[at].name, S("unknown"),
                          "means nothing for a field of the kind %.*s", FMT(kind));
        if (!is_given && is_kind && words[at].is_needed)
            reshape_fault(reshaping, field->id, words[at].name, S("required"),
                          "is required for a field of this kind");
    }
    bool has_default = shaper_text(field, CUSTOM_DEFAULT).len > 0;
    if (has_default && (str_eq(kind, S("sealed")) || str_starts(kind, S("reference"))))
        reshape_fault(reshaping, field->id, S("default"), S("unknown"),
                      "means nothing for a field of the kind %.*s", FMT(kind));
    bool is_choice = str_eq(kind, S("choice")) || str_eq(kind, S("choices"));
    if (!shaper_flag(field, CUSTOM_OPEN, false)) return;
    str set = shape_own_set(reshaping->change->task->arena, field);
    if (!is_choice || model_set(reshaping->base, set) != nullptr)
        reshape_fault(reshaping, field->id, S("open"), S("unknown"),
                      "is said of a choice field with a set of its own");
}

/** A name that was given once stays with its kind, because history speaks of it. */
static void judge_name(struct reshaping *reshaping, const struct shaper *field, uint16_t entity)
{
    str name = shaper_text(field, CUSTOM_NAME);
    if (shaper_number(field, CUSTOM_NUMBER) != 0) return;
    const struct removed_field *removed = ledger_removed(&reshaping->ledger, entity, name);
    if (removed == nullptr) return;
    str kind = shaper_text(field, CUSTOM_KIND);
    if (!str_eq(removed->kind, kind))
        reshape_fault(reshaping, field->id, S("name"), S("taken"),
                      "was the name of a deleted field of the kind %.*s, and stays it",
                      FMT(removed->kind));
    else if (!removed->is_stripped)
        reshape_fault(reshaping, field->id, S("name"), S("taken"),
                      "is the name of a field that is still being deleted; try again in a moment");
}

static void judge_field(struct reshaping *reshaping, const struct shaper *field)
{
    str of = shaper_text(field, CUSTOM_OF), name = shaper_text(field, CUSTOM_NAME);
    uint16_t entity = shape_entity_number(reshaping->base, &reshaping->shapers, of);
    if (entity == 0) {
        reshape_fault(reshaping, field->id, S("entity"), S("missing"),
                      "there is no entity \"%.*s\"", FMT(of));
        return;
    }
    const struct entity *built_in = model_entity_by_number(reshaping->base, entity);
    if (built_in != nullptr && built_in->shapes_model)
        reshape_fault(reshaping, field->id, S("entity"), S("reserved"),
                      "shapes the model itself and has no own fields");
    judge_kind(reshaping, field);
    judge_name(reshaping, field, entity);
    uint32_t count = 0;
    for (uint32_t at = 0; at < reshaping->shapers.fields.count; at++) {
        const struct shaper *other = &reshaping->shapers.fields.items[at];
        if (!str_eq(shaper_text(other, CUSTOM_OF), of)) continue;
        count++;
        if (id_eq(other->id, field->id) || shaper_number(field, CUSTOM_NUMBER) != 0) continue;
        if (str_eq(shaper_text(other, CUSTOM_NAME), name))
            reshape_fault(reshaping, field->id, S("name"), S("taken"),
                          "is the name of another field of %.*s", FMT(of));
    }
    for (uint32_t at = 0; at < reshaping->ledger.removed_count; at++)
        count += reshaping->ledger.removed[at].entity == entity &&
                 !reshaping->ledger.removed[at].is_stripped;
    if (count > CUSTOM_FIELDS_MAX && shaper_number(field, CUSTOM_NUMBER) == 0)
        reshape_fault(reshaping, field->id, S("entity"), S("limit"),
                      "%.*s has %u fields of the firm's own, more than there may be", FMT(of),
                      CUSTOM_FIELDS_MAX);
}

static bool is_touched(const struct reshaping *reshaping, const struct shaper *shaper)
{
    for (uint32_t at = 0; at < reshaping->change->touched_count; at++)
        if (id_eq(reshaping->change->touched[at].id, shaper->id)) return true;
    return false;
}

void reshape_judge(struct reshaping *reshaping)
{
    const struct shapers *shapers = &reshaping->shapers;
    for (uint32_t at = 0; at < shapers->choices.count; at++)
        if (str_eq(shaper_text(&shapers->choices.items[at], CHOICE_SET), role_set))
            reshape_fault(reshaping, shapers->choices.items[at].id, S("set"), S("reserved"),
                          "a role is made by a record of the entity role, which says what it may");
    for (uint32_t at = 0; at < shapers->entities.count; at++)
        judge_entity(reshaping, &shapers->entities.items[at]);
    /* An untouched field was judged before; only its entity may have gone. */
    for (uint32_t at = 0; at < shapers->fields.count; at++) {
        const struct shaper *field = &shapers->fields.items[at];
        str of = shaper_text(field, CUSTOM_OF);
        if (is_touched(reshaping, field) || shape_entity_number(reshaping->base, shapers, of) == 0)
            judge_field(reshaping, field);
    }
}

/* Deleting what records have. */

static enum err verify_choice(struct reshaping *reshaping, const struct shaper *choice)
{
    const struct model *model = reshaping->change->model;
    struct task *task = reshaping->change->task;
    str set = shaper_text(choice, CHOICE_SET), value = shaper_text(choice, CHOICE_VALUE);
    const struct choice_set *built_in = model_set(reshaping->base, set);
    if (built_in != nullptr && (built_in->is_open || set_choice(built_in, value) != nullptr))
        return ERR_NONE;
    struct view view = change_view(reshaping->change);
    for (uint32_t at = 0; at < model->entity_count; at++) {
        const struct entity *entity = &model->entities[at];
        for (uint32_t of = 0; of < entity->field_count; of++) {
            const struct field *field = &entity->fields[of];
            if (field->set == nullptr || field->set->is_open || !field->is_indexed ||
                !str_eq(field->set->name, set))
                continue;
            struct id found;
            uint32_t count = 0;
            str ordered;
            if (!field->kind_of->order_text(task, field, value, &ordered)) continue;
            TRY(query_find(&view, field, ordered, 1, &found, &count));
            if (count > 0)
                return fail(task, ERR_CONFLICT,
                            "there are %.*s whose %.*s is \"%.*s\": it can be switched off by "
                            "is_active, not deleted",
                            FMT(entity->plural), FMT(field->name), FMT(value));
        }
    }
    return ERR_NONE;
}

/** A built-in role comes back when that in its place goes. */
static enum err verify_role(struct reshaping *reshaping, const struct shaper *role)
{
    constexpr uint32_t named_max = 4;
    struct task *task = reshaping->change->task;
    str name = shaper_text(role, ROLE_NAME), ordered;
    const struct entity *user = model_entity(reshaping->base, S("user"));
    const struct field *field = user == nullptr ? nullptr : entity_field(user, S("role"));
    if (model_role(reshaping->base, name) != nullptr || field == nullptr) return ERR_NONE;
    if (!field->kind_of->order_text(task, field, name, &ordered)) return ERR_NONE;
    struct view view = change_view(reshaping->change);
    struct id found[named_max];
    uint32_t count = 0;
    TRY(query_find(&view, field, ordered, named_max, found, &count));
    if (count == 0) return ERR_NONE;
    struct buf names = buf_make(task->arena, RECORD_BYTES_MAX);
    for (uint32_t at = 0; at < count && at + 1 < named_max; at++) {
        struct shaper holder = {.id = found[at]};
        TRY(txn_record_get_view(view.txn, user->number, found[at], &holder.value));
        buf_print(&names, "%s%.*s", at == 0 ? "" : ", ",
                  FMT(shaper_text(&holder, user->title->number)));
    }
    return fail(task, ERR_CONFLICT, "%.*s%s in this role: give them another one first",
                FMT(buf_str(&names)),
                count == named_max ? " and others are"
                : count > 1        ? " are"
                                   : " is");
}

static enum err verify_entity(struct reshaping *reshaping, const struct shaper *own)
{
    bool has_records;
    TRY(entity_has_records(reshaping->change->txn, shaper_number(own, OWN_NUMBER), &has_records));
    if (!has_records) return ERR_NONE;
    return fail(reshaping->change->task, ERR_CONFLICT, "there are %.*s: delete them first",
                FMT(shaper_text(own, OWN_PLURAL)));
}

enum err reshape_verify_deleted(struct reshaping *reshaping)
{
    struct change *change = reshaping->change;
    for (uint32_t at = 0; at < change->touched_count; at++) {
        const struct touched *touched = &change->touched[at];
        if (!touched->is_going || touched->before.len == 0) continue;
        struct shaper was = {touched->id, touched->before};
        if (touched->entity->number == CHOICE_ENTITY) TRY(verify_choice(reshaping, &was));
        if (touched->entity->number == CUSTOM_ENTITY_ENTITY) TRY(verify_entity(reshaping, &was));
        if (touched->entity->number == ROLE_ENTITY) TRY(verify_role(reshaping, &was));
    }
    return ERR_NONE;
}
