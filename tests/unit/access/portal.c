/* Who looks at the portal as a contact: until its time is over, and while it may. */
#include "fixture.h"

#include "access/portal.h"

constexpr int64_t START_MS = 1'800'000'000'000;

struct portal_rig {
    struct fixture fixture;
    struct access access;
    struct id viewer, account;
};

static const char *print(struct portal_rig *rig, const char *format, struct id one, struct id other)
{
    struct arena *arena = rig->fixture.test.task.arena;
    const char *first = fixture_id(&rig->fixture, one), *second = fixture_id(&rig->fixture, other);
    return arena_cstring(arena, arena_print(arena, format, first, second));
}

static void rig_make(struct portal_rig *rig)
{
    struct fixture *fixture = &rig->fixture;
    fixture_init(fixture);
    rig->access = (struct access){.store = fixture->store, .model = fixture->model};
    rig->viewer = fixture_create(
        fixture, "user", "{\"name\":\"Pia\",\"email\":\"pia@firm.example\",\"role\":\"owner\"}");
    struct id client = fixture_import(
        fixture, "client", "{\"name\":\"C\",\"kind\":\"company\",\"portal_enabled\":true}");
    struct id contact = fixture_import(fixture, "contact", "{\"name\":\"Ann\"}");
    fixture_import(fixture, "client_contact",
                   print(rig, "{\"client\":\"%s\",\"contact\":\"%s\"}", client, contact));
    rig->account = fixture_create(
        fixture, "portal_account",
        print(rig, "{\"contact\":\"%s\",\"email\":\"ann@client.example\"}", contact, contact));
    fixture_create(fixture, "portal_right",
                   print(rig, "{\"account\":\"%s\",\"client\":\"%s\"}", rig->account, client));
}

/** Whether a session with this note is let in at that time. */
static enum err identify(struct portal_rig *rig, const struct portal_note *note, int64_t now_ms)
{
    struct task *task = &rig->fixture.test.task;
    struct identity identity = {.door = DOOR_PORTAL, .note = portal_note_write(task->arena, note)};
    struct txn *txn;
    check_int(txn_open(task, &rig->fixture.space, &txn), ERR_NONE);
    task->now_ms = now_ms;
    enum err err = portal_identify(txn, &rig->access, rig->account, &identity);
    txn_close(txn);
    check(err != ERR_NONE || id_eq(identity.viewer, note->viewer));
    return err;
}

TEST(test_portal__a_view_as_a_contact_ends_at_its_time)
{
    struct portal_rig rig;
    rig_make(&rig);
    struct portal_note view = {.viewer = rig.viewer, .until_ms = START_MS}, own = {};
    check_int(identify(&rig, &view, START_MS - 1), ERR_NONE);
    check_int(identify(&rig, &view, START_MS), ERR_UNAUTHENTICATED);
    check_int(identify(&rig, &own, START_MS), ERR_NONE);
    fixture_drop(&rig.fixture);
}

TEST(test_portal__a_view_as_a_contact_needs_who_looks)
{
    struct portal_rig rig;
    rig_make(&rig);
    struct portal_note view = {.viewer = rig.viewer, .until_ms = START_MS};
    check_int(identify(&rig, &view, START_MS - 1), ERR_NONE);
    const char *const ways[] = {"{\"disabled\":true}",
                                "{\"disabled\":false,\"role\":\"employee\"}"};
    for (int way = 0; way < 2; way++) {
        check_int(fixture_patch(&rig.fixture, "user", rig.viewer, ways[way]), ERR_NONE);
        check_int(identify(&rig, &view, START_MS - 1), ERR_UNAUTHENTICATED);
    }
    check_int(fixture_delete(&rig.fixture, "user", rig.viewer), ERR_NONE);
    check_int(identify(&rig, &view, START_MS - 1), ERR_UNAUTHENTICATED);
    fixture_drop(&rig.fixture);
}

/** A role that sees these rows and may edit accounts, and looks at this besides. */
static void give_role(struct portal_rig *rig, struct id *role, const char *rows, const char *more)
{
    struct fixture *fixture = &rig->fixture;
    struct arena *arena = fixture->test.task.arena;
    const char *json = arena_cstring(
        arena,
        arena_print(arena,
                    "{\"rows\":[\"%s\"],\"rights\":{\"portal_account\":[\"view\",\"edit\"],"
                    "\"client\":[\"view\"],\"contact\":[\"view\"],\"address\":[\"view\"]%s}%s}",
                    rows, more, id_is_nil(*role) ? ",\"name\":\"guide\",\"label\":\"Guide\"" : ""));
    if (id_is_nil(*role)) *role = fixture_create(fixture, "role", json);
    else check_int(fixture_patch(fixture, "role", *role, json), ERR_NONE);
}

/** Nobody looks by somebody else's eyes at what he does not see with his own, at no request. */
TEST(test_portal__a_view_as_a_contact_shows_what_its_viewer_sees)
{
    struct portal_rig rig;
    rig_make(&rig);
    struct portal_note view = {.viewer = rig.viewer, .until_ms = START_MS};
    struct id role = {};
    const char *const project = ",\"project\":[\"view\"]";
    give_role(&rig, &role, "all", project);
    check_int(fixture_patch(&rig.fixture, "user", rig.viewer, "{\"role\":\"guide\"}"), ERR_NONE);
    check_int(identify(&rig, &view, START_MS - 1), ERR_NONE);
    give_role(&rig, &role, "all", "");
    check_int(identify(&rig, &view, START_MS - 1), ERR_UNAUTHENTICATED);
    give_role(&rig, &role, "managed", project);
    check_int(identify(&rig, &view, START_MS - 1), ERR_UNAUTHENTICATED);
    give_role(&rig, &role, "all", project);
    check_int(identify(&rig, &view, START_MS - 1), ERR_NONE);
    fixture_drop(&rig.fixture);
}

static struct entity *entity_of(const struct fixture *fixture, const char *name)
{
    return (struct entity *)model_entity(fixture->model, str_of(name));
}

/** Each part of the schema that the code names by number is as the code takes it to be. */
TEST(test_portal__its_entities_are_those_that_the_code_knows)
{
    static const struct {
        const char *entity, *field;
        bool is_unique;
    } parts[] = {
        {"portal_account", "contact", true},
        {"portal_account", "email", true},
        {"portal_account", "state", false},
        {"portal_right", "account", false},
        {"portal_account", "last_sign_in_at", false},
        {"portal_right", "client", false},
        {"portal_right", "right", false},
    };
    struct fixture fixture;
    fixture_init(&fixture);
    struct task *task = &fixture.test.task;
    check_int(portal_fits_model(task, fixture.model), ERR_NONE);
    for (size_t at = 0; at < sizeof parts / sizeof *parts; at++) {
        struct entity *entity = entity_of(&fixture, parts[at].entity);
        struct field *field = (struct field *)entity_field(entity, str_of(parts[at].field));
        const struct field whole = *field;
        field->name = S("another");
        check_int(portal_fits_model(task, fixture.model), ERR_INVALID);
        *field = whole;
        field->kind = FIELD_NUMBER;
        check_int(portal_fits_model(task, fixture.model), ERR_INVALID);
        *field = whole;
        field->is_unique = false;
        check_int(portal_fits_model(task, fixture.model),
                  parts[at].is_unique ? ERR_INVALID : ERR_NONE);
        *field = whole;
        str name = entity->name;
        entity->name = S("another");
        check_int(portal_fits_model(task, fixture.model), ERR_INVALID);
        entity->name = name;
    }
    check_int(portal_fits_model(task, fixture.model), ERR_NONE);
    fixture_drop(&fixture);
}
