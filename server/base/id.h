/** id: a UUID version 7 (RFC 9562): 48 bits of milliseconds, then random bits that only rise.
 *
 *  Byte order is creation order, within one process strictly.
 *  Floor   base.
 *  Thread  any (an atomic keeps the order).
 */
#pragma once

#include "base/arena.h"

struct id {
    uint8_t bytes[16];
};

#define ID_TEXT_BYTES 36

/** A new id; later than every earlier one, also when the clock was set back. */
struct id id_make(void);
static inline bool id_eq(struct id a, struct id b)
{
    return memcmp(a.bytes, b.bytes, 16) == 0;
}
bool id_is_nil(struct id id);
/** Lower-case text, 36 bytes, no NUL. */
void id_write(struct id id, char text_out[ID_TEXT_BYTES]);
str id_text(struct arena *arena, struct id id);
/** Only the lower-case form with its four hyphens; false for anything else. */
bool id_parse(str text, struct id *id_out);
static inline str id_bytes(const struct id *id)
{
    return (str){(const char *)id->bytes, 16};
}
/** When it was made, in milliseconds; ids made in one go may run ahead of the clock by a few. */
static inline int64_t id_time_ms(struct id id)
{
    int64_t ms = 0;
    for (int at = 0; at < 6; at++) ms = ms << 8 | id.bytes[at];
    return ms;
}
/** The id in 16 bytes; false for another length. */
bool id_of_bytes(str bytes, struct id *id_out);
