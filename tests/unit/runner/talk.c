/* The talk: each frame that a run says, each answer it may get, and every wrong one. */
#include "runner/rule.h"

#include <signal.h>

#include "talk_test.h"

#define ID "018f0000-0000-7000-8000-000000000001"
#define OTHER "018f0000-0000-7000-8000-000000000002"

static const struct {
    const char *source;
    struct talk_step steps[5];
    const char *log;
} talks[] = {
    {"local c = db.get('client', record.parent) log(c.name, c.website, #c.tags)",
     {{"{\"ask\":\"get\",\"entity\":\"client\",\"id\":\"" OTHER "\"}",
       "{\"answer\":{\"id\":\"" OTHER "\",\"name\":\"Acme Holding\"}}"}},
     "[\"Acme Holding nil 0\"]"},
    {"log(db.get('client', '" OTHER "'), db.get('client', nil))",
     {{"{\"ask\":\"get\",\"entity\":\"client\",\"id\":\"" OTHER "\"}", "{\"answer\":null}"}},
     "[\"nil nil\"]"},
    {"local l = db.find('project', {client = record.id, n = {gt = 3}, x = null}, "
     "{sort = '-name', limit = 5}) log(#l, l[2].name)",
     {{"{\"ask\":\"find\",\"entity\":\"project\",\"where\":{\"client\":\"" ID
       "\",\"n\":{\"gt\":3},\"x\":null},\"sort\":\"-name\",\"limit\":5}",
       "{\"answer\":[{\"id\":\"a\",\"name\":\"One\"},{\"id\":\"b\",\"name\":\"Two\"}]}"}},
     "[\"2 Two\"]"},
    {"log(#db.find('project'))",
     {{"{\"ask\":\"find\",\"entity\":\"project\",\"where\":{},\"sort\":null,\"limit\":null}",
       "{\"answer\":[]}"}},
     "[\"0\"]"},
    {"log(db.count('project', {}), db.count('project', {a = {1, 2}}))",
     {{"{\"ask\":\"count\",\"entity\":\"project\",\"where\":{}}", "{\"answer\":3}"},
      {"{\"ask\":\"count\",\"entity\":\"project\",\"where\":{\"a\":[1,2]}}", "{\"answer\":0}"}},
     "[\"3 0\"]"},
    {"log(db.create('project', {name = 'x', client = record.id}).name)",
     {{"{\"ask\":\"create\",\"entity\":\"project\",\"values\":{\"client\":\"" ID
       "\",\"name\":\"x\"}}",
       "{\"answer\":{\"id\":\"c\",\"name\":\"X\"}}"}},
     "[\"X\"]"},
    {"local p = db.get('project', 'p') log(db.update('project', p, {name = null}).name)",
     {{"{\"ask\":\"get\",\"entity\":\"project\",\"id\":\"p\"}", "{\"answer\":{\"id\":\"p2\"}}"},
      {"{\"ask\":\"update\",\"entity\":\"project\",\"id\":\"p2\",\"values\":{\"name\":null}}",
       "{\"answer\":{\"id\":\"p2\"}}"}},
     "[\"nil\"]"},
    {"log(db.delete('project', 'p'), db.link('client', record, 'contacts', 'q'))",
     {{"{\"ask\":\"delete\",\"entity\":\"project\",\"id\":\"p\"}", "{\"answer\":true}"},
      {"{\"ask\":\"link\",\"entity\":\"client\",\"id\":\"" ID
       "\",\"field\":\"contacts\",\"to\":\"q\"}",
       "{\"answer\":true}"}},
     "[\"true true\"]"},
    {"local p = db.get('project', 'p') db.update(p, {name = 'x'}) db.delete(p) "
     "log(db.link(record, 'contacts', p))",
     {{"{\"ask\":\"get\",\"entity\":\"project\",\"id\":\"p\"}", "{\"answer\":{\"id\":\"p\"}}"},
      {"{\"ask\":\"update\",\"entity\":\"project\",\"id\":\"p\",\"values\":{\"name\":\"x\"}}",
       "{\"answer\":{\"id\":\"p\"}}"},
      {"{\"ask\":\"delete\",\"entity\":\"project\",\"id\":\"p\"}", "{\"answer\":true}"},
      {"{\"ask\":\"link\",\"entity\":\"client\",\"id\":\"" ID
       "\",\"field\":\"contacts\",\"to\":\"p\"}",
       "{\"answer\":true}"}},
     "[\"true\"]"},
    {"log(queue.mail {to = {'a@b.example'}, subject = 'Hi', text = 'Ho'})",
     {{"{\"ask\":\"queue\",\"kind\":\"mail\",\"given\":{\"subject\":\"Hi\",\"text\":\"Ho\","
       "\"to\":[\"a@b.example\"]}}",
       "{\"answer\":\"effect 1\"}"}},
     "[\"effect 1\"]"},
    {"queue.task {title = 'Call', due = today, assignee = actor.id} "
     "queue.notify {to = actor.id, text = 'x'} queue.start {rule = 'r', record = record.id}",
     {{"{\"ask\":\"queue\",\"kind\":\"task\",\"given\":{\"assignee\":"
       "\"018f0000-0000-7000-8000-0000000000aa\",\"due\":\"2026-11-22\",\"title\":\"Call\"}}",
       "{\"answer\":\"1\"}"},
      {"{\"ask\":\"queue\",\"kind\":\"notify\",\"given\":{\"text\":\"x\",\"to\":"
       "\"018f0000-0000-7000-8000-0000000000aa\"}}",
       "{\"answer\":\"2\"}"},
      {"{\"ask\":\"queue\",\"kind\":\"start\",\"given\":{\"record\":\"" ID "\",\"rule\":\"r\"}}",
       "{\"answer\":\"3\"}"}},
     "[]"},
    {"queue.webhook {url = 'https://x.example', headers = {Authorization = secret 'hook'}, "
     "body = {1, {key = secret 'k'}}}",
     {{"{\"ask\":\"queue\",\"kind\":\"webhook\",\"given\":{\"body\":[1,{\"key\":{\"$secret\":"
       "\"k\"}}],\"headers\":{\"Authorization\":{\"$secret\":\"hook\"}},\"url\":"
       "\"https://x.example\"}}",
       "{\"answer\":\"1\"}"}},
     "[]"},
    {"log(settings.currency, settings.title, settings.currency)",
     {{"{\"ask\":\"settings\"}", "{\"answer\":{\"currency\":\"EUR\"}}"}},
     "[\"EUR nil EUR\"]"},
    {"local ok, why = pcall(db.create, 'project', {}) log(ok, why)",
     {{"{\"ask\":\"create\",\"entity\":\"project\",\"values\":{}}",
       "{\"refused\":\"name is required\"}"}},
     "[\"false name is required\"]"},
};

