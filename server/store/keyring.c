#include "store/keyring.h"

#include "base/log.h"
#include "base/require.h"
#include "store/snapshot.h"
#include "value/value.h"

constexpr size_t OPENING_ARENA_BYTES = 64 * KIB;
constexpr uint32_t SLOT_WAYS = 4;
constexpr uint32_t SLOT_SETS = 512;

static const struct short_key NO_KEY;

/** The derived keys of one data key; id 0: free. */
struct slot {
    uint32_t number;
    uint32_t id;
    struct id uuid;
    struct secret_key keys[KEY_PURPOSE_COUNT];
};

/** `lock` guards all of it; it is held for a few instructions, and never over an allocation. */
struct keyring {
    pthread_rwlock_t lock;
    struct secret_key master;
    struct secret_key former;
    bool has_former;
    struct secret_key instance;
    uint32_t next_way;
    struct slot slots[SLOT_SETS * SLOT_WAYS];
};

void data_keys_wipe(struct data_keys *keys)
{
    bytes_wipe(keys, sizeof *keys);
}

/* Wrapped. */

static str bound_write(char room[24], uint32_t number, struct id uuid,
                       const struct wrapped_key *key)
{
    bytes_put_uint32(room, number);
    memcpy(room + 4, uuid.bytes, 16);
    if (key->is_of_old_form) return (str){room, 20};
    bytes_put_uint32(room + 20, key->id);
    return (str){room, 24};
}

void wrapped_keys_put(struct buf *out, const struct secret_key *master_key, uint32_t number,
                      struct id uuid, const struct data_keys *keys)
{
    require(keys->count >= 1);
    require(keys->count <= DATA_KEYS_MAX);
    pack_list(out, 2);
    pack_bytes(out, id_bytes(&uuid));
    pack_list(out, 3 * keys->count);
    for (uint32_t at = 0; at < keys->count; at++) {
        const struct data_key *key = &keys->keys[at];
        struct wrapped_key wrapped = {.id = key->id};
        char room[24];
        pack_int(out, key->id);
        pack_bytes(out, seal(out->arena, master_key,
                             (str){(const char *)key->key.bytes, SECRET_KEY_BYTES},
                             bound_write(room, number, uuid, &wrapped)));
        pack_int(out, key->made_at_ms);
    }
}

static bool is_sealed_key(const struct value *sealed)
{
    return sealed->kind == VALUE_BYTES && sealed->text.len == SECRET_KEY_BYTES + SEAL_EXTRA_BYTES;
}

bool wrapped_keys_read(str value, struct wrapped_keys *wrapped_out)
{
    struct value list = value_of(value), uuid, keys, id, sealed, made_at;
    struct cursor items = cursor_of(list.items);
    if (list.kind != VALUE_LIST || list.count != 2 || !value_next(&items, &uuid) ||
        uuid.kind != VALUE_BYTES || !id_of_bytes(uuid.text, &wrapped_out->uuid) ||
        !value_next(&items, &keys))
        return false;
    if (is_sealed_key(&keys)) {
        wrapped_out->count = 1;
        wrapped_out->keys[0] =
            (struct wrapped_key){.id = DATA_KEY_FIRST, .is_of_old_form = true, .sealed = keys.text};
        return true;
    }
    if (keys.kind != VALUE_LIST || keys.count == 0 || keys.count % 3 != 0 ||
        keys.count / 3 > DATA_KEYS_MAX)
        return false;
    wrapped_out->count = keys.count / 3;
    items = cursor_of(keys.items);
    for (uint32_t at = 0; at < wrapped_out->count; at++) {
        if (!value_next(&items, &id) || !value_next(&items, &sealed) ||
            !value_next(&items, &made_at) || id.kind != VALUE_INT || id.integer < 1 ||
            id.integer > UINT32_MAX || !is_sealed_key(&sealed) || made_at.kind != VALUE_INT)
            return false;
        wrapped_out->keys[at] = (struct wrapped_key){
            .id = (uint32_t)id.integer, .made_at_ms = made_at.integer, .sealed = sealed.text};
    }
    return true;
}

