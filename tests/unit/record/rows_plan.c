/* A list of one's own is answered from an index: it touches about as many keys as one of all. */
#include "fixture.h"

constexpr uint32_t CLIENTS = 400;
constexpr uint32_t MINE_EACH = 40; /** one of so many is mine */
constexpr uint32_t TEAMS = 6;

static const char *print(struct fixture *fixture, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    str text = arena_vprint(fixture->test.task.arena, format, arguments);
    va_end(arguments);
    return arena_cstring(fixture->test.task.arena, text);
}

static struct scope scope_of(struct id me, uint8_t rows)
{
    struct scope scope = scope_system();
    scope.actor_kind = ACTOR_USER;
    scope.actor = me;
    scope.rows = rows;
    for (uint32_t at = 0; at < 2 + TEAMS; at++) {
        struct id who = at < 2 ? me : id_make(); /* teams that hold nothing cost a look each */
        scope.holders[at].bytes[0] = at == 0 ? ROWS_MANAGED : ROWS_SHARED;
        memcpy(scope.holders[at].bytes + 1, who.bytes, sizeof who.bytes);
        scope.holder_count++;
    }
    return scope;
}

/** Keys touched by one page of ten, whose size must be this. */
static uint32_t keys_of(struct fixture *fixture, const struct scope *scope, const char *entity,
                        const char *sort, uint32_t page_count, str *unindexed_out)
{
    struct task *task = &fixture->test.task;
    struct query query;
    struct query_page page;
    struct txn *txn;
    query_init(&query, model_entity(fixture->model, str_of(entity)), scope);
    check_int(query_add(task, &query, S("limit"), S("10")), ERR_NONE);
    check_int(query_add(task, &query, S("sort"), str_of(sort)), ERR_NONE);
    check_int(txn_open(task, &fixture->space, &txn), ERR_NONE);
    struct view view = {task, txn, fixture->model, scope};
    check_int(query_end(&view, &query), ERR_NONE);
    task->keys_touched = 0;
    check_int(query_read(&view, &query, &page), ERR_NONE);
    check_int(page.count, page_count);
    *unindexed_out = arena_copy(task->arena, page.unindexed);
    txn_close(txn);
    return task->keys_touched;
}

TEST(test_rows__of_the_client_come_from_one_index)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct id me = fixture_create(&fixture, "user", "{\"name\":\"Me\",\"email\":\"me@a.example\"}");
    const char *mine = fixture_id(&fixture, me);
    for (uint32_t at = 0; at < CLIENTS; at++) {
        const char *json =
            at % MINE_EACH == 0
                ? print(&fixture,
                        "{\"name\":\"N%04u\",\"kind\":\"company\",\"account_manager\":\"%s\"}", at,
                        mine)
                : print(&fixture, "{\"name\":\"N%04u\",\"kind\":\"company\"}", at);
        struct id client = fixture_import(&fixture, "client", json);
        if (at % MINE_EACH == 0)
            fixture_create(&fixture, "address",
                           print(&fixture, "{\"client\":\"%s\",\"line1\":\"A%04u\"}",
                                 fixture_id(&fixture, client), at));
    }
    struct scope all = scope_system(), narrow = scope_of(me, ROWS_MANAGED | ROWS_SHARED | ROWS_OWN);
    const char *const sorts[] = {"name", "-name", "updated_at", "-updated_at", "id"};
    for (uint32_t at = 0; at < sizeof sorts / sizeof *sorts; at++) {
        str unindexed;
        uint32_t whole = keys_of(&fixture, &all, "client", sorts[at], 10, &unindexed);
        uint32_t part = keys_of(&fixture, &narrow, "client", sorts[at], 10, &unindexed);
        fprintf(stderr, "%s: %u keys of all, %u of one's own\n", sorts[at], whole, part);
        check(part <= 3 * whole);
        check_str(unindexed, S(""));
    }
    /* What lies under them is found behind them, not among all. */
    str unindexed;
    uint32_t under = keys_of(&fixture, &narrow, "address", "line1", 10, &unindexed);
    fprintf(stderr, "%u keys of addresses\n", under);
    check(under < CLIENTS / 2);
    fixture_drop(&fixture);
}
