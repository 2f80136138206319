#include "fixture.h"

#include "access/role.h"
#include "access/user.h"

constexpr uint16_t CLIENT = 10;

/** A model with these two roles, and clients held by users. */
struct declared {
    struct model model;
    struct role roles[2];
    struct holder holders[1];
    struct field to_user;
};

static void declared_init(struct declared *declared, const struct model *model)
{
    *declared = (struct declared){.model = *model};
    declared->roles[0] = (struct role){.name = S("reader"), .rows = ROWS_ALL, .groups_seen = 1};
    declared->roles[0].actions[CLIENT] = SCOPE_VIEW;
    declared->roles[1] = (struct role){
        .name = S("worker"),
        .rows = ROWS_OWN | ROWS_MANAGED | ROWS_SHARED,
        .groups_seen = 3,
        .groups_edited = 1,
    };
    declared->roles[1].actions[CLIENT] = SCOPE_VIEW | SCOPE_EDIT;
    declared->to_user.to = model_entity_by_number(model, USER_ENTITY);
    declared->holders[0] = (struct holder){.row = ROWS_MANAGED, .of = &declared->to_user};
    declared->model.role_count = 2;
    declared->model.roles = declared->roles;
    declared->model.holder_count = 1;
    declared->model.holders = declared->holders;
}

static struct scope scope_in(struct fixture *fixture, const struct model *model, const char *role,
                             struct id user)
{
    struct txn *txn;
    struct scope scope;
    check_int(txn_open(&fixture->test.task, &fixture->space, &txn), ERR_NONE);
    check_int(scope_of_user(txn, model, str_of(role), user, &scope), ERR_NONE);
    txn_close(txn);
    return scope;
}

TEST(test_role__is_what_the_model_declares)
{
    struct fixture fixture;
    struct declared declared;
    fixture_init(&fixture);
    declared_init(&declared, fixture.model);
    struct id user = id_make();
    struct scope reader = scope_in(&fixture, &declared.model, "reader", user);
    check(scope_may(&reader, CLIENT, SCOPE_VIEW) && !scope_may(&reader, CLIENT, SCOPE_EDIT));
    check(!scope_may(&reader, USER_ENTITY, SCOPE_VIEW));
    check_int(reader.rows, ROWS_ALL);
    check_int(reader.holder_count, 0);
    check_int(reader.groups_seen, 1);
    check(id_eq(reader.actor, user));
    struct scope worker = scope_in(&fixture, &declared.model, "worker", user);
    check_int(worker.rows, ROWS_OWN | ROWS_MANAGED | ROWS_SHARED);
    check_int(worker.holder_count, 1); /* nothing of the model shares clients with users */
    check_int(worker.holders[0].bytes[0], ROWS_MANAGED);
    check(memcmp(worker.holders[0].bytes + 1, user.bytes, sizeof user.bytes) == 0);
    fixture_drop(&fixture);
}

TEST(test_role__owner_may_everything_and_an_unknown_one_nothing)
{
    struct fixture fixture;
    struct declared declared;
    fixture_init(&fixture);
    declared_init(&declared, fixture.model);
    declared.roles[0].name = S("owner"); /* even if a model says otherwise */
    struct scope owner = scope_in(&fixture, &declared.model, "owner", id_make());
    struct scope nobody = scope_in(&fixture, &declared.model, "nobody", id_make());
    struct scope worker = scope_in(&fixture, &declared.model, "worker", id_make());
    for (uint16_t entity = 0; entity < ENTITIES_MAX; entity++) {
        check_int(owner.actions[entity], SCOPE_EVERYTHING);
        check_int(nobody.actions[entity], 0);
    }
    check_int(owner.rows, ROWS_ALL);
    check_int(owner.groups_edited, FIELD_GROUPS_ALL);
    check_int(nobody.rows, 0);
    check(scope_covers(&owner, &worker) && scope_covers(&worker, &nobody));
    check(scope_covers(&owner, &owner) && !scope_covers(&worker, &owner));
    fixture_drop(&fixture);
}

TEST(test_role__covers_what_has_nothing_beyond_it)
{
    struct scope mine = {.rows = ROWS_OWN | ROWS_SHARED, .groups_seen = 3, .groups_edited = 1};
    mine.actions[CLIENT] = SCOPE_VIEW | SCOPE_EDIT;
    struct scope more = mine;
    check(scope_covers(&mine, &more));
    more.rows = ROWS_OWN;
    more.groups_seen = 2;
    more.groups_edited = 0;
    more.actions[CLIENT] = SCOPE_VIEW;
    check(scope_covers(&mine, &more));
    more.rows = ROWS_OWN | ROWS_MANAGED;
    check(!scope_covers(&mine, &more));
    more.rows = ROWS_ALL;
    check(!scope_covers(&mine, &more));
    more = mine;
    more.groups_edited = 3;
    check(!scope_covers(&mine, &more));
    more = mine;
    more.groups_seen = 7;
    check(!scope_covers(&mine, &more));
    more = mine;
    more.actions[CLIENT + 1] = SCOPE_VIEW;
    check(!scope_covers(&mine, &more));
    more = mine;
    more.rows = ROWS_ALL;
    check(scope_covers(&more, &mine));
}

TEST(test_role__covers_nobody_else_who_sees_what_is_his)
{
    struct scope mine = {.rows = ROWS_OWN | ROWS_SHARED, .actor = id_make()};
    struct scope other = {.rows = ROWS_OWN, .actor = id_make()};
    check(scope_covers_actor(&mine, &mine));
    check(scope_covers(&mine, &other) && !scope_covers_actor(&mine, &other));
    other.rows = 0;
    check(scope_covers_actor(&mine, &other));
    other.actions[CLIENT] = SCOPE_VIEW;
    check(!scope_covers_actor(&mine, &other));
    mine.rows = ROWS_ALL;
    other = (struct scope){.rows = ROWS_OWN, .actor = id_make()};
    check(scope_covers_actor(&mine, &other));
}
