/** run: one script while it runs: what it was given, what it has said, and whom it asks. Internal
 *  to rule.c, talk.c and objects_*.c.
 *
 *  Thread  the only one.
 *  Memory  of the C side: the frames that are on their way, one in and one out, each at most
 *          FRAME_BYTES_MAX, and what it has logged; all dropped with the run.
 */
#pragma once

#include <lua.h>

#include "budget.h"
#include "keeper.h"
#include "value/frame.h"
#include "value/value.h"

enum run_end : uint8_t {
    RUN_OPEN,
    RUN_REJECTED,
    RUN_ENDED,  /** by the server, which said why */
    RUN_BROKEN, /** the server said what it never says: the process ends */
};

struct rule_run {
    struct rule_keeper *keeper;
    struct arena arena; /** what lives as long as the run: the log */
    struct arena coming, going;
    struct buf *question;   /** in `going` */
    const char *chunk_name; /** `=NAME` */
    struct rule_state *own; /** nullptr: it has not begun */
    lua_State *state;       /** of `own` */
    struct budget *budget;  /** of `own` */
    uint32_t depth;

    /* What it was asked, slices of the question. */
    str code, name, point, operation, entity;
    int64_t model;
    str values, old; /** encoded maps; empty: there is none */
    str changed;     /** an encoded list */
    str actor;       /** an encoded map */
    str input;       /** an encoded value; empty: none */
    str today;
    int64_t now_ms;
    str seed;
    uint64_t fuel;
    int64_t cpu_ms;

    /* What it has said. */
    enum run_end end;
    char message[RULE_MESSAGE_BYTES_MAX];
    size_t message_len;
    char field[RULE_MESSAGE_BYTES_MAX];
    size_t field_len;
    uint32_t line;
    struct buf log; /** encoded texts */
    uint32_t log_count;
    size_t log_last;      /** where the last of them begins */
    struct buf line_text; /** the line that is being made */
    uint32_t log_dropped; /** beyond RULE_LOG_LINES_MAX */
    struct buf changes;   /** the pairs of an encoded map */
    uint32_t change_count;
    uint64_t chance[2]; /** of `random` */
};

/** The run of a state; set before anything of the view is called. */
struct rule_run *run_of(lua_State *state);
/** Keeps what is to be told, cut and made plain. */
void run_set_message(struct rule_run *run, str message);
void run_set_field(struct rule_run *run, str field);
/** A line of the log, cut and made plain; beyond RULE_LOG_LINES_MAX only counted. */
void run_log(struct rule_run *run, str line);

/* The talk (talk.c). */

enum talk_outcome : uint8_t {
    TALK_ANSWERED,
    TALK_REFUSED, /** said: why; the script may go on */
    TALK_ENDED,   /** said: why; the run is over */
    TALK_BROKEN,
};

/** Begins a question: a map of `ask` and `more` further pairs, which the caller packs. What was
 *  answered before is no longer valid. */
struct buf *talk_question(struct rule_run *run, str ask, uint32_t more);
/** Says it and waits, running what the server asks meanwhile. What was said is valid until the next
 *  question. */
enum talk_outcome talk_exchange(struct rule_run *run, struct value *said_out);
/** The same from within Lua: a refusal is raised as an error, an end for good. */
struct value talk_ask(lua_State *state);

/** The text of a source, asked for when it is not kept. */
enum talk_outcome talk_source(struct rule_run *run, str *source_out, str *why_out);
/** The catalog of an entity, asked for when it is not kept. */
const struct catalog *talk_catalog(lua_State *state, str entity);
enum talk_outcome talk_find_catalog(struct rule_run *run, str entity,
                                    const struct catalog **catalog_out, str *why_out);

/** Answers a question `check` (check.c); false as rule_serve. */
bool check_serve(struct rule_run *run, str question);