TEST(test_talk__asks_what_the_script_asks)
{
    struct talk_test talk;
    talk_open(&talk);
    for (size_t at = 0; at < sizeof talks / sizeof *talks; at++) {
        str done = talk_run(&talk, talks[at].source, nullptr, talks[at].steps);
        talk_check_part(&talk, talks[at].source, done, S("message"), "null");
        talk_check_part(&talk, talks[at].source, done, S("log"), talks[at].log);
    }
    check_int(talk_close(&talk), 0);
}

TEST(test_talk__gives_a_refusal_to_the_script)
{
    struct talk_test talk;
    talk_open(&talk);
    static const struct talk_step steps[] = {
        {"{\"ask\":\"delete\",\"entity\":\"client\",\"id\":\"x\"}",
         "{\"refused\":\"There is no such record.\"}"},
        {}};
    const char *source = "\nrecord.name = 'x' db.delete('client', 'x') log('never')";
    str done = talk_run(&talk, source, nullptr, steps);
    talk_check_part(&talk, source, done, S("done"), "\"failed\"");
    talk_check_part(&talk, source, done, S("message"), "\"There is no such record.\"");
    talk_check_part(&talk, source, done, S("line"), "2");
    talk_check_part(&talk, source, done, S("changes"), "{}");
    /* An entity that is not there. */
    source = "local x = db.get('clinet', 'x').name";
    static const struct talk_step other_steps[] = {
        {"{\"ask\":\"get\",\"entity\":\"clinet\",\"id\":\"x\"}", "{\"answer\":{\"id\":\"x\"}}"},
        {}};
    done = talk_run(&talk, source, nullptr, other_steps);
    talk_check_part(&talk, source, done, S("message"), "\"There is no such entity.\"");
    check_int(talk_close(&talk), 0);
}

