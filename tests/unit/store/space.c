#include "test.h"

#include "store/key.h"
#include "store_test.h"
#include "value/value.h"

/* A walk of one tenant never yields another's key: tenants at the ends of the number space and side
 * by side. */

static const uint32_t TENANTS[] = {0,          1,          2,          0x00FFFFFF, 0x01000000,
                                   0x0100FFFF, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF};
constexpr uint32_t TENANT_COUNT = sizeof(TENANTS) / sizeof(TENANTS[0]);
static const uint16_t NUMBERS[] = {0, 1, 0x00FF, 0xFF00, 0xFFFF};
constexpr uint32_t NUMBER_COUNT = sizeof(NUMBERS) / sizeof(NUMBERS[0]);

static struct id id_filled(uint8_t byte)
{
    struct id id;
    memset(id.bytes, byte, 16);
    return id;
}

static struct space space_of(struct store *store, uint32_t number)
{
    if (number == 0) return store_instance(store);
    return store_space(store, number, id_filled((uint8_t)number));
}

struct tenant_work {
    struct work work;
    uint32_t number;
};

static str number_value(uint32_t number, char room[8])
{
    room[0] = (char)0xCE;
    bytes_put_uint32(room + 1, number);
    return (str){room, 5};
}

/** The same rows for every tenant, at the ends of every range; values name the tenant. */
static enum err fill(struct work *work, struct txn *txn)
{
    uint32_t number = ((struct tenant_work *)work)->number;
    char room[8];
    str value = number_value(number, room);
    struct id ids[] = {id_filled(0), id_filled(0xFF)};
    for (uint32_t i = 0; i < NUMBER_COUNT; i++) {
        for (int j = 0; j < 2; j++) {
            txn_record_put(txn, NUMBERS[i], ids[j], value);
            txn_text_put(txn, NUMBERS[i], S("\xC3\xBF"), ids[j], ids[1 - j]);
            txn_index_put(txn, NUMBERS[i], NUMBERS[NUMBER_COUNT - 1 - i], S(""), ids[j]);
            txn_index_put(txn, NUMBERS[i], NUMBERS[i], S("\xFF\xFF\xFF\xFF"), ids[j]);
            txn_log_append(
                txn, &(struct log_entry){.entity = NUMBERS[i], .record = ids[j], .body = value});
        }
    }
    txn_outbox_put(txn, &(struct outbox_entry){
                            .id = ids[0], .due_ms = INT64_MIN, .kind = S("a"), .body = value});
    txn_outbox_put(txn, &(struct outbox_entry){
                            .id = ids[1], .due_ms = INT64_MAX, .kind = S("b"), .body = value});
    txn_system_put(txn, SYSTEM_COUNTER, S("\xFF\xFF"), value);
    txn_system_put(txn, SYSTEM_COUNTER, S("a"), value);
    txn_system_put(txn, SYSTEM_COUNTER, S("aa"), value);
    return ERR_NONE;
}

static uint32_t scan_length(struct scan *scan, struct txn *txn, uint32_t number)
{
    uint32_t count = 0;
    struct scan_entry entry;
    for (bool has_entry = true;;) {
        check_int(scan_next(scan, &has_entry, &entry), ERR_NONE);
        if (!has_entry) break;
        count++;
        if (entry.value.len == 0) continue;
        char room[8];
        check_str(entry.value, number_value(number, room));
        check_int(txn_space(txn)->number, number);
    }
    scan_close(scan);
    return count;
}

static void look(struct txn *txn, uint32_t number)
{
    for (int direction = 0; direction < 2; direction++) {
        struct scan_range all = {
            .is_unbounded_from = true, .is_unbounded_to = true, .is_descending = direction};
        for (uint32_t i = 0; i < NUMBER_COUNT; i++) {
            uint16_t entity = NUMBERS[i];
            check_int(scan_length(scan_records(txn, entity, &all), txn, number), 2);
            check_int(scan_length(scan_text(txn, entity, &all), txn, number), 2);
            uint32_t same = entity == NUMBERS[NUMBER_COUNT - 1 - i] ? 4 : 2;
            check_int(scan_length(scan_index(txn, entity, entity, &all), txn, number), same);
        }
        check_int(scan_length(scan_records(txn, 2, &all), txn, number), 0);
    }
}

