/* Formulas through real runners: what they may do, and what comes of those that mean harm. */
#include "rules/formulas.h"

#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "test.h"
#include "value/json.h"
#include "value/value.h"

struct asking {
    struct test_task test;
    struct runners *runners;
    struct formula_asker *asker;
    struct space space;
};

static void asking_init(struct asking *asking)
{
    (void)signal(SIGPIPE, SIG_IGN); /* as the server does */
    const char *path = getenv("ATRIUM_RUNNER");
    *asking = (struct asking){.space.number = 7};
    test_task_init(&asking->test);
    asking->runners = runners_open(str_of(path != nullptr ? path : "zig-out/bin/atrium-runner"));
    check(asking->runners != nullptr);
    asking->asker = formulas_open(asking->runners);
}

static void asking_drop(struct asking *asking)
{
    formulas_close(asking->asker);
    runners_close(asking->runners);
    test_task_drop(&asking->test);
}

/** The value as JSON, or what it failed by behind a `!`. */
static str shown(struct asking *asking, const struct formula_answer *answer)
{
    if (answer->failure.len > 0)
        return arena_print(&asking->test.arena, "!%.*s", FMT(answer->failure));
    struct buf json = buf_make(&asking->test.arena, MIB);
    struct value value = value_of(answer->value);
    json_write(&json, &value);
    return buf_str(&json);
}

/** Asks these formulas of these records, each a JSON list of the values of a, b, … */
static void ask(struct asking *asking, const char *const *sources, uint32_t source_count,
                const char *const *records, uint32_t record_count, struct formula_answer *answers)
{
    static const str names[] = {S("a"), S("b"), S("c"), S("d")};
    struct arena *arena = &asking->test.arena;
    struct formula formulas[8];
    struct field fields[8];
    const struct field *list[8];
    str values[300];
    for (uint32_t at = 0; at < source_count; at++) {
        formulas[at] = (struct formula){.source = str_of(sources[at])};
        fields[at] = (struct field){.formula = &formulas[at]};
        list[at] = &fields[at];
    }
    for (uint32_t at = 0; at < record_count; at++) {
        struct buf out = buf_make(arena, MIB);
        check_int(json_read(&asking->test.task, str_of(records[at]), &out), ERR_NONE);
        values[at] = buf_str(&out);
    }
    struct formula_question question = {source_count, list, 4, names, record_count, values};
    const struct formulas *slot = formulas_slot(asking->asker);
    check_int(slot->evaluate(slot->owner, &asking->test.task, &asking->space, &question, answers),
              ERR_NONE);
}

static str one(struct asking *asking, const char *source, const char *record)
{
    struct formula_answer answer;
    ask(asking, &source, 1, &record, 1, &answer);
    return shown(asking, &answer);
}

static const struct {
    const char *source;
    const char *result; /** JSON; `!` and a part of what Lua says */
} examples[] = {
    {"(record.a or 0) * 2", "14"},
    {"record.a / 2", "3.5"},
    {"record.d", "null"},
    {"record.b.amount * 3", "3750"},
    {"money(record.b.amount * 2, record.b.currency).amount", "2500"},
    {"record.a > 5", "true"},
    {"record['c'] .. '!' -- a comment", "\"2026-01-31!\""},
    {"months(record.c, 1)", "\"2026-02-28\""},
    {"months(record.c, -11)", "\"2025-02-28\""},
    {"date(days(record.c) + 1)", "\"2026-02-01\""},
    {"year(record.c) * 10000 + month(record.c) * 100 + day(record.c)", "20260131"},
    {"round(2.675, 1)", "2.7"},
    {"math.floor(3.7) + math.ceil(3.2) + math.max(1, 5, 3) + math.min(4, 2) + math.abs(-1)", "15"},
    {"math.sqrt(16) + math.fmod(7, 4)", "7"},
    {"('Ab'):upper() .. string.lower('CD') .. ('xyz'):sub(2, -1) .. ('a'):rep(3)", "\"ABcdyzaaa\""},
    {"string.format('%05.1f|%d|%s|%%', 3.14159, 42, 'x')", "\"003.1|42|x|%\""},
    {"('hello'):find('l')", "3"},
    {"#('  x '):trim()", "1"},
    {"tonumber('12') + tonumber(' 0.5 ')", "12.5"},
    {"tostring(record.a) .. type(record.b)", "\"7table\""},
    {"(function() local s = 0 for _, v in ipairs({1, 2, 3}) do s = s + v end return s end)()", "6"},
    {"has({'a', 'b'}, 'b') and not has(nil, 1)", "true"},
    {"record.a +", "!unexpected symbol"},
    {"1; x = 2", "!"},
    {"record.d + 1", "!attempt to perform arithmetic on a nil value (field 'd')"},
    {"1 / 0", "!no finite number"},
    {"{1, 2}", "!a list"},
    {"function() end", "!is a function"},
    {"string.rep('x', 1e9)", "!more than 256 KiB"},
    {"date(1e9)", "!out of range"},
    {"days('2026-02-30')", "!no date"},
};

