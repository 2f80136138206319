/** atrium-hostile: a runner that does what it is told to do wrong, for tests.
 *
 *  It is the real runner with frames of its own, and it keeps its rights: so it does what a script
 *  could that has broken into Lua and out of the box. What it does wrong stands in the name of the
 *  rule it is asked about: `at N DEED [WORD]`, in place of the N-th frame that it would say;
 *  `at 0` comes behind the frame that says it is done, when nobody asks. Asked `play` it answers
 *  frame by frame without any Lua, and does the same.
 *  With other arguments than --serve it is the atrium-runner beside it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/require.h"
#include "runner/rights.h"
#include "runner/serve.h"
#include "value/frame.h"
#include "value/value.h"

constexpr size_t DEED_BYTES_MAX = 40;
constexpr size_t WORD_BYTES_MAX = 40;
constexpr uint32_t QUESTIONS_MAX = 1'000'000;

/** What is done wrong, and how far the talk has come. */
static struct {
    uint32_t at;
    char deed[DEED_BYTES_MAX];
    char word[WORD_BYTES_MAX];
    uint32_t said;
} plan;

/* In place of what the real program has: no right is given away, and these frames only block. */

enum err rights_drop(const struct rights *)
{
    return ERR_NONE;
}

static void say_bytes(const void *bytes, size_t len)
{
    const char *rest = bytes;
    while (len > 0) {
        ssize_t written = write(STDIN_FILENO, rest, len);
        if (written <= 0 && errno != EINTR) _exit(0);
        if (written <= 0) continue;
        rest += written;
        len -= (size_t)written;
    }
}

static void hear_bytes(char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t got = read(STDIN_FILENO, bytes, len);
        if (got == 0 || (got < 0 && errno != EINTR)) _exit(0);
        if (got < 0) continue;
        bytes += got;
        len -= (size_t)got;
    }
}

static void say_length(size_t len)
{
    const char bytes[4] = {(char)(len >> 24), (char)(len >> 16), (char)(len >> 8), (char)len};
    say_bytes(bytes, sizeof bytes);
}

static void say(str frame)
{
    say_length(frame.len);
    say_bytes(frame.at, frame.len);
}

static str hear(struct arena *arena)
{
    uint8_t length[4];
    hear_bytes((char *)length, sizeof length);
    size_t len =
        (size_t)length[0] << 24 | (size_t)length[1] << 16 | (size_t)length[2] << 8 | length[3];
    char *bytes = arena_take_raw(arena, len);
    hear_bytes(bytes, len);
    return (str){bytes, len};
}

/* Deeds. Each returns to go on with the frame that was due. */

static void leave(void)
{
    _exit(0);
}

static void abort_itself(void)
{
    abort();
}

static void close_and_live(void)
{
    close(STDIN_FILENO);
    for (;;) (void)pause();
}

static void stop_itself(void)
{
    (void)raise(SIGSTOP);
}

static void sleep_for_ever(void)
{
    for (;;) (void)pause();
}

static void compute_for_ever(void)
{
    for (volatile uint64_t turns = 0;; turns = turns + 1) {
    }
}

static void say_no_length(void)
{
    say_length(0);
    sleep_for_ever();
}

static void say_too_long(void)
{
    say_length(FRAME_BYTES_MAX + 1);
    sleep_for_ever();
}

static void say_huge(void)
{
    say_length(UINT32_MAX);
    sleep_for_ever();
}

static void say_a_part_and_leave(void)
{
    say_length(100);
    say_bytes("\x81\xa3", 2);
    _exit(0);
}

static void say_a_part(void)
{
    say_length(100);
    say_bytes("\x81\xa3", 2);
    sleep_for_ever();
}

static void say_a_part_of_the_length(void)
{
    say_bytes("\0\0", 2);
    sleep_for_ever();
}

static void say_too_much(void)
{
    say_bytes("\0\0\0\1\x80more", 9);
    sleep_for_ever();
}

static void trickle(void)
{
    const struct timespec little = {.tv_nsec = 8'000'000};
    say_length(FRAME_BYTES_MAX);
    for (;;) {
        say_bytes("x", 1);
        (void)nanosleep(&little, nullptr);
    }
}

static void flood(void)
{
    for (;;) say(S("\x80"));
}

static void say_zeros(void)
{
    static const char zeros[64 * KIB];
    for (;;) say_bytes(zeros, sizeof zeros);
}

