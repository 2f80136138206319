#include "access/mail.h"

#include "base/limits.h"
#include "base/require.h"
#include "value/email.h"
#include "value/value.h"

constexpr size_t MAIL_BYTES_MAX = 16 * KIB;

static enum err mail_key(struct txn *txn, struct secret_key *key_out)
{
    struct secret_key data_key;
    TRY(txn_data_key(txn, &data_key));
    *key_out = key_derive(&data_key, 0, "mailtext");
    bytes_wipe(&data_key, sizeof data_key);
    return ERR_NONE;
}

enum err mail_queue(struct txn *txn, const struct mail *mail)
{
    struct task *task = txn_task(txn);
    struct secret_key key;
    struct id id = id_make();
    if (!email_is_address(mail->to))
        return fail(task, ERR_INVALID, "there is no address to write to");
    TRY(txn_outbox_room(txn, S("mail")));
    TRY(mail_key(txn, &key));
    str sealed = seal(task->arena, &key, mail->text, id_bytes(&id));
    bytes_wipe(&key, sizeof key);
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
    struct secret_key key;
    *is_ours_out = value_find_text(entry->body, S("sealed"), &sealed);
    if (!*is_ours_out) return ERR_NONE;
    if (sealed.kind != VALUE_BYTES) return ERR_CORRUPT;
    TRY(mail_key(txn, &key));
    enum err err = unseal(txn_task(txn)->arena, &key, sealed.text, id_bytes(&entry->id), text_out);
    bytes_wipe(&key, sizeof key);
    return err;
}
