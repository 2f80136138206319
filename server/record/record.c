#include "record/draft.h"

#include "base/require.h"
#include "model/kind.h"
#include "record/computed.h"
#include "record/condition.h"
#include "record/rows.h"

constexpr uint32_t CHANGE_DEPTH_MAX = 5; /** creations and deletions that cause others */

static const str operation_words[] = {
    [OPERATION_CREATE] = S("create"),
    [OPERATION_UPDATE] = S("update"),
    [OPERATION_DELETE] = S("delete"),
};

str operation_word(enum operation operation)
{
    require(operation <= OPERATION_DELETE);
    return operation_words[operation];
}

bool operation_of(str word, enum operation *operation_out)
{
    for (enum operation at = OPERATION_CREATE; at <= OPERATION_DELETE; at++)
        if (str_eq(operation_words[at], word)) return *operation_out = at, true;
    return false;
}

struct view change_view(const struct change *change)
{
    return (struct view){change->task, change->txn, change->model, change->scope};
}

const struct entity *draft_entity(const struct draft *draft)
{
    return draft->entity;
}

struct id draft_id(const struct draft *draft)
{
    return draft->id;
}

enum operation draft_operation(const struct draft *draft)
{
    return draft->operation;
}

str draft_stored(const struct draft *draft, const struct field *field, bool is_before)
{
    require(field->entity == draft->entity);
    return (is_before ? draft->before : draft->now)[field_position(field)];
}

bool draft_is_by_engine(const struct draft *draft)
{
    return draft->is_by_engine;
}

bool draft_meets(const struct view *view, const struct draft *draft,
                 const struct condition *condition, bool is_before)
{
    return condition_holds(view, view->task->arena, condition,
                           is_before ? draft->before : draft->now);
}

static enum err missing(struct task *task, const struct entity *entity)
{
    return fail(task, ERR_MISSING, "there is no such %.*s", FMT(entity->name));
}

enum err record_get(const struct view *view, const struct entity *entity, struct id id,
                    struct record *record_out)
{
    if (!scope_may(view->scope, entity->number, SCOPE_VIEW)) return missing(view->task, entity);
    *record_out = (struct record){.entity = entity, .id = id};
    enum err err = txn_record_get_view(view->txn, entity->number, id, &record_out->value);
    if (err == ERR_MISSING) return missing(view->task, entity);
    if (err != ERR_NONE)
        return fail(view->task, err, "the stored %.*s is damaged", FMT(entity->name));
    return rows_see(view, entity, id, record_out->value) ? ERR_NONE : missing(view->task, entity);
}

struct etag record_etag(const struct record *record)
{
    static const uint64_t keys[] = {FIELD_REVISION, FIELD_VERSION};
    struct value found[2];
    value_find_all(record->value, keys, 2, found);
    return (struct etag){found[0].kind == VALUE_INT ? found[0].integer : 0,
                         found[1].kind == VALUE_INT ? found[1].integer : 0};
}

bool etag_parse(str text, struct etag *etag_out)
{
    if (text.len < 5 || text.at[0] != '"' || text.at[text.len - 1] != '"') return false;
    str revision, version;
    return str_cut((str){text.at + 1, text.len - 2}, '.', &revision, &version) &&
           str_to_int64(revision, &etag_out->revision) && str_to_int64(version, &etag_out->version);
}

static enum err go_deeper(struct change *change)
{
    if (change->depth >= CHANGE_DEPTH_MAX)
        return fail(change->task, ERR_TOO_LARGE, "one change may cause others at most %u deep",
                    CHANGE_DEPTH_MAX);
    change->depth++;
    return ERR_NONE;
}

enum err draft_rebase(struct change *change, struct draft *draft)
{
    if (draft->is_new || draft->as_of == change->write_count) return ERR_NONE;
    const struct entity *entity = draft->entity;
    str value;
    enum err err =
        txn_record_get(change->txn, entity->number, draft->id, change->task->arena, &value);
    if (err == ERR_MISSING)
        return fail(change->task, ERR_CONFLICT, "a rule deleted this %.*s", FMT(entity->name));
    TRY(err);
    draft->as_of = change->write_count;
    if (str_eq(value, draft->value)) return ERR_NONE;
    str stored[FIELDS_MAX];
    slots_read(entity, value, stored);
    for (uint32_t at = 0; at < entity->field_count; at++)
        if (str_eq(draft->now[at], draft->before[at])) draft->now[at] = stored[at];
    memcpy(draft->before, stored, entity->field_count * sizeof(str));
    draft->value = value;
    return ERR_NONE;
}

