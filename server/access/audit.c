#include "access/audit.h"

#include "base/require.h"
#include "value/value.h"

constexpr int64_t BODY_VERSION = 1;
constexpr size_t BODY_BYTES_MAX_AUDIT = 1 * KIB;

enum body_key : uint8_t {
    BODY_VERSION_KEY = 0,
    BODY_ACTOR_KIND = 1,
    BODY_ENTITY = 2,
    BODY_RECORD = 3,
    BODY_ADDRESS = 4,
    BODY_WORDS = 5,
    BODY_COUNT = 6,
};

static const struct {
    enum audit_kind kind;
    str word;
} kinds[] = {
#define AUDIT_ROW(name, number, text) {AUDIT_##name, {text, sizeof text - 1}},
    AUDIT_KINDS(AUDIT_ROW)
#undef AUDIT_ROW
};
constexpr size_t KIND_COUNT = sizeof kinds / sizeof kinds[0];

static const str actors[AUDIT_ACTOR_COUNT] = {
    [AUDIT_NOBODY] = {"nobody", 6},     [AUDIT_USER] = {"user", 4},
    [AUDIT_TOKEN] = {"token", 5},       [AUDIT_CONTACT] = {"contact", 7},
    [AUDIT_OPERATOR] = {"operator", 8}, [AUDIT_SYSTEM] = {"system", 6},
};

bool audit_kind_parse(str word, enum audit_kind *kind_out)
{
    for (size_t at = 0; at < KIND_COUNT; at++) {
        if (!str_eq(kinds[at].word, word)) continue;
        *kind_out = kinds[at].kind;
        return true;
    }
    return false;
}

str audit_kind_word(enum audit_kind kind)
{
    for (size_t at = 0; at < KIND_COUNT; at++)
        if (kinds[at].kind == kind) return kinds[at].word;
    return S("");
}

str audit_actor_word(enum audit_actor actor)
{
    return actor < AUDIT_ACTOR_COUNT ? actors[actor] : S("");
}

/** What stands in a record's place, so that those of one kind are found together. */
static struct id id_of_kind(enum audit_kind kind)
{
    struct id id = {};
    id.bytes[sizeof id.bytes - 1] = kind;
    return id;
}

struct audit_event audit_of(const struct identity *identity, enum audit_kind kind, str address)
{
    struct audit_event event = {.kind = kind, .address = address};
    if (identity->credential == CREDENTIAL_NONE) return event;
    event.actor_kind = identity->credential == CREDENTIAL_TOKEN ? AUDIT_TOKEN : AUDIT_USER;
    event.actor = identity->user;
    if (identity->door == DOOR_PORTAL && id_is_nil(identity->viewer)) {
        event.actor_kind = AUDIT_CONTACT;
        event.actor = identity->scope.actor;
    } else if (identity->door == DOOR_PORTAL) {
        event.actor = identity->viewer;
    }
    return event;
}

/* Writing. */

/** At most so many bytes, no letter cut in two. */
static str text_cut(str text, size_t bytes_max)
{
    if (text.len <= bytes_max) return text;
    size_t len = bytes_max;
    while (len > 0 && ((uint8_t)text.at[len] & 0xC0) == 0x80) len--;
    return str_first(text, len);
}

static void body_write(struct buf *body, const struct audit_event *event)
{
    bool has_count = event->count > 1;
    pack_map(body, has_count ? 7 : 6);
    pack_int(body, BODY_VERSION_KEY);
    pack_int(body, BODY_VERSION);
    pack_int(body, BODY_ACTOR_KIND);
    pack_int(body, event->actor_kind);
    pack_int(body, BODY_ENTITY);
    pack_int(body, event->entity);
    pack_int(body, BODY_RECORD);
    pack_bytes(body, id_bytes(&event->record));
    pack_int(body, BODY_ADDRESS);
    pack_text(body, text_cut(event->address, AUDIT_ADDRESS_BYTES_MAX));
    pack_int(body, BODY_WORDS);
    pack_text(body, text_cut(event->words, AUDIT_WORDS_BYTES_MAX));
    if (!has_count) return;
    pack_int(body, BODY_COUNT);
    pack_int(body, event->count);
}

