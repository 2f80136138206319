/* Reading a query: parameters, filters, sort, cursor. */
#include "record/query.h"

#include "base/fold.h"
#include "base/require.h"
#include "record/index.h"
#include "record/meaning.h"
#include "record/rows.h"
#include "value/json.h"

void query_init(struct query *query, const struct entity *entity, const struct scope *scope)
{
    *query = (struct query){
        .entity = entity, .sight = scope_sight(scope), .limit = PAGE_RECORDS_DEFAULT};
}

void query_narrow(struct query *query, struct arena *arena, const struct condition *condition)
{
    const struct condition *both[] = {query->more, condition};
    query->more = condition_all(arena, both, 2);
}

/* Parameters. */

static enum err add_limit(struct task *task, struct query *query, str value)
{
    int64_t limit;
    if (!str_to_int64(value, &limit) || limit < 1 || limit > PAGE_RECORDS_MAX)
        return fail_parameter(task, S("limit"), S("range"), "must be a number from 1 to %u",
                              PAGE_RECORDS_MAX);
    query->limit = (uint32_t)limit;
    return ERR_NONE;
}

static enum err add_count(struct task *task, struct query *query, str value)
{
    query->wants_count = str_eq(value, S("true"));
    if (query->wants_count || str_eq(value, S("false"))) return ERR_NONE;
    return fail_parameter(task, S("count"), S("type"), "is true or false");
}

/** A filter; what it means is read when all are there. */
static enum err add_parameter(struct task *task, struct query *query, str name, str value)
{
    if (query->parameter_count == QUERY_PARAMETERS_MAX)
        return fail(task, ERR_UNREADABLE, "at most %u filters", QUERY_PARAMETERS_MAX);
    if (query->parameters == nullptr)
        query->parameters = arena_new(task->arena, struct query_parameter, QUERY_PARAMETERS_MAX);
    query->parameters[query->parameter_count++] = (struct query_parameter){name, value};
    return ERR_NONE;
}

/** What a list has once. */
static bool is_twice(struct query *query, str name)
{
    static const str once[] = {S("limit"),  S("count"),  S("q"),        S("after"),
                               S("sort"),   S("view"),   S("group_by"), S("fields"),
                               S("filter"), S("expand"), S("archived")};
    if (str_eq(name, S("archived")) && query->entity->archived_at == nullptr) return false;
    for (uint32_t at = 0; at < sizeof once / sizeof *once; at++) {
        if (!str_eq(name, once[at])) continue;
        bool is_again = (query->seen >> at & 1) != 0;
        query->seen |= (uint16_t)(1u << at);
        return is_again;
    }
    return false;
}

static str *place_of(struct query *query, str name)
{
    if (str_eq(name, S("after"))) return &query->cursor;
    if (str_eq(name, S("sort"))) return &query->sort;
    if (str_eq(name, S("filter"))) return &query->tree;
    if (str_eq(name, S("group_by"))) return &query->group_name;
    if (str_eq(name, S("view"))) return &query->view_id;
    return nullptr;
}

static enum err add_archived(struct task *task, struct query *query, str value)
{
    query->only_archived = str_eq(value, S("true"));
    query->takes_archived = query->only_archived || str_eq(value, S("all"));
    if (query->takes_archived || str_eq(value, S("false"))) return ERR_NONE;
    return fail_parameter(task, S("archived"), S("choice"), "is false, true or all");
}

enum err query_add(struct task *task, struct query *query, str name, str value)
{
    if (!utf8_is_valid(value))
        return fail_parameter(task, utf8_first(name, 64), S("format"), "is not UTF-8");
    if (is_twice(query, name)) return fail_parameter(task, name, S("twice"), "stands twice");
    if (str_eq(name, S("limit"))) return add_limit(task, query, value);
    if (str_eq(name, S("count"))) return add_count(task, query, value);
    if (str_eq(name, S("q"))) return query->words = str_trim(value), ERR_NONE;
    if (str_eq(name, S("archived")) && query->entity->archived_at != nullptr)
        return add_archived(task, query, value);
    if (str_eq(name, S("fields")))
        return shape_add_fields(task, query->entity, query->sight, value, &query->shape);
    if (str_eq(name, S("expand")))
        return shape_add_expand(task, query->entity, query->sight, value, &query->shape);
    str *place = place_of(query, name);
    if (place == nullptr) return add_parameter(task, query, name, value);
    return *place = value, ERR_NONE;
}

