#include "test.h"

#include <stdint.h>

#include "base/random.h"

TEST(test_random__repeats_with_a_seed)
{
    uint8_t first[100], second[100], other[100];
    random_seed(42);
    random_fill(first, sizeof first);
    uint64_t next = random_uint64();
    random_seed(42);
    random_fill(second, sizeof second);
    check(random_uint64() == next);
    random_seed(43);
    random_fill(other, sizeof other);
    random_seed(0);
    check(memcmp(first, second, sizeof first) == 0);
    check(memcmp(first, other, sizeof first) != 0);
}

TEST(test_random__does_not_repeat_without)
{
    enum { COUNT = 2000 };
    static uint64_t numbers[COUNT];
    for (int i = 0; i < COUNT; i++) {
        numbers[i] = random_uint64();
        for (int j = 0; j < i; j++) check(numbers[j] != numbers[i]);
    }
}

TEST(test_random__fills_each_length_and_no_more)
{
    static uint8_t bytes[10'002];
    static const size_t lengths[] = {0, 1, 7, 8, 9, 1023, 1024, 1025, 4095, 4096, 4097, 10'000};
    for (size_t at = 0; at < sizeof lengths / sizeof lengths[0]; at++) {
        size_t len = lengths[at], zeros = 0;
        memset(bytes, 0, sizeof bytes);
        bytes[len + 1] = 0xaa;
        random_fill(bytes + 1, len);
        check_int(bytes[0], 0);
        check_int(bytes[len + 1], 0xaa);
        for (size_t byte = 1; byte <= len; byte++) zeros += bytes[byte] == 0;
        check(len < 8 || zeros < 4 + len / 50);
    }
}
