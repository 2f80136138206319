/* Roles, field groups, and the words by which entities say to whom they are shown: what they
 * become, and what is refused. */
#include "model_test.h"

#define JSON_GROUPS \
    "[{\"at\":\"schema/role.lua:1\",\"name\":\"money\",\"attributes\":{\"label\":\"Money\"}}," \
    "{\"at\":\"schema/role.lua:2\",\"name\":\"notes\",\"attributes\":{\"label\":\"Notes\"}}]"
#define JSON_ROLE(name, attributes) \
    "{\"at\":\"schema/role.lua:3\",\"name\":\"" name "\",\"attributes\":{" attributes "}}"
#define JSON_HAND \
    JSON_ROLE("hand", "\"label\":\"Hand\",\"rows\":[\"managed\",\"shared\"],\"sees\":[\"notes\"]," \
                      "\"edits\":[],\"own_entities\":\"view\"")
#define ALLOW ",\"allow\":{\"owner\":\"all\",\"hand\":[\"view\",\"edit\"]}"
#define JSON_ENTITY(name, number, words, fields) \
    "{\"at\":\"schema/" name ".lua:1\",\"name\":\"" name "\",\"attributes\":{\"number\":" #number \
    ",\"plural\":\"" name "s\",\"title\":\"name\"" words \
    "},\"fields\":[" JSON_FIELD("text", "name", 1, "") fields "]}"
#define MORE(kind, name, number, attributes) "," JSON_FIELD(kind, name, number, attributes)
#define TO(name) "\"to\":\"" name "\""

#define PEOPLE JSON_ENTITY("user", 1, ALLOW, "") "," JSON_ENTITY("team", 2, ALLOW, "")
#define FIRM(words, fields) \
    JSON_ENTITY("firm", 7, \
                ALLOW ",\"holders\":{\"managed\":[\"boss\"],\"shared\":[\"lent.team\"]}" words, \
                MORE("reference", "boss", 2, TO("user")) fields)
#define LENT \
    JSON_ENTITY("lent", 8, ALLOW ",\"via\":\"firm\"", \
                MORE("reference", "firm", 2, TO("firm")) \
                    MORE("references", "team", 3, TO("team")))
#define LINK \
    JSON_ENTITY("link", 9, ALLOW ",\"via\":\"firm\"", \
                MORE("reference", "firm", 2, TO("firm")) \
                    MORE("reference", "person", 3, TO("person")))
#define PERSON(words) \
    JSON_ENTITY("person", 10, ALLOW ",\"tied_by\":\"link\"" words, MORE("text", "phone", 2, ""))
#define WORK(words, fields) \
    JSON_ENTITY("work", 11, ALLOW words, MORE("reference", "lent", 2, TO("lent")) fields)

static const struct model *try_make_with(struct test_task *test, const char *entities,
                                         const char *roles, const char *groups)
{
    const struct model *model = nullptr;
    str json = arena_print(&test->arena,
                           "{\"version\":1,\"entities\":[%s],\"sets\":[],\"roles\":[%s],"
                           "\"groups\":%s}",
                           entities, roles, groups);
    test_faults_clear(test);
    enum err err = model_make(&test->task, &test->arena, test_encode(test, json), &model);
    return err == ERR_NONE ? model : nullptr;
}

static const struct model *try_make(struct test_task *test, const char *entities, const char *roles)
{
    return try_make_with(test, entities, roles, JSON_GROUPS);
}

static void show_faults(const struct test_task *test)
{
    for (uint32_t at = 0; at < test->task.fault.item_count; at++)
        fprintf(stderr, "  %.*s [%.*s] %.*s\n", FMT(test->task.fault.items[at].field),
                FMT(test->task.fault.items[at].code), FMT(test->task.fault.items[at].message));
}

