#include "record/reshape.h"

#include <stdarg.h>

#include "base/limits.h"
#include "base/random.h"
#include "base/require.h"
#include "model/kind.h"
#include "record/computed.h"
#include "record/condition.h"
#include "record/models.h"

static const str revision_key = {"revision", 8};
static const str declared_key = {"declared", 8};

enum err entity_has_records(struct txn *txn, uint16_t entity, bool *has_out)
{
    struct scan_range all = {.is_unbounded_from = true, .is_unbounded_to = true};
    struct scan *scan = scan_records(txn, entity, &all);
    struct scan_entry entry;
    enum err err = scan_next(scan, has_out, &entry);
    scan_close(scan);
    return err;
}

/* Faults. */

/** What people call a record that shapes the model: `client.x_tier`, `vehicle`. */
static str name_of(const struct reshaping *reshaping, struct id record)
{
    struct arena *arena = reshaping->change->task->arena;
    const struct shapers *shapers = &reshaping->shapers;
    for (uint32_t at = 0; at < shapers->fields.count; at++) {
        const struct shaper *field = &shapers->fields.items[at];
        if (id_eq(field->id, record))
            return arena_print(arena, "%.*s.%.*s", FMT(shaper_text(field, CUSTOM_OF)),
                               FMT(shaper_text(field, CUSTOM_NAME)));
    }
    for (uint32_t at = 0; at < shapers->entities.count; at++)
        if (id_eq(shapers->entities.items[at].id, record))
            return shaper_text(&shapers->entities.items[at], OWN_NAME);
    for (uint32_t at = 0; at < shapers->roles.count; at++)
        if (id_eq(shapers->roles.items[at].id, record))
            return arena_print(arena, "the role %.*s",
                               FMT(shaper_text(&shapers->roles.items[at], ROLE_NAME)));
    for (uint32_t at = 0; at < shapers->choices.count; at++)
        if (id_eq(shapers->choices.items[at].id, record))
            return arena_print(arena, "%.*s: %.*s",
                               FMT(shaper_text(&shapers->choices.items[at], CHOICE_SET)),
                               FMT(shaper_text(&shapers->choices.items[at], CHOICE_VALUE)));
    return S("");
}

void reshape_fault(struct reshaping *reshaping, struct id record, str word, str code,
                   const char *format, ...)
{
    struct task *task = reshaping->change->task;
    va_list arguments;
    va_start(arguments, format);
    str message = arena_vprint(task->arena, format, arguments);
    va_end(arguments);
    bool is_touched = false;
    for (uint32_t at = 0; at < reshaping->change->touched_count; at++)
        if (id_eq(reshaping->change->touched[at].id, record)) is_touched = true;
    if (is_touched && reshaping->touched_count == 1) {
        task_fault(task, word, code, "%.*s", FMT(message));
        return;
    }
    str name = name_of(reshaping, record);
    task_fault(task, is_touched ? word : S(""), code, "%.*s%s%.*s%s%.*s", FMT(name),
               name.len > 0 && word.len > 0 ? ", " : "", FMT(word), name.len > 0 ? ": " : "",
               FMT(message));
}

/** A fault of model_make: its field is `=ID/WORD`, where a tenant's record said it. */
static void tell_fault(struct reshaping *reshaping, const struct fault_item *item)
{
    str place, word;
    struct id id;
    (void)str_cut(item->field, '/', &place, &word);
    if (place.len > 1 && place.at[0] == '=' && id_parse(str_from(place, 1), &id))
        reshape_fault(reshaping, id, word, item->code, "%.*s", FMT(item->message));
    else
        task_fault(reshaping->change->task, S(""), item->code, "%.*s%s%.*s", FMT(item->field),
                   item->field.len > 0 ? ": " : "", FMT(item->message));
}

/* What the engine gives to new records. */

static void put_int(struct change *change, struct draft *draft, uint16_t number, int64_t integer)
{
    struct buf stored = buf_make(change->task->arena, 16);
    pack_int(&stored, integer);
    draft_put(draft, entity_field_by_number(draft->entity, number), buf_str(&stored));
}

static void put_text(struct change *change, struct draft *draft, uint16_t number, str text)
{
    struct buf stored = buf_make(change->task->arena, text.len + 8);
    pack_text(&stored, text);
    draft_put(draft, entity_field_by_number(draft->entity, number),
              text.len > 0 ? buf_str(&stored) : (str){});
}

