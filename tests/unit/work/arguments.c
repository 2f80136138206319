#include "work/arguments.h"

#include <sys/mman.h>
#include <unistd.h>

#include "test.h"

static int run_nothing(struct command_place *, const struct arguments *, struct console *)
{
    return 0;
}

static const struct command commands[] = {
    {
        .name = "serve",
        .summary = "serve",
        .flags = FLAG_BIT(DATA) | FLAG_BIT(CONFIG) | FLAG_BIT(HTTP) | FLAG_BIT(THREADS) |
                 FLAG_BIT(DOMAIN),
        .flags_needed = FLAG_BIT(DATA),
        .run = run_nothing,
    },
    {
        .name = "import",
        .operand = "FILE",
        .summary = "import",
        .flags = FLAG_BIT(DATA) | FLAG_BIT(CONFIG) | FLAG_BIT(MODE) | FLAG_BIT(PREVIEW) |
                 FLAG_BIT(EMPTY) | FLAG_BIT(MAP),
        .flags_needed = FLAG_BIT(DATA),
        .run = run_nothing,
    },
    {.name = "tenant list", .summary = "list", .flags = FLAG_BIT(DATA), .run = run_nothing},
};

/** What came of some words: the outcome, the arguments, and what was printed. */
struct outcome {
    struct test_task test;
    struct arguments arguments;
    enum parsed parsed;
    char said[8000];
};

static void parse(struct outcome *outcome, const char *words, const char *variables)
{
    char text[1000], around[1000];
    char *argv[32] = {"atrium"}, *environment[32] = {};
    int argc = 1, variable_count = 0;
    snprintf(text, sizeof text, "%s", words);
    snprintf(around, sizeof around, "%s", variables);
    char *rest = nullptr;
    for (char *word = strtok_r(text, " ", &rest); word != nullptr;
         word = strtok_r(nullptr, " ", &rest))
        argv[argc++] = word;
    for (char *word = strtok_r(around, " ", &rest); word != nullptr;
         word = strtok_r(nullptr, " ", &rest))
        environment[variable_count++] = word;
    int file = memfd_create("said", 0);
    check(file >= 0);
    struct console console = {.out = file, .err = file, .file = -1, .rows = -1};
    test_task_init(&outcome->test);
    outcome->parsed = arguments_parse(&outcome->test.task, &console, commands, 3, argc, argv,
                                      environment, &outcome->arguments);
    ssize_t len = pread(file, outcome->said, sizeof outcome->said - 1, 0);
    check(len >= 0);
    outcome->said[len] = 0;
    close(file);
}

static void drop(struct outcome *outcome)
{
    test_task_drop(&outcome->test);
}

TEST(test_arguments__reads_flags_and_operands_in_any_order)
{
    struct outcome outcome;
    parse(&outcome, "import --mode=upsert a.csv --data d --preview", "");
    check_int(outcome.parsed, PARSED_RUN);
    check_str(outcome.arguments.operand, S("a.csv"));
    check_str(outcome.arguments.values[FLAG_MODE], S("upsert"));
    check_str(outcome.arguments.values[FLAG_DATA], S("d"));
    check(arguments_has(&outcome.arguments, FLAG_PREVIEW));
    check(arguments_has(&outcome.arguments, FLAG_EMPTY));
    drop(&outcome);
    parse(&outcome, "import --data d -- --odd-name.csv", "");
    check_int(outcome.parsed, PARSED_RUN);
    check_str(outcome.arguments.operand, S("--odd-name.csv"));
    drop(&outcome);
}

TEST(test_arguments__lets_flags_win_over_environment_and_file)
{
    char name[] = "/tmp/atrium-test-XXXXXX", words[200];
    int file = mkstemp(name);
    check(file >= 0);
    dprintf(file,
            "# settings\n\nhttp = 127.0.0.1:1\ndomain=file.example\nthreads = 3\nmode = create\n");
    close(file);
    struct outcome outcome;
    snprintf(words, sizeof words, "serve --data d --http 127.0.0.1:3 --config %s", name);
    parse(&outcome, words,
          "ATRIUM_HTTP=127.0.0.1:2 ATRIUM_DOMAIN=around.example ATRIUM_TENANT=other PATH=x");
    check_int(outcome.parsed, PARSED_RUN);
    check_str(outcome.arguments.values[FLAG_HTTP], S("127.0.0.1:3"));
    check_str(outcome.arguments.values[FLAG_DOMAIN], S("around.example"));
    check_int(arguments_number(&outcome.arguments, FLAG_THREADS), 3);
    drop(&outcome);
    unlink(name);
}