TEST(test_formulas__give_values)
{
    struct asking asking;
    asking_init(&asking);
    const char *record = "[7, {\"amount\":1250,\"currency\":\"EUR\"}, \"2026-01-31\", null]";
    for (size_t at = 0; at < sizeof examples / sizeof *examples; at++) {
        str said = one(&asking, examples[at].source, record);
        const char *result = examples[at].result;
        bool is_right = result[0] == '!'
                            ? said.at[0] == '!' && strstr(arena_cstring(&asking.test.arena, said),
                                                          result + 1) != nullptr
                            : str_eq(said, str_of(result));
        if (is_right) continue;
        fprintf(stderr, "%s gives %.*s, not %s\n", examples[at].source, FMT(said), result);
        check(false);
    }
    check_int(runners_figures(asking.runners).killed, 0);
    asking_drop(&asking);
}

/** Each fails, and the next honest one does not notice. */
static const char *const hostile[] = {
    "(function() while true do end end)()",
    "(function() local t = {} for i = 1, 1e9 do t[i] = i end end)()",
    "(function() local s = 'x' while true do s = s .. s end end)()",
    "(function() local function f() return f() + 1 end return f() end)()",
    "(function() local t = {} for k = 1, 1e8 do t[k * 131071] = k end end)()",
    "(function() for i = 1, 1e9 do string.rep('x', 60000) end end)()",
    "(function() local s = ('x'):rep(60000) for i = 1, 1e9 do local t = s .. i end end)()",
    "(function() local s = ('x'):rep(60000) local t = s .. 'y' while s < t do end end)()",
    "(function() for i = 1, 1e9 do string.format('%99.99f', 1e300) end end)()",
    "setmetatable({}, {__index = function() return 1 end}).x",
    "getmetatable('').__index.upper",
    "('x').upper == nil or (function() string.upper = nil return 1 end)()",
    "(function() math.floor = nil end)()",
    "(function() x = 1 end)()",
    "(function() _ENV = {} return x.y end)()",
    "(function() ('').x = 1 end)()",
    "load('return 1')()",
    "require('os').exit()",
    "os.exit(0)",
    "io.open('/etc/passwd')",
    "debug.getinfo(1)",
    "collectgarbage('stop')",
    "coroutine.wrap(function() end)()",
    "pcall(function() while true do end end)",
    "string.dump(function() end)",
    "('x'):gsub('[', '')",
    "#('x'):gsub('.', ('y'):rep(300000))",
    "('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'):match('.-.-.-.-.-.-b')",
    "select(-1)",
    "rawset({}, 1, 1)",
    "string.pack('i', 1)",
    "error({})",
    "1 << 1e300",
    "string.format('%s%s%s', 1)",
    "string.format('%99999d', 1)",
    "string.format('%', 1)",
};

TEST(test_formulas__that_mean_harm_fail_alone)
{
    struct asking asking;
    asking_init(&asking);
    const char *record = "[7, null, null, null]";
    for (size_t at = 0; at < sizeof hostile / sizeof *hostile; at++) {
        str said = one(&asking, hostile[at], record);
        if (said.at[0] != '!') {
            fprintf(stderr, "%s gives %.*s\n", hostile[at], FMT(said));
            check(false);
        }
        check_str(one(&asking, "record.a + #('abc'):upper()", record), S("10"));
    }
    check_int(runners_figures(asking.runners).killed, 0);
    asking_drop(&asking);
}

TEST(test_formulas__keep_nothing_from_one_record_to_the_next)
{
    struct asking asking;
    asking_init(&asking);
    const char *sources[] = {"(function() record.a = (record.a or 0) + 1 return record.a end)()",
                             "record.a",
                             "(function() local n = has({}, 1) _ENV = {} return n end)()"};
    const char *records[] = {"[1,null,null,null]", "[null,null,null,null]", "[5,null,null,null]"};
    struct formula_answer answers[9];
    ask(&asking, sources, 3, records, 3, answers);
    static const char *const expected[] = {"2",     "1", "false", "1",    "null",
                                           "false", "6", "5",     "false"};
    for (int at = 0; at < 9; at++) check_str(shown(&asking, &answers[at]), str_of(expected[at]));
    asking_drop(&asking);
}

/** Kills the runner of the only tenant from outside, as a fault in Lua itself would. */
static void kill_children(void)
{
    char command[64], line[32];
    snprintf(command, sizeof command, "pgrep -P %d atrium-runner", (int)getpid());
    FILE *list = popen(command, "r");
    check(list != nullptr);
    while (fgets(line, sizeof line, list) != nullptr) kill((pid_t)strtol(line, nullptr, 10), 9);
    pclose(list);
}

