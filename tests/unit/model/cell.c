/* Cells of imports, read by the rows of model/kind.c. */
#include "model/kind.h"

#include "model_test.h"

static const struct choice statuses[] = {
    {.value = S("active"), .label = S("Active")},
    {.value = S("social_media"), .label = S("Social Media")},
};
static const struct choice_set status_set = {
    .name = S("thing.status"), .choice_count = 2, .choices = statuses};

struct cell {
    enum field_kind kind;
    const char *cell;
    const char *given; /** the API value as JSON; nullptr: refused */
};

static const struct cell cells[] = {
    {FIELD_TEXT, " Ann ", "\" Ann \""},
    {FIELD_TEXT, "  ", "null"},
    {FIELD_NUMBER, "12", "12"},
    {FIELD_NUMBER, "1.5", "1.5"},
    {FIELD_NUMBER, "1,5", "1.5"},
    {FIELD_NUMBER, "-1e3", "-1000"},
    {FIELD_NUMBER, "1.234,5", "1234.5"},
    {FIELD_NUMBER, "1,234.5", "1234.5"},
    {FIELD_NUMBER, "1'234'567", "1234567"},
    {FIELD_NUMBER, "1 234 567,25", "1234567.25"},
    {FIELD_NUMBER,
     "1\xC2\xA0"
     "234,5",
     "1234.5"},
    {FIELD_NUMBER, "1.234.567", "1234567"},
    {FIELD_NUMBER, "1,234,567", "1234567"},
    {FIELD_NUMBER, "0,125", "0.125"},
    {FIELD_NUMBER, "1,234", nullptr},
    {FIELD_NUMBER, "1.2.3", nullptr},
    {FIELD_NUMBER, "1,23,456", nullptr},
    {FIELD_NUMBER, "1.234,5,6", nullptr},
    {FIELD_NUMBER, "twelve", nullptr},
    {FIELD_NUMBER, "-", nullptr},
    {FIELD_NUMBER, "", "null"},
    {FIELD_DECIMAL, "12,5", "\"12.5\""},
    {FIELD_DECIMAL, "(12.50)", "\"-12.50\""},
    {FIELD_DECIMAL, "1,234", nullptr},
    {FIELD_MONEY, "1.234,56 €", "{\"amount\":123456,\"currency\":\"EUR\"}"},
    {FIELD_MONEY, "$1,234.50", "{\"amount\":123450,\"currency\":\"USD\"}"},
    {FIELD_MONEY, "-$5", "{\"amount\":-500,\"currency\":\"USD\"}"},
    {FIELD_MONEY, "EUR 12.5", "{\"amount\":1250,\"currency\":\"EUR\"}"},
    {FIELD_MONEY, "12.50 eur", "{\"amount\":1250,\"currency\":\"EUR\"}"},
    {FIELD_MONEY, "1.234 €", "{\"amount\":123400,\"currency\":\"EUR\"}"},
    {FIELD_MONEY, "¥1,234", "{\"amount\":1234,\"currency\":\"JPY\"}"},
    {FIELD_MONEY, "CHF 1'234.50", "{\"amount\":123450,\"currency\":\"CHF\"}"},
    {FIELD_MONEY, "(12.00) EUR", "{\"amount\":-1200,\"currency\":\"EUR\"}"},
    {FIELD_MONEY, "12.50", nullptr},
    {FIELD_MONEY, "EUR", nullptr},
    {FIELD_MONEY, "€12 EUR", nullptr},
    {FIELD_MONEY, "12.5055 EUR", nullptr},
    {FIELD_MONEY, "12 XYZ", nullptr},
    {FIELD_DATE, "2025-12-31", "\"2025-12-31\""},
    {FIELD_DATE, "31.12.2025", "\"2025-12-31\""},
    {FIELD_DATE, "1.2.2025", "\"2025-02-01\""},
    {FIELD_DATE, "31/12/2025", "\"2025-12-31\""},
    {FIELD_DATE, "12/31/2025", "\"2025-12-31\""},
    {FIELD_DATE, "5/5/2025", "\"2025-05-05\""},
    {FIELD_DATE, "2025/12/31", "\"2025-12-31\""},
    {FIELD_DATE, "1996-07-04 00:00:00.000", "\"1996-07-04\""},
    {FIELD_DATE, "31.12.2025 13:45", "\"2025-12-31\""},
    {FIELD_DATE, "1/2/2025", nullptr},
    {FIELD_DATE, "30.2.2025", nullptr},
    {FIELD_DATE, "31.12.25", nullptr},
    {FIELD_DATE, "13/13/2025", nullptr},
    {FIELD_DATE, "1.2.3.2025", nullptr},
    {FIELD_DATE, "soon", nullptr},
    {FIELD_TIME, "2025-12-31T13:45:00Z", "\"2025-12-31T13:45:00Z\""},
    {FIELD_TIME, "2025-12-31 13:45", "\"2025-12-31T13:45:00Z\""},
    {FIELD_TIME, "31.12.2025 13:45:10", "\"2025-12-31T13:45:10Z\""},
    {FIELD_TIME, "31.12.2025", "\"2025-12-31T00:00:00Z\""},
    {FIELD_TIME, "31.12.2025 25:00", nullptr},
    {FIELD_BOOLEAN, "Yes", "true"},
    {FIELD_BOOLEAN, "ja", "true"},
    {FIELD_BOOLEAN, "X", "true"},
    {FIELD_BOOLEAN, "1", "true"},
    {FIELD_BOOLEAN, "NEIN", "false"},
    {FIELD_BOOLEAN, "0", "false"},
    {FIELD_BOOLEAN, "maybe", nullptr},
    {FIELD_CHOICE, "Social media", "\"social_media\""},
    {FIELD_CHOICE, "ACTIVE", "\"active\""},
    {FIELD_CHOICE, "Our own", "\"Our own\""},
    {FIELD_CHOICES, "Active; x, y;;", "[\"active\",\"x, y\"]"},
    {FIELD_CHOICES, "vip, social media", "[\"vip\",\"social_media\"]"},
    {FIELD_EMAILS, "Ann Lee <ann@b.example>; mailto:c@d.example",
     "[\"ann@b.example\",\"c@d.example\"]"},
    {FIELD_EMAILS, "a@b.example, c@d.example", "[\"a@b.example\",\"c@d.example\"]"},
    {FIELD_PHONES, "030/1234 / 040/5678", "[\"030/1234\",\"040/5678\"]"},
    {FIELD_PHONES, "(5) 555-4729", "[\"(5) 555-4729\"]"},
    {FIELD_URL, "example.com", "\"example.com\""},
    {FIELD_COUNTRY, "Germany", "\"DE\""},
    {FIELD_COUNTRY, "UK", "\"GB\""},
    {FIELD_COUNTRY, "México", "\"MX\""},
    {FIELD_COUNTRY, "Atlantis", nullptr},
    {FIELD_CURRENCY, "€", "\"EUR\""},
    {FIELD_CURRENCY, "chf", "\"CHF\""},
    {FIELD_REFERENCES, "a;b", "[\"a\",\"b\"]"},
    {FIELD_OBJECT, "{\"a\":1}", "{\"a\":1}"},
    {FIELD_OBJECT, " ", "null"},
    {FIELD_OBJECT, "a=1", nullptr},
};

