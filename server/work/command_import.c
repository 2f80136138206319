#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fold.h"
#include "work/command.h"
#include "work/import_rules.h"

struct importing {
    struct command_place *place;
    const struct console *console;
    const struct entity *entity;
    struct import *import;
    struct progress progress;
    uint64_t bytes_total;
    bool has_failed_header;
};

static bool show_progress(void *owner, uint64_t bytes_done, const struct import_counts *counts)
{
    struct importing *importing = owner;
    progress_show(&importing->progress, bytes_done, importing->bytes_total,
                  "%llu %.*s, %llu failed", (unsigned long long)(counts->rows - counts->failed),
                  FMT(importing->entity->plural), (unsigned long long)counts->failed);
    return !command_is_stopping(importing->place);
}

static enum err find_entity(struct task *task, const struct model *model, str name,
                            const struct entity **entity_out)
{
    *entity_out = model_collection(model, name);
    if (*entity_out == nullptr) *entity_out = model_entity(model, name);
    if (*entity_out == nullptr || (*entity_out)->is_single)
        return fail(task, ERR_INVALID, "--entity: there are no %.*s to import", FMT(name));
    return ERR_NONE;
}

static enum import_mode mode_of(const struct arguments *arguments)
{
    enum import_mode mode = IMPORT_CREATE;
    if (import_mode_find(arguments->values[FLAG_MODE], &mode)) return mode;
    return arguments_has(arguments, FLAG_MATCH) ? IMPORT_UPSERT : IMPORT_CREATE;
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

/** The header stands before the first of them. */
static bool keep_failed(void *owner, str text)
{
    struct importing *importing = owner;
    bool is_first = !importing->has_failed_header;
    importing->has_failed_header = true;
    str header = {};
    if (is_first) header = import_failed_header(importing->import, importing->place->task->arena);
    return write_whole(importing->console->rows, header) &&
           write_whole(importing->console->rows, text);
}

/** Display columns of UTF-8 text, near enough for a table. */
static int pad(str text, int width)
{
    int columns = 0;
    for (size_t at = 0; at < text.len; at++) columns += ((uint8_t)text.at[at] & 0xc0) != 0x80;
    return columns < width ? width - columns : 0;
}

static void show_columns(const struct importing *importing, const struct import *import,
                         bool is_preview)
{
    const struct import_column *columns = import_columns(import);
    bool is_ndjson = import_format(import) == TABLE_NDJSON;
    for (uint32_t at = 0; at < import_column_count(import); at++) {
        const struct import_column *column = &columns[at];
        if (is_ndjson && column->example_count == 0) continue;
        str header = column->header.len > 0 ? utf8_first(column->header, 200) : S("(no name)");
        if (column->path.len > 0) {
            if (!is_preview) continue;
            console_print(importing->console, "%.*s%*s  %.*s%*s  %.*s\n", FMT(header),
                          pad(header, 20), "", FMT(column->path), pad(column->path, 28), "",
                          FMT(column->examples[0]));
        } else if (is_preview) {
            console_print(importing->console, "%.*s%*s  (left out: %.*s)\n", FMT(header),
                          pad(header, 20), "", FMT(column->why));
        } else {
            console_print(importing->console, "column %.*s is left out: %.*s\n", FMT(header),
                          FMT(column->why));
        }
    }
}

static void show_faults(const struct importing *importing, const struct import_report *report)
{
    uint64_t rows_told = 0, row = 0;
    for (uint32_t at = 0; at < report->fault_count; at++) {
        const struct import_fault *fault = &report->faults[at];
        console_print(importing->console, "row %llu%s%.*s: %.*s\n", (unsigned long long)fault->row,
                      fault->column.len > 0 ? ", " : "", FMT(fault->column), FMT(fault->message));
        rows_told += fault->row != row;
        row = fault->row;
    }
    if (report->counts.failed > rows_told)
        console_print(importing->console, "… and %llu rows more\n",
                      (unsigned long long)(report->counts.failed - rows_told));
}

static void show_report(const struct importing *importing, const struct import_report *report,
                        bool is_preview)
{
    struct arena *arena = importing->place->task->arena;
    const struct import_counts *counts = &report->counts;
    double seconds = (double)(clock_monotonic_ns() - importing->progress.started_ns) / 1e9;
    uint64_t rate = (uint64_t)((double)counts->rows / (seconds > 0.001 ? seconds : 0.001));
    str created = number_text(arena, counts->created),
        updated = number_text(arena, counts->updated);
    str failed = number_text(arena, counts->failed), rows = number_text(arena, rate);
    str unchanged = number_text(arena, counts->unchanged);
    console_print(importing->console, "%.*s %.*s %screated, %.*s updated, ", FMT(created),
                  FMT(importing->entity->plural), is_preview ? "would be " : "", FMT(updated));
    if (counts->unchanged > 0)
        console_print(importing->console, "%.*s as they were, ", FMT(unchanged));
    console_print(importing->console, "%.*s failed (%.1f s, %.*s rows/s)\n", FMT(failed), seconds,
                  FMT(rows));
}

/** `ID=once,ID=not`, as a call has it: an encoded map. */
static enum err choices_read(struct command_place *place, const struct tenant *tenant, str text,
                             const struct scope *scope, struct import_options *options)
{
    struct task *task = place->task;
    struct buf map = buf_make(task->arena, 64 * KIB), pairs = buf_make(task->arena, 64 * KIB);
    struct settled_choice *choices =
        arena_new(task->arena, struct settled_choice, IMPORT_CHOICES_MAX);
    uint32_t count = 0;
    for (str one; text.len > 0; count++) {
        str id, word;
        (void)str_cut(text, ',', &one, &text);
        (void)str_cut(one, '=', &id, &word);
        pack_text(&pairs, str_trim(id));
        pack_text(&pairs, str_trim(word));
    }
    pack_map(&map, count);
    pack_raw(&map, buf_str(&pairs));
    if (buf_is_over(&map) || buf_is_over(&pairs))
        return fail(task, ERR_INVALID, "--settled: is too long");
    struct value given = value_of(buf_str(&map));
    struct txn *txn;
    options->choice_count = import_choices_read(task, &given, choices);
    options->choices = choices;
    TRY(task_faults(task));
    TRY(txn_open(task, &tenant->space, &txn));
    struct view view = {task, txn, tenant->model, scope};
    enum err err = import_choices_verify(place->rules, &view, choices, options->choice_count);
    txn_close(txn);
    return err;
}

static enum err run(struct importing *importing, const struct import_options *options,
                    struct import_counts *counts_out)
{
    struct task *task = importing->place->task;
    TRY(import_open(task, options, &importing->import));
    struct import *import = importing->import;
    struct import_run each = {.progress = show_progress, .owner = importing};
    if (!options->is_preview) each.keep_failed = keep_failed;
    enum err err = import_run_all(task, import, &each);
    const struct import_report *report = import_report_of(import);
    *counts_out = report->counts;
    progress_end(&importing->progress);
    show_columns(importing, import, options->is_preview);
    show_faults(importing, report);
    show_report(importing, report, options->is_preview);
    import_close(import);
    return err;
}

int command_import(struct command_place *place, const struct arguments *arguments,
                   struct console *console)
{
    struct task *task = place->task;
    struct importing importing = {.place = place, .console = console};
    struct tenant tenant;
    enum err err = command_tenant_find(place, arguments->values[FLAG_TENANT], &tenant);
    if (err == ERR_NONE)
        err = find_entity(task, tenant.model, arguments->values[FLAG_ENTITY], &importing.entity);
    if (err != ERR_NONE) return console_fail(console, task, err);
    struct source_file source;
    source_of_file(&source, console->file);
    importing.bytes_total = source.source.bytes;
    struct scope scope = scope_system();
    bool is_preview = arguments_has(arguments, FLAG_PREVIEW);
    struct import_options options = {
        .space = &tenant.space,
        .model = tenant.model,
        .scope = &scope,
        .hooks = place->hooks,
        .rules = place->rules,
        .entity = importing.entity,
        .source = &source.source,
        .map = arguments->values[FLAG_MAP],
        .match = arguments->values[FLAG_MATCH],
        .mode = mode_of(arguments),
        .empty_words = arguments->values[FLAG_EMPTY],
        .is_clearing = arguments_has(arguments, FLAG_CLEAR),
        .is_preview = is_preview,
        .cause = task->request_id,
    };
    struct import_counts counts = {};
    err = choices_read(place, &tenant, arguments->values[FLAG_SETTLED], &scope, &options);
    if (err != ERR_NONE) return console_fail(console, task, err);
    progress_start(&importing.progress, console);
    err = run(&importing, &options, &counts);
    if (err != ERR_NONE) return console_fail(console, task, err);
    return counts.failed > 0 ? 1 : 0;
}
