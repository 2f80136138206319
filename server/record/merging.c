#include "record/merging.h"

#include "base/fold.h"
#include "base/require.h"
#include "model/kind.h"
#include "record/index.h"
#include "record/merging_values.h"
#include "record/query.h"
#include "record/rows.h"

/* What is asked for. */

static bool is_among(const struct merging *merging, struct id id)
{
    bool is_one = id_eq(id, merging->survivor);
    for (uint32_t at = 0; at < merging->other_count; at++)
        is_one = is_one || id_eq(id, merging->others[at]);
    return is_one;
}

static enum err read_with(struct merging *merging, const struct value *list)
{
    struct task *task = merging->change->task;
    struct view view = change_view(merging->change);
    struct cursor cursor = cursor_of(list->items);
    struct value item;
    if (list->kind != VALUE_LIST || list->count == 0 || list->count > MERGE_RECORDS_MAX) {
        task_fault(task, S("with"), S("range"), "is a list of 1 to %u ids", MERGE_RECORDS_MAX);
        return ERR_NONE;
    }
    for (uint32_t at = 0; at < list->count && value_next(&cursor, &item); at++) {
        struct id id;
        struct record record;
        if (item.kind != VALUE_TEXT || !id_parse(item.text, &id)) {
            task_fault(task, S("with"), S("format"), "holds something that is no id");
            continue;
        }
        if (is_among(merging, id)) {
            task_fault(task, S("with"), S("twice"), "names %.*s twice", FMT(item.text));
            continue;
        }
        enum err err = record_get(&view, merging->entity, id, &record);
        if (err == ERR_MISSING) {
            task->fault.detail = (str){};
            task_fault(task, S("with"), S("missing"), "there is no %.*s %.*s",
                       FMT(merging->entity->name), FMT(item.text));
            continue;
        }
        TRY(err);
        merging->others[merging->other_count++] = id;
    }
    return ERR_NONE;
}

static void read_fields(struct merging *merging, const struct value *map)
{
    struct task *task = merging->change->task;
    struct cursor cursor = cursor_of(map->items);
    struct value key, value;
    if (map->kind != VALUE_MAP) {
        task_fault(task, S("fields"), S("type"), "is an object: whose value each field takes");
        return;
    }
    for (uint32_t pair = 0;
         pair < map->count && value_next(&cursor, &key) && value_next(&cursor, &value); pair++) {
        str name = key.kind == VALUE_TEXT ? key.text : S("?");
        const struct field *field =
            entity_field_seen(merging->entity, scope_sight(merging->change->scope), name);
        str path = arena_print(task->arena, "fields.%.*s", FMT(utf8_first(name, 64)));
        struct id id;
        if (field == nullptr || !merging_takes(field) ||
            !scope_edits_field(merging->change->scope, field))
            task_fault(task, path, S("unknown"), "is no field of %.*s that can be chosen",
                       FMT(merging->entity->name));
        else if (value.kind != VALUE_TEXT || !id_parse(value.text, &id) || !is_among(merging, id))
            task_fault(task, path, S("choice"),
                       "is the id of the record whose value is taken: one of those merged");
        else merging->chosen[field_position(field)] = id;
    }
}

/** Where at most one record may refer to each of these, at most one may refer to them all. */
static enum err check_single(const struct merging *merging)
{
    for (uint32_t at = 0; at < merging->entity->referrer_count; at++) {
        const struct field *field = merging->entity->referrers[at];
        uint32_t count = 0, more;
        if (!field->is_unique) continue;
        for (uint32_t of = 0; of <= merging->other_count; of++) {
            str to = id_bytes(of == 0 ? &merging->survivor : &merging->others[of - 1]);
            struct scan_range range = {.from = to, .to = to};
            TRY(scan_index_count(merging->change->txn, field->entity->number, field->number, &range,
                                 2, &more));
            count += more;
        }
        /* Who does not see what refers to them is not told what that is. */
        struct view view = change_view(merging->change);
        bool is_told = scope_may(view.scope, field->entity->number, SCOPE_VIEW) &&
                       rows_see_all(&view, field->entity);
        if (count > 1 && !is_told)
            return fail(merging->change->task, ERR_CONFLICT,
                        "what several of these have can be of one record alone");
        if (count > 1)
            return fail(merging->change->task, ERR_CONFLICT,
                        "%u of these have a %.*s, and one has at most one; delete the others first",
                        count, FMT(field->entity->name));
    }
    return ERR_NONE;
}

