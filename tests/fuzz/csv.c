/* CSV in: no bytes may crash the reader; it moves forward at each row, keeps its limits, and
 * gives valid UTF-8. */
#include <stdint.h>

#include "base/fold.h"
#include "base/limits.h"
#include "base/require.h"
#include "value/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void row_check(const struct table_row *row)
{
    require(row->cell_count <= CSV_COLUMNS_MAX);
    require((row->cell_count == 0) == (row->fault.len > 0));
    for (uint32_t at = 0; at < row->cell_count; at++) require(utf8_is_valid(row->cells[at]));
}

/** Written with quotes where they are needed, a row reads as the same cells. */
static void row_check_written(struct task *task, const struct table_row *row)
{
    struct buf text = buf_make(task->arena, 16 * MIB);
    buf_put(&text, S("sep=;\n"));
    for (uint32_t at = 0; at < row->cell_count; at++) {
        if (at > 0) buf_put_byte(&text, ';');
        csv_write_cell(&text, row->cells[at], ';');
    }
    if (row->cell_count == 1 && row->cells[0].len == 0) return; /* is an empty line */
    struct csv *csv;
    /* One row of many may be all control bytes, which is taken for binary. */
    if (csv_open_text(task, buf_str(&text), &csv) != ERR_NONE) return;
    struct table_row again;
    require(csv_next(csv, task->arena, &again));
    require(again.cell_count == row->cell_count);
    for (uint32_t at = 0; at < row->cell_count; at++)
        require(str_eq(again.cells[at], row->cells[at]));
    require(!csv_next(csv, task->arena, &again));
    csv_close(csv);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct arena arena;
    struct task task;
    struct csv *csv;
    arena_init(&arena, 256 * MIB);
    task_init(&task, &arena);
    if (csv_open_text(&task, (str){(const char *)bytes, len}, &csv) == ERR_NONE) {
        struct table_row row;
        uint64_t position = 0;
        uint64_t line = 0;
        while (csv_next(csv, &arena, &row)) {
            require(csv_place(csv).bytes > position && row.line > line);
            position = csv_place(csv).bytes;
            line = row.line;
            row_check(&row);
            if (row.fault.len == 0) row_check_written(&task, &row);
        }
        require(csv_place(csv).bytes == len);
        csv_close(csv);
    }
    arena_drop(&arena);
    return 0;
}
