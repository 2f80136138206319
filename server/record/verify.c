#include "record/condition.h"
#include "base/fold.h"
#include "record/draft.h"

#include "base/require.h"
#include "model/kind.h"
#include "record/gone.h"
#include "record/index.h"
#include "record/meaning.h"
#include "record/query.h"
#include "record/sealed.h"

/** Whether the tenant's settings record has this boolean set. */
static bool setting_is_on(struct change *change, str name)
{
    const struct model *model = change->model;
    for (uint32_t at = 0; at < model->entity_count; at++) {
        const struct entity *entity = &model->entities[at];
        const struct field *field = entity->is_single ? entity_field(entity, name) : nullptr;
        if (field == nullptr || field->kind != FIELD_BOOLEAN) continue;
        struct draft settings;
        if (draft_load(change, entity, txn_space(change->txn)->uuid, &settings) != ERR_NONE)
            return false;
        return draft_flag(&settings, field);
    }
    return false;
}

bool field_is_waived(struct change *change, const struct field *field)
{
    if (change->is_made_up && change->hook_depth == 0) return true;
    if (field->is_custom && change->is_making) return true;
    return field->waived_by.len > 0 &&
           (change_is_of_import(change) || setting_is_on(change, field->waived_by));
}

void draft_note_incomplete(struct change *change, struct draft *draft, const struct field *field,
                           bool is_missing)
{
    const struct field *incomplete = entity_field_by_number(draft->entity, FIELD_INCOMPLETE);
    str stored = draft_get(draft, incomplete);
    struct value list = stored.len == 0 ? (struct value){.kind = VALUE_LIST} : value_of(stored);
    struct buf items = buf_make(change->task->arena, 16 * KIB);
    uint32_t count = 0;
    bool was_missing = false;
    struct cursor cursor = cursor_of(list.items);
    struct value item;
    for (uint32_t at = 0; at < list.count && value_next(&cursor, &item); at++) {
        if (str_eq(item.text, field->name)) {
            was_missing = true;
            continue;
        }
        pack_raw(&items, item.bytes);
        count++;
    }
    if (was_missing == is_missing) return;
    if (is_missing) {
        pack_text(&items, field->name);
        count++;
    }
    struct buf out = buf_make(change->task->arena, 16 * KIB + 8);
    pack_list(&out, count);
    pack_raw(&out, buf_str(&items));
    draft_put(draft, incomplete, count == 0 ? (str){} : buf_str(&out));
}

void draft_judge_incomplete(struct change *change, struct draft *draft)
{
    struct view view = change_view(change);
    for (uint32_t at = 0; at < draft->entity->field_count; at++) {
        const struct field *field = &draft->entity->fields[at];
        if (field->is_system || field->is_removed) continue;
        if (field->formula != nullptr) continue; /* noted where it is evaluated */
        bool is_missing = draft->now[at].len == 0 && field_is_needed(&view, field, draft->now);
        draft_note_incomplete(change, draft, field, is_missing);
    }
}

/** Whether a missing reference can be made from the record's own fields. */
static bool is_made_from(const struct draft *draft, const struct field *field)
{
    const struct made_from *made = field->made_from;
    if (made == nullptr) return false;
    if (made->when == nullptr) return true;
    str stored = draft_get(draft, made->when);
    struct value value = stored.len == 0 ? (struct value){} : value_of(stored);
    return value.kind == VALUE_TEXT && str_eq(value.text, made->when_value);
}

static bool is_coming_later(const struct draft *draft, const struct field *field)
{
    for (const struct later *later = draft->later; later != nullptr; later = later->next)
        if (later->field == field) return true;
    return false;
}

/** A field whose given value was refused is not called missing as well. */
static bool has_fault(const struct task *task, const struct field *field)
{
    for (uint32_t at = 0; at < task->fault.item_count; at++) {
        str name = task->fault.items[at].field;
        if (str_starts(name, task->path) && str_eq(str_from(name, task->path.len), field->name))
            return true;
    }
    return false;
}

bool field_is_visible(const struct view *view, const struct field *field, const str *slots)
{
    return field->visible_when == nullptr ||
           condition_holds(view, view->task->arena, field->visible_when, slots);
}

bool field_is_needed(const struct view *view, const struct field *field, const str *slots)
{
    bool is = field->is_required;
    if (!is && field->required_when != nullptr)
        is = condition_holds(view, view->task->arena, field->required_when, slots);
    return is && field_is_visible(view, field, slots);
}

