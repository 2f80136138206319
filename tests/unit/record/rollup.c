/* Roll-ups against their recomputation, after any sequence of changes. */
#include "fixture.h"

#include "base/random.h"

static const char settings_file[] =
    "return entity 'settings' { number = 1, plural = 'settings', label = 'S', title = 'title',\n"
    "  single = true, text 'title' { 1, label = 'T', required = true },\n"
    "  currency 'currency' { 3, label = 'C', default = 'EUR' } }\n";
static const char group_file[] =
    "return entity 'group' { number = 9, plural = 'circles', label = 'G', title = 'name',\n"
    "  text 'name' { 1, label = 'Name' },\n"
    "  rollup 'firms' { 2, count = 'firm' },\n"
    "  rollup 'hours' { 3, sum = 'firm.hours' },\n"
    "  rollup 'busy' { 4, count = 'firm', where = { orders = { gte = 3 } } },\n"
    "  rollup 'latest' { 5, latest = 'firm.last' },\n"
    "}\n";
static const char firm_file[] =
    "return entity 'firm' { number = 10, plural = 'firms', label = 'F', title = 'name',\n"
    "  text 'name' { 1, label = 'Name' },\n"
    "  reference 'group' { 2, to = 'group', on_delete = 'cascade' },\n"
    "  rollup 'orders' { 3, count = 'order', via = 'firm' },\n"
    "  rollup 'hours' { 4, sum = 'order.hours', via = 'firm' },\n"
    "  rollup 'share' { 5, sum = 'order.share', via = 'firm', where = { state = 'open' } },\n"
    "  rollup 'price' { 6, sum = 'order.price', via = 'firm' },\n"
    "  rollup 'least' { 7, min = 'order.price', via = 'firm', where = { state = { ne = 'lost' } } "
    "},\n"
    "  rollup 'most' { 8, max = 'order.share', via = 'firm' },\n"
    "  rollup 'last' { 9, latest = 'order.due', via = 'firm' },\n"
    "  rollup 'paid' { 10, rollup = { from = 'order', via = 'payer', ['function'] = 'count' } },\n"
    "}\n";
static const char order_file[] =
    "return entity 'order' { number = 11, plural = 'orders', label = 'O', title = 'name',\n"
    "  text 'name' { 1, label = 'Name' },\n"
    "  reference 'firm' { 2, to = 'firm', on_delete = 'cascade' },\n"
    "  reference 'payer' { 3, to = 'firm', on_delete = 'detach' },\n"
    "  decimal 'hours' { 4, scale = 2 },\n"
    "  number 'share' { 5 },\n"
    "  money 'price' { 6 },\n"
    "  date 'due' { 7 },\n"
    "  text 'state' { 8 },\n"
    "}\n";

static void rollup_init(struct fixture *fixture)
{
    static const struct fixture_file files[] = {{"settings.lua", settings_file},
                                                {"group.lua", group_file},
                                                {"firm.lua", firm_file},
                                                {"order.lua", order_file}};
    fixture_init_schema(fixture, files, sizeof files / sizeof *files);
}

/** The record has this piece of JSON. */
static void shows(struct fixture *fixture, const char *entity, struct id id, const char *piece)
{
    str json = fixture_show(fixture, entity, id);
    const char *text = arena_cstring(fixture->test.task.arena, json);
    if (strstr(text, piece) != nullptr) return;
    fprintf(stderr, "%s is not in %s\n", piece, text);
    check(false);
}

static struct id order_of(struct fixture *fixture, struct id firm, const char *more)
{
    char json[400];
    snprintf(json, sizeof json, "{\"firm\":\"%s\"%s}", fixture_id(fixture, firm), more);
    return fixture_create(fixture, "order", json);
}

