#include "work/answers.h"

#include "base/require.h"
#include "value/value.h"

constexpr uint32_t SWEPT_ALONG = 4;        /** when one is kept: so they never pile up */
constexpr uint32_t SWEPT_IN_A_WORK = 500;  /** by upkeep */
constexpr uint32_t SWEPT_WORKS_MAX = 1000; /** in one run of it */
constexpr size_t AT_KEY_BYTES = 8 + HASH_BYTES;

static const str counter_name = {"answers", 7};

static str key_bytes(const struct hash *hash)
{
    return (str){(const char *)hash->bytes, HASH_BYTES};
}

static str at_key(int64_t at_ms, str key, char room[AT_KEY_BYTES])
{
    for (int at = 0; at < 8; at++) room[at] = (char)((uint64_t)at_ms >> (56 - 8 * at));
    memcpy(room + 8, key.at, HASH_BYTES);
    return (str){room, AT_KEY_BYTES};
}

static int64_t at_key_ms(str key)
{
    uint64_t ms = 0;
    for (size_t at = 0; at < 8; at++) ms = ms << 8 | (uint8_t)key.at[at];
    return (int64_t)ms;
}

static bool has_had_its_time(int64_t at_ms, int64_t now_ms)
{
    return now_ms - at_ms >= ANSWER_KEPT_MS;
}

/* Taking away. */

static enum err answer_drop(struct task *task, struct txn *txn, str at, struct row_counter *counter)
{
    str bytes;
    TRY(txn_system_get(txn, SYSTEM_ANSWER_AT, at, task->arena, &bytes));
    txn_system_delete(txn, SYSTEM_ANSWER_AT, at);
    txn_system_delete(txn, SYSTEM_ANSWER, str_from(at, 8));
    counter->count--;
    counter->bytes -= value_of(bytes).integer;
    return ERR_NONE;
}

/** The oldest that have had their time, at most `max`. */
static enum err answers_sweep(struct task *task, struct txn *txn, uint32_t max,
                              struct row_counter *counter, uint32_t *count_out)
{
    for (*count_out = 0; *count_out < max; ++*count_out) {
        str key, bytes;
        enum err err = txn_system_after(txn, SYSTEM_ANSWER_AT, S(""), task->arena, &key, &bytes);
        if (err == ERR_MISSING) return ERR_NONE;
        TRY(err);
        if (key.len != AT_KEY_BYTES) return fail(task, ERR_CORRUPT, "a kept answer is damaged");
        if (!has_had_its_time(at_key_ms(key), task->now_ms)) return ERR_NONE;
        TRY(answer_drop(task, txn, key, counter));
    }
    return ERR_NONE;
}

struct sweeping {
    struct work work;
    struct task *task;
    uint32_t count;
};

static enum err sweep_in_lane(struct work *work, struct txn *txn)
{
    struct sweeping *self = (struct sweeping *)work;
    struct row_counter counter;
    txn_set_task(txn, self->task);
    TRY(txn_counter_read(self->task, txn, counter_name, &counter));
    TRY(answers_sweep(self->task, txn, SWEPT_IN_A_WORK, &counter, &self->count));
    if (self->count > 0) txn_counter_put(self->task, txn, counter_name, &counter);
    return ERR_NONE;
}

enum err answers_upkeep(struct task *task, const struct access *access, const struct space *space)
{
    struct arena arena;
    struct task own;
    arena_init(&arena, TASK_ARENA_BYTES_MAX);
    task_init(&own, &arena);
    own.now_ms = task->now_ms;
    struct sweeping self = {.task = &own, .count = SWEPT_IN_A_WORK};
    enum err err = ERR_NONE;
    for (uint32_t works = 0;
         err == ERR_NONE && self.count == SWEPT_IN_A_WORK && works < SWEPT_WORKS_MAX; works++) {
        self.work = (struct work){.run = sweep_in_lane, .arena = &arena};
        err = store_write(access->store, space, &self.work);
        arena_clear(&arena);
    }
    arena_drop(&arena);
    return err;
}

/* One. */

struct answer_row {
    str asked;
    int64_t at_ms;
    struct answer answer;
};

static bool next_text(struct cursor *items, str *text_out)
{
    struct value value;
    bool is_text =
        value_next(items, &value) && (value.kind == VALUE_TEXT || value.kind == VALUE_BYTES);
    if (is_text) *text_out = value.text;
    return is_text;
}

static bool next_int(struct cursor *items, int64_t *number_out)
{
    struct value value;
    bool is_int = value_next(items, &value) && value.kind == VALUE_INT;
    if (is_int) *number_out = value.integer;
    return is_int;
}

