/* Whom a record is shown to: random clients, links, projects, shares and moves, compared with a
 * naive reading of them for every user and every set of rows. */
#include "fixture.h"

#include "base/random.h"
#include "record/rows.h"

constexpr uint32_t USERS = 4;
constexpr uint32_t THINGS_MAX = 24; /** of each entity */
constexpr uint32_t STEPS = 160;

enum thing_kind : uint8_t { CLIENT, CONTACT, LINK, PROJECT, TASK, SHARE, ADDRESS, KINDS };
static const char *const names[] = {"client", "contact", "client_contact", "project",
                                    "task",   "share",   "address"};

struct thing {
    bool is_there;
    struct id id;
    int maker;        /** place of the user */
    int up;           /** the client, of a task the project, of a link the client; -1: none */
    int other;        /** of a client its manager, of a link its contact, of a share a user */
    bool is_of_team;  /** a share with the team */
    uint32_t members; /** of a project: bits */
};

struct world {
    struct fixture fixture;
    struct id users[USERS];
    struct id team; /** of users 0 and 1 */
    uint32_t counts[KINDS];
    struct thing things[KINDS][THINGS_MAX];
};

static uint32_t chance(uint32_t below)
{
    return (uint32_t)(random_uint64() % below);
}

static const char *text_of(struct world *world, struct id id)
{
    return fixture_id(&world->fixture, id);
}

/** A random one that is there; -1: none. */
static int any(const struct world *world, enum thing_kind kind)
{
    int found = -1;
    for (uint32_t at = 0, seen = 0; at < world->counts[kind]; at++)
        if (world->things[kind][at].is_there && chance(++seen) == 0) found = (int)at;
    return found;
}

static const struct thing *at(const struct world *world, enum thing_kind kind, int place)
{
    return &world->things[kind][place];
}

static const char *print(struct world *world, const char *format, ...)
{
    va_list arguments;
    struct arena *arena = world->fixture.test.task.arena;
    va_start(arguments, format);
    str text = arena_vprint(arena, format, arguments);
    va_end(arguments);
    return arena_cstring(arena, text);
}

/* The naive reading. */

static bool holds(const struct world *world, int client, uint8_t rows, int user)
{
    const struct thing *of = at(world, CLIENT, client);
    if ((rows & ROWS_MANAGED) != 0 && of->other == user) return true;
    for (uint32_t place = 0; place < world->counts[PROJECT] && (rows & ROWS_ASSIGNED) != 0;
         place++) {
        const struct thing *project = at(world, PROJECT, (int)place);
        if (project->is_there && project->up == client && (project->members >> user & 1) != 0)
            return true;
    }
    for (uint32_t place = 0; place < world->counts[SHARE] && (rows & ROWS_SHARED) != 0; place++) {
        const struct thing *share = at(world, SHARE, (int)place);
        bool is_mine = share->is_of_team ? user < 2 : share->other == user;
        if (share->is_there && share->up == client && is_mine) return true;
    }
    return false;
}

static bool sees(const struct world *world, enum thing_kind kind, int place, uint8_t rows, int user)
{
    const struct thing *of = at(world, kind, place);
    if (!of->is_there) return false;
    if ((rows & ROWS_ALL) != 0 || ((rows & ROWS_OWN) != 0 && of->maker == user)) return true;
    if (kind == CLIENT) return holds(world, place, rows, user);
    if (kind == TASK) return holds(world, at(world, PROJECT, of->up)->up, rows, user);
    if (kind != CONTACT) return holds(world, of->up, rows, user);
    for (uint32_t link = 0; link < world->counts[LINK]; link++)
        if (at(world, LINK, (int)link)->is_there && at(world, LINK, (int)link)->other == place &&
            holds(world, at(world, LINK, (int)link)->up, rows, user))
            return true;
    return false;
}

/* Steps. */

static void act_as(struct world *world, int user)
{
    world->fixture.scope = scope_system();
    world->fixture.scope.actor_kind = ACTOR_USER;
    world->fixture.scope.actor = world->users[user];
}

static void make(struct world *world, enum thing_kind kind, struct thing thing, const char *json)
{
    if (world->counts[kind] == THINGS_MAX) return;
    thing.maker = (int)chance(USERS);
    thing.is_there = true;
    act_as(world, thing.maker);
    thing.id = fixture_import(&world->fixture, names[kind], json);
    world->things[kind][world->counts[kind]++] = thing;
}

static const char *members_text(struct world *world, uint32_t members)
{
    const char *list = "";
    for (uint32_t user = 0; user < USERS; user++)
        if ((members >> user & 1) != 0)
            list = print(world, "%s%s\"%s\"", list, list[0] == 0 ? "" : ",",
                         text_of(world, world->users[user]));
    return list;
}

