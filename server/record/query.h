/** query: lists of records: filters, sort, search, pages, counts, groups.
 *
 *  A query is made of parameters (query_init, query_add for each, query_end), planned against the
 *  entity's indexes and walked in the order of the list until the page is full. Cursors are keyset
 *  positions (the values of the sort, then the id), so a record that stays put is neither missed
 *  nor doubled while others change.
 *
 *  Indexed, that is: walked without touching much more than what is shown, are
 *    - any order by the id or `created_at`, and any by one field, up or down;
 *    - with it one range of that field, or of `created_at` in the order of ids;
 *    - equality of one field (any of several values; branches of an `or`) in the order of ids;
 *    - the same in the order of another field, where the entity declares the two as a pair.
 *  Everything else tests records one by one, beginning with the rarest filter. It is bounded by
 *  task->keys_max, and says so: query_page.unindexed. Records without a value in the first sort
 *  field come last; they are found one by one unless a pair keeps them.
 *
 *  Floor   record.
 *  Thread  any, with its own transaction.
 *  Memory  of the task's arena; a query's conditions point to the model.
 */
#pragma once

#include "record/condition.h"
#include "record/show.h"

constexpr uint32_t QUERY_HITS_MAX = 50'000;  /** gathered and sorted in memory */
constexpr uint32_t QUERY_COUNT_MAX = 10'000; /** `count` says "at least this many" from here on */
constexpr uint32_t QUERY_PARAMETERS_MAX = 256;
constexpr uint32_t SORTS_MAX = 4; /** fields of one sort */

struct sort_part {
    const struct field *field;
    bool is_descending;
};

/** A value in the order of one sort field. */
struct sort_value {
    bool has_value;
    str ordered;
};

/** A place in the order of a list. */
struct list_place {
    struct sort_value values[SORTS_MAX];
    struct id id;
};

struct query_parameter {
    str name;
    str value;
};

struct query {
    const struct entity *entity;
    struct sight sight;             /** what it may name */
    const struct condition *filter; /** all of them together; made by query_end */
    const struct condition *asked;  /** what of it was asked for */
    bool tests_rows;                /** the filter alone does not say which ones the scope sees */
    uint32_t sort_count;            /** 0: by id alone, which is the order of creation */
    struct sort_part sorts[SORTS_MAX];
    bool is_descending; /** of the ids, which decide last */
    uint32_t limit;
    bool has_after;
    struct list_place after;
    str words;
    bool wants_count;
    const struct field *group; /** `group_by=status`: counts by its values; nullptr: none */
    bool takes_archived;       /** `archived=all` or `true`, or a filter on that field is given */
    bool only_archived;        /** `archived=true` */
    struct shape shape;
    /* kept until query_end */
    uint16_t seen; /** a bit for each name that may stand once */
    uint32_t parameter_count;
    struct query_parameter *parameters;
    str cursor;
    str sort;
    str tree;
    str group_name;
    str view_id;
    const struct condition *more; /** given by query_narrow */
};

/** Whether an index of the first sort field alone does not have the order of the list: records that
 *  are equal in it are gathered and sorted. */
static inline bool query_is_tied(const struct query *query)
{
    return query->sort_count > 1 ||
           (query->sort_count == 1 && query->sorts[0].is_descending != query->is_descending);
}

void query_init(struct query *query, const struct entity *entity, const struct scope *scope);
/** One `name=value` of the query string, decoded. ERR_UNREADABLE names what is wrong and what would
 *  be right, and the rest may be added still, that all faults be told. */
enum err query_add(struct task *task, struct query *query, str name, str value);
/** Adds a condition that must hold as well; before query_end. */
void query_narrow(struct query *query, struct arena *arena, const struct condition *condition);
/** After the last one: filters, sort and cursor are read, a saved view is looked up, and what the
 *  scope leaves out is left out. ERR_UNREADABLE: unknown field, field without an index, bad value,
 *  bad cursor, unknown choice; the faults name each. ERR_FORBIDDEN: the scope may not see the
 *  entity. */
enum err query_end(const struct view *view, struct query *query);

/** A page of a list. */
struct query_page {
    uint32_t count;
    const struct record *records; /** views: valid until the transaction's next write */
    str next;                     /** cursor of the next page; empty: the list ends here */
    /** what had to be tested record by record, for want of an index: `status, tags sorted by name`;
     *  empty: nothing */
    str unindexed;
};

/** At most query->limit records behind the cursor. ERR_TOO_LARGE: more keys than task->keys_max
 *  would be touched; ask again on a worker. ERR_UNREADABLE: no worker could do it either; the
 *  detail says what would help. */
enum err query_read(const struct view *view, const struct query *query, struct query_page *page);

/** How many there are, wherever the cursor is: counted up to `max`, with at most `keys` touched
 *  (0: task->keys_max); not exact beyond either. */
enum err query_count(const struct view *view, const struct query *query, uint32_t max,
                     uint32_t keys, uint32_t *count_out, bool *is_exact_out);

/** `{"data":[…],"next":"…"|null[,"count":{…}][,"groups":[…]]}`. Errors as query_read. */
enum err query_write(struct buf *json, const struct view *view, const struct query *query,
                     str *unindexed_out);

/** Ids of records whose indexed field has these ordered bytes, at most `max`. */
enum err query_find(const struct view *view, const struct field *field, str ordered, uint32_t max,
                    struct id *ids_out, uint32_t *count_out);
/** The same of those that the scope sees, among the first thousand: what others have takes nobody's
 *  place. */
enum err query_find_seen(const struct view *view, const struct field *field, str ordered,
                         uint32_t max, struct id *ids_out, uint32_t *count_out);
/** Ids of records whose indexed field shares a value with `stored`, whole texts compared, none
 *  twice, at most `max`. */
enum err query_find_same(const struct view *view, const struct field *field,
                         const struct value *stored, uint32_t max, struct id *ids_out,
                         uint32_t *count_out);
/** The same of those that the scope sees, as query_find_seen. */
enum err query_find_same_seen(const struct view *view, const struct field *field,
                              const struct value *stored, uint32_t max, struct id *ids_out,
                              uint32_t *count_out);
/** How many records refer to this one by an indexed field, of those that the scope sees; counted up
 *  to `max`. */
enum err query_count_referring(const struct view *view, const struct field *field, struct id to,
                               uint32_t max, uint32_t *count_out);
/** The record that has both references of a unique pair; nil: none has. */
enum err query_find_pair(const struct view *view, const struct pair *pair, struct id first,
                         struct id second, struct id *id_out);
