#include "record/gone.h"

#include "base/require.h"
#include "record/past.h"
#include "record/rows.h"
#include "record/show.h"
#include "value/text.h"

static void put_number(char *at, uint64_t number, uint32_t bytes)
{
    for (uint32_t byte = 0; byte < bytes; byte++)
        at[byte] = (char)(uint8_t)(number >> (8 * (bytes - 1 - byte)));
}

static uint64_t get_number(const char *at, uint32_t bytes)
{
    uint64_t number = 0;
    for (uint32_t byte = 0; byte < bytes; byte++) number = number << 8 | (uint8_t)at[byte];
    return number;
}

constexpr uint32_t TRASH_HIDDEN_MAX = 400; /** deletions passed over for one page */

struct trash_key {
    char bytes[2 + 8];
};

static str trash_key(struct trash_key *key, const struct entity *entity, uint64_t sequence)
{
    put_number(key->bytes, entity->number, 2);
    put_number(key->bytes + 2, sequence, 8);
    return (str){key->bytes, sizeof key->bytes};
}

struct merged_key {
    char bytes[2 + 16];
};

static str merged_key(struct merged_key *key, const struct entity *entity, struct id id)
{
    put_number(key->bytes, entity->number, 2);
    memcpy(key->bytes + 2, id.bytes, 16);
    return (str){key->bytes, sizeof key->bytes};
}

static void put_id(struct txn *txn, enum system_row row, str key, struct id id)
{
    struct buf value = buf_make(txn_task(txn)->arena, 32);
    pack_bytes(&value, id_bytes(&id));
    txn_system_put(txn, row, key, buf_str(&value));
}

void gone_note(struct txn *txn, const struct entity *entity, struct id id, uint64_t sequence,
               struct id into)
{
    struct trash_key trash;
    struct merged_key merged;
    if (id_is_nil(into)) put_id(txn, SYSTEM_TRASH, trash_key(&trash, entity, sequence), id);
    else put_id(txn, SYSTEM_MERGED, merged_key(&merged, entity, id), into);
}

enum err gone_forget(struct txn *txn, const struct entity *entity, struct id id)
{
    struct log_entry newest;
    struct trash_key trash;
    struct merged_key merged;
    txn_system_delete(txn, SYSTEM_MERGED, merged_key(&merged, entity, id));
    enum err err = txn_log_of_record(txn, entity->number, id, UINT64_MAX, &newest);
    if (err != ERR_NONE) return err == ERR_MISSING ? ERR_NONE : err;
    txn_system_delete(txn, SYSTEM_TRASH, trash_key(&trash, entity, newest.sequence));
    return ERR_NONE;
}

enum err gone_survivor(struct task *task, struct txn *txn, const struct entity *entity,
                       struct id id, struct id *survivor_out)
{
    struct id at = id;
    *survivor_out = (struct id){};
    for (uint32_t step = 0; step < MERGES_MAX; step++) {
        struct merged_key key;
        str value;
        enum err err =
            txn_system_get(txn, SYSTEM_MERGED, merged_key(&key, entity, at), task->arena, &value);
        if (err == ERR_MISSING) break;
        TRY(err);
        struct value into = value_of(value);
        if (into.kind != VALUE_BYTES || !id_of_bytes(into.text, &at)) return ERR_CORRUPT;
        str record;
        if (txn_record_get_view(txn, entity->number, at, &record) == ERR_NONE)
            return *survivor_out = at, ERR_NONE;
    }
    return ERR_NONE;
}

