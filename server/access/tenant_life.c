#include "access/tenant_life.h"

#include "access/audit.h"
#include "access/tenant.h"
#include "base/fold.h"
#include "base/log.h"
#include "base/require.h"
#include "store/moving.h"
#include "store/upload.h"
#include "value/value.h"

constexpr int64_t ABOUT_VERSION = 1;

/** A change of the instance's rows about one tenant. */
struct deed {
    struct work work;
    struct task *task;
    const struct access *access;
    struct tenant tenant;
    bool is_suspended;
    str word; /** the new name, or a host */
    enum door door;
};

static struct deed *deed_of(struct work *work, struct txn *txn)
{
    struct deed *deed = (struct deed *)work;
    txn_set_task(txn, deed->task);
    return deed;
}

static enum err deed_do(struct deed *deed, enum err (*run)(struct work *work, struct txn *txn))
{
    struct space instance = store_instance(deed->access->store);
    deed->work = (struct work){.run = run, .arena = deed->task->arena};
    return store_write(deed->access->store, &instance, &deed->work);
}

/** By its name; the texts are copies. */
static enum err tenant_find(struct task *task, const struct access *access, str name,
                            struct tenant *tenant_out)
{
    struct space instance = store_instance(access->store);
    struct txn *txn;
    TRY(txn_open(task, &instance, &txn));
    enum err err = tenant_enter_name(txn, access, name, tenant_out);
    if (err == ERR_NONE) {
        tenant_out->name = arena_copy(task->arena, tenant_out->name);
        tenant_out->title = arena_copy(task->arena, tenant_out->title);
    }
    txn_close(txn);
    if (err != ERR_MISSING) return err;
    return fail(task, err, "there is no tenant named %.*s", FMT(name));
}

/** What the operator did is told in the tenant's own log. */
static enum err tell(const struct deed *deed, str words)
{
    struct audit_event event = {
        .kind = AUDIT_TENANT_CHANGED, .actor_kind = AUDIT_OPERATOR, .words = words};
    return audit_write(deed->task, deed->access, &deed->tenant.space, &event);
}

/** As it is now, under the name it was found by. */
static enum err present_find(struct txn *txn, const struct deed *deed, struct tenant *present_out)
{
    enum err err = tenant_of_name(txn, deed->access, deed->tenant.name, present_out);
    bool is_other = err == ERR_NONE && present_out->space.number != deed->tenant.space.number;
    if (err != ERR_MISSING && !is_other) return err;
    return fail(deed->task, ERR_MISSING, "the tenant is gone");
}

/* Suspending. */

static enum err suspend_run(struct work *work, struct txn *txn)
{
    struct deed *deed = deed_of(work, txn);
    struct tenant present;
    TRY(present_find(txn, deed, &present));
    present.is_suspended = deed->is_suspended;
    tenant_row_put(txn, &present);
    return ERR_NONE;
}

enum err tenant_suspend(struct task *task, const struct access *access, str name, bool is_suspended)
{
    struct deed deed = {.task = task, .access = access, .is_suspended = is_suspended};
    TRY(tenant_find(task, access, name, &deed.tenant));
    TRY(deed_do(&deed, suspend_run));
    return tell(&deed, is_suspended ? S("suspended") : S("resumed"));
}

/* Renaming, and host names. */

static enum err rename_run(struct work *work, struct txn *txn)
{
    struct deed *deed = deed_of(work, txn);
    struct tenant present;
    TRY(present_find(txn, deed, &present));
    TRY(tenant_name_is_free(txn, deed->word));
    txn_system_delete(txn, SYSTEM_TENANT_NAME, present.name);
    present.name = deed->word;
    tenant_row_put(txn, &present);
    return ERR_NONE;
}

enum err tenant_rename(struct task *task, const struct access *access, str name, str new_name)
{
    struct deed deed = {.task = task, .access = access, .word = new_name};
    str fault = tenant_name_fault(new_name);
    TRY(tenant_find(task, access, name, &deed.tenant));
    if (fault.len > 0) return fail(task, ERR_INVALID, "%.*s %.*s", FMT(new_name), FMT(fault));
    TRY(deed_do(&deed, rename_run));
    return tell(&deed, arena_print(task->arena, "renamed to %.*s", FMT(new_name)));
}

