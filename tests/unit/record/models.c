/* A tenant's model: made from its records, kept by revision, held by tasks. */
#include "record/models.h"

#include "fixture.h"
#include "record/shape.h"

static const struct field *field_of(struct fixture *fixture, const char *entity, const char *name)
{
    const struct model *model = fixture_model(fixture);
    return entity_field(model_entity(model, str_of(entity)), str_of(name));
}

TEST(test_models__a_tenant_that_added_nothing_uses_the_schemas_own)
{
    struct fixture fixture;
    fixture_init(&fixture);
    check(fixture_model(&fixture) == models_base(fixture.models));
    fixture_create(&fixture, "contact", "{\"name\":\"Ann\"}");
    check(fixture_model(&fixture) == models_base(fixture.models));
    fixture_drop(&fixture);
}

TEST(test_models__a_change_of_what_shapes_it_makes_another)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_create(&fixture, "custom_field",
                   "{\"entity\":\"contact\",\"name\":\"x_age\",\"kind\":\"number\",\"min\":18}");
    const struct field *age = field_of(&fixture, "contact", "x_age");
    check(age != nullptr && age->is_custom && age->is_indexed && !age->is_building);
    check_int(age->number, FIELD_NUMBER_CUSTOM_MIN);
    check_int(age->least, 18);
    check_str(age->label, S("Age"));
    const struct model *model = fixture.model;
    fixture_create(&fixture, "contact", "{\"name\":\"Ann\",\"x_age\":30}");
    check(fixture_model(&fixture) == model);
    struct fixture_change young = {
        .verb = "create", .entity = "contact", .json = "{\"name\":\"Bo\",\"x_age\":3}"};
    check_int(fixture_do(&fixture, &young), ERR_INVALID);
    fixture_end(&young);
    fixture_check(&fixture);
    fixture_drop(&fixture);
}

TEST(test_models__a_refused_change_leaves_the_model)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_create(&fixture, "custom_field",
                   "{\"entity\":\"contact\",\"name\":\"x_a\",\"kind\":\"text\"}");
    const struct model *model = fixture_model(&fixture);
    struct fixture_change wrong = {
        .verb = "create",
        .entity = "custom_field",
        .json = "{\"entity\":\"contact\",\"name\":\"x_b\",\"kind\":\"text\",\"pattern\":\"(\"}"};
    check_int(fixture_do(&fixture, &wrong), ERR_INVALID);
    check_int(wrong.task.fault.item_count, 1);
    check_str(wrong.task.fault.items[0].field, S("pattern"));
    fixture_end(&wrong);
    check(fixture_model(&fixture) == model);
    check(field_of(&fixture, "contact", "x_b") == nullptr);
    fixture_drop(&fixture);
}

TEST(test_models__one_that_is_held_outlives_its_successors)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_create(&fixture, "custom_field",
                   "{\"entity\":\"contact\",\"name\":\"x_a\",\"kind\":\"text\"}");
    const struct model *old = fixture_model(&fixture);
    struct test_task holder;
    test_task_init(&holder);
    model_hold(&holder.task, old);
    fixture_create(&fixture, "custom_field",
                   "{\"entity\":\"contact\",\"name\":\"x_b\",\"kind\":\"text\"}");
    const struct model *new = fixture_model(&fixture);
    check(new != old && !model_is_same(new, old));
    check(entity_field(model_entity(old, S("contact")), S("x_b")) == nullptr);
    model_text_keep(new, S("once"));
    model_text_keep(new, S("twice"));
    check_str(model_text(new), S("once"));
    check_int(model_text(old).len, 0);
    test_task_drop(&holder);
    fixture_drop(&fixture);
}

/** A field by this record in this model's place. */
struct stale {
    struct work work;
    struct fixture *fixture;
    struct task *task;
    const struct model *model;
};

static enum err write_by_old_model(struct work *work, struct txn *txn)
{
    struct stale *stale = (struct stale *)work;
    txn_set_task(txn, stale->task);
    struct change change = {
        .task = stale->task, .txn = txn, .model = stale->model, .scope = &stale->fixture->scope};
    struct buf given = buf_make(stale->task->arena, 1024);
    TRY(json_read(stale->task, S("{\"name\":\"Cy\"}"), &given));
    struct value value = value_of(buf_str(&given));
    struct id id;
    TRY(record_create(&change, model_entity(stale->model, S("contact")), &value, &id));
    return change_finish(&change);
}

