#include "test.h"

#include <math.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/random.h"
#include "value/key.h"

static struct arena arena;

static struct buf fresh(void)
{
    arena_init(&arena, 1 << 20);
    return buf_make(&arena, 1000);
}

static int sign(int number)
{
    return number < 0 ? -1 : number > 0;
}

static int order_of_ints(int64_t a, int64_t b)
{
    struct buf x = fresh();
    struct buf y = buf_make(&arena, 1000);
    key_put_int(&x, a);
    key_put_int(&y, b);
    check_int(x.len, 8);
    check_int(key_get_int(buf_str(&x)), a);
    int order = sign(str_compare(buf_str(&x), buf_str(&y)));
    arena_drop(&arena);
    return order;
}

static int order_of_floats(double a, double b)
{
    struct buf x = fresh();
    struct buf y = buf_make(&arena, 1000);
    key_put_float(&x, a);
    key_put_float(&y, b);
    check_int(x.len, 8);
    check(key_get_float(buf_str(&x)) == a);
    int order = sign(str_compare(buf_str(&x), buf_str(&y)));
    arena_drop(&arena);
    return order;
}

static int order_of_texts(str a, str b)
{
    struct buf x = fresh();
    struct buf y = buf_make(&arena, 1000);
    key_put_text(&x, a);
    key_put_text(&y, b);
    /* What follows a text in a key must not change its order against a longer one. */
    buf_put(&x, S("\xff\xff"));
    buf_put(&y, S("\x01\x01"));
    int order = sign(str_compare(buf_str(&x), buf_str(&y)));
    arena_drop(&arena);
    return order;
}

TEST(test_key__orders_integers)
{
    static const int64_t rising[] = {INT64_MIN, INT64_MIN + 1, -256, -255,     -1, 0,
                                     1,         255,           256,  INT64_MAX};
    for (size_t a = 0; a < sizeof rising / sizeof rising[0]; a++)
        for (size_t b = 0; b < sizeof rising / sizeof rising[0]; b++)
            check_int(order_of_ints(rising[a], rising[b]), (a > b) - (a < b));
}

TEST(test_key__orders_random_integers_and_floats)
{
    uint64_t seed = random_uint64() | 1;
    random_seed(seed);
    for (int round = 0; round < 20'000; round++) {
        int64_t a = (int64_t)random_uint64() >> (random_uint64() % 64);
        int64_t b = (int64_t)random_uint64() >> (random_uint64() % 64);
        double x, y;
        uint64_t x_bits = random_uint64(), y_bits = random_uint64();
        memcpy(&x, &x_bits, sizeof x);
        memcpy(&y, &y_bits, sizeof y);
        bool is_right = order_of_ints(a, b) == (a > b) - (a < b);
        if (!isnan(x) && !isnan(y)) is_right &= order_of_floats(x, y) == (x > y) - (x < y);
        if (is_right) continue;
        fprintf(stderr, "seed %llu, round %d\n", (unsigned long long)seed, round);
        check(is_right);
    }
    random_seed(0);
}

TEST(test_key__orders_floats_and_takes_minus_zero_for_zero)
{
    static const double rising[] = {-INFINITY, -1e300, -2, -1, -0.5,  -5e-324, 0,
                                    5e-324,    0.5,    1,  2,  1e300, INFINITY};
    for (size_t a = 0; a < sizeof rising / sizeof rising[0]; a++)
        for (size_t b = 0; b < sizeof rising / sizeof rising[0]; b++)
            check_int(order_of_floats(rising[a], rising[b]), (a > b) - (a < b));
    check_int(order_of_floats(-0.0, 0.0), 0);
}

TEST(test_key__orders_texts_whatever_follows)
{
    check_int(order_of_texts(S("a"), S("b")), -1);
    check_int(order_of_texts(S("a"), S("ab")), -1);
    check_int(order_of_texts(S(""), S("a")), -1);
    check_int(order_of_texts(S("ab"), S("b")), -1);
    check_int(order_of_texts(S("z"), S("\xc3\xa4")), -1);
}

TEST(test_key__cuts_long_texts)
{
    char letters[200];
    memset(letters, 'x', sizeof letters);
    struct buf exact = fresh();
    key_put_text(&exact, (str){letters, KEY_ORDERED_BYTES_MAX});
    check_int(exact.len, KEY_ORDERED_BYTES_MAX);
    struct buf shorter = buf_make(&arena, 1000);
    key_put_text(&shorter, (str){letters, KEY_ORDERED_BYTES_MAX - 1});
    check_int(shorter.len, KEY_ORDERED_BYTES_MAX);
    check_int(shorter.at[KEY_ORDERED_BYTES_MAX - 1], 0);
    struct buf longer = buf_make(&arena, 1000);
    key_put_text(&longer, (str){letters, KEY_ORDERED_BYTES_MAX + 1});
    check_int(longer.len, KEY_ORDERED_BYTES_MAX);
    struct buf nul = buf_make(&arena, 1000);
    key_put_text(&nul, S("a\0b"));
    check_str(buf_str(&nul), S("a\0"));
    arena_drop(&arena);
}

TEST(test_key__puts_booleans)
{
    struct buf out = fresh();
    key_put_bool(&out, false);
    key_put_bool(&out, true);
    check_str(buf_str(&out), S("\0\1"));
    arena_drop(&arena);
}

TEST(test_key__reads_short_keys_without_harm)
{
    check_int(key_get_int(S("\x80\x00")), INT64_MIN);
    check(isnan(key_get_float(S(""))));
}
