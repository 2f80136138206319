#include "base/fold.h"
#include "fixture.h"

static int count_of(str json, const char *part)
{
    int count = 0;
    const char *at = json.at, *end = json.at + json.len;
    while ((at = memmem(at, (size_t)(end - at), part, strlen(part))) != nullptr) count++, at++;
    return count;
}

static int hits(struct fixture *fixture, const char *const *pairs)
{
    str json;
    enum err err = fixture_list(fixture, "client", pairs, &json);
    if (err != ERR_NONE) fprintf(stderr, "%.*s\n", FMT(fixture->test.task.fault.detail));
    check_int(err, ERR_NONE);
    return count_of(json, "\"id\":\"");
}

#define HITS(fixture, ...) hits(fixture, (const char *const[]){__VA_ARGS__, nullptr})
#define REFUSED(fixture, ...) \
    (fixture_list(fixture, "client", (const char *const[]){__VA_ARGS__, nullptr}, &(str){}) == \
     ERR_UNREADABLE)

static void fill(struct fixture *fixture, int count)
{
    static const char *const statuses[] = {"active", "past", "potential", "inactive"};
    static const char *const cities[] = {"Berlin", "São Paulo", "München"};
    for (int at = 0; at < count; at++) {
        char json[512];
        snprintf(json, sizeof json,
                 "{\"name\":\"Firm "
                 "%03d\",\"kind\":\"individual\",\"status\":\"%s\",\"tags\":[\"t%d\",\"u%d\"],"
                 "\"phones\":[\"030-00743%02d\"],\"emails\":[\"mail%d@firm.example\"],"
                 "\"default_address\":{\"line1\":\"Weg %d\",\"city\":\"%s\",\"country\":\"DE\"}%s}",
                 at, statuses[at % 4], at % 5, at % 7, at, at, at, cities[at % 3],
                 at % 2 == 0 ? ",\"vat_number\":\"V\"" : "");
        fixture_create(fixture, "client", json);
    }
}

TEST(test_query__filters_by_any_and_of_indexed_fields)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fill(&fixture, 60);
    check_int(HITS(&fixture, "limit", "200"), 60);
    check_int(HITS(&fixture, "status", "active"), 15);
    check_int(HITS(&fixture, "status", "active", "status", "past"), 30);
    check_int(HITS(&fixture, "status[ne]", "active", "limit", "200"), 45);
    check_int(HITS(&fixture, "tags", "t0"), 12);
    check_int(HITS(&fixture, "tags", "t0", "tags", "u0"), 12 + 9 - 2);
    check_int(HITS(&fixture, "status", "active", "tags", "t0", "sort", "name"), 3);
    check_int(HITS(&fixture, "name[prefix]", "firm 01"), 10);
    check_int(HITS(&fixture, "name[gte]", "Firm 050"), 10);
    check_int(HITS(&fixture, "name[gt]", "Firm 050", "sort", "-name"), 9);
    check_int(HITS(&fixture, "name[lt]", "Firm 050", "name[gte]", "Firm 040"), 10);
    check_int(HITS(&fixture, "name[lt]", "Firm 005"), 5);
    check_int(HITS(&fixture, "name[lte]", "Firm 005", "sort", "-name"), 6);
    check_int(HITS(&fixture, "name", "FIRM 007"), 1);
    check_int(HITS(&fixture, "default_address.city", "Berlin", "sort", "name"), 20);
    check_int(HITS(&fixture, "default_address.city", "Berlin", "status", "active"), 5);
    check_int(HITS(&fixture, "default_address.city[ne]", "berlin", "status", "active"), 10);
    check_int(HITS(&fixture, "vat_number[empty]", "true"), 30);
    check_int(HITS(&fixture, "vat_number[empty]", "false", "status", "active"), 15);
    fixture_drop(&fixture);
}

