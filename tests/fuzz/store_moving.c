/** store_moving: files of moving tenants. The first byte chooses: the rest is the file behind its
 *  magic, or it is the plain values of a tenant, sealed rightly but without an end. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/require.h"
#include "store/archive.h"
#include "store/files.h"
#include "store/keyring.h"
#include "store/master.h"
#include "store/moving.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static char folder[] = "/tmp/atrium-fuzz-XXXXXX";
static struct store *store;
static struct secret_key file_key;
static uint32_t number;

static void drop(void)
{
    static const char *const names[] = {"data.mdb",   "lock.mdb", "master.key",
                                        "owner.lock", "t",        "t.key"};
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

static void make(struct task *task)
{
    require(crypto_start() == ERR_NONE);
    require(mkdtemp(folder) != nullptr);
    const struct store_options options = {.folder = str_of(folder), .map_bytes = 64 * MIB};
    require(store_open(task, &options, &store) == ERR_NONE);
    memset(file_key.bytes, 7, SECRET_KEY_BYTES);
    str file = str_of(path_join(task, str_of(folder), "t.key"));
    require(file_key_write(task, file, &file_key) == ERR_NONE);
    atexit(drop);
}

static enum err begin(struct moving_import *, str, struct id uuid, struct space *space_out)
{
    *space_out = store_space(store, ++number, uuid);
    return ERR_NONE;
}

static void head_put(struct buf *out, char kind, str bytes)
{
    char head[5] = {kind};
    bytes_put_uint32(head + 1, (uint32_t)bytes.len);
    buf_put(out, (str){head, 5});
    buf_put(out, bytes);
}

/** One space whose values are these bytes, in one chunk. */
static void sealed_put(struct arena *arena, struct buf *out, str values)
{
    struct secret_key data_key = file_key, stream_key = archive_space_key(&data_key, 1);
    struct buf wrapped = buf_make(arena, KIB), head = buf_make(arena, KIB);
    struct data_keys keys = {.count = 1, .keys = {{.id = DATA_KEY_FIRST, .key = data_key}}};
    wrapped_keys_put(&wrapped, &file_key, 1, id_make(), &keys);
    pack_list(&head, 2);
    pack_int(&head, 1);
    pack_bytes(&head, buf_str(&wrapped));
    head_put(out, 'S', buf_str(&head));
    struct seal_stream stream;
    uint8_t stream_head[STREAM_HEADER_BYTES];
    seal_stream_start(&stream, &stream_key, stream_head);
    buf_put(out, (str){(char *)stream_head, STREAM_HEADER_BYTES});
    char *chunk = arena_take_raw(arena, 4 + values.len + STREAM_EXTRA_BYTES);
    bytes_put_uint32(chunk, (uint32_t)(values.len + STREAM_EXTRA_BYTES));
    seal_stream_push(&stream, values, true, chunk + 4);
    buf_put(out, (str){chunk, 4 + values.len + STREAM_EXTRA_BYTES});
    head_put(out, 'E', S("no end"));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len == 0 || len > ARCHIVE_CHUNK_BYTES) return 0;
    struct arena arena;
    struct task task;
    arena_init(&arena, 16 * MIB);
    task_init(&task, &arena);
    if (store == nullptr) make(&task);
    struct buf out = buf_make(&arena, MIB);
    char version[4];
    bytes_put_uint32(version, ARCHIVE_VERSION);
    buf_put(&out, (str){MOVE_MAGIC, sizeof MOVE_MAGIC});
    buf_put(&out, (str){version, 4});
    str rest = {(const char *)bytes + 1, len - 1};
    if ((bytes[0] & 1) != 0) buf_put(&out, rest);
    else sealed_put(&arena, &out, rest);
    char *file = path_join(&task, str_of(folder), "t");
    int opened = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    require(opened >= 0 && file_write(opened, buf_str(&out)));
    close(opened);
    struct moving_import import = {.file = str_of(file), .begin = begin};
    require(moving_import(&task, store, &import) == ERR_CORRUPT);
    if (import.space.number != 0) require(moving_erase(&task, &import.space, false) == ERR_NONE);
    arena_drop(&arena);
    return 0;
}
