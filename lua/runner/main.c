/** atrium-runner: the process that holds Lua and nothing else. One mode a row. */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "rules_file.h"
#include "schema.h"
#include "serve.h"
#include "view.h"

constexpr size_t REFERENCE_BYTES_MAX = 1 * MIB;

struct mode {
    const char *word;
    const char *arguments;
    int argument_count;
    int (*run)(
        char **arguments); /** the exit code: 0 done, 1 refused with a line on standard error */
};

/** Writes the reference for authors of rules to standard output. */
static int reference_run(char **)
{
    struct arena arena;
    arena_init(&arena, REFERENCE_BYTES_MAX);
    struct buf json = buf_make(&arena, REFERENCE_BYTES_MAX);
    view_reference(&json);
    bool is_written = !buf_is_over(&json) && fwrite(json.at, 1, json.len, stdout) == json.len;
    arena_drop(&arena);
    return is_written && fflush(stdout) == 0 ? 0 : 1;
}

static const struct mode modes[] = {
    {"--reference", "", 0, reference_run},
    {"--rules", "FOLDER", 1, rules_file_run},
    {"--schema", "FOLDER", 1, schema_run},
    {"--serve", "", 0, serve_run},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        if (argc == 2 + modes[i].argument_count && strcmp(argv[1], modes[i].word) == 0)
            return modes[i].run(argv + 2);
    }
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        fprintf(stderr, "usage: atrium-runner %s %s\n", modes[i].word, modes[i].arguments);
    return 2;
}
