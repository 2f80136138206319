#include "record/query.h"

#include "base/fold.h"
#include "base/require.h"
#include "model/kind.h"

void query_init(struct query *query, const struct entity *entity)
{
    *query = (struct query){.entity = entity, .limit = PAGE_RECORDS_DEFAULT};
}

static enum err add_limit(struct task *task, struct query *query, str value)
{
    int64_t limit;
    if (!str_to_int64(value, &limit) || limit < 1 || limit > PAGE_RECORDS_MAX)
        return fail(task, ERR_UNREADABLE, "limit: must be a number from 1 to %u", PAGE_RECORDS_MAX);
    query->limit = (uint32_t)limit;
    return ERR_NONE;
}

static enum err refuse_field(struct task *task, const struct query *query, str name,
                             const char *what)
{
    struct buf known = buf_make(task->arena, 4096);
    for (uint32_t at = 0; at < query->entity->field_count; at++) {
        const struct field *field = &query->entity->fields[at];
        if (!field->is_indexed || field->is_hidden) continue;
        buf_print(&known, "%s%.*s", known.len == 0 ? "" : ", ", FMT(field->name));
    }
    return fail(task, ERR_UNREADABLE, "%.*s: %s; indexed are: %.*s", FMT(utf8_first(name, 64)),
                what, FMT(buf_str(&known)));
}

static enum err add_sort(struct task *task, struct query *query, str value)
{
    query->is_descending = value.len > 0 && value.at[0] == '-';
    str name = query->is_descending ? str_from(value, 1) : value;
    query->sort = nullptr;
    if (str_eq(name, S("id"))) return ERR_NONE;
    if (str_find_byte(name, ',') != SIZE_MAX)
        return fail(task, ERR_UNREADABLE,
                    "sort: one field at a time; records with the same value follow by id");
    const struct field *field = entity_field(query->entity, name);
    if (field == nullptr || field->is_hidden)
        return refuse_field(task, query, name, "sort: is no field here");
    if (!field->is_indexed || field->kind_of->is_list)
        return refuse_field(task, query, name, "sort: has no index to sort by");
    query->sort = field;
    return ERR_NONE;
}

static bool op_of(str word, enum filter_op *op_out)
{
    static const struct {
        str word;
        enum filter_op op;
    } ops[] = {
        {{"gt", 2}, FILTER_GREATER},   {{"gte", 3}, FILTER_GREATER_EQUAL},
        {{"lt", 2}, FILTER_LESS},      {{"lte", 3}, FILTER_LESS_EQUAL},
        {{"ne", 2}, FILTER_NOT_EQUAL}, {{"prefix", 6}, FILTER_PREFIX},
        {{"empty", 5}, FILTER_EMPTY},
    };
    for (size_t at = 0; at < sizeof ops / sizeof ops[0]; at++)
        if (str_eq(word, ops[at].word)) return *op_out = ops[at].op, true;
    return false;
}

/** The filter on this field with this operation: `status=a&status=b` is one filter with two
 *  values. */
static enum err find_filter(struct task *task, struct query *query, const struct field *of,
                            const struct field *field, enum filter_op op,
                            struct filter **filter_out)
{
    for (uint32_t at = 0; at < query->filter_count; at++) {
        struct filter *filter = &query->filters[at];
        if (filter->of == of && filter->field == field && filter->op == op &&
            (op == FILTER_EQUAL || op == FILTER_NOT_EQUAL))
            return *filter_out = filter, ERR_NONE;
    }
    if (query->filter_count == FILTERS_MAX)
        return fail(task, ERR_UNREADABLE, "at most %u filters", FILTERS_MAX);
    *filter_out = &query->filters[query->filter_count++];
    **filter_out = (struct filter){.of = of, .field = field, .op = op};
    return ERR_NONE;
}

/** A value that cannot be one of this field: the kind's own words become the detail. */
static enum err refuse_value(struct task *task, str name)
{
    str message = task->fault.item_count > 0 ? task->fault.items[task->fault.item_count - 1].message
                                             : S("is no such value");
    task_fault_clear(task);
    return fail(task, ERR_UNREADABLE, "%.*s: %.*s", FMT(utf8_first(name, 64)), FMT(message));
}

