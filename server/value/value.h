/** value: a value is MessagePack bytes, read in place and built into a buffer.
 *
 *  Bytes from outside pass `value_check` once; after that reading them cannot fail, only
 *  say "absent".
 *  Reading still checks every bound, so damaged storage gives `false` and never a wild read.
 *
 *  Floor   value; msgpack.h only in this folder.
 *  Thread  any.
 *  Memory  what is read points into the input; what is built lies in the buffer.
 *  Source  MessagePack specification. Extension types and 32-bit floats are refused or widened.
 */
#pragma once

#include "base/buf.h"
#include "base/task.h"

enum value_kind : uint8_t {
    VALUE_NIL,
    VALUE_BOOL,
    VALUE_INT,   /** 64 bit signed; unsigned numbers above INT64_MAX are refused */
    VALUE_FLOAT, /** finite */
    VALUE_TEXT,  /** UTF-8 */
    VALUE_BYTES,
    VALUE_LIST,
    VALUE_MAP, /** keys are texts or integers */
};

struct value {
    enum value_kind kind;
    uint32_t count; /** items of a list, pairs of a map */
    union {
        bool boolean;
        int64_t integer;
        double number;
        str text; /** text or bytes */
    };
    str bytes; /** the whole encoded value */
    str items; /** of a list or map: the encoded contents */
};

/** Checks bytes from outside before anything else reads them: one whole value, counts against the
 *  bytes that remain, depth ≤ VALUE_DEPTH_MAX, valid UTF-8, no extension types, map keys text or
 *  integer and not twice. ERR_UNREADABLE with the place (byte offset) and the reason. */
enum err value_check(struct task *task, str bytes);

/** A body in MessagePack: value_check, and then written to `out` in the form that json_read gives,
 *  so that nothing above can tell which of the two was sent. ERR_UNREADABLE also for what JSON has
 *  no word for: bytes, NUL in texts, keys that are no texts. ERR_TOO_LARGE: over BODY_BYTES_MAX. */
enum err value_read_given(struct task *task, str bytes, struct buf *out);

/** The value at the cursor, which moves behind it; false at the end or when damaged. */
bool value_next(struct cursor *cursor, struct value *value_out);

/** Moves over any value and gives its number, INT64_MIN when it is none; false as value_next, but
 *  then the cursor's place means nothing. For keys. */
bool value_next_number(struct cursor *cursor, int64_t *number_out);

/** The one value in `bytes`; VALUE_NIL when damaged or empty. */
struct value value_of(str bytes);

/** The pairs of an encoded map, key and value in turn, for value_next; false when it is none. What
 *  stands behind the map's head is looked at only as it is read. */
bool value_pairs(str map, struct cursor *pairs_out, uint32_t *count_out);

/** The value of a key in an encoded map; false when absent. */
bool value_find(str map, uint64_t key, struct value *value_out);
bool value_find_text(str map, str key, struct value *value_out);
/** The text of a key; empty when it has none. */
str value_text_in(str map, str key);
str value_text_at(str map, uint64_t key);
/** The value of a key; false when it is absent or of another kind, and then the id is nil and the
 *  others are left as they were. */
bool value_id_at(str map, uint64_t key, struct id *id_out);
bool value_int_at(str map, uint64_t key, int64_t *integer_out);
bool value_bytes_at(str map, uint64_t key, str *bytes_out);
bool value_is_true_at(str map, uint64_t key);
/** The values of some keys in one walk; VALUE_NIL for those that are absent. */
void value_find_all(str map, const uint64_t *keys, uint32_t count, struct value *values_out);

/** Same bytes in one canonical form: numbers by value, maps without regard to order. */
bool value_eq(const struct value *a, const struct value *b);

/* Building. Each writes one value; a list or map is followed by its `count` values or pairs. */
void pack_nil(struct buf *out);
void pack_bool(struct buf *out, bool boolean);
void pack_int(struct buf *out, int64_t integer);
/** A number that is not finite becomes nil: JSON has no other word for it. */
void pack_float(struct buf *out, double number);
void pack_text(struct buf *out, str text);
void pack_bytes(struct buf *out, str bytes);
/** Its beginning, which `len` bytes must follow. */
void pack_bytes_head(struct buf *out, size_t len);
void pack_list(struct buf *out, uint32_t count);
void pack_map(struct buf *out, uint32_t count);
/** Already encoded bytes. */
void pack_raw(struct buf *out, str encoded);

/* A pair of a map whose keys are names. */
void pack_named_text(struct buf *out, str name, str text);
void pack_named_int(struct buf *out, str name, int64_t integer);
/** Its bytes; nil for a nil one. */
void pack_named_id(struct buf *out, str name, struct id id);
/** Already encoded; nil when it is empty. */
void pack_named_raw(struct buf *out, str name, str encoded);
