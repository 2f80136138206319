#include "record/rows.h"

#include "base/require.h"
#include "value/key.h"

static bool sees_all(const struct view *view, const struct entity *entity)
{
    return entity->own_unless == nullptr || view->scope->actor_kind != ACTOR_USER;
}

bool rows_see(const struct view *view, const struct entity *entity, str value)
{
    if (sees_all(view, entity)) return true;
    struct value maker, flag;
    struct id id;
    bool is_shared = value_find(value, entity->own_unless->number, &flag) &&
                     flag.kind == VALUE_BOOL && flag.boolean;
    return is_shared || (value_find(value, FIELD_CREATED_BY, &maker) && maker.kind == VALUE_BYTES &&
                         id_of_bytes(maker.text, &id) && id_eq(id, view->scope->actor));
}

static struct condition equals(struct arena *arena, const struct field *field, str ordered)
{
    struct condition_test *test = arena_new(arena, struct condition_test, 1);
    struct test_value *value = arena_new(arena, struct test_value, 1);
    *value = (struct test_value){.ordered = ordered};
    *test = (struct condition_test){
        .field = field, .op = TEST_EQUAL, .value_count = 1, .values = value, .path = field->name};
    return (struct condition){.kind = CONDITION_TEST, .test = test};
}

const struct condition *rows_condition(const struct view *view, const struct entity *entity)
{
    if (sees_all(view, entity)) return nullptr;
    struct arena *arena = view->task->arena;
    struct buf shared = buf_make(arena, 8);
    key_put_bool(&shared, true);
    struct condition *items = arena_new(arena, struct condition, 2);
    const struct field *maker = entity_field_by_number(entity, FIELD_CREATED_BY);
    items[0] = equals(arena, maker, arena_copy(arena, id_bytes(&view->scope->actor)));
    items[1] = equals(arena, entity->own_unless, buf_str(&shared));
    struct condition *either = arena_new(arena, struct condition, 1);
    *either = (struct condition){.kind = CONDITION_ANY, .item_count = 2, .items = items};
    return either;
}

bool rows_see_entry(const struct view *view, const struct entity *entity,
                    const struct log_entry *entry)
{
    if (sees_all(view, entity)) return true;
    str value;
    enum err err = txn_record_get_view(view->txn, entity->number, entry->record, &value);
    return err == ERR_NONE ? rows_see(view, entity, value)
                           : id_eq(entry->actor, view->scope->actor);
}

bool rows_see_id(const struct view *view, const struct entity *entity, struct id id)
{
    struct log_entry newest;
    if (sees_all(view, entity)) return true;
    return txn_log_of_record(view->txn, entity->number, id, UINT64_MAX, &newest) == ERR_NONE &&
           rows_see_entry(view, entity, &newest);
}