TEST(test_rights__become_roles_groups_holders_and_what_lies_under_clients)
{
    struct test_task test;
    test_task_init(&test);
    const struct model *model = try_make(
        &test,
        PEOPLE
        "," FIRM("", MORE("text", "bank", 3, "\"group\":\"money\"")) "," LENT "," LINK "," PERSON(
            "") "," WORK(",\"via\":\"lent\"", ""),
        JSON_HAND);
    if (model == nullptr) show_faults(&test);
    check(model != nullptr);
    check_int(model->role_count, 2);
    check_str(model->roles[0].name, S("owner"));
    check_int(model->roles[0].groups_seen, FIELD_GROUPS_ALL);
    check_int(model->roles[0].actions[200], SCOPE_EVERYTHING);
    const struct role *hand = model_role(model, S("hand"));
    check_int(hand->rows, ROWS_MANAGED | ROWS_SHARED);
    check_int(hand->groups_seen, 2);
    check_int(hand->groups_edited, 0);
    check_int(hand->actions[7], SCOPE_VIEW | SCOPE_EDIT);
    check_int(hand->actions[3], 0);
    check_int(hand->actions[ENTITY_NUMBER_CUSTOM_MIN], SCOPE_VIEW);

    const struct entity *firm = model_entity(model, S("firm"));
    const struct field *bank = entity_field(firm, S("bank"));
    check_int(bank->group, 1);
    check(entity_field_seen(firm, (struct sight){.groups = 2}, S("bank")) == nullptr);
    check(entity_field_seen(firm, (struct sight){.groups = 1}, S("bank")) == bank);
    check(entity_field_seen(firm, (struct sight){.is_portal = true}, S("bank")) == nullptr);
    check_str(entity_nearest(firm, (struct sight){}, S("bnak")), S(""));
    check_str(entity_nearest(firm, sight_all(), S("bnak")), S("bank"));

    check(model->client == firm);
    check_int(model->holder_count, 2);
    check(model->holders[0].of == entity_field(firm, S("boss")) &&
          model->holders[0].via == nullptr);
    check_int(model->holders[1].row, ROWS_SHARED);
    check_str(model->holders[1].via->name, S("firm"));
    static const struct {
        const char *name;
        bool is_under;
    } entities[] = {{"user", false}, {"firm", true},   {"lent", true},
                    {"link", true},  {"person", true}, {"work", true}};
    for (size_t at = 0; at < sizeof entities / sizeof *entities; at++) {
        const struct entity *entity = model_entity(model, str_of(entities[at].name));
        check_int(entity->is_under_client, entities[at].is_under);
        const struct field *clients = entity_field_by_number(entity, FIELD_CLIENTS);
        check_int(clients != nullptr, entities[at].is_under);
        check(clients == nullptr || (clients->is_hidden && clients->keeps_index));
        check_int(entity_field_by_number(entity, FIELD_HOLDERS) != nullptr, entity == firm);
    }
    check_str(model_entity(model, S("person"))->tied_by->name, S("person"));
    test_task_drop(&test);
}

TEST(test_rights__say_what_the_portal_shows)
{
    struct test_task test;
    test_task_init(&test);
    const struct model *model = try_make(
        &test,
        PEOPLE "," FIRM(
            ",\"portal\":{\"fields\":[\"name\"],\"own\":\"always\"}",
            "") "," LENT "," LINK
                "," PERSON(
                    ",\"portal\":{\"fields\":[\"name\",\"phone\"],"
                    "\"edit\":[\"phone\"],\"own\":\"self\"}") "," WORK(",\"via\":\"lent\","
                                                                       "\"portal\":{\"fields\":["
                                                                       "\"name\"],\"create\":true,"
                                                                       "\"own\":\"who\",\"where\":{"
                                                                       "\"name\":{\"empty\":false}}"
                                                                       "}",
                                                                       MORE("reference", "who", 3,
                                                                            TO("person"))),
        JSON_HAND);
    if (model == nullptr) show_faults(&test);
    check(model != nullptr);
    const struct entity *firm = model_entity(model, S("firm"));
    check_int(firm->portal.actions, SCOPE_VIEW);
    check_int(firm->portal.own_is, PORTAL_OWN_ALWAYS);
    check(!entity_field(firm, S("boss"))->is_portal_seen);
    check(!entity_field(firm, S("created_by"))->is_portal_seen);
    const struct entity *person = model_entity(model, S("person"));
    check_int(person->portal.actions, SCOPE_VIEW | SCOPE_EDIT);
    check_int(person->portal.own_is, PORTAL_OWN_SELF);
    check(entity_field(person, S("phone"))->is_portal_edited);
    check(!entity_field(person, S("name"))->is_portal_edited);
    const struct entity *work = model_entity(model, S("work"));
    check_int(work->portal.actions, SCOPE_VIEW | SCOPE_CREATE);
    check_int(work->portal.own_is, PORTAL_OWN_FIELD);
    check_str(work->portal.own->name, S("who"));
    check(work->portal.where != nullptr);
    check_int(model_entity(model, S("lent"))->portal.actions, 0);
    test_task_drop(&test);
}

