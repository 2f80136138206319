/** under: which clients a record lies under, and who holds a client. Internal to record/, but for
 *  its signature.
 *
 *  Both stand in hidden, indexed fields, kept by the engine in the change that moves them:
 *  FIELD_CLIENTS of every entity under the client (by its chain of `via`, by what ties it, the
 *  client by itself), FIELD_HOLDERS of the client (holder keys, record/scope.h; also that of who
 *  made it, so that one index answers). What lies below a record that moves follows in the same
 *  change. The rest, that is rows of a scope, rests on them (record/rows.h).
 *
 *  Which records give a client which key is kept in index entries of their own, so that a key goes
 *  with the last one that gives it, and no change reads all that lies under a client.
 *
 *  Floor   record.
 *  Thread  that of its change.
 *  Memory  the task's arena.
 *  Bytes   entries: the client's entity with ENTITY_ROLLUP set, FIELD_HOLDERS, (id of the client,
 *          holder key), id of the record that gives it.
 */
#pragma once

#include "record/draft.h"

/** What is to be brought up to date of a record, as bits; noted with computed_due. */
enum under_due : uint8_t {
    UNDER_TIES = 1,     /** its clients, by what ties it */
    UNDER_HOLDERS = 2,  /** who holds it */
    UNDER_CHILDREN = 4, /** the clients of what lies straight under it */
};

constexpr uint32_t HOLDERS_LISTED_MAX = 500;     /** of one client; by more it is held unseen */
constexpr uint32_t UNDER_FOLLOWING_MAX = 10'000; /** records that one change takes along */

/** Before a record is saved: its clients, and if it is one, its holders. */
enum err under_fill(struct change *change, struct draft *draft);
/** In a save or removal, while the draft still knows what was: what it means for others. */
enum err under_note(struct change *change, const struct draft *draft, bool was_new);
/** What is due of a loaded record itself, into the draft. */
enum err under_apply(struct change *change, struct draft *draft, uint8_t due);
/** What lies straight under the record, once that is saved. ERR_TOO_LARGE: more than
 *  UNDER_FOLLOWING_MAX in one change. */
enum err under_follow(struct change *change, const struct entity *entity, struct id id);
/** Both of a loaded record, from all records that say so, into the draft; and the entries. */
enum err under_renew(struct change *change, struct draft *draft);

/** What the field should be, for checks: of a stored record, read from those that say so; empty:
 *  absent. */
enum err under_clients(const struct view *view, const struct entity *entity, struct id id,
                       const str *slots, str *stored_out);
enum err under_holders(const struct view *view, struct id client, const str *slots,
                       str *stored_out);
/** Calls `visit` with each key that a record gives this client. */
enum err under_givers(const struct view *view, struct id client, const str *slots, void *argument,
                      enum err (*visit)(void *argument, struct id giver, struct holder_key key));
/** Whether this record gives this client the key. */
enum err under_gives(const struct view *view, struct id client, struct id giver,
                     struct holder_key key, bool *gives_out);
uint16_t under_entry_entity(const struct model *model);

/** How the two fields of an entity come about, for the catalog of what wrote the records; empty: it
 *  is none of them. */
str under_signature(struct arena *arena, const struct model *model, const struct field *field);
