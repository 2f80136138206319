/* key rotate */
#include "access/audit.h"
#include "base/require.h"
#include "work/command.h"
#include "work/job_rekey.h"

static enum err rewrap(struct command_place *place, const struct arguments *arguments,
                       struct console *console)
{
    struct task *task = place->task;
    bool has_new = arguments_has(arguments, FLAG_NEW_PASSPHRASE_FILE);
    bool has_none = arguments_has(arguments, FLAG_NO_PASSPHRASE);
    uint32_t spaces;
    if (has_new && has_none)
        return fail(task, ERR_INVALID,
                    "--new-passphrase-file and --no-passphrase exclude each "
                    "other");
    enum key_custody custody = has_new    ? CUSTODY_PASSPHRASE
                               : has_none ? CUSTODY_FILE
                                          : CUSTODY_AS_BEFORE;
    TRY(store_rewrap(task, place->access.store, custody,
                     arguments->values[FLAG_NEW_PASSPHRASE_FILE], &spaces));
    console_print(console,
                  "the keys of %u tenants are wrapped by a new master key, the old one is "
                  "destroyed; what was backed up before opens with the key beside it\n",
                  spaces);
    return ERR_NONE;
}

struct rotation {
    struct work work;
    struct task *task;
    struct job job;
};

static enum err rotate(struct work *work, struct txn *txn)
{
    struct rotation *self = (struct rotation *)work;
    txn_set_task(txn, self->task);
    TRY(rekey_begin(self->task, txn, &self->job));
    audit_put(txn, &(struct audit_event){.kind = AUDIT_KEY_ROTATED, .actor_kind = AUDIT_OPERATOR});
    return ERR_NONE;
}

static bool show_progress(void *owner, const struct job *job)
{
    progress_show(owner, job->done, 0, "%llu records", (unsigned long long)job->done);
    return true;
}

static int64_t figure(const struct job *job, str name)
{
    struct value number;
    bool has = value_find_text(job->result, name, &number) && number.kind == VALUE_INT;
    return has ? number.integer : 0;
}

static enum err rotate_tenant(struct command_place *place, str name, struct console *console)
{
    struct task *task = place->task;
    struct tenant tenant;
    struct progress progress;
    TRY(command_tenant_find(place, name, &tenant));
    struct rotation rotation = {.task = task, .work = {.run = rotate, .arena = task->arena}};
    TRY(store_write(place->access.store, &tenant.space, &rotation.work));
    if (place->jobs == nullptr) {
        console_print(console,
                      "%.*s has a new key; what lies under the old one is sealed anew "
                      "when the server runs\n",
                      FMT(name));
        return ERR_NONE;
    }
    jobs_wake(place->jobs, &tenant.space);
    progress_start(&progress, console);
    struct job job;
    enum err err = jobs_wait(place->jobs, task, &tenant.space, rotation.job.id, show_progress,
                             &progress, &job);
    progress_end(&progress);
    TRY(err);
    if (job.state != JOB_DONE)
        return fail(task, ERR_SYSTEM, "%.*s has a new key, but not everything could be sealed anew",
                    FMT(name));
    console_print(console,
                  "%.*s: %lld records sealed under a new key; of the older keys %lld destroyed, "
                  "%lld kept for history or uploads\n",
                  FMT(name), (long long)figure(&job, S("sealed")),
                  (long long)figure(&job, S("dropped")), (long long)figure(&job, S("kept")));
    return ERR_NONE;
}

int command_key_rotate(struct command_place *place, const struct arguments *arguments,
                       struct console *console)
{
    str name = arguments->values[FLAG_TENANT];
    enum err err =
        name.len > 0 ? rotate_tenant(place, name, console) : rewrap(place, arguments, console);
    return err == ERR_NONE ? 0 : console_fail(console, place->task, err);
}