void audit_put(struct txn *txn, const struct audit_event *event)
{
    struct task *task = txn_task(txn);
    require(audit_kind_word(event->kind).len > 0);
    require(event->actor_kind < AUDIT_ACTOR_COUNT);
    struct buf body = buf_make(task->arena, BODY_BYTES_MAX_AUDIT);
    body_write(&body, event);
    require(!buf_is_over(&body));
    struct log_entry entry = {
        .group = id_make(),
        .cause = task->request_id,
        .actor = event->actor,
        .at_ms = task->now_ms,
        .entity = AUDIT_ENTITY,
        .record = id_of_kind(event->kind),
        .body = buf_str(&body),
    };
    txn_log_append(txn, &entry);
}

struct writing {
    struct work work;
    struct task *task;
    const struct audit_event *event;
};

static enum err writing_run(struct work *work, struct txn *txn)
{
    struct writing *self = (struct writing *)work;
    txn_set_task(txn, self->task);
    audit_put(txn, self->event);
    return ERR_NONE;
}

enum err audit_write(struct task *task, const struct access *access, const struct space *space,
                     const struct audit_event *event)
{
    struct writing self = {
        .work = {.run = writing_run, .arena = task->arena},
        .task = task,
        .event = event,
    };
    return store_write(access->store, space, &self.work);
}

/* Reading. */

static int64_t int_in(str body, uint64_t key, int64_t max)
{
    int64_t integer = 0;
    return value_int_at(body, key, &integer) && integer >= 0 && integer <= max ? integer : 0;
}

static struct audit_entry entry_read(enum audit_kind kind, const struct log_entry *logged)
{
    struct audit_entry entry = {
        .sequence = logged->sequence,
        .at_ms = logged->at_ms,
        .cause = logged->cause,
        .is_erased = logged->body.len == 0,
        .event = {.kind = kind, .actor = logged->actor},
    };
    str body = logged->body;
    struct audit_event *event = &entry.event;
    event->actor_kind = (enum audit_actor)int_in(body, BODY_ACTOR_KIND, AUDIT_ACTOR_COUNT - 1);
    event->entity = (uint16_t)int_in(body, BODY_ENTITY, UINT16_MAX);
    event->count = (uint32_t)int_in(body, BODY_COUNT, UINT32_MAX);
    event->address = value_text_at(body, BODY_ADDRESS);
    event->words = value_text_at(body, BODY_WORDS);
    (void)value_id_at(body, BODY_RECORD, &event->record);
    return entry;
}

bool audit_read(const struct log_entry *logged, struct audit_entry *entry_out)
{
    if (logged->entity != AUDIT_ENTITY) return false;
    enum audit_kind kind = (enum audit_kind)logged->record.bytes[sizeof logged->record.bytes - 1];
    if (audit_kind_word(kind).len == 0 || !id_eq(id_of_kind(kind), logged->record)) return false;
    *entry_out = entry_read(kind, logged);
    return true;
}

/** The newest one of all wanted kinds before `before`, whoever acted. */
static enum err newest_before(struct txn *txn, const struct audit_wanted *wanted, uint64_t before,
                              struct audit_entry *entry_out)
{
    bool is_found = false;
    for (size_t at = 0; at < KIND_COUNT; at++) {
        enum audit_kind kind = kinds[at].kind;
        struct log_entry logged;
        if (wanted->kinds != 0 && (wanted->kinds & 1u << kind) == 0) continue;
        enum err err = txn_log_of_record(txn, AUDIT_ENTITY, id_of_kind(kind), before, &logged);
        if (err == ERR_MISSING) continue;
        TRY(err);
        if (is_found && logged.sequence < entry_out->sequence) continue;
        *entry_out = entry_read(kind, &logged);
        is_found = true;
    }
    return is_found ? ERR_NONE : ERR_MISSING;
}

enum err audit_next(struct txn *txn, struct audit_wanted *wanted, struct audit_entry *entry_out)
{
    for (;;) {
        TRY(newest_before(txn, wanted, wanted->before, entry_out));
        wanted->before = entry_out->sequence;
        if (!wanted->has_actor || id_eq(entry_out->event.actor, wanted->actor)) return ERR_NONE;
    }
}
