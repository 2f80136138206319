#include "access/tenant.h"
#include "base/require.h"
#include "value/value.h"

/* Row: SYSTEM_TENANT_HOST: host, lower case → [number of the tenant, door]. */

constexpr size_t HOST_ROW_BYTES_MAX = 16;
constexpr size_t LABEL_BYTES_MAX = 63;

static bool is_label(str label)
{
    if (label.len == 0 || label.len > LABEL_BYTES_MAX) return false;
    if (label.at[0] == '-' || label.at[label.len - 1] == '-') return false;
    for (size_t at = 0; at < label.len; at++) {
        char byte = label.at[at];
        bool is_letter = byte >= 'a' && byte <= 'z', is_digit = byte >= '0' && byte <= '9';
        if (!is_letter && !is_digit && byte != '-') return false;
    }
    return true;
}

/** No top-level domain is a number, so an address in digits is no host name. */
static bool is_number(str label)
{
    for (size_t at = 0; at < label.len; at++)
        if (label.at[at] < '0' || label.at[at] > '9') return false;
    return true;
}

bool host_is_domain(str name)
{
    str label;
    for (bool is_more = true; is_more;) {
        is_more = str_cut(name, '.', &label, &name);
        if (!is_label(label)) return false;
    }
    return true;
}

str host_fault(str host, str domain)
{
    if (host.len > HOST_BYTES_MAX) return S("is longer than 253 characters");
    uint32_t label_count = 0;
    str label = {};
    for (str rest = host; rest.len > 0 || label_count == 0; label_count++) {
        bool has_more = str_cut(rest, '.', &label, &rest);
        if (!is_label(label) || (has_more && rest.len == 0))
            return S("is no host name in lower-case letters, digits, hyphens and dots");
    }
    if (label_count < 2) return S("has no dot: names within a network lead to whoever asks");
    if (is_number(label)) return S("is an address, not a name");
    bool is_below = host.len > domain.len && str_ends(host, domain) &&
                    host.at[host.len - domain.len - 1] == '.';
    if (is_below || str_eq(host, domain))
        return S("lies under the instance's own domain, where tenants are found by their names");
    return S("");
}

static bool row_read(str row, uint32_t *number_out, enum door *door_out)
{
    struct value list = value_of(row), number, door;
    struct cursor items = cursor_of(list.items);
    if (list.kind != VALUE_LIST || list.count != 2 || !value_next(&items, &number) ||
        number.kind != VALUE_INT || number.integer <= 0 || number.integer > UINT32_MAX ||
        !value_next(&items, &door) || door.kind != VALUE_INT ||
        (door.integer != DOOR_STAFF && door.integer != DOOR_PORTAL))
        return false;
    *number_out = (uint32_t)number.integer;
    *door_out = (enum door)door.integer;
    return true;
}

enum err host_find(struct txn *txn, str host, uint32_t *number_out, enum door *door_out)
{
    str row;
    if (host.len == 0 || host.len > HOST_BYTES_MAX) return ERR_MISSING;
    TRY(txn_system_get(txn, SYSTEM_TENANT_HOST, host, txn_task(txn)->arena, &row));
    return row_read(row, number_out, door_out) ? ERR_NONE : ERR_CORRUPT;
}

void host_put(struct txn *txn, str host, uint32_t number, enum door door)
{
    require(host.len > 0 && host.len <= HOST_BYTES_MAX && number > 0);
    struct buf row = buf_make(txn_task(txn)->arena, HOST_ROW_BYTES_MAX);
    pack_list(&row, 2);
    pack_int(&row, number);
    pack_int(&row, door);
    txn_system_put(txn, SYSTEM_TENANT_HOST, host, buf_str(&row));
}

enum err host_after(struct txn *txn, str after, str *host_out, uint32_t *number_out,
                    enum door *door_out)
{
    str row;
    struct arena *arena = txn_task(txn)->arena;
    TRY(txn_system_after(txn, SYSTEM_TENANT_HOST, after, arena, host_out, &row));
    return row_read(row, number_out, door_out) ? ERR_NONE : ERR_CORRUPT;
}
