/** tenant_life: what becomes of a tenant: suspended, deleted, taken to another instance.
 *
 *  Floor   access.
 *  Thread  one that may block.
 *
 *  A tenant is there from the commit that writes its row and its name until the commit that removes
 *  them; before and behind it its number stands among those that are gone (SYSTEM_GONE). So what a
 *  killed command leaves belongs to nobody, and the next opening of the directory removes it.
 */
#pragma once

#include <stdatomic.h>

#include "access/access.h"

/** ERR_MISSING: there is none of this name. Its requests are answered 403 meanwhile. */
enum err tenant_suspend(struct task *task, const struct access *access, str name,
                        bool is_suspended);

/** From now on it is found by the new name alone; sessions go on. ERR_CONFLICT: that is another's.
 *  ERR_INVALID: it is no name. */
enum err tenant_rename(struct task *task, const struct access *access, str name, str new_name);

/** A host name beside those under the instance's domain leads to it by this door; one that is its
 *  own already gets the door. ERR_CONFLICT: it leads to another tenant. */
enum err tenant_host_add(struct task *task, const struct access *access, str name, str host,
                         enum door door);
/** ERR_MISSING: it is none of its own. */
enum err tenant_host_remove(struct task *task, const struct access *access, str name, str host);
/** Calls `each` for each of them. */
enum err tenant_hosts(struct task *task, const struct access *access, str name,
                      void (*each)(void *owner, str host, enum door door), void *owner);

/** At once nobody finds it; its data key goes, then its rows, in slices. */
enum err tenant_delete(struct task *task, const struct access *access, str name);

/** Removes the rows of tenants that are gone or never came to be. When nothing else runs. */
enum err tenants_sweep(struct task *task, const struct access *access);

/** `catalog`: which entities and fields wrote the rows; the instance it comes to must know them. */
enum err tenant_export(struct task *task, const struct access *access, str name, str catalog,
                       str file);

struct tenant_import {
    str file;
    str key_file; /** empty: `file`.key */
    str name;     /** empty: its own */
    const atomic_bool *is_stopped;
    /** Whether rows that were written with this catalog are understood here. */
    enum err (*judge)(struct task *task, const struct model *model, str catalog);
};
/** ERR_CONFLICT: the name or the tenant itself is here already, or the catalog is another.
 *  ERR_CORRUPT: the file is cut short, altered, or of another key. Nothing is left then. */
enum err tenant_import(struct task *task, const struct access *access,
                       const struct tenant_import *wanted, struct tenant *tenant_out);
