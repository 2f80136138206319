/** ndjson: JSON objects, one a line, from a source of any size.
 *
 *  Floor   value.
 *  Thread  one at a time.
 *  Memory  a row lives in the arena given to ndjson_next.
 */
#pragma once

#include "value/table.h"

struct ndjson;

void ndjson_open(struct source *source, struct ndjson **ndjson_out);
void ndjson_close(struct ndjson *ndjson);
/** As table_next. */
bool ndjson_next(struct ndjson *ndjson, struct arena *arena, struct table_row *row_out);
struct table_place ndjson_place(const struct ndjson *ndjson);
void ndjson_seek(struct ndjson *ndjson, const struct table_place *place);