TEST(test_formulas__a_runner_that_dies_is_replaced)
{
    struct asking asking;
    asking_init(&asking);
    check_str(one(&asking, "record.a", "[3,null,null,null]"), S("3"));
    kill_children();
    struct formula_answer answers[4];
    const char *sources[] = {"record.a", "record.a + 1"};
    const char *records[] = {"[1,null,null,null]", "[2,null,null,null]"};
    ask(&asking, sources, 2, records, 2, answers);
    check_str(shown(&asking, &answers[3]), S("3"));
    struct runner_figures figures = runners_figures(asking.runners);
    check_int(figures.killed, 1);
    check_int(figures.started, 2);
    asking_drop(&asking);
}

TEST(test_formulas__without_a_program_say_so)
{
    struct asking asking;
    asking_init(&asking);
    formulas_close(asking.asker);
    runners_close(asking.runners);
    asking.runners = runners_open(S("/nowhere/atrium-runner"));
    asking.asker = formulas_open(asking.runners);
    struct formula_compiled compiled;
    const struct formulas *slot = formulas_slot(asking.asker);
    check_int(slot->compile(slot->owner, &asking.test.task, &asking.space, S("1"), &compiled),
              ERR_FULL);
    asking_drop(&asking);
}

TEST(test_formulas__one_tenant_makes_room_for_another)
{
    struct asking asking;
    asking_init(&asking);
    for (uint32_t tenant = 1; tenant <= RUNNERS_MAX + 3; tenant++) {
        asking.space.number = tenant;
        check_str(one(&asking, "record.a", "[3,null,null,null]"), S("3"));
        check(runners_figures(asking.runners).live <= RUNNERS_MAX);
    }
    check_int(runners_figures(asking.runners).started, RUNNERS_MAX + 3);
    check_int(runners_figures(asking.runners).killed, 0);
    asking_drop(&asking);
}

TEST(test_formulas__compile_names_what_they_read)
{
    struct asking asking;
    asking_init(&asking);
    const struct formulas *slot = formulas_slot(asking.asker);
    struct formula_compiled compiled;
    struct task *task = &asking.test.task;
    str source = S("record.x_a + record[\"x_b\"] -- record.x_c\n + #'record.x_d' + "
                   "({record = 1})['record'] * record . x_a");
    check_int(slot->compile(slot->owner, task, &asking.space, source, &compiled), ERR_NONE);
    check(compiled.failure.len > 0); /* `record =` is no field */
    source = S("record.x_a + record[\"x_b\"] --[[ record.x_c ]] + #'record.x_d' * x.record "
               "+ record . x_a .. [[record]]");
    check_int(slot->compile(slot->owner, task, &asking.space, source, &compiled), ERR_NONE);
    check_str(compiled.failure, S(""));
    check_int(compiled.name_count, 2);
    check_str(compiled.names[0], S("x_a"));
    check_str(compiled.names[1], S("x_b"));
    static const char *const wrong[] = {"record",  "record[a]", "f(record)",
                                        "record.", "record.1",  "record[ [[a]] ]"};
    for (size_t at = 0; at < sizeof wrong / sizeof *wrong; at++) {
        check_int(slot->compile(slot->owner, task, &asking.space, str_of(wrong[at]), &compiled),
                  ERR_NONE);
        check(compiled.failure.len > 0);
    }
    char *deep = arena_take_raw(&asking.test.arena, 5000);
    memset(deep, '(', 5000);
    check_int(slot->compile(slot->owner, task, &asking.space, (str){deep, 4000}, &compiled),
              ERR_NONE);
    check(compiled.failure.len > 0);
    check_int(slot->compile(slot->owner, task, &asking.space, (str){deep, 5000}, &compiled),
              ERR_NONE);
    check_str(compiled.failure, S("is longer than 4096 bytes"));
    check_int(runners_figures(asking.runners).killed, 0);
    asking_drop(&asking);
}

TEST(test_formulas__cost_of_a_question)
{
    if (getenv("ATRIUM_MEASURE") == nullptr) return;
    struct asking asking;
    asking_init(&asking);
    (void)one(&asking, "record.a * 2", "[3,null,null,null]");
    int64_t from = clock_monotonic_ns();
    for (int at = 0; at < 10'000; at++) {
        struct savepoint_of_test {
            struct arena arena;
        } part;
        arena_init(&part.arena, MIB);
        struct task task = {.arena = &part.arena};
        struct formula formula = {.source = S("record.a * 2")};
        struct field field = {.formula = &formula};
        const struct field *list[] = {&field};
        str names[] = {S("a")}, records[] = {S("\x91\x03")};
        struct formula_question question = {1, list, 1, names, 1, records};
        struct formula_answer answer;
        const struct formulas *slot = formulas_slot(asking.asker);
        check_int(slot->evaluate(slot->owner, &task, &asking.space, &question, &answer), ERR_NONE);
        arena_drop(&part.arena);
    }
    fprintf(stderr, "one question: %.1f us\n", (double)(clock_monotonic_ns() - from) / 1e7);
    asking_drop(&asking);
}
