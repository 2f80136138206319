#include "http/loop.h"

/* What every answer tells a browser, whoever made it: handlers, this folder, or h2o itself.
 * Sources: OWASP ASVS 5.0, 3.4.1 to 3.4.8; CSP level 3; RFC 6797. */

#define HEADER(name_, value_) \
    { \
        {H2O_STRLIT(name_)}, {H2O_STRLIT(value_)}, STANDING_ALL \
    }

static struct {
    h2o_iovec_t name;
    h2o_iovec_t value;
    enum standing standing;
} headers[] = {
    HEADER("x-content-type-options", "nosniff"),
    HEADER("referrer-policy", "no-referrer"),
    HEADER("x-frame-options", "DENY"),
    HEADER("cross-origin-opener-policy", "same-origin"),
    HEADER("cross-origin-resource-policy", "same-origin"),
    HEADER("permissions-policy", "accelerometer=(), camera=(), display-capture=(), geolocation=(), "
                                 "gyroscope=(), magnetometer=(), microphone=(), midi=(), "
                                 "payment=(), usb=()"),
    /* An answer is no page unless it says so itself; one that is shown all the same, such as a
     * file that somebody brought in, can do nothing and reach nothing. */
    {{H2O_STRLIT("content-security-policy")},
     {H2O_STRLIT("default-src 'none'; base-uri 'none'; form-action 'none'; "
                 "frame-ancestors 'none'; sandbox")},
     STANDING_POLICY},
    {{H2O_STRLIT("cache-control")}, {H2O_STRLIT("no-store")}, STANDING_CACHE},
};
constexpr size_t HEADER_COUNT = sizeof headers / sizeof headers[0];

/** Not of sub-domains: a firm's own host name may have some that are none of ours. */
static h2o_iovec_t secure_value = {H2O_STRLIT("max-age=31536000")};

enum standing standing_of(str name)
{
    if (str_eq(name, S("cache-control"))) return STANDING_CACHE;
    return str_eq(name, S("content-security-policy")) ? STANDING_POLICY : STANDING_ALL;
}

void standing_add(h2o_req_t *request, unsigned own, bool is_secure)
{
    h2o_headers_t *to = &request->res.headers;
    h2o_vector_reserve(&request->pool, to, to->size + HEADER_COUNT + 1);
    /* Names and values stand for ever, so nothing is copied. */
    for (size_t at = 0; at < HEADER_COUNT; at++)
        if ((headers[at].standing & own) == 0)
            to->entries[to->size++] =
                (h2o_header_t){.name = &headers[at].name, .value = headers[at].value};
    if (is_secure)
        to->entries[to->size++] = (h2o_header_t){.name = &H2O_TOKEN_STRICT_TRANSPORT_SECURITY->buf,
                                                 .value = secure_value};
}
