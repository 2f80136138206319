/** buf: bytes that grow, in an arena, up to a maximum given at birth.
 *
 *  A write past the maximum is dropped and marks the buffer; `buf_is_over` is asked once at the end
 *  instead of after each write.
 *  Floor   base.
 *  Thread  one at a time.
 */
#pragma once

#include "base/arena.h"
#include "base/require.h"

struct buf {
    struct arena *arena;
    char *at;
    size_t len;
    size_t capacity;
    size_t max;
    bool is_over;
};

struct buf buf_make(struct arena *arena, size_t max);

/** The same as buf_room, where there is no room yet. */
char *buf_room_more(struct buf *buf, size_t bytes);

/** Room for `bytes` more, or nullptr (and marked) past the maximum.
 *  `buf_grew` says how much was used. */
static inline char *buf_room(struct buf *buf, size_t bytes)
{
    require(buf->len <= buf->capacity);
    bool has_room = buf->at != nullptr && bytes <= buf->capacity - buf->len;
    return has_room ? buf->at + buf->len : buf_room_more(buf, bytes);
}
static inline void buf_grew(struct buf *buf, size_t bytes)
{
    buf->len += bytes;
}

static inline void buf_put(struct buf *buf, str s)
{
    if (s.len == 0) return;
    char *room = buf_room(buf, s.len);
    if (room == nullptr) return;
    memcpy(room, s.at, s.len);
    buf->len += s.len;
}

static inline void buf_put_byte(struct buf *buf, char byte)
{
    char *room = buf_room(buf, 1);
    if (room == nullptr) return;
    *room = byte;
    buf->len++;
}

[[gnu::format(printf, 2, 3)]] void buf_print(struct buf *buf, const char *format, ...);

static inline str buf_str(const struct buf *buf)
{
    return (str){buf->at, buf->len};
}

static inline bool buf_is_over(const struct buf *buf)
{
    return buf->is_over;
}