static enum err host_add_run(struct work *work, struct txn *txn)
{
    struct deed *deed = deed_of(work, txn);
    struct tenant present;
    uint32_t number = 0, count = 0;
    enum door door;
    TRY(present_find(txn, deed, &present));
    enum err err = host_find(txn, deed->word, &number, &door);
    if (err != ERR_NONE && err != ERR_MISSING) return err;
    if (err == ERR_NONE && number != present.space.number)
        return fail(deed->task, ERR_CONFLICT, "%.*s leads to another tenant", FMT(deed->word));
    str host = S("");
    while (host_after(txn, host, &host, &number, &door) == ERR_NONE)
        count += number == present.space.number && !str_eq(host, deed->word);
    if (count >= HOSTS_OF_TENANT_MAX)
        return fail(deed->task, ERR_LIMITED, "a tenant has at most %u host names of its own",
                    HOSTS_OF_TENANT_MAX);
    host_put(txn, deed->word, present.space.number, deed->door);
    return ERR_NONE;
}

enum err tenant_host_add(struct task *task, const struct access *access, str name, str host,
                         enum door door)
{
    struct deed deed = {.task = task, .access = access, .word = host, .door = door};
    str fault = host_fault(host, access->domain);
    TRY(tenant_find(task, access, name, &deed.tenant));
    if (fault.len > 0)
        return fail(task, ERR_INVALID, "%.*s %.*s", FMT(utf8_first(host, 100)), FMT(fault));
    TRY(deed_do(&deed, host_add_run));
    return tell(&deed, arena_print(task->arena, "host %.*s, %s", FMT(host),
                                   door == DOOR_PORTAL ? "portal" : "staff"));
}

static enum err host_remove_run(struct work *work, struct txn *txn)
{
    struct deed *deed = deed_of(work, txn);
    struct tenant present;
    uint32_t number = 0;
    enum door door;
    TRY(present_find(txn, deed, &present));
    enum err err = host_find(txn, deed->word, &number, &door);
    if (err != ERR_NONE && err != ERR_MISSING) return err;
    if (number != present.space.number)
        return fail(deed->task, ERR_MISSING, "%.*s has no host name %.*s", FMT(present.name),
                    FMT(utf8_first(deed->word, 100)));
    txn_system_delete(txn, SYSTEM_TENANT_HOST, deed->word);
    return ERR_NONE;
}

enum err tenant_host_remove(struct task *task, const struct access *access, str name, str host)
{
    struct deed deed = {.task = task, .access = access, .word = host};
    TRY(tenant_find(task, access, name, &deed.tenant));
    TRY(deed_do(&deed, host_remove_run));
    return tell(&deed, arena_print(task->arena, "host %.*s removed", FMT(host)));
}

enum err tenant_hosts(struct task *task, const struct access *access, str name,
                      void (*each)(void *owner, str host, enum door door), void *owner)
{
    struct tenant tenant;
    struct space instance = store_instance(access->store);
    struct txn *txn;
    TRY(tenant_find(task, access, name, &tenant));
    TRY(txn_open(task, &instance, &txn));
    enum err err = ERR_NONE;
    for (str host = S(""); err == ERR_NONE;) {
        uint32_t number;
        enum door door;
        err = host_after(txn, host, &host, &number, &door);
        if (err == ERR_NONE && number == tenant.space.number) each(owner, host, door);
    }
    txn_close(txn);
    return err == ERR_MISSING ? ERR_NONE : err;
}

/* Deleting. */

static enum err drop_run(struct work *work, struct txn *txn)
{
    struct deed *deed = deed_of(work, txn);
    tenant_row_drop(txn, &deed->tenant);
    return ERR_NONE;
}