/** One wrong declaration: in the place of the firm's words and fields, and of the roles. */
struct wrong {
    const char *firm;
    const char *roles;
    const char *code;
    const char *words;
};

#define GROUPED(kind, name, number, attributes) \
    MORE(kind, name, number, "\"group\":\"money\"" attributes)

static const struct wrong wrongs[] = {
    {JSON_ENTITY("firm", 7, "", ""), JSON_HAND, "required", "`allow` says"},
    {JSON_ENTITY("firm", 7, ",\"allow\":{\"hnad\":\"all\"}", ""), JSON_HAND, "missing", "no role"},
    {JSON_ENTITY("firm", 7, ",\"allow\":{\"hand\":[\"edit\"]}", ""), JSON_HAND, "unknown", "view"},
    {JSON_ENTITY("firm", 7, ",\"allow\":{\"owner\":\"view\"}", ""), JSON_HAND, "range", "owner"},
    {FIRM("", MORE("text", "x", 3, "\"group\":\"mony\"")), JSON_HAND, "missing", "field_group"},
    {FIRM("", GROUPED("text", "x", 3, ",\"required\":true")), JSON_HAND, "group", "required of"},
    {FIRM("", GROUPED("text", "x", 3, ",\"index\":true,\"duplicates\":\"name\"")), JSON_HAND,
     "group", "met by"},
    {FIRM("", GROUPED("number", "x", 3, "")
                  MORE("formula", "y", 4, "\"formula\":\"record.x\",\"reads\":[\"x\"]")),
     JSON_HAND, "group", "rests on firm.x"},
    {FIRM("", GROUPED("number", "x", 3, "")
                  MORE("text", "y", 4, "\"visible_when\":{\"x\":{\"empty\":false}}")),
     JSON_HAND, "group", "rests on firm.x"},
    {FIRM("", MORE("rollup", "y", 4, "\"sum\":\"lent.cost\"")), JSON_HAND, "group",
     "rests on lent.cost"},
    {FIRM(",\"portal\":{\"fields\":[\"x\"]}", GROUPED("text", "x", 3, "")), JSON_HAND, "group",
     "never shows"},
    {FIRM(",\"portal\":{\"fields\":[\"nam\"]}", ""), JSON_HAND, "missing", "perhaps name"},
    {FIRM(",\"portal\":{\"fields\":[]}", ""), JSON_HAND, "type", "list of fields"},
    {FIRM(",\"portal\":{\"fields\":[\"name\"],\"edit\":[\"boss\"]}", ""), JSON_HAND, "unknown",
     "not among"},
    {FIRM(",\"portal\":{\"fields\":[\"name\"],\"own\":\"boss\"}", ""), JSON_HAND, "reference",
     "reference to a contact"},
    {FIRM(",\"portal\":{\"fields\":[\"name\"],\"sees\":true}", ""), JSON_HAND, "unknown", "knows"},
    {FIRM(",\"portal\":{\"edit\":[\"name\"]}", ""), JSON_HAND, "required", "`fields`"},
    {JSON_ENTITY("firm", 7, ALLOW ",\"holders\":{\"managed\":[\"name\"]}", ""), JSON_HAND,
     "reference", "users or teams"},
    {JSON_ENTITY("firm", 7, ALLOW ",\"holders\":{\"own\":[\"name\"]}", ""), JSON_HAND, "type",
     "`holders` is"},
    {JSON_ENTITY("firm", 7, ALLOW ",\"holders\":{\"shared\":[\"work.lent\"]}", ""), JSON_HAND,
     "missing", "leads straight"},
    {FIRM(",\"tied_by\":\"lent\"", ""), JSON_HAND, "reference", "`tied_by`"},
    {FIRM("", ""), JSON_ROLE("owner", ""), "reserved", "everything"},
    {FIRM("", ""), JSON_ROLE("hand", "\"sees\":[\"mony\"]"), "type", "`sees`"},
    {FIRM("", ""), JSON_ROLE("hand", "\"edits\":[\"money\"]"), "range", "sees not"},
    {FIRM("", ""), JSON_ROLE("hand", "\"rows\":\"some\""), "type", "`rows`"},
    {FIRM("", ""), JSON_ROLE("hand", "\"rights\":{\"firm\":\"all\"}"), "type", "`rights`"},
    {FIRM("", ""), JSON_ROLE("hand", "") "," JSON_ROLE("hand", ""), "twice", "twice"},
};

