/** demo: firms of our own making, so that whoever starts Atrium finds something to look at.
 *
 *  A firm is a JSON file: `name`, `title`, `owner` (`email`, `password`) and `records`: a list of
 *  `{"in": collection, "record": values}`, with `"under"` (such items that get this record in the
 *  field by which they lie under it), `"as"` (a name for it) and `"refers"` (`{field: name}` of an
 *  earlier one). They take the road of every change.
 *
 *  Floor   work.
 *  Thread  one that may block.
 */
#pragma once

#include "work/command.h"

constexpr uint32_t DEMO_FIRMS_MAX = 8;

/** Makes the firms of all files in `folder` when there is no tenant yet; goes on where a killed run
 *  stopped. */
enum err demo_make(struct command_place *place, str folder);
/** Prints each firm's address and sign-in, if these firms are here. */
enum err demo_show(struct command_place *place, str folder, const struct console *console);
