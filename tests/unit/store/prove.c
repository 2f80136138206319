#include "store/chain.h"

#include "base/clock.h"
#include "store/change_log.h"
#include "store/fold.h"
#include "store/keyring.h"
#include "store_test.h"
#include "value/value.h"

/* A log of ENTRIES entries, damaged in the files beneath the store in each way that somebody with
 * the disk, but without the key, could try. */

constexpr uint64_t ENTRIES = 40;
constexpr int64_t START_MS = 1'800'000'000'000;

struct place {
    struct test_store test;
    struct space space;
};

struct entry_work {
    struct work work;
    struct task *task;
    uint64_t number;
};

static enum err entry_run(struct work *work, struct txn *txn)
{
    struct entry_work *self = (struct entry_work *)work;
    txn_set_task(txn, self->task);
    if (self->number == 1) txn_data_key_make(txn);
    struct buf body = buf_make(self->task->arena, 64);
    pack_int(&body, (int64_t)self->number);
    struct id group = {.bytes = {(uint8_t)(1 + self->number / 10)}};
    struct log_entry entry = {.group = group,
                              .at_ms = START_MS + (int64_t)self->number,
                              .entity = 4,
                              .record = {.bytes = {(uint8_t)self->number}},
                              .body = buf_str(&body)};
    txn_log_append(txn, &entry);
    return ERR_NONE;
}

static void begin(struct place *place)
{
    test_store_open(&place->test);
    place->space = store_space(place->test.store, 7, (struct id){.bytes = {7, 7}});
    struct task *task = &place->test.task.task;
    for (uint64_t number = 1; number <= ENTRIES; number++) {
        struct entry_work work = {{.run = entry_run, .arena = task->arena}, task, number};
        check_int(store_write(place->test.store, &place->space, &work.work), ERR_NONE);
    }
}

static void end(struct place *place)
{
    test_store_drop(&place->test);
}

static struct chain_proof prove(struct place *place, const struct chain_link *anchor)
{
    struct chain_proof proof;
    check_int(chain_prove(&place->test.task.task, &place->space, anchor, &proof), ERR_NONE);
    return proof;
}

static struct chain_link head(struct place *place)
{
    struct txn *txn;
    struct chain_link link;
    check_int(txn_open(&place->test.task.task, &place->space, &txn), ERR_NONE);
    check_int(chain_head(txn, &link), ERR_NONE);
    txn_close(txn);
    return link;
}

static bool says(const struct chain_proof *proof, const char *words)
{
    char text[500];
    (void)snprintf(text, sizeof text, "%.*s", FMT(proof->what));
    if (strstr(text, words) == nullptr) fprintf(stderr, "says: %s\n", text);
    return strstr(text, words) != nullptr;
}

/* Damage. */

static MDB_val key_of(struct place *place, struct row_key *key, uint64_t sequence)
{
    row_key_log(key, &place->space, sequence);
    return (MDB_val){key->len, key->bytes};
}

static str stored_get(struct place *place, MDB_txn *txn, uint64_t sequence)
{
    struct row_key key;
    MDB_val name = key_of(place, &key, sequence), value;
    struct store *store = place->test.store;
    check_int(mdb_get(txn, store->databases[DATABASE_CHANGES], &name, &value), 0);
    return arena_copy(place->test.task.task.arena, (str){value.mv_data, value.mv_size});
}

static void stored_put(struct place *place, MDB_txn *txn, uint64_t sequence, str stored)
{
    struct row_key key;
    MDB_val name = key_of(place, &key, sequence), value = {stored.len, (void *)stored.at};
    struct store *store = place->test.store;
    check_int(mdb_put(txn, store->databases[DATABASE_CHANGES], &name, &value, 0), 0);
}

static void stored_delete(struct place *place, MDB_txn *txn, uint64_t sequence)
{
    struct row_key key;
    MDB_val name = key_of(place, &key, sequence);
    struct store *store = place->test.store;
    check_int(mdb_del(txn, store->databases[DATABASE_CHANGES], &name, nullptr), 0);
}

static MDB_txn *damage_begin(struct place *place)
{
    MDB_txn *txn;
    check_int(mdb_txn_begin(place->test.store->mdb, nullptr, 0, &txn), 0);
    return txn;
}

