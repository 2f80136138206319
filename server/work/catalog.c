#include "work/catalog.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/require.h"
#include "model/kind.h"
#include "record/models.h"
#include "record/under.h"
#include "value/json.h"

constexpr size_t CATALOG_BYTES_MAX = 1 * MIB;
constexpr uint64_t ENTITY_NAME_KEY = 0; /** no field has this number */

static const str catalog_key = {"model", 5};

/** Behind the numbers of fields and pairs: what of a field stands in derived rows. */
constexpr int64_t SIGNATURE_KEY_MIN = 1 << 17;
constexpr uint32_t BUILDS_MAX = 4096;
constexpr size_t SIGNATURE_BYTES_MAX = 64 * KIB;

/** What a comparison finds to be built. */
struct comparing {
    struct task *task;
    const struct model *model;
    uint32_t build_count;
    struct build *builds; /** BUILDS_MAX of them; nullptr: they are not wanted */
    bool has_builds;
};

static void note_build(struct comparing *comparing, uint16_t entity, uint16_t field, uint8_t work)
{
    comparing->has_builds = true;
    if (comparing->builds == nullptr || comparing->build_count == BUILDS_MAX) return;
    comparing->builds[comparing->build_count++] =
        (struct build){.entity = entity, .field = field, .work = work};
}

/** What of a field stands in rows that are derived: letters, then how it is computed. */
static str signature_of(struct arena *arena, const struct model *model, const struct field *field)
{
    struct buf out = buf_make(arena, SIGNATURE_BYTES_MAX);
    buf_print(&out, "%s%s%s%s", field->keeps_index ? "i" : "", field->is_searched ? "s" : "",
              field->is_unique ? "u" : "", field->is_required ? "r" : "");
    if (field->formula != nullptr) buf_print(&out, "=%.*s", FMT(field->formula->source));
    if (field->rollup != nullptr) {
        const struct rollup *rollup = field->rollup;
        struct value where = value_of(rollup->where_given);
        buf_print(&out, "+%u %.*s.%.*s %.*s ", rollup->function, FMT(rollup->via->entity->name),
                  FMT(rollup->via->name), FMT(rollup->of == nullptr ? S("") : rollup->of->name));
        json_write(&out, &where);
    }
    buf_put(&out, under_signature(arena, model, field));
    return buf_str(&out);
}

static bool has_letter(str signature, char letter)
{
    for (size_t at = 0; at < signature.len && signature.at[at] >= 'a'; at++)
        if (signature.at[at] == letter) return true;
    return false;
}

static str computed_part(str signature)
{
    size_t at = 0;
    while (at < signature.len && signature.at[at] >= 'a') at++;
    return str_from(signature, at);
}

static uint8_t work_between(str was, str is)
{
    uint8_t work = 0;
    if (!str_eq(computed_part(was), computed_part(is))) work |= BUILD_KEYS;
    for (const char *letter = "isu"; *letter != 0; letter++)
        if (has_letter(is, *letter) && !has_letter(was, *letter)) work |= BUILD_KEYS;
    if (has_letter(was, 'i') && !has_letter(is, 'i')) work |= BUILD_INDEX_FADES;
    if (has_letter(was, 's') && !has_letter(is, 's')) work |= BUILD_WORDS_FADE;
    if (has_letter(was, 'r') != has_letter(is, 'r')) work |= BUILD_NOTES;
    return work;
}

static enum err compare_field(struct comparing *comparing, const struct entity *entity,
                              int64_t number, const struct value *stored)
{
    struct task *task = comparing->task;
    struct cursor cursor = cursor_of(stored->items);
    struct value name, kind;
    if (stored->kind != VALUE_LIST || stored->count != 2 || !value_next(&cursor, &name) ||
        !value_next(&cursor, &kind) || name.kind != VALUE_TEXT || kind.kind != VALUE_TEXT)
        return fail(task, ERR_CORRUPT, "the stored catalog of fields is damaged");
    bool is_signature = number >= SIGNATURE_KEY_MIN;
    if (is_signature) number -= SIGNATURE_KEY_MIN;
    for (uint32_t at = 0; at < entity->pair_count; at++)
        if (entity->pairs[at].number == number) return ERR_NONE;
    const struct field *field = number > 0 && number <= UINT16_MAX
                                    ? entity_field_by_number(entity, (uint16_t)number)
                                    : nullptr;
    if (field == nullptr)
        return fail(task, ERR_CONFLICT,
                    "the data was written by a newer Atrium: this one does not know the field "
                    "`%.*s` of %.*s",
                    FMT(name.text), FMT(entity->plural));
    if (is_signature) {
        uint8_t work = work_between(kind.text, signature_of(task->arena, comparing->model, field));
        if (work != 0) note_build(comparing, entity->number, field->number, work);
        return ERR_NONE;
    }
    if (str_eq(field->kind_of->name, kind.text)) return ERR_NONE;
    return fail(task, ERR_CONFLICT,
                "the field `%.*s` of %.*s was stored as %.*s; this Atrium takes it for %.*s",
                FMT(name.text), FMT(entity->plural), FMT(kind.text), FMT(field->kind_of->name));
}

