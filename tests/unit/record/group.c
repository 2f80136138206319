#include "record/group.h"

#include "base/limits.h"
#include "fixture.h"

constexpr uint32_t PIECES = 120;

/** One contact more in a group, which others' changes cut into pieces. */
struct piece {
    struct work work;
    struct fixture *fixture;
    struct arena arena;
    struct task task;
    struct id group;
};

static enum err piece_run(struct work *work, struct txn *txn)
{
    struct piece *piece = (struct piece *)work;
    txn_set_task(txn, &piece->task);
    struct change change = {.task = &piece->task,
                            .txn = txn,
                            .model = piece->fixture->model,
                            .scope = &piece->fixture->scope,
                            .group = piece->group};
    struct buf given = buf_make(&piece->arena, 64);
    pack_map(&given, 1);
    pack_text(&given, S("name"));
    pack_text(&given, S("Ann"));
    struct value value = value_of(buf_str(&given));
    struct id id;
    TRY(record_create(&change, model_entity(piece->fixture->model, S("contact")), &value, &id));
    return change_finish(&change);
}

static enum err told(struct fixture *fixture, struct id group, uint32_t keys_max, str *json_out)
{
    struct task *task = &fixture->test.task;
    struct txn *txn;
    struct buf json = buf_make(task->arena, 1 * MIB);
    task->fault = (struct fault){};
    task->keys_max = keys_max;
    task->keys_touched = 0;
    check_int(txn_open(task, &fixture->space, &txn), ERR_NONE);
    struct view view = {task, txn, fixture->model, &fixture->scope};
    enum err err = group_write(&json, &view, group);
    txn_close(txn);
    task->keys_max = 0;
    *json_out = buf_str(&json);
    return err;
}

TEST(test_group__one_in_many_pieces_is_left_to_a_worker)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct id group = id_make();
    for (uint32_t at = 0; at < PIECES; at++) {
        struct piece piece = {.fixture = &fixture, .group = group};
        arena_init(&piece.arena, 4 * MIB);
        task_init(&piece.task, &piece.arena);
        piece.work = (struct work){.run = piece_run, .arena = &piece.arena};
        check_int(store_write(fixture.store, &fixture.space, &piece.work), ERR_NONE);
        arena_drop(&piece.arena);
        (void)fixture_create(&fixture, "contact", "{\"name\": \"Bob\"}");
    }
    str json;
    check_int(told(&fixture, group, LOOP_KEYS_MAX, &json), ERR_TOO_LARGE);
    check_int(told(&fixture, group, WORKER_KEYS_MAX, &json), ERR_NONE);
    char *text = arena_cstring(fixture.test.task.arena, json);
    check(strstr(text, "\"entries\":120,\"counted\":120") != nullptr);
    fixture_drop(&fixture);
}
