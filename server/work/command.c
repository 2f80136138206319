#include "work/command.h"
#include "work/passphrase.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/require.h"
#include "base/random.h"
#include "record/check.h"
#include "record/quota.h"

constexpr size_t PASSWORD_RANDOM_BYTES = 15; /** 20 characters */
constexpr uint64_t FAULTS_SHOWN_MAX = 1000;  /** of a check; the rest are counted */
constexpr uint32_t TENANTS_MAX = 1'000'000;

str command_address(const struct command_place *place, str tenant_name)
{
    struct arena *arena = place->task->arena;
    str domain = place->access.domain;
    bool is_usual = place->port == 0 || (place->port == 80 && str_eq(place->scheme, S("http"))) ||
                    (place->port == 443 && str_eq(place->scheme, S("https")));
    if (is_usual)
        return arena_print(arena, "%.*s://%.*s.%.*s/", FMT(place->scheme), FMT(tenant_name),
                           FMT(domain));
    return arena_print(arena, "%.*s://%.*s.%.*s:%u/", FMT(place->scheme), FMT(tenant_name),
                       FMT(domain), place->port);
}

static str password_make(struct arena *arena)
{
    char bytes[PASSWORD_RANDOM_BYTES];
    random_fill(bytes, sizeof bytes);
    str password = base64url_write(arena, (str){bytes, sizeof bytes});
    bytes_wipe(bytes, sizeof bytes);
    return password;
}

int command_tenant_create(struct command_place *place, const struct arguments *arguments,
                          struct console *console)
{
    struct task *task = place->task;
    bool is_made = !arguments_has(arguments, FLAG_PASSWORD_FILE);
    struct tenant_new wanted = {
        .name = arguments->operand,
        .title = arguments->values[FLAG_TITLE],
        .owner_email = arguments->values[FLAG_OWNER],
        .owner_password =
            is_made ? password_make(task->arena) : arguments->values[FLAG_PASSWORD_FILE],
    };
    struct tenant tenant;
    enum err err = tenant_create(task, &place->access, &wanted, &tenant);
    if (err != ERR_NONE) return console_fail(console, task, err);
    str address = command_address(place, tenant.name);
    console_print(console, "%.*s\n", FMT(address));
    if (is_made)
        console_print(console, "%.*s signs in with the password %.*s (shown this once)\n",
                      FMT(wanted.owner_email), FMT(wanted.owner_password));
    return 0;
}

enum err command_tenants_walk(struct command_place *place,
                              enum err (*each)(void *owner, const struct tenant *tenant),
                              void *owner)
{
    struct space instance = store_instance(place->access.store);
    struct txn *txn;
    TRY(txn_open(place->task, &instance, &txn));
    enum err err = ERR_NONE;
    for (uint32_t number = 0; err == ERR_NONE;) {
        struct tenant tenant;
        err = tenant_after(txn, &place->access, number, &tenant);
        if (err != ERR_NONE) break;
        number = tenant.space.number;
        err = each(owner, &tenant);
    }
    txn_close(txn);
    return err == ERR_MISSING ? ERR_NONE : err;
}

struct listing {
    struct command_place *place;
    struct buf text;
};

static enum err list_tenant(void *owner, const struct tenant *tenant)
{
    struct listing *listing = owner;
    str address = command_address(listing->place, tenant->name);
    struct txn *txn;
    int64_t records = 0;
    TRY(txn_open(listing->place->task, &tenant->space, &txn));
    enum err err = quota_use(txn, QUOTA_RECORDS, &records);
    txn_close(txn);
    buf_print(&listing->text, "%.*s\t%.*s\t%.*s\t%lld%s\n", FMT(tenant->name), FMT(tenant->title),
              FMT(address), (long long)records, tenant->is_suspended ? "\tsuspended" : "");
    return err;
}

int command_tenant_list(struct command_place *place,
                        [[maybe_unused]] const struct arguments *arguments, struct console *console)
{
    struct listing listing = {place, buf_make(place->task->arena, 16 * MIB)};
    enum err err = command_tenants_walk(place, list_tenant, &listing);
    if (err != ERR_NONE) return console_fail(console, place->task, err);
    console_print(console, "%.*s", FMT(buf_str(&listing.text)));
    return 0;
}

