/* Records that refer to each other in every way a schema can declare. */
#include "fixture.h"

static const char node_file[] =
    "return entity 'node' { number = 10, plural = 'nodes', label = 'N', title = 'name',\n"
    "  text 'name' { 1, label = 'Name', required = true, search = true },\n"
    "  reference 'parent' { 2, label = 'P', to = 'node', on_delete = 'cascade' },\n"
    "  reference 'peer' { 3, label = 'P', to = 'node', on_delete = 'detach' },\n"
    "  references 'friends' { 4, label = 'F', to = 'node', on_delete = 'detach' },\n"
    "  references 'needs' { 5, label = 'N', to = 'node', on_delete = 'detach' },\n"
    "  reference 'boss' { 6, label = 'B', to = 'node', on_delete = 'restrict' },\n"
    "}\n";
static const char leaf_file[] =
    "return entity 'leaf' { number = 11, plural = 'leaves', label = 'L', title = 'name',\n"
    "  via = 'node',\n"
    "  text 'name' { 1, label = 'Name', required = true, search = true },\n"
    "  reference 'node' { 2, label = 'N', to = 'node', required = true, on_delete = 'cascade' },\n"
    "  boolean 'is_star' { 3, label = 'S', one_of = { per = 'node' } },\n"
    "}\n";

/** A fixture with these three entities instead of the product's. */
static void links_init(struct fixture *fixture)
{
    static const struct fixture_file files[] = {{"node.lua", node_file}, {"leaf.lua", leaf_file}};
    fixture_init_schema(fixture, files, sizeof files / sizeof *files);
}

static struct id node(struct fixture *fixture, const char *field, struct id to)
{
    char json[256];
    if (field == nullptr) return fixture_create(fixture, "node", "{\"name\":\"n\"}");
    bool is_list = field[0] == 'f' || field[0] == 'n';
    snprintf(json, sizeof json, "{\"name\":\"n\",\"%s\":%s\"%s\"%s}", field, is_list ? "[" : "",
             fixture_id(fixture, to), is_list ? "]" : "");
    return fixture_create(fixture, "node", json);
}

static enum err point(struct fixture *fixture, struct id from, const char *field, struct id to)
{
    char json[256];
    snprintf(json, sizeof json, "{\"%s\":\"%s\"}", field, fixture_id(fixture, to));
    return fixture_patch(fixture, "node", from, json);
}

static bool is_there(struct fixture *fixture, struct id id)
{
    return fixture_show(fixture, "node", id).len > 0;
}

static bool shows(struct fixture *fixture, const char *entity, struct id id, const char *part)
{
    str json = fixture_show(fixture, entity, id);
    return memmem(json.at, json.len, part, strlen(part)) != nullptr;
}

TEST(test_links__deletes_cycles_and_what_refers_to_itself)
{
    struct fixture fixture;
    links_init(&fixture);
    struct id self = node(&fixture, nullptr, (struct id){});
    check_int(point(&fixture, self, "parent", self), ERR_NONE);
    check_int(point(&fixture, self, "peer", self), ERR_NONE);
    check_int(point(&fixture, self, "boss", self), ERR_NONE);
    check_int(fixture_delete(&fixture, "node", self), ERR_NONE);
    check(!is_there(&fixture, self));
    struct id a = node(&fixture, nullptr, (struct id){});
    struct id b = node(&fixture, "parent", a), c = node(&fixture, "parent", b);
    check_int(point(&fixture, a, "parent", c), ERR_NONE);
    check_int(point(&fixture, c, "boss", a), ERR_NONE); /* it goes too, so it does not refuse */
    struct id outside = node(&fixture, "peer", c);
    fixture_check(&fixture);
    check_int(fixture_delete(&fixture, "node", b), ERR_NONE);
    check(!is_there(&fixture, a) && !is_there(&fixture, b) && !is_there(&fixture, c));
    check(shows(&fixture, "node", outside, "\"peer\":null"));
    fixture_check(&fixture);
    fixture_drop(&fixture);
}

TEST(test_links__takes_one_id_out_of_lists)
{
    struct fixture fixture;
    links_init(&fixture);
    struct id a = node(&fixture, nullptr, (struct id){}), b = node(&fixture, "friends", a);
    struct id c = node(&fixture, "needs", a);
    char json[256];
    snprintf(json, sizeof json, "{\"friends\":[\"%s\",\"%s\"]}", fixture_id(&fixture, a),
             fixture_id(&fixture, b));
    check_int(fixture_patch(&fixture, "node", c, json), ERR_NONE);
    check_int(fixture_delete(&fixture, "node", a), ERR_NONE);
    snprintf(json, sizeof json, "\"friends\":[\"%s\"]", fixture_id(&fixture, b));
    check(shows(&fixture, "node", c, json) && shows(&fixture, "node", c, "\"needs\":[]"));
    check(shows(&fixture, "node", b, "\"friends\":[]"));
    snprintf(json, sizeof json, "{\"friends\":{\"$remove\":[\"%s\"]}}", fixture_id(&fixture, b));
    check_int(fixture_patch(&fixture, "node", c, json), ERR_NONE);
    check(shows(&fixture, "node", c, "\"friends\":[]"));
    fixture_check(&fixture);
    fixture_drop(&fixture);
}

