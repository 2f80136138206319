/** call: one request on its way through api/: what was asked, who asks, what is answered.
 *
 *  A call begins on an event loop, in views of the request. Where it goes elsewhere (call_move),
 *  it is copied whole into the arena of an http_task, and no view remains.
 *
 *  Floor   api, inside.
 *  Thread  one at a time: loop, worker, hashing thread or lane.
 *  Memory  everything a call points to lives in task->arena or is a view that outlives its use.
 */
#pragma once

#include "access/access.h"
#include "api/accept.h"
#include "api/api.h"
#include "api/page.h"
#include "api/patient.h"
#include "api/rules_guide.h"
#include "base/crypto.h"
#include "http/http.h"
#include "record/record.h"

struct feed;
struct once;
struct route;
struct rules;

/** A request with an Idempotency-Key, while it is being done (api/once.h). */
struct once_mark {
    struct once_mark *next;
    struct hash key;   /** of tenant, user, path and key */
    struct hash asked; /** of what is asked */
    bool is_entered;
    bool is_kept;
};

struct api {
    const struct access *access;
    const struct hooks *hooks;
    struct rules *rules;
    struct jobs *jobs;
    struct once *once;
    struct http *http;
    struct sign_in *sign_in;
    struct patient *patient;
    struct feed *feed;
    struct portal_log *portal_log;
    struct pace *pace;
    struct arena arena; /** of all that is made at the start */
    struct page page;
    struct page_file openapi;
    struct page_file openapi_of_portal;
    struct guide guide; /** for authors of rules */
};

constexpr uint32_t REPLY_HEADERS_MAX = 10;
constexpr size_t REPLY_BYTES_USUAL = 2 * KIB;
constexpr size_t REPLY_BYTES_MAX_LOOP = 2 * MIB; /** larger ones are formed by a worker */
constexpr size_t REPLY_BYTES_MAX_WORKER = 32 * MIB;

/** What a function of the table answers. */
struct reply {
    int status;
    str content_type;
    str body;
    uint32_t header_count;
    struct http_header headers[REPLY_HEADERS_MAX];
};

struct call {
    const struct api *api;       /** on the loop and the threads that api_close waits for */
    const struct access *access; /** outlives the api, as a lane may, at a stop */
    const struct hooks *hooks;
    struct rules *rules; /** outlives the store */
    struct jobs *jobs;   /** as well */
    struct once *once;   /** as well */
    struct task *task;
    struct txn *txn; /** open while the call's function runs */
    const struct route *route;
    struct http_exchange *exchange; /** on the loop only */
    struct http_task *http_task;    /** elsewhere; nullptr on the loop */
    char request_id[ID_TEXT_BYTES];

    /* What was asked. */
    str method;
    str query;
    str body;
    str content_type; /** of the body, without parameters */
    bool is_raw;      /** the body is taken as it stands */
    bool is_packed;   /** the body is MessagePack, not JSON */
    str if_match;
    str if_none_match;
    str idempotency_key; /** of a POST; empty: none */
    str accept;
    enum form form; /** of the answer, as `accept` has it */
    str last_event_id;
    str address;
    str user_agent;
    bool is_cookie_plain;        /** loopback without TLS: the cookie has its plain name */
    const struct entity *entity; /** of {collection} */
    struct id record;            /** of {id} */
    uint32_t part;               /** of {part} */
    struct value given;          /** of the body */

    /* Who asks. */
    struct tenant tenant;
    struct identity identity;

    /* What is answered. */
    bool is_answered; /** with a stream, which stays open; nothing else is to be sent */
    struct reply reply;
    /** To an answer in slices: forms the next one (reply_slices). */
    enum err (*next)(struct call *call, struct buf *slice, bool *is_over_out);
    void *state;     /** of `next`, in the call's first arena */
    str present;     /** to 412: the record as it is, JSON */
    str allow;       /** to 405: methods that are served */
    int64_t wait_ms; /** to 429: until the next try */

    struct once_mark once_mark;
    struct work work;       /** in the tenant's lane */
    struct sign_in_job job; /** on the hashing thread */
    struct patient_call patient_call;
};

/** The call as view of the records. */
static inline struct view call_view(const struct call *call)
{
    return (struct view){
        .task = call->task,
        .txn = call->txn,
        .model = call->tenant.model,
        .scope = &call->identity.scope,
    };
}
