#include "api/patient.h"

#include <pthread.h>

#include "base/arena.h"
#include "base/require.h"

struct patient {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_closing;
    uint32_t waiting;
    struct patient_call *first;
    uint32_t thread_count;
    pthread_t threads[PATIENT_THREADS];
    uint32_t running[PATIENT_THREADS]; /** of which tenant, 0: none; in no order */
};

static uint32_t *place_of(struct patient *patient, uint32_t tenant)
{
    for (uint32_t at = 0; at < PATIENT_THREADS; at++)
        if (patient->running[at] == tenant) return &patient->running[at];
    return nullptr;
}

/** The oldest whose tenant has none running. Under the lock. */
static struct patient_call *take(struct patient *patient)
{
    for (struct patient_call **at = &patient->first; *at != nullptr; at = &(*at)->next) {
        struct patient_call *call = *at;
        if (place_of(patient, call->tenant) != nullptr) continue;
        *place_of(patient, 0) = call->tenant;
        *at = call->next;
        patient->waiting--;
        return call;
    }
    return nullptr;
}

static void *serve(void *argument)
{
    struct patient *patient = argument;
    pthread_mutex_lock(&patient->lock);
    while (!patient->is_closing) {
        struct patient_call *call = take(patient);
        if (call == nullptr) {
            pthread_cond_wait(&patient->changed, &patient->lock);
            continue;
        }
        uint32_t tenant = call->tenant;
        pthread_mutex_unlock(&patient->lock);
        call->run(call, ERR_NONE);
        pthread_mutex_lock(&patient->lock);
        *place_of(patient, tenant) = 0;
        pthread_cond_broadcast(&patient->changed);
    }
    pthread_mutex_unlock(&patient->lock);
    return nullptr;
}

struct patient *patient_open(void)
{
    struct patient *patient = memory_take(sizeof *patient);
    require(pthread_mutex_init(&patient->lock, nullptr) == 0);
    require(pthread_cond_init(&patient->changed, nullptr) == 0);
    while (patient->thread_count < PATIENT_THREADS) {
        pthread_t *thread = &patient->threads[patient->thread_count];
        if (pthread_create(thread, nullptr, serve, patient) != 0) {
            patient_close(patient);
            return nullptr;
        }
        patient->thread_count++;
    }
    return patient;
}

void patient_close(struct patient *patient)
{
    pthread_mutex_lock(&patient->lock);
    patient->is_closing = true;
    pthread_cond_broadcast(&patient->changed);
    pthread_mutex_unlock(&patient->lock);
    for (uint32_t at = 0; at < patient->thread_count; at++)
        pthread_join(patient->threads[at], nullptr);
    while (patient->first != nullptr) {
        struct patient_call *call = patient->first;
        patient->first = call->next;
        call->run(call, ERR_FULL);
    }
    pthread_cond_destroy(&patient->changed);
    pthread_mutex_destroy(&patient->lock);
    memory_give(patient);
}

static enum err queue_locked(struct patient *patient, struct patient_call *call)
{
    uint32_t of_tenant = 0;
    struct patient_call **end = &patient->first;
    if (patient->is_closing || patient->waiting == PATIENT_WAITING_MAX) return ERR_FULL;
    for (; *end != nullptr; end = &(*end)->next) of_tenant += (*end)->tenant == call->tenant;
    if (of_tenant == PATIENT_OF_TENANT_WAITING_MAX) return ERR_LIMITED;
    call->next = nullptr;
    *end = call;
    patient->waiting++;
    pthread_cond_signal(&patient->changed);
    return ERR_NONE;
}

enum err patient_queue(struct patient *patient, struct patient_call *call)
{
    require(call->run != nullptr && call->tenant != 0);
    pthread_mutex_lock(&patient->lock);
    enum err err = queue_locked(patient, call);
    pthread_mutex_unlock(&patient->lock);
    return err;
}
