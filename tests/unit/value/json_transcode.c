#include "test.h"

#include "value/json.h"

static bool transcode(struct arena *arena, const char *json, str *packed_out)
{
    struct buf packed = buf_make(arena, 1 << 20);
    bool is_done = json_transcode(&packed, str_of(json));
    *packed_out = buf_str(&packed);
    return is_done;
}

TEST(test_json_transcode__gives_what_reading_gives)
{
    const char *texts[] = {
        "null",
        " true ",
        "[]",
        "{ }",
        "[ [ ] , { } ]",
        "{\"a\":[1,-2,3.5,1e3,1E-2],\"b\":{\"c\":null}}",
        "\"\\u00fc \\ud83d\\ude00 \\n\\t\\\\ \\\" \\/ \\u0001\"",
        "[9223372036854775807,-9223372036854775808,0,127,128,255,256,65535,65536,4294967296]",
        "{\"[{,:]\":\"[{,:]\",\"\\\"\":\"\"}",
        "[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]",
    };
    struct test_task test;
    for (size_t at = 0; at < sizeof texts / sizeof texts[0]; at++) {
        test_task_init(&test);
        str packed;
        struct buf read = buf_make(&test.arena, 1 << 20);
        check_int(json_read(&test.task, str_of(texts[at]), &read), ERR_NONE);
        check(transcode(&test.arena, texts[at], &packed));
        check_str(packed, buf_str(&read));
        test_task_drop(&test);
    }
}

TEST(test_json_transcode__counts_many_parts)
{
    struct test_task test;
    test_task_init(&test);
    struct buf json = buf_make(&test.arena, 1 << 20);
    buf_put_byte(&json, '[');
    for (int at = 0; at < 20'000; at++) buf_print(&json, "%s{\"n\":[%d]}", at == 0 ? "" : ",", at);
    buf_put_byte(&json, ']');
    struct buf packed = buf_make(&test.arena, 1 << 20);
    check(json_transcode(&packed, buf_str(&json)));
    struct value value = value_of(buf_str(&packed));
    check_int(value.kind, VALUE_LIST);
    check_int(value.count, 20'000);
    struct buf back = buf_make(&test.arena, 1 << 20);
    json_write(&back, &value);
    check_str(buf_str(&back), buf_str(&json));
    test_task_drop(&test);
}

TEST(test_json_transcode__refuses_what_is_no_json)
{
    const char *texts[] = {"",      "[",         "]",           "{\"a\"}", "{\"a\":}",   "[1,]",
                           "[1 2]", "{1:2}",     "\"a",         "\"\\x\"", "nul",        "1 1",
                           "[}",    "\"\\u12\"", "\"\\ud800\"", "--1",     "{\"a\":1,}", "[,]"};
    struct test_task test;
    str packed;
    for (size_t at = 0; at < sizeof texts / sizeof texts[0]; at++) {
        test_task_init(&test);
        check(!transcode(&test.arena, texts[at], &packed));
        test_task_drop(&test);
    }
}
