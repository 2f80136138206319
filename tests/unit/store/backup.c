#include "test.h"

#include "store/keyring.h"
#include "store/snapshot.h"
#include "store/environment.h"
#include "store_test.h"
#include "value/value.h"

static struct id id_of(uint64_t number)
{
    struct id id = {};
    bytes_put_uint64((char *)id.bytes, number);
    return id;
}

/* Rows of every kind in three tenants and the instance; one tenant has no data key. */

struct fill_work {
    struct work work;
    bool makes_key;
};

static const char LARGE[200'000] = {(char)0xC6, 0x00, 0x03, 0x0D, 0x3B};

static enum err fill(struct work *work, struct txn *txn)
{
    if (((struct fill_work *)work)->makes_key) txn_data_key_make(txn);
    for (uint64_t i = 0; i < 300; i++) {
        txn_record_put(txn, 1, id_of(i), S("\xAFmarker of value"));
        txn_index_put(txn, 1, 2, S("abc"), id_of(i));
        txn_text_put(txn, 1, S("word"), id_of(i), id_of(i));
        txn_log_append(txn, &(struct log_entry){.entity = 1,
                                                .record = id_of(i),
                                                .body = S("\xA3"
                                                          "log")});
    }
    /* Larger than a chunk, so that rows span chunks. */
    txn_record_put(txn, 2, id_of(1), (str){LARGE, sizeof(LARGE)});
    txn_outbox_put(txn, &(struct outbox_entry){
                            .id = id_of(1), .due_ms = 5, .kind = S("mail"), .body = S("\xC0")});
    txn_system_put(txn, SYSTEM_COUNTER, S("invoice"), S("\x07"));
    return ERR_NONE;
}

static struct space space_of(struct store *store, uint32_t number)
{
    return number == 0 ? store_instance(store) : store_space(store, number, id_of(number));
}

static const uint32_t TENANTS[] = {0, 1, 2, 0xFFFFFFFF};

/** A hash over all that can be read of the tenants. */
static struct hash all_rows(struct test_store *test)
{
    struct hash hash = {};
    for (size_t i = 0; i < 4; i++) {
        struct space space = space_of(test->store, TENANTS[i]);
        struct txn *txn;
        check_int(txn_open(&test->task.task, &space, &txn), ERR_NONE);
        struct scan_range all = {.is_unbounded_from = true, .is_unbounded_to = true};
        struct scan_entry entry;
        bool has_entry = true;
        for (uint16_t entity = 1; entity <= 2; entity++) {
            struct scan *scan = scan_records(txn, entity, &all);
            while (scan_next(scan, &has_entry, &entry) == ERR_NONE && has_entry) {
                str parts[] = {{(char *)hash.bytes, HASH_BYTES}, id_bytes(&entry.id), entry.value};
                hash = hash_of(nullptr, parts, 3);
            }
        }
        uint32_t count;
        check_int(scan_index_count(txn, 1, 2, &all, 1000, &count), ERR_NONE);
        check_int(count, 300);
        check_int(scan_text_count(txn, 1, &all, 1000, &count), ERR_NONE);
        check_int(count, 300);
        check_int(txn_log_newest(txn), 300);
        struct data_keys keys = {};
        enum err err = txn_data_keys(txn, &keys);
        struct secret_key key = keys.keys[0].key;
        check_int(err, TENANTS[i] == 2 ? ERR_MISSING : ERR_NONE);
        str parts[] = {{(char *)hash.bytes, HASH_BYTES}, {(char *)key.bytes, SECRET_KEY_BYTES}};
        hash = hash_of(nullptr, parts, 2);
        txn_close(txn);
    }
    return hash;
}

/** Tenant 2 has no data key. */
static void store_fill(struct test_store *test)
{
    test_store_open(test);
    for (size_t i = 0; i < 4; i++) {
        struct space space = space_of(test->store, TENANTS[i]);
        struct fill_work own = {.work.run = fill,
                                .makes_key = TENANTS[i] == 1 || TENANTS[i] == 0xFFFFFFFF};
        check_int(store_write(test->store, &space, &own.work), ERR_NONE);
    }
}

struct name_work {
    struct work work;
    struct arena *arena;
};

/** What access/ keeps of tenant 2. */
static enum err name_tenant(struct work *work, struct txn *txn)
{
    struct buf out = buf_make(((struct name_work *)work)->arena, 100);
    struct id uuid = id_of(2);
    pack_map(&out, 1);
    pack_text(&out, S("uuid"));
    pack_bytes(&out, id_bytes(&uuid));
    txn_system_put(txn, SYSTEM_TENANT, (str){"\0\0\0\2", 4}, buf_str(&out));
    return ERR_NONE;
}

struct test_report {
    struct check_report report;
    uint32_t tenant;
};

static void count_fault(struct check_report *report, uint32_t tenant, str what)
{
    ((struct test_report *)report)->tenant = tenant;
    fprintf(stderr, "tenant %u: %.*s\n", tenant, FMT(what));
}

static uint64_t faults(struct test_store *test, uint32_t *tenant_out)
{
    struct test_report report = {.report.found = count_fault};
    check_int(store_check(&test->task.task, test->store, &report.report), ERR_NONE);
    check(report.report.keys_checked > 1000);
    if (tenant_out != nullptr) *tenant_out = report.tenant;
    return report.report.fault_count;
}

static void tenants_name(struct test_store *test)
{
    struct space instance = store_instance(test->store);
    struct name_work own = {.work.run = name_tenant, .arena = &test->task.arena};
    check_int(store_write(test->store, &instance, &own.work), ERR_NONE);
}

static bool exists(str path)
{
    struct stat about;
    char name[256];
    snprintf(name, sizeof(name), "%.*s", FMT(path));
    return stat(name, &about) == 0;
}

TEST(test_backup__takes_the_place_of_a_file_alone)
{
    struct test_store test;
    test_store_open(&test);
    char path[128], linked[128];
    snprintf(path, sizeof(path), "%s/out", test.folder);
    snprintf(linked, sizeof(linked), "%s/link", test.folder);
    check_int(store_backup(&test.task.task, test.store, str_of(path)), ERR_NONE);
    check_int(store_backup(&test.task.task, test.store, str_of(path)), ERR_NONE);
    check_int(symlink(path, linked), 0);
    check_int(store_backup(&test.task.task, test.store, str_of(linked)), ERR_CONFLICT);
    check_int(store_backup(&test.task.task, test.store, str_of(test.folder)), ERR_CONFLICT);
    check_int(unlink(linked), 0);
    check_int(mkfifo(linked, 0600), 0);
    check_int(store_backup(&test.task.task, test.store, str_of(linked)), ERR_CONFLICT);
    struct stat about;
    check(lstat(linked, &about) == 0 && S_ISFIFO(about.st_mode));
    test_store_drop(&test);
}

TEST(test_backup__restores_the_same_rows)
{
    struct test_store test, copy = {};
    store_fill(&test);
    tenants_name(&test);
    struct task *task = &test.task.task;
    str file = arena_print(task->arena, "%s/backup", test.folder);
    check_int(store_backup(task, test.store, file), ERR_NONE);
    check_int(store_backup(task, test.store, file), ERR_NONE);
    struct hash before = all_rows(&test);
    check_int(faults(&test, nullptr), 0);

    test_task_init(&copy.task);
    test_folder_make(copy.folder);
    check_int(store_restore(task, file, S(""), nullptr, str_of(copy.folder)), ERR_NONE);
    check_int(store_restore(task, file, S(""), nullptr, str_of(copy.folder)), ERR_CONFLICT);
    check_int(test_store_try(&copy), ERR_NONE);
    struct hash after = all_rows(&copy);
    check(memcmp(before.bytes, after.bytes, HASH_BYTES) == 0);
    check_int(faults(&copy, nullptr), 0);
    /* The copy lives: it takes writes, and its log goes on. */
    struct space space = space_of(copy.store, 2);
    struct fill_work own = {.work.run = fill};
    check_int(store_write(copy.store, &space, &own.work), ERR_NONE);
    check_int(faults(&copy, nullptr), 0);
    test_store_drop(&copy);
    test_store_drop(&test);
}

static void refuses(struct test_store *test, str file, str key_file)
{
    struct task *task = &test->task.task;
    str folder = arena_print(task->arena, "%s/restored", test->folder);
    task->fault.detail = S("");
    check_int(store_restore(task, file, key_file, nullptr, folder), ERR_CORRUPT);
    check(!exists(folder));
    check(!exists(arena_print(task->arena, "%.*s.restoring", FMT(folder))));
}

static str file_bytes(struct arena *arena, str path)
{
    FILE *file = fopen(arena_cstring(arena, path), "rb");
    check(file != nullptr);
    static char room[8 << 20];
    size_t len = fread(room, 1, sizeof(room), file);
    fclose(file);
    return (str){room, len};
}

static void file_put(struct arena *arena, str path, str bytes)
{
    FILE *file = fopen(arena_cstring(arena, path), "wb");
    check(file != nullptr);
    check(fwrite(bytes.at, 1, bytes.len, file) == bytes.len);
    fclose(file);
}

TEST(test_backup__refuses_altered_files_and_other_keys)
{
    uint64_t seed = test_seed();
    random_seed(seed);
    struct test_store test;
    store_fill(&test);
    struct arena *arena = &test.task.arena;
    str file = arena_print(arena, "%s/backup", test.folder);
    check_int(store_backup(&test.task.task, test.store, file), ERR_NONE);
    str key_file = arena_print(arena, "%.*s.key", FMT(file));
    str whole = file_bytes(arena, file);
    str altered = arena_print(arena, "%s/altered", test.folder);

    for (int i = 0; i < 12; i++) {
        size_t at = i == 0 ? whole.len - 1 : i < 6 ? (size_t)i * 13 : random_uint64() % whole.len;
        char *bytes = (char *)whole.at;
        bytes[at] ^= 1;
        file_put(arena, altered, whole);
        bytes[at] ^= 1;
        refuses(&test, altered, key_file);
        file_put(arena, altered, str_first(whole, random_uint64() % whole.len));
        refuses(&test, altered, key_file);
    }
    str longer = {whole.at, whole.len + 1};
    file_put(arena, altered, longer);
    refuses(&test, altered, key_file);
    file_put(arena, altered, S(""));
    refuses(&test, altered, key_file);

    str other_key = arena_print(arena, "%s/other.key", test.folder);
    file_put(arena, other_key, S("0123456789abcdef0123456789abcdef"));
    chmod(arena_cstring(arena, other_key), 0600);
    refuses(&test, file, other_key);
    test_store_drop(&test);
    random_seed(0);
}

/** Where each space's part begins, and last where the end does. */
static uint32_t parts_find(str bytes, size_t parts_out[8])
{
    uint32_t count = 0;
    size_t at = 12;
    while (bytes.at[at] == 'S') {
        parts_out[count++] = at;
        at += 5 + bytes_uint32(bytes.at + at + 1) + STREAM_HEADER_BYTES;
        /* A last chunk is the one before which the next part or the end begins. */
        while (bytes.at[at] == 0) at += 4 + bytes_uint32(bytes.at + at);
    }
    parts_out[count] = at;
    return count;
}

TEST(test_backup__refuses_parts_of_two_backups)
{
    struct test_store test;
    store_fill(&test);
    struct arena *arena = &test.task.arena;
    str file = arena_print(arena, "%s/backup", test.folder);
    str key_file = arena_print(arena, "%.*s.key", FMT(file));
    size_t first_parts[8], second_parts[8];
    check_int(store_backup(&test.task.task, test.store, file), ERR_NONE);
    str first = arena_copy(arena, file_bytes(arena, file));
    check_int(store_backup(&test.task.task, test.store, file), ERR_NONE);
    str second = arena_copy(arena, file_bytes(arena, file));
    check_int(parts_find(first, first_parts), 4);
    check_int(parts_find(second, second_parts), 4);
    check_int(first.len, second.len);
    str mixed = arena_print(arena, "%s/mixed", test.folder);
    /* The same rows, sealed twice: each part is right by itself. */
    char *bytes = arena_take_raw(arena, first.len);
    memcpy(bytes, first.at, first.len);
    memcpy(bytes + first_parts[2], second.at + second_parts[2], first_parts[3] - first_parts[2]);
    file_put(arena, mixed, (str){bytes, first.len});
    refuses(&test, mixed, key_file);
    /* One part left out. */
    memcpy(bytes + first_parts[2], first.at + first_parts[3], first.len - first_parts[3]);
    file_put(arena, mixed, (str){bytes, first.len - (first_parts[3] - first_parts[2])});
    refuses(&test, mixed, key_file);
    file_put(arena, mixed, first);
    str folder = arena_print(arena, "%s-restored", test.folder);
    check_int(store_restore(&test.task.task, mixed, key_file, nullptr, folder), ERR_NONE);
    test_folder_drop(arena_cstring(arena, folder));
    test_store_drop(&test);
}

TEST(test_check__names_the_tenant_of_a_damaged_value)
{
    struct test_store test;
    store_fill(&test);
    tenants_name(&test);
    check_int(faults(&test, nullptr), 0);
    struct space space = space_of(test.store, 1);
    /* A row that stands once in the file. */
    struct fill_work own = {.work.run = fill};
    check_int(store_write(test.store, &space, &own.work), ERR_NONE);
    store_close(test.store);

    struct arena *arena = &test.task.arena;
    str path = arena_print(arena, "%s/data.mdb", test.folder);
    str bytes = file_bytes(arena, path);
    struct row_key key;
    row_key_system(&key, &space, SYSTEM_COUNTER, S("invoice"));
    uint32_t hits = 0;
    for (size_t at = 0; at + key.len + 9 < bytes.len; at++) {
        if (memcmp(bytes.at + at, key.bytes, key.len) != 0) continue;
        ((char *)bytes.at)[at + key.len + VALUE_HASH_BYTES] ^= 1;
        hits++;
    }
    check(hits > 0);
    file_put(arena, path, bytes);
    check_int(test_store_try(&test), ERR_NONE);
    uint32_t tenant;
    check_int(faults(&test, &tenant), 1);
    check_int(tenant, 1);
    struct txn *txn;
    str value;
    space = space_of(test.store, 1);
    check_int(txn_open(&test.task.task, &space, &txn), ERR_NONE);
    check_int(txn_system_get(txn, SYSTEM_COUNTER, S("invoice"), arena, &value), ERR_CORRUPT);
    txn_close(txn);
    space = space_of(test.store, 2);
    check_int(txn_open(&test.task.task, &space, &txn), ERR_NONE);
    check_int(txn_system_get(txn, SYSTEM_COUNTER, S("invoice"), arena, &value), ERR_NONE);
    txn_close(txn);
    test_store_drop(&test);
}

/** Deletes one row behind the store's back. */
static void row_remove(struct test_store *test, enum database database, const struct row_key *key)
{
    MDB_env *mdb;
    MDB_dbi databases[DATABASE_COUNT];
    MDB_txn *txn;
    MDB_val name = {key->len, (void *)key->bytes};
    check_int(mdb_open_folder(&test->task.task, str_of(test->folder), 0, &mdb, databases),
              ERR_NONE);
    check_int(mdb_txn_begin(mdb, nullptr, 0, &txn), 0);
    check_int(mdb_del(txn, databases[database], &name, nullptr), 0);
    check_int(mdb_txn_commit(txn), 0);
    mdb_env_close(mdb);
}

TEST(test_check__misses_what_was_cut_out_of_the_log)
{
    struct test_store test;
    store_fill(&test);
    tenants_name(&test);
    struct space space = space_of(test.store, 1);
    struct row_key key;
    row_key_log(&key, &space, 100);
    store_close(test.store);
    row_remove(&test, DATABASE_CHANGES, &key);
    check_int(test_store_try(&test), ERR_NONE);
    uint32_t tenant;
    /* The gap, the chain over it, and the record's entry that leads nowhere. */
    check_int(faults(&test, &tenant), 3);
    check_int(tenant, 1);
    store_close(test.store);
    row_key_log_of(&key, &space, 1, id_of(99), 100);
    row_remove(&test, DATABASE_CHANGES, &key);
    row_key_log_of(&key, &space, 1, id_of(199), 200);
    row_remove(&test, DATABASE_CHANGES, &key);
    check_int(test_store_try(&test), ERR_NONE);
    check_int(faults(&test, &tenant), 3);
    check_int(tenant, 1);
    test_store_drop(&test);
}
