#include "test.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/random.h"
#include "store_test.h"
#include "value/key.h"
#include "value/value.h"

/* A reference model: what the rows of one entity and one index should be, in plain sorted
 * arrays. */

struct model_row {
    uint8_t id; /** the record's number; ids are made from it */
    uint32_t value;
    bool is_there;
};
struct model {
    struct model_row rows[256];
};

static struct id id_of(uint8_t number)
{
    struct id id = {};
    memset(id.bytes, number, 16);
    return id;
}

static str value_of_number(struct arena *arena, uint32_t number)
{
    struct buf out = buf_make(arena, 64);
    pack_int(&out, number);
    return buf_str(&out);
}

/** Few distinct index values, so that ids break ties. */
static str ordered_of_number(struct arena *arena, uint32_t number)
{
    struct buf out = buf_make(arena, 64);
    key_put_int(&out, (int64_t)(number % 7) - 3);
    return buf_str(&out);
}

constexpr uint16_t ENTITY = 3;
constexpr uint16_t FIELD = 9;

static void model_put(struct model *model, struct txn *txn, struct arena *arena, uint8_t number,
                      uint32_t value)
{
    struct model_row *row = &model->rows[number];
    if (row->is_there)
        txn_index_delete(txn, ENTITY, FIELD, ordered_of_number(arena, row->value), id_of(number));
    *row = (struct model_row){number, value, true};
    txn_record_put(txn, ENTITY, id_of(number), value_of_number(arena, value));
    txn_index_put(txn, ENTITY, FIELD, ordered_of_number(arena, value), id_of(number));
}

static void model_delete(struct model *model, struct txn *txn, struct arena *arena, uint8_t number)
{
    struct model_row *row = &model->rows[number];
    if (row->is_there)
        txn_index_delete(txn, ENTITY, FIELD, ordered_of_number(arena, row->value), id_of(number));
    row->is_there = false;
    txn_record_delete(txn, ENTITY, id_of(number));
}

/** Compares one scan of records by id, from and to included, with the model. */
static void model_check_records(const struct model *model, struct txn *txn, struct arena *arena,
                                uint8_t from, uint8_t to, bool is_descending)
{
    struct id from_id = id_of(from), to_id = id_of(to);
    struct scan_range range = {
        .from = id_bytes(&from_id), .to = id_bytes(&to_id), .is_descending = is_descending};
    struct scan *scan = scan_records(txn, ENTITY, &range);
    struct scan_entry entry;
    bool has_entry;
    int at = is_descending ? to : from;
    for (; is_descending ? at >= from : at <= to; at += is_descending ? -1 : 1) {
        if (!model->rows[at].is_there) continue;
        check_int(scan_next(scan, &has_entry, &entry), ERR_NONE);
        check(has_entry);
        check(id_eq(entry.id, id_of((uint8_t)at)));
        check_str(entry.value, value_of_number(arena, model->rows[at].value));
    }
    check_int(scan_next(scan, &has_entry, &entry), ERR_NONE);
    check(!has_entry);
    scan_close(scan);
}

