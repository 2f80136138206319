/** xlsx_book: what the small parts of a workbook say: its sheets, texts that cells share, and which
 *  styles show a number as a day.
 *
 *  Floor   value; inside: for xlsx.c.
 *  Thread  one at a time.
 *  Memory  the arena given; the texts in one of their own.
 */
#pragma once

#include "value/package.h"
#include "value/xlsx.h"

struct xlsx_book {
    struct arena arena; /** of all that follows */
    bool has_1904_days; /** day 0 is 1904-01-01 */
    str sheet_part;     /** where the wanted sheet lies */
    uint32_t string_count;
    str *strings;
    uint32_t style_count;
    bool *style_is_day; /** for each cell style */
};

/** Errors as xlsx_open. */
enum err xlsx_book_read(struct task *task, struct package *package, str sheet,
                        struct xlsx_book *book);
/** Appends text with `_x000D_` and the like decoded. */
void xlsx_put_text(struct buf *out, str text);
