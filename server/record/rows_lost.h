/** rows_lost: which records left a scope, as the feed tells it.
 *
 *  A record leaves with an entry of its own, or because its client did: then what lies under that
 *  client is walked, and what the log took away from there since, so that it does not matter in how
 *  many pieces the log is read. All is judged record by record: told is only what was seen; as the
 *  log has it, the record lay there, and its client was held, before.
 *
 *  Floor   record.
 *  Thread  any, with its own transaction.
 *  Memory  the task's arena.
 */
#pragma once

#include "record/record.h"

/** Records of one client that are named when it is lost, and entries behind it that are looked at;
 *  fewer where judging them takes more keys than a page may touch. With the client all under it is
 *  lost, named or not. */
constexpr uint32_t ROWS_LOST_MAX = 10'000;

/** Whether the entry took its record out of the actor's sight: it is not seen now, and was when the
 *  entry found it, by what is held now or was held then. */
bool rows_lose(const struct view *view, const struct entity *entity, const struct log_entry *entry);

/** Whether it took a client out of the actor's hands, and so all that lies under it. */
bool rows_lose_under(const struct view *view, const struct entity *entity,
                     const struct log_entry *entry);

/** A walk over what lies under a client, and over what the log took from there since. */
struct rows_under {
    struct id client;
    uint64_t sequence; /** of the entry that took the client away; 0: there is no walk */
    uint32_t source;   /** which index, of all entities */
    struct id last;
    uint32_t looked;
    uint64_t ahead; /** the entry that was looked at last */
};
/** What a walk came by. */
struct rows_left {
    const struct entity *entity; /** nullptr: there is nothing more */
    struct id id;
    bool is_lost; /** it left the actor's sight with the client */
};
enum err rows_under_next(const struct view *view, struct rows_under *under, struct rows_left *left);
