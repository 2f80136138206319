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

static const struct entity *entity_named(const struct fixture *fixture, const char *name)
{
    return model_entity(fixture->model, str_of(name));
}

/** Whether both ways round it is as it should be. */
static void sees_as(const struct scope *a, const struct scope *b, bool should)
{
    check_int(scope_sees_as(a, b), should);
    check_int(scope_sees_as(b, a), should);
}

static struct scope person(uint8_t rows)
{
    struct scope scope = scope_system();
    scope.actor_kind = ACTOR_USER;
    scope.actor = (struct id){{1}};
    scope.rows = rows;
    return scope;
}

/** Two who see all are shown the same, whoever they are, as long as they see the same fields. */
TEST(test_scope__who_sees_all_is_shown_what_others_are)
{
    struct scope a = person(ROWS_ALL), b = a;
    b.actor = (struct id){{2}};
    b.client = (struct id){{3}};
    b.groups_edited = 0;
    b.holder_count = 1;
    sees_as(&a, &b, true);
    struct scope other = b;
    other.actor_kind = ACTOR_RULE;
    sees_as(&a, &other, false);
    other = b;
    other.rows = ROWS_ALL | ROWS_OWN;
    sees_as(&a, &other, false);
    other = b;
    other.groups_seen = 1;
    sees_as(&a, &other, false);
    other = b;
    other.actions[ENTITIES_MAX - 1] = 0;
    sees_as(&a, &other, false);
    other = b;
    other.actions[0] = 0;
    sees_as(&a, &other, false);
}

/** Who does not see all is shown what is shown to who is the same, and holds the same. */
TEST(test_scope__who_sees_a_part_is_shown_what_the_same_is)
{
    struct scope a = person(ROWS_OWN);
    a.holder_count = 2;
    a.holders[0].bytes[0] = a.holders[1].bytes[0] = ROWS_SHARED;
    struct scope b = a;
    sees_as(&a, &b, true);
    b.holders[2].bytes[0] = ROWS_SHARED;
    sees_as(&a, &b, true);
    b.holder_count = 3;
    sees_as(&a, &b, false);
    b = a;
    b.holders[1].bytes[HOLDER_BYTES - 1] = 1;
    sees_as(&a, &b, false);
    b = a;
    b.actor = (struct id){{2}};
    sees_as(&a, &b, false);
}

/** A contact's rows are those of its client, whatever the bits say. */
TEST(test_scope__a_contact_is_shown_what_it_is_itself)
{
    struct scope a = person(ROWS_ALL);
    a.actor_kind = ACTOR_CONTACT;
    a.client = (struct id){{3}};
    struct scope b = a;
    sees_as(&a, &b, true);
    b.client = (struct id){{4}};
    sees_as(&a, &b, false);
    b = a;
    b.actor = (struct id){{2}};
    sees_as(&a, &b, false);
    b = a;
    b.is_own_alone = true;
    sees_as(&a, &b, false);
}

/** Of rows, groups and actions there is left what both have, whichever comes first. */
TEST(test_scope__what_is_narrowed_is_what_both_may)
{
    static const struct {
        uint8_t a, b, both;
    } rows[] = {
        {ROWS_ALL, ROWS_ALL, ROWS_ALL},
        {ROWS_ALL, ROWS_OWN | ROWS_SHARED, ROWS_OWN | ROWS_SHARED},
        {ROWS_OWN | ROWS_MANAGED, ROWS_OWN | ROWS_SHARED, ROWS_OWN},
        {ROWS_MANAGED, ROWS_SHARED, 0},
        {ROWS_ALL, 0, 0},
    };
    for (size_t at = 0; at < sizeof rows / sizeof *rows; at++)
        for (int turn = 0; turn < 2; turn++) {
            struct scope a = person(turn == 0 ? rows[at].a : rows[at].b);
            struct scope b = person(turn == 0 ? rows[at].b : rows[at].a);
            a.groups_seen = 6, b.groups_seen = 3;
            a.groups_edited = 4, b.groups_edited = 5;
            a.actions[ENTITIES_MAX - 1] = SCOPE_VIEW | SCOPE_EDIT;
            b.actions[ENTITIES_MAX - 1] = SCOPE_VIEW | SCOPE_DELETE;
            a.actions[0] = 0;
            struct scope both = scope_narrowed(&a, &b);
            check_int(both.rows, rows[at].both);
            check_int(both.groups_seen, 2);
            check_int(both.groups_edited, 4);
            check_int(both.actions[ENTITIES_MAX - 1], SCOPE_VIEW);
            check_int(both.actions[0], 0);
            check_int(both.actions[1], SCOPE_EVERYTHING);
        }
}

