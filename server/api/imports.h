/** imports: tables come in: a preview at once when the table is small, otherwise a job; and the
 *  rows that failed go out again.
 *
 *  Floor   api, inside; functions of the table.
 *  Thread  a worker.
 */
#pragma once

#include "api/call.h"

/** The types of bodies that are a table themselves. */
#define IMPORT_RAW_TYPES \
    "text/csv application/csv text/tab-separated-values application/x-ndjson " \
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

enum err imports_begin(struct call *call);
enum err imports_failed(struct call *call);
