#include "access/door.h"

#include "access/link.h"
#include "access/portal.h"
#include "access/session.h"
#include "access/token.h"
#include "access/user.h"
#include "base/fold.h"
#include "base/require.h"
#include "model/kind.h"
#include "record/draft.h"
#include "record/query.h"
#include "value/value.h"

/** One row for each door. */
struct door_accounts {
    uint16_t entity;
    /** Fills what is true of a subject whose account may enter; the rest is filled already. */
    enum err (*identify)(struct txn *txn, const struct access *access, struct id id,
                         struct identity *identity_out);
};

static const struct door_accounts doors[] = {
    [DOOR_STAFF] = {.entity = USER_ENTITY, .identify = user_identify},
    [DOOR_PORTAL] = {.entity = PORTAL_ACCOUNT_ENTITY, .identify = portal_identify},
};

static const struct door_accounts *door_of(enum door door)
{
    require((size_t)door < sizeof doors / sizeof doors[0]);
    return &doors[door];
}

uint16_t door_entity(enum door door)
{
    return door_of(door)->entity;
}

static str text_at(const struct entity *entity, str record, str name)
{
    const struct field *field = entity_field(entity, name);
    return field == nullptr ? S("") : value_text_at(record, field->number);
}

static bool is_true_at(const struct entity *entity, str record, str name)
{
    const struct field *field = entity_field(entity, name);
    return field != nullptr && value_is_true_at(record, field->number);
}

static enum err account_of_model(struct txn *txn, const struct model *model, struct subject subject,
                                 struct account *account_out)
{
    str record;
    uint16_t number = door_of(subject.door)->entity;
    const struct entity *entity = model_entity_by_number(model, number);
    if (entity == nullptr) return ERR_MISSING;
    TRY(txn_record_get_view(txn, number, subject.id, &record));
    *account_out = (struct account){
        .subject = subject,
        .email = text_at(entity, record, S("email")),
        .role = text_at(entity, record, S("role")),
        .is_disabled = is_true_at(entity, record, S("disabled")) ||
                       str_eq(text_at(entity, record, S("state")), S("disabled")),
    };
    return ERR_NONE;
}

enum err account_read(struct txn *txn, const struct access *access, struct subject subject,
                      struct account *account_out)
{
    return account_of_model(txn, access->model, subject, account_out);
}

enum err account_read_now(struct task *task, const struct access *access, const struct space *space,
                          struct subject subject, struct account *account_out)
{
    struct txn *txn;
    TRY(txn_open(task, space, &txn));
    enum err err = account_read(txn, access, subject, account_out);
    if (err == ERR_NONE) {
        account_out->email = arena_copy(task->arena, account_out->email);
        account_out->role = arena_copy(task->arena, account_out->role);
    }
    txn_close(txn);
    return err;
}

/** The index folds more than case away (marks), and cuts long addresses: so the record decides. */
static bool is_same_address(struct arena *arena, str is, str asked)
{
    str one = utf8_lower(arena, utf8_compose(arena, is));
    str other = utf8_lower(arena, utf8_compose(arena, asked));
    return str_eq(one, other);
}

enum err account_find(struct task *task, struct txn *txn, const struct access *access,
                      enum door door, str email, struct account *account_out)
{
    constexpr uint32_t candidates_max = 16;
    email = str_trim(email);
    if (email.len == 0 || !utf8_is_valid(email)) return ERR_MISSING;
    const struct entity *entity = model_entity_by_number(access->model, door_of(door)->entity);
    if (entity == nullptr) return ERR_MISSING;
    const struct field *field = entity_field(entity, S("email"));
    require(field != nullptr && field->is_unique);
    str ordered;
    if (!field->kind_of->order_text(task, field, email, &ordered)) {
        task_fault_clear(task);
        return ERR_MISSING;
    }
    struct scope scope = scope_system();
    struct view view = {task, txn, access->model, &scope};
    struct id ids[candidates_max];
    uint32_t count = 0;
    TRY(query_find(&view, field, ordered, candidates_max, ids, &count));
    for (uint32_t at = 0; at < count; at++) {
        TRY(account_read(txn, access, (struct subject){door, ids[at]}, account_out));
        if (is_same_address(task->arena, account_out->email, email)) return ERR_NONE;
    }
    return ERR_MISSING;
}

enum err subject_identify(struct txn *txn, const struct access *access, struct subject subject,
                          struct identity *identity_out)
{
    struct account account;
    enum err err = account_read(txn, access, subject, &account);
    if (err == ERR_MISSING || (err == ERR_NONE && account.is_disabled)) return ERR_UNAUTHENTICATED;
    TRY(err);
    identity_out->door = subject.door;
    identity_out->user = subject.id;
    return door_of(subject.door)->identify(txn, access, subject.id, identity_out);
}

enum err doors_shut(struct change *change)
{
    for (uint32_t at = 0; at < change->touched_count; at++) {
        const struct touched *touched = &change->touched[at];
        struct subject subject = {.id = touched->id};
        struct account account;
        size_t door = 0;
        while (door < sizeof doors / sizeof doors[0] &&
               doors[door].entity != touched->entity->number)
            door++;
        if (door == sizeof doors / sizeof doors[0]) continue;
        subject.door = (enum door)door;
        enum err err = account_of_model(change->txn, change->model, subject, &account);
        if (err != ERR_NONE && err != ERR_MISSING) return err;
        if (err == ERR_NONE && !account.is_disabled) continue;
        TRY(sessions_end(change->txn, touched->id, (struct id){}));
        TRY(links_revoke(change->txn, touched->id));
        if (err == ERR_MISSING) TRY(tokens_forget(change->txn, touched->id));
    }
    return ERR_NONE;
}
