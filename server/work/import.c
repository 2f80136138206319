#include "work/import.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/require.h"
#include "record/query.h"
#include "work/import_pace.h"
#include "work/import_rows.h"

constexpr uint32_t MATCHES_MAX = 2; /** one is wanted, two are too many */
constexpr uint32_t FULL_TRIES_MAX = 40;
constexpr long FULL_WAIT_NS = 50'000'000;
constexpr size_t ROWS_ARENA_BYTES = 8 * MIB;
constexpr size_t FAILED_BYTES_MAX = 16 * MIB; /** of the failed rows of one slice */

struct import {
    struct import_options options;
    struct csv *csv;
    struct import_plan plan;
    struct import_report report;
    struct arena rows_arena; /** rows of the slice */
    struct arena lane_arena; /** what a slice leaves: figures, failed rows */
    struct arena
        row_arena; /** what is made of one row; cleared behind it, so that it stays in the cache */
    struct csv_row *rows;
    uint32_t row_count;
    uint32_t rows_max; /** of one turn in the lane; fewer when rows are rich */
    struct import_pace pace;
    bool has_failed_header;
};

/** Some rows in the lane. Everything in it is of this run alone; it counts only once it is durable.
 *  */
struct slice {
    struct work work;
    struct import *import;
    struct task task; /** of one row */
    struct txn *txn;
    uint32_t from;
    uint32_t done_count;
    int64_t ended_ns; /** when its turn in the lane did */
    struct import_counts counts;
    struct buf failed;
    uint32_t fault_count;
    struct import_fault faults[IMPORT_FAULTS_TOLD_MAX];
};

struct lane_names {
    struct import_names names;
    const struct view *view;
};

/* References by name. */

static bool names_find_by(struct lane_names *lane, struct task *task, const struct field *by,
                          str cell, struct id *id_out, uint32_t *count_out)
{
    struct task quiet = *task;
    quiet.fault = (struct fault){};
    str ordered;
    *count_out = 0;
    if (!by->kind_of->order_text(&quiet, by, cell, &ordered)) return true;
    struct id ids[MATCHES_MAX];
    enum err err;
    if (key_is_cut(ordered)) { /* only texts are: all of it is compared */
        struct buf stored = buf_make(task->arena, cell.len + 8);
        pack_text(&stored, cell);
        struct value value = value_of(buf_str(&stored));
        err = query_find_same(lane->view, by, &value, MATCHES_MAX, ids, count_out);
    } else {
        err = query_find(lane->view, by, ordered, MATCHES_MAX, ids, count_out);
    }
    if (err != ERR_NONE) return false;
    if (*count_out > 0) *id_out = ids[0];
    return true;
}

/** By each unique field of the target, then by its title. */
static bool names_find(struct import_names *names, struct task *task, const struct field *field,
                       str cell, struct id *id_out)
{
    struct lane_names *lane = (struct lane_names *)names;
    const struct entity *to = field->to;
    uint32_t count = 0;
    for (uint32_t at = 0; at < to->field_count && count == 0; at++) {
        const struct field *by = &to->fields[at];
        if (!by->is_indexed || by->to != nullptr || by->is_hidden) continue;
        if (!by->is_unique && by != to->title) continue;
        if (names_find_by(lane, task, by, cell, id_out, &count)) continue;
        task_fault(task, field->name, S("reference"), "could not be looked up now");
        return false;
    }
    if (count == 1) return true;
    if (count == 0)
        task_fault(task, field->name, S("reference"), "names no record of %.*s", FMT(to->plural));
    else
        task_fault(task, field->name, S("reference"),
                   "names several records of %.*s; give the id of one", FMT(to->plural));
    return false;
}

/* One row. */

