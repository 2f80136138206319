#include "work/import.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include "fixture.h"

/** One import of a table given as text, and what it left. */
struct attempt {
    struct fixture fixture;
    const char *entity;
    const char *map;
    const char *match;
    enum import_mode mode;
    const char *empty_words;
    bool is_preview;
    bool is_clearing;
    bool is_unwanted; /** stopped after its first turn */
    struct import_report report;
    const struct import_column *columns;
    uint32_t column_count;
    int file; /** of failed rows */
    bool has_header;
    struct import *import;
    str failed;
};

static int file_of(str text)
{
    int file = memfd_create("text", 0);
    check(file >= 0);
    check(write(file, text.at, text.len) == (ssize_t)text.len);
    check(lseek(file, 0, SEEK_SET) == 0);
    return file;
}

static str text_of_file(struct arena *arena, int file)
{
    struct stat stat;
    check(fstat(file, &stat) == 0);
    char *room = arena_take_raw(arena, (size_t)stat.st_size + 1);
    check(pread(file, room, (size_t)stat.st_size, 0) == stat.st_size);
    return (str){room, (size_t)stat.st_size};
}

static bool go_on(void *owner, uint64_t bytes_done, const struct import_counts *counts)
{
    check(bytes_done > 0);
    check(counts->rows > 0);
    return !((const struct attempt *)owner)->is_unwanted;
}

static bool keep(void *owner, str text)
{
    struct attempt *attempt = owner;
    str header = {};
    if (!attempt->has_header)
        header = import_failed_header(attempt->import, attempt->fixture.test.task.arena);
    attempt->has_header = true;
    return write(attempt->file, header.at, header.len) == (ssize_t)header.len &&
           write(attempt->file, text.at, text.len) == (ssize_t)text.len;
}

/** What is told outlives the import. */
static void report_keep(struct attempt *attempt)
{
    struct arena *arena = attempt->fixture.test.task.arena;
    attempt->report = *import_report_of(attempt->import);
    for (uint32_t at = 0; at < attempt->report.fault_count; at++) {
        struct import_fault *fault = &attempt->report.faults[at];
        fault->column = arena_copy(arena, fault->column);
        fault->message = arena_copy(arena, fault->message);
    }
    attempt->column_count = import_column_count(attempt->import);
    struct import_column *columns = arena_new(arena, struct import_column, attempt->column_count);
    for (uint32_t at = 0; at < attempt->column_count; at++) {
        columns[at] = import_columns(attempt->import)[at];
        columns[at].header = arena_copy(arena, columns[at].header);
        columns[at].path = arena_copy(arena, columns[at].path);
        columns[at].why = arena_copy(arena, columns[at].why);
        for (uint32_t example = 0; example < columns[at].example_count; example++)
            columns[at].examples[example] = arena_copy(arena, columns[at].examples[example]);
    }
    attempt->columns = columns;
}

static enum err run(struct attempt *attempt, str table)
{
    struct task *task = &attempt->fixture.test.task;
    int file = file_of(table);
    struct source_file source;
    source_of_file(&source, file);
    attempt->file = file_of(S(""));
    attempt->has_header = false;
    struct import_options options = {
        .space = &attempt->fixture.space,
        .model = attempt->fixture.model,
        .scope = &attempt->fixture.scope,
        .entity = model_entity(attempt->fixture.model,
                               str_of(attempt->entity == nullptr ? "client" : attempt->entity)),
        .source = &source.source,
        .map = str_of(attempt->map),
        .match = str_of(attempt->match),
        .mode = attempt->mode,
        .empty_words =
            str_of(attempt->empty_words == nullptr ? IMPORT_EMPTY_WORDS : attempt->empty_words),
        .is_preview = attempt->is_preview,
        .is_clearing = attempt->is_clearing,
    };
    struct import_run each = {.progress = go_on, .keep_failed = keep, .owner = attempt};
    struct import *import;
    task_fault_clear(task);
    attempt->report = (struct import_report){};
    enum err err = import_open(task, &options, &import);
    if (err == ERR_NONE) {
        attempt->import = import;
        err = import_run_all(task, import, &each);
        report_keep(attempt);
        attempt->failed = text_of_file(task->arena, attempt->file);
        import_close(import);
    }
    (void)close(file);
    (void)close(attempt->file);
    return err;
}

