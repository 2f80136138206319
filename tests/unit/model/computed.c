/* Roll-ups, formulas and conditions as they are declared: what they become, and what is refused. */
#include "model/condition.h"
#include "model_test.h"

#define JSON_MONEY_SETTINGS \
    "{\"at\":\"\",\"name\":\"settings\",\"attributes\":{\"number\":2,\"plural\":\"settings\"," \
    "\"title\":\"name\",\"single\":true},\"fields\":[" JSON_FIELD( \
        "text", "name", 1, "") "," JSON_FIELD("currency", "currency", 2, "") "]}"
#define JSON_ENTITY(name, number, fields) \
    "{\"at\":\"schema/" name ".lua:1\",\"name\":\"" name "\",\"attributes\":{\"number\":" #number \
    ",\"plural\":\"" name \
    "s\",\"title\":\"name\"},\"fields\":[" JSON_FIELD("text", "name", 1, "") "," fields "]}"
/** Firms with orders: `fields` are more ones of the firm, `more` of the order. */
#define ORDERS(more) \
    JSON_ENTITY( \
        "order", 8, \
        JSON_FIELD("reference", "firm", 2, "\"to\":\"firm\"") "," JSON_FIELD( \
            "decimal", "hours", 3, \
            "\"scale\":2") "," JSON_FIELD("money", "price", 4, \
                                          "") "," JSON_FIELD("date", "due", 5, \
                                                             "") "," JSON_FIELD("text", "state", \
                                                                                6, "") more)

static const struct model *try_make(struct test_task *test, const char *firm_fields,
                                    const char *order)
{
    str json = arena_print(&test->arena, "{\"version\":1,\"entities\":[%s,%s,%s,%s],\"sets\":[]}",
                           JSON_USER, JSON_MONEY_SETTINGS, firm_fields, order);
    const struct model *model = nullptr;
    test->task.fault = (struct fault){};
    enum err err = model_make(&test->task, &test->arena, test_encode(test, json), &model);
    return err == ERR_NONE ? model : nullptr;
}

static const struct model *make(struct test_task *test, const char *firm, const char *order)
{
    const struct model *model = try_make(test, firm, order);
    for (uint32_t at = 0; at < test->task.fault.item_count; at++)
        fprintf(stderr, "  %.*s: %.*s\n", FMT(test->task.fault.items[at].field),
                FMT(test->task.fault.items[at].message));
    check(model != nullptr);
    return model;
}

static const struct field *field_of(const struct model *model, const char *entity, const char *name)
{
    const struct field *field = entity_field(model_entity(model, str_of(entity)), str_of(name));
    check(field != nullptr);
    return field;
}

#define MORE(kind, name, number, attributes) "," JSON_FIELD(kind, name, number, attributes)

static const char firm_of_rollups[] =
    JSON_ENTITY("firm", 7,
                JSON_FIELD("rollup", "orders", 2, "\"count\":\"order\"")
                    MORE("rollup", "hours", 3, "\"sum\":\"order.hours\",\"label\":\"Hours\"")
                        MORE("rollup", "price", 4, "\"sum\":\"order.price\"")
                            MORE("rollup", "last", 5, "\"latest\":\"order.due\",\"via\":\"firm\"")
                                MORE("rollup", "least", 6,
                                     "\"rollup\":{\"from\":\"order\",\"via\":\"firm\","
                                     "\"function\":\"min\",\"field\":\"hours\","
                                     "\"where\":{\"state\":\"open\"}}"));
static const char firm_of_formulas[] = JSON_ENTITY(
    "firm", 7,
    JSON_FIELD("formula", "c", 2, "\"formula\":\"record.b\",\"reads\":[\"b\"],\"result\":\"text\"")
        MORE("formula", "b", 3, "\"formula\":\"record.a\",\"reads\":[\"a\",\"name\"]")
            MORE("formula", "a", 4, "\"formula\":\"1\",\"reads\":[]")
                MORE("number", "n", 5,
                     "\"required_when\":{\"a\":{\"gt\":3}},"
                     "\"visible_when\":{\"or\":[{\"name\":\"x\"},{\"a\":1}]}"));