/** What this entity has that the stored catalog does not know: new fields have no values yet, but
 *  records may lack them, or they are computed. */
static void find_new(struct comparing *comparing, const struct entity *entity,
                     const struct value *stored)
{
    struct value known;
    for (uint32_t at = 0; at < entity->pair_count; at++)
        if (!value_find(stored->bytes, entity->pairs[at].number, &known))
            note_build(comparing, entity->number, entity->pairs[at].number, BUILD_KEYS);
    for (uint32_t at = 0; at < entity->field_count; at++) {
        const struct field *field = &entity->fields[at];
        bool is_of_rows = field->number == FIELD_CLIENTS || field->number == FIELD_HOLDERS;
        if (field->is_system && !is_of_rows) continue;
        if (value_find(stored->bytes, field->number, &known)) continue;
        uint8_t work = field->is_required ? BUILD_NOTES : 0;
        if (field->formula != nullptr || field->rollup != nullptr || is_of_rows) work |= BUILD_KEYS;
        if (work != 0) note_build(comparing, entity->number, field->number, work);
    }
}

static enum err compare_entity(struct comparing *comparing, int64_t number,
                               const struct value *stored)
{
    struct task *task = comparing->task;
    struct value name;
    if (stored->kind != VALUE_MAP || !value_find(stored->bytes, ENTITY_NAME_KEY, &name) ||
        name.kind != VALUE_TEXT)
        return fail(task, ERR_CORRUPT, "the stored catalog of fields is damaged");
    const struct entity *entity = number >= 0 && number <= UINT16_MAX
                                      ? model_entity_by_number(comparing->model, (uint16_t)number)
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
        TRY(compare_field(comparing, entity, key.integer, &field));
    }
    find_new(comparing, entity, stored);
    return ERR_NONE;
}

static enum err compare(struct comparing *comparing, str stored)
{
    struct task *task = comparing->task;
    struct value catalog = value_of(stored);
    if (catalog.kind != VALUE_MAP)
        return fail(task, ERR_CORRUPT, "the stored catalog of fields is damaged");
    struct cursor cursor = cursor_of(catalog.items);
    struct value key, entity;
    for (uint32_t at = 0; at < catalog.count; at++) {
        if (!value_next(&cursor, &key) || !value_next(&cursor, &entity) || key.kind != VALUE_INT)
            return fail(task, ERR_CORRUPT, "the stored catalog of fields is damaged");
        TRY(compare_entity(comparing, key.integer, &entity));
    }
    return ERR_NONE;
}

static void put_entry(struct buf *out, int64_t key, str name, str what)
{
    pack_int(out, key);
    pack_list(out, 2);
    pack_text(out, name);
    pack_text(out, what);
}

str catalog_write(struct task *task, const struct model *model)
{
    struct buf out = buf_make(task->arena, CATALOG_BYTES_MAX);
    pack_map(&out, model->entity_count);
    for (uint32_t at = 0; at < model->entity_count; at++) {
        const struct entity *entity = &model->entities[at];
        pack_int(&out, entity->number);
        pack_map(&out, 2 * entity->field_count + entity->pair_count + 1);
        pack_int(&out, ENTITY_NAME_KEY);
        pack_text(&out, entity->name);
        for (uint32_t of = 0; of < entity->field_count; of++) {
            const struct field *field = &entity->fields[of];
            put_entry(&out, field->number, field->name, field->kind_of->name);
            put_entry(&out, SIGNATURE_KEY_MIN + field->number, field->name,
                      signature_of(task->arena, model, field));
        }
        for (uint32_t of = 0; of < entity->pair_count; of++)
            put_entry(&out, entity->pairs[of].number, entity->pairs[of].first->name,
                      entity->pairs[of].second->name);
    }
    require(!buf_is_over(&out));
    return buf_str(&out);
}

