/** runner_check: what a runner may say of a script that is saved: any bytes. */
#include "base/fold.h"
#include "base/require.h"
#include "rules/saving.h"
#include "value/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct arena arena;
    struct script_checked checked;
    arena_init(&arena, 16 * MIB);
    struct task task = {.arena = &arena};
    str said = {(const char *)bytes, len};
    bool is_map = value_check(&task, said) == ERR_NONE && value_of(said).kind == VALUE_MAP;
    if (is_map && script_checked_read(&arena, said, &checked)) {
        require(utf8_is_valid(checked.failure));
        for (uint32_t at = 0; at < checked.use_count; at++) {
            require(utf8_is_valid(checked.uses[at].entity));
            require(utf8_is_valid(checked.uses[at].field));
            require(checked.uses[at].line <= RULE_SOURCE_BYTES_MAX);
        }
    }
    arena_drop(&arena);
    return 0;
}
