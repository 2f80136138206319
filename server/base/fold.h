/** fold: Unicode text made comparable; the only file that knows utf8proc.
 *
 *  Folding: NFKD, case fold, marks stripped, so `Taquería` and `TAQUERIA` are one. German
 *  ß gives `ss`.
 *  Floor   base.
 *  Thread  any.
 */
#pragma once

#include "base/arena.h"

/** Valid UTF-8 without NUL (RFC 3629: no surrogates, no overlong forms). */
bool utf8_is_valid(str text);
/** Code points of valid UTF-8. */
size_t utf8_length(str text);
/** At most the first `bytes` of valid text, without a part of a character at the end. */
str utf8_first(str text, size_t bytes);
/** At most the first so many code points of valid text. */
str utf8_first_codes(str text, size_t count);
/** Valid text with each letter in another case, one letter for one (ß: ẞ). */
str utf8_upper(struct arena *arena, str text);
str utf8_lower(struct arena *arena, str text);
/** With the first letter of each word large; the others stay as they are. */
str utf8_title(struct arena *arena, str text);
/** NFC of valid text. */
str utf8_compose(struct arena *arena, str text);

/** Whether each character of valid text is one that is seen, and its letters are of no two of the
 *  alphabets that share shapes: Latin, Greek, Cyrillic, Armenian. No other text then looks the same
 *  by a letter that hides, or by one of a neighbour's alphabet (after UTS 39, 3.1 and 5.1). */
bool utf8_is_identifier(str text);

/** The folded text. `text` must be valid UTF-8; runs of white space become one space, ends are
 *  trimmed. */
str fold(struct arena *arena, str text);

/** Words of folded text: runs of letters and digits. Moves past it; false at the end. */
bool fold_word_next(struct cursor *folded, str *word_out);

/** Only letters and digits of the folded text: how headers are matched (`Company Name`,
 *  `companyName` → `companyname`). */
str fold_name(struct arena *arena, str text);
