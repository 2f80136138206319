/** cookie: the session's cookie, and what a request with one must carry beside it.
 *
 *  Floor   api, inside.
 *  Thread  any.
 *  Source  RFC 6265bis (`__Host-`); OWASP: origin check and synchroniser token.
 */
#pragma once

#include "base/arena.h"

/** The name of the cookie: with `__Host-` a browser takes it from a secure origin only, for this
 *  very host. Plain HTTP on loopback cannot have that. */
str cookie_name(bool is_plain);
/** The value of Set-Cookie; an empty token ends the cookie. */
str cookie_write(struct arena *arena, bool is_plain, str token, int64_t age_ms_max);

/** What decides whether a changing request with a cookie comes from our own page. */
struct origin_check {
    str origin; /** the Origin header, or empty */
    str scheme;
    str host_and_port;
    str fetch_site; /** Sec-Fetch-Site, or empty: an old browser, or a script */
    str csrf_given; /** X-CSRF-Token, or empty */
    str csrf;       /** the session's */
};
/** Empty when it may pass, else the reason as a sentence. */
str origin_fault(const struct origin_check *check);
/** The same for somebody not signed in, who is a script or our own page: no other page may sign its
 *  visitor in as somebody. */
str origin_fault_unknown(const struct origin_check *check);
