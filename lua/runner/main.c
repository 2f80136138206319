/** atrium-runner: the process that holds Lua and nothing else. One mode a row. */
#include <stdio.h>
#include <string.h>

#include "schema.h"
#include "serve.h"

struct mode {
    const char *word;
    const char *arguments;
    int argument_count;
    int (*run)(
        char **arguments); /** the exit code: 0 done, 1 refused with a line on standard error */
};

static const struct mode modes[] = {
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
