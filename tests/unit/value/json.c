#include "test.h"

#include <float.h>
#include <math.h>
#include <pthread.h>

#include "base/limits.h"
#include "base/random.h"
#include "value/json.h"

constexpr size_t OUT_BYTES_MAX = 16 * MIB;

/** What a text reads as, written again; empty when it is refused. */
static str read_and_written(struct test_task *test, str text)
{
    struct buf packed = buf_make(&test->arena, OUT_BYTES_MAX);
    struct buf written = buf_make(&test->arena, OUT_BYTES_MAX);
    task_fault_clear(&test->task);
    if (json_read(&test->task, text, &packed) != ERR_NONE) return S("");
    check_int(value_check(&test->task, buf_str(&packed)), ERR_NONE);
    struct value value = value_of(buf_str(&packed));
    json_write(&written, &value);
    return buf_str(&written);
}

static void becomes(const char *text, const char *should)
{
    struct test_task test;
    test_task_init(&test);
    check_str(read_and_written(&test, str_of(text)), str_of(should));
    test_task_drop(&test);
}

/** Refused, and the detail is this. */
static void refused(str text, const char *detail)
{
    struct test_task test;
    test_task_init(&test);
    struct buf packed = buf_make(&test.arena, OUT_BYTES_MAX);
    enum err err = json_read(&test.task, text, &packed);
    check_str(test.task.fault.detail, str_of(detail));
    check_int(err, ERR_UNREADABLE);
    test_task_drop(&test);
}

TEST(test_json__reads_and_writes_each_kind)
{
    becomes("null", "null");
    becomes(" true ", "true");
    becomes("false", "false");
    becomes("0", "0");
    becomes("-1", "-1");
    becomes("\"\"", "\"\"");
    becomes("[]", "[]");
    becomes("{}", "{}");
    becomes("\r\n\t [ 1 , \"two\" , [ ] , { \"\" : null } ] ", "[1,\"two\",[],{\"\":null}]");
    becomes("{\"b\":1,\"a\":[true,false,null]}", "{\"b\":1,\"a\":[true,false,null]}");
}

TEST(test_json__reads_numbers_without_fraction_as_integers)
{
    becomes("9223372036854775807", "9223372036854775807");
    becomes("-9223372036854775808", "-9223372036854775808");
    becomes("9007199254740993", "9007199254740993");
    becomes("-0", "0");
    struct test_task test;
    test_task_init(&test);
    static const struct {
        const char *text;
        enum value_kind kind;
    } cases[] = {{"1", VALUE_INT},     {"-0", VALUE_INT},     {"1.0", VALUE_FLOAT},
                 {"1e0", VALUE_FLOAT}, {"-0.0", VALUE_FLOAT}, {"1E+2", VALUE_FLOAT}};
    for (size_t at = 0; at < sizeof cases / sizeof cases[0]; at++) {
        struct buf packed = buf_make(&test.arena, 100);
        check_int(json_read(&test.task, str_of(cases[at].text), &packed), ERR_NONE);
        check_int(value_of(buf_str(&packed)).kind, cases[at].kind);
    }
    test_task_drop(&test);
}

TEST(test_json__reads_floats)
{
    becomes("0.1", "0.1");
    becomes("-0.0", "0");
    becomes("1.0", "1");
    becomes("1e2", "100");
    becomes("1e-400", "0");
    becomes("1.7976931348623157e308", "1.7976931348623157e+308");
    becomes("123456789012345680000.0", "1.2345678901234568e+20");
}

TEST(test_json__refuses_numbers_out_of_range)
{
    const char *words = "JSON, line 1, column %d: the number is out of range "
                        "(integers have 64 bits with sign)";
    static const struct {
        const char *text;
        int column;
    } cases[] = {{"9223372036854775808", 19},
                 {"-9223372036854775809", 20},
                 {"18446744073709551616", 20},
                 {"1e999", 5},
                 {"-1e999", 6},
                 {"99999999999999999999999999999999999999", 38}};
    for (size_t at = 0; at < sizeof cases / sizeof cases[0]; at++) {
        char detail[200];
        (void)snprintf(detail, sizeof detail, words, cases[at].column);
        refused(str_of(cases[at].text), detail);
    }
}

