/** row_seal: values of rows that hold what people sent, sealed under the tenant's key: what a
 *  record seals must not lie open beside it, and goes when the tenant's key goes.
 *
 *  Floor   store, inside.
 *  Thread  that of its transaction.
 *  Bytes   MessagePack bin: `atrium:sealed` | key id 4, big-endian | nonce 24 | value | tag 16.
 *          Associated data: uuid of the tenant 16 | kind of row 1 | key id 4 | key. Whatever else
 *          is stored is a value from before it was sealed, or of a space that never had a key.
 */
#pragma once

#include "store/snapshot.h"

/** Appends the value sealed, in one copy, for it may be large; as it is in a space that never had a
 *  key. Where the key cannot be read, nothing of the work is kept. `built` is that of row_build. */
void sealed_value_put(struct txn *txn, struct buf *built, enum system_row row, str key, str value);
/** A copy of the value. ERR_CORRUPT; ERR_MISSING: its key is gone. */
enum err sealed_value_open(struct txn *txn, enum system_row row, str key, str stored,
                           struct arena *arena, str *value_out);
