/* What an import and its preview tell, as values. */
#include "base/fold.h"
#include "work/import_engine.h"

constexpr size_t TOLD_HEADER_BYTES_MAX = 120;

static void put_count(struct buf *out, str name, uint64_t count)
{
    pack_text(out, name);
    pack_int(out, (int64_t)count);
}

static void put_counts(struct buf *out, const struct import_counts *counts)
{
    put_count(out, S("rows"), counts->rows);
    put_count(out, S("created"), counts->created);
    put_count(out, S("updated"), counts->updated);
    put_count(out, S("unchanged"), counts->unchanged);
    put_count(out, S("failed"), counts->failed);
}

static void put_text(struct buf *out, str name, str text)
{
    pack_text(out, name);
    if (text.len > 0) pack_text(out, text);
    else pack_nil(out);
}

static void put_faults(struct buf *out, const struct import_report *report)
{
    pack_text(out, S("faults"));
    pack_list(out, report->fault_count);
    for (uint32_t at = 0; at < report->fault_count; at++) {
        const struct import_fault *fault = &report->faults[at];
        bool is_of_rule = !id_is_nil(fault->rule);
        pack_map(out, is_of_rule ? 4 : 3);
        put_count(out, S("row"), fault->row);
        put_text(out, S("column"), fault->column);
        put_text(out, S("message"), fault->message);
        if (!is_of_rule) continue;
        pack_text(out, S("rule"));
        pack_map(out, 2);
        put_text(out, S("id"), id_text(out->arena, fault->rule));
        put_text(out, S("name"), fault->rule_name);
    }
}

static void put_column(struct buf *out, const struct import_column *column)
{
    pack_map(out, 4);
    put_text(out, S("header"), utf8_first(column->header, TOLD_HEADER_BYTES_MAX));
    put_text(out, S("path"), column->path);
    put_text(out, S("why"), column->why);
    pack_text(out, S("examples"));
    pack_list(out, column->example_count);
    for (uint32_t at = 0; at < column->example_count; at++) pack_text(out, column->examples[at]);
}

/** Columns of a table without a header are told when they hold something. */
static bool is_told(const struct import *import, const struct import_column *column)
{
    return import->header.cell_count > 0 || column->example_count > 0;
}

static void put_columns(struct buf *out, const struct import *import, bool is_left_out_only)
{
    uint32_t count = 0;
    for (int is_counted = 0; is_counted < 2; is_counted++) {
        if (is_counted) pack_list(out, count);
        for (uint32_t at = 0; at < import->plan.column_count; at++) {
            const struct import_column *column = &import->plan.columns[at];
            if (!is_told(import, column) || (is_left_out_only && column->path.len > 0)) continue;
            if (is_counted) put_column(out, column);
            else count++;
        }
    }
}

void import_put_result(struct buf *out, const struct import *import, bool is_of_turn)
{
    const struct import_slice *slice = &import->slice;
    struct import_report report = import->report;
    if (is_of_turn) import_counts_add(&report.counts, &slice->counts);
    for (uint32_t at = 0; is_of_turn && at < slice->fault_count; at++)
        if (report.fault_count < IMPORT_FAULTS_TOLD_MAX)
            report.faults[report.fault_count++] = slice->faults[at];
    pack_map(out, 8);
    put_counts(out, &report.counts);
    str id = id_text(out->arena, import->options.cause);
    str failed = arena_print(out->arena, "/api/v1/jobs/%.*s/failed", FMT(id));
    put_text(out, S("failed_rows"), report.counts.failed > 0 ? failed : S(""));
    put_faults(out, &report);
    pack_text(out, S("left_out"));
    put_columns(out, import, true);
}

static void put_fields(struct buf *out, const struct import *import)
{
    const struct import_plan *plan = &import->plan;
    uint32_t count = 0;
    for (int is_counted = 0; is_counted < 2; is_counted++) {
        if (is_counted) pack_map(out, count);
        for (uint32_t group = 0; group < plan->group_count; group++) {
            const struct entity *entity = plan->groups[group].entity;
            for (uint32_t at = 0; at < entity->field_count; at++) {
                uint64_t rows = import->forecast.changed[group][at];
                if (rows == 0) continue;
                count++;
                if (!is_counted) continue;
                str path = arena_print(out->arena, "%.*s%.*s", FMT(plan->groups[group].path),
                                       FMT(entity->fields[at].name));
                put_count(out, path, rows);
            }
        }
    }
}

void import_put_preview(struct buf *out, const struct import *import)
{
    const struct import_forecast *forecast = &import->forecast;
    enum table_format format = table_format(import->table);
    char separator = table_separator(import->table);
    pack_map(out, 7);
    put_text(out, S("format"), table_format_word(format));
    put_text(out, S("separator"), format == TABLE_CSV ? (str){&separator, 1} : (str){});
    put_text(out, S("encoding"), table_encoding(import->table));
    pack_text(out, S("columns"));
    put_columns(out, import, false);
    pack_text(out, S("rows"));
    pack_list(out, forecast->shown_count);
    for (uint32_t at = 0; at < forecast->shown_count; at++) {
        pack_map(out, 2);
        put_count(out, S("row"), forecast->shown[at].row);
        pack_text(out, S("values"));
        pack_raw(out, forecast->shown[at].values);
    }
    put_faults(out, &import->report);
    pack_text(out, S("forecast"));
    pack_map(out, 7);
    put_counts(out, &import->report.counts);
    pack_text(out, S("rules"));
    import_put_rules(out, import);
    pack_text(out, S("fields"));
    put_fields(out, import);
}
