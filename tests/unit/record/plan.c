/* Whatever way a list is walked, it is the list: random filters and sorts against a look at every
 * record, page by page. The seed is printed. */
#include "base/random.h"
#include "fixture.h"
#include "record/draft.h"

constexpr uint32_t RECORDS = 160;
constexpr uint32_t QUERIES = 250;

struct stored {
    struct id id;
    str value;
};

static uint32_t below(uint32_t count)
{
    return (uint32_t)(random_uint64() % count);
}

static void fill(struct fixture *fixture)
{
    static const char *const statuses[] = {"active", "past", "potential"};
    for (uint32_t at = 0; at < RECORDS; at++) {
        char json[512];
        uint32_t tag = below(5);
        snprintf(json, sizeof json,
                 "{\"name\":\"N%02u\",\"kind\":\"individual\",\"status\":\"%s\",\"stage\":\"%s\","
                 "\"tags\":[\"t%u\",\"t%u\"]%s%s}",
                 below(60), statuses[below(3)], below(2) == 0 ? "lead" : "customer", tag,
                 (tag + 1 + below(4)) % 5, below(2) == 0 ? ",\"vat_number\":\"V1\"" : "",
                 below(3) == 0 ? ",\"default_address\":{\"line1\":\"W\",\"city\":\"Graz\"}" : "");
        fixture_create(fixture, "client", json);
    }
}

static void put_test(struct buf *json)
{
    static const char *const tests[] = {
        "\"status\":\"active\"",
        "\"status\":[\"active\",\"past\"]",
        "\"status\":{\"ne\":\"past\"}",
        "\"stage\":\"lead\"",
        "\"tags\":\"t1\"",
        "\"tags\":[\"t0\",\"t3\",\"t4\"]",
        "\"tags\":{\"prefix\":\"t\"}",
        "\"name\":{\"gte\":\"n10\",\"lt\":\"n40\"}",
        "\"name\":{\"prefix\":\"n2\"}",
        "\"name\":{\"gt\":\"n33\"}",
        "\"vat_number\":null",
        "\"vat_number\":\"V1\"",
        "\"default_address.city\":\"graz\"",
        "\"created_at\":{\"gte\":\"2020-01-01\"}",
        "\"created_at\":{\"lt\":\"2020-01-01\"}",
        "\"emails\":\"nobody@firm.example\"",
    };
    buf_print(json, "%s", tests[below(sizeof tests / sizeof tests[0])]);
}

static void put_tree(struct buf *json, uint32_t depth)
{
    static const char *const words[] = {"and", "or", "not"};
    uint32_t what = depth == 0 ? 3 : below(5);
    if (what == 2) {
        buf_print(json, "{\"not\":");
        put_tree(json, depth - 1);
        buf_print(json, "}");
    } else if (what < 2) {
        uint32_t count = 1 + below(3);
        buf_print(json, "{\"%s\":[", words[what]);
        for (uint32_t at = 0; at < count; at++) {
            if (at > 0) buf_put_byte(json, ',');
            put_tree(json, depth - 1);
        }
        buf_print(json, "]}");
    } else {
        buf_put_byte(json, '{');
        put_test(json);
        buf_put_byte(json, '}');
    }
}

static const char *some_sort(void)
{
    static const char *const sorts[] = {"id",
                                        "-id",
                                        "name",
                                        "-name",
                                        "status",
                                        "-status",
                                        "vat_number",
                                        "-vat_number",
                                        "created_at",
                                        "-updated_at",
                                        "-status,name",
                                        "stage,-vat_number,name",
                                        "vat_number,-id",
                                        "stage,-created_at",
                                        "-name,-id"};
    return sorts[below(sizeof sorts / sizeof sorts[0])];
}

/** Every record that the filter means, in the order of ids. */
static uint32_t find_all(const struct view *view, const struct query *query, struct stored *found)
{
    struct scan_range range = {.is_unbounded_from = true, .is_unbounded_to = true};
    struct scan *scan = scan_records(view->txn, query->entity->number, &range);
    uint32_t count = 0;
    for (;;) {
        bool has_entry;
        struct scan_entry entry;
        check_int(scan_next(scan, &has_entry, &entry), ERR_NONE);
        if (!has_entry) break;
        str slots[FIELDS_MAX];
        slots_read(query->entity, entry.value, slots);
        if (condition_holds(view, view->task->arena, query->filter, slots))
            found[count++] = (struct stored){entry.id, entry.value};
    }
    scan_close(scan);
    return count;
}

