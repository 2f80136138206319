/** api: the endpoints: each reads a request, calls one thing below, forms an answer.
 *
 *  What is open to the outside stands in one table (api/routes.c). Reads are answered on the event
 *  loop in one transaction that goes from host to tenant to identity to record; a read that
 *  touches too many keys is run again on a worker. Changes go through their tenant's lane,
 *  sign-ins through the hashing thread.
 *
 *  Floor   api; the highest but for main.c.
 *  Thread  api_open, api_close: main. Handlers run on the loops of http/.
 *  Memory  the page's files, the OpenAPI document and the table's answers are made once and live
 *          as long as the api.
 */
#pragma once

#include "access/access.h"
#include "http/http.h"
#include "record/record.h"
#include "work/job.h"

struct api;

/** Bounds of the event streams; 0 takes the default of base/limits.h. */
struct feed_limits {
    uint32_t streams; /** of all; those of one tenant are bounded by its quota */
    int64_t keep_alive_ms;
};

/** What rule authors read, as the runner told it at the start; empty: nothing was read. */
struct rule_texts {
    str names;    /** the reference, JSON (lua/runner/view.h) */
    str examples; /** the worked examples, an encoded list */
};

struct rules;

struct api_options {
    const struct access *access; /** outlives the api */
    const struct hooks *hooks;   /** rules; nullptr: none */
    struct rules *rules;         /** the same, for what is asked of rules; outlives the store */
    struct rule_texts rule_texts;
    struct jobs *jobs;        /** woken by calls that start one; outlives the store */
    struct http_options http; /** handle, handle_admin and owner are set by api_open */
    struct feed_limits feed;
    str page_folder; /** files; empty, or without index.html: a page that lists the entry points */
};

/** Reads the page, starts the hashing thread, listens. ERR_SYSTEM, ERR_INVALID: as http_open. */
enum err api_open(struct task *task, const struct api_options *options, struct api **api_out);
/** For ports, figures and the reload of certificates. */
struct http *api_http(const struct api *api);
/** Stops listening, finishes what was taken, ends the hashing thread. The store is closed after
 *  it. */
void api_close(struct api *api);

void api_handle(struct http_request *request);
/** Of the operator's listener: /healthz and /metrics. */
void api_handle_admin(struct http_request *request);
