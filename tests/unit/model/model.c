#include "model/model.h"

#include "model_test.h"

/** What one wrong declaration is told. */
struct wrong {
    const char *fields; /** of the entity `thing` */
    const char *field;  /** path of the fault */
    const char *code;
    const char *words; /** part of the message */
};

static bool has_fault(const struct test_task *test, const struct wrong *wrong)
{
    bool has = false;
    for (uint32_t i = 0; i < test->task.fault.item_count && !has; i++) {
        const struct fault_item *item = &test->task.fault.items[i];
        char message[400] = "";
        memcpy(message, item->message.at, item->message.len < 399 ? item->message.len : 399);
        has = str_eq(item->field, str_of(wrong->field)) &&
              str_eq(item->code, str_of(wrong->code)) && strstr(message, wrong->words) != nullptr;
    }
    return has;
}

static void show_faults(const struct test_task *test)
{
    for (uint32_t i = 0; i < test->task.fault.item_count; i++) {
        const struct fault_item *item = &test->task.fault.items[i];
        fprintf(stderr, "  %.*s [%.*s] %.*s\n", FMT(item->field), FMT(item->code),
                FMT(item->message));
    }
}

static const struct model *make(struct test_task *test, str schema)
{
    const struct model *model = nullptr;
    enum err err = model_make(&test->task, &test->arena, schema, &model);
    if (err != ERR_NONE) show_faults(test);
    check_int(err, ERR_NONE);
    return model;
}

TEST(test_model__appends_the_engines_fields)
{
    struct test_task test;
    test_task_init(&test);
    const struct model *model = make(&test, test_thing(&test, "", ""));
    const struct entity *thing = model_entity(model, S("thing"));
    check_int(thing->field_count, 8);
    const struct field *created_by = entity_field(thing, S("created_by"));
    check_int(created_by->number, FIELD_CREATED_BY);
    check(created_by->to == model_entity(model, S("user")));
    check(created_by->is_computed && created_by->is_system && created_by->is_indexed);
    check(!entity_field(thing, S("updated_by"))->is_indexed);
    check(entity_field(thing, S("revision"))->is_hidden &&
          entity_field(thing, S("version"))->is_hidden);
    check_int(entity_field(thing, S("incomplete"))->kind, FIELD_CHOICES);
    check(entity_field(thing, S("incomplete"))->set->is_open);
    check(entity_field_by_number(thing, FIELD_UPDATED_AT)->kind == FIELD_TIME);
    check(model_entity(model, S("user"))->referrer_count == 0);
    test_task_drop(&test);
}

TEST(test_model__finds_by_name_plural_and_number)
{
    struct test_task test;
    test_task_init(&test);
    const struct model *model =
        make(&test, test_thing(&test, "", JSON_FIELD("text", "city", 2, "")));
    const struct entity *thing = model_entity(model, S("thing"));
    check(thing != nullptr && model_collection(model, S("things")) == thing);
    check(model_entity_by_number(model, 7) == thing);
    check(model_entity(model, S("things")) == nullptr &&
          model_collection(model, S("thing")) == nullptr);
    check(model_entity_by_number(model, 8) == nullptr);
    check_str(thing->title->name, S("name"));
    check(thing->title->is_title);
    check_str(entity_field(thing, S("city"))->label, S("City"));
    check_str(entity_nearest(thing, sight_all(), S("ciyt")), S("city"));
    check_str(entity_nearest(thing, sight_all(), S("zzzzzzzz")), S(""));
    check_str(set_choice(model_set(model, S("thing.kind")), S("big"))->label, S("Big one"));
    check(model_set(model, S("thing.kin")) == nullptr);
    check(set_choice(model_set(model, S("thing.kind")), S("Big")) == nullptr);
    test_task_drop(&test);
}

