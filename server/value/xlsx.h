/** xlsx: the rows of one sheet of a workbook, as Excel and its like write it.
 *
 *  Cells come as text: numbers in their shortest form, days and times by their number format in
 *  RFC 3339, a formula by the value that was last computed. Row numbers are those of the sheet.
 *
 *  Floor   value.
 *  Thread  one at a time.
 *  Memory  texts that cells share are kept, at most XLSX_STRINGS_BYTES_MAX; a row lives in the
 *          arena given to xlsx_next.
 *  Source  ECMA-376 part 1, 18.3 (sheets), 18.4 (shared strings), 18.8.30 (number formats).
 */
#pragma once

#include "value/table.h"

constexpr size_t XLSX_STRINGS_BYTES_MAX = 48 * 1024 * 1024;
constexpr uint32_t XLSX_STRINGS_MAX = 1'000'000;
constexpr uint32_t XLSX_STYLES_MAX = 65'536;
constexpr uint64_t XLSX_SHEET_BYTES_MAX = 1024ULL * 1024 * 1024; /** unfolded */
constexpr uint64_t XLSX_PART_BYTES_MAX = 8ULL * 1024 * 1024;     /** of the small parts */
constexpr uint32_t XLSX_SHEETS_MAX = 256;

struct xlsx;

/** `sheet` empty: the first one. ERR_UNREADABLE: no workbook, no such sheet, past a bound. */
enum err xlsx_open(struct task *task, struct source *source, str sheet, struct xlsx **xlsx_out);
void xlsx_close(struct xlsx *xlsx);
/** As table_next. */
bool xlsx_next(struct xlsx *xlsx, struct arena *arena, struct table_row *row_out);
struct table_place xlsx_place(const struct xlsx *xlsx);
/** Reads the sheet again from its beginning up to there. */
void xlsx_seek(struct xlsx *xlsx, const struct table_place *place);
