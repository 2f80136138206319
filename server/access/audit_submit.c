#include <pthread.h>
#include <stdatomic.h>

#include "access/audit.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/require.h"

/* What was written within the last minute, so that what repeats itself is counted instead. */

constexpr uint32_t AUDIT_SLOTS = 1024;
constexpr uint32_t AUDIT_WAYS = 8;            /** slots in which one event may lie */
constexpr uint32_t AUDIT_IN_FLIGHT_MAX = 256; /** entries handed to lanes and not durable yet */
constexpr int64_t AUDIT_REPEAT_MS = 60'000;
static_assert(AUDIT_SLOTS % AUDIT_WAYS == 0);

/** One byte more than is written, by which audit_put sees where a letter would be cut in two. */
constexpr size_t ADDRESS_BYTES_KEPT = AUDIT_ADDRESS_BYTES_MAX + 1;
constexpr size_t WORDS_BYTES_KEPT = AUDIT_WORDS_BYTES_MAX + 1;

/** An event with its own texts. */
struct kept_event {
    struct audit_event event;
    char address[ADDRESS_BYTES_KEPT];
    char words[WORDS_BYTES_KEPT];
};

struct audit_slot {
    struct space space; /** number 0: the slot is free */
    struct id cause;    /** of the first one */
    struct kept_event kept;
    int64_t written_at_ms;
    uint32_t repeats; /** since then */
};

struct audit {
    /** Held for a few instructions, never during I/O. Guards all but `dropped`. */
    pthread_mutex_t lock;
    pthread_cond_t has_landed; /** nothing is in flight */
    struct audit_slot slots[AUDIT_SLOTS];
    struct short_key key; /** of the places; random, so that nobody chooses where his events fall */
    uint32_t in_flight;
    _Atomic uint64_t dropped;
};

/** On its way to the log. */
struct sending {
    struct work work;
    struct audit *audit;
    struct task task;
    struct arena arena;
    struct kept_event kept;
};

struct audit *audit_make(void)
{
    struct audit *audit = memory_take(sizeof *audit);
    struct secret_key random = key_random();
    memcpy(audit->key.bytes, random.bytes, sizeof audit->key.bytes);
    require(pthread_mutex_init(&audit->lock, nullptr) == 0);
    require(pthread_cond_init(&audit->has_landed, nullptr) == 0);
    return audit;
}

void audit_drop(struct audit *audit)
{
    require(audit->in_flight == 0);
    pthread_cond_destroy(&audit->has_landed);
    pthread_mutex_destroy(&audit->lock);
    memory_give(audit);
}

uint64_t audit_dropped(const struct audit *audit)
{
    return atomic_load(&audit->dropped);
}

static str text_keep(char *into, str text, size_t bytes_max)
{
    str cut = str_first(text, bytes_max);
    if (cut.len > 0) memcpy(into, cut.at, cut.len);
    return (str){into, cut.len};
}

static void keep(struct kept_event *kept, const struct audit_event *event)
{
    kept->event = *event;
    kept->event.address = text_keep(kept->address, event->address, ADDRESS_BYTES_KEPT);
    kept->event.words = text_keep(kept->words, event->words, WORDS_BYTES_KEPT);
}

/* Sending. */

static enum err sending_run(struct work *work, struct txn *txn)
{
    struct sending *self = (struct sending *)work;
    txn_set_task(txn, &self->task);
    audit_put(txn, &self->kept.event);
    return ERR_NONE;
}

static void tell_dropped(struct audit *audit, const struct audit_event *event, str why)
{
    uint32_t count = event->count > 1 ? event->count : 1;
    uint64_t before = atomic_fetch_add(&audit->dropped, count);
    /* Not for each: what floods the one would flood the other. */
    if (before == 0 || before / 1000 != (before + count) / 1000)
        log_warning("audit", "%llu events so far were not kept; the newest: %.*s, %.*s",
                    (unsigned long long)(before + count), FMT(audit_kind_word(event->kind)),
                    FMT(why));
}

