#include "model/kind.h"

#include <inttypes.h>

#include "base/fold.h"
#include "base/random.h"
#include "model_test.h"
#include "value/key.h"

static const struct choice sizes[] = {{.value = S("big"), .label = S("Big one")},
                                      {.value = S("small"), .label = S("Small one")}};
static const struct choice_set size_set = {
    .name = S("thing.size"), .choice_count = 2, .choices = sizes};

static struct field field_of(enum field_kind kind)
{
    struct field field = test_field(kind);
    if (kind == FIELD_DECIMAL) field.scale = 2;
    if (kind == FIELD_CHOICE || kind == FIELD_CHOICES) field.set = &size_set;
    return field;
}

/** Stores the value given as JSON; false when it is refused. */
static bool store(struct test_task *test, const struct field *field, const char *json,
                  struct value *stored_out)
{
    str given = test_encode(test, str_of(json));
    struct value value = value_of(given);
    struct buf stored = buf_make(&test->arena, RECORD_BYTES_MAX);
    test_faults_clear(test);
    if (!field->kind_of->read(&test->task, field, &value, &stored)) {
        check(test->task.fault.item_count > 0);
        return false;
    }
    check_int(test->task.fault.item_count, 0);
    check(!buf_is_over(&stored));
    check_int(value_check(&test->task, buf_str(&stored)), ERR_NONE);
    *stored_out = value_of(buf_str(&stored));
    return true;
}

static str show(struct test_task *test, const struct field *field, const struct value *stored)
{
    struct buf json = buf_make(&test->arena, 1 * MIB);
    field->kind_of->write(&json, field, stored);
    return buf_str(&json);
}

/** As formulas and rules are told it. */
static str give(struct test_task *test, const struct field *field, const struct value *stored)
{
    struct buf given = buf_make(&test->arena, 1 * MIB);
    if (field->kind_of->give == nullptr) return stored->bytes;
    field->kind_of->give(&given, field, stored);
    return buf_str(&given);
}

TEST(test_kind__has_a_whole_row_for_each_member)
{
    for (int i = 0; i < FIELD_KIND_COUNT; i++) {
        const struct kind *kind = kind_of((enum field_kind)i);
        enum field_kind found;
        check(kind_find(kind->name, &found) && (int)found == i);
        check(kind->read != nullptr && kind->write != nullptr && kind->order != nullptr);
        check(kind->order_text != nullptr && kind->from_cell != nullptr);
        struct test_task test;
        test_task_init(&test);
        check_int(value_of(test_encode(&test, kind->openapi)).kind, VALUE_MAP);
        test_task_drop(&test);
    }
    enum field_kind found;
    check(!kind_find(S("texts"), &found));
}

struct accepted {
    enum field_kind kind;
    const char *given;
    const char *shown; /** `null`: stored as nil, the field is then absent */
};

