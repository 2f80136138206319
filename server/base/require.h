/** require: an assertion that is never compiled out, for what only a bug can break.
 *
 *  Input, disk and time are never asserted; they are errors (base/err.h).
 *  Floor   base.
 *  Thread  any.
 */
#pragma once

[[noreturn]] void require_failed(const char *condition, const char *file, int line);

#define require(condition) ((condition) ? (void)0 : require_failed(#condition, __FILE__, __LINE__))
