/** buf: bytes that grow, in an arena, up to a maximum given at birth.
 *
 *  A write past the maximum is dropped and marks the buffer; `buf_is_over` is asked once at the end
 *  instead of after each write.
 *  Floor   base.
 *  Thread  one at a time.
 */
#pragma once

#include "base/arena.h"

struct buf {
    struct arena *arena;
    char *at;
    size_t len;
    size_t capacity;
    size_t max;
    bool is_over;
};

struct buf buf_make(struct arena *arena, size_t max);

/** Room for `bytes` more, or nullptr (and marked) past the maximum.
 *  `buf_grew` says how much was used. */
char *buf_room(struct buf *buf, size_t bytes);
static inline void buf_grew(struct buf *buf, size_t bytes)
{
    buf->len += bytes;
}

void buf_put(struct buf *buf, str s);
void buf_put_byte(struct buf *buf, char byte);
[[gnu::format(printf, 2, 3)]] void buf_print(struct buf *buf, const char *format, ...);

static inline str buf_str(const struct buf *buf)
{
    return (str){buf->at, buf->len};
}

static inline bool buf_is_over(const struct buf *buf)
{
    return buf->is_over;
}
