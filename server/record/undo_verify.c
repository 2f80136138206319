/* What holds for every record, over the plan of an undo: what would break it stays as it is. */
#include "record/sealed.h"
#include "record/undoing.h"

#include "base/require.h"
#include "model/kind.h"
#include "record/index.h"
#include "record/query.h"

/** Whether a stored reference, or list of them, leads to this record. */
static bool leads_to(str stored, struct id id)
{
    struct value value = stored.len == 0 ? (struct value){} : value_of(stored), item;
    bool is_list = value.kind == VALUE_LIST;
    struct cursor cursor = cursor_of(is_list ? value.items : value.bytes);
    for (uint32_t at = 0; at < (is_list ? value.count : 1) && value_next(&cursor, &item); at++)
        if (item.kind == VALUE_BYTES && str_eq(item.text, id_bytes(&id))) return true;
    return false;
}

/** Whether the record will be there when the undo is done. */
static enum err will_be_there(const struct undo_plan *plan, const struct entity *entity,
                              struct id id, bool *will_be_out)
{
    const struct undo_item *item = undo_item_find(plan, entity, id);
    if (item != nullptr) return *will_be_out = item->is_there, ERR_NONE;
    str value;
    enum err err = txn_record_get_view(plan->undo->change->txn, entity->number, id, &value);
    *will_be_out = err == ERR_NONE;
    return err == ERR_MISSING ? ERR_NONE : err;
}

/** Whether some record but `but` will refer to this one by the field. */
static enum err will_refer(const struct undo_plan *plan, const struct field *field, struct id id,
                           struct id but, bool *will_out)
{
    struct scan_range range = {.from = id_bytes(&id), .to = id_bytes(&id)};
    struct scan *scan =
        scan_index(plan->undo->change->txn, field->entity->number, field->number, &range);
    *will_out = false;
    while (!*will_out) {
        bool has_entry;
        struct scan_entry entry;
        TRY(scan_next(scan, &has_entry, &entry));
        if (!has_entry) break;
        if (id_eq(entry.id, but)) continue;
        const struct undo_item *item = undo_item_find(plan, field->entity, entry.id);
        *will_out =
            item == nullptr || (item->is_there && leads_to(item->now[field_position(field)], id));
    }
    scan_close(scan);
    for (uint32_t at = 0; at < plan->count && !*will_out; at++) {
        const struct undo_item *item = &plan->items[at];
        *will_out = item->entity == field->entity && item->is_there && !id_eq(item->id, but) &&
                    leads_to(item->now[field_position(field)], id);
    }
    return ERR_NONE;
}

/* Records that go. */

static enum err is_referred(const struct undo_plan *plan, const struct undo_item *item,
                            bool *is_out)
{
    const struct entity *entity = item->entity;
    *is_out = false;
    for (uint32_t at = 0; at < entity->referrer_count && !*is_out; at++)
        TRY(will_refer(plan, entity->referrers[at], item->id, item->id, is_out));
    return ERR_NONE;
}

/** Whether the parent's reference that follows this flag may not be lost. */
static bool is_follower_required(const struct undo_plan *plan, const struct field *flag)
{
    const struct entity *parent = flag->one_of_per->to;
    for (uint32_t at = 0; at < parent->field_count; at++) {
        const struct field *field = &parent->fields[at];
        if (field->through.link == nullptr || field->through.flag != flag) continue;
        if (field->is_required && !field_is_waived(plan->undo->change, field)) return true;
    }
    return false;
}

/** Whether a record that stays would be left without this last one of its own. */
static enum err is_needed(const struct undo_plan *plan, const struct undo_item *item, bool *is_out)
{
    *is_out = false;
    for (uint32_t at = 0; at < item->entity->field_count && !*is_out; at++) {
        const struct field *flag = &item->entity->fields[at];
        struct id parent;
        bool stays, has_other;
        if (flag->one_of_per == nullptr || !is_follower_required(plan, flag) ||
            !slots_reference(item->before, flag->one_of_per, &parent))
            continue;
        TRY(will_be_there(plan, flag->one_of_per->to, parent, &stays));
        if (!stays) continue;
        TRY(will_refer(plan, flag->one_of_per, parent, item->id, &has_other));
        *is_out = !has_other;
    }
    return ERR_NONE;
}

