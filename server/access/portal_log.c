#include "access/portal_log.h"

#include <pthread.h>

#include "access/audit.h"
#include "access/throttle.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/limits.h"
#include "base/random.h"
#include "base/require.h"

constexpr int64_t VIEW_NOTED_EVERY_MS = HOUR_MS;

struct portal_log {
    pthread_mutex_t lock;
    struct short_key key;
    struct throttle noted; /** a bucket that holds one note, and is empty after an hour */
};

struct portal_log *portal_log_make(void)
{
    struct portal_log *log = memory_take(sizeof *log);
    require(pthread_mutex_init(&log->lock, nullptr) == 0);
    random_fill(&log->key, sizeof log->key);
    return log;
}

void portal_log_drop(struct portal_log *log)
{
    require(pthread_mutex_destroy(&log->lock) == 0);
    memory_give(log);
}

static bool is_first(struct portal_log *log, const struct portal_view *view)
{
    char what[2 * sizeof(struct id) + sizeof view->entity];
    memcpy(what, view->identity->user.bytes, sizeof(struct id));
    memcpy(what + sizeof(struct id), view->record.bytes, sizeof(struct id));
    memcpy(what + 2 * sizeof(struct id), &view->entity, sizeof view->entity);
    const struct throttle_bucket bucket = {
        .key = short_hash(&log->key, id_bytes(&view->space->uuid), (str){what, sizeof what}),
        .tries_max = 1,
        .try_ms = VIEW_NOTED_EVERY_MS,
    };
    int64_t wait_ms;
    pthread_mutex_lock(&log->lock);
    bool is = throttle_take(&log->noted, &bucket, 1, clock_now_ms(), &wait_ms);
    pthread_mutex_unlock(&log->lock);
    return is;
}

void portal_log_view(struct portal_log *log, const struct access *access,
                     const struct portal_view *view)
{
    require(view->identity->door == DOOR_PORTAL);
    if (!id_is_nil(view->identity->viewer) || !is_first(log, view)) return;
    struct audit_event event = audit_of(view->identity, AUDIT_PORTAL_VIEW, view->address);
    event.entity = view->entity;
    event.record = view->record;
    audit_submit(access, view->space, view->cause, &event);
}