TEST(test_json__reads_escapes)
{
    becomes("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\"");
    becomes("\"\\u00e9\\u20AC\"", "\"é€\"");
    becomes("\"\\ud83d\\ude00\"", "\"😀\"");
    becomes("\"\\u0001\\u001f\"", "\"\\u0001\\u001f\"");
    becomes("\"\\u007f\\u2028\"", "\"\x7f\u2028\"");
    becomes("\"plain text, then \\\"a quote\\\" and \\\\ more plain text\"",
            "\"plain text, then \\\"a quote\\\" and \\\\ more plain text\"");
}

TEST(test_json__refuses_lone_surrogates)
{
    refused(S("\"\\ud800\""),
            "JSON, line 1, column 8: invalid Unicode '\\uD800' near '\"\\ud800\"'");
    refused(S("\"\\udc00\""),
            "JSON, line 1, column 8: invalid Unicode '\\uDC00' near '\"\\udc00\"'");
    becomes("\"\\ud800\\ud800\"", "");
    becomes("\"\\ud800x\"", "");
    becomes("\"\\udc00\\ud800\"", "");
}

TEST(test_json__refuses_bytes_that_are_not_utf8)
{
    static const char *const texts[] = {
        "\"\xff\"",         "\"\xc0\xaf\"",
        "\"\xe0\x80\xaf\"", "\"\xed\xa0\x80\"",
        "\"\xc3\"",         "\"\xf4\x90\x80\x80\"",
        "\"\x80\"",         "\"\xf8\x88\x80\x80\x80\"",
        "{\"\xe9\":1}",     "\xff",
        "[1,\xc3\xa9]",     "\"\xc1\xbf\"",
    };
    for (size_t at = 0; at < sizeof texts / sizeof texts[0]; at++) becomes(texts[at], "");
    refused(S("{\n\"name\":\"\xff\"}"), "JSON, line 2, column 8: the text is not valid UTF-8");
}

TEST(test_json__refuses_nul)
{
    refused(S("\"a\\u0000b\""), "JSON, line 1, column 10: the character \\u0000 is not allowed");
    becomes("{\"\\u0000\":1}", "");
    struct test_task test;
    test_task_init(&test);
    check_str(read_and_written(&test, S("\"a\0b\"")), S(""));
    check_str(read_and_written(&test, S("\0")), S(""));
    check_str(read_and_written(&test, S("1\0")), S(""));
    check_str(read_and_written(&test, S("[1\0,2]")), S(""));
    refused(S("[1\0,2]"), "JSON, line 1, column 3: a NUL byte is not allowed");
    test_task_drop(&test);
}

TEST(test_json__refuses_a_key_twice)
{
    refused(S("{\"a\":1,\n \"a\":2}"),
            "JSON, line 2, column 4: this key stands twice in the object");
    becomes("{\"a\":1,\"\\u0061\":2}", "");
    becomes("[{\"x\":{\"a\":1,\"b\":2,\"a\":3}}]", "");
    becomes("{\"a\":{\"a\":1},\"A\":2}", "{\"a\":{\"a\":1},\"A\":2}");
}

TEST(test_json__refuses_what_stands_behind_the_value)
{
    refused(S("{} x"), "JSON, line 1, column 4: there is more behind the end of the value");
    becomes("1 2", "");
    becomes("[],", "");
    becomes("{}{}", "");
    becomes("\"a\"b", "");
    becomes("{}\n", "{}");
}

TEST(test_json__refuses_empty_text_and_marks)
{
    refused(S(""), "JSON: the text is empty");
    refused(S(" \n\t\r"), "JSON: the text is empty");
    refused(S("\xef\xbb\xbf{}"), "JSON, line 1, column 1: a byte order mark does not belong here");
}