static void put_flag(struct change *change, struct draft *draft, uint16_t number, bool is_set)
{
    const struct field *field = entity_field_by_number(draft->entity, number);
    struct buf stored = buf_make(change->task->arena, 8);
    pack_bool(&stored, is_set);
    if (draft_get(draft, field).len == 0) draft_put(draft, field, buf_str(&stored));
}

static enum err complete_entity(struct reshaping *reshaping, struct draft *draft,
                                const struct shaper *own)
{
    struct change *change = reshaping->change;
    uint16_t number;
    if (shaper_number(own, OWN_NUMBER) != 0) return ERR_NONE;
    TRY(ledger_next_entity(change->task, &reshaping->ledger, &number));
    put_int(change, draft, OWN_NUMBER, number);
    if (shaper_text(own, OWN_LABEL).len == 0)
        put_text(change, draft, OWN_LABEL,
                 label_of_name(change->task->arena, shaper_text(own, OWN_NAME)));
    return draft_save(change, draft, WRITE_BY_ENGINE);
}

/** An undo brings a deleted field back with its number, whatever was stripped by then. */
static void revive(struct reshaping *reshaping, const struct shaper *field)
{
    struct ledger *ledger = &reshaping->ledger;
    uint16_t number = shaper_number(field, CUSTOM_NUMBER);
    uint16_t entity =
        shape_entity_number(reshaping->base, &reshaping->shapers, shaper_text(field, CUSTOM_OF));
    struct removed_field *removed = ledger_removed(ledger, entity, shaper_text(field, CUSTOM_NAME));
    if (removed == nullptr || removed->number != number) return;
    ledger_forget_removed(ledger, removed);
    struct build *build = ledger_build(ledger, entity, number);
    if (build != nullptr) ledger_forget_build(ledger, build);
}

static enum err complete_field(struct reshaping *reshaping, struct draft *draft,
                               const struct shaper *field)
{
    struct change *change = reshaping->change;
    struct ledger *ledger = &reshaping->ledger;
    if (shaper_number(field, CUSTOM_NUMBER) != 0) return revive(reshaping, field), ERR_NONE;
    str name = shaper_text(field, CUSTOM_NAME);
    str kind = shaper_text(field, CUSTOM_KIND);
    uint16_t number, entity = shape_entity_number(reshaping->base, &reshaping->shapers,
                                                  shaper_text(field, CUSTOM_OF));
    struct removed_field *removed = ledger_removed(ledger, entity, name);
    if (removed != nullptr) {
        number = removed->number;
        ledger_forget_removed(ledger, removed);
    } else {
        TRY(ledger_next_field(change->task, ledger, entity, &number));
    }
    put_int(change, draft, CUSTOM_NUMBER, number);
    if (shaper_text(field, CUSTOM_LABEL).len == 0)
        put_text(change, draft, CUSTOM_LABEL,
                 label_of_name(change->task->arena, str_from(name, 2)));
    if (str_starts(shaper_text(field, CUSTOM_KIND), S("choice")))
        put_text(change, draft, CUSTOM_SET, shape_own_set(change->task->arena, field));
    put_flag(change, draft, CUSTOM_INDEX, shape_is_indexed(kind));
    put_flag(change, draft, CUSTOM_SEARCH, shape_is_searched(kind));
    put_text(change, draft, CUSTOM_STATE, S("ready"));
    return draft_save(change, draft, WRITE_BY_ENGINE);
}

static const struct shaper *shaper_of(const struct shaper_list *list, struct id id)
{
    for (uint32_t at = 0; at < list->count; at++)
        if (id_eq(list->items[at].id, id)) return &list->items[at];
    return nullptr;
}

/** Gives new ones their numbers, and what else they left open. Entities come before their fields,
 *  which need their numbers. */