TEST(test_models__no_record_is_written_by_an_older_one)
{
    struct fixture fixture;
    fixture_init(&fixture);
    const struct model *old = fixture_model(&fixture);
    fixture_create(&fixture, "custom_field",
                   "{\"entity\":\"contact\",\"name\":\"x_a\",\"kind\":\"text\"}");
    struct test_task test;
    test_task_init(&test);
    struct stale stale = {
        .work = {.run = write_by_old_model}, .fixture = &fixture, .task = &test.task, .model = old};
    check_int(store_write(fixture.store, &fixture.space, &stale.work), ERR_FULL);
    stale.model = fixture_model(&fixture);
    check_int(store_write(fixture.store, &fixture.space, &stale.work), ERR_NONE);
    test_task_drop(&test);
    fixture_drop(&fixture);
}

TEST(test_models__numbers_are_never_given_twice)
{
    struct fixture fixture;
    fixture_init(&fixture);
    const char *first = "{\"entity\":\"contact\",\"name\":\"x_a\",\"kind\":\"text\"}";
    const char *second = "{\"entity\":\"contact\",\"name\":\"x_b\",\"kind\":\"text\"}";
    struct id id = fixture_create(&fixture, "custom_field", first);
    check_int(field_of(&fixture, "contact", "x_a")->number, FIELD_NUMBER_CUSTOM_MIN);
    check_int(fixture_delete(&fixture, "custom_field", id), ERR_NONE);
    const struct entity *contact = model_entity(fixture_model(&fixture), S("contact"));
    check(entity_field(contact, S("x_a")) == nullptr);
    check_str(entity_field_ever(contact, FIELD_NUMBER_CUSTOM_MIN)->name, S("x_a"));
    fixture_create(&fixture, "custom_field", second);
    check_int(field_of(&fixture, "contact", "x_b")->number, FIELD_NUMBER_CUSTOM_MIN + 1);
    /* The same name and kind is the same field again. */
    fixture_create(&fixture, "custom_field", first);
    check_int(field_of(&fixture, "contact", "x_a")->number, FIELD_NUMBER_CUSTOM_MIN);
    fixture_drop(&fixture);
}

TEST(test_models__orders_choices_by_their_position)
{
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_create(&fixture, "choice",
                   "{\"set\":\"contact.status\",\"value\":\"new\",\"label\":\"New\","
                   "\"position\":1.5}");
    fixture_create(&fixture, "choice",
                   "{\"set\":\"contact.status\",\"value\":\"last\",\"label\":\"Last\"}");
    fixture_create(&fixture, "choice",
                   "{\"set\":\"contact.status\",\"value\":\"tracking\",\"label\":\"Watched\"}");
    static const char *const values[] = {"tracking", "new", "prospect", "active", "last"};
    const struct choice_set *set = model_set(fixture_model(&fixture), S("contact.status"));
    check_int(set->choice_count, 5);
    for (uint32_t at = 0; at < 5; at++) check_str(set->choices[at].value, str_of(values[at]));
    check_str(set->choices[0].label, S("Watched"));
    fixture_drop(&fixture);
}

TEST(test_models__reads_a_damaged_ledger_as_damaged)
{
    static const char *const damaged[] = {"[]",
                                          "[1]",
                                          "{}",
                                          "[1,[],[]]",
                                          "[1,[[1]],[],[]]",
                                          "[1,[],[[1,2,3,4,5,6,7,8]],[]]",
                                          "[1,[],[],[[1,2,3,\"x\"]]]"};
    struct fixture fixture;
    fixture_init(&fixture);
    struct test_task test;
    test_task_init(&test);
    struct txn *txn;
    check_int(txn_open_dry(&test.task, &fixture.space, &txn), ERR_NONE);
    struct ledger ledger;
    check_int(ledger_read(&test.task, txn, &ledger), ERR_NONE);
    check_int(ledger.next_entity, ENTITY_NUMBER_CUSTOM_MIN);
    ledger_write(txn, &ledger);
    check_int(ledger_read(&test.task, txn, &ledger), ERR_NONE);
    for (size_t at = 0; at < sizeof damaged / sizeof *damaged; at++) {
        struct buf row = buf_make(&test.arena, 1024);
        check_int(json_read(&test.task, str_of(damaged[at]), &row), ERR_NONE);
        txn_system_put(txn, SYSTEM_MODEL, S("ledger"), buf_str(&row));
        check_int(ledger_read(&test.task, txn, &ledger), ERR_CORRUPT);
        task_fault_clear(&test.task);
    }
    txn_close(txn);
    test_task_drop(&test);
    fixture_drop(&fixture);
}