/** The existing record that a row means. *has_match_out is false when there is none. */
static enum err row_match(struct change *change, const struct import_plan *plan,
                          const struct csv_row *row, const struct import_values *values,
                          struct id *id_out, bool *has_match_out)
{
    *has_match_out = false;
    if (plan->match == UINT32_MAX) return ERR_NONE;
    struct task *task = change->task;
    const struct view view = change_view(change);
    const struct import_target *target = &plan->targets[plan->match];
    if (target->field == nullptr) {
        struct record record;
        str cell = import_cell(plan, row, target->first_column);
        if (cell.len == 0) return ERR_NONE;
        if (!id_parse(cell, id_out)) {
            task_fault(task, S("id"), S("format"), "is no id");
            return task_faults(task);
        }
        enum err err = record_get(&view, plan->entity, *id_out, &record);
        *has_match_out = err == ERR_NONE;
        return err == ERR_MISSING ? ERR_NONE : err;
    }
    struct value given;
    if (!value_find_text(import_map_of(task, &values[0]), target->field->name, &given))
        return ERR_NONE;
    struct buf stored = buf_make(task->arena, RECORD_BYTES_MAX);
    if (given.kind == VALUE_NIL) return ERR_NONE;
    if (!target->field->kind_of->read(task, target->field, &given, &stored))
        return task_faults(task);
    struct value value = value_of(buf_str(&stored));
    struct id ids[MATCHES_MAX];
    uint32_t count;
    TRY(query_find_same(&view, target->field, &value, MATCHES_MAX, ids, &count));
    *has_match_out = count > 0;
    if (count > 0) *id_out = ids[0];
    if (count < 2) return ERR_NONE;
    task_fault(task, target->path, S("ambiguous"),
               "is in several records, so it is not clear which is meant");
    return task_faults(task);
}

static enum err row_create(struct change *change, const struct import_plan *plan,
                           struct import_values *values)
{
    for (uint32_t group = plan->group_count - 1; group > 0; group--)
        import_nest(plan, values, group);
    str map = import_map_of(change->task, &values[0]);
    struct value given = value_of(map);
    struct id id;
    return record_create(change, plan->entity, &given, &id);
}

/** Changes the record and those it refers to; one that it does not refer to yet is created. */
static enum err row_update(struct change *change, const struct import_plan *plan, struct id id,
                           struct import_values *values)
{
    struct task *task = change->task;
    const struct view view = change_view(change);
    struct record record;
    TRY(record_get(&view, plan->entity, id, &record));
    str stored = arena_copy(task->arena, record.value);
    for (uint32_t at = plan->group_count - 1; at > 0; at--) {
        const struct import_group *group = &plan->groups[at];
        struct value reference;
        struct id target;
        if (group->parent != 0 || !value_find(stored, group->reference->number, &reference) ||
            reference.kind != VALUE_BYTES || !id_of_bytes(reference.text, &target)) {
            import_nest(plan, values, at);
            continue;
        }
        if (values[at].count == 0) continue;
        struct value given = value_of(import_map_of(task, &values[at]));
        task->path = group->path;
        enum err err = record_patch(change, group->entity, target, &given, nullptr);
        task->path = (str){};
        if (err != ERR_NONE) return err;
    }
    if (values[0].count == 0) return ERR_NONE;
    struct value given = value_of(import_map_of(task, &values[0]));
    return record_patch(change, plan->entity, id, &given, nullptr);
}

static enum err row_check_form(struct task *task, const struct import_plan *plan,
                               const struct csv_row *row)
{
    if (row->fault.len > 0) return fail(task, ERR_UNREADABLE, "%.*s", FMT(row->fault));
    uint32_t count = row->cell_count;
    while (count > plan->column_count && row->cells[count - 1].len == 0) count--;
    if (count == plan->column_count) return ERR_NONE;
    return fail(task, ERR_UNREADABLE,
                "has %u cells where the header has %u; is a quote or a separator %s?", count,
                plan->column_count, count > plan->column_count ? "too many" : "missing");
}

static const struct csv_row *row_of(const struct slice *slice)
{
    return &slice->import->rows[slice->from + slice->done_count];
}

