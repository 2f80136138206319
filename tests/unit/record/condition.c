#include "record/condition.h"
#include "fixture.h"
#include "record/draft.h"

/** A tree of clients from JSON; nullptr with faults. */
static const struct condition *read_filter(struct fixture *fixture, const char *json,
                                           bool needs_index)
{
    struct task *task = &fixture->test.task;
    task_fault_clear(task);
    struct buf given = buf_make(task->arena, 1 * MIB);
    check_int(json_read(task, str_of(json), &given), ERR_NONE);
    struct value value = value_of(buf_str(&given));
    struct condition_form form = {.entity = model_entity(fixture->model, S("client")),
                                  .arena = task->arena,
                                  .path = S("filter"),
                                  .sight = sight_all(),
                                  .needs_index = needs_index};
    const struct condition *condition;
    bool is_read = condition_read(task, &form, &value, &condition);
    check_int(is_read, task->fault.item_count == 0);
    return is_read ? condition : nullptr;
}

static bool holds(struct fixture *fixture, struct id id, const char *json)
{
    struct task *task = &fixture->test.task;
    const struct condition *condition = read_filter(fixture, json, false);
    if (condition == nullptr)
        fprintf(stderr, "%s: %.*s\n", json, FMT(task->fault.items[0].message));
    check(condition != nullptr);
    struct txn *txn;
    check_int(txn_open(task, &fixture->space, &txn), ERR_NONE);
    struct view view = {task, txn, fixture->model, &fixture->scope};
    struct record record;
    check_int(record_get(&view, model_entity(fixture->model, S("client")), id, &record), ERR_NONE);
    str slots[FIELDS_MAX];
    slots_read(record.entity, record.value, slots);
    bool is_held = condition_holds(&view, task->arena, condition, slots);
    txn_close(txn);
    return is_held;
}

TEST(test_condition__says_which_records_are_meant)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct id id = fixture_create(
        &fixture, "client",
        "{\"name\":\"Ünder Ltd\",\"kind\":\"individual\",\"status\":\"active\","
        "\"tags\":[\"vip\",\"old\"],\"admitted_on\":\"2024-05-01\",\"observations\":\"quiet\","
        "\"default_address\":{\"line1\":\"Weg 1\",\"city\":\"Graz\",\"country\":\"AT\"}}");
    static const struct {
        const char *json;
        bool holds;
    } cases[] = {
        {"{}", true},
        {"{\"status\":\"active\"}", true},
        {"{\"status\":\"past\"}", false},
        {"{\"status\":[\"past\",\"active\"]}", true},
        {"{\"status\":\"active\",\"kind\":\"company\"}", false},
        {"{\"status\":{\"ne\":\"active\"}}", false},
        {"{\"status\":{\"ne\":[\"past\",\"potential\"]}}", true},
        {"{\"vat_number\":{\"ne\":\"X\"}}", true},
        {"{\"vat_number\":null}", true},
        {"{\"vat_number\":{\"ne\":null}}", false},
        {"{\"vat_number\":{\"empty\":false}}", false},
        {"{\"name\":\"under ltd\"}", true},
        {"{\"name\":{\"prefix\":\"UND\"}}", true},
        {"{\"name\":{\"prefix\":[\"x\",\"ü\"]}}", true},
        {"{\"tags\":\"vip\"}", true},
        {"{\"tags\":[\"new\",\"old\"]}", true},
        {"{\"tags\":{\"ne\":\"vip\"}}", false},
        {"{\"admitted_on\":{\"gte\":\"2024-05-01\",\"lt\":\"2024-05-02\"}}", true},
        {"{\"admitted_on\":{\"gt\":\"2024-05-01\"}}", false},
        {"{\"observations\":\"quiet\"}", true},
        {"{\"default_address.country\":\"AT\"}", true},
        {"{\"default_address.city\":{\"ne\":\"Graz\"}}", false},
        {"{\"account_manager.name\":\"Ann\"}", false},
        {"{\"or\":[{\"status\":\"past\"},{\"tags\":\"vip\"}]}", true},
        {"{\"or\":[{\"status\":\"past\"},{}]}", true},
        {"{\"and\":[{\"status\":\"active\"},{\"tags\":\"vip\"}]}", true},
        {"{\"not\":{\"status\":\"active\"}}", false},
        {"{\"not\":{}}", false},
        {"{\"not\":{\"or\":[{\"status\":\"past\"},{\"tags\":\"none\"}]},\"kind\":\"individual\"}",
         true},
    };
    for (size_t at = 0; at < sizeof cases / sizeof cases[0]; at++) {
        bool is_held = holds(&fixture, id, cases[at].json);
        if (is_held != cases[at].holds) fprintf(stderr, "%s\n", cases[at].json);
        check_int(is_held, cases[at].holds);
    }
    fixture_drop(&fixture);
}

