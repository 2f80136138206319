/** arguments_help: the flags in words, and the pages that --help shows.
 *
 *  Floor   work; arguments' own.
 *  Thread  any.
 */
#pragma once

#include "work/arguments.h"

enum flag_kind : uint8_t {
    FLAG_TEXT,
    FLAG_SWITCH, /** no value; `true` or `false` in environment and file */
    FLAG_NUMBER,
    FLAG_CHOICE,  /** one of the words of `value`, separated by bars */
    FLAG_CONTENT, /** names a file whose text becomes the value */
    FLAG_SECRET,  /** the same, and only its first line */
};

struct flag {
    const char *name;  /** without its hyphens */
    const char *value; /** how the value is called in help; nullptr for a switch */
    const char *initial;
    const char *words;
    enum flag_kind kind;
    int64_t least;
    int64_t most;
    int64_t usual; /** what holds when it is not given; 0: see the words */
};

extern const struct flag flag_table[FLAG_COUNT];

void help_show_all(const struct console *console, const struct command *commands,
                   uint32_t command_count);
void help_show(const struct console *console, const struct command *command);
