/** accept: which of the forms that there are a client would rather have.
 *
 *  Floor   api, inside.
 *  Thread  any.
 *  Source  RFC 9110, 12.5.1.
 */
#pragma once

#include "base/str.h"

/** How gladly a type is taken, to be compared with others; 0: not at all. A type that is named
 *  comes before one that a `*` stands for. An empty header, or one that cannot be read, takes
 *  everything alike. */
int accept_weight(str accept, str type);

/** In which form an answer is written. */
enum form : uint8_t {
    FORM_JSON,
    FORM_PACK, /** MessagePack */
    FORM_NONE, /** neither is taken */
};
/** JSON where both are taken alike. */
enum form accept_form(str accept);