static const char firm_in_circle[] = JSON_ENTITY(
    "firm", 7,
    JSON_FIELD("rollup", "total", 2, "\"sum\":\"order.share\"")
        MORE("formula", "rate", 3, "\"formula\":\"record.total\",\"reads\":[\"total\"]"));
static const char order_in_circle[] =
    ORDERS(MORE("formula", "share", 7, "\"formula\":\"record.most\",\"reads\":[\"most\"]")
               MORE("reference", "of", 8, "\"to\":\"order\"")
                   MORE("rollup", "most", 9, "\"max\":\"order.share\",\"via\":\"of\""));

TEST(test_rollup__has_the_kind_of_its_result)
{
    struct test_task test;
    test_task_init(&test);
    const struct model *model = make(&test, firm_of_rollups, ORDERS(""));
    const struct field *orders = field_of(model, "firm", "orders");
    check(orders->rollup != nullptr && orders->rollup->of == nullptr && orders->is_computed &&
          orders->is_indexed);
    check_int(orders->kind, FIELD_NUMBER);
    check(orders->rollup->via == field_of(model, "order", "firm"));
    const struct field *hours = field_of(model, "firm", "hours");
    check_int(hours->kind, FIELD_DECIMAL);
    check_int(hours->scale, 2);
    check_str(hours->label, S("Hours"));
    check_int(field_of(model, "firm", "price")->kind, FIELD_MONEY);
    check_int(field_of(model, "firm", "last")->kind, FIELD_DATE);
    const struct field *least = field_of(model, "firm", "least");
    check_int(least->rollup->function, ROLLUP_MIN);
    check(least->rollup->where != nullptr);
    check_int(model_entity(model, S("order"))->rollup_count, 5);
    check(model->currency == field_of(model, "settings", "currency"));
    test_task_drop(&test);
}

TEST(test_formula__is_ordered_behind_those_it_reads)
{
    struct test_task test;
    test_task_init(&test);
    const struct model *model = make(&test, firm_of_formulas, ORDERS(""));
    const struct entity *firm = model_entity(model, S("firm"));
    check_int(firm->formula_count, 3);
    check_str(firm->formulas[0]->name, S("a"));
    check_str(firm->formulas[1]->name, S("b"));
    check_str(firm->formulas[2]->name, S("c"));
    check_int(firm->formulas[2]->formula->level, 3);
    check_int(firm->formulas[2]->kind, FIELD_TEXT);
    check_int(firm->formulas[1]->formula->read_count, 2);
    const struct field *number = field_of(model, "firm", "n");
    check(number->required_when != nullptr && number->visible_when != nullptr);
    check(number->visible_when_given.len > 0);
    test_task_drop(&test);
}

