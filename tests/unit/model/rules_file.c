/* The mode of the runner that reads the built-in rules, as the server starts it. */
#include "model/model.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model_test.h"
#include "value/value.h"

static str runner_path(void)
{
    const char *path = getenv("ATRIUM_RUNNER");
    return str_of(path != nullptr ? path : "zig-out/bin/atrium-runner");
}

/** A folder with one file; what reading it gives. */
static enum err read_one(struct test_task *test, const char *text, str *rules_out)
{
    char folder[TEST_PATH_BYTES];
    test_folder_make(folder);
    char *path = arena_cstring(&test->arena, arena_print(&test->arena, "%s/x.lua", folder));
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    check(file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text));
    close(file);
    enum err err =
        model_read_rules(&test->task, runner_path(), str_of(folder), &test->arena, rules_out);
    check(unlink(path) == 0 && rmdir(folder) == 0);
    return err;
}

static str text_of(str map, str key)
{
    struct value value;
    check(value_find_text(map, key, &value) && value.kind == VALUE_TEXT);
    return value.text;
}

TEST(test_rules_file__gives_what_the_file_declares)
{
    struct test_task test;
    test_task_init(&test);
    str rules = {};
    check_int(read_one(&test,
                       "-- A rule.\nreturn rule 'x' { priority = 7,\n"
                       "source = [[record.name = 'y']], changed = { 'name', 'kind' } }",
                       &rules),
              ERR_NONE);
    struct value list, rule, attributes, changed, priority;
    check(value_find_text(rules, S("rules"), &list) && list.kind == VALUE_LIST && list.count == 1);
    rule = value_of(list.items);
    check(str_ends(text_of(rule.bytes, S("at")), S("/x.lua:2")));
    check_str(text_of(rule.bytes, S("name")), S("x"));
    check(value_find_text(rule.bytes, S("attributes"), &attributes));
    check_str(text_of(attributes.bytes, S("source")), S("record.name = 'y'"));
    check(value_find_text(attributes.bytes, S("priority"), &priority) && priority.integer == 7);
    check(value_find_text(attributes.bytes, S("changed"), &changed) && changed.count == 2);
    test_task_drop(&test);
}

TEST(test_rules_file__reads_the_rules_of_the_product)
{
    struct test_task test;
    test_task_init(&test);
    str rules = {};
    struct value list, rule;
    enum err err = model_read_rules(&test.task, runner_path(), S("lua/rules"), &test.arena, &rules);
    if (err != ERR_NONE) fprintf(stderr, "%.*s\n", FMT(test.task.fault.detail));
    check_int(err, ERR_NONE);
    check(value_find_text(rules, S("rules"), &list) && list.kind == VALUE_LIST && list.count > 0);
    struct cursor cursor = cursor_of(list.items);
    while (value_next(&cursor, &rule)) {
        /* Its file has its name. */
        str name = text_of(rule.bytes, S("name"));
        str file = arena_print(&test.arena, "rules/%.*s.lua:", FMT(name));
        check(str_starts(text_of(rule.bytes, S("at")), file));
    }
    test_task_drop(&test);
}

TEST(test_rules_file__tells_file_and_line_of_what_it_refuses)
{
    static const struct {
        const char *text;
        const char *line;
        const char *words;
    } refused[] = {
        {"\nreturn rule 'a' { when = function() end }", "x.lua:2:", "a function stands"},
        {"return entity 'a' { }", "x.lua:1:", "entity"},
        {"return 7", "x.lua:", "no rule"},
        {"return rule 'a' { 'b' }", "x.lua:1:", "words only"},
        {"return rule 'a' { source = 7 }", "x.lua:1:", "no text"},
        {"\nreturn rule 'a' { source = [[local x = \n(]] }", "x.lua:2:", "source:2:"},
        {"return rule 'a' { source = '\x1bLua' }", "x.lua:1:", "binary"},
        {"return rule 'a' { source = 'x'..nil }", "x.lua:1:", "concatenate"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct test_task test;
        test_task_init(&test);
        str rules = {};
        check_int(read_one(&test, refused[i].text, &rules), ERR_INVALID);
        const char *said = arena_cstring(&test.arena, test.task.fault.detail);
        bool is_told =
            strstr(said, refused[i].line) != nullptr && strstr(said, refused[i].words) != nullptr;
        if (!is_told) fprintf(stderr, "%s\n  said: %s\n", refused[i].text, said);
        check(is_told && rules.len == 0);
        test_task_drop(&test);
    }
}