TEST(test_talk__ends_for_good_when_the_server_says_so)
{
    static const char *const sources[] = {
        "db.delete('client', 'x') log('never')",
        "pcall(db.delete, 'client', 'x') log('never')",
        "pcall(function() pcall(db.delete, 'client', 'x') log('never') end) log('never')",
        "while true do pcall(db.delete, 'client', 'x') end",
    };
    static const struct talk_step steps[] = {
        {"{\"ask\":\"delete\",\"entity\":\"client\",\"id\":\"x\"}",
         "{\"ended\":\"too many records are written\"}"},
        {}};
    struct talk_test talk;
    talk_open(&talk);
    for (size_t at = 0; at < sizeof sources / sizeof *sources; at++) {
        str done = talk_run(&talk, sources[at], nullptr, steps);
        talk_check_part(&talk, sources[at], done, S("done"), "\"failed\"");
        talk_check_part(&talk, sources[at], done, S("message"), "\"too many records are written\"");
        talk_check_part(&talk, sources[at], done, S("log"), "[]");
    }
    check_int(talk_close(&talk), 0);
}

TEST(test_talk__rejects_through_every_pcall)
{
    static const char *const sources[] = {
        "pcall(reject, 'no', 'name') log('never')",
        "pcall(function() pcall(reject, 'no', 'name') log('never') end) log('never')",
        "while true do pcall(reject, 'no', 'name') end",
        "pcall(function() reject('no', 'name') end) reject('other')",
        "table.sort({3, 2, 1}, function() pcall(reject, 'no', 'name') return true end)",
    };
    struct talk_test talk;
    talk_open(&talk);
    for (size_t at = 0; at < sizeof sources / sizeof *sources; at++) {
        str done = talk_run(&talk, sources[at], nullptr, nullptr);
        talk_check_part(&talk, sources[at], done, S("done"), "\"rejected\"");
        talk_check_part(&talk, sources[at], done, S("message"), "\"no\"");
        talk_check_part(&talk, sources[at], done, S("field"), "\"name\"");
        talk_check_part(&talk, sources[at], done, S("log"), "[]");
    }
    check_int(talk_close(&talk), 0);
}

/** What it asks besides sources and catalogs. */
static void hear_question(struct talk_test *talk, str *said_out)
{
    do check(talk_hear(talk, said_out));
    while (talk_answer_usual(talk, *said_out));
}

/* The source. */

/** Asks for a run and answers the question for its source with this frame. */
static bool answer_source(struct talk_test *talk, str frame, str *said_out)
{
    check(talk_say(talk, talk_rule(talk, "log(1)", nullptr)));
    check(talk_hear(talk, said_out));
    check(talk_say(talk, frame));
    return talk_hear(talk, said_out);
}

TEST(test_talk__fails_when_the_source_is_refused)
{
    struct talk_test talk;
    str done;
    talk_open(&talk);
    check(answer_source(&talk, talk_pack(&talk, "{\"refused\":\"It is gone.\"}"), &done));
    talk_check_part(&talk, "", done, S("done"), "\"failed\"");
    talk_check_part(&talk, "", done, S("message"), "\"It is gone.\"");
    /* It is asked for again, and is too long to be one. */
    struct buf frame = buf_make(&talk.test.arena, FRAME_BYTES_MAX);
    char *text = arena_take_raw(&talk.test.arena, RULE_SOURCE_BYTES_MAX + 1);
    memset(text, ' ', RULE_SOURCE_BYTES_MAX + 1);
    pack_map(&frame, 1);
    pack_text(&frame, S("answer"));
    pack_text(&frame, (str){text, RULE_SOURCE_BYTES_MAX + 1});
    check(!answer_source(&talk, buf_str(&frame), &done));
    check_int(talk_close(&talk), 1);
}

/* Garbage from the server. */

TEST(test_talk__ends_on_what_is_no_answer)
{
    static const char *const answers[] = {
        "{}",
        "[]",
        "7",
        "null",
        "{\"answer\":null,\"refused\":\"x\"}",
        "{\"refused\":7}",
        "{\"ended\":null}",
        "{\"ask\":7}",
        "{\"ask\":\"formulas\"}",
        "{\"ask\":\"rule\"}",
        "{\"ask\":\"check\",\"source\":\"\"}",
        "{\"spent_ms\":3}",
    };
    for (size_t at = 0; at < sizeof answers / sizeof *answers; at++) {
        struct talk_test talk;
        str said;
        talk_open(&talk);
        check(talk_say(&talk, talk_rule(&talk, "while true do pcall(db.count, 'x') end", nullptr)));
        hear_question(&talk, &said);
        check_str(talk_json(&talk, said), S("{\"ask\":\"count\",\"entity\":\"x\",\"where\":{}}"));
        check(talk_say(&talk, talk_pack(&talk, answers[at])));
        if (talk_hear(&talk, &said)) fprintf(stderr, "goes on after %s\n", answers[at]);
        check(!talk_hear(&talk, &said));
        check_int(talk_close(&talk), 1);
    }
}