static bool has_fault(const struct test_task *test, const struct wrong *wrong)
{
    bool has = false;
    for (uint32_t at = 0; at < test->task.fault.item_count && !has; at++) {
        const struct fault_item *item = &test->task.fault.items[at];
        has = str_eq(item->code, str_of(wrong->code)) &&
              memmem(item->message.at, item->message.len, wrong->words, strlen(wrong->words)) !=
                  nullptr;
    }
    return has;
}

TEST(test_rights__refuse_what_could_show_what_is_hidden)
{
    struct test_task test;
    test_task_init(&test);
    for (size_t at = 0; at < sizeof wrongs / sizeof *wrongs; at++) {
        str entities =
            arena_print(&test.arena, "%s,%s,%s,%s%c", PEOPLE, wrongs[at].firm,
                        JSON_ENTITY("lent", 8, ALLOW ",\"via\":\"firm\"",
                                    MORE("reference", "firm", 2, TO("firm"))
                                        MORE("references", "team", 3, TO("team"))
                                            MORE("number", "cost", 4, "\"group\":\"money\"")),
                        WORK(",\"via\":\"lent\"", ""), 0);
        bool is_made = try_make(&test, entities.at, wrongs[at].roles) != nullptr;
        if (is_made) fprintf(stderr, "taken: %s %s\n", wrongs[at].firm, wrongs[at].roles);
        check(!is_made);
        if (!has_fault(&test, &wrongs[at])) {
            fprintf(stderr, "%s %s: expected %s \"%s\", was told\n", wrongs[at].firm,
                    wrongs[at].roles, wrongs[at].code, wrongs[at].words);
            show_faults(&test);
        }
        check(has_fault(&test, &wrongs[at]));
    }
    test_task_drop(&test);
}

