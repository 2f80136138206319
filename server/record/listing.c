#include "record/listing.h"

#include <stdlib.h>

#include "base/require.h"
#include "record/draft.h"
#include "record/index.h"
#include "record/merge.h"
#include "record/rows.h"

constexpr uint32_t TIES_MAX = 20'000;
constexpr size_t SCRATCH_BYTES = 4 * MIB;
/** Keys of the first attempt of each plan; each round has so many times more. */
constexpr uint32_t ROUND_KEYS_LOOP = 120;
constexpr uint32_t ROUND_KEYS_WORKER = 240;
constexpr uint32_t ROUND_FACTOR = 8;

/* Hits. */

static struct hit *hits_room(struct listing *listing, struct hits *hits)
{
    if (hits->count == hits->capacity) {
        uint32_t capacity = hits->capacity == 0 ? 64 : 2 * hits->capacity;
        struct hit *more = arena_new(listing->view->task->arena, struct hit, capacity);
        if (hits->count > 0) memcpy(more, hits->items, hits->count * sizeof *more);
        hits->items = more;
        hits->capacity = capacity;
    }
    return &hits->items[hits->count++];
}

/** ERR_UNREADABLE past QUERY_HITS_MAX. */
static enum err hits_add(struct listing *listing, struct hits *hits, struct id id)
{
    if (hits->count == QUERY_HITS_MAX)
        return fail(listing->view->task, ERR_UNREADABLE,
                    "more than %u records match; add a word or a filter", QUERY_HITS_MAX);
    *hits_room(listing, hits) = (struct hit){.place.id = id};
    return arena_is_over(listing->view->task->arena)
               ? fail(listing->view->task, ERR_UNREADABLE,
                      "so many records match that sorting them takes too much memory; add a filter")
               : ERR_NONE;
}

enum err hits_of_scan(struct listing *listing, struct hits *hits, struct scan *scan)
{
    for (;;) {
        bool has_entry;
        struct scan_entry entry;
        TRY(scan_next(scan, &has_entry, &entry));
        if (!has_entry) break;
        TRY(hits_add(listing, hits, entry.id));
    }
    scan_close(scan);
    return ERR_NONE;
}

static int compare_ids(const void *a, const void *b)
{
    const struct hit *one = a, *other = b;
    return memcmp(one->place.id.bytes, other->place.id.bytes, 16);
}

void hits_distinct(struct hits *hits)
{
    if (hits->count > 1) qsort(hits->items, hits->count, sizeof *hits->items, compare_ids);
    uint32_t kept = 0;
    for (uint32_t at = 0; at < hits->count; at++)
        if (kept == 0 || !id_eq(hits->items[kept - 1].place.id, hits->items[at].place.id))
            hits->items[kept++] = hits->items[at];
    hits->count = kept;
}

/* Places. */

/** Values before none, then by value; by id at last. */
static int compare_places(const struct query *query, const struct list_place *a,
                          const struct list_place *b)
{
    for (uint32_t at = 0; at < query->sort_count; at++) {
        const struct sort_value *one = &a->values[at], *other = &b->values[at];
        if (one->has_value != other->has_value) return one->has_value ? -1 : 1;
        int order = str_compare(one->ordered, other->ordered);
        if (order != 0) return query->sorts[at].is_descending ? -order : order;
    }
    int order = memcmp(a->id.bytes, b->id.bytes, 16);
    return query->is_descending ? -order : order;
}

static int compare_hits(const void *a, const void *b, void *query)
{
    const struct hit *one = a, *other = b;
    return compare_places(query, &one->place, &other->place);
}

static void sort_hits(const struct query *query, struct hits *hits)
{
    if (hits->count > 1)
        qsort_r(hits->items, hits->count, sizeof *hits->items, compare_hits, (void *)query);
}

/** The place of a record that has been read, from the sort field at `from` on. */
static void fill_place(struct listing *listing, struct hit *hit, const str *slots, uint32_t from)
{
    const struct query *query = listing->query;
    for (uint32_t at = from; at < query->sort_count; at++) {
        const struct field *field = query->sorts[at].field;
        struct sort_value *value = &hit->place.values[at];
        str stored = slots[field_position(field)];
        *value = (struct sort_value){};
        if (stored.len == 0) continue;
        struct value read = value_of(stored);
        struct key_list keys = field->kind_of->order(&listing->scratch, field, &read);
        if (keys.count == 0) continue;
        value->has_value = true;
        value->ordered = arena_copy(listing->view->task->arena, keys.items[0]);
    }
}