static void run_well(struct attempt *attempt, str table)
{
    enum err err = run(attempt, table);
    if (err != ERR_NONE)
        fprintf(stderr, "import: %.*s\n", FMT(attempt->fixture.test.task.fault.detail));
    check_int(err, ERR_NONE);
}

static void counts_are(const struct attempt *attempt, uint64_t created, uint64_t updated,
                       uint64_t failed)
{
    for (uint32_t at = 0; at < attempt->report.fault_count && failed == 0; at++)
        fprintf(stderr, "row %llu, %.*s: %.*s\n",
                (unsigned long long)attempt->report.faults[at].row,
                FMT(attempt->report.faults[at].column), FMT(attempt->report.faults[at].message));
    check_int(attempt->report.counts.created, created);
    check_int(attempt->report.counts.updated, updated);
    check_int(attempt->report.counts.failed, failed);
}

static void path_is(const struct attempt *attempt, const char *header, const char *path)
{
    for (uint32_t at = 0; at < attempt->column_count; at++) {
        if (!str_eq(attempt->columns[at].header, str_of(header))) continue;
        check_str(attempt->columns[at].path, str_of(path));
        return;
    }
    fprintf(stderr, "no column %s\n", header);
    check(false);
}

static bool has(str text, const char *part)
{
    return memmem(text.at, text.len, part, strlen(part)) != nullptr;
}

static void must_have(str text, const char *part)
{
    if (has(text, part)) return;
    fprintf(stderr, "\"%s\" is not in: %.*s\n", part, FMT(text));
    check(false);
}

static str list(struct attempt *attempt, const char *entity, const char *const *pairs)
{
    str json;
    check_int(fixture_list(&attempt->fixture, entity, pairs, &json), ERR_NONE);
    return json;
}

static const char *const all[] = {nullptr};

static void finish(struct attempt *attempt)
{
    fixture_check(&attempt->fixture);
    fixture_drop(&attempt->fixture);
}

TEST(test_import__matches_headers_to_own_fields_and_through_references)
{
    struct attempt attempt = {};
    fixture_init(&attempt.fixture);
    run_well(&attempt,
             S("companyName,Contact "
               "Name,contact_title,Street,CITY,Postal-Code,country,Phone,fax,Nonsense\n"
               "Acme,Ann Lee,Owner,Main St 1,Wien,1010,Austria,+43 1 5550100,+43 1 5550101,x\n"));
    counts_are(&attempt, 1, 0, 0);
    path_is(&attempt, "companyName", "name");
    path_is(&attempt, "Contact Name", "primary_contact.name");
    path_is(&attempt, "contact_title", "primary_contact.title");
    path_is(&attempt, "Street", "default_address.line1");
    path_is(&attempt, "CITY", "default_address.city");
    path_is(&attempt, "Postal-Code", "default_address.postal_code");
    path_is(&attempt, "country", "default_address.country");
    path_is(&attempt, "Phone", "phones");
    path_is(&attempt, "fax", "phones");
    path_is(&attempt, "Nonsense", "");
    str clients = list(&attempt, "client", all);
    must_have(clients, "\"name\":\"Acme\"");
    must_have(clients, "{\"value\":\"+43 1 5550100\",\"label\":null,\"primary\":true}");
    must_have(clients, "{\"value\":\"+43 1 5550101\",\"label\":\"fax\",\"primary\":false}");
    must_have(list(&attempt, "contact", all), "\"title\":\"Owner\"");
    must_have(list(&attempt, "address", all), "\"country\":\"AT\"");
    finish(&attempt);
}

TEST(test_import__takes_the_first_of_two_columns_for_one_value)
{
    struct attempt attempt = {};
    fixture_init(&attempt.fixture);
    run_well(&attempt, S("Company;Customer Name;Contact\nFirst;Second;Bo Ek\n"));
    counts_are(&attempt, 1, 0, 0);
    path_is(&attempt, "Company", "name");
    path_is(&attempt, "Customer Name", "");
    must_have(list(&attempt, "client", all), "\"name\":\"First\"");
    finish(&attempt);
}