static void look_at_rest(struct txn *txn, struct test_task *task, uint32_t number)
{
    char room[8];
    str value = number_value(number, room);
    struct log_entry entry;
    check_int(txn_log_newest(txn), NUMBER_COUNT * 2);
    check_int(txn_log_from(txn, 1, &entry), ERR_NONE);
    check_str(entry.body, value);
    check_int(txn_log_from(txn, NUMBER_COUNT * 2 + 1, &entry), ERR_MISSING);
    check_int(txn_log_of_record(txn, 0xFFFF, id_filled(0xFF), UINT64_MAX, &entry), ERR_NONE);
    check_int(entry.sequence, NUMBER_COUNT * 2);
    check_str(entry.body, value);
    check_int(txn_log_of_record(txn, 0xFFFF, id_filled(0xFF), entry.sequence, &entry), ERR_MISSING);
    struct outbox_entry out;
    check_int(txn_outbox_after(txn, INT64_MIN, id_filled(0), &task->arena, &out), ERR_NONE);
    check_int(out.due_ms, INT64_MAX);
    check_str(out.body, value);
    check_str(out.kind, S("b"));
    check_int(txn_outbox_after(txn, out.due_ms, out.id, &task->arena, &out), ERR_MISSING);
    str key = S(""), got, last = S("");
    uint32_t count = 0;
    while (txn_system_after(txn, SYSTEM_COUNTER, key, &task->arena, &key, &got) == ERR_NONE) {
        check(str_compare(last, key) < 0);
        last = key;
        check_str(got, value);
        count++;
    }
    check_int(count, 3);
    key = S("");
    while (txn_system_before(txn, SYSTEM_COUNTER, key, &task->arena, &key, &got) == ERR_NONE) {
        if (count < 3) check(str_compare(last, key) > 0);
        last = key;
        check_str(got, value);
        count--;
    }
    check_int(count, 0);
}

TEST(test_space__walks_stay_within_their_tenant)
{
    struct test_store test;
    test_store_open(&test);
    for (uint32_t i = 0; i < TENANT_COUNT; i++) {
        struct space space = space_of(test.store, TENANTS[i]);
        struct tenant_work own = {.work.run = fill, .number = TENANTS[i]};
        check_int(store_write(test.store, &space, &own.work), ERR_NONE);
    }
    for (uint32_t i = 0; i < TENANT_COUNT; i++) {
        struct space space = space_of(test.store, TENANTS[i]);
        struct txn *txn;
        check_int(txn_open(&test.task.task, &space, &txn), ERR_NONE);
        look(txn, TENANTS[i]);
        look_at_rest(txn, &test.task, TENANTS[i]);
        txn_close(txn);
        /* The same with all of it pending once more on top of the snapshot. */
        check_int(txn_open_dry(&test.task.task, &space, &txn), ERR_NONE);
        struct tenant_work own = {.number = TENANTS[i]};
        struct savepoint savepoint = txn_savepoint(txn);
        check_int(fill(&own.work, txn), ERR_NONE);
        look(txn, TENANTS[i]);
        txn_rollback(txn, savepoint);
        look_at_rest(txn, &test.task, TENANTS[i]);
        txn_close(txn);
    }
    test_store_drop(&test);
}

TEST(test_space__a_value_does_not_fit_another_tenant_or_uuid)
{
    struct test_store test;
    test_store_open(&test);
    struct space space = space_of(test.store, 1);
    struct tenant_work own = {.work.run = fill, .number = 1};
    check_int(store_write(test.store, &space, &own.work), ERR_NONE);
    struct space other = store_space(test.store, 1, id_filled(9));
    struct txn *txn;
    str value;
    check_int(txn_open(&test.task.task, &other, &txn), ERR_NONE);
    check_int(txn_record_get_view(txn, 0, id_filled(0), &value), ERR_CORRUPT);
    txn_enter(txn, &space);
    check_int(txn_record_get_view(txn, 0, id_filled(0), &value), ERR_NONE);
    txn_close(txn);
    test_store_drop(&test);
}

TEST(test_key__parses_what_it_forms_and_nothing_shorter)
{
    struct space space = {.number = 0x01020304};
    struct row_key keys[7];
    const enum database databases[7] = {DATABASE_RECORDS, DATABASE_INDEX,   DATABASE_TEXT,
                                        DATABASE_CHANGES, DATABASE_CHANGES, DATABASE_OUTBOX,
                                        DATABASE_SYSTEM};
    row_key_record(&keys[0], &space, 5, id_filled(6));
    row_key_index(&keys[1], &space, 5, 7, S(""), id_filled(6));
    row_key_text(&keys[2], &space, 5, S(""), id_filled(6), id_filled(7));
    row_key_log(&keys[3], &space, 8);
    row_key_log_of(&keys[4], &space, 5, id_filled(6), 8);
    row_key_outbox(&keys[5], &space, -1, id_filled(6));
    row_key_system(&keys[6], &space, SYSTEM_TENANT, S(""));
    for (int i = 0; i < 7; i++) {
        struct row_place place;
        check(row_key_parse(databases[i], row_key_str(&keys[i]), &place));
        check_int(place.tenant, 0x01020304);
        if (i < 3 || i == 4) check_int(place.entity, 5);
        if (i < 3 || i == 4) check(id_eq(place.id, id_filled(6)));
        if (i == 3 || i == 4) check_int(place.sequence, 8);
        check(!row_key_parse(databases[i], str_first(row_key_str(&keys[i]), keys[i].len - 1),
                             &place));
    }
}