/** The same for the index: order by (value % 7, id). */
static void model_check_index(const struct model *model, struct txn *txn, struct arena *arena,
                              uint32_t from, bool from_is_open, bool is_descending, bool has_after,
                              uint8_t after)
{
    struct scan_range range = {
        .from = ordered_of_number(arena, from),
        .from_is_open = from_is_open,
        .is_unbounded_to = true,
        .is_descending = is_descending,
        .has_after = has_after,
        .after_ordered = ordered_of_number(arena, model->rows[after].value),
        .after_id = id_of(after),
    };
    struct scan *scan = scan_index(txn, ENTITY, FIELD, &range);
    uint32_t after_place = model->rows[after].value % 7 * 256 + after;
    uint32_t given = 0;
    bool has_entry;
    struct scan_entry entry;
    for (uint32_t i = 0; i < 7 * 256; i++) {
        uint32_t place = is_descending ? 7 * 256 - 1 - i : i;
        const struct model_row *row = &model->rows[place % 256];
        uint32_t bucket = place / 256;
        if (!row->is_there || row->value % 7 != bucket) continue;
        if (from_is_open ? bucket <= from % 7 : bucket < from % 7) continue;
        if (has_after && (is_descending ? place >= after_place : place <= after_place)) continue;
        check_int(scan_next(scan, &has_entry, &entry), ERR_NONE);
        check(has_entry);
        check(id_eq(entry.id, id_of((uint8_t)(place % 256))));
        check_str(entry.ordered, ordered_of_number(arena, bucket));
        given++;
    }
    check_int(scan_next(scan, &has_entry, &entry), ERR_NONE);
    check(!has_entry);
    scan_close(scan);
    if (has_after) return;
    uint32_t count;
    check_int(scan_index_count(txn, ENTITY, FIELD, &range, 10'000, &count), ERR_NONE);
    check_int(count, given);
}

static void model_check(const struct model *model, struct txn *txn, struct arena *arena)
{
    uint8_t from = (uint8_t)random_uint64(), to = (uint8_t)random_uint64();
    for (int direction = 0; direction < 2; direction++) {
        model_check_records(model, txn, arena, 0, 255, direction);
        model_check_records(model, txn, arena, from < to ? from : to, from < to ? to : from,
                            direction);
        model_check_index(model, txn, arena, (uint32_t)random_uint64() % 7, random_uint64() & 1,
                          direction, false, 0);
        model_check_index(model, txn, arena, 0, false, direction, true, from);
    }
    for (int i = 0; i < 8; i++) {
        uint8_t number = (uint8_t)random_uint64();
        str value;
        enum err err = txn_record_get_view(txn, ENTITY, id_of(number), &value);
        check_int(err, model->rows[number].is_there ? ERR_NONE : ERR_MISSING);
        if (err == ERR_NONE) check_str(value, value_of_number(arena, model->rows[number].value));
    }
}

static void model_mutate(struct model *model, struct txn *txn, struct arena *arena)
{
    uint64_t dice = random_uint64();
    uint8_t number = (uint8_t)(dice >> 8);
    if (dice % 3 == 0) model_delete(model, txn, arena, number);
    else model_put(model, txn, arena, number, (uint32_t)(dice >> 32));
}

/** Writes with savepoints inside savepoints, some undone. */
static void model_nest(struct model *model, struct txn *txn, struct arena *arena, int depth)
{
    struct model before = *model;
    struct savepoint savepoint = txn_savepoint(txn);
    for (int i = 0; i < 20; i++) model_mutate(model, txn, arena);
    if (depth < 4) model_nest(model, txn, arena, depth + 1);
    for (int i = 0; i < 5; i++) model_mutate(model, txn, arena);
    model_check(model, txn, arena);
    if (random_uint64() % 2 == 0) return;
    txn_rollback(txn, savepoint);
    *model = before;
    model_check(model, txn, arena);
}

struct model_work {
    struct work work;
    struct model *model;
    struct arena *arena;
};

static enum err model_work_run(struct work *work, struct txn *txn)
{
    struct model_work *own = (struct model_work *)work;
    struct model *model = own->model;
    model_check(model, txn, own->arena);
    model_nest(model, txn, own->arena, 0);
    model_check(model, txn, own->arena);
    return ERR_NONE;
}

TEST(test_txn__agrees_with_a_simple_model)
{
    uint64_t seed = test_seed();
    random_seed(seed);
    struct test_store test;
    test_store_open(&test);
    struct space space = store_space(test.store, 0xFFFFFFFF, id_of(7));
    struct model model = {};
    for (int round = 0; round < 12; round++) {
        struct model_work own = {
            .work.run = model_work_run, .model = &model, .arena = &test.task.arena};
        check_int(store_write(test.store, &space, &own.work), ERR_NONE);
        struct txn *txn;
        check_int(txn_open(&test.task.task, &space, &txn), ERR_NONE);
        model_check(&model, txn, &test.task.arena);
        txn_close(txn);
        if (round % 4 == 3) test_store_reopen(&test);
        space = store_space(test.store, 0xFFFFFFFF, id_of(7));
    }
    test_store_drop(&test);
    random_seed(0);
}

static str token_of(struct arena *arena, uint32_t number)
{
    return arena_print(arena, "w%02u", number);
}

/** Reads a scan to its end as "token target source" numbers. */
static str scan_print(struct arena *arena, struct scan *scan)
{
    struct buf out = buf_make(arena, 1 << 16);
    struct scan_entry entry;
    for (bool has_entry = true;;) {
        check_int(scan_next(scan, &has_entry, &entry), ERR_NONE);
        if (!has_entry) break;
        buf_print(&out, "%.*s.%u.%u ", FMT(entry.ordered), entry.id.bytes[0],
                  entry.source.bytes[0]);
    }
    scan_close(scan);
    return buf_str(&out);
}

struct text_work {
    struct work work;
    struct arena *arena;
};

static enum err text_run(struct work *work, struct txn *txn)
{
    struct arena *arena = ((struct text_work *)work)->arena;
    for (uint32_t token = 1; token <= 3; token++)
        for (uint8_t target = 1; target <= 2; target++)
            for (uint8_t source = 1; source <= 2; source++)
                txn_text_put(txn, ENTITY, token_of(arena, token), id_of(target), id_of(source));
    txn_text_put(txn, ENTITY, S("w"), id_of(1), id_of(1));
    return ERR_NONE;
}

TEST(test_scan__text_ranges_cursors_and_seeks)
{
    struct test_store test;
    test_store_open(&test);
    struct arena *arena = &test.task.arena;
    struct space space = store_space(test.store, 1, id_of(1));
    struct text_work own = {.work.run = text_run, .arena = arena};
    check_int(store_write(test.store, &space, &own.work), ERR_NONE);
    struct txn *txn;
    check_int(txn_open(&test.task.task, &space, &txn), ERR_NONE);
    struct scan_range range = {.from = S("w02"), .to = S("w02")};
    check_str(scan_print(arena, scan_text(txn, ENTITY, &range)),
              S("w02.1.1 w02.1.2 w02.2.1 w02.2.2 "));
    range = (struct scan_range){.from = S("w\0"), .to = S("w\0")};
    check_str(scan_print(arena, scan_text(txn, ENTITY, &range)), S("w.1.1 "));
    range = (struct scan_range){.from = S("w01"),
                                .from_is_open = true,
                                .to = S("w03"),
                                .to_is_open = true,
                                .is_descending = true};
    check_str(scan_print(arena, scan_text(txn, ENTITY, &range)),
              S("w02.2.2 w02.2.1 w02.1.2 w02.1.1 "));
    range = (struct scan_range){.from = S("w02"),
                                .to = S("w"),
                                .has_after = true,
                                .after_ordered = S("w02"),
                                .after_id = id_of(2)};
    check_str(scan_print(arena, scan_text(txn, ENTITY, &range)),
              S("w03.1.1 w03.1.2 w03.2.1 w03.2.2 "));
    range.is_descending = true;
    check_str(scan_print(arena, scan_text(txn, ENTITY, &range)), S("w02.1.2 w02.1.1 "));
    range = (struct scan_range){.from = S("x"), .is_unbounded_to = true};
    check_str(scan_print(arena, scan_text(txn, ENTITY, &range)), S(""));

    range = (struct scan_range){.is_unbounded_from = true, .is_unbounded_to = true};
    struct scan *scan = scan_text(txn, ENTITY, &range);
    struct scan_entry entry;
    bool has_entry;
    scan_seek(scan, S("w01"), id_of(2));
    check_int(scan_next(scan, &has_entry, &entry), ERR_NONE);
    check(has_entry && entry.id.bytes[0] == 2 && entry.source.bytes[0] == 1);
    scan_seek(scan, S("w01"), id_of(1)); /* never back */
    check_int(scan_next(scan, &has_entry, &entry), ERR_NONE);
    check(has_entry && entry.id.bytes[0] == 2 && entry.source.bytes[0] == 2);
    scan_seek(scan, S("w03"), id_of(2));
    check_str(scan_print(arena, scan), S("w03.2.1 w03.2.2 "));
    txn_close(txn);
    test_store_drop(&test);
}

TEST(test_scan__seeks_over_pending_writes)
{
    struct test_store test;
    test_store_open(&test);
    struct arena *arena = &test.task.arena;
    struct space space = store_space(test.store, 1, id_of(1));
    struct text_work own = {.work.run = text_run, .arena = arena};
    check_int(store_write(test.store, &space, &own.work), ERR_NONE);
    struct txn *txn;
    struct scan_entry entry;
    bool has_entry;
    struct scan_range range = {.is_unbounded_from = true, .is_unbounded_to = true};
    check_int(txn_open_dry(&test.task.task, &space, &txn), ERR_NONE);
    txn_text_put(txn, ENTITY, S("w025"), id_of(9), id_of(9));
    txn_text_delete(txn, ENTITY, S("w03"), id_of(1), id_of(1));
    struct scan *scan = scan_text(txn, ENTITY, &range);
    scan_seek(scan, S("w02"), id_of(3));
    check_int(scan_next(scan, &has_entry, &entry), ERR_NONE);
    check(has_entry);
    check_str(entry.ordered, S("w025"));
    /* Written while the scan stands before it: seen. Behind it: not. */
    txn_text_put(txn, ENTITY, S("w024"), id_of(9), id_of(9));
    txn_text_put(txn, ENTITY, S("w026"), id_of(8), id_of(9));
    check_str(scan_print(arena, scan), S("w026.8.9 w03.1.2 w03.2.1 w03.2.2 "));
    txn_close(txn);
    test_store_drop(&test);
}