TEST(test_talk__ends_on_bytes_that_are_no_frame)
{
    static const str frames[] = {
        S("\xc1"), /* no MessagePack */
        S("\x81\xa6"
          "answer"), /* a value is missing */
        S("\x81\xa6"
          "answer\xa1\xff"), /* no UTF-8 */
        S("\x81\xa6"
          "answer\xc0\xc0"), /* more than one value */
        S("\x81\xa6"
          "answer\xd4\x01\x01"), /* an extension */
        S("\x81\xa6"
          "answer\xdd\xff\xff\xff\xff"), /* longer than it is */
    };
    for (size_t at = 0; at < sizeof frames / sizeof *frames; at++) {
        struct talk_test talk;
        str said;
        talk_open(&talk);
        check(talk_say(&talk, talk_rule(&talk, "db.count('x')", nullptr)));
        hear_question(&talk, &said);
        check(talk_say(&talk, frames[at]));
        check(!talk_hear(&talk, &said));
        check_int(talk_close(&talk), 1);
    }
}

TEST(test_talk__ends_when_the_server_goes_away)
{
    for (int after = 0; after < 3; after++) {
        struct talk_test talk;
        str said;
        talk_open(&talk);
        check(talk_say(&talk, talk_rule(&talk, "while true do pcall(db.count, 'x') end", nullptr)));
        if (after > 0) check(talk_hear(&talk, &said));
        if (after > 1) {
            check(talk_answer_usual(&talk, said));
            check(talk_hear(&talk, &said));
        }
        /* One that writes into a closed socket is ended by SIGPIPE, as it is meant to be. */
        int status = 0;
        close(talk.socket);
        check(waitpid(talk.process, &status, 0) == talk.process);
        check((WIFEXITED(status) && WEXITSTATUS(status) == 1) ||
              (WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE));
        test_task_drop(&talk.test);
    }
}

/** A question `rule` without one of its members, or with another value of it. */
static str spoilt(struct talk_test *talk, str whole, str key, const char *json)
{
    struct value map = value_of(whole), name, value;
    struct cursor cursor = cursor_of(map.items);
    struct buf out = buf_make(&talk->test.arena, FRAME_BYTES_MAX);
    pack_map(&out, json == nullptr ? map.count - 1 : map.count);
    while (value_next(&cursor, &name) && value_next(&cursor, &value)) {
        bool is_it = str_eq(name.text, key);
        if (is_it && json == nullptr) continue;
        pack_raw(&out, name.bytes);
        pack_raw(&out, is_it ? talk_pack(talk, json) : value.bytes);
    }
    return buf_str(&out);
}

TEST(test_talk__ends_on_a_question_that_is_none)
{
    static const struct {
        str key;
        const char *json; /** nullptr: left out */
    } spoilings[] = {
        {S("ask"), "7"},        {S("ask"), "\"run\""},  {S("code"), nullptr},
        {S("code"), "\"x\""},   {S("name"), nullptr},   {S("name"), "7"},
        {S("point"), "null"},   {S("operation"), "[]"}, {S("entity"), nullptr},
        {S("model"), "\"x\""},  {S("values"), "[]"},    {S("old"), "7"},
        {S("changed"), "{}"},   {S("actor"), "\"x\""},  {S("now"), "\"x\""},
        {S("today"), nullptr},  {S("seed"), nullptr},   {S("seed"), "\"0123456789abcdef\""},
        {S("fuel"), "-1"},      {S("fuel"), "1.5"},     {S("cpu_ms"), "0"},
        {S("cpu_ms"), nullptr}, {S("model"), nullptr},
    };
    for (size_t at = 0; at < sizeof spoilings / sizeof *spoilings; at++) {
        struct talk_test talk;
        str said;
        talk_open(&talk);
        str whole = talk_rule(&talk, "log(1)", nullptr);
        check(talk_say(&talk, spoilt(&talk, whole, spoilings[at].key, spoilings[at].json)));
        if (talk_hear(&talk, &said))
            fprintf(stderr, "%.*s: %s\n", FMT(spoilings[at].key), spoilings[at].json);
        check(!talk_hear(&talk, &said));
        check_int(talk_close(&talk), 1);
    }
}

/* Catalogs. */

