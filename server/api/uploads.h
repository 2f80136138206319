/** uploads: large bodies in parts of at most a megabyte, for what takes one: an import.
 *
 *  Floor   api, inside; functions of the table.
 *  Thread  a worker: files are written and made durable.
 */
#pragma once

#include "api/call.h"
#include "record/quota.h"
#include "store/upload.h"

enum err uploads_create(struct call *call);
enum err uploads_read(struct call *call);
enum err uploads_delete(struct call *call);
enum err uploads_put(struct call *call);

/** An upload of whoever asks. ERR_MISSING: also one of somebody else. */
enum err uploads_find(struct call *call, struct id id, struct upload *upload_out);
