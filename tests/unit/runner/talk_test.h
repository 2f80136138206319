/** talk_test: a runner in a process of its own, and the test as the server that it talks to.
 *
 *  Frames are said as JSON. Sources and catalogs are answered here; every other question is one
 *  step of what the test expects, in order.
 */
#pragma once

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/crypto.h"
#include "runner/rule.h"
#include "test.h"
#include "value/frame.h"
#include "value/json.h"
#include "value/value.h"

/** A question of the runner and what it is answered; ends with an empty one. */
struct talk_step {
    const char *question;
    const char *answer;
};

struct talk_test {
    struct test_task test;
    int socket;
    pid_t process;
    const char *sources[256]; /** said so far: by their first bytes a code names them */
    uint32_t source_count;
    uint32_t sources_asked, catalogs_asked;
};

/** What the runner's process does before and behind each question; for faults. */
static void (*talk_before)(void), (*talk_behind)(void);

[[noreturn, maybe_unused]] static void talk_serve(int socket)
{
    struct arena arena;
    str question;
    if (dup2(socket, STDIN_FILENO) < 0) exit(3);
    close(socket);
    struct rule_keeper *keeper = rule_keeper_open();
    arena_init(&arena, 32 * MIB);
    bool is_good = true;
    while (is_good && frame_read(&arena, STDIN_FILENO, nullptr, &question) == FRAME_WHOLE) {
        struct task task = {.arena = &arena};
        if (talk_before != nullptr) talk_before();
        is_good = value_check(&task, question) == ERR_NONE && rule_serve(keeper, question, 1);
        if (talk_behind != nullptr) talk_behind();
        /* As serve.c does; but where allocations are counted, a run makes its own state. */
        if (is_good && talk_before == nullptr) rule_prepare(keeper);
        arena_clear(&arena);
    }
    arena_drop(&arena);
    rule_unprepare(keeper);
    rule_keeper_close(keeper);
    /* exit, not _exit: the address sanitizer looks for leaks there. */
    exit(is_good ? 0 : 1);
}

[[maybe_unused]] static void talk_open(struct talk_test *talk)
{
    int ends[2];
    *talk = (struct talk_test){};
    test_task_init(&talk->test);
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    fflush(nullptr);
    talk->process = fork();
    check(talk->process >= 0);
    if (talk->process == 0) {
        close(ends[0]);
        talk_serve(ends[1]);
    }
    close(ends[1]);
    talk->socket = ends[0];
}

/** The runner's exit code: 0, or 1 when it found that something was not as it should be. */
[[maybe_unused]] static int talk_close(struct talk_test *talk)
{
    int status = 0;
    close(talk->socket);
    check(waitpid(talk->process, &status, 0) == talk->process);
    check(WIFEXITED(status));
    test_task_drop(&talk->test);
    return WEXITSTATUS(status);
}

/** The MessagePack of a text of JSON. */
[[maybe_unused]] static str talk_pack(struct talk_test *talk, const char *json)
{
    struct buf out = buf_make(&talk->test.arena, FRAME_BYTES_MAX);
    if (json_read(&talk->test.task, str_of(json), &out) != ERR_NONE) {
        fprintf(stderr, "no JSON: %s\n", json);
        check(false);
    }
    return buf_str(&out);
}

[[maybe_unused]] static str talk_json(struct talk_test *talk, str frame)
{
    struct value value = value_of(frame);
    struct buf out = buf_make(&talk->test.arena, FRAME_BYTES_MAX);
    json_write(&out, &value);
    return buf_str(&out);
}

[[maybe_unused]] static bool talk_say(struct talk_test *talk, str frame)
{
    return frame_write(talk->socket, frame, nullptr) == FRAME_WHOLE;
}

/** False: it has ended. */
[[maybe_unused]] static bool talk_hear(struct talk_test *talk, str *frame_out)
{
    if (frame_read(&talk->test.arena, talk->socket, nullptr, frame_out) != FRAME_WHOLE)
        return false;
    check_int(value_check(&talk->test.task, *frame_out), ERR_NONE);
    return true;
}

#define TALK_CLIENT \
    "{\"id\":\"018f0000-0000-7000-8000-000000000001\",\"name\":\"Acme\",\"status\":\"active\"," \
    "\"tags\":[\"vip\",\"old\"],\"revenue\":{\"amount\":1250,\"currency\":\"EUR\"}," \
    "\"parent\":\"018f0000-0000-7000-8000-000000000002\",\"employees\":9007199254740993," \
    "\"score\":0.5,\"notes\":\"\",\"archived\":false}"
#define TALK_OLD \
    "{\"id\":\"018f0000-0000-7000-8000-000000000001\",\"name\":\"Acme\"," \
    "\"status\":\"lead\"}"

