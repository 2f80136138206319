#include "record/draft.h"
#include "record/query.h"

#include <stdlib.h>

#include "base/fold.h"
#include "base/require.h"
#include "model/kind.h"

constexpr uint32_t SAMPLE_FIRST = 100;   /** entries counted to judge a filter, to begin with */
constexpr uint32_t SAMPLE_LAST = 20'000; /** … and on a worker, when a short walk did not do */
constexpr uint32_t SHORT_WALK = 80;      /** keys of that walk for each record of the page */
constexpr size_t SCRATCH_BYTES = 4 * MIB;

/** A place in the order of the list. */
struct hit {
    bool has_value;
    str ordered;
    struct id id;
};

/** One walk through the list: it writes a page, or it counts. */
struct walk {
    const struct view *view;
    const struct query *query;
    struct buf *json;            /** nullptr: count */
    const struct filter *driver; /** holds already for what the walk offers */
    struct arena scratch;        /** for one record */
    uint32_t given;
    bool is_full;
    uint32_t keys_end; /** give up the walk at this many keys touched; 0: not bounded */
    bool is_given_up;
    struct hit last;
};

static bool compares(enum filter_op op, str key, str value)
{
    int order = str_compare(key, value);
    switch (op) {
    case FILTER_EQUAL:
    case FILTER_NOT_EQUAL:
        return order == 0;
    case FILTER_GREATER:
        return order > 0;
    case FILTER_GREATER_EQUAL:
        return order >= 0;
    case FILTER_LESS:
        return order < 0;
    case FILTER_LESS_EQUAL:
        return order <= 0;
    case FILTER_PREFIX:
        return str_starts(key, value);
    case FILTER_EMPTY:
        return false;
    }
    return false;
}

static bool compares_any(enum filter_op op, struct key_list list, str value)
{
    bool is_any = false;
    for (uint32_t at = 0; at < list.count && !is_any; at++)
        is_any = compares(op, list.items[at], value);
    return is_any;
}

/** Whether the walk's own index decides this filter. */
static bool is_driven(const struct walk *walk, const struct filter *filter)
{
    return filter == walk->driver && !filter->is_cut;
}

/** The filtered field's stored value: of the record, or of the one its reference leads to. */
static str filtered_value(const struct walk *walk, const struct filter *filter, const str *slots)
{
    if (filter->of == nullptr) return slots[field_position(filter->field)];
    struct id id;
    str value, behind[FIELDS_MAX];
    if (!slots_reference(slots, filter->of, &id)) return (str){};
    if (txn_record_get_view(walk->view->txn, filter->of->to->number, id, &value) != ERR_NONE)
        return (str){};
    slots_read(filter->of->to, value, behind);
    return behind[field_position(filter->field)];
}

static bool filter_holds(struct walk *walk, const struct filter *filter, const str *slots)
{
    struct arena *arena = &walk->scratch;
    str stored = filtered_value(walk, filter, slots);
    if (filter->op == FILTER_EMPTY) return (stored.len == 0) == filter->is_empty;
    struct key_list keys = {}, texts = {};
    if (stored.len > 0) {
        struct value value = value_of(stored);
        keys = filter->field->kind_of->order(arena, filter->field, &value);
        if (filter->is_cut) texts = texts_folded(arena, &value);
    }
    bool is_any = false;
    for (uint32_t at = 0; at < filter->value_count && !is_any; at++) {
        bool is_cut = filter->wholes[at].len > 0;
        is_any = is_cut ? compares_any(filter->op, texts, filter->wholes[at])
                        : compares_any(filter->op, keys, filter->values[at]);
    }
    return filter->op == FILTER_NOT_EQUAL ? !is_any : is_any;
}

static bool filters_hold(struct walk *walk, const str *slots)
{
    bool holds = true;
    for (uint32_t at = 0; at < walk->query->filter_count && holds; at++) {
        const struct filter *filter = &walk->query->filters[at];
        if (is_driven(walk, filter)) continue;
        holds = filter_holds(walk, filter, slots);
    }
    arena_clear(&walk->scratch);
    return holds;
}