static enum err wrapped_key_open(const struct secret_key *master_key, uint32_t number,
                                 struct id uuid, const struct wrapped_key *wrapped,
                                 struct data_key *key_out)
{
    char room[24];
    struct arena arena;
    arena_init(&arena, OPENING_ARENA_BYTES);
    str plain;
    enum err err = unseal(&arena, master_key, wrapped->sealed,
                          bound_write(room, number, uuid, wrapped), &plain);
    if (err == ERR_NONE && plain.len != SECRET_KEY_BYTES) err = ERR_CORRUPT;
    if (err == ERR_NONE) {
        *key_out = (struct data_key){.id = wrapped->id, .made_at_ms = wrapped->made_at_ms};
        memcpy(key_out->key.bytes, plain.at, SECRET_KEY_BYTES);
        bytes_wipe((void *)plain.at, plain.len);
    }
    arena_drop(&arena);
    return err;
}

enum err wrapped_keys_open(const struct secret_key *master_key, uint32_t number,
                           const struct wrapped_keys *wrapped, struct data_keys *keys_out)
{
    enum err err = ERR_NONE;
    keys_out->count = wrapped->count;
    for (uint32_t at = 0; at < wrapped->count && err == ERR_NONE; at++)
        err = wrapped_key_open(master_key, number, wrapped->uuid, &wrapped->keys[at],
                               &keys_out->keys[at]);
    if (err != ERR_NONE) data_keys_wipe(keys_out);
    return err;
}

enum err keyring_open_keys(struct store *store, uint32_t number, const struct wrapped_keys *wrapped,
                           struct data_keys *keys_out)
{
    struct secret_key master_key = keyring_master(store->keyring);
    enum err err = wrapped_keys_open(&master_key, number, wrapped, keys_out);
    if (err == ERR_CORRUPT && keyring_former(store->keyring, &master_key))
        err = wrapped_keys_open(&master_key, number, wrapped, keys_out);
    bytes_wipe(&master_key, sizeof master_key);
    return err;
}

/* The instance's own. */

static void set_instance(struct keyring *keyring, const struct secret_key *instance_key)
{
    pthread_rwlock_wrlock(&keyring->lock);
    keyring->instance = *instance_key;
    pthread_rwlock_unlock(&keyring->lock);
}

void keyring_add_instance(struct store *store, const struct secret_key *instance_key)
{
    struct chain_keys *chain_keys = &store->chain_keys;
    uint32_t count = atomic_load(&chain_keys->count);
    require(count < DATA_KEYS_MAX);
    chain_keys->keys[count] = key_derive(instance_key, 2, "logchain");
    atomic_store(&chain_keys->count, count + 1);
    set_instance(store->keyring, instance_key);
}

/** What is derived of the keys of the instance. */
static void instance_take(struct store *store, const struct data_keys *keys)
{
    struct secret_key derived = key_derive(&keys->keys[0].key, 1, "rowhash_");
    static_assert(SHORT_HASH_KEY_BYTES <= SECRET_KEY_BYTES);
    memcpy(store->hash_key.bytes, derived.bytes, SHORT_HASH_KEY_BYTES);
    bytes_wipe(&derived, sizeof derived);
    for (uint32_t at = 0; at < keys->count; at++) keyring_add_instance(store, &keys->keys[at].key);
}

