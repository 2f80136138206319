#include "store/keyring.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/require.h"
#include "store/files.h"
#include "store/snapshot.h"
#include "value/value.h"

static const struct short_key NO_KEY;

static str bound_write(char room[20], uint32_t number, struct id uuid)
{
    bytes_put_uint32(room, number);
    memcpy(room + 4, uuid.bytes, 16);
    return (str){room, 20};
}

void wrapped_key_put(struct buf *out, const struct secret_key *master_key, uint32_t number,
                     struct id uuid, const struct secret_key *key)
{
    char room[20];
    str sealed = seal(out->arena, master_key, (str){(const char *)key->bytes, SECRET_KEY_BYTES},
                      bound_write(room, number, uuid));
    pack_list(out, 2);
    pack_bytes(out, id_bytes(&uuid));
    pack_bytes(out, sealed);
}

bool wrapped_key_read(str value, struct wrapped_key *wrapped_out)
{
    struct value list = value_of(value), uuid, sealed;
    struct cursor items = cursor_of(list.items);
    if (list.kind != VALUE_LIST || list.count != 2 || !value_next(&items, &uuid) ||
        uuid.kind != VALUE_BYTES || !id_of_bytes(uuid.text, &wrapped_out->uuid) ||
        !value_next(&items, &sealed) || sealed.kind != VALUE_BYTES ||
        sealed.text.len != SECRET_KEY_BYTES + SEAL_EXTRA_BYTES)
        return false;
    wrapped_out->sealed = sealed.text;
    return true;
}

enum err wrapped_key_open(const struct secret_key *master_key, uint32_t number,
                          const struct wrapped_key *wrapped, struct secret_key *key_out)
{
    char room[20];
    struct arena arena;
    arena_init(&arena, 64 * KIB);
    str plain;
    enum err err = unseal(&arena, master_key, wrapped->sealed,
                          bound_write(room, number, wrapped->uuid), &plain);
    if (err == ERR_NONE && plain.len != SECRET_KEY_BYTES) err = ERR_CORRUPT;
    if (err == ERR_NONE) {
        memcpy(key_out->bytes, plain.at, SECRET_KEY_BYTES);
        bytes_wipe((void *)plain.at, plain.len);
    }
    arena_drop(&arena);
    return err;
}

enum err master_key_read(struct task *task, str file, struct secret_key *key_out)
{
    char *name = arena_cstring(task->arena, file);
    int opened = open(name, O_RDONLY | O_CLOEXEC);
    if (opened < 0 && errno == ENOENT) return ERR_MISSING;
    if (opened < 0) return fail(task, ERR_SYSTEM, "%s: %s", name, strerror(errno));
    struct stat about;
    bool has_about = fstat(opened, &about) == 0;
    char bytes[SECRET_KEY_BYTES + 1];
    bool is_right = has_about && about.st_size == SECRET_KEY_BYTES &&
                    file_read(opened, bytes, SECRET_KEY_BYTES);
    close(opened);
    if (has_about && (about.st_mode & 077) != 0)
        return fail(task, ERR_SYSTEM, "%s can be read by others; chmod 600 it.", name);
    if (!is_right)
        return fail(task, ERR_CORRUPT, "%s is no key of %zu bytes.", name,
                    (size_t)SECRET_KEY_BYTES);
    memcpy(key_out->bytes, bytes, SECRET_KEY_BYTES);
    bytes_wipe(bytes, sizeof(bytes));
    return ERR_NONE;
}

enum err master_key_write(struct task *task, str file, const struct secret_key *key)
{
    return file_make(task, file, (str){(const char *)key->bytes, SECRET_KEY_BYTES});
}

void keyring_derive(const struct secret_key *instance_key, struct short_key *hash_key_out,
                    struct secret_key *chain_key_out)
{
    struct secret_key derived = key_derive(instance_key, 1, "rowhash_");
    static_assert(SHORT_HASH_KEY_BYTES <= SECRET_KEY_BYTES);
    memcpy(hash_key_out->bytes, derived.bytes, SHORT_HASH_KEY_BYTES);
    *chain_key_out = key_derive(instance_key, 2, "logchain");
    bytes_wipe(&derived, sizeof(derived));
}

