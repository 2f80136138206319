/** show: records, their history and the feed as JSON.
 *
 *  Floor   record.
 *  Thread  any, with its own transaction.
 */
#pragma once

#include "record/record.h"
#include "record/rows_lost.h"
#include "value/json.h"

constexpr uint32_t SHOW_FIELDS_MAX = 64;
constexpr uint32_t SHOW_EXPAND_MAX = 8;

/** Which fields are shown; counts of 0: all, none expanded. */
struct shape {
    bool is_export;  /** not even that there is a secret is told */
    bool has_fields; /** some were named; the id, which is always shown, is none of `fields` */
    uint32_t field_count;
    const struct field *fields[SHOW_FIELDS_MAX];
    uint32_t expand_count;
    const struct field *expand[SHOW_EXPAND_MAX];
};
/** From the query's `fields=a,b` and `expand=c,d`; ERR_UNREADABLE names what is unknown. */
enum err shape_add_fields(struct task *task, const struct entity *entity, struct sight sight,
                          str names, struct shape *shape);
enum err shape_add_expand(struct task *task, const struct entity *entity, struct sight sight,
                          str names, struct shape *shape);

/** The record as an object: `id`, then the fields that the scope sees in order of declaration,
 *  absent ones null (lists empty). `shape` may be nullptr. */
void record_write(struct buf *json, const struct view *view, const struct record *record,
                  const struct shape *shape);

/** `{"data":[…],"next":…}`: newest first, those older than sequence `before`. */
enum err history_write(struct buf *json, const struct view *view, const struct entity *entity,
                       struct id id, uint64_t before, uint32_t limit);

enum history_side : uint8_t { HISTORY_OLD = 1, HISTORY_NEW = 2, HISTORY_BOTH = 3 };
/** One entry of a record's history, as members of an object that stands open: `"entity":…,…`. It
 *  says when what was changed, but not by whom; of values these sides alone. */
void history_write_alone(struct buf *json, const struct view *view, const struct entity *entity,
                         const struct log_entry *entry, enum history_side sides);

/** False: it changed nothing but fields that the scope does not see. */
bool history_shows(const struct view *view, const struct entity *entity,
                   const struct log_entry *entry);
/** Whether the entry is for these eyes: its record is, and so is something that it says. */
bool history_sees(const struct view *view, const struct entity *entity,
                  const struct log_entry *entry);

/** Who acts in some entries of the log, as far as they were asked for: mostly one or two. */
struct actor_names {
    uint32_t count;
    struct id ids[8];
    str names[8];
};
/** `"actor":…,"actor_name":…` of something done to records of the entity. */
void actor_write(struct buf *json, const struct view *view, struct actor_names *names,
                 const struct entity *entity, struct id actor);
/** `{"id":…,"name":…}` of a rule that wrote records. */
void rule_named_write(struct buf *json, struct id rule, str name);
/** How far somebody has come in the log. */
struct feed_place {
    uint64_t position; /** up to here all was told, or is not for this scope */
    /** what stands behind `position` took a client out of sight: what lay under it is told first */
    struct rows_under under;
};
static inline struct feed_place feed_place_of(uint64_t position)
{
    return (struct feed_place){.position = position};
}
/** A walk along the log. */
struct feed_walk {
    struct feed_place place;
    bool is_end;               /** the log does not go on, as this transaction sees it */
    bool is_of_actor;          /** other actors of the same rights may be shown something else */
    struct actor_names actors; /** of the same arena as the task */
};
/** Looks at the next change, or at the next record that went with a client. Where the scope sees
 *  it, or sees it no more, it is written as the feed tells it, else nothing is. The one place where
 *  a scope is asked for a change. */
enum err feed_step(struct buf *json, const struct view *view, struct feed_walk *walk);
/** `{"data":[…],"next":SEQ,"end":…}`: the tenant's changes behind sequence `after`, oldest first.
 *  So many entries that are not for these eyes may lie between that a page is short or empty before
 *  the `end`. What goes with a client stands in one page with it, beyond the limit if need be. */
enum err feed_write(struct buf *json, const struct view *view, uint64_t after, uint32_t limit);
