#include "fixture.h"

#include "record/show.h"

static void allow(struct fixture *fixture, const char *entity, uint8_t actions)
{
    fixture->scope.actions[model_entity(fixture->model, str_of(entity))->number] = actions;
}

static enum err change(struct fixture *fixture, const char *verb, struct id id)
{
    struct fixture_change run = {.verb = verb,
                                 .entity = "client",
                                 .id = id,
                                 .json = "{\"name\":\"B\",\"kind\":\"individual\"}"};
    enum err err = fixture_do(fixture, &run);
    fixture_end(&run);
    return err;
}

static enum err listed(struct fixture *fixture, const char *name, const char *value)
{
    str json;
    return fixture_list(fixture, "client", (const char *const[]){name, value, nullptr}, &json);
}

/** Each action is asked for by itself, and nothing is written where it lacks. */
TEST(test_scope__each_action_needs_its_own_right)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct id id = fixture_create(&fixture, "client", "{\"name\":\"A\",\"kind\":\"individual\"}");
    str before = fixture_show(&fixture, "client", id);
    allow(&fixture, "client", SCOPE_EVERYTHING & ~SCOPE_EDIT);
    check_int(change(&fixture, "patch", id), ERR_FORBIDDEN);
    allow(&fixture, "client", SCOPE_EVERYTHING & ~SCOPE_DELETE);
    check_int(change(&fixture, "delete", id), ERR_FORBIDDEN);
    allow(&fixture, "client", SCOPE_EVERYTHING & ~SCOPE_CREATE);
    check_int(change(&fixture, "create", id), ERR_FORBIDDEN);
    check_str(fixture_show(&fixture, "client", id), before);
    allow(&fixture, "client", SCOPE_EVERYTHING);
    allow(&fixture, "contact", SCOPE_VIEW);
    struct fixture_change nested = {
        .verb = "patch",
        .entity = "client",
        .id = id,
        .json = "{\"primary_contact\":{\"name\":\"Bo\"}}",
    };
    check_int(fixture_do(&fixture, &nested), ERR_FORBIDDEN);
    fixture_end(&nested);
    check_str(fixture_show(&fixture, "client", id), before);
    fixture_drop(&fixture);
}

/** What may not be seen is not there: by id, by list, by a filter, by a reference, in the log. */
TEST(test_scope__what_may_not_be_seen_is_not_there)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct id id = fixture_create(&fixture, "client",
                                  "{\"name\":\"A\",\"kind\":\"individual\","
                                  "\"default_address\":{\"line1\":\"W\",\"city\":\"Berlin\"}}");
    struct id contact = fixture_create(&fixture, "contact", "{\"name\":\"Bo\"}");
    check_int(listed(&fixture, "default_address.city", "berlin"), ERR_NONE);
    allow(&fixture, "address", 0);
    check_int(listed(&fixture, "default_address.city", "berlin"), ERR_FORBIDDEN);
    allow(&fixture, "contact", SCOPE_EDIT);
    char json[128], text[ID_TEXT_BYTES + 1] = {};
    id_write(contact, text);
    snprintf(json, sizeof json, "{\"primary_contact\":\"%s\"}", text);
    check_int(fixture_patch(&fixture, "client", id, json), ERR_INVALID);
    check_int(fixture_patch(&fixture, "contact", contact, "{\"name\":\"C\"}"), ERR_MISSING);
    allow(&fixture, "client", SCOPE_EVERYTHING & ~SCOPE_VIEW);
    check_int(fixture_show(&fixture, "client", id).len, 0);
    check_int(listed(&fixture, "name", "a"), ERR_FORBIDDEN);
    check_int(listed(&fixture, "limit", "5"), ERR_FORBIDDEN);
    check_int(change(&fixture, "patch", id), ERR_MISSING);
    check_int(change(&fixture, "delete", id), ERR_MISSING);
    struct task *task = &fixture.test.task;
    struct txn *txn;
    check_int(txn_open(task, &fixture.space, &txn), ERR_NONE);
    struct view view = {task, txn, fixture.model, &fixture.scope};
    struct buf out = buf_make(task->arena, MIB);
    const struct entity *client = model_entity(fixture.model, S("client"));
    check_int(history_write(&out, &view, client, id, UINT64_MAX, 10), ERR_MISSING);
    struct buf feed = buf_make(task->arena, MIB);
    check_int(feed_write(&feed, &view, 0, 100), ERR_NONE);
    check(memmem(feed.at, feed.len, "\"entity\":\"client\"", 17) == nullptr);
    check(memmem(feed.at, feed.len, "\"entity\":\"settings\"", 19) != nullptr);
    txn_close(txn);
    fixture_drop(&fixture);
}
