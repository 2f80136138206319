#include "record/undo.h"

#include "base/random.h"
#include "fixture.h"
#include "record/past.h"

constexpr uint32_t STEPS = 60;
constexpr uint32_t IDS_MAX = 200;

/* Undoing in a lane. */

struct undo_run {
    struct work work;
    struct fixture *fixture;
    struct arena arena;
    struct task task;
    struct id group;
    struct undo undo;
};

static enum err undo_run(struct work *work, struct txn *txn)
{
    struct undo_run *run = (struct undo_run *)work;
    txn_set_task(txn, &run->task);
    struct change change = {.task = &run->task,
                            .txn = txn,
                            .model = run->fixture->model,
                            .scope = &run->fixture->scope};
    uint64_t sequences[CHANGE_WRITES_MAX];
    uint32_t count;
    struct undo_slice slice = {.group = run->group,
                               .before = UINT64_MAX,
                               .wanted = CHANGE_WRITES_MAX,
                               .max = CHANGE_WRITES_MAX};
    TRY(undo_slice_read(&run->task, txn, &slice, sequences, &count));
    run->undo.change = &change;
    TRY(undo_entries(&run->undo, sequences, count));
    return change_finish(&change);
}

static void undo_begin(struct fixture *fixture, struct id group, struct undo_run *run)
{
    *run = (struct undo_run){.fixture = fixture, .group = group};
    arena_init(&run->arena, 64 * MIB);
    task_init(&run->task, &run->arena);
    run->work = (struct work){.run = undo_run, .arena = &run->arena};
    enum err err = store_write(fixture->store, &fixture->space, &run->work);
    if (err != ERR_NONE)
        fprintf(stderr, "undo: %.*s: %.*s\n", FMT(err_slug(err)), FMT(run->task.fault.detail));
    check_int(err, ERR_NONE);
    for (uint32_t at = 0; at < run->undo.told_count; at++) {
        const struct undo_kept *kept = &run->undo.kept[at];
        fprintf(stderr, "kept %.*s.%.*s: %.*s\n", FMT(kept->entity->name),
                FMT(kept->field == nullptr ? S("*") : kept->field->name),
                FMT(undo_reason_word(kept->reason)));
    }
}

static void undo_end(struct undo_run *run)
{
    arena_drop(&run->arena);
}

/** The group of the newest entry of the log; *sequence_out is that entry. */
static struct id newest_group(struct fixture *fixture, uint64_t *sequence_out)
{
    struct txn *txn;
    struct log_entry entry;
    check_int(txn_open(&fixture->test.task, &fixture->space, &txn), ERR_NONE);
    *sequence_out = txn_log_newest(txn);
    check_int(txn_log_from(txn, *sequence_out, &entry), ERR_NONE);
    struct id group = entry.group;
    txn_close(txn);
    return group;
}

/** All records as stored, without what the engine counts by. */
static str dump(struct fixture *fixture, struct arena *arena)
{
    struct txn *txn;
    struct buf out = buf_make(arena, 16 * MIB);
    check_int(txn_open(&fixture->test.task, &fixture->space, &txn), ERR_NONE);
    for (uint32_t at = 0; at < fixture->model->entity_count; at++) {
        const struct entity *entity = &fixture->model->entities[at];
        struct scan_range all = {.is_unbounded_from = true, .is_unbounded_to = true};
        struct scan *scan = scan_records(txn, entity->number, &all);
        for (;;) {
            bool has_entry;
            struct scan_entry entry;
            check_int(scan_next(scan, &has_entry, &entry), ERR_NONE);
            if (!has_entry) break;
            struct value map = value_of(entry.value), key, item;
            struct cursor cursor = cursor_of(map.items);
            buf_print(&out, "%.*s %.*s ", FMT(entity->name), FMT(id_text(arena, entry.id)));
            for (uint32_t pair = 0; pair < map.count; pair++) {
                check(value_next(&cursor, &key) && value_next(&cursor, &item));
                if (key.integer == FIELD_REVISION || key.integer == FIELD_VERSION ||
                    key.integer == FIELD_UPDATED_AT || key.integer == FIELD_UPDATED_BY)
                    continue;
                buf_print(&out, "%lld=", (long long)key.integer);
                json_write(&out, &item);
                buf_put_byte(&out, ' ');
            }
            buf_put_byte(&out, '\n');
        }
        scan_close(scan);
    }
    txn_close(txn);
    check(!buf_is_over(&out));
    return buf_str(&out);
}

/* Random changes. */

struct world {
    struct fixture *fixture;
    struct id ids[4][IDS_MAX]; /** of clients, contacts, links, addresses; gone ones too */
    uint32_t counts[4];
};

static const char *const ENTITIES[4] = {"client", "contact", "client_contact", "address"};

static uint32_t below(uint32_t count)
{
    return (uint32_t)(random_uint64() % count);
}

static const char *pick(struct world *world, uint32_t of, char text_out[ID_TEXT_BYTES + 1])
{
    struct id id = {};
    if (world->counts[of] > 0) id = world->ids[of][below(world->counts[of])];
    id_write(id, text_out);
    text_out[ID_TEXT_BYTES] = 0;
    return text_out;
}