/** The value with a hash made anew, as one could who has the instance's key for hashes alone. */
static void hash_anew(struct place *place, uint64_t sequence, str stored)
{
    struct row_key key;
    row_key_log(&key, &place->space, sequence);
    bytes_put_uint64((char *)stored.at,
                     row_hash(&place->space.hash_key, place->space.uuid, DATABASE_CHANGES,
                              row_key_str(&key), str_from(stored, VALUE_HASH_BYTES)));
}

TEST(test_prove__a_whole_log_holds_and_tells_its_head)
{
    struct place place;
    begin(&place);
    struct chain_proof proof = prove(&place, nullptr);
    check(!proof.is_broken);
    check_int(proof.entry_count, ENTRIES);
    check_int(proof.first_at_ms, START_MS + 1);
    struct chain_link link = head(&place), parsed;
    check_int(link.sequence, ENTRIES);
    check_int(link.at_ms, START_MS + (int64_t)ENTRIES);
    check(memcmp(&link, &proof.head, sizeof link) == 0);
    str text = chain_link_text(place.test.task.task.arena, &link);
    check(chain_link_parse(text, &parsed) && parsed.sequence == ENTRIES);
    check(memcmp(&parsed.hash, &link.hash, sizeof link.hash) == 0);
    check(!prove(&place, &link).is_broken);
    end(&place);
}

TEST(test_prove__an_empty_log_holds)
{
    struct place place;
    begin(&place);
    place.space = store_space(place.test.store, 8, (struct id){.bytes = {8}});
    struct chain_link link = head(&place);
    check_int(link.sequence, 0);
    check(!prove(&place, &link).is_broken);
    end(&place);
}

TEST(test_prove__every_flipped_bit_is_found_where_it_stands)
{
    struct place place;
    uint64_t seed = test_seed(), sequence = 1 + seed % ENTRIES;
    begin(&place);
    MDB_txn *txn = damage_begin(&place);
    str whole = stored_get(&place, txn, sequence);
    mdb_txn_abort(txn);
    for (size_t at = 0; at < whole.len; at++) {
        txn = damage_begin(&place);
        str stored = arena_copy(place.test.task.task.arena, whole);
        ((char *)stored.at)[at] ^= (char)(1 << (seed + at) % 8);
        stored_put(&place, txn, sequence, stored);
        check_int(mdb_txn_commit(txn), 0);
        struct chain_proof proof = prove(&place, nullptr);
        check(proof.is_broken);
        check_int(proof.broken_at, sequence);
        check(says(&proof, "altered"));
        check_int(proof.head.sequence, sequence - 1);
    }
    end(&place);
}

TEST(test_prove__an_altered_entry_is_found_also_when_its_own_hash_was_made_anew)
{
    struct place place;
    begin(&place);
    MDB_txn *txn = damage_begin(&place);
    str stored = stored_get(&place, txn, 20);
    ((char *)stored.at)[VALUE_HASH_BYTES + 5] ^= 1; /* in its group */
    hash_anew(&place, 20, stored);
    stored_put(&place, txn, 20, stored);
    check_int(mdb_txn_commit(txn), 0);
    struct chain_proof proof = prove(&place, nullptr);
    check(proof.is_broken && says(&proof, "does not follow"));
    check_int(proof.broken_at, 20);
    check_int(proof.broken_at_ms, START_MS + 20);
    end(&place);
}

TEST(test_prove__an_altered_body_is_found_and_an_erased_one_is_not_one)
{
    struct place place;
    begin(&place);
    MDB_txn *txn = damage_begin(&place);
    str stored = stored_get(&place, txn, 20);
    ((char *)stored.at)[stored.len - 1] = 21; /* the body is this number alone */
    hash_anew(&place, 20, stored);
    stored_put(&place, txn, 20, stored);
    check_int(mdb_txn_commit(txn), 0);
    struct chain_proof proof = prove(&place, nullptr);
    check(proof.is_broken && says(&proof, "body"));
    check_int(proof.broken_at, 20);
    txn = damage_begin(&place);
    ((char *)stored.at)[stored.len - 1] = (char)0xc0;
    hash_anew(&place, 20, stored);
    stored_put(&place, txn, 20, stored);
    check_int(mdb_txn_commit(txn), 0);
    proof = prove(&place, nullptr);
    check(!proof.is_broken);
    check_int(proof.erased_count, 1);
    end(&place);
}