TEST(test_rights__take_a_firms_own_roles_in_the_place_of_declared_ones)
{
    struct test_task test;
    test_task_init(&test);
    str schema = test_encode(
        &test, arena_print(&test.arena,
                           "{\"version\":1,\"entities\":[%s,%s,%s],\"sets\":[],\"roles\":[%s],"
                           "\"groups\":%s}",
                           PEOPLE, FIRM("", ""), LENT, JSON_HAND, JSON_GROUPS));
    static const char own[] =
        "{\"version\":1,\"entities\":[],\"sets\":[],\"roles\":["
        "{\"at\":\"=1\",\"name\":\"hand\",\"attributes\":{\"label\":\"Hands\",\"rows\":\"all\","
        "\"rights\":{\"firm\":[\"view\",\"export\"]}}},"
        "{\"at\":\"=2\",\"name\":\"clerk\",\"attributes\":{\"sees\":\"all\","
        "\"edits\":[\"money\"],\"rights\":{\"lent\":\"all\"}}}]}";
    const struct model *model;
    str whole = model_extend(&test.arena, schema, test_encode(&test, str_of(own)));
    check_int(model_make(&test.task, &test.arena, whole, &model), ERR_NONE);
    check_int(model->role_count, 3);
    const struct role *hand = model_role(model, S("hand")), *clerk = model_role(model, S("clerk"));
    check(hand->is_custom && clerk->is_custom);
    check_int(hand->actions[7], SCOPE_VIEW | SCOPE_EXPORT);
    check_int(hand->actions[8], 0); /* not even what the entity allows the one it replaces */
    check_int(hand->groups_seen, 0);
    check_int(clerk->actions[8], SCOPE_EVERYTHING);
    check_int(clerk->groups_edited, 1);
    static const char bad[] =
        "{\"version\":1,\"entities\":[],\"sets\":[],\"roles\":[{\"at\":\"=7\",\"name\":\"clerk\","
        "\"attributes\":{\"rights\":{\"frim\":\"all\"}}}]}";
    whole = model_extend(&test.arena, schema, test_encode(&test, str_of(bad)));
    check_int(model_make(&test.task, &test.arena, whole, &model), ERR_INVALID);
    check_str(test.task.fault.items[0].field, S("=7/rights"));
    check_str(test.task.fault.items[0].code, S("missing"));
    test_task_drop(&test);
}

#define JSON_GROUP(name, attributes) \
    "{\"at\":\"schema/role.lua:1\",\"name\":\"" name "\",\"attributes\":{" attributes "}}"

TEST(test_rights__refuse_field_groups_that_are_none)
{
    static const struct {
        const char *groups;
        const char *code;
    } wrong[] = {
        {"[" JSON_GROUP("Mo ney", "\"label\":\"Money\"") "]", "format"},
        {"[" JSON_GROUP("money", "") "]", "required"},
        {"[" JSON_GROUP("money", "\"label\":\"Money\",\"rows\":\"all\"") "]", "required"},
        {"[" JSON_GROUP("money", "\"label\":\"A\"") "," JSON_GROUP("money", "\"label\":\"B\"") "]",
         "twice"},
    };
    struct test_task test;
    test_task_init(&test);
    for (size_t at = 0; at < sizeof wrong / sizeof *wrong; at++) {
        check(try_make_with(&test, PEOPLE, JSON_HAND, wrong[at].groups) == nullptr);
        check_str(test.task.fault.items[0].code, str_of(wrong[at].code));
    }
    test_task_drop(&test);
}

/** As many groups as there are bits; the last one has a bit of its own. */
TEST(test_rights__know_as_many_field_groups_as_a_role_can_tell)
{
    struct test_task test;
    test_task_init(&test);
    struct buf groups = buf_make(&test.arena, 8 * KIB);
    for (uint32_t at = 0; at <= FIELD_GROUPS_MAX; at++) {
        buf_print(&groups, at == 0 ? "[" : ",");
        buf_print(&groups, JSON_GROUP("group_%u", "\"label\":\"G\""), at);
        str all = arena_print(&test.arena, "%.*s]%c", FMT(buf_str(&groups)), 0);
        const struct model *model =
            try_make_with(&test, PEOPLE, JSON_ROLE("hand", "\"sees\":\"all\""), all.at);
        check_int(model != nullptr, at < FIELD_GROUPS_MAX);
        if (model == nullptr) continue;
        check_int(model->group_count, at + 1);
        str last = arena_print(&test.arena, "group_%u", at);
        check_int(model_group(model, last), at + 1);
        check((model_role(model, S("hand"))->groups_seen >> at & 1) != 0);
    }
    check_str(test.task.fault.items[0].code, S("range"));
    test_task_drop(&test);
}
