/* Records by one indexed value. */
#include "record/query.h"

#include "base/require.h"
#include "record/index.h"
#include "record/rows.h"
#include "record/sealed.h"

enum err query_find(const struct view *view, const struct field *field, str ordered, uint32_t max,
                    struct id *ids_out, uint32_t *count_out)
{
    require(field->keeps_index);
    *count_out = 0;
    struct scan_range range = {.from = ordered, .to = ordered};
    struct scan *scan = scan_index(view->txn, field->entity->number, field->number, &range);
    while (*count_out < max) {
        bool has_entry;
        struct scan_entry entry;
        TRY(scan_next(scan, &has_entry, &entry));
        if (!has_entry) break;
        if (str_eq(entry.ordered, ordered)) ids_out[(*count_out)++] = entry.id;
    }
    scan_close(scan);
    return ERR_NONE;
}

static bool has_text(struct key_list texts, struct key_list others)
{
    for (uint32_t at = 0; at < texts.count; at++)
        for (uint32_t of = 0; of < others.count; of++)
            if (str_eq(texts.items[at], others.items[of])) return true;
    return false;
}

static bool has_id(const struct id *ids, uint32_t count, struct id id)
{
    for (uint32_t at = 0; at < count; at++)
        if (id_eq(ids[at], id)) return true;
    return false;
}

/** Adds the records with this key; where the index has cut it, those that have one of the texts. */
static enum err find_key(const struct view *view, const struct field *field, str key,
                         struct key_list texts, uint32_t max, struct id *ids_out,
                         uint32_t *count_out)
{
    struct arena *arena = view->task->arena;
    struct scan_range range = {.from = key, .to = key};
    struct scan *scan = scan_index(view->txn, field->entity->number, field->number, &range);
    while (*count_out < max) {
        bool has_entry;
        struct scan_entry entry;
        TRY(scan_next(scan, &has_entry, &entry));
        if (!has_entry) break;
        if (!str_eq(entry.ordered, key) || has_id(ids_out, *count_out, entry.id)) continue;
        if (texts.count > 0 && key_is_cut(key)) {
            str value;
            struct value stored;
            TRY(txn_record_get_view(view->txn, field->entity->number, entry.id, &value));
            if (!value_find(value, field->number, &stored)) continue;
            if (!has_text(texts_folded(arena, &stored), texts)) continue;
        }
        ids_out[(*count_out)++] = entry.id;
    }
    scan_close(scan);
    return ERR_NONE;
}

enum err query_find_same(const struct view *view, const struct field *field,
                         const struct value *stored, uint32_t max, struct id *ids_out,
                         uint32_t *count_out)
{
    require(field->keeps_index);
    *count_out = 0;
    struct key_list keys;
    if (field->kind == FIELD_SEALED) {
        require(stored->kind == VALUE_TEXT);
        TRY(sealed_keys(view, field, stored->text, &keys));
    } else {
        keys = field->kind_of->order(view->task->arena, field, stored);
    }
    struct key_list texts =
        field->kind_of->is_text ? texts_folded(view->task->arena, stored) : (struct key_list){};
    for (uint32_t at = 0; at < keys.count; at++)
        TRY(find_key(view, field, keys.items[at], texts, max, ids_out, count_out));
    return ERR_NONE;
}

enum err query_keep_seen(const struct view *view, const struct entity *entity, struct id *ids,
                         uint32_t *count)
{
    uint32_t kept = 0;
    if (rows_see_all(view, entity)) return ERR_NONE;
    for (uint32_t at = 0; at < *count; at++) {
        str value;
        TRY(txn_record_get_view(view->txn, entity->number, ids[at], &value));
        if (rows_see(view, entity, ids[at], value)) ids[kept++] = ids[at];
    }
    *count = kept;
    return ERR_NONE;
}

enum err query_find_pair(const struct view *view, const struct pair *pair, struct id first,
                         struct id second, struct id *id_out)
{
    struct buf key = buf_make(view->task->arena, KEY_INDEX_BYTES_MAX);
    require(pair->is_unique);
    *id_out = (struct id){};
    buf_put(&key, id_bytes(&first));
    buf_put_byte(&key, PAIR_WITH_SECOND);
    buf_put(&key, id_bytes(&second));
    require(!buf_is_over(&key));
    struct scan_range range = {.from = buf_str(&key), .to = buf_str(&key)};
    struct scan *scan = scan_index(view->txn, pair->first->entity->number, pair->number, &range);
    bool has_entry;
    struct scan_entry entry;
    TRY(scan_next(scan, &has_entry, &entry));
    if (has_entry) *id_out = entry.id;
    scan_close(scan);
    return ERR_NONE;
}
