#include "access/access.h"

#include <arpa/inet.h>
#include <pthread.h>

#include "access/throttle.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/require.h"

/* Who mistypes waits for nothing; who goes on guessing gets two tries a minute at one account.
 * The account's own bucket is wide, so that a stranger cannot keep its owner out from elsewhere. */
constexpr uint32_t PAIR_TRIES_MAX = 10;
constexpr int64_t PAIR_TRY_MS = 30'000;
constexpr uint32_t ACCOUNT_TRIES_MAX = 200;
constexpr int64_t ACCOUNT_TRY_MS = 10'000;
constexpr uint32_t ADDRESS_TRIES_MAX = 100;
constexpr int64_t ADDRESS_TRY_MS = 3'000;

enum bucket_place : uint8_t { BUCKET_PAIR, BUCKET_ACCOUNT, BUCKET_ADDRESS, BUCKET_COUNT };

struct sign_in {
    pthread_t thread;
    pthread_mutex_t lock; /** guards all below; held for a few instructions */
    pthread_cond_t has_job;
    struct sign_in_job *first, *last;
    uint32_t waiting;
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

static str lower_of(str text, char *out, size_t room)
{
    size_t len = text.len < room ? text.len : room;
    for (size_t at = 0; at < len; at++) {
        char byte = text.at[at];
        out[at] = byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
    }
    return (str){out, len};
}

static void buckets_of(const struct sign_in *sign_in, const struct sign_in_job *job,
                       struct throttle_bucket buckets_out[BUCKET_COUNT])
{
    char email_bytes[256], network_bytes[16];
    str email = lower_of(str_trim(job->email), email_bytes, sizeof email_bytes);
    str network = network_of(job->address, network_bytes);
    uint64_t account = short_hash(&sign_in->key, id_bytes(&job->tenant), email);
    str account_bytes = {(const char *)&account, sizeof account};
    buckets_out[BUCKET_PAIR] = (struct throttle_bucket){
        short_hash(&sign_in->key, account_bytes, network), PAIR_TRIES_MAX, PAIR_TRY_MS};
    buckets_out[BUCKET_ACCOUNT] =
        (struct throttle_bucket){account, ACCOUNT_TRIES_MAX, ACCOUNT_TRY_MS};
    buckets_out[BUCKET_ADDRESS] = (struct throttle_bucket){
        short_hash(&sign_in->key, S("address"), network), ADDRESS_TRIES_MAX, ADDRESS_TRY_MS};
}

/** A right password forgets this address's tries at the account; what is no try costs nothing. */
static void settle(struct sign_in *sign_in, const struct throttle_bucket *buckets,
                   const struct sign_in_job *job, enum err err)
{
    if (err == ERR_UNAUTHENTICATED || job->is_wrong) return;
    int64_t now_ms = clock_now_ms();
    pthread_mutex_lock(&sign_in->lock);
    for (uint32_t at = 0; at < BUCKET_COUNT; at++)
        throttle_give_back(&sign_in->throttle, &buckets[at], now_ms);
    if (err == ERR_NONE) throttle_forget(&sign_in->throttle, buckets[BUCKET_PAIR].key);
    pthread_mutex_unlock(&sign_in->lock);
}

/** The oldest job; nullptr when closing. */
static struct sign_in_job *job_take(struct sign_in *sign_in)
{
    pthread_mutex_lock(&sign_in->lock);
    while (sign_in->first == nullptr && !sign_in->is_closing)
        pthread_cond_wait(&sign_in->has_job, &sign_in->lock);
    struct sign_in_job *job = sign_in->is_closing ? nullptr : sign_in->first;
    if (job != nullptr) {
        sign_in->first = job->next;
        if (sign_in->first == nullptr) sign_in->last = nullptr;
        sign_in->waiting--;
    }
    pthread_mutex_unlock(&sign_in->lock);
    return job;
}

static void *sign_in_thread(void *argument)
{
    struct sign_in *sign_in = argument;
    struct sign_in_job *job;
    while ((job = job_take(sign_in)) != nullptr) {
        struct throttle_bucket buckets[BUCKET_COUNT];
        buckets_of(sign_in, job, buckets);
        enum err err = job->run(job);
        settle(sign_in, buckets, job, err);
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

static enum err queue_locked(struct sign_in *sign_in, struct sign_in_job *job, int64_t *wait_ms_out)
{
    *wait_ms_out = 0;
    if (sign_in->is_closing || sign_in->waiting >= PASSWORD_QUEUE_MAX) return ERR_FULL;
    struct throttle_bucket buckets[BUCKET_COUNT];
    buckets_of(sign_in, job, buckets);
    if (!throttle_take(&sign_in->throttle, buckets, BUCKET_COUNT, clock_now_ms(), wait_ms_out))
        return ERR_LIMITED;
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
    require(job->run != nullptr && job->done != nullptr);
    pthread_mutex_lock(&sign_in->lock);
    enum err err = queue_locked(sign_in, job, wait_ms_out);
    pthread_mutex_unlock(&sign_in->lock);
    return err;
}
