/* What a query answers: pages, counts, groups. */
#include "base/require.h"
#include "record/draft.h"
#include "record/index.h"
#include "record/listing.h"
#include "value/json.h"

constexpr uint32_t COUNT_KEYS_MAX = 20'000; /** of one `count`; it is a courtesy, not the answer */

/* Pages. */

static void name_test(struct buf *names, const struct condition_test *test)
{
    const struct field *field = test->of != nullptr ? test->of : test->field;
    buf_print(names, "%s%.*s", names->len == 0 ? "" : ", ", FMT(field->name));
    if (test->of != nullptr) buf_print(names, ".%.*s", FMT(test->field->name));
}

static bool note_test(void *argument, const struct condition_test *test)
{
    name_test(argument, test);
    return true;
}

/** What was walked without an index of its own: as it was asked for, since what the scope and the
 *  archive leave out is nobody's question. */
static str unindexed(const struct listing *listing)
{
    const struct query *query = listing->query;
    if (listing->is_whole && listing->refused <= query->limit) return (str){};
    struct buf names = buf_make(listing->view->task->arena, 4096);
    if (query->words.len > 0) buf_put(&names, S("q"));
    (void)condition_visit(query->asked, &names, note_test);
    for (uint32_t at = 0; at < query->sort_count; at++)
        buf_print(&names, "%s%.*s",
                  at > 0           ? ", "
                  : names.len == 0 ? "sorted by "
                                   : " sorted by ",
                  FMT(query->sorts[at].field->name));
    return buf_str(&names);
}

/** There is nobody to ask after a worker. */
static enum err refuse_page(const struct listing *listing)
{
    struct task *task = listing->view->task;
    uint32_t keys_max = task->keys_max;
    struct listing asked = *listing;
    asked.is_whole = false;
    task_fault_clear(task);
    return fail(task, ERR_UNREADABLE,
                "this list is not indexed (%.*s) and more than %u keys would be touched; narrow "
                "it by a filter that few records pass, or sort by the filtered field",
                FMT(unindexed(&asked)), keys_max);
}

enum err query_read(const struct view *view, const struct query *query, struct query_page *page)
{
    require(query->filter != nullptr);
    struct listing listing = {.view = view, .query = query, .max = query->limit};
    enum err err = listing_run(&listing);
    if (err == ERR_TOO_LARGE && view->task->keys_max > LOOP_KEYS_MAX &&
        view->task->keys_touched >= view->task->keys_max)
        return refuse_page(&listing);
    TRY(err);
    struct record *records = arena_new(view->task->arena, struct record, listing.page.count);
    for (uint32_t at = 0; at < listing.page.count; at++)
        records[at] = (struct record){query->entity, listing.page.items[at].place.id,
                                      listing.page.items[at].record};
    *page = (struct query_page){
        .count = listing.page.count, .records = records, .unindexed = unindexed(&listing)};
    if (listing.is_full)
        page->next = query_cursor(view->task->arena, txn_space(view->txn), query,
                                  &listing.page.items[listing.page.count - 1].place);
    return ERR_NONE;
}

/* Counts. */

/** A count needs no order: it takes the one in which the filters are walked best. */
static void set_counting_order(struct query *query)
{
    const struct condition *conjuncts;
    uint32_t count = query_conjuncts(query, &conjuncts);
    query->sort_count = 0;
    query->is_descending = false;
    if (count == 0) /* every record has one, and its entries are smaller than records */
        query->sorts[query->sort_count++] =
            (struct sort_part){entity_field_by_number(query->entity, FIELD_UPDATED_AT), false};
    for (uint32_t at = 0; at < count && query->sort_count == 0; at++) {
        const struct condition_test *test = conjuncts[at].test;
        bool is_range = conjuncts[at].kind == CONDITION_TEST && test->of == nullptr &&
                        test->op != TEST_NOT_EQUAL && test->op != TEST_EMPTY &&
                        test->op != TEST_EQUAL && !test->field->kind_of->is_list &&
                        !is_in_id_order(test->field);
        if (is_range) query->sorts[query->sort_count++] = (struct sort_part){test->field, false};
    }
}

enum err query_count(const struct view *view, const struct query *query, uint32_t max,
                     uint32_t keys, uint32_t *count_out, bool *is_exact_out)
{
    struct query counted = *query;
    struct listing listing = {.view = view, .query = &counted, .is_count = true, .max = max};
    if (keys > 0) listing.keys_end = view->task->keys_touched + keys;
    set_counting_order(&counted);
    enum err err = listing_run(&listing);
    bool is_over = err == ERR_TOO_LARGE && view->task->keys_max > LOOP_KEYS_MAX;
    if (is_over) task_fault_clear(view->task);
    else TRY(err);
    *count_out = listing.given;
    *is_exact_out = !is_over && !listing.is_full && !listing.is_given_up;
    return ERR_NONE;
}

static enum err write_count(struct buf *json, const struct view *view, const struct query *query,
                            uint32_t shown)
{
    uint32_t count;
    bool is_exact;
    TRY(query_count(view, query, QUERY_COUNT_MAX, COUNT_KEYS_MAX, &count, &is_exact));
    buf_print(json, ",\"count\":{\"value\":%u,\"exact\":%s}", count > shown ? count : shown,
              is_exact ? "true" : "false");
    return ERR_NONE;
}

enum err query_write(struct buf *json, const struct view *view, const struct query *query,
                     str *unindexed_out)
{
    struct query_page page;
    TRY(query_read(view, query, &page));
    *unindexed_out = page.unindexed;
    buf_put(json, S("{\"data\":["));
    for (uint32_t at = 0; at < page.count; at++) {
        if (at > 0) buf_put_byte(json, ',');
        record_write(json, view, &page.records[at], &query->shape);
    }
    buf_put(json, S("],\"next\":"));
    if (page.next.len == 0) buf_put(json, S("null"));
    else json_write_text(json, page.next);
    if (query->wants_count) TRY(write_count(json, view, query, page.count));
    if (query->group != nullptr) TRY(groups_write(json, view, query));
    buf_put_byte(json, '}');
    return buf_is_over(json)
               ? fail(view->task, ERR_TOO_LARGE, "the page is too large; ask for fewer")
               : ERR_NONE;
}