/** Gives a record its place on the page; at the page's end the walk is full. */
static void give(struct walk *walk, const struct record *record, const struct hit *hit)
{
    uint32_t max = walk->json == nullptr ? QUERY_COUNT_MAX : walk->query->limit;
    if (walk->given == max) {
        walk->is_full = true;
        return;
    }
    if (walk->json != nullptr) {
        if (walk->given > 0) buf_put_byte(walk->json, ',');
        record_write(walk->json, walk->view, record, &walk->query->shape);
        walk->last = *hit;
        walk->last.ordered = arena_copy(walk->view->task->arena, hit->ordered);
    }
    walk->given++;
}

/** Whether the walk has had the keys it was given; it ends then. */
static bool is_given_up(struct walk *walk)
{
    if (walk->keys_end == 0 || walk->view->task->keys_touched < walk->keys_end) return false;
    return walk->is_given_up = true;
}

static enum err load_value(const struct walk *walk, const struct entity *entity, struct id id,
                           str *value_out)
{
    enum err err = txn_record_get_view(walk->view->txn, entity->number, id, value_out);
    if (err == ERR_NONE) return ERR_NONE;
    return fail(walk->view->task, err == ERR_MISSING ? ERR_CORRUPT : err,
                "a stored %.*s is damaged, or an index names one that is not there",
                FMT(entity->name));
}

static enum err load(const struct walk *walk, struct id id, struct record *record_out)
{
    const struct entity *entity = walk->query->entity;
    *record_out = (struct record){.entity = entity, .id = id};
    return load_value(walk, entity, id, &record_out->value);
}

static enum err offer(struct walk *walk, const struct hit *hit)
{
    struct record record = {};
    uint32_t driven_count = walk->driver != nullptr && is_driven(walk, walk->driver) ? 1 : 0;
    bool is_decided = walk->query->filter_count <= driven_count;
    if (!is_decided || walk->json != nullptr) TRY(load(walk, hit->id, &record));
    if (!is_decided) {
        str slots[FIELDS_MAX];
        slots_read(record.entity, record.value, slots);
        if (!filters_hold(walk, slots)) return ERR_NONE;
    }
    give(walk, &record, hit);
    return ERR_NONE;
}

/** Walks an index (or, without a field, the records) in the list's own order from the cursor on. */
static enum err walk_scan(struct walk *walk, struct scan *scan, bool has_value)
{
    while (!walk->is_full && !is_given_up(walk)) {
        bool has_entry;
        struct scan_entry entry;
        TRY(scan_next(scan, &has_entry, &entry));
        if (!has_entry) break;
        struct hit hit = {has_value, has_value ? entry.ordered : (str){}, entry.id};
        TRY(offer(walk, &hit));
    }
    scan_close(scan);
    return ERR_NONE;
}

static void range_go_on(const struct walk *walk, struct scan_range *range, str ordered)
{
    const struct query *query = walk->query;
    range->is_descending = query->is_descending;
    if (walk->json == nullptr || !query->has_after) return;
    range->has_after = true;
    range->after_ordered = ordered;
    range->after_id = query->after_id;
}

/** The records without a value in the sort field, by id; they stand at the end. */
static enum err walk_absent(struct walk *walk)
{
    const struct query *query = walk->query;
    const struct field *sort = query->sort;
    bool is_always_there = (sort->is_required && sort->waived_by.len == 0) ||
                           sort->number == FIELD_CREATED_AT || sort->number == FIELD_UPDATED_AT;
    if (is_always_there || walk->is_full || walk->is_given_up) return ERR_NONE;
    struct scan_range range = {.is_unbounded_from = true, .is_unbounded_to = true};
    if (!query->after_has_value) range_go_on(walk, &range, (str){});
    range.is_descending = query->is_descending;
    struct scan *scan = scan_records(walk->view->txn, query->entity->number, &range);
    while (!walk->is_full && !is_given_up(walk)) {
        bool has_entry;
        struct scan_entry entry;
        TRY(scan_next(scan, &has_entry, &entry));
        if (!has_entry) break;
        str slots[FIELDS_MAX];
        slots_read(query->entity, entry.value, slots);
        if (slots[field_position(sort)].len > 0 || !filters_hold(walk, slots)) continue;
        struct record record = {query->entity, entry.id, entry.value};
        struct hit hit = {false, (str){}, entry.id};
        give(walk, &record, &hit);
    }
    scan_close(scan);
    return ERR_NONE;
}

