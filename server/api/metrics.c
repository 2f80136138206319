#include "api/metrics.h"

#include "access/audit.h"
#include "api/feed.h"
#include "api/quotas.h"
#include "api/reply.h"
#include "rules/rules.h"
#include "rules/trace.h"

struct figure {
    const char *name;
    const char *kind;
    const char *help;
    double value;
};

static void figure_write(struct buf *text, const struct figure *figure)
{
    buf_print(text, "# HELP atrium_%s %s\n# TYPE atrium_%s %s\natrium_%s %.17g\n", figure->name,
              figure->help, figure->name, figure->kind, figure->name, figure->value);
}

static void store_write_figures(struct buf *text, const struct store_figures *store)
{
    const struct figure figures[] = {
        {"store_commits_total", "counter", "Commits, each one fsync.", (double)store->commits},
        {"store_changes_total", "counter", "Changes made durable.", (double)store->works_done},
        {"store_changes_failed_total", "counter", "Changes refused or failed.",
         (double)store->works_failed},
        {"store_committed_bytes_total", "counter", "Bytes of keys and values written.",
         (double)store->committed_bytes},
        {"store_used_bytes", "gauge", "Bytes of the map in use.",
         (double)store->pages_used * (double)store->page_bytes},
        {"store_lanes", "gauge", "Lanes with work.", (double)store->lanes_live},
        {"store_readers", "gauge", "Open read transactions.", (double)store->readers_open},
        {"store_oldest_reader_seconds", "gauge", "Age of the oldest read transaction.",
         (double)store->oldest_reader_ms / 1000},
    };
    for (size_t at = 0; at < sizeof figures / sizeof figures[0]; at++)
        figure_write(text, &figures[at]);
}

static void http_write_figures(struct buf *text, const struct http_figures *http)
{
    const struct figure figures[] = {
        {"http_requests_total", "counter", "Requests begun.", (double)http->requests},
        {"http_connections_total", "counter", "Connections accepted.", (double)http->connections},
        {"http_connections", "gauge", "Connections open.", (double)http->connections_open},
        {"http_refused_rate_total", "counter", "Requests refused for their rate.",
         (double)http->refused_rate},
        {"http_refused_busy_total", "counter", "Requests refused for want of room.",
         (double)http->refused_busy},
        {"http_closed_abuse_total", "counter", "Connections closed for abuse.",
         (double)http->closed_abuse},
        {"http_closed_stalled_total", "counter", "Connections closed because they stood still.",
         (double)http->closed_stalled},
        {"http_closed_full_total", "counter", "Connections closed because others needed the room.",
         (double)http->closed_full},
        {"http_tasks", "gauge", "Requests worked on off the loops.", (double)http->tasks_open},
    };
    for (size_t at = 0; at < sizeof figures / sizeof figures[0]; at++)
        figure_write(text, &figures[at]);
}

static void runners_write_figures(struct buf *text, const struct runner_figures *runners)
{
    const struct figure figures[] = {
        {"runners", "gauge", "Processes that hold Lua.", (double)runners->live},
        {"runners_waiting", "gauge", "Tasks that wait for one.", (double)runners->waiting},
        {"runners_started_total", "counter", "Runners started.", (double)runners->started},
        {"runners_killed_total", "counter", "Runners that took too long, died or lied.",
         (double)runners->killed},
        {"runners_talks_total", "counter", "Talks with runners.", (double)runners->asked},
        {"runners_computed_seconds_total", "counter", "Computed by runners in talks.",
         (double)runners->computed_us / 1'000'000},
        {"rules_refused_share_total", "counter", "Rules refused for their tenant's share of time.",
         (double)runners->refused},
    };
    for (size_t at = 0; at < sizeof figures / sizeof figures[0]; at++)
        figure_write(text, &figures[at]);
}

static void traces_write_figures(struct buf *text, const struct traces_figures *traces)
{
    const struct figure figures[] = {
        {"rules_runs_total", "counter", "Runs of rules, and trials.", (double)traces->added},
        {"rules_runs_only_counted_total", "counter", "Runs too many at once to be kept each.",
         (double)traces->dropped},
        {"rules_traces_lost_total", "counter", "Traces that could not be written.",
         (double)traces->failed},
    };
    for (size_t at = 0; at < sizeof figures / sizeof figures[0]; at++)
        figure_write(text, &figures[at]);
}

enum err metrics_read(struct call *call)
{
    /* A listener may take a request before the call that opened it has returned. */
    if (call->api->http == nullptr) return fail(call->task, ERR_FULL, "the server is starting");
    struct buf text = reply_buf(call);
    struct store_figures store = store_figures(call->access->store);
    struct http_figures http = http_figures(call->api->http);
    store_write_figures(&text, &store);
    http_write_figures(&text, &http);
    if (call->api->rules != nullptr) {
        struct runner_figures runners = runners_figures(rules_runners(call->api->rules));
        runners_write_figures(&text, &runners);
    }
    if (call->api->rules != nullptr && rules_traces(call->api->rules) != nullptr) {
        struct traces_figures traces = traces_figures(rules_traces(call->api->rules));
        traces_write_figures(&text, &traces);
    }
    figure_write(&text, &(struct figure){"event_streams", "gauge", "Open event streams.",
                                         (double)feed_streams(call->api->feed)});
    if (call->access->audit != nullptr)
        figure_write(&text, &(struct figure){"audit_dropped_total", "counter",
                                             "Events that the audit log had no room for.",
                                             (double)audit_dropped(call->access->audit)});
    TRY(quotas_write_figures(call, &text));
    TRY(reply_json(call, 200, &text));
    call->reply.content_type = S("text/plain; version=0.0.4; charset=utf-8");
    return ERR_NONE;
}