static enum err row_change(struct slice *slice, struct change *change, const struct csv_row *row,
                           bool *is_update_out)
{
    const struct import *import = slice->import;
    const struct import_plan *plan = &import->plan;
    TRY(row_check_form(&slice->task, plan, row));
    const struct view view = change_view(change);
    struct lane_names lane = {.names = {.find = names_find}, .view = &view};
    struct import_values values[IMPORT_GROUPS_MAX];
    struct import_reading reading = {
        .task = &slice->task, .plan = plan, .row = row, .names = &lane.names};
    import_read(&reading, values);
    TRY(task_faults(&slice->task));
    struct id id;
    bool has_match;
    TRY(row_match(change, plan, row, values, &id, &has_match));
    str match = import->options.match;
    *is_update_out = has_match;
    if (!has_match) {
        if (import->options.mode == IMPORT_UPDATE)
            return fail(&slice->task, ERR_MISSING, "no record of %.*s has this %.*s",
                        FMT(plan->entity->plural), FMT(match));
        TRY(row_create(change, plan, values));
        return change_finish(change);
    }
    if (import->options.mode == IMPORT_CREATE)
        return fail(&slice->task, ERR_CONFLICT, "a record of %.*s has this %.*s already",
                    FMT(plan->entity->plural), FMT(match));
    reading.is_clearing = import->options.is_clearing;
    reading.is_adding = !import->options.is_clearing;
    import_read(&reading, values);
    TRY(task_faults(&slice->task));
    TRY(row_update(change, plan, id, values));
    return change_finish(change);
}

static void tell_fault(struct slice *slice, const struct import_fault *fault, struct buf *told)
{
    if (told->len > 0) buf_put(told, S("; "));
    else buf_print(told, "row %llu: ", (unsigned long long)fault->row);
    if (fault->column.len > 0) buf_print(told, "%.*s: ", FMT(fault->column));
    buf_put(told, fault->message);
    if (slice->fault_count == IMPORT_FAULTS_TOLD_MAX) return;
    struct arena *arena = &slice->import->lane_arena;
    slice->faults[slice->fault_count++] = (struct import_fault){
        .row = fault->row,
        .column = arena_copy(arena, fault->column),
        .message = arena_copy(arena, fault->message),
    };
}

static void row_failed(struct slice *slice, const struct csv_row *row, enum err err)
{
    struct task *task = &slice->task;
    struct import *import = slice->import;
    struct buf told = buf_make(task->arena, CSV_CELL_BYTES_MAX);
    for (uint32_t at = 0; at < task->fault.item_count; at++) {
        struct import_fault fault =
            import_fault_of(task, &import->plan, row, &task->fault.items[at]);
        tell_fault(slice, &fault, &told);
    }
    if (task->fault.item_count == 0) {
        str detail = task->fault.detail.len > 0 ? task->fault.detail : err_title(err);
        struct import_fault fault = {.row = row->number, .message = detail};
        tell_fault(slice, &fault, &told);
    }
    import_write_failed(&slice->failed, &import->plan, row, csv_format(import->csv).separator,
                        buf_str(&told));
    slice->counts.failed++;
}

/** Faults of a row, in contrast to those of the server or the disk, which end the import. */
static bool is_fault_of_row(enum err err)
{
    switch (err) {
    case ERR_SYSTEM:
    case ERR_FULL:
    case ERR_LIMITED:
        return false;
    case ERR_NONE:
    case ERR_UNREADABLE:
    case ERR_UNAUTHENTICATED:
    case ERR_FORBIDDEN:
    case ERR_MISSING:
    case ERR_CONFLICT:
    case ERR_CHANGED:
    case ERR_TOO_LARGE:
    case ERR_UNSUPPORTED:
    case ERR_INVALID:
    case ERR_REJECTED:
    case ERR_CORRUPT:
        return true;
    }
    return false;
}

