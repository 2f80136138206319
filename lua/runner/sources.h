/** sources: the Lua files of a folder, read whole before any of them is looked at.
 *
 *  Thread  any.
 *  Memory  all in the arena.
 */
#pragma once

#include "base/arena.h"

constexpr uint32_t SOURCES_MAX = 256;
constexpr size_t SOURCE_BYTES_MAX = 64 * 1024;

struct source {
    const char *chunk_name; /** `@schema/client.lua`: what Lua puts before its messages */
    str text;
};

struct sources {
    uint32_t count;
    struct source *items; /** sorted by name */
};

/** Reads FOLDER/NAME.lua, names of lower-case letters, digits and `_`; other files are left alone.
 *  False with the reason. */
bool sources_read(struct arena *arena, str folder, struct sources *sources_out, str *reason_out);