static struct scan_range filter_range(const struct filter *filter, uint32_t at)
{
    str value = filter->values[at];
    struct scan_range range = {.from = value, .to = value};
    bool is_cut = filter->wholes[at].len > 0; /* then what begins with it may lie on either side */
    switch (filter->op) {
    case FILTER_GREATER:
        range.from_is_open = !is_cut;
        [[fallthrough]];
    case FILTER_GREATER_EQUAL:
        range.is_unbounded_to = true;
        break;
    case FILTER_LESS:
        range.to_is_open = !is_cut;
        [[fallthrough]];
    case FILTER_LESS_EQUAL:
        range.is_unbounded_from = true;
        break;
    case FILTER_EQUAL:
    case FILTER_PREFIX:
        break;
    case FILTER_NOT_EQUAL:
    case FILTER_EMPTY:
        require(false);
        break;
    }
    return range;
}

static bool may_drive(const struct filter *filter)
{
    return filter->op != FILTER_NOT_EQUAL && filter->op != FILTER_EMPTY;
}

/** In the order of the sort's index; a filter on the same field bounds the walk. */
static enum err walk_in_order(struct walk *walk)
{
    const struct query *query = walk->query;
    struct scan_range range = {.is_unbounded_from = true, .is_unbounded_to = true};
    struct txn *txn = walk->view->txn;
    if (query->sort == nullptr) {
        range_go_on(walk, &range, (str){});
        return walk_scan(walk, scan_records(txn, query->entity->number, &range), false);
    }
    for (uint32_t at = 0; at < query->filter_count && walk->driver == nullptr; at++) {
        const struct filter *filter = &query->filters[at];
        bool bounds = filter->of == nullptr && filter->field == query->sort && may_drive(filter);
        if (!bounds || filter->value_count != 1) continue;
        walk->driver = filter;
        range = filter_range(filter, 0);
    }
    bool is_past_values = walk->json != nullptr && query->has_after && !query->after_has_value;
    if (!is_past_values) {
        range_go_on(walk, &range, query->after_ordered);
        TRY(walk_scan(walk, scan_index(txn, query->entity->number, query->sort->number, &range),
                      true));
    }
    return walk->driver == nullptr ? walk_absent(walk) : ERR_NONE;
}

/** The filter with the fewest entries, counted up to `sample`; nullptr when there is none that
 *  could drive. */
static enum err choose_driver(const struct walk *walk, uint32_t sample,
                              const struct filter **driver_out, uint32_t *count_out)
{
    const struct query *query = walk->query;
    *driver_out = nullptr;
    *count_out = sample;
    for (uint32_t at = 0; at < query->filter_count; at++) {
        const struct filter *filter = &query->filters[at];
        if (!may_drive(filter)) continue;
        uint32_t count = 0;
        for (uint32_t value = 0; value < filter->value_count && count < *count_out; value++) {
            struct scan_range range = filter_range(filter, value);
            uint32_t more;
            TRY(scan_index_count(walk->view->txn, filter->field->entity->number,
                                 filter->field->number, &range, *count_out - count, &more));
            count += more;
        }
        if (*driver_out != nullptr && count >= *count_out) continue;
        *driver_out = filter;
        *count_out = count;
    }
    return ERR_NONE;
}

struct hits {
    uint32_t count;
    uint32_t capacity;
    struct hit *items;
};

static enum err hits_add(struct walk *walk, struct hits *hits, struct id id)
{
    if (hits->count == QUERY_HITS_MAX)
        return fail(walk->view->task, ERR_UNREADABLE,
                    "more than %u records match; add a word or a filter", QUERY_HITS_MAX);
    if (hits->count == hits->capacity) {
        uint32_t capacity = hits->capacity == 0 ? 64 : 2 * hits->capacity;
        struct hit *more = arena_new(walk->view->task->arena, struct hit, capacity);
        if (hits->count > 0) memcpy(more, hits->items, hits->count * sizeof *more);
        hits->items = more;
        hits->capacity = capacity;
    }
    hits->items[hits->count++] = (struct hit){.id = id};
    return ERR_NONE;
}

