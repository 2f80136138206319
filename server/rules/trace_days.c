/* What each rule did on each day: one row, to which every second's runs are added. */
#include "base/limits.h"
#include "base/require.h"
#include "rules/trace_rows.h"
#include "value/text.h"

constexpr size_t DAY_KEY_BYTES = sizeof(struct id) + 4;

uint32_t day_of_ms(int64_t at_ms)
{
    return at_ms > 0 ? (uint32_t)(at_ms / DAY_MS) : 0;
}

static str day_key(struct id rule, uint32_t day, char room[DAY_KEY_BYTES])
{
    memcpy(room, rule.bytes, sizeof rule);
    for (int at = 0; at < 4; at++) room[sizeof rule + at] = (char)(day >> (24 - 8 * at));
    return (str){room, DAY_KEY_BYTES};
}

static uint32_t day_of_key(str key)
{
    uint32_t day = 0;
    for (int at = 0; at < 4; at++) day = day << 8 | (uint8_t)key.at[sizeof(struct id) + at];
    return day;
}

static void figures_list(const struct day_figures *figures, uint64_t list[DAY_FIGURE_COUNT])
{
    const uint64_t all[DAY_FIGURE_COUNT] = {
        figures->runs,   figures->rejected, figures->failed,  figures->overran,  figures->fuel,
        figures->cpu_us, figures->wall_us,  figures->dropped, figures->overruns,
    };
    memcpy(list, all, sizeof all);
}

bool day_row_read(str row, struct day_figures *figures_out)
{
    struct value list = value_of(row);
    struct cursor items = cursor_of(list.items);
    uint64_t all[DAY_FIGURE_COUNT];
    if (list.kind != VALUE_LIST) return false;
    for (uint32_t at = 0; at < DAY_FIGURE_COUNT; at++) {
        struct value item;
        if (!value_next(&items, &item) || item.kind != VALUE_INT || item.integer < 0) return false;
        all[at] = (uint64_t)item.integer;
    }
    *figures_out = (struct day_figures){
        .runs = all[0],
        .rejected = all[1],
        .failed = all[2],
        .overran = all[3],
        .fuel = all[4],
        .cpu_us = all[5],
        .wall_us = all[6],
        .dropped = all[7],
        .overruns = all[8],
    };
    return true;
}

static void day_put(struct task *task, struct txn *txn, str key, const struct day_figures *figures)
{
    uint64_t all[DAY_FIGURE_COUNT];
    struct buf row = buf_make(task->arena, 1 + 9 * DAY_FIGURE_COUNT);
    figures_list(figures, all);
    pack_list(&row, DAY_FIGURE_COUNT);
    for (uint32_t at = 0; at < DAY_FIGURE_COUNT; at++)
        pack_int(&row, all[at] > INT64_MAX ? INT64_MAX : (int64_t)all[at]);
    require(!buf_is_over(&row));
    txn_system_put(txn, SYSTEM_RUN_DAY, key, buf_str(&row));
}

/** The newest day of a rule up to a day; ERR_MISSING: none. */
static enum err day_up_to(struct task *task, struct txn *txn, struct id rule, uint32_t day,
                          uint32_t *day_out, struct day_figures *figures_out)
{
    char room[DAY_KEY_BYTES];
    str key, row;
    TRY(txn_system_before(txn, SYSTEM_RUN_DAY, day_key(rule, day + 1, room), task->arena, &key,
                          &row));
    if (key.len != DAY_KEY_BYTES) return fail(task, ERR_CORRUPT, "the key of a day is damaged");
    if (!str_starts(key, id_bytes(&rule))) return ERR_MISSING;
    *day_out = day_of_key(key);
    if (day_row_read(row, figures_out)) return ERR_NONE;
    return fail(task, ERR_CORRUPT, "the figures of a rule's day are damaged");
}

