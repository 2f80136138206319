/* JSON in: no text may crash the readers, and what is accepted is written so that it reads as the
 * same value; the reader of our own texts gives the same value. */
#include <stdint.h>

#include "base/limits.h"
#include "base/require.h"
#include "value/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct arena arena;
    struct task task;
    arena_init(&arena, 64 * MIB);
    task_init(&task, &arena);
    struct buf first = buf_make(&arena, 16 * MIB);
    enum err err = json_read(&task, (str){(const char *)bytes, len}, &first);
    struct buf loose = buf_make(&arena, 16 * MIB);
    (void)json_transcode(&loose, (str){(const char *)bytes, len});
    require((err == ERR_NONE) == (task.fault.detail.len == 0));
    if (err == ERR_NONE) {
        require(value_check(&task, buf_str(&first)) == ERR_NONE);
        struct value value = value_of(buf_str(&first));
        struct buf direct = buf_make(&arena, 16 * MIB);
        require(json_transcode(&direct, (str){(const char *)bytes, len}));
        struct value transcoded = value_of(buf_str(&direct));
        require(value_eq(&transcoded, &value));
        struct buf text = buf_make(&arena, 16 * MIB);
        json_write(&text, &value);
        struct buf second = buf_make(&arena, 16 * MIB);
        require(json_read(&task, buf_str(&text), &second) == ERR_NONE);
        struct value again = value_of(buf_str(&second));
        require(value_eq(&value, &again));
    }
    arena_drop(&arena);
    return 0;
}
