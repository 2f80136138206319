/* The lines in which two versions of a script differ. */
#include "rules/versions.h"

#include "base/random.h"
#include "test.h"
#include "value/json.h"

static str difference(struct test_task *test, str from, str to)
{
    struct buf json = buf_make(&test->arena, 8 * MIB);
    lines_difference(&json, &test->arena, from, to);
    check(!buf_is_over(&json));
    return buf_str(&json);
}

TEST(test_versions__tells_lines_that_went_and_came)
{
    struct test_task test;
    test_task_init(&test);
    check_str(difference(&test, S("a\nb\nc"), S("a\nx\nc")),
              S("[{\"op\":\"same\",\"from_line\":1,\"to_line\":1,\"text\":\"a\"},"
                "{\"op\":\"removed\",\"from_line\":2,\"text\":\"b\"},"
                "{\"op\":\"added\",\"to_line\":2,\"text\":\"x\"},"
                "{\"op\":\"same\",\"from_line\":3,\"to_line\":3,\"text\":\"c\"}]"));
    check_str(difference(&test, S(""), S("")), S("[]"));
    check_str(difference(&test, S(""), S("a\n\n")),
              S("[{\"op\":\"added\",\"to_line\":1,\"text\":\"a\"},"
                "{\"op\":\"added\",\"to_line\":2,\"text\":\"\"}]"));
    check_str(difference(&test, S("a\nb"), S("b")),
              S("[{\"op\":\"removed\",\"from_line\":1,\"text\":\"a\"},"
                "{\"op\":\"same\",\"from_line\":2,\"to_line\":1,\"text\":\"b\"}]"));
    test_task_drop(&test);
}

/** Joins the lines whose op is one of two words; how many lines are the same in `same_out`. */
static str joined(struct test_task *test, str json, str op, uint32_t *same_out)
{
    struct buf list = buf_make(&test->arena, 8 * MIB), text = buf_make(&test->arena, 8 * MIB);
    check_int(json_read(&test->task, json, &list), ERR_NONE);
    struct value lines = value_of(buf_str(&list)), line, own, words;
    struct cursor cursor = cursor_of(lines.items);
    *same_out = 0;
    for (uint32_t at = 0; at < lines.count; at++) {
        check(value_next(&cursor, &line) && value_find_text(line.bytes, S("op"), &own) &&
              value_find_text(line.bytes, S("text"), &words));
        *same_out += str_eq(own.text, S("same"));
        if (!str_eq(own.text, S("same")) && !str_eq(own.text, op)) continue;
        buf_put(&text, words.text);
        buf_put_byte(&text, '\n');
    }
    return buf_str(&text);
}

/** The longest list of lines that both have in order, by the table that everybody knows. */
static uint32_t longest_common(str a, str b)
{
    static uint32_t table[64][64];
    str from[64], to[64];
    uint32_t from_count = 0, to_count = 0;
    while (a.len > 0) (void)str_cut(a, '\n', &from[from_count++], &a);
    while (b.len > 0) (void)str_cut(b, '\n', &to[to_count++], &b);
    for (uint32_t x = 0; x <= from_count; x++) {
        for (uint32_t y = 0; y <= to_count; y++) {
            if (x == 0 || y == 0) table[x][y] = 0;
            else if (str_eq(from[x - 1], to[y - 1])) table[x][y] = table[x - 1][y - 1] + 1;
            else
                table[x][y] = table[x - 1][y] > table[x][y - 1] ? table[x - 1][y] : table[x][y - 1];
        }
    }
    return table[from_count][to_count];
}

static str random_text(struct test_task *test)
{
    uint32_t count = (uint32_t)(random_uint64() % 40);
    struct buf text = buf_make(&test->arena, 4 * KIB);
    for (uint32_t at = 0; at < count; at++)
        buf_print(&text, "%c\n", 'a' + (int)(random_uint64() % 5));
    return buf_str(&text);
}

TEST(test_versions__the_difference_gives_both_texts_and_is_the_shortest)
{
    uint64_t seed = random_uint64() | 1;
    random_seed(seed);
    for (uint32_t round = 0; round < 300; round++) {
        struct test_task test;
        test_task_init(&test);
        str from = random_text(&test), to = random_text(&test);
        str json = difference(&test, from, to);
        uint32_t same;
        bool is_right = str_eq(joined(&test, json, S("removed"), &same), from) &&
                        str_eq(joined(&test, json, S("added"), &same), to) &&
                        same == longest_common(from, to);
        if (!is_right) fprintf(stderr, "seed %llu, round %u\n", (unsigned long long)seed, round);
        check(is_right);
        test_task_drop(&test);
    }
    random_seed(0);
}

TEST(test_versions__texts_that_have_nothing_in_common_are_told_whole)
{
    struct test_task test;
    test_task_init(&test);
    struct buf from = buf_make(&test.arena, MIB), to = buf_make(&test.arena, MIB);
    for (uint32_t at = 0; at < 3000; at++) {
        buf_print(&from, "from %u\n", at);
        buf_print(&to, "to %u\n", at);
    }
    uint32_t same;
    str json = difference(&test, buf_str(&from), buf_str(&to));
    check_str(joined(&test, json, S("removed"), &same), buf_str(&from));
    check_str(joined(&test, json, S("added"), &same), buf_str(&to));
    check_int(same, 0);
    test_task_drop(&test);
}