static enum err verify_going(struct undo_plan *plan, struct undo_item *item, bool *has_kept_out)
{
    bool is_kept;
    enum undo_reason reason = UNDO_REFERRED;
    TRY(is_referred(plan, item, &is_kept));
    if (!is_kept) {
        reason = UNDO_NEEDED;
        TRY(is_needed(plan, item, &is_kept));
    }
    if (!is_kept) return ERR_NONE;
    undo_keep(plan, item, nullptr, reason);
    item->is_there = true;
    memcpy(item->now, item->before, item->entity->field_count * sizeof(str));
    *has_kept_out = true;
    return ERR_NONE;
}

/* Values that come back. */

static enum err references_hold(const struct undo_plan *plan, const struct field *field, str stored,
                                bool *holds_out)
{
    struct value value = value_of(stored), item;
    bool is_list = field->kind == FIELD_REFERENCES;
    struct cursor cursor = cursor_of(is_list ? value.items : value.bytes);
    *holds_out = true;
    for (uint32_t at = 0;
         at < (is_list ? value.count : 1) && *holds_out && value_next(&cursor, &item); at++) {
        struct id id;
        *holds_out = item.kind == VALUE_BYTES && id_of_bytes(item.text, &id);
        if (*holds_out) TRY(will_be_there(plan, field->to, id, holds_out));
    }
    return ERR_NONE;
}

static bool choices_hold(const struct field *field, str stored)
{
    struct value value = value_of(stored), item;
    bool is_list = field->kind == FIELD_CHOICES;
    struct cursor cursor = cursor_of(is_list ? value.items : value.bytes);
    for (uint32_t at = 0; at < (is_list ? value.count : 1) && value_next(&cursor, &item); at++)
        if (!choice_is_known(field->set, item.text)) return false;
    return true;
}

static enum err is_taken(const struct undo_plan *plan, const struct undo_item *item,
                         const struct field *field, bool *is_out)
{
    uint32_t at = field_position(field);
    struct value value = value_of(item->now[at]);
    struct view view = change_view(plan->undo->change);
    struct id ids[8];
    uint32_t count;
    *is_out = false;
    value = sealed_plain(&view, field, item->id, &value);
    if (value.kind == VALUE_NIL) return ERR_NONE;
    TRY(query_find_same(&view, field, &value, 8, ids, &count));
    for (uint32_t of = 0; of < count; of++) {
        if (id_eq(ids[of], item->id)) continue;
        const struct undo_item *other = undo_item_find(plan, item->entity, ids[of]);
        bool gives_way =
            other != nullptr && (!other->is_there || !str_eq(other->now[at], other->before[at]));
        if (!gives_way) *is_out = true;
    }
    return ERR_NONE;
}

/** Why this value cannot come back; UNDO_EDITED: it can. */
static enum err fault_of(const struct undo_plan *plan, const struct undo_item *item,
                         const struct field *field, enum undo_reason *reason_out)
{
    str stored = item->now[field_position(field)];
    *reason_out = UNDO_EDITED;
    if (stored.len == 0) {
        bool was_empty = item->was_there && item->before[field_position(field)].len == 0;
        if (field->is_required && !was_empty && field->waived_by.len == 0)
            *reason_out = UNDO_REQUIRED;
        return ERR_NONE;
    }
    bool holds = true, taken = false;
    if (field->kind == FIELD_REFERENCE || field->kind == FIELD_REFERENCES) {
        TRY(references_hold(plan, field, stored, &holds));
        if (!holds) *reason_out = UNDO_MISSING;
    } else if (field->kind == FIELD_CHOICE || field->kind == FIELD_CHOICES) {
        if (!choices_hold(field, stored)) *reason_out = UNDO_CHOICE;
    }
    if (field->is_unique) TRY(is_taken(plan, item, field, &taken));
    if (taken) *reason_out = UNDO_TAKEN;
    return ERR_NONE;
}

/** Two references that another record has by now, and no two may have alike, stay as they are; a
 *  record that was gone stays gone. */
