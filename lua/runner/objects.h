/** objects: what of the view belongs to one run: its record, the firm's records, what it queues.
 *
 *  Thread  the only one.
 *  Errors  Lua's; all inside a protected call.
 */
#pragma once

#include "run.h"
#include "view.h"

extern const struct view_part objects_record_part; /* record, old, changed, actor, settings */
extern const struct view_part objects_db_part;     /* db.… */
extern const struct view_part objects_queue_part;  /* queue.…, secret */
extern const struct view_part objects_run_part;    /* reject, log, now, random, … */

/* Kept in the registry. */
#define OBJECTS_NULL "atrium null"
#define OBJECTS_RECORD "atrium record"

/** Sets the values of the run in the environment on top of the stack. */
void objects_set_record(lua_State *state);
void objects_set_run(lua_State *state);

/** Packs the fields of `record` that are not as they came into run->changes. */
void objects_take_changes(lua_State *state);

/* Records (objects_record.c). */

/** Pushes one that shows `values`, a map of the server's, and cannot be written; the map is
 *  copied. */
void objects_push_record(lua_State *state, str entity, str values);
/** Whether a record of the server's stands at that place; of which entity. */
bool objects_is_record(lua_State *state, int at, str *entity_out);
/** The id of the record at that place; false: there is none, or it has none. */
bool objects_record_id(lua_State *state, int at, str *id_out);
/** The id at a place of the stack: a text, or that of a record. */
str objects_id_at(lua_State *state, int at);

/* Arguments. */

/** A text that must be there. */
str objects_text_at(lua_State *state, int at, const char *what);
/** The same for a word that is sent: it must be UTF-8, as all of a frame. */
str objects_word_at(lua_State *state, int at, const char *what);
/** Refuses a member of the table at a place that is none of `words` (ends with an empty one), and
 *  names the nearest. */
void objects_check_members(lua_State *state, int at, const char *function, const str *words);
