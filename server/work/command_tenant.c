#include "access/tenant_life.h"
#include "base/require.h"
#include "record/forget.h"
#include "work/catalog.h"
#include "work/command.h"
#include "work/mail_outbox.h"
#include "work/passphrase.h"

static int suspend(struct command_place *place, const struct arguments *arguments,
                   struct console *console, bool is_suspended)
{
    enum err err = tenant_suspend(place->task, &place->access, arguments->operand, is_suspended);
    if (err != ERR_NONE) return console_fail(console, place->task, err);
    console_print(console, "%.*s is %s\n", FMT(arguments->operand),
                  is_suspended ? "suspended: requests are refused, its data is kept"
                               : "no longer suspended");
    return 0;
}

int command_tenant_suspend(struct command_place *place, const struct arguments *arguments,
                           struct console *console)
{
    return suspend(place, arguments, console, true);
}

int command_tenant_resume(struct command_place *place, const struct arguments *arguments,
                          struct console *console)
{
    return suspend(place, arguments, console, false);
}

int command_tenant_rename(struct command_place *place, const struct arguments *arguments,
                          struct console *console)
{
    str name = arguments->values[FLAG_NAME];
    enum err err = tenant_rename(place->task, &place->access, arguments->operand, name);
    if (err != ERR_NONE) return console_fail(console, place->task, err);
    err = mail_files_rename(place->task, &place->access, arguments->operand, name);
    if (err != ERR_NONE) return console_fail(console, place->task, err);
    str address = command_address(place, name);
    console_print(console, "%.*s\n", FMT(address));
    return 0;
}

static void print_host(void *owner, str host, enum door door)
{
    console_print(owner, "%.*s\t%s\n", FMT(host), door == DOOR_PORTAL ? "portal" : "staff");
}

int command_tenant_host(struct command_place *place, const struct arguments *arguments,
                        struct console *console)
{
    struct task *task = place->task;
    const struct access *access = &place->access;
    str name = arguments->operand, add = arguments->values[FLAG_ADD];
    str remove = arguments->values[FLAG_REMOVE], door = arguments->values[FLAG_DOOR];
    if ((add.len > 0) != (door.len > 0))
        return console_misuse(console, "--add and --door go together: whom it is for decides "
                                       "what is shown there");
    enum err err = ERR_NONE;
    if (remove.len > 0) err = tenant_host_remove(task, access, name, remove);
    if (err == ERR_NONE && add.len > 0)
        err = tenant_host_add(task, access, name, add,
                              str_eq(door, S("portal")) ? DOOR_PORTAL : DOOR_STAFF);
    if (err == ERR_NONE) err = tenant_hosts(task, access, name, print_host, console);
    return err == ERR_NONE ? 0 : console_fail(console, task, err);
}

int command_tenant_delete(struct command_place *place, const struct arguments *arguments,
                          struct console *console)
{
    uint32_t mail_count;
    enum err err = tenant_delete(place->task, &place->access, arguments->operand);
    if (err == ERR_NONE)
        err = mail_files_forget(place->task, &place->access, arguments->operand, nullptr, nullptr,
                                &mail_count);
    if (err != ERR_NONE) return console_fail(console, place->task, err);
    console_print(console, "%.*s is deleted; `atrium compact` gives its room back\n",
                  FMT(arguments->operand));
    return 0;
}

int command_tenant_export(struct command_place *place, const struct arguments *arguments,
                          struct console *console)
{
    struct task *task = place->task;
    str catalog = catalog_write(task, place->access.model);
    enum err err =
        tenant_export(task, &place->access, arguments->operand, catalog, arguments->path);
    if (err != ERR_NONE) return console_fail(console, task, err);
    console_print(console,
                  "%.*s, and its key in %.*s.key: `tenant import` needs both; let them travel "
                  "apart\n",
                  FMT(arguments->path), FMT(arguments->path));
    return 0;
}

int command_tenant_import(struct command_place *place, const struct arguments *arguments,
                          struct console *console)
{
    struct task *task = place->task;
    struct tenant tenant;
    const struct tenant_import wanted = {
        .file = arguments->operand,
        .key_file = arguments->values[FLAG_KEY],
        .name = arguments->values[FLAG_NAME],
        .is_stopped = place->is_stopping,
        .judge = catalog_judge,
    };
    enum err err = tenant_import(task, &place->access, &wanted, &tenant);
    if (err != ERR_NONE) return console_fail(console, task, err);
    str address = command_address(place, tenant.name);
    console_print(console, "%.*s%s\n", FMT(address), tenant.is_suspended ? " (suspended)" : "");
    return 0;
}

/* compact */

static enum err tenant_next(struct task *task, const struct access *access, struct space *space)
{
    struct space instance = store_instance(access->store);
    struct txn *txn;
    struct tenant tenant = {};
    TRY(txn_open(task, &instance, &txn));
    enum err err = tenant_after(txn, access, space->number, &tenant);
    *space = tenant.space;
    txn_close(txn);
    return err;
}

/** Rows that wait for their removal take room too, and so does the history of what never was. */
static enum err empty_first(struct task *task, const struct arguments *arguments,
                            uint64_t *forgotten_out)
{
    struct access access = {};
    struct space space = {};
    struct passphrase_asking asking;
    struct store_options options = {.folder = arguments->values[FLAG_DATA],
                                    .must_exist = true,
                                    .passphrase = passphrase_of(&asking, arguments)};
    enum err err = store_open(task, &options, &access.store);
    passphrase_forget(&asking);
    TRY(err);
    err = tenants_sweep(task, &access);
    if (err == ERR_NONE) err = mail_folders_sweep(task, &access);
    while (err == ERR_NONE) {
        err = tenant_next(task, &access, &space);
        if (err == ERR_NONE) err = forget_undone(task, &space, forgotten_out);
    }
    store_close(access.store);
    return err == ERR_MISSING ? ERR_NONE : err;
}

static enum err compact(struct task *task, const struct arguments *arguments,
                        const struct console *console)
{
    str folder = arguments->values[FLAG_DATA];
    uint64_t before, after, forgotten = 0;
    if (store_is_owned(folder))
        return fail(task, ERR_CONFLICT,
                    "%.*s is held by a server or another command: stop it, then compact",
                    FMT(folder));
    TRY(empty_first(task, arguments, &forgotten));
    TRY(store_compact(task, folder, &before, &after));
    str from = number_text(task->arena, before), to = number_text(task->arena, after);
    console_print(console, "data.mdb: %.*s bytes, before %.*s\n", FMT(to), FMT(from));
    if (forgotten == 0) return ERR_NONE;
    str groups = number_text(task->arena, forgotten);
    console_print(console, "%.*s changes that were undone whole left no history\n", FMT(groups));
    return ERR_NONE;
}

int command_compact([[maybe_unused]] struct command_place *place, const struct arguments *arguments,
                    struct console *console)
{
    require(place == nullptr);
    struct arena arena;
    struct task task;
    arena_init(&arena, TASK_ARENA_BYTES_MAX);
    task_init(&task, &arena);
    enum err err = compact(&task, arguments, console);
    int status = err == ERR_NONE ? 0 : console_fail(console, &task, err);
    arena_drop(&arena);
    return status;
}