static void sending_done(struct work *work, enum err err)
{
    struct sending *self = (struct sending *)work;
    struct audit *audit = self->audit;
    if (err != ERR_NONE) tell_dropped(audit, &self->kept.event, err_slug(err));
    arena_drop(&self->arena);
    memory_give(self);
    pthread_mutex_lock(&audit->lock);
    audit->in_flight--;
    if (audit->in_flight == 0) pthread_cond_broadcast(&audit->has_landed);
    pthread_mutex_unlock(&audit->lock);
}

/** False when nothing more is taken now. */
static bool send(const struct access *access, const struct audit_slot *slot, int64_t now_ms,
                 uint32_t count)
{
    struct audit *audit = access->audit;
    if (audit->in_flight == AUDIT_IN_FLIGHT_MAX) return false;
    struct sending *sending = memory_take(sizeof *sending);
    arena_init(&sending->arena, 64 * KIB);
    task_init(&sending->task, &sending->arena);
    sending->task.now_ms = now_ms;
    sending->task.request_id = slot->cause;
    sending->audit = audit;
    keep(&sending->kept, &slot->kept.event);
    sending->kept.event.count = count;
    sending->work =
        (struct work){.run = sending_run, .done = sending_done, .arena = &sending->arena};
    if (store_submit(access->store, &slot->space, &sending->work) == ERR_NONE) {
        audit->in_flight++;
        return true;
    }
    arena_drop(&sending->arena);
    memory_give(sending);
    return false;
}

/* Counting. */

/** Refusals are one for an actor, whatever he asked for: who tries many doors is one who tries. */
static bool is_by_actor_alone(enum audit_kind kind)
{
    return kind == AUDIT_REFUSED || kind == AUDIT_SIGN_IN_REFUSED;
}

static bool is_same(const struct audit_slot *slot, const struct space *space,
                    const struct audit_event *event)
{
    const struct audit_event *kept = &slot->kept.event;
    if (slot->space.number != space->number || !id_eq(slot->space.uuid, space->uuid)) return false;
    if (kept->kind != event->kind || kept->actor_kind != event->actor_kind) return false;
    if (!id_eq(kept->actor, event->actor) || !str_eq(kept->address, event->address)) return false;
    if (is_by_actor_alone(event->kind)) return true;
    return kept->entity == event->entity && id_eq(kept->record, event->record) &&
           str_eq(kept->words, event->words);
}

static uint32_t first_way(const struct audit *audit, const struct space *space,
                          const struct audit_event *event)
{
    struct {
        uint32_t tenant;
        uint8_t kind, actor_kind;
        struct id actor, record;
        uint16_t entity;
    } place;
    memset(&place, 0, sizeof place);
    place.tenant = space->number;
    place.kind = event->kind;
    place.actor_kind = event->actor_kind;
    place.actor = event->actor;
    if (!is_by_actor_alone(event->kind)) {
        place.record = event->record;
        place.entity = event->entity;
    }
    uint64_t hash =
        short_hash(&audit->key, (str){(const char *)&place, sizeof place}, event->address);
    return (uint32_t)(hash % (AUDIT_SLOTS / AUDIT_WAYS)) * AUDIT_WAYS;
}

static bool is_over(const struct audit_slot *slot, int64_t now_ms)
{
    return now_ms - slot->written_at_ms >= AUDIT_REPEAT_MS || now_ms < slot->written_at_ms;
}

/** What the repeats of a slot come to, if anything, is on its way or stays in it. */
static bool slot_flush(const struct access *access, struct audit_slot *slot, int64_t now_ms)
{
    if (slot->repeats == 0) return true;
    if (!send(access, slot, now_ms, slot->repeats)) return false;
    slot->repeats = 0;
    slot->written_at_ms = now_ms;
    return true;
}

static uint32_t slots_of(const struct audit_slot *ways, uint32_t tenant)
{
    uint32_t count = 0;
    for (uint32_t at = 0; at < AUDIT_WAYS; at++) count += ways[at].space.number == tenant;
    return count;
}

/** One of the tenant that has most of them, if it has more than this one, so that nobody's crowd of
 *  events keeps those of another firm out; nullptr: there is none. */