TEST(test_query__refuses_what_it_does_not_know)
{
    struct fixture fixture;
    fixture_init(&fixture);
    check(REFUSED(&fixture, "statsu", "active"));
    check(REFUSED(&fixture, "status[like]", "active"));
    check(REFUSED(&fixture, "status[gt", "active"));
    check(REFUSED(&fixture, "observations", "x"));
    check(REFUSED(&fixture, "default_address.town", "x"));
    check(REFUSED(&fixture, "name.town", "x"));
    check(REFUSED(&fixture, "limit", "0"));
    check(REFUSED(&fixture, "limit", "201"));
    check(REFUSED(&fixture, "sort", "observations"));
    check(REFUSED(&fixture, "sort", "tags"));
    check(REFUSED(&fixture, "after", "AAAA"));
    check(REFUSED(&fixture, "created_at[gt]", "yesterday"));
    check(REFUSED(&fixture, "fields", "nonsense"));
    check(REFUSED(&fixture, "expand", "name"));
    check(REFUSED(&fixture, "count", "maybe"));
    fixture_drop(&fixture);
}

TEST(test_query__finds_words_digits_and_addresses)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fill(&fixture, 60);
    check_int(HITS(&fixture, "q", "firm", "limit", "200"), 60);
    check_int(HITS(&fixture, "q", "fir 007"), 1);
    check_int(HITS(&fixture, "q", "0074307"), 1);
    check_int(HITS(&fixture, "q", "74307"), 1);
    check_int(HITS(&fixture, "phones[prefix]", "030-0074307"), 1);
    check_int(HITS(&fixture, "phones[prefix]", "030-00743", "limit", "200"), 60);
    check_int(HITS(&fixture, "q", "030-0074311"), 1);
    check_int(HITS(&fixture, "q", "mail7@firm.example"), 1);
    check_int(HITS(&fixture, "q", "firm 4307"), 1); /* a number in it: by its last digits too */
    check_int(HITS(&fixture, "q", "sao paulo"), 20);
    check_int(HITS(&fixture, "q", "MUNCHEN firm", "status", "active"), 5);
    check_int(HITS(&fixture, "q", "firm nowhere"), 0);
    fixture_drop(&fixture);
}

/** Walks all pages; each record that was not touched meanwhile comes exactly once, in order. */
TEST(test_query__pages_stay_right_while_records_change)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fill(&fixture, 60);
    static const char *const sorts[] = {"id",         "-id",         "name",       "-name",
                                        "vat_number", "-vat_number", "created_at", "-updated_at"};
    for (size_t sort = 0; sort < sizeof sorts / sizeof sorts[0]; sort++)
        for (int filtered = 0; filtered < 3; filtered++) {
            int total = 0;
            char cursor[512] = "", seen[64] = {};
            for (int page = 0; page < 40; page++) {
                const char *pairs[12] = {"sort", sorts[sort], "limit", "7"};
                int at = 4;
                if (filtered > 0) pairs[at++] = "status[ne]", pairs[at++] = "past";
                if (filtered == 2) pairs[at++] = "q", pairs[at++] = "firm";
                if (cursor[0] != 0) pairs[at++] = "after", pairs[at++] = cursor;
                str json;
                check_int(fixture_list(&fixture, "client", pairs, &json), ERR_NONE);
                const char *name = json.at;
                while ((name = memmem(name, (size_t)(json.at + json.len - name), "\"Firm ", 6)) !=
                       nullptr) {
                    int number = (int)strtol(name + 6, nullptr, 10);
                    check(number < 60 && seen[number] == 0);
                    seen[number] = 1;
                    total++;
                    name++;
                }
                const char *next = memmem(json.at, json.len, "\"next\":\"", 8);
                if (next == nullptr) break;
                size_t len = strcspn(next + 8, "\"");
                check(len < sizeof cursor);
                memcpy(cursor, next + 8, len);
                cursor[len] = 0;
                if (page == 1)
                    fixture_create(&fixture, "client",
                                   "{\"name\":\"Aaa\",\"kind\":\"individual\"}");
            }
            check_int(total, filtered == 0 ? 60 : 45);
        }
    fixture_check(&fixture);
    fixture_drop(&fixture);
}

