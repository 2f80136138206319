/** command: what the command line does with a data directory that is open, here or in the server
 *  that owns it.
 *
 *  Floor   work.
 *  Thread  one that may block.
 */
#pragma once

#include <stdatomic.h>

#include "access/access.h"
#include "work/arguments.h"
#include "work/job.h"

/** A data directory, open. */
struct command_place {
    struct task *task;    /** of this command alone */
    struct access access; /** its model is nullptr for commands that need only the store */
    str scheme;           /** for the addresses that are shown: `http` */
    uint16_t port;        /** 0: as the scheme has it */
    const struct hooks *hooks;
    struct rules *rules;
    struct jobs *jobs; /** of the server that runs this; nullptr: the data is opened alone */
    /** set when the server that runs this must end; nullptr: never */
    const atomic_bool *is_stopping;
};

/* What most commands take. */
#define FLAGS_EVERY (FLAG_BIT(DATA) | FLAG_BIT(CONFIG) | FLAG_BIT(PASSPHRASE_FILE))
#define FLAGS_MODEL (FLAGS_EVERY | FLAG_BIT(RUNNER) | FLAG_BIT(SCHEMA))

/** Commands on a data directory; `serve` and `demo` are main.c's own. */
extern const struct command data_commands[];
extern const uint32_t data_command_count;

static inline bool command_is_stopping(const struct command_place *place)
{
    return place->is_stopping != nullptr && atomic_load(place->is_stopping);
}

/** `http://acme.localhost:8080/` */
str command_address(const struct command_place *place, str tenant_name);

/** ERR_MISSING: the detail says that there is none of this name. */
enum err command_tenant_find(struct command_place *place, str name, struct tenant *tenant_out);

/* Each gives its exit status. */
int command_tenant_create(struct command_place *place, const struct arguments *arguments,
                          struct console *console);
int command_tenant_list(struct command_place *place, const struct arguments *arguments,
                        struct console *console);
int command_tenant_suspend(struct command_place *place, const struct arguments *arguments,
                           struct console *console);
int command_tenant_resume(struct command_place *place, const struct arguments *arguments,
                          struct console *console);
/** Renames; `--name` is the new one. */
int command_tenant_rename(struct command_place *place, const struct arguments *arguments,
                          struct console *console);
/** Adds or removes a host name of the tenant's own; without either lists them. */
int command_tenant_host(struct command_place *place, const struct arguments *arguments,
                        struct console *console);
/** Prints the tenant's quotas and what is in use; `--set` sets some first. */
int command_tenant_quota(struct command_place *place, const struct arguments *arguments,
                         struct console *console);
int command_tenant_delete(struct command_place *place, const struct arguments *arguments,
                          struct console *console);
int command_tenant_export(struct command_place *place, const struct arguments *arguments,
                          struct console *console);
int command_tenant_import(struct command_place *place, const struct arguments *arguments,
                          struct console *console);
int command_token_create(struct command_place *place, const struct arguments *arguments,
                         struct console *console);
int command_import(struct command_place *place, const struct arguments *arguments,
                   struct console *console);
int command_check(struct command_place *place, const struct arguments *arguments,
                  struct console *console);
/** `check --audit`: the change logs alone, link by link. */
int command_check_audit(struct command_place *place, const struct arguments *arguments,
                        struct console *console);
/** Prints the newest link of a tenant's log, to be kept elsewhere. */
int command_audit_head(struct command_place *place, const struct arguments *arguments,
                       struct console *console);
/** Calls `each` for every tenant, on one snapshot. */
enum err command_tenants_walk(struct command_place *place,
                              enum err (*each)(void *owner, const struct tenant *tenant),
                              void *owner);
/** Before a check by a process of its own: should a damaged page end it, it says whose it was. */
void command_check_alone(void);
int command_key_rotate(struct command_place *place, const struct arguments *arguments,
                       struct console *console);
int command_backup(struct command_place *place, const struct arguments *arguments,
                   struct console *console);
/** Needs no place: makes one. */
int command_restore(struct command_place *place, const struct arguments *arguments,
                    struct console *console);
/** Needs no place: nobody else may hold the directory. */
int command_compact(struct command_place *place, const struct arguments *arguments,
                    struct console *console);