TEST(test_arguments__refuses_wrong_usage_with_one_line)
{
    const struct {
        const char *words, *part;
    } wrong[] = {
        {"", "give a command"},
        {"sreve --data d", "no command is called"},
        {"serve", "needs --data"},
        {"serve --data", "needs a value"},
        {"serve --data d --data e", "twice"},
        {"serve --data d extra", "one word too many"},
        {"serve --data d --mode create", "no flag --mode"},
        {"serve --data d --threads 0", "from 1 to"},
        {"serve --data d --threads x", "from 1 to"},
        {"serve --data=", "is empty"},
        {"import --data d", "needs FILE"},
        {"import --data d --mode replace f", "create|update|upsert"},
        {"import --data d --preview=maybe f", "true or false"},
        {"tenant", "tenant needs one of: "},
        {"tenant --title t", "tenant needs one of: "},
        {"tenant make x", "no command is called `tenant make`; tenant has: "},
        {"serve --data d -x", "no flag -x"},
    };
    for (size_t at = 0; at < sizeof wrong / sizeof wrong[0]; at++) {
        struct outcome outcome;
        parse(&outcome, wrong[at].words, "");
        if (outcome.parsed != PARSED_WRONG || strstr(outcome.said, wrong[at].part) == nullptr)
            fprintf(stderr, "%s: %d %s\n", wrong[at].words, outcome.parsed, outcome.said);
        check_int(outcome.parsed, PARSED_WRONG);
        check(strstr(outcome.said, wrong[at].part) != nullptr);
        check(strchr(outcome.said, '\n') == outcome.said + strlen(outcome.said) - 1);
        drop(&outcome);
    }
}

TEST(test_arguments__tells_an_unknown_setting_with_its_line)
{
    char name[] = "/tmp/atrium-test-XXXXXX", words[200];
    int file = mkstemp(name);
    check(file >= 0);
    dprintf(file, "domain = a.example\nhtttp = 127.0.0.1:1\n");
    close(file);
    struct outcome outcome;
    snprintf(words, sizeof words, "serve --data d --config %s", name);
    parse(&outcome, words, "");
    check_int(outcome.parsed, PARSED_WRONG);
    check(strstr(outcome.said, "line 2") != nullptr);
    drop(&outcome);
    unlink(name);
    parse(&outcome, words, "");
    check_int(outcome.parsed, PARSED_FAILED);
    drop(&outcome);
}

TEST(test_arguments__shows_help_for_all_and_for_each)
{
    const char *const asks[] = {"--help",     "help",          "serve --help",
                                "help serve", "tenant --help", "import -h"};
    for (size_t at = 0; at < sizeof asks / sizeof asks[0]; at++) {
        struct outcome outcome;
        parse(&outcome, asks[at], "");
        check_int(outcome.parsed, PARSED_SHOWN);
        check(strstr(outcome.said, "usage: atrium") != nullptr);
        drop(&outcome);
    }
    struct outcome outcome;
    parse(&outcome, "--version", "");
    check_int(outcome.parsed, PARSED_SHOWN);
    check(strncmp(outcome.said, "atrium ", 7) == 0);
    drop(&outcome);
}

TEST(test_arguments__travel_as_words)
{
    struct outcome outcome;
    parse(&outcome, "import --data d --mode update --preview f.csv", "");
    check_int(outcome.parsed, PARSED_RUN);
    str words[64];
    uint32_t count;
    struct arguments again;
    check(arguments_write(&outcome.test.task, &outcome.arguments, words, 64, &count));
    check(arguments_read(&outcome.test.task, commands, 3, words, count, &again));
    check(again.command == outcome.arguments.command);
    check_str(again.operand, S("f.csv"));
    for (int flag = 0; flag < FLAG_COUNT; flag++)
        check_str(again.values[flag], outcome.arguments.values[flag]);
    check(!arguments_write(&outcome.test.task, &outcome.arguments, words, 3, &count));
    str strange[] = {S("import"), S(""), S(""), S("tenant=x")};
    check(!arguments_read(&outcome.test.task, commands, 3, strange, 4, &again));
    strange[0] = S("rm");
    check(!arguments_read(&outcome.test.task, commands, 3, strange, 3, &again));
    drop(&outcome);
}