static enum err hits_of_scan(struct walk *walk, struct hits *hits, struct scan *scan)
{
    for (;;) {
        bool has_entry;
        struct scan_entry entry;
        TRY(scan_next(scan, &has_entry, &entry));
        if (!has_entry) break;
        TRY(hits_add(walk, hits, entry.id));
    }
    scan_close(scan);
    return ERR_NONE;
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(((const struct hit *)a)->id.bytes, ((const struct hit *)b)->id.bytes, 16);
}

/** Values before none, then by value, then by id. */
static int compare_hits(const void *left, const void *right)
{
    const struct hit *a = left, *b = right;
    if (a->has_value != b->has_value) return a->has_value ? -1 : 1;
    int order = str_compare(a->ordered, b->ordered);
    return order != 0 ? order : compare_ids(a, b);
}

static int compare_hits_down(const void *left, const void *right)
{
    const struct hit *a = left, *b = right;
    if (a->has_value != b->has_value) return a->has_value ? -1 : 1;
    return -compare_hits(left, right);
}

static void distinct(struct hits *hits)
{
    if (hits->count > 1) qsort(hits->items, hits->count, sizeof *hits->items, compare_ids);
    uint32_t kept = 0;
    for (uint32_t at = 0; at < hits->count; at++)
        if (kept == 0 || !id_eq(hits->items[kept - 1].id, hits->items[at].id))
            hits->items[kept++] = hits->items[at];
    hits->count = kept;
}

/* Words. */

/** A word of the query: it is found by the one or the other beginning (a number also by its last
 *  digits). */
struct query_word {
    uint32_t count;
    str beginnings[2];
};

static bool is_number(str word)
{
    for (size_t at = 0; at < word.len; at++)
        if (word.at[at] < '0' || word.at[at] > '9') return false;
    return word.len >= 3;
}

static uint32_t read_words(struct arena *arena, str text, struct query_word words[SEARCH_WORDS_MAX])
{
    bool is_digits;
    struct key_list list = kind_query_words(arena, text, &is_digits);
    uint32_t count = 0;
    if (is_digits) { /* the forms of one number, either of which will do */
        words[0] = (struct query_word){};
        for (uint32_t at = 0; at < list.count && at < 2; at++)
            words[0].beginnings[words[0].count++] = str_first(list.items[at], KEY_TOKEN_BYTES_MAX);
        return words[0].count > 0 ? 1 : 0;
    }
    for (uint32_t at = 0; at < list.count && count < SEARCH_WORDS_MAX; at++) {
        str word = str_first(list.items[at], KEY_TOKEN_BYTES_MAX);
        if (word.len == 0) continue;
        words[count] = (struct query_word){1, {word}};
        if (is_number(word)) {
            char *back = arena_take_raw(arena, word.len + 1);
            back[0] = '~';
            for (size_t digit = 0; digit < word.len; digit++)
                back[1 + digit] = word.at[word.len - 1 - digit];
            words[count].beginnings[words[count].count++] = (str){back, word.len + 1};
        }
        count++;
    }
    return count;
}

static bool has_word(struct key_list list, const struct query_word *word)
{
    for (uint32_t at = 0; at < list.count; at++)
        for (uint32_t of = 0; of < word->count; of++)
            if (str_starts(list.items[at], word->beginnings[of])) return true;
    return false;
}

static bool mark_words(struct walk *walk, const struct entity *entity, str value,
                       const struct query_word *words, uint32_t count, bool *has)
{
    str slots[FIELDS_MAX];
    slots_read(entity, value, slots);
    struct key_list own = record_words(&walk->scratch, entity, slots);
    bool has_all = true;
    for (uint32_t at = 0; at < count; at++) {
        has[at] = has[at] || has_word(own, &words[at]);
        has_all = has_all && has[at];
    }
    arena_clear(&walk->scratch);
    return has_all;
}

/** Whether the record itself and those under it have all words between them. */
static enum err has_words(struct walk *walk, const struct record *record,
                          const struct query_word *words, uint32_t count, bool *has_all_out)
{
    bool has[SEARCH_WORDS_MAX] = {};
    const struct entity *entity = record->entity;
    *has_all_out = mark_words(walk, entity, record->value, words, count, has);
    for (uint32_t of = 0; of < entity->under_count && !*has_all_out; of++) {
        const struct entity *under = entity->under[of];
        struct scan_range range = {.from = id_bytes(&record->id), .to = id_bytes(&record->id)};
        struct scan *scan = scan_index(walk->view->txn, under->number, under->via->number, &range);
        while (!*has_all_out) {
            bool has_entry;
            struct scan_entry entry;
            str value;
            TRY(scan_next(scan, &has_entry, &entry));
            if (!has_entry) break;
            TRY(load_value(walk, under, entry.id, &value));
            *has_all_out = mark_words(walk, under, value, words, count, has);
        }
        scan_close(scan);
    }
    return ERR_NONE;
}

