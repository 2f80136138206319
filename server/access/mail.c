#include "access/mail.h"

#include "base/limits.h"
#include "base/require.h"
#include "record/quota.h"
#include "value/email.h"
#include "value/value.h"

constexpr size_t MAIL_BYTES_MAX = 16 * KIB;

enum err mail_queue(struct txn *txn, const struct mail *mail)
{
    struct task *task = txn_task(txn);
    if (!email_is_address(mail->to))
        return fail(task, ERR_INVALID, "there is no address to write to");
    TRY(txn_outbox_room(txn, S("mail")));
    TRY(quota_take_mail(txn, true));
    struct buf body = buf_make(task->arena, MAIL_BYTES_MAX);
    pack_map(&body, 3);
    pack_text(&body, S("given"));
    pack_map(&body, 2);
    pack_named_text(&body, S("to"), mail->to);
    pack_named_text(&body, S("subject"), mail->subject);
    pack_named_text(&body, S("purpose"), mail->purpose);
    pack_named_text(&body, S("text"), mail->text);
    require(!buf_is_over(&body));
    txn_outbox_put(txn, &(struct outbox_entry){
                            .id = id_make(),
                            .due_ms = task->now_ms,
                            .kind = S("mail"),
                            .body = buf_str(&body),
                        });
    return ERR_NONE;
}

bool mail_text(const struct outbox_entry *entry, str *text_out)
{
    struct value text;
    bool is_ours = value_find_text(entry->body, S("text"), &text) && text.kind == VALUE_TEXT;
    if (is_ours) *text_out = text.text;
    return is_ours;
}
