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