static struct audit_slot *slot_to_yield(const struct access *access, struct audit_slot *ways,
                                        uint32_t tenant, int64_t now_ms)
{
    uint32_t most = slots_of(ways, tenant);
    struct audit_slot *found = nullptr;
    for (uint32_t at = 0; at < AUDIT_WAYS; at++) {
        uint32_t count = slots_of(ways, ways[at].space.number);
        if (count <= most) continue;
        most = count;
        found = &ways[at];
    }
    if (found == nullptr || slot_flush(access, found, now_ms)) return found;
    struct audit_event lost = found->kept.event;
    lost.count = found->repeats;
    tell_dropped(access->audit, &lost, S("others had fewer"));
    return found;
}

/** The slot of such an event, or one that may be taken for it; nullptr: all are in use. */
static struct audit_slot *slot_of(const struct access *access, const struct space *space,
                                  const struct audit_event *event, int64_t now_ms)
{
    struct audit *audit = access->audit;
    struct audit_slot *ways = &audit->slots[first_way(audit, space, event)], *free = nullptr;
    for (uint32_t at = 0; at < AUDIT_WAYS; at++)
        if (is_same(&ways[at], space, event)) return &ways[at];
    for (uint32_t at = 0; at < AUDIT_WAYS && free == nullptr; at++) {
        bool is_free = ways[at].space.number == 0 ||
                       (is_over(&ways[at], now_ms) && slot_flush(access, &ways[at], now_ms));
        if (is_free) free = &ways[at];
    }
    if (free == nullptr) free = slot_to_yield(access, ways, space->number, now_ms);
    if (free != nullptr) *free = (struct audit_slot){};
    return free;
}

static void submit(const struct access *access, const struct space *space, struct id cause,
                   const struct audit_event *event)
{
    int64_t now_ms = clock_now_ms();
    struct audit_slot *slot = slot_of(access, space, event, now_ms);
    if (slot == nullptr) {
        tell_dropped(access->audit, event, S("too many different ones at once"));
        return;
    }
    bool is_new = slot->space.number == 0;
    if (is_new || is_over(slot, now_ms)) {
        uint32_t repeats = slot->repeats;
        *slot = (struct audit_slot){.space = *space, .cause = cause, .written_at_ms = now_ms};
        keep(&slot->kept, event);
        if (send(access, slot, now_ms, repeats + 1)) return;
        slot->repeats = repeats;
    }
    slot->repeats++;
}

void audit_submit(const struct access *access, const struct space *space, struct id cause,
                  const struct audit_event *event)
{
    struct audit *audit = access->audit;
    if (audit == nullptr) return;
    require(space->number != 0);
    struct audit_event cut = *event;
    cut.address = str_first(event->address, ADDRESS_BYTES_KEPT);
    cut.words = str_first(event->words, WORDS_BYTES_KEPT);
    pthread_mutex_lock(&audit->lock);
    submit(access, space, cause, &cut);
    pthread_mutex_unlock(&audit->lock);
}

void audit_flush(const struct access *access, int64_t now_ms)
{
    struct audit *audit = access->audit;
    if (audit == nullptr) return;
    pthread_mutex_lock(&audit->lock);
    for (uint32_t at = 0; at < AUDIT_SLOTS; at++) {
        struct audit_slot *slot = &audit->slots[at];
        if (slot->space.number == 0 || !is_over(slot, now_ms)) continue;
        bool has_repeats = slot->repeats > 0;
        if (slot_flush(access, slot, now_ms) && !has_repeats) slot->space.number = 0;
    }
    pthread_mutex_unlock(&audit->lock);
}

void audit_settle(const struct access *access)
{
    struct audit *audit = access->audit;
    if (audit == nullptr) return;
    int64_t now_ms = clock_now_ms();
    pthread_mutex_lock(&audit->lock);
    for (uint32_t at = 0; at < AUDIT_SLOTS; at++) {
        bool is_sent = slot_flush(access, &audit->slots[at], now_ms);
        if (is_sent && at + 1 < AUDIT_SLOTS) continue;
        while (audit->in_flight > 0) pthread_cond_wait(&audit->has_landed, &audit->lock);
        if (!is_sent) (void)slot_flush(access, &audit->slots[at], now_ms);
    }
    while (audit->in_flight > 0) pthread_cond_wait(&audit->has_landed, &audit->lock);
    pthread_mutex_unlock(&audit->lock);
}