static void make_client(struct world *world)
{
    int manager = (int)chance(USERS + 1) - 1;
    const char *name = print(world, "N%u", chance(1000));
    const char *json =
        manager < 0
            ? print(world, "{\"name\":\"%s\",\"kind\":\"company\"}", name)
            : print(world, "{\"name\":\"%s\",\"kind\":\"company\",\"account_manager\":\"%s\"}",
                    name, text_of(world, world->users[manager]));
    make(world, CLIENT, (struct thing){.other = manager}, json);
}

static void make_below(struct world *world, enum thing_kind kind)
{
    int up = any(world, kind == TASK ? PROJECT : CLIENT);
    int contact = any(world, CONTACT);
    if (up < 0 || (kind == LINK && contact < 0)) return;
    struct thing thing = {.up = up, .other = -1};
    const char *of = text_of(world, at(world, kind == TASK ? PROJECT : CLIENT, up)->id);
    const char *json = "";
    if (kind == LINK) {
        thing.other = contact;
        json = print(world, "{\"client\":\"%s\",\"contact\":\"%s\"}", of,
                     text_of(world, at(world, CONTACT, contact)->id));
    } else if (kind == PROJECT) {
        thing.members = chance(1 << USERS);
        json = print(world, "{\"name\":\"P%u\",\"client\":\"%s\",\"members\":[%s]}", chance(1000),
                     of, members_text(world, thing.members));
    } else if (kind == TASK) {
        json = print(world, "{\"title\":\"T%u\",\"project\":\"%s\"}", chance(1000), of);
    } else if (kind == SHARE) {
        thing.is_of_team = chance(2) == 0;
        thing.other = (int)chance(USERS);
        json = print(world, "{\"client\":\"%s\",\"%s\":\"%s\"}", of,
                     thing.is_of_team ? "team" : "user",
                     text_of(world, thing.is_of_team ? world->team : world->users[thing.other]));
    } else {
        json = print(world, "{\"client\":\"%s\",\"line1\":\"A\",\"kind\":\"office\"}", of);
    }
    make(world, kind, thing, json);
}

static void patch(struct world *world, enum thing_kind kind, int place, const char *json)
{
    act_as(world, (int)chance(USERS));
    check_int(fixture_patch(&world->fixture, names[kind], at(world, kind, place)->id, json),
              ERR_NONE);
}

static void hand_over(struct world *world)
{
    int client = any(world, CLIENT), manager = (int)chance(USERS);
    if (client < 0) return;
    world->things[CLIENT][client].other = manager;
    patch(world, CLIENT, client,
          print(world, "{\"account_manager\":\"%s\"}", text_of(world, world->users[manager])));
}

static void move(struct world *world)
{
    bool is_task = chance(2) == 0;
    enum thing_kind kind = is_task ? TASK : PROJECT, above = is_task ? PROJECT : CLIENT;
    int place = any(world, kind), up = any(world, above);
    if (place < 0 || up < 0) return;
    world->things[kind][place].up = up;
    patch(world, kind, place,
          print(world, "{\"%s\":\"%s\"}", names[above], text_of(world, at(world, above, up)->id)));
}

static void staff(struct world *world)
{
    int place = any(world, PROJECT);
    if (place < 0) return;
    world->things[PROJECT][place].members = chance(1 << USERS);
    patch(world, PROJECT, place,
          print(world, "{\"members\":[%s]}",
                members_text(world, world->things[PROJECT][place].members)));
}

/** What lies under it goes with it. */
static void note_gone(struct world *world, enum thing_kind kind, int place)
{
    world->things[kind][place].is_there = false;
    for (uint32_t below = 0; below < KINDS; below++)
        for (uint32_t of = 0; of < world->counts[below]; of++) {
            struct thing *thing = &world->things[below][of];
            bool is_under = (kind == CLIENT && below != CLIENT && below != CONTACT &&
                             below != TASK && thing->up == place) ||
                            (kind == PROJECT && below == TASK && thing->up == place) ||
                            (kind == CONTACT && below == LINK && thing->other == place);
            if (is_under && thing->is_there) note_gone(world, (enum thing_kind)below, (int)of);
        }
}

static void delete (struct world *world)
{
    enum thing_kind kind = (enum thing_kind)chance(KINDS);
    int place = any(world, kind);
    if (place < 0) return;
    act_as(world, 0);
    enum err err = fixture_delete(&world->fixture, names[kind], at(world, kind, place)->id);
    if (err == ERR_CONFLICT) return; /* a client with projects stays */
    check_int(err, ERR_NONE);
    note_gone(world, kind, place);
}

