#include <inttypes.h>

#include "base/clock.h"
#include "base/require.h"
#include "store/change_log.h"
#include "store/keyring.h"
#include "value/value.h"

constexpr uint32_t SLICE_KEYS = 2000;

/** Where the walk stands; it outlives the snapshot of a slice. */
struct checker {
    struct store *store;
    struct check_report *report;
    struct arena arena; /** of one message */
    struct txn *txn;
    enum database database;
    struct row_key last;
    bool has_last;
    bool has_tenant;
    uint32_t tenant;
    bool is_gone;  /** its rows are to be removed, or still arriving: nothing of it is promised */
    bool is_known; /** the tenant's uuid was found */
    struct id uuid;
    uint64_t sequence; /** of the last log entry of this tenant */
    bool has_finders;  /** of groups: an earlier entry has one */
    bool has_group;    /** `group` is that of the entry before */
    struct id group;
    bool has_chain; /** `chain` is that of the entry before */
    struct hash chain;
    uint32_t chain_key_at; /** by which key it was made, or an older one */
};

static const char *const DATABASE_TITLES[DATABASE_COUNT] = {"records", "index",  "text",
                                                            "changes", "outbox", "system"};

/** Tells one fault, with the key in hexadecimal. */
[[gnu::format(printf, 4, 5)]] static void found(struct checker *checker, uint32_t tenant, str key,
                                                const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    str what = arena_vprint(&checker->arena, format, arguments);
    va_end(arguments);
    struct buf text = buf_make(&checker->arena, 4 * KIB);
    buf_print(&text, "%s, key ", DATABASE_TITLES[checker->database]);
    for (size_t i = 0; i < key.len && i < 64; i++)
        buf_print(&text, "%02x", (unsigned)(uint8_t)key.at[i]);
    buf_print(&text, ": %.*s", FMT(what));
    checker->report->fault_count++;
    checker->report->found(checker->report, tenant, buf_str(&text));
    arena_clear(&checker->arena);
}

/** The uuid a space's hashes were made with: of its key's row, else of what the instance knows
 *  about it. */
static bool uuid_find(struct checker *checker, uint32_t number, struct id *uuid_out)
{
    struct store *store = checker->store;
    if (number == 0) {
        *uuid_out = store->instance_uuid;
        return true;
    }
    struct space space = {.store = store, .number = number};
    struct row_key key;
    struct wrapped_keys wrapped;
    row_key_system(&key, &space, SYSTEM_KEY, S(""));
    MDB_val name = {key.len, key.bytes}, stored;
    MDB_dbi system = store->databases[DATABASE_SYSTEM];
    if (mdb_get(checker->txn->mdb, system, &name, &stored) == 0 &&
        wrapped_keys_read(str_from((str){stored.mv_data, stored.mv_size}, VALUE_HASH_BYTES),
                          &wrapped)) {
        *uuid_out = wrapped.uuid;
        return true;
    }
    char number_bytes[4];
    struct space instance = store_instance(store);
    struct value uuid;
    bytes_put_uint32(number_bytes, number);
    row_key_system(&key, &instance, SYSTEM_TENANT, (str){number_bytes, 4});
    name = (MDB_val){key.len, key.bytes};
    if (mdb_get(checker->txn->mdb, system, &name, &stored) != 0) return false;
    str map = str_from((str){stored.mv_data, stored.mv_size}, VALUE_HASH_BYTES);
    return value_find_text(map, S("uuid"), &uuid) &&
           ((uuid.kind == VALUE_BYTES && id_of_bytes(uuid.text, uuid_out)) ||
            (uuid.kind == VALUE_TEXT && id_parse(uuid.text, uuid_out)));
}

static bool is_gone(struct checker *checker, uint32_t number)
{
    char number_bytes[4];
    struct row_key key;
    struct space instance = store_instance(checker->store);
    bytes_put_uint32(number_bytes, number);
    row_key_system(&key, &instance, SYSTEM_GONE, (str){number_bytes, 4});
    MDB_val name = {key.len, key.bytes}, stored;
    MDB_dbi system = checker->store->databases[DATABASE_SYSTEM];
    return number != 0 && mdb_get(checker->txn->mdb, system, &name, &stored) == 0;
}

