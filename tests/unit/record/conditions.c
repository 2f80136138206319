/* Fields that are required or shown only under a condition. */
#include "fixture.h"

static const char firm_file[] =
    "return entity 'firm' { number = 10, plural = 'firms', label = 'F', title = 'name',\n"
    "  text 'name' { 1, label = 'Name' },\n"
    "  text 'kind' { 2 },\n"
    "  text 'vat' { 3, required_when = { kind = 'company' } },\n"
    "  text 'born' { 4, visible_when = { kind = { ne = 'company' } } },\n"
    "  text 'guardian' { 5, required = true, visible_when = { age = { lt = 18 } } },\n"
    "  number 'age' { 6 },\n"
    "  rollup 'orders' { 7, count = 'order' },\n"
    "  text 'reason' { 8, required_when = { orders = { gte = 2 } } },\n"
    "}\n";
static const char order_file[] =
    "return entity 'order' { number = 11, plural = 'orders', label = 'O', title = 'name',\n"
    "  text 'name' { 1, label = 'Name' },\n"
    "  reference 'firm' { 2, to = 'firm', on_delete = 'cascade' },\n"
    "}\n";

static void conditions_init(struct fixture *fixture)
{
    static const struct fixture_file files[] = {{"firm.lua", firm_file}, {"order.lua", order_file}};
    fixture_init_schema(fixture, files, sizeof files / sizeof *files);
}

/** The one fault that it is refused with: field, code, and a part of what is said. */
static void refuses(struct fixture *fixture, const char *verb, struct id id, const char *json,
                    const char *field, const char *code, const char *words)
{
    struct fixture_change run = {.verb = verb, .entity = "firm", .id = id, .json = json};
    check_int(fixture_do(fixture, &run), ERR_INVALID);
    check_int(run.task.fault.item_count, 1);
    const struct fault_item *item = &run.task.fault.items[0];
    check_str(item->field, str_of(field));
    check_str(item->code, str_of(code));
    check(strstr(arena_cstring(&run.arena, item->message), words) != nullptr);
    fixture_end(&run);
}

static bool shows(struct fixture *fixture, struct id id, const char *piece)
{
    struct arena *arena = fixture->test.task.arena;
    return strstr(arena_cstring(arena, fixture_show(fixture, "firm", id)), piece) != nullptr;
}

TEST(test_required_when__decides_by_the_record_as_it_will_be)
{
    struct fixture fixture;
    conditions_init(&fixture);
    refuses(&fixture, "create", (struct id){}, "{\"kind\":\"company\"}", "vat", "required",
            "with this kind");
    struct id firm = fixture_create(&fixture, "firm", "{\"kind\":\"person\"}");
    refuses(&fixture, "patch", firm, "{\"kind\":\"company\"}", "vat", "required", "required");
    check_int(fixture_patch(&fixture, "firm", firm, "{\"kind\":\"company\",\"vat\":\"X1\"}"),
              ERR_NONE);
    refuses(&fixture, "patch", firm, "{\"vat\":null}", "vat", "required", "required");
    check_int(fixture_patch(&fixture, "firm", firm, "{\"kind\":\"person\",\"vat\":null}"),
              ERR_NONE);
    fixture_check(&fixture);
    fixture_drop(&fixture);
}

TEST(test_visible_when__refuses_what_is_not_shown_and_keeps_what_was)
{
    struct fixture fixture;
    conditions_init(&fixture);
    refuses(&fixture, "create", (struct id){},
            "{\"kind\":\"company\",\"vat\":\"X\",\"born\":\"1970\"}", "born", "hidden",
            "with this kind");
    struct id firm = fixture_create(&fixture, "firm", "{\"kind\":\"person\",\"born\":\"1970\"}");
    check_int(fixture_patch(&fixture, "firm", firm, "{\"kind\":\"company\",\"vat\":\"X\"}"),
              ERR_NONE);
    check(shows(&fixture, firm, "\"born\":\"1970\""));
    /* The same value again is no change of it, and it can be cleared. */
    check_int(fixture_patch(&fixture, "firm", firm, "{\"born\":\"1970\"}"), ERR_NONE);
    refuses(&fixture, "patch", firm, "{\"born\":\"1971\"}", "born", "hidden", "leave it out");
    check_int(fixture_patch(&fixture, "firm", firm, "{\"born\":null}"), ERR_NONE);
    /* Required only while it is shown. */
    refuses(&fixture, "patch", firm, "{\"age\":17}", "guardian", "required", "is required");
    check_int(fixture_patch(&fixture, "firm", firm, "{\"age\":18}"), ERR_NONE);
    check_int(fixture_patch(&fixture, "firm", firm, "{\"age\":17,\"guardian\":\"G\"}"), ERR_NONE);
    fixture_check(&fixture);
    fixture_drop(&fixture);
}

TEST(test_required_when__that_comes_true_by_itself_is_noted)
{
    struct fixture fixture;
    conditions_init(&fixture);
    struct id firm = fixture_create(&fixture, "firm", "{\"name\":\"A\"}");
    char json[80];
    struct arena *arena = fixture.test.task.arena;
    snprintf(json, sizeof json, "{\"firm\":\"%s\"}", arena_cstring(arena, id_text(arena, firm)));
    (void)fixture_create(&fixture, "order", json);
    struct id second = fixture_create(&fixture, "order", json);
    check(shows(&fixture, firm, "\"incomplete\":[\"reason\"]"));
    fixture_check(&fixture);
    /* It does not stand in the way of other changes. */
    check_int(fixture_patch(&fixture, "firm", firm, "{\"name\":\"B\"}"), ERR_NONE);
    check_int(fixture_patch(&fixture, "firm", firm, "{\"reason\":\"R\"}"), ERR_NONE);
    check(shows(&fixture, firm, "\"incomplete\":[]"));
    refuses(&fixture, "patch", firm, "{\"reason\":null}", "reason", "required", "orders");
    check_int(fixture_delete(&fixture, "order", second), ERR_NONE);
    check_int(fixture_patch(&fixture, "firm", firm, "{\"reason\":null}"), ERR_NONE);
    fixture_check(&fixture);
    fixture_drop(&fixture);
}
