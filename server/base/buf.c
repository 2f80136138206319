#include "base/buf.h"

#include <stdio.h>

#include "base/require.h"

constexpr size_t CAPACITY_MIN = 64;
constexpr size_t PRINT_BYTES_FAST = 256;

/** More capacity: in place when the buffer is what the arena gave last, else by a copy of twice
 *  the size. */
static void grow(struct buf *buf, size_t needed)
{
    size_t wanted = buf->capacity * 2;
    if (wanted < CAPACITY_MIN) wanted = CAPACITY_MIN;
    if (wanted > buf->max) wanted = buf->max;
    if (wanted < needed) wanted = needed;
    const char *end = buf->at == nullptr ? nullptr : buf->at + buf->capacity;
    if (!arena_extend(buf->arena, end, wanted - buf->capacity)) {
        char *larger = arena_take_raw(buf->arena, wanted);
        if (buf->len > 0) memcpy(larger, buf->at, buf->len);
        buf->at = larger;
    }
    buf->capacity = wanted;
}

struct buf buf_make(struct arena *arena, size_t max)
{
    return (struct buf){.arena = arena, .max = max};
}

char *buf_room_more(struct buf *buf, size_t bytes)
{
    require(buf->len <= buf->capacity);
    if (bytes > buf->capacity - buf->len) {
        if (buf->len > buf->max || bytes > buf->max - buf->len) {
            buf->is_over = true;
            return nullptr;
        }
        grow(buf, buf->len + bytes);
    }
    /* Nothing asked of an empty buffer still gives a place, so that nullptr has one meaning. */
    if (buf->at == nullptr) buf->at = arena_take_raw(buf->arena, 0);
    return buf->at + buf->len;
}

void buf_print(struct buf *buf, const char *format, ...)
{
    char fast[PRINT_BYTES_FAST];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(fast, sizeof fast, format, arguments);
    va_end(arguments);
    require(len >= 0);
    if ((size_t)len < sizeof fast) {
        buf_put(buf, (str){fast, (size_t)len});
        return;
    }
    va_start(arguments, format);
    buf_put(buf, arena_vprint(buf->arena, format, arguments));
    va_end(arguments);
}