/* clang-format off */
static const char many_fields[] =
    JSON_FIELD("decimal", "hours", 2, "\"scale\":2,\"min\":1,\"max\":24,\"index\":true")
    "," JSON_FIELD("text", "code", 3,
                   "\"pattern\":\"[A-Z]{3}\",\"default\":\"ABC\",\"unique\":true,"
                   "\"label\":\"The code\",\"list\":3,\"max\":5")
    "," JSON_FIELD("phones", "phones", 4, "\"synonyms\":{\"Phone No.\":\"\",\"fax\":\"fax\"}")
    "," JSON_FIELD("choice", "kind", 5,
                   "\"set\":\"thing.kind\",\"default\":\"small\",\"required\":true")
    "," JSON_FIELD("text", "must", 6, "\"required\":true,\"waived_by\":\"lenient\"");
/* clang-format on */

TEST(test_model__keeps_what_each_word_says)
{
    struct test_task test;
    test_task_init(&test);
    const struct model *model = make(&test, test_thing(&test, "", many_fields));
    const struct entity *thing = model_entity(model, S("thing"));
    const struct field *hours = entity_field(thing, S("hours"));
    check(hours->has_least && hours->has_most && hours->is_indexed);
    check_int(hours->least, 100);
    check_int(hours->most, 2400);
    const struct field *code = entity_field(thing, S("code"));
    check(code->is_unique && code->is_indexed && code->pattern_compiled != nullptr);
    check_str(value_of(code->initial).text, S("ABC"));
    check_int(code->list, 3);
    check_int(code->max, 5);
    check_str(code->label, S("The code"));
    check(entity_field(thing, S("kind"))->set == model_set(model, S("thing.kind")));
    check_str(entity_field(thing, S("must"))->waived_by, S("lenient"));
    test_task_drop(&test);
}

TEST(test_model__folds_synonyms_and_keeps_their_labels)
{
    struct test_task test;
    test_task_init(&test);
    struct buf schema = buf_make(&test.arena, SCHEMA_BYTES_MAX);
    str json = test_thing(
        &test, "", JSON_FIELD("phones", "phones", 4, "\"synonyms\":[\"Phone No.\",\"Tél\"]"));
    buf_put(&schema, json);
    const struct field *phones =
        entity_field(model_entity(make(&test, buf_str(&schema)), S("thing")), S("phones"));
    check_int(phones->synonym_count, 2);
    check_str(phones->synonyms[0], S("phoneno"));
    check_str(phones->synonyms[1], S("tel"));
    check_str(phones->synonym_labels[1], S(""));
    json = test_thing(&test, "",
                      JSON_FIELD("phones", "phones", 4, "\"synonyms\":{\"Fax No\":\"fax\"}"));
    phones = entity_field(model_entity(make(&test, json), S("thing")), S("phones"));
    check_str(phones->synonyms[0], S("faxno"));
    check_str(phones->synonym_labels[0], S("fax"));
    test_task_drop(&test);
}

/* clang-format off */
#define LINK_FIELDS(flag_words, target) \
    "{\"at\":\"\",\"name\":\"link\",\"attributes\":{\"number\":8,\"plural\":\"links\"," \
    "\"title\":\"thing\",\"via\":\"thing\"},\"fields\":[" \
    JSON_FIELD("reference", "thing", 1, \
               "\"to\":\"thing\",\"required\":true,\"on_delete\":\"cascade\"") \
    "," JSON_FIELD("reference", "person", 2, "\"to\":\"" target "\",\"required\":true") \
    "," JSON_FIELD("boolean", "is_main", 3, flag_words) \
    "," JSON_FIELD("text", "note", 4, "\"search\":true") "]}"
#define THING_ENTITY(fields) \
    "{\"at\":\"\",\"name\":\"thing\",\"attributes\":{\"number\":7,\"plural\":\"things\"," \
    "\"title\":\"name\"},\"fields\":[" JSON_FIELD("text", "name", 1, "") \
    "," JSON_FIELD("choice", "kind", 2, "\"set\":\"thing.kind\"") fields "]}"
