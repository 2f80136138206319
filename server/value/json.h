/** json: JSON text in (to MessagePack bytes) and out (straight from the bytes).
 *
 *  Floor   value; jansson.h only in json_read.c.
 *  Thread  any.
 *  Source  RFC 8259; I-JSON (RFC 7493) for what is refused: duplicate keys, lone surrogates, bad
 *          UTF-8.
 */
#pragma once

#include "value/value.h"

/** Text to encoded value. ERR_UNREADABLE, and the fault says line, column and what is wrong:
 *  depth over VALUE_DEPTH_MAX, a key twice, bad UTF-8, NUL, a lone surrogate, a number out of
 *  range (integers beyond 64 bit signed, 1e999), trailing bytes, a byte order mark, empty text.
 *  A number without fraction or exponent is an integer; `-0` is 0. ERR_TOO_LARGE: over
 *  BODY_BYTES_MAX, or so many values that reading them takes 64 MiB. */
enum err json_read(struct task *task, str text, struct buf *out);

/** Any encoded value as JSON; bytes as base64url text; integer keys as decimal text. */
void json_write(struct buf *out, const struct value *value);
/** JSON that was formed here as the encoded value that json_read would make of it, without a tree
 *  and without its bounds. False: it is no JSON, or `out` is over. */
bool json_transcode(struct buf *out, str json);
/** A text with its quotes; control bytes, `"` and `\` escaped. */
void json_write_text(struct buf *out, str text);
void json_write_int(struct buf *out, int64_t number);
/** Shortest form that reads back as the same double; an integral value without a point. */
void json_write_float(struct buf *out, double number);

/* A member of an object that stands open, with a comma where it is not the first. The name is
 * plain. */
/** null when it is empty. */
void json_member_text(struct buf *out, const char *name, str text);
/** null when it is nil. */
void json_member_id(struct buf *out, const char *name, struct id id);
/** null when it is 0. */
void json_member_time(struct buf *out, const char *name, int64_t at_ms);
