#include "work/import.h"

#include <errno.h>
#include <time.h>

#include "base/clock.h"
#include "base/require.h"
#include "record/models.h"
#include "rules/rules.h"
#include "work/import_engine.h"

constexpr uint32_t FULL_TRIES_MAX = 40;
constexpr long FULL_WAIT_NS = 50'000'000;
constexpr uint32_t LIMITED_TRIES_MAX = 120;
constexpr time_t LIMITED_WAIT_S = 1; /** the firm's share of rule time is counted by the minute */
constexpr size_t ROWS_ARENA_BYTES = 16 * MIB;
constexpr size_t IMPORT_ARENA_BYTES = 8 * MIB;
constexpr size_t FAILED_ROOM_BYTES = 16 * MIB; /** of one turn, with its last row */

bool import_mode_find(str word, enum import_mode *mode_out)
{
    static const str words[] = {S("create"), S("update"), S("upsert")};
    for (size_t at = 0; at < sizeof words / sizeof words[0]; at++) {
        if (!str_eq(word, words[at])) continue;
        *mode_out = (enum import_mode)at;
        return true;
    }
    return false;
}

/* Life. */

static enum err header_read(struct task *task, struct import *import)
{
    struct table_row *header = &import->header;
    if (table_format(import->table) == TABLE_NDJSON) return ERR_NONE;
    bool has_row = table_next(import->table, &import->arena, header);
    import->done = table_place(import->table);
    if (!has_row || (header->cell_count == 0 && header->fault.len == 0))
        return fail(task, ERR_UNREADABLE,
                    "the table is empty: its first line must name the columns");
    if (header->fault.len > 0)
        return fail(task, ERR_UNREADABLE, "the table's first line must name the columns, but %.*s",
                    FMT(header->fault));
    return ERR_NONE;
}

struct planning {
    struct task task;
    struct import *import;
};

static enum err plan_guarded(void *argument)
{
    struct planning *planning = argument;
    struct import *import = planning->import;
    bool has_header = table_format(import->table) != TABLE_NDJSON;
    const struct table_row *header = has_header ? &import->header : nullptr;
    TRY(import_plan_make(&planning->task, &import->options, header, &import->plan));
    forecast_begin(&import->forecast, &import->plan_arena, &import->plan);
    return ERR_NONE;
}

/** The plan, in an arena of its own; faults are told to `task`. */
static enum err plan_make(struct task *task, struct import *import)
{
    arena_clear(&import->plan_arena);
    struct planning planning = {*task, import};
    struct task *own = &planning.task;
    own->arena = &import->plan_arena;
    own->fault = (struct fault){};
    /* The plan points into the model, also between two turns. */
    model_hold(own, import->options.model);
    enum err err = arena_guard(&import->plan_arena, plan_guarded, &planning);
    if (err == ERR_NONE) return err;
    for (uint32_t at = 0; at < own->fault.item_count; at++) {
        const struct fault_item *item = &own->fault.items[at];
        task_fault(task, arena_copy(task->arena, item->field), arena_copy(task->arena, item->code),
                   "%.*s", FMT(item->message));
    }
    if (own->fault.item_count > 0) return err;
    return fail(task, err, "%.*s", FMT(own->fault.detail));
}

static void options_keep(struct import *import, const struct import_options *options)
{
    struct arena *arena = &import->arena;
    struct space *space = arena_new(arena, struct space, 1);
    struct scope *scope = arena_new(arena, struct scope, 1);
    *space = *options->space;
    *scope = *options->scope;
    import->options = *options;
    import->options.space = space;
    import->options.scope = scope;
    import->options.map = arena_copy(arena, options->map);
    import->options.match = arena_copy(arena, options->match);
    import->options.empty_words = arena_copy(arena, options->empty_words);
    size_t choices_bytes = options->choice_count * sizeof options->choices[0];
    struct settled_choice *choices =
        arena_new(arena, struct settled_choice, options->choice_count + 1);
    if (choices_bytes > 0) memcpy(choices, options->choices, choices_bytes);
    import->options.choices = choices;
}

struct opening {
    struct task *task;
    struct import *import;
};

static enum err open_guarded(void *argument)
{
    struct opening *opening = argument;
    struct import *import = opening->import;
    const struct import_options options = import->options;
    options_keep(import, &options);
    TRY(table_open(opening->task, options.source, &options.table, &import->table));
    TRY(header_read(opening->task, import));
    return plan_make(opening->task, import);
}

