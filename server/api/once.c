#include "api/once.h"

#include <pthread.h>

#include "api/reply.h"
#include "api/routes.h"
#include "base/require.h"
#include "work/answers.h"

constexpr uint32_t BUCKETS = 256;

static const str replayed = {"idempotency-replayed", 20};
static_assert(REPLY_HEADERS_MAX <= ANSWER_HEADERS_MAX);

struct once {
    pthread_mutex_t lock; /** guards the buckets and what is linked in them */
    struct once_mark *buckets[BUCKETS];
};

struct once *once_make(struct arena *arena)
{
    struct once *once = arena_new(arena, struct once, 1);
    require(pthread_mutex_init(&once->lock, nullptr) == 0);
    return once;
}

enum err once_judge(struct call *call)
{
    str key = call->idempotency_key;
    if (call->route->repeat == REPEAT_ANEW) call->idempotency_key = (str){};
    bool is_key = key.len > 0 && key.len <= IDEMPOTENCY_KEY_BYTES_MAX;
    for (size_t at = 0; at < key.len; at++)
        is_key = is_key && key.at[at] >= ' ' && key.at[at] <= '~';
    if (is_key) return ERR_NONE;
    return fail(call->task, ERR_UNREADABLE,
                "Idempotency-Key: must be 1 to %zu printable ASCII characters",
                IDEMPOTENCY_KEY_BYTES_MAX);
}

/* Being done. */

static struct once_mark **mark_link(struct once *once, const struct once_mark *mark)
{
    struct once_mark **link = &once->buckets[mark->key.bytes[0] % BUCKETS];
    while (*link != nullptr && memcmp((*link)->key.bytes, mark->key.bytes, HASH_BYTES) != 0)
        link = &(*link)->next;
    return link;
}

enum err once_enter(struct call *call)
{
    struct once_mark *mark = &call->once_mark;
    if (call->idempotency_key.len == 0) return ERR_NONE;
    const struct route *route = call->route;
    str entity = call->entity == nullptr ? S("") : call->entity->name;
    str key[] = {id_bytes(&call->tenant.space.uuid),
                 id_bytes(&call->identity.user),
                 id_bytes(&call->identity.scope.actor),
                 call->method,
                 route->pattern,
                 entity,
                 id_bytes(&call->record),
                 call->idempotency_key};
    /* Under other rights the kept answer may show what is not to be seen: it is another request. */
    const struct scope *scope = &call->identity.scope;
    const uint16_t groups[] = {scope->groups_seen, scope->groups_edited};
    const uint8_t kinds[] = {scope->actor_kind, scope->rows, scope->is_own_alone};
    str asked[] = {call->query,
                   call->content_type,
                   call->if_match,
                   call->body,
                   {(const char *)groups, sizeof groups},
                   {(const char *)kinds, sizeof kinds},
                   {(const char *)scope->actions, sizeof scope->actions},
                   id_bytes(&scope->client)};
    mark->key = hash_of(nullptr, key, sizeof key / sizeof key[0]);
    mark->asked = hash_of(nullptr, asked, sizeof asked / sizeof asked[0]);
    struct once *once = call->once;
    pthread_mutex_lock(&once->lock);
    struct once_mark **link = mark_link(once, mark);
    bool is_first = *link == nullptr;
    if (is_first) {
        mark->next = nullptr;
        *link = mark;
        mark->is_entered = true;
    }
    pthread_mutex_unlock(&once->lock);
    if (is_first) return ERR_NONE;
    return fail(call->task, ERR_CONFLICT,
                "a request with this Idempotency-Key is being done just now; ask again");
}

void once_leave(struct call *call)
{
    struct once_mark *mark = &call->once_mark;
    if (!mark->is_entered) return;
    struct once *once = call->once;
    pthread_mutex_lock(&once->lock);
    struct once_mark **link = mark_link(once, mark);
    require(*link == mark);
    *link = mark->next;
    mark->is_entered = false;
    pthread_mutex_unlock(&once->lock);
}

/* Done. */

enum err once_find(struct call *call, bool *is_known_out)
{
    *is_known_out = false;
    if (!call->once_mark.is_entered) return ERR_NONE;
    struct answer answer;
    enum err err =
        answer_find(call->task, call->txn, &call->once_mark.key, &call->once_mark.asked, &answer);
    if (err == ERR_MISSING) return ERR_NONE;
    TRY(err);
    if (call->route->repeat == REPEAT_REFUSED)
        return fail(call->task, ERR_CONFLICT,
                    "what this Idempotency-Key asked for is done, and the secret of it was told "
                    "then, once; where that was lost, end what was made and ask with another key");
    *is_known_out = true;
    call->reply.status = answer.status;
    call->reply.content_type = answer.content_type;
    call->reply.body = answer.body;
    for (uint32_t at = 0; at < answer.header_count; at++)
        reply_header(call, answer.headers[at].name, answer.headers[at].value);
    reply_header(call, replayed, S("true"));
    return ERR_NONE;
}

enum err once_keep(struct call *call)
{
    struct once_mark *mark = &call->once_mark;
    const struct reply *reply = &call->reply;
    if (!mark->is_entered || mark->is_kept) return ERR_NONE;
    struct answer answer = {.status = reply->status};
    if (call->route->repeat == REPEAT_SAME) {
        answer.content_type = reply->content_type;
        answer.body = reply->body;
        answer.header_count = reply->header_count;
    }
    for (uint32_t at = 0; at < answer.header_count; at++)
        answer.headers[at] =
            (struct answer_header){reply->headers[at].name, reply->headers[at].value};
    TRY(answer_keep(call->task, call->txn, &mark->key, &mark->asked, &answer));
    mark->is_kept = true;
    return ERR_NONE;
}

struct keeping {
    struct work work;
    struct call *call;
};

static enum err keep_in_lane(struct work *work, struct txn *txn)
{
    struct keeping *self = (struct keeping *)work;
    txn_set_task(txn, self->call->task);
    self->call->txn = txn;
    return once_keep(self->call);
}

enum err once_keep_alone(struct call *call)
{
    if (!call->once_mark.is_entered || call->once_mark.is_kept) return ERR_NONE;
    struct keeping self = {
        .work = {.run = keep_in_lane, .arena = call->task->arena},
        .call = call,
    };
    enum err err = store_write(call->access->store, &call->tenant.space, &self.work);
    call->txn = nullptr;
    return err;
}