/** The fields that a condition tests, for messages. */
static str condition_text(struct arena *arena, const struct condition *condition)
{
    const struct field *fields[CONDITION_TESTS_MAX];
    uint32_t count = condition_fields(condition, fields);
    struct buf text = buf_make(arena, 512);
    for (uint32_t at = 0; at < count; at++)
        buf_print(&text, "%s%.*s", at == 0 ? "" : ", ", FMT(fields[at]->name));
    return buf_str(&text);
}

static void tell_required(struct change *change, const struct field *field)
{
    if (has_fault(change->task, field)) return;
    if (field->is_required) task_fault(change->task, field->name, S("required"), "is required");
    else
        task_fault(change->task, field->name, S("required"), "is required with this %.*s",
                   FMT(condition_text(change->task->arena, field->required_when)));
}

static void verify_required(struct change *change, struct draft *draft, const struct field *field)
{
    struct view view = change_view(change);
    bool is_there = draft_get(draft, field).len > 0 || is_coming_later(draft, field);
    if (!is_there && is_made_from(draft, field)) {
        struct later *later = arena_new(change->task->arena, struct later, 1);
        *later = (struct later){.field = field, .next = draft->later};
        draft->later = later;
        is_there = true;
    }
    if (!field->is_required && field->required_when == nullptr) return;
    /* What was missing before although it was needed, because it was let off or because the field
     * was not required yet, does not stand in the way of other changes. */
    bool was_missing = !draft->is_new && draft->before[field_position(field)].len == 0;
    bool was_let_off = was_missing && field_is_needed(&view, field, draft->before);
    bool is_missing = !is_there && field_is_needed(&view, field, draft->now);
    if (is_missing && !was_let_off && !field_is_waived(change, field)) tell_required(change, field);
    else draft_note_incomplete(change, draft, field, is_missing);
}

/** Whether the field of a new record holds its default. */
static bool is_default(struct change *change, const struct draft *draft, const struct field *field)
{
    struct buf stored = buf_make(change->task->arena, RECORD_BYTES_MAX);
    struct task quiet = {.arena = change->task->arena};
    struct value initial = value_of(field->initial);
    return draft->is_new && field->initial.len > 0 &&
           field->kind_of->read(&quiet, field, &initial, &stored) &&
           str_eq(buf_str(&stored), draft_get(draft, field));
}

/** What is not shown cannot be given and has no default; what it held before is kept. */
static void verify_visible(struct change *change, struct draft *draft, const struct field *field)
{
    struct view view = change_view(change);
    if (field->visible_when == nullptr || field_is_visible(&view, field, draft->now)) return;
    if (is_default(change, draft, field)) {
        draft_put(draft, field, (str){});
        return;
    }
    task_fault(change->task, field->name, S("hidden"),
               "is no field of a %.*s with this %.*s: leave it out", FMT(draft->entity->name),
               FMT(condition_text(change->task->arena, field->visible_when)));
}

bool choice_is_known(const struct choice_set *set, str choice)
{
    return set == nullptr || set->is_open || set_choice(set, choice) != nullptr;
}

str choices_text(struct arena *arena, const struct choice_set *set)
{
    struct buf known = buf_make(arena, 512);
    for (uint32_t at = 0; at < set->choice_count; at++)
        if (!set->choices[at].is_inactive)
            buf_print(&known, "%s%.*s", known.len == 0 ? "" : ", ", FMT(set->choices[at].value));
    return known.len == 0 ? S("none") : buf_str(&known);
}

/** Whether the record had this choice in the field before: then it may keep it. */
static bool had_choice(const struct draft *draft, const struct field *field, str choice)
{
    struct value before = value_of(draft->before[field_position(field)]);
    bool is_list = before.kind == VALUE_LIST;
    struct cursor cursor = cursor_of(is_list ? before.items : before.bytes);
    struct value item;
    for (uint32_t at = 0; at < (is_list ? before.count : 1) && value_next(&cursor, &item); at++)
        if (item.kind == VALUE_TEXT && str_eq(item.text, choice)) return true;
    return false;
}