/** The row at which the slice stands, as one change. */
static enum err row_run(struct slice *slice)
{
    const struct import_options *options = &slice->import->options;
    struct change change = {
        .task = &slice->task,
        .txn = slice->txn,
        .model = options->model,
        .scope = options->scope,
        .hooks = options->hooks,
        .group = slice->import->report.group,
        .cause = options->cause,
        .is_import = true,
    };
    bool is_update = false;
    TRY(row_change(slice, &change, row_of(slice), &is_update));
    if (is_update) slice->counts.updated++;
    else slice->counts.created++;
    return ERR_NONE;
}

/** One row behind its own savepoint, in memory of its own. An error is the server's, not the row's.
 *  */
static enum err row_try(struct slice *slice)
{
    struct import *import = slice->import;
    struct savepoint savepoint = txn_savepoint(slice->txn);
    arena_clear(&import->row_arena);
    task_init(&slice->task, &import->row_arena);
    enum err err = row_run(slice);
    if (err != ERR_NONE) {
        txn_rollback(slice->txn, savepoint);
        slice->task.path = (str){};
        if (!is_fault_of_row(err)) return err;
        row_failed(slice, row_of(slice), err);
    }
    slice->counts.rows++;
    return ERR_NONE;
}

/* A slice. */

/** As many rows as the lane's turn allows; at least one. */
static enum err slice_run(struct work *work, struct txn *txn)
{
    struct slice *slice = (struct slice *)work;
    struct import *import = slice->import;
    slice->txn = txn;
    /* One guard for all: past a hard cap the slice is left, and fewer rows are tried. */
    import->row_arena.escape = import->lane_arena.escape;
    slice->counts = (struct import_counts){};
    slice->fault_count = 0;
    slice->done_count = 0;
    slice->failed = buf_make(&import->lane_arena, FAILED_BYTES_MAX);
    struct task *outer = txn_task(txn);
    txn_set_task(txn, &slice->task);
    int64_t end_ns = clock_monotonic_ns() + import->pace.turn_ns;
    enum err err = ERR_NONE;
    while (slice->from + slice->done_count < import->row_count) {
        if (slice->done_count == import->rows_max) break;
        if (slice->done_count > 0 && clock_monotonic_ns() > end_ns) break;
        err = row_try(slice);
        if (err != ERR_NONE) break;
        slice->done_count++;
    }
    txn_set_task(txn, outer);
    slice->ended_ns = clock_monotonic_ns();
    /* What was done before a lack of room or time stands; the row that met it is tried again. */
    return slice->done_count > 0 ? ERR_NONE : err;
}

struct dry_run {
    struct slice *slice;
    struct txn *txn;
};

static enum err slice_run_guarded(void *argument)
{
    struct dry_run *dry = argument;
    return slice_run(&dry->slice->work, dry->txn);
}

static enum err slice_preview(struct task *task, struct slice *slice)
{
    struct dry_run dry = {.slice = slice};
    TRY(txn_open_dry(task, slice->import->options.space, &dry.txn));
    enum err err = arena_guard(&slice->import->lane_arena, slice_run_guarded, &dry);
    txn_close(dry.txn);
    return err;
}

static bool write_whole(int file, str bytes)
{
    while (bytes.len > 0) {
        ssize_t written = write(file, bytes.at, bytes.len);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        bytes = str_from(bytes, (size_t)written);
    }
    return true;
}

static enum err keep_failed(struct task *task, struct import *import, const struct slice *slice)
{
    int file = import->options.failed_file;
    if (file < 0 || slice->failed.len == 0) return ERR_NONE;
    struct csv_format format = csv_format(import->csv);
    struct buf header = buf_make(&import->lane_arena, CSV_ROW_BYTES_MAX);
    if (!import->has_failed_header) {
        /* A spreadsheet takes a table without this mark for one in its own old encoding. */
        if (format.has_mark || format.is_windows_1252) buf_put(&header, S("\xef\xbb\xbf"));
        import_write_failed_header(&header, &import->plan, format.separator);
    }
    import->has_failed_header = true;
    if (write_whole(file, buf_str(&header)) && write_whole(file, buf_str(&slice->failed)))
        return ERR_NONE;
    return fail(task, ERR_SYSTEM, "the failed rows cannot be written: %s", strerror(errno));
}