TEST(test_import__refuses_a_table_of_which_nothing_matches)
{
    struct attempt attempt = {};
    fixture_init(&attempt.fixture);
    check_int(run(&attempt, S("alpha,beta\n1,2\n")), ERR_INVALID);
    check_int(run(&attempt, S("city,country\nWien,AT\n")), ERR_INVALID);
    must_have(attempt.fixture.test.task.fault.detail, "`name`");
    check_int(run(&attempt, S("")), ERR_UNREADABLE);
    check(!has(list(&attempt, "client", all), "\"id\""));
    finish(&attempt);
}

TEST(test_import__follows_a_map_and_nothing_else)
{
    struct attempt attempt = {
        .map = "{\"Firma\":\"name\",\"Wer\":\"primary_contact.name\",\"city\":null}"};
    fixture_init(&attempt.fixture);
    run_well(&attempt, S("Firma,Wer,city,email\nAcme,Ann Lee,Wien,ann@acme.example\n"));
    counts_are(&attempt, 1, 0, 0);
    path_is(&attempt, "city", "");
    path_is(&attempt, "email", "");
    check(!has(list(&attempt, "address", all), "\"id\""));
    must_have(list(&attempt, "contact", all), "\"name\":\"Ann Lee\"");
    finish(&attempt);
}

TEST(test_import__names_what_is_wrong_with_a_map)
{
    struct attempt attempt = {};
    fixture_init(&attempt.fixture);
    const struct {
        const char *map, *field, *part;
    } wrong[] = {
        {"{\"None\":\"name\"}", "None", "no column"},
        {"{\"a\":\"nmae\"}", "a", "`name`"},
        {"{\"a\":\"name.first\"}", "a", "refers to no record"},
        {"{\"a\":\"created_at\"}", "a", "kept by the server"},
        {"{\"a\":\"name\",\"b\":\"name\"}", "b", "taken"},
        {"{\"a\":7}", "a", "path"},
    };
    for (size_t at = 0; at < sizeof wrong / sizeof wrong[0]; at++) {
        attempt.map = wrong[at].map;
        check_int(run(&attempt, S("a,b\n1,2\n")), ERR_INVALID);
        const struct fault *fault = &attempt.fixture.test.task.fault;
        check_int(fault->item_count, 1);
        check_str(fault->items[0].field, str_of(wrong[at].field));
        must_have(fault->items[0].message, wrong[at].part);
    }
    attempt.map = "[1]";
    check_int(run(&attempt, S("a,b\n1,2\n")), ERR_INVALID);
    attempt.map = "{";
    check_int(run(&attempt, S("a,b\n1,2\n")), ERR_UNREADABLE);
    finish(&attempt);
}

TEST(test_import__knows_words_that_mean_empty)
{
    struct attempt attempt = {};
    fixture_init(&attempt.fixture);
    run_well(&attempt, S("Company,Contact,City,Region,Street\n"
                         "Acme,Ann Lee,NULL,N/A,Main St 1\n"
                         "Berg,Null,#N/A,null,Side St 2\n"));
    counts_are(&attempt, 2, 0, 0);
    str addresses = list(&attempt, "address", all);
    check(!has(addresses, "NULL"));
    check(!has(addresses, "N/A"));
    check(!has(addresses, "\"region\":\"null\""));
    /* Somebody may be called Null. */
    must_have(list(&attempt, "contact", all), "\"name\":\"Null\"");
    attempt.empty_words = "?,unknown";
    run_well(&attempt, S("Company,Contact,City\nCole,Cy Roe,?\nDorn,Di Roe,NULL\n"));
    addresses = list(&attempt, "address", all);
    must_have(addresses, "\"city\":\"NULL\"");
    check(!has(addresses, "\"city\":\"?\""));
    finish(&attempt);
}