/** Candidates of the rarest word; the others are compared in the records. */
static enum err gather_words(struct walk *walk, struct hits *hits)
{
    struct task *task = walk->view->task;
    uint16_t entity = walk->query->entity->number;
    struct query_word words[SEARCH_WORDS_MAX];
    uint32_t count = read_words(task->arena, walk->query->words, words);
    uint32_t rarest = 0, fewest = UINT32_MAX;
    for (uint32_t at = 0; at < count; at++) {
        uint32_t found = 0;
        for (uint32_t of = 0; of < words[at].count && count > 1; of++) {
            struct scan_range range = {.from = words[at].beginnings[of],
                                       .to = words[at].beginnings[of]};
            uint32_t more;
            TRY(scan_text_count(walk->view->txn, entity, &range, SAMPLE_FIRST, &more));
            found += more;
        }
        if (found >= fewest) continue;
        fewest = found;
        rarest = at;
    }
    for (uint32_t of = 0; count > 0 && of < words[rarest].count; of++) {
        struct scan_range range = {.from = words[rarest].beginnings[of],
                                   .to = words[rarest].beginnings[of]};
        TRY(hits_of_scan(walk, hits, scan_text(walk->view->txn, entity, &range)));
    }
    distinct(hits);
    if (count < 2) return ERR_NONE;
    uint32_t kept = 0;
    for (uint32_t at = 0; at < hits->count; at++) {
        struct record record;
        bool has_all;
        TRY(load(walk, hits->items[at].id, &record));
        TRY(has_words(walk, &record, words, count, &has_all));
        if (has_all) hits->items[kept++] = hits->items[at];
    }
    hits->count = kept;
    return ERR_NONE;
}

/** The records whose reference leads to one of the gathered ones. */
static enum err follow_back(struct walk *walk, const struct field *of, struct hits *hits)
{
    struct hits behind = *hits;
    *hits = (struct hits){};
    for (uint32_t at = 0; at < behind.count; at++) {
        struct scan_range range = {.from = id_bytes(&behind.items[at].id),
                                   .to = id_bytes(&behind.items[at].id)};
        TRY(hits_of_scan(walk, hits,
                         scan_index(walk->view->txn, of->entity->number, of->number, &range)));
    }
    distinct(hits);
    return ERR_NONE;
}

static enum err gather_filter(struct walk *walk, struct hits *hits)
{
    const struct filter *filter = walk->driver;
    const struct field *field = filter->field;
    for (uint32_t at = 0; at < filter->value_count; at++) {
        struct scan_range range = filter_range(filter, at);
        TRY(hits_of_scan(
            walk, hits, scan_index(walk->view->txn, field->entity->number, field->number, &range)));
    }
    distinct(hits);
    return filter->of == nullptr ? ERR_NONE : follow_back(walk, filter->of, hits);
}

/** What was gathered lies in the order of ids: the walk ends with the page. */
static enum err give_by_id(struct walk *walk, const struct hits *hits)
{
    const struct query *query = walk->query;
    for (uint32_t at = 0; at < hits->count && !walk->is_full; at++) {
        const struct hit *hit = &hits->items[query->is_descending ? hits->count - 1 - at : at];
        int place = memcmp(hit->id.bytes, query->after_id.bytes, 16);
        bool is_behind = query->is_descending ? place < 0 : place > 0;
        if (walk->json != nullptr && query->has_after && !is_behind) continue;
        TRY(offer(walk, hit));
    }
    return ERR_NONE;
}