TEST(test_links__refuses_and_leaves_no_trace)
{
    struct fixture fixture;
    links_init(&fixture);
    struct id boss = node(&fixture, nullptr, (struct id){});
    struct id child = node(&fixture, "parent", boss), peer = node(&fixture, "peer", boss);
    struct id worker = node(&fixture, "boss", boss);
    check_int(fixture_delete(&fixture, "node", boss), ERR_CONFLICT);
    check(is_there(&fixture, child) && is_there(&fixture, worker));
    check(!shows(&fixture, "node", peer, "\"peer\":null"));
    /* A chain is followed as deep as a change may cause others, then it is refused whole. */
    struct id chain[6] = {child};
    for (int at = 1; at < 6; at++) chain[at] = node(&fixture, "parent", chain[at - 1]);
    check_int(fixture_delete(&fixture, "node", chain[0]), ERR_TOO_LARGE);
    check(is_there(&fixture, chain[5]));
    check_int(fixture_delete(&fixture, "node", chain[1]), ERR_NONE);
    check(is_there(&fixture, chain[0]) && !is_there(&fixture, chain[5]));
    fixture_check(&fixture);
    fixture_drop(&fixture);
}

static enum err flag_run(struct work *work, struct txn *txn)
{
    struct fixture_change *run = (struct fixture_change *)work;
    txn_set_task(txn, &run->task);
    str value;
    struct buf after = buf_make(&run->arena, KIB);
    const struct entity *leaf = model_entity(run->fixture->model, S("leaf"));
    TRY(txn_record_get(txn, leaf->number, run->id, &run->arena, &value));
    const char *flag = memmem(value.at, value.len, "\x03\xc2", 2);
    check(flag != nullptr);
    buf_put(&after, str_between(value.at, flag));
    buf_put(&after, S("\x03\xc3"));
    buf_put(&after, str_between(flag + 2, value.at + value.len));
    txn_record_put(txn, leaf->number, run->id, buf_str(&after));
    return ERR_NONE;
}

static void is_told(struct check_report *report, uint32_t tenant, str what)
{
    (void)tenant;
    report->keys_checked +=
        memmem(what.at, what.len, "2 leaves carry is_star", 22) != nullptr ? 1'000'000 : 0;
}

/** A second flag, planted behind the record floor's back. */
static void plant_second_flag(struct fixture *fixture, struct id leaf)
{
    struct fixture_change run = {.fixture = fixture, .id = leaf};
    arena_init(&run.arena, 64 * MIB);
    task_init(&run.task, &run.arena);
    run.work = (struct work){.run = flag_run, .arena = &run.arena};
    check_int(store_write(fixture->store, &fixture->space, &run.work), ERR_NONE);
    arena_drop(&run.arena);
    struct check_report report = {.found = is_told};
    check_int(record_check(&fixture->test.task, &fixture->space, fixture->model, nullptr, &report),
              ERR_NONE);
    check(report.keys_checked >= 1'000'000);
}

/** At most one, and none will do. */
TEST(test_links__keeps_at_most_one_flag)
{
    struct fixture fixture;
    links_init(&fixture);
    struct id n = node(&fixture, nullptr, (struct id){}), m = node(&fixture, nullptr, n);
    struct id leaves[3];
    char json[256];
    for (int at = 0; at < 3; at++) {
        snprintf(json, sizeof json, "{\"name\":\"oak\",\"node\":\"%s\",\"is_star\":%s}",
                 fixture_id(&fixture, n), at > 0 ? "true" : "false");
        leaves[at] = fixture_create(&fixture, "leaf", json);
    }
    check(shows(&fixture, "leaf", leaves[0], "\"is_star\":false"));
    check(shows(&fixture, "leaf", leaves[1], "\"is_star\":false"));
    check(shows(&fixture, "leaf", leaves[2], "\"is_star\":true"));
    fixture_check(&fixture);
    snprintf(json, sizeof json, "{\"node\":\"%s\"}", fixture_id(&fixture, m));
    check_int(fixture_patch(&fixture, "leaf", leaves[2], json), ERR_NONE);
    check(shows(&fixture, "leaf", leaves[1], "\"is_star\":false"));
    check_int(fixture_patch(&fixture, "leaf", leaves[2], "{\"is_star\":false}"), ERR_NONE);
    check(shows(&fixture, "leaf", leaves[2], "\"is_star\":false"));
    check_int(fixture_patch(&fixture, "leaf", leaves[0], "{\"is_star\":true}"), ERR_NONE);
    check_int(fixture_delete(&fixture, "node", m), ERR_NONE);
    check_int(fixture_show(&fixture, "leaf", leaves[2]).len, 0);
    fixture_check(&fixture);
    plant_second_flag(&fixture, leaves[1]);
    fixture_drop(&fixture);
}
