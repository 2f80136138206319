/* Formulas and roll-ups upon each other, with real runners. */
#include "fixture.h"

#include "base/random.h"
#include "record/rebuild.h"
#include "rules/formulas.h"

static const char firm_file[] =
    "return entity 'firm' { number = 10, plural = 'firms', label = 'F', title = 'name',\n"
    "  text 'name' { 1, label = 'Name' },\n"
    "  number 'rate' { 2 },\n"
    "  rollup 'total' { 3, sum = 'order.cost', via = 'firm' },\n"
    "  formula 'bill' { 4, formula = '(record.rate or 1) * record.total' },\n"
    "  formula 'grade' { 5, formula = 'record.bill > 100 and \"A\" or \"B\"', result = 'text' },\n"
    "  formula 'shout' { 6, formula = 'record.name:upper()', result = 'text' },\n"
    "}\n";
static const char order_file[] =
    "return entity 'order' { number = 11, plural = 'orders', label = 'O', title = 'name',\n"
    "  text 'name' { 1, label = 'Name' },\n"
    "  reference 'firm' { 2, to = 'firm', on_delete = 'cascade' },\n"
    "  number 'hours' { 3 },\n"
    "  formula 'cost' { 4, formula = 'record.hours * 2.5', result = 'decimal', scale = 2 },\n"
    "  date 'from' { 5 },\n"
    "  formula 'due' { 6, formula = 'months(record.from, 1)', result = 'date' },\n"
    "}\n";

struct formula_fixture {
    struct fixture fixture;
    struct runners *runners;
    struct formula_asker *asker;
    struct hooks hooks;
};

static void formula_init(struct formula_fixture *with)
{
    static const struct fixture_file files[] = {{"firm.lua", firm_file}, {"order.lua", order_file}};
    fixture_init_schema(&with->fixture, files, sizeof files / sizeof *files);
    with->runners = runners_open(fixture_path("ATRIUM_RUNNER", "zig-out/bin/atrium-runner"));
    check(with->runners != nullptr);
    with->asker = formulas_open(with->runners);
    with->hooks = (struct hooks){.formulas = formulas_slot(with->asker)};
}

static void formula_drop(struct formula_fixture *with)
{
    struct check_report report = {.found = fixture_found};
    struct fixture *fixture = &with->fixture;
    check_int(record_check(&fixture->test.task, &fixture->space, fixture->model,
                           with->hooks.formulas, &report),
              ERR_NONE);
    check_int(report.fault_count, 0);
    fixture_drop(fixture);
    formulas_close(with->asker);
    runners_close(with->runners);
}

static struct id run(struct formula_fixture *with, const char *verb, const char *entity,
                     struct id id, const char *json)
{
    struct fixture_change change = {
        .verb = verb, .entity = entity, .id = id, .json = json, .hooks = &with->hooks};
    check_int(fixture_do(&with->fixture, &change), ERR_NONE);
    struct id made = change.id;
    fixture_end(&change);
    return made;
}

static struct id make(struct formula_fixture *with, const char *entity, const char *json)
{
    return run(with, "create", entity, (struct id){}, json);
}

static const char *of_firm(struct formula_fixture *with, struct id firm, const char *more)
{
    struct arena *arena = with->fixture.test.task.arena;
    return arena_print(arena, "{\"firm\":\"%.*s\"%s}%c", FMT(id_text(arena, firm)), more, 0).at;
}

static void shows(struct formula_fixture *with, const char *entity, struct id id, const char *piece)
{
    str json = fixture_show(&with->fixture, entity, id);
    const char *text = arena_cstring(with->fixture.test.task.arena, json);
    if (strstr(text, piece) != nullptr) return;
    fprintf(stderr, "%s is not in %s\n", piece, text);
    check(false);
}

