/** trace: traces, figures and kept talks as damaged storage may give them. */
#include "base/require.h"
#include "rules/recorded.h"
#include "rules/trace_rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/** What is read is told and written again, and reads the same. */
static void read_trace(struct arena *arena, str row)
{
    static const struct model none = {};
    struct trace trace, again;
    if (!trace_row_read((struct id){}, row, &trace)) return;
    struct buf json = buf_make(arena, MIB);
    trace_write(&json, &none, &trace, true);
    require(json.len > 0);
    str written = trace_row_write(arena, &trace);
    require(trace_row_read((struct id){}, written, &again));
    require(str_eq(again.rule_name, trace.rule_name) && again.at_ms == trace.at_ms);
    require(str_eq(again.result.log, trace.result.log) && again.point == trace.point);
    require(again.result.outcome == trace.result.outcome && again.version == trace.version);
}

/* Bytes that choose values, so that whole rows and talks come up soon. */

struct choosing {
    const uint8_t *at, *end;
    struct buf out;
};

static uint8_t choose(struct choosing *choosing, uint8_t count)
{
    return choosing->at < choosing->end ? (uint8_t)(*choosing->at++ % count) : 0;
}

static void some_frame(struct choosing *choosing)
{
    static const str words[] = {S("ask"), S("done"), S("answer"), S("refused"), S("seed")};
    static const str said[] = {S("rule"), S("get"), S("create"), S("done"), S("failed")};
    pack_map(&choosing->out, 1);
    pack_text(&choosing->out, words[choose(choosing, 5)]);
    pack_text(&choosing->out, said[choose(choosing, 5)]);
}

static void some_value(struct choosing *choosing)
{
    static const char sixteen[] = "sixteen bytes ok";
    switch (choose(choosing, 8)) {
    case 0:
        pack_nil(&choosing->out);
        break;
    case 1:
        pack_int(&choosing->out, choose(choosing, 4));
        break;
    case 2:
        pack_int(&choosing->out, INT64_MAX - choose(choosing, 2));
        break;
    case 3:
        pack_text(&choosing->out, S("text"));
        break;
    case 4:
        pack_bytes(&choosing->out, (str){sixteen, 16u - choose(choosing, 2)});
        break;
    case 5:
        pack_list(&choosing->out, 0);
        break;
    case 6:
        pack_map(&choosing->out, 0);
        break;
    default:
        pack_int(&choosing->out, -1);
    }
}

static void read_chosen(struct arena *arena, struct choosing *choosing)
{
    struct task task = {.arena = arena};
    struct recorded_test test;
    struct trace trace = {};
    uint8_t count = choose(choosing, 32);
    if (choose(choosing, 2) == 0) {
        pack_map(&choosing->out, count);
        for (uint8_t at = 0; at < count; at++) {
            pack_int(&choosing->out, at);
            some_value(choosing);
        }
        read_trace(arena, buf_str(&choosing->out));
        return;
    }
    pack_list(&choosing->out, count);
    for (uint8_t at = 0; at < count; at++) some_frame(choosing);
    if (recorded_read(&task, &trace, buf_str(&choosing->out), &test) != ERR_NONE) return;
    require(value_check(&task, test.answers) == ERR_NONE);
    require(value_check(&task, test.given) == ERR_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct arena arena;
    arena_init(&arena, 16 * MIB);
    struct task task = {.arena = &arena};
    str row = {(const char *)bytes, len};
    if (value_check(&task, row) == ERR_NONE) {
        struct day_figures figures;
        struct recorded_test test;
        struct trace trace = {};
        read_trace(&arena, row);
        (void)day_row_read(row, &figures);
        if (recorded_read(&task, &trace, row, &test) == ERR_NONE) {
            require(value_of(test.given).kind == VALUE_MAP);
            require(value_of(test.answers).kind == VALUE_MAP);
            require(value_check(&task, test.answers) == ERR_NONE);
        }
    }
    struct choosing choosing = {bytes, bytes + len, buf_make(&arena, MIB)};
    read_chosen(&arena, &choosing);
    arena_drop(&arena);
    return 0;
}
