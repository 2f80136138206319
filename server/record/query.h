/** query: lists of records: filters, sort, search, pages.
 *
 *  A query walks the most selective index in order and stops at the page's end. On an event loop
 *  task->keys_max bounds it (LOOP_KEYS_MAX): ERR_TOO_LARGE then says "ask again on a worker with
 *  WORKER_KEYS_MAX". Cursors are keyset positions (sort value, id), so a record that stays put is
 *  neither missed nor doubled while others change.
 *
 *  Floor   record.
 *  Thread  any, with its own transaction.
 */
#pragma once

#include "model/condition.h"
#include "record/show.h"

constexpr uint32_t QUERY_HITS_MAX = 50'000;  /** gathered and sorted in memory */
constexpr uint32_t QUERY_COUNT_MAX = 10'000; /** `count` says "at least this many" from here on */

enum filter_op : uint8_t {
    FILTER_EQUAL, /** any of the values */
    FILTER_NOT_EQUAL,
    FILTER_GREATER,
    FILTER_GREATER_EQUAL,
    FILTER_LESS,
    FILTER_LESS_EQUAL,
    FILTER_PREFIX,
    FILTER_EMPTY, /** value `true` or `false` */
};

struct filter {
    /** `default_address.country`: the reference; the field is then of the record behind it.
     *  nullptr: own field */
    const struct field *of;
    const struct field *field;
    enum filter_op op;
    bool is_empty; /** FILTER_EMPTY's value */
    uint32_t value_count;
    str values[16]; /** ordered bytes */
    str texts[16];  /** as given; not for prefixes */
    str wholes[16]; /** of a value that an index cuts: all of it, folded; otherwise empty */
    bool is_cut;    /** some value is: index entries alone do not decide */
};

struct query {
    const struct entity *entity;
    uint32_t filter_count;
    struct filter filters[FILTERS_MAX];
    const struct field *sort; /** nullptr: by id, which is creation order */
    bool is_descending;
    uint32_t limit;
    str cursor; /** as given; read by query_end */
    bool has_after;
    bool after_has_value; /** the cursor's record has a value in the sort field */
    str after_ordered;
    struct id after_id;
    str words;
    bool wants_count;
    struct shape shape;
};

void query_init(struct query *query, const struct entity *entity);
/** One `name=value` of the query string, decoded. ERR_UNREADABLE: unknown parameter, field
 *  without an index, bad value, bad cursor; the fault names it and says what would be right. The
 *  cursor is checked by query_end, since it belongs to one sort. */
enum err query_add(struct task *task, const struct space *space, struct query *query, str name,
                   str value);
/** After the last parameter. */
enum err query_end(struct task *task, const struct space *space, struct query *query);

/** The cursor of a place in this list. */
str query_cursor(struct arena *arena, const struct space *space, const struct query *query,
                 bool has_value, str ordered, struct id id);

/** `{"data":[…],"next":"…"|null[,"count":{…}]}`. ERR_TOO_LARGE: more keys than task->keys_max
 *  would be touched; ERR_UNREADABLE: more hits than QUERY_HITS_MAX would have to be sorted, on a
 *  worker too: the detail says to narrow it. */
enum err query_write(struct buf *json, const struct view *view, const struct query *query);

/** Ids of records whose indexed field has these ordered bytes, at most `max`. */
enum err query_find(const struct view *view, const struct field *field, str ordered, uint32_t max,
                    struct id *ids_out, uint32_t *count_out);
/** Ids of records whose indexed field shares a value with `stored`, whole texts compared, none
 *  twice, at most `max`. */
enum err query_find_same(const struct view *view, const struct field *field,
                         const struct value *stored, uint32_t max, struct id *ids_out,
                         uint32_t *count_out);
