/** tenant: what a tenant may be called, and which tenant and door a host name leads to.
 *
 *  Rows    instance: SYSTEM_TENANT_NAME: name → number; SYSTEM_TENANT: number →
 *          {"name", "title", "uuid", "state"}; SYSTEM_COUNTER "tenant": the newest number given;
 *          SYSTEM_GONE: number → {"uuid"} of a tenant that is not here yet, or no more.
 *  Floor   access.
 *  Thread  any.
 */
#pragma once

#include "access/access.h"

constexpr size_t TENANT_NAME_BYTES_MIN = 2;
constexpr size_t TENANT_TITLE_BYTES_MAX = 800;

/** Empty when the name may be given, else the end of a sentence that begins with the name. */
str tenant_name_fault(str name);

/** The tenant's name in `NAME.DOMAIN` or `NAME-portal.DOMAIN`; false for any other host. */
bool tenant_host_read(str host, str domain, str *name_out, enum door *door_out);

/** Without entering its space; in the instance's own. ERR_MISSING: there is none. */
enum err tenant_of_name(struct txn *txn, const struct access *access, str name,
                        struct tenant *tenant_out);

/* Host names of a tenant's own, each with a door. */

constexpr size_t HOST_BYTES_MAX = 253; /** RFC 1035, written out */
constexpr uint32_t HOSTS_OF_TENANT_MAX = 20;

/** Whether tenants can lie below this name: labels of lower-case letters, digits and hyphens. */
bool host_is_domain(str name);
/** Empty when it may be a tenant's own, else the end of a sentence that begins with the host. */
str host_fault(str host, str domain);
/** In the instance's own space. ERR_MISSING: it is nobody's. */
enum err host_find(struct txn *txn, str host, uint32_t *number_out, enum door *door_out);
/** In the instance's lane. */
void host_put(struct txn *txn, str host, uint32_t number, enum door door);
/** The next host behind `after` (empty: the first of all); ERR_MISSING at the end. */
enum err host_after(struct txn *txn, str after, str *host_out, uint32_t *number_out,
                    enum door *door_out);

/* Parts of making one, in the instance's lane. */

/** ERR_CONFLICT, with a fault of `name`: it is another tenant's. */
enum err tenant_name_is_free(struct txn *txn, str name);
/** The next number, which is used up even if nothing comes of it: until tenant_row_put its rows are
 *  those of nobody, which tenants_sweep removes. */
enum err tenant_number_take(struct txn *txn, struct id uuid, uint32_t *number_out);
/** From now on the name leads to it. */
void tenant_row_put(struct txn *txn, const struct tenant *tenant);
/** The name leads nowhere; the rows are for tenants_sweep. */
void tenant_row_drop(struct txn *txn, const struct tenant *tenant);
/** The number's rows are all gone. */
void tenant_gone_drop(struct txn *txn, uint32_t number);
/** The first tenant behind `after` (0: the first of all) of which only rows are left or there yet;
 *  ERR_MISSING: none. */
enum err tenant_gone_after(struct txn *txn, uint32_t after, struct space *space_out);