TEST(test_talk__ends_on_what_is_no_catalog)
{
    static const char *const catalogs[] = {
        "{\"answer\":null}",
        "{\"answer\":{}}",
        "{\"answer\":{\"fields\":{}}}",
        "{\"answer\":{\"fields\":[7]}}",
        "{\"answer\":{\"fields\":[{}]}}",
        "{\"answer\":{\"fields\":[{\"name\":\"a\"}]}}",
        "{\"answer\":{\"fields\":[{\"name\":7,\"kind\":\"text\"}]}}",
        "{\"answer\":{\"fields\":[{\"name\":\"a\",\"kind\":\"text\",\"is_list\":1}]}}",
        ("{\"answer\":{\"fields\":[{\"name\":\"a\",\"kind\":\"text\"},"
         "{\"name\":\"a\",\"kind\":\"text\"}]}}"),
    };
    for (size_t at = 0; at < sizeof catalogs / sizeof *catalogs; at++) {
        struct talk_test talk;
        str said;
        talk_open(&talk);
        check(talk_say(&talk, talk_rule(&talk, "pcall(function() log(record.name) end)", nullptr)));
        check(talk_hear(&talk, &said) && talk_answer_usual(&talk, said));
        check(talk_hear(&talk, &said));
        check_str(talk_json(&talk, said), S("{\"ask\":\"entity\",\"entity\":\"client\"}"));
        check(talk_say(&talk, talk_pack(&talk, catalogs[at])));
        if (talk_hear(&talk, &said)) fprintf(stderr, "goes on after %s\n", catalogs[at]);
        check(!talk_hear(&talk, &said));
        check_int(talk_close(&talk), 1);
    }
}

TEST(test_talk__asks_for_the_catalog_of_another_model_anew)
{
    struct talk_test talk;
    talk_open(&talk);
    for (int times = 0; times < 3; times++)
        (void)talk_run(&talk, "log(record.name)", nullptr, nullptr);
    check_int(talk.catalogs_asked, 1);
    (void)talk_run(&talk, "log(record.name)", "\"model\":8", nullptr);
    check_int(talk.catalogs_asked, 2);
    check_int(talk_close(&talk), 0);
}

TEST(test_talk__forgets_all_sources_when_there_are_too_many)
{
    struct talk_test talk;
    talk_open(&talk);
    constexpr size_t BYTES = 60 * KIB;
    const char *sources[40];
    for (size_t at = 0; at < sizeof sources / sizeof *sources; at++) {
        char *text = arena_take_raw(&talk.test.arena, BYTES);
        memset(text, ' ', BYTES);
        (void)snprintf(text, BYTES, "log(%zu) --", at);
        text[strlen(text)] = ' ';
        text[BYTES - 1] = 0;
        sources[at] = text;
        str done = talk_run(&talk, text, nullptr, nullptr);
        talk_check_part(&talk, "", done, S("done"), "\"done\"");
    }
    check_int(talk.sources_asked, 40);
    /* The last one is known, the first is asked for again. */
    (void)talk_run(&talk, sources[39], nullptr, nullptr);
    check_int(talk.sources_asked, 40);
    str done = talk_run(&talk, sources[0], nullptr, nullptr);
    talk_check_part(&talk, "", done, S("log"), "[\"0\"]");
    check_int(talk.sources_asked, 41);
    check_int(talk_close(&talk), 0);
}

TEST(test_talk__forgets_catalogs_between_runs_only)
{
    struct talk_test talk;
    talk_open(&talk);
    /* Each model has a catalog of its own; some hundreds are more than are kept. */
    for (uint32_t model = 0; model < 600; model++) {
        const char *words = arena_print(&talk.test.arena, "\"model\":%u%c", model, 0).at;
        str done = talk_run(&talk, "log(record.name, record.tags[1])", words, nullptr);
        talk_check_part(&talk, "", done, S("log"), "[\"Acme vip\"]");
    }
    check_int(talk.catalogs_asked, 600);
    check_int(talk_close(&talk), 0);
}

/* Rules within rules. */