static bool is_behind_cursor(const struct listing *listing, const struct list_place *place)
{
    const struct query *query = listing->query;
    return listing->is_count || !query->has_after ||
           compare_places(query, place, &query->after) > 0;
}

/* One record. */

enum err listing_load(const struct listing *listing, const struct entity *entity, struct id id,
                      str *value_out)
{
    enum err err = txn_record_get_view(listing->view->txn, entity->number, id, value_out);
    if (err == ERR_NONE) return ERR_NONE;
    return fail(listing->view->task, err == ERR_MISSING ? ERR_CORRUPT : err,
                "a stored %.*s is damaged, or an index names one that is not there",
                FMT(entity->name));
}

static enum err read_hit(const struct listing *listing, struct hit *hit)
{
    if (hit->record.len > 0) return ERR_NONE;
    return listing_load(listing, listing->query->entity, hit->place.id, &hit->record);
}

/** Gives a record its place on the page; one more than the page holds makes it full. */
static void give(struct listing *listing, const struct hit *hit)
{
    if (listing->given == listing->max) {
        listing->is_full = true;
        return;
    }
    listing->given++;
    if (!listing->is_count) *hits_room(listing, &listing->page) = *hit;
}

static bool has_ended(struct listing *listing)
{
    bool is_over = listing->keys_end > 0 && listing->view->task->keys_touched >= listing->keys_end;
    listing->is_given_up = listing->is_given_up || is_over;
    return listing->is_full || listing->is_given_up;
}

/** Whether the record is one of the list; reads it when that, or its later places, must be
 *  known. */
static enum err test_hit(struct listing *listing, struct hit *hit, const struct condition *rest,
                         uint32_t places_from, bool *is_in_out)
{
    const struct view *view = listing->view;
    const struct query *query = listing->query;
    bool needs_places = !listing->is_count && places_from < query->sort_count;
    *is_in_out = true;
    if (rest == nullptr && !needs_places && !query->tests_rows) return ERR_NONE;
    TRY(read_hit(listing, hit));
    str slots[FIELDS_MAX];
    slots_read(query->entity, hit->record, slots);
    bool is_meant = rest == nullptr || condition_holds_seen(view, &listing->scratch, rest, slots);
    *is_in_out = is_meant &&
                 (!query->tests_rows || rows_see(view, query->entity, hit->place.id, hit->record));
    if (*is_in_out && needs_places) fill_place(listing, hit, slots, places_from);
    if (!is_meant) listing->refused++; /* what is out of sight does not count */
    arena_clear(&listing->scratch);
    return ERR_NONE;
}

/* In the order of an index. */

/** Sorts the records that are equal in the first sort field by the others, and gives them. */
static enum err give_ties(struct listing *listing)
{
    struct hits *ties = &listing->ties;
    sort_hits(listing->query, ties);
    for (uint32_t at = 0; at < ties->count && !listing->is_full; at++) {
        if (is_behind_cursor(listing, &ties->items[at].place)) give(listing, &ties->items[at]);
        else listing->refused++;
    }
    ties->count = 0;
    return ERR_NONE;
}

static enum err add_tie(struct listing *listing, const struct hit *hit)
{
    struct hits *ties = &listing->ties;
    const struct sort_value *value = &hit->place.values[0];
    const struct sort_value *last =
        ties->count == 0 ? value : &ties->items[ties->count - 1].place.values[0];
    bool is_tied = value->has_value == last->has_value && str_eq(value->ordered, last->ordered);
    if (!is_tied) TRY(give_ties(listing));
    if (ties->count == TIES_MAX)
        return fail(listing->view->task, ERR_UNREADABLE,
                    "sort: more than %u records have the same %.*s; add a filter, or sort by it "
                    "alone",
                    TIES_MAX, FMT(listing->query->sorts[0].field->name));
    *hits_room(listing, ties) = *hit;
    return ERR_NONE;
}