enum err command_tenant_find(struct command_place *place, str name, struct tenant *tenant_out)
{
    struct space instance = store_instance(place->access.store);
    struct txn *txn;
    TRY(txn_open(place->task, &instance, &txn));
    enum err err = tenant_enter_name(txn, &place->access, name, tenant_out);
    tenant_out->name = arena_copy(place->task->arena, name);
    tenant_out->title = (str){};
    txn_close(txn);
    if (err == ERR_MISSING)
        return fail(place->task, err, "there is no tenant named %.*s", FMT(name));
    return err;
}

int command_token_create(struct command_place *place, const struct arguments *arguments,
                         struct console *console)
{
    struct task *task = place->task;
    struct tenant tenant;
    str token;
    struct token_wanted wanted = {
        .email = arguments->values[FLAG_USER],
        .role = arguments->values[FLAG_ROLE],
        .days = (uint32_t)arguments_number(arguments, FLAG_EXPIRES),
    };
    enum err err = command_tenant_find(place, arguments->values[FLAG_TENANT], &tenant);
    if (err == ERR_NONE) err = token_create(task, &place->access, &tenant.space, &wanted, &token);
    if (err != ERR_NONE) return console_fail(console, task, err);
    console_print(console, "%.*s\n", FMT(token));
    return 0;
}

/* check */

struct checking {
    struct check_report report;
    struct command_place *place;
    struct console *console;
    uint32_t tenant_max;
    uint32_t tenant_count;
    struct tenant *tenants;
    struct progress progress;
};

static enum err count_tenant(void *owner, [[maybe_unused]] const struct tenant *tenant)
{
    ++*(uint32_t *)owner;
    return ERR_NONE;
}

static enum err note_tenant(void *owner, const struct tenant *tenant)
{
    struct checking *checking = owner;
    if (checking->tenant_count == checking->tenant_max) return ERR_NONE; /* made meanwhile */
    struct tenant *noted = &checking->tenants[checking->tenant_count++];
    *noted = *tenant;
    noted->name = arena_copy(checking->place->task->arena, tenant->name);
    noted->title = (str){};
    return ERR_NONE;
}

static str tenant_name_of(const struct checking *checking, uint32_t number)
{
    for (uint32_t at = 0; at < checking->tenant_count; at++)
        if (checking->tenants[at].space.number == number) return checking->tenants[at].name;
    return number == 0 ? S("the instance") : S("a tenant without a name");
}

static void check_found(struct check_report *report, uint32_t tenant, str what)
{
    struct checking *checking = (struct checking *)report;
    report->fault_count++;
    if (report->fault_count > FAULTS_SHOWN_MAX) return;
    progress_end(&checking->progress);
    str name = tenant_name_of(checking, tenant);
    console_print(checking->console, "fault: %.*s (number %u): %.*s\n", FMT(name), tenant,
                  FMT(what));
}

/* LMDB reads pages through the memory map and trusts them, so a damaged one may end the process.
   Then at least the tenant is told. */

static bool is_alone;
static char checked_name[TENANT_NAME_BYTES_MAX + 1];

static void note_checked(str name)
{
    if (is_alone) (void)snprintf(checked_name, sizeof checked_name, "%.*s", FMT(name));
}

static void check_died(int)
{
    static const char before[] = "atrium: a damaged page was met while checking ";
    static const char behind[] = "; the rest was not checked\n";
    if (write(STDERR_FILENO, before, sizeof before - 1) > 0 &&
        write(STDERR_FILENO, checked_name, strlen(checked_name)) > 0)
        (void)!write(STDERR_FILENO, behind, sizeof behind - 1);
    _exit(1);
}

void command_check_alone(void)
{
    static const int deaths[] = {SIGSEGV, SIGBUS, SIGABRT};
    is_alone = true;
    note_checked(S("the environment"));
    for (size_t at = 0; at < sizeof deaths / sizeof deaths[0]; at++)
        (void)sigaction(deaths[at], &(struct sigaction){.sa_handler = check_died}, nullptr);
}

