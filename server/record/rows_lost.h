/** rows_lost: which records left a scope, as the feed tells it.
 *
 *  A record leaves with an entry of its own, or because its client did: then what lies under that
 *  client is walked, and judged record by record. Told is only what was seen: as the log has it,
 *  the record lay there, and its client was held, before.
 *
 *  Floor   record.
 *  Thread  any, with its own transaction.
 *  Memory  the task's arena.
 */
#pragma once

#include "record/record.h"

/** Records of one client that are named when it is lost; fewer where judging them takes more keys
 *  than a page may touch. With the client all under it is lost, named or not. */
constexpr uint32_t ROWS_LOST_MAX = 10'000;

/** Whether the entry took its record out of the actor's sight: it is not seen now, and was when the
 *  entry found it, or, of one that left its client, when the log stood at `since`. */
bool rows_lose(const struct view *view, const struct entity *entity, const struct log_entry *entry,
               uint64_t since);

/** A walk over what lies under a client. */
struct rows_under {
    struct id client;
    uint64_t sequence; /** of the entry that took the client out of sight; 0: there is no walk */
    uint32_t source;   /** which index, of all entities */
    struct id last;
    uint32_t looked;
};
/** The next record; *entity_out nullptr: there is none. *is_lost_out: it left the actor's sight
 *  with the client. */
enum err rows_under_next(const struct view *view, struct rows_under *under,
                         const struct entity **entity_out, struct id *id_out, bool *is_lost_out);