static const struct accepted accepted[] = {
    {FIELD_TEXT, "\"  Ann  \"", "\"Ann\""},
    {FIELD_TEXT, "\"\"", "null"},
    {FIELD_TEXT, "\"e\\u0301\"", "\"\xC3\xA9\""},
    {FIELD_LONG_TEXT, "\"a\\r\\nb\\rc\\td\"", "\"a\\nb\\nc\\td\""},
    {FIELD_LONG_TEXT, "\" \\n \"", "null"},
    {FIELD_NUMBER, "12", "12"},
    {FIELD_NUMBER, "12.0", "12"},
    {FIELD_NUMBER, "-1.5", "-1.5"},
    {FIELD_NUMBER, "1e300", "1e+300"},
    {FIELD_NUMBER, "9007199254740991", "9007199254740991"},
    {FIELD_DECIMAL, "12", "12.00"},
    {FIELD_DECIMAL, "12.5", "12.50"},
    {FIELD_DECIMAL, "\"-0.05\"", "-0.05"},
    {FIELD_DECIMAL, "0.1", "0.10"},
    {FIELD_DECIMAL, "9999999999999.99", "9999999999999.99"},
    {FIELD_MONEY, "{\"amount\":1250,\"currency\":\"EUR\"}",
     "{\"amount\":1250,\"currency\":\"EUR\"}"},
    {FIELD_MONEY, "{\"currency\":\"JPY\",\"amount\":-1}", "{\"amount\":-1,\"currency\":\"JPY\"}"},
    {FIELD_DATE, "\"2024-02-29\"", "\"2024-02-29\""},
    {FIELD_DATE, "\"0001-01-01\"", "\"0001-01-01\""},
    {FIELD_DATE, "\"\"", "null"},
    {FIELD_TIME, "\"2026-11-21T19:58:40.123Z\"", "\"2026-11-21T19:58:40.123Z\""},
    {FIELD_TIME, "\"2026-11-21T21:58:40+02:00\"", "\"2026-11-21T19:58:40.000Z\""},
    {FIELD_BOOLEAN, "true", "true"},
    {FIELD_BOOLEAN, "false", "false"},
    {FIELD_CHOICE, "\"big\"", "\"big\""},
    {FIELD_CHOICE, "\"Our Own\"", "\"Our Own\""},
    {FIELD_CHOICES, "[\"big\",\"vip\",\"VIP\",\"\",\"big\"]", "[\"big\",\"vip\"]"},
    {FIELD_CHOICES, "\"vip\"", "[\"vip\"]"},
    {FIELD_CHOICES, "[]", "null"},
    {FIELD_EMAILS, "\"ann@acme.example\"",
     "[{\"value\":\"ann@acme.example\",\"label\":null,\"primary\":true}]"},
    {FIELD_EMAILS, "{\"value\":\"a.b+c@x-y.example\",\"label\":\" work \"}",
     "[{\"value\":\"a.b+c@x-y.example\",\"label\":\"work\",\"primary\":true}]"},
    {FIELD_EMAILS, "[\"a@b.example\",{\"value\":\"c@d.example\",\"primary\":true,\"label\":null}]",
     "[{\"value\":\"a@b.example\",\"label\":null,\"primary\":false},"
     "{\"value\":\"c@d.example\",\"label\":null,\"primary\":true}]"},
    {FIELD_EMAILS, "[\"a@b.example\",{\"value\":\"A@B.example\",\"label\":\"x\"},\"\"]",
     "[{\"value\":\"a@b.example\",\"label\":\"x\",\"primary\":true}]"},
    {FIELD_EMAILS, "[]", "null"},
    {FIELD_EMAILS,
     "\"j\xC3\xB6rg@b\xC3\xBC"
     "cher.example\"",
     "[{\"value\":\"j\xC3\xB6rg@b\xC3\xBC"
     "cher.example\",\"label\":null,\"primary\":true}]"},
    {FIELD_PHONES, "[\"(5) 555-4729\",\"5 5554729\"]",
     "[{\"value\":\"(5) 555-4729\",\"label\":null,\"primary\":true}]"},
    {FIELD_PHONES, "\"+49 30 1234 ext. 5\"",
     "[{\"value\":\"+49 30 1234 ext. 5\",\"label\":null,\"primary\":true}]"},
    {FIELD_URL, "\"example.com\"", "\"https://example.com\""},
    {FIELD_URL, "\" HTTP://Example.COM:8080/A?b=C#d \"", "\"http://example.com:8080/A?b=C#d\""},
    {FIELD_URL, "\"\"", "null"},
    {FIELD_COUNTRY, "\"de\"", "\"DE\""},
    {FIELD_LANGUAGE, "\"pt-BR\"", "\"pt-BR\""},
    {FIELD_CURRENCY, "\"eur\"", "\"EUR\""},
    {FIELD_TIMEZONE, "\"Europe/Berlin\"", "\"Europe/Berlin\""},
    {FIELD_REFERENCE, "\"01890a5d-ac96-774b-bcce-b302099a8057\"",
     "\"01890a5d-ac96-774b-bcce-b302099a8057\""},
    {FIELD_REFERENCES,
     "[\"01890a5d-ac96-774b-bcce-b302099a8057\",\"01890a5d-ac96-774b-bcce-b302099a8057\"]",
     "[\"01890a5d-ac96-774b-bcce-b302099a8057\"]"},
    {FIELD_OBJECT, "{\"or\":[{\"status\":\"past\"}]}", "{\"or\":[{\"status\":\"past\"}]}"},
    {FIELD_OBJECT, "{}", "null"},
};

