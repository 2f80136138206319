/* A reader of few records among many finds his own, however many others have the words. */
#include "fixture.h"

#include "model/role.h"
#include "record/search.h"

constexpr uint32_t CLIENTS = 900;
constexpr uint32_t MINE = 5; /** the newest of them, which an index of words has last */

static struct fixture fixture;
static struct id me;

static const char *print(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    str text = arena_vprint(fixture.test.task.arena, format, arguments);
    va_end(arguments);
    return arena_cstring(fixture.test.task.arena, text);
}

static struct scope manager(void)
{
    struct scope scope = scope_system();
    scope.actor_kind = ACTOR_USER;
    scope.actor = me;
    scope.rows = ROWS_MANAGED;
    scope.holder_count = 1;
    scope.holders[0].bytes[0] = ROWS_MANAGED;
    memcpy(scope.holders[0].bytes + 1, me.bytes, sizeof me.bytes);
    return scope;
}

/** All have one word in their names. */
static void fill(void)
{
    fixture_init(&fixture);
    me = fixture_create(&fixture, "user", "{\"name\":\"Me\",\"email\":\"me@a.example\"}");
    for (uint32_t at = 0; at < CLIENTS; at++) {
        bool is_mine = at >= CLIENTS - MINE;
        const char *manages =
            is_mine ? print(",\"account_manager\":\"%s\"", fixture_id(&fixture, me)) : "";
        fixture_import(&fixture, "client",
                       print("{\"name\":\"House %04u\",\"kind\":\"company\"%s}", at, manages));
    }
}

static uint32_t times(str text, str word)
{
    uint32_t count = 0;
    for (;; count++) {
        const char *found = memmem(text.at, text.len, word.at, word.len);
        if (found == nullptr) return count;
        text = str_from(str_between(found, text.at + text.len), word.len);
    }
}

/** How many records of the entity a search finds. */
static uint32_t found(const struct scope *scope, const char *entity, const char *words)
{
    struct task *task = &fixture.test.task;
    struct txn *txn;
    check_int(txn_open(task, &fixture.space, &txn), ERR_NONE);
    struct view view = {task, txn, fixture.model, scope};
    struct buf json = buf_make(task->arena, 1 * MIB);
    struct search search = {.words = str_of(words), .limit = SEARCH_RESULTS_MAX};
    check_int(search_write(&json, &view, &search), ERR_NONE);
    txn_close(txn);
    return times(buf_str(&json), str_of(print("\"entity\":\"%s\"", entity)));
}

/** How many a list has, and the keys that it touches. */
static uint32_t listed(const struct scope *scope, const char *words, uint32_t *keys_out)
{
    struct task *task = &fixture.test.task;
    struct query query;
    struct query_page page;
    struct txn *txn;
    query_init(&query, model_entity(fixture.model, S("client")), scope);
    check_int(query_add(task, &query, S("limit"), S("200")), ERR_NONE);
    check_int(query_add(task, &query, S("q"), str_of(words)), ERR_NONE);
    check_int(txn_open(task, &fixture.space, &txn), ERR_NONE);
    struct view view = {task, txn, fixture.model, scope};
    check_int(query_end(&view, &query), ERR_NONE);
    task->keys_touched = 0;
    check_int(query_read(&view, &query, &page), ERR_NONE);
    *keys_out = task->keys_touched;
    txn_close(txn);
    return page.count;
}

TEST(test_search__of_few_among_many_finds_them)
{
    uint32_t keys;
    fill();
    struct scope scope = manager();
    check_int(found(&scope, "client", "house"), MINE);
    check_int(found(&scope, "client", "hou"), MINE);
    check_int(found(&scope, "client", "house 0896"), 1);
    check_int(found(&scope, "client", "house 0001"), 0);
    check_int(listed(&scope, "house", &keys), MINE);
    fprintf(stderr, "%u keys of one's own %u of %u\n", keys, MINE, CLIENTS);
    check(keys < CLIENTS / 2);
    check_int(listed(&scope, "house 0001", &keys), 0);
    fixture_drop(&fixture);
}

static const struct fixture_file files[] = {
    {"thing.lua", "return entity 'thing' { number = 10, plural = 'things', label = 'T',\n"
                  "  title = 'name',\n"
                  "  text 'name' { 1, label = 'Name', index = true, search = true },\n"
                  "  text 'note' { 2, label = 'Note', search = true, group = 'inner' },\n"
                  "}, field_group 'inner' { label = 'Inner' }\n"},
};

TEST(test_search__is_not_crowded_by_words_out_of_sight)
{
    fixture_init_schema(&fixture, files, sizeof files / sizeof *files);
    for (uint32_t at = 0; at < CLIENTS / 10; at++)
        fixture_import(&fixture, "thing", print("{\"name\":\"N%u\",\"note\":\"lobster\"}", at));
    fixture_import(&fixture, "thing", "{\"name\":\"Red lobster\"}");
    struct scope scope = scope_system();
    check(found(&scope, "thing", "lobster") > 1);
    scope.groups_seen = scope.groups_edited = 0;
    check_int(found(&scope, "thing", "lobster"), 1);
    fixture_drop(&fixture);
}
