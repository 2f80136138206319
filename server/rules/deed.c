/* What rules do with records, whoever's change it is. */
#include "base/fold.h"
#include "base/require.h"
#include "rules/firing.h"

constexpr size_t REFUSAL_BYTES_MAX = 1 * KIB;

str rule_through(struct change *change)
{
    const struct rule_chain *chain = rule_chain_of(change);
    if (chain->writer != nullptr) return S("rule");
    if (chain->through.len > 0) return chain->through;
    if (change->scope->actor_kind == ACTOR_CONTACT) return S("portal");
    return chain->is_import || change->is_import ? S("import") : S("api");
}

str rule_fault_text(struct task *task)
{
    const struct fault *fault = &task->fault;
    struct buf text = buf_make(task->arena, 8 * KIB);
    for (uint32_t at = 0; at < fault->item_count; at++) {
        const struct fault_item *item = &fault->items[at];
        if (at > 0) buf_put(&text, S("; "));
        if (item->field.len > 0) buf_print(&text, "%.*s: ", FMT(utf8_first(item->field, 100)));
        buf_put(&text, utf8_first(item->message, 400));
    }
    if (text.len == 0) buf_put(&text, fault->detail);
    if (text.len == 0) buf_put(&text, S("was refused"));
    return utf8_first(buf_str(&text), REFUSAL_BYTES_MAX);
}

bool rule_may_go_on(const struct rule_chain *chain, enum err err)
{
    if (chain->is_over || chain->is_silent) return false;
    switch (err) {
    case ERR_UNREADABLE:
    case ERR_UNAUTHENTICATED:
    case ERR_FORBIDDEN:
    case ERR_MISSING:
    case ERR_CONFLICT:
    case ERR_CHANGED:
    case ERR_UNSUPPORTED:
    case ERR_INVALID:
    case ERR_REJECTED:
        return true;
    case ERR_NONE:
    case ERR_TOO_LARGE:
    case ERR_LIMITED:
    case ERR_CORRUPT:
    case ERR_SYSTEM:
    case ERR_FULL:
        break;
    }
    return false;
}

static enum err do_it(struct change *change, struct deed *deed)
{
    switch (deed->kind) {
    case DEED_CREATE:
        return record_create(change, deed->entity, deed->given, &deed->id);
    case DEED_UPDATE:
        return record_patch(change, deed->entity, deed->id, deed->given, nullptr);
    case DEED_LINK:
        return record_link(change, deed->entity, deed->id, deed->field, deed->to);
    case DEED_DELETE:
        break;
    }
    return record_delete(change, deed->entity, deed->id, nullptr);
}

enum err rule_do(struct change *change, const struct rule *rule, struct id run, struct deed *deed,
                 str *refusal_out)
{
    struct rule_chain *chain = rule_chain_of(change);
    struct task *task = change->task;
    const struct change_savepoint savepoint = change_savepoint(change);
    const struct scope *scope = change->scope;
    struct rule_write *writes = chain->writes;
    struct rule_writer writer = {rule, run, chain->writer};
    *refusal_out = (str){};
    task->fault = (struct fault){};
    task->path = (str){};
    chain->writer = &writer;
    change->scope = &chain->scope;
    enum err err = do_it(change, deed);
    chain->writer = writer.outer;
    change->scope = scope;
    bool is_refused = err != ERR_NONE && rule_may_go_on(chain, err);
    if (err != ERR_NONE && !is_refused) return err;
    if (is_refused) {
        *refusal_out = rule_fault_text(task);
        change_rollback(change, &savepoint);
        chain->writes = writes;
    }
    task->fault = savepoint.fault;
    task->path = savepoint.path;
    return ERR_NONE;
}