enum err import_open(struct task *task, const struct import_options *options,
                     struct import **import_out)
{
    require(options->space != nullptr);
    require(options->entity != nullptr);
    struct import *import = memory_take(sizeof *import);
    arena_init(&import->arena, IMPORT_ARENA_BYTES);
    arena_init(&import->plan_arena, IMPORT_ARENA_BYTES);
    arena_init(&import->rows_arena, ROWS_ARENA_BYTES);
    arena_init(&import->lane_arena, TASK_ARENA_BYTES_MAX);
    arena_init(&import->row_arena, TASK_ARENA_BYTES_MAX);
    import->options = *options;
    import->entity_number = options->entity->number;
    import->report.group = id_is_nil(options->group) ? id_make() : options->group;
    import->rows_max = IMPORT_SLICE_ROWS_MAX;
    import_pace_start(&import->pace, options->space->store);
    struct opening opening = {task, import};
    enum err err = arena_guard(&import->arena, open_guarded, &opening);
    if (err == ERR_NONE) *import_out = import;
    else import_close(import);
    return err;
}

void import_close(struct import *import)
{
    if (import == nullptr) return;
    table_close(import->table);
    forecast_end(&import->forecast);
    arena_drop(&import->arena);
    arena_drop(&import->plan_arena);
    arena_drop(&import->rows_arena);
    arena_drop(&import->lane_arena);
    arena_drop(&import->row_arena);
    memory_give(import);
}

enum err import_fit(struct task *task, struct import *import, const struct model *model,
                    const struct scope *scope)
{
    struct import_options *options = &import->options;
    *(struct scope *)options->scope = *scope;
    if (options->model == model) return ERR_NONE;
    options->entity = model_entity_by_number(model, import->entity_number);
    options->model = model;
    if (options->entity == nullptr)
        return fail(task, ERR_INVALID, "the entity of this import is there no more");
    TRY(plan_make(task, import));
    /* Rows of NDJSON lie in the columns of the plan that they were read with. */
    if (table_format(import->table) == TABLE_NDJSON) {
        table_seek(import->table, &import->done);
        import->row_count = import->from = 0;
    }
    return ERR_NONE;
}

/* Positions. */

enum position_key : uint8_t {
    POSITION_BYTES = 1,
    POSITION_ROWS,
    POSITION_LINE,
    POSITION_BROKEN_UNTIL,
    POSITION_REREAD,
    POSITION_COUNTS, /** list of those of struct import_counts */
    POSITION_FAULTS, /** list of [row, column, message] */
};

static void put_pair(struct buf *out, enum position_key key, uint64_t number)
{
    pack_int(out, key);
    pack_int(out, (int64_t)number);
}

static void put_faults(struct buf *out, const struct import_fault *faults, uint32_t count)
{
    for (uint32_t at = 0; at < count; at++) {
        pack_list(out, 5);
        pack_int(out, (int64_t)faults[at].row);
        pack_text(out, faults[at].column);
        pack_text(out, faults[at].message);
        pack_bytes(out, id_bytes(&faults[at].rule));
        pack_text(out, faults[at].rule_name);
    }
}

str import_position(struct import *import, struct arena *arena)
{
    const struct import_slice *slice = &import->slice;
    const struct import_report *report = &import->report;
    struct table_place place = import->done;
    if (slice->done_count > 0) place = import->places[import->from + slice->done_count - 1];
    struct buf out = buf_make(arena, RECORD_BYTES_MAX);
    pack_map(&out, 7);
    put_pair(&out, POSITION_BYTES, place.bytes);
    put_pair(&out, POSITION_ROWS, place.rows);
    put_pair(&out, POSITION_LINE, place.line);
    put_pair(&out, POSITION_BROKEN_UNTIL, place.broken_until);
    put_pair(&out, POSITION_REREAD, place.reread_bytes);
    pack_int(&out, POSITION_COUNTS);
    struct import_counts counts = report->counts;
    import_counts_add(&counts, &slice->counts);
    pack_list(&out, 5);
    pack_int(&out, (int64_t)counts.rows);
    pack_int(&out, (int64_t)counts.created);
    pack_int(&out, (int64_t)counts.updated);
    pack_int(&out, (int64_t)counts.unchanged);
    pack_int(&out, (int64_t)counts.failed);
    pack_int(&out, POSITION_FAULTS);
    uint32_t more = IMPORT_FAULTS_TOLD_MAX - report->fault_count;
    if (more > slice->fault_count) more = slice->fault_count;
    pack_list(&out, report->fault_count + more);
    put_faults(&out, report->faults, report->fault_count);
    put_faults(&out, slice->faults, more);
    require(!buf_is_over(&out));
    return buf_str(&out);
}