static const struct {
    const char *field; /** of the firm, number 2, name `x` */
    const char *path;
    const char *code;
    const char *words;
} wrongs[] = {
    {JSON_FIELD("rollup", "x", 2, ""), "firm.x", "required", "says count, sum"},
    {JSON_FIELD("rollup", "x", 2, "\"count\":\"nothing\""), "firm.x", "required", "\"nothing\""},
    {JSON_FIELD("rollup", "x", 2, "\"count\":\"user\""), "firm.x", "reference", "no such"},
    {JSON_FIELD("rollup", "x", 2, "\"count\":\"order.hours\""), "firm.x", "required", "no field"},
    {JSON_FIELD("rollup", "x", 2, "\"sum\":\"order\""), "firm.x", "required", "of which field"},
    {JSON_FIELD("rollup", "x", 2, "\"sum\":\"order.hour\""), "firm.x", "missing", "mean hours"},
    {JSON_FIELD("rollup", "x", 2, "\"sum\":\"order.state\""), "firm.x", "type", "no meaning"},
    {JSON_FIELD("rollup", "x", 2, "\"latest\":\"order.hours\""), "firm.x", "type", "no meaning"},
    {JSON_FIELD("rollup", "x", 2, "\"count\":\"order\",\"where\":{\"stat\":\"a\"}"),
     "firm.x.where.stat", "unknown", "mean state"},
    {JSON_FIELD("rollup", "x", 2, "\"count\":\"order\",\"where\":{\"firm.name\":\"a\"}"),
     "firm.x.where", "reference", "own fields"},
    {JSON_FIELD("rollup", "x", 2, "\"count\":\"order\",\"requird\":true"), "firm.x", "unknown",
     "required"},
    {JSON_FIELD("rollup", "x", 2, "\"count\":\"order\",\"required\":true"), "firm.x", "unknown",
     "neither required"},
    {JSON_FIELD("formula", "x", 2, ""), "firm.x", "required", "a Lua expression"},
    {JSON_FIELD("formula", "x", 2, "\"formula\":\"1\",\"reads\":[\"nam\"]"), "firm.x", "missing",
     "mean name"},
    {JSON_FIELD("formula", "x", 2, "\"formula\":\"1\",\"reads\":[\"revision\"]"), "firm.x",
     "missing", "revision"},
    {JSON_FIELD("formula", "x", 2, "\"formula\":\"1\",\"reads\":[],\"result\":\"emails\""),
     "firm.x", "unknown", "number, decimal"},
    {JSON_FIELD("formula", "x", 2, "\"formula\":\"1\",\"reads\":[],\"result\":\"decimal\""),
     "firm.x", "required", "scale"},
    {JSON_FIELD("formula", "x", 2, "\"formula\":\"1\",\"reads\":[\"x\"]"), "firm.x", "circle",
     "firm.x → firm.x"},
    {JSON_FIELD("number", "x", 2, "\"required_when\":{\"nme\":1}"), "firm.x.required_when.nme",
     "unknown", "mean name"},
    {JSON_FIELD("number", "x", 2, "\"required_when\":3"), "firm.x", "type", "wrong type"},
};

TEST(test_computed__refuses_with_words)
{
    struct test_task test;
    test_task_init(&test);
    for (size_t at = 0; at < sizeof wrongs / sizeof *wrongs; at++) {
        str firm = arena_print(&test.arena, JSON_ENTITY("firm", 7, "%s") "%c", wrongs[at].field, 0);
        check(try_make(&test, firm.at, ORDERS("")) == nullptr);
        check(test.task.fault.item_count > 0);
        const struct fault_item *item = &test.task.fault.items[0];
        check_str(item->field, str_of(wrongs[at].path));
        check_str(item->code, str_of(wrongs[at].code));
        if (strstr(arena_cstring(&test.arena, item->message), wrongs[at].words) == nullptr) {
            fprintf(stderr, "wrong %zu says: %.*s\n", at, FMT(item->message));
            check(false);
        }
    }
    test_task_drop(&test);
}

TEST(test_computed__names_the_whole_circle)
{
    struct test_task test;
    test_task_init(&test);
    check(try_make(&test, firm_in_circle, order_in_circle) == nullptr);
    check_int(test.task.fault.item_count, 1);
    check_str(test.task.fault.items[0].code, S("circle"));
    const char *message = arena_cstring(&test.arena, test.task.fault.items[0].message);
    check(strstr(message, "order.share → order.most → order.share") != nullptr);
    test_task_drop(&test);
}

TEST(test_rollup__is_of_rollups_at_most_five_times)
{
    for (int steps = 5; steps <= 6; steps++) {
        struct test_task test;
        test_task_init(&test);
        struct buf fields = buf_make(&test.arena, 8 * KIB);
        for (int at = 1; at <= steps; at++) {
            if (at == 1)
                buf_print(&fields, "%s",
                          JSON_FIELD("rollup", "r1", 11, "\"count\":\"order\",\"via\":\"of\""));
            else
                buf_print(&fields,
                          ",{\"at\":\"\",\"kind\":\"rollup\",\"name\":\"r%d\",\"number\":%d,"
                          "\"attributes\":{\"sum\":\"order.r%d\",\"via\":\"of\"}}",
                          at, 10 + at, at - 1);
        }
        str order = arena_print(
            &test.arena,
            ORDERS("," JSON_FIELD("reference", "of", 8, "\"to\":\"order\"") ",%.*s") "%c",
            FMT(buf_str(&fields)), 0);
        bool is_made = try_make(&test, JSON_ENTITY("firm", 7, JSON_FIELD("text", "t", 2, "")),
                                order.at) != nullptr;
        check(is_made == (steps == 5));
        test_task_drop(&test);
    }
}
