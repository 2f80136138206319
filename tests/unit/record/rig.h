/** rig: a fixture whose changes ask hooks that are no rules but functions, and keep what they were
 *  asked. */
#pragma once

#include "fixture.h"

static const char group_file[] =
    "return entity 'group' { number = 9, plural = 'circles', label = 'G', title = 'name',\n"
    "  text 'name' { 1, label = 'Name' },\n"
    "  rollup 'firms' { 2, count = 'firm' },\n"
    "  rollup 'hours' { 3, sum = 'firm.hours' },\n"
    "}\n";
static const char firm_file[] =
    "return entity 'firm' { number = 10, plural = 'firms', label = 'F', title = 'name', actions = "
    "{ 'archive' },\n"
    "  text 'name' { 1, label = 'Name', required = true },\n"
    "  reference 'group' { 2, to = 'group', on_delete = 'cascade' },\n"
    "  rollup 'orders' { 3, count = 'order', via = 'firm' },\n"
    "  rollup 'hours' { 4, sum = 'order.hours', via = 'firm' },\n"
    "  references 'friends' { 5, to = 'firm' },\n"
    "  text 'note' { 6 },\n"
    "  time 'archived_at' { 7, label = 'Archived', index = true, computed = true },\n"
    "}\n";
static const char order_file[] =
    "return entity 'order' { number = 11, plural = 'orders', label = 'O', title = 'name',\n"
    "  text 'name' { 1, label = 'Name' },\n"
    "  reference 'firm' { 2, to = 'firm', on_delete = 'cascade' },\n"
    "  reference 'payer' { 3, to = 'firm', on_delete = 'detach' },\n"
    "  decimal 'hours' { 4, scale = 2 },\n"
    "  date 'due' { 5 },\n"
    "}\n";

constexpr uint32_t CALLS_MAX = 20'000;

struct call {
    enum hook_point point;
    const struct entity *entity;
    struct id id;
    enum operation operation;
    bool is_by_engine;
};

struct rig;
typedef enum err rig_hook(struct rig *rig, struct change *change, enum hook_point point,
                          struct draft *draft);
typedef enum err rig_body(struct rig *rig, struct change *change);

struct rig {
    struct work work;
    struct fixture fixture;
    struct arena arena;
    struct task task;
    struct hooks hooks;
    rig_hook *then;
    rig_body *body;
    struct id group;
    struct id id, other; /** for bodies and hooks */
    const char *wanted;  /** the one entity that has rules; nullptr: all have */
    uint32_t call_count;
    uint32_t asked_count; /** of `wants` */
    int turns;
    struct call calls[CALLS_MAX];
};

static enum err rig_run(void *owner, struct change *change, enum hook_point point,
                        struct draft *draft)
{
    struct rig *rig = owner;
    check(rig->call_count < CALLS_MAX);
    check(!id_is_nil(change->group));
    check_int(change->depth, 0);
    check_str(change->task->path, S(""));
    rig->calls[rig->call_count++] =
        (struct call){point, draft_entity(draft), draft_id(draft), draft_operation(draft),
                      draft_is_by_engine(draft)};
    return rig->then == nullptr ? ERR_NONE : rig->then(rig, change, point, draft);
}

static bool rig_wants(void *owner, struct change *, enum hook_point, const struct entity *entity)
{
    struct rig *rig = owner;
    rig->asked_count++;
    return rig->wanted == nullptr || str_eq(entity->name, str_of(rig->wanted));
}

[[maybe_unused]] static struct rig *rig_open(bool has_own_schema)
{
    static const struct fixture_file files[] = {
        {"group.lua", group_file}, {"firm.lua", firm_file}, {"order.lua", order_file}};
    struct rig *rig = memory_take(sizeof *rig);
    if (has_own_schema) fixture_init_schema(&rig->fixture, files, sizeof files / sizeof *files);
    else fixture_init(&rig->fixture);
    rig->hooks = (struct hooks){.owner = rig, .run = rig_run, .wants = rig_wants};
    return rig;
}

[[maybe_unused]] static void rig_close(struct rig *rig)
{
    fixture_check(&rig->fixture);
    fixture_drop(&rig->fixture);
    memory_give(rig);
}

static enum err rig_work(struct work *work, struct txn *txn)
{
    struct rig *rig = (struct rig *)work;
    txn_set_task(txn, &rig->task);
    struct change change = {.task = &rig->task,
                            .txn = txn,
                            .model = rig->fixture.model,
                            .scope = &rig->fixture.scope,
                            .hooks = &rig->hooks};
    enum err err = rig->body(rig, &change);
    if (err == ERR_NONE) err = change_finish(&change);
    rig->group = change.group;
    return err;
}