/** What a durable slice (or a previewed one) adds to the report. */
static enum err slice_count(struct task *task, struct import *import, const struct slice *slice)
{
    struct import_report *report = &import->report;
    report->counts.rows += slice->counts.rows;
    report->counts.created += slice->counts.created;
    report->counts.updated += slice->counts.updated;
    report->counts.failed += slice->counts.failed;
    for (uint32_t at = 0; at < slice->fault_count; at++) {
        if (report->fault_count == IMPORT_FAULTS_TOLD_MAX) break;
        report->faults[report->fault_count++] = (struct import_fault){
            .row = slice->faults[at].row,
            .column = arena_copy(task->arena, slice->faults[at].column),
            .message = arena_copy(task->arena, slice->faults[at].message),
        };
    }
    return keep_failed(task, import, slice);
}

static enum err slice_write(struct task *task, struct slice *slice)
{
    const struct import_options *options = &slice->import->options;
    if (options->is_preview) return slice_preview(task, slice);
    struct store *store = options->space->store;
    slice->work = (struct work){.run = slice_run, .arena = &slice->import->lane_arena};
    TRY(store_write(store, options->space, &slice->work));
    import_pace_turned(&slice->import->pace, store, clock_monotonic_ns() - slice->ended_ns);
    return ERR_NONE;
}

static enum err slice_stopped(struct task *task, struct import *import, const struct slice *slice,
                              enum err err)
{
    str detail = slice->task.fault.detail.len > 0 ? slice->task.fault.detail : err_title(err);
    return fail(task, err, "the import stopped at row %llu: %.*s",
                (unsigned long long)import->rows[slice->from].number, FMT(detail));
}

/** A row that by itself takes more memory than a slice may use. */
static void slice_give_up_row(struct slice *slice)
{
    struct import *import = slice->import;
    arena_clear(&import->lane_arena);
    arena_clear(&import->row_arena);
    import->row_arena.escape = nullptr;
    task_init(&slice->task, &import->row_arena);
    slice->counts = (struct import_counts){.rows = 1};
    slice->fault_count = 0;
    slice->done_count = 0;
    slice->failed = buf_make(&import->lane_arena, FAILED_BYTES_MAX);
    row_failed(slice, row_of(slice), ERR_TOO_LARGE);
    slice->done_count = 1;
}

/** All rows that were read, in as many turns of the lane as they need. */
static enum err rows_write(struct task *task, struct import *import)
{
    struct slice *slice = arena_new(&import->rows_arena, struct slice, 1);
    slice->import = import;
    for (uint32_t tries = 0; slice->from < import->row_count;) {
        arena_clear(&import->lane_arena);
        slice->task.fault = (struct fault){};
        enum err err = slice_write(task, slice);
        if (err == ERR_TOO_LARGE && import->rows_max > 1) {
            import->rows_max /= 2;
            continue;
        }
        if (err == ERR_TOO_LARGE) {
            slice_give_up_row(slice);
            err = ERR_NONE;
        }
        if (err == ERR_NONE) {
            TRY(slice_count(task, import, slice));
            slice->from += slice->done_count;
            if (import->rows_max < IMPORT_SLICE_ROWS_MAX) import->rows_max++;
            tries = 0;
        } else if (err == ERR_FULL && tries < FULL_TRIES_MAX) {
            tries++;
            (void)nanosleep(&(struct timespec){.tv_nsec = FULL_WAIT_NS}, nullptr);
        } else {
            return slice_stopped(task, import, slice, err);
        }
    }
    return ERR_NONE;
}

/* The table. */

static void note_examples(struct task *task, struct import *import, const struct csv_row *row)
{
    for (uint32_t at = 0; at < import->plan.column_count; at++) {
        struct import_column *column = &import->plan.columns[at];
        if (column->example.len > 0) continue;
        str cell = import_cell(&import->plan, row, at);
        if (cell.len > 0 && cell.len <= IMPORT_EXAMPLE_BYTES_MAX)
            column->example = arena_copy(task->arena, cell);
    }
}