TEST(test_kind__shows_what_was_given_in_its_plain_form)
{
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++) {
        struct test_task test;
        test_task_init(&test);
        struct field field = field_of(accepted[i].kind);
        struct value stored;
        if (!store(&test, &field, accepted[i].given, &stored)) {
            fprintf(stderr, "%s: %.*s\n", accepted[i].given, FMT(test.task.fault.items[0].message));
            check(false);
        }
        if (strcmp(accepted[i].shown, "null") == 0) check_int(stored.kind, VALUE_NIL);
        else check_str(show(&test, &field, &stored), str_of(accepted[i].shown));
        if (stored.kind != VALUE_NIL)
            check_str(give(&test, &field, &stored), test_encode(&test, str_of(accepted[i].shown)));
        test_task_drop(&test);
    }
}

struct refused {
    enum field_kind kind;
    const char *given;
    const char *code;
    const char *words;
};

static const struct refused refused[] = {
    {FIELD_TEXT, "7", "type", "is a number, should be a text"},
    {FIELD_TEXT, "[]", "type", "a list"},
    {FIELD_TEXT, "\"a\\nb\"", "format", "one line"},
    {FIELD_LONG_TEXT, "\"a\\u0007\"", "format", "control"},
    {FIELD_NUMBER, "\"12\"", "type", "is a text, should be a number"},
    {FIELD_NUMBER, "9007199254740992", "range", "2^53"},
    {FIELD_NUMBER, "true", "type", "true or false"},
    {FIELD_DECIMAL, "12.345", "range", "at most 2 digits"},
    {FIELD_DECIMAL, "\"x\"", "range", "no number"},
    {FIELD_DECIMAL, "92233720368547759", "range", "no number"},
    {FIELD_DECIMAL, "10000000000000", "range", "15 digits"},
    {FIELD_DECIMAL, "{}", "type", "object"},
    {FIELD_MONEY, "12", "type", "amount"},
    {FIELD_MONEY, "{\"amount\":12}", "type", "currency"},
    {FIELD_MONEY, "{\"amount\":12,\"currency\":\"EUR\",\"x\":1}", "type", "currency"},
    {FIELD_MONEY, "{\"amount\":12.5,\"currency\":\"EUR\"}", "type", "smallest unit"},
    {FIELD_MONEY, "{\"amount\":12,\"currency\":\"XYZ\"}", "format", "ISO 4217"},
    {FIELD_MONEY, "{\"amount\":9007199254740992,\"currency\":\"EUR\"}", "range", "2^53"},
    {FIELD_DATE, "\"2025-02-29\"", "format", "2026-11-21"},
    {FIELD_DATE, "\"31.12.2025\"", "format", "2026-11-21"},
    {FIELD_DATE, "20251231", "type", "date as text"},
    {FIELD_TIME, "\"yesterday\"", "format", "RFC 3339"},
    {FIELD_TIME, "0", "type", "time as text"},
    {FIELD_BOOLEAN, "\"yes\"", "type", "true or false"},
    {FIELD_BOOLEAN, "1", "type", "true or false"},
    {FIELD_CHOICE, "\"a;b\"", "format", "semicolon"},
    {FIELD_CHOICE, "[\"big\"]", "type", "a text"},
    {FIELD_CHOICES, "[1]", "type", "a text"},
    {FIELD_CHOICES, "{}", "type", "a list"},
    {FIELD_EMAILS, "\"ann\"", "format", "is not an address: an e-mail has one @ and a domain"},
    {FIELD_EMAILS, "\"ann@acme\"", "format", "@"},
    {FIELD_EMAILS, "\"a@b@c.example\"", "format", "@"},
    {FIELD_EMAILS, "\".a@c.example\"", "format", "@"},
    {FIELD_EMAILS, "\"a..b@c.example\"", "format", "@"},
    {FIELD_EMAILS, "\"a b@c.example\"", "format", "@"},
    {FIELD_EMAILS, "\"a@-c.example\"", "format", "@"},
    {FIELD_EMAILS, "\"a@c-.example\"", "format", "@"},
    {FIELD_EMAILS, "\"a@c..example\"", "format", "@"},
    {FIELD_EMAILS, "\"a@c.example.\"", "format", "@"},
    {FIELD_EMAILS, "\"<a@c.example>\"", "format", "@"},
    {FIELD_EMAILS,
     "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@c.example\"", "format",
     "@"},
    {FIELD_EMAILS, "[{\"value\":\"a@b.example\",\"x\":1}]", "unknown",
     "`value`, `label` and `primary`"},
    {FIELD_EMAILS, "[{\"value\":7}]", "type", "`value`"},
    {FIELD_EMAILS, "[{\"value\":\"a@b.example\",\"primary\":1}]", "type", "`primary`"},
    {FIELD_EMAILS,
     "[{\"value\":\"a@b.example\",\"primary\":true},{\"value\":\"c@b.example\",\"primary\":true}]",
     "primary", "2 items"},
    {FIELD_EMAILS, "[[\"a@b.example\"]]", "type", "object with `value`"},
    {FIELD_PHONES, "\"call me\"", "format", "3 digits"},
    {FIELD_PHONES, "\"12\"", "format", "3 digits"},
    {FIELD_URL, "\"ftp://example.com\"", "format", "web address"},
    {FIELD_URL, "\"javascript:alert(1)\"", "format", "web address"},
    {FIELD_URL, "\"mailto:a@b.example\"", "format", "web address"},
    {FIELD_URL, "\"https://user:pw@example.com\"", "format", "web address"},
    {FIELD_URL, "\"https://exa mple.com\"", "format", "web address"},
    {FIELD_URL, "\"https://example.com/<x>\"", "format", "web address"},
    {FIELD_URL, "\"localhost\"", "format", "web address"},
    {FIELD_URL, "\"https://example.com:99999\"", "format", "web address"},
    {FIELD_URL, "\"https://.com\"", "format", "web address"},
    {FIELD_COUNTRY, "\"Germany\"", "format", "ISO 3166-1"},
    {FIELD_COUNTRY, "\"ZZ\"", "format", "ISO 3166-1"},
    {FIELD_LANGUAGE, "\"klingon!\"", "format", "pt-BR"},
    {FIELD_CURRENCY, "\"EURO\"", "format", "ISO 4217"},
    {FIELD_TIMEZONE, "\"Berlin\"", "format", "Europe/Berlin"},
    {FIELD_REFERENCE, "\"7\"", "format", "UUID"},
    {FIELD_REFERENCE, "{}", "type", "id"},
    {FIELD_OBJECT, "[1]", "type", "object"},
    {FIELD_REFERENCES, "[\"7\"]", "format", "UUID"},
    {FIELD_REFERENCES, "\"01890a5d-ac96-774b-bcce-b302099a8057\"", "type", "list"},
};