TEST(test_rollup__follows_each_write_of_a_child)
{
    struct fixture fixture;
    rollup_init(&fixture);
    struct id firm = fixture_create(&fixture, "firm", "{\"name\":\"A\"}");
    struct id other = fixture_create(&fixture, "firm", "{\"name\":\"B\"}");
    shows(&fixture, "firm", firm, "\"orders\":0,\"hours\":0.00,\"share\":0,");
    shows(&fixture, "firm", firm, "\"price\":{\"amount\":0,\"currency\":\"EUR\"},\"least\":null");
    struct id one = order_of(&fixture, firm,
                             ",\"hours\":1.25,\"share\":0.1,\"state\":\"open\",\"due\":\"2026-01-"
                             "02\",\"price\":{\"amount\":500,\"currency\":\"EUR\"}");
    struct id two = order_of(&fixture, firm,
                             ",\"hours\":-0.5,\"share\":0.2,\"state\":\"open\",\"due\":\"2026-03-"
                             "02\",\"price\":{\"amount\":300,\"currency\":\"EUR\"}");
    struct id dear = order_of(&fixture, firm, ",\"price\":{\"amount\":9,\"currency\":\"USD\"}");
    shows(&fixture, "firm", firm, "\"orders\":3,\"hours\":0.75,\"share\":0.3,");
    shows(&fixture, "firm", firm, "\"price\":{\"amount\":800,\"currency\":\"EUR\"}");
    shows(&fixture, "firm", firm, "\"least\":{\"amount\":300,\"currency\":\"EUR\"},\"most\":0.2,");
    shows(&fixture, "firm", firm, "\"last\":\"2026-03-02\"");
    /* The present extreme goes: by its value, by the condition, by moving, by deletion. */
    check_int(fixture_patch(&fixture, "order", two, "{\"state\":\"lost\"}"), ERR_NONE);
    shows(&fixture, "firm", firm, "\"share\":0.1,");
    shows(&fixture, "firm", firm, "\"least\":{\"amount\":500,");
    char json[128];
    snprintf(json, sizeof json, "{\"firm\":\"%s\"}", fixture_id(&fixture, other));
    check_int(fixture_patch(&fixture, "order", two, json), ERR_NONE);
    shows(&fixture, "firm", firm, "\"orders\":2,\"hours\":1.25,");
    shows(&fixture, "firm", firm, "\"most\":0.1,\"last\":\"2026-01-02\"");
    shows(&fixture, "firm", other, "\"orders\":1,\"hours\":-0.50,\"share\":0,");
    check_int(fixture_delete(&fixture, "order", one), ERR_NONE);
    check_int(fixture_delete(&fixture, "order", dear), ERR_NONE);
    shows(&fixture, "firm", firm, "\"orders\":0,\"hours\":0.00,\"share\":0,");
    shows(&fixture, "firm", firm, "\"least\":null,\"most\":null,\"last\":null");
    fixture_check(&fixture);
    fixture_drop(&fixture);
}

TEST(test_rollup__is_a_write_of_the_engine_and_in_the_log)
{
    struct fixture fixture;
    rollup_init(&fixture);
    struct id firm = fixture_create(&fixture, "firm", "{\"name\":\"A\"}");
    struct task *task = &fixture.test.task;
    struct record record;
    struct txn *txn;
    check_int(txn_open(task, &fixture.space, &txn), ERR_NONE);
    struct view view = {task, txn, fixture.model, &fixture.scope};
    check_int(record_get(&view, model_entity(fixture.model, S("firm")), firm, &record), ERR_NONE);
    struct etag before = record_etag(&record);
    txn_close(txn);
    (void)order_of(&fixture, firm, "");
    check_int(txn_open(task, &fixture.space, &txn), ERR_NONE);
    view.txn = txn;
    check_int(record_get(&view, model_entity(fixture.model, S("firm")), firm, &record), ERR_NONE);
    struct etag after = record_etag(&record);
    check_int(after.revision, before.revision);
    check(after.version > before.version);
    struct log_entry of_firm, of_order;
    uint64_t newest = txn_log_newest(txn);
    check_int(txn_log_from(txn, newest - 1, &of_order), ERR_NONE);
    struct id group = of_order.group;
    check_int(txn_log_from(txn, newest, &of_firm), ERR_NONE);
    check_int(of_firm.entity, 10);
    check(id_eq(of_firm.record, firm) && id_eq(of_firm.group, group));
    txn_close(txn);
    fixture_drop(&fixture);
}

