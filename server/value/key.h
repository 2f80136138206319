/** key: order-preserving encoding of values, so that memcmp order is value order.
 *
 *  Bytes   integer: 8, big-endian, sign bit flipped
 *          float:   8, IEEE bits, sign-dependent flip; -0 as 0
 *          boolean: 1
 *          text:    folded UTF-8 without NUL, then one 00; cut at KEY_ORDERED_BYTES_MAX
 *                   (one of that length or longer has no 00: the record is compared)
 *          id:      16
 *  Floor   value.
 *  Thread  any.
 */
#pragma once

#include "base/buf.h"
#include "base/id.h"

void key_put_int(struct buf *out, int64_t number);
void key_put_float(struct buf *out, double number);
void key_put_bool(struct buf *out, bool boolean);
/** `text` is already folded or exact, as the field wants it. */
void key_put_text(struct buf *out, str text);
int64_t key_get_int(str key);
double key_get_float(str key);
