#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "store/keyring.h"
#include "store/master.h"
#include "store/sealing.h"
#include "store_test.h"
#include "value/value.h"

constexpr uint32_t TENANTS = 3;
static const str PLACE = S("place"), TEXT = S("what is sealed");

/* The process ends at the n-th of these calls, before it is done: what stands before it on the disk
 * is what a kill leaves. */

static _Atomic int calls_left = -1;

static void count_call(void)
{
    if (atomic_load(&calls_left) >= 0 && atomic_fetch_sub(&calls_left, 1) == 0) _exit(9);
}

int fsync(int file)
{
    count_call();
    return (int)syscall(SYS_fsync, file);
}
int fdatasync(int file)
{
    count_call();
    return (int)syscall(SYS_fdatasync, file);
}
int rename(const char *from, const char *to)
{
    count_call();
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}
int unlink(const char *name)
{
    count_call();
    return unlinkat(AT_FDCWD, name, 0);
}

/* Tenants. */

static struct id uuid_of(uint32_t number)
{
    struct id uuid = {.bytes = {1, 2, 3}};
    bytes_put_uint32((char *)uuid.bytes + 12, number);
    return uuid;
}

struct making {
    struct work work;
    uint32_t number;
    str *sealed_out;
    struct arena *arena;
};

static enum err note_tenant(struct work *work, struct txn *txn)
{
    struct making *making = (struct making *)work;
    struct id uuid = uuid_of(making->number);
    char number[4];
    bytes_put_uint32(number, making->number);
    struct buf row = buf_make(making->arena, 64);
    pack_map(&row, 1);
    pack_text(&row, S("uuid"));
    pack_bytes(&row, id_bytes(&uuid));
    txn_system_put(txn, SYSTEM_TENANT, (str){number, 4}, buf_str(&row));
    return ERR_NONE;
}

static enum err make_key(struct work *work, struct txn *txn)
{
    struct making *making = (struct making *)work;
    txn_data_key_make(txn);
    if (making->sealed_out == nullptr) return ERR_NONE;
    return sealing_seal(txn, making->arena, TEXT, PLACE, S("group"), TEXT, making->sealed_out);
}

static enum err tenant_make(struct store *store, struct arena *arena, uint32_t number,
                            str *sealed_out)
{
    struct making making = {.number = number, .arena = arena, .sealed_out = sealed_out};
    struct space instance = store_instance(store);
    struct space space = store_space(store, number, uuid_of(number));
    making.work = (struct work){.run = note_tenant};
    enum err err = store_write(store, &instance, &making.work);
    if (err != ERR_NONE) return err;
    making.work = (struct work){.run = make_key};
    return store_write(store, &space, &making.work);
}

static void expect_open(struct test_store *test, const str *sealed, uint32_t count)
{
    struct task *task = &test->task.task;
    for (uint32_t at = 0; at < count; at++) {
        struct space space = store_space(test->store, 1 + at, uuid_of(1 + at));
        struct txn *txn;
        str plain;
        check_int(txn_open(task, &space, &txn), ERR_NONE);
        check_int(sealing_open(txn, task->arena, sealed[at], PLACE, &plain), ERR_NONE);
        check_str(plain, TEXT);
        txn_close(txn);
    }
}

static void tenants_make(struct test_store *test, str sealed[TENANTS])
{
    test_store_open(test);
    for (uint32_t at = 0; at < TENANTS; at++)
        check_int(tenant_make(test->store, test->task.task.arena, 1 + at, &sealed[at]), ERR_NONE);
}

static void key_read(const struct test_store *test, char key[SECRET_KEY_BYTES])
{
    char path[128];
    snprintf(path, sizeof path, "%s/master.key", test->folder);
    int file = open(path, O_RDONLY);
    check_int(read(file, key, SECRET_KEY_BYTES), SECRET_KEY_BYTES);
    close(file);
}

static bool has_file(const struct test_store *test, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", test->folder, name);
    return access(path, F_OK) == 0;
}