static void step(struct world *world)
{
    switch (chance(12)) {
    case 0:
    case 1:
        make_client(world);
        break;
    case 2:
        make(world, CONTACT, (struct thing){.up = -1},
             print(world, "{\"name\":\"C%u\"}", chance(1000)));
        break;
    case 3:
        make_below(world, LINK);
        break;
    case 4:
        make_below(world, PROJECT);
        break;
    case 5:
        make_below(world, TASK);
        break;
    case 6:
        make_below(world, SHARE);
        break;
    case 7:
        make_below(world, ADDRESS);
        break;
    case 8:
        hand_over(world);
        break;
    case 9:
        move(world);
        break;
    case 10:
        staff(world);
        break;
    default:
        delete (world);
    }
}

/* Comparing. */

static struct scope scope_for(const struct world *world, uint8_t rows, int user)
{
    struct scope scope = scope_system();
    scope.actor_kind = ACTOR_USER;
    scope.actor = world->users[user];
    scope.rows = rows;
    const uint8_t ways[] = {ROWS_MANAGED, ROWS_ASSIGNED, ROWS_SHARED};
    for (uint32_t way = 0; way < 3; way++)
        for (int of_team = 0; of_team < (user < 2 ? 2 : 1); of_team++) {
            struct holder_key *key = &scope.holders[scope.holder_count++];
            key->bytes[0] = ways[way];
            memcpy(key->bytes + 1, of_team ? world->team.bytes : world->users[user].bytes, 16);
        }
    return scope;
}

static void compare(struct world *world, enum thing_kind kind, uint8_t rows, int user)
{
    struct fixture *fixture = &world->fixture;
    struct task *task = &fixture->test.task;
    struct scope scope = scope_for(world, rows, user);
    const char *const sorts[] = {"", "name", "-updated_at", "-id"};
    const char *sort = sorts[chance(4)];
    if (strcmp(sort, "name") == 0 && kind != CLIENT && kind != CONTACT && kind != PROJECT)
        sort = "";
    struct query query;
    query_init(&query, model_entity(fixture->model, str_of(names[kind])), &scope);
    check_int(query_add(task, &query, S("limit"), S("200")), ERR_NONE);
    if (sort[0] != 0) check_int(query_add(task, &query, S("sort"), str_of(sort)), ERR_NONE);
    struct txn *txn;
    check_int(txn_open(task, &fixture->space, &txn), ERR_NONE);
    struct view view = {task, txn, fixture->model, &scope};
    struct query_page page;
    uint32_t expected = 0, count;
    bool is_exact;
    check_int(query_end(&view, &query), ERR_NONE);
    check_int(query_read(&view, &query, &page), ERR_NONE);
    check_int(query_count(&view, &query, 1000, 0, &count, &is_exact), ERR_NONE);
    for (uint32_t place = 0; place < world->counts[kind]; place++) {
        struct thing *thing = &world->things[kind][place];
        bool is_expected = sees(world, kind, (int)place, rows, user), is_listed = false;
        for (uint32_t of = 0; of < page.count; of++)
            is_listed = is_listed || id_eq(page.records[of].id, thing->id);
        struct record record;
        bool is_got = record_get(&view, query.entity, thing->id, &record) == ERR_NONE;
        if (is_got != is_expected || is_listed != is_expected)
            fprintf(stderr, "%s %u, rows %u, user %d, sort %s: %d got, %d listed, %d expected\n",
                    names[kind], place, rows, user, sort, is_got, is_listed, is_expected);
        check(is_got == is_expected && is_listed == is_expected);
        check(rows_see_id(&view, query.entity, thing->id) || !is_expected);
        expected += is_expected;
    }
    check_int(page.count, expected);
    check(is_exact);
    check_int(count, expected);
    task->fault = (struct fault){};
    txn_close(txn);
}

static void compare_all(struct world *world)
{
    for (uint32_t kind = 0; kind < KINDS; kind++)
        for (int user = 0; user < (int)USERS; user++)
            compare(world, (enum thing_kind)kind, (uint8_t)chance(ROWS_ALL * 2), user);
}

TEST(test_rows__are_what_holders_links_and_moves_say)
{
    uint64_t seed =
        getenv("SEED") != nullptr ? strtoull(getenv("SEED"), nullptr, 10) : random_uint64();
    struct world *world = memory_take(sizeof *world);
    fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
    random_seed(seed);
    fixture_init(&world->fixture);
    for (uint32_t user = 0; user < USERS; user++)
        world->users[user] = fixture_create(
            &world->fixture, "user",
            print(world, "{\"name\":\"U%u\",\"email\":\"u%u@a.example\"}", user, user));
    world->team =
        fixture_create(&world->fixture, "team",
                       print(world, "{\"name\":\"T\",\"members\":[%s]}", members_text(world, 3)));
    for (uint32_t at_step = 0; at_step < STEPS; at_step++) {
        step(world);
        if (at_step % 8 == 7) compare_all(world);
    }
    fixture_check(&world->fixture);
    fixture_drop(&world->fixture);
    random_seed(0);
    memory_give(world);
}
