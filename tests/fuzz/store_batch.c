/** store_batch: batches, and stored rows as damaged storage may give them. */
#include <stdlib.h>
#include <unistd.h>

#include "base/require.h"
#include "store/batch.h"
#include "store/change_log.h"
#include "store/files.h"
#include "store/keyring.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static char folder[] = "/tmp/atrium-fuzz-XXXXXX";
static MDB_env *mdb;
static MDB_dbi databases[DATABASE_COUNT];
static struct arena arena;
static struct task task;

static void folder_drop(void)
{
    mdb_env_close(mdb);
    unlink(path_join(&task, str_of(folder), "data.mdb"));
    unlink(path_join(&task, str_of(folder), "lock.mdb"));
    rmdir(folder);
    arena_drop(&arena);
}

static void folder_make(void)
{
    require(crypto_start() == ERR_NONE);
    require(mkdtemp(folder) != nullptr);
    arena_init(&arena, MIB);
    task_init(&task, &arena);
    require(mdb_open_folder(&task, str_of(folder), 16 * MIB, &mdb, databases) == ERR_NONE);
    atexit(folder_drop);
}

/** Whatever is applied must be readable as rows of the one tenant that the batch names. */
static void rows_check(MDB_txn *txn)
{
    bool has_tenant = false;
    uint32_t tenant = 0;
    for (uint32_t i = 0; i < DATABASE_COUNT; i++) {
        MDB_cursor *cursor;
        MDB_val key, value;
        require(mdb_cursor_open(txn, databases[i], &cursor) == 0);
        while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
            struct row_place place;
            require(row_key_parse((enum database)i, (str){key.mv_data, key.mv_size}, &place));
            require(!has_tenant || place.tenant == tenant);
            has_tenant = true;
            tenant = place.tenant;
        }
        mdb_cursor_close(cursor);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (mdb == nullptr) folder_make();
    str input = {(const char *)bytes, len};
    MDB_txn *txn;
    require(mdb_txn_begin(mdb, nullptr, 0, &txn) == 0);
    if (batch_apply(txn, databases, input) == 0) rows_check(txn);
    mdb_txn_abort(txn);

    struct log_row row;
    struct wrapped_keys wrapped;
    struct row_place place;
    if (log_row_read(1, input, &row)) require(row.head.len < len);
    if (wrapped_keys_read(input, &wrapped))
        for (uint32_t i = 0; i < wrapped.count; i++) require(wrapped.keys[i].sealed.len < len);
    for (uint32_t i = 0; i < DATABASE_COUNT; i++)
        (void)row_key_parse((enum database)i, input, &place);
    return 0;
}
