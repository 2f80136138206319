/** declared: reading a folder of Lua files that only declare: `word "name" { … }`, returned.
 *
 *  A file sees its declaring words and nothing else; what it returns is data, written as
 *  MessagePack. Used by the modes --schema and --rules, which know their words and what they write.
 *  Thread  the only one.
 */
#pragma once

#include <lua.h>

#include "base/buf.h"
#include "sources.h"

struct declaring_word {
    const char *name;
    int list; /** a file may return it: it is put into this list, from 1; 0: it stands in others */
};

struct reading {
    /* Said by the mode. */
    const struct declaring_word *words;
    uint32_t word_count;
    uint32_t list_count; /** they stand on the stack from place 2 on */
    const char *wanted;  /** `no rule`: what is wrong with anything else that a file returns */
    void (*pack)(lua_State *state, struct reading *reading);
    const char *file; /** which runs now, for what Lua says without a place */
    /* Set by declared_run. */
    struct arena *arena;
    const struct sources *sources;
    struct buf *out;
};

/** The whole of a mode: reads FOLDER, gives its rights away, runs every file, writes what `pack`
 *  made to standard output. The exit code; on 1, standard error says where and why. */
int declared_run(const char *folder, struct reading *reading);

/* For `pack`. Faults are raised as errors that begin with `at`, a place such as
 * `schema/client.lua:3`. */

/** The word of the declaration on top of the stack; nullptr: it is none. */
const struct declaring_word *declared_word(lua_State *state);
/** Pushes its name and body, writes `at` and `name`; its place. */
const char *declared_open(lua_State *state, struct reading *reading, int *body_out);
/** The text at a stack place that is known to be a string. */
str declared_text(lua_State *state, int at);

/** What is in a table: its places 1…n and its words, sorted. The words stay valid while the table
 *  does. */
struct entries {
    size_t place_count;
    size_t word_count;
    str *words;
};
struct entries declared_entries(lua_State *state, struct reading *reading, int table,
                                const char *at);
/** Writes the value on top of the stack, which stays there. */
void declared_pack(lua_State *state, struct reading *reading, int depth, const char *at);
/** Writes each word and its value. */
void declared_pack_words(lua_State *state, struct reading *reading, int table,
                         const struct entries *entries, int depth, const char *at);
/** Writes `attributes` and the map of the words. */
void declared_pack_attributes(lua_State *state, struct reading *reading, int table,
                              const struct entries *entries, const char *at);