TEST(test_kind__refuses_what_does_not_fit_and_says_what_would)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct test_task test;
        test_task_init(&test);
        struct field field = field_of(refused[i].kind);
        struct value stored;
        bool is_stored = store(&test, &field, refused[i].given, &stored);
        if (is_stored) fprintf(stderr, "stored: %s\n", refused[i].given);
        check(!is_stored);
        check_int(test.task.fault.item_count, 1);
        check_str(test.task.fault.items[0].field, S("f"));
        check_str(test.task.fault.items[0].code, str_of(refused[i].code));
        const char *message = arena_cstring(&test.arena, test.task.fault.items[0].message);
        if (strstr(message, refused[i].words) == nullptr)
            fprintf(stderr, "%s: %s\n", refused[i].given, message);
        check(strstr(message, refused[i].words) != nullptr);
        test_task_drop(&test);
    }
}

TEST(test_kind__keeps_to_the_fields_bounds)
{
    struct test_task test;
    test_task_init(&test);
    struct value stored;
    struct field text = field_of(FIELD_TEXT);
    text.max = 3;
    check(store(&test, &text, "\"äöü\"", &stored));
    check(!store(&test, &text, "\"äöüx\"", &stored));
    struct field number = field_of(FIELD_NUMBER);
    number.has_least = number.has_most = true;
    number.least = 1;
    number.most = 2;
    check(store(&test, &number, "1", &stored) && store(&test, &number, "1.5", &stored) &&
          store(&test, &number, "2", &stored));
    check(!store(&test, &number, "0.99", &stored) && !store(&test, &number, "2.01", &stored));
    struct field decimal = field_of(FIELD_DECIMAL);
    decimal.has_least = true;
    decimal.least = 50;
    check(store(&test, &decimal, "0.5", &stored) && !store(&test, &decimal, "0.49", &stored));
    struct field money = field_of(FIELD_MONEY);
    money.has_most = true;
    money.most = 100;
    check(store(&test, &money, "{\"amount\":100,\"currency\":\"EUR\"}", &stored));
    check(!store(&test, &money, "{\"amount\":101,\"currency\":\"EUR\"}", &stored));
    struct field list = field_of(FIELD_CHOICES);
    list.max = 2;
    check(store(&test, &list, "[\"a\",\"b\"]", &stored) &&
          !store(&test, &list, "[\"a\",\"b\",\"c\"]", &stored));
    check_str(test.task.fault.items[0].code, S("length"));
    struct field long_text = field_of(FIELD_LONG_TEXT);
    struct buf long_json = buf_make(&test.arena, 1 * MIB);
    buf_put_byte(&long_json, '"');
    for (size_t i = 0; i <= TEXT_BYTES_MAX; i++) buf_put_byte(&long_json, 'a');
    buf_put(&long_json, (str){"\"\0", 2});
    check(!store(&test, &long_text, buf_str(&long_json).at, &stored));
    test_task_drop(&test);
}

