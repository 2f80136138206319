#include "api/audit.h"

#include "access/audit.h"
#include "access/user.h"
#include "api/parameters.h"
#include "api/reply.h"
#include "api/routes.h"
#include "value/json.h"

constexpr uint32_t AUDIT_EVENTS_DEFAULT = 50;

/* Noting. */

static void note(const struct call *call, enum audit_kind kind, str words)
{
    struct audit_event event = audit_of(&call->identity, kind, call->address);
    event.entity = call->entity != nullptr ? call->entity->number : AUDIT_ENTITY;
    event.record = call->record;
    event.words = words;
    audit_submit(call->access, &call->tenant.space, call->task->request_id, &event);
}

void audit_note_refusal(const struct call *call)
{
    if (call->identity.credential == CREDENTIAL_NONE || call->route == nullptr) return;
    note(call, AUDIT_REFUSED, call->route->pattern);
}

void audit_note_quota(const struct call *call, const struct quota_fault *quota)
{
    if (call->tenant.space.number == 0) return;
    /* Whoever it is: it is the firm's, and so one event. */
    struct audit_event event = {.kind = AUDIT_QUOTA_REACHED,
                                .actor_kind = AUDIT_SYSTEM,
                                .words = arena_print(call->task->arena, "%.*s, of at most %lld",
                                                     FMT(quota->name), (long long)quota->bound)};
    audit_submit(call->access, &call->tenant.space, call->task->request_id, &event);
}

void audit_note_export(const struct call *call, str words)
{
    note(call, AUDIT_EXPORTED, words);
}

/* Listing. */

static enum err kind_refuse(struct call *call)
{
    struct buf words = buf_make(call->task->arena, 1 * KIB);
    for (uint32_t kind = 1; kind <= AUDIT_KIND_MAX; kind++) {
        str word = audit_kind_word((enum audit_kind)kind);
        if (word.len > 0) buf_print(&words, "%s%.*s", kind > 1 ? ", " : "", FMT(word));
    }
    return fail_parameter(call->task, S("kind"), S("choice"), "is one of %.*s",
                          FMT(buf_str(&words)));
}

static enum err parameter_take(struct call *call, const struct parameter *parameter,
                               struct audit_wanted *wanted)
{
    str value = parameter->value;
    if (str_eq(parameter->name, S("kind"))) {
        enum audit_kind kind;
        if (!audit_kind_parse(value, &kind)) return kind_refuse(call);
        wanted->kinds |= 1u << kind;
        return ERR_NONE;
    }
    if (str_eq(parameter->name, S("actor"))) {
        wanted->has_actor = true;
        if (id_parse(value, &wanted->actor)) return ERR_NONE;
        return fail_parameter(call->task, S("actor"), S("format"), "must be an id");
    }
    if (str_eq(parameter->name, S("after"))) return sequence_read(call, value, &wanted->before);
    if (str_eq(parameter->name, S("limit")))
        return limit_read(call, value, AUDIT_EVENTS_PER_PAGE, &wanted->limit);
    return unknown_parameter(call, parameter->name, "kind, actor, after, limit");
}

static enum err wanted_read(struct call *call, struct audit_wanted *wanted)
{
    *wanted = (struct audit_wanted){.before = UINT64_MAX, .limit = AUDIT_EVENTS_DEFAULT};
    struct cursor query = cursor_of(call->query);
    struct parameter parameter = {.repeats = S("kind")};
    enum err err;
    while (parameter_next(call, &query, &parameter, &err))
        parameter_judge(&parameter, parameter_take(call, &parameter, wanted));
    return err;
}

/** What a contact is called today, if the caller may see it. */
static enum err contact_name(struct call *call, struct id id, str *name_out)
{
    const struct entity *contacts = model_contact(call->tenant.model);
    struct view view = call_view(call);
    struct record record;
    if (contacts == nullptr || contacts->title == nullptr) return ERR_MISSING;
    enum err err = record_get(&view, contacts, id, &record);
    if (err == ERR_MISSING) task_fault_clear(call->task);
    TRY(err);
    bool is_seen = scope_sees_field(view.scope, contacts->title);
    *name_out = is_seen ? value_text_at(record.value, contacts->title->number) : S("");
    return ERR_NONE;
}

/** What a user or contact is called today; null for one that is gone, and for who is neither. */
static enum err actor_name_write(struct buf *json, struct call *call,
                                 const struct audit_event *event)
{
    struct user_row user = {};
    bool is_contact = event->actor_kind == AUDIT_CONTACT;
    enum err err = id_is_nil(event->actor) ? ERR_MISSING
                   : is_contact            ? contact_name(call, event->actor, &user.name)
                                           : user_read(call->txn, event->actor, &user);
    if (err != ERR_NONE && err != ERR_MISSING) return err;
    json_member_text(json, "actor_name", err == ERR_NONE ? user.name : S(""));
    return ERR_NONE;
}

static enum err entry_write(struct buf *json, struct call *call, const struct audit_entry *entry)
{
    const struct audit_event *event = &entry->event;
    const struct entity *entity = event->entity == AUDIT_ENTITY
                                      ? nullptr
                                      : model_entity_by_number(call->tenant.model, event->entity);
    buf_print(json, "{\"sequence\":%llu", (unsigned long long)entry->sequence);
    json_member_time(json, "at", entry->at_ms);
    json_member_text(json, "kind", audit_kind_word(event->kind));
    json_member_text(json, "actor_kind", audit_actor_word(event->actor_kind));
    json_member_id(json, "actor", event->actor);
    TRY(actor_name_write(json, call, event));
    json_member_text(json, "entity", entity != nullptr ? entity->name : S(""));
    json_member_id(json, "id", event->record);
    json_member_text(json, "address", event->address);
    json_member_text(json, "words", event->words);
    json_member_id(json, "cause", entry->cause);
    buf_print(json, ",\"count\":%u,\"erased\":%s}", event->count > 1 ? event->count : 1,
              entry->is_erased ? "true" : "false");
    return ERR_NONE;
}

enum err audit_list(struct call *call)
{
    struct audit_wanted wanted;
    TRY(wanted_read(call, &wanted));
    struct buf json = reply_buf(call);
    uint64_t next = 0;
    buf_put(&json, S("{\"data\":["));
    for (uint32_t count = 0; count <= wanted.limit; count++) {
        struct audit_entry entry;
        uint64_t before = wanted.before;
        enum err err = audit_next(call->txn, &wanted, &entry);
        if (err == ERR_MISSING) break;
        TRY(err);
        if (count == wanted.limit) {
            next = before;
            break;
        }
        if (count > 0) buf_put_byte(&json, ',');
        TRY(entry_write(&json, call, &entry));
    }
    if (next == 0) buf_put(&json, S("],\"next\":null}"));
    else buf_print(&json, "],\"next\":%llu}", (unsigned long long)next);
    reply_keys_touched(call);
    return reply_json(call, 200, &json);
}
