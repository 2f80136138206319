#include "api/reveal.h"

#include "access/audit.h"
#include "api/reply.h"
#include "base/fold.h"
#include "record/sealed.h"
#include "value/json.h"

/** A field that the scope does not see is not there. */
static enum err field_read(struct call *call, const struct field **field_out)
{
    struct value given = {};
    struct task *task = call->task;
    bool has_field = call->given.kind == VALUE_MAP && call->given.count == 1 &&
                     value_find_text(call->given.bytes, S("field"), &given);
    if (!has_field || given.kind != VALUE_TEXT) {
        task_fault(task, S("field"), S("required"), "the name of one secret field, and no more");
        return task_faults(task);
    }
    const struct field *field = entity_field(call->entity, given.text);
    bool is_secret = field != nullptr && field->kind == FIELD_SECRET && !field->is_hidden &&
                     scope_sees_field(&call->identity.scope, field);
    if (!is_secret)
        task_fault(task, S("field"), S("unknown"), "%.*s is no secret field of %.*s",
                   FMT(utf8_first(given.text, 64)), FMT(call->entity->name));
    *field_out = field;
    return task_faults(task);
}

enum err reveal(struct call *call)
{
    struct view view = call_view(call);
    const struct field *field;
    struct record record;
    struct value stored;
    TRY(record_get(&view, call->entity, call->record, &record));
    TRY(field_read(call, &field));
    str plain = {};
    if (value_find(record.value, field->number, &stored)) {
        struct value value = sealed_plain(&view, field, call->record, &stored);
        if (value.kind != VALUE_TEXT)
            return fail(call->task, ERR_CORRUPT, "%.*s cannot be opened", FMT(field->name));
        plain = value.bytes;
    }
    struct audit_event event = audit_of(&call->identity, AUDIT_REVEALED, call->address);
    event.entity = call->entity->number;
    event.record = call->record;
    event.words = field->name;
    audit_put(call->txn, &event);
    struct buf json = reply_buf(call);
    struct value value = value_of(plain);
    buf_put(&json, S("{\"value\":"));
    if (plain.len == 0) buf_put(&json, S("null"));
    else json_write(&json, &value);
    buf_put_byte(&json, '}');
    return reply_json(call, 200, &json);
}