TEST(test_query__touches_few_keys)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fill(&fixture, 60);
    struct task *task = &fixture.test.task;
    task->keys_touched = 0;
    check_int(HITS(&fixture, "sort", "name", "limit", "10"), 10);
    check(task->keys_touched >= 20 && task->keys_touched < 40);
    task->keys_touched = 0;
    check_int(HITS(&fixture, "sort", "name", "limit", "200"), 60);
    check(task->keys_touched < 150); /* nobody is without a name, so nobody is looked for */
    task->keys_touched = 0;
    task->keys_max = 20;
    str json;
    check_int(
        fixture_list(&fixture, "client", (const char *const[]){"limit", "50", nullptr}, &json),
        ERR_TOO_LARGE);
    task->keys_max = 0;
    check_int(fixture_list(&fixture, "client",
                           (const char *const[]){"limit", "5", "count", "true", nullptr}, &json),
              ERR_NONE);
    check(count_of(json, "\"count\":{\"value\":60,\"exact\":true}") == 1);
    fixture_drop(&fixture);
}

#define TEN(text) text text text text text text text text text text
#define HAN43 \
    TEN("\xe6\xbc\xa2") \
    TEN("\xe6\xbc\xa2") \
    TEN("\xe6\xbc\xa2") TEN("\xe6\xbc\xa2") "\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2"

static struct id person(struct fixture *fixture, const char *members)
{
    char json[1024];
    snprintf(json, sizeof json, "{\"name\":\"p\",\"kind\":\"individual\",%s}", members);
    return fixture_create(fixture, "client", json);
}

/** An index keeps 128 bytes of a value; what is longer is decided in the record. */
TEST(test_query__tells_long_texts_apart)
{
    struct fixture fixture;
    fixture_init(&fixture);
    for (int at = 0; at < 3; at++) {
        char members[512];
        snprintf(members, sizeof members,
                 "\"location\":\"" HAN43 " %c\",\"website\":\"example.com/%s%c\"", "ACE"[at],
                 TEN(TEN("a")) TEN("b") TEN("c") TEN("d"), "xyz"[at]);
        person(&fixture, members);
    }
    person(&fixture, "\"location\":\"here\"");
    check_int(HITS(&fixture, "location", HAN43 " a"), 1);
    check_int(HITS(&fixture, "location", HAN43 " b"), 0);
    check_int(HITS(&fixture, "location", HAN43 " a", "location", HAN43 " c"), 2);
    check_int(HITS(&fixture, "location", HAN43 " a", "sort", "name"), 1);
    check_int(HITS(&fixture, "location[ne]", HAN43 " a"), 3);
    check_int(HITS(&fixture, "location[gt]", HAN43 " a"), 2);
    check_int(HITS(&fixture, "location[gte]", HAN43 " c", "sort", "location"), 2);
    check_int(HITS(&fixture, "location[lt]", HAN43 " c", "sort", "-location"), 2);
    check_int(HITS(&fixture, "location[lte]", HAN43 " d"), 3);
    check_int(HITS(&fixture, "location[prefix]", HAN43), 3);
    check_int(HITS(&fixture, "location[prefix]", HAN43 " e"), 1);
    check_int(
        HITS(&fixture, "website", "example.com/" TEN(TEN("a")) TEN("b") TEN("c") TEN("d") "y"), 1);
    str json;
    check_int(fixture_list(&fixture, "client",
                           (const char *const[]){"location", HAN43 " e", "count", "true", nullptr},
                           &json),
              ERR_NONE);
    check_int(count_of(json, "\"value\":1,\"exact\":true"), 1);
    fixture_check(&fixture);
    fixture_drop(&fixture);
}

TEST(test_query__compares_unique_values_whole)
{
    struct fixture fixture;
    fixture_init(&fixture);
    person(&fixture, "\"reference\":\"" HAN43 " A\"");
    person(&fixture, "\"reference\":\"" HAN43 " B\"");
    static const char *const taken[] = {HAN43 " a", HAN43 " b"};
    for (int at = 0; at < 2; at++) {
        char json[512];
        snprintf(json, sizeof json, "{\"name\":\"p\",\"kind\":\"individual\",\"reference\":\"%s\"}",
                 taken[at]);
        struct fixture_change run = {.verb = "create", .entity = "client", .json = json};
        check_int(fixture_do(&fixture, &run), ERR_CONFLICT);
        fixture_end(&run);
    }
    fixture_drop(&fixture);
}

