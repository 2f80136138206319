#include "record/undo.h"

#include "base/require.h"
#include "record/computed.h"
#include "record/gone.h"
#include "record/rows.h"
#include "record/past.h"
#include "record/undoing.h"

static const struct {
    str word;
    str text;
} reasons[] = {
    [UNDO_EDITED] = {{"edited", 6}, {"was changed since", 17}},
    [UNDO_GONE] = {{"gone", 4}, {"was deleted since", 17}},
    [UNDO_THERE] = {{"there", 5}, {"is there again", 14}},
    [UNDO_REFERRED] = {{"referred", 8}, {"others refer to it", 18}},
    [UNDO_NEEDED] = {{"needed", 6}, {"a record that stays needs it", 28}},
    [UNDO_MISSING] = {{"missing", 7}, {"what it would refer to is not there", 35}},
    [UNDO_TAKEN] = {{"taken", 5}, {"another record has this value, which must be unique", 51}},
    [UNDO_CHOICE] = {{"choice", 6}, {"there is no such choice any more", 32}},
    [UNDO_REQUIRED] = {{"required", 8}, {"it would be without a value, which it needs", 43}},
    [UNDO_ERASED] = {{"erased", 6}, {"what it was before has been erased", 34}},
    [UNDO_FORBIDDEN] = {{"forbidden", 9}, {"you may not change it", 21}},
};

str undo_reason_word(enum undo_reason reason)
{
    return reasons[reason].word;
}

str undo_reason_text(enum undo_reason reason)
{
    return reasons[reason].text;
}

void undo_kept_write(struct buf *json, struct sight sight, const struct undo_kept *kept)
{
    char id[ID_TEXT_BYTES];
    id_write(kept->id, id);
    buf_print(json, "{\"entity\":\"%.*s\",\"id\":\"%.*s\",\"field\":", FMT(kept->entity->name),
              ID_TEXT_BYTES, id);
    if (kept->field == nullptr || !sight_shows(sight, kept->field)) buf_put(json, S("null"));
    else buf_print(json, "\"%.*s\"", FMT(kept->field->name));
    buf_print(json, ",\"reason\":\"%.*s\",\"message\":\"%.*s\"}", FMT(reasons[kept->reason].word),
              FMT(reasons[kept->reason].text));
}

struct hooks hooks_without_rules(const struct hooks *hooks)
{
    struct hooks without = {};
    if (hooks != nullptr) without = *hooks;
    without.run = nullptr;
    return without;
}

/* Writing the plan. */

/** Records that go are marked before anything is written: what depends on them is then let be. */
static enum err mark_going(struct undo_plan *plan)
{
    struct change *change = plan->undo->change;
    for (uint32_t at = 0; at < plan->count; at++) {
        const struct undo_item *item = &plan->items[at];
        if (!item->was_there || item->is_there) continue;
        str before = slots_encode(change->task->arena, item->entity, item->before);
        TRY(change_touch_going(change, item->entity, item->id, before, item->into));
    }
    return ERR_NONE;
}

/** Waived fields that are missing are named in the record. */
static void note_incomplete(struct change *change, struct draft *draft)
{
    for (uint32_t at = 0; at < draft->entity->field_count; at++) {
        const struct field *field = &draft->entity->fields[at];
        if (field->is_required && field->waived_by.len > 0)
            draft_note_incomplete(change, draft, field, draft->now[at].len == 0);
    }
}

static bool has_changed(const struct undo_item *item)
{
    if (item->was_there != item->is_there) return true;
    for (uint32_t at = 0; at < item->entity->field_count; at++)
        if (!str_eq(item->before[at], item->now[at])) return true;
    return false;
}

static enum err write_item(struct undo_plan *plan, struct undo_item *item)
{
    struct undo *undo = plan->undo;
    struct change *change = undo->change;
    size_t bytes = item->entity->field_count * sizeof(str);
    struct draft *draft = draft_make(change, item->entity, item->id);
    memcpy(draft->before, item->before, bytes);
    memcpy(draft->now, item->now, bytes);
    draft->is_new = !item->was_there;
    if (!item->is_there) {
        undo->deleted++;
        return draft_remove(change, draft);
    }
    if (!has_changed(item)) return ERR_NONE;
    if (item->was_there) {
        undo->changed++;
    } else {
        undo->restored++;
        TRY(rollups_begin(change, draft));
        TRY(gone_forget(change->txn, item->entity, item->id));
    }
    note_incomplete(change, draft);
    return draft_save(change, draft, WRITE_BY_ACTOR);
}

/** First what goes, so that its unique values are free; then what comes, then what changes. */
static enum err tell_undone(struct undo_plan *plan, const struct undo_item *item)
{
    struct change *change = plan->undo->change;
    struct draft *draft = draft_make(change, item->entity, item->id);
    size_t bytes = item->entity->field_count * sizeof(str);
    if (item->was_there) memcpy(draft->before, item->before, bytes);
    if (item->is_there) memcpy(draft->now, item->now, bytes);
    draft->is_new = false;
    draft->operation = !item->is_there    ? OPERATION_DELETE
                       : !item->was_there ? OPERATION_CREATE
                                          : OPERATION_UPDATE;
    return change->hooks->undone(change->hooks->owner, change, draft);
}

