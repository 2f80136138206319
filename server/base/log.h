/** log: one line for each event on standard error: time, level, place, text.
 *
 *  Control bytes are escaped, so no text from outside can forge a line.
 *  Floor   base.
 *  Thread  any; one write a line.
 */
#pragma once

#include "base/str.h"

enum log_level : uint8_t { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

void log_set_level(enum log_level level);
[[gnu::format(printf, 3, 4)]] void log_write(enum log_level level, const char *place,
                                             const char *format, ...);

#define log_info(place, ...) log_write(LOG_INFO, place, __VA_ARGS__)
#define log_warning(place, ...) log_write(LOG_WARNING, place, __VA_ARGS__)
#define log_error(place, ...) log_write(LOG_ERROR, place, __VA_ARGS__)
