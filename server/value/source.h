/** source: the bytes of a table, wherever they lie: text, a file, an upload in sealed parts.
 *
 *  Floor   value.
 *  Thread  one at a time.
 */
#pragma once

#include "base/str.h"

struct source {
    /** Up to `bytes` (> 0) that stand at `from`; *got_out is 0 at the end. False: they cannot be
     *  read, and `fault` says why. */
    bool (*read)(struct source *source, uint64_t from, char *room, size_t bytes, size_t *got_out);
    const char *fault;
    uint64_t bytes; /** in all; 0: not known */
};

struct source_text {
    struct source source;
    str text;
};
/** The text must outlive its use. */
void source_of_text(struct source_text *source, str text);

/** A descriptor that it does not own, read from where it stands. What is no file on a disk can only
 *  be read forward. */
struct source_file {
    struct source source;
    int file;
    uint64_t from; /** where the descriptor stood in the file */
    uint64_t at;   /** bytes read so far of what can only be read forward */
    bool is_seekable;
};
void source_of_file(struct source_file *source, int file);
