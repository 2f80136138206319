#include "work/demo.h"

#include "fixture.h"

constexpr uint32_t FIRM_COUNT = 2;
constexpr uint32_t CLIENT_COUNT = 12;

/** A store without the fixture's tenant, which has no row of its own. */
static void begin(struct fixture *fixture)
{
    fixture_init(fixture);
    store_close(fixture->store);
    struct task *task = &fixture->test.task;
    struct store_options options = {
        .folder = arena_print(task->arena, "%s/empty", fixture->folder),
        .map_bytes = 1ull << 30,
    };
    check_int(store_open(task, &options, &fixture->store), ERR_NONE);
}

static struct command_place place_of(struct fixture *fixture)
{
    task_fault_clear(&fixture->test.task);
    return (struct command_place){
        .task = &fixture->test.task,
        .access = {.store = fixture->store, .model = fixture->model, .domain = S("localhost")},
        .scheme = S("http"),
        .port = 8080,
    };
}

static str demo_folder(struct fixture *fixture)
{
    str schema = fixture_path("ATRIUM_SCHEMA", "schema");
    return arena_print(&fixture->test.arena, "%.*s/demo", FMT(schema));
}

static enum err make(struct fixture *fixture)
{
    struct command_place place = place_of(fixture);
    enum err err = demo_make(&place, demo_folder(fixture));
    struct console console = {.out = 1, .err = 2, .file = -1, .rows = -1};
    if (err != ERR_NONE) console_fail(&console, place.task, err);
    return err;
}

/** The tenant with this place in order; false when there are fewer. */
static bool tenant_at(struct fixture *fixture, uint32_t at, struct tenant *tenant_out)
{
    struct command_place place = place_of(fixture);
    struct space instance = store_instance(fixture->store);
    struct txn *txn;
    check_int(txn_open(place.task, &instance, &txn), ERR_NONE);
    uint32_t number = 0;
    enum err err = ERR_NONE;
    for (uint32_t seen = 0; seen <= at && err == ERR_NONE; seen++) {
        err = tenant_after(txn, &place.access, number, tenant_out);
        number = tenant_out->space.number;
    }
    txn_close(txn);
    return err == ERR_NONE;
}

static uint32_t count_clients(struct fixture *fixture, const struct space *space)
{
    struct txn *txn;
    struct scan_entry entry;
    bool has_entry = true;
    uint32_t count = 0;
    check_int(txn_open(&fixture->test.task, space, &txn), ERR_NONE);
    struct scan_range all = {.is_unbounded_from = true, .is_unbounded_to = true};
    struct scan *scan = scan_records(txn, model_entity(fixture->model, S("client"))->number, &all);
    while (has_entry) {
        check_int(scan_next(scan, &has_entry, &entry), ERR_NONE);
        count += has_entry;
    }
    txn_close(txn);
    return count;
}

TEST(test_demo__makes_its_firms_whole_and_once)
{
    struct fixture fixture;
    begin(&fixture);
    check_int(make(&fixture), ERR_NONE);
    struct tenant tenant;
    for (uint32_t at = 0; at < FIRM_COUNT; at++) {
        check(tenant_at(&fixture, at, &tenant));
        check_int(count_clients(&fixture, &tenant.space), CLIENT_COUNT);
        fixture.space = tenant.space;
        fixture_check(&fixture);
    }
    check(!tenant_at(&fixture, FIRM_COUNT, &tenant));
    uint64_t commits = store_figures(fixture.store).commits;
    check_int(make(&fixture), ERR_NONE);
    check_int(store_figures(fixture.store).commits, commits);
    fixture_drop(&fixture);
}

TEST(test_demo__leaves_a_directory_alone_that_has_tenants)
{
    struct fixture fixture;
    begin(&fixture);
    struct command_place place = place_of(&fixture);
    struct tenant_new wanted = {S("own"), S("Our own"), S("me@own.example"), S("")};
    struct tenant tenant;
    check_int(tenant_create(place.task, &place.access, &wanted, &tenant), ERR_NONE);
    check_int(make(&fixture), ERR_NONE);
    check(!tenant_at(&fixture, 1, &tenant));
    fixture_drop(&fixture);
}