/** The field that a filter names: an own one, or by a dot one of the record behind a reference. */
static enum err filter_field(struct task *task, const struct query *query, str path,
                             const struct field **of_out, const struct field **field_out)
{
    str name, behind;
    const struct entity *entity = query->entity;
    bool has_dot = str_cut(path, '.', &name, &behind);
    const struct field *field = entity_field(entity, name);
    *of_out = nullptr;
    if (has_dot && field != nullptr) {
        if (field->kind != FIELD_REFERENCE || !field->is_indexed)
            return refuse_field(task, query, path, "is no reference to filter through");
        *of_out = field;
        entity = field->to;
        name = behind;
        field = entity_field(entity, name);
    }
    if (field == nullptr || field->is_hidden) {
        str nearest = entity_nearest(entity, name);
        if (nearest.len == 0)
            return refuse_field(task, query, path, "is no field or parameter here");
        return fail(task, ERR_UNREADABLE, "%.*s: is no field or parameter here; did you mean %.*s?",
                    FMT(utf8_first(path, 64)), FMT(nearest));
    }
    if (!field->is_indexed) return refuse_field(task, query, path, "has no index to filter by");
    *field_out = field;
    return ERR_NONE;
}

/** How a prefix stands in the index: as the kind orders it (digits of a telephone number), without
 *  the 00 that ends a whole value; otherwise folded. */
static str prefix_of(struct task *task, const struct field *field, str text)
{
    struct task quiet = {.arena = task->arena};
    str ordered;
    bool is_ordered = field->kind_of->order_text(&quiet, field, text, &ordered);
    if (is_ordered && str_ends(ordered, S("\0"))) ordered.len--;
    return str_first(is_ordered ? ordered : fold(task->arena, text), KEY_ORDERED_BYTES_MAX);
}

/** All of a filter's value in the form in which it would be stored, folded. */
static str whole_of(struct task *task, const struct field *field, str text)
{
    struct task quiet = {.arena = task->arena};
    struct buf given = buf_make(task->arena, text.len + 8);
    struct buf stored = buf_make(task->arena, RECORD_BYTES_MAX);
    pack_text(&given, text);
    struct value value = value_of(buf_str(&given));
    if (field->kind_of->read(&quiet, field, &value, &stored)) {
        value = value_of(buf_str(&stored));
        struct key_list texts = texts_folded(task->arena, &value);
        if (texts.count == 1) return texts.items[0];
    }
    return fold(task->arena, text);
}

static enum err add_filter_value(struct task *task, struct filter *filter, str name, str value)
{
    str shown = utf8_first(name, 64);
    const struct kind *kind = filter->field->kind_of;
    if (filter->op == FILTER_EMPTY) {
        filter->is_empty = str_eq(value, S("true"));
        if (filter->is_empty || str_eq(value, S("false"))) return ERR_NONE;
        return fail(task, ERR_UNREADABLE, "%.*s: is true or false", FMT(shown));
    }
    if (filter->value_count == sizeof filter->values / sizeof filter->values[0])
        return fail(task, ERR_UNREADABLE, "%.*s: at most 16 values", FMT(shown));
    str *ordered = &filter->values[filter->value_count];
    if (filter->op != FILTER_PREFIX) {
        if (!kind->order_text(task, filter->field, value, ordered)) return refuse_value(task, name);
        filter->texts[filter->value_count] = value;
    } else {
        if (!kind->is_text)
            return fail(task, ERR_UNREADABLE, "%.*s: is no text, a prefix has no meaning",
                        FMT(shown));
        *ordered = prefix_of(task, filter->field, value);
        if (ordered->len == 0) return fail(task, ERR_UNREADABLE, "%.*s: is empty", FMT(shown));
    }
    if (kind->is_text && key_is_cut(*ordered)) {
        filter->wholes[filter->value_count] = whole_of(task, filter->field, value);
        filter->is_cut = true;
    }
    filter->value_count++;
    return ERR_NONE;
}

static enum err add_filter(struct task *task, struct query *query, str name, str value)
{
    str path, rest;
    enum filter_op op = FILTER_EQUAL;
    if (str_cut(name, '[', &path, &rest)) {
        str word = str_first(rest, rest.len > 0 ? rest.len - 1 : 0);
        if (!str_ends(rest, S("]")) || !op_of(word, &op))
            return fail(task, ERR_UNREADABLE,
                        "%.*s: there is no such operation; there are gt gte lt lte ne prefix empty",
                        FMT(utf8_first(name, 64)));
    }
    const struct field *of, *field;
    struct filter *filter;
    TRY(filter_field(task, query, path, &of, &field));
    TRY(find_filter(task, query, of, field, op, &filter));
    return add_filter_value(task, filter, name, value);
}