TEST(test_formula__follows_its_fields_through_rollups)
{
    struct formula_fixture with = {};
    formula_init(&with);
    struct id firm = make(&with, "firm", "{\"name\":\"anna\"}");
    shows(&with, "firm", firm, "\"total\":0.00,\"bill\":0,\"grade\":\"B\",\"shout\":\"ANNA\"");
    struct id one = make(&with, "order", of_firm(&with, firm, ",\"hours\":10"));
    shows(&with, "order", one, "\"cost\":25.00");
    shows(&with, "firm", firm, "\"total\":25.00,\"bill\":25,\"grade\":\"B\"");
    (void)run(&with, "patch", "firm", firm, "{\"rate\":5}");
    shows(&with, "firm", firm, "\"bill\":125,\"grade\":\"A\"");
    (void)run(&with, "patch", "order", one, "{\"hours\":1,\"from\":\"2026-01-31\"}");
    shows(&with, "order", one, "\"cost\":2.50,\"from\":\"2026-01-31\",\"due\":\"2026-02-28\"");
    shows(&with, "firm", firm, "\"total\":2.50,\"bill\":12.5,\"grade\":\"B\"");
    (void)run(&with, "delete", "order", one, nullptr);
    shows(&with, "firm", firm, "\"total\":0.00,\"bill\":0,\"grade\":\"B\"");
    formula_drop(&with);
}

TEST(test_formula__that_fails_is_absent_and_named)
{
    struct formula_fixture with = {};
    formula_init(&with);
    struct id order = make(&with, "order", "{\"name\":\"x\"}");
    shows(&with, "order", order, "\"cost\":null,");
    shows(&with, "order", order, "\"incomplete\":[\"cost\",\"due\"]");
    (void)run(&with, "patch", "order", order, "{\"hours\":2,\"from\":\"2026-05-05\"}");
    shows(&with, "order", order, "\"cost\":5.00");
    shows(&with, "order", order, "\"incomplete\":[]");
    /* A value that is not of the declared kind is a failure too. */
    (void)run(&with, "patch", "order", order, "{\"hours\":0.001}");
    shows(&with, "order", order, "\"incomplete\":[\"cost\"]");
    /* They cannot be given. */
    struct fixture_change change = {.verb = "patch",
                                    .entity = "order",
                                    .id = order,
                                    .json = "{\"cost\":1}",
                                    .hooks = &with.hooks};
    check_int(fixture_do(&with.fixture, &change), ERR_INVALID);
    check_str(change.task.fault.items[0].code, S("read_only"));
    fixture_end(&change);
    formula_drop(&with);
}

TEST(test_formula__is_right_after_any_sequence)
{
    uint64_t seed = random_uint64();
    const char *given = getenv("ATRIUM_SEED");
    if (given != nullptr) seed = strtoull(given, nullptr, 10);
    fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
    struct formula_fixture with = {};
    formula_init(&with);
    random_seed(seed);
    struct id firms[3], orders[20];
    bool has_order[20] = {};
    for (int at = 0; at < 3; at++) firms[at] = make(&with, "firm", "{\"name\":\"f\"}");
    for (int step = 0; step < 150; step++) {
        uint32_t at = (uint32_t)(random_uint64() % 20), kind = (uint32_t)(random_uint64() % 8);
        char more[64];
        snprintf(more, sizeof more, ",\"hours\":%s%d", random_uint64() % 2 ? "" : "-",
                 (int)(random_uint64() % 50));
        const char *json = of_firm(&with, firms[random_uint64() % 3], more);
        if (kind == 0) {
            snprintf(more, sizeof more, "{\"rate\":%d}", (int)(random_uint64() % 9));
            (void)run(&with, "patch", "firm", firms[at % 3], more);
        } else if (!has_order[at]) {
            orders[at] = make(&with, "order", json);
            has_order[at] = true;
        } else if (kind == 1) {
            (void)run(&with, "delete", "order", orders[at], nullptr);
            has_order[at] = false;
        } else {
            (void)run(&with, "patch", "order", orders[at], json);
        }
    }
    random_seed(0);
    formula_drop(&with);
}

/* Computing over records that were there before. */

struct rebuilding {
    struct work work;
    struct formula_fixture *with;
    struct arena arena;
    struct task task;
    bool is_damage;
    struct id ids[8];
    uint32_t count;
    const char *entity;
};

