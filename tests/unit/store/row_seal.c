/* Values that are sealed in their rows: they open in their row, their place and their space, under
 * the key that they were sealed with, and nowhere else. */
#include "store/row_seal.h"

#include "store/keyring.h"
#include "store/sealing.h"
#include "store_test.h"
#include "value/value.h"

static const struct id UUID = {.bytes = {7}};
static const str KEY = S("place"), TEXT = S("what somebody wrote");

struct rig {
    struct test_store test;
    struct space space;
    struct txn *txn;
    struct arena *arena;
};

static enum err make_key(struct work *, struct txn *txn)
{
    txn_data_key_make(txn);
    return ERR_NONE;
}

static void rig_make(struct rig *rig, bool has_key)
{
    test_store_open(&rig->test);
    rig->space = store_space(rig->test.store, 5, UUID);
    rig->arena = rig->test.task.task.arena;
    struct work work = {.run = make_key};
    if (has_key) check_int(store_write(rig->test.store, &rig->space, &work), ERR_NONE);
    check_int(txn_open_dry(&rig->test.task.task, &rig->space, &rig->txn), ERR_NONE);
}

static void rig_drop(struct rig *rig)
{
    txn_close(rig->txn);
    test_store_drop(&rig->test);
}

static str stored(struct rig *rig, str value)
{
    struct buf built = buf_make(rig->arena, KIB);
    sealed_value_put(rig->txn, &built, SYSTEM_ANSWER, KEY, value);
    return buf_str(&built);
}

static enum err opened(struct rig *rig, enum system_row row, str key, str bytes)
{
    str value;
    enum err err = sealed_value_open(rig->txn, row, key, bytes, rig->arena, &value);
    if (err == ERR_NONE) check_str(value, TEXT);
    return err;
}

TEST(test_row_seal__a_value_does_not_lie_open_and_opens_in_its_place_alone)
{
    struct rig rig;
    rig_make(&rig, true);
    str sealed = stored(&rig, TEXT);
    check(memmem(sealed.at, sealed.len, TEXT.at, TEXT.len) == nullptr);
    check(!str_eq(sealed, stored(&rig, TEXT)));
    check_int(opened(&rig, SYSTEM_ANSWER, KEY, sealed), ERR_NONE);
    check_int(opened(&rig, SYSTEM_RUN, KEY, sealed), ERR_CORRUPT);
    check_int(opened(&rig, SYSTEM_ANSWER, S("plac3"), sealed), ERR_CORRUPT);
    check_int(opened(&rig, SYSTEM_ANSWER, S("place "), sealed), ERR_CORRUPT);
    /* The very last bytes, and each of the seal; before it stand mark and head. */
    constexpr size_t before_key = 2 + 13;
    for (size_t at = before_key; at < sealed.len; at++) {
        str copy = arena_copy(rig.arena, sealed);
        ((char *)copy.at)[at] ^= 1;
        check(opened(&rig, SYSTEM_ANSWER, KEY, copy) != ERR_NONE);
    }
    struct space other = store_space(rig.test.store, 5, (struct id){.bytes = {8}});
    txn_enter(rig.txn, &other);
    check(opened(&rig, SYSTEM_ANSWER, KEY, sealed) != ERR_NONE);
    rig_drop(&rig);
}

TEST(test_row_seal__an_empty_value_is_sealed_too)
{
    struct rig rig;
    rig_make(&rig, true);
    str value;
    check_int(
        sealed_value_open(rig.txn, SYSTEM_ANSWER, KEY, stored(&rig, S("")), rig.arena, &value),
        ERR_NONE);
    check_int(value.len, 0);
    rig_drop(&rig);
}

TEST(test_row_seal__an_older_key_opens_what_it_sealed_until_it_is_dropped)
{
    struct rig rig;
    rig_make(&rig, true);
    uint32_t id;
    str old = stored(&rig, TEXT);
    check_int(sealing_key_add(rig.txn, &id), ERR_NONE);
    str new = stored(&rig, TEXT);
    check_int(opened(&rig, SYSTEM_ANSWER, KEY, old), ERR_NONE);
    check_int(opened(&rig, SYSTEM_ANSWER, KEY, new), ERR_NONE);
    check_int(sealing_key_drop(rig.txn, DATA_KEY_FIRST), ERR_NONE);
    keyring_forget(rig.test.store->keyring, rig.space.number);
    check_int(opened(&rig, SYSTEM_ANSWER, KEY, old), ERR_MISSING);
    check_int(opened(&rig, SYSTEM_ANSWER, KEY, new), ERR_NONE);
    rig_drop(&rig);
}

/** What is too short for a seal, or does not begin as one, is a value as it was given once. */
TEST(test_row_seal__what_was_never_sealed_is_told_as_it_is)
{
    struct rig rig;
    rig_make(&rig, false);
    check_str(stored(&rig, TEXT), TEXT);
    check_int(opened(&rig, SYSTEM_ANSWER, KEY, TEXT), ERR_NONE);
    struct buf short_one = buf_make(rig.arena, KIB);
    char room[13 + 4 + SEAL_EXTRA_BYTES - 1] = "atrium:sealed";
    pack_bytes(&short_one, (str){room, sizeof room});
    str value;
    check_int(
        sealed_value_open(rig.txn, SYSTEM_ANSWER, KEY, buf_str(&short_one), rig.arena, &value),
        ERR_NONE);
    check_str(value, buf_str(&short_one));
    rig_drop(&rig);
}

struct damage {
    struct work work;
    bool is_key;
};

static enum err damage_run(struct work *work, struct txn *txn)
{
    struct damage *damage = (struct damage *)work;
    struct row_key row_key;
    row_key_system(&row_key, txn_space(txn), SYSTEM_KEY, S(""));
    if (damage->is_key) row_put(txn, DATABASE_SYSTEM, &row_key, S("no keys"));
    else txn_system_put(txn, SYSTEM_ANSWER, KEY, TEXT);
    return ERR_NONE;
}

/** Nothing is written open because the key that should seal it is damaged. */
TEST(test_row_seal__nothing_is_kept_where_the_key_cannot_be_read)
{
    struct rig rig;
    rig_make(&rig, true);
    struct damage damage = {.work = {.run = damage_run}, .is_key = true};
    check_int(store_write(rig.test.store, &rig.space, &damage.work), ERR_NONE);
    keyring_forget(rig.test.store->keyring, rig.space.number);
    damage = (struct damage){.work = {.run = damage_run}};
    check_int(store_write(rig.test.store, &rig.space, &damage.work), ERR_CORRUPT);
    struct txn *txn;
    str value;
    check_int(txn_open(&rig.test.task.task, &rig.space, &txn), ERR_NONE);
    check_int(txn_system_get(txn, SYSTEM_ANSWER, KEY, rig.arena, &value), ERR_MISSING);
    txn_close(txn);
    rig_drop(&rig);
}