static enum err write_items(struct undo_plan *plan)
{
    for (int turn = 0; turn < 3; turn++) {
        for (uint32_t at = 0; at < plan->count; at++) {
            struct undo_item *item = &plan->items[at];
            bool is_due = turn == 0   ? item->was_there && !item->is_there
                          : turn == 1 ? !item->was_there && item->is_there
                                      : item->was_there && item->is_there;
            if (is_due) TRY(write_item(plan, item));
        }
    }
    const struct hooks *hooks = plan->undo->change->hooks;
    for (uint32_t at = 0; at < plan->count && hooks != nullptr && hooks->undone != nullptr; at++)
        TRY(tell_undone(plan, &plan->items[at]));
    return ERR_NONE;
}

/* What follows from it. */

static enum err settle_parent(struct undo_plan *plan, const struct field *flag, struct id parent,
                              struct id preferred)
{
    str value;
    struct change *change = plan->undo->change;
    enum err err = txn_record_get_view(change->txn, flag->one_of_per->to->number, parent, &value);
    if (err != ERR_NONE) return err == ERR_MISSING ? ERR_NONE : err;
    return derive_settle(change, flag, parent, preferred);
}

static enum err settle_flag(struct undo_plan *plan, const struct undo_item *item,
                            const struct field *flag)
{
    struct id nil = {}, was, is;
    bool had = item->was_there && slots_reference(item->before, flag->one_of_per, &was);
    bool has = item->is_there && slots_reference(item->now, flag->one_of_per, &is);
    if (had && (!has || !id_eq(was, is))) TRY(settle_parent(plan, flag, was, nil));
    if (!has) return ERR_NONE;
    return settle_parent(plan, flag, is, slots_flag(item->now, flag) ? item->id : nil);
}

/** A record that came back follows the flags of those that stand under it. */
static enum err settle_restored(struct undo_plan *plan, const struct undo_item *item)
{
    for (uint32_t at = 0; at < item->entity->referrer_count; at++) {
        const struct field *per = item->entity->referrers[at];
        for (uint32_t of = 0; of < per->entity->field_count; of++)
            if (per->entity->fields[of].one_of_per == per)
                TRY(settle_parent(plan, &per->entity->fields[of], item->id, (struct id){}));
    }
    return ERR_NONE;
}

static enum err settle_items(struct undo_plan *plan)
{
    for (uint32_t at = 0; at < plan->count; at++) {
        const struct undo_item *item = &plan->items[at];
        for (uint32_t of = 0; has_changed(item) && of < item->entity->field_count; of++)
            if (item->entity->fields[of].one_of_per != nullptr)
                TRY(settle_flag(plan, item, &item->entity->fields[of]));
    }
    for (uint32_t at = 0; at < plan->count; at++)
        if (plan->items[at].is_there && !plan->items[at].was_there)
            TRY(settle_restored(plan, &plan->items[at]));
    return ERR_NONE;
}

enum err undo_entries(struct undo *undo, const uint64_t *sequences, uint32_t count)
{
    require(undo->change->hooks == nullptr || undo->change->hooks->run == nullptr);
    struct undo_plan plan;
    undo->change->is_undo = true;
    TRY(undo_plan_make(undo, sequences, count, &plan));
    TRY(undo_plan_verify(&plan));
    TRY(mark_going(&plan));
    TRY(write_items(&plan));
    return settle_items(&plan);
}

/* Which entries. */

static enum err is_first_of_change(struct txn *txn, uint64_t sequence, bool *is_first_out)
{
    struct log_entry entry;
    struct log_change change;
    TRY(txn_log_from(txn, sequence, &entry));
    /* Nothing is known of an erased one; what it began ends with it at the latest. */
    *is_first_out = !log_change_read(entry.body, &change) || (change.flags & LOG_CONTINUED) == 0;
    return ERR_NONE;
}

enum err undo_slice_read(struct task *task, struct txn *txn, const struct undo_slice *slice,
                         uint64_t *sequences, uint32_t *count_out)
{
    uint64_t before = slice->before;
    *count_out = 0;
    for (;;) {
        struct log_stretch stretch;
        enum err err = txn_log_of_group(txn, slice->group, before, &stretch);
        if (err != ERR_NONE) return err == ERR_MISSING ? ERR_NONE : err;
        for (uint64_t at = stretch.last; at >= stretch.first; at--) {
            struct log_entry entry;
            bool is_first;
            TRY(txn_log_from(txn, at, &entry));
            /* What only follows of others will follow of their undo too. */
            bool is_told = !log_is_untold(&entry);
            if (is_told && *count_out == slice->max)
                return fail(task, ERR_TOO_LARGE, "the group has more than %u entries", slice->max);
            if (is_told) sequences[(*count_out)++] = at;
            TRY(is_first_of_change(txn, at, &is_first));
            if (is_first && *count_out >= slice->wanted) return ERR_NONE;
        }
        before = stretch.first;
    }
}

