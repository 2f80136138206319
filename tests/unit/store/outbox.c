#include <stdatomic.h>

#include "base/limits.h"
#include "store_test.h"
#include "value/value.h"

constexpr uint32_t TENANT = 7;

struct place {
    struct test_store test;
    struct space space;
    _Atomic uint32_t told;
};

static void tell(void *owner, uint32_t tenant)
{
    check_int(tenant, TENANT);
    ((struct place *)owner)->told++;
}

static void begin(struct place *place)
{
    *place = (struct place){};
    test_store_open(&place->test);
    place->space = store_space(place->test.store, TENANT, id_make());
    store_watch_outbox(place->test.store, tell, place);
}

static void end(struct place *place)
{
    store_watch_outbox(place->test.store, nullptr, nullptr);
    test_store_drop(&place->test);
}

struct writing {
    struct work work;
    struct task *task;
    enum err (*write)(struct txn *txn);
};

static enum err writing_run(struct work *work, struct txn *txn)
{
    struct writing *self = (struct writing *)work;
    txn_set_task(txn, self->task);
    return self->write(txn);
}

static enum err write_by(struct place *place, enum err (*function)(struct txn *txn))
{
    struct writing self = {{.run = writing_run}, &place->test.task.task, function};
    return store_write(place->test.store, &place->space, &self.work);
}

static struct id id_numbered(uint8_t number)
{
    struct id id = {};
    id.bytes[15] = number;
    return id;
}

static void put(struct txn *txn, str kind, int64_t due_ms, uint8_t number)
{
    char body = (char)number;
    txn_outbox_put(
        txn, &(struct outbox_entry){
                 .id = id_numbered(number), .due_ms = due_ms, .kind = kind, .body = {&body, 1}});
}

static int64_t count_of(struct txn *txn, str kind)
{
    uint64_t count;
    check_int(txn_outbox_count(txn, kind, &count), ERR_NONE);
    return (int64_t)count;
}

/** The numbers of a kind's entries in order, as digits. */
static void look(struct txn *txn, str kind, const char *expected)
{
    char found[16];
    uint32_t count = 0;
    struct outbox_entry entry = {.due_ms = INT64_MIN};
    while (txn_outbox_of(txn, kind, entry.due_ms, entry.id, txn_task(txn)->arena, &entry) ==
           ERR_NONE) {
        check_str(entry.kind, kind);
        check_int(value_of(entry.body).integer, entry.id.bytes[15]);
        found[count++] = (char)('0' + entry.id.bytes[15]);
    }
    check_str(((str){found, count}), str_of(expected));
    check_int(count_of(txn, kind), count);
}

static enum err fill(struct txn *txn)
{
    put(txn, S("mail"), 10, 1);
    put(txn, S("settled"), -5, 2);
    put(txn, S("settled"), 30, 3);
    put(txn, S("settled"), 20, 4);
    put(txn, S("set"), 20, 5);
    return ERR_NONE;
}

static enum err change(struct txn *txn)
{
    look(txn, S("settled"), "243");
    txn_outbox_delete(txn, 20, id_numbered(4));
    txn_outbox_delete(txn, 20, id_numbered(4));
    look(txn, S("settled"), "23");
    put(txn, S("start"), 30, 3); /* the same place, another kind */
    look(txn, S("settled"), "2");
    struct savepoint savepoint = txn_savepoint(txn);
    put(txn, S("settled"), 1, 6);
    txn_outbox_delete(txn, -5, id_numbered(2));
    look(txn, S("settled"), "6");
    txn_rollback(txn, savepoint);
    return ERR_NONE;
}

