#include "store/sealing.h"

#include "base/random.h"
#include "store/keyring.h"
#include "store/moving.h"
#include "store/snapshot.h"
#include "store_test.h"
#include "value/value.h"

static const struct id UUID = {.bytes = {7}};
static const str PLACE = S("place"), GROUP = S("group"), TEXT = S("DE89370400440532013000");

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

static void rig_make(struct rig *rig)
{
    test_store_open(&rig->test);
    rig->space = store_space(rig->test.store, 5, UUID);
    rig->arena = rig->test.task.task.arena;
    struct work work = {.run = make_key};
    check_int(store_write(rig->test.store, &rig->space, &work), ERR_NONE);
    check_int(txn_open_dry(&rig->test.task.task, &rig->space, &rig->txn), ERR_NONE);
}

static void rig_drop(struct rig *rig)
{
    txn_close(rig->txn);
    test_store_drop(&rig->test);
}

static str seal_text(struct rig *rig, str text)
{
    str sealed;
    check_int(sealing_seal(rig->txn, rig->arena, text, PLACE, GROUP, text, &sealed), ERR_NONE);
    return sealed;
}

TEST(test_sealing__opens_only_in_its_place)
{
    struct rig rig;
    rig_make(&rig);
    str sealed = seal_text(&rig, TEXT), plain;
    check_int(sealing_open(rig.txn, rig.arena, sealed, PLACE, &plain), ERR_NONE);
    check_str(plain, TEXT);
    check_int(sealing_open(rig.txn, rig.arena, sealed, S("plac3"), &plain), ERR_CORRUPT);
    struct space other = store_space(rig.test.store, 5, (struct id){.bytes = {8}});
    txn_enter(rig.txn, &other);
    check(sealing_open(rig.txn, rig.arena, sealed, PLACE, &plain) != ERR_NONE);
    txn_enter(rig.txn, &rig.space);
    /* Every byte counts: also key id and blind. */
    for (size_t at = 0; at < sealed.len; at++) {
        str copy = arena_copy(rig.arena, sealed);
        ((char *)copy.at)[at] ^= 1;
        check(sealing_open(rig.txn, rig.arena, copy, PLACE, &plain) != ERR_NONE);
    }
    for (size_t len = 0; len < sealed.len; len++)
        check(sealing_open(rig.txn, rig.arena, str_first(sealed, len), PLACE, &plain) != ERR_NONE);
    rig_drop(&rig);
}

TEST(test_sealing__equal_texts_have_equal_blinds_and_other_bytes)
{
    struct rig rig;
    rig_make(&rig);
    str one = seal_text(&rig, TEXT), same = seal_text(&rig, TEXT), other = seal_text(&rig, S("x"));
    check(!str_eq(one, same));
    check_str(sealed_index_key(one), sealed_index_key(same));
    check(!str_eq(sealed_index_key(one), sealed_index_key(other)));
    str keys[SEALING_KEYS_MAX];
    uint32_t count;
    check_int(sealing_index_keys(rig.txn, rig.arena, GROUP, TEXT, keys, &count), ERR_NONE);
    check_int(count, 1);
    check_str(keys[0], sealed_index_key(one));
    check(sealing_is_same(rig.txn, one, GROUP, TEXT));
    check(!sealing_is_same(rig.txn, one, S("grou9"), TEXT));
    check(!sealing_is_same(rig.txn, other, GROUP, TEXT));
    str plain;
    check_int(sealing_seal(rig.txn, rig.arena, TEXT, PLACE, GROUP, S(""), &plain), ERR_NONE);
    check_int(sealed_index_key(plain).len, 0);
    rig_drop(&rig);
}

