#include "store/key.h"

#include "base/limits.h"
#include "base/require.h"

static_assert(TENANT_BYTES + 2 + 2 + KEY_INDEX_BYTES_MAX + 16 <= KEY_BYTES_MAX);
static_assert(TENANT_BYTES + 2 + KEY_TOKEN_BYTES_MAX + 1 + 32 <= KEY_BYTES_MAX);

static const char LOG_ENTRY = 0;
static const char LOG_FINDER = 1;
static const char LOG_GROUP = 2;

uint16_t bytes_uint16(const char *at)
{
    const uint8_t *bytes = (const uint8_t *)at;
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

uint32_t bytes_uint32(const char *at)
{
    return (uint32_t)bytes_uint16(at) << 16 | bytes_uint16(at + 2);
}

uint64_t bytes_uint64(const char *at)
{
    return (uint64_t)bytes_uint32(at) << 32 | bytes_uint32(at + 4);
}

void bytes_put_uint32(char *at, uint32_t number)
{
    for (int i = 0; i < 4; i++) at[i] = (char)(uint8_t)(number >> (24 - 8 * i));
}

void bytes_put_uint64(char *at, uint64_t number)
{
    bytes_put_uint32(at, (uint32_t)(number >> 32));
    bytes_put_uint32(at + 4, (uint32_t)number);
}

static void put(struct row_key *key, str bytes)
{
    require(bytes.len <= KEY_BYTES_MAX - key->len);
    if (bytes.len > 0) memcpy(key->bytes + key->len, bytes.at, bytes.len);
    key->len += bytes.len;
}

static void put_byte(struct row_key *key, char byte)
{
    put(key, (str){&byte, 1});
}

static void put_uint16(struct row_key *key, uint16_t number)
{
    put_byte(key, (char)(uint8_t)(number >> 8));
    put_byte(key, (char)(uint8_t)number);
}

static void put_uint64(struct row_key *key, uint64_t number)
{
    char bytes[8];
    bytes_put_uint64(bytes, number);
    put(key, (str){bytes, 8});
}

void row_prefix_tenant(struct row_key *key, uint32_t number)
{
    bytes_put_uint32(key->bytes, number);
    key->len = TENANT_BYTES;
}

void row_prefix_records(struct row_key *key, const struct space *space, uint16_t entity)
{
    row_prefix_tenant(key, space->number);
    put_uint16(key, entity);
}

void row_prefix_index(struct row_key *key, const struct space *space, uint16_t entity,
                      uint16_t field)
{
    row_prefix_records(key, space, entity);
    put_uint16(key, field);
}

void row_prefix_log(struct row_key *key, const struct space *space)
{
    row_prefix_tenant(key, space->number);
    put_byte(key, LOG_ENTRY);
}

void row_prefix_log_of(struct row_key *key, const struct space *space, uint16_t entity,
                       struct id record)
{
    row_prefix_tenant(key, space->number);
    put_byte(key, LOG_FINDER);
    put_uint16(key, entity);
    put(key, id_bytes(&record));
}

void row_prefix_log_group(struct row_key *key, const struct space *space, struct id group)
{
    row_prefix_tenant(key, space->number);
    put_byte(key, LOG_GROUP);
    put(key, id_bytes(&group));
}

void row_prefix_outbox(struct row_key *key, const struct space *space)
{
    row_prefix_tenant(key, space->number);
}

void row_prefix_system(struct row_key *key, const struct space *space, enum system_row row)
{
    row_prefix_tenant(key, space->number);
    put_byte(key, (char)row);
}

void row_key_record(struct row_key *key, const struct space *space, uint16_t entity, struct id id)
{
    row_prefix_records(key, space, entity);
    put(key, id_bytes(&id));
}

void row_key_index(struct row_key *key, const struct space *space, uint16_t entity, uint16_t field,
                   str ordered, struct id id)
{
    require(ordered.len <= KEY_INDEX_BYTES_MAX);
    row_prefix_index(key, space, entity, field);
    put(key, ordered);
    put(key, id_bytes(&id));
}

void row_key_text(struct row_key *key, const struct space *space, uint16_t entity, str token,
                  struct id target, struct id source)
{
    token = str_first(token, KEY_TOKEN_BYTES_MAX);
    require(str_find_byte(token, 0) == SIZE_MAX);
    row_prefix_records(key, space, entity);
    put(key, token);
    put_byte(key, 0);
    put(key, id_bytes(&target));
    put(key, id_bytes(&source));
}

void row_key_log(struct row_key *key, const struct space *space, uint64_t sequence)
{
    row_prefix_log(key, space);
    put_uint64(key, sequence);
}

void row_key_log_of(struct row_key *key, const struct space *space, uint16_t entity,
                    struct id record, uint64_t sequence)
{
    row_prefix_log_of(key, space, entity, record);
    put_uint64(key, sequence);
}

void row_key_log_group(struct row_key *key, const struct space *space, struct id group,
                       uint64_t sequence)
{
    row_prefix_log_group(key, space, group);
    put_uint64(key, sequence);
}

void row_key_outbox(struct row_key *key, const struct space *space, int64_t due_ms, struct id id)
{
    row_prefix_outbox(key, space);
    put_uint64(key, (uint64_t)due_ms ^ (uint64_t)1 << 63);
    put(key, id_bytes(&id));
}

void row_key_system(struct row_key *key, const struct space *space, enum system_row row, str name)
{
    row_prefix_system(key, space, row);
    put(key, name);
}

bool row_key_join(struct row_key *key, const struct space *space, str rest)
{
    row_prefix_tenant(key, space->number);
    if (rest.len > KEY_BYTES_MAX - key->len) return false;
    put(key, rest);
    return true;
}

/* Bounds. */

/** Turns the bytes into the first ones behind all that begin with them; false when there are
 *  none. */
static bool step_behind(struct row_key *key)
{
    while (key->len > 0 && (uint8_t)key->bytes[key->len - 1] == 0xFF) key->len--;
    if (key->len == 0) return false;
    key->bytes[key->len - 1]++;
    return true;
}

static void key_copy(struct row_key *to, const struct row_key *from)
{
    to->len = from->len;
    memcpy(to->bytes, from->bytes, from->len);
}

void row_bounds_all(struct row_bounds *bounds, const struct row_key *prefix)
{
    require(prefix->len >= TENANT_BYTES);
    key_copy(&bounds->prefix, prefix);
    key_copy(&bounds->lower, prefix);
    key_copy(&bounds->upper, prefix);
    bounds->has_upper = step_behind(&bounds->upper);
    bounds->is_empty = false;
}

void row_bounds_from(struct row_bounds *bounds, str rest, bool is_open)
{
    struct row_key from;
    key_copy(&from, &bounds->prefix);
    put(&from, rest);
    if (is_open && !step_behind(&from)) {
        bounds->is_empty = true;
        return;
    }
    if (str_compare(row_key_str(&from), row_key_str(&bounds->lower)) > 0)
        key_copy(&bounds->lower, &from);
}

void row_bounds_to(struct row_bounds *bounds, str rest, bool is_open)
{
    struct row_key to;
    key_copy(&to, &bounds->prefix);
    put(&to, rest);
    if (!is_open && !step_behind(&to)) return;
    if (bounds->has_upper && str_compare(row_key_str(&to), row_key_str(&bounds->upper)) >= 0)
        return;
    key_copy(&bounds->upper, &to);
    bounds->has_upper = true;
}

bool row_bounds_hold(const struct row_bounds *bounds, str key)
{
    if (bounds->is_empty || !str_starts(key, row_key_str(&bounds->prefix))) return false;
    if (str_compare(key, row_key_str(&bounds->lower)) < 0) return false;
    return !bounds->has_upper || str_compare(key, row_key_str(&bounds->upper)) < 0;
}

/* Reading back. */

static bool parse_change(str rest, struct row_place *place)
{
    if (rest.len == 9 && rest.at[0] == LOG_ENTRY) {
        place->is_log_entry = place->has_value = true;
        place->sequence = bytes_uint64(rest.at + 1);
        return place->sequence > 0;
    }
    if (rest.len == 25 && rest.at[0] == LOG_GROUP) {
        place->is_log_group = true;
        memcpy(place->id.bytes, rest.at + 1, 16);
        place->sequence = bytes_uint64(rest.at + 17);
        return place->sequence > 0;
    }
    if (rest.len != 27 || rest.at[0] != LOG_FINDER) return false;
    place->entity = bytes_uint16(rest.at + 1);
    memcpy(place->id.bytes, rest.at + 3, 16);
    place->sequence = bytes_uint64(rest.at + 19);
    return place->sequence > 0;
}

static bool parse_text(str rest, struct row_place *place)
{
    if (rest.len < 2 + 1 + 32 || rest.len > 2 + KEY_TOKEN_BYTES_MAX + 1 + 32) return false;
    str token = {rest.at + 2, rest.len - 2 - 33};
    if (str_find_byte(token, 0) != SIZE_MAX || token.at[token.len] != 0) return false;
    place->entity = bytes_uint16(rest.at);
    memcpy(place->id.bytes, rest.at + rest.len - 32, 16);
    return true;
}

bool row_key_parse(enum database database, str key, struct row_place *place_out)
{
    *place_out = (struct row_place){};
    if (key.len < TENANT_BYTES || key.len > KEY_BYTES_MAX) return false;
    place_out->tenant = bytes_uint32(key.at);
    str rest = str_from(key, TENANT_BYTES);
    switch (database) {
    case DATABASE_RECORDS:
        if (rest.len != 18) return false;
        place_out->has_value = true;
        place_out->entity = bytes_uint16(rest.at);
        memcpy(place_out->id.bytes, rest.at + 2, 16);
        return true;
    case DATABASE_INDEX:
        if (rest.len < 20 || rest.len > 20 + KEY_INDEX_BYTES_MAX) return false;
        place_out->entity = bytes_uint16(rest.at);
        memcpy(place_out->id.bytes, rest.at + rest.len - 16, 16);
        return true;
    case DATABASE_TEXT:
        return parse_text(rest, place_out);
    case DATABASE_CHANGES:
        return parse_change(rest, place_out);
    case DATABASE_OUTBOX:
        place_out->has_value = true;
        return rest.len == 24;
    case DATABASE_SYSTEM:
        if (rest.len < 1 || (uint8_t)rest.at[0] >= SYSTEM_ROW_COUNT) return false;
        place_out->has_value = true;
        place_out->row = (enum system_row)rest.at[0];
        return true;
    }
    return false;
}