static enum err offer(struct listing *listing, const struct section *section,
                      const struct merged *merged)
{
    struct hit hit = {.place.id = merged->id, .record = merged->record};
    bool is_in;
    bool is_tied = query_is_tied(listing->query) && !listing->is_count;
    TRY(test_hit(listing, &hit, section->rest, 1, &is_in));
    if (!is_in) return ERR_NONE;
    hit.place.values[0] = (struct sort_value){
        merged->value.has_value, arena_copy(listing->view->task->arena, merged->value.ordered)};
    if (is_tied) return add_tie(listing, &hit);
    if (!listing->is_count && listing->given < listing->max) TRY(read_hit(listing, &hit));
    give(listing, &hit);
    return ERR_NONE;
}

static enum err walk_section(struct listing *listing, const struct section *section,
                             const struct list_place *after)
{
    bool is_inclusive = query_is_tied(listing->query);
    struct merge *merge = merge_open(listing->view, listing->query, section, after, is_inclusive);
    while (!has_ended(listing)) {
        bool has_one;
        struct merged merged;
        TRY(merge_next(merge, &has_one, &merged));
        if (!has_one) break;
        TRY(offer(listing, section, &merged));
    }
    merge_close(merge);
    return listing->is_given_up ? ERR_NONE : give_ties(listing);
}

static enum err walk_plan(struct listing *listing, const struct plan *plan)
{
    const struct query *query = listing->query;
    bool has_after = query->has_after && !listing->is_count;
    bool is_past_values = has_after && query->sort_count > 0 && !query->after.values[0].has_value;
    listing->is_whole = plan->is_whole;
    for (uint32_t at = 0; at < plan->section_count && !has_ended(listing); at++) {
        bool is_entered = has_after && (query->sort_count == 0 || (at == 1) == is_past_values);
        if (at == 0 && is_past_values) continue;
        TRY(walk_section(listing, &plan->sections[at], is_entered ? &query->after : nullptr));
    }
    return ERR_NONE;
}

/** … for at most so many keys; otherwise nothing was given. */
static enum err try_plan(struct listing *listing, const struct plan *plan, uint32_t keys,
                         bool *is_done_out)
{
    struct listing before = *listing;
    listing->keys_end = listing->view->task->keys_touched + keys;
    TRY(walk_plan(listing, plan));
    *is_done_out = !listing->is_given_up;
    if (*is_done_out) return ERR_NONE;
    struct arena scratch = listing->scratch;
    *listing = before;
    listing->scratch = scratch;
    return ERR_NONE;
}

/* Gathered first. */

/** What was gathered lies in the order of ids: the walk ends with the page. */
static enum err give_by_id(struct listing *listing, struct hits *hits, const struct condition *rest)
{
    const struct query *query = listing->query;
    for (uint32_t at = 0; at < hits->count && !has_ended(listing); at++) {
        struct hit *hit = &hits->items[query->is_descending ? hits->count - 1 - at : at];
        bool is_in;
        if (!is_behind_cursor(listing, &hit->place)) continue;
        TRY(test_hit(listing, hit, rest, UINT32_MAX, &is_in));
        if (!is_in) continue;
        if (!listing->is_count && listing->given < listing->max) TRY(read_hit(listing, hit));
        give(listing, hit);
    }
    return ERR_NONE;
}

static enum err give_sorted(struct listing *listing, struct hits *hits,
                            const struct condition *rest)
{
    uint32_t kept = 0;
    for (uint32_t at = 0; at < hits->count; at++) {
        bool is_in;
        TRY(test_hit(listing, &hits->items[at], rest, 0, &is_in));
        if (is_in) hits->items[kept++] = hits->items[at];
    }
    hits->count = kept;
    sort_hits(listing->query, hits);
    for (uint32_t at = 0; at < kept && !listing->is_full; at++)
        if (is_behind_cursor(listing, &hits->items[at].place)) give(listing, &hits->items[at]);
    return ERR_NONE;
}

static enum err give_gathered(struct listing *listing, struct hits *hits,
                              const struct condition *rest)
{
    bool is_sorted = listing->query->sort_count > 0 && !listing->is_count;
    return is_sorted ? give_sorted(listing, hits, rest) : give_by_id(listing, hits, rest);
}

