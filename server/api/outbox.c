#include "api/outbox.h"

#include "api/parameters.h"
#include "api/reply.h"
#include "work/outbox.h"

struct outbox_page {
    struct outbox_filter filter;
    uint32_t limit;
    int64_t due_ms; /** behind this one */
    struct id id;
};

/** `DUE.ID`, as `next` told it. */
static bool place_parse(str text, struct outbox_page *page)
{
    str due, id;
    return str_cut(text, '.', &due, &id) && str_to_int64(due, &page->due_ms) &&
           id_parse(id, &page->id);
}

static enum err state_read(struct call *call, str word, struct outbox_filter *filter)
{
    if (str_eq(word, S("waiting"))) filter->state = OUTBOX_ONLY_WAITING;
    else if (str_eq(word, S("dead"))) filter->state = OUTBOX_ONLY_DEAD;
    else return fail_parameter(call->task, S("state"), S("choice"), "is waiting or dead");
    return ERR_NONE;
}

static enum err parameter_take(struct call *call, const struct parameter *parameter,
                               struct outbox_page *page)
{
    str name = parameter->name, value = parameter->value;
    if (str_eq(name, S("limit"))) return limit_read(call, value, PAGE_RECORDS_MAX, &page->limit);
    if (str_eq(name, S("state"))) return state_read(call, value, &page->filter);
    if (str_eq(name, S("kind"))) return page->filter.kind = value, ERR_NONE;
    if (!str_eq(name, S("after")))
        return unknown_parameter(call, name, "kind, state, after, limit");
    if (place_parse(value, page)) return ERR_NONE;
    return fail_parameter(call->task, S("after"), S("format"), "must be what `next` gave");
}

static enum err page_read(struct call *call, struct outbox_page *page)
{
    *page = (struct outbox_page){.limit = PAGE_RECORDS_DEFAULT, .due_ms = INT64_MIN};
    struct cursor query = cursor_of(call->query);
    struct parameter parameter = {};
    enum err err;
    while (parameter_next(call, &query, &parameter, &err))
        parameter_judge(&parameter, parameter_take(call, &parameter, page));
    return err;
}

enum err outbox_list(struct call *call)
{
    struct outbox_page page;
    TRY(page_read(call, &page));
    struct buf json = reply_buf(call);
    struct outbox_entry entry = {.due_ms = page.due_ms, .id = page.id};
    bool is_at_end = false;
    buf_put(&json, S("{\"data\":["));
    for (uint32_t shown = 0; shown <= page.limit; shown++) {
        struct outbox_entry next;
        enum err err =
            outbox_next(call->task, call->txn, &page.filter, entry.due_ms, entry.id, &next);
        is_at_end = err == ERR_MISSING;
        if (is_at_end) break;
        TRY(err);
        if (shown == page.limit) break;
        entry = next;
        if (shown > 0) buf_put_byte(&json, ',');
        outbox_write_json(&json, &entry);
    }
    buf_put(&json, S("],\"next\":"));
    if (is_at_end) buf_put(&json, S("null}"));
    else
        buf_print(&json, "\"%lld.%.*s\"}", (long long)entry.due_ms,
                  FMT(id_text(call->task->arena, entry.id)));
    return reply_json(call, 200, &json);
}

static enum err find(struct call *call, struct outbox_entry *entry_out)
{
    return outbox_find(call->task, call->txn, call->record, entry_out);
}

static enum err reply_entry(struct call *call, const struct outbox_entry *entry)
{
    struct buf json = reply_buf(call);
    outbox_write_json(&json, entry);
    return reply_json(call, 200, &json);
}

enum err outbox_one(struct call *call)
{
    struct outbox_entry entry;
    TRY(find(call, &entry));
    return reply_entry(call, &entry);
}

enum err outbox_retry_one(struct call *call)
{
    struct outbox_entry entry;
    TRY(find(call, &entry));
    outbox_retry(call->txn, &entry);
    TRY(txn_outbox_get(call->txn, call->task->now_ms, call->record, call->task->arena, &entry));
    return reply_entry(call, &entry);
}

enum err outbox_delete(struct call *call)
{
    struct outbox_entry entry;
    struct outbox_state state;
    TRY(find(call, &entry));
    outbox_read(&entry, &state);
    if (!state.is_dead)
        return fail(call->task, ERR_CONFLICT,
                    "this entry waits to be done; only what is dead is deleted");
    txn_outbox_delete(call->txn, entry.due_ms, entry.id);
    reply_empty(call, 204);
    return ERR_NONE;
}
