/** query: the texts of a request's head: paths, hosts, query strings, cookies.
 *
 *  Floor   http; knows no library.
 *  Thread  any; pure.
 *  Source  RFC 3986, RFC 6265bis.
 */
#pragma once

#include "http/http.h"

/** A path decoded once. False for broken escapes, bytes that are not UTF-8, control bytes,
 *  backslashes, empty or dot segments, and whatever does not begin with `/`. */
bool path_decode(struct arena *arena, str raw, str *path_out);

/** The authority in lower case, and its host without port. False when it is empty or holds bytes
 *  no host has. */
bool authority_read(struct arena *arena, str authority, str *host_and_port_out, str *host_out);