/* Sort. */

static enum err refuse_sort(struct task *task, const struct query *query, str name,
                            const char *what)
{
    struct buf known = buf_make(task->arena, 4096);
    for (uint32_t at = 0; at < query->entity->field_count; at++) {
        const struct field *field = &query->entity->fields[at];
        if (!field->is_indexed || !sight_shows(query->sight, field) || field->kind_of->is_list ||
            field_is_sealed(field))
            continue;
        buf_print(&known, ", %.*s", FMT(field->name));
    }
    return fail_parameter(task, S("sort"), S("unknown"), "\"%.*s\" %s; there are: id%.*s",
                          FMT(utf8_first(name, 64)), what, FMT(buf_str(&known)));
}

/** `-revenue`; *is_last_out: nothing can follow it, since no two records are equal in it. */
static enum err add_sort(struct task *task, struct query *query, str name, bool *is_last_out)
{
    bool is_descending = str_starts(name, S("-"));
    if (is_descending) name = str_from(name, 1);
    query->is_descending = is_descending;
    const struct field *field = entity_field_seen(query->entity, query->sight, name);
    *is_last_out = str_eq(name, S("id")) || (field != nullptr && is_in_id_order(field));
    if (*is_last_out) return ERR_NONE;
    if (field == nullptr) return refuse_sort(task, query, name, "is no field here");
    if (field->kind_of->is_list) return refuse_sort(task, query, name, "holds a list");
    if (field_is_sealed(field)) return refuse_sort(task, query, name, "is sealed");
    if (field->is_building)
        return fail_parameter(task, S("sort"), S("building"),
                              "%.*s is being built over the records there are; try again in a "
                              "while",
                              FMT(name));
    if (!field->is_indexed) return refuse_sort(task, query, name, "has no index to sort by");
    if (query->sort_count == SORTS_MAX)
        return fail_parameter(task, S("sort"), S("length"), "at most %u fields", SORTS_MAX);
    for (uint32_t at = 0; at < query->sort_count; at++)
        if (query->sorts[at].field == field)
            return fail_parameter(task, S("sort"), S("twice"), "%.*s stands twice", FMT(name));
    query->sorts[query->sort_count++] = (struct sort_part){field, is_descending};
    return ERR_NONE;
}

static enum err read_sort(struct task *task, struct query *query)
{
    str rest = query->sort;
    enum err first = ERR_NONE;
    for (bool is_more = rest.len > 0, is_last = false; is_more;) {
        str name;
        is_more = str_cut(rest, ',', &name, &rest);
        if (is_last)
            return fail_parameter(task, S("sort"), S("twice"),
                                  "nothing can follow the order of creation");
        enum err err = add_sort(task, query, name, &is_last);
        if (err != ERR_NONE) first = err;
    }
    return first;
}

/* Filters. */

/** The faults of filters as words of the query string. */
static enum err refuse_filter(struct task *task)
{
    if (task->fault.item_count == 0) return fail(task, ERR_UNREADABLE, "filter: cannot be read");
    const struct fault_item *told = &task->fault.items[0];
    enum err err = ERR_UNREADABLE;
    for (uint32_t at = 0; at < task->fault.item_count && err == ERR_UNREADABLE; at++) {
        if (!str_eq(task->fault.items[at].code, S("forbidden"))) continue;
        told = &task->fault.items[at];
        task->fault.detail = S("");
        err = ERR_FORBIDDEN;
    }
    return fail(task, err, "%.*s: %.*s", FMT(told->field), FMT(told->message));
}

/** `status=a&status=b` is one test with two values. */
static enum err read_parameters(struct task *task, struct query *query, struct condition_form *form,
                                const struct condition **items, uint32_t *count)
{
    str *values = arena_new(task->arena, str, query->parameter_count);
    bool is_right = true;
    for (uint32_t at = 0; at < query->parameter_count; at++) {
        const struct query_parameter *parameter = &query->parameters[at];
        uint32_t value_count = 0;
        bool is_first = true;
        for (uint32_t of = 0; of < query->parameter_count; of++) {
            if (!str_eq(query->parameters[of].name, parameter->name)) continue;
            is_first = is_first && of >= at;
            values[value_count++] = query->parameters[of].value;
        }
        if (!is_first) continue;
        bool is_read =
            condition_read_named(task, form, parameter->name, values, value_count, &items[*count]);
        *count += is_read;
        is_right = is_right && is_read;
    }
    return is_right ? ERR_NONE : refuse_filter(task);
}