static const char talk_rule_words[] =
    "\"name\":\"rule\",\"operation\":\"update\",\"entity\":\"client\",\"model\":7,"
    "\"values\":" TALK_CLIENT ",\"old\":" TALK_OLD ",\"changed\":[\"status\",\"tags\"],"
    "\"actor\":{\"kind\":\"user\",\"id\":\"018f0000-0000-7000-8000-0000000000aa\","
    "\"name\":\"Anna\",\"email\":\"anna@acme.example\",\"roles\":[\"owner\",\"sales\"],"
    "\"through\":\"api\"},\"now\":1795343400000,\"today\":\"2026-11-22\",\"cpu_ms\":2000,"
    "\"depth\":1";

/** A question `rule`: `words` (JSON members, or nullptr) stand in place of, or beside, the usual
 *  ones. */
[[maybe_unused]] static str talk_rule(struct talk_test *talk, const char *source, const char *words)
{
    char code[32] = {};
    uint32_t number = 0;
    while (number < talk->source_count && strcmp(talk->sources[number], source) != 0) number++;
    check(number < sizeof talk->sources / sizeof *talk->sources);
    if (number == talk->source_count) talk->sources[talk->source_count++] = source;
    (void)snprintf(code, sizeof code, "source %u", number);
    str own = talk_pack(talk, words == nullptr
                                  ? "{}"
                                  : arena_cstring(&talk->test.arena,
                                                  arena_print(&talk->test.arena, "{%s}", words)));
    str usual =
        talk_pack(talk, arena_cstring(&talk->test.arena,
                                      arena_print(&talk->test.arena,
                                                  "{\"point\":\"before\",\"fuel\":1000000,%s}",
                                                  talk_rule_words)));
    struct buf pairs = buf_make(&talk->test.arena, FRAME_BYTES_MAX);
    uint32_t count = 0;
    for (int pass = 0; pass < 2; pass++) {
        struct value key, value, other, map = value_of(pass == 0 ? own : usual);
        struct cursor cursor = cursor_of(map.items);
        while (value_next(&cursor, &key) && value_next(&cursor, &value)) {
            if (pass == 1 && value_find_text(own, key.text, &other)) continue;
            pack_raw(&pairs, key.bytes);
            pack_raw(&pairs, value.bytes);
            count++;
        }
    }
    struct buf out = buf_make(&talk->test.arena, FRAME_BYTES_MAX);
    pack_map(&out, count + 3);
    pack_text(&out, S("ask"));
    pack_text(&out, S("rule"));
    pack_text(&out, S("code"));
    pack_bytes(&out, (str){code, sizeof code});
    pack_text(&out, S("seed"));
    pack_bytes(&out, S("0123456789abcdef"));
    pack_raw(&out, buf_str(&pairs));
    check(!buf_is_over(&out));
    return buf_str(&out);
}

[[maybe_unused]] static const char *talk_catalog_of(str entity)
{
    static const struct {
        const char *entity;
        const char *catalog;
    } catalogs[] = {
        {"client",
         "{\"answer\":{\"name\":\"client\",\"fields\":["
         "{\"name\":\"name\",\"kind\":\"text\",\"is_list\":false,\"is_computed\":false},"
         "{\"name\":\"status\",\"kind\":\"choice\"},{\"name\":\"tags\",\"kind\":\"choices\","
         "\"is_list\":true},{\"name\":\"revenue\",\"kind\":\"money\"},"
         "{\"name\":\"parent\",\"kind\":\"reference\",\"to\":\"client\"},"
         "{\"name\":\"employees\",\"kind\":\"number\"},{\"name\":\"score\",\"kind\":\"decimal\"},"
         "{\"name\":\"notes\",\"kind\":\"text\"},{\"name\":\"website\",\"kind\":\"url\"},"
         "{\"name\":\"emails\",\"kind\":\"emails\",\"is_list\":true},"
         "{\"name\":\"data\",\"kind\":\"object\"},{\"name\":\"stage\",\"kind\":\"choice\"},"
         "{\"name\":\"archived\",\"kind\":\"boolean\"},"
         "{\"name\":\"updated_at\",\"kind\":\"time\",\"is_computed\":true}]}}"},
        {"project",
         "{\"answer\":{\"name\":\"project\",\"fields\":[{\"name\":\"name\",\"kind\":\"text\"},"
         "{\"name\":\"client\",\"kind\":\"reference\",\"to\":\"client\"}]}}"},
        {"settings",
         "{\"answer\":{\"name\":\"settings\",\"fields\":["
         "{\"name\":\"title\",\"kind\":\"text\"},{\"name\":\"currency\",\"kind\":\"currency\"}]}}"},
    };
    for (size_t at = 0; at < sizeof catalogs / sizeof *catalogs; at++)
        if (str_eq(str_of(catalogs[at].entity), entity)) return catalogs[at].catalog;
    return "{\"refused\":\"There is no such entity.\"}";
}

