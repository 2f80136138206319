#include "value/table.h"

#include "base/require.h"
#include "value/csv.h"
#include "value/ndjson.h"
#include "value/xlsx.h"

struct table {
    enum table_format format;
    struct csv *csv;
    struct ndjson *ndjson;
    struct xlsx *xlsx;
};

static const struct {
    str word;
    enum table_format format;
} formats[] = {
    {S("csv"), TABLE_CSV},
    {S("ndjson"), TABLE_NDJSON},
    {S("xlsx"), TABLE_XLSX},
};

bool table_format_find(str word, enum table_format *format_out)
{
    for (size_t at = 0; at < sizeof formats / sizeof formats[0]; at++) {
        if (!str_eq_nocase(word, formats[at].word)) continue;
        *format_out = formats[at].format;
        return true;
    }
    return false;
}

str table_format_word(enum table_format format)
{
    for (size_t at = 0; at < sizeof formats / sizeof formats[0]; at++)
        if (formats[at].format == format) return formats[at].word;
    return S("");
}

/** By the first bytes: a zip archive is a workbook, a brace begins NDJSON. */
static enum err format_sniff(struct task *task, struct source *source,
                             enum table_format *format_out)
{
    char first[64];
    size_t len = 0, got = 1;
    while (len < sizeof first && got > 0) {
        if (!source->read(source, len, first + len, sizeof first - len, &got))
            return fail(task, ERR_SYSTEM, "the file cannot be read: %s", source->fault);
        len += got;
    }
    str text = {first, len};
    *format_out = TABLE_CSV;
    if (str_starts(text, S("PK\x03\x04"))) *format_out = TABLE_XLSX;
    if (str_starts(text, S("\xef\xbb\xbf"))) text = str_from(text, 3);
    text = str_trim(text);
    if (str_starts(text, S("{"))) *format_out = TABLE_NDJSON;
    return ERR_NONE;
}

enum err table_open(struct task *task, struct source *source, const struct table_options *options,
                    struct table **table_out)
{
    require(source->read != nullptr);
    enum table_format format = options->format;
    /* What can be read only once is not looked at before. */
    if (format == TABLE_UNKNOWN && source->bytes == 0) format = TABLE_CSV;
    if (format == TABLE_UNKNOWN) TRY(format_sniff(task, source, &format));
    struct table opened = {.format = format};
    switch (format) {
    case TABLE_UNKNOWN:
    case TABLE_CSV:
        TRY(csv_open(task, source, &opened.csv));
        break;
    case TABLE_NDJSON:
        ndjson_open(source, &opened.ndjson);
        break;
    case TABLE_XLSX:
        TRY(xlsx_open(task, source, options->sheet, &opened.xlsx));
        break;
    }
    struct table *table = memory_take(sizeof *table);
    *table = opened;
    *table_out = table;
    return ERR_NONE;
}

bool table_next(struct table *table, struct arena *arena, struct table_row *row_out)
{
    if (table->ndjson != nullptr) return ndjson_next(table->ndjson, arena, row_out);
    if (table->xlsx != nullptr) return xlsx_next(table->xlsx, arena, row_out);
    return csv_next(table->csv, arena, row_out);
}

struct table_place table_place(const struct table *table)
{
    if (table->ndjson != nullptr) return ndjson_place(table->ndjson);
    if (table->xlsx != nullptr) return xlsx_place(table->xlsx);
    return csv_place(table->csv);
}

void table_seek(struct table *table, const struct table_place *place)
{
    if (table->ndjson != nullptr) ndjson_seek(table->ndjson, place);
    else if (table->xlsx != nullptr) xlsx_seek(table->xlsx, place);
    else csv_seek(table->csv, place);
}

enum table_format table_format(const struct table *table)
{
    return table->format;
}

char table_separator(const struct table *table)
{
    return table->csv == nullptr ? ',' : csv_format(table->csv).separator;
}

bool table_wants_mark(const struct table *table)
{
    if (table->csv == nullptr) return table->xlsx != nullptr;
    struct csv_format format = csv_format(table->csv);
    return format.has_mark || format.is_windows_1252;
}

str table_encoding(const struct table *table)
{
    bool is_old = table->csv != nullptr && csv_format(table->csv).is_windows_1252;
    return is_old ? S("Windows-1252") : S("UTF-8");
}

void table_close(struct table *table)
{
    if (table == nullptr) return;
    csv_close(table->csv);
    ndjson_close(table->ndjson);
    xlsx_close(table->xlsx);
    memory_give(table);
}
