#include "record/quota.h"

#include "base/limits.h"
#include "base/require.h"
#include "value/value.h"

constexpr int64_t WAIT_MS = 60'000; /** to those that somebody has to make room in */

static const str row_name = {"bounds", 6};
static const str records_counter = {"records", 7};
static const str mails_counter = {"mails", 5};

#define T(literal) \
    { \
        literal, sizeof(literal) - 1 \
    }
const struct quota_kind quota_kinds[QUOTA_COUNT] = {
#define QUOTA_ROW(name, number, word, unit, standard, greatest) \
    {number, T(word), T(unit), standard, greatest},
    QUOTAS(QUOTA_ROW)
#undef QUOTA_ROW
};

bool quota_parse(str word, enum quota *quota_out)
{
    for (uint32_t at = 0; at < QUOTA_COUNT; at++) {
        if (!str_eq(quota_kinds[at].word, word)) continue;
        *quota_out = (enum quota)at;
        return true;
    }
    return false;
}

/* Bounds. */

enum err quotas_read(struct txn *txn, struct quotas *quotas_out)
{
    struct task *task = txn_task(txn);
    str row;
    *quotas_out = (struct quotas){};
    for (uint32_t at = 0; at < QUOTA_COUNT; at++) quotas_out->bounds[at] = quota_kinds[at].standard;
    enum err err = txn_system_get(txn, SYSTEM_QUOTA, row_name, task->arena, &row);
    if (err == ERR_MISSING) return ERR_NONE;
    TRY(err);
    for (uint32_t at = 0; at < QUOTA_COUNT; at++) {
        struct value bound;
        if (!value_find(row, quota_kinds[at].number, &bound)) continue;
        if (bound.kind != VALUE_INT || bound.integer < 0 || bound.integer > QUOTA_BOUND_MAX)
            return fail(task, ERR_CORRUPT, "the quotas are damaged");
        int64_t greatest = quota_kinds[at].greatest;
        quotas_out->bounds[at] = bound.integer < greatest ? bound.integer : greatest;
        quotas_out->is_set[at] = true;
    }
    return ERR_NONE;
}

void quotas_put(struct txn *txn, const struct quotas *quotas)
{
    struct buf row = buf_make(txn_task(txn)->arena, 16 * QUOTA_COUNT + 16);
    uint32_t count = 0;
    for (uint32_t at = 0; at < QUOTA_COUNT; at++) count += quotas->is_set[at];
    pack_map(&row, count);
    for (uint32_t at = 0; at < QUOTA_COUNT; at++) {
        if (!quotas->is_set[at]) continue;
        require(quotas->bounds[at] >= 0 && quotas->bounds[at] <= quota_kinds[at].greatest);
        pack_int(&row, quota_kinds[at].number);
        pack_int(&row, quotas->bounds[at]);
    }
    require(!buf_is_over(&row));
    txn_system_put(txn, SYSTEM_QUOTA, row_name, buf_str(&row));
}

static const char *remedy(enum quota quota)
{
    switch (quota) {
    case QUOTA_REQUESTS:
        return "ask more slowly";
    case QUOTA_MAILS:
        return "wait until tomorrow";
    case QUOTA_SESSIONS:
        return "sign out where you are not needed";
    case QUOTA_TOKENS:
        return "revoke tokens that are not used";
    case QUOTA_RULE_TIME:
        return "wait, and let rules do less";
    case QUOTA_UPLOADS:
    case QUOTA_UPLOAD_BYTES:
        return "delete uploads that are not needed, or wait: each is kept for a day";
    case QUOTA_STREAMS:
        return "close streams that nobody listens to";
    case QUOTA_RECORDS:
    case QUOTA_BYTES:
    case QUOTA_COUNT:
        break;
    }
    return "delete what is not needed";
}