static struct field field_of(enum field_kind kind)
{
    struct field field = test_field(kind);
    if (kind == FIELD_DECIMAL) field.scale = 2;
    if (kind == FIELD_CHOICE || kind == FIELD_CHOICES) field.set = &status_set;
    return field;
}

TEST(test_cell__reads_what_people_write)
{
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        struct test_task test;
        test_task_init(&test);
        struct field field = field_of(cells[i].kind);
        struct buf given = buf_make(&test.arena, RECORD_BYTES_MAX);
        bool is_read = field.kind_of->from_cell(&test.task, &field, str_of(cells[i].cell), &given);
        struct buf json = buf_make(&test.arena, RECORD_BYTES_MAX);
        struct value value = value_of(buf_str(&given));
        if (is_read) json_write(&json, &value);
        if (is_read != (cells[i].given != nullptr))
            fprintf(stderr, "%s \"%s\": %.*s\n", is_read ? "read" : "refused", cells[i].cell,
                    FMT(buf_str(&json)));
        check(is_read == (cells[i].given != nullptr));
        check_int(test.task.fault.item_count, is_read ? 0 : 1);
        if (is_read) check_str(buf_str(&json), str_of(cells[i].given));
        test_task_drop(&test);
    }
}

TEST(test_cell__gives_values_that_the_kind_takes)
{
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        if (cells[i].given == nullptr || strcmp(cells[i].given, "null") == 0) continue;
        if (cells[i].kind == FIELD_REFERENCES) continue;
        struct test_task test;
        test_task_init(&test);
        struct field field = field_of(cells[i].kind);
        struct buf given = buf_make(&test.arena, RECORD_BYTES_MAX);
        struct buf stored = buf_make(&test.arena, RECORD_BYTES_MAX);
        check(field.kind_of->from_cell(&test.task, &field, str_of(cells[i].cell), &given));
        struct value value = value_of(buf_str(&given));
        if (!field.kind_of->read(&test.task, &field, &value, &stored))
            fprintf(stderr, "%s\n", cells[i].cell);
        check_int(test.task.fault.item_count, 0);
        test_task_drop(&test);
    }
}

TEST(test_cell__says_when_a_cell_reads_in_two_ways)
{
    static const struct cell doubtful[] = {
        {FIELD_NUMBER, "1,234", nullptr},
        {FIELD_DECIMAL, "12,345", nullptr},
        {FIELD_DATE, "1/2/2025", nullptr},
        {FIELD_TIME, "1/2/2025", nullptr},
    };
    for (size_t i = 0; i < sizeof doubtful / sizeof *doubtful; i++) {
        struct test_task test;
        test_task_init(&test);
        struct field field = field_of(doubtful[i].kind);
        struct buf given = buf_make(&test.arena, RECORD_BYTES_MAX);
        check(!field.kind_of->from_cell(&test.task, &field, str_of(doubtful[i].cell), &given));
        check(strstr(arena_cstring(&test.arena, test.task.fault.items[0].message), "two ways") !=
              nullptr);
        test_task_drop(&test);
    }
}

TEST(test_cell__bounds_the_items_of_a_list)
{
    struct test_task test;
    test_task_init(&test);
    struct buf cell = buf_make(&test.arena, 64 * KIB);
    for (uint32_t i = 0; i <= LIST_ITEMS_MAX; i++) buf_print(&cell, "tag%u;", i);
    struct field field = field_of(FIELD_CHOICES);
    struct buf given = buf_make(&test.arena, RECORD_BYTES_MAX);
    check(!field.kind_of->from_cell(&test.task, &field, buf_str(&cell), &given));
    check_str(test.task.fault.items[0].code, S("length"));
    test_task_drop(&test);
}