static enum err complete(struct reshaping *reshaping, uint16_t entity)
{
    struct change *change = reshaping->change;
    bool is_entity = entity == CUSTOM_ENTITY_ENTITY;
    struct shaper_list *list =
        is_entity ? &reshaping->shapers.entities : &reshaping->shapers.fields;
    for (uint32_t at = 0; at < change->touched_count; at++) {
        const struct touched *touched = &change->touched[at];
        const struct shaper *shaper = shaper_of(list, touched->id);
        if (touched->entity->number != entity || shaper == nullptr) continue;
        struct draft draft;
        TRY(draft_load(change, touched->entity, touched->id, &draft));
        TRY(is_entity ? complete_entity(reshaping, &draft, shaper)
                      : complete_field(reshaping, &draft, shaper));
    }
    return shapers_read(change->task, change->txn, &reshaping->shapers);
}

/** Asks the runner what the formula of a touched field is. */
static enum err compile(struct reshaping *reshaping, const struct touched *touched,
                        const struct shaper *field)
{
    struct change *change = reshaping->change;
    const struct formulas *formulas = change->hooks == nullptr ? nullptr : change->hooks->formulas;
    struct shaper before = {touched->id, touched->before};
    str source = shaper_text(field, CUSTOM_FORMULA);
    if (source.len == 0 || str_eq(source, shaper_text(&before, CUSTOM_FORMULA))) return ERR_NONE;
    if (formulas == nullptr)
        return fail(change->task, ERR_FULL, "no formula can be read without a runner");
    struct formula_compiled compiled = {};
    TRY(formulas->compile(formulas->owner, change->task, txn_space(change->txn), source,
                          &compiled));
    if (compiled.failure.len > 0) {
        reshape_fault(reshaping, field->id, S("formula"), S("formula"), "%.*s",
                      FMT(compiled.failure));
        return task_faults(change->task);
    }
    struct buf reads = buf_make(change->task->arena, RECORD_BYTES_MAX);
    pack_list(&reads, compiled.name_count);
    for (uint32_t at = 0; at < compiled.name_count; at++) pack_text(&reads, compiled.names[at]);
    struct draft draft;
    TRY(draft_load(change, touched->entity, touched->id, &draft));
    draft_put(&draft, entity_field_by_number(draft.entity, CUSTOM_READS),
              compiled.name_count > 0 ? buf_str(&reads) : (str){});
    return draft_save(change, &draft, WRITE_BY_ENGINE);
}

static enum err compile_all(struct reshaping *reshaping)
{
    struct change *change = reshaping->change;
    for (uint32_t at = 0; at < change->touched_count; at++) {
        struct touched touched = change->touched[at];
        if (touched.entity->number != CUSTOM_FIELD_ENTITY) continue;
        const struct shaper *field = shaper_of(&reshaping->shapers.fields, touched.id);
        if (field != nullptr) TRY(compile(reshaping, &touched, field));
    }
    return shapers_read(change->task, change->txn, &reshaping->shapers);
}

/* What goes. */

/** The fields of an own entity go with it. */
static enum err drop_entity(struct reshaping *reshaping, const struct touched *touched)
{
    struct change *change = reshaping->change;
    struct shaper was = {touched->id, touched->before};
    str name = shaper_text(&was, OWN_NAME);
    const struct entity *fields = model_entity_by_number(change->model, CUSTOM_FIELD_ENTITY);
    for (uint32_t at = 0; at < reshaping->shapers.fields.count; at++) {
        const struct shaper *field = &reshaping->shapers.fields.items[at];
        if (!str_eq(shaper_text(field, CUSTOM_OF), name)) continue;
        TRY(record_delete_referring(change, fields, field->id));
    }
    ledger_forget_entity(&reshaping->ledger, shaper_number(&was, OWN_NUMBER));
    return ERR_NONE;
}

static enum err drop_entities(struct reshaping *reshaping)
{
    struct change *change = reshaping->change;
    uint32_t count = change->touched_count;
    for (uint32_t at = 0; at < count; at++) {
        struct touched touched = change->touched[at];
        if (touched.entity->number == CUSTOM_ENTITY_ENTITY && touched.is_going &&
            touched.before.len > 0)
            TRY(drop_entity(reshaping, &touched));
    }
    return shapers_read(change->task, change->txn, &reshaping->shapers);
}

enum err reshape_queue(struct change *change, struct ledger *ledger, struct build build)
{
    const struct models *models = change->model->models;
    require(models != nullptr);
    if (models_options(models)->build == nullptr)
        return fail(change->task, ERR_FULL, "no field can be built over records here");
    for (uint32_t at = 0; at < ledger->build_count; at++)
        if (ledger->builds[at].entity == build.entity) build.job = ledger->builds[at].job;
    TRY(models_options(models)->build(change, build.entity, &build.job));
    ledger_add_build(change->task->arena, ledger, build);
    return ERR_NONE;
}