TEST(test_condition__names_the_spot_of_each_fault)
{
    struct fixture fixture;
    fixture_init(&fixture);
    static const struct {
        const char *json;
        const char *field;
        const char *code;
    } cases[] = {
        {"[]", "filter", "type"},
        {"{\"colour\":1}", "filter.colour", "unknown"},
        {"{\"or\":[{},{\"statsu\":\"x\"}]}", "filter.or[1].statsu", "unknown"},
        {"{\"or\":{}}", "filter.or", "type"},
        {"{\"and\":[]}", "filter.and", "type"},
        {"{\"not\":[{}]}", "filter.not", "type"},
        {"{\"status\":{\"like\":\"x\"}}", "filter.status.like", "unknown"},
        {"{\"status\":{}}", "filter.status", "type"},
        {"{\"status\":5}", "filter.status", "type"},
        {"{\"status\":[]}", "filter.status", "range"},
        {"{\"status\":[\"active\",null]}", "filter.status", "type"},
        {"{\"name\":{\"gt\":[\"a\"]}}", "filter.name.gt", "type"},
        {"{\"name\":{\"gt\":null}}", "filter.name.gt", "type"},
        {"{\"name\":{\"prefix\":\"\"}}", "filter.name.prefix", "length"},
        {"{\"admitted_on\":\"May\"}", "filter.admitted_on", "format"},
        {"{\"admitted_on\":{\"prefix\":\"2\"}}", "filter.admitted_on.prefix", "type"},
        {"{\"website\":{\"empty\":\"perhaps\"}}", "filter.website.empty", "type"},
        {"{\"observations\":\"x\"}", "filter.observations", "index"},
        {"{\"name.x\":\"x\"}", "filter.name.x", "type"},
        {"{\"default_address.town\":\"x\"}", "filter.default_address.town", "unknown"},
        {"{\"not\":{\"not\":{\"not\":{\"not\":{\"not\":{\"not\":{\"not\":{\"not\":{}}}}}}}}}",
         "filter.not.not.not.not.not.not.not.not", "range"},
    };
    for (size_t at = 0; at < sizeof cases / sizeof cases[0]; at++) {
        check(read_filter(&fixture, cases[at].json, true) == nullptr);
        check_int(fixture.test.task.fault.item_count, 1);
        check_str(fixture.test.task.fault.items[0].field, str_of(cases[at].field));
        check_str(fixture.test.task.fault.items[0].code, str_of(cases[at].code));
    }
    check(read_filter(&fixture, "{\"colour\":1,\"or\":[{\"size\":1},{\"status\":2}]}", true) ==
          nullptr);
    check_int(fixture.test.task.fault.item_count, 3);
    fixture_drop(&fixture);
}

TEST(test_condition__is_bounded)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct arena *arena = fixture.test.task.arena;
    for (uint32_t over = 0; over < 2; over++) {
        struct buf tests = buf_make(arena, 1 * MIB), values = buf_make(arena, 1 * MIB);
        for (uint32_t at = 0; at < CONDITION_TESTS_MAX + over; at++)
            buf_print(&tests, "%s{\"name\":\"%u\"}", at == 0 ? "{\"or\":[" : ",", at);
        for (uint32_t at = 0; at < CONDITION_VALUES_MAX + over; at++)
            buf_print(&values, "%s\"%u\"", at == 0 ? "{\"name\":[" : ",", at);
        buf_print(&tests, "]}");
        buf_print(&values, "]}");
        bool is_over = over > 0;
        check(is_over ==
              (read_filter(&fixture, arena_cstring(arena, buf_str(&tests)), true) == nullptr));
        check(is_over ==
              (read_filter(&fixture, arena_cstring(arena, buf_str(&values)), true) == nullptr));
    }
    fixture_drop(&fixture);
}

TEST(test_condition__tells_which_fields_it_rests_on)
{
    struct fixture fixture;
    fixture_init(&fixture);
    const struct field *fields[CONDITION_TESTS_MAX];
    const struct condition *condition = read_filter(
        &fixture, "{\"or\":[{\"status\":\"past\"},{\"name\":\"x\",\"status\":\"active\"}]}", false);
    check_int(condition_fields(condition, fields), 2);
    check_str(fields[0]->name, S("status"));
    check_str(fields[1]->name, S("name"));
    check(!condition_looks_behind(condition));
    condition = read_filter(&fixture, "{\"not\":{\"default_address.city\":\"Graz\"}}", false);
    check_int(condition_fields(condition, fields), 1);
    check_str(fields[0]->name, S("default_address"));
    check(condition_looks_behind(condition));
    check(condition_is_always(read_filter(&fixture, "{\"and\":[{},{}]}", false)));
    fixture_drop(&fixture);
}
