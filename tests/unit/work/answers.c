#include "work/answers.h"

#include "fixture.h"

/** One answer put in or looked up in the tenant's lane, at a time. */
struct asking {
    struct work work;
    struct fixture *fixture;
    struct arena arena;
    struct task task;
    int64_t now_ms;
    const char *key, *asked, *body;
    uint32_t count; /** of keys made of `key` and a number, or 0: that one */
    struct answer found;
};

static enum err keep_in_lane(struct work *work, struct txn *txn)
{
    struct asking *self = (struct asking *)work;
    txn_set_task(txn, &self->task);
    for (uint32_t at = 0; at < self->count || at == 0; at++) {
        str parts[] = {str_of(self->key), {(const char *)&at, sizeof at}};
        struct hash key = hash_of(nullptr, parts, 2);
        str asked_part = str_of(self->asked);
        struct hash asked = hash_of(nullptr, &asked_part, 1);
        struct answer answer = {.status = 201,
                                .content_type = S("text/x"),
                                .body = str_of(self->body),
                                .header_count = 1,
                                .headers = {{S("etag"), S("\"1.1\"")}}};
        enum err err = answer_find(&self->task, txn, &key, &asked, &self->found);
        if (err == ERR_MISSING) err = answer_keep(&self->task, txn, &key, &asked, &answer);
        TRY(err);
    }
    return ERR_NONE;
}

/** *body_out: what was found, or empty when it was kept now. */
static enum err ask(struct asking *self, str *body_out)
{
    arena_init(&self->arena, 64 * MIB);
    task_init(&self->task, &self->arena);
    self->task.now_ms = self->now_ms;
    self->work = (struct work){.run = keep_in_lane, .arena = &self->arena};
    self->found = (struct answer){};
    enum err err = store_write(self->fixture->store, &self->fixture->space, &self->work);
    *body_out = arena_copy(&self->fixture->test.arena, self->found.body);
    if (self->found.status != 0) {
        check_int(self->found.status, 201);
        check_int(self->found.header_count, 1);
        check_str(self->found.headers[0].value, S("\"1.1\""));
    }
    arena_drop(&self->arena);
    return err;
}

/** How many rows of a kind there are. */
static uint32_t rows_of(struct fixture *fixture, enum system_row row)
{
    struct test_task test;
    struct txn *txn;
    test_task_init(&test);
    check_int(txn_open(&test.task, &fixture->space, &txn), ERR_NONE);
    uint32_t count = 0;
    str key = S(""), value;
    while (txn_system_after(txn, row, key, &test.arena, &key, &value) == ERR_NONE) count++;
    txn_close(txn);
    test_task_drop(&test);
    return count;
}

TEST(test_answers__are_kept_for_a_day)
{
    struct fixture fixture;
    fixture_init(&fixture);
    int64_t start_ms = 1'800'000'000'000;
    struct asking self = {
        .fixture = &fixture, .key = "k", .asked = "a", .body = "first", .now_ms = start_ms};
    str body;
    check_int(ask(&self, &body), ERR_NONE);
    check_str(body, S(""));
    self.body = "second";
    self.now_ms = start_ms + ANSWER_KEPT_MS - 1;
    check_int(ask(&self, &body), ERR_NONE);
    check_str(body, S("first"));
    self.asked = "b";
    check_int(ask(&self, &body), ERR_INVALID);
    self.now_ms = start_ms + ANSWER_KEPT_MS;
    check_int(ask(&self, &body), ERR_NONE);
    check_str(body, S(""));
    check_int(ask(&self, &body), ERR_NONE);
    check_str(body, S("second"));
    check_int(rows_of(&fixture, SYSTEM_ANSWER), 1);
    check_int(rows_of(&fixture, SYSTEM_ANSWER_AT), 1);
    fixture_drop(&fixture);
}

TEST(test_answers__old_ones_go_by_upkeep_and_along_with_new_ones)
{
    struct fixture fixture;
    fixture_init(&fixture);
    int64_t start_ms = 1'800'000'000'000;
    struct asking self = {.fixture = &fixture,
                          .key = "many",
                          .asked = "a",
                          .body = "x",
                          .count = 1200,
                          .now_ms = start_ms};
    str body;
    check_int(ask(&self, &body), ERR_NONE);
    check_int(rows_of(&fixture, SYSTEM_ANSWER), 1200);
    self.key = "new";
    self.count = 10;
    self.now_ms = start_ms + ANSWER_KEPT_MS;
    check_int(ask(&self, &body), ERR_NONE);
    check_int(rows_of(&fixture, SYSTEM_ANSWER), 1200 - 40 + 10);
    struct access access = {.store = fixture.store, .model = fixture.model};
    struct test_task test;
    test_task_init(&test);
    test.task.now_ms = self.now_ms;
    check_int(answers_upkeep(&test.task, &access, &fixture.space), ERR_NONE);
    check_int(rows_of(&fixture, SYSTEM_ANSWER), 10);
    check_int(rows_of(&fixture, SYSTEM_ANSWER_AT), 10);
    test_task_drop(&test);
    fixture_drop(&fixture);
}

TEST(test_answers__a_tenant_may_keep_so_many)
{
    struct fixture fixture;
    fixture_init(&fixture);
    char *large = arena_take_raw(&fixture.test.arena, 11 * MIB + 1);
    memset(large, 'x', 11 * MIB);
    large[11 * MIB] = 0;
    struct asking self = {
        .fixture = &fixture, .asked = "a", .body = large, .now_ms = 1'800'000'000'000};
    uint32_t fit = (uint32_t)(ANSWERS_BYTES_OF_TENANT_MAX / (11 * MIB));
    str body;
    char key[16];
    self.key = key;
    for (uint32_t at = 0; at < fit; at++) {
        snprintf(key, sizeof key, "%u", at);
        check_int(ask(&self, &body), ERR_NONE);
    }
    self.key = "one too many";
    check_int(ask(&self, &body), ERR_LIMITED);
    check_int(rows_of(&fixture, SYSTEM_ANSWER_AT), fit);
    self.now_ms += ANSWER_KEPT_MS;
    check_int(ask(&self, &body), ERR_NONE);
    check_int(rows_of(&fixture, SYSTEM_ANSWER_AT), fit - 4 + 1);
    fixture_drop(&fixture);
}