/* clang-format on */
#define ONE_OF "\"one_of\":{\"per\":\"thing\",\"at_least\":1}"
#define THROUGH \
    "\"to\":\"user\",\"through\":\"link.is_main\",\"made_when\":{\"kind\":\"big\"},\"made_from\":" \
    "{\"name\":\"name\"}"

TEST(test_model__resolves_links_flags_and_what_is_made_from)
{
    struct test_task test;
    test_task_init(&test);
    str schema = test_schema(&test,
                             THING_ENTITY("," JSON_FIELD("reference", "main", 3,
                                                         THROUGH)) "," LINK_FIELDS(ONE_OF, "user"),
                             JSON_SETS);
    const struct model *model = make(&test, schema);
    const struct entity *thing = model_entity(model, S("thing"));
    const struct entity *link = model_entity(model, S("link"));
    const struct field *main_field = entity_field(thing, S("main"));
    check(main_field->through.link == link);
    check(main_field->through.flag == entity_field(link, S("is_main")));
    check(main_field->through.parent == entity_field(link, S("thing")));
    check(main_field->through.target == entity_field(link, S("person")));
    check(main_field->is_indexed);
    check(entity_field(link, S("is_main"))->one_of_per == entity_field(link, S("thing")));
    check(entity_field(link, S("is_main"))->one_of_at_least &&
          entity_field(link, S("is_main"))->is_indexed);
    check_int(main_field->made_from->pair_count, 1);
    check(main_field->made_from->when == entity_field(thing, S("kind")));
    check_str(main_field->made_from->when_value, S("big"));
    check_int(thing->referrer_count, 1);
    check(thing->referrers[0] == entity_field(link, S("thing")));
    check_int(thing->under_count, 1);
    check(thing->under[0] == link && link->via == entity_field(link, S("thing")));
    const struct entity *user = model_entity(model, S("user"));
    check_int(user->referrer_count, 1);
    check(user->referrers[0] == entity_field(link, S("person")));
    test_task_drop(&test);
}

TEST(test_model__a_through_may_mean_the_link_itself)
{
    struct test_task test;
    test_task_init(&test);
    str schema = test_schema(
        &test,
        THING_ENTITY("," JSON_FIELD(
            "reference", "main", 3,
            "\"to\":\"link\",\"through\":\"link.is_main\"")) "," LINK_FIELDS(ONE_OF, "user"),
        JSON_SETS);
    const struct field *main_field =
        entity_field(model_entity(make(&test, schema), S("thing")), S("main"));
    check(main_field->through.link != nullptr && main_field->through.target == nullptr);
    test_task_drop(&test);
}