/** Notes that records may still have something of a deleted field. */
static enum err note_removed(struct reshaping *reshaping, const struct touched *touched)
{
    struct change *change = reshaping->change;
    struct shaper was = {touched->id, touched->before};
    uint16_t number = shaper_number(&was, CUSTOM_NUMBER);
    uint16_t entity =
        shape_entity_number(reshaping->base, &reshaping->shapers, shaper_text(&was, CUSTOM_OF));
    if (entity == 0 || number == 0) return ERR_NONE;
    const struct entity *of = model_entity_by_number(change->model, entity);
    const struct field *field = of == nullptr ? nullptr : entity_field_by_number(of, number);
    if (field == nullptr) return ERR_NONE;
    bool has_records;
    TRY(entity_has_records(change->txn, entity, &has_records));
    struct build *build = ledger_build(&reshaping->ledger, entity, number);
    if (build != nullptr) ledger_forget_build(&reshaping->ledger, build);
    ledger_add_removed(change->task->arena, &reshaping->ledger,
                       (struct removed_field){.entity = entity,
                                              .number = number,
                                              .name = shaper_text(&was, CUSTOM_NAME),
                                              .kind = shaper_text(&was, CUSTOM_KIND),
                                              .stored_kind = field->kind_of->name,
                                              .scale = field->scale,
                                              .label = field->label,
                                              .is_stripped = !has_records});
    if (!has_records) return ERR_NONE;
    struct build strip = {
        .entity = entity, .field = number, .work = BUILD_INDEX_FADES | BUILD_WORDS_FADE};
    if (field->is_required) strip.work |= BUILD_NOTES;
    return reshape_queue(change, &reshaping->ledger, strip);
}

/* What must be built. */

/** What of a field costs work over the records there are. */
struct wants {
    bool has_index, has_words, is_unique, is_required;
    str formula, rollup, required_when, visible_when;
};

static str raw(const struct shaper *shaper, uint16_t field)
{
    struct value value;
    return value_find(shaper->value, field, &value) ? value.bytes : S("");
}

static struct wants wants_of(const struct shaper *field)
{
    if (field->value.len == 0) return (struct wants){};
    str kind = shaper_text(field, CUSTOM_KIND);
    bool is_unique = shaper_flag(field, CUSTOM_UNIQUE, false);
    return (struct wants){
        .has_index = is_unique || str_starts(kind, S("reference")) ||
                     shaper_flag(field, CUSTOM_INDEX, shape_is_indexed(kind)),
        .has_words = shaper_flag(field, CUSTOM_SEARCH, shape_is_searched(kind)),
        .is_unique = is_unique,
        .is_required = shaper_flag(field, CUSTOM_REQUIRED, false),
        .formula = raw(field, CUSTOM_FORMULA),
        .rollup = raw(field, CUSTOM_ROLLUP),
        .required_when = raw(field, CUSTOM_REQUIRED_WHEN),
        .visible_when = raw(field, CUSTOM_VISIBLE_WHEN),
    };
}

/** A new field has no values yet, so there is nothing to index; but records lack it where it is
 *  required, and what is computed must be computed. */
static uint8_t work_of(const struct wants *was, const struct wants *is, bool is_new)
{
    uint8_t work = 0;
    if (!str_eq(was->formula, is->formula) || !str_eq(was->rollup, is->rollup)) work |= BUILD_KEYS;
    if (was->is_required != is->is_required || !str_eq(was->required_when, is->required_when) ||
        !str_eq(was->visible_when, is->visible_when))
        work |= BUILD_NOTES;
    if (is_new) return work;
    if ((is->has_index && !was->has_index) || (is->has_words && !was->has_words) ||
        (is->is_unique && !was->is_unique))
        work |= BUILD_KEYS;
    if (!is->has_index && was->has_index) work |= BUILD_INDEX_FADES;
    if (!is->has_words && was->has_words) work |= BUILD_WORDS_FADE;
    return work;
}