TEST(test_kind__writes_damaged_bytes_without_harm)
{
    static const char *const damaged[] = {
        "null", "7", "[]", "[[]]", "[7,8,9]", "{}", "\"x\"", "[[\"a\",7,true]]", "1.5"};
    for (int kind = 0; kind < FIELD_KIND_COUNT; kind++) {
        for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
            struct test_task test;
            test_task_init(&test);
            struct field field = field_of((enum field_kind)kind);
            struct value stored = value_of(test_encode(&test, str_of(damaged[i])));
            str json = show(&test, &field, &stored);
            test_encode(&test, json);
            check_int(value_check(&test.task, give(&test, &field, &stored)), ERR_NONE);
            (void)field.kind_of->order(&test.arena, &field, &stored);
            if (field.kind_of->words != nullptr)
                (void)field.kind_of->words(&test.arena, &field, &stored);
            test_task_drop(&test);
        }
    }
}

static int sign(double number)
{
    return number < 0 ? -1 : number > 0;
}

static str first_order(struct test_task *test, const struct field *field, const char *json)
{
    struct value stored;
    check(store(test, field, json, &stored));
    struct key_list keys = field->kind_of->order(&test->arena, field, &stored);
    check_int(keys.count, 1);
    check(keys.items[0].len <= KEY_ORDERED_BYTES_MAX);
    return keys.items[0];
}

static str filter_order(struct test_task *test, const struct field *field, const char *text)
{
    str ordered;
    check(field->kind_of->order_text(&test->task, field, str_of(text), &ordered));
    return ordered;
}

static uint64_t test_seed(void)
{
    uint64_t seed = random_uint64() | 1;
    random_seed(seed);
    return seed;
}

/** Writes one random value of a kind as JSON and as a filter's text; gives it as a number to
 *  compare by. */