static void tenant_enter(struct checker *checker, uint32_t number, str key)
{
    checker->has_tenant = true;
    checker->tenant = number;
    checker->sequence = 0;
    checker->chain_key_at = 0;
    checker->has_group = checker->has_finders = false;
    checker->is_gone = is_gone(checker, number);
    checker->is_known = uuid_find(checker, number, &checker->uuid);
    checker->has_chain = checker->is_known;
    if (checker->is_known) checker->chain = log_chain_start(checker->store, checker->uuid);
    else if (!checker->is_gone)
        found(checker, number, key, "rows of a tenant whose uuid is not known");
}

static bool row_exists(struct checker *checker, const struct row_key *key)
{
    MDB_val name = {key->len, (void *)key->bytes}, value;
    return mdb_get(checker->txn->mdb, checker->store->databases[DATABASE_CHANGES], &name, &value) ==
           0;
}

/** Entries that were folded: the chain goes on behind them. False: it is none. */
static bool gap_check(struct checker *checker, const struct row_place *place, str key, str value)
{
    struct log_gap gap;
    if (!log_gap_read(value, &gap)) return false;
    gap.first = place->sequence;
    bool is_proven = log_gap_is_proven(checker->store, checker->uuid, &checker->chain, &gap);
    if (checker->has_chain && !is_proven)
        found(checker, place->tenant, key, "the log's chain is broken before or in this gap");
    checker->chain = gap.chain;
    checker->has_chain = checker->is_known;
    checker->has_group = false;
    checker->sequence = gap.last;
    return true;
}

static void log_entry_check(struct checker *checker, const struct row_place *place, str key,
                            str value)
{
    struct log_row row;
    struct space space = {.store = checker->store, .number = place->tenant};
    if (place->sequence != checker->sequence + 1)
        found(checker, place->tenant, key,
              "entries %" PRIu64 " to %" PRIu64 " of the change log are missing",
              checker->sequence + 1, place->sequence - 1);
    checker->sequence = place->sequence;
    if (gap_check(checker, place, key, value)) return;
    if (!log_row_read(place->sequence, value, &row)) {
        found(checker, place->tenant, key, "the log entry cannot be read");
        checker->has_chain = false;
        checker->has_group = false;
        return;
    }
    bool is_chained = log_row_is_chained(checker->store, checker->uuid, &checker->chain, &row,
                                         &checker->chain_key_at);
    if (checker->has_chain && !is_chained)
        found(checker, place->tenant, key, "the log's chain is broken before or in this entry");
    checker->chain = row.chain;
    checker->has_chain = checker->is_known;
    if (row.entry.body.len > 0) {
        if (!log_row_has_body(checker->store, &row))
            found(checker, place->tenant, key,
                  "the log entry's body is not the one that was chained");
    }
    struct row_key finder;
    row_key_log_of(&finder, &space, row.entry.entity, row.entry.record, place->sequence);
    if (!row_exists(checker, &finder))
        found(checker, place->tenant, key, "the log entry cannot be found by its record");
    bool is_first =
        place->sequence == 1 || (checker->has_group && !id_eq(checker->group, row.entry.group));
    row_key_log_group(&finder, &space, row.entry.group, place->sequence);
    bool is_found = is_first && row_exists(checker, &finder);
    /* Before the first of them the log was written by a version that knew none. */
    if (is_first && !is_found && checker->has_finders)
        found(checker, place->tenant, key, "the log entry cannot be found by its group");
    checker->has_finders = checker->has_finders || is_found;
    checker->has_group = true;
    checker->group = row.entry.group;
}

/** Whether this entry is of the finder's group; one that is damaged, which is told where it stands,
 *  says whatever is asked for. */
static bool is_of_group(struct checker *checker, const struct row_place *place, uint64_t sequence,
                        bool if_damaged)
{
    struct row_key key;
    struct log_row row;
    struct space space = {.store = checker->store, .number = place->tenant};
    row_key_log(&key, &space, sequence);
    MDB_val name = {key.len, key.bytes}, value;
    MDB_dbi changes = checker->store->databases[DATABASE_CHANGES];
    if (mdb_get(checker->txn->mdb, changes, &name, &value) != 0 ||
        !log_row_read(sequence, str_from((str){value.mv_data, value.mv_size}, VALUE_HASH_BYTES),
                      &row))
        return if_damaged;
    return id_eq(row.entry.group, place->id);
}