/** Queues this work for a field, and says in its record whether it is being built. */
static enum err plan_work(struct reshaping *reshaping, const struct entity *of,
                          const struct shaper *field, uint8_t work)
{
    struct change *change = reshaping->change;
    uint16_t number = shaper_number(field, CUSTOM_NUMBER);
    uint16_t entity =
        shape_entity_number(reshaping->base, &reshaping->shapers, shaper_text(field, CUSTOM_OF));
    struct build build = {.entity = entity, .field = number, .work = work};
    bool has_records = false;
    if (build.work != 0) TRY(entity_has_records(change->txn, entity, &has_records));
    const struct build *open = ledger_build(&reshaping->ledger, entity, number);
    /* Whoever changes a field whose building failed has it built anew. */
    if (has_records || open != nullptr) TRY(reshape_queue(change, &reshaping->ledger, build));
    open = ledger_build(&reshaping->ledger, entity, number);
    bool is_building = open != nullptr && (open->work & (BUILD_KEYS | BUILD_NOTES)) != 0;
    struct draft draft;
    TRY(draft_load(change, of, field->id, &draft));
    put_text(change, &draft, CUSTOM_STATE, is_building ? S("building") : S("ready"));
    /* What was wrong was told, and whoever changes the field tries anew. */
    const struct touched *touched = change_touched(change, of, field->id);
    struct shaper before = {field->id, touched == nullptr ? field->value : touched->before};
    bool is_old = str_eq(raw(&before, CUSTOM_PROBLEM), raw(field, CUSTOM_PROBLEM));
    if (build.work != 0 && is_old) put_text(change, &draft, CUSTOM_PROBLEM, S(""));
    return draft_save(change, &draft, WRITE_BY_ENGINE);
}

static enum err plan_build(struct reshaping *reshaping, const struct touched *touched,
                           const struct shaper *field)
{
    struct shaper before = {touched->id, touched->before};
    struct wants was = wants_of(&before), is = wants_of(field);
    return plan_work(reshaping, touched->entity, field,
                     work_of(&was, &is, touched->before.len == 0));
}

/** Whether the currency in which money is rolled up is another after this change. */
static bool has_other_currency(const struct change *change)
{
    const struct field *field = change->model->currency;
    if (field == nullptr) return false;
    const struct touched *touched =
        change_touched((struct change *)change, field->entity, txn_space(change->txn)->uuid);
    if (touched == nullptr || touched->before.len == 0) return false;
    struct view view = change_view(change);
    struct value before;
    bool had = value_find(touched->before, field->number, &before) && before.kind == VALUE_TEXT;
    return !str_eq(had ? before.text : (str){}, rollup_currency(&view));
}

/** All roll-ups of money are computed again. */
static enum err plan_money(struct reshaping *reshaping)
{
    const struct model *model = reshaping->change->model;
    const struct entity *of = model_entity_by_number(model, CUSTOM_FIELD_ENTITY);
    const struct shaper_list *fields = &reshaping->shapers.fields;
    for (uint32_t at = 0; at < fields->count; at++) {
        const struct shaper *shaper = &fields->items[at];
        const struct entity *entity = model_entity(model, shaper_text(shaper, CUSTOM_OF));
        const struct field *field =
            entity == nullptr
                ? nullptr
                : entity_field_by_number(entity, shaper_number(shaper, CUSTOM_NUMBER));
        if (field != nullptr && field->rollup != nullptr && field->kind == FIELD_MONEY)
            TRY(plan_work(reshaping, of, shaper, BUILD_KEYS));
    }
    return ERR_NONE;
}

static enum err plan(struct reshaping *reshaping)
{
    struct change *change = reshaping->change;
    for (uint32_t at = 0; at < change->touched_count; at++) {
        struct touched touched = change->touched[at];
        if (touched.entity->number != CUSTOM_FIELD_ENTITY) continue;
        const struct shaper *field = shaper_of(&reshaping->shapers.fields, touched.id);
        if (field != nullptr) TRY(plan_build(reshaping, &touched, field));
        else if (touched.before.len > 0) TRY(note_removed(reshaping, &touched));
    }
    return ERR_NONE;
}

/* The new model. */