enum err tenant_delete(struct task *task, const struct access *access, str name)
{
    struct deed deed = {.task = task, .access = access};
    TRY(tenant_find(task, access, name, &deed.tenant));
    TRY(deed_do(&deed, drop_run));
    /* A change of it may be on its way: what refuses it stays until the next opening. */
    TRY(moving_erase(task, &deed.tenant.space, true));
    uploads_remove(task, &deed.tenant.space);
    return ERR_NONE;
}

static enum err forget_run(struct work *work, struct txn *txn)
{
    struct deed *deed = deed_of(work, txn);
    tenant_gone_drop(txn, deed->tenant.space.number);
    return ERR_NONE;
}

static enum err gone_find(struct task *task, const struct access *access, struct space *space_out)
{
    struct space instance = store_instance(access->store);
    struct txn *txn;
    TRY(txn_open(task, &instance, &txn));
    enum err err = tenant_gone_after(txn, 0, space_out);
    txn_close(txn);
    return err;
}

static enum err gone_erase(struct task *task, const struct access *access,
                           const struct space *space)
{
    struct deed deed = {.task = task, .access = access, .tenant = {.space = *space}};
    TRY(moving_erase(task, space, false));
    return deed_do(&deed, forget_run);
}

/** Its uuid finds its uploads: one tenant cannot be here twice. */
static enum err is_not_here(struct txn *txn, const struct access *access, struct id uuid)
{
    struct tenant other;
    for (uint32_t number = 0;; number = other.space.number) {
        enum err err = tenant_after(txn, access, number, &other);
        if (err == ERR_MISSING) return ERR_NONE;
        TRY(err);
        if (id_eq(other.space.uuid, uuid))
            return fail(txn_task(txn), ERR_CONFLICT, "this tenant is here already, as %.*s",
                        FMT(other.name));
    }
}

/** Those that a kill left, unless the same tenant has come back since. */
static enum err gone_uploads_remove(struct task *task, const struct access *access,
                                    const struct space *space)
{
    struct space instance = store_instance(access->store);
    struct txn *txn;
    TRY(txn_open(task, &instance, &txn));
    enum err err = is_not_here(txn, access, space->uuid);
    txn_close(txn);
    if (err == ERR_NONE) uploads_remove(task, space);
    if (err == ERR_CONFLICT) task_fault_clear(task);
    return err == ERR_CONFLICT ? ERR_NONE : err;
}

enum err tenants_sweep(struct task *task, const struct access *access)
{
    for (;;) {
        struct space space;
        enum err err = gone_find(task, access, &space);
        if (err == ERR_MISSING) return ERR_NONE;
        TRY(err);
        log_info("access", "the rows of tenant number %u, which is gone, are removed",
                 space.number);
        TRY(gone_uploads_remove(task, access, &space));
        TRY(gone_erase(task, access, &space));
    }
}

/* Moving. */

enum err tenant_export(struct task *task, const struct access *access, str name, str catalog,
                       str file)
{
    struct tenant tenant;
    TRY(tenant_find(task, access, name, &tenant));
    struct buf about = buf_make(task->arena, MOVING_ABOUT_BYTES_MAX);
    pack_map(&about, 5);
    pack_text(&about, S("version"));
    pack_int(&about, ABOUT_VERSION);
    pack_text(&about, S("name"));
    pack_text(&about, tenant.name);
    pack_text(&about, S("title"));
    pack_text(&about, tenant.title);
    pack_text(&about, S("is_suspended"));
    pack_bool(&about, tenant.is_suspended);
    pack_text(&about, S("catalog"));
    pack_bytes(&about, catalog);
    require(!buf_is_over(&about));
    return moving_export(task, &tenant.space, buf_str(&about), file);
}

struct arrival {
    struct moving_import import; /** first: `begin` is given it */
    struct deed deed;
    const struct tenant_import *wanted;
};