/** Writes the instance's own key into an environment that has no row yet. */
static enum err instance_key_make(struct task *task, struct store *store, MDB_txn *mdb,
                                  const struct row_key *row_key, struct data_keys *keys_out)
{
    MDB_stat stat;
    MDB_dbi system = store->databases[DATABASE_SYSTEM];
    if (mdb_stat(mdb, system, &stat) != 0 || stat.ms_entries != 0)
        return fail(task, ERR_CORRUPT, "data.mdb has rows but not the instance's key.");
    *keys_out =
        (struct data_keys){.count = 1, .keys = {{.id = DATA_KEY_FIRST, .key = key_random()}}};
    store->instance_uuid = id_make();
    struct secret_key master_key = keyring_master(store->keyring);
    struct buf stored = buf_make(task->arena, 4 * KIB);
    buf_put(&stored, (str){"\0\0\0\0\0\0\0", VALUE_HASH_BYTES});
    wrapped_keys_put(&stored, &master_key, 0, store->instance_uuid, keys_out);
    bytes_wipe(&master_key, sizeof master_key);
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
                                  const struct row_key *row_key, struct data_keys *keys_out)
{
    struct wrapped_keys wrapped;
    str value;
    if (!wrapped_keys_read(str_from(stored, VALUE_HASH_BYTES), &wrapped) ||
        !row_open(&NO_KEY, wrapped.uuid, DATABASE_SYSTEM, row_key_str(row_key), stored, &value))
        return fail(task, ERR_CORRUPT, "The instance's key in data.mdb is damaged.");
    store->instance_uuid = wrapped.uuid;
    enum err err = keyring_open_keys(store, 0, &wrapped, keys_out);
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
    struct data_keys keys = {};
    row_key_system(&row_key, &instance, SYSTEM_KEY, S(""));
    MDB_val name = {row_key.len, row_key.bytes}, value;
    code = mdb_get(mdb, store->databases[DATABASE_SYSTEM], &name, &value);
    enum err err = ERR_NONE;
    if (code == 0)
        err = instance_key_read(task, store, (str){value.mv_data, value.mv_size}, &row_key, &keys);
    else if (code == MDB_NOTFOUND) err = instance_key_make(task, store, mdb, &row_key, &keys);
    else err = fail(task, mdb_err(code), "data.mdb: %s", mdb_strerror(code));
    if (err != ERR_NONE || code == 0) {
        mdb_txn_abort(mdb);
    } else {
        code = mdb_txn_commit(mdb);
        if (code != 0) err = fail(task, mdb_err(code), "data.mdb: %s", mdb_strerror(code));
    }
    if (err == ERR_NONE) instance_take(store, &keys);
    data_keys_wipe(&keys);
    return err;
}

/* Unwrapped. */

struct keyring *keyring_make(void)
{
    bool is_locked;
    struct keyring *keyring = locked_take(sizeof *keyring, &is_locked);
    if (!is_locked)
        log_warning("store", "keys may be written to swap: raise RLIMIT_MEMLOCK (ulimit -l)");
    pthread_rwlock_init(&keyring->lock, nullptr);
    return keyring;
}

void keyring_drop(struct keyring *keyring)
{
    if (keyring == nullptr) return;
    pthread_rwlock_destroy(&keyring->lock);
    locked_give(keyring);
}

void keyring_set_master(struct keyring *keyring, const struct secret_key *master_key,
                        const struct secret_key *former)
{
    pthread_rwlock_wrlock(&keyring->lock);
    keyring->master = *master_key;
    keyring->has_former = former != nullptr;
    if (former != nullptr) keyring->former = *former;
    else bytes_wipe(&keyring->former, sizeof keyring->former);
    pthread_rwlock_unlock(&keyring->lock);
}

struct secret_key keyring_master(struct keyring *keyring)
{
    pthread_rwlock_rdlock(&keyring->lock);
    struct secret_key master_key = keyring->master;
    pthread_rwlock_unlock(&keyring->lock);
    return master_key;
}

bool keyring_former(struct keyring *keyring, struct secret_key *former_out)
{
    pthread_rwlock_rdlock(&keyring->lock);
    bool has_former = keyring->has_former;
    if (has_former) *former_out = keyring->former;
    pthread_rwlock_unlock(&keyring->lock);
    return has_former;
}

struct secret_key keyring_instance(struct keyring *keyring)
{
    pthread_rwlock_rdlock(&keyring->lock);
    struct secret_key instance_key = keyring->instance;
    pthread_rwlock_unlock(&keyring->lock);
    return instance_key;
}

static struct slot *set_of(struct keyring *keyring, uint32_t number, uint32_t id)
{
    uint32_t hash = (number * 0x9E3779B1U) ^ (id * 0x85EBCA77U);
    return &keyring->slots[(hash >> 16) % SLOT_SETS * SLOT_WAYS];
}

static bool slot_find(struct keyring *keyring, const struct space *space, uint32_t id,
                      enum key_purpose purpose, struct secret_key *key_out)
{
    bool is_found = false;
    pthread_rwlock_rdlock(&keyring->lock);
    const struct slot *set = set_of(keyring, space->number, id);
    for (uint32_t way = 0; way < SLOT_WAYS && !is_found; way++) {
        is_found = set[way].id == id && set[way].number == space->number &&
                   id_eq(set[way].uuid, space->uuid);
        if (is_found) *key_out = set[way].keys[purpose];
    }
    pthread_rwlock_unlock(&keyring->lock);
    return is_found;
}