/** Answers a question for a source or a catalog; false: it is none. */
[[maybe_unused]] static bool talk_answer_usual(struct talk_test *talk, str frame)
{
    struct value ask, value;
    check(value_find_text(frame, S("ask"), &ask) && ask.kind == VALUE_TEXT);
    if (str_eq(ask.text, S("entity"))) {
        check(value_find_text(frame, S("entity"), &value) && value.kind == VALUE_TEXT);
        talk->catalogs_asked++;
        check(talk_say(talk, talk_pack(talk, talk_catalog_of(value.text))));
        return true;
    }
    if (!str_eq(ask.text, S("source"))) return false;
    int64_t number = 0;
    check(value_find_text(frame, S("code"), &value) && value.kind == VALUE_BYTES);
    check(str_to_int64(str_of(value.text.at + strlen("source ")), &number));
    check(number >= 0 && number < talk->source_count);
    struct buf out = buf_make(&talk->test.arena, FRAME_BYTES_MAX);
    pack_map(&out, 1);
    pack_text(&out, S("answer"));
    pack_text(&out, str_of(talk->sources[number]));
    talk->sources_asked++;
    check(talk_say(talk, buf_str(&out)));
    return true;
}

/** Answers by the steps until the runner is done; false: it has ended instead. */
[[maybe_unused]] static bool talk_finish(struct talk_test *talk, const struct talk_step *steps,
                                         str *done_out)
{
    struct value done;
    while (talk_hear(talk, done_out)) {
        if (value_find_text(*done_out, S("done"), &done)) {
            check(steps == nullptr || steps->question == nullptr);
            return true;
        }
        if (talk_answer_usual(talk, *done_out)) continue;
        str question = talk_json(talk, *done_out);
        if (steps == nullptr || steps->question == nullptr)
            fprintf(stderr, "nobody expects: %.*s\n", FMT(question));
        check(steps != nullptr && steps->question != nullptr);
        check_str(question, str_of(steps->question));
        check(talk_say(talk, talk_pack(talk, steps->answer)));
        steps++;
    }
    return false;
}

/** A run of the source, whole. */
[[maybe_unused]] static str talk_run(struct talk_test *talk, const char *source, const char *words,
                                     const struct talk_step *steps)
{
    str done;
    check(talk_say(talk, talk_rule(talk, source, words)));
    check(talk_finish(talk, steps, &done));
    return done;
}

/** Answers as a server with two projects and a client that is a holding. */
[[maybe_unused]] static const char *talk_answer_to(struct talk_test *talk, str question)
{
    struct value ask, values, value, name;
    check(value_find_text(question, S("ask"), &ask));
    if (str_eq(ask.text, S("count"))) return "{\"answer\":2}";
    if (str_eq(ask.text, S("queue")))
        return "{\"answer\":\"018f0000-0000-7000-8000-0000000000e1\"}";
    if (str_eq(ask.text, S("settings"))) return "{\"answer\":{\"currency\":\"EUR\"}}";
    if (str_eq(ask.text, S("find")))
        return "{\"answer\":[{\"id\":\"a\",\"name\":\"Two\"},{\"id\":\"b\",\"name\":\"One\"}]}";
    if (str_eq(ask.text, S("get"))) return "{\"answer\":{\"id\":\"c\",\"name\":\"Acme Holding\"}}";
    if (!value_find_text(question, S("values"), &values)) return "{\"answer\":true}";
    /* What was set, as it is then. */
    struct buf out = buf_make(&talk->test.arena, FRAME_BYTES_MAX);
    struct cursor cursor = cursor_of(values.items);
    buf_put(&out, S("{\"answer\":{\"id\":\"d\""));
    while (value_next(&cursor, &name) && value_next(&cursor, &value))
        buf_print(&out, ",%.*s:%.*s", FMT(talk_json(talk, name.bytes)),
                  FMT(talk_json(talk, value.bytes)));
    buf_put(&out, S("}}"));
    return arena_cstring(&talk->test.arena, buf_str(&out));
}

/** Asks a question `rule`, and answers so until the runner is done. */
[[maybe_unused]] static str talk_ask_answered(struct talk_test *talk, str question)
{
    str said;
    struct value done;
    check(talk_say(talk, question));
    while (talk_hear(talk, &said) && !value_find_text(said, S("done"), &done))
        if (!talk_answer_usual(talk, said))
            check(talk_say(talk, talk_pack(talk, talk_answer_to(talk, said))));
    return said;
}

/** A run of the source, answered so. */
[[maybe_unused]] static str talk_run_answered(struct talk_test *talk, const char *source,
                                              const char *words)
{
    return talk_ask_answered(talk, talk_rule(talk, source, words));
}

/** A member of the last frame as JSON. */
[[maybe_unused]] static str talk_part(struct talk_test *talk, str done, str key)
{
    struct value value;
    check(value_find_text(done, key, &value));
    return talk_json(talk, value.bytes);
}

[[maybe_unused]] static void talk_check_part(struct talk_test *talk, const char *source, str done,
                                             str key, const char *should)
{
    str is = talk_part(talk, done, key);
    if (str_eq(is, str_of(should))) return;
    fprintf(stderr, "%s\n  %.*s is %.*s\n  should be %s\n  %.*s\n", source, FMT(key), FMT(is),
            should, FMT(talk_json(talk, done)));
    check(getenv("TALK_ALL") != nullptr);
}