TEST(test_json__refuses_broken_texts)
{
    refused(S("{\"a\":"), "JSON, line 1, column 5: the text ends too early");
    static const char *const texts[] = {
        "[",          "{",
        "[1",         "[1,",
        "[1,]",       "[,1]",
        "{,}",        "{\"a\"}",
        "{\"a\":1,}", "{a:1}",
        "{'a':1}",    "{1:2}",
        "]",          "}",
        "[}",         "{]",
        "[1}",        "nul",
        "NULL",       "True",
        "NaN",        "Infinity",
        "-Infinity",  "-",
        "+1",         "01",
        "-01",        "1.",
        ".5",         "1e",
        "1e+",        "0x10",
        "1_000",      "\"",
        "\"\\\"",     "\"\\x\"",
        "\"\\u12\"",  "\"\\u12G4\"",
        "\"a\nb\"",   "\"a\tb\"",
        "'a'",        "//1",
        "/**/1",      "[1 2]",
        "{\"a\" 1}",  "{\"a\":1 \"b\":2}",
        "\"\\",       "[\"a",
        "--1",        "1.e1",
        "undefined",  "\v1",
        "\xc2\xa0,",
    };
    for (size_t at = 0; at < sizeof texts / sizeof texts[0]; at++) becomes(texts[at], "");
}

static str nested(struct test_task *test, size_t depth, const char *open, const char *close)
{
    struct buf text = buf_make(&test->arena, OUT_BYTES_MAX);
    for (size_t at = 0; at < depth; at++) buf_put(&text, str_of(open));
    buf_put(&text, S("0"));
    for (size_t at = 0; at < depth; at++) buf_put(&text, str_of(close));
    return buf_str(&text);
}