TEST(test_sealing__older_keys_open_until_they_are_dropped)
{
    struct rig rig;
    rig_make(&rig);
    str old = seal_text(&rig, TEXT), plain, keys[SEALING_KEYS_MAX];
    uint32_t id, count;
    check(sealing_is_newest(rig.txn, old));
    check_int(sealing_key_add(rig.txn, &id), ERR_NONE);
    check(!sealing_is_newest(rig.txn, old));
    str new = seal_text(&rig, TEXT);
    check(sealing_is_newest(rig.txn, new));
    check_int(sealing_open(rig.txn, rig.arena, old, PLACE, &plain), ERR_NONE);
    check_int(sealing_open(rig.txn, rig.arena, new, PLACE, &plain), ERR_NONE);
    check_int(sealing_index_keys(rig.txn, rig.arena, GROUP, TEXT, keys, &count), ERR_NONE);
    check_int(count, 2);
    check_str(keys[0], sealed_index_key(old));
    check_str(keys[1], sealed_index_key(new));
    check(sealing_is_same(rig.txn, old, GROUP, TEXT));
    check_int(sealing_key_drop(rig.txn, DATA_KEY_FIRST), ERR_NONE);
    keyring_forget(rig.test.store->keyring, rig.space.number);
    check_int(sealing_open(rig.txn, rig.arena, old, PLACE, &plain), ERR_MISSING);
    check_int(sealing_open(rig.txn, rig.arena, new, PLACE, &plain), ERR_NONE);
    for (uint32_t at = 1; at < SEALING_KEYS_MAX; at++)
        check_int(sealing_key_add(rig.txn, &id), ERR_NONE);
    check_int(sealing_key_add(rig.txn, &id), ERR_FULL);
    rig_drop(&rig);
}

/** In the order of their making, each with its time; the first one has none here. */
TEST(test_sealing__keys_are_told_with_the_time_of_their_making)
{
    struct rig rig;
    rig_make(&rig);
    struct sealing_key keys[SEALING_KEYS_MAX];
    uint32_t ids[2], count;
    for (int at = 0; at < 2; at++) {
        rig.test.task.task.now_ms = 1000 + at;
        check_int(sealing_key_add(rig.txn, &ids[at]), ERR_NONE);
    }
    check_int(sealing_keys(rig.txn, keys, &count), ERR_NONE);
    check_int(count, 3);
    check_int(keys[0].id, DATA_KEY_FIRST);
    for (int at = 0; at < 2; at++) {
        check_int(keys[1 + at].id, ids[at]);
        check_int(keys[1 + at].made_at_ms, 1000 + at);
    }
    rig_drop(&rig);
}

TEST(test_sealing__of_an_erased_space_nothing_opens)
{
    struct rig rig;
    rig_make(&rig);
    str sealed = seal_text(&rig, TEXT), plain;
    txn_close(rig.txn);
    check_int(moving_erase(&rig.test.task.task, &rig.space, true), ERR_NONE);
    check_int(txn_open_dry(&rig.test.task.task, &rig.space, &rig.txn), ERR_NONE);
    check_int(sealing_open(rig.txn, rig.arena, sealed, PLACE, &plain), ERR_MISSING);
    check_int(sealing_seal(rig.txn, rig.arena, TEXT, PLACE, GROUP, TEXT, &sealed), ERR_MISSING);
    rig_drop(&rig);
}

/** A row of this many wrapped keys, as wrapped_keys_put would write it if it could. */
static str keys_row(struct arena *arena, uint32_t count)
{
    static const char sealed[SECRET_KEY_BYTES + SEAL_EXTRA_BYTES];
    struct buf row = buf_make(arena, WRAPPED_KEYS_BYTES_MAX + KIB);
    pack_list(&row, 2);
    pack_bytes(&row, id_bytes(&UUID));
    pack_list(&row, 3 * count);
    for (uint32_t at = 0; at < count; at++) {
        pack_int(&row, 1 + at);
        pack_bytes(&row, (str){sealed, sizeof sealed});
        pack_int(&row, 0);
    }
    check(!buf_is_over(&row));
    return buf_str(&row);
}

TEST(test_sealing__a_row_has_no_more_keys_than_there_may_be)
{
    struct test_task test;
    struct wrapped_keys wrapped;
    test_task_init(&test);
    check(wrapped_keys_read(keys_row(test.task.arena, DATA_KEYS_MAX), &wrapped));
    check_int(wrapped.count, DATA_KEYS_MAX);
    check_int(wrapped.keys[DATA_KEYS_MAX - 1].id, DATA_KEYS_MAX);
    check(!wrapped_keys_read(keys_row(test.task.arena, DATA_KEYS_MAX + 1), &wrapped));
    check(!wrapped_keys_read(keys_row(test.task.arena, 0), &wrapped));
    test_task_drop(&test);
}
