/* Calls that wait: a tenant has one thread at a time, and so many in line. */
#include "api/patient.h"

#include <stdatomic.h>
#include <time.h>

#include "test.h"

/** One call, and how it ended. */
struct waiter {
    struct patient_call call;
    _Atomic bool is_running, is_over;
    enum err err;
};

static _Atomic bool is_held[8];              /** by tenant: its calls do not end */
static _Atomic uint32_t running[8], most[8]; /** at once */

static void wait_a_little(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1'000'000}, nullptr);
}

static void run(struct patient_call *call, enum err err)
{
    struct waiter *waiter = (struct waiter *)call;
    uint32_t tenant = call->tenant;
    waiter->err = err;
    if (err == ERR_NONE) {
        uint32_t now = ++running[tenant];
        if (now > most[tenant]) most[tenant] = now;
        waiter->is_running = true;
        while (is_held[tenant]) wait_a_little();
        running[tenant]--;
    }
    waiter->is_over = true;
}

static enum err queue(struct patient *patient, struct waiter *waiter, uint32_t tenant)
{
    *waiter = (struct waiter){.call = {.tenant = tenant, .run = run}};
    return patient_queue(patient, &waiter->call);
}

static void wait_for(const _Atomic bool *flag)
{
    for (uint32_t at = 0; at < 30'000 && !*flag; at++) wait_a_little();
    check(*flag);
}

TEST(test_patient__a_tenant_waits_for_itself_alone)
{
    struct patient *patient = patient_open();
    struct waiter flood[10], quiet[3];
    is_held[1] = true;
    for (uint32_t at = 0; at < 10; at++) check_int(queue(patient, &flood[at], 1), ERR_NONE);
    wait_for(&flood[0].is_running);
    for (uint32_t at = 0; at < 3; at++) check_int(queue(patient, &quiet[at], 2 + at), ERR_NONE);
    for (uint32_t at = 0; at < 3; at++) wait_for(&quiet[at].is_over);
    check(!flood[0].is_over && !flood[1].is_running);
    is_held[1] = false;
    for (uint32_t at = 0; at < 10; at++) wait_for(&flood[at].is_over);
    check_int(most[1], 1);
    patient_close(patient);
}

TEST(test_patient__so_many_wait_and_no_more)
{
    struct patient *patient = patient_open();
    struct waiter waiters[PATIENT_OF_TENANT_WAITING_MAX + 2];
    is_held[5] = true;
    check_int(queue(patient, &waiters[0], 5), ERR_NONE);
    wait_for(&waiters[0].is_running);
    for (uint32_t at = 1; at <= PATIENT_OF_TENANT_WAITING_MAX; at++)
        check_int(queue(patient, &waiters[at], 5), ERR_NONE);
    struct waiter late;
    check_int(queue(patient, &late, 5), ERR_LIMITED);
    struct waiter other;
    check_int(queue(patient, &other, 6), ERR_NONE);
    wait_for(&other.is_over);
    check_int(other.err, ERR_NONE);
    is_held[5] = false;
    patient_close(patient);
    for (uint32_t at = 0; at <= PATIENT_OF_TENANT_WAITING_MAX; at++) {
        check(waiters[at].is_over);
        check(waiters[at].err == ERR_NONE || waiters[at].err == ERR_FULL);
    }
}
