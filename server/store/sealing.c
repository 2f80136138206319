#include "store/sealing.h"

#include "base/random.h"
#include "base/require.h"
#include "store/keyring.h"
#include "store/snapshot.h"

constexpr char FORM_PLAIN = 1, FORM_BLIND = 2;
constexpr size_t HEAD_BYTES = 1 + 4;
constexpr size_t HEAD_BYTES_MAX = HEAD_BYTES + SEALED_BLIND_BYTES;

static_assert(SEALING_KEYS_MAX == DATA_KEYS_MAX);

bool sealed_read(str bytes, struct sealed *sealed_out)
{
    bool has_blind = bytes.len > 0 && bytes.at[0] == FORM_BLIND;
    size_t head_len = has_blind ? HEAD_BYTES_MAX : HEAD_BYTES;
    if (bytes.len < head_len + SEAL_EXTRA_BYTES || (!has_blind && bytes.at[0] != FORM_PLAIN))
        return false;
    *sealed_out = (struct sealed){.key_id = bytes_uint32(bytes.at + 1),
                                  .head = str_first(bytes, head_len),
                                  .rest = str_from(bytes, head_len)};
    if (has_blind) sealed_out->blind = str_from(sealed_out->head, HEAD_BYTES);
    return sealed_out->key_id != 0;
}

str sealed_index_key(str bytes)
{
    struct sealed sealed;
    if (!sealed_read(bytes, &sealed) || sealed.blind.len == 0) return (str){};
    return str_from(sealed.head, 1);
}

static str bound_of(struct arena *arena, const struct txn *txn, str head, str place)
{
    struct buf bound = buf_make(arena, 16 + HEAD_BYTES_MAX + place.len);
    buf_put(&bound, id_bytes(&txn->space.uuid));
    buf_put(&bound, head);
    buf_put(&bound, place);
    require(!buf_is_over(&bound));
    return buf_str(&bound);
}

static void blind_write(char out[SEALED_BLIND_BYTES], const struct secret_key *key, str group,
                        str text)
{
    static_assert(SEALED_BLIND_BYTES <= HASH_BYTES);
    const str parts[] = {group, text};
    struct hash hash = hash_of(key, parts, 2);
    memcpy(out, hash.bytes, SEALED_BLIND_BYTES);
}

enum err sealing_seal(struct txn *txn, struct arena *arena, str plain, str place, str group,
                      str found_by, str *sealed_out)
{
    struct secret_key key;
    char head_bytes[HEAD_BYTES_MAX] = {found_by.len > 0 ? FORM_BLIND : FORM_PLAIN};
    str head = {head_bytes, found_by.len > 0 ? HEAD_BYTES_MAX : HEAD_BYTES};
    uint32_t id;
    TRY(keyring_find(txn, 0, KEY_OF_FIELDS, &id, &key));
    bytes_put_uint32(head_bytes + 1, id);
    if (found_by.len > 0) {
        struct secret_key blind_key;
        TRY(keyring_find(txn, id, KEY_OF_BLINDS, &id, &blind_key));
        blind_write(head_bytes + HEAD_BYTES, &blind_key, group, found_by);
        bytes_wipe(&blind_key, sizeof blind_key);
    }
    struct buf out = buf_make(arena, HEAD_BYTES_MAX + plain.len + SEAL_EXTRA_BYTES);
    buf_put(&out, head);
    buf_put(&out, seal(arena, &key, plain, bound_of(arena, txn, head, place)));
    bytes_wipe(&key, sizeof key);
    require(!buf_is_over(&out));
    *sealed_out = buf_str(&out);
    return ERR_NONE;
}

enum err sealing_open(struct txn *txn, struct arena *arena, str bytes, str place, str *plain_out)
{
    struct sealed sealed;
    struct secret_key key;
    uint32_t id;
    if (!sealed_read(bytes, &sealed)) return ERR_CORRUPT;
    TRY(keyring_find(txn, sealed.key_id, KEY_OF_FIELDS, &id, &key));
    enum err err =
        unseal(arena, &key, sealed.rest, bound_of(arena, txn, sealed.head, place), plain_out);
    bytes_wipe(&key, sizeof key);
    return err;
}

