#include "work/catalog.h"

#include "fixture.h"
#include "model/kind.h"

static enum err keep(struct fixture *fixture, const struct model *model)
{
    task_fault_clear(&fixture->test.task);
    struct access access = {.store = fixture->store, .model = model, .domain = S("localhost")};
    return catalog_keep(&fixture->test.task, &access);
}

/** The model with one field less, or with one of another kind. */
static const struct model *changed(struct fixture *fixture, bool is_shorter)
{
    struct arena *arena = &fixture->test.arena;
    struct model *model = arena_new(arena, struct model, 1);
    struct entity *entities = arena_new(arena, struct entity, fixture->model->entity_count);
    *model = *fixture->model;
    memcpy(entities, model->entities, model->entity_count * sizeof *entities);
    model->entities = entities;
    struct entity *entity = &entities[0];
    struct field *fields = arena_new(arena, struct field, entity->field_count);
    memcpy(fields, entity->fields, entity->field_count * sizeof *fields);
    entity->fields = fields;
    if (is_shorter) entity->field_count--;
    else fields[0].kind_of = kind_of(fields[0].kind == FIELD_DATE ? FIELD_TEXT : FIELD_DATE);
    return model;
}

TEST(test_catalog__is_kept_and_fits_itself)
{
    struct fixture fixture;
    fixture_init(&fixture);
    check_int(keep(&fixture, fixture.model), ERR_NONE);
    uint64_t commits = store_figures(fixture.store).commits;
    check_int(keep(&fixture, fixture.model), ERR_NONE);
    check_int(store_figures(fixture.store).commits, commits);
    fixture_drop(&fixture);
}

TEST(test_catalog__refuses_data_of_a_newer_program)
{
    struct fixture fixture;
    fixture_init(&fixture);
    check_int(keep(&fixture, fixture.model), ERR_NONE);
    check_int(keep(&fixture, changed(&fixture, true)), ERR_CONFLICT);
    str detail = fixture.test.task.fault.detail;
    check(memmem(detail.at, detail.len, "newer Atrium", 12) != nullptr);
    struct model fewer = *fixture.model;
    fewer.entity_count--;
    check_int(keep(&fixture, &fewer), ERR_CONFLICT);
    check_int(keep(&fixture, changed(&fixture, false)), ERR_CONFLICT);
    check_int(keep(&fixture, fixture.model), ERR_NONE);
    fixture_drop(&fixture);
}

TEST(test_catalog__grows_with_the_program)
{
    struct fixture fixture;
    fixture_init(&fixture);
    check_int(keep(&fixture, changed(&fixture, true)), ERR_NONE);
    check_int(keep(&fixture, fixture.model), ERR_NONE);
    check_int(keep(&fixture, changed(&fixture, true)), ERR_CONFLICT);
    fixture_drop(&fixture);
}