static double random_value(enum field_kind kind, char json[80], char text[80])
{
    uint64_t bits = random_uint64();
    int64_t number = (int64_t)(bits >> 12) - (1LL << 51);
    if (bits % 4 == 0) number = (int64_t)(bits % 7) - 3;
    switch (kind) {
    case FIELD_NUMBER: {
        double float_number = bits % 2 == 0 ? (double)number : (double)number / 1024;
        snprintf(json, 80, "%.17g", float_number);
        snprintf(text, 80, "%s", json);
        return float_number;
    }
    case FIELD_DECIMAL:
        number %= 1'000'000'000;
        snprintf(json, 80, "\"%s%lld.%02d\"", number < 0 ? "-" : "", llabs(number) / 100,
                 (int)(llabs(number) % 100));
        snprintf(text, 80, "%.*s", (int)strlen(json) - 2, json + 1);
        return (double)number;
    case FIELD_MONEY:
        snprintf(json, 80, "{\"amount\":%" PRId64 ",\"currency\":\"EUR\"}", number);
        snprintf(text, 80, "%" PRId64, number);
        return (double)number;
    case FIELD_DATE: {
        int year = 1 + (int)(bits % 9999), month = 1 + (int)(bits >> 20) % 12,
            day = 1 + (int)(bits >> 30) % 28;
        if (month < 1) month = 1;
        if (day < 1) day = 1;
        snprintf(json, 80, "\"%04d-%02d-%02d\"", year, month, day);
        snprintf(text, 80, "%04d-%02d-%02d", year, month, day);
        return year * 10000.0 + month * 100 + day;
    }
    default: {
        int hour = (int)(bits % 24), second = (int)(bits >> 32 & 31), ms = (int)(bits >> 40 & 511);
        snprintf(json, 80, "\"2026-11-21T%02d:00:%02d.%03dZ\"", hour, second, ms);
        snprintf(text, 80, "2026-11-21T%02d:00:%02d.%03dZ", hour, second, ms);
        return hour * 1e6 + second * 1000 + ms;
    }
    }
}

TEST(test_kind__orders_numbers_dates_and_times_by_value_and_filters_agree)
{
    static const enum field_kind kinds[] = {FIELD_NUMBER, FIELD_DECIMAL, FIELD_MONEY, FIELD_DATE,
                                            FIELD_TIME};
    uint64_t seed = test_seed();
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct field field = field_of(kinds[i]);
        for (int round = 0; round < 400; round++) {
            struct test_task test;
            test_task_init(&test);
            char json[2][80];
            char text[2][80];
            double first = random_value(kinds[i], json[0], text[0]);
            double second = random_value(kinds[i], json[1], text[1]);
            str one = first_order(&test, &field, json[0]);
            str two = first_order(&test, &field, json[1]);
            if (sign(str_compare(one, two)) != sign(first - second))
                fprintf(stderr, "seed %" PRIu64 ": %s %s\n", seed, json[0], json[1]);
            check_int(sign(str_compare(one, two)), sign(first - second));
            check(str_eq(filter_order(&test, &field, text[0]), one));
            test_task_drop(&test);
        }
    }
    random_seed(0);
}

TEST(test_kind__orders_texts_as_folded_and_filters_agree)
{
    static const enum field_kind kinds[] = {FIELD_TEXT, FIELD_LONG_TEXT, FIELD_CHOICE};
    static const char *const pieces[] = {"a", "B", "ä",  "Z",  "é", "ß", "1", "x y",
                                         "Ω", "-", "zz", "ab", "A", "ñ", "日"};
    uint64_t seed = test_seed();
    for (int round = 0; round < 1000; round++) {
        struct test_task test;
        test_task_init(&test);
        struct field field = field_of(kinds[round % 3]);
        char text[2][100] = {"t", "t"};
        str keys[2];
        for (int i = 0; i < 2; i++) {
            for (uint64_t n = random_uint64() % 8; n > 0; n--)
                strncat(text[i], pieces[random_uint64() % (sizeof pieces / sizeof *pieces)], 20);
            keys[i] =
                first_order(&test, &field, arena_print(&test.arena, "\"%s\"%c", text[i], 0).at);
            check(str_eq(filter_order(&test, &field, text[i]), keys[i]));
        }
        int should = sign(
            str_compare(fold(&test.arena, str_of(text[0])), fold(&test.arena, str_of(text[1]))));
        if (sign(str_compare(keys[0], keys[1])) != should)
            fprintf(stderr, "seed %" PRIu64 ": %s | %s\n", seed, text[0], text[1]);
        check_int(sign(str_compare(keys[0], keys[1])), should);
        test_task_drop(&test);
    }
    random_seed(0);
}