static bool number_at(str map, enum position_key key, uint64_t *number_out)
{
    int64_t integer;
    if (!value_int_at(map, key, &integer) || integer < 0) return false;
    *number_out = (uint64_t)integer;
    return true;
}

static bool counts_read(str map, struct import_counts *counts)
{
    struct value list, item;
    if (!value_find(map, POSITION_COUNTS, &list) || list.kind != VALUE_LIST) return false;
    uint64_t *const places[] = {&counts->rows, &counts->created, &counts->updated,
                                &counts->unchanged, &counts->failed};
    struct cursor cursor = cursor_of(list.items);
    for (size_t at = 0; at < sizeof places / sizeof places[0]; at++) {
        if (!value_next(&cursor, &item) || item.kind != VALUE_INT) return false;
        *places[at] = (uint64_t)item.integer;
    }
    return true;
}

static void faults_read(struct import *import, str map)
{
    struct value list, fault, row, column, message, rule, rule_name;
    struct import_report *report = &import->report;
    if (!value_find(map, POSITION_FAULTS, &list) || list.kind != VALUE_LIST) return;
    struct cursor cursor = cursor_of(list.items);
    while (report->fault_count < IMPORT_FAULTS_TOLD_MAX && value_next(&cursor, &fault)) {
        struct cursor inner = cursor_of(fault.items);
        if (!value_next(&inner, &row) || !value_next(&inner, &column) ||
            !value_next(&inner, &message))
            return;
        struct import_fault *into = &report->faults[report->fault_count++];
        *into = (struct import_fault){
            .row = (uint64_t)row.integer,
            .column = arena_copy(&import->arena, column.text),
            .message = arena_copy(&import->arena, message.text),
        };
        if (value_next(&inner, &rule) && value_next(&inner, &rule_name) &&
            id_of_bytes(rule.text, &into->rule))
            into->rule_name = arena_copy(&import->arena, rule_name.text);
    }
}

enum err import_seek(struct task *task, struct import *import, str position)
{
    if (position.len == 0) return ERR_NONE;
    struct table_place place = {};
    if (!number_at(position, POSITION_BYTES, &place.bytes) ||
        !number_at(position, POSITION_ROWS, &place.rows) ||
        !number_at(position, POSITION_LINE, &place.line) ||
        !number_at(position, POSITION_BROKEN_UNTIL, &place.broken_until) ||
        !number_at(position, POSITION_REREAD, &place.reread_bytes) ||
        !counts_read(position, &import->report.counts))
        return fail(task, ERR_CORRUPT, "the position of this import is damaged");
    faults_read(import, position);
    table_seek(import->table, &place);
    import->done = place;
    return ERR_NONE;
}

/* Rows. */

static void note_examples(struct import *import, const struct table_row *row)
{
    for (uint32_t at = 0; at < import->plan.column_count; at++) {
        struct import_column *column = &import->plan.columns[at];
        if (column->example_count == IMPORT_EXAMPLES_MAX) continue;
        str cell = import_cell(&import->plan, row, at);
        if (cell.len == 0 || cell.len > IMPORT_EXAMPLE_BYTES_MAX) continue;
        bool is_new = true;
        for (uint32_t known = 0; known < column->example_count; known++)
            is_new = is_new && !str_eq(column->examples[known], cell);
        if (is_new)
            column->examples[column->example_count++] = arena_copy(&import->plan_arena, cell);
    }
}

static bool row_is_empty(const struct import *import, const struct table_row *row)
{
    if (row->fault.len > 0) return false;
    for (uint32_t at = 0; at < row->cell_count; at++)
        if (at >= import->plan.column_count ? row->cells[at].len > 0
                                            : import_cell(&import->plan, row, at).len > 0)
            return false;
    return true;
}

static size_t row_bytes(const struct table_row *row)
{
    size_t bytes = row->raw.len;
    for (uint32_t at = 0; at < row->cell_count && row->raw.len == 0; at++)
        bytes += row->cells[at].len + sizeof(str);
    return bytes;
}

bool import_has_rows(struct import *import)
{
    if (import->from < import->row_count) return true;
    arena_clear(&import->rows_arena);
    import->rows = arena_new(&import->rows_arena, struct table_row, IMPORT_SLICE_ROWS_MAX);
    import->places = arena_new(&import->rows_arena, struct table_place, IMPORT_SLICE_ROWS_MAX);
    import->row_count = import->from = 0;
    size_t bytes = 0;
    while (import->row_count < IMPORT_SLICE_ROWS_MAX && bytes < IMPORT_SLICE_BYTES_MAX) {
        struct table_row *row = &import->rows[import->row_count];
        if (!table_next(import->table, &import->rows_arena, row)) break;
        bytes += row_bytes(row);
        if (row->record.len > 0) import_row_of_record(&import->rows_arena, &import->plan, row);
        if (row_is_empty(import, row)) {
            if (import->row_count == 0) bytes = 0;
            continue;
        }
        note_examples(import, row);
        import->places[import->row_count++] = table_place(import->table);
    }
    return import->row_count > 0;
}