TEST(test_json__refuses_deep_nesting)
{
    struct test_task test;
    test_task_init(&test);
    str deep_enough = nested(&test, VALUE_DEPTH_MAX, "[", "]");
    check_str(read_and_written(&test, deep_enough), deep_enough);
    deep_enough = nested(&test, VALUE_DEPTH_MAX, "{\"a\":", "}");
    check_str(read_and_written(&test, deep_enough), deep_enough);
    refused(nested(&test, VALUE_DEPTH_MAX + 1, "[", "]"),
            "JSON, line 1, column 33: the nesting is deeper than 32");
    refused(nested(&test, VALUE_DEPTH_MAX + 1, "[\n", "]"),
            "JSON, line 33, column 1: the nesting is deeper than 32");
    check_str(read_and_written(&test, nested(&test, 100'000, "[", "]")), S(""));
    check_str(read_and_written(&test, nested(&test, 100'000, "{\"\":", "}")), S(""));
    /* Brackets within texts are not nesting, also behind escaped quotes. */
    check_str(read_and_written(&test, S("\"[[[[[[[[[[[[[[[[[\\\"[[[[[[[[[[[[[[[[[[[[[[[[\"")),
              S("\"[[[[[[[[[[[[[[[[[\\\"[[[[[[[[[[[[[[[[[[[[[[[[\""));
    test_task_drop(&test);
}

TEST(test_json__columns_count_characters)
{
    refused(S("{\"é€😀\":}"), "JSON, line 1, column 8: unexpected token near '}'");
}

TEST(test_json__bounds_the_memory_of_a_tree)
{
    struct test_task test;
    test_task_init(&test);
    struct buf text = buf_make(&test.arena, OUT_BYTES_MAX);
    buf_put_byte(&text, '[');
    while (text.len < BODY_BYTES_MAX - 2) buf_put(&text, S("0,"));
    text.at[text.len - 1] = ']';
    struct buf packed = buf_make(&test.arena, OUT_BYTES_MAX);
    check_int(json_read(&test.task, buf_str(&text), &packed), ERR_NONE);
    check_int(value_of(buf_str(&packed)).count, (BODY_BYTES_MAX - 2) / 2);

    text.len = 1;
    while (text.len < BODY_BYTES_MAX - 3) buf_put(&text, S("{},"));
    text.at[text.len - 1] = ']';
    packed = buf_make(&test.arena, OUT_BYTES_MAX);
    check_int(json_read(&test.task, buf_str(&text), &packed), ERR_TOO_LARGE);
    check_str(test.task.fault.detail, S("JSON of too many values"));
    /* And the next text is none the worse for it. */
    check_str(read_and_written(&test, S("[1]")), S("[1]"));
    test_task_drop(&test);
}

TEST(test_json__refuses_texts_over_the_limit)
{
    struct test_task test;
    test_task_init(&test);
    char *text = arena_take_raw(&test.arena, BODY_BYTES_MAX + 1);
    memset(text, ' ', BODY_BYTES_MAX + 1);
    text[0] = '1';
    struct buf packed = buf_make(&test.arena, OUT_BYTES_MAX);
    check_int(json_read(&test.task, (str){text, BODY_BYTES_MAX}, &packed), ERR_NONE);
    check_int(json_read(&test.task, (str){text, BODY_BYTES_MAX + 1}, &packed), ERR_TOO_LARGE);
    test_task_drop(&test);
}

TEST(test_json__says_when_the_value_does_not_fit_the_buffer)
{
    struct test_task test;
    test_task_init(&test);
    struct buf packed = buf_make(&test.arena, 10);
    check_int(json_read(&test.task, S("[0.5]"), &packed), ERR_NONE);
    check_int(packed.len, 10);
    packed = buf_make(&test.arena, 10);
    check_int(json_read(&test.task, S("[0.5,1]"), &packed), ERR_TOO_LARGE);
    test_task_drop(&test);
}

static enum err read_floats(void *argument)
{
    struct test_task *test = argument;
    struct buf text = buf_make(&test->arena, OUT_BYTES_MAX);
    buf_put_byte(&text, '[');
    while (text.len < BODY_BYTES_MAX - 4) buf_put(&text, S("1e1,"));
    text.at[text.len - 1] = ']';
    struct buf packed = buf_make(&test->arena, OUT_BYTES_MAX);
    return json_read(&test->task, buf_str(&text), &packed);
}

TEST(test_json__a_task_that_runs_out_of_memory_leaves_no_tree_behind)
{
    /* For each cap the task is left in another place; the address sanitizer looks for leaks. */
    size_t refused_count = 0;
    size_t read_count = 0;
    for (size_t cap = 64 * KIB; cap <= 4 * MIB; cap *= 2) {
        struct test_task test;
        arena_init(&test.arena, cap);
        task_init(&test.task, &test.arena);
        enum err err = arena_guard(&test.arena, read_floats, &test);
        refused_count += err == ERR_TOO_LARGE;
        read_count += err == ERR_NONE;
        arena_drop(&test.arena);
    }
    check(refused_count >= 2);
    check(read_count >= 1);
}

static void *read_and_compare(void *argument)
{
    const char *text = argument;
    for (int round = 0; round < 200; round++) {
        struct test_task test;
        test_task_init(&test);
        bool is_same = str_eq(read_and_written(&test, str_of(text)), str_of(text));
        test_task_drop(&test);
        if (!is_same) return argument;
    }
    return nullptr;
}

TEST(test_json__threads_read_at_the_same_time)
{
    static char texts[4][64] = {"[1,2,3]", "{\"a\":{\"b\":\"c\"}}", "\"text\"", "[[],{},0.5]"};
    pthread_t threads[4];
    for (size_t at = 0; at < 4; at++)
        check_int(pthread_create(&threads[at], nullptr, read_and_compare, texts[at]), 0);
    for (size_t at = 0; at < 4; at++) {
        void *failed;
        check_int(pthread_join(threads[at], &failed), 0);
        check(failed == nullptr);
    }
}

TEST(test_json__writes_bytes_and_integer_keys)
{
    struct test_task test;
    test_task_init(&test);
    struct buf packed = buf_make(&test.arena, 1000);
    pack_map(&packed, 3);
    pack_int(&packed, 1);
    pack_bytes(&packed, S("\0\xff\xfe"));
    pack_int(&packed, -42);
    pack_bytes(&packed, S(""));
    pack_text(&packed, S("list"));
    pack_list(&packed, 2);
    pack_float(&packed, 2.5);
    pack_nil(&packed);
    struct buf out = buf_make(&test.arena, 1000);
    struct value value = value_of(buf_str(&packed));
    json_write(&out, &value);
    check_str(buf_str(&out), S("{\"1\":\"AP_-\",\"-42\":\"\",\"list\":[2.5,null]}"));
    test_task_drop(&test);
}

TEST(test_json__stops_at_the_end_of_its_buffer)
{
    struct test_task test;
    test_task_init(&test);
    for (size_t max = 0; max < 20; max++) {
        struct buf out = buf_make(&test.arena, max);
        json_write_text(&out, S("a \"quoted\" text"));
        check(buf_is_over(&out) == (max < 19));
        check(out.len <= max);
    }
    test_task_drop(&test);
}

static void float_is(double number, const char *should)
{
    struct test_task test;
    test_task_init(&test);
    struct buf out = buf_make(&test.arena, 100);
    json_write_float(&out, number);
    check_str(buf_str(&out), str_of(should));
    test_task_drop(&test);
}

TEST(test_json__writes_floats_short)
{
    float_is(0.0, "0");
    float_is(-0.0, "0");
    float_is(1.0, "1");
    float_is(-2.0, "-2");
    float_is(0.1, "0.1");
    float_is(0.1 + 0.2, "0.30000000000000004");
    float_is(1.0 / 3, "0.3333333333333333");
    float_is(2.0 / 3, "0.6666666666666666");
    float_is(1e15, "1000000000000000");
    float_is(9007199254740992.0, "9007199254740992");
    float_is(1e300, "1e+300");
    float_is(5e-324, "4.94065645841247e-324");
    float_is(DBL_MAX, "1.7976931348623157e+308");
    float_is(NAN, "null");
    float_is(INFINITY, "null");
}

TEST(test_json__escapes_each_byte_that_needs_it_wherever_it_stands)
{
    struct test_task test;
    test_task_init(&test);
    for (size_t len = 1; len <= 20; len++) {
        for (size_t place = 0; place < len; place++) {
            for (int byte = 1; byte < 0x80; byte++) {
                char text[20];
                memset(text, 'x', sizeof text);
                text[place] = (char)byte;
                struct buf out = buf_make(&test.arena, 100);
                json_write_text(&out, (str){text, len});
                bool is_plain = byte >= 0x20 && byte != '"' && byte != '\\';
                check((out.len == len + 2) == is_plain);
                for (size_t at = 0; at < out.len; at++) check((uint8_t)out.at[at] >= 0x20);
                struct buf packed = buf_make(&test.arena, 100);
                check_int(json_read(&test.task, buf_str(&out), &packed), ERR_NONE);
                check_str(value_of(buf_str(&packed)).text, ((str){text, len}));
            }
        }
        arena_clear(&test.arena);
    }
    test_task_drop(&test);
}

static void random_text(struct buf *out)
{
    static const char *const pieces[] = {"a",    "Z", " ", "\"", "\\", "\n",     "\x01",
                                         "\x7f", "/", "é", "日", "😀",  "\u2028", "ordinary words "};
    char room[512];
    size_t len = 0;
    for (uint64_t count = random_uint64() % 20; count > 0; count--) {
        const char *piece = pieces[random_uint64() % (sizeof pieces / sizeof pieces[0])];
        memcpy(room + len, piece, strlen(piece));
        len += strlen(piece);
    }
    pack_text(out, (str){room, len});
}

static double random_float(void)
{
    uint64_t bits = random_uint64();
    double number;
    memcpy(&number, &bits, sizeof number);
    if (!isfinite(number)) return 0.5;
    return random_uint64() % 2 == 0 ? number : (double)(int64_t)(bits % 1'000'000) / 100;
}

static void random_value(struct buf *out, uint32_t depth)
{
    uint64_t choice = random_uint64() % (depth < 6 ? 8 : 5);
    uint32_t count = (uint32_t)(random_uint64() % 24);
    switch (choice) {
    case 0:
        pack_nil(out);
        return;
    case 1:
        pack_bool(out, random_uint64() % 2 == 0);
        return;
    case 2:
        pack_int(out, (int64_t)random_uint64() >> random_uint64() % 64);
        return;
    case 3:
        pack_float(out, random_float());
        return;
    case 4:
        random_text(out);
        return;
    case 5:
    case 6:
        if (depth > 2) count /= 8;
        pack_list(out, count);
        for (uint32_t at = 0; at < count; at++) random_value(out, depth + 1);
        return;
    default:
        if (depth > 2) count /= 8;
        pack_map(out, count);
        for (uint32_t at = 0; at < count; at++) {
            char key[32];
            int len = snprintf(key, sizeof key, "k\"%u", at);
            pack_text(out, (str){key, (size_t)len});
            random_value(out, depth + 1);
        }
    }
}

TEST(test_json__reads_back_each_value_it_writes)
{
    uint64_t seed = random_uint64() | 1;
    random_seed(seed);
    for (int round = 0; round < 500; round++) {
        struct test_task test;
        test_task_init(&test);
        struct buf packed = buf_make(&test.arena, OUT_BYTES_MAX);
        random_value(&packed, 0);
        struct value value = value_of(buf_str(&packed));
        struct buf text = buf_make(&test.arena, OUT_BYTES_MAX);
        json_write(&text, &value);
        struct buf again = buf_make(&test.arena, OUT_BYTES_MAX);
        enum err err = json_read(&test.task, buf_str(&text), &again);
        struct value read = value_of(buf_str(&again));
        bool is_right = err == ERR_NONE && value_eq(&value, &read);
        if (!is_right && text.len < BODY_BYTES_MAX)
            fprintf(stderr, "seed %llu, round %d\n%.*s\n%.*s\n", (unsigned long long)seed, round,
                    FMT(test.task.fault.detail), FMT(buf_str(&text)));
        check(is_right || text.len > BODY_BYTES_MAX);
        test_task_drop(&test);
    }
    random_seed(0);
}

TEST(test_json__reads_back_each_float_it_writes)
{
    uint64_t seed = random_uint64() | 1;
    random_seed(seed);
    struct test_task test;
    test_task_init(&test);
    for (int round = 0; round < 10'000; round++) {
        double number = random_float();
        struct buf out = buf_make(&test.arena, 100);
        json_write_float(&out, number);
        double read;
        bool is_right = str_to_double(buf_str(&out), &read) && read == number;
        if (!is_right)
            fprintf(stderr, "seed %llu: %a as %.*s\n", (unsigned long long)seed, number,
                    FMT(buf_str(&out)));
        check(is_right);
        check(out.len <= 24);
    }
    random_seed(0);
    test_task_drop(&test);
}

TEST(test_json__writes_members_that_may_be_empty)
{
    struct test_task test;
    test_task_init(&test);
    struct id id = {{0x01, 0x89, 0, 0, 0, 0, 0x70, 0, 0x80}};
    struct buf json = buf_make(&test.arena, KIB);
    json_member_text(&json, "said", S("a \"word\""));
    json_member_text(&json, "nothing", S(""));
    json_member_id(&json, "id", id);
    json_member_id(&json, "nobody", (struct id){});
    check_str(buf_str(&json), S(",\"said\":\"a \\\"word\\\"\",\"nothing\":null,"
                                "\"id\":\"01890000-0000-7000-8000-000000000000\","
                                "\"nobody\":null"));
    test_task_drop(&test);
}
