/* Records by one indexed value. */
#include "record/query.h"

#include "base/require.h"
#include "record/index.h"
#include "record/rows.h"
#include "record/sealed.h"

/** Entries of one search that are looked at for those that are seen. */
constexpr uint32_t FIND_LOOKED_MAX = 1'000;

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

/** What is looked for, and what was found. */
struct finding {
    const struct view *view;
    const struct field *field;
    struct key_list texts; /** where the index has cut a key: one of them is meant */
    bool only_seen;
    uint32_t max, count, looked;
    struct id *ids;
};

static bool has_ended(const struct finding *finding)
{
    return finding->count == finding->max ||
           (finding->only_seen && finding->looked == FIND_LOOKED_MAX);
}

/** Whether the record of an entry is one that is meant. */
static enum err is_meant(const struct finding *finding, const struct scan_entry *entry, str key,
                         bool *is_out)
{
    const struct view *view = finding->view;
    const struct entity *entity = finding->field->entity;
    bool is_cut = finding->texts.count > 0 && key_is_cut(key);
    bool asks_rows = finding->only_seen && !rows_see_all(view, entity);
    str value;
    struct value stored;
    struct id id = entry->id;
    *is_out = str_eq(entry->ordered, key) && !has_id(finding->ids, finding->count, id);
    if (!*is_out || (!is_cut && !asks_rows)) return ERR_NONE;
    TRY(txn_record_get_view(view->txn, entity->number, id, &value));
    if (is_cut)
        *is_out = value_find(value, finding->field->number, &stored) &&
                  has_text(texts_folded(view->task->arena, &stored), finding->texts);
    *is_out = *is_out && (!asks_rows || rows_see(view, entity, id, value));
    return ERR_NONE;
}

static enum err find_key(struct finding *finding, str key)
{
    const struct field *field = finding->field;
    struct scan_range range = {.from = key, .to = key};
    struct scan *scan =
        scan_index(finding->view->txn, field->entity->number, field->number, &range);
    for (; !has_ended(finding); finding->looked++) {
        bool has_entry, is;
        struct scan_entry entry;
        TRY(scan_next(scan, &has_entry, &entry));
        if (!has_entry) break;
        struct id id = entry.id;
        TRY(is_meant(finding, &entry, key, &is));
        if (is) finding->ids[finding->count++] = id;
    }
    scan_close(scan);
    return ERR_NONE;
}

static enum err find_ordered(struct finding *finding, str ordered, uint32_t *count_out)
{
    require(finding->field->keeps_index);
    enum err err = find_key(finding, ordered);
    *count_out = finding->count;
    return err;
}

static enum err find_same(struct finding *finding, const struct value *stored, uint32_t *count_out)
{
    const struct field *field = finding->field;
    struct arena *arena = finding->view->task->arena;
    struct key_list keys;
    require(field->keeps_index);
    *count_out = 0;
    if (field->kind == FIELD_SEALED) {
        require(stored->kind == VALUE_TEXT);
        TRY(sealed_keys(finding->view, field, stored->text, &keys));
    } else {
        keys = field->kind_of->order(arena, field, stored);
    }
    if (field->kind_of->is_text) finding->texts = texts_folded(arena, stored);
    for (uint32_t at = 0; at < keys.count; at++) TRY(find_key(finding, keys.items[at]));
    *count_out = finding->count;
    return ERR_NONE;
}

enum err query_find(const struct view *view, const struct field *field, str ordered, uint32_t max,
                    struct id *ids_out, uint32_t *count_out)
{
    struct finding finding = {.view = view, .field = field, .max = max, .ids = ids_out};
    return find_ordered(&finding, ordered, count_out);
}

enum err query_find_seen(const struct view *view, const struct field *field, str ordered,
                         uint32_t max, struct id *ids_out, uint32_t *count_out)
{
    struct finding finding = {
        .view = view, .field = field, .only_seen = true, .max = max, .ids = ids_out};
    return find_ordered(&finding, ordered, count_out);
}

enum err query_find_same(const struct view *view, const struct field *field,
                         const struct value *stored, uint32_t max, struct id *ids_out,
                         uint32_t *count_out)
{
    struct finding finding = {.view = view, .field = field, .max = max, .ids = ids_out};
    return find_same(&finding, stored, count_out);
}

enum err query_find_same_seen(const struct view *view, const struct field *field,
                              const struct value *stored, uint32_t max, struct id *ids_out,
                              uint32_t *count_out)
{
    struct finding finding = {
        .view = view, .field = field, .only_seen = true, .max = max, .ids = ids_out};
    return find_same(&finding, stored, count_out);
}

enum err query_count_referring(const struct view *view, const struct field *field, struct id to,
                               uint32_t max, uint32_t *count_out)
{
    struct scan_range range = {.from = id_bytes(&to), .to = id_bytes(&to)};
    uint16_t number = field->entity->number;
    *count_out = 0;
    if (!scope_may(view->scope, number, SCOPE_VIEW)) return ERR_NONE;
    if (rows_see_all(view, field->entity))
        return scan_index_count(view->txn, number, field->number, &range, max, count_out);
    struct scan *scan = scan_index(view->txn, number, field->number, &range);
    while (*count_out < max) {
        bool has_entry;
        struct scan_entry entry;
        TRY(scan_next(scan, &has_entry, &entry));
        if (!has_entry) break;
        *count_out += rows_see_id(view, field->entity, entry.id);
    }
    scan_close(scan);
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
