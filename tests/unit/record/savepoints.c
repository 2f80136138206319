/* What a change takes back, and which rules its log names. */
#include "rig.h"

#include "base/random.h"
#include "record/group.h"
#include "record/past.h"
#include "record/show.h"

static enum err try_and_undo(struct rig *rig, struct change *change, enum hook_point point,
                             struct draft *draft)
{
    struct id id;
    if (point != HOOK_AFTER || !str_eq(draft_entity(draft)->name, S("order"))) return ERR_NONE;
    struct change_savepoint savepoint = change_savepoint(change);
    TRY(make(rig, change, "order", in(change, "{\"firm\":\"ID\",\"hours\":7}", rig->id), &id));
    change_mark(change, entity_of(rig, "order"), id, rig->id, S("Undone"));
    TRY(patch(rig, change, "firm", rig->id, "{\"note\":\"undone\"}"));
    change_mark(change, entity_of(rig, "firm"), rig->id, rig->id, S("Undone"));
    TRY(record_delete(change, draft_entity(draft), draft_id(draft), nullptr));
    change_rollback(change, &savepoint);
    /* One goes back to it as often as one likes. */
    TRY(patch(rig, change, "order", draft_id(draft), "{\"hours\":100}"));
    change_rollback(change, &savepoint);
    change_mark(change, draft_entity(draft), draft_id(draft), rig->id, S("Stands"));
    return patch(rig, change, "order", draft_id(draft), "{\"name\":\"stands\"}");
}

static enum err try_once(struct rig *rig, struct change *change, enum hook_point point,
                         struct draft *draft)
{
    return point == HOOK_AFTER && str_eq(draft_entity(draft)->name, S("order")) && rig->turns++ == 0
               ? try_and_undo(rig, change, point, draft)
               : ERR_NONE;
}

TEST(test_savepoints__take_back_what_they_tried)
{
    struct rig *rig = rig_open(true);
    rig_must(rig, make_three_orders);
    rig->then = try_once;
    rig_must(rig, make_two_orders);
    struct arena *arena = rig->fixture.test.task.arena;
    const char *shown = arena_cstring(arena, fixture_show(&rig->fixture, "firm", rig->id));
    check(strstr(shown, "\"orders\":5,\"hours\":5.00") != nullptr);
    check(strstr(shown, "\"note\":null") != nullptr);
    struct txn *txn;
    struct task *task = &rig->fixture.test.task;
    check_int(txn_open(task, &rig->fixture.space, &txn), ERR_NONE);
    struct view view = {task, txn, rig->fixture.model, &rig->fixture.scope};
    struct buf json = buf_make(arena, MIB);
    check_int(group_write(&json, &view, rig->group), ERR_NONE);
    const char *told = arena_cstring(arena, buf_str(&json));
    check(strstr(told, "\"name\":\"Stands\"}],\"counts\"") != nullptr);
    check(strstr(told, "Undone") == nullptr);
    check(strstr(told, "\"order\":{\"created\":2,\"updated\":0,\"deleted\":0}") != nullptr);
    txn_close(txn);
    rig_close(rig);
}

static enum err try_many(struct rig *rig, struct change *change)
{
    struct id id;
    for (uint32_t at = 0; at < 2 * CHANGE_WRITES_MAX; at++) {
        struct change_savepoint savepoint = change_savepoint(change);
        TRY(make(rig, change, "order", in(change, "{\"firm\":\"ID\",\"hours\":1}", rig->id), &id));
        change_rollback(change, &savepoint);
    }
    return make(rig, change, "order", in(change, "{\"firm\":\"ID\",\"hours\":1}", rig->id), &id);
}

TEST(test_savepoints__leave_no_count_of_what_was_tried)
{
    struct rig *rig = rig_open(true);
    rig_must(rig, make_three_orders);
    rig->wanted = "group";
    rig_must(rig, try_many);
    must_be(rig, "group", "0000 0111");
    const char *shown =
        arena_cstring(rig->fixture.test.task.arena, fixture_show(&rig->fixture, "firm", rig->id));
    check(strstr(shown, "\"orders\":4,\"hours\":4.00") != nullptr);
    rig_close(rig);
}