/** Sorts what was gathered and gives the part behind the cursor. */
static enum err give_sorted(struct walk *walk, struct hits *hits)
{
    const struct query *query = walk->query;
    struct arena *arena = walk->view->task->arena;
    uint32_t kept = 0;
    for (uint32_t at = 0; at < hits->count; at++) {
        struct record record;
        struct hit hit = hits->items[at];
        TRY(load(walk, hit.id, &record));
        str slots[FIELDS_MAX];
        slots_read(query->entity, record.value, slots);
        if (!filters_hold(walk, slots)) continue;
        str stored = slots[field_position(query->sort)];
        if (stored.len > 0) {
            struct value value = value_of(stored);
            struct key_list keys = query->sort->kind_of->order(&walk->scratch, query->sort, &value);
            hit.has_value = keys.count > 0;
            hit.ordered = keys.count > 0 ? arena_copy(arena, keys.items[0]) : (str){};
            arena_clear(&walk->scratch);
        }
        hits->items[kept++] = hit;
    }
    int (*compare)(const void *, const void *) =
        query->is_descending ? compare_hits_down : compare_hits;
    if (kept > 1) qsort(hits->items, kept, sizeof *hits->items, compare);
    struct hit after = {query->after_has_value, query->after_ordered, query->after_id};
    for (uint32_t at = 0; at < kept && !walk->is_full; at++) {
        struct record record;
        if (query->has_after && compare(&hits->items[at], &after) <= 0) continue;
        TRY(load(walk, hits->items[at].id, &record));
        give(walk, &record, &hits->items[at]);
    }
    return ERR_NONE;
}

/** A count needs no order. */
static enum err give_hits(struct walk *walk, struct hits *hits)
{
    bool is_ordered = walk->query->sort != nullptr && walk->json != nullptr;
    return is_ordered ? give_sorted(walk, hits) : give_by_id(walk, hits);
}

/** Walks in the list's own order with all filters checked, for at most so many keys: filters that
 *  let much through fill the page soon. Otherwise nothing was given. */
static enum err walk_shortly(struct walk *walk, uint32_t keys, bool *is_done_out)
{
    size_t mark = walk->json->len;
    walk->driver = nullptr;
    walk->keys_end = walk->view->task->keys_touched + keys;
    TRY(walk_in_order(walk));
    *is_done_out = !walk->is_given_up;
    if (*is_done_out) return ERR_NONE;
    walk->json->len = mark;
    walk->given = 0;
    walk->is_given_up = false;
    walk->keys_end = 0;
    return ERR_NONE;
}

static bool is_on_loop(const struct task *task)
{
    return task->keys_max > 0 && task->keys_max <= LOOP_KEYS_MAX;
}

/** Entries counted to judge one filter; all of them together may use half of the task's keys. */
static uint32_t sample_size(const struct walk *walk, uint32_t wanted)
{
    uint32_t filters = walk->query->filter_count > 0 ? walk->query->filter_count : 1;
    uint32_t fair = (is_on_loop(walk->view->task) ? LOOP_KEYS_MAX : WORKER_KEYS_MAX) / 2 / filters;
    return wanted < fair ? wanted : fair;
}

/** Entries of one value lie in the order of ids: that is the list's own order. */
static bool is_in_id_order(const struct query *query, const struct filter *driver)
{
    return query->sort == nullptr && driver->of == nullptr && driver->op == FILTER_EQUAL &&
           driver->value_count == 1;
}

static enum err gather_and_give(struct walk *walk)
{
    struct hits hits = {};
    TRY(gather_filter(walk, &hits));
    return give_hits(walk, &hits);
}

/** By the filter with the fewest entries if these are few, in the list's own order if not. */
static enum err walk_filtered(struct walk *walk)
{
    const struct query *query = walk->query;
    uint32_t sample = sample_size(walk, SAMPLE_FIRST), count;
    TRY(choose_driver(walk, sample, &walk->driver, &count));
    if (walk->driver == nullptr) return walk_in_order(walk);
    if (is_in_id_order(query, walk->driver)) {
        const struct field *field = walk->driver->field;
        struct scan_range range = filter_range(walk->driver, 0);
        range_go_on(walk, &range, walk->driver->values[0]);
        return walk_scan(
            walk, scan_index(walk->view->txn, query->entity->number, field->number, &range), false);
    }
    if (count < sample) return gather_and_give(walk);
    if (!is_on_loop(walk->view->task)) {
        bool is_done = false;
        if (walk->json != nullptr) TRY(walk_shortly(walk, SHORT_WALK * query->limit, &is_done));
        if (is_done) return ERR_NONE;
        sample = sample_size(walk, SAMPLE_LAST);
        TRY(choose_driver(walk, sample, &walk->driver, &count));
        if (count < sample) return gather_and_give(walk);
    }
    walk->driver = nullptr;
    return walk_in_order(walk);
}

