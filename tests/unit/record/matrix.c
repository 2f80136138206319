/* What a list touches, for every filter and sort that the schema allows: 300 keys for a page of 50
 * where README.md calls the two indexed; bounded and told where not. ATRIUM_MATRIX_RECORDS=100000
 * fills as many records (and prints the figures); otherwise a few thousand do. */
#include "fixture.h"
#include "record/index.h"

constexpr uint32_t KEYS_INDEXED_MAX = 300;
constexpr uint32_t RECORDS_SMALL = 1'200;
constexpr uint32_t OTHERS_EACH = 37; /** of the combinations without an index every so manieth */
constexpr uint32_t CHANGE_RECORDS = 400;

/** The values of the n-th record; the same text is a filter's value. */
static str value_text(struct arena *arena, const struct field *field, uint32_t n)
{
    static const char *const countries[] = {"DE", "FR", "NO", "AT"};
    static const char *const languages[] = {"de", "en", "fr"};
    static const char *const currencies[] = {"EUR", "USD"};
    const struct choice_set *set = field->set;
    switch (field->kind) {
    case FIELD_TEXT:
        if (field->is_unique || field->is_title) return arena_print(arena, "Name %06u", n);
        return arena_print(arena, "word %u", n % 40);
    case FIELD_CHOICE:
    case FIELD_CHOICES:
        if (set->choice_count > 0) return set->choices[n % set->choice_count].value;
        return arena_print(arena, "choice %u", n % 25);
    case FIELD_EMAILS:
        return arena_print(arena, "mail%u@firm.example", n);
    case FIELD_PHONES:
        return arena_print(arena, "+49 30 %06u", n);
    case FIELD_URL:
        return arena_print(arena, "https://w%u.example/", n % 500);
    case FIELD_COUNTRY:
        return str_of(countries[n % 4]);
    case FIELD_LANGUAGE:
        return str_of(languages[n % 3]);
    case FIELD_CURRENCY:
        return str_of(currencies[n % 2]);
    case FIELD_DATE:
        return arena_print(arena, "20%02u-03-%02u", 10 + n % 15, 1 + n % 28);
    case FIELD_BOOLEAN:
        return S("false");
    default:
        return (str){};
    }
}

struct filling {
    struct fixture_change run;
    const struct entity *entity;
    uint32_t from, count;
    struct id references[8];
    uint32_t reference_count;
};

static void write_member(struct buf *json, struct arena *arena, const struct filling *filling,
                         const struct field *field, uint32_t n)
{
    str text = value_text(arena, field, n);
    if (field->kind == FIELD_REFERENCE && filling->reference_count > 0)
        text = id_text(arena, filling->references[n % filling->reference_count]);
    bool is_given = text.len > 0 && !field->is_computed && field->is_indexed &&
                    field->through.link == nullptr && field->one_of_per == nullptr;
    /* A third of what need not be there is not. */
    if (!is_given || (!field->is_required && (n / 3) % 3 == 2)) return;
    bool is_text = field->kind != FIELD_BOOLEAN;
    buf_print(json, "%s\"%.*s\":%s%s%.*s%s%s", json->len == 1 ? "" : ",", FMT(field->name),
              field->kind_of->is_list ? "[" : "", is_text ? "\"" : "", FMT(text),
              is_text ? "\"" : "", field->kind_of->is_list ? "]" : "");
}

static enum err fill_some(struct work *work, struct txn *txn)
{
    struct filling *filling = (struct filling *)work;
    struct fixture_change *run = &filling->run;
    txn_set_task(txn, &run->task);
    struct change change = {.task = &run->task,
                            .txn = txn,
                            .model = run->fixture->model,
                            .scope = &run->fixture->scope,
                            .is_import = true};
    for (uint32_t at = 0; at < filling->count; at++) {
        struct buf json = buf_make(&run->arena, 8 * KIB), given = buf_make(&run->arena, 8 * KIB);
        buf_put_byte(&json, '{');
        for (uint32_t of = 0; of < filling->entity->field_count; of++)
            write_member(&json, &run->arena, filling, &filling->entity->fields[of],
                         filling->from + at);
        buf_put_byte(&json, '}');
        TRY(json_read(&run->task, buf_str(&json), &given));
        struct value value = value_of(buf_str(&given));
        struct id id;
        TRY(record_create(&change, filling->entity, &value, &id));
    }
    return change_finish(&change);
}