/* Marks stand exactly where rules wrote, whatever they do and take back. */

constexpr uint32_t RANDOM_RECORDS_MAX = 400;

struct known {
    const char *entity;
    struct id id;
};
static struct {
    uint32_t count;
    struct known records[RANDOM_RECORDS_MAX];
    uint32_t mark_count; /** of the change: what stands */
    struct known marks[4000];
} world;

static uint32_t pick(uint32_t below)
{
    return (uint32_t)(random_uint64() % below);
}

static enum err random_step(struct rig *rig, struct change *change, const struct id *rule)
{
    static const char *const entities[] = {"group", "firm", "order"};
    const struct known *one = &world.records[pick(world.count)];
    const struct known *target = &world.records[pick(world.count)];
    uint32_t verb = world.count < 10 ? 0 : pick(8);
    struct known made = {entities[pick(3)], {}};
    char json[200];
    str to = id_text(change->task->arena, target->id);
    const char *field = strcmp(target->entity, "firm") == 0 ? "firm" : nullptr;
    if (verb < 3) {
        if (strcmp(made.entity, "order") == 0 && field != nullptr)
            snprintf(json, sizeof json, "{\"firm\":\"%.*s\",\"hours\":%u}", FMT(to), pick(9));
        else if (strcmp(made.entity, "firm") == 0 && strcmp(target->entity, "group") == 0)
            snprintf(json, sizeof json, "{\"name\":\"F\",\"group\":\"%.*s\"}", FMT(to));
        else snprintf(json, sizeof json, "{\"name\":\"N%u\"}", pick(9));
        TRY(make(rig, change, made.entity, json, &made.id));
        if (world.count < RANDOM_RECORDS_MAX) world.records[world.count++] = made;
    } else if (verb < 7) {
        made = *one;
        if (strcmp(one->entity, "order") == 0 && field != nullptr && pick(2) == 0)
            snprintf(json, sizeof json, "{\"%s\":\"%.*s\",\"hours\":%u}",
                     pick(2) == 0 ? "payer" : "firm", FMT(to), pick(9));
        else snprintf(json, sizeof json, "{\"name\":\"N%u\"}", pick(1000));
        TRY(patch(rig, change, one->entity, one->id, json));
    } else {
        made = *one;
        TRY(record_delete(change, entity_of(rig, one->entity), one->id, nullptr));
    }
    if (rule == nullptr) return ERR_NONE;
    change_mark(change, entity_of(rig, made.entity), made.id, *rule, S("R"));
    check(world.mark_count < sizeof world.marks / sizeof *world.marks);
    world.marks[world.mark_count++] = made;
    return ERR_NONE;
}

/** Tries a step; one that fails is taken back, and some that do not are too. */
static void random_try(struct rig *rig, struct change *change, const struct id *rule)
{
    struct change_savepoint savepoint = change_savepoint(change);
    uint32_t marks = world.mark_count;
    enum err err = random_step(rig, change, rule);
    if (err == ERR_NONE && pick(4) != 0) return;
    check(err != ERR_CORRUPT && err != ERR_SYSTEM);
    change_rollback(change, &savepoint);
    change->task->fault = savepoint.fault;
    world.mark_count = marks;
}

static enum err random_hook(struct rig *rig, struct change *change, enum hook_point point,
                            struct draft *)
{
    if (point != HOOK_AFTER || rig->turns > 30) return ERR_NONE;
    for (uint32_t count = pick(3); count > 0; count--) {
        rig->turns++;
        random_try(rig, change, &rig->other);
    }
    return ERR_NONE;
}

static enum err random_body(struct rig *rig, struct change *change)
{
    for (uint32_t count = 1 + pick(4); count > 0; count--) random_try(rig, change, nullptr);
    return ERR_NONE;
}

static bool is_marked(const struct entity *entity, struct id id)
{
    for (uint32_t at = 0; at < world.mark_count; at++)
        if (id_eq(world.marks[at].id, id) && str_eq(entity->name, str_of(world.marks[at].entity)))
            return true;
    return false;
}