static enum err verify_pairs(struct undo_plan *plan, struct undo_item *item, bool *has_kept_out)
{
    for (uint32_t at = 0; at < item->entity->pair_count; at++) {
        const struct pair *pair = &item->entity->pairs[at];
        struct id other;
        if (!pair->is_unique) continue;
        TRY(index_pair_other(plan->undo->change->txn, pair, item->now, item->id, &other));
        const struct undo_item *of = undo_item_find(plan, item->entity, other);
        if (id_is_nil(other) || (of != nullptr && !of->is_there)) continue;
        undo_keep(plan, item, item->was_there ? pair->second : nullptr, UNDO_TAKEN);
        *has_kept_out = true;
        uint32_t places[] = {field_position(pair->first), field_position(pair->second)};
        for (int of_two = 0; of_two < 2; of_two++)
            item->now[places[of_two]] = item->before[places[of_two]];
        if (item->was_there) continue;
        item->is_there = false;
        memset(item->now, 0, item->entity->field_count * sizeof(str));
        break;
    }
    return ERR_NONE;
}

static enum err verify_coming(struct undo_plan *plan, struct undo_item *item, bool *has_kept_out)
{
    for (uint32_t at = 0; at < item->entity->field_count; at++) {
        const struct field *field = &item->entity->fields[at];
        enum undo_reason reason;
        bool is_same = item->was_there && str_eq(item->now[at], item->before[at]);
        if (is_same || !undo_is_own(field)) continue;
        TRY(fault_of(plan, item, field, &reason));
        if (reason == UNDO_EDITED) continue;
        /* What cannot be without a value does not come back without it. */
        bool is_whole = !item->was_there && (field->is_required || reason == UNDO_REQUIRED);
        /* A restored record without a required value was let off it, or is of an older model. */
        if (!item->was_there && reason == UNDO_REQUIRED) continue;
        undo_keep(plan, item, is_whole ? nullptr : field, reason);
        *has_kept_out = true;
        item->now[at] = item->before[at];
        if (!is_whole) continue;
        item->is_there = false;
        memset(item->now, 0, item->entity->field_count * sizeof(str));
        return ERR_NONE;
    }
    return verify_pairs(plan, item, has_kept_out);
}

/* Flags. */

/** Whether this record will carry the flag among those of the parent. */
static bool will_carry(const struct undo_item *item, const struct field *flag, struct id parent)
{
    struct id of;
    return item->is_there && slots_flag(item->now, flag) &&
           slots_reference(item->now, flag->one_of_per, &of) && id_eq(of, parent);
}

/** A flag comes back only from a record of this group: otherwise another one was chosen since. */
static enum err verify_flag(struct undo_plan *plan, struct undo_item *item,
                            const struct field *flag)
{
    struct change *change = plan->undo->change;
    struct id parent, flagged;
    if (!slots_reference(item->now, flag->one_of_per, &parent) || !will_carry(item, flag, parent))
        return ERR_NONE;
    const struct undo_item *of = undo_item_find(plan, flag->one_of_per->to, parent);
    if (of != nullptr && !of->was_there) return ERR_NONE;
    TRY(derive_flagged(change, flag, parent, &flagged));
    if (id_is_nil(flagged) || id_eq(flagged, item->id)) return ERR_NONE;
    const struct undo_item *other = undo_item_find(plan, flag->entity, flagged);
    if (other != nullptr && !will_carry(other, flag, parent)) return ERR_NONE;
    struct buf stored = buf_make(change->task->arena, 8);
    pack_bool(&stored, false);
    item->now[field_position(flag)] = buf_str(&stored);
    undo_keep(plan, item, flag, UNDO_EDITED);
    return ERR_NONE;
}

static enum err verify_flags(struct undo_plan *plan)
{
    for (uint32_t at = 0; at < plan->count; at++) {
        struct undo_item *item = &plan->items[at];
        for (uint32_t of = 0; item->is_there && of < item->entity->field_count; of++)
            if (item->entity->fields[of].one_of_per != nullptr)
                TRY(verify_flag(plan, item, &item->entity->fields[of]));
    }
    return ERR_NONE;
}

enum err undo_plan_verify(struct undo_plan *plan)
{
    /* Each round keeps one more thing at least, or is the last. */
    for (bool has_kept = true; has_kept;) {
        has_kept = false;
        for (uint32_t at = 0; at < plan->count; at++) {
            struct undo_item *item = &plan->items[at];
            if (item->was_there && !item->is_there) TRY(verify_going(plan, item, &has_kept));
            else if (item->is_there) TRY(verify_coming(plan, item, &has_kept));
        }
    }
    return verify_flags(plan);
}
