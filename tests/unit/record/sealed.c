/* Sealed values: each opens in its own record and field alone; moved to another in the store it is
 * none. */
#include "fixture.h"
#include "record/sealed.h"

struct places {
    struct work work;
    struct fixture *fixture;
    struct id ids[2];
    uint32_t opened;
};

/** The value as sealed for the first record and field, read at every other. */
static enum err try_places(struct work *work, struct txn *txn)
{
    struct places *places = (struct places *)work;
    struct task *task = &places->fixture->test.task;
    txn_set_task(txn, task);
    const struct model *model = places->fixture->model;
    struct scope scope = scope_system();
    struct change change = {.task = task, .txn = txn, .model = model, .scope = &scope};
    const struct entity *credential = model_entity(model, S("credential"));
    const struct field *fields[] = {entity_field(model_entity(model, S("client")), S("iban")),
                                    entity_field(credential, S("secret"))};
    struct view view = change_view(&change);
    struct buf text = buf_make(task->arena, 64);
    pack_text(&text, S("DE89370400440532013000"));
    str stored;
    TRY(sealed_make(&change, fields[0], places->ids[0], buf_str(&text), &stored));
    struct value sealed = value_of(stored);
    check_int(sealed.kind, VALUE_BYTES);
    for (uint32_t field = 0; field < 2; field++)
        for (uint32_t id = 0; id < 2; id++) {
            struct value plain = sealed_plain(&view, fields[field], places->ids[id], &sealed);
            check_int(plain.kind, field == 0 && id == 0 ? VALUE_TEXT : VALUE_NIL);
            places->opened += plain.kind == VALUE_TEXT;
        }
    str moved;
    TRY(sealed_move(&change, fields[0], places->ids[0], places->ids[1], stored, &moved));
    sealed = value_of(moved);
    struct value plain = sealed_plain(&view, fields[0], places->ids[1], &sealed);
    check_str(plain.text, S("DE89370400440532013000"));
    return ERR_NONE;
}

TEST(test_sealed__opens_in_its_record_and_field_alone)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct places places = {.work = {.run = try_places, .arena = fixture.test.task.arena},
                            .fixture = &fixture,
                            .ids = {id_make(), id_make()}};
    check_int(store_write(fixture.store, &fixture.space, &places.work), ERR_NONE);
    check_int(places.opened, 1);
    fixture_drop(&fixture);
}