/** Writes the instance's own key into an environment that has no row yet. */
static enum err instance_key_make(struct task *task, struct store *store, MDB_txn *mdb,
                                  const struct row_key *row_key, struct secret_key *key_out)
{
    MDB_stat stat;
    MDB_dbi system = store->databases[DATABASE_SYSTEM];
    if (mdb_stat(mdb, system, &stat) != 0 || stat.ms_entries != 0)
        return fail(task, ERR_CORRUPT, "data.mdb has rows but not the instance's key.");
    *key_out = key_random();
    store->instance_uuid = id_make();
    struct buf stored = buf_make(task->arena, 4 * KIB);
    buf_put(&stored, (str){"\0\0\0\0\0\0\0", VALUE_HASH_BYTES});
    wrapped_key_put(&stored, &store->master_key, 0, store->instance_uuid, key_out);
    bytes_put_uint64(stored.at,
                     row_hash(&NO_KEY, store->instance_uuid, DATABASE_SYSTEM, row_key_str(row_key),
                              str_from(buf_str(&stored), VALUE_HASH_BYTES)));
    MDB_val name = {row_key->len, (void *)row_key->bytes};
    MDB_val value = {stored.len, stored.at};
    int code = mdb_put(mdb, system, &name, &value, 0);
    if (code != 0) return fail(task, mdb_err(code), "data.mdb: %s", mdb_strerror(code));
    return ERR_NONE;
}

static enum err instance_key_read(struct task *task, struct store *store, str stored,
                                  const struct row_key *row_key, struct secret_key *key_out)
{
    struct wrapped_key wrapped;
    str value;
    if (!wrapped_key_read(str_from(stored, VALUE_HASH_BYTES), &wrapped) ||
        !row_open(&NO_KEY, wrapped.uuid, DATABASE_SYSTEM, row_key_str(row_key), stored, &value))
        return fail(task, ERR_CORRUPT, "The instance's key in data.mdb is damaged.");
    store->instance_uuid = wrapped.uuid;
    enum err err = wrapped_key_open(&store->master_key, 0, &wrapped, key_out);
    if (err != ERR_NONE)
        return fail(task, err, "master.key is not the key of this data directory.");
    return ERR_NONE;
}

enum err keyring_open(struct task *task, struct store *store)
{
    MDB_txn *mdb;
    int code = mdb_txn_begin(store->mdb, nullptr, 0, &mdb);
    if (code != 0) return fail(task, mdb_err(code), "data.mdb: %s", mdb_strerror(code));
    struct space instance = {.store = store};
    struct row_key row_key;
    struct secret_key key = {};
    row_key_system(&row_key, &instance, SYSTEM_KEY, S(""));
    MDB_val name = {row_key.len, row_key.bytes}, value;
    code = mdb_get(mdb, store->databases[DATABASE_SYSTEM], &name, &value);
    enum err err = ERR_NONE;
    if (code == 0)
        err = instance_key_read(task, store, (str){value.mv_data, value.mv_size}, &row_key, &key);
    else if (code == MDB_NOTFOUND) err = instance_key_make(task, store, mdb, &row_key, &key);
    else err = fail(task, mdb_err(code), "data.mdb: %s", mdb_strerror(code));
    if (err != ERR_NONE || code == 0) {
        mdb_txn_abort(mdb);
    } else {
        code = mdb_txn_commit(mdb);
        if (code != 0) err = fail(task, mdb_err(code), "data.mdb: %s", mdb_strerror(code));
    }
    if (err == ERR_NONE) {
        store->instance_key = key;
        keyring_derive(&key, &store->hash_key, &store->chain_key);
    }
    bytes_wipe(&key, sizeof(key));
    return err;
}
