#include "access/access.h"

#include <arpa/inet.h>
#include <pthread.h>

#include "access/throttle.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/priority.h"
#include "base/random.h"
#include "base/require.h"

/* Who mistypes waits for nothing; who goes on guessing gets two tries a minute at one account.
 * The buckets of an account and of a tenant are wide, so that a stranger cannot keep its people
 * out, and they do not count where that account was entered from before. */
enum bucket_place : uint8_t {
    BUCKET_PAIR, /** account and address */
    BUCKET_ACCOUNT,
    BUCKET_ADDRESS,
    BUCKET_TENANT,
    BUCKET_CODE, /** one-time codes of an account, behind its right password */
    BUCKET_COUNT,
};

static const struct {
    const char *name;
    uint32_t tries_max;
    int64_t try_ms;
} widths[BUCKET_COUNT] = {
    [BUCKET_PAIR] = {"pair", 10, 30'000},       [BUCKET_ACCOUNT] = {"account", 200, 10'000},
    [BUCKET_ADDRESS] = {"address", 100, 3'000}, [BUCKET_TENANT] = {"tenant", 600, 100},
    [BUCKET_CODE] = {"code", 10, 60'000},
};
/* Of mails that somebody asks for. */
constexpr uint32_t ASKS_MAX = 5;
constexpr int64_t ASK_MS = 300'000;
constexpr uint32_t ASKS_OF_ADDRESS_MAX = 30;
constexpr int64_t ASK_OF_ADDRESS_MS = 30'000;
constexpr uint32_t ASKS_OF_TENANT_MAX = 200;
constexpr int64_t ASK_OF_TENANT_MS = 5'000;
constexpr int64_t KNOWN_MS = 30 * DAY_MS; /** an address from which somebody entered */

struct sign_in {
    pthread_t thread;
    pthread_mutex_t lock; /** guards all below; held for a few instructions */
    pthread_cond_t has_job;
    struct sign_in_job *first, *last;
    uint32_t waiting;
    struct id served; /** tenant of the job taken last */
    bool is_closing;
    struct short_key key; /** so that nobody can choose which slots his tries fall into */
    struct throttle throttle;
};

/** One subscriber has at least a whole /64 of IPv6, so that is what counts as an address. */
static str network_of(str address, char out[16])
{
    char text[INET6_ADDRSTRLEN];
    if (address.len >= sizeof text) return address;
    memcpy(text, address.at, address.len);
    text[address.len] = 0;
    if (inet_pton(AF_INET6, text, out) != 1) return address;
    static const char mapped[12] = {[10] = '\xff', [11] = '\xff'};
    return memcmp(out, mapped, sizeof mapped) == 0 ? (str){out, 16} : (str){out, 8};
}

/** What a try is counted under. */
struct tried {
    struct id tenant;
    str email; /** folded */
    str address;
};

static uint64_t key_of(const struct sign_in *sign_in, const struct tried *tried,
                       enum bucket_place place)
{
    char network_bytes[16];
    str network = network_of(tried->address, network_bytes);
    uint64_t account = short_hash(&sign_in->key, id_bytes(&tried->tenant), tried->email);
    str account_bytes = {(const char *)&account, sizeof account};
    switch (place) {
    case BUCKET_PAIR:
        return short_hash(&sign_in->key, account_bytes, network);
    case BUCKET_ADDRESS:
        return short_hash(&sign_in->key, S("address"), network);
    case BUCKET_TENANT:
        return short_hash(&sign_in->key, S("tenant"), id_bytes(&tried->tenant));
    case BUCKET_ACCOUNT:
    case BUCKET_CODE:
    case BUCKET_COUNT:
        break;
    }
    return short_hash(&sign_in->key, str_of(widths[place].name), account_bytes);
}

static uint64_t known_key(const struct sign_in *sign_in, const struct tried *tried)
{
    uint64_t pair = key_of(sign_in, tried, BUCKET_PAIR);
    return short_hash(&sign_in->key, S("known"), (str){(const char *)&pair, sizeof pair});
}

static struct tried tried_of(const struct sign_in_job *job)
{
    return (struct tried){job->tenant, job->email, job->address};
}

static struct throttle_bucket bucket_of(const struct sign_in *sign_in, const struct tried *tried,
                                        enum bucket_place place)
{
    return (struct throttle_bucket){key_of(sign_in, tried, place), widths[place].tries_max,
                                    widths[place].try_ms};
}

/** Which buckets a job's try goes into. */
static uint8_t buckets_meant(struct sign_in *sign_in, const struct sign_in_job *job, int64_t now_ms)
{
    const struct tried tried = tried_of(job);
    uint8_t meant = 1u << BUCKET_PAIR | 1u << BUCKET_ADDRESS;
    if (!throttle_is_marked(&sign_in->throttle, known_key(sign_in, &tried), now_ms))
        meant |= 1u << BUCKET_ACCOUNT | 1u << BUCKET_TENANT;
    if (job->has_code) meant |= 1u << BUCKET_CODE;
    return meant;
}

/** A right password forgets this address's tries at the account; what is no try costs nothing. */
static void settle(struct sign_in *sign_in, const struct sign_in_job *job, enum err err)
{
    const struct tried tried = tried_of(job);
    int64_t now_ms = clock_now_ms();
    pthread_mutex_lock(&sign_in->lock);
    for (uint8_t place = 0; place < BUCKET_COUNT; place++) {
        bool is_taken = (job->taken >> place & 1) != 0;
        bool is_wrong =
            job->wrong == WRONG_CODE || (job->wrong == WRONG_PASSWORD && place != BUCKET_CODE);
        if (!is_taken || is_wrong) continue;
        struct throttle_bucket bucket = bucket_of(sign_in, &tried, (enum bucket_place)place);
        throttle_give_back(&sign_in->throttle, &bucket, now_ms);
    }
    if (err == ERR_NONE && job->wrong == WRONG_NOTHING) {
        throttle_forget(&sign_in->throttle, key_of(sign_in, &tried, BUCKET_PAIR));
        throttle_mark(&sign_in->throttle, known_key(sign_in, &tried), now_ms + KNOWN_MS);
    }
    pthread_mutex_unlock(&sign_in->lock);
}

/* The queue: everything here is called under sign_in->lock. */

static void job_remove(struct sign_in *sign_in, struct sign_in_job *job)
{
    struct sign_in_job *before = nullptr, *at = sign_in->first;
    for (; at != job; at = at->next) before = at;
    if (before == nullptr) sign_in->first = job->next;
    else before->next = job->next;
    if (sign_in->last == job) sign_in->last = before;
    sign_in->waiting--;
}

/** By turns: of the tenants that wait, the one behind the one that was served last. Of it, the
 *  oldest. */
static struct sign_in_job *job_next(const struct sign_in *sign_in)
{
    struct sign_in_job *behind = nullptr, *least = nullptr;
    for (struct sign_in_job *job = sign_in->first; job != nullptr; job = job->next) {
        bool is_behind = memcmp(&job->tenant, &sign_in->served, sizeof job->tenant) > 0;
        if (is_behind &&
            (behind == nullptr || memcmp(&job->tenant, &behind->tenant, sizeof job->tenant) < 0))
            behind = job;
        if (least == nullptr || memcmp(&job->tenant, &least->tenant, sizeof job->tenant) < 0)
            least = job;
    }
    return behind != nullptr ? behind : least;
}

static uint32_t jobs_of(const struct sign_in *sign_in, struct id tenant)
{
    uint32_t count = 0;
    for (const struct sign_in_job *job = sign_in->first; job != nullptr; job = job->next)
        count += id_eq(job->tenant, tenant);
    return count;
}

/** The newest job of the tenant that has the most; nullptr: `tenant` has as many itself. */
static struct sign_in_job *job_to_yield(const struct sign_in *sign_in, struct id tenant)
{
    uint32_t most = jobs_of(sign_in, tenant) + 1;
    struct sign_in_job *found = nullptr;
    for (struct sign_in_job *job = sign_in->first; job != nullptr; job = job->next) {
        uint32_t count = jobs_of(sign_in, job->tenant);
        bool is_same = found != nullptr && id_eq(job->tenant, found->tenant);
        if (count > most || (is_same && count == most)) {
            most = count;
            found = job;
        }
    }
    return found;
}

/** nullptr when closing. */
static struct sign_in_job *job_take(struct sign_in *sign_in)
{
    pthread_mutex_lock(&sign_in->lock);
    while (sign_in->first == nullptr && !sign_in->is_closing)
        pthread_cond_wait(&sign_in->has_job, &sign_in->lock);
    struct sign_in_job *job = sign_in->is_closing ? nullptr : job_next(sign_in);
    if (job != nullptr) {
        job_remove(sign_in, job);
        sign_in->served = job->tenant;
    }
    pthread_mutex_unlock(&sign_in->lock);
    return job;
}

static void *sign_in_thread(void *argument)
{
    struct sign_in *sign_in = argument;
    struct sign_in_job *job;
    /* A password takes some 20 ms of a core: the answers of all others come first. */
    priority_step_back(0);
    while ((job = job_take(sign_in)) != nullptr) {
        enum err err = job->run(job);
        settle(sign_in, job, err);
        job->done(job, err);
    }
    return nullptr;
}

struct sign_in *sign_in_open(const struct access *access)
{
    require(access != nullptr);
    struct sign_in *sign_in = memory_take(sizeof *sign_in);
    random_fill(sign_in->key.bytes, sizeof sign_in->key.bytes);
    require(pthread_mutex_init(&sign_in->lock, nullptr) == 0);
    require(pthread_cond_init(&sign_in->has_job, nullptr) == 0);
    if (pthread_create(&sign_in->thread, nullptr, sign_in_thread, sign_in) == 0) return sign_in;
    pthread_cond_destroy(&sign_in->has_job);
    pthread_mutex_destroy(&sign_in->lock);
    memory_give(sign_in);
    return nullptr;
}

void sign_in_close(struct sign_in *sign_in)
{
    pthread_mutex_lock(&sign_in->lock);
    sign_in->is_closing = true;
    pthread_cond_signal(&sign_in->has_job);
    pthread_mutex_unlock(&sign_in->lock);
    pthread_join(sign_in->thread, nullptr);
    while (sign_in->first != nullptr) {
        struct sign_in_job *job = sign_in->first;
        sign_in->first = job->next;
        job->done(job, ERR_FULL);
    }
    pthread_cond_destroy(&sign_in->has_job);
    pthread_mutex_destroy(&sign_in->lock);
    memory_give(sign_in);
}

/** What must make room goes to `yielded_out`. */
static enum err queue_locked(struct sign_in *sign_in, struct sign_in_job *job,
                             struct sign_in_job **yielded_out, int64_t *wait_ms_out)
{
    struct throttle_bucket buckets[BUCKET_COUNT];
    const struct tried tried = tried_of(job);
    int64_t now_ms = clock_now_ms();
    uint32_t count = 0;
    if (sign_in->is_closing) return ERR_FULL;
    if (sign_in->waiting >= PASSWORD_QUEUE_MAX) {
        *yielded_out = job_to_yield(sign_in, job->tenant);
        if (*yielded_out == nullptr) return ERR_FULL;
    }
    job->wrong = WRONG_NOTHING;
    job->taken = buckets_meant(sign_in, job, now_ms);
    for (uint8_t place = 0; place < BUCKET_COUNT; place++)
        if ((job->taken >> place & 1) != 0)
            buckets[count++] = bucket_of(sign_in, &tried, (enum bucket_place)place);
    if (!throttle_take(&sign_in->throttle, buckets, count, now_ms, wait_ms_out)) {
        *yielded_out = nullptr;
        return ERR_LIMITED;
    }
    if (*yielded_out != nullptr) job_remove(sign_in, *yielded_out);
    job->next = nullptr;
    if (sign_in->last == nullptr) sign_in->first = job;
    else sign_in->last->next = job;
    sign_in->last = job;
    sign_in->waiting++;
    pthread_cond_signal(&sign_in->has_job);
    return ERR_NONE;
}

enum err sign_in_queue(struct sign_in *sign_in, struct sign_in_job *job, int64_t *wait_ms_out)
{
    struct sign_in_job *yielded = nullptr;
    require(job->run != nullptr && job->done != nullptr);
    *wait_ms_out = 0;
    pthread_mutex_lock(&sign_in->lock);
    enum err err = queue_locked(sign_in, job, &yielded, wait_ms_out);
    pthread_mutex_unlock(&sign_in->lock);
    if (yielded == nullptr) return err;
    settle(sign_in, yielded, ERR_FULL);
    yielded->done(yielded, ERR_FULL);
    return err;
}

enum err sign_in_ask(struct sign_in *sign_in, struct id tenant, str email, str address,
                     int64_t *wait_ms_out)
{
    const struct tried tried = {tenant, email, address};
    str asks[] = {S("ask account"), S("ask address"), S("ask tenant")};
    const enum bucket_place places[] = {BUCKET_ACCOUNT, BUCKET_ADDRESS, BUCKET_TENANT};
    struct throttle_bucket buckets[] = {
        {.tries_max = ASKS_MAX, .try_ms = ASK_MS},
        {.tries_max = ASKS_OF_ADDRESS_MAX, .try_ms = ASK_OF_ADDRESS_MS},
        {.tries_max = ASKS_OF_TENANT_MAX, .try_ms = ASK_OF_TENANT_MS},
    };
    for (size_t at = 0; at < sizeof places / sizeof places[0]; at++) {
        uint64_t key = key_of(sign_in, &tried, places[at]);
        buckets[at].key =
            short_hash(&sign_in->key, asks[at], (str){(const char *)&key, sizeof key});
    }
    pthread_mutex_lock(&sign_in->lock);
    bool is_taken = throttle_take(&sign_in->throttle, buckets, sizeof buckets / sizeof buckets[0],
                                  clock_now_ms(), wait_ms_out);
    pthread_mutex_unlock(&sign_in->lock);
    return is_taken ? ERR_NONE : ERR_LIMITED;
}
