#include "api/cookie.h"

#include "base/crypto.h"
#include "base/require.h"

str cookie_name(bool is_plain)
{
    return is_plain ? S("atrium") : S("__Host-atrium");
}

str cookie_write(struct arena *arena, bool is_plain, str token, int64_t age_ms_max)
{
    require(age_ms_max >= 0);
    str name = cookie_name(is_plain);
    long long age_s = token.len == 0 ? 0 : (long long)(age_ms_max / 1000);
    return arena_print(arena, "%.*s=%.*s; Path=/; Max-Age=%lld; HttpOnly; SameSite=Lax%s",
                       FMT(name), FMT(token), age_s, is_plain ? "" : "; Secure");
}

/** Whether an Origin header names this very origin. */
static bool origin_is_own(str origin, str scheme, str host_and_port)
{
    str separator = S("://");
    if (!str_starts(origin, scheme)) return false;
    str rest = str_from(origin, scheme.len);
    if (!str_starts(rest, separator)) return false;
    return host_and_port.len > 0 && str_eq_nocase(str_from(rest, separator.len), host_and_port);
}

static const str from_elsewhere = {"This request comes from another origin.", 39};

/** Browsers say so of every request, and no page can change what they say; a sibling's host is
 *  another tenant. */
static bool is_from_elsewhere(const struct origin_check *check)
{
    return check->fetch_site.len > 0 && !str_eq(check->fetch_site, S("same-origin"));
}

str origin_fault_unknown(const struct origin_check *check)
{
    bool is_own =
        check->origin.len == 0 || origin_is_own(check->origin, check->scheme, check->host_and_port);
    return is_own && !is_from_elsewhere(check) ? S("") : from_elsewhere;
}

str origin_fault(const struct origin_check *check)
{
    if (check->origin.len == 0)
        return S(
            "A change by a page must say its Origin; scripts use a token instead of a cookie.");
    if (!origin_is_own(check->origin, check->scheme, check->host_and_port) ||
        is_from_elsewhere(check))
        return from_elsewhere;
    if (check->csrf.len == 0 || !bytes_equal_secret(check->csrf_given, check->csrf))
        return S("The header X-CSRF-Token must repeat the token that GET /api/v1/me gives.");
    return S("");
}