TEST(test_query__finds_words_below_a_record_however_many_lie_there)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct id id = person(&fixture, "\"business_name\":\"Depot\"");
    char json[256], client[ID_TEXT_BYTES + 1] = {};
    id_write(id, client);
    for (int at = 0; at < 110; at++) {
        snprintf(json, sizeof json, "{\"client\":\"%s\",\"line1\":\"Weg %d\"}", client, at);
        fixture_create(&fixture, "address", json);
    }
    check_int(HITS(&fixture, "q", "depot weg 109"), 1);
    check_int(HITS(&fixture, "q", "depot weg 111"), 0);
    fixture_drop(&fixture);
}

TEST(test_query__counts_as_far_as_keys_reach)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fill(&fixture, 60);
    struct task *task = &fixture.test.task;
    str json;
    const char *const pairs[] = {"limit", "5", "count", "true", nullptr};
    task->keys_max = LOOP_KEYS_MAX + 1;
    task->keys_touched = LOOP_KEYS_MAX + 1 - 60;
    check_int(fixture_list(&fixture, "client", pairs, &json), ERR_NONE);
    check_int(count_of(json, "\"exact\":false"), 1);
    check_int(count_of(json, "\"count\":{\"value\":0"), 0);
    task->keys_max = LOOP_KEYS_MAX; /* there a worker is asked */
    check_int(fixture_list(&fixture, "client", pairs, &json), ERR_TOO_LARGE);
    task->keys_max = 0;
    fixture_drop(&fixture);
}

TEST(test_query__leaves_a_list_that_is_too_large_for_its_task)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fill(&fixture, 30);
    struct arena *arena = fixture.test.task.arena;
    size_t cap = arena->soft_cap_bytes;
    arena->soft_cap_bytes = (arena->used_bytes + 24 * KIB) / ARENA_HARD_FACTOR;
    str json;
    check_int(fixture_list(&fixture, "client",
                           (const char *const[]){"name[ne]", "x", "sort", "-name", nullptr}, &json),
              ERR_TOO_LARGE);
    arena->soft_cap_bytes = cap;
    check_int(HITS(&fixture, "name[ne]", "x", "sort", "-name"), 30);
    fixture_drop(&fixture);
}

/** A cursor is good for its own list alone, and only as it was given. */
TEST(test_query__refuses_cursors_of_other_lists)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fill(&fixture, 3);
    str json;
    const char *pairs[] = {"sort", "name", "limit", "1", "after", nullptr, nullptr};
    pairs[4] = nullptr;
    check_int(fixture_list(&fixture, "client", pairs, &json), ERR_NONE);
    const char *next = memmem(json.at, json.len, "\"next\":\"", 8);
    check(next != nullptr);
    char cursor[512] = {};
    size_t len = strcspn(next + 8, "\"");
    check(len < sizeof cursor);
    memcpy(cursor, next + 8, len);
    pairs[4] = "after";
    pairs[5] = cursor;
    check_int(fixture_list(&fixture, "client", pairs, &json), ERR_NONE);
    static const char *const others[] = {"-name", "status", "id"};
    for (int at = 0; at < 3; at++) {
        pairs[1] = others[at];
        check_int(fixture_list(&fixture, "client", pairs, &json), ERR_UNREADABLE);
    }
    pairs[1] = "name";
    check_int(fixture_list(&fixture, "contact", pairs, &json), ERR_UNREADABLE);
    for (size_t at = 0; at < len; at += 5) {
        cursor[at] ^= 1;
        check_int(fixture_list(&fixture, "client", pairs, &json), ERR_UNREADABLE);
        cursor[at] ^= 1;
    }
    fixture_drop(&fixture);
}

/** A long name in a message is cut between characters. */
TEST(test_query__cuts_names_in_messages_whole)
{
    struct fixture fixture;
    fixture_init(&fixture);
    check(REFUSED(&fixture, "a" HAN43, "x"));
    check(utf8_is_valid(fixture.test.task.fault.detail));
    check(REFUSED(&fixture, "status", "ab" HAN43));
    check(utf8_is_valid(fixture.test.task.fault.detail));
    check(REFUSED(&fixture, "fields", "ab" HAN43));
    check(utf8_is_valid(fixture.test.task.fault.detail));
    fixture_drop(&fixture);
}

