#include "api/quotas.h"

#include "api/feed.h"
#include "api/pace.h"
#include "api/reply.h"
#include "api/roads.h"
#include "record/quota.h"
#include "rules/rules.h"
#include "value/json.h"

/** The figures are written by a loop, which others wait for. */
constexpr uint32_t TENANTS_IN_FIGURES_MAX = 500;

enum err quotas_take_request(struct call *call)
{
    uint32_t tenant = call->tenant.space.number;
    int64_t now_ms = call->task->now_ms;
    struct pace *pace = call->api->pace;
    struct pace_state state;
    if (!pace_has_bound(pace, tenant, now_ms)) {
        struct quotas quotas;
        TRY(quotas_read(call->txn, &quotas));
        pace_set_bound(pace, tenant, quotas.bounds[QUOTA_REQUESTS], now_ms);
    }
    if (pace_take(pace, tenant, now_ms, &state)) return ERR_NONE;
    return quota_reached(call->task, QUOTA_REQUESTS, state.bound, state.use, state.wait_ms);
}

static enum err use_of(struct call *call, struct txn *txn, enum quota quota, int64_t *use_out)
{
    uint32_t tenant = txn_space(txn)->number;
    if (!quota_is_in_memory(quota)) return quota_use(txn, quota, use_out);
    if (quota == QUOTA_REQUESTS) *use_out = pace_use(call->api->pace, tenant, call->task->now_ms);
    else if (quota == QUOTA_STREAMS) *use_out = feed_streams_of(call->api->feed, tenant);
    else *use_out = call->rules == nullptr ? 0 : runners_use_ms(rules_runners(call->rules), tenant);
    return ERR_NONE;
}

static enum err list(struct call *call)
{
    struct quotas quotas;
    struct buf json = reply_buf(call);
    TRY(quotas_read(call->txn, &quotas));
    buf_put(&json, S("{\"data\":["));
    for (uint32_t at = 0; at < QUOTA_COUNT; at++) {
        int64_t use;
        TRY(use_of(call, call->txn, (enum quota)at, &use));
        buf_print(&json, "%s{\"name\":", at > 0 ? "," : "");
        json_write_text(&json, quota_kinds[at].word);
        buf_put(&json, S(",\"unit\":"));
        json_write_text(&json, quota_kinds[at].unit);
        buf_print(&json, ",\"bound\":%lld,\"use\":%lld}", (long long)quotas.bounds[at],
                  (long long)use);
    }
    buf_put(&json, S("]}"));
    return reply_json(call, 200, &json);
}

enum err quotas_list(struct call *call)
{
    return call_read(call, false, list);
}

static enum err figure_of_all(struct call *call, struct buf *text, enum quota quota)
{
    const struct quota_kind *kind = &quota_kinds[quota];
    struct space instance = store_instance(call->access->store);
    struct tenant tenant = {};
    buf_print(text, "# HELP atrium_tenant_%.*s In use: %.*s.\n# TYPE atrium_tenant_%.*s gauge\n",
              FMT(kind->word), FMT(kind->unit), FMT(kind->word));
    for (uint32_t count = 0; count < TENANTS_IN_FIGURES_MAX; count++) {
        int64_t use;
        txn_enter(call->txn, &instance);
        enum err err = tenant_after(call->txn, call->access, tenant.space.number, &tenant);
        if (err == ERR_MISSING) return ERR_NONE;
        TRY(err);
        txn_enter(call->txn, &tenant.space);
        TRY(use_of(call, call->txn, quota, &use));
        buf_print(text, "atrium_tenant_%.*s{tenant=\"%u\"} %lld\n", FMT(kind->word),
                  tenant.space.number, (long long)use);
    }
    return ERR_NONE;
}

enum err quotas_write_figures(struct call *call, struct buf *text)
{
    /* Sessions and tokens are counted key by key, uploads file by file: nothing for a loop. */
    static const enum quota shown[] = {QUOTA_RECORDS, QUOTA_BYTES,     QUOTA_REQUESTS,
                                       QUOTA_MAILS,   QUOTA_RULE_TIME, QUOTA_STREAMS};
    struct space instance = store_instance(call->access->store);
    TRY(txn_open(call->task, &instance, &call->txn));
    enum err err = ERR_NONE;
    for (uint32_t at = 0; at < sizeof shown / sizeof shown[0] && err == ERR_NONE; at++)
        err = figure_of_all(call, text, shown[at]);
    txn_close(call->txn);
    call->txn = nullptr;
    return err;
}