TEST(test_kind__filters_find_what_is_stored_in_every_kind)
{
    static const struct {
        enum field_kind kind;
        const char *given;
        const char *text;
    } found[] = {
        {FIELD_TEXT, "\"Taquería\"", "TAQUERIA"},
        {FIELD_BOOLEAN, "true", "true"},
        {FIELD_BOOLEAN, "false", "false"},
        {FIELD_CHOICE, "\"big\"", "big"},
        {FIELD_CHOICES, "[\"VIP\"]", "vip"},
        {FIELD_EMAILS, "\"Ann@Acme.example\"", "ann@acme.example"},
        {FIELD_PHONES, "\"(5) 555-4729\"", "5 5554729"},
        {FIELD_URL, "\"Example.com/A\"", "https://example.com/A"},
        {FIELD_URL, "\"Example.com/A\"", "example.com/A"},
        {FIELD_COUNTRY, "\"DE\"", "de"},
        {FIELD_COUNTRY, "\"DE\"", "Germany"},
        {FIELD_LANGUAGE, "\"pt-BR\"", "pt-br"},
        {FIELD_CURRENCY, "\"EUR\"", "eur"},
        {FIELD_TIMEZONE, "\"Europe/Berlin\"", "Europe/Berlin"},
        {FIELD_REFERENCE, "\"01890a5d-ac96-774b-bcce-b302099a8057\"",
         "01890a5d-ac96-774b-bcce-b302099a8057"},
        {FIELD_REFERENCES, "[\"01890a5d-ac96-774b-bcce-b302099a8057\"]",
         "01890a5d-ac96-774b-bcce-b302099a8057"},
        {FIELD_TIME, "\"2026-11-21T00:00:00Z\"", "2026-11-21"},
    };
    for (size_t i = 0; i < sizeof found / sizeof *found; i++) {
        struct test_task test;
        test_task_init(&test);
        struct field field = field_of(found[i].kind);
        str key = first_order(&test, &field, found[i].given);
        if (!str_eq(filter_order(&test, &field, found[i].text), key))
            fprintf(stderr, "%s %s\n", found[i].given, found[i].text);
        check(str_eq(filter_order(&test, &field, found[i].text), key));
        test_task_drop(&test);
    }
}

TEST(test_kind__refuses_filters_that_are_no_such_value)
{
    static const enum field_kind kinds[] = {
        FIELD_NUMBER,  FIELD_DECIMAL, FIELD_MONEY,   FIELD_DATE,      FIELD_TIME,
        FIELD_BOOLEAN, FIELD_PHONES,  FIELD_COUNTRY, FIELD_REFERENCE, FIELD_REFERENCES};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct test_task test;
        test_task_init(&test);
        struct field field = field_of(kinds[i]);
        str ordered;
        check(!field.kind_of->order_text(&test.task, &field, S("nonsense"), &ordered));
        check_int(test.task.fault.item_count, 1);
        test_task_drop(&test);
    }
}

TEST(test_kind__cuts_long_orders_and_gives_each_item_once)
{
    struct test_task test;
    test_task_init(&test);
    struct field text = field_of(FIELD_TEXT);
    struct buf json = buf_make(&test.arena, 4096);
    buf_put_byte(&json, '"');
    for (int i = 0; i < 500; i++) buf_put_byte(&json, 'a');
    buf_put(&json, (str){"\"\0", 2});
    check_int(first_order(&test, &text, buf_str(&json).at).len, KEY_ORDERED_BYTES_MAX);
    struct field phones = field_of(FIELD_PHONES);
    struct value stored;
    check(store(&test, &phones, "[\"123 456\",\"999 888 ext 1\"]", &stored));
    check_int(phones.kind_of->order(&test.arena, &phones, &stored).count, 2);
    struct field emails = field_of(FIELD_EMAILS);
    check(store(&test, &emails, "[\"a@b.example\",\"c@b.example\"]", &stored));
    check_int(emails.kind_of->order(&test.arena, &emails, &stored).count, 2);
    test_task_drop(&test);
}