static enum err read_tree(struct task *task, str text, struct condition_form *form,
                          const struct condition **tree_out)
{
    struct buf given = buf_make(task->arena, BODY_BYTES_MAX);
    struct task quiet = {.arena = task->arena};
    enum err err = json_read(&quiet, text, &given);
    if (err != ERR_NONE)
        return fail_parameter(task, S("filter"), S("format"), "is no JSON: %.*s",
                              FMT(quiet.fault.detail));
    struct value value = value_of(buf_str(&given));
    return condition_read(task, form, &value, tree_out) ? ERR_NONE : refuse_filter(task);
}

/** Whether the entity has any archived record: mostly there is none, and nothing to leave out. */
static enum err has_archived(const struct view *view, const struct entity *entity, bool *has_out)
{
    struct scan_range all = {.is_unbounded_from = true, .is_unbounded_to = true};
    struct scan_entry entry;
    struct scan *scan = scan_index(view->txn, entity->number, entity->archived_at->number, &all);
    enum err err = scan_next(scan, has_out, &entry);
    scan_close(scan);
    return err;
}

/** Archived records are left out unless they are asked for. */
static enum err read_archived(const struct view *view, struct query *query,
                              struct condition_form *form, const struct condition **items,
                              uint32_t *count)
{
    struct task *task = view->task;
    const struct entity *entity = query->entity;
    if (entity->archived_at == nullptr) return ERR_NONE;
    const struct field *fields[CONDITION_TESTS_MAX];
    for (uint32_t at = 0; at < *count && !query->takes_archived; at++) {
        uint32_t named = condition_fields(items[at], fields);
        for (uint32_t of = 0; of < named; of++)
            query->takes_archived = query->takes_archived || fields[of] == entity->archived_at;
    }
    if (query->takes_archived && !query->only_archived) return ERR_NONE;
    bool has_any = query->only_archived;
    if (!has_any) TRY(has_archived(view, entity, &has_any));
    if (!has_any) return ERR_NONE;
    str is_empty = query->only_archived ? S("false") : S("true");
    form->sight = sight_all(); /* not the reader asks for it */
    bool is_read =
        condition_read_named(task, form, S("archived_at[empty]"), &is_empty, 1, &items[(*count)++]);
    return is_read ? ERR_NONE : refuse_filter(task);
}

static enum err read_filters(const struct view *view, struct query *query)
{
    struct task *task = view->task;
    struct condition_form form = {.entity = query->entity,
                                  .arena = task->arena,
                                  .path = S("filter"),
                                  .sight = query->sight,
                                  .needs_index = true};
    const struct condition **items =
        arena_new(task->arena, const struct condition *, query->parameter_count + 4);
    uint32_t count = 0;
    enum err err = read_parameters(task, query, &form, items, &count);
    if (query->tree.len > 0) {
        enum err of_tree = read_tree(task, query->tree, &form, &items[count]);
        if (of_tree == ERR_NONE) count++;
        else if (err != ERR_FORBIDDEN) err = of_tree;
    }
    TRY(err);
    items[count] = query->more;
    query->asked = condition_all(task->arena, items, count + 1);
    TRY(read_archived(view, query, &form, items, &count));
    items[count++] = query->more;
    bool is_exact;
    items[count++] = rows_condition(view, query->entity, &is_exact);
    query->tests_rows = !is_exact;
    query->filter = condition_all(task->arena, items, count);
    return condition_verify(view, query->filter) ? ERR_NONE : refuse_filter(task);
}

static enum err read_group(struct task *task, struct query *query)
{
    str name = query->group_name;
    if (name.len == 0) return ERR_NONE;
    const struct field *field = entity_field_seen(query->entity, query->sight, name);
    bool is_fit = field != nullptr && field->is_indexed &&
                  (field->set != nullptr || field->kind == FIELD_BOOLEAN ||
                   field->kind == FIELD_COUNTRY || field->kind == FIELD_CURRENCY ||
                   field->kind == FIELD_LANGUAGE || field->kind == FIELD_REFERENCE);
    if (!is_fit)
        return fail_parameter(task, S("group_by"), S("unknown"),
                              "\"%.*s\" is no indexed choice, boolean or reference of %.*s",
                              FMT(utf8_first(name, 64)), FMT(query->entity->name));
    return query->group = field, ERR_NONE;
}