/** A choice may say which ones follow it. */
static void verify_next(struct change *change, const struct draft *draft, const struct field *field,
                        str choice)
{
    struct value before = value_of(draft->before[field_position(field)]);
    const struct choice *from =
        before.kind == VALUE_TEXT ? set_choice(field->set, before.text) : nullptr;
    if (from == nullptr || from->next_count == 0 || field->kind != FIELD_CHOICE) return;
    struct buf next = buf_make(change->task->arena, 4 * KIB);
    for (uint32_t at = 0; at < from->next_count; at++) {
        if (str_eq(from->next[at], choice)) return;
        buf_print(&next, "%s%.*s", at == 0 ? "" : ", ", FMT(from->next[at]));
    }
    task_fault(change->task, field->name, S("choice"),
               "\"%.*s\" may not follow \"%.*s\"; what may: %.*s", FMT(utf8_first(choice, 100)),
               FMT(from->value), FMT(buf_str(&next)));
}

static void verify_choice(struct change *change, const struct draft *draft,
                          const struct field *field, str choice)
{
    if (had_choice(draft, field, choice)) return;
    const struct choice *known = field->set == nullptr ? nullptr : set_choice(field->set, choice);
    if (!choice_is_known(field->set, choice))
        task_fault(change->task, field->name, S("choice"),
                   "has no choice \"%.*s\"; there are: %.*s", FMT(utf8_first(choice, 100)),
                   FMT(choices_text(change->task->arena, field->set)));
    else if (known != nullptr && known->is_inactive)
        task_fault(change->task, field->name, S("choice"),
                   "the choice \"%.*s\" is no longer offered; there are: %.*s",
                   FMT(utf8_first(choice, 100)),
                   FMT(choices_text(change->task->arena, field->set)));
    else if (field->set != nullptr) verify_next(change, draft, field, choice);
}

/** Made by the actor in this change, whose rows are asked for when all of it is there. */
static bool is_made_now(struct change *change, const struct entity *entity, struct id id)
{
    const struct touched *touched = change_touched(change, entity, id);
    return touched != nullptr && touched->is_by_narrow && touched->before.len == 0 &&
           !touched->is_going;
}

enum err verify_there(struct change *change, const struct field *field, struct id id,
                      bool *is_there_out)
{
    struct record record;
    struct view view = change_view(change);
    *is_there_out = is_made_now(change, field->to, id);
    if (*is_there_out) return ERR_NONE;
    enum err err = record_get(&view, field->to, id, &record);
    /* One that is going takes what refers to it along, as it was found. */
    bool is_going = err == ERR_NONE && change_is_going(change, field->to, id);
    *is_there_out = err == ERR_NONE && !is_going;
    if (err != ERR_MISSING && !is_going) return err;
    if (!is_going) change->task->fault.detail = (str){};
    task_fault(change->task, field->name, S("missing"), "there is no such %.*s",
               FMT(field->to->name));
    return ERR_NONE;
}

static enum err verify_reference(struct change *change, const struct field *field,
                                 struct value stored)
{
    struct id id;
    bool is_there;
    require(stored.kind == VALUE_BYTES && id_of_bytes(stored.text, &id));
    return verify_there(change, field, id, &is_there);
}

enum err verify_follow(struct change *change, const struct field *field, struct id *id,
                       bool *has_moved)
{
    str value;
    struct id survivor;
    enum err err = txn_record_get_view(change->txn, field->to->number, *id, &value);
    if (err != ERR_MISSING) return err;
    TRY(gone_survivor(change->task, change->txn, field->to, *id, &survivor));
    if (id_is_nil(survivor)) return ERR_NONE;
    *id = survivor;
    *has_moved = true;
    return ERR_NONE;
}

/** An old id of a merged record is taken as the survivor's. */
static enum err follow_merges(struct change *change, struct draft *draft, const struct field *field)
{
    struct value stored = value_of(draft_get(draft, field)), item;
    bool is_list = field->kind == FIELD_REFERENCES, has_moved = false;
    struct buf out = buf_make(change->task->arena, stored.bytes.len + 16);
    struct cursor cursor = cursor_of(is_list ? stored.items : stored.bytes);
    if (is_list) pack_list(&out, stored.count);
    for (uint32_t at = 0; at < (is_list ? stored.count : 1) && value_next(&cursor, &item); at++) {
        struct id id;
        require(item.kind == VALUE_BYTES && id_of_bytes(item.text, &id));
        TRY(verify_follow(change, field, &id, &has_moved));
        pack_bytes(&out, id_bytes(&id));
    }
    if (has_moved) draft_put(draft, field, buf_str(&out));
    return ERR_NONE;
}

