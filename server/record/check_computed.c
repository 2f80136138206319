#include "base/require.h"
#include "model/kind.h"
#include "record/checking.h"

static struct view view_of(struct checking *checking)
{
    return (struct view){&checking->task, checking->txn, checking->model, &checking->scope};
}

/** While a job still computes it, a field holds what it happens to hold. */
static bool is_settled(const struct field *field)
{
    return !field->is_building && !field->is_removed;
}

static enum err check_rollup(struct checking *checking, const struct field *field, const str *slots)
{
    struct view view = view_of(checking);
    str expected, extreme;
    TRY(rollup_expected(&view, field, checking->at, checking->currency, &expected));
    if (!str_eq(expected, slots[field_position(field)]))
        check_found(checking, "%.*s is not what its %.*s say", FMT(field->name),
                    FMT(field->rollup->via->entity->plural));
    if (!rollup_has_entries(field)) return ERR_NONE;
    TRY(rollup_extreme(&view, field, checking->at, &extreme));
    if (!str_eq(expected, extreme))
        check_found(checking, "the entries of %.*s do not lead to it", FMT(field->name));
    return ERR_NONE;
}

static enum err check_given(struct checking *checking, const struct field *field, const str *slots)
{
    struct view view = view_of(checking);
    str key;
    bool has;
    if (!rollup_entry(&view, field, checking->currency, slots, &key)) return ERR_NONE;
    struct scan_range range = {.from = key, .to = key};
    struct scan *scan =
        scan_index(checking->txn, rollup_entry_entity(field), field->number, &range);
    TRY(check_has_entry(scan, key, checking->at, (struct id){}, false, &has));
    if (!has)
        check_found(checking, "has no entry in %.*s.%.*s", FMT(field->entity->name),
                    FMT(field->name));
    return ERR_NONE;
}

static enum err check_formulas(struct checking *checking, const str *slots)
{
    const struct entity *entity = checking->entity;
    struct draft draft = {.entity = entity,
                          .id = checking->at,
                          .before = arena_new(&checking->arena, str, entity->field_count),
                          .now = arena_new(&checking->arena, str, entity->field_count)};
    memcpy(draft.before, slots, entity->field_count * sizeof *slots);
    memcpy(draft.now, slots, entity->field_count * sizeof *slots);
    struct hooks hooks = {.formulas = checking->formulas};
    struct change change = {.task = &checking->task,
                            .txn = checking->txn,
                            .model = checking->model,
                            .scope = &checking->scope,
                            .hooks = &hooks};
    struct draft *drafts[] = {&draft};
    TRY(formulas_evaluate(&change, drafts, 1, true));
    for (uint32_t at = 0; at < entity->formula_count; at++) {
        const struct field *field = entity->formulas[at];
        if (!is_settled(field)) continue;
        if (draft_has_changed(&draft, field))
            check_found(checking, "%.*s is not what its formula says", FMT(field->name));
        if (check_is_noted(checking, slots, field) != check_is_noted(checking, draft.now, field))
            check_found(checking, "`incomplete` does not tell whether %.*s could be computed",
                        FMT(field->name));
    }
    return ERR_NONE;
}

enum err check_computed(struct checking *checking, const str *slots)
{
    const struct entity *entity = checking->entity;
    for (uint32_t at = 0; at < entity->field_count; at++)
        if (entity->fields[at].rollup != nullptr && is_settled(&entity->fields[at]))
            TRY(check_rollup(checking, &entity->fields[at], slots));
    for (uint32_t at = 0; at < entity->rollup_count; at++)
        if (rollup_has_entries(entity->rollups[at]) && is_settled(entity->rollups[at]))
            TRY(check_given(checking, entity->rollups[at], slots));
    if (entity->formula_count == 0 || checking->formulas == nullptr) return ERR_NONE;
    return check_formulas(checking, slots);
}

enum err check_rollup_entry(struct checking *checking, const struct scan_entry *entry)
{
    const struct field *field = checking->field;
    const struct entity *entity = field->rollup->via->entity;
    struct view view = view_of(checking);
    str value, key = {}, slots[FIELDS_MAX];
    checking->at = entry->id;
    enum err err = txn_record_get_view(checking->txn, entity->number, entry->id, &value);
    if (err == ERR_NONE) slots_read(entity, value, slots);
    bool has = err == ERR_NONE && rollup_entry(&view, field, checking->currency, slots, &key);
    if (!has || !str_eq(key, entry->ordered))
        check_found(checking, "its entry in %.*s.%.*s is not what it gives",
                    FMT(field->entity->name), FMT(field->name));
    return err == ERR_MISSING ? ERR_NONE : err;
}
