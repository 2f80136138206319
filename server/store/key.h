/** key: the bytes of every key, and the bounds of every walk over keys.
 *
 *  Only this file forms keys, and only from a space; `row_bounds_hold` is the one place where a
 *  walk is ended at its prefix. The tenant's number has a fixed width, so no tenant's prefix is the
 *  prefix of another's.
 *
 *  Floor   store, inside.
 *  Thread  any.
 *  Bytes   numbers are big-endian and of fixed width, so that byte order is number order.
 *
 *    records   tenant 4 | entity 2 | id 16
 *    index     tenant 4 | entity 2 | field or pair 2 | ordered value ≤ 257 | id 16
 *    text      tenant 4 | entity 2 | token ≤ 48 | 00 | target id 16 | source id 16
 *    changes   tenant 4 | 00 | sequence 8                               the entry
 *              tenant 4 | 01 | entity 2 | record id 16 | sequence 8     finds it by its record
 *              tenant 4 | 02 | group id 16 | sequence 8                 a stretch of entries of one
 *                                                                       group begins there
 *    outbox    tenant 4 | due ms 8, sign bit flipped | id 16
 *    system    tenant 4 | row 1 | key ≤ 506
 *
 *  Index, text and finder entries have no value.
 */
#pragma once

#include "base/limits.h"
#include "store/txn.h"

/** The LMDB databases. Their numbers stand in batches and backups and never change. */
enum database : uint8_t {
    DATABASE_RECORDS,
    DATABASE_INDEX,
    DATABASE_TEXT,
    DATABASE_CHANGES,
    DATABASE_OUTBOX,
    DATABASE_SYSTEM,
};
constexpr uint32_t DATABASE_COUNT = 6;
constexpr size_t TENANT_BYTES = 4;
constexpr size_t VALUE_HASH_BYTES = 8;                     /** before each stored value */
constexpr size_t SYSTEM_KEY_BYTES_MAX = KEY_BYTES_MAX - 5; /** behind tenant and row */
constexpr size_t ROW_BYTES_MAX = 16 * MIB;                 /** of one stored value; refused above */

struct row_key {
    size_t len;
    char bytes[KEY_BYTES_MAX];
};

static inline str row_key_str(const struct row_key *key)
{
    return (str){key->bytes, key->len};
}

void row_key_record(struct row_key *key, const struct space *space, uint16_t entity, struct id id);
void row_key_index(struct row_key *key, const struct space *space, uint16_t entity, uint16_t field,
                   str ordered, struct id id);
/** The token is cut at KEY_TOKEN_BYTES_MAX. */
void row_key_text(struct row_key *key, const struct space *space, uint16_t entity, str token,
                  struct id target, struct id source);
void row_key_log(struct row_key *key, const struct space *space, uint64_t sequence);
void row_key_log_of(struct row_key *key, const struct space *space, uint16_t entity,
                    struct id record, uint64_t sequence);
void row_key_log_group(struct row_key *key, const struct space *space, struct id group,
                       uint64_t sequence);
void row_key_outbox(struct row_key *key, const struct space *space, int64_t due_ms, struct id id);
void row_key_system(struct row_key *key, const struct space *space, enum system_row row, str name);

/** A key that lost its tenant's number, with this space's; false when it is too long. */
bool row_key_join(struct row_key *key, const struct space *space, str rest);

/* Prefixes of walks. */

void row_prefix_records(struct row_key *key, const struct space *space, uint16_t entity);
void row_prefix_index(struct row_key *key, const struct space *space, uint16_t entity,
                      uint16_t field);
void row_prefix_log(struct row_key *key, const struct space *space);
void row_prefix_log_of(struct row_key *key, const struct space *space, uint16_t entity,
                       struct id record);
void row_prefix_log_group(struct row_key *key, const struct space *space, struct id group);
void row_prefix_outbox(struct row_key *key, const struct space *space);
void row_prefix_system(struct row_key *key, const struct space *space, enum system_row row);
/** All of one tenant, whatever the database. */
void row_prefix_tenant(struct row_key *key, uint32_t number);

/** The keys of one prefix, or a stretch of them: lower ≤ key < upper. */
struct row_bounds {
    struct row_key prefix;
    struct row_key lower;
    struct row_key upper;
    bool has_upper; /** false: the prefix is all FF, nothing lies behind it */
    bool is_empty;
};

void row_bounds_all(struct row_bounds *bounds, const struct row_key *prefix);
/** Raises the lower end to prefix + `rest`; open: behind it and all that begins with it. */
void row_bounds_from(struct row_bounds *bounds, str rest, bool is_open);
/** Lowers the upper end to behind prefix + `rest` and all that begins with it; open: to before
 *  it. */
void row_bounds_to(struct row_bounds *bounds, str rest, bool is_open);
/** Whether a key lies within. Every walk asks it for every key. */
bool row_bounds_hold(const struct row_bounds *bounds, str key);

/** What a stored key says; false when its bytes are not those of any key of that database. */
struct row_place {
    uint32_t tenant;
    bool is_log_entry;   /** changes */
    bool is_log_group;   /** changes: finds a group; `id` is the group */
    bool has_value;      /** whether a value belongs to this kind of key */
    uint16_t entity;     /** not outbox, system, log entries */
    struct id id;        /** record, target, or what a log finder finds */
    uint64_t sequence;   /** changes */
    enum system_row row; /** system */
};
bool row_key_parse(enum database database, str key, struct row_place *place_out);

/** Reads the fixed-width parts. */
uint16_t bytes_uint16(const char *at);
uint32_t bytes_uint32(const char *at);
uint64_t bytes_uint64(const char *at);
void bytes_put_uint32(char *at, uint32_t number);
void bytes_put_uint64(char *at, uint64_t number);