static uint32_t fill(struct fixture *fixture, const char *name, const struct id *references,
                     uint32_t reference_count)
{
    const char *wanted = getenv("ATRIUM_MATRIX_RECORDS");
    uint32_t total = wanted == nullptr ? RECORDS_SMALL : (uint32_t)strtoul(wanted, nullptr, 10);
    for (uint32_t from = 0; from < total; from += CHANGE_RECORDS) {
        struct filling filling = {.entity = model_entity(fixture->model, str_of(name)),
                                  .from = from,
                                  .count =
                                      total - from < CHANGE_RECORDS ? total - from : CHANGE_RECORDS,
                                  .reference_count = reference_count};
        for (uint32_t at = 0; at < reference_count; at++) filling.references[at] = references[at];
        struct fixture_change *run = &filling.run;
        run->fixture = fixture;
        arena_init(&run->arena, 256 * MIB);
        task_init(&run->task, &run->arena);
        run->work = (struct work){.run = fill_some, .arena = &run->arena};
        enum err err = store_write(fixture->store, &fixture->space, &run->work);
        if (err != ERR_NONE) fprintf(stderr, "fill: %.*s\n", FMT(run->task.fault.detail));
        for (uint32_t at = 0; at < run->task.fault.item_count; at++)
            fprintf(stderr, "  %.*s: %.*s\n", FMT(run->task.fault.items[at].field),
                    FMT(run->task.fault.items[at].message));
        check_int(err, ERR_NONE);
        arena_drop(&run->arena);
    }
    return total;
}

/** One list: a filter of one field or none, a sort, a bound of the sorted field or none. */
struct combination {
    const struct entity *entity;
    const struct field *equal;
    const struct field *sort;
    bool is_descending;
    bool is_bounded;
    uint32_t value_count; /** of the filter */
};

struct outcome {
    enum err err;
    uint32_t count;
    uint32_t keys;
    bool is_told;
    str next;
};

static struct outcome ask(struct fixture *fixture, const struct combination *one,
                          const struct id *references, uint32_t reference_count, str after)
{
    struct test_task test;
    test_task_init(&test);
    struct task *task = &test.task;
    struct arena *arena = task->arena;
    task->keys_max = WORKER_KEYS_MAX;
    struct query query;
    query_init(&query, one->entity, &fixture->scope);
    for (uint32_t at = 0; one->equal != nullptr && at < one->value_count; at++) {
        str text = one->equal->kind == FIELD_REFERENCE
                       ? id_text(arena, references[at % reference_count])
                       : value_text(arena, one->equal, 3 * at);
        check_int(query_add(task, &query, one->equal->name, text), ERR_NONE);
    }
    if (one->sort != nullptr) {
        str sort =
            arena_print(arena, "%s%.*s", one->is_descending ? "-" : "", FMT(one->sort->name));
        check_int(query_add(task, &query, S("sort"), sort), ERR_NONE);
        str bound =
            one->sort->kind == FIELD_TIME ? S("2020-01-01") : value_text(arena, one->sort, 1);
        str name = arena_print(arena, "%.*s[gte]", FMT(one->sort->name));
        if (one->is_bounded) check_int(query_add(task, &query, name, bound), ERR_NONE);
    }
    after = arena_copy(arena, after);
    if (after.len > 0) check_int(query_add(task, &query, S("after"), after), ERR_NONE);
    struct txn *txn;
    check_int(txn_open(task, &fixture->space, &txn), ERR_NONE);
    struct view view = {task, txn, fixture->model, &fixture->scope};
    check_int(query_end(&view, &query), ERR_NONE);
    task->keys_touched = 0;
    struct query_page page = {};
    struct outcome outcome = {.err = query_read(&view, &query, &page)};
    outcome.count = page.count;
    outcome.keys = task->keys_touched;
    outcome.is_told = page.unindexed.len > 0;
    static char next[KEY_BYTES_MAX];
    check(page.next.len <= sizeof next);
    if (page.next.len > 0) memcpy(next, page.next.at, page.next.len);
    outcome.next = (str){next, page.next.len};
    txn_close(txn);
    test_task_drop(&test);
    return outcome;
}

/** As README.md defines it. */
static bool is_indexed_pair(const struct combination *one)
{
    if (one->equal == nullptr || one->equal == one->sort) return true;
    if (one->sort == nullptr || is_in_id_order(one->sort)) return true;
    return entity_pair(one->entity, one->equal, one->sort) != nullptr;
}

struct figures {
    uint32_t indexed, unindexed, refused;
    uint32_t indexed_keys_max, unindexed_keys_max;
    uint32_t others;
};

static str describe(struct arena *arena, const struct combination *one)
{
    return arena_print(arena, "%.*s: %.*s%s%s, sort %s%.*s%s", FMT(one->entity->name),
                       FMT(one->equal == nullptr ? S("no filter") : one->equal->name),
                       one->equal == nullptr ? "" : " equal", one->value_count > 1 ? " to any" : "",
                       one->is_descending ? "-" : "",
                       FMT(one->sort == nullptr ? S("id") : one->sort->name),
                       one->is_bounded ? ", bounded" : "");
}