static const struct wrong wrongs[] = {
    {JSON_FIELD("text", "city", 2, "\"indx\":true"), "thing.city", "unknown",
     "`indx` is no word of a field; perhaps index"},
    {JSON_FIELD("text", "city", 2, "\"scale\":2"), "thing.city", "unknown",
     "means nothing for a field of the kind text"},
    {JSON_FIELD("text", "city", 2, "\"required\":1"), "thing.city", "type",
     "schema/thing.lua:5: `required`"},
    {JSON_FIELD("text", "city", 1, ""), "thing.city", "twice", "number 1"},
    {JSON_FIELD("text", "city", 0, ""), "thing.city", "range", "1 to 3999"},
    {JSON_FIELD("text", "city", 4000, ""), "thing.city", "range", "1 to 3999"},
    {JSON_FIELD("text", "name", 2, ""), "thing.name", "twice", "of that name"},
    {JSON_FIELD("text", "City", 2, ""), "thing.City", "format", "a-z"},
    {JSON_FIELD("text", "sort", 2, ""), "thing.sort", "reserved", "engine"},
    {JSON_FIELD("text", "created_at", 2, ""), "thing.created_at", "reserved", "engine"},
    {JSON_FIELD("text", "x_city", 2, ""), "thing.x_city", "reserved", "tenants"},
    {JSON_FIELD("txt", "city", 2, ""), "thing.city", "unknown", "`txt` is no kind"},
    {JSON_FIELD("text", "city", 2, "\"max\":0"), "thing.city", "range", "`max`"},
    {JSON_FIELD("text", "city", 2, "\"max\":5000"), "thing.city", "range", "`max`"},
    {JSON_FIELD("text", "city", 2, "\"pattern\":\"(\""), "thing.city", "pattern", "not closed"},
    {JSON_FIELD("text", "city", 2, "\"pattern\":\"[a-z]\",\"default\":\"A\""),
     "schema/thing.lua:5: `default` of thing.city", "pattern", "form"},
    {JSON_FIELD("text", "city", 2, "\"list\":99"), "thing.city", "range", "column"},
    {JSON_FIELD("text", "city", 2, "\"label\":\"\""), "thing.city", "required", "label"},
    {JSON_FIELD("text", "city", 2, "\"synonyms\":[\"a b\",\"A-B\"]"), "thing.city", "twice",
     "`ab`"},
    {JSON_FIELD("text", "city", 2, "\"synonyms\":[\"--\"]"), "thing.city", "format", "letter"},
    {JSON_FIELD("text", "city", 2, "\"synonyms\":[]"), "thing.city", "range", "synonyms"},
    {JSON_FIELD("text", "city", 2, "\"synonyms\":[3]"), "thing.city", "type", "no text"},
    {JSON_FIELD("text", "city", 2, "\"waived_by\":\"lenient\""), "thing.city", "required",
     "not required"},
    {JSON_FIELD("text", "city", 2, "\"required\":true,\"waived_by\":\"name\""), "thing.city",
     "missing", "boolean"},
    {JSON_FIELD("text", "city", 2, "\"computed\":true,\"required\":true"), "thing.city", "unknown",
     "computed"},
    {JSON_FIELD("long_text", "city", 2, "\"index\":true"), "thing.city", "unknown", "long_text"},
    {JSON_FIELD("number", "size", 2, "\"min\":5,\"max\":4"), "thing.size", "range", "more than"},
    {JSON_FIELD("number", "size", 2, "\"min\":5,\"default\":4"),
     "schema/thing.lua:5: `default` of thing.size", "range", "less"},
    {JSON_FIELD("decimal", "size", 2, ""), "thing.size", "required", "scale"},
    {JSON_FIELD("decimal", "size", 2, "\"scale\":10"), "thing.size", "range", "scale"},
    {JSON_FIELD("decimal", "size", 2, "\"scale\":9,\"max\":9223372036854775807"), "thing.size",
     "range", "too large"},
    {JSON_FIELD("choice", "kind", 2, ""), "thing.kind", "required", "set"},
    {JSON_FIELD("choice", "kind", 2, "\"set\":\"no.such\""), "thing.kind", "missing", "no.such"},
    {JSON_FIELD("choice", "kind", 2, "\"set\":\"thing.kind\",\"default\":\"huge\""), "thing.kind",
     "choice", "huge"},
    {JSON_FIELD("reference", "to", 2, ""), "thing.to", "required", "`to`"},
    {JSON_FIELD("reference", "to", 2, "\"to\":\"nobody\""), "thing.to", "missing", "nobody"},
    {JSON_FIELD("reference", "to", 2, "\"to\":\"settings\""), "thing.to", "reference", "single"},
    {JSON_FIELD("reference", "to", 2, "\"to\":\"user\",\"on_delete\":\"explode\""), "thing.to",
     "unknown", "cascade"},
    {JSON_FIELD("reference", "to", 2, "\"to\":\"user\",\"on_delete\":\"detach\",\"required\":true"),
     "thing.to", "reference", "detached"},
    {JSON_FIELD("references", "to", 2, "\"to\":\"user\",\"on_delete\":\"cascade\""), "thing.to",
     "reference", "list"},
    {JSON_FIELD("boolean", "flag", 2, "\"one_of\":{\"per\":\"nam\"}"), "thing.flag", "missing",
     "perhaps name"},
    {JSON_FIELD("boolean", "flag", 2, "\"one_of\":{\"per\":\"name\"}"), "thing.flag", "reference",
     "required reference"},
    {JSON_FIELD("boolean", "flag", 2, "\"one_of\":{\"pre\":\"name\"}"), "thing.flag", "type",
     "one_of"},
    {JSON_FIELD("reference", "to", 2, "\"to\":\"user\",\"through\":\"nowhere.x\""), "thing.to",
     "missing", "nowhere"},
    {JSON_FIELD("reference", "to", 2, "\"to\":\"user\",\"through\":\"settings.lenient\""),
     "thing.to", "reference", "one_of"},
    {JSON_FIELD("reference", "to", 2, "\"to\":\"user\",\"made_when\":{\"name\":\"x\"}"), "thing.to",
     "required", "made_from"},
    {JSON_FIELD("reference", "to", 2, "\"to\":\"user\",\"made_from\":{\"nme\":\"name\"}"),
     "thing.to", "missing", "perhaps name"},
    {JSON_FIELD("reference", "to", 2, "\"to\":\"user\",\"made_from\":{\"created_at\":\"name\"}"),
     "thing.to", "reference", "cannot be made"},
};

