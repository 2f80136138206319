#include "record/index.h"

#include "base/require.h"
#include "record/draft.h"

bool index_next(const struct entity *entity, uint32_t *at, struct index *index_out)
{
    for (; *at < entity->field_count; ++*at) {
        const struct field *field = &entity->fields[*at];
        bool is_looked_after = field->keeps_index || field->index_fades;
        if (!is_looked_after || is_in_id_order(field)) continue;
        ++*at;
        *index_out = (struct index){
            .number = field->number,
            .field = field,
            .is_kept = field->keeps_index,
            .is_renewed = field->index_fades || (field->is_building && field->keeps_index),
        };
        return true;
    }
    uint32_t pair_at = *at - entity->field_count;
    if (pair_at >= entity->pair_count) return false;
    const struct pair *pair = &entity->pairs[pair_at];
    ++*at;
    *index_out = (struct index){.number = pair->number,
                                .field = pair->first,
                                .second = pair->second,
                                .is_kept = true,
                                .is_renewed = pair->is_building};
    return true;
}

static struct key_list keys_of(struct arena *arena, const struct field *field, const str *slots)
{
    str stored = slots[field_position(field)];
    if (stored.len == 0) return (struct key_list){};
    struct value value = value_of(stored);
    return field->kind_of->order(arena, field, &value);
}

struct key_list index_keys(struct arena *arena, const struct index *index, const str *slots)
{
    struct key_list firsts = keys_of(arena, index->field, slots);
    if (index->second == nullptr || firsts.count == 0) return firsts;
    struct key_list seconds = keys_of(arena, index->second, slots);
    require(seconds.count <= 1);
    struct key_list keys = {firsts.count, arena_new(arena, str, firsts.count)};
    for (uint32_t at = 0; at < firsts.count; at++) {
        struct buf key = buf_make(arena, KEY_INDEX_BYTES_MAX);
        buf_put(&key, firsts.items[at]);
        buf_put_byte(&key, seconds.count == 0 ? PAIR_WITHOUT_SECOND : PAIR_WITH_SECOND);
        if (seconds.count > 0) buf_put(&key, seconds.items[0]);
        require(!buf_is_over(&key));
        keys.items[at] = buf_str(&key);
    }
    return keys;
}

enum err index_pair_other(struct txn *txn, const struct pair *pair, const str *slots,
                          struct id self, struct id *other_out)
{
    require(pair->is_unique);
    *other_out = (struct id){};
    if (slots[field_position(pair->first)].len == 0 || slots[field_position(pair->second)].len == 0)
        return ERR_NONE;
    struct index index = {.number = pair->number, .field = pair->first, .second = pair->second};
    struct key_list keys = index_keys(txn_task(txn)->arena, &index, slots);
    require(keys.count == 1);
    struct scan_range range = {.from = keys.items[0], .to = keys.items[0]};
    struct scan *scan = scan_index(txn, pair->first->entity->number, pair->number, &range);
    bool has_entry = true;
    while (has_entry && id_is_nil(*other_out)) {
        struct scan_entry entry;
        TRY(scan_next(scan, &has_entry, &entry));
        if (has_entry && !id_eq(entry.id, self)) *other_out = entry.id;
    }
    scan_close(scan);
    return ERR_NONE;
}
