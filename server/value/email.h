/** email: what is an address for mail.
 *
 *  Floor   value.
 *  Thread  any.
 *  Source  RFC 5321 without quoted local parts; letters beyond ASCII as RFC 6531 has them.
 */
#pragma once

#include "base/str.h"

constexpr size_t EMAIL_BYTES_MAX = 254; /** RFC 5321 with its erratum 1690 */

/** One @, a local part before it, a domain with a point behind it; each part an identifier as
 *  base/fold.h has it. */
bool email_is_address(str text);