TEST(test_prove__a_deleted_entry_is_found)
{
    struct place place;
    begin(&place);
    MDB_txn *txn = damage_begin(&place);
    stored_delete(&place, txn, 20);
    stored_delete(&place, txn, 21);
    check_int(mdb_txn_commit(txn), 0);
    struct chain_proof proof = prove(&place, nullptr);
    check(proof.is_broken && says(&proof, "missing: behind entry 19 comes entry 22"));
    check_int(proof.broken_at, 20);
    check_int(proof.broken_at_ms, START_MS + 19);
    end(&place);
}

TEST(test_prove__swapped_entries_are_found)
{
    struct place place;
    begin(&place);
    MDB_txn *txn = damage_begin(&place);
    str first = stored_get(&place, txn, 20), second = stored_get(&place, txn, 25);
    stored_put(&place, txn, 20, second);
    stored_put(&place, txn, 25, first);
    check_int(mdb_txn_commit(txn), 0);
    struct chain_proof proof = prove(&place, nullptr);
    check(proof.is_broken &&
          says(&proof, "out of order: what stands here was written as entry 25"));
    check_int(proof.broken_at, 20);
    hash_anew(&place, 20, second);
    hash_anew(&place, 25, first);
    txn = damage_begin(&place);
    stored_put(&place, txn, 20, second);
    stored_put(&place, txn, 25, first);
    check_int(mdb_txn_commit(txn), 0);
    proof = prove(&place, nullptr);
    check(proof.is_broken && says(&proof, "does not follow"));
    check_int(proof.broken_at, 20);
    end(&place);
}

TEST(test_prove__a_tail_that_was_cut_off_is_shown_by_an_anchor_alone)
{
    struct place place;
    begin(&place);
    struct chain_link anchor = head(&place);
    MDB_txn *txn = damage_begin(&place);
    for (uint64_t at = 31; at <= ENTRIES; at++) stored_delete(&place, txn, at);
    check_int(mdb_txn_commit(txn), 0);
    struct chain_proof proof = prove(&place, nullptr);
    check(!proof.is_broken);
    check_int(proof.head.sequence, 30);
    struct chain_link early = proof.head;
    proof = prove(&place, &anchor);
    check(proof.is_broken && says(&proof, "cut off: the log ends with entry 30, but it had 40"));
    check_int(proof.broken_at, 31);
    check(!prove(&place, &early).is_broken);
    end(&place);
}

TEST(test_prove__another_history_is_shown_by_an_anchor)
{
    struct place place;
    begin(&place);
    struct chain_link anchor = head(&place);
    anchor.sequence = 20;
    struct chain_proof proof = prove(&place, &anchor);
    check(proof.is_broken && says(&proof, "another history"));
    check_int(proof.broken_at, 20);
    end(&place);
}

/** What stands of one entry. */
static struct chain_link link_at(struct place *place, uint64_t sequence)
{
    struct log_row row;
    MDB_txn *txn = damage_begin(place);
    str stored = stored_get(place, txn, sequence);
    mdb_txn_abort(txn);
    check(log_row_read(sequence, str_from(stored, VALUE_HASH_BYTES), &row));
    return (struct chain_link){.sequence = sequence, .hash = row.chain};
}

TEST(test_prove__what_was_folded_holds_and_an_anchor_within_it_proves_nothing)
{
    struct place place;
    begin(&place);
    struct id group = {.bytes = {3}}; /* entries 20 to 29 */
    struct chain_link anchors[ENTRIES];
    for (uint64_t at = 0; at < ENTRIES; at++) anchors[at] = link_at(&place, at + 1);
    check_int(fold_group(&place.test.task.task, &place.space, group), ERR_NONE);
    for (uint64_t at = 0; at < ENTRIES; at++) {
        bool is_within = anchors[at].sequence >= 20 && anchors[at].sequence < 29;
        struct chain_proof proof = prove(&place, &anchors[at]);
        check(proof.is_broken == is_within);
        check(!is_within || says(&proof, "folded"));
        check_int(is_within ? proof.broken_at : 0, is_within ? at + 1 : 0);
        if (is_within) continue;
        check_int(proof.folded_count, 10);
        check_int(proof.entry_count, ENTRIES - 10);
    }
    end(&place);
}