static enum err walk_run(struct walk *walk)
{
    struct hits hits = {};
    if (walk->query->words.len == 0) return walk_filtered(walk);
    TRY(gather_words(walk, &hits));
    return give_hits(walk, &hits);
}

static enum err walk_guarded(void *argument)
{
    struct walk *walk = argument;
    walk->scratch.escape = walk->view->task->arena->escape;
    return walk_run(walk);
}

/** Past a hard cap the walk is left for here, so that its scratch memory is given back. */
static enum err walk_whole(struct walk *walk)
{
    arena_init(&walk->scratch, SCRATCH_BYTES);
    enum err err = arena_guard(walk->view->task->arena, walk_guarded, walk);
    arena_drop(&walk->scratch);
    return err;
}

/** A filter for a choice that a closed set does not have is a mistake, not an empty page; one
 *  through a reference needs a view of what is behind it. */
static enum err verify_filters(const struct view *view, const struct query *query)
{
    for (uint32_t at = 0; at < query->filter_count; at++) {
        const struct filter *filter = &query->filters[at];
        const struct choice_set *set = filter->field->set;
        if (!scope_may(view->scope, filter->field->entity->number, SCOPE_VIEW))
            return fail(view->task, ERR_FORBIDDEN, "you may not see %.*s",
                        FMT(filter->field->entity->plural));
        if (set == nullptr || (filter->op != FILTER_EQUAL && filter->op != FILTER_NOT_EQUAL))
            continue;
        for (uint32_t of = 0; of < filter->value_count; of++)
            if (!choice_is_known(view, set, filter->texts[of]))
                return fail(view->task, ERR_UNREADABLE,
                            "%.*s: has no choice \"%.*s\"; there are: %.*s",
                            FMT(filter->field->name), FMT(utf8_first(filter->texts[of], 100)),
                            FMT(choices_text(view->task->arena, set)));
    }
    return ERR_NONE;
}

/** How many there are; at least this many where that needs more keys than a worker may touch. */
static enum err write_count(struct buf *json, const struct view *view, const struct query *query,
                            uint32_t shown)
{
    struct walk count = {.view = view, .query = query};
    enum err err = walk_whole(&count);
    bool is_exact = err == ERR_NONE && !count.is_full;
    if (err == ERR_TOO_LARGE && view->task->keys_max > LOOP_KEYS_MAX) {
        task_fault_clear(view->task);
        err = ERR_NONE;
    }
    TRY(err);
    buf_print(json, ",\"count\":{\"value\":%u,\"exact\":%s}",
              count.given > shown ? count.given : shown, is_exact ? "true" : "false");
    return ERR_NONE;
}

enum err query_write(struct buf *json, const struct view *view, const struct query *query)
{
    if (!scope_may(view->scope, query->entity->number, SCOPE_VIEW))
        return fail(view->task, ERR_FORBIDDEN, "you may not see %.*s", FMT(query->entity->plural));
    TRY(verify_filters(view, query));
    struct walk page = {.view = view, .query = query, .json = json};
    buf_put(json, S("{\"data\":["));
    enum err err = walk_whole(&page);
    /* On a loop it is asked again on a worker; there is nobody to ask after that. */
    if (err == ERR_TOO_LARGE && view->task->keys_max > LOOP_KEYS_MAX) return ERR_UNREADABLE;
    TRY(err);
    buf_put(json, S("],\"next\":"));
    if (!page.is_full) buf_put(json, S("null"));
    else
        buf_print(json, "\"%.*s\"",
                  FMT(query_cursor(view->task->arena, txn_space(view->txn), query,
                                   page.last.has_value, page.last.ordered, page.last.id)));
    if (query->wants_count) TRY(write_count(json, view, query, page.given));
    buf_put_byte(json, '}');
    return buf_is_over(json)
               ? fail(view->task, ERR_TOO_LARGE, "the page is too large; ask for fewer")
               : ERR_NONE;
}
