/** codes: the closed lists of the world: countries, languages, time zones. Currencies: text.h.
 *
 *  Floor   value.
 *  Thread  any.
 *  Source  ISO 3166-1 (alpha-2, English short names and common others), ISO 639-1, IANA tz names.
 */
#pragma once

#include "base/arena.h"

/** The alpha-2 code of a code or a name in any case and folding (`germany`, `UK`, `DE`,
 *  `México`); false when unknown. */
bool country_find(struct arena *arena, str text, str *code_out);
bool country_is_code(str code);
/** A BCP 47 tag: an ISO 639-1 language, optionally with an ISO 3166 region (`de`, `pt-BR`). */
bool language_is_tag(str text);
/** A name of the IANA database (`Europe/Berlin`, `UTC`). */
bool timezone_is_name(str text);
