/** patient: threads for calls that wait for others: for a rule's runner, for what is being written.
 *
 *  The workers of http/ are few and for all; a call that may wait seconds, because a tenant's
 *  script computes or its lane is busy, waits here. A tenant has one of these threads at a time, so
 *  that its calls wait for each other and not for those of others.
 *
 *  Floor   api, inside.
 *  Thread  patient_queue: any. The calls run on threads of its own.
 *  Memory  a queued call belongs to this until `run` was called, exactly once.
 */
#pragma once

#include "base/err.h"

#include <stdint.h>

constexpr uint32_t PATIENT_THREADS = 4;
constexpr uint32_t PATIENT_WAITING_MAX = 256;          /** of all tenants; then ERR_FULL */
constexpr uint32_t PATIENT_OF_TENANT_WAITING_MAX = 16; /** of one; then ERR_LIMITED */

struct patient_call {
    struct patient_call *next;
    uint32_t tenant;
    void (*run)(struct patient_call *call, enum err err); /** not ERR_NONE: it is refused */
};

struct patient;
/** nullptr: no threads can be made. */
struct patient *patient_open(void);
/** Refuses what waits by ERR_FULL; returns when what runs is over. */
void patient_close(struct patient *patient);
/** ERR_FULL, ERR_LIMITED: it was not taken. */
enum err patient_queue(struct patient *patient, struct patient_call *call);