/** One change of what `body` does; the calls are those of it. rig_end lets go of its faults. */
[[maybe_unused]] static enum err rig_do(struct rig *rig, rig_body *body)
{
    rig->call_count = rig->asked_count = 0;
    rig->turns = 0;
    rig->body = body;
    arena_init(&rig->arena, 64 * MIB);
    task_init(&rig->task, &rig->arena);
    rig->work = (struct work){.run = rig_work, .arena = &rig->arena};
    return store_write(rig->fixture.store, &rig->fixture.space, &rig->work);
}

[[maybe_unused]] static void rig_end(struct rig *rig)
{
    arena_drop(&rig->arena);
}

[[maybe_unused]] static void rig_must(struct rig *rig, rig_body *body)
{
    enum err err = rig_do(rig, body);
    if (err != ERR_NONE) fprintf(stderr, "%.*s\n", FMT(rig->task.fault.detail));
    for (uint32_t at = 0; at < rig->task.fault.item_count; at++)
        fprintf(stderr, "  %.*s %.*s\n", FMT(rig->task.fault.items[at].field),
                FMT(rig->task.fault.items[at].message));
    check_int(err, ERR_NONE);
    rig_end(rig);
}

[[maybe_unused]] static const struct entity *entity_of(const struct rig *rig, const char *name)
{
    const struct entity *entity = model_entity(rig->fixture.model, str_of(name));
    check(entity != nullptr);
    return entity;
}

[[maybe_unused]] static struct value value_from(struct change *change, const char *json)
{
    struct buf given = buf_make(change->task->arena, MIB);
    check_int(json_read(change->task, str_of(json), &given), ERR_NONE);
    return value_of(buf_str(&given));
}

/** In a body or hook. */
[[maybe_unused]] static enum err make(struct rig *rig, struct change *change, const char *entity,
                                      const char *json, struct id *id_out)
{
    struct value given = value_from(change, json);
    return record_create(change, entity_of(rig, entity), &given, id_out);
}

[[maybe_unused]] static enum err patch(struct rig *rig, struct change *change, const char *entity,
                                       struct id id, const char *json)
{
    struct value given = value_from(change, json);
    return record_patch(change, entity_of(rig, entity), id, &given, nullptr);
}

[[maybe_unused]] static const char *in(struct change *change, const char *format, struct id id)
{
    str text = id_text(change->task->arena, id);
    const char *at = strstr(format, "ID");
    return arena_cstring(change->task->arena,
                         arena_print(change->task->arena, "%.*s%.*s%s", (int)(at - format), format,
                                     FMT(text), at + 2));
}

/** How often one point was asked of the records of an entity. */
[[maybe_unused]] static int calls(const struct rig *rig, enum hook_point point, const char *entity,
                                  bool by_engine)
{
    int count = 0;
    for (uint32_t at = 0; at < rig->call_count; at++) {
        const struct call *call = &rig->calls[at];
        count += call->point == point && call->is_by_engine == by_engine &&
                 str_eq(call->entity->name, str_of(entity));
    }
    return count;
}

/** before, after, check, settled by somebody; then by the engine. */
[[maybe_unused]] static void must_be(const struct rig *rig, const char *entity, const char *digits)
{
    char is[16] = {};
    for (int at = 0; at < 8; at++)
        is[at + (at > 3)] = (char)('0' + calls(rig, (enum hook_point)(at % 4), entity, at > 3));
    is[4] = ' ';
    if (strcmp(is, digits) != 0) fprintf(stderr, "%s: ", entity);
    check_str(str_of(is), str_of(digits));
}

/* Bodies that several files use. */

[[maybe_unused]] static enum err make_firm(struct rig *rig, struct change *change)
{
    return make(rig, change, "firm", "{\"name\":\"A\"}", &rig->id);
}

[[maybe_unused]] static enum err rename_firm(struct rig *rig, struct change *change)
{
    return patch(rig, change, "firm", rig->id, "{\"name\":\"B\"}");
}

[[maybe_unused]] static enum err make_orders(struct rig *rig, struct change *change, int count)
{
    struct id order;
    for (int at = 0; at < count; at++)
        TRY(make(rig, change, "order", in(change, "{\"firm\":\"ID\",\"hours\":1}", rig->id),
                 &order));
    return ERR_NONE;
}

/** Of a firm in a group, which it makes too. */
[[maybe_unused]] static enum err make_three_orders(struct rig *rig, struct change *change)
{
    TRY(make(rig, change, "group", "{\"name\":\"G\"}", &rig->other));
    TRY(make(rig, change, "firm", in(change, "{\"name\":\"A\",\"group\":\"ID\"}", rig->other),
             &rig->id));
    return make_orders(rig, change, 3);
}

[[maybe_unused]] static enum err make_two_orders(struct rig *rig, struct change *change)
{
    return make_orders(rig, change, 2);
}