static enum err check_tenants(struct checking *checking)
{
    struct command_place *place = checking->place;
    for (uint32_t at = 0; at < checking->tenant_count; at++) {
        const struct tenant *tenant = &checking->tenants[at];
        if (command_is_stopping(place))
            return fail(place->task, ERR_FULL, "the check was stopped: the server ends");
        note_checked(tenant->name);
        uint64_t faults_before = checking->report.fault_count;
        progress_show(&checking->progress, at, checking->tenant_count, "%.*s", FMT(tenant->name));
        TRY(record_check(place->task, &tenant->space, place->access.model, place->hooks->formulas,
                         &checking->report));
        progress_end(&checking->progress);
        if (checking->report.fault_count == faults_before)
            console_print(checking->console,
                          "%.*s: indexes, words, references, flags and required fields hold\n",
                          FMT(tenant->name));
    }
    return ERR_NONE;
}

static enum err check_all(struct checking *checking)
{
    struct command_place *place = checking->place;
    struct task *task = place->task;
    TRY(command_tenants_walk(place, count_tenant, &checking->tenant_max));
    if (checking->tenant_max > TENANTS_MAX)
        return fail(task, ERR_TOO_LARGE, "more than %u tenants", TENANTS_MAX);
    checking->tenants = arena_new(task->arena, struct tenant, checking->tenant_max + 1);
    TRY(command_tenants_walk(place, note_tenant, checking));
    TRY(store_check(task, place->access.store, &checking->report));
    if (checking->report.fault_count == 0) {
        str keys = number_text(task->arena, checking->report.keys_checked);
        console_print(checking->console,
                      "environment: %.*s keys parse, every hash fits, every log's chain holds\n",
                      FMT(keys));
    }
    return check_tenants(checking);
}

int command_check(struct command_place *place, const struct arguments *arguments,
                  struct console *console)
{
    struct task *task = place->task;
    if (arguments_has(arguments, FLAG_AUDIT) || arguments_has(arguments, FLAG_ANCHOR))
        return command_check_audit(place, arguments, console);
    if (arguments_has(arguments, FLAG_TENANT))
        return console_misuse(console, "--tenant goes with --audit: all else is checked whole");
    struct checking checking = {
        .report = {.found = check_found}, .place = place, .console = console};
    progress_start(&checking.progress, console);
    enum err err = check_all(&checking);
    progress_end(&checking.progress);
    if (err != ERR_NONE) return console_fail(console, task, err);
    if (checking.report.fault_count == 0) {
        console_print(console, "everything holds (%u tenants)\n", checking.tenant_count);
        return 0;
    }
    str faults = number_text(task->arena, checking.report.fault_count);
    return console_complain(console, "%.*s faults were found", FMT(faults));
}

/* backup, restore */

int command_backup(struct command_place *place, const struct arguments *arguments,
                   struct console *console)
{
    enum err err = store_backup(place->task, place->access.store, arguments->operand);
    if (err != ERR_NONE) return console_fail(console, place->task, err);
    console_print(console, "%.*s, and its key in %.*s.key: keep the key elsewhere\n",
                  FMT(arguments->operand), FMT(arguments->operand));
    return 0;
}

int command_restore([[maybe_unused]] struct command_place *place, const struct arguments *arguments,
                    struct console *console)
{
    require(place == nullptr);
    struct arena arena;
    struct task task;
    arena_init(&arena, TASK_ARENA_BYTES_MAX);
    task_init(&task, &arena);
    str folder = arguments->values[FLAG_DATA];
    struct passphrase_asking asking;
    enum err err = store_restore(&task, arguments->operand, arguments->values[FLAG_KEY],
                                 passphrase_of(&asking, arguments), folder);
    passphrase_forget(&asking);
    int status = 0;
    if (err != ERR_NONE) status = console_fail(console, &task, err);
    else
        console_print(console, "%.*s holds what %.*s held\n", FMT(folder), FMT(arguments->operand));
    arena_drop(&arena);
    return status;
}
