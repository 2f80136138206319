#include "http/head.h"
#include "base/arena.h"
#include "test.h"

struct sample {
    const char *fields;
    bool is_sound;
};

static bool is_sound(const char *first, const char *fields)
{
    char bytes[512];
    int len = snprintf(bytes, sizeof bytes, "%s\r\n%s\r\nContent-Length: 7\r\nHost: b\r\n", first,
                       fields);
    check(len > 0 && (size_t)len < sizeof bytes);
    return head_is_sound((str){bytes, (size_t)len});
}

TEST(test_head__refuses_what_two_readers_may_take_for_different_requests)
{
    static const struct sample samples[] = {
        {"Host: a\r\n", true},
        {"hOST:a\r\nHostile: b\r\nX: c\r\nTe: d\r\n", true},
        {"Host: a\r\nContent-Length: 1\r\n", true},
        {"Host: a\r\nTransfer-Encoding: chunked\r\n", true},
        {"Host: a\nContent-Length: 1\n", true},
        {"X: a\r\n", true},
        {"Host: a\r\nHost: b\r\n", false},
        {"Host: a\r\nX: y\r\nhost: a\r\n", false},
        {"Host: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n", false},
        {"Host: a\r\nContent-Length: 1\r\ncontent-length: 1\r\n", false},
        {"Host: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n", false},
        {"Host: a\r\nTransfer-Encoding: chunked\nContent-Length: 1\n", false},
        {"Host: a\r\nTransfer-Encoding: x\r\nTRANSFER-ENCODING: chunked\r\n", false},
        {"Host: a\r\n b\r\n", false},
        {"Host: a\r\nX: a\r\n\tb\r\n", false},
    };
    for (size_t at = 0; at < sizeof samples / sizeof samples[0]; at++) {
        check_int(is_sound("POST / HTTP/1.1", samples[at].fields), samples[at].is_sound);
        check_int(is_sound("\r\nPOST / HTTP/1.1", samples[at].fields), samples[at].is_sound);
    }
    check(is_sound("GET / HTTP/1.0", "X: a\r\n"));
    check(!is_sound("GET / HTTP/1.0", "Host: a\r\nHost: a\r\n"));
    check(!is_sound("POST / HTTP/1.0", "Transfer-Encoding: chunked\r\n"));
}

TEST(test_head__does_not_read_past_its_bytes)
{
    static const char whole[] = "\r\nGET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx";
    for (size_t len = 0; len < sizeof whole; len++) {
        char *copy = memory_take(len + 1);
        memcpy(copy, whole, len);
        (void)head_is_sound((str){copy, len});
        memory_give(copy);
    }
}