/* Turns. */

static void slice_begin(struct import *import)
{
    struct import_slice *slice = &import->slice;
    arena_clear(&import->lane_arena);
    slice->counts = (struct import_counts){};
    slice->fault_count = 0;
    slice->done_count = 0;
    slice->failed = buf_make(&import->lane_arena, FAILED_ROOM_BYTES);
}

/** A row that by itself takes more memory than a turn may use. */
static void give_up_row(struct import *import)
{
    struct import_slice *slice = &import->slice;
    arena_clear(&import->row_arena);
    task_init(&slice->task, &import->row_arena);
    slice->counts.rows = 1;
    import_row_failed(import, import_row_now(import), ERR_TOO_LARGE);
    slice->done_count = 1;
}

enum err import_turn(struct import *import, struct txn *txn)
{
    struct import_slice *slice = &import->slice;
    require(import->from < import->row_count);
    slice_begin(import);
    slice->txn = txn;
    /* One guard for all: past a hard cap the turn is left, and fewer rows are tried. */
    import->row_arena.escape = import->lane_arena.escape;
    if (import->is_giving_up) {
        give_up_row(import);
        return ERR_NONE;
    }
    struct task *outer = txn_task(txn);
    txn_set_task(txn, &slice->task);
    int64_t end_ns = clock_monotonic_ns() + import->pace.turn_ns;
    enum err err = ERR_NONE;
    while (import->from + slice->done_count < import->row_count) {
        if (slice->done_count == import->rows_max) break;
        if (slice->done_count > 0 &&
            (clock_monotonic_ns() > end_ns || slice->failed.len > IMPORT_FAILED_BYTES_MAX))
            break;
        err = import_row_try(import);
        if (err != ERR_NONE) break;
        slice->done_count++;
    }
    txn_set_task(txn, outer);
    slice->ended_ns = clock_monotonic_ns();
    /* What was done before a lack of room or time stands; the row that met it is tried again. */
    return slice->done_count > 0 ? ERR_NONE : err;
}

str import_turn_failed_rows(const struct import *import)
{
    return buf_str(&import->slice.failed);
}

void import_turned(struct import *import)
{
    struct import_slice *slice = &import->slice;
    struct import_report *report = &import->report;
    require(slice->done_count > 0);
    import_counts_add(&report->counts, &slice->counts);
    for (uint32_t at = 0; at < slice->fault_count; at++) {
        if (report->fault_count == IMPORT_FAULTS_TOLD_MAX) break;
        report->faults[report->fault_count++] = (struct import_fault){
            .row = slice->faults[at].row,
            .column = arena_copy(&import->arena, slice->faults[at].column),
            .message = arena_copy(&import->arena, slice->faults[at].message),
            .rule = slice->faults[at].rule,
            .rule_name = arena_copy(&import->arena, slice->faults[at].rule_name),
        };
    }
    import->from += slice->done_count;
    import->done = import->places[import->from - 1];
    import->tries = 0;
    import->is_giving_up = false;
    import->row_arena.escape = nullptr;
    import->lane_arena.escape = nullptr;
    if (import->rows_max < IMPORT_SLICE_ROWS_MAX) import->rows_max++;
    if (!import->options.is_preview)
        import_pace_turned(&import->pace, import->options.space->store,
                           clock_monotonic_ns() - slice->ended_ns);
    slice_begin(import);
}

enum err import_turn_undone(struct task *task, struct import *import, enum err err)
{
    struct import_slice *slice = &import->slice;
    import->row_arena.escape = nullptr;
    import->lane_arena.escape = nullptr;
    str detail = slice->task.fault.detail.len > 0 ? slice->task.fault.detail : err_title(err);
    uint64_t row = import->rows[import->from].number;
    struct quota_fault quota = slice->task.fault.quota;
    bool is_over = quota_fault_stands(&quota); /* room is for people to make */
    detail = arena_copy(task->arena, detail);
    slice_begin(import);
    if (err == ERR_TOO_LARGE && !import->is_giving_up) {
        import->is_giving_up = import->rows_max == 1;
        import->rows_max = import->rows_max == 1 ? 1 : import->rows_max / 2;
        return ERR_NONE;
    }
    if (err == ERR_FULL && import->tries++ < FULL_TRIES_MAX) {
        (void)nanosleep(&(struct timespec){.tv_nsec = FULL_WAIT_NS}, nullptr);
        return ERR_NONE;
    }
    if (err == ERR_LIMITED && !is_over && import->tries++ < LIMITED_TRIES_MAX) {
        (void)nanosleep(&(struct timespec){.tv_sec = LIMITED_WAIT_S}, nullptr);
        return ERR_NONE;
    }
    task->fault.quota = quota;
    if (quota.name.len > 0) task->fault.type = S("quota");
    return fail(task, err, "the import stopped at row %llu: %.*s", (unsigned long long)row,
                FMT(detail));
}