/* A cursor is base64url of: 8 bytes of keyed hash over what follows, the tenant and the list it
 * belongs to; for each sort field one byte, 00 without a value or 01, one with its length, its
 * ordered bytes; 16 bytes id. */

constexpr size_t CURSOR_BYTES_MAX = 8 + SORTS_MAX * (2 + KEY_ORDERED_BYTES_MAX) + 16;

static uint64_t cursor_hash(const struct space *space, struct arena *arena,
                            const struct query *query, str position)
{
    struct buf list = buf_make(arena, 256);
    buf_put(&list, id_bytes(&space->uuid));
    buf_print(&list, "cursor %u %d", query->entity->number, query->is_descending);
    for (uint32_t at = 0; at < query->sort_count; at++)
        buf_print(&list, " %u %d", query->sorts[at].field->number, query->sorts[at].is_descending);
    return short_hash(&space->hash_key, buf_str(&list), position);
}

str query_cursor(struct arena *arena, const struct space *space, const struct query *query,
                 const struct list_place *place)
{
    struct buf out = buf_make(arena, CURSOR_BYTES_MAX);
    struct buf position = buf_make(arena, CURSOR_BYTES_MAX);
    for (uint32_t at = 0; at < query->sort_count; at++) {
        const struct sort_value *value = &place->values[at];
        require(value->ordered.len <= KEY_ORDERED_BYTES_MAX);
        buf_put_byte(&position, value->has_value ? 1 : 0);
        buf_put_byte(&position, (char)(uint8_t)value->ordered.len);
        buf_put(&position, value->ordered);
    }
    buf_put(&position, id_bytes(&place->id));
    uint64_t hash = cursor_hash(space, arena, query, buf_str(&position));
    buf_put(&out, (str){(const char *)&hash, sizeof hash});
    buf_put(&out, buf_str(&position));
    return base64url_write(arena, buf_str(&out));
}

static bool read_position(const struct query *query, str position, struct list_place *place)
{
    for (uint32_t at = 0; at < query->sort_count; at++) {
        if (position.len < 2) return false;
        size_t len = (uint8_t)position.at[1];
        if (len > KEY_ORDERED_BYTES_MAX || position.len < 2 + len) return false;
        place->values[at] =
            (struct sort_value){position.at[0] == 1, str_first(str_from(position, 2), len)};
        position = str_from(position, 2 + len);
    }
    return id_of_bytes(position, &place->id);
}

static enum err read_cursor(const struct view *view, struct query *query)
{
    if (query->cursor.len == 0) return ERR_NONE;
    struct task *task = view->task;
    str bytes;
    uint64_t hash;
    bool is_right = query->cursor.len <= 2 * CURSOR_BYTES_MAX &&
                    base64url_read(task->arena, query->cursor, &bytes) &&
                    bytes.len >= sizeof hash && bytes.len <= CURSOR_BYTES_MAX;
    if (is_right) {
        str position = str_from(bytes, sizeof hash);
        memcpy(&hash, bytes.at, sizeof hash);
        is_right = hash == cursor_hash(txn_space(view->txn), task->arena, query, position) &&
                   read_position(query, position, &query->after);
    }
    query->has_after = is_right;
    if (is_right) return ERR_NONE;
    return fail_parameter(task, S("after"), S("format"),
                          "is no cursor of this list; take `next` of a page with the same sort");
}

enum err query_end(const struct view *view, struct query *query)
{
    struct task *task = view->task;
    TRY(scope_require(task, view->scope, query->entity, SCOPE_VIEW));
    enum err of_view = ERR_NONE;
    if (query->view_id.len > 0) of_view = view_apply(view, query->view_id, query);
    if (of_view != ERR_UNREADABLE) TRY(of_view);
    /* One fault does not hide the next: only the cursor has no meaning without its sort. */
    enum err of_sort = read_sort(task, query);
    enum err of_filters = read_filters(view, query);
    enum err of_group = read_group(task, query);
    enum err of_cursor = of_sort == ERR_NONE ? read_cursor(view, query) : ERR_NONE;
    TRY(of_filters);
    TRY(of_view);
    TRY(of_sort);
    TRY(of_group);
    return of_cursor;
}
