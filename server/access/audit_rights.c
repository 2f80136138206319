#include "access/audit.h"
#include "access/user.h"
#include "record/draft.h"

/* Changes of the records that decide who may what. What they were and are stands in the log as with
 * any record; the event beside it is what an owner looks for. */

static const uint16_t deciding[] = {
    USER_ENTITY, 6, /* role */
    7,              /* team */
    19,             /* share */
    20,             /* portal account */
    21,             /* portal right */
};

static bool decides(const struct entity *entity)
{
    for (size_t at = 0; at < sizeof deciding / sizeof deciding[0]; at++)
        if (deciding[at] == entity->number) return true;
    return false;
}

/** What a person is called gives no right. */
static bool is_of_rights(const struct field *field)
{
    if (field->is_system) return false;
    return field->entity->number != USER_ENTITY || field->number != USER_NAME;
}

/** `update: role, disabled`; false when nothing that decides has changed. */
static bool words_write(struct buf *words, const struct touched *touched, str now)
{
    const struct entity *entity = touched->entity;
    str before_slots[FIELDS_MAX], now_slots[FIELDS_MAX];
    slots_read(entity, touched->before, before_slots);
    slots_read(entity, now, now_slots);
    buf_put(words, touched->before.len == 0 ? S("create")
                   : now.len == 0           ? S("delete")
                                            : S("update"));
    uint32_t count = 0;
    for (uint32_t at = 0; at < entity->field_count; at++) {
        const struct field *field = &entity->fields[at];
        if (!is_of_rights(field) || str_eq(before_slots[at], now_slots[at])) continue;
        buf_put(words, count++ == 0 ? S(": ") : S(", "));
        buf_put(words, field->name);
    }
    return count > 0 && (touched->before.len > 0 || now.len > 0);
}

enum err audit_rights(struct change *change)
{
    for (uint32_t at = 0; at < change->touched_count; at++) {
        const struct touched *touched = &change->touched[at];
        str now = {};
        bool is_by_engine = !touched->is_by_actor && !touched->is_going;
        if (!decides(touched->entity) || is_by_engine) continue;
        enum err err = txn_record_get_view(change->txn, touched->entity->number, touched->id, &now);
        if (err != ERR_NONE && err != ERR_MISSING) return err;
        struct buf words = buf_make(change->task->arena, 64 * KIB);
        if (!words_write(&words, touched, now)) continue;
        struct audit_event event = {
            .kind = AUDIT_RIGHTS_CHANGED,
            .actor_kind = change->scope->actor_kind == ACTOR_SYSTEM ? AUDIT_SYSTEM : AUDIT_USER,
            .actor = change->scope->actor,
            .entity = touched->entity->number,
            .record = touched->id,
            .words = buf_str(&words),
        };
        audit_put(change->txn, &event);
    }
    return ERR_NONE;
}