enum err draft_reread(struct change *change, struct draft *draft, bool *is_there_out)
{
    str value;
    enum err err =
        txn_record_get(change->txn, draft->entity->number, draft->id, change->task->arena, &value);
    *is_there_out = err == ERR_NONE;
    if (err != ERR_NONE && err != ERR_MISSING) return err;
    if (draft->operation == OPERATION_DELETE) return ERR_NONE;
    slots_read(draft->entity, *is_there_out ? value : (str){}, draft->now);
    return ERR_NONE;
}

/** `after` sees the record with all that was derived, and what it was before. */
static enum err show_written(struct change *change, struct draft *draft, str *was)
{
    if (!change_wants(change, HOOK_AFTER, draft->entity)) return ERR_NONE;
    TRY(computed_settle(change));
    enum operation operation = draft->operation;
    TRY(draft_load(change, draft->entity, draft->id, draft));
    draft->operation = operation;
    draft->before = was;
    touched_note_shown(change, change_touched(change, draft->entity, draft->id), draft->value);
    return change_ask(change, HOOK_AFTER, draft);
}

enum err draft_write(struct change *change, struct draft *draft)
{
    if (draft->is_new) TRY(rollups_begin(change, draft));
    TRY(draft_rebase(change, draft));
    TRY(change_ask(change, HOOK_BEFORE, draft));
    if (draft->entity->formula_count > 0) TRY(formulas_evaluate(change, &draft, 1, draft->is_new));
    draft->has_formulas = true;
    TRY(draft_verify(change, draft));
    str *was = arena_new(change->task->arena, str, draft->entity->field_count);
    memcpy(was, draft->before, draft->entity->field_count * sizeof *was);
    bool is_other = draft_is_other(draft, WRITE_BY_ACTOR);
    TRY(draft_save(change, draft, WRITE_BY_ACTOR));
    TRY(derive_one_of(change, draft->entity, draft->id, was, draft->now));
    if (draft->later != nullptr) TRY(derive_links(change, draft));
    return is_other ? show_written(change, draft, was) : ERR_NONE;
}

/** What is made within another record belongs to that one, whatever it says itself. */
static void preset_put(struct change *change, struct draft *draft, const struct value *given,
                       const struct preset *preset)
{
    const struct field *field = preset->field;
    struct value own;
    require(field->entity == draft->entity);
    bool is_said = given != nullptr && given->kind == VALUE_MAP &&
                   value_find_text(given->bytes, field->name, &own) && own.kind != VALUE_NIL;
    if (is_said && !str_eq(draft_get(draft, field), preset->stored))
        task_fault(change->task, field->name, S("read_only"),
                   "follows from the record that this one is created in");
    draft_put(draft, field, preset->stored);
}

enum err record_create_from(struct change *change, const struct entity *entity,
                            const struct value *given, const struct preset *presets,
                            uint32_t preset_count, struct id *id_out)
{
    TRY(go_deeper(change));
    struct draft *draft =
        draft_make(change, entity, entity->is_single ? txn_space(change->txn)->uuid : id_make());
    draft->operation = OPERATION_CREATE;
    draft_defaults(change, draft);
    if (given != nullptr) TRY(draft_apply(change, draft, given));
    for (uint32_t at = 0; at < preset_count; at++) preset_put(change, draft, given, &presets[at]);
    *id_out = draft->id;
    enum err err = draft_write(change, draft);
    change->depth--;
    return err;
}

enum err record_create(struct change *change, const struct entity *entity,
                       const struct value *given, struct id *id_out)
{
    TRY(scope_require(change->task, change->scope, entity, SCOPE_CREATE));
    TRY(change_may_write(change, entity, (struct id){}));
    if (entity->is_single) {
        struct record record;
        struct view view = change_view(change);
        if (record_get(&view, entity, txn_space(change->txn)->uuid, &record) == ERR_NONE)
            return fail(change->task, ERR_CONFLICT, "there is exactly one %.*s: change it",
                        FMT(entity->name));
        change->task->fault = (struct fault){};
    }
    uint32_t from = change->touched_count;
    TRY(record_create_from(change, entity, given, nullptr, 0, id_out));
    return change->depth == 0 ? rows_verify_made(change, from) : ERR_NONE;
}

