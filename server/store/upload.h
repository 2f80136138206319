/** upload: bytes too large for a request or a row, in numbered parts beside the environment: a
 *  table that somebody sends, the rows of an import that failed.
 *
 *  A part is durable before it is acknowledged, and sealed under the tenant's data key, bound to
 *  tenant, upload and number. The same part again replaces it, so sending may be taken up anywhere.
 *  No row of the environment knows of an upload: what nobody takes is swept after its time.
 *
 *  Floor   store.
 *  Thread  any that may block. Two that write one part at once: one of them wins, whole.
 *  Memory  what is told lies in task->arena; a reader has its own.
 *  Files   DIR/uploads/TENANT/ID/head, 1, 2, …: sealed; TENANT and ID are UUIDs.
 */
#pragma once

#include "base/limits.h"
#include "store/store.h"
#include "value/source.h"

constexpr size_t UPLOAD_PART_BYTES_MAX = 1 * MIB;
constexpr uint32_t UPLOAD_PARTS_MAX = 4096;
constexpr uint64_t UPLOAD_BYTES_MAX = 1024 * MIB; /** of one */
constexpr size_t UPLOAD_NAME_BYTES_MAX = 255;
constexpr int64_t UPLOAD_KEPT_MS = DAY_MS;

struct upload_part {
    uint32_t number; /** from 1 */
    uint32_t bytes;
};

struct upload {
    struct id id;
    struct id owner; /** user, who alone may use it */
    str name;
    uint64_t bytes; /** of all parts, as was said when it began */
    int64_t created_at_ms;
    int64_t kept_until_ms;
    uint64_t bytes_there;
    uint32_t part_count;       /** of those that are there */
    struct upload_part *parts; /** by number */
};

/** What the tenant keeps, whole or not. */
struct uploads_use {
    uint32_t count;
    uint64_t bytes; /** as was said of each */
};
enum err uploads_use(struct task *task, const struct space *space, struct uploads_use *use_out);
/** `upload` says owner, name, bytes and until when; gets its id (unless it has one) and time. What
 *  a tenant may keep is bounded by quota_make_upload (record/quota.h), which calls this.
 *  ERR_MISSING: the tenant has no key. */
enum err upload_create(struct task *task, const struct space *space, struct upload *upload);
/** ERR_MISSING: there is none, or its time is over. */
enum err upload_get(struct task *task, const struct space *space, struct id id,
                    struct upload *upload_out);
/** Writes a part. ERR_MISSING as upload_get; ERR_TOO_LARGE: larger than a part may be, or together
 *  more than was said. */
enum err upload_put(struct task *task, const struct space *space, struct id id, uint32_t number,
                    str bytes);
/** ERR_CONFLICT unless every part from 1 on is there and they make up all bytes. */
enum err upload_is_whole(struct task *task, const struct upload *upload);
/** Until when it is kept. */
enum err upload_keep(struct task *task, const struct space *space, struct id id, int64_t until_ms);
/** Parts, then head; whether or not it is there. */
void upload_remove(struct task *task, const struct space *space, struct id id);
/** All of a tenant that is gone. */
void uploads_remove(struct task *task, const struct space *space);
/** Whether the tenant has any upload, whole or not. */
bool uploads_any(struct task *task, const struct space *space);
/** Removes those whose time is over, at most `max` of them. */
enum err uploads_sweep(struct task *task, const struct space *space, uint32_t max);

/** Reads the parts one behind another, from anywhere. Errors as upload_get. */
enum err upload_open(struct task *task, const struct space *space, struct id id,
                     struct source **source_out);
void upload_close(struct source *source);