static enum err about_read(struct arrival *arrival, str about, str *catalog_out)
{
    struct value version = {}, name = {}, title = {}, is_suspended = {}, catalog = {};
    (void)value_find_text(about, S("version"), &version);
    (void)value_find_text(about, S("name"), &name);
    (void)value_find_text(about, S("title"), &title);
    (void)value_find_text(about, S("is_suspended"), &is_suspended);
    (void)value_find_text(about, S("catalog"), &catalog);
    if (version.kind != VALUE_INT || version.integer != ABOUT_VERSION || name.kind != VALUE_TEXT ||
        title.kind != VALUE_TEXT || title.text.len > TENANT_TITLE_BYTES_MAX ||
        is_suspended.kind != VALUE_BOOL || catalog.kind != VALUE_BYTES)
        return fail(arrival->deed.task, ERR_CONFLICT, "the file is of another version of Atrium");
    struct tenant *tenant = &arrival->deed.tenant;
    tenant->name = arrival->wanted->name.len > 0 ? arrival->wanted->name : name.text;
    tenant->title = title.text;
    tenant->is_suspended = is_suspended.boolean;
    *catalog_out = catalog.text;
    return ERR_NONE;
}

static enum err name_is_free(struct txn *txn, str name)
{
    enum err err = tenant_name_is_free(txn, name);
    if (err != ERR_CONFLICT) return err;
    task_fault_clear(txn_task(txn));
    return fail(txn_task(txn), err,
                "there is a tenant named %.*s already: choose another name with --name", FMT(name));
}

static enum err arrive_run(struct work *work, struct txn *txn)
{
    struct deed *deed = deed_of(work, txn);
    struct tenant *tenant = &deed->tenant;
    TRY(is_not_here(txn, deed->access, tenant->space.uuid));
    TRY(name_is_free(txn, tenant->name));
    uint32_t number;
    TRY(tenant_number_take(txn, tenant->space.uuid, &number));
    tenant->space = store_space(deed->access->store, number, tenant->space.uuid);
    return ERR_NONE;
}

static enum err name_run(struct work *work, struct txn *txn)
{
    struct deed *deed = deed_of(work, txn);
    TRY(is_not_here(txn, deed->access, deed->tenant.space.uuid));
    TRY(name_is_free(txn, deed->tenant.name));
    tenant_row_put(txn, &deed->tenant);
    return ERR_NONE;
}

static enum err arrival_begin(struct moving_import *import, str about, struct id uuid,
                              struct space *space_out)
{
    struct arrival *arrival = (struct arrival *)import;
    struct deed *deed = &arrival->deed;
    struct task *task = deed->task;
    str catalog;
    TRY(about_read(arrival, about, &catalog));
    str fault = tenant_name_fault(deed->tenant.name);
    if (fault.len > 0)
        return fail(task, ERR_INVALID, "%.*s %.*s", FMT(deed->tenant.name), FMT(fault));
    TRY(arrival->wanted->judge(task, deed->access->model, catalog));
    deed->tenant.space.uuid = uuid;
    TRY(deed_do(deed, arrive_run));
    *space_out = deed->tenant.space;
    return ERR_NONE;
}

enum err tenant_import(struct task *task, const struct access *access,
                       const struct tenant_import *wanted, struct tenant *tenant_out)
{
    struct arrival arrival = {
        .import = {.file = wanted->file,
                   .key_file = wanted->key_file,
                   .is_stopped = wanted->is_stopped,
                   .begin = arrival_begin},
        .deed = {.task = task, .access = access},
        .wanted = wanted,
    };
    enum err err = moving_import(task, access->store, &arrival.import);
    if (err == ERR_NONE) err = deed_do(&arrival.deed, name_run);
    if (err == ERR_NONE) {
        *tenant_out = arrival.deed.tenant;
        return ERR_NONE;
    }
    /* What the erasing says must not hide why. If it fails too, the next opening goes on. */
    struct task quiet = {.arena = task->arena};
    if (arrival.import.space.number != 0 &&
        gone_erase(&quiet, access, &arrival.import.space) != ERR_NONE)
        log_warning("access", "the rows of tenant number %u wait for the next start",
                    arrival.import.space.number);
    return err;
}