/** Only somebody who sees all has no holders: those of the other one are what the rest rests on. */
TEST(test_scope__what_is_narrowed_has_the_holders_of_who_has_any)
{
    struct scope all = person(ROWS_ALL), some = person(ROWS_OWN | ROWS_SHARED);
    some.holder_count = 1;
    some.holders[0].bytes[0] = ROWS_SHARED;
    check_int(scope_narrowed(&all, &some).holder_count, 1);
    struct scope both = scope_narrowed(&some, &all);
    check_int(both.holder_count, 1);
    check_int(both.holders[0].bytes[0], ROWS_SHARED);
}

/** A rule of an actor who may nothing sees all, and writes all but what decides who may what. */
TEST(test_scope__a_rule_may_only_look_at_what_decides_who_may)
{
    static const char *const looked_at[] = {
        "user", "team",      "settings", "rule",         "rule_version",
        "role", "rule_test", "choice",   "custom_field", "custom_entity",
    };
    struct fixture fixture;
    fixture_init(&fixture);
    struct scope actor = {.actor_kind = ACTOR_USER, .actor = {{7}}};
    struct scope rule = scope_of_rule(&actor, fixture.model);
    check_int(rule.actor_kind, ACTOR_RULE);
    check(id_eq(rule.actor, actor.actor));
    check_int(rule.rows, ROWS_ALL);
    check(scope_sees_fields(&rule, fixture.model));
    uint32_t found = 0;
    for (uint32_t at = 0; at < fixture.model->entity_count; at++) {
        const struct entity *entity = &fixture.model->entities[at];
        bool is_looked_at = false;
        for (size_t of = 0; of < sizeof looked_at / sizeof *looked_at; of++)
            is_looked_at = is_looked_at || str_eq(entity->name, str_of(looked_at[of]));
        found += is_looked_at;
        check_int(rule.actions[entity->number], is_looked_at ? SCOPE_VIEW : SCOPE_EVERYTHING);
    }
    check_int(found, sizeof looked_at / sizeof *looked_at);
    struct task *task = &fixture.test.task;
    check_int(scope_require(task, &rule, entity_named(&fixture, "user"), SCOPE_EDIT),
              ERR_FORBIDDEN);
    check_str(task->fault.detail, S("a rule may not edit a user"));
    check_int(task->fault.right.action.len, 0);
    fixture_drop(&fixture);
}

static const struct field *field_of(const struct fixture *fixture, const char *entity,
                                    const char *field)
{
    return entity_field(entity_named(fixture, entity), str_of(field));
}

/** A field of a group is changed by who may change the group; a hidden one by nobody. */
TEST(test_scope__fields_are_changed_by_group_and_at_the_portal_by_name)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct scope scope = person(ROWS_ALL);
    const struct field *note = field_of(&fixture, "client", "financial_note");
    const struct field *observations = field_of(&fixture, "client", "observations");
    scope.groups_seen = scope.groups_edited = (uint16_t)(1U << (note->group - 1));
    check(scope_sees_field(&scope, note) && scope_edits_field(&scope, note));
    check(!scope_sees_field(&scope, observations) && !scope_edits_field(&scope, observations));
    check(scope_edits_field(&scope, field_of(&fixture, "client", "name")));
    scope.groups_edited = 0;
    check(scope_sees_field(&scope, note) && !scope_edits_field(&scope, note));
    struct field hidden = *field_of(&fixture, "client", "name");
    hidden.is_hidden = true;
    check(!scope_edits_field(&scope, &hidden));
    scope.actor_kind = ACTOR_CONTACT;
    scope.groups_edited = FIELD_GROUPS_ALL;
    struct field shown = *note;
    shown.is_portal_edited = false;
    check(!scope_edits_field(&scope, &shown));
    shown.is_portal_edited = true;
    check(scope_edits_field(&scope, &shown));
    shown.is_hidden = true;
    check(!scope_edits_field(&scope, &shown));
    fixture_drop(&fixture);
}