TEST(test_import__lets_a_company_pass_without_a_contact_and_flags_it)
{
    struct attempt attempt = {};
    fixture_init(&attempt.fixture);
    run_well(&attempt, S("Company,Contact\nAcme,NULL\n"));
    counts_are(&attempt, 1, 0, 0);
    must_have(list(&attempt, "client", all), "\"incomplete\":[\"primary_contact\"]");
    finish(&attempt);
}

TEST(test_import__keeps_good_rows_and_tells_bad_ones_by_row_and_column)
{
    struct attempt attempt = {};
    fixture_init(&attempt.fixture);
    run_well(&attempt, S("Company;Country;E-mail\r\n"
                         "Acme;Germany;a@acme.example\r\n"
                         "Berg;Atlantis;b@berg.example\r\n"
                         ";France;c@cole.example\r\n"
                         "Dorn;Spain\r\n"
                         ";;\r\n"
                         "Erl;Italy;nowhere\r\n"
                         "Falk;Ungarn;f@falk.example\r\n"));
    counts_are(&attempt, 2, 0, 4);
    check_int(attempt.report.counts.rows, 6);
    check_int(attempt.report.faults[0].row, 3);
    check_str(attempt.report.faults[0].column, S("Country"));
    must_have(attempt.report.faults[0].message, "\"Atlantis\"");
    check_int(attempt.report.faults[1].row, 4);
    check_str(attempt.report.faults[1].column, S("Company"));
    check_int(attempt.report.faults[2].row, 5);
    must_have(attempt.report.faults[2].message, "2 cells");
    check_str(attempt.report.faults[3].column, S("E-mail"));
    must_have(attempt.failed, "Company;Country;E-mail;fault\r\nBerg;Atlantis;b@berg.example;");
    must_have(attempt.failed, "row 3: Country: ");
    check(!has(attempt.failed, "acme"));
    finish(&attempt);
}

TEST(test_import__takes_its_own_failed_rows_again_once_mended)
{
    struct attempt attempt = {};
    fixture_init(&attempt.fixture);
    run_well(&attempt, S("Company,Country\nAcme,Atlantis\n"));
    counts_are(&attempt, 0, 0, 1);
    char mended[400];
    const char *at = memmem(attempt.failed.at, attempt.failed.len, "Atlantis", 8);
    check(at != nullptr);
    int before = (int)(at - attempt.failed.at);
    int len = snprintf(mended, sizeof mended, "%.*sAustria%.*s", before, attempt.failed.at,
                       (int)attempt.failed.len - before - 8, at + 8);
    run_well(&attempt, (str){mended, (size_t)len});
    counts_are(&attempt, 1, 0, 0);
    path_is(&attempt, "fault", "");
    finish(&attempt);
}

TEST(test_import__writes_nothing_in_a_preview)
{
    struct attempt attempt = {.is_preview = true};
    fixture_init(&attempt.fixture);
    run_well(&attempt, S("Company,Country\nAcme,Austria\nBerg,Atlantis\n"));
    counts_are(&attempt, 1, 0, 1);
    check_str(attempt.columns[1].examples[0], S("Austria"));
    check(!has(list(&attempt, "client", all), "\"id\""));
    finish(&attempt);
}

TEST(test_import__finds_existing_records_by_the_match_field)
{
    struct attempt attempt = {.match = "reference", .mode = IMPORT_UPSERT};
    fixture_init(&attempt.fixture);
    run_well(&attempt, S("Ref,Company,Contact,City,Phone\nA-1,Acme,Ann Lee,Wien,555 0100\n"));
    counts_are(&attempt, 1, 0, 0);
    run_well(
        &attempt,
        S("Ref,Company,Contact Title,City,Phone\nA-1,Acme Ltd,Owner,Graz,555 0101\nA-2,Berg,,,\n"));
    counts_are(&attempt, 1, 1, 0);
    str clients = list(&attempt, "client", all);
    must_have(clients, "\"name\":\"Acme Ltd\"");
    must_have(clients, "555 0100");
    must_have(clients, "555 0101");
    str contacts = list(&attempt, "contact", all);
    must_have(contacts, "\"name\":\"Ann Lee\",\"title\":\"Owner\"");
    must_have(list(&attempt, "address", all), "\"city\":\"Graz\"");
    check(!has(list(&attempt, "address", all), "Wien"));
    attempt.mode = IMPORT_UPDATE;
    run_well(&attempt, S("Ref,Company\nA-9,Nobody\nA-2,Berg AG\n"));
    counts_are(&attempt, 0, 1, 1);
    must_have(attempt.report.faults[0].message, "no record");
    attempt.mode = IMPORT_CREATE;
    run_well(&attempt, S("Ref,Company\nA-2,Berg\nA-3,Cole\n"));
    counts_are(&attempt, 1, 0, 1);
    finish(&attempt);
}

