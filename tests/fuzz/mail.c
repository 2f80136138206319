/* Files of mails, of any bytes; and that what is written is read as it was. */
#include <stdint.h>

#include "base/fold.h"
#include "base/limits.h"
#include "base/require.h"
#include "work/mail_outbox.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/** A line of the bytes as subject, the rest as text; what is no text is refused. */
static void written_check(struct arena *arena, str text)
{
    struct task task;
    struct mail_letter letter = {.from = S("a@b.example"), .to = S("c@d.example")}, told;
    struct buf eml = buf_make(arena, 8 * MIB);
    task_init(&task, arena);
    (void)str_cut(text, '\n', &letter.subject, &letter.text);
    letter.subject = str_trim(letter.subject);
    if (mail_write(&task, &letter, &eml) != ERR_NONE) return;
    mail_read(arena, buf_str(&eml), &told);
    require(str_eq(told.to, letter.to));
    require(str_eq(told.subject, letter.subject));
    require(str_eq(told.text, letter.text));
    require(!told.is_way_in);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct arena arena;
    struct mail_letter told;
    arena_init(&arena, 64 * MIB);
    str text = {(const char *)bytes, len};
    mail_read(&arena, text, &told);
    require(told.text.len <= len && told.subject.len <= len && told.to.len <= len);
    written_check(&arena, text);
    arena_drop(&arena);
    return 0;
}