static void say_deep(void)
{
    static char lists[256 * KIB];
    memset(lists, '\x91', sizeof lists);
    lists[sizeof lists - 1] = '\xc0';
    say((str){lists, sizeof lists});
    sleep_for_ever();
}

/** Frames that are no map of checked values, or not one that anybody waits for. */
#define SAYS(name, bytes) \
    static void name(void) \
    { \
        say(S(bytes)); \
        struct arena arena; \
        arena_init(&arena, FRAME_BYTES_MAX); \
        for (;;) { \
            (void)hear(&arena); \
            arena_clear(&arena); \
            say(S(bytes)); \
        } \
    }
SAYS(say_cut, "\x83\xa1\x61\1")
SAYS(say_wide, "\xdf\xff\xff\xff\xff\1")
SAYS(say_wide_list, "\x81\xa1\x61\xdd\xff\xff\xff\xff\1")
SAYS(say_long_text, "\x81\xa1\x61\xdb\xff\xff\xff\xff\1")
SAYS(say_extension, "\x81\xa1\x61\xd4\1\1")
SAYS(say_text, "\xa5hello")
SAYS(say_bad_text, "\x81\xa1\x61\xa2\xff\xfe")
SAYS(say_key_twice, "\x82\xa1\x61\1\xa1\x61\2")
SAYS(say_behind_it, "\x81\xa1\x61\1\xc0")
SAYS(say_empty, "\x80")
SAYS(ask_unknown, "\x81\xa3"
                  "ask\xa7nothing")
SAYS(ask_by_number, "\x81\xa3"
                    "ask\7")
SAYS(ask_nothing_more, "\x81\xa3"
                       "ask\xa3get")
SAYS(be_done_by_number, "\x81\xa4"
                        "done\7")
SAYS(be_done_oddly, "\x81\xa4"
                    "done\xa3odd")
SAYS(be_done_without_sense, "\x88\xa4"
                            "done\xa4"
                            "done\xa7"
                            "changes\x93\1\2\3\xa3"
                            "log\x81\xa1\x61\1\xa7"
                            "message\xc3\xa5"
                            "field\1\xa4"
                            "fuel\xff\xa5"
                            "bytes\xa1x\xa4"
                            "line\xd3\x80\0\0\0\0\0\0\0")
#undef SAYS

static void pack_ask(struct buf *out, const char *what, uint32_t more)
{
    pack_map(out, 1 + more);
    pack_text(out, S("ask"));
    pack_text(out, str_of(what));
}

static void pack_pair(struct buf *out, const char *key, str text)
{
    pack_text(out, str_of(key));
    pack_text(out, text);
}

/** Questions without end, each a good one. */
static void ask_for_ever(void)
{
    struct arena arena;
    arena_init(&arena, FRAME_BYTES_MAX);
    for (uint32_t turn = 0; turn < QUESTIONS_MAX; turn++) {
        struct buf out = buf_make(&arena, KIB);
        pack_ask(&out, plan.word, strcmp(plan.word, "entity") == 0 ? 1 : 0);
        if (strcmp(plan.word, "entity") == 0) pack_pair(&out, "entity", S("client"));
        say(buf_str(&out));
        (void)hear(&arena);
        arena_clear(&arena);
    }
    _exit(0);
}

/** Asks all it can of a record that is none of its tenant, whose id is the plan's word. What is
 *  answered otherwise than a refusal, it tells by computing for ever. */
static void reach_for_another(void)
{
    static const char *const asks[] = {"get", "update", "delete", "link", "find"};
    struct arena arena;
    struct value refused, answer;
    arena_init(&arena, FRAME_BYTES_MAX);
    for (size_t at = 0; at < sizeof asks / sizeof *asks; at++) {
        struct buf out = buf_make(&arena, KIB);
        bool is_find = strcmp(asks[at], "find") == 0, is_link = strcmp(asks[at], "link") == 0;
        bool is_update = strcmp(asks[at], "update") == 0;
        pack_ask(&out, asks[at], 2 + is_update + 2 * is_link);
        pack_pair(&out, "entity", S("client"));
        if (is_find) {
            pack_text(&out, S("where"));
            pack_map(&out, 1);
            pack_pair(&out, "id", str_of(plan.word));
        } else pack_pair(&out, "id", str_of(plan.word));
        if (is_link) pack_pair(&out, "field", S("groups"));
        if (is_link) pack_pair(&out, "to", str_of(plan.word));
        if (is_update) {
            pack_text(&out, S("values"));
            pack_map(&out, 1);
            pack_pair(&out, "notes", S("theirs"));
        }
        say(buf_str(&out));
        str heard = hear(&arena);
        bool is_refused = value_find_text(heard, S("refused"), &refused);
        bool is_nothing =
            value_find_text(heard, S("answer"), &answer) &&
            (answer.kind == VALUE_NIL || (answer.kind == VALUE_LIST && answer.count == 0));
        if (!is_refused && !is_nothing) compute_for_ever();
        arena_clear(&arena);
    }
    arena_drop(&arena);
}

