#include "work/catalog.h"

#include "base/limits.h"
#include "base/require.h"
#include "model/kind.h"

constexpr size_t CATALOG_BYTES_MAX = 1 * MIB;
constexpr uint64_t ENTITY_NAME_KEY = 0; /** no field has this number */

static const str catalog_key = {"model", 5};

static enum err compare_field(struct task *task, const struct entity *entity, int64_t number,
                              const struct value *stored)
{
    struct cursor cursor = cursor_of(stored->items);
    struct value name, kind;
    if (stored->kind != VALUE_LIST || stored->count != 2 || !value_next(&cursor, &name) ||
        !value_next(&cursor, &kind) || name.kind != VALUE_TEXT || kind.kind != VALUE_TEXT)
        return fail(task, ERR_CORRUPT, "the stored catalog of fields is damaged");
    const struct field *field = number > 0 && number <= UINT16_MAX
                                    ? entity_field_by_number(entity, (uint16_t)number)
                                    : nullptr;
    if (field == nullptr)
        return fail(task, ERR_CONFLICT,
                    "the data was written by a newer Atrium: this one does not know the field "
                    "`%.*s` of %.*s",
                    FMT(name.text), FMT(entity->plural));
    if (str_eq(field->kind_of->name, kind.text)) return ERR_NONE;
    return fail(task, ERR_CONFLICT,
                "the field `%.*s` of %.*s was stored as %.*s; this Atrium takes it for %.*s",
                FMT(name.text), FMT(entity->plural), FMT(kind.text), FMT(field->kind_of->name));
}

static enum err compare_entity(struct task *task, const struct model *model, int64_t number,
                               const struct value *stored)
{
    struct value name;
    if (stored->kind != VALUE_MAP || !value_find(stored->bytes, ENTITY_NAME_KEY, &name) ||
        name.kind != VALUE_TEXT)
        return fail(task, ERR_CORRUPT, "the stored catalog of fields is damaged");
    const struct entity *entity = number >= 0 && number <= UINT16_MAX
                                      ? model_entity_by_number(model, (uint16_t)number)
                                      : nullptr;
    if (entity == nullptr)
        return fail(
            task, ERR_CONFLICT,
            "the data was written by a newer Atrium: this one does not know the entity `%.*s`",
            FMT(name.text));
    struct cursor cursor = cursor_of(stored->items);
    struct value key, field;
    for (uint32_t at = 0; at < stored->count; at++) {
        if (!value_next(&cursor, &key) || !value_next(&cursor, &field) || key.kind != VALUE_INT)
            return fail(task, ERR_CORRUPT, "the stored catalog of fields is damaged");
        if (key.integer == ENTITY_NAME_KEY) continue;
        TRY(compare_field(task, entity, key.integer, &field));
    }
    return ERR_NONE;
}

static enum err compare(struct task *task, const struct model *model, str stored)
{
    struct value catalog = value_of(stored);
    if (catalog.kind != VALUE_MAP)
        return fail(task, ERR_CORRUPT, "the stored catalog of fields is damaged");
    struct cursor cursor = cursor_of(catalog.items);
    struct value key, entity;
    for (uint32_t at = 0; at < catalog.count; at++) {
        if (!value_next(&cursor, &key) || !value_next(&cursor, &entity) || key.kind != VALUE_INT)
            return fail(task, ERR_CORRUPT, "the stored catalog of fields is damaged");
        TRY(compare_entity(task, model, key.integer, &entity));
    }
    return ERR_NONE;
}

str catalog_write(struct task *task, const struct model *model)
{
    struct buf out = buf_make(task->arena, CATALOG_BYTES_MAX);
    pack_map(&out, model->entity_count);
    for (uint32_t at = 0; at < model->entity_count; at++) {
        const struct entity *entity = &model->entities[at];
        pack_int(&out, entity->number);
        pack_map(&out, entity->field_count + 1);
        pack_int(&out, ENTITY_NAME_KEY);
        pack_text(&out, entity->name);
        for (uint32_t field = 0; field < entity->field_count; field++) {
            pack_int(&out, entity->fields[field].number);
            pack_list(&out, 2);
            pack_text(&out, entity->fields[field].name);
            pack_text(&out, entity->fields[field].kind_of->name);
        }
    }
    require(!buf_is_over(&out));
    return buf_str(&out);
}

struct keeping {
    struct work work;
    str catalog;
};

static enum err keep(struct work *work, struct txn *txn)
{
    txn_system_put(txn, SYSTEM_CATALOG, catalog_key, ((struct keeping *)work)->catalog);
    return ERR_NONE;
}

enum err catalog_keep(struct task *task, struct store *store, const struct model *model)
{
    struct space instance = store_instance(store);
    struct txn *txn;
    TRY(txn_open(task, &instance, &txn));
    str stored = {};
    enum err err = txn_system_get(txn, SYSTEM_CATALOG, catalog_key, task->arena, &stored);
    txn_close(txn);
    if (err == ERR_NONE) TRY(compare(task, model, stored));
    else if (err != ERR_MISSING) return err;
    struct keeping keeping = {.work = {.run = keep}, .catalog = catalog_write(task, model)};
    if (str_eq(stored, keeping.catalog)) return ERR_NONE;
    return store_write(store, &instance, &keeping.work);
}

enum err catalog_judge(struct task *task, const struct model *model, str catalog)
{
    TRY(compare(task, model, catalog));
    if (str_eq(catalog, catalog_write(task, model))) return ERR_NONE;
    return fail(task, ERR_CONFLICT,
                "the tenant comes from an older Atrium: upgrade that instance, then export again");
}