/* The upgrade. */

struct upgrading {
    struct work work;
    struct task *task;
    const struct model *model;
    const struct comparing *comparing;
};

static enum err upgrade_run(struct work *work, struct txn *txn)
{
    struct upgrading *upgrading = (struct upgrading *)work;
    txn_set_task(txn, upgrading->task);
    struct scope scope = {.actor_kind = ACTOR_SYSTEM};
    struct change change = {.task = upgrading->task,
                            .txn = txn,
                            .model = upgrading->model,
                            .scope = &scope,
                            .cause = upgrading->task->request_id};
    return model_upgrade(&change, upgrading->comparing->builds, upgrading->comparing->build_count);
}

static enum err tenant_next(struct task *task, const struct access *access, uint32_t after,
                            struct tenant *tenant_out)
{
    struct space instance = store_instance(access->store);
    struct txn *txn;
    TRY(txn_open(task, &instance, &txn));
    enum err err = tenant_after(txn, access, after, tenant_out);
    if (err == ERR_NONE) tenant_out->name = arena_copy(task->arena, tenant_out->name);
    txn_close(txn);
    return err;
}

/** One tenant after another; what is wrong with one is logged, and does not keep the others. */
static enum err upgrade_tenants(struct task *outer, const struct access *access,
                                const struct comparing *comparing)
{
    struct tenant tenant = {};
    for (enum err err = ERR_NONE; err == ERR_NONE;) {
        struct arena arena;
        struct task task;
        arena_init(&arena, TASK_ARENA_BYTES_MAX);
        task_init(&task, &arena);
        err = tenant_next(&task, access, tenant.space.number, &tenant);
        struct upgrading upgrading = {.work = {.run = upgrade_run, .arena = &arena},
                                      .task = &task,
                                      .model = access->model,
                                      .comparing = comparing};
        enum err outcome = ERR_NONE;
        if (err == ERR_NONE) outcome = store_write(access->store, &tenant.space, &upgrading.work);
        if (outcome != ERR_NONE)
            log_error("catalog", "%.*s was not upgraded: %.*s: %.*s", FMT(tenant.name),
                      FMT(err_slug(outcome)), FMT(task.fault.detail));
        bool is_system = outcome == ERR_SYSTEM || outcome == ERR_FULL;
        if (is_system) err = outcome;
        arena_drop(&arena);
        if (err != ERR_NONE && err != ERR_MISSING)
            return fail(outer, err, "the firms could not be upgraded to this version");
    }
    return ERR_NONE;
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

enum err catalog_keep(struct task *task, const struct access *access)
{
    struct store *store = access->store;
    struct space instance = store_instance(store);
    struct txn *txn;
    TRY(txn_open(task, &instance, &txn));
    str stored = {};
    enum err err = txn_system_get(txn, SYSTEM_CATALOG, catalog_key, task->arena, &stored);
    txn_close(txn);
    if (err != ERR_NONE && err != ERR_MISSING) return err;
    struct comparing comparing = {.task = task,
                                  .model = access->model,
                                  .builds = arena_new(task->arena, struct build, BUILDS_MAX)};
    if (err == ERR_NONE) TRY(compare(&comparing, stored));
    struct keeping keeping = {.work = {.run = keep}, .catalog = catalog_write(task, access->model)};
    if (str_eq(stored, keeping.catalog)) return ERR_NONE;
    /* Only when every tenant knows what is to be built for it is the upgrade done. */
    if (stored.len > 0) TRY(upgrade_tenants(task, access, &comparing));
    return store_write(store, &instance, &keeping.work);
}

enum err catalog_judge(struct task *task, const struct model *model, str catalog)
{
    struct comparing comparing = {.task = task, .model = model};
    TRY(compare(&comparing, catalog));
    if (!comparing.has_builds && str_eq(catalog, catalog_write(task, model))) return ERR_NONE;
    return fail(task, ERR_CONFLICT,
                "the tenant comes from an older Atrium: upgrade that instance, then export again");
}
