#include "api/pace.h"

#include <pthread.h>

#include "base/arena.h"
#include "base/require.h"

constexpr uint32_t PACE_WAYS = 8;
constexpr uint32_t PACE_SETS = PACE_TENANTS_MAX / PACE_WAYS;
static_assert(PACE_TENANTS_MAX % PACE_WAYS == 0);
/* A bucket runs off by its bound in a minute, that is by `bound` shares in a millisecond. */
constexpr int64_t SHARES_A_REQUEST = 60'000;
constexpr int64_t FULL_MS = 60'000;

struct bucket {
    uint32_t tenant; /** 0: none */
    bool has_bound;
    int64_t bound; /** requests in a minute */
    int64_t bound_read_ms;
    int64_t level; /** shares, at `at_ms` */
    int64_t at_ms;
};

struct pace_set {
    pthread_mutex_t lock;
    struct bucket ways[PACE_WAYS];
};

struct pace {
    struct pace_set sets[PACE_SETS];
};

struct pace *pace_make(void)
{
    struct pace *pace = memory_take(sizeof *pace);
    for (uint32_t at = 0; at < PACE_SETS; at++) pthread_mutex_init(&pace->sets[at].lock, nullptr);
    return pace;
}

void pace_drop(struct pace *pace)
{
    for (uint32_t at = 0; at < PACE_SETS; at++) pthread_mutex_destroy(&pace->sets[at].lock);
    memory_give(pace);
}

/** Lets run off what has run off since. */
static void bucket_run(struct bucket *bucket, int64_t now_ms)
{
    int64_t passed_ms = now_ms - bucket->at_ms;
    bucket->at_ms = now_ms;
    if (passed_ms <= 0) return;
    if (passed_ms >= FULL_MS) bucket->level = 0;
    else bucket->level -= bucket->bound * passed_ms;
    if (bucket->level < 0) bucket->level = 0;
}

/** Under its set's lock. */
static struct bucket *bucket_of(struct pace_set *set, uint32_t tenant, int64_t now_ms)
{
    struct bucket *emptiest = nullptr;
    for (uint32_t at = 0; at < PACE_WAYS; at++) {
        struct bucket *bucket = &set->ways[at];
        if (bucket->tenant != 0) bucket_run(bucket, now_ms);
        if (bucket->tenant == tenant) return bucket;
        if (emptiest == nullptr || (emptiest->tenant != 0 && bucket->tenant == 0) ||
            (emptiest->tenant != 0 && bucket->level < emptiest->level))
            emptiest = bucket;
    }
    *emptiest = (struct bucket){.tenant = tenant, .at_ms = now_ms};
    return emptiest;
}

static struct pace_set *lock_set(struct pace *pace, uint32_t tenant)
{
    require(tenant != 0);
    struct pace_set *set = &pace->sets[tenant % PACE_SETS];
    pthread_mutex_lock(&set->lock);
    return set;
}

bool pace_has_bound(struct pace *pace, uint32_t tenant, int64_t now_ms)
{
    struct pace_set *set = lock_set(pace, tenant);
    const struct bucket *bucket = bucket_of(set, tenant, now_ms);
    int64_t age_ms = now_ms - bucket->bound_read_ms;
    bool has = bucket->has_bound && age_ms >= 0 && age_ms < PACE_BOUND_KEPT_MS;
    pthread_mutex_unlock(&set->lock);
    return has;
}

void pace_set_bound(struct pace *pace, uint32_t tenant, int64_t bound, int64_t now_ms)
{
    struct pace_set *set = lock_set(pace, tenant);
    struct bucket *bucket = bucket_of(set, tenant, now_ms);
    bucket->has_bound = true;
    bucket->bound = bound;
    bucket->bound_read_ms = now_ms;
    pthread_mutex_unlock(&set->lock);
}

static int64_t requests_of(int64_t level)
{
    return (level + SHARES_A_REQUEST - 1) / SHARES_A_REQUEST;
}

bool pace_take(struct pace *pace, uint32_t tenant, int64_t now_ms, struct pace_state *state_out)
{
    struct pace_set *set = lock_set(pace, tenant);
    struct bucket *bucket = bucket_of(set, tenant, now_ms);
    /* One that was forgotten meanwhile is taken without a bound, and gets it with the next. */
    int64_t over = bucket->level + SHARES_A_REQUEST - bucket->bound * SHARES_A_REQUEST;
    bool is_taken = !bucket->has_bound || over <= 0;
    *state_out = (struct pace_state){.bound = bucket->bound, .use = requests_of(bucket->level)};
    if (is_taken) bucket->level += SHARES_A_REQUEST;
    else state_out->wait_ms = bucket->bound == 0 ? FULL_MS : over / bucket->bound + 1;
    pthread_mutex_unlock(&set->lock);
    return is_taken;
}

int64_t pace_use(struct pace *pace, uint32_t tenant, int64_t now_ms)
{
    struct pace_set *set = lock_set(pace, tenant);
    int64_t use = requests_of(bucket_of(set, tenant, now_ms)->level);
    pthread_mutex_unlock(&set->lock);
    return use;
}