/** Of somebody who could make hashes of values anew: a fold of entries 20 to 29 becomes another. */
TEST(test_prove__a_fold_that_does_not_fit_is_found_where_it_begins)
{
    struct place place;
    struct id group = {.bytes = {3}};
    struct log_gap gap;
    begin(&place);
    check_int(fold_group(&place.test.task.task, &place.space, group), ERR_NONE);
    MDB_txn *txn = damage_begin(&place);
    str whole = stored_get(&place, txn, 20), value = str_from(whole, VALUE_HASH_BYTES);
    check(log_gap_read(value, &gap) && gap.last == 29);
    /* Its last entry, to take away the next one too; the chain that goes on; the proof. */
    const size_t bytes[] = {1, value.len - 2 - HASH_BYTES - 1, value.len - 1};
    stored_delete(&place, txn, 30);
    for (size_t at = 0; at < sizeof bytes / sizeof *bytes; at++) {
        str stored = arena_copy(place.test.task.task.arena, whole);
        ((char *)stored.at)[VALUE_HASH_BYTES + bytes[at]] ^= 3; /* 29 becomes 30 */
        hash_anew(&place, 20, stored);
        stored_put(&place, txn, 20, stored);
        check_int(mdb_txn_commit(txn), 0);
        struct chain_proof proof = prove(&place, nullptr);
        check(proof.is_broken && says(&proof, "altered: what was folded here does not fit"));
        check_int(proof.broken_at, 20);
        check_int(proof.broken_at_ms, START_MS + 19);
        txn = damage_begin(&place);
    }
    mdb_txn_abort(txn);
    end(&place);
}

/* Who knows an older key of the chains. */

static void go_on(struct place *place, uint64_t from, uint64_t to)
{
    struct task *task = &place->test.task.task;
    for (uint64_t number = from; number <= to; number++) {
        struct entry_work work = {{.run = entry_run, .arena = task->arena}, task, number};
        check_int(store_write(place->test.store, &place->space, &work.work), ERR_NONE);
    }
}

/** Entries from one on, which is altered, made anew by the first key, hashes of values too. */
static void chain_anew(struct place *place, uint64_t from, uint64_t to)
{
    struct store *store = place->test.store;
    MDB_txn *txn = damage_begin(place);
    struct log_row before;
    check(log_row_read(from - 1, str_from(stored_get(place, txn, from - 1), VALUE_HASH_BYTES),
                       &before));
    for (uint64_t at = from; at <= to; at++) {
        str stored = stored_get(place, txn, at);
        if (at == from) ((char *)stored.at)[VALUE_HASH_BYTES + 5] ^= 1; /* in its group */
        struct buf forged = buf_make(place->test.task.task.arena, KIB);
        buf_put(&forged, str_first(stored, VALUE_HASH_BYTES));
        check(log_row_chain_anew(&forged, &store->chain_keys.keys[0], place->space.uuid,
                                 &before.chain, at, str_from(stored, VALUE_HASH_BYTES)));
        hash_anew(place, at, buf_str(&forged));
        stored_put(place, txn, at, buf_str(&forged));
    }
    check_int(mdb_txn_commit(txn), 0);
}

/** Without it nobody knows of the tenant whose keys are to be wrapped anew. */
static enum err tenant_run(struct work *work, struct txn *txn)
{
    struct entry_work *self = (struct entry_work *)work;
    struct id uuid = {.bytes = {7, 7}};
    struct buf row = buf_make(self->task->arena, 64);
    txn_set_task(txn, self->task);
    pack_map(&row, 1);
    pack_text(&row, S("uuid"));
    pack_bytes(&row, id_bytes(&uuid));
    txn_system_put(txn, SYSTEM_TENANT, (str){"\0\0\0\7", 4}, buf_str(&row));
    return ERR_NONE;
}

/** ENTRIES, another key of the instance, and ten more. */
static void begin_with_two_keys(struct place *place)
{
    uint32_t count;
    begin(place);
    struct task *task = &place->test.task.task;
    struct space instance = store_instance(place->test.store);
    struct entry_work work = {.work = {.run = tenant_run, .arena = task->arena}, .task = task};
    check_int(store_write(place->test.store, &instance, &work.work), ERR_NONE);
    check_int(
        store_rewrap(&place->test.task.task, place->test.store, CUSTODY_AS_BEFORE, S(""), &count),
        ERR_NONE);
    check_int(place->test.store->chain_keys.count, 2);
    go_on(place, ENTRIES + 1, ENTRIES + 10);
}