TEST(test_rollup__is_sorted_and_filtered_by)
{
    struct fixture fixture;
    rollup_init(&fixture);
    struct id firms[3];
    for (int at = 0; at < 3; at++) {
        firms[at] = fixture_create(&fixture, "firm", "{\"name\":\"A\"}");
        for (int of = 0; of < at; of++) (void)order_of(&fixture, firms[at], ",\"hours\":2");
    }
    str json;
    check_int(fixture_list(&fixture, "firm",
                           (const char *const[]){"sort", "-orders", "hours[gte]", "2", nullptr},
                           &json),
              ERR_NONE);
    const char *text = arena_cstring(fixture.test.task.arena, json);
    const char *most = strstr(text, fixture_id(&fixture, firms[2]));
    const char *less = strstr(text, fixture_id(&fixture, firms[1]));
    check(most != nullptr && less != nullptr && most < less);
    check(strstr(text, fixture_id(&fixture, firms[0])) == nullptr);
    fixture_drop(&fixture);
}

/* Damage of the entries of a minimum, by the store's own calls. */

struct plant {
    struct work work;
    struct fixture *fixture;
    struct task task;
    struct id firm, order;
    bool is_removal;
    int64_t amount;
};

static enum err plant_run(struct work *work, struct txn *txn)
{
    struct plant *plant = (struct plant *)work;
    const struct entity *firm = model_entity(plant->fixture->model, S("firm"));
    const struct field *least = entity_field(firm, S("least"));
    const struct field *price =
        entity_field(model_entity(plant->fixture->model, S("order")), S("price"));
    struct arena *arena = plant->task.arena;
    struct buf stored = buf_make(arena, 64), key = buf_make(arena, 128);
    txn_set_task(txn, &plant->task);
    pack_list(&stored, 2);
    pack_int(&stored, plant->amount);
    pack_text(&stored, S("EUR"));
    struct value value = value_of(buf_str(&stored));
    buf_put(&key, id_bytes(&plant->firm));
    buf_put(&key, price->kind_of->order(arena, price, &value).items[0]);
    uint16_t entity = firm->number | 0x8000;
    if (plant->is_removal)
        txn_index_delete(txn, entity, least->number, buf_str(&key), plant->order);
    else txn_index_put(txn, entity, least->number, buf_str(&key), plant->order);
    return ERR_NONE;
}

struct told {
    struct check_report report;
    struct buf text;
};

static void tell(struct check_report *report, uint32_t, str what)
{
    struct told *told = (struct told *)report;
    buf_put(&told->text, what);
    buf_put_byte(&told->text, '\n');
}

static void plant(struct fixture *fixture, struct plant plant, const char *said)
{
    struct told told = {.report.found = tell, .text = buf_make(fixture->test.task.arena, MIB)};
    for (int turn = 0; turn < 2; turn++) {
        plant.fixture = fixture;
        task_init(&plant.task, fixture->test.task.arena);
        plant.work = (struct work){.run = plant_run};
        check_int(store_write(fixture->store, &fixture->space, &plant.work), ERR_NONE);
        plant.is_removal = !plant.is_removal; /* and back again */
        if (turn == 1) break;
        check_int(record_check(&fixture->test.task, &fixture->space, fixture->model, nullptr,
                               &told.report),
                  ERR_NONE);
    }
    const char *text = arena_cstring(fixture->test.task.arena, buf_str(&told.text));
    check(strstr(text, said) != nullptr);
    fixture_check(fixture);
}

TEST(test_check__tells_of_entries_that_are_wrong)
{
    struct fixture fixture;
    rollup_init(&fixture);
    struct id firm = fixture_create(&fixture, "firm", "{\"name\":\"A\"}");
    struct id order = order_of(&fixture, firm, ",\"price\":{\"amount\":500,\"currency\":\"EUR\"}");
    struct plant lost = {.firm = firm, .order = order, .amount = 500, .is_removal = true};
    plant(&fixture, lost, "has no entry in firm.least");
    plant(&fixture, lost, "the entries of least do not lead to it");
    struct plant bogus = {.firm = firm, .order = order, .amount = 400};
    plant(&fixture, bogus, "its entry in firm.least is not what it gives");
    fixture_drop(&fixture);
}

/* Any sequence. */

struct many {
    struct fixture fixture;
    struct id groups[4], firms[12], orders[60];
    bool has_group[4], has_firm[12], has_order[60];
};

static const char *any_of(struct many *many, const struct id *ids, const bool *has, uint32_t count)
{
    uint32_t at = (uint32_t)(random_uint64() % count);
    return random_uint64() % 8 == 0 || !has[at]
               ? "null"
               : arena_print(many->fixture.test.task.arena, "\"%s\"%c",
                             fixture_id(&many->fixture, ids[at]), 0)
                     .at;
}