/** Runs rules that each create a record and so cause the next, until `depth` are under way. */
static void nest(struct talk_test *talk, uint32_t depth, uint32_t most)
{
    str said;
    const char *source = arena_print(&talk->test.arena,
                                     "local made = db.create('project', {name = 'p%u'}) "
                                     "log(made.name) record.name = 'n%u'%c",
                                     depth, depth, 0)
                             .at;
    check(talk_say(talk, talk_rule(talk, source, nullptr)));
    hear_question(talk, &said);
    check_str(talk_json(talk, said),
              arena_print(&talk->test.arena,
                          "{\"ask\":\"create\",\"entity\":\"project\",\"values\":{\"name\":"
                          "\"p%u\"}}",
                          depth));
    if (depth < most) nest(talk, depth + 1, most);
    check(talk_say(talk, talk_pack(talk, arena_print(&talk->test.arena,
                                                     "{\"answer\":{\"id\":\"x\",\"name\":\"made "
                                                     "%u\"}}%c",
                                                     depth, 0)
                                             .at)));
    str done;
    check(talk_finish(talk, nullptr, &done));
    talk_check_part(talk, source, done, S("done"), "\"done\"");
    talk_check_part(talk, source, done, S("log"),
                    arena_print(&talk->test.arena, "[\"made %u\"]%c", depth, 0).at);
    talk_check_part(talk, source, done, S("changes"),
                    arena_print(&talk->test.arena, "{\"name\":\"n%u\"}%c", depth, 0).at);
}

TEST(test_talk__runs_rules_within_rules)
{
    struct talk_test talk;
    talk_open(&talk);
    nest(&talk, 1, RULE_DEPTH_MAX);
    nest(&talk, 1, 3);
    check_int(talk_close(&talk), 0);
}

TEST(test_talk__ends_when_rules_nest_too_deep)
{
    struct talk_test talk;
    str said;
    talk_open(&talk);
    for (uint32_t depth = 1; depth <= RULE_DEPTH_MAX; depth++) {
        check(talk_say(&talk, talk_rule(&talk, "db.count('x')", nullptr)));
        hear_question(&talk, &said);
    }
    check(talk_say(&talk, talk_rule(&talk, "db.count('x')", nullptr)));
    check(!talk_hear(&talk, &said));
    check_int(talk_close(&talk), 1);
}

TEST(test_talk__runs_many_rules_within_one_answer)
{
    struct talk_test talk;
    str said, done;
    talk_open(&talk);
    check(talk_say(&talk, talk_rule(&talk, "log(db.count('x'))", nullptr)));
    hear_question(&talk, &said);
    for (int times = 0; times < 50; times++) {
        static const char *const sources[] = {"record.name = 'y'", "reject('no')",
                                              "while true do end", "error({})"};
        static const char *const ends[] = {"\"done\"", "\"rejected\"", "\"overran\"", "\"failed\""};
        check(talk_say(&talk, talk_rule(&talk, sources[times % 4], "\"fuel\":10000")));
        check(talk_finish(&talk, nullptr, &done));
        talk_check_part(&talk, sources[times % 4], done, S("done"), ends[times % 4]);
    }
    check(talk_say(&talk, talk_pack(&talk, "{\"answer\":50}")));
    check(talk_finish(&talk, nullptr, &done));
    talk_check_part(&talk, "", done, S("log"), "[\"50\"]");
    check_int(talk_close(&talk), 0);
}

TEST(test_talk__ends_with_garbage_in_an_inner_rule)
{
    struct talk_test talk;
    str said;
    talk_open(&talk);
    for (int depth = 1; depth <= 3; depth++) {
        check(talk_say(&talk, talk_rule(&talk, "pcall(db.count, 'x') log('never')", nullptr)));
        hear_question(&talk, &said);
    }
    check(talk_say(&talk, S("\xc1")));
    check(!talk_hear(&talk, &said));
    check_int(talk_close(&talk), 1);
}

/* Large things. */

TEST(test_talk__refuses_to_say_what_is_too_long)
{
    struct talk_test talk;
    talk_open(&talk);
    static const struct {
        const char *source;
        const char *done;
    } long_ones[] = {
        {"local s = ('x'):rep(60000) local t = {} for i = 1, 100 do t[i] = s end record.data = t",
         "\"failed\""},
        {"local s = ('x'):rep(60000) local t = {} for i = 1, 100 do t[i] = s end "
         "db.create('project', {name = t})",
         "\"failed\""},
        {"local s = ('x'):rep(65537) record.name = s", "\"failed\""},
        {"local t = {1} for i = 1, 20 do t = {t, t} end record.data = t", "\"overran\""},
    };
    for (size_t at = 0; at < sizeof long_ones / sizeof *long_ones; at++) {
        str done = talk_run(&talk, long_ones[at].source, nullptr, nullptr);
        talk_check_part(&talk, long_ones[at].source, done, S("done"), long_ones[at].done);
        talk_check_part(&talk, long_ones[at].source, done, S("changes"), "{}");
    }
    check_int(talk_close(&talk), 0);
}
