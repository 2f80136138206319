/** runner_answer: what a runner may send when its Lua has been broken into: any bytes. */
#include "base/require.h"
#include "rules/formulas.h"
#include "value/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct arena arena;
    arena_init(&arena, 16 * MIB);
    struct task task = {.arena = &arena};
    str answer = {(const char *)bytes, len};
    if (value_check(&task, answer) == ERR_NONE) {
        struct formula_answer answers[4];
        for (uint32_t count = 0; count <= 4; count++) {
            if (!formulas_read(&arena, answer, count, answers)) continue;
            for (uint32_t at = 0; at < count; at++) {
                struct value value = value_of(answers[at].value);
                require(answers[at].failure.len > 0 || value.bytes.len > 0);
            }
        }
    }
    arena_drop(&arena);
    return 0;
}