/** Takes away what is computed behind everybody's back, or computes it again. */
static enum err rebuild(struct work *work, struct txn *txn)
{
    struct rebuilding *rebuilding = (struct rebuilding *)work;
    const struct model *model = rebuilding->with->fixture.model;
    const struct entity *entity = model_entity(model, str_of(rebuilding->entity));
    txn_set_task(txn, &rebuilding->task);
    struct change change = {.task = &rebuilding->task,
                            .txn = txn,
                            .model = model,
                            .scope = &rebuilding->with->fixture.scope,
                            .hooks = &rebuilding->with->hooks};
    if (!rebuilding->is_damage)
        return records_rebuild(&change, entity, rebuilding->ids, rebuilding->count);
    for (uint32_t at = 0; at < rebuilding->count; at++) {
        str value;
        TRY(txn_record_get(txn, entity->number, rebuilding->ids[at], &rebuilding->arena, &value));
        struct buf out = buf_make(&rebuilding->arena, 64 * KIB), pairs = out;
        struct value map = value_of(value), key, item;
        struct cursor cursor = cursor_of(map.items);
        uint32_t count = 0;
        for (uint32_t pair = 0; pair < map.count; pair++) {
            if (!value_next(&cursor, &key) || !value_next(&cursor, &item)) break;
            const struct field *field = entity_field_by_number(entity, (uint16_t)key.integer);
            if (field->formula != nullptr || field->rollup != nullptr) {
                struct key_list keys = field->kind_of->order(&rebuilding->arena, field, &item);
                txn_index_delete(txn, entity->number, field->number, keys.items[0],
                                 rebuilding->ids[at]);
                continue;
            }
            pack_raw(&pairs, key.bytes);
            pack_raw(&pairs, item.bytes);
            count++;
        }
        pack_map(&out, count);
        pack_raw(&out, buf_str(&pairs));
        txn_record_put(txn, entity->number, rebuilding->ids[at], buf_str(&out));
    }
    return ERR_NONE;
}

static void rebuild_all(struct formula_fixture *with, const char *entity, const struct id *ids,
                        uint32_t count, bool is_damage)
{
    struct rebuilding *rebuilding = memory_take(sizeof *rebuilding);
    *rebuilding =
        (struct rebuilding){.with = with, .is_damage = is_damage, .count = count, .entity = entity};
    memcpy(rebuilding->ids, ids, count * sizeof *ids);
    arena_init(&rebuilding->arena, 64 * MIB);
    task_init(&rebuilding->task, &rebuilding->arena);
    rebuilding->work = (struct work){.run = rebuild, .arena = &rebuilding->arena};
    check_int(store_write(with->fixture.store, &with->fixture.space, &rebuilding->work), ERR_NONE);
    arena_drop(&rebuilding->arena);
    memory_give(rebuilding);
}

/** What a check says, one line each. */
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

TEST(test_check__tells_what_is_computed_wrong)
{
    struct formula_fixture with = {};
    formula_init(&with);
    struct fixture *fixture = &with.fixture;
    struct id firm = make(&with, "firm", "{\"name\":\"f\"}");
    (void)make(&with, "order", of_firm(&with, firm, ",\"hours\":4"));
    rebuild_all(&with, "firm", &firm, 1, true);
    struct told told = {.report.found = tell, .text = buf_make(fixture->test.task.arena, MIB)};
    check_int(record_check(&fixture->test.task, &fixture->space, fixture->model,
                           with.hooks.formulas, &told.report),
              ERR_NONE);
    const char *text = arena_cstring(fixture->test.task.arena, buf_str(&told.text));
    check(strstr(text, "total is not what its orders say") != nullptr);
    check(strstr(text, "shout is not what its formula says") != nullptr);
    check(strstr(text, "`incomplete` does not tell whether bill") != nullptr);
    rebuild_all(&with, "firm", &firm, 1, false);
    formula_drop(&with);
}

TEST(test_computed__is_made_over_existing_records_in_any_order)
{
    for (int order = 0; order < 2; order++) {
        struct formula_fixture with = {};
        formula_init(&with);
        struct id firms[2], orders[6];
        for (int at = 0; at < 2; at++) firms[at] = make(&with, "firm", "{\"name\":\"f\"}");
        for (int at = 0; at < 6; at++)
            orders[at] = make(&with, "order", of_firm(&with, firms[at % 2], ",\"hours\":4"));
        rebuild_all(&with, "firm", firms, 2, true);
        rebuild_all(&with, "order", orders, 6, true);
        if (order == 0) rebuild_all(&with, "firm", firms, 2, false);
        rebuild_all(&with, "order", orders, 6, false);
        if (order == 1) rebuild_all(&with, "firm", firms, 2, false);
        shows(&with, "firm", firms[0], "\"total\":30.00,\"bill\":30,");
        formula_drop(&with);
    }
}
