#include "access/audit.h"
#include "record/quota.h"
#include "work/command.h"

/* What a tenant may have and do at most, and how much of it is in use. */

struct setting {
    struct work work;
    struct task *task;
    str words;
    str told; /** what was set, for the tenant's log */
};

static str quota_words(struct arena *arena)
{
    struct buf words = buf_make(arena, 512);
    for (uint32_t at = 0; at < QUOTA_COUNT; at++)
        buf_print(&words, "%s%.*s", at == 0 ? "" : ", ", FMT(quota_kinds[at].word));
    return buf_str(&words);
}

/** `mails=500`, `mails=default`. */
static enum err set_one(struct task *task, struct quotas *quotas, str word)
{
    str name, number;
    enum quota quota;
    int64_t bound = 0;
    bool has_number = str_cut(word, '=', &name, &number);
    if (!has_number || !quota_parse(name, &quota))
        return fail(task, ERR_INVALID, "%.*s is no quota: write NAME=NUMBER, of %.*s",
                    FMT(str_first(word, 60)), FMT(quota_words(task->arena)));
    bool is_default = str_eq(number, S("default"));
    bool is_bound = is_default || (str_to_int64(number, &bound) && bound >= 0 &&
                                   bound <= quota_kinds[quota].greatest);
    if (!is_bound)
        return fail(task, ERR_INVALID,
                    "%.*s is no bound of %.*s: a number of at most %lld, or default",
                    FMT(str_first(number, 60)), FMT(name), (long long)quota_kinds[quota].greatest);
    quotas->is_set[quota] = !is_default;
    quotas->bounds[quota] = is_default ? quota_kinds[quota].standard : bound;
    return ERR_NONE;
}

static enum err setting_run(struct work *work, struct txn *txn)
{
    struct setting *self = (struct setting *)work;
    struct quotas quotas;
    txn_set_task(txn, self->task);
    TRY(quotas_read(txn, &quotas));
    for (str word, rest = self->words; rest.len > 0;) {
        (void)str_cut(rest, ',', &word, &rest);
        TRY(set_one(self->task, &quotas, str_trim(word)));
    }
    quotas_put(txn, &quotas);
    audit_put(txn, &(struct audit_event){.kind = AUDIT_TENANT_CHANGED,
                                         .actor_kind = AUDIT_OPERATOR,
                                         .words = self->told});
    return ERR_NONE;
}

static enum err quotas_set(struct command_place *place, const struct tenant *tenant, str words)
{
    struct task *task = place->task;
    struct setting self = {
        .work = {.run = setting_run, .arena = task->arena},
        .task = task,
        .words = words,
        .told =
            str_first(arena_print(task->arena, "quotas %.*s", FMT(words)), AUDIT_WORDS_BYTES_MAX),
    };
    return store_write(place->access.store, &tenant->space, &self.work);
}

static enum err quotas_print(struct command_place *place, const struct tenant *tenant,
                             struct console *console)
{
    struct txn *txn;
    struct quotas quotas;
    TRY(txn_open(place->task, &tenant->space, &txn));
    enum err err = quotas_read(txn, &quotas);
    for (uint32_t at = 0; at < QUOTA_COUNT && err == ERR_NONE; at++) {
        int64_t use = 0;
        err = quota_use(txn, (enum quota)at, &use);
        if (err != ERR_NONE) break;
        str in_use = quota_is_in_memory((enum quota)at)
                         ? S("-") /* the server alone knows, by the minute: /metrics */
                         : arena_print(place->task->arena, "%lld", (long long)use);
        console_print(console, "%.*s\t%.*s\t%lld\t%s\t%.*s\n", FMT(quota_kinds[at].word),
                      FMT(in_use), (long long)quotas.bounds[at],
                      quotas.is_set[at] ? "set" : "default", FMT(quota_kinds[at].unit));
    }
    txn_close(txn);
    return err;
}

int command_tenant_quota(struct command_place *place, const struct arguments *arguments,
                         struct console *console)
{
    struct tenant tenant;
    str words = arguments->values[FLAG_SET];
    enum err err = command_tenant_find(place, arguments->operand, &tenant);
    if (err == ERR_NONE && words.len > 0) err = quotas_set(place, &tenant, words);
    if (err == ERR_NONE) err = quotas_print(place, &tenant, console);
    return err == ERR_NONE ? 0 : console_fail(console, place->task, err);
}
