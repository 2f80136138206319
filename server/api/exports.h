/** exports: tables go out: a list as CSV or NDJSON in slices, and a template to be filled in.
 *
 *  Floor   api, inside; functions of the table.
 *  Thread  a worker.
 */
#pragma once

#include "api/call.h"

enum err exports_table(struct call *call);
enum err exports_template(struct call *call);