static enum err verify_items(struct change *change, const struct draft *draft,
                             const struct field *field)
{
    struct value stored = value_of(draft_get(draft, field));
    struct cursor cursor = cursor_of(field->kind_of->is_list ? stored.items : stored.bytes);
    uint32_t count = field->kind_of->is_list ? stored.count : 1;
    struct value item;
    for (uint32_t at = 0; at < count && value_next(&cursor, &item); at++) {
        if (field->kind == FIELD_CHOICE || field->kind == FIELD_CHOICES)
            verify_choice(change, draft, field, item.text);
        else TRY(verify_reference(change, field, item));
    }
    return ERR_NONE;
}

/** Whether another record has this value. */
static enum err verify_unique(struct change *change, const struct draft *draft,
                              const struct field *field, bool *is_taken_out)
{
    struct value stored = value_of(draft_get(draft, field));
    struct view view = change_view(change);
    struct id ids[2]; /* its own and another */
    uint32_t count;
    stored = sealed_plain(&view, field, draft->id, &stored);
    if (stored.kind == VALUE_NIL) return ERR_NONE;
    TRY(query_find_same(&view, field, &stored, 2, ids, &count));
    for (uint32_t other = 0; other < count; other++) {
        if (id_eq(ids[other], draft->id)) continue;
        *is_taken_out = true;
        task_fault(change->task, field->name, S("taken"), "is taken: another %.*s has it",
                   FMT(draft->entity->name));
        break;
    }
    return ERR_NONE;
}

static enum err verify_pair(struct change *change, const struct draft *draft,
                            const struct pair *pair, bool *is_taken_out)
{
    struct id other;
    if (!draft_has_changed(draft, pair->first) && !draft_has_changed(draft, pair->second))
        return ERR_NONE;
    TRY(index_pair_other(change->txn, pair, draft->now, draft->id, &other));
    if (id_is_nil(other)) return ERR_NONE;
    *is_taken_out = true;
    task_fault(change->task, pair->second->name, S("taken"),
               "is taken: another %.*s has it together with this %.*s", FMT(draft->entity->name),
               FMT(pair->first->name));
    return ERR_NONE;
}

/** Faults of nested records are told beside those of this one: they are read, and forgotten. */
static enum err read_nested(struct change *change, const struct draft *draft)
{
    struct task *task = change->task;
    str path = task->path;
    for (const struct later *later = draft->later; later != nullptr; later = later->next) {
        if (later->given.kind != VALUE_MAP) continue;
        task->path = arena_print(task->arena, "%.*s%.*s.", FMT(path), FMT(later->field->name));
        enum err err =
            draft_apply(change, draft_make(change, later->field->to, (struct id){}), &later->given);
        task->path = path;
        if (err != ERR_NONE) return err;
    }
    return ERR_NONE;
}

enum err draft_verify(struct change *change, struct draft *draft)
{
    bool is_taken = false;
    for (uint32_t at = 0; at < draft->entity->field_count; at++) {
        const struct field *field = &draft->entity->fields[at];
        if (field->is_system) continue;
        if (field->is_required || field->required_when != nullptr || field->made_from != nullptr)
            verify_required(change, draft, field);
        if (field->is_fixed && draft->before[at].len > 0 && draft_has_changed(draft, field))
            task_fault(change->task, field->name, S("read_only"),
                       "is set once, when the record is created");
        if (draft->now[at].len == 0 || !draft_has_changed(draft, field)) continue;
        if (!field->is_computed) verify_visible(change, draft, field);
        if (draft->now[at].len == 0) continue;
        bool is_linked = field->kind == FIELD_REFERENCE || field->kind == FIELD_REFERENCES;
        if (is_linked) TRY(follow_merges(change, draft, field));
        if (is_linked || field->kind == FIELD_CHOICE || field->kind == FIELD_CHOICES)
            TRY(verify_items(change, draft, field));
        if (field->is_unique) TRY(verify_unique(change, draft, field, &is_taken));
    }
    for (uint32_t at = 0; at < draft->entity->pair_count; at++)
        if (draft->entity->pairs[at].is_unique)
            TRY(verify_pair(change, draft, &draft->entity->pairs[at], &is_taken));
    meaning_verify(change, draft);
    if (is_taken && change->task->fault.item_count == 1)
        return fail(change->task, ERR_CONFLICT, "a value that must be unique is taken");
    if (change->task->fault.item_count > 0) TRY(read_nested(change, draft));
    return task_faults(change->task);
}