static bool row_read(str bytes, struct answer_row *row_out)
{
    *row_out = (struct answer_row){};
    struct answer *answer = &row_out->answer;
    struct value list = value_of(bytes);
    struct cursor items = cursor_of(list.items);
    int64_t status;
    if (list.kind != VALUE_LIST || list.count < 5 || list.count % 2 == 0) return false;
    if (!next_text(&items, &row_out->asked) || !next_int(&items, &row_out->at_ms) ||
        !next_int(&items, &status) || !next_text(&items, &answer->content_type) ||
        !next_text(&items, &answer->body))
        return false;
    answer->status = (int)status;
    answer->header_count = (list.count - 5) / 2;
    if (answer->header_count > ANSWER_HEADERS_MAX) return false;
    for (uint32_t at = 0; at < answer->header_count; at++)
        if (!next_text(&items, &answer->headers[at].name) ||
            !next_text(&items, &answer->headers[at].value))
            return false;
    return true;
}

/** ERR_MISSING without a fault. */
static enum err row_find(struct task *task, struct txn *txn, const struct hash *key,
                         struct answer_row *row_out)
{
    str bytes;
    TRY(txn_system_get(txn, SYSTEM_ANSWER, key_bytes(key), task->arena, &bytes));
    if (row_read(bytes, row_out)) return ERR_NONE;
    return fail(task, ERR_CORRUPT, "a kept answer is damaged");
}

enum err answer_find(struct task *task, struct txn *txn, const struct hash *key,
                     const struct hash *asked, struct answer *answer_out)
{
    struct answer_row row;
    TRY(row_find(task, txn, key, &row));
    if (has_had_its_time(row.at_ms, task->now_ms)) return ERR_MISSING;
    *answer_out = row.answer;
    if (str_eq(row.asked, key_bytes(asked))) return ERR_NONE;
    return fail(task, ERR_INVALID,
                "this Idempotency-Key was used for another request; give each its own");
}

static str row_pack(struct arena *arena, const struct hash *asked, const struct answer *answer,
                    int64_t now_ms)
{
    size_t bytes = answer->content_type.len + answer->body.len + 256;
    for (uint32_t at = 0; at < answer->header_count; at++)
        bytes += answer->headers[at].name.len + answer->headers[at].value.len + 16;
    struct buf row = buf_make(arena, bytes);
    pack_list(&row, 5 + 2 * answer->header_count);
    pack_bytes(&row, key_bytes(asked));
    pack_int(&row, now_ms);
    pack_int(&row, answer->status);
    pack_text(&row, answer->content_type);
    pack_bytes(&row, answer->body);
    for (uint32_t at = 0; at < answer->header_count; at++) {
        pack_text(&row, answer->headers[at].name);
        pack_text(&row, answer->headers[at].value);
    }
    require(!buf_is_over(&row));
    return buf_str(&row);
}

enum err answer_keep(struct task *task, struct txn *txn, const struct hash *key,
                     const struct hash *asked, const struct answer *answer)
{
    char room[AT_KEY_BYTES];
    struct row_counter counter;
    struct answer_row old;
    uint32_t swept;
    TRY(txn_counter_read(task, txn, counter_name, &counter));
    TRY(answers_sweep(task, txn, SWEPT_ALONG, &counter, &swept));
    enum err err = row_find(task, txn, key, &old);
    if (err == ERR_NONE)
        err = answer_drop(task, txn, at_key(old.at_ms, key_bytes(key), room), &counter);
    if (err != ERR_NONE && err != ERR_MISSING) return err;
    if (answer->body.len > ANSWER_BYTES_MAX)
        return fail(task, ERR_TOO_LARGE, "the answer is too large to be kept for its key");
    str row = row_pack(task->arena, asked, answer, task->now_ms);
    counter.count++;
    counter.bytes += (int64_t)row.len;
    if (counter.count > ANSWERS_OF_TENANT_MAX ||
        counter.bytes > (int64_t)ANSWERS_BYTES_OF_TENANT_MAX)
        return fail(task, ERR_LIMITED,
                    "too many Idempotency-Keys were used within a day; send without one, or later");
    txn_system_put(txn, SYSTEM_ANSWER, key_bytes(key), row);
    struct buf bytes = buf_make(task->arena, 16);
    pack_int(&bytes, (int64_t)row.len);
    txn_system_put(txn, SYSTEM_ANSWER_AT, at_key(task->now_ms, key_bytes(key), room),
                   buf_str(&bytes));
    txn_counter_put(task, txn, counter_name, &counter);
    return ERR_NONE;
}

enum err answer_forget(struct task *task, struct txn *txn, str key)
{
    char room[AT_KEY_BYTES];
    struct row_counter counter;
    struct answer_row row;
    str bytes;
    TRY(txn_system_get(txn, SYSTEM_ANSWER, key, task->arena, &bytes));
    if (key.len != HASH_BYTES || !row_read(bytes, &row))
        return fail(task, ERR_CORRUPT, "a kept answer is damaged");
    TRY(txn_counter_read(task, txn, counter_name, &counter));
    TRY(answer_drop(task, txn, at_key(row.at_ms, key, room), &counter));
    txn_counter_put(task, txn, counter_name, &counter);
    return ERR_NONE;
}