enum err quota_reached(struct task *task, enum quota quota, int64_t bound, int64_t use,
                       int64_t wait_ms)
{
    const struct quota_kind *kind = &quota_kinds[quota];
    task->fault = (struct fault){
        .type = S("quota"),
        .wait_ms = wait_ms > 0 ? wait_ms : WAIT_MS,
        .quota = {.name = kind->word,
                  .bound = bound,
                  .use = use,
                  .runs_off = quota == QUOTA_REQUESTS || quota == QUOTA_RULE_TIME},
    };
    return fail(task, ERR_LIMITED,
                "the quota \"%.*s\" of this firm is reached: %lld of at most %lld %.*s; %s, or ask "
                "who runs this server for more",
                FMT(kind->word), (long long)use, (long long)bound, FMT(kind->unit), remedy(quota));
}

/* Use. */

static enum system_row row_of(enum quota quota)
{
    return quota == QUOTA_SESSIONS ? SYSTEM_SESSION : SYSTEM_TOKEN;
}

static enum err mails_today(struct txn *txn, struct row_counter *counter_out)
{
    struct task *task = txn_task(txn);
    TRY(txn_counter_read(task, txn, mails_counter, counter_out));
    int64_t day = task->now_ms / DAY_MS;
    if (counter_out->bytes != day) *counter_out = (struct row_counter){0, day};
    return ERR_NONE;
}

bool quota_is_in_memory(enum quota quota)
{
    return quota == QUOTA_REQUESTS || quota == QUOTA_RULE_TIME || quota == QUOTA_STREAMS;
}

enum err quota_use(struct txn *txn, enum quota quota, int64_t *use_out)
{
    struct row_counter counter = {};
    struct uploads_use uploads;
    uint32_t rows;
    *use_out = 0;
    switch (quota) {
    case QUOTA_RECORDS:
    case QUOTA_BYTES:
        TRY(txn_counter_read(txn_task(txn), txn, records_counter, &counter));
        *use_out = quota == QUOTA_RECORDS ? counter.count : counter.bytes;
        break;
    case QUOTA_MAILS:
        TRY(mails_today(txn, &counter));
        *use_out = counter.count;
        break;
    case QUOTA_SESSIONS:
    case QUOTA_TOKENS:
        TRY(txn_system_count(txn, row_of(quota), (uint32_t)quota_kinds[quota].greatest, &rows));
        *use_out = rows;
        break;
    case QUOTA_UPLOADS:
    case QUOTA_UPLOAD_BYTES:
        TRY(uploads_use(txn_task(txn), txn_space(txn), &uploads));
        *use_out = quota == QUOTA_UPLOADS ? uploads.count : (int64_t)uploads.bytes;
        break;
    case QUOTA_RULE_TIME:
    case QUOTA_STREAMS:
    case QUOTA_REQUESTS:
    case QUOTA_COUNT:
        break;
    }
    return ERR_NONE;
}

/* Records. */

enum err quota_counted(struct task *task, struct txn *txn, struct row_counter *counter_out,
                       bool *is_counted_out)
{
    str row;
    enum err err = txn_system_get(txn, SYSTEM_COUNTER, records_counter, task->arena, &row);
    *is_counted_out = err == ERR_NONE;
    if (err != ERR_NONE && err != ERR_MISSING) return err;
    return txn_counter_read(task, txn, records_counter, counter_out);
}

static enum err entity_count(struct txn *txn, uint16_t entity, struct row_counter *counter)
{
    struct scan_range all = {.is_unbounded_from = true, .is_unbounded_to = true};
    struct scan *scan = scan_records(txn, entity, &all);
    struct scan_entry entry;
    bool has_entry;
    enum err err;
    while ((err = scan_next(scan, &has_entry, &entry)) == ERR_NONE && has_entry) {
        counter->count++;
        counter->bytes += (int64_t)entry.value.len;
    }
    scan_close(scan);
    return err;
}

