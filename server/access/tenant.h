/** tenant: what a tenant may be called, and which tenant and door a host name leads to.
 *
 *  Rows    instance: SYSTEM_TENANT_NAME: name → number; SYSTEM_TENANT: number →
 *          {"name", "title", "uuid", "state"}; SYSTEM_COUNTER "tenant": the newest number given.
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