TEST(test_model__names_entity_field_and_word_of_each_mistake)
{
    for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
        struct test_task test;
        test_task_init(&test);
        const struct model *model = nullptr;
        enum err err =
            model_make(&test.task, &test.arena, test_thing(&test, "", wrongs[i].fields), &model);
        if (err != ERR_INVALID || !has_fault(&test, &wrongs[i])) {
            fprintf(stderr, "case %zu: %s\n", i, wrongs[i].fields);
            show_faults(&test);
        }
        check_int(err, ERR_INVALID);
        check(has_fault(&test, &wrongs[i]));
        check(model == nullptr);
        test_task_drop(&test);
    }
}

TEST(test_model__refuses_entities_that_clash)
{
    static const struct wrong clashes[] = {
        {",\"number\":1", "thing", "twice", "number 1"},
        {",\"plural\":\"users\"", "thing", "twice", "users"},
        {",\"plural\":\"search\"", "thing", "reserved", "search"},
        {",\"title\":\"nme\"", "thing", "missing", "perhaps name"},
        {",\"via\":\"name\"", "thing", "type", "via"},
        {",\"single\":true", "schema", "twice", "single"},
        {",\"plurl\":\"x\"", "thing", "unknown", "perhaps plural"},
        {",\"number\":\"x\"", "thing", "type", "number"},
        {",\"number\":5000", "thing", "range", "127"},
    };
    for (size_t i = 0; i < sizeof clashes / sizeof *clashes; i++) {
        struct test_task test;
        test_task_init(&test);
        const char *number = strstr(clashes[i].fields, "number") == nullptr ? "\"number\":7," : "";
        const char *plural =
            strstr(clashes[i].fields, "\"plural\"") == nullptr ? "\"plural\":\"things\"," : "";
        const char *title =
            strstr(clashes[i].fields, "title") == nullptr ? "\"title\":\"name\"," : "";
        str entity = arena_print(
            &test.arena,
            "{\"at\":\"\",\"name\":\"thing\",\"attributes\":{%s%s%s%s},\"fields\":[%s]}%c", number,
            plural, title, clashes[i].fields + 1, JSON_FIELD("text", "name", 1, ""), 0);
        const struct model *model;
        enum err err =
            model_make(&test.task, &test.arena, test_schema(&test, entity.at, JSON_SETS), &model);
        if (err == ERR_NONE || !has_fault(&test, &clashes[i])) {
            fprintf(stderr, "case %zu\n", i);
            show_faults(&test);
        }
        check_int(err, ERR_INVALID);
        check(has_fault(&test, &clashes[i]));
        test_task_drop(&test);
    }
}