enum err merging_read(struct change *change, const struct entity *entity, struct id survivor,
                      const struct value *given, struct merging *merging_out)
{
    struct task *task = change->task;
    struct view view = change_view(change);
    struct record record;
    *merging_out = (struct merging){
        .change = change,
        .entity = entity,
        .survivor = survivor,
        .chosen = arena_new(task->arena, struct id, entity->field_count),
    };
    TRY(record_get(&view, entity, survivor, &record));
    TRY(scope_require(task, change->scope, entity, SCOPE_EDIT));
    TRY(scope_require(task, change->scope, entity, SCOPE_DELETE));
    struct value with = {}, fields = {.kind = VALUE_MAP};
    bool has_fields =
        given->kind == VALUE_MAP && value_find_text(given->bytes, S("fields"), &fields);
    bool has_with = given->kind == VALUE_MAP && value_find_text(given->bytes, S("with"), &with);
    if (given->kind != VALUE_MAP || given->count != (uint32_t)has_with + (uint32_t)has_fields)
        task_fault(task, S(""), S("unknown"), "the body is an object of `with` and `fields`");
    TRY(read_with(merging_out, &with));
    read_fields(merging_out, &fields);
    TRY(task_faults(task));
    return check_single(merging_out);
}

enum err merging_count(const struct merging *merging, uint32_t max, uint32_t *count_out)
{
    const struct entity *entity = merging->entity;
    *count_out = 0;
    for (uint32_t at = 0; at < entity->referrer_count; at++) {
        const struct field *field = entity->referrers[at];
        for (uint32_t of = 0; of < merging->other_count && *count_out < max; of++) {
            str to = id_bytes(&merging->others[of]);
            struct scan_range range = {.from = to, .to = to};
            uint32_t more;
            TRY(scan_index_count(merging->change->txn, field->entity->number, field->number, &range,
                                 max - *count_out, &more));
            *count_out += more;
        }
    }
    return ERR_NONE;
}

enum err merging_count_seen(const struct merging *merging, uint32_t max, uint32_t *count_out)
{
    const struct entity *entity = merging->entity;
    struct view view = change_view(merging->change);
    *count_out = 0;
    for (uint32_t at = 0; at < entity->referrer_count; at++)
        for (uint32_t of = 0; of < merging->other_count && *count_out < max; of++) {
            uint32_t more;
            TRY(query_count_referring(&view, entity->referrers[at], merging->others[of],
                                      max - *count_out, &more));
            *count_out += more;
        }
    return ERR_NONE;
}

uint32_t merging_told(const struct merging *merging)
{
    uint32_t told = 0;
    for (uint32_t at = 0; at < ENTITIES_MAX; at++)
        told += merging->moved[at] + merging->dropped[at];
    return told;
}

/* Moving what refers to the others. */

/** One reference that is being moved. */
struct moving {
    struct merging *merging;
    const struct field *field;
    struct id from; /** one of the others */
    struct draft draft;
};

/** Counts what was moved or dropped, as far as the actor sees it. */
static void count_told(const struct moving *moving, uint32_t *counts)
{
    const struct draft *draft = &moving->draft;
    struct view view = change_view(moving->merging->change);
    str value = slots_encode(view.task->arena, draft->entity, draft->before);
    if (scope_may(view.scope, draft->entity->number, SCOPE_VIEW) &&
        rows_see(&view, draft->entity, draft->id, value))
        counts[draft->entity->number]++;
}