TEST(test_rewrap__another_key_opens_everything_and_the_old_one_nothing)
{
    struct test_store test;
    str sealed[TENANTS];
    char old[SECRET_KEY_BYTES], new[SECRET_KEY_BYTES];
    uint32_t count;
    tenants_make(&test, sealed);
    key_read(&test, old);
    check_int(store_rewrap(&test.task.task, test.store, CUSTODY_AS_BEFORE, S(""), &count),
              ERR_NONE);
    check_int(count, TENANTS);
    key_read(&test, new);
    check(memcmp(old, new, sizeof old) != 0);
    check(!has_file(&test, "master.key.new"));
    expect_open(&test, sealed, TENANTS);
    store_close(test.store);
    char path[128];
    snprintf(path, sizeof path, "%s/master.key", test.folder);
    int file = open(path, O_WRONLY);
    check_int(write(file, old, sizeof old), sizeof old);
    check_int(test_store_try(&test), ERR_CORRUPT);
    check_int(pwrite(file, new, sizeof new, 0), sizeof new);
    close(file);
    check_int(test_store_try(&test), ERR_NONE);
    expect_open(&test, sealed, TENANTS);
    test_store_drop(&test);
}

/** Runs a replacement that ends at its n-th call; true when it came to its own end. */
static bool ends_by_itself(struct test_store *test, int calls)
{
    /* A child goes on with the parent's random numbers: no two may make the same key. */
    (void)key_random();
    pid_t child = fork();
    if (child == 0) {
        uint32_t count;
        if (test_store_try(test) != ERR_NONE) _exit(1);
        atomic_store(&calls_left, calls);
        enum err err =
            store_rewrap(&test->task.task, test->store, CUSTODY_AS_BEFORE, S(""), &count);
        if (err != ERR_NONE) fprintf(stderr, "%.*s\n", FMT(test->task.task.fault.detail));
        _exit(err == ERR_NONE ? 0 : 2);
    }
    int status;
    check(waitpid(child, &status, 0) == child);
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 9)
        fprintf(stderr, "at call %d: %d\n", calls, WEXITSTATUS(status));
    check(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 9));
    return WEXITSTATUS(status) == 0;
}

TEST(test_rewrap__killed_at_any_moment_the_next_start_ends_it)
{
    struct test_store test;
    str sealed[TENANTS];
    tenants_make(&test, sealed);
    store_close(test.store);
    bool is_whole = false;
    uint32_t rounds = 0;
    for (; !is_whole; rounds++) {
        check(rounds < 200);
        is_whole = ends_by_itself(&test, (int)rounds);
        check_int(test_store_try(&test), ERR_NONE);
        check(!has_file(&test, "master.key.new"));
        expect_open(&test, sealed, TENANTS);
        store_close(test.store);
    }
    check(rounds > 8);
    check_int(test_store_try(&test), ERR_NONE);
    test_store_drop(&test);
}

/* A start that ends a replacement may be killed too. */
TEST(test_rewrap__killed_again_and_again)
{
    struct test_store test;
    str sealed[TENANTS];
    tenants_make(&test, sealed);
    store_close(test.store);
    for (int first = 2; first < 14; first += 3) {
        (void)ends_by_itself(&test, first);
        for (int calls = 0; calls < 12; calls++) {
            (void)key_random();
            pid_t child = fork();
            if (child == 0) {
                atomic_store(&calls_left, calls);
                _exit(test_store_try(&test) == ERR_NONE ? 0 : 2);
            }
            int status;
            check(waitpid(child, &status, 0) == child);
            check(WIFEXITED(status) && WEXITSTATUS(status) != 2);
        }
        check_int(test_store_try(&test), ERR_NONE);
        expect_open(&test, sealed, TENANTS);
        store_close(test.store);
    }
    check_int(test_store_try(&test), ERR_NONE);
    test_store_drop(&test);
}

/* Passphrases. */

static bool answer(void *owner, struct task *, str *passphrase_out)
{
    *passphrase_out = *(str *)owner;
    return passphrase_out->len > 0;
}

static enum err try_with(struct test_store *test, str passphrase)
{
    struct passphrase_source source = {.ask = answer, .owner = &passphrase};
    struct store_options options = {.folder = str_of(test->folder), .passphrase = &source};
    test->task.task.fault = (struct fault){};
    return store_open(&test->task.task, &options, &test->store);
}

