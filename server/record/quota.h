/** quota: what one tenant may have and do at most, in one table; and how much of that is used.
 *
 *  The operator sets bounds; what is not set has the table's default, which is generous. Records
 *  and their bytes are counted by one row that goes along with the change: no commit more. Mails by
 *  one that goes along with the mail. Sessions and tokens are counted by their keys when one is
 *  made, uploads by their files. Requests (api/pace.h), the time of rules (rules/share.h) and open
 *  streams (api/feed.h) are counted in memory.
 *
 *  Floor   record; rests on store, value, base.
 *  Thread  that of the transaction.
 *  Rows    tenant: SYSTEM_QUOTA `bounds` → {number of a quota: bound}; SYSTEM_COUNTER `records`
 *          → [records, bytes], missing until the first change; SYSTEM_COUNTER `mails` → [mails of
 *          the day, days since 1970].
 */
#pragma once

#include "base/limits.h"
#include "model/model.h"
#include "store/txn.h"
#include "store/upload.h"

constexpr int64_t QUOTA_BOUND_MAX = 1LL << 48;

/** Name, number in stored bytes (never reused), word, unit, default, the greatest that may be set:
 *  less than QUOTA_BOUND_MAX where counting takes time for each, or goes on in parts of one. */
#define QUOTAS(X) \
    X(RECORDS, 1, "records", "records", 10'000'000, QUOTA_BOUND_MAX) \
    X(BYTES, 2, "bytes", "bytes of its records as they are stored", 64LL << 30, QUOTA_BOUND_MAX) \
    X(REQUESTS, 3, "requests", "requests in a minute, of those who have entered", 600'000, \
      1'000'000'000'000) \
    X(MAILS, 4, "mails", "mails in a day (UTC)", 10'000, QUOTA_BOUND_MAX) \
    X(SESSIONS, 5, "sessions", "sessions", 10'000, 1'000'000) \
    X(TOKENS, 6, "tokens", "API tokens", 1'000, 10'000) \
    X(RULE_TIME, 7, "rule_time", "milliseconds that its rules compute in a minute", \
      RULE_SHARE_MS_A_MINUTE, 3'600'000) \
    X(UPLOADS, 8, "uploads", "uploads", 200, 10'000) \
    X(UPLOAD_BYTES, 9, "upload_bytes", "bytes of its uploads, as announced", 4LL << 30, \
      QUOTA_BOUND_MAX) \
    X(STREAMS, 10, "streams", "open streams of events", EVENT_STREAMS_OF_TENANT, 1'000'000)

enum quota : uint8_t {
#define QUOTA_MEMBER(name, number, word, unit, standard, greatest) QUOTA_##name,
    QUOTAS(QUOTA_MEMBER)
#undef QUOTA_MEMBER
        QUOTA_COUNT,
};

struct quota_kind {
    uint8_t number;
    str word, unit;
    int64_t standard; /** the bound where none is set */
    int64_t greatest; /** that may be set */
};
extern const struct quota_kind quota_kinds[QUOTA_COUNT];

/** Letters that let somebody in are refused only so many beyond the bound of mails, so that rules
 *  which have used it up keep nobody out. */
constexpr int64_t QUOTA_MAILS_TO_ENTER = 500;

struct quotas {
    int64_t bounds[QUOTA_COUNT];
    bool is_set[QUOTA_COUNT]; /** by the operator; else the bound is the standard one */
};

/** In the tenant's space. ERR_CORRUPT. */
enum err quotas_read(struct txn *txn, struct quotas *quotas_out);
/** In the tenant's lane. Those that are not set are not kept. */
void quotas_put(struct txn *txn, const struct quotas *quotas);
/** False: there is no such quota. */
bool quota_parse(str word, enum quota *quota_out);

/** ERR_LIMITED, with a fault of type `quota` that says which, and what would be right. `wait_ms`:
 *  so long it may take until there is room; 0: somebody has to make it. */
enum err quota_reached(struct task *task, enum quota quota, int64_t bound, int64_t use,
                       int64_t wait_ms);

/** Whether only memory knows how much of it is in use. */
bool quota_is_in_memory(enum quota quota);
/** How much of it is in use; 0 of those that only memory knows. Uploads are files: may block. */
enum err quota_use(struct txn *txn, enum quota quota, int64_t *use_out);

/** What a change adds, or takes away. */
struct quota_delta {
    int64_t records, bytes;
};
/** In a lane, once all is written that the change writes. Only what grows is refused. Where nothing
 *  was counted yet all records of the model are, once. ERR_LIMITED, if `is_bounded`. */
enum err quota_count_records(struct task *task, struct txn *txn, const struct model *model,
                             const struct quota_delta *delta, bool is_bounded);
/** Counts them one by one, at this snapshot. */
enum err quota_recount(struct task *task, struct txn *txn, const struct model *model,
                       struct row_counter *counter_out);
/** What they were counted to be; false: they were not counted yet. */
enum err quota_counted(struct task *task, struct txn *txn, struct row_counter *counter_out,
                       bool *is_counted_out);

/** In a lane, for each mail that is put into the outbox. ERR_LIMITED. */
enum err quota_take_mail(struct txn *txn, bool is_to_enter);
/** In a lane, before one more is made. ERR_LIMITED. */
enum err quota_take_row(struct txn *txn, enum quota quota);
/** Makes an upload (upload_create), if there is room for it and its bytes. May block. ERR_LIMITED.
 */
enum err quota_make_upload(struct task *task, const struct space *space, struct upload *upload);
