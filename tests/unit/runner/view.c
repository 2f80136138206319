/* The reference: that every line of it is true, and that nothing is there without it. */
#include "runner/view.h"

#include <lauxlib.h>

#include "runner/budget.h"
#include "runner/objects.h"
#include "talk_test.h"

TEST(test_view__every_example_is_true)
{
    struct talk_test talk;
    int count = 0;
    talk_open(&talk);
    for (uint32_t of = 0; of < view_part_count; of++) {
        for (uint32_t at = 0; at < view_parts[of]->count; at++) {
            const struct view_name *row = &view_parts[of]->names[at];
            check(row->signature != nullptr && row->text != nullptr);
            if (row->example == nullptr) continue;
            const char *source =
                arena_print(&talk.test.arena, "if not (%s) then reject('it is not so') end%c",
                            row->example, 0)
                    .at;
            str done = talk_run_answered(&talk, source, "\"input\":{\"copies\":2}");
            talk_check_part(&talk, source, done, S("message"), "null");
            talk_check_part(&talk, source, done, S("done"), "\"done\"");
            count++;
        }
    }
    check(count > 110);
    check_int(talk_close(&talk), 0);
}

TEST(test_view__tells_every_name_once)
{
    for (uint32_t of = 0; of < view_part_count; of++)
        for (uint32_t at = 0; at < view_parts[of]->count; at++) {
            const struct view_name *row = &view_parts[of]->names[at];
            check(view_find(str_of(row->table), str_of(row->name)) == row);
        }
    check(view_find(S(""), S("load")) == nullptr && view_find(S("string"), S("dump")) == nullptr);
    check(view_has_table(S("db")) && !view_has_table(S("")) && !view_has_table(S("os")));
}

TEST(test_view__writes_the_reference_as_json)
{
    struct test_task test;
    struct value names, row, name;
    uint32_t count = 0;
    test_task_init(&test);
    struct buf json = buf_make(&test.arena, 1 * MIB), packed = buf_make(&test.arena, 1 * MIB);
    view_reference(&json);
    check_int(json_read(&test.task, buf_str(&json), &packed), ERR_NONE);
    check(value_find_text(buf_str(&packed), S("names"), &names) && names.kind == VALUE_LIST);
    struct cursor cursor = cursor_of(names.items);
    while (value_next(&cursor, &row)) {
        check(value_find_text(row.bytes, S("name"), &name) && name.kind == VALUE_TEXT);
        check(value_find_text(row.bytes, S("signature"), &name) && name.kind == VALUE_TEXT);
        check(value_find_text(row.bytes, S("text"), &name) && name.kind == VALUE_TEXT);
        count++;
    }
    uint32_t rows = 0;
    for (uint32_t of = 0; of < view_part_count; of++) rows += view_parts[of]->count;
    check_int(count, rows);
    test_task_drop(&test);
}

/* What a script sees and nobody tells of. */

static void check_told(lua_State *state, const char *table)
{
    lua_pushnil(state);
    while (lua_next(state, -2) != 0) {
        check(lua_type(state, -2) == LUA_TSTRING);
        str name = str_of(lua_tostring(state, -2));
        bool is_told =
            view_find(str_of(table), name) != nullptr || (table == nullptr && view_has_table(name));
        if (!is_told) fprintf(stderr, "nothing tells of `%.*s`\n", FMT(name));
        check(is_told);
        lua_pop(state, 1);
    }
}

static int look(lua_State *state)
{
    view_push(state);
    check_told(state, nullptr);
    return 0;
}

TEST(test_view__holds_nothing_untold)
{
    struct budget budget = {.fuel_max = 1'000'000, .bytes_max = RULE_BYTES_MAX};
    lua_State *state = budget_open_state(&budget);
    check(state != nullptr);
    lua_pushcfunction(state, look);
    check_int(lua_pcall(state, 0, 0, 0), LUA_OK);
    lua_close(state);
}

TEST(test_view__lacks_what_breaks_lua)
{
    static const char *const absent[] = {
        "setmetatable",
        "getmetatable",
        "rawset",
        "rawget",
        "rawequal",
        "rawlen",
        "load",
        "loadstring",
        "dofile",
        "loadfile",
        "require",
        "coroutine",
        "debug",
        "io",
        "os",
        "package",
        "collectgarbage",
        "xpcall",
        "print",
        "warn",
        "_G",
        "string.dump",
        "string.pack",
        "string.unpack",
        "string.packsize",
        "table.move",
    };
    struct talk_test talk;
    talk_open(&talk);
    for (size_t at = 0; at < sizeof absent / sizeof *absent; at++) {
        const char *source =
            arena_print(&talk.test.arena, "if %s ~= nil then reject('it is there') end%c",
                        absent[at], 0)
                .at;
        str done = talk_run(&talk, source, nullptr, nullptr);
        talk_check_part(&talk, source, done, S("done"), "\"done\"");
    }
    check_int(talk_close(&talk), 0);
}

TEST(test_view__walks_a_record_in_the_order_of_names)
{
    struct talk_test talk;
    talk_open(&talk);
    const char *source = "record.name = nil record.website = 'w' local all = {} "
                         "for name, value in pairs(record) do all[#all + 1] = name end "
                         "log(table.concat(all, ' ')) "
                         "for name, value in pairs(old) do log(name, value) end";
    str done = talk_run(&talk, source, nullptr, nullptr);
    talk_check_part(&talk, source, done, S("message"), "null");
    talk_check_part(&talk, source, done, S("log"),
                    "[\"archived emails employees id notes parent revenue score status tags "
                    "website\",\"emails []\",\"id 018f0000-0000-7000-8000-000000000001\",\"name "
                    "Acme\",\"status lead\",\"tags []\"]");
    check_int(talk_close(&talk), 0);
}