/** All groups that there are, be they the first or the last; at the portal never. */
TEST(test_scope__sees_all_fields_or_lacks_a_group)
{
    struct fixture fixture;
    fixture_init(&fixture);
    uint32_t count = fixture.model->group_count;
    check(count > 1);
    struct scope scope = person(0);
    scope.groups_seen = (uint16_t)((1U << count) - 1);
    check(scope_sees_fields(&scope, fixture.model));
    for (uint32_t at = 0; at < count; at++) {
        struct scope less = scope;
        less.groups_seen &= (uint16_t) ~(1U << at);
        check(!scope_sees_fields(&less, fixture.model));
    }
    scope.actor_kind = ACTOR_CONTACT;
    check(!scope_sees_fields(&scope, fixture.model));
    fixture_drop(&fixture);
}

/** A refusal names the right; what was refused before stays the reason. */
TEST(test_scope__a_refusal_names_the_right_that_is_missing)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct task *task = &fixture.test.task;
    struct scope scope = person(ROWS_ALL);
    const struct entity *client = entity_named(&fixture, "client");
    for (uint32_t at = 0; at < SCOPE_ACTION_COUNT; at++) {
        enum scope_action action = (enum scope_action)(1U << at);
        task_fault_clear(task);
        scope.actions[client->number] = SCOPE_EVERYTHING;
        check_int(scope_require(task, &scope, client, action), ERR_NONE);
        check_int(task->fault.right.action.len, 0);
        scope.actions[client->number] = (uint8_t)(SCOPE_EVERYTHING & ~action);
        check_int(scope_require(task, &scope, client, action), ERR_FORBIDDEN);
        check_str(task->fault.right.action, scope_action_words[at]);
        check_str(task->fault.right.entity, S("client"));
    }
    check_str(task->fault.detail, S("needs the right to export clients"));
    scope.actions[client->number] = 0;
    check_int(scope_require(task, &scope, client, SCOPE_VIEW), ERR_FORBIDDEN);
    check_str(task->fault.right.action, S("export"));
    fixture_drop(&fixture);
}

/** The same of a group: seen and changed are two rights, and each group has its own. */
TEST(test_scope__a_refusal_names_the_group_that_is_missing)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct task *task = &fixture.test.task;
    const struct model *model = fixture.model;
    for (uint32_t at = 0; at < model->group_count; at++) {
        str group = model->groups[at].name;
        uint16_t bit = (uint16_t)(1U << at);
        struct scope scope = person(ROWS_ALL);
        scope.groups_seen = bit;
        scope.groups_edited = (uint16_t)~bit;
        task_fault_clear(task);
        check_int(scope_require_group(task, &scope, model, group, SCOPE_VIEW), ERR_NONE);
        check_int(scope_require_group(task, &scope, model, group, SCOPE_EDIT), ERR_FORBIDDEN);
        check_str(task->fault.right.group, group);
        check_str(task->fault.right.action, S("edit"));
        scope.groups_seen = (uint16_t)~bit;
        scope.groups_edited = bit;
        check_int(scope_require_group(task, &scope, model, group, SCOPE_EDIT), ERR_NONE);
        check_int(scope_require_group(task, &scope, model, group, SCOPE_VIEW), ERR_FORBIDDEN);
        check_str(task->fault.right.action, S("edit"));
    }
    struct scope all = person(ROWS_ALL);
    check_int(scope_require_group(task, &all, model, S("no such"), SCOPE_VIEW), ERR_FORBIDDEN);
    fixture_drop(&fixture);
}
