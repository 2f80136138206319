#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "work/command.h"
#include "work/import.h"

struct importing {
    struct command_place *place;
    const struct console *console;
    const struct entity *entity;
    struct progress progress;
    uint64_t bytes_total;
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
    str mode = arguments->values[FLAG_MODE];
    if (str_eq(mode, S("update"))) return IMPORT_UPDATE;
    if (str_eq(mode, S("upsert"))) return IMPORT_UPSERT;
    if (mode.len == 0 && arguments_has(arguments, FLAG_MATCH)) return IMPORT_UPSERT;
    return IMPORT_CREATE;
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
    for (uint32_t at = 0; at < import_column_count(import); at++) {
        const struct import_column *column = &columns[at];
        str header = column->header.len > 0 ? str_first(column->header, 200) : S("(no name)");
        if (column->path.len > 0) {
            if (!is_preview) continue;
            console_print(importing->console, "%.*s%*s  %.*s%*s  %.*s\n", FMT(header),
                          pad(header, 20), "", FMT(column->path), pad(column->path, 28), "",
                          FMT(column->example));
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
    console_print(importing->console,
                  "%.*s %.*s %screated, %.*s updated, %.*s failed (%.1f s, %.*s rows/s)\n",
                  FMT(created), FMT(importing->entity->plural), is_preview ? "would be " : "",
                  FMT(updated), FMT(failed), seconds, FMT(rows));
}

static enum err run(struct importing *importing, const struct import_options *options,
                    struct import_report *report)
{
    struct task *task = importing->place->task;
    struct import *import;
    TRY(import_open(task, options, &import));
    enum err err = import_run(task, import, report);
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
        err = find_entity(task, tenant.model, arguments->values[FLAG_ENTITY],
                          &importing.entity);
    if (err != ERR_NONE) return console_fail(console, task, err);
    struct stat stat;
    if (fstat(console->file, &stat) == 0 && stat.st_size > 0)
        importing.bytes_total = (uint64_t)stat.st_size;
    struct scope scope = scope_system();
    bool is_preview = arguments_has(arguments, FLAG_PREVIEW);
    struct import_options options = {
        .space = &tenant.space,
        .model = tenant.model,
        .scope = &scope,
        .entity = importing.entity,
        .file = console->file,
        .failed_file = is_preview ? -1 : console->rows,
        .map = arguments->values[FLAG_MAP],
        .match = arguments->values[FLAG_MATCH],
        .mode = mode_of(arguments),
        .empty_words = arguments->values[FLAG_EMPTY],
        .is_clearing = arguments_has(arguments, FLAG_CLEAR),
        .is_preview = is_preview,
        .cause = task->request_id,
        .progress = show_progress,
        .owner = &importing,
    };
    struct import_report report = {};
    progress_start(&importing.progress, console);
    err = run(&importing, &options, &report);
    if (err != ERR_NONE) return console_fail(console, task, err);
    return report.counts.failed > 0 ? 1 : 0;
}