bool sealing_is_newest(struct txn *txn, str bytes)
{
    struct sealed sealed;
    uint32_t ids[DATA_KEYS_MAX], count;
    return sealed_read(bytes, &sealed) && keyring_ids(txn, ids, &count) == ERR_NONE &&
           ids[count - 1] == sealed.key_id;
}

static enum err index_key_make(struct txn *txn, struct arena *arena, uint32_t id, str group,
                               str found_by, str *key_out)
{
    struct secret_key blind_key;
    char *bytes = arena_take_raw(arena, SEALED_KEY_BYTES);
    TRY(keyring_find(txn, id, KEY_OF_BLINDS, &id, &blind_key));
    bytes_put_uint32(bytes, id);
    blind_write(bytes + 4, &blind_key, group, found_by);
    bytes_wipe(&blind_key, sizeof blind_key);
    *key_out = (str){bytes, SEALED_KEY_BYTES};
    return ERR_NONE;
}

enum err sealing_index_keys(struct txn *txn, struct arena *arena, str group, str found_by,
                            str keys_out[SEALING_KEYS_MAX], uint32_t *count_out)
{
    uint32_t ids[DATA_KEYS_MAX];
    TRY(keyring_ids(txn, ids, count_out));
    for (uint32_t at = 0; at < *count_out; at++)
        TRY(index_key_make(txn, arena, ids[at], group, found_by, &keys_out[at]));
    return ERR_NONE;
}

bool sealing_is_same(struct txn *txn, str bytes, str group, str found_by)
{
    struct sealed sealed;
    struct secret_key blind_key;
    char blind[SEALED_BLIND_BYTES];
    uint32_t id;
    if (!sealed_read(bytes, &sealed) || sealed.blind.len == 0 ||
        keyring_find(txn, sealed.key_id, KEY_OF_BLINDS, &id, &blind_key) != ERR_NONE)
        return false;
    blind_write(blind, &blind_key, group, found_by);
    bytes_wipe(&blind_key, sizeof blind_key);
    return bytes_equal_secret(sealed.blind, (str){blind, sizeof blind});
}

/* The keys. */

static bool has_key(const struct data_keys *keys, uint32_t id)
{
    bool has = false;
    for (uint32_t at = 0; at < keys->count && !has; at++) has = keys->keys[at].id == id;
    return has;
}

enum err sealing_key_add(struct txn *txn, uint32_t *id_out)
{
    struct data_keys keys;
    TRY(txn_data_keys(txn, &keys));
    bool is_full = keys.count == DATA_KEYS_MAX;
    if (!is_full) {
        struct data_key *made = &keys.keys[keys.count];
        /* Random, so that one of a change that was undone is never taken for the next. */
        do random_fill(id_out, sizeof *id_out);
        while (*id_out <= DATA_KEY_FIRST || has_key(&keys, *id_out));
        *made = (struct data_key){.id = *id_out, .key = key_random()};
        if (txn->task != nullptr) made->made_at_ms = txn->task->now_ms;
        keys.count++;
        txn_data_keys_keep(txn, &keys);
    }
    data_keys_wipe(&keys);
    return is_full ? ERR_FULL : ERR_NONE;
}

enum err sealing_keys(struct txn *txn, struct sealing_key keys_out[SEALING_KEYS_MAX],
                      uint32_t *count_out)
{
    struct data_keys keys;
    TRY(txn_data_keys(txn, &keys));
    *count_out = keys.count;
    for (uint32_t at = 0; at < keys.count; at++)
        keys_out[at] = (struct sealing_key){keys.keys[at].id, keys.keys[at].made_at_ms};
    data_keys_wipe(&keys);
    return ERR_NONE;
}

enum err sealing_key_drop(struct txn *txn, uint32_t id)
{
    struct data_keys keys, left = {};
    TRY(txn_data_keys(txn, &keys));
    require(data_key_newest(&keys)->id != id);
    for (uint32_t at = 0; at < keys.count; at++)
        if (keys.keys[at].id != id) left.keys[left.count++] = keys.keys[at];
    if (left.count < keys.count) txn_data_keys_keep(txn, &left);
    data_keys_wipe(&keys);
    data_keys_wipe(&left);
    return ERR_NONE;
}

void sealing_forget(const struct space *space)
{
    keyring_forget(space->store->keyring, space->number);
}