enum err query_add(struct task *task, const struct space *space, struct query *query, str name,
                   str value)
{
    require(space != nullptr);
    if (!utf8_is_valid(value))
        return fail(task, ERR_UNREADABLE, "%.*s: is not UTF-8", FMT(utf8_first(name, 64)));
    if (str_eq(name, S("limit"))) return add_limit(task, query, value);
    if (str_eq(name, S("sort"))) return add_sort(task, query, value);
    if (str_eq(name, S("fields")))
        return shape_add_fields(task, query->entity, value, &query->shape);
    if (str_eq(name, S("expand")))
        return shape_add_expand(task, query->entity, value, &query->shape);
    if (str_eq(name, S("after"))) return query->cursor = value, ERR_NONE;
    if (str_eq(name, S("q"))) return query->words = str_trim(value), ERR_NONE;
    if (str_eq(name, S("count"))) {
        query->wants_count = str_eq(value, S("true"));
        if (query->wants_count || str_eq(value, S("false"))) return ERR_NONE;
        return fail(task, ERR_UNREADABLE, "count: is true or false");
    }
    return add_filter(task, query, name, value);
}

/* A cursor is base64url of: 8 bytes of keyed hash over what follows and the list it belongs to; 1
 * byte: has a value; 16 bytes id; the ordered value. */

static uint64_t cursor_hash(const struct space *space, struct arena *arena,
                            const struct query *query, str position)
{
    str list = arena_print(arena, "cursor %u %u %d", query->entity->number,
                           query->sort == nullptr ? 0 : query->sort->number, query->is_descending);
    return short_hash(&space->hash_key, list, position);
}

str query_cursor(struct arena *arena, const struct space *space, const struct query *query,
                 bool has_value, str ordered, struct id id)
{
    struct buf out = buf_make(arena, 32 + KEY_BYTES_MAX);
    struct buf position = buf_make(arena, 32 + KEY_BYTES_MAX);
    buf_put_byte(&position, has_value ? 1 : 0);
    buf_put(&position, id_bytes(&id));
    buf_put(&position, ordered);
    uint64_t hash = cursor_hash(space, arena, query, buf_str(&position));
    buf_put(&out, (str){(const char *)&hash, sizeof hash});
    buf_put(&out, buf_str(&position));
    return base64url_write(arena, buf_str(&out));
}

enum err query_end(struct task *task, const struct space *space, struct query *query)
{
    if (query->cursor.len == 0) return ERR_NONE;
    str bytes;
    uint64_t hash;
    bool is_right =
        query->cursor.len <= 1024 && base64url_read(task->arena, query->cursor, &bytes) &&
        bytes.len >= sizeof hash + 17 && bytes.len <= sizeof hash + 17 + KEY_ORDERED_BYTES_MAX;
    if (is_right) {
        memcpy(&hash, bytes.at, sizeof hash);
        str position = str_from(bytes, sizeof hash);
        is_right = hash == cursor_hash(space, task->arena, query, position);
        query->has_after = true;
        query->after_has_value = position.at[0] == 1;
        is_right = is_right && id_of_bytes(str_first(str_from(position, 1), 16), &query->after_id);
        query->after_ordered = str_from(position, 17);
    }
    if (is_right) return ERR_NONE;
    return fail(task, ERR_UNREADABLE,
                "after: is no cursor of this list; take `next` of a page with the same sort");
}

enum err query_find(const struct view *view, const struct field *field, str ordered, uint32_t max,
                    struct id *ids_out, uint32_t *count_out)
{
    require(field->is_indexed);
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
    require(field->is_indexed);
    *count_out = 0;
    struct key_list keys = field->kind_of->order(view->task->arena, field, stored);
    struct key_list texts =
        field->kind_of->is_text ? texts_folded(view->task->arena, stored) : (struct key_list){};
    for (uint32_t at = 0; at < keys.count; at++)
        TRY(find_key(view, field, keys.items[at], texts, max, ids_out, count_out));
    return ERR_NONE;
}