enum err quota_recount(struct task *task, struct txn *txn, const struct model *model,
                       struct row_counter *counter_out)
{
    *counter_out = (struct row_counter){};
    /* It is no part of what was asked for, and not bounded as that is. */
    uint32_t keys_max = task->keys_max, keys_touched = task->keys_touched;
    task->keys_max = 0;
    enum err err = ERR_NONE;
    for (uint32_t at = 0; at < model->entity_count && err == ERR_NONE; at++)
        err = entity_count(txn, model->entities[at].number, counter_out);
    task->keys_max = keys_max;
    task->keys_touched = keys_touched;
    return err;
}

enum err quota_count_records(struct task *task, struct txn *txn, const struct model *model,
                             const struct quota_delta *delta, bool is_bounded)
{
    struct row_counter counter;
    struct quotas quotas;
    bool is_counted;
    if (delta->records == 0 && delta->bytes == 0) return ERR_NONE;
    uint32_t keys_touched = task->keys_touched;
    TRY(quota_counted(task, txn, &counter, &is_counted));
    if (!is_counted) {
        TRY(quota_recount(task, txn, model, &counter));
    } else {
        counter.count += delta->records;
        counter.bytes += delta->bytes;
    }
    txn_counter_put(task, txn, records_counter, &counter);
    if (is_bounded && (delta->records > 0 || delta->bytes > 0)) {
        TRY(quotas_read(txn, &quotas));
        int64_t records_max = quotas.bounds[QUOTA_RECORDS], bytes_max = quotas.bounds[QUOTA_BYTES];
        if (delta->records > 0 && counter.count > records_max)
            return quota_reached(task, QUOTA_RECORDS, records_max, counter.count - delta->records,
                                 0);
        if (delta->bytes > 0 && counter.bytes > bytes_max)
            return quota_reached(task, QUOTA_BYTES, bytes_max, counter.bytes - delta->bytes, 0);
    }
    task->keys_touched = keys_touched;
    return ERR_NONE;
}

/* Mails, sessions, tokens, uploads. */

enum err quota_take_mail(struct txn *txn, bool is_to_enter)
{
    struct task *task = txn_task(txn);
    struct row_counter counter;
    struct quotas quotas;
    TRY(mails_today(txn, &counter));
    TRY(quotas_read(txn, &quotas));
    int64_t bound = quotas.bounds[QUOTA_MAILS];
    if (counter.count >= bound + (is_to_enter ? QUOTA_MAILS_TO_ENTER : 0))
        return quota_reached(task, QUOTA_MAILS, bound, counter.count,
                             DAY_MS - task->now_ms % DAY_MS);
    counter.count++;
    txn_counter_put(task, txn, mails_counter, &counter);
    return ERR_NONE;
}

enum err quota_take_row(struct txn *txn, enum quota quota)
{
    struct quotas quotas;
    uint32_t rows;
    require(quota == QUOTA_SESSIONS || quota == QUOTA_TOKENS);
    TRY(quotas_read(txn, &quotas));
    int64_t bound = quotas.bounds[quota];
    uint32_t max = (uint32_t)bound;
    if (max > 0) TRY(txn_system_count(txn, row_of(quota), max, &rows));
    else rows = 0;
    if (rows < max) return ERR_NONE;
    return quota_reached(txn_task(txn), quota, bound, rows, 0);
}

enum err quota_make_upload(struct task *task, const struct space *space, struct upload *upload)
{
    struct quotas quotas;
    struct uploads_use use;
    struct txn *txn;
    TRY(txn_open(task, space, &txn));
    enum err err = quotas_read(txn, &quotas);
    txn_close(txn);
    TRY(err);
    TRY(uploads_use(task, space, &use));
    int64_t count_max = quotas.bounds[QUOTA_UPLOADS], bytes_max = quotas.bounds[QUOTA_UPLOAD_BYTES];
    if (use.count >= count_max) return quota_reached(task, QUOTA_UPLOADS, count_max, use.count, 0);
    if (use.bytes + upload->bytes > (uint64_t)bytes_max)
        return quota_reached(task, QUOTA_UPLOAD_BYTES, bytes_max, (int64_t)use.bytes, 0);
    return upload_create(task, space, upload);
}