static struct secret_key derive_for(const struct secret_key *key, enum key_purpose purpose)
{
    switch (purpose) {
    case KEY_OF_FIELDS:
        return key_derive(key, 0, "vaultfld");
    case KEY_OF_BLINDS:
        return key_derive(key, 0, "blindidx");
    case KEY_OF_ROWS:
        return key_derive(key, 0, "rowseal_");
    case KEY_OF_UPLOADS:
        return key_derive(key, 0, "uploads_");
    }
    require(false);
    return *key;
}

/** A free place, or the next in turn. */
static void slot_keep(struct keyring *keyring, const struct space *space, const struct slot *made)
{
    pthread_rwlock_wrlock(&keyring->lock);
    struct slot *set = set_of(keyring, made->number, made->id), *place = nullptr;
    for (uint32_t way = 0; way < SLOT_WAYS; way++) {
        bool is_same = set[way].id == made->id && set[way].number == space->number;
        if (is_same) place = &set[way];
        else if (place == nullptr && set[way].id == 0) place = &set[way];
    }
    if (place == nullptr) place = &set[keyring->next_way++ % SLOT_WAYS];
    *place = *made;
    pthread_rwlock_unlock(&keyring->lock);
}

/** Opens the space's keys and keeps the one with this id. */
static enum err slot_make(struct txn *txn, uint32_t id, const struct wrapped_keys *wrapped,
                          enum key_purpose purpose, struct secret_key *key_out)
{
    struct data_keys keys;
    struct slot made = {.number = txn->space.number, .uuid = txn->space.uuid};
    TRY(keyring_open_keys(txn->store, txn->space.number, wrapped, &keys));
    for (uint32_t at = 0; at < keys.count; at++) {
        if (keys.keys[at].id != id) continue;
        made.id = id;
        for (uint32_t of = 0; of < KEY_PURPOSE_COUNT; of++)
            made.keys[of] = derive_for(&keys.keys[at].key, (enum key_purpose)of);
    }
    data_keys_wipe(&keys);
    if (made.id == 0) return ERR_MISSING;
    slot_keep(txn->store->keyring, &txn->space, &made);
    *key_out = made.keys[purpose];
    bytes_wipe(&made, sizeof made);
    return ERR_NONE;
}

/** Those of the transaction's space; views. */
static enum err wrapped_find(struct txn *txn, struct wrapped_keys *wrapped_out)
{
    struct row_key row_key;
    str value;
    row_key_system(&row_key, &txn->space, SYSTEM_KEY, S(""));
    TRY(row_get(txn, DATABASE_SYSTEM, &row_key, &value));
    bool is_right =
        wrapped_keys_read(value, wrapped_out) && id_eq(wrapped_out->uuid, txn->space.uuid);
    return is_right ? ERR_NONE : ERR_CORRUPT;
}

enum err keyring_find(struct txn *txn, uint32_t id, enum key_purpose purpose, uint32_t *id_out,
                      struct secret_key *key_out)
{
    struct keyring *keyring = txn->store->keyring;
    if (txn->space.number == 0) return ERR_MISSING;
    *id_out = id;
    if (id != 0 && slot_find(keyring, &txn->space, id, purpose, key_out)) return ERR_NONE;
    struct wrapped_keys wrapped;
    TRY(wrapped_find(txn, &wrapped));
    uint32_t newest = wrapped.keys[wrapped.count - 1].id;
    if (id == 0) {
        id = *id_out = newest;
        if (slot_find(keyring, &txn->space, id, purpose, key_out)) return ERR_NONE;
    }
    return slot_make(txn, id, &wrapped, purpose, key_out);
}

enum err keyring_ids(struct txn *txn, uint32_t ids_out[DATA_KEYS_MAX], uint32_t *count_out)
{
    ids_out[0] = DATA_KEY_FIRST;
    *count_out = 1;
    if (txn->space.number == 0) return ERR_NONE;
    struct wrapped_keys wrapped;
    TRY(wrapped_find(txn, &wrapped));
    for (uint32_t at = 0; at < wrapped.count; at++) ids_out[at] = wrapped.keys[at].id;
    *count_out = wrapped.count;
    return ERR_NONE;
}

void keyring_forget(struct keyring *keyring, uint32_t number)
{
    pthread_rwlock_wrlock(&keyring->lock);
    for (uint32_t at = 0; at < SLOT_SETS * SLOT_WAYS; at++)
        if (keyring->slots[at].number == number)
            bytes_wipe(&keyring->slots[at], sizeof keyring->slots[at]);
    pthread_rwlock_unlock(&keyring->lock);
}
