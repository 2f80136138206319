/** head: what h2o lets pass of an HTTP/1 request's head, and its handlers cannot see any more.
 *
 *  A proxy in front may take another of two hosts or of two lengths than h2o does; what one of
 *  them holds for a body is a request to the other (request smuggling, RFC 9112, 11.2).
 *  Floor   http.
 *  Thread  any; nothing is kept.
 */
#pragma once

#include "base/str.h"

/** Whether a head, with whatever follows it, names at most one host, has at most one of the fields
 *  that frame its body, and no field goes on in a second line. */
bool head_is_sound(str bytes);