enum err model_rows_write(struct task *task, struct txn *txn, const struct model *base,
                          const struct shapers *shapers, const struct ledger *ledger)
{
    str declared;
    TRY(shape_declare(task, base, shapers, ledger, &declared));
    ledger_write(txn, ledger);
    if (declared.len == 0) {
        txn_system_delete(txn, SYSTEM_MODEL, revision_key);
        txn_system_delete(txn, SYSTEM_MODEL, declared_key);
        return ERR_NONE;
    }
    int64_t revision = (int64_t)(random_uint64() >> 1);
    struct buf row = buf_make(task->arena, 16);
    pack_int(&row, revision);
    txn_system_put(txn, SYSTEM_MODEL, revision_key, buf_str(&row));
    txn_system_put(txn, SYSTEM_MODEL, declared_key, declared);
    const struct model *model;
    return models_make(base->models, task, txn_space(txn), revision, declared, &model);
}

static enum err make_model(struct reshaping *reshaping)
{
    struct change *change = reshaping->change;
    struct task quiet = {.arena = change->task->arena};
    enum err err = model_rows_write(&quiet, change->txn, reshaping->base, &reshaping->shapers,
                                    &reshaping->ledger);
    if (err == ERR_NONE) return ERR_NONE;
    if (err != ERR_INVALID || quiet.fault.item_count == 0)
        return fail(change->task, err, "%.*s", FMT(quiet.fault.detail));
    for (uint32_t at = 0; at < quiet.fault.item_count; at++)
        tell_fault(reshaping, &quiet.fault.items[at]);
    bool is_deletion = false;
    for (uint32_t at = 0; at < change->touched_count; at++)
        is_deletion = is_deletion || change->touched[at].is_going;
    if (!is_deletion) return task_faults(change->task);
    return fail(change->task, ERR_CONFLICT, "it is needed: %.*s",
                FMT(change->task->fault.items[0].message));
}

/** Whether the conditions of the fields that were changed name choices that there are. */
static enum err verify_conditions(struct reshaping *reshaping)
{
    struct change *change = reshaping->change;
    struct task *task = change->task;
    struct view view = change_view(change);
    TRY(model_of(task, change->txn, reshaping->base, &view.model));
    str path = task->path;
    for (uint32_t at = 0; at < change->touched_count; at++) {
        if (change->touched[at].entity->number != CUSTOM_FIELD_ENTITY) continue;
        const struct shaper *shaper = shaper_of(&reshaping->shapers.fields, change->touched[at].id);
        const struct entity *entity =
            shaper == nullptr ? nullptr : model_entity(view.model, shaper_text(shaper, CUSTOM_OF));
        if (entity == nullptr) continue;
        const struct field *field =
            entity_field_by_number(entity, shaper_number(shaper, CUSTOM_NUMBER));
        if (field == nullptr) continue;
        bool is_right =
            (field->required_when == nullptr || condition_verify(&view, field->required_when)) &&
            (field->visible_when == nullptr || condition_verify(&view, field->visible_when));
        task->path = arena_print(task->arena, "%.*srollup.", FMT(path));
        if (is_right && field->rollup != nullptr && field->rollup->where != nullptr)
            (void)condition_verify(&view, field->rollup->where);
        task->path = path;
    }
    return task_faults(task);
}

enum err change_reshape(struct change *change)
{
    struct reshaping reshaping = {.change = change, .models = change->model->models};
    if (reshaping.models == nullptr) return ERR_NONE;
    for (uint32_t at = 0; at < change->touched_count; at++)
        reshaping.touched_count += change->touched[at].entity->shapes_model;
    bool is_recounted = has_other_currency(change);
    if (reshaping.touched_count == 0 && !is_recounted) return ERR_NONE;
    reshaping.base = models_base(reshaping.models);
    TRY(ledger_read(change->task, change->txn, &reshaping.ledger));
    TRY(shapers_read(change->task, change->txn, &reshaping.shapers));
    TRY(reshape_verify_deleted(&reshaping));
    TRY(drop_entities(&reshaping));
    reshape_judge(&reshaping);
    TRY(task_faults(change->task));
    TRY(complete(&reshaping, CUSTOM_ENTITY_ENTITY));
    TRY(complete(&reshaping, CUSTOM_FIELD_ENTITY));
    TRY(compile_all(&reshaping));
    TRY(plan(&reshaping));
    if (is_recounted) TRY(plan_money(&reshaping));
    TRY(make_model(&reshaping));
    return verify_conditions(&reshaping);
}
