#include "store/txn.h"

#include "base/require.h"
#include "store/walk.h"

/* Records. */

enum err txn_record_get_view(struct txn *txn, uint16_t entity, struct id id, str *value_out)
{
    struct row_key key;
    row_key_record(&key, &txn->space, entity, id);
    return row_get(txn, DATABASE_RECORDS, &key, value_out);
}

enum err txn_record_get(struct txn *txn, uint16_t entity, struct id id, struct arena *arena,
                        str *value_out)
{
    str view;
    TRY(txn_record_get_view(txn, entity, id, &view));
    *value_out = arena_copy(arena, view);
    return ERR_NONE;
}

void txn_record_put(struct txn *txn, uint16_t entity, struct id id, str value)
{
    struct row_key key;
    row_key_record(&key, &txn->space, entity, id);
    row_put(txn, DATABASE_RECORDS, &key, value);
}

void txn_record_delete(struct txn *txn, uint16_t entity, struct id id)
{
    struct row_key key;
    row_key_record(&key, &txn->space, entity, id);
    row_delete(txn, DATABASE_RECORDS, &key);
}

/* Index and text. */

void txn_index_put(struct txn *txn, uint16_t entity, uint16_t field, str ordered, struct id id)
{
    struct row_key key;
    row_key_index(&key, &txn->space, entity, field, ordered, id);
    row_put_empty(txn, DATABASE_INDEX, &key);
}

void txn_index_delete(struct txn *txn, uint16_t entity, uint16_t field, str ordered, struct id id)
{
    struct row_key key;
    row_key_index(&key, &txn->space, entity, field, ordered, id);
    row_delete(txn, DATABASE_INDEX, &key);
}

void txn_text_put(struct txn *txn, uint16_t entity, str token, struct id target, struct id source)
{
    struct row_key key;
    row_key_text(&key, &txn->space, entity, token, target, source);
    row_put_empty(txn, DATABASE_TEXT, &key);
}

void txn_text_delete(struct txn *txn, uint16_t entity, str token, struct id target,
                     struct id source)
{
    struct row_key key;
    row_key_text(&key, &txn->space, entity, token, target, source);
    row_delete(txn, DATABASE_TEXT, &key);
}
