/* A client with more holders than are listed. */
#include "fixture.h"

#include "record/rows.h"
#include "record/under.h"

constexpr uint32_t PROJECTS = 11;
constexpr uint32_t MEMBERS = 50; /** of each */

struct crowd {
    struct fixture fixture;
    struct id client, projects[PROJECTS], members[PROJECTS][MEMBERS];
};

struct hiring {
    struct work work;
    struct crowd *crowd;
    uint32_t place;
};

static enum err hiring_run(struct work *work, struct txn *txn)
{
    const struct hiring *self = (struct hiring *)work;
    struct fixture *fixture = &self->crowd->fixture;
    struct task *task = &fixture->test.task;
    struct change change = {
        .task = task, .txn = txn, .model = fixture->model, .scope = &fixture->scope};
    txn_set_task(txn, task);
    for (uint32_t at = 0; at < MEMBERS; at++) {
        struct buf user = buf_make(task->arena, KIB);
        str json = arena_print(task->arena, "{\"name\":\"U\",\"email\":\"u%u.%u@a.example\"}",
                               self->place, at);
        TRY(json_read(task, json, &user));
        struct value given = value_of(buf_str(&user));
        TRY(record_create(&change, model_entity(fixture->model, S("user")), &given,
                          &self->crowd->members[self->place][at]));
    }
    return change_finish(&change);
}

/** Of users of its own. */
static void make_project(struct crowd *crowd, uint32_t place)
{
    struct fixture *fixture = &crowd->fixture;
    struct arena *arena = fixture->test.task.arena;
    struct hiring hiring = {{.run = hiring_run, .arena = arena}, crowd, place};
    check_int(store_write(fixture->store, &fixture->space, &hiring.work), ERR_NONE);
    struct buf json = buf_make(arena, 16 * KIB);
    buf_print(&json, "{\"name\":\"P\",\"client\":\"%s\",\"members\":[",
              fixture_id(fixture, crowd->client));
    for (uint32_t at = 0; at < MEMBERS; at++)
        buf_print(&json, "%s\"%s\"", at == 0 ? "" : ",",
                  fixture_id(fixture, crowd->members[place][at]));
    buf_put(&json, S("]}"));
    crowd->projects[place] =
        fixture_create(fixture, "project", arena_cstring(arena, buf_str(&json)));
}

/** How many of the members of projects from this one on see the client. */
static uint32_t seeing(struct crowd *crowd, uint32_t from)
{
    struct fixture *fixture = &crowd->fixture;
    struct txn *txn;
    uint32_t count = 0;
    check_int(txn_open(&fixture->test.task, &fixture->space, &txn), ERR_NONE);
    for (uint32_t at = from * MEMBERS; at < PROJECTS * MEMBERS; at++) {
        struct scope scope = scope_system();
        scope.actor_kind = ACTOR_USER;
        scope.actor = crowd->members[at / MEMBERS][at % MEMBERS];
        scope.rows = ROWS_ASSIGNED;
        scope.holder_count = 1;
        scope.holders[0].bytes[0] = ROWS_ASSIGNED;
        memcpy(scope.holders[0].bytes + 1, scope.actor.bytes, sizeof scope.actor.bytes);
        struct view view = {&fixture->test.task, txn, fixture->model, &scope};
        count += rows_see_id(&view, fixture->model->client, crowd->client);
    }
    txn_close(txn);
    return count;
}

/** Those that are listed are as many as there may be, and all when that is enough. */
static void expect_listed(struct crowd *crowd, uint32_t held)
{
    struct fixture *fixture = &crowd->fixture;
    const struct entity *client = fixture->model->client;
    struct view view = {&fixture->test.task, nullptr, fixture->model, &fixture->scope};
    str record, slots[FIELDS_MAX], all;
    check_int(txn_open(view.task, &fixture->space, &view.txn), ERR_NONE);
    check_int(txn_record_get_view(view.txn, client->number, crowd->client, &record), ERR_NONE);
    slots_read(client, record, slots);
    str listed = slots[field_position(entity_field_by_number(client, FIELD_HOLDERS))];
    check_int(under_holders(&view, crowd->client, slots, &all), ERR_NONE);
    uint32_t count = held < HOLDERS_LISTED_MAX ? held : HOLDERS_LISTED_MAX;
    check_int(value_of(listed).count, count);
    check_int(value_of(all).count, count);
    check(str_eq(listed, all) || held > HOLDERS_LISTED_MAX);
    txn_close(view.txn);
    check_int(seeing(crowd, 0), count);
}

TEST(test_under__more_holders_than_are_listed_are_held_unseen_until_there_is_room)
{
    struct crowd *crowd = memory_take(sizeof *crowd);
    fixture_init(&crowd->fixture);
    crowd->client =
        fixture_import(&crowd->fixture, "client", "{\"name\":\"C\",\"kind\":\"company\"}");
    for (uint32_t place = 0; place < PROJECTS; place++) {
        make_project(crowd, place);
        expect_listed(crowd, (place + 1) * MEMBERS);
    }
    for (uint32_t gone = 1; gone < PROJECTS; gone++) {
        check_int(fixture_delete(&crowd->fixture, "project", crowd->projects[gone - 1]), ERR_NONE);
        expect_listed(crowd, (PROJECTS - gone) * MEMBERS);
        check_int(seeing(crowd, gone), (PROJECTS - gone) * MEMBERS);
    }
    fixture_check(&crowd->fixture);
    fixture_drop(&crowd->fixture);
    memory_give(crowd);
}