static bool has_word(const struct key_list *words, const char *word)
{
    bool has = false;
    for (uint32_t i = 0; i < words->count && !has; i++) has = str_eq(words->items[i], str_of(word));
    return has;
}

static struct key_list words_of(struct test_task *test, const struct field *field, const char *json)
{
    struct value stored;
    check(store(test, field, json, &stored));
    return field->kind_of->words(&test->arena, field, &stored);
}

TEST(test_kind__gives_words_as_people_look_for_them)
{
    struct test_task test;
    test_task_init(&test);
    struct field text = field_of(FIELD_TEXT);
    struct key_list words = words_of(&test, &text, "\"Antonio Moreno Taquería\"");
    check_int(words.count, 3);
    check(has_word(&words, "taqueria") && has_word(&words, "antonio"));
    struct field emails = field_of(FIELD_EMAILS);
    words = words_of(&test, &emails, "[\"ann.lee@acme.example\"]");
    check(has_word(&words, "ann") && has_word(&words, "lee") && has_word(&words, "acme"));
    struct field url = field_of(FIELD_URL);
    words = words_of(&test, &url, "\"https://www.acme.example\"");
    check(has_word(&words, "acme") && !has_word(&words, "www") && !has_word(&words, "https"));
    struct field choice = field_of(FIELD_CHOICE);
    words = words_of(&test, &choice, "\"small\"");
    check(has_word(&words, "small") && words.count == 1);
    struct field phones = field_of(FIELD_PHONES);
    words = words_of(&test, &phones, "\"+49 30 0076545\"");
    check(has_word(&words, "49300076545") && has_word(&words, "~54567000394"));
    test_task_drop(&test);
}

/** Whether a query finds a telephone number, as record/ matches: by prefix, any of the
 *  alternatives. */
static bool finds_phone(struct test_task *test, const char *query, const char *json)
{
    struct field phones = field_of(FIELD_PHONES);
    struct key_list words = words_of(test, &phones, json);
    bool is_digits;
    struct key_list wanted = kind_query_words(&test->arena, str_of(query), &is_digits);
    check(is_digits);
    bool finds = false;
    for (uint32_t i = 0; i < wanted.count; i++)
        for (uint32_t j = 0; j < words.count; j++)
            finds = finds || str_starts(words.items[j], wanted.items[i]);
    return finds;
}

TEST(test_kind__finds_telephones_by_their_first_and_last_digits)
{
    struct test_task test;
    test_task_init(&test);
    check(finds_phone(&test, "545", "\"+49 30 0076545\""));
    check(finds_phone(&test, "0076545", "\"+49 30 0076545\""));
    check(finds_phone(&test, "030 0076545", "\"+49 30 0076545\""));
    check(finds_phone(&test, "+49 300", "\"+49 30 0076545\""));
    check(finds_phone(&test, "(5) 555-4729", "\"(5) 555-4729\""));
    check(!finds_phone(&test, "4728", "\"(5) 555-4729\""));
    check(finds_phone(&test, "4729", "\"(5) 555-4729 ext. 12\""));
    test_task_drop(&test);
}

TEST(test_kind__takes_a_query_apart_like_the_records)
{
    struct test_task test;
    test_task_init(&test);
    bool is_digits;
    struct key_list words = kind_query_words(&test.arena, S("  Moreno, TAQUERÍA "), &is_digits);
    check(!is_digits);
    check_int(words.count, 2);
    check_str(words.items[0], S("moreno"));
    check_str(words.items[1], S("taqueria"));
    words = kind_query_words(&test.arena, S("12"), &is_digits);
    check(!is_digits);
    check_str(words.items[0], S("12"));
    words = kind_query_words(&test.arena, S("a b c d e f g h i j k"), &is_digits);
    check_int(words.count, SEARCH_WORDS_MAX);
    check_int(kind_query_words(&test.arena, S(" - "), &is_digits).count, 0);
    test_task_drop(&test);
}
