/* condition: whatever a filter tree or a single filter holds, it is refused with a fault at its
 * spot or made within its bounds, and then evaluated. The first byte is the door: a tree as JSON, a
 * tree as MessagePack, or name and value of a query string with a NUL between. */
#include <stdint.h>

#include "base/fold.h"
#include "base/limits.h"
#include "base/random.h"
#include "base/require.h"
#include "record/condition.h"
#include "value/json.h"

static const struct choice choices[] = {{.value = S("active"), .label = S("Active")}};
static const struct choice_set set = {.name = S("x"), .choice_count = 1, .choices = choices};
constexpr uint32_t FIELD_COUNT = 9;
static struct field fields[FIELD_COUNT];
static struct entity entity = {.number = 10,
                               .name = S("thing"),
                               .plural = S("things"),
                               .field_count = FIELD_COUNT,
                               .fields = fields};

static void make_fields(void)
{
    static const struct {
        str name;
        enum field_kind kind;
    } made[FIELD_COUNT] = {
        {S("name"), FIELD_TEXT},     {S("status"), FIELD_CHOICE}, {S("tags"), FIELD_CHOICES},
        {S("size"), FIELD_NUMBER},   {S("price"), FIELD_MONEY},   {S("day"), FIELD_DATE},
        {S("is_on"), FIELD_BOOLEAN}, {S("emails"), FIELD_EMAILS}, {S("up"), FIELD_REFERENCE},
    };
    for (uint32_t at = 0; at < FIELD_COUNT; at++)
        fields[at] = (struct field){.entity = &entity,
                                    .kind = made[at].kind,
                                    .kind_of = kind_of(made[at].kind),
                                    .number = (uint16_t)(at + 1),
                                    .name = made[at].name,
                                    .is_indexed = at != 7,
                                    .set = &set,
                                    .to = &entity};
}

static bool check_test(void *argument, const struct condition_test *test)
{
    uint32_t *count = argument;
    require(++*count <= CONDITION_TESTS_MAX);
    require(test->field->entity == &entity && test->value_count <= CONDITION_VALUES_MAX);
    require((test->op == TEST_EMPTY) == (test->value_count == 0));
    for (uint32_t at = 0; at < test->value_count; at++)
        require(test->values[at].ordered.len > 0 &&
                test->values[at].ordered.len <= KEY_ORDERED_BYTES_MAX);
    return true;
}

static void check_made(struct task *task, const struct condition *condition)
{
    uint32_t count = 0;
    const struct field *named[CONDITION_TESTS_MAX];
    require(condition_visit(condition, &count, check_test));
    require(condition_fields(condition, named) <= FIELD_COUNT);
    /* Of a record without any value nothing behind a reference is read. */
    str slots[FIELD_COUNT] = {};
    struct view view = {.task = task};
    const struct condition *twice[] = {condition, condition};
    bool holds = condition_holds(&view, task->arena, condition, slots);
    require(condition_holds(&view, task->arena, condition_all(task->arena, twice, 2), slots) ==
            holds);
}

static void check_refused(const struct task *task)
{
    require(task->fault.item_count > 0);
    for (uint32_t at = 0; at < task->fault.item_count; at++) {
        require(utf8_is_valid(task->fault.items[at].field));
        require(utf8_is_valid(task->fault.items[at].message));
    }
}

static void try_tree(struct task *task, struct condition_form *form, str bytes)
{
    const struct condition *condition;
    struct value given = value_of(bytes);
    if (condition_read(task, form, &given, &condition)) check_made(task, condition);
    else check_refused(task);
}

static void try_named(struct task *task, struct condition_form *form, str text)
{
    str name, value, values[2];
    (void)str_cut(text, 0, &name, &value);
    bool has_two = str_cut(value, 0, &values[0], &values[1]);
    const struct condition *condition;
    if (condition_read_named(task, form, name, values, has_two ? 2 : 1, &condition))
        check_made(task, condition);
    else check_refused(task);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
    static struct arena arena;
    if (arena.soft_cap_bytes == 0) arena_init(&arena, 64 * MIB);
    if (len < 1) return 0;
    make_fields();
    random_seed(1);
    struct task task;
    task_init(&task, &arena);
    struct condition_form form = {.entity = &entity,
                                  .arena = &arena,
                                  .path = S("filter"),
                                  .sight = sight_all(),
                                  .needs_index = input[0] % 2 == 0};
    str rest = {(const char *)input + 1, len - 1};
    struct buf given = buf_make(&arena, 4 * MIB);
    if (input[0] % 3 == 0) {
        if (json_read(&task, rest, &given) == ERR_NONE) try_tree(&task, &form, buf_str(&given));
    } else if (input[0] % 3 == 1) {
        if (value_check(&task, rest) == ERR_NONE) try_tree(&task, &form, rest);
    } else if (utf8_is_valid(rest)) {
        try_named(&task, &form, rest);
    }
    arena_clear(&arena);
    return 0;
}