static void log_finder_check(struct checker *checker, const struct row_place *place, str key)
{
    struct row_key entry;
    struct space space = {.store = checker->store, .number = place->tenant};
    row_key_log(&entry, &space, place->sequence);
    if (!row_exists(checker, &entry))
        found(checker, place->tenant, key, "there is no log entry %" PRIu64, place->sequence);
    else if (place->is_log_group &&
             (!is_of_group(checker, place, place->sequence, true) ||
              (place->sequence > 1 && is_of_group(checker, place, place->sequence - 1, false))))
        found(checker, place->tenant, key, "no stretch of its group begins at log entry %" PRIu64,
              place->sequence);
}

/* The outbox: its entries, and what finds and counts them by kind (store/outbox.c). */

static bool is_there(struct checker *checker, enum database database, str key)
{
    MDB_val name = {key.len, (void *)key.at}, value;
    return mdb_get(checker->txn->mdb, checker->store->databases[database], &name, &value) == 0;
}

static void outbox_entry_check(struct checker *checker, uint32_t number, str key, str value)
{
    struct value list = value_of(value), kind;
    struct cursor items = cursor_of(list.items);
    str place = str_from(key, TENANT_BYTES);
    char name[SYSTEM_KEY_BYTES_MAX];
    if (list.kind != VALUE_LIST || list.count != 2 || !value_next(&items, &kind) ||
        kind.kind != VALUE_TEXT || kind.text.len + 1 + place.len > sizeof name) {
        found(checker, number, key, "the outbox entry cannot be read");
        return;
    }
    struct space space = {.store = checker->store, .number = number};
    struct row_key finder;
    memcpy(name, kind.text.at, kind.text.len);
    name[kind.text.len] = 0;
    memcpy(name + kind.text.len + 1, place.at, place.len);
    row_key_system(&finder, &space, SYSTEM_OUTBOX, (str){name, kind.text.len + 1 + place.len});
    if (!is_there(checker, DATABASE_SYSTEM, row_key_str(&finder)))
        found(checker, number, key, "the outbox entry cannot be found by its kind");
}

/** How many finders begin with this key and a zero. */
static uint64_t outbox_count(struct checker *checker, str key)
{
    MDB_cursor *cursor;
    uint64_t count = 0;
    if (txn_cursor_take(checker->txn, DATABASE_SYSTEM, &cursor) != ERR_NONE) return 0;
    char first[KEY_BYTES_MAX + 1];
    memcpy(first, key.at, key.len);
    first[key.len] = 0;
    str from = {first, key.len + 1};
    MDB_val name = {from.len, first}, value;
    int code = mdb_cursor_get(cursor, &name, &value, MDB_SET_RANGE);
    for (; code == 0 && str_starts((str){name.mv_data, name.mv_size}, from); count++)
        code = mdb_cursor_get(cursor, &name, &value, MDB_NEXT);
    txn_cursor_give(checker->txn, DATABASE_SYSTEM, cursor);
    return count;
}

static void outbox_finder_check(struct checker *checker, uint32_t number, str key, str value)
{
    constexpr size_t head = TENANT_BYTES + 1, place_bytes = 8 + sizeof(struct id);
    size_t zero = str_find_byte(str_from(key, head), 0);
    if (zero == SIZE_MAX) {
        struct value told = value_of(value);
        uint64_t count = outbox_count(checker, key);
        if (told.kind != VALUE_INT || (uint64_t)told.integer != count)
            found(checker, number, key, "%" PRIu64 " entries of the outbox are of this kind",
                  count);
        return;
    }
    char entry[TENANT_BYTES + place_bytes];
    str place = str_from(key, head + zero + 1);
    memcpy(entry, key.at, TENANT_BYTES);
    if (place.len == place_bytes) memcpy(entry + TENANT_BYTES, place.at, place.len);
    if (place.len != place_bytes || !is_there(checker, DATABASE_OUTBOX, (str){entry, sizeof entry}))
        found(checker, number, key, "there is no such entry in the outbox");
}

static void space_key_check(struct checker *checker, uint32_t number, str key, str value)
{
    struct wrapped_keys wrapped;
    struct data_keys keys = {};
    if (!wrapped_keys_read(value, &wrapped) ||
        keyring_open_keys(checker->store, number, &wrapped, &keys) != ERR_NONE)
        found(checker, number, key, "the tenant's data key cannot be opened with master.key");
    data_keys_wipe(&keys);
}