static bool row_is_empty(const struct import *import, const struct csv_row *row)
{
    if (row->fault.len > 0) return false;
    for (uint32_t at = 0; at < row->cell_count; at++)
        if (at >= import->plan.column_count ? row->cells[at].len > 0
                                            : import_cell(&import->plan, row, at).len > 0)
            return false;
    return true;
}

/** Reads rows until the slice is full; false at the end of the table. */
static bool rows_read(struct task *task, struct import *import)
{
    arena_clear(&import->rows_arena);
    import->rows = arena_new(&import->rows_arena, struct csv_row, IMPORT_SLICE_ROWS_MAX);
    import->row_count = 0;
    size_t bytes = 0;
    while (import->row_count < IMPORT_SLICE_ROWS_MAX && bytes < IMPORT_SLICE_BYTES_MAX) {
        struct csv_row *row = &import->rows[import->row_count];
        if (!csv_next(import->csv, &import->rows_arena, row)) break;
        bytes += row->raw.len;
        if (row_is_empty(import, row)) continue;
        note_examples(task, import, row);
        import->row_count++;
    }
    return import->row_count > 0 || bytes >= IMPORT_SLICE_BYTES_MAX;
}

static enum err header_read(struct task *task, struct import *import, struct csv_row *header_out)
{
    bool has_row = csv_next(import->csv, task->arena, header_out);
    if (!has_row || (header_out->cell_count == 0 && header_out->fault.len == 0))
        return fail(task, ERR_UNREADABLE,
                    "the table is empty: its first line must name the columns");
    if (header_out->fault.len > 0)
        return fail(task, ERR_UNREADABLE, "the table's first line must name the columns, but %.*s",
                    FMT(header_out->fault));
    return ERR_NONE;
}

enum err import_open(struct task *task, const struct import_options *options,
                     struct import **import_out)
{
    require(options->space != nullptr);
    require(options->entity != nullptr);
    struct import *import = arena_new(task->arena, struct import, 1);
    import->options = *options;
    import->report.group = id_make();
    import->rows_max = IMPORT_SLICE_ROWS_MAX;
    import_pace_start(&import->pace, options->space->store);
    arena_init(&import->rows_arena, ROWS_ARENA_BYTES);
    arena_init(&import->lane_arena, TASK_ARENA_BYTES_MAX);
    arena_init(&import->row_arena, TASK_ARENA_BYTES_MAX);
    TRY(csv_open(task, options->file, &import->csv));
    struct csv_row header = {};
    enum err err = header_read(task, import, &header);
    if (err == ERR_NONE) err = import_plan_make(task, options, &header, &import->plan);
    if (err != ERR_NONE) csv_close(import->csv);
    else *import_out = import;
    return err;
}

/** Tells how far the import is; ERR_FULL when it is not wanted any more. */
static enum err tell_progress(struct task *task, const struct import *import)
{
    const struct import_options *options = &import->options;
    if (options->progress == nullptr) return ERR_NONE;
    const struct import_counts *counts = &import->report.counts;
    if (options->progress(options->owner, csv_position(import->csv), counts)) return ERR_NONE;
    return fail(task, ERR_FULL, "the import was stopped after %llu rows, which stand",
                (unsigned long long)counts->rows);
}

enum err import_run(struct task *task, struct import *import, struct import_report *report_out)
{
    enum err err = ERR_NONE;
    while (err == ERR_NONE && rows_read(task, import)) {
        err = rows_write(task, import);
        if (err == ERR_NONE) err = tell_progress(task, import);
    }
    *report_out = import->report;
    return err;
}

uint32_t import_column_count(const struct import *import)
{
    return import->plan.column_count;
}

const struct import_column *import_columns(const struct import *import)
{
    return import->plan.columns;
}

void import_close(struct import *import)
{
    csv_close(import->csv);
    arena_drop(&import->rows_arena);
    arena_drop(&import->lane_arena);
    arena_drop(&import->row_arena);
}
