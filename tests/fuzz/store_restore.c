/** store_restore: backup files. The first byte chooses: the rest is the file behind its magic, or
 *  it is the rows of the instance, sealed rightly. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/require.h"
#include "store/archive.h"
#include "store/files.h"
#include "store/keyring.h"
#include "store/master.h"
#include "value/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static char folder[] = "/tmp/atrium-fuzz-XXXXXX";
static struct secret_key master_key;

static void folder_drop(void)
{
    struct arena arena;
    struct task task;
    arena_init(&arena, MIB);
    task_init(&task, &arena);
    unlink(path_join(&task, str_of(folder), "backup"));
    unlink(path_join(&task, str_of(folder), "backup.key"));
    rmdir(folder);
    arena_drop(&arena);
}

static void folder_make(struct task *task)
{
    require(crypto_start() == ERR_NONE);
    require(mkdtemp(folder) != nullptr);
    memset(master_key.bytes, 7, SECRET_KEY_BYTES);
    str file = str_of(path_join(task, str_of(folder), "backup.key"));
    require(file_key_write(task, file, &master_key) == ERR_NONE);
    atexit(folder_drop);
}

static void head_put(struct buf *out, char kind, str bytes)
{
    char head[5] = {kind};
    bytes_put_uint32(head + 1, (uint32_t)bytes.len);
    buf_put(out, (str){head, 5});
    buf_put(out, bytes);
}

/** A file of one space whose rows are these bytes, in one chunk. The running hash is over the
 *  pieces as the reader takes them. */
static void archive_put(struct arena *arena, struct buf *out, str rows)
{
    struct secret_key data_key = master_key;
    struct secret_key space_key = archive_space_key(&data_key, 0);
    struct buf wrapped = buf_make(arena, KIB), head = buf_make(arena, KIB);
    struct data_keys keys = {.count = 1, .keys = {{.id = DATA_KEY_FIRST, .key = data_key}}};
    wrapped_keys_put(&wrapped, &master_key, 0, (struct id){}, &keys);
    pack_list(&head, 2);
    pack_int(&head, 0);
    pack_bytes(&head, buf_str(&wrapped));
    head_put(out, 'S', buf_str(&head));
    struct seal_stream stream;
    uint8_t stream_head[STREAM_HEADER_BYTES];
    seal_stream_start(&stream, &space_key, stream_head);
    buf_put(out, (str){(char *)stream_head, STREAM_HEADER_BYTES});
    char *chunk = arena_take_raw(arena, 4 + rows.len + STREAM_EXTRA_BYTES);
    bytes_put_uint32(chunk, (uint32_t)(rows.len + STREAM_EXTRA_BYTES));
    seal_stream_push(&stream, rows, true, chunk + 4);
    buf_put(out, (str){chunk, 4 + rows.len + STREAM_EXTRA_BYTES});
    head_put(out, 'E', S("no end"));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len == 0 || len > ARCHIVE_CHUNK_BYTES) return 0;
    struct arena arena;
    struct task task;
    arena_init(&arena, 16 * MIB);
    task_init(&task, &arena);
    if (master_key.bytes[0] == 0) folder_make(&task);
    struct buf out = buf_make(&arena, MIB);
    char version[4];
    bytes_put_uint32(version, ARCHIVE_VERSION);
    buf_put(&out, (str){ARCHIVE_MAGIC, sizeof(ARCHIVE_MAGIC)});
    buf_put(&out, (str){version, 4});
    str rest = {(const char *)bytes + 1, len - 1};
    if ((bytes[0] & 1) != 0) buf_put(&out, rest);
    else archive_put(&arena, &out, rest);

    char *file = path_join(&task, str_of(folder), "backup");
    int opened = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    require(opened >= 0 && file_write(opened, buf_str(&out)));
    close(opened);
    char *restored = path_join(&task, str_of(folder), "restored");
    require(store_restore(&task, str_of(file), S(""), nullptr, str_of(restored)) == ERR_CORRUPT);
    require(access(restored, F_OK) != 0);
    arena_drop(&arena);
    return 0;
}