static const char *any_price(struct many *many)
{
    static const char *const currencies[] = {"EUR", "EUR", "EUR", "USD"};
    if (random_uint64() % 6 == 0) return "null";
    return arena_print(many->fixture.test.task.arena, "{\"amount\":%d,\"currency\":\"%s\"}%c",
                       (int)(random_uint64() % 2000) - 500, currencies[random_uint64() % 4], 0)
        .at;
}

static const char *any_share(struct many *many)
{
    static const double shares[] = {0.1, 0.2, 1e-6, 123456789.123456, 3, -7, 0.30000000000000004};
    if (random_uint64() % 6 == 0) return "null";
    return arena_print(many->fixture.test.task.arena, "%.17g%c", shares[random_uint64() % 7], 0).at;
}

static const char *any_order(struct many *many)
{
    static const char *const states[] = {"\"open\"", "\"lost\"", "\"done\"", "null"};
    return arena_print(many->fixture.test.task.arena,
                       "{\"firm\":%s,\"payer\":%s,\"hours\":%d.%02d,\"share\":%s,\"price\":%s,"
                       "\"due\":\"2026-%02d-01\",\"state\":%s}%c",
                       any_of(many, many->firms, many->has_firm, 12),
                       any_of(many, many->firms, many->has_firm, 12), (int)(random_uint64() % 9),
                       (int)(random_uint64() % 100), any_share(many), any_price(many),
                       (int)(random_uint64() % 12) + 1, states[random_uint64() % 4], 0)
        .at;
}

/** What went with another record is gone. */
static void note_there(struct many *many)
{
    for (int at = 0; at < 12; at++)
        many->has_firm[at] =
            many->has_firm[at] && fixture_show(&many->fixture, "firm", many->firms[at]).len > 0;
    for (int at = 0; at < 60; at++)
        many->has_order[at] =
            many->has_order[at] && fixture_show(&many->fixture, "order", many->orders[at]).len > 0;
}

static void any_step(struct many *many)
{
    struct fixture *fixture = &many->fixture;
    uint32_t at = (uint32_t)(random_uint64() % 60), kind = (uint32_t)(random_uint64() % 20);
    const char *group = arena_print(fixture->test.task.arena, "{\"group\":%s}%c",
                                    any_of(many, many->groups, many->has_group, 4), 0)
                            .at;
    if (kind == 0 && !many->has_group[at % 4]) {
        many->groups[at % 4] = fixture_create(fixture, "group", "{}");
        many->has_group[at % 4] = true;
    } else if (kind == 1 && many->has_group[at % 4] && at < 20) {
        check_int(fixture_delete(fixture, "group", many->groups[at % 4]), ERR_NONE);
        many->has_group[at % 4] = false;
        note_there(many);
    } else if (kind < 5 && !many->has_firm[at % 12]) {
        many->firms[at % 12] = fixture_create(fixture, "firm", group);
        many->has_firm[at % 12] = true;
    } else if (kind == 5 && many->has_firm[at % 12] && at < 20) {
        check_int(fixture_delete(fixture, "firm", many->firms[at % 12]), ERR_NONE);
        many->has_firm[at % 12] = false;
        note_there(many);
    } else if (kind == 6 && many->has_firm[at % 12]) {
        check_int(fixture_patch(fixture, "firm", many->firms[at % 12], group), ERR_NONE);
    } else if (many->has_order[at] && kind < 9) {
        check_int(fixture_delete(fixture, "order", many->orders[at]), ERR_NONE);
        many->has_order[at] = false;
    } else if (many->has_order[at]) {
        check_int(fixture_patch(fixture, "order", many->orders[at], any_order(many)), ERR_NONE);
    } else {
        many->orders[at] = fixture_create(fixture, "order", any_order(many));
        many->has_order[at] = true;
    }
}

TEST(test_rollup__is_right_after_any_sequence)
{
    uint64_t seed = random_uint64();
    const char *given = getenv("ATRIUM_SEED");
    if (given != nullptr) seed = strtoull(given, nullptr, 10);
    fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
    struct many many = {};
    rollup_init(&many.fixture);
    random_seed(seed);
    for (int step = 0; step < 400; step++) {
        any_step(&many);
        if (step % 40 == 39) fixture_check(&many.fixture);
    }
    random_seed(0);
    fixture_drop(&many.fixture);
}