static void check_marks(struct rig *rig, uint64_t behind)
{
    struct txn *txn;
    struct task *task = &rig->fixture.test.task;
    check_int(txn_open(task, &rig->fixture.space, &txn), ERR_NONE);
    struct log_entry entry = {.sequence = behind};
    while (txn_log_from(txn, entry.sequence + 1, &entry) == ERR_NONE) {
        struct log_change change;
        struct id rule;
        str name;
        check(log_change_read(entry.body, &change));
        const struct entity *entity = model_entity_by_number(rig->fixture.model, entry.entity);
        bool has = log_change_rule(&change, &rule, &name);
        check_int(has, is_marked(entity, entry.record));
        if (has) check(id_eq(rule, rig->other) && str_eq(name, S("R")));
        check(!log_change_rule(&change, &rule, &name));
    }
    txn_close(txn);
    task->fault = (struct fault){};
}

static uint64_t newest_entry(struct rig *rig)
{
    struct txn *txn;
    check_int(txn_open(&rig->fixture.test.task, &rig->fixture.space, &txn), ERR_NONE);
    uint64_t newest = txn_log_newest(txn);
    txn_close(txn);
    return newest;
}

TEST(test_savepoints__marks_stand_exactly_where_rules_wrote)
{
    const char *given = getenv("ATRIUM_SEED");
    uint64_t seed = given != nullptr ? strtoull(given, nullptr, 10) : random_uint64() % 1'000'000;
    fprintf(stderr, "seed %llu (ATRIUM_SEED repeats it)\n", (unsigned long long)seed);
    random_seed(seed);
    struct rig *rig = rig_open(true);
    rig->other = id_make();
    world.records[0] = (struct known){"group", fixture_create(&rig->fixture, "group", "{}")};
    world.count = 1;
    rig->then = random_hook;
    for (int step = 0; step < 120; step++) {
        static const char *const wanted[] = {nullptr, "order", "firm", "group"};
        rig->wanted = wanted[pick(4)];
        uint64_t behind = newest_entry(rig);
        world.mark_count = 0;
        enum err err = rig_do(rig, random_body);
        if (err != ERR_NONE) fprintf(stderr, "%.*s\n", FMT(rig->task.fault.detail));
        check_int(err, ERR_NONE);
        rig_end(rig);
        check_marks(rig, behind);
    }
    rig_close(rig);
}

/* An undo knows what rules wrote. */

static enum err mark_firm(struct rig *rig, struct change *change, enum hook_point point,
                          struct draft *draft)
{
    if (point != HOOK_BEFORE) return ERR_NONE;
    struct id rule = rig->other;
    change_mark(change, draft_entity(draft), draft_id(draft), rule, S("Rule \"one\""));
    change_mark(change, draft_entity(draft), draft_id(draft), rule, S("Rule \"one\""));
    rule.bytes[0] ^= 1;
    change_mark(change, draft_entity(draft), draft_id(draft), rule, S("Two"));
    return ERR_NONE;
}

TEST(test_savepoints__history_names_rules_once_each)
{
    struct rig *rig = rig_open(true);
    rig->other = id_make();
    rig->then = mark_firm;
    rig_must(rig, make_firm);
    rig->then = nullptr;
    rig_must(rig, rename_firm);
    struct txn *txn;
    struct task *task = &rig->fixture.test.task;
    check_int(txn_open(task, &rig->fixture.space, &txn), ERR_NONE);
    struct view view = {task, txn, rig->fixture.model, &rig->fixture.scope};
    struct buf json = buf_make(task->arena, MIB);
    check_int(history_write(&json, &view, entity_of(rig, "firm"), rig->id, UINT64_MAX, 10),
              ERR_NONE);
    const char *told = arena_cstring(task->arena, buf_str(&json));
    const char *first = strstr(told, "\"rules\":[{\"id\":");
    check(first != nullptr && strstr(first + 1, "\"rules\"") == nullptr);
    check(strstr(first, "\"name\":\"Rule \\\"one\\\"\"},{\"id\":") != nullptr);
    check(strstr(first, "\"name\":\"Two\"}],\"changes\":{\"name\":{\"old\":null") != nullptr);
    txn_close(txn);
    rig_close(rig);
}