/* What a deletion took away. */

struct taken {
    uint64_t sequence;
    const struct entity *entity;
    struct id id;
    bool is_deletion;
    bool is_wanted;
    str body;
};

/** Whether this entry took a reference to the record away. */
static bool took_reference(const struct taken *taken, const struct entity *to, struct id id)
{
    struct log_change change;
    uint16_t number;
    struct value old, new, item;
    if (!log_change_read(taken->body, &change)) return false;
    while (log_change_next(&change, &number, &old, &new)) {
        const struct field *field = entity_field_by_number(taken->entity, number);
        if (field == nullptr || field->to != to || !undo_is_own(field)) continue;
        bool is_list = old.kind == VALUE_LIST;
        struct cursor cursor = cursor_of(is_list ? old.items : old.bytes);
        for (uint32_t at = 0; at < (is_list ? old.count : 1) && value_next(&cursor, &item); at++)
            if (item.kind == VALUE_BYTES && str_eq(item.text, id_bytes(&id))) return true;
    }
    return false;
}

/** Marks what took references to a wanted deletion away, and what those took, until nothing more
 *  is found. */
static void want_what_went_with(struct taken *taken, uint32_t count)
{
    for (bool has_more = true; has_more;) {
        has_more = false;
        for (uint32_t of = 0; of < count; of++) {
            if (!taken[of].is_wanted || !taken[of].is_deletion) continue;
            for (uint32_t at = 0; at < count; at++) {
                if (taken[at].is_wanted ||
                    !took_reference(&taken[at], taken[of].entity, taken[of].id))
                    continue;
                taken[at].is_wanted = has_more = true;
            }
        }
    }
}

/** All entries of the change that this one is of, newest first. */
static enum err change_around(const struct view *view, const struct log_entry *entry,
                              uint64_t *sequences, uint32_t *count_out)
{
    struct txn *txn = view->txn;
    uint64_t last = entry->sequence, newest = txn_log_newest(txn);
    while (last < newest) {
        struct log_entry next;
        bool is_first;
        enum err err = txn_log_from(txn, last + 1, &next);
        if (err != ERR_NONE && err != ERR_MISSING) return err;
        /* Behind it the log may have been folded. */
        if (err == ERR_MISSING || next.sequence != last + 1 || !id_eq(next.group, entry->group))
            break;
        TRY(is_first_of_change(txn, last + 1, &is_first));
        if (is_first) break;
        last++;
    }
    struct undo_slice slice = {
        .group = entry->group, .before = last + 1, .wanted = 1, .max = CHANGE_WRITES_MAX};
    TRY(undo_slice_read(view->task, txn, &slice, sequences, count_out));
    require(*count_out > 0 && sequences[0] <= last);
    return ERR_NONE;
}

enum err undo_of_deletion(const struct view *view, const struct entity *entity, struct id id,
                          uint64_t *sequences, uint32_t *count_out)
{
    struct task *task = view->task;
    struct log_entry newest;
    struct log_change deletion;
    if (!scope_may(view->scope, entity->number, SCOPE_VIEW) || !rows_see_id(view, entity, id))
        return fail(task, ERR_MISSING, "there is no such %.*s", FMT(entity->name));
    enum err err = txn_log_of_record(view->txn, entity->number, id, UINT64_MAX, &newest);
    if (err == ERR_MISSING) return fail(task, err, "there is no such %.*s", FMT(entity->name));
    TRY(err);
    if (!log_change_read(newest.body, &deletion))
        return fail(task, ERR_CONFLICT, "what this %.*s was has been erased", FMT(entity->name));
    if (deletion.operation != OPERATION_DELETE)
        return fail(task, ERR_CONFLICT, "this %.*s is not deleted", FMT(entity->name));
    uint32_t all = 0;
    TRY(change_around(view, &newest, sequences, &all));
    struct taken *taken = arena_new(task->arena, struct taken, all);
    uint32_t count = 0;
    for (uint32_t at = 0; at < all; at++) {
        struct log_entry entry;
        struct log_change change;
        TRY(txn_log_from(view->txn, sequences[at], &entry));
        struct taken *one = &taken[count];
        *one = (struct taken){.sequence = entry.sequence,
                              .entity = model_entity_by_number(view->model, entry.entity),
                              .id = entry.record,
                              .body = arena_copy(task->arena, entry.body)};
        if (one->entity == nullptr || !log_change_read(one->body, &change)) continue;
        one->is_deletion = change.operation == OPERATION_DELETE;
        one->is_wanted = one->entity == entity && id_eq(one->id, id);
        count++;
    }
    want_what_went_with(taken, count);
    *count_out = 0;
    for (uint32_t at = 0; at < count; at++)
        if (taken[at].is_wanted) sequences[(*count_out)++] = taken[at].sequence;
    return ERR_NONE;
}
