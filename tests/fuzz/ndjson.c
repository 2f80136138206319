/* Lines of JSON, of any bytes, read at once and taken up again behind each row. */
#include "base/limits.h"
#include "base/require.h"
#include "value/ndjson.h"
#include "value/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct arena arena;
    struct source_text source;
    struct ndjson *ndjson, *again;
    arena_init(&arena, 64 * MIB);
    source_of_text(&source, (str){(const char *)bytes, len});
    ndjson_open(&source.source, &ndjson);
    struct table_row row, same;
    struct table_place place = ndjson_place(ndjson);
    while (ndjson_next(ndjson, &arena, &row)) {
        require((row.fault.len > 0) == (row.record.len == 0));
        if (row.record.len > 0) require(value_of(row.record).kind == VALUE_MAP);
        ndjson_open(&source.source, &again);
        ndjson_seek(again, &place);
        require(ndjson_next(again, &arena, &same));
        require(same.number == row.number && str_eq(same.record, row.record));
        require(str_eq(same.raw, row.raw));
        ndjson_close(again);
        place = ndjson_place(ndjson);
    }
    require(place.bytes <= len);
    ndjson_close(ndjson);
    arena_drop(&arena);
    return 0;
}
