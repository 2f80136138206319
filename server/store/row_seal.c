#include "store/row_seal.h"

#include "base/require.h"
#include "store/keyring.h"
#include "value/value.h"

/** Before the sealed bytes, so that values from before they were sealed are known. */
static const str SEALED_MARK = S("atrium:sealed");
constexpr size_t SEALED_HEAD_BYTES_MAX = 8; /** of MessagePack, before them */

static str row_bound(struct arena *arena, const struct txn *txn, enum system_row row, uint32_t id,
                     str key)
{
    struct buf bound = buf_make(arena, 16 + 1 + 4 + key.len);
    char id_bytes_room[4];
    bytes_put_uint32(id_bytes_room, id);
    buf_put(&bound, id_bytes(&txn->space.uuid));
    buf_put_byte(&bound, (char)row);
    buf_put(&bound, (str){id_bytes_room, 4});
    buf_put(&bound, key);
    return buf_str(&bound);
}

void sealed_value_put(struct txn *txn, struct buf *built, enum system_row row, str key, str value)
{
    struct secret_key seal_key;
    uint32_t id;
    char id_room[4];
    enum err err = keyring_find(txn, 0, KEY_OF_ROWS, &id, &seal_key);
    if (err != ERR_NONE) {
        /* Where there is a key that cannot be had, the value must not be kept open. */
        if (err != ERR_MISSING) txn->broken = err;
        pack_raw(built, value);
        return;
    }
    bytes_put_uint32(id_room, id);
    size_t len = SEALED_MARK.len + sizeof id_room + value.len + SEAL_EXTRA_BYTES;
    (void)buf_room(built, len + SEALED_HEAD_BYTES_MAX);
    pack_bytes_head(built, len);
    buf_put(built, SEALED_MARK);
    buf_put(built, (str){id_room, sizeof id_room});
    char *room = buf_room(built, value.len + SEAL_EXTRA_BYTES);
    require(room != nullptr);
    seal_into(room, &seal_key, value, row_bound(&txn->arena, txn, row, id, key));
    buf_grew(built, value.len + SEAL_EXTRA_BYTES);
    bytes_wipe(&seal_key, sizeof seal_key);
}

/** Whether a stored value is sealed, and under which key. */
static bool value_is_sealed(str stored, uint32_t *id_out, str *sealed_out)
{
    struct value bytes = value_of(stored);
    if (bytes.kind != VALUE_BYTES || !str_starts(bytes.text, SEALED_MARK) ||
        bytes.text.len < SEALED_MARK.len + 4 + SEAL_EXTRA_BYTES)
        return false;
    *id_out = bytes_uint32(bytes.text.at + SEALED_MARK.len);
    *sealed_out = str_from(bytes.text, SEALED_MARK.len + 4);
    return true;
}

enum err sealed_value_open(struct txn *txn, enum system_row row, str key, str stored,
                           struct arena *arena, str *value_out)
{
    uint32_t id, found;
    str sealed;
    struct secret_key row_key;
    if (!value_is_sealed(stored, &id, &sealed))
        return *value_out = arena_copy(arena, stored), ERR_NONE;
    TRY(keyring_find(txn, id, KEY_OF_ROWS, &found, &row_key));
    enum err err = unseal(arena, &row_key, sealed, row_bound(arena, txn, row, id, key), value_out);
    bytes_wipe(&row_key, sizeof row_key);
    return err;
}