static void try_one(struct fixture *fixture, const struct combination *one,
                    const struct id *references, uint32_t reference_count, struct figures *figures)
{
    str after = {};
    bool is_large = getenv("ATRIUM_MATRIX_RECORDS") != nullptr;
    if (!is_indexed_pair(one) &&
        figures->others++ % (is_large ? 3 * OTHERS_EACH : OTHERS_EACH) != 0)
        return;
    for (int page = 0; page < 2; page++) {
        struct outcome outcome = ask(fixture, one, references, reference_count, after);
        uint32_t *most =
            is_indexed_pair(one) ? &figures->indexed_keys_max : &figures->unindexed_keys_max;
        *most = outcome.keys > *most ? outcome.keys : *most;
        bool is_right =
            is_indexed_pair(one)
                ? outcome.err == ERR_NONE && outcome.keys < KEYS_INDEXED_MAX
                : outcome.keys <= WORKER_KEYS_MAX &&
                      (outcome.err == ERR_UNREADABLE || outcome.err == ERR_FULL || outcome.is_told);
        if (!is_right)
            fprintf(stderr, "%.*s: page %d, %u keys, %u records, error %d, told %d\n",
                    FMT(describe(fixture->test.task.arena, one)), page, outcome.keys, outcome.count,
                    outcome.err, outcome.is_told);
        check(is_right);
        if (is_indexed_pair(one)) figures->indexed++;
        else if (outcome.err == ERR_NONE) figures->unindexed++;
        else figures->refused++;
        after = outcome.next;
        if (after.len == 0) break;
    }
}

static void try_entity(struct fixture *fixture, const char *name, const struct id *references,
                       uint32_t reference_count)
{
    const struct entity *entity = model_entity(fixture->model, str_of(name));
    struct figures figures = {};
    struct combination one = {.entity = entity};
    for (uint32_t sort = 0; sort <= entity->field_count; sort++) {
        one.sort = sort == entity->field_count ? nullptr : &entity->fields[sort];
        bool is_sortable =
            one.sort == nullptr || (one.sort->is_indexed && !one.sort->kind_of->is_list &&
                                    !one.sort->is_hidden && !field_is_sealed(one.sort));
        if (!is_sortable) continue;
        for (uint32_t equal = 0; equal <= entity->field_count; equal++) {
            one.equal = equal == entity->field_count ? nullptr : &entity->fields[equal];
            bool has_value = one.equal == nullptr ||
                             value_text(fixture->test.task.arena, one.equal, 1).len > 0 ||
                             (one.equal->kind == FIELD_REFERENCE && reference_count > 0);
            if (one.equal != nullptr && (!one.equal->is_indexed || one.equal->is_hidden ||
                                         !has_value || field_is_sealed(one.equal)))
                continue;
            for (uint32_t way = 0; way < 8; way++) {
                one.is_descending = (way & 1) != 0;
                one.is_bounded = (way & 2) != 0;
                one.value_count = (way & 4) != 0 ? 3 : 1;
                bool can_bound = one.sort != nullptr && one.sort != one.equal &&
                                 (one.sort->kind == FIELD_TIME ||
                                  value_text(fixture->test.task.arena, one.sort, 1).len > 0);
                if (one.is_bounded && !can_bound) continue;
                if (one.value_count > 1 && one.equal == nullptr) continue;
                try_one(fixture, &one, references, reference_count, &figures);
            }
        }
    }
    printf("%s: %u indexed pages, at most %u keys; %u others, %u refused, at most %u keys\n", name,
           figures.indexed, figures.indexed_keys_max, figures.unindexed, figures.refused,
           figures.unindexed_keys_max);
    check(figures.indexed > 0);
    check(figures.unindexed > 0);
}

TEST(test_matrix__pages_of_clients)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct id users[4];
    for (int at = 0; at < 4; at++) {
        char json[128];
        snprintf(json, sizeof json,
                 "{\"name\":\"U%d\",\"email\":\"u%d@firm.example\",\"role\":\"owner\"}", at, at);
        users[at] = fixture_create(&fixture, "user", json);
    }
    fill(&fixture, "client", users, 4);
    try_entity(&fixture, "client", users, 4);
    fixture_drop(&fixture);
}

TEST(test_matrix__pages_of_contacts)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fill(&fixture, "contact", nullptr, 0);
    try_entity(&fixture, "contact", nullptr, 0);
    fixture_drop(&fixture);
}