TEST(test_query__shows_the_fields_that_are_named)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fill(&fixture, 1);
    str json;
    const char *pairs[] = {"fields", "id", nullptr};
    check_int(fixture_list(&fixture, "client", pairs, &json), ERR_NONE);
    check_int(count_of(json, "\":"), 3); /* data, id, next */
    pairs[1] = "name,status";
    check_int(fixture_list(&fixture, "client", pairs, &json), ERR_NONE);
    check_int(count_of(json, "\":"), 5);
    pairs[1] = "";
    check_int(fixture_list(&fixture, "client", pairs, &json), ERR_NONE);
    check(count_of(json, "\":") > 20);
    fixture_drop(&fixture);
}

TEST(test_query__takes_one_sort_and_no_blank_words)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_create(&fixture, "client", "{\"name\":\"B\",\"kind\":\"individual\"}");
    fixture_create(&fixture, "client", "{\"name\":\"A\",\"kind\":\"individual\"}");
    check(REFUSED(&fixture, "sort", "name", "sort", "id"));
    check_int(HITS(&fixture, "sort", "name", "q", " "), 2);
    fixture_drop(&fixture);
}

/** The same list, walked in an index's order or gathered and sorted, is the same. */
TEST(test_query__orders_alike_by_every_road)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fill(&fixture, 30);
    static const char *const sorts[] = {"id",     "-id",         "name",        "-name",
                                        "status", "vat_number",  "-vat_number", "created_at",
                                        "-kind",  "-updated_at", "created_by",  "-created_by"};
    for (size_t sort = 0; sort < sizeof sorts / sizeof sorts[0]; sort++) {
        str walked, gathered;
        check_int(fixture_list(&fixture, "client",
                               (const char *const[]){"sort", sorts[sort], nullptr}, &walked),
                  ERR_NONE);
        check_int(fixture_list(&fixture, "client",
                               (const char *const[]){"sort", sorts[sort], "q", "firm", nullptr},
                               &gathered),
                  ERR_NONE);
        check_str(gathered, walked);
    }
    str json;
    check_int(fixture_list(&fixture, "client",
                           (const char *const[]){"sort", "-vat_number", "limit", "15", nullptr},
                           &json),
              ERR_NONE);
    check_int(count_of(json, "\"vat_number\":\"V\""), 15);
    fixture_drop(&fixture);
}

/** A walk that finds too little is given up for gathering, and what it wrote with it. */
TEST(test_query__begins_anew_when_a_walk_is_given_up)
{
    struct fixture fixture;
    fixture_init(&fixture);
    for (int at = 0; at < 400; at++) {
        char json[64];
        snprintf(json, sizeof json, "{\"name\":\"c%03d\",\"title\":\"%s\"}", at,
                 at == 0 || at >= 260 ? "late" : "early");
        fixture_create(&fixture, "contact", json);
    }
    str json;
    const char *const pairs[] = {"title", "late", "sort", "name", "limit", "5", nullptr};
    check_int(fixture_list(&fixture, "contact", pairs, &json), ERR_NONE);
    check_int(count_of(json, "\"id\":\""), 5);
    check_int(count_of(json, "\"name\":\"c000\""), 1);
    check_int(count_of(json, "\"name\":\"c263\""), 1);
    fixture_drop(&fixture);
}

/** Filters that let a quarter through fill a page soon; neither they nor a count need more keys. */
TEST(test_query__judges_filters_by_few_keys)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fill(&fixture, 480);
    struct task *task = &fixture.test.task;
    task->keys_max = WORKER_KEYS_MAX;
    task->keys_touched = 0;
    check_int(
        HITS(&fixture, "kind", "individual", "status", "active", "sort", "name", "limit", "10"),
        10);
    check(task->keys_touched < 400);
    task->keys_touched = 0;
    str json;
    const char *const pairs[] = {"kind", "individual", "count", "true", "limit", "1", nullptr};
    check_int(fixture_list(&fixture, "client", pairs, &json), ERR_NONE);
    check(count_of(json, "\"count\":{\"value\":480,\"exact\":true}") == 1);
    check(task->keys_touched < 800);
    fixture_drop(&fixture);
}