/** The stored reference, or list of them, with the survivor in the other's place; what would lead
 *  to the record itself, or stand twice in a list, is left out. */
static str moved_value(const struct moving *moving)
{
    struct arena *arena = moving->merging->change->task->arena;
    struct id survivor = moving->merging->survivor;
    bool is_self =
        moving->draft.entity == moving->merging->entity && id_eq(moving->draft.id, survivor);
    struct buf out = buf_make(arena, RECORD_BYTES_MAX);
    if (moving->field->kind == FIELD_REFERENCE) {
        if (!is_self) pack_bytes(&out, id_bytes(&survivor));
        return buf_str(&out);
    }
    struct value list = value_of(draft_get(&moving->draft, moving->field)), item;
    struct buf items = buf_make(arena, RECORD_BYTES_MAX);
    struct cursor cursor = cursor_of(list.items);
    bool has_survivor = is_self;
    uint32_t count = 0;
    for (uint32_t at = 0; at < list.count && value_next(&cursor, &item); at++) {
        bool is_other = item.kind == VALUE_BYTES && str_eq(item.text, id_bytes(&moving->from));
        bool is_survivor = item.kind == VALUE_BYTES && str_eq(item.text, id_bytes(&survivor));
        if ((is_other || is_survivor) && has_survivor) continue;
        has_survivor = has_survivor || is_other || is_survivor;
        if (is_other) pack_bytes(&items, id_bytes(&survivor));
        else pack_raw(&items, item.bytes);
        count++;
    }
    pack_list(&out, count);
    pack_raw(&out, buf_str(&items));
    return count == 0 ? (str){} : buf_str(&out);
}

/** The flag of a link entity that stands between two others, or nullptr. */
static const struct field *link_flag(const struct entity *link, const struct field **target_out)
{
    for (uint32_t at = 0; at < link->field_count; at++) {
        const struct field *flag = &link->fields[at];
        if (flag->one_of_per == nullptr) continue;
        const struct entity *parent = flag->one_of_per->to;
        for (uint32_t of = 0; of < parent->field_count; of++) {
            const struct through *through = &parent->fields[of].through;
            if (through->link != link || through->flag != flag || through->target == nullptr)
                continue;
            *target_out = through->target;
            return flag;
        }
    }
    return nullptr;
}

static enum err set_flag(struct moving *moving, struct draft *draft, const struct field *flag,
                         bool is_set)
{
    struct buf stored = buf_make(moving->merging->change->task->arena, 8);
    pack_bool(&stored, is_set);
    draft_put(draft, flag, buf_str(&stored));
    return draft_save(moving->merging->change, draft, WRITE_BY_ENGINE);
}

/** What the link that goes says and the one that stays does not. */
static enum err join_links(struct moving *moving, struct draft *stays, const struct field *flag)
{
    struct change *change = moving->merging->change;
    const struct draft *goes = &moving->draft;
    bool takes_flag = moving->field != flag->one_of_per && draft_flag(goes, flag);
    for (uint32_t at = 0; at < stays->entity->field_count; at++) {
        const struct field *field = &stays->entity->fields[at];
        bool is_told = field->to != nullptr || field->one_of_per != nullptr;
        if (!is_told && undo_is_own(field) && stays->now[at].len == 0)
            stays->now[at] = goes->now[at];
    }
    TRY(draft_save(change, stays, WRITE_BY_ENGINE));
    if (takes_flag) {
        struct id parent;
        require(draft_reference(stays, flag->one_of_per, &parent));
        TRY(set_flag(moving, stays, flag, true));
        TRY(derive_settle(change, flag, parent, stays->id));
    }
    count_told(moving, moving->merging->dropped);
    return record_delete_referring(change, goes->entity, goes->id);
}