/** With a new day the oldest goes; two, so that what piled up while they were kept longer goes. */
static enum err days_trim(struct task *task, struct txn *txn, struct id rule, uint32_t day)
{
    for (uint32_t at = 0; at < 2 && day > TRACE_DAYS_KEPT; at++) {
        char room[DAY_KEY_BYTES];
        str key, row;
        enum err err =
            txn_system_after(txn, SYSTEM_RUN_DAY, day_key(rule, 0, room), task->arena, &key, &row);
        if (err != ERR_NONE) return err == ERR_MISSING ? ERR_NONE : err;
        bool is_old = key.len == DAY_KEY_BYTES && str_starts(key, id_bytes(&rule)) &&
                      day_of_key(key) <= day - TRACE_DAYS_KEPT;
        if (!is_old) return ERR_NONE;
        txn_system_delete(txn, SYSTEM_RUN_DAY, key);
    }
    return ERR_NONE;
}

static uint64_t sum(uint64_t a, uint64_t b)
{
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

enum err day_add(struct task *task, struct txn *txn, struct id rule, uint32_t day,
                 const struct day_figures *more, bool has_other, struct day_figures *figures_out)
{
    char room[DAY_KEY_BYTES];
    struct day_figures is = {};
    uint32_t newest = day;
    enum err err = day_up_to(task, txn, rule, day, &newest, &is);
    if (err != ERR_NONE && err != ERR_MISSING) return err;
    /* Overruns in a row go over midnight; all else begins with the day. */
    if (newest != day) is = (struct day_figures){.overruns = is.overruns};
    if (newest != day || err == ERR_MISSING) TRY(days_trim(task, txn, rule, day));
    *figures_out = (struct day_figures){
        .runs = sum(is.runs, more->runs),
        .rejected = sum(is.rejected, more->rejected),
        .failed = sum(is.failed, more->failed),
        .overran = sum(is.overran, more->overran),
        .fuel = sum(is.fuel, more->fuel),
        .cpu_us = sum(is.cpu_us, more->cpu_us),
        .wall_us = sum(is.wall_us, more->wall_us),
        .dropped = sum(is.dropped, more->dropped),
        .overruns = has_other ? more->overruns : sum(is.overruns, more->overruns),
    };
    day_put(task, txn, day_key(rule, day, room), figures_out);
    return ERR_NONE;
}

enum err day_forgive(struct task *task, struct txn *txn, struct id rule, uint32_t day)
{
    char room[DAY_KEY_BYTES];
    struct day_figures is;
    uint32_t newest;
    enum err err = day_up_to(task, txn, rule, day, &newest, &is);
    if (err != ERR_NONE) return err == ERR_MISSING ? ERR_NONE : err;
    is.overruns = 0;
    day_put(task, txn, day_key(rule, newest, room), &is);
    return ERR_NONE;
}

static void day_write(struct buf *json, uint32_t day, const struct day_figures *figures)
{
    buf_put(json, S("{\"day\":\""));
    date_write(json, (int32_t)day);
    buf_print(json,
              "\",\"runs\":%llu,\"rejected\":%llu,\"failed\":%llu,\"overran\":%llu,"
              "\"fuel\":%llu,\"cpu_us\":%llu,\"wall_us\":%llu,\"only_counted\":%llu}",
              (unsigned long long)figures->runs, (unsigned long long)figures->rejected,
              (unsigned long long)figures->failed, (unsigned long long)figures->overran,
              (unsigned long long)figures->fuel, (unsigned long long)figures->cpu_us,
              (unsigned long long)figures->wall_us, (unsigned long long)figures->dropped);
}

enum err trace_days_write(struct buf *json, struct task *task, struct txn *txn, struct id rule,
                          uint32_t days)
{
    uint32_t before = UINT32_MAX - 1;
    buf_put_byte(json, '[');
    for (uint32_t count = 0; count < days; count++) {
        struct day_figures figures;
        uint32_t day;
        enum err err = day_up_to(task, txn, rule, before, &day, &figures);
        if (err == ERR_MISSING) break;
        TRY(err);
        if (count > 0) buf_put_byte(json, ',');
        day_write(json, day, &figures);
        if (day == 0) break;
        before = day - 1;
    }
    buf_put_byte(json, ']');
    return ERR_NONE;
}