TEST(test_model__refuses_wrong_sets)
{
    static const char *const sets[] = {
        "[{\"at\":\"\",\"name\":\"Thing\",\"attributes\":{\"open\":true},\"choices\":[]}]",
        "[{\"at\":\"\",\"name\":\"a\",\"attributes\":{},\"choices\":[]}]",
        "[{\"at\":\"\",\"name\":\"a\",\"attributes\":{\"opn\":true},\"choices\":[]}]",
        "[{\"at\":\"\",\"name\":\"a\",\"attributes\":{},\"choices\":[{\"value\":\"b\","
        "\"attributes\":{}}]}]",
        "[{\"at\":\"\",\"name\":\"a\",\"attributes\":{},\"choices\":[{\"value\":\"b;c\","
        "\"attributes\":{\"label\":\"B\"}}]}]",
        "[{\"at\":\"\",\"name\":\"a\",\"attributes\":{},\"choices\":[{\"value\":\"b\","
        "\"attributes\":{\"label\":\"B\",\"color\":\"red\"}}]}]",
        "[{\"at\":\"\",\"name\":\"a\",\"attributes\":{},\"choices\":[{\"value\":\"b\","
        "\"attributes\":{\"label\":\"B\",\"category\":\"x\"}}]}]",
        "[{\"at\":\"\",\"name\":\"a\",\"attributes\":{},\"choices\":[{\"value\":\"b\","
        "\"attributes\":{\"label\":\"B\"}},{\"value\":\"b\","
        "\"attributes\":{\"label\":\"C\"}}]}]",
        "[{\"at\":\"\",\"name\":\"a\",\"attributes\":{\"open\":true},\"choices\":[]},{\"at\":\"\","
        "\"name\":\"a\",\"attributes\":{\"open\":"
        "true},\"choices\":[]}]",
        "[7]",
    };
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        struct test_task test;
        test_task_init(&test);
        const struct model *model;
        check_int(model_make(&test.task, &test.arena, test_schema(&test, "", sets[i]), &model),
                  ERR_INVALID);
        check(test.task.fault.item_count > 0);
        test_task_drop(&test);
    }
}

TEST(test_model__refuses_what_is_no_schema)
{
    static const char *const wrong[] = {
        "7",
        "{}",
        "[]",
        "{\"version\":2,\"entities\":[],\"sets\":[]}",
        "{\"version\":1,\"entities\":[],\"sets\":[]}",
        "{\"version\":1,\"entities\":[7],\"sets\":[]}",
        "{\"version\":1,\"entities\":[{}],\"sets\":[]}",
        "{\"version\":1,\"entities\":{},\"sets\":[]}",
        ("{\"version\":1,\"entities\":[{\"name\":\"a\",\"attributes\":[],\"fields\":{}}],"
         "\"sets\":[]}"),
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct test_task test;
        test_task_init(&test);
        const struct model *model;
        check_int(model_make(&test.task, &test.arena, test_encode(&test, str_of(wrong[i])), &model),
                  ERR_INVALID);
        test_task_drop(&test);
    }
    struct test_task test;
    test_task_init(&test);
    const struct model *model;
    check_int(model_make(&test.task, &test.arena, S("\xC1"), &model), ERR_UNREADABLE);
    test_task_drop(&test);
}

TEST(test_model__needs_users)
{
    struct test_task test;
    test_task_init(&test);
    const struct model *model;
    str schema =
        test_encode(&test, S("{\"version\":1,\"entities\":[" JSON_SETTINGS "],\"sets\":[]}"));
    check_int(model_make(&test.task, &test.arena, schema, &model), ERR_INVALID);
    check(has_fault(&test, &(struct wrong){"", "schema", "missing", "user"}));
    test_task_drop(&test);
}

TEST(test_model__refuses_a_way_up_that_turns_in_a_circle)
{
    struct test_task test;
    test_task_init(&test);
    const struct model *model;
    str schema = test_thing(&test, ",\"via\":\"parent\"",
                            JSON_FIELD("reference", "parent", 2, "\"to\":\"thing\""));
    check_int(model_make(&test.task, &test.arena, schema, &model), ERR_INVALID);
    check(has_fault(&test, &(struct wrong){"", "thing", "reference", "circle"}));
    test_task_drop(&test);
}