TEST(test_outbox__each_kind_is_walked_and_counted_by_itself)
{
    struct place place;
    begin(&place);
    struct txn *txn;
    check_int(write_by(&place, fill), ERR_NONE);
    check_int(write_by(&place, change), ERR_NONE);
    check_int(txn_open(&place.test.task.task, &place.space, &txn), ERR_NONE);
    look(txn, S("settled"), "2");
    look(txn, S("start"), "3");
    look(txn, S("set"), "5");
    look(txn, S("mail"), "1");
    look(txn, S("dead"), "");
    struct outbox_entry entry;
    check_int(txn_outbox_get(txn, 30, id_numbered(3), nullptr, &entry), ERR_NONE);
    check_str(entry.kind, S("start"));
    check_int(txn_outbox_get(txn, 31, id_numbered(3), nullptr, &entry), ERR_MISSING);
    txn_close(txn);
    end(&place);
}

static enum err only_delete(struct txn *txn)
{
    txn_outbox_delete(txn, -5, id_numbered(2));
    return ERR_NONE;
}

static enum err refuse(struct txn *txn)
{
    put(txn, S("mail"), 11, 7);
    return fail(txn_task(txn), ERR_CONFLICT, "not now");
}

TEST(test_outbox__its_watcher_is_told_of_what_is_durable_and_of_nothing_else)
{
    struct place place;
    begin(&place);
    check_int(write_by(&place, fill), ERR_NONE);
    check_int(place.told, 1);
    check_int(write_by(&place, only_delete), ERR_NONE);
    check_int(write_by(&place, refuse), ERR_CONFLICT);
    check_int(place.told, 1);
    end(&place);
}

static enum err fill_whole(struct txn *txn)
{
    char body = 1;
    for (uint32_t at = 0; at < OUTBOX_OF_KIND_MAX; at++) {
        check_int(txn_outbox_room(txn, S("mail")), ERR_NONE);
        txn_outbox_put(
            txn, &(struct outbox_entry){.id = id_make(), .kind = S("mail"), .body = {&body, 1}});
    }
    check_int(txn_outbox_room(txn, S("mail")), ERR_LIMITED);
    check_int(txn_outbox_room(txn, S("settled")), ERR_NONE);
    return ERR_NONE;
}

TEST(test_outbox__of_each_kind_there_is_room_for_so_many)
{
    struct place place;
    begin(&place);
    check_int(write_by(&place, fill_whole), ERR_NONE);
    check(place.test.task.task.fault.detail.len > 0);
    end(&place);
}

static void count_fault(struct check_report *, uint32_t tenant, str what)
{
    fprintf(stderr, "check %u: %.*s\n", tenant, FMT(what));
}

static int64_t faults_of(struct place *place)
{
    struct check_report report = {.found = count_fault};
    check_int(store_check(&place->test.task.task, place->test.store, &report), ERR_NONE);
    return (int64_t)report.fault_count;
}

static enum err miscount(struct txn *txn)
{
    char nine = 9;
    txn_system_put(txn, SYSTEM_OUTBOX, S("settled"), (str){&nine, 1});
    return ERR_NONE;
}

static enum err lose_one(struct txn *txn)
{
    str key = S("mail"), nothing;
    check_int(txn_system_after(txn, SYSTEM_OUTBOX, key, txn_task(txn)->arena, &key, &nothing),
              ERR_NONE);
    txn_system_delete(txn, SYSTEM_OUTBOX, key);
    str stray = arena_copy(txn_task(txn)->arena, key);
    ((char *)stray.at)[stray.len - 1]++;
    txn_system_put(txn, SYSTEM_OUTBOX, stray, nothing);
    return ERR_NONE;
}

TEST(test_outbox__a_check_proves_that_each_entry_is_found_and_counted)
{
    struct place place;
    begin(&place);
    int64_t before = faults_of(&place); /* the tenant is known to nobody */
    check_int(write_by(&place, fill), ERR_NONE);
    check_int(write_by(&place, change), ERR_NONE);
    int64_t whole = faults_of(&place);
    check_int(write_by(&place, miscount), ERR_NONE);
    check_int(faults_of(&place), whole + 1);
    check_int(write_by(&place, lose_one), ERR_NONE);
    check_int(faults_of(&place), whole + 3);
    check_int(before, 0);
    end(&place);
}