static void row_check_one(struct checker *checker, str key, str stored)
{
    static const struct short_key NO_KEY;
    struct row_place place;
    checker->report->keys_checked++;
    uint32_t number = key.len < TENANT_BYTES ? 0 : bytes_uint32(key.at);
    if (!row_key_parse(checker->database, key, &place)) {
        found(checker, number, key, "the key cannot be read");
        return;
    }
    if (!checker->has_tenant || checker->tenant != number) tenant_enter(checker, number, key);
    if (checker->is_gone) return;
    if (!place.has_value) {
        if (stored.len != 0)
            found(checker, number, key, "an entry that should be empty has a value");
        if (checker->database == DATABASE_CHANGES) log_finder_check(checker, &place, key);
        return;
    }
    bool is_space_key = checker->database == DATABASE_SYSTEM && place.row == SYSTEM_KEY;
    const struct short_key *hash_key =
        is_space_key && number == 0 ? &NO_KEY : &checker->store->hash_key;
    str value = str_from(stored, VALUE_HASH_BYTES);
    bool is_right = !checker->is_known ||
                    row_open(hash_key, checker->uuid, checker->database, key, stored, &value);
    if (!is_right) {
        found(checker, number, key, "the value is damaged: its hash does not fit");
        checker->has_chain = false;
        checker->has_group = false;
    }
    if (place.is_log_entry) {
        if (is_right) log_entry_check(checker, &place, key, value);
        else checker->sequence = place.sequence;
    }
    if (is_right && is_space_key) space_key_check(checker, number, key, value);
    if (is_right && checker->database == DATABASE_OUTBOX)
        outbox_entry_check(checker, number, key, value);
    if (is_right && checker->database == DATABASE_SYSTEM && place.row == SYSTEM_OUTBOX)
        outbox_finder_check(checker, number, key, value);
}

/** Past a page that LMDB cannot read the walk goes on with the next tenant; false when there is
 *  none. */
static bool skip_tenant(struct checker *checker, int code)
{
    uint32_t number = checker->has_last ? bytes_uint32(checker->last.bytes) : 0;
    found(checker, number, row_key_str(&checker->last), "behind this key: %s", mdb_strerror(code));
    if (number == UINT32_MAX) return false;
    bool is_skipped_already = checker->has_last && checker->last.len == TENANT_BYTES;
    row_prefix_tenant(&checker->last, number + 1);
    checker->has_last = true;
    return !is_skipped_already;
}

/** Up to SLICE_KEYS keys in one snapshot; false at the end of the database. */
static enum err slice_check(struct checker *checker, bool *has_more_out)
{
    MDB_cursor *cursor;
    TRY(txn_cursor_take(checker->txn, checker->database, &cursor));
    MDB_val key = {checker->last.len, checker->last.bytes}, value;
    int code = mdb_cursor_get(cursor, &key, &value, checker->has_last ? MDB_SET_RANGE : MDB_FIRST);
    str last = row_key_str(&checker->last);
    if (code == 0 && checker->has_last && str_eq((str){key.mv_data, key.mv_size}, last))
        code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    uint32_t count = 0;
    while (code == 0) {
        str name = {key.mv_data, key.mv_size};
        row_check_one(checker, name, (str){value.mv_data, value.mv_size});
        checker->has_last = true;
        checker->last.len = name.len;
        memcpy(checker->last.bytes, name.at, name.len);
        if (++count == SLICE_KEYS) break;
        code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    txn_cursor_give(checker->txn, checker->database, cursor);
    *has_more_out = code == 0;
    if (code != 0 && code != MDB_NOTFOUND) *has_more_out = skip_tenant(checker, code);
    return ERR_NONE;
}

static enum err database_check(struct task *task, struct checker *checker)
{
    struct space instance = store_instance(checker->store);
    checker->has_last = false;
    checker->has_tenant = false;
    checker->last.len = 0;
    for (bool has_more = true; has_more;) {
        TRY(txn_open(task, &instance, &checker->txn));
        enum err err = slice_check(checker, &has_more);
        txn_close(checker->txn);
        TRY(err);
    }
    return ERR_NONE;
}

enum err store_check(struct task *task, struct store *store, struct check_report *report)
{
    require(report->found != nullptr);
    struct checker *checker = memory_take(sizeof(*checker));
    checker->store = store;
    checker->report = report;
    arena_init(&checker->arena, MIB);
    enum err err = ERR_NONE;
    for (uint32_t i = 0; i < DATABASE_COUNT && err == ERR_NONE; i++) {
        checker->database = (enum database)i;
        err = database_check(task, checker);
    }
    arena_drop(&checker->arena);
    memory_give(checker);
    return err;
}