/** Drops a link that would then stand twice. */
static enum err drop_double(struct moving *moving, bool *is_dropped_out)
{
    struct change *change = moving->merging->change;
    const struct field *target = nullptr;
    const struct field *flag = link_flag(moving->draft.entity, &target);
    struct id_list list;
    struct id parent, to;
    *is_dropped_out = false;
    if (flag == nullptr || (moving->field != flag->one_of_per && moving->field != target) ||
        !draft_reference(&moving->draft, flag->one_of_per, &parent) ||
        !draft_reference(&moving->draft, target, &to))
        return ERR_NONE;
    if (moving->field == target) to = moving->merging->survivor;
    else parent = moving->merging->survivor;
    TRY(derive_links_between(change, flag->one_of_per, parent, target, to, &list));
    for (uint32_t at = 0; at < list.count; at++) {
        struct draft stays;
        if (id_eq(list.ids[at], moving->draft.id) ||
            change_is_going(change, moving->draft.entity, list.ids[at]))
            continue;
        TRY(draft_load(change, moving->draft.entity, list.ids[at], &stays));
        *is_dropped_out = true;
        return join_links(moving, &stays, flag);
    }
    return ERR_NONE;
}

/** Whether the caller chose the follower of this flag from the record that it moves away from. */
static bool is_flag_chosen(const struct moving *moving, const struct field *flag)
{
    const struct entity *parent = flag->one_of_per->to;
    for (uint32_t at = 0; at < parent->field_count; at++)
        if (parent == moving->merging->entity && parent->fields[at].through.link != nullptr &&
            parent->fields[at].through.flag == flag &&
            id_eq(moving->merging->chosen[at], moving->from))
            return true;
    return false;
}

/** One flag among those of a parent: that of the survivor stands, unless it has none or another was
 *  chosen; where the record behind a flagged link was moved, its parent follows. */
static enum err move_flag(struct moving *moving, const struct field *flag)
{
    struct change *change = moving->merging->change;
    struct id survivor = moving->merging->survivor, parent, flagged;
    bool is_set = draft_flag(&moving->draft, flag);
    if (moving->field != flag->one_of_per) {
        if (!is_set || !draft_reference(&moving->draft, flag->one_of_per, &parent)) return ERR_NONE;
        return derive_settle(change, flag, parent, moving->draft.id);
    }
    TRY(derive_flagged(change, flag, survivor, &flagged));
    bool is_taken = is_set && (id_is_nil(flagged) || is_flag_chosen(moving, flag));
    if (is_set && !is_taken) TRY(set_flag(moving, &moving->draft, flag, false));
    return derive_settle(change, flag, survivor, is_taken ? moving->draft.id : (struct id){});
}

/** Drops what would lead where another record leads already, where no two may. */
static enum err drop_second(struct moving *moving, bool *is_dropped_out)
{
    struct change *change = moving->merging->change;
    const struct entity *entity = moving->draft.entity;
    *is_dropped_out = false;
    for (uint32_t at = 0; at < entity->pair_count; at++) {
        const struct pair *pair = &entity->pairs[at];
        if (!pair->is_unique || (pair->first != moving->field && pair->second != moving->field))
            continue;
        struct id other;
        draft_put(&moving->draft, moving->field, moved_value(moving));
        TRY(index_pair_other(change->txn, pair, moving->draft.now, moving->draft.id, &other));
        if (id_is_nil(other) || change_is_going(change, entity, other)) continue;
        *is_dropped_out = true;
        count_told(moving, moving->merging->dropped);
        return record_delete_referring(change, entity, moving->draft.id);
    }
    return ERR_NONE;
}

static enum err move_one(struct moving *moving, struct id id)
{
    struct merging *merging = moving->merging;
    struct change *change = merging->change;
    bool is_dropped;
    TRY(draft_load(change, moving->field->entity, id, &moving->draft));
    TRY(drop_double(moving, &is_dropped));
    if (!is_dropped) TRY(drop_second(moving, &is_dropped));
    if (is_dropped) return ERR_NONE;
    draft_put(&moving->draft, moving->field, moved_value(moving));
    TRY(draft_save(change, &moving->draft, WRITE_BY_ENGINE));
    count_told(moving, merging->moved);
    for (uint32_t at = 0; at < moving->draft.entity->field_count; at++)
        if (moving->draft.entity->fields[at].one_of_per != nullptr)
            TRY(move_flag(moving, &moving->draft.entity->fields[at]));
    return ERR_NONE;
}

