#include "access/mail.h"
#include "store/chain.h"
#include "value/email.h"
#include "value/text.h"
#include "work/command.h"

/* The change logs of tenants, with the audit log in them: whether they hold, and how far. */

static str time_text(struct arena *arena, int64_t at_ms)
{
    if (at_ms == 0) return S("-");
    struct buf text = buf_make(arena, 64);
    time_write(&text, at_ms);
    return buf_str(&text);
}

struct auditing {
    struct command_place *place;
    struct console *console;
    const struct chain_link *anchor; /** nullptr: none */
    str only;                        /** the one tenant that is looked at; empty: all */
    uint32_t tenant_max, tenant_count;
    struct tenant *tenants;
    uint32_t broken_count;
};

static enum err count_tenant(void *owner, [[maybe_unused]] const struct tenant *tenant)
{
    ((struct auditing *)owner)->tenant_max++;
    return ERR_NONE;
}

static enum err note_tenant(void *owner, const struct tenant *tenant)
{
    struct auditing *self = owner;
    bool is_wanted = self->only.len == 0 || str_eq(self->only, tenant->name);
    if (!is_wanted || self->tenant_count == self->tenant_max) return ERR_NONE;
    struct tenant *noted = &self->tenants[self->tenant_count++];
    *noted = *tenant;
    noted->name = arena_copy(self->place->task->arena, tenant->name);
    noted->title = (str){};
    return ERR_NONE;
}

static enum err tenants_gather(struct auditing *self)
{
    struct task *task = self->place->task;
    TRY(command_tenants_walk(self->place, count_tenant, self));
    self->tenants = arena_new(task->arena, struct tenant, self->tenant_max + 1);
    TRY(command_tenants_walk(self->place, note_tenant, self));
    if (self->only.len == 0 || self->tenant_count > 0) return ERR_NONE;
    return fail(task, ERR_MISSING, "there is no tenant named %.*s", FMT(self->only));
}

static void tell(struct auditing *self, const struct tenant *tenant,
                 const struct chain_proof *proof)
{
    struct arena *arena = self->place->task->arena;
    if (proof->is_broken) {
        self->broken_count++;
        console_print(self->console, "fault: %.*s: entry %llu (%.*s): %.*s\n", FMT(tenant->name),
                      (unsigned long long)proof->broken_at,
                      FMT(time_text(arena, proof->broken_at_ms)), FMT(proof->what));
        return;
    }
    console_print(self->console, "%.*s: %.*s entries from %.*s on hold%s; head %.*s\n",
                  FMT(tenant->name), FMT(number_text(arena, proof->entry_count)),
                  FMT(time_text(arena, proof->first_at_ms)),
                  self->anchor != nullptr ? ", the anchor lies among them" : "",
                  FMT(chain_link_text(arena, &proof->head)));
}

static enum err prove_all(struct auditing *self)
{
    struct task *task = self->place->task;
    TRY(tenants_gather(self));
    for (uint32_t at = 0; at < self->tenant_count; at++) {
        struct chain_proof proof;
        if (command_is_stopping(self->place))
            return fail(task, ERR_FULL, "the check was stopped: the server ends");
        TRY(chain_prove(task, &self->tenants[at].space, self->anchor, &proof));
        tell(self, &self->tenants[at], &proof);
    }
    return ERR_NONE;
}

int command_check_audit(struct command_place *place, const struct arguments *arguments,
                        struct console *console)
{
    struct chain_link anchor;
    struct auditing self = {
        .place = place, .console = console, .only = arguments->values[FLAG_TENANT]};
    if (arguments_has(arguments, FLAG_ANCHOR)) {
        if (self.only.len == 0)
            return console_misuse(console, "--anchor is of one tenant: name it with --tenant");
        if (!chain_link_parse(arguments->values[FLAG_ANCHOR], &anchor))
            return console_misuse(console,
                                  "--anchor must be SEQUENCE:HASH, as `audit head` printed it");
        self.anchor = &anchor;
    }
    enum err err = prove_all(&self);
    if (err != ERR_NONE) return console_fail(console, place->task, err);
    if (self.broken_count == 0) return 0;
    return console_complain(console, "%u change logs are broken", self.broken_count);
}

/* The newest link, for somebody who keeps it where nobody of this machine can change it. */

struct anchoring {
    struct work work;
    struct task *task;
    struct mail mail;
};

static enum err anchoring_run(struct work *work, struct txn *txn)
{
    struct anchoring *self = (struct anchoring *)work;
    txn_set_task(txn, self->task);
    return mail_queue(txn, &self->mail);
}

static enum err head_mail(struct command_place *place, const struct tenant *tenant,
                          const struct chain_link *head, str address)
{
    struct task *task = place->task;
    struct arena *arena = task->arena;
    str link = chain_link_text(arena, head);
    struct anchoring self = {
        .work = {.run = anchoring_run, .arena = arena},
        .task = task,
        .mail = {.to = address, .purpose = S("audit_head")},
    };
    if (!email_is_address(address))
        return fail(task, ERR_INVALID, "--mail-to: `%.*s` is not one address",
                    FMT(str_first(address, 100)));
    self.mail.subject = arena_print(arena, "Audit log of %.*s: entry %llu", FMT(tenant->name),
                                    (unsigned long long)head->sequence);
    self.mail.text = arena_print(
        arena,
        "The newest link of the change log of %.*s, of %.*s:\n\n    %.*s\n\n"
        "Keep this mail. As long as the log was neither cut off nor written anew, this proves that "
        "the link lies on it:\n\n"
        "    atrium check --audit --tenant %.*s --anchor %.*s --data DIR\n",
        FMT(tenant->name), FMT(time_text(arena, head->at_ms)), FMT(link), FMT(tenant->name),
        FMT(link));
    return store_write(place->access.store, &tenant->space, &self.work);
}

static enum err head_read(struct task *task, const struct tenant *tenant,
                          struct chain_link *head_out)
{
    struct txn *txn;
    TRY(txn_open(task, &tenant->space, &txn));
    enum err err = chain_head(txn, head_out);
    txn_close(txn);
    return err;
}

int command_audit_head(struct command_place *place, const struct arguments *arguments,
                       struct console *console)
{
    struct task *task = place->task;
    str address = arguments->values[FLAG_MAIL_TO];
    struct tenant tenant;
    struct chain_link head;
    enum err err = command_tenant_find(place, arguments->values[FLAG_TENANT], &tenant);
    if (err == ERR_NONE) err = head_read(task, &tenant, &head);
    if (err == ERR_NONE && address.len > 0) err = head_mail(place, &tenant, &head, address);
    if (err != ERR_NONE) return console_fail(console, task, err);
    console_print(console, "%.*s %.*s\n", FMT(chain_link_text(task->arena, &head)),
                  FMT(time_text(task->arena, head.at_ms)));
    return 0;
}