struct dry_run {
    struct import *import;
    struct txn *txn;
};

static enum err turn_guarded(void *argument)
{
    struct dry_run *dry = argument;
    return import_turn(dry->import, dry->txn);
}

enum err import_turn_dry(struct task *task, struct import *import)
{
    struct dry_run dry = {.import = import};
    TRY(txn_open_dry(task, import->options.space, &dry.txn));
    enum err err = arena_guard(&import->lane_arena, turn_guarded, &dry);
    txn_close(dry.txn);
    return err;
}

struct lane_work {
    struct work work;
    struct import *import;
};

static enum err turn_in_lane(struct work *work, struct txn *txn)
{
    return import_turn(((struct lane_work *)work)->import, txn);
}

static enum err turn_by_lane(struct import *import)
{
    const struct space *space = import->options.space;
    struct lane_work work = {{.run = turn_in_lane, .arena = &import->lane_arena}, import};
    return store_write(space->store, space, &work.work);
}

struct settling {
    struct work work;
    struct task *task;
    struct import *import;
};

static enum err settle_in_lane(struct work *work, struct txn *txn)
{
    struct settling *self = (struct settling *)work;
    txn_set_task(txn, self->task);
    return import_settle(self->import, self->task, txn);
}

static enum err settle_by_lane(struct task *task, struct import *import)
{
    const struct space *space = import->options.space;
    struct settling self = {{.run = settle_in_lane, .arena = task->arena}, task, import};
    if (import->options.is_preview) return ERR_NONE;
    return store_write(space->store, space, &self.work);
}

enum err import_run_all(struct task *task, struct import *import, const struct import_run *run)
{
    while (import_has_rows(import)) {
        enum err err =
            import->options.is_preview ? import_turn_dry(task, import) : turn_by_lane(import);
        if (err != ERR_NONE) {
            TRY(import_turn_undone(task, import, err));
            continue;
        }
        str failed = import_turn_failed_rows(import);
        if (failed.len > 0 && run->keep_failed != nullptr && !run->keep_failed(run->owner, failed))
            return fail(task, ERR_SYSTEM, "the failed rows cannot be written: %s", strerror(errno));
        import_turned(import);
        if (run->progress != nullptr &&
            !run->progress(run->owner, import->done.bytes, &import->report.counts))
            return fail(task, ERR_FULL, "the import was stopped after %llu rows, which stand",
                        (unsigned long long)import->report.counts.rows);
    }
    return settle_by_lane(task, import);
}

/* What is known of it. */

enum table_format import_format(const struct import *import)
{
    return table_format(import->table);
}

const struct import_report *import_report_of(const struct import *import)
{
    return &import->report;
}

uint64_t import_bytes_done(const struct import *import)
{
    const struct import_slice *slice = &import->slice;
    if (slice->done_count == 0) return import->done.bytes;
    return import->places[import->from + slice->done_count - 1].bytes;
}

uint32_t import_column_count(const struct import *import)
{
    return import->plan.column_count;
}

const struct import_column *import_columns(const struct import *import)
{
    return import->plan.columns;
}

struct arena *import_arena(struct import *import)
{
    return &import->lane_arena;
}

bool import_is_over_quota(const struct import *import)
{
    return quota_fault_stands(&import->slice.task.fault.quota);
}

bool import_is_preview(const struct import *import)
{
    return import->options.is_preview;
}

bool import_failed_is_first(const struct import *import)
{
    return import->report.counts.failed == 0;
}

str import_failed_header(struct import *import, struct arena *arena)
{
    struct buf header = buf_make(arena, CSV_ROW_BYTES_MAX);
    if (table_format(import->table) == TABLE_NDJSON) return (str){};
    /* A spreadsheet takes a table without this mark for one in its own old encoding. */
    if (table_wants_mark(import->table)) buf_put(&header, S("\xef\xbb\xbf"));
    import_write_failed_header(&header, &import->plan, table_separator(import->table));
    return buf_str(&header);
}
