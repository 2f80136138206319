#include "value/ndjson.h"

#include "base/limits.h"
#include "base/require.h"
#include "value/json.h"

constexpr size_t READ_BYTES = 128 * KIB;
constexpr size_t LINE_BYTES_MAX = 1 * MIB;
constexpr size_t WINDOW_BYTES = LINE_BYTES_MAX + READ_BYTES;
constexpr size_t RAW_FAULT_BYTES_MAX = 64 * KIB;

struct ndjson {
    struct source *source;
    char *window;
    const char *at; /** the first byte that is in no row yet */
    const char *end;
    uint64_t read_at; /** of the source, behind `end` */
    struct table_place place;
    bool is_at_end;
    bool has_failed;
};

void ndjson_open(struct source *source, struct ndjson **ndjson_out)
{
    struct ndjson *ndjson = memory_take(sizeof *ndjson);
    ndjson->source = source;
    ndjson->window = memory_take(WINDOW_BYTES);
    ndjson->at = ndjson->end = ndjson->window;
    ndjson->place.line = 1;
    *ndjson_out = ndjson;
}

void ndjson_close(struct ndjson *ndjson)
{
    if (ndjson == nullptr) return;
    memory_give(ndjson->window);
    memory_give(ndjson);
}

static bool fill(struct ndjson *ndjson)
{
    if (ndjson->is_at_end) return false;
    size_t kept = (size_t)(ndjson->end - ndjson->at), got = 0;
    if (kept == WINDOW_BYTES) return false;
    if (kept > 0) memmove(ndjson->window, ndjson->at, kept);
    ndjson->at = ndjson->window;
    ndjson->end = ndjson->window + kept;
    size_t room = WINDOW_BYTES - kept;
    struct source *source = ndjson->source;
    bool is_read = source->read(source, ndjson->read_at, ndjson->window + kept,
                                room < READ_BYTES ? room : READ_BYTES, &got);
    ndjson->is_at_end = !is_read || got == 0;
    ndjson->has_failed = !is_read;
    ndjson->end += got;
    ndjson->read_at += got;
    return got > 0;
}

static void advance(struct ndjson *ndjson, size_t bytes)
{
    ndjson->at += bytes;
    ndjson->place.bytes += bytes;
}

/** The bytes up to the next line end; too long a line is cut, and the rest of it passed over. */
static str line_take(struct ndjson *ndjson, struct arena *arena, bool *is_whole_out)
{
    const char *end = nullptr;
    size_t looked = 0;
    for (;;) {
        size_t len = (size_t)(ndjson->end - ndjson->at);
        if (len > looked) end = memchr(ndjson->at + looked, '\n', len - looked);
        if (end != nullptr) break;
        looked = len;
        if (len > LINE_BYTES_MAX || !fill(ndjson)) break;
    }
    size_t len = (size_t)((end != nullptr ? end : ndjson->end) - ndjson->at);
    *is_whole_out = len <= LINE_BYTES_MAX;
    str line = {ndjson->at, *is_whole_out ? len : RAW_FAULT_BYTES_MAX};
    line = arena_copy(arena, line);
    bool has_end = end != nullptr;
    advance(ndjson, len + has_end);
    while (!has_end && !*is_whole_out) {
        if (ndjson->at == ndjson->end && !fill(ndjson)) break;
        size_t rest = (size_t)(ndjson->end - ndjson->at);
        end = memchr(ndjson->at, '\n', rest);
        has_end = end != nullptr;
        advance(ndjson, has_end ? (size_t)(end - ndjson->at) + 1 : rest);
    }
    return line;
}

static void row_read(struct arena *arena, str line, struct table_row *row)
{
    struct task task;
    task_init(&task, arena);
    struct buf record = buf_make(arena, 4 * BODY_BYTES_MAX);
    enum err err = json_read(&task, line, &record);
    if (err != ERR_NONE) {
        row->fault = arena_print(arena, "the line is no JSON: %.*s", FMT(task.fault.detail));
        return;
    }
    struct value value = value_of(buf_str(&record));
    if (buf_is_over(&record)) row->fault = S("the line holds too much");
    else if (value.kind != VALUE_MAP) row->fault = S("the line is no JSON object");
    else row->record = value.bytes;
}

bool ndjson_next(struct ndjson *ndjson, struct arena *arena, struct table_row *row_out)
{
    for (;;) {
        *row_out = (struct table_row){.line = ndjson->place.line};
        if (ndjson->at == ndjson->end && !fill(ndjson)) break;
        bool is_whole;
        str line = line_take(ndjson, arena, &is_whole);
        ndjson->place.line++;
        if (row_out->line == 1 && str_starts(line, S("\xef\xbb\xbf"))) line = str_from(line, 3);
        line = str_trim(line);
        if (line.len == 0) continue;
        row_out->number = ++ndjson->place.rows;
        row_out->raw = line;
        if (is_whole) row_read(arena, line, row_out);
        else row_out->fault = S("the line is longer than 1 MiB");
        static_assert(LINE_BYTES_MAX == MIB);
        return true;
    }
    if (!ndjson->has_failed) return false;
    ndjson->has_failed = false;
    row_out->number = ++ndjson->place.rows;
    row_out->fault = S("the file cannot be read further");
    return true;
}

struct table_place ndjson_place(const struct ndjson *ndjson)
{
    return ndjson->place;
}

void ndjson_seek(struct ndjson *ndjson, const struct table_place *place)
{
    ndjson->place = *place;
    ndjson->read_at = place->bytes;
    ndjson->at = ndjson->end = ndjson->window;
    ndjson->is_at_end = false;
}
