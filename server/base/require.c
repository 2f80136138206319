#include "base/require.h"

#include <stdio.h>
#include <stdlib.h>

[[noreturn]] void require_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "%s:%d: required: %s\n", file, line, condition);
    abort();
}
