/** store_sealing: bytes of sealed values, as a damaged or altered store would hold them: read,
 *  opened and compared, none is taken for what was sealed. The first byte chooses how the rest is
 *  used. */
#include <stdlib.h>
#include <unistd.h>

#include "base/require.h"
#include "store/files.h"
#include "store/keyring.h"
#include "store/sealing.h"
#include "store/snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const str PLACE = S("place"), GROUP = S("group"), TEXT = S("DE89370400440532013000");
static char folder[] = "/tmp/atrium-fuzz-XXXXXX";
static struct store *store;
static struct space space;

static void drop(void)
{
    static const char *const names[] = {"data.mdb", "lock.mdb", "master.key", "owner.lock"};
    struct arena arena;
    struct task task;
    arena_init(&arena, MIB);
    task_init(&task, &arena);
    store_close(store);
    for (size_t at = 0; at < sizeof names / sizeof names[0]; at++)
        unlink(path_join(&task, str_of(folder), names[at]));
    rmdir(folder);
    arena_drop(&arena);
}

static enum err make_key(struct work *, struct txn *txn)
{
    txn_data_key_make(txn);
    return ERR_NONE;
}

static void make(struct task *task)
{
    require(crypto_start() == ERR_NONE);
    require(mkdtemp(folder) != nullptr);
    const struct store_options options = {.folder = str_of(folder), .map_bytes = 64 * MIB};
    require(store_open(task, &options, &store) == ERR_NONE);
    space = store_space(store, 1, id_make());
    struct work work = {.run = make_key};
    require(store_write(store, &space, &work) == ERR_NONE);
    atexit(drop);
}

/** Some bytes of sealed ones put in the place of others: never the same text elsewhere. */
static void alter(struct txn *txn, struct arena *arena, str input)
{
    str sealed, plain;
    require(sealing_seal(txn, arena, TEXT, PLACE, GROUP, TEXT, &sealed) == ERR_NONE);
    char *copy = (char *)arena_copy(arena, sealed).at;
    bool is_other = false;
    for (size_t at = 0; at + 1 < input.len; at += 2) {
        size_t place = (uint8_t)input.at[at] % sealed.len;
        copy[place] ^= input.at[at + 1];
    }
    is_other = memcmp(copy, sealed.at, sealed.len) != 0;
    enum err err = sealing_open(txn, arena, (str){copy, sealed.len}, PLACE, &plain);
    require((err == ERR_NONE) == !is_other);
    require(err != ERR_NONE || str_eq(plain, TEXT));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len == 0) return 0;
    struct arena arena;
    struct task task;
    struct txn *txn;
    struct sealed sealed;
    struct wrapped_keys wrapped;
    struct data_keys keys;
    arena_init(&arena, MIB);
    task_init(&task, &arena);
    if (store == nullptr) make(&task);
    require(txn_open(&task, &space, &txn) == ERR_NONE);
    str input = {(const char *)bytes + 1, len - 1}, plain;
    if (bytes[0] % 3 == 0) {
        alter(txn, &arena, input);
    } else if (bytes[0] % 3 == 1) {
        if (sealed_read(input, &sealed)) require(sealed.head.len + sealed.rest.len == input.len);
        require(sealed_index_key(input).len <= SEALED_KEY_BYTES);
        require(sealing_open(txn, &arena, input, PLACE, &plain) != ERR_NONE);
        (void)sealing_is_same(txn, input, GROUP, TEXT);
        (void)sealing_is_newest(txn, input);
    } else if (wrapped_keys_read(input, &wrapped)) {
        require(wrapped.count >= 1 && wrapped.count <= DATA_KEYS_MAX);
        require(keyring_open_keys(store, 1, &wrapped, &keys) != ERR_NONE);
    }
    txn_close(txn);
    arena_drop(&arena);
    return 0;
}