static str ordered_of(const struct view *view, const struct field *field, str record)
{
    struct value stored;
    if (!value_find(record, field->number, &stored)) return (str){};
    return field->kind_of->order(view->task->arena, field, &stored).items[0];
}

/** Whether `a` may stand before `b`: values before none, then by value, then by id. */
static bool is_in_order(const struct view *view, const struct query *query, const struct record *a,
                        const struct record *b)
{
    for (uint32_t at = 0; at < query->sort_count; at++) {
        str one = ordered_of(view, query->sorts[at].field, a->value);
        str other = ordered_of(view, query->sorts[at].field, b->value);
        if ((one.len == 0) != (other.len == 0)) return other.len == 0;
        int order = str_compare(one, other);
        if (order != 0) return query->sorts[at].is_descending ? order > 0 : order < 0;
    }
    int order = memcmp(a->id.bytes, b->id.bytes, 16);
    return query->is_descending ? order > 0 : order < 0;
}

static void try_query(struct fixture *fixture, const char *tree, const char *sort,
                      uint32_t keys_max)
{
    struct stored wanted[RECORDS];
    bool is_seen[RECORDS] = {};
    str after = {};
    uint32_t total = 0, wanted_count = 0;
    struct test_task test;
    test_task_init(&test);
    struct task *task = &test.task;
    struct txn *txn;
    check_int(txn_open(task, &fixture->space, &txn), ERR_NONE);
    struct view view = {task, txn, fixture->model, &fixture->scope};
    struct record last = {};
    for (bool is_more = true; is_more;) {
        struct query query;
        struct query_page page;
        query_init(&query, model_entity(fixture->model, S("client")), &fixture->scope);
        query.limit = 7;
        check_int(query_add(task, &query, S("filter"), str_of(tree)), ERR_NONE);
        check_int(query_add(task, &query, S("sort"), str_of(sort)), ERR_NONE);
        if (after.len > 0) check_int(query_add(task, &query, S("after"), after), ERR_NONE);
        check_int(query_end(&view, &query), ERR_NONE);
        if (after.len == 0) {
            bool is_exact;
            uint32_t count;
            wanted_count = find_all(&view, &query, wanted);
            check_int(query_count(&view, &query, RECORDS, 0, &count, &is_exact), ERR_NONE);
            check_int(count, wanted_count);
            check(is_exact);
        }
        task->keys_max = keys_max;
        check_int(query_read(&view, &query, &page), ERR_NONE);
        task->keys_max = 0;
        for (uint32_t at = 0; at < page.count; at++, total++) {
            const struct record *record = &page.records[at];
            uint32_t found = 0;
            while (found < wanted_count && !id_eq(wanted[found].id, record->id)) found++;
            check(found < wanted_count && !is_seen[found]);
            is_seen[found] = true;
            check(total == 0 || is_in_order(&view, &query, &last, record));
            last = *record;
        }
        after = page.next;
        is_more = after.len > 0;
    }
    check_int(total, wanted_count);
    txn_close(txn);
    test_task_drop(&test);
}

TEST(test_plan__finds_what_a_look_at_every_record_finds)
{
    const char *given = getenv("ATRIUM_SEED");
    uint64_t seed = given == nullptr ? random_uint64() : strtoull(given, nullptr, 10);
    printf("seed %llu\n", (unsigned long long)seed);
    struct fixture fixture;
    fixture_init(&fixture);
    random_seed(seed);
    fill(&fixture);
    for (uint32_t at = 0; at < QUERIES; at++) {
        char room[4096];
        struct arena *arena = fixture.test.task.arena;
        struct buf tree = buf_make(arena, sizeof room);
        put_tree(&tree, 3);
        const char *sort = some_sort();
        snprintf(room, sizeof room, "%.*s", FMT(buf_str(&tree)));
        if (given != nullptr) printf("%s %s\n", sort, room);
        try_query(&fixture, room, sort, below(2) == 0 ? 0 : WORKER_KEYS_MAX);
    }
    fixture_check(&fixture);
    fixture_drop(&fixture);
}