TEST(test_import__keeps_or_clears_what_an_empty_cell_stands_for)
{
    struct attempt attempt = {.match = "reference", .mode = IMPORT_UPSERT};
    fixture_init(&attempt.fixture);
    run_well(&attempt, S("Ref,Company,Website\nA-1,Acme,https://acme.example\n"));
    run_well(&attempt, S("Ref,Company,Website\nA-1,Acme,\n"));
    must_have(list(&attempt, "client", all), "acme.example");
    attempt.is_clearing = true;
    run_well(&attempt, S("Ref,Company,Website\nA-1,Acme,\n"));
    counts_are(&attempt, 0, 1, 0);
    must_have(list(&attempt, "client", all), "\"website\":null");
    finish(&attempt);
}

TEST(test_import__tells_when_a_match_is_ambiguous_or_impossible)
{
    struct attempt attempt = {.match = "name", .mode = IMPORT_UPSERT};
    fixture_init(&attempt.fixture);
    fixture_create(&attempt.fixture, "client", "{\"name\":\"Twin\",\"kind\":\"individual\"}");
    fixture_create(&attempt.fixture, "client", "{\"name\":\"Twin\",\"kind\":\"individual\"}");
    run_well(&attempt, S("Company,City\nTwin,Wien\n"));
    counts_are(&attempt, 0, 0, 1);
    must_have(attempt.report.faults[0].message, "several");
    attempt.match = "reference";
    check_int(run(&attempt, S("Company,City\nTwin,Wien\n")), ERR_INVALID);
    attempt.match = "observations";
    check_int(run(&attempt, S("Company,City\nTwin,Wien\n")), ERR_INVALID);
    attempt.match = nullptr;
    attempt.mode = IMPORT_UPDATE;
    check_int(run(&attempt, S("Company,City\nTwin,Wien\n")), ERR_INVALID);
    finish(&attempt);
}

TEST(test_import__finds_references_by_name)
{
    struct attempt attempt = {.entity = "address"};
    fixture_init(&attempt.fixture);
    fixture_create(&attempt.fixture, "client", "{\"name\":\"Acme\",\"kind\":\"individual\"}");
    fixture_create(&attempt.fixture, "client", "{\"name\":\"Twin\",\"kind\":\"individual\"}");
    fixture_create(&attempt.fixture, "client", "{\"name\":\"Twin\",\"kind\":\"individual\"}");
    run_well(
        &attempt,
        S("Client,Street,City\nACME,Main St 1,Wien\nNobody,Side St 2,Graz\nTwin,Back St 3,Linz\n"));
    counts_are(&attempt, 1, 0, 2);
    check_str(attempt.report.faults[0].column, S("Client"));
    must_have(attempt.report.faults[0].message, "\"Nobody\"");
    must_have(attempt.report.faults[1].message, "several");
    finish(&attempt);
}

TEST(test_import__goes_through_more_rows_than_one_slice)
{
    struct attempt attempt = {};
    fixture_init(&attempt.fixture);
    struct buf table = buf_make(&attempt.fixture.test.arena, 1 * MIB);
    buf_put(&table, S("Company,Country\n"));
    for (int row = 0; row < 1203; row++)
        buf_print(&table, "Firm %d,%s\n", row, row == 700 ? "Atlantis" : "FR");
    run_well(&attempt, buf_str(&table));
    counts_are(&attempt, 1202, 0, 1);
    check_int(attempt.report.faults[0].row, 702);
    finish(&attempt);
}