TEST(test_prove__a_log_goes_on_under_another_key_of_the_instance)
{
    struct place place;
    begin_with_two_keys(&place);
    struct chain_link link = head(&place);
    check_int(link.sequence, ENTRIES + 10);
    for (uint32_t round = 0; round < 2; round++) {
        struct chain_proof proof = prove(&place, &link);
        check(!proof.is_broken);
        check_int(proof.entry_count, ENTRIES + 10);
        /* The keys are there when it is opened again. */
        test_store_reopen(&place.test);
        check_int(place.test.store->chain_keys.count, 2);
        place.space = store_space(place.test.store, place.space.number, place.space.uuid);
    }
    /* A fold of old entries is proven by the newest key, in the midst of the older one's. */
    struct id group = {.bytes = {3}};
    check_int(fold_group(&place.test.task.task, &place.space, group), ERR_NONE);
    check(!prove(&place, &link).is_broken);
    end(&place);
}

TEST(test_prove__by_an_older_key_nothing_is_altered_before_entries_of_a_newer_one)
{
    struct place place;
    begin_with_two_keys(&place);
    chain_anew(&place, 20, ENTRIES);
    struct chain_proof proof = prove(&place, nullptr);
    check(proof.is_broken && says(&proof, "does not follow"));
    check_int(proof.broken_at, ENTRIES + 1);
    end(&place);
}

TEST(test_prove__by_an_older_key_nothing_is_altered_behind_entries_of_a_newer_one)
{
    struct place place;
    begin_with_two_keys(&place);
    chain_anew(&place, ENTRIES + 6, ENTRIES + 10);
    struct chain_proof proof = prove(&place, nullptr);
    check(proof.is_broken && says(&proof, "does not follow"));
    check_int(proof.broken_at, ENTRIES + 6);
    end(&place);
}

TEST(test_prove__all_of_it_made_anew_by_an_older_key_is_shown_by_an_anchor)
{
    struct place place;
    begin_with_two_keys(&place);
    struct chain_link anchor = head(&place);
    chain_anew(&place, 20, ENTRIES + 10);
    check(!prove(&place, nullptr).is_broken); /* nobody could know */
    struct chain_proof proof = prove(&place, &anchor);
    check(proof.is_broken && says(&proof, "another history"));
    end(&place);
}

TEST(test_prove__only_the_text_of_a_link_is_one)
{
    static const char *const wrong[] = {"", "1", "1:", ":00", "x:00", "-1:00", "1:zz", "1:0"};
    struct chain_link link;
    for (size_t at = 0; at < sizeof wrong / sizeof wrong[0]; at++)
        check(!chain_link_parse(str_of(wrong[at]), &link));
}

/** The words of a link as an operator keeps them: each digit counts, and no other form is one. */
TEST(test_prove__a_link_is_read_as_it_was_written_and_nothing_else_is)
{
    struct test_task test;
    test_task_init(&test);
    struct chain_link link = {.sequence = INT64_MAX}, read;
    for (size_t at = 0; at < HASH_BYTES; at++) link.hash.bytes[at] = (uint8_t)(at * 17 + 9);
    str text = chain_link_text(&test.arena, &link);
    check(text.len <= CHAIN_TEXT_BYTES_MAX);
    check(chain_link_parse(text, &read));
    check(read.sequence == link.sequence);
    check(memcmp(read.hash.bytes, link.hash.bytes, HASH_BYTES) == 0);
    link.sequence = 0;
    text = chain_link_text(&test.arena, &link);
    check(chain_link_parse(text, &read));
    check_int(read.sequence, 0);
    constexpr size_t digits_at = 2;
    for (size_t at = digits_at; at < text.len; at++)
        for (const char *wrong = "/:@`gG "; *wrong != 0; wrong++) {
            str copy = arena_copy(&test.arena, text);
            ((char *)copy.at)[at] = *wrong;
            check(!chain_link_parse(copy, &read));
        }
    for (size_t len = 0; len < text.len; len++)
        check(!chain_link_parse(str_first(text, len), &read));
    check(!chain_link_parse(arena_print(&test.arena, "%.*s0", FMT(text)), &read));
    check(!chain_link_parse(arena_print(&test.arena, "-1%.*s", FMT(str_from(text, 1))), &read));
    check(!chain_link_parse(arena_print(&test.arena, "x%.*s", FMT(str_from(text, 1))), &read));
    test_task_drop(&test);
}
