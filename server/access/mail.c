#include "access/mail.h"

#include "base/limits.h"
#include "base/require.h"
#include "record/quota.h"
#include "store/sealing.h"
#include "value/email.h"
#include "value/value.h"

constexpr size_t MAIL_BYTES_MAX = 16 * KIB;

/** What the text of a mail is bound to. */
static str place_of(struct arena *arena, const struct id *id)
{
    return arena_print(arena, "mail%.*s", FMT(id_text(arena, *id)));
}

enum err mail_queue(struct txn *txn, const struct mail *mail)
{
    struct task *task = txn_task(txn);
    struct id id = id_make();
    str sealed;
    if (!email_is_address(mail->to))
        return fail(task, ERR_INVALID, "there is no address to write to");
    TRY(txn_outbox_room(txn, S("mail")));
    TRY(quota_take_mail(txn, true));
    TRY(sealing_seal(txn, task->arena, mail->text, place_of(task->arena, &id), S(""), S(""),
                     &sealed));
    struct buf body = buf_make(task->arena, MAIL_BYTES_MAX);
    pack_map(&body, 3);
    pack_text(&body, S("given"));
    pack_map(&body, 2);
    pack_named_text(&body, S("to"), mail->to);
    pack_named_text(&body, S("subject"), mail->subject);
    pack_named_text(&body, S("purpose"), mail->purpose);
    pack_text(&body, S("sealed"));
    pack_bytes(&body, sealed);
    require(!buf_is_over(&body));
    txn_outbox_put(txn, &(struct outbox_entry){
                            .id = id,
                            .due_ms = task->now_ms,
                            .kind = S("mail"),
                            .body = buf_str(&body),
                        });
    return ERR_NONE;
}

enum err mail_text(struct txn *txn, const struct outbox_entry *entry, bool *is_ours_out,
                   str *text_out)
{
    struct value sealed;
    struct arena *arena = txn_task(txn)->arena;
    *is_ours_out = value_find_text(entry->body, S("sealed"), &sealed);
    if (!*is_ours_out) return ERR_NONE;
    if (sealed.kind != VALUE_BYTES) return ERR_CORRUPT;
    return sealing_open(txn, arena, sealed.text, place_of(arena, &entry->id), text_out);
}