static const struct {
    const char *name;
    void (*run)(void);
} deeds[] = {
    {"leave", leave},
    {"abort", abort_itself},
    {"close", close_and_live},
    {"stop", stop_itself},
    {"sleep", sleep_for_ever},
    {"compute", compute_for_ever},
    {"no-length", say_no_length},
    {"too-long", say_too_long},
    {"huge", say_huge},
    {"part-and-leave", say_a_part_and_leave},
    {"part", say_a_part},
    {"part-of-length", say_a_part_of_the_length},
    {"too-much", say_too_much},
    {"trickle", trickle},
    {"flood", flood},
    {"zeros", say_zeros},
    {"deep", say_deep},
    {"cut", say_cut},
    {"wide", say_wide},
    {"wide-list", say_wide_list},
    {"long-text", say_long_text},
    {"extension", say_extension},
    {"text", say_text},
    {"bad-text", say_bad_text},
    {"key-twice", say_key_twice},
    {"behind", say_behind_it},
    {"empty", say_empty},
    {"ask-unknown", ask_unknown},
    {"ask-number", ask_by_number},
    {"ask-nothing", ask_nothing_more},
    {"done-number", be_done_by_number},
    {"done-odd", be_done_oddly},
    {"done-senseless", be_done_without_sense},
    {"ask-for-ever", ask_for_ever},
    {"reach", reach_for_another},
};

static void misbehave(void)
{
    for (size_t at = 0; at < sizeof deeds / sizeof *deeds; at++) {
        if (strcmp(deeds[at].name, plan.deed) != 0) continue;
        plan.deed[0] = 0;
        deeds[at].run();
        return;
    }
    if (plan.deed[0] != 0) abort(); /* a test has misspelt it */
}

/* The conversation. */

static void hear_plan(str frame)
{
    struct value name;
    char text[160] = {};
    if (!value_find_text(frame, S("name"), &name) || name.kind != VALUE_TEXT) return;
    memcpy(text, name.text.at, str_first(name.text, sizeof text - 1).len);
    memset(&plan, 0, sizeof plan);
    (void)sscanf(text, "at %u %39s %39s", &plan.at, plan.deed, plan.word);
}

enum frame_outcome frame_write(int, str value, const struct frame_watch *)
{
    struct value done;
    bool is_last = value_find_text(value, S("done"), &done);
    plan.said++;
    if (plan.said == plan.at) misbehave();
    say(value);
    if (is_last && plan.at == 0) misbehave();
    return FRAME_WHOLE;
}

static bool is_play(str question)
{
    struct value ask;
    return value_find_text(question, S("ask"), &ask) && ask.kind == VALUE_TEXT &&
           str_eq(ask.text, S("play"));
}

/** Says how many frames it has said, each time it is told anything; told `last`, that it is done.
 */
static void play(str question)
{
    struct arena arena;
    struct value last;
    arena_init(&arena, FRAME_BYTES_MAX);
    struct buf out = buf_make(&arena, KIB);
    bool is_last = value_find_text(question, S("last"), &last);
    pack_map(&out, 1 + is_last);
    if (is_last) pack_pair(&out, "done", S("done"));
    pack_text(&out, S("said"));
    pack_int(&out, plan.said + 1);
    (void)frame_write(STDIN_FILENO, buf_str(&out), nullptr);
    arena_drop(&arena);
}

enum frame_outcome frame_read(struct arena *arena, int, const struct frame_watch *, str *value_out)
{
    for (;;) {
        *value_out = hear(arena);
        hear_plan(*value_out);
        if (!is_play(*value_out)) return FRAME_WHOLE;
        play(*value_out);
    }
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--serve") == 0) return serve_run(argv + 2);
    char path[4096];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 32);
    char *last = len > 0 ? memrchr(path, '/', (size_t)len) : nullptr;
    require(last != nullptr);
    (void)snprintf(last, 32, "/atrium-runner");
    (void)execv(path, argv);
    return 1;
}