/** A flagged link may not leave a record that stays until the merge ends: that would be left
 *  without. */
static enum err must_wait(struct moving *moving, struct id id, bool *must_out)
{
    const struct entity *entity = moving->field->entity;
    struct draft draft;
    *must_out = false;
    if (moving->merging->is_last) return ERR_NONE;
    TRY(draft_load(moving->merging->change, entity, id, &draft));
    for (uint32_t at = 0; at < entity->field_count; at++)
        if (entity->fields[at].one_of_per == moving->field &&
            draft_flag(&draft, &entity->fields[at]))
            *must_out = true;
    return ERR_NONE;
}

/** Moves what refers to one of the others by one field. What was moved leads there no more, so the
 *  scan goes on behind it. */
static enum err move_field(struct moving *moving, uint32_t max, uint32_t *moved)
{
    struct change *change = moving->merging->change;
    struct scan_range range = {.from = id_bytes(&moving->from), .to = id_bytes(&moving->from)};
    struct scan *scan =
        scan_index(change->txn, moving->field->entity->number, moving->field->number, &range);
    while (*moved < max) {
        bool has_entry, must;
        struct scan_entry entry;
        TRY(scan_next(scan, &has_entry, &entry));
        if (!has_entry) break;
        if (change_is_going(change, moving->field->entity, entry.id)) continue;
        TRY(must_wait(moving, entry.id, &must));
        if (must) continue;
        TRY(move_one(moving, entry.id));
        ++*moved;
    }
    scan_close(scan);
    return ERR_NONE;
}

enum err merging_move_some(struct merging *merging, uint32_t max, uint32_t *moved_out)
{
    *moved_out = 0;
    for (uint32_t at = 0; at < merging->entity->referrer_count; at++)
        for (uint32_t of = 0; of < merging->other_count; of++) {
            struct moving moving = {.merging = merging,
                                    .field = merging->entity->referrers[at],
                                    .from = merging->others[of]};
            TRY(move_field(&moving, max, moved_out));
        }
    return ERR_NONE;
}

enum err merging_preview(struct merging *merging, struct record *record_out)
{
    struct draft draft;
    TRY(merging_values(merging, &draft));
    str value = slots_encode(merging->change->task->arena, merging->entity, draft.now);
    *record_out = (struct record){merging->entity, merging->survivor, value};
    return ERR_NONE;
}

enum err merging_run(struct merging *merging)
{
    struct change *change = merging->change;
    struct arena *arena = change->task->arena;
    const struct entity *entity = merging->entity;
    struct draft values, draft;
    uint32_t moved;
    merging->is_last = true;
    TRY(merging_values(merging, &values));
    for (uint32_t at = 0; at < merging->other_count; at++) {
        str before;
        TRY(txn_record_get(change->txn, entity->number, merging->others[at], arena, &before));
        TRY(change_touch_going(change, entity, merging->others[at], before, merging->survivor));
    }
    TRY(merging_move_some(merging, UINT32_MAX, &moved));
    for (uint32_t at = 0; at < merging->other_count; at++)
        TRY(record_delete_referring(change, entity, merging->others[at]));
    /* The survivor may have been written meanwhile, by what follows its links. */
    TRY(draft_load(change, entity, merging->survivor, &draft));
    draft.operation = OPERATION_UPDATE;
    for (uint32_t at = 0; at < entity->field_count; at++)
        if (merging_takes(&entity->fields[at]) && entity->fields[at].through.link == nullptr)
            draft.now[at] = values.now[at];
    return draft_write(change, &draft);
}