static void write_given(struct world *world, uint32_t of, bool is_new, char *out, size_t size)
{
    char a[ID_TEXT_BYTES + 1], b[ID_TEXT_BYTES + 1];
    const char *flag = below(2) == 0 ? "true" : "false";
    switch (of) {
    case 0:
        if (is_new)
            snprintf(out, size,
                     "{\"name\":\"C%u\",\"kind\":\"%s\",\"primary_contact\":{\"name\":\"P%u\"}%s}",
                     below(99), below(2) == 0 ? "company" : "individual", below(99),
                     below(2) == 0 ? ",\"default_address\":{\"line1\":\"S\"}" : "");
        else if (below(3) == 0)
            snprintf(out, size, "{\"primary_contact\":\"%s\"}", pick(world, 1, a));
        else
            snprintf(out, size, "{\"name\":\"C%u\",\"tags\":[\"t%u\"],\"reference\":\"r%u\"}",
                     below(9), below(5), below(6));
        break;
    case 1:
        snprintf(out, size, "{\"name\":\"K%u\",\"title\":%s}", below(99),
                 below(2) == 0 ? "null" : "\"CEO\"");
        break;
    case 2:
        snprintf(out, size, "{\"client\":\"%s\",\"contact\":\"%s\",\"is_primary\":%s}",
                 pick(world, 0, a), pick(world, 1, b), flag);
        if (!is_new) snprintf(out, size, "{\"is_primary\":true,\"role\":\"r%u\"}", below(5));
        break;
    default:
        snprintf(out, size, "{\"client\":\"%s\",\"line1\":\"L%u\",\"is_default\":%s}",
                 pick(world, 0, a), below(99), flag);
        if (!is_new && below(2) == 0) snprintf(out, size, "{\"is_default\":true}");
        break;
    }
}

/** One change, of which many are refused. */
static enum err step(struct world *world)
{
    char json[512];
    uint32_t of = below(4);
    bool is_new = world->counts[of] < 3 || below(3) == 0;
    struct fixture_change run = {.verb = "create", .entity = ENTITIES[of], .json = json};
    write_given(world, of, is_new, json, sizeof json);
    if (!is_new) {
        run.verb = below(3) == 0 ? "delete" : "patch";
        run.id = world->ids[of][below(world->counts[of])];
        if (run.verb[0] == 'd') run.json = nullptr;
    }
    enum err err = fixture_do(world->fixture, &run);
    fixture_end(&run);
    if (err == ERR_NONE && is_new && world->counts[of] < IDS_MAX)
        world->ids[of][world->counts[of]++] = run.id;
    return err;
}

TEST(test_undo__of_everything_in_reverse_leaves_the_start)
{
    const char *given = getenv("ATRIUM_SEED");
    uint64_t seed = given != nullptr ? strtoull(given, nullptr, 10) : random_uint64() >> 16 | 1;
    fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
    random_seed(seed);
    struct fixture fixture;
    fixture_init(&fixture);
    struct arena arena;
    arena_init(&arena, 256 * MIB);
    struct world world = {.fixture = &fixture};
    str states[STEPS + 1];
    struct id groups[STEPS];
    uint32_t count = 0;
    uint64_t newest = 0, before = 0;
    (void)newest_group(&fixture, &before);
    states[0] = dump(&fixture, &arena);
    while (count < STEPS) {
        if (step(&world) != ERR_NONE) continue;
        struct id group = newest_group(&fixture, &newest);
        if (newest == before) continue; /* it changed nothing */
        before = newest;
        groups[count] = group;
        states[++count] = dump(&fixture, &arena);
    }
    struct id undone[STEPS];
    while (count > 0) {
        struct undo_run run;
        undo_begin(&fixture, groups[--count], &run);
        check_int(run.undo.kept_count, 0);
        undo_end(&run);
        undone[count] = newest_group(&fixture, &newest);
        check_str(dump(&fixture, &arena), states[count]);
    }
    fixture_check(&fixture);
    /* And all of it again, by undoing what undid it. */
    while (count < STEPS) {
        struct undo_run run;
        undo_begin(&fixture, undone[count], &run);
        check_int(run.undo.kept_count, 0);
        undo_end(&run);
        check_str(dump(&fixture, &arena), states[++count]);
    }
    fixture_check(&fixture);
    arena_drop(&arena);
    fixture_drop(&fixture);
    random_seed(0);
}

TEST(test_undo__in_any_order_leaves_what_check_holds)
{
    const char *given = getenv("ATRIUM_SEED");
    uint64_t seed = given != nullptr ? strtoull(given, nullptr, 10) : random_uint64() >> 16 | 1;
    fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
    random_seed(seed);
    struct fixture fixture;
    fixture_init(&fixture);
    struct world world = {.fixture = &fixture};
    struct id groups[2 * STEPS];
    uint32_t count = 0;
    uint64_t newest = 0, before = 0;
    (void)newest_group(&fixture, &before);
    for (uint32_t at = 0; at < 4 * STEPS && count < 2 * STEPS; at++) {
        if (count > 5 && below(3) == 0) {
            struct undo_run run = {.fixture = &fixture, .group = groups[below(count)]};
            arena_init(&run.arena, 64 * MIB);
            task_init(&run.task, &run.arena);
            run.work = (struct work){.run = undo_run, .arena = &run.arena};
            enum err err = store_write(fixture.store, &fixture.space, &run.work);
            check(err == ERR_NONE || err == ERR_CONFLICT);
            undo_end(&run);
        } else if (step(&world) != ERR_NONE) {
            continue;
        }
        struct id group = newest_group(&fixture, &newest);
        if (newest == before) continue;
        before = newest;
        groups[count++] = group;
        if (count % 10 == 0) fixture_check(&fixture);
    }
    fixture_check(&fixture);
    fixture_drop(&fixture);
    random_seed(0);
}