/** The records whose reference leads to one of the gathered ones. */
static enum err follow_back(struct listing *listing, const struct field *of, struct hits *hits)
{
    struct hits behind = *hits;
    *hits = (struct hits){};
    for (uint32_t at = 0; at < behind.count; at++) {
        str id = id_bytes(&behind.items[at].place.id);
        struct scan_range range = {.from = id, .to = id};
        TRY(hits_of_scan(listing, hits,
                         scan_index(listing->view->txn, of->entity->number, of->number, &range)));
    }
    return ERR_NONE;
}

static enum err gather_source(struct listing *listing, const struct condition_test *test,
                              struct hits *hits)
{
    struct hits found = {};
    const struct field *field = test->field;
    for (uint32_t at = 0; at < test->value_count; at++) {
        struct scan_range range = source_range(test, at);
        TRY(hits_of_scan(
            listing, &found,
            scan_index(listing->view->txn, field->entity->number, field->number, &range)));
    }
    hits_distinct(&found);
    if (test->of != nullptr) TRY(follow_back(listing, test->of, &found));
    for (uint32_t at = 0; at < found.count; at++)
        TRY(hits_add(listing, hits, found.items[at].place.id));
    return ERR_NONE;
}

static enum err driver_gather(struct listing *listing, const struct driver *driver,
                              struct hits *hits)
{
    for (uint32_t at = 0; at < driver->source_count; at++)
        TRY(gather_source(listing, driver->sources[at], hits));
    hits_distinct(hits);
    return ERR_NONE;
}

static enum err walk_gathered(struct listing *listing, const struct driver *driver)
{
    struct hits hits = {};
    TRY(driver_gather(listing, driver, &hits));
    const struct condition *rest = condition_rest(listing->view->task->arena, listing->query,
                                                  driver->is_exact ? driver->condition : nullptr);
    listing->is_whole = false;
    return give_gathered(listing, &hits, rest);
}

/* Which way. */

/** What lies under the clients that a source finds, counted up to `max`: rows of a scope look
 *  through lists of references. */
static enum err count_under(const struct listing *listing, const struct condition_test *test,
                            const struct scan_range *range, uint32_t max, uint32_t *count_out)
{
    struct txn *txn = listing->view->txn;
    struct scan *scan = scan_index(txn, test->field->entity->number, test->field->number, range);
    *count_out = 0;
    for (uint32_t behind = 0; *count_out < max && behind < max; behind++) {
        bool has_entry;
        struct scan_entry entry;
        uint32_t more;
        TRY(scan_next(scan, &has_entry, &entry));
        if (!has_entry) break;
        struct id id = entry.id;
        struct scan_range under = {.from = id_bytes(&id), .to = id_bytes(&id)};
        TRY(scan_index_count(txn, test->of->entity->number, test->of->number, &under,
                             max - *count_out, &more));
        *count_out += more + 1;
    }
    if (*count_out > max) *count_out = max;
    scan_close(scan);
    return ERR_NONE;
}

/** Entries that the driver's sources have, counted up to `max`. */
static enum err driver_count(const struct listing *listing, const struct driver *driver,
                             uint32_t max, uint32_t *count_out)
{
    *count_out = 0;
    for (uint32_t at = 0; at < driver->source_count; at++) {
        const struct condition_test *test = driver->sources[at];
        for (uint32_t of = 0; of < test->value_count && *count_out < max; of++) {
            struct scan_range range = source_range(test, of);
            uint32_t more;
            bool is_through = test->of != nullptr && test->of->kind == FIELD_REFERENCES;
            if (is_through) TRY(count_under(listing, test, &range, max - *count_out, &more));
            else
                TRY(scan_index_count(listing->view->txn, test->field->entity->number,
                                     test->field->number, &range, max - *count_out, &more));
            *count_out += more;
        }
    }
    return ERR_NONE;
}

/** The condition that finds the fewest, counted up to `keys` in all; false when none finds fewer
 *  than its part of these. */
static enum err find_rare(const struct listing *listing, uint32_t keys, struct driver *rare,
                          bool *is_found_out)
{
    const struct condition *conjuncts;
    uint32_t count = query_conjuncts(listing->query, &conjuncts);
    uint32_t fewest = count == 0 ? 0 : keys / count;
    struct driver driver;
    *is_found_out = false;
    for (uint32_t at = 0; at < count && fewest > 0; at++) {
        uint32_t found;
        if (!driver_make(listing->view, &conjuncts[at], &driver)) continue;
        TRY(driver_count(listing, &driver, fewest, &found));
        if (found >= fewest) continue;
        fewest = found;
        *rare = driver;
        *is_found_out = true;
    }
    return ERR_NONE;
}