TEST(test_rewrap__a_passphrase_seals_the_key_and_can_be_taken_away)
{
    struct test_store test;
    str sealed[TENANTS];
    uint32_t count;
    tenants_make(&test, sealed);
    struct task *task = &test.task.task;
    check_int(store_rewrap(task, test.store, CUSTODY_PASSPHRASE, S("correct horse"), &count),
              ERR_NONE);
    expect_open(&test, sealed, TENANTS);
    store_close(test.store);
    check_int(try_with(&test, S("")), ERR_UNAUTHENTICATED);
    check_int(try_with(&test, S("correct hors")), ERR_UNAUTHENTICATED);
    check_int(try_with(&test, S("correct horse")), ERR_NONE);
    expect_open(&test, sealed, TENANTS);
    /* The key beside a backup is sealed as well. */
    char file[128], key[256];
    snprintf(file, sizeof file, "%s/backup", test.folder);
    check_int(store_backup(task, test.store, str_of(file)), ERR_NONE);
    check_int(store_backup(task, test.store, str_of(file)), ERR_NONE);
    snprintf(file, sizeof file, "%s/backup.key", test.folder);
    int opened = open(file, O_RDONLY);
    ssize_t len = read(opened, key, sizeof key);
    close(opened);
    struct secret_key master_key = keyring_master(test.store->keyring);
    check(len > SECRET_KEY_BYTES);
    check(memmem(key, (size_t)len, master_key.bytes, SECRET_KEY_BYTES) == nullptr);
    check_int(store_rewrap(task, test.store, CUSTODY_FILE, S(""), &count), ERR_NONE);
    store_close(test.store);
    check_int(try_with(&test, S("")), ERR_NONE);
    expect_open(&test, sealed, TENANTS);
    test_store_drop(&test);
}

/* Beside others. */

struct crowd {
    struct store *store;
    atomic_bool is_over;
    uint32_t made;
    enum err err;
};

static enum err add_key(struct work *, struct txn *txn)
{
    uint32_t id;
    enum err err = sealing_key_add(txn, &id);
    return err == ERR_FULL ? ERR_NONE : err;
}

/** Tenants come, and get keys, all the time. */
static void *come(void *argument)
{
    struct crowd *crowd = argument;
    struct arena arena;
    arena_init(&arena, 64 * MIB);
    while (!atomic_load(&crowd->is_over) && crowd->err == ERR_NONE && crowd->made < 500) {
        uint32_t number = 100 + crowd->made++;
        crowd->err = tenant_make(crowd->store, &arena, number, nullptr);
        struct space space = store_space(crowd->store, number, uuid_of(number));
        struct work work = {.run = add_key};
        if (crowd->err == ERR_NONE) crowd->err = store_write(crowd->store, &space, &work);
        arena_clear(&arena);
    }
    arena_drop(&arena);
    return nullptr;
}

TEST(test_rewrap__tenants_come_meanwhile)
{
    struct test_store test;
    str sealed[TENANTS];
    tenants_make(&test, sealed);
    struct crowd crowd = {.store = test.store};
    pthread_t thread;
    uint32_t count;
    check_int(pthread_create(&thread, nullptr, come, &crowd), 0);
    for (int round = 0; round < 5; round++)
        check_int(store_rewrap(&test.task.task, test.store, CUSTODY_AS_BEFORE, S(""), &count),
                  ERR_NONE);
    atomic_store(&crowd.is_over, true);
    check_int(pthread_join(thread, nullptr), 0);
    check_int(crowd.err, ERR_NONE);
    test_store_reopen(&test);
    expect_open(&test, sealed, TENANTS);
    for (uint32_t at = 0; at < crowd.made; at++) {
        struct space space = store_space(test.store, 100 + at, uuid_of(100 + at));
        struct sealing_key keys[SEALING_KEYS_MAX];
        struct txn *txn;
        uint32_t key_count;
        check_int(txn_open(&test.task.task, &space, &txn), ERR_NONE);
        check_int(sealing_keys(txn, keys, &key_count), ERR_NONE);
        txn_close(txn);
    }
    test_store_drop(&test);
}
