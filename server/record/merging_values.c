#include "record/merging_values.h"

#include "base/require.h"
#include "model/kind.h"
#include "record/sealed.h"

bool merging_takes(const struct field *field)
{
    if (field->through.link != nullptr) return !field->is_removed;
    return undo_is_own(field) && !field->is_computed && field->one_of_per == nullptr;
}

/** The stored values of all records that are merged, the survivor's first. */
struct sources {
    uint32_t count;
    struct id ids[MERGE_RECORDS_MAX + 1];
    str *slots[MERGE_RECORDS_MAX + 1];
};

static enum err sources_read(struct merging *merging, struct sources *sources)
{
    struct change *change = merging->change;
    struct arena *arena = change->task->arena;
    sources->count = merging->other_count + 1;
    for (uint32_t at = 0; at < sources->count; at++) {
        str value;
        sources->ids[at] = at == 0 ? merging->survivor : merging->others[at - 1];
        sources->slots[at] = arena_new(arena, str, merging->entity->field_count);
        TRY(txn_record_get(change->txn, merging->entity->number, sources->ids[at], arena, &value));
        slots_read(merging->entity, value, sources->slots[at]);
    }
    return ERR_NONE;
}

/** The ordered bytes of one item of a list, by which it is known to be there already. */
static str item_key(struct arena *arena, const struct field *field, const struct value *item)
{
    struct buf one = buf_make(arena, item->bytes.len + 8);
    pack_list(&one, 1);
    pack_raw(&one, item->bytes);
    struct value list = value_of(buf_str(&one));
    struct key_list keys = field->kind_of->order(arena, field, &list);
    bool is_cut = keys.count == 1 && keys.items[0].len >= KEY_ORDERED_BYTES_MAX;
    return keys.count == 1 && !is_cut ? keys.items[0] : item->bytes;
}

/** An address of another record is not the primary one of the survivor. */
static void put_item(struct buf *items, const struct value *item, bool may_be_primary)
{
    struct cursor cursor = cursor_of(item->items);
    struct value address, label, primary;
    bool is_entry = item->kind == VALUE_LIST && item->count == 3 && value_next(&cursor, &address) &&
                    value_next(&cursor, &label) && value_next(&cursor, &primary) &&
                    primary.kind == VALUE_BOOL;
    if (!is_entry || may_be_primary) {
        pack_raw(items, item->bytes);
        return;
    }
    pack_list(items, 3);
    pack_raw(items, address.bytes);
    pack_raw(items, label.bytes);
    pack_bool(items, false);
}

static str unite_lists(struct merging *merging, const struct sources *sources, uint32_t position)
{
    struct task *task = merging->change->task;
    const struct field *field = &merging->entity->fields[position];
    uint32_t max = field->max > 0 ? field->max : LIST_ITEMS_MAX, count = 0;
    str *keys = arena_new(task->arena, str, (size_t)sources->count * LIST_ITEMS_MAX);
    struct buf items = buf_make(task->arena, RECORD_BYTES_MAX);
    bool has_primary = false;
    for (uint32_t of = 0; of < sources->count; of++) {
        str stored = sources->slots[of][position];
        struct value list = stored.len == 0 ? (struct value){} : value_of(stored), item;
        struct cursor cursor = cursor_of(list.items);
        for (uint32_t at = 0; at < list.count && value_next(&cursor, &item); at++) {
            str key = item_key(task->arena, field, &item);
            bool is_there = false;
            for (uint32_t before = 0; before < count && !is_there; before++)
                is_there = str_eq(keys[before], key);
            if (is_there || count == (uint32_t)(sources->count * LIST_ITEMS_MAX)) continue;
            keys[count++] = key;
            put_item(&items, &item, !has_primary);
        }
        has_primary = has_primary || list.count > 0;
    }
    if (count == 0) return (str){};
    if (count > max) {
        task_fault(task, field->name, S("length"),
                   "would have %u items, at most %u may be; choose whose are taken", count, max);
        return sources->slots[0][position];
    }
    struct buf out = buf_make(task->arena, RECORD_BYTES_MAX + 8);
    pack_list(&out, count);
    pack_raw(&out, buf_str(&items));
    return buf_str(&out);
}

/** `*from_out`: whose it is. */
static str value_for(struct merging *merging, const struct sources *sources, uint32_t position,
                     struct id *from_out)
{
    const struct field *field = &merging->entity->fields[position];
    struct id chosen = merging->chosen[position];
    for (uint32_t at = 0; !id_is_nil(chosen) && at < sources->count; at++)
        if (id_eq(sources->ids[at], chosen))
            return *from_out = chosen, sources->slots[at][position];
    if (field->kind_of->is_list) return unite_lists(merging, sources, position);
    for (uint32_t at = 0; at < sources->count; at++)
        if (sources->slots[at][position].len > 0)
            return *from_out = sources->ids[at], sources->slots[at][position];
    return (str){};
}

/** A merged record's own reference to one that is merged too leads nowhere. */
static str without_merged(struct merging *merging, const struct field *field, str stored)
{
    struct id to;
    if (field->kind != FIELD_REFERENCE || field->to != merging->entity || stored.len == 0)
        return stored;
    struct value value = value_of(stored);
    if (value.kind != VALUE_BYTES || !id_of_bytes(value.text, &to)) return stored;
    bool is_merged = id_eq(to, merging->survivor);
    for (uint32_t at = 0; at < merging->other_count; at++)
        is_merged = is_merged || id_eq(to, merging->others[at]);
    return is_merged ? (str){} : stored;
}

enum err merging_values(struct merging *merging, struct draft *draft_out)
{
    struct change *change = merging->change;
    struct sources sources;
    TRY(draft_load(change, merging->entity, merging->survivor, draft_out));
    TRY(sources_read(merging, &sources));
    for (uint32_t at = 0; at < merging->entity->field_count; at++) {
        const struct field *field = &merging->entity->fields[at];
        if (!merging_takes(field) || field->through.link != nullptr) continue;
        struct id from = merging->survivor;
        str value = without_merged(merging, field, value_for(merging, &sources, at, &from));
        TRY(sealed_move(change, field, from, merging->survivor, value, &draft_out->now[at]));
    }
    return task_faults(change->task);
}
