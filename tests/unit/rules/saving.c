/* Who may save a rule. The rest is told through the front door (tests/api/rules_*.test.mjs). */
#include "rules/saving.h"

#include "fixture.h"

static struct fixture fixture;
static struct rules *rules;

/** What comes of a new rule without a script; the detail in the fixture's arena. */
static enum err save(str *detail_out)
{
    struct fixture_change run = {.verb = "create",
                                 .entity = "rule",
                                 .json = "{\"name\":\"x\",\"entity\":\"client\","
                                         "\"point\":\"before\",\"reject\":\"no\"}",
                                 .hooks = rules_hooks(rules)};
    enum err err = fixture_do(&fixture, &run);
    *detail_out = arena_copy(fixture.test.task.arena, run.task.fault.detail);
    fixture_end(&run);
    return err;
}

TEST(test_saving__only_who_may_everything_saves_a_rule)
{
    fixture_init(&fixture);
    struct rules_options options = {.model = fixture.model};
    str detail;
    check_int(rules_open(&fixture.test.task, &options, &rules), ERR_NONE);
    check_int(save(&detail), ERR_NONE);
    const struct entity *client = model_entity(fixture.model, S("client"));
    const struct entity *contact = model_entity(fixture.model, S("contact"));
    fixture.scope.actions[client->number] &= (uint8_t)~SCOPE_DELETE;
    check_int(save(&detail), ERR_FORBIDDEN);
    check(memmem(detail.at, detail.len, "delete clients", 14) != nullptr);
    fixture.scope.actions[contact->number] = 0;
    check_int(save(&detail), ERR_FORBIDDEN);
    check(memmem(detail.at, detail.len, "view contacts", 13) != nullptr);
    fixture.scope.actions[client->number] = SCOPE_EVERYTHING;
    fixture.scope.actions[contact->number] = SCOPE_EVERYTHING;
    check_int(save(&detail), ERR_NONE);
    struct rules *gone = rules;
    fixture_drop(&fixture);
    rules_close(gone);
}