static enum err verify_tag(struct change *change, const struct entity *entity, struct id id,
                           const struct etag *if_match)
{
    struct record record;
    struct view view = change_view(change);
    TRY(record_get(&view, entity, id, &record));
    if (if_match == nullptr || if_match->revision == record_etag(&record).revision) return ERR_NONE;
    return fail(change->task, ERR_CHANGED, "somebody changed this %.*s meanwhile",
                FMT(entity->name));
}

enum err record_patch(struct change *change, const struct entity *entity, struct id id,
                      const struct value *given, const struct etag *if_match)
{
    TRY(verify_tag(change, entity, id, if_match));
    TRY(scope_require(change->task, change->scope, entity, SCOPE_EDIT));
    TRY(change_may_write(change, entity, id));
    TRY(go_deeper(change));
    struct draft draft;
    TRY(draft_load(change, entity, id, &draft));
    draft.operation = OPERATION_UPDATE;
    uint32_t from = change->touched_count;
    TRY(draft_apply(change, &draft, given));
    TRY(draft_write(change, &draft));
    change->depth--;
    return change->depth == 0 ? rows_verify_made(change, from) : ERR_NONE;
}

enum err record_link(struct change *change, const struct entity *entity, struct id id,
                     const struct field *field, struct id to)
{
    struct task *task = change->task;
    require(field->entity == entity);
    if (field->to == nullptr) {
        task_fault(task, field->name, S("type"), "is no reference: it cannot be linked");
        return task_faults(task);
    }
    struct buf given = buf_make(task->arena, 256);
    pack_map(&given, 1);
    pack_text(&given, field->name);
    if (field->kind == FIELD_REFERENCES) {
        pack_map(&given, 1);
        pack_text(&given, S("$add"));
        pack_list(&given, 1);
    }
    pack_text(&given, id_text(task->arena, to));
    struct value patch = value_of(buf_str(&given));
    return record_patch(change, entity, id, &patch, nullptr);
}

enum err record_archive(struct change *change, const struct entity *entity, struct id id,
                        bool is_archived)
{
    struct task *task = change->task;
    require(entity->archived_at != nullptr);
    TRY(verify_tag(change, entity, id, nullptr));
    TRY(scope_require(task, change->scope, entity, SCOPE_EDIT));
    TRY(change_may_write(change, entity, id));
    struct draft draft;
    TRY(draft_load(change, entity, id, &draft));
    if (is_archived == (draft_get(&draft, entity->archived_at).len > 0))
        return fail(task, ERR_CONFLICT, "this %.*s is %s", FMT(entity->name),
                    is_archived ? "archived already" : "neither archived nor deleted");
    draft.operation = OPERATION_UPDATE;
    struct buf stored = buf_make(task->arena, 16);
    if (is_archived) pack_int(&stored, task->now_ms);
    draft_put(&draft, entity->archived_at, buf_str(&stored));
    return draft_write(change, &draft);
}

enum err record_compute(struct change *change, const struct entity *entity, struct id id,
                        const struct field *field, const struct value *given)
{
    struct draft draft;
    TRY(draft_load(change, entity, id, &draft));
    draft_compute(change, &draft, field, given);
    return draft_save(change, &draft, WRITE_BY_ENGINE);
}

enum err record_delete_referring(struct change *change, const struct entity *entity, struct id id)
{
    TRY(go_deeper(change));
    struct draft draft;
    TRY(draft_load(change, entity, id, &draft));
    draft.operation = OPERATION_DELETE;
    TRY(change_touch_going(change, entity, id, draft.value, (struct id){}));
    TRY(change_ask(change, HOOK_BEFORE, &draft));
    TRY(derive_deletion(change, entity, id));
    str *was = arena_new(change->task->arena, str, entity->field_count);
    memcpy(was, draft.before, entity->field_count * sizeof *was);
    TRY(draft_remove(change, &draft));
    TRY(derive_one_of(change, entity, id, was, draft.now));
    if (change_wants(change, HOOK_AFTER, entity)) {
        TRY(computed_settle(change));
        TRY(change_ask(change, HOOK_AFTER, &draft));
    }
    change->depth--;
    return ERR_NONE;
}

enum err record_delete(struct change *change, const struct entity *entity, struct id id,
                       const struct etag *if_match)
{
    TRY(verify_tag(change, entity, id, if_match));
    TRY(scope_require(change->task, change->scope, entity, SCOPE_DELETE));
    if (entity->is_single)
        return fail(change->task, ERR_CONFLICT, "the %.*s cannot be deleted", FMT(entity->name));
    TRY(change_may_write(change, entity, id));
    return record_delete_referring(change, entity, id);
}