TEST(test_import__stops_between_slices_and_what_was_done_stands)
{
    struct attempt attempt = {.is_unwanted = true};
    fixture_init(&attempt.fixture);
    struct buf table = buf_make(&attempt.fixture.test.arena, 1 * MIB);
    buf_put(&table, S("Company\n"));
    for (uint32_t row = 0; row < IMPORT_SLICE_ROWS_MAX + 7; row++)
        buf_print(&table, "Firm %u\n", row);
    check_int(run(&attempt, buf_str(&table)), ERR_FULL);
    uint64_t created = attempt.report.counts.created;
    check(created > 0 && created <= IMPORT_SLICE_ROWS_MAX);
    static const char *const pairs[] = {"count", "true", "limit", "1", nullptr};
    str counted =
        arena_print(&attempt.fixture.test.arena, "\"value\":%llu,", (unsigned long long)created);
    must_have(list(&attempt, "client", pairs), arena_cstring(&attempt.fixture.test.arena, counted));
    finish(&attempt);
}

/** What is found wrong only when part of a row is written takes that part with it. */
TEST(test_import__leaves_nothing_of_a_row_that_fails_late)
{
    struct attempt attempt = {};
    fixture_init(&attempt.fixture);
    attempt.map = "{\"Name\":\"name\",\"Street\":\"default_address.line1\","
                  "\"Place\":\"default_address.kind\"}";
    run_well(&attempt, S("Name,Street,Place\nAcme,Weg 1,castle\nBolt,Weg 2,office\n"));
    counts_are(&attempt, 1, 0, 1);
    must_have(attempt.failed, "castle");
    str clients = list(&attempt, "client", all);
    check(!has(clients, "Acme"));
    must_have(clients, "Bolt");
    check(!has(list(&attempt, "address", all), "Weg 1"));
    finish(&attempt);
}

/** A record that has two of the values that are looked for is still one. */
TEST(test_import__matches_a_record_once_by_several_values)
{
    struct attempt attempt = {.entity = "contact", .match = "emails", .mode = IMPORT_UPSERT};
    fixture_init(&attempt.fixture);
    fixture_create(&attempt.fixture, "contact",
                   "{\"name\":\"Ann\",\"emails\":[\"a@x.example\",\"b@x.example\"]}");
    run_well(&attempt, S("Name,E-mail\nAnna,b@x.example; a@x.example\n"));
    counts_are(&attempt, 0, 1, 0);
    str contacts = list(&attempt, "contact", all);
    must_have(contacts, "\"name\":\"Anna\"");
    finish(&attempt);
}

/** Names alike in all that an index keeps are not the same. */
TEST(test_import__matches_long_values_whole)
{
#define LONG \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    struct attempt attempt = {.entity = "contact", .match = "name", .mode = IMPORT_UPSERT};
    fixture_init(&attempt.fixture);
    run_well(&attempt, S("Name,Title\n" LONG LONG "1,one\n" LONG LONG "2,two\n"));
    counts_are(&attempt, 2, 0, 0);
    run_well(&attempt, S("Name,Title\n" LONG LONG "2,zwei\n"));
    counts_are(&attempt, 0, 1, 0);
    str contacts = list(&attempt, "contact", all);
    must_have(contacts, "\"title\":\"one\"");
    must_have(contacts, "\"title\":\"zwei\"");
    finish(&attempt);
}

TEST(test_import__finds_references_by_long_names)
{
    struct attempt attempt = {};
    fixture_init(&attempt.fixture);
    for (int at = 1; at <= 2; at++) {
        char json[400];
        snprintf(json, sizeof json, "{\"name\":\"" LONG LONG "%d\",\"email\":\"u%d@firm.example\"}",
                 at, at);
        fixture_create(&attempt.fixture, "user", json);
    }
    run_well(&attempt, S("Name,Account manager\nAcme," LONG LONG "2\nBolt," LONG LONG "3\n"));
    counts_are(&attempt, 1, 0, 1);
    must_have(attempt.failed, "names no record");
    str clients = list(&attempt, "client",
                       (const char *const[]){"account_manager.email", "u2@firm.example", nullptr});
    must_have(clients, "Acme");
    finish(&attempt);
}
