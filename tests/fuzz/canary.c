/* canary: a planted overflow that each fuzzing run must find. When it does not fail, fuzzing itself
 * is broken, and the silence of the other targets means nothing. */
#include <stdint.h>

#include "base/arena.h"

constexpr size_t PLANTED_BYTES = 2;

/** The sanitizer's report ends the process with this code, which nothing else gives. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "exitcode=77";
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
    volatile char *memory = memory_take(PLANTED_BYTES);
    size_t at = 0;
    if (len > 2 && input[0] == 'B' && input[1] == 'U' && input[2] == 'G') at = PLANTED_BYTES;
    memory[at] = 1;
    memory_give((void *)memory);
    return 0;
}