/** Those that were merged into `into` itself are added. */
static enum err merged_add(struct task *task, struct txn *txn, const struct entity *entity,
                           struct id into, uint32_t max, struct id *ids, uint32_t *count)
{
    struct merged_key first;
    str prefix = str_first(merged_key(&first, entity, (struct id){}), 2), key = prefix, row;
    for (;;) {
        enum err err = txn_system_after(txn, SYSTEM_MERGED, key, task->arena, &key, &row);
        if (err == ERR_MISSING || (err == ERR_NONE && !str_starts(key, prefix))) return ERR_NONE;
        TRY(err);
        struct value value = value_of(row);
        struct id to;
        if (value.kind != VALUE_BYTES || !id_of_bytes(value.text, &to) || !id_eq(to, into))
            continue;
        if (*count == max)
            return fail(task, ERR_TOO_LARGE, "more than %u records were merged into one", max);
        if (!id_of_bytes(str_from(key, 2), &ids[(*count)++])) return ERR_CORRUPT;
    }
}

enum err gone_merged(struct task *task, struct txn *txn, const struct entity *entity,
                     struct id survivor, uint32_t max, struct id *ids_out, uint32_t *count_out)
{
    *count_out = 0;
    TRY(merged_add(task, txn, entity, survivor, max, ids_out, count_out));
    for (uint32_t at = 0; at < *count_out; at++)
        TRY(merged_add(task, txn, entity, ids_out[at], max, ids_out, count_out));
    return ERR_NONE;
}

/* The trash. */

/** What one page of the trash keeps from item to item. */
struct trash_page {
    const struct entity *entity;
    struct actor_names names;
    bool has_item;
};

/** `entry`: the deletion. */
static void item_write(struct buf *json, const struct view *view, struct trash_page *page,
                       const struct log_entry *entry)
{
    struct record record;
    struct arena *arena = view->task->arena;
    bool is_whole = log_deleted_record(arena, page->entity, entry, &record);
    if (page->has_item) buf_put_byte(json, ',');
    page->has_item = true;
    buf_print(json, "{\"id\":\"%.*s\",\"deleted_at\":\"", FMT(id_text(arena, entry->record)));
    time_write(json, entry->at_ms);
    buf_put(json, S("\","));
    actor_write(json, view, &page->names, page->entity, entry->actor);
    buf_print(json, ",\"group\":\"%.*s\",\"record\":", FMT(id_text(arena, entry->group)));
    if (is_whole) record_write(json, view, &record, nullptr);
    else buf_put(json, S("null"));
    buf_put_byte(json, '}');
}

enum err trash_write(struct buf *json, const struct view *view, const struct entity *entity,
                     uint64_t before, uint32_t limit)
{
    require(limit > 0);
    struct task *task = view->task;
    struct trash_key from;
    TRY(scope_require(task, view->scope, entity, SCOPE_VIEW));
    str at = trash_key(&from, entity, before);
    uint64_t next = 0, last = 0;
    uint32_t count = 0, hidden = 0;
    struct trash_page page = {.entity = entity};
    buf_put(json, S("{\"data\":["));
    for (;;) {
        str key, value;
        enum err err = txn_system_before(view->txn, SYSTEM_TRASH, at, task->arena, &key, &value);
        if (err == ERR_MISSING) break;
        TRY(err);
        if (key.len != 10 || get_number(key.at, 2) != entity->number) break;
        uint64_t sequence = get_number(key.at + 2, 8);
        struct log_entry entry;
        TRY(txn_log_from(view->txn, sequence, &entry));
        if (entry.sequence != sequence) return ERR_CORRUPT;
        bool is_seen = rows_see_entry(view, entity, &entry);
        if (hidden == TRASH_HIDDEN_MAX || (is_seen && count == limit)) {
            next = last;
            break;
        }
        last = sequence;
        at = key;
        if (is_seen) item_write(json, view, &page, &entry);
        count += is_seen;
        hidden += !is_seen;
    }
    if (next == 0) buf_put(json, S("],\"next\":null}"));
    else buf_print(json, "],\"next\":%llu}", (unsigned long long)next);
    return buf_is_over(json) ? fail(task, ERR_TOO_LARGE, "the page is too large; ask for fewer")
                             : ERR_NONE;
}