static bool is_on_loop(const struct task *task)
{
    return task->keys_max > 0 && task->keys_max <= LOOP_KEYS_MAX;
}

/** All ways in turn, with more keys in each round, until one fills the page: so the cheapest is
 *  found at a few times its own price. */
static enum err walk_in_rounds(struct listing *listing, const struct plan *plans, uint32_t count)
{
    const struct task *task = listing->view->task;
    uint32_t keys = is_on_loop(task) ? ROUND_KEYS_LOOP : ROUND_KEYS_WORKER;
    uint32_t end = task->keys_max > 0 ? task->keys_max : WORKER_KEYS_MAX;
    for (; task->keys_touched + (count + 1) * keys < end; keys *= ROUND_FACTOR) {
        struct driver rare;
        bool is_done;
        TRY(find_rare(listing, keys / 2, &rare, &is_done));
        if (is_done) return walk_gathered(listing, &rare);
        for (uint32_t at = 0; at < count; at++) {
            TRY(try_plan(listing, &plans[at], keys, &is_done));
            if (is_done) return ERR_NONE;
        }
    }
    if (is_on_loop(task))
        return fail(listing->view->task, ERR_TOO_LARGE, "this takes more than %u keys",
                    task->keys_max);
    return walk_plan(listing, &plans[0]);
}

/** A count needs no order: what few have is gathered, the rest walked as far as the keys last. */
static enum err walk_count(struct listing *listing, const struct plan *plan)
{
    struct driver rare;
    bool is_rare;
    uint32_t keys = is_on_loop(listing->view->task) ? ROUND_KEYS_LOOP : ROUND_KEYS_WORKER;
    TRY(find_rare(listing, keys, &rare, &is_rare));
    return is_rare ? walk_gathered(listing, &rare) : walk_plan(listing, plan);
}

/** The condition, of a filter or of the scope, that fewer records fit than have the words; false:
 *  there is none, or the words are rare. */
static enum err find_rarer(struct listing *listing, struct driver *rare, bool *is_found_out)
{
    const struct condition *conjuncts;
    uint32_t count = query_conjuncts(listing->query, &conjuncts);
    bool are_common = false;
    *is_found_out = false;
    for (uint32_t at = 0; at < count && !are_common; at++)
        are_common = driver_make(listing->view, &conjuncts[at], rare);
    for (uint32_t max = ROUND_KEYS_LOOP; are_common && !*is_found_out && max < QUERY_HITS_MAX;
         max *= ROUND_FACTOR) {
        TRY(words_are_common(listing, max, &are_common));
        if (are_common) TRY(find_rare(listing, count * max, rare, is_found_out));
    }
    return ERR_NONE;
}

static enum err walk_words(struct listing *listing)
{
    struct hits hits = {};
    struct driver rare;
    bool is_rare;
    TRY(find_rarer(listing, &rare, &is_rare));
    if (is_rare) {
        TRY(driver_gather(listing, &rare, &hits));
        TRY(words_keep(listing, &hits));
    } else {
        TRY(words_gather(listing, &hits));
    }
    listing->is_whole = false;
    return give_gathered(listing, &hits,
                         condition_rest(listing->view->task->arena, listing->query, nullptr));
}

static enum err listing_walk(struct listing *listing)
{
    if (listing->query->words.len > 0) return walk_words(listing);
    struct plan plans[PLANS_MAX];
    uint32_t count;
    TRY(plans_make(listing->view, listing->query, plans, &count));
    if (plans[0].is_whole) return walk_plan(listing, &plans[0]);
    if (listing->is_count) return walk_count(listing, &plans[0]);
    return walk_in_rounds(listing, plans, count);
}

static enum err listing_guarded(void *argument)
{
    struct listing *listing = argument;
    listing->scratch.escape = listing->view->task->arena->escape;
    return listing_walk(listing);
}

/** Past a hard cap the walk is left for here, so that its scratch memory is given back. */
enum err listing_run(struct listing *listing)
{
    arena_init(&listing->scratch, SCRATCH_BYTES);
    enum err err = arena_guard(listing->view->task->arena, listing_guarded, listing);
    arena_drop(&listing->scratch);
    return err;
}
