#include "test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "access/access.h"
#include "base/clock.h"

constexpr int64_t START_MS = 1'700'000'000'000;

struct
try {
    struct sign_in_job job;
    enum err verdict;
    enum err done_with;
    bool is_done;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static atomic_int begun;

static enum err try_run(struct sign_in_job *job)
{
    atomic_fetch_add(&begun, 1);
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    struct try *self = (struct try *)job;
    if (self->verdict == ERR_UNAUTHENTICATED) job->wrong = WRONG_PASSWORD;
    return self->verdict;
}

static void try_done(struct sign_in_job *job, enum err err)
{
    struct try *self = (struct try *)job;
    pthread_mutex_lock(&lock);
    self->done_with = err;
    self->is_done = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static struct try try_make(str email, str address, enum err verdict)
{
    return (struct try){
        .job = {.run = try_run, .done = try_done, .email = email, .address = address},
        .verdict = verdict,
    };
}

static void try_wait(struct try *self)
{
    pthread_mutex_lock(&lock);
    while (!self->is_done) pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

/** What became of one try: the queue's refusal or the verdict. */
static enum err tried(struct sign_in *sign_in, str email, str address, enum err verdict)
{
    struct try self = try_make(email, address, verdict);
    int64_t wait_ms;
    enum err err = sign_in_queue(sign_in, &self.job, &wait_ms);
    if (err != ERR_NONE) {
        check((err == ERR_LIMITED) == (wait_ms > 0));
        return err;
    }
    try_wait(&self);
    return self.done_with;
}

TEST(test_sign_in__limits_guessing_at_one_address_and_lets_the_owner_in_elsewhere)
{
    clock_set(START_MS);
    static const struct access access;
    struct sign_in *sign_in = sign_in_open(&access);
    int limited = 0;
    for (int at = 0; at < 1000; at++) {
        enum err err = tried(sign_in, S("ann@acme.example"), S("10.0.0.1"), ERR_UNAUTHENTICATED);
        check(err == ERR_UNAUTHENTICATED || err == ERR_LIMITED);
        limited += err == ERR_LIMITED;
    }
    check_int(limited, 990);
    check_int(tried(sign_in, S("ann@acme.example"), S("10.0.0.1"), ERR_NONE), ERR_LIMITED);
    check_int(tried(sign_in, S("bob@acme.example"), S("10.0.0.1"), ERR_NONE), ERR_NONE);
    check_int(tried(sign_in, S("ann@acme.example"), S("10.0.0.2"), ERR_NONE), ERR_NONE);
    clock_set(START_MS + 30'000);
    check_int(tried(sign_in, S("ann@acme.example"), S("10.0.0.1"), ERR_NONE), ERR_NONE);
    sign_in_close(sign_in);
}

TEST(test_sign_in__right_passwords_are_never_limited)
{
    clock_set(START_MS);
    static const struct access access;
    struct sign_in *sign_in = sign_in_open(&access);
    for (int at = 0; at < 500; at++)
        check_int(tried(sign_in, S("ann@acme.example"), S("10.0.0.1"), ERR_NONE), ERR_NONE);
    sign_in_close(sign_in);
}

TEST(test_sign_in__limits_one_address_over_many_accounts)
{
    clock_set(START_MS);
    static const struct access access;
    struct sign_in *sign_in = sign_in_open(&access);
    int limited = 0;
    for (int at = 0; at < 300; at++) {
        char email[32], address[64];
        snprintf(email, sizeof email, "user%d@acme.example", at);
        snprintf(address, sizeof address, "2001:db8:1:2::%x", at + 1);
        limited +=
            tried(sign_in, str_of(email), str_of(address), ERR_UNAUTHENTICATED) == ERR_LIMITED;
    }
    check_int(limited, 200);
    check_int(tried(sign_in, S("eve@acme.example"), S("2001:db8:1:3::1"), ERR_NONE), ERR_NONE);
    sign_in_close(sign_in);
}

TEST(test_sign_in__queue_is_bounded_and_what_waits_at_closing_is_answered)
{
    clock_set(START_MS);
    static const struct access access;
    struct sign_in *sign_in = sign_in_open(&access);
    struct try tries[PASSWORD_QUEUE_MAX + 8];
    char emails[PASSWORD_QUEUE_MAX + 8][16];
    bool is_taken[PASSWORD_QUEUE_MAX + 8];
    uint32_t taken = 0;
    int64_t wait_ms;
    pthread_mutex_lock(&gate);
    for (uint32_t at = 0; at < PASSWORD_QUEUE_MAX + 8; at++) {
        snprintf(emails[at], sizeof emails[at], "u%u@a.example", at);
        tries[at] = try_make(str_of(emails[at]), S("10.0.0.1"), ERR_NONE);
        is_taken[at] = sign_in_queue(sign_in, &tries[at].job, &wait_ms) == ERR_NONE;
        check_int(wait_ms, 0);
        taken += is_taken[at];
    }
    /* The thread may have one of them in hand, and may have taken it between any two calls. */
    check(taken >= PASSWORD_QUEUE_MAX && taken <= PASSWORD_QUEUE_MAX + 1);
    pthread_mutex_unlock(&gate);
    sign_in_close(sign_in);
    for (uint32_t at = 0; at < PASSWORD_QUEUE_MAX + 8; at++) {
        check(tries[at].is_done == is_taken[at]);
        enum err done_with = tries[at].done_with;
        check(!is_taken[at] || done_with == ERR_NONE || done_with == ERR_FULL);
    }
}

TEST(test_sign_in__a_crowd_at_one_firm_makes_room_for_another_and_is_served_by_turns)
{
    clock_set(START_MS);
    static const struct access access;
    struct sign_in *sign_in = sign_in_open(&access);
    static struct try crowd[PASSWORD_QUEUE_MAX + 2];
    static char emails[PASSWORD_QUEUE_MAX + 2][32];
    struct try guest = try_make(S("ann@other.example"), S("10.0.1.1"), ERR_NONE);
    int64_t wait_ms;
    guest.job.tenant.bytes[0] = 7;
    pthread_mutex_lock(&gate);
    int begun_before = atomic_load(&begun);
    uint32_t taken = 0;
    for (; taken < sizeof crowd / sizeof crowd[0]; taken++) {
        snprintf(emails[taken], sizeof emails[taken], "user%u@acme.example", taken);
        crowd[taken] = try_make(str_of(emails[taken]), S("10.0.0.1"), ERR_NONE);
        if (sign_in_queue(sign_in, &crowd[taken].job, &wait_ms) == ERR_FULL) break;
        /* The first is with the thread; all others wait. */
        while (atomic_load(&begun) == begun_before)
            nanosleep(&(struct timespec){.tv_nsec = 1'000'000}, nullptr);
    }
    check_int(taken, PASSWORD_QUEUE_MAX + 1);
    check_int(sign_in_queue(sign_in, &guest.job, &wait_ms), ERR_NONE);
    uint32_t yielded = 0;
    pthread_mutex_lock(&lock);
    for (uint32_t at = 0; at < taken; at++) yielded += crowd[at].is_done;
    pthread_mutex_unlock(&lock);
    check_int(yielded, 1);
    check_int(crowd[taken - 1].done_with, ERR_FULL);
    pthread_mutex_unlock(&gate);
    try_wait(&guest);
    check_int(guest.done_with, ERR_NONE);
    for (uint32_t at = 0; at < taken; at++) try_wait(&crowd[at]);
    sign_in_close(sign_in);
}

TEST(test_sign_in__tries_of_others_keep_nobody_out_where_he_entered_before)
{
    clock_set(START_MS);
    static const struct access access;
    struct sign_in *sign_in = sign_in_open(&access);
    check_int(tried(sign_in, S("ann@acme.example"), S("10.0.0.1"), ERR_NONE), ERR_NONE);
    enum err err = ERR_NONE;
    for (int at = 0; at < 1000 && err != ERR_LIMITED; at++) {
        char address[32];
        snprintf(address, sizeof address, "10.1.%d.%d", at / 200, at % 200);
        err = tried(sign_in, S("ann@acme.example"), str_of(address), ERR_UNAUTHENTICATED);
    }
    check_int(err, ERR_LIMITED);
    check_int(tried(sign_in, S("ann@acme.example"), S("10.9.9.9"), ERR_NONE), ERR_LIMITED);
    check_int(tried(sign_in, S("ann@acme.example"), S("10.0.0.1"), ERR_NONE), ERR_NONE);
    clock_set(START_MS + 10'000);
    check_int(tried(sign_in, S("ann@acme.example"), S("10.9.9.9"), ERR_NONE), ERR_NONE);
    sign_in_close(sign_in);
}

TEST(test_sign_in__mails_that_are_asked_for_are_few)
{
    clock_set(START_MS);
    static const struct access access;
    struct sign_in *sign_in = sign_in_open(&access);
    struct id acme = {};
    int64_t wait_ms;
    int asked = 0;
    while (sign_in_ask(sign_in, acme, S("ann@acme.example"), S("10.0.0.1"), &wait_ms) == ERR_NONE)
        asked++;
    check_int(asked, 5);
    check(wait_ms > 0);
    check_int(sign_in_ask(sign_in, acme, S("bob@acme.example"), S("10.0.0.1"), &wait_ms), ERR_NONE);
    sign_in_close(sign_in);
}
