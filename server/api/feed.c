#include "api/feed.h"

#include <pthread.h>
#include <stdatomic.h>

#include "api/reply.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/require.h"
#include "record/quota.h"
#include "record/show.h"

constexpr uint32_t TOPIC_CHAINS = 1024;
constexpr uint32_t BLOCKS = 4;              /** formed ones that a loop keeps for the next stream */
constexpr size_t BLOCK_BYTES_MAX = 8 * MIB; /** of one entry, at the worst */
/* What a loop does for streams before others have their turn. */
constexpr uint32_t SERVED_MAX = 64;
constexpr uint32_t FORMED_MAX = 4;
constexpr uint32_t LOOKED_MAX = 400; /** entries of the log looked at for one block */
constexpr int64_t RECONNECT_MS = 2000;

static const str keep_alive = {":\n\n", 3};
/** What the stream's actor may see is other from here on: what he holds already may be too much, or
 *  too little, and is to be asked for again. */
static const str rights_changed = S("event: rights\ndata: {}\n\n");

/** A firm with open streams. */
struct topic {
    struct topic *next;
    uint32_t tenant;
    uint32_t stream_count;   /** under the feed's lock */
    uint64_t loops;          /** that have channels of it, by bits; under the feed's lock */
    _Atomic uint64_t newest; /** that is known to be durable */
};

/** Streams of one loop and firm whose actors see the same, but for what is one actor's own. */
struct channel {
    struct channel *next;
    struct topic *topic;
    uint64_t told; /** up to here its streams were asked to look */
    struct scope scope;
    struct stream *first;
};

struct stream {
    struct stream *next, **place; /** of its channel */
    struct stream *due_next, **due_place;
    struct feed_loop *loop;
    struct channel *channel;
    struct http_stream *http;
    struct id actor;
    struct feed_place reached; /** what was written, or is not for this actor */
    int64_t written_ms;        /** monotonic */
    enum credential credential;
    bool has_more; /** at the last look the log went on */
    char token_hash[HASH_BYTES];
};

/** Events behind a place in the log. */
struct block {
    const struct channel *channel; /** nullptr: none */
    struct id actor;               /** for whom it was formed */
    struct feed_place from, to;
    bool has_more;
    bool is_of_actor;         /** for nobody else */
    struct http_bytes *bytes; /** nullptr: none of them is for this scope */
};

struct feed_loop {
    struct feed *feed;
    struct http *http;
    uint32_t number;
    struct channel *channels;
    struct stream *due_first, **due_last;
    struct block blocks[BLOCKS];
    uint32_t block_next;
    struct arena arena;
};

struct feed {
    const struct access *access;
    struct feed_limits limits;
    _Atomic uint32_t stream_count;
    pthread_mutex_t lock;
    struct topic *topics[TOPIC_CHAINS];
    struct feed_loop loops[HTTP_LOOPS_MAX];
};

/* Topics. */

static struct topic **topic_place(struct feed *feed, uint32_t tenant)
{
    struct topic **place = &feed->topics[tenant % TOPIC_CHAINS];
    while (*place != nullptr && (*place)->tenant != tenant) place = &(*place)->next;
    return place;
}

/** Unless the firm has `bound` streams already (false); *use_out: how many it has. */
static bool topic_join(struct feed_loop *loop, uint32_t tenant, int64_t bound,
                       struct topic **topic_out, int64_t *use_out)
{
    struct feed *feed = loop->feed;
    bool is_joined = false;
    pthread_mutex_lock(&feed->lock);
    struct topic **place = topic_place(feed, tenant);
    /* One that nobody joins would have nobody to give it back. */
    if (*place == nullptr && bound > 0) {
        *place = memory_take(sizeof **place);
        (*place)->tenant = tenant;
    }
    struct topic *topic = *place;
    *use_out = topic == nullptr ? 0 : topic->stream_count;
    if (*use_out < bound) {
        topic->stream_count++;
        topic->loops |= (uint64_t)1 << loop->number;
        is_joined = true;
    }
    pthread_mutex_unlock(&feed->lock);
    *topic_out = topic;
    return is_joined;
}

/** `is_last`: the loop has no other stream of it. */
static void topic_leave(struct feed_loop *loop, struct topic *topic, bool is_last)
{
    struct feed *feed = loop->feed;
    pthread_mutex_lock(&feed->lock);
    require(topic->stream_count > 0);
    if (is_last) topic->loops &= ~((uint64_t)1 << loop->number);
    if (--topic->stream_count == 0) {
        struct topic **place = topic_place(feed, topic->tenant);
        require(*place == topic);
        *place = topic->next;
        memory_give(topic);
    }
    pthread_mutex_unlock(&feed->lock);
}

static void newest_raise(struct topic *topic, uint64_t newest)
{
    uint64_t known = atomic_load(&topic->newest);
    while (known < newest && !atomic_compare_exchange_weak(&topic->newest, &known, newest))
        ;
}

void feed_committed(void *owner, uint32_t tenant, uint64_t newest)
{
    struct feed *feed = owner;
    if (atomic_load(&feed->stream_count) == 0) return;
    pthread_mutex_lock(&feed->lock);
    struct topic *topic = *topic_place(feed, tenant);
    if (topic != nullptr) {
        newest_raise(topic, newest);
        for (uint32_t at = 0; at < HTTP_LOOPS_MAX; at++)
            if ((topic->loops >> at & 1) != 0) http_wake(feed->loops[at].http, at);
    }
    pthread_mutex_unlock(&feed->lock);
}

/* Blocks. */

static void block_drop(struct block *block)
{
    if (block->bytes != nullptr) http_bytes_drop(block->bytes);
    *block = (struct block){};
}

static void blocks_drop(struct feed_loop *loop, const struct channel *channel)
{
    for (uint32_t at = 0; at < BLOCKS; at++)
        if (channel == nullptr || loop->blocks[at].channel == channel)
            block_drop(&loop->blocks[at]);
}

/* Channels. */

/** The one for this scope, made when there is none. */
static struct channel *channel_of(struct feed_loop *loop, struct topic *topic,
                                  const struct scope *scope)
{
    for (struct channel *channel = loop->channels; channel != nullptr; channel = channel->next)
        if (channel->topic == topic && scope_sees_as(&channel->scope, scope)) return channel;
    struct channel *channel = memory_take(sizeof *channel);
    channel->topic = topic;
    channel->scope = *scope;
    channel->next = loop->channels;
    loop->channels = channel;
    return channel;
}

static void channel_join(struct channel *channel, struct stream *stream)
{
    stream->channel = channel;
    stream->next = channel->first;
    stream->place = &channel->first;
    if (stream->next != nullptr) stream->next->place = &stream->next;
    channel->first = stream;
}

static void channel_leave(struct feed_loop *loop, struct stream *stream)
{
    struct channel *channel = stream->channel;
    *stream->place = stream->next;
    if (stream->next != nullptr) stream->next->place = stream->place;
    if (channel->first != nullptr) return;
    struct channel **place = &loop->channels;
    while (*place != channel) place = &(*place)->next;
    *place = channel->next;
    blocks_drop(loop, channel);
    memory_give(channel);
}

static bool has_channel(const struct feed_loop *loop, const struct topic *topic)
{
    for (const struct channel *channel = loop->channels; channel != nullptr;
         channel = channel->next)
        if (channel->topic == topic) return true;
    return false;
}

/* Who is due. */

static void due_add(struct feed_loop *loop, struct stream *stream)
{
    if (stream->due_place != nullptr) return;
    stream->due_next = nullptr;
    stream->due_place = loop->due_last;
    *loop->due_last = stream;
    loop->due_last = &stream->due_next;
}

static void due_remove(struct feed_loop *loop, struct stream *stream)
{
    if (stream->due_place == nullptr) return;
    *stream->due_place = stream->due_next;
    if (stream->due_next != nullptr) stream->due_next->due_place = stream->due_place;
    else loop->due_last = stream->due_place;
    stream->due_place = nullptr;
}

static int64_t monotonic_ms(void)
{
    return clock_monotonic_ns() / 1'000'000;
}

static bool is_behind(const struct stream *stream)
{
    return stream->has_more ||
           stream->reached.position < atomic_load(&stream->channel->topic->newest);
}

/* Serving. */

/** One turn of a loop: its transaction stands in one firm at a time. */
struct serving {
    struct feed_loop *loop;
    struct task task;
    struct txn *txn;
    const struct topic *topic; /** whose firm the transaction has entered */
    struct tenant tenant;
    struct stream *stream;
    uint32_t formed;
};

static void serving_leave(struct serving *serving)
{
    if (serving->txn != nullptr) txn_close(serving->txn);
    serving->txn = nullptr;
    serving->topic = nullptr;
}

/** ERR_MISSING, ERR_FORBIDDEN: the firm is gone or rests. */
static enum err serving_enter(struct serving *serving, const struct topic *topic)
{
    const struct access *access = serving->loop->feed->access;
    if (serving->topic == topic) return ERR_NONE;
    serving_leave(serving);
    struct space instance = store_instance(access->store);
    TRY(txn_open(&serving->task, &instance, &serving->txn));
    TRY(tenant_enter_number(serving->txn, access, topic->tenant, &serving->tenant));
    if (serving->tenant.is_suspended) return ERR_FORBIDDEN;
    serving->topic = topic;
    return ERR_NONE;
}

/** Events behind `block->from`, as many as make a block. */
static enum err block_form(struct serving *serving, struct block *block)
{
    struct scope scope = block->channel->scope;
    scope.actor = block->actor;
    struct view view = {
        .task = &serving->task,
        .txn = serving->txn,
        .model = serving->tenant.model,
        .scope = &scope,
    };
    struct buf events = buf_make(&serving->loop->arena, BLOCK_BYTES_MAX);
    struct feed_walk walk = {.place = block->from};
    for (uint32_t looked = 0;
         !walk.is_end && looked < LOOKED_MAX && events.len < SLICE_BYTES_USUAL / 2; looked++) {
        size_t before = events.len;
        buf_put(&events, S("data: "));
        size_t begun = events.len;
        TRY(feed_step(&events, &view, &walk));
        if (events.len == begun) events.len = before;
        else buf_print(&events, "\nid: %llu\n\n", (unsigned long long)walk.place.position);
    }
    block->to = walk.place;
    block->has_more = !walk.is_end;
    block->is_of_actor = walk.is_of_actor;
    if (buf_is_over(&events)) return ERR_TOO_LARGE;
    if (events.len > 0) block->bytes = http_bytes_make(buf_str(&events));
    return ERR_NONE;
}

static bool place_is_same(const struct feed_place *one, const struct feed_place *other)
{
    const struct rows_under *here = &one->under, *there = &other->under;
    return one->position == other->position && here->sequence == there->sequence &&
           here->source == there->source && here->ahead == there->ahead &&
           id_eq(here->last, there->last);
}

/** What stands behind the stream's place: as it was formed for another one, or now. */
static enum err block_of(struct serving *serving, const struct stream *stream,
                         struct block **block_out)
{
    struct feed_loop *loop = serving->loop;
    for (uint32_t at = 0; at < BLOCKS; at++) {
        struct block *block = &loop->blocks[at];
        *block_out = block;
        /* A model that has changed since says so in the log, behind this block. */
        if (block->channel == stream->channel && place_is_same(&block->from, &stream->reached) &&
            !place_is_same(&block->to, &block->from) &&
            (!block->is_of_actor || id_eq(block->actor, stream->actor)))
            return ERR_NONE;
    }
    *block_out = &loop->blocks[loop->block_next++ % BLOCKS];
    block_drop(*block_out);
    **block_out =
        (struct block){.channel = stream->channel, .actor = stream->actor, .from = stream->reached};
    serving->formed++;
    enum err err = block_form(serving, *block_out);
    if (err != ERR_NONE) block_drop(*block_out);
    return err;
}

static void stream_write(struct stream *stream, struct http_bytes *bytes)
{
    stream->written_ms = monotonic_ms();
    http_stream_write(stream->http, bytes);
}

/** Whether the stream's actor is still let in; its view of things may have changed meanwhile. */
static enum err stream_admit(struct serving *serving, struct stream *stream, bool *is_other_out)
{
    *is_other_out = false;
    struct feed_loop *loop = serving->loop;
    struct identity identity;
    str hash = {stream->token_hash, HASH_BYTES};
    TRY(serving_enter(serving, stream->channel->topic));
    TRY(identity_again(serving->txn, loop->feed->access, stream->credential, hash, &identity));
    if (scope_sees_as(&identity.scope, &stream->channel->scope)) return ERR_NONE;
    struct channel *channel = channel_of(loop, stream->channel->topic, &identity.scope);
    channel_leave(loop, stream);
    channel_join(channel, stream);
    *is_other_out = true;
    return ERR_NONE;
}

/** Before anything that is told with the new rights. */
static void stream_tell_rights(struct stream *stream)
{
    struct http_bytes *bytes = http_bytes_make(rights_changed);
    stream_write(stream, bytes);
    http_bytes_drop(bytes);
}

/** So that nobody on the way takes the connection for dead, and a peer that is gone is noticed. */
static void stream_keep_alive(struct stream *stream)
{
    struct http_bytes *bytes = http_bytes_make(keep_alive);
    stream_write(stream, bytes);
    http_bytes_drop(bytes);
}

static enum err stream_serve(void *argument)
{
    struct serving *serving = argument;
    struct stream *stream = serving->stream;
    struct feed_loop *loop = serving->loop;
    struct block *block;
    bool is_other;
    TRY(stream_admit(serving, stream, &is_other));
    if (is_other) {
        stream_tell_rights(stream);
        return ERR_NONE;
    }
    struct http_bytes *bytes = nullptr;
    if (is_behind(stream)) {
        TRY(block_of(serving, stream, &block));
        stream->reached = block->to;
        stream->has_more = block->has_more;
        bytes = block->bytes;
    }
    int64_t quiet_ms = monotonic_ms() - stream->written_ms;
    if (bytes != nullptr) stream_write(stream, bytes);
    else if (quiet_ms >= loop->feed->limits.keep_alive_ms) stream_keep_alive(stream);
    else if (is_behind(stream)) due_add(loop, stream);
    return ERR_NONE;
}

static void stream_end(struct stream *stream, enum err err)
{
    bool is_fault = err != ERR_UNAUTHENTICATED && err != ERR_MISSING && err != ERR_FORBIDDEN;
    if (is_fault)
        log_error("feed", "a stream of tenant %u was ended: %.*s", stream->channel->topic->tenant,
                  FMT(err_slug(err)));
    http_stream_close(stream->http);
}

/** Some of those who are due; the rest when others have had their turn. */
static void loop_serve(struct feed_loop *loop)
{
    struct serving serving = {.loop = loop};
    task_init(&serving.task, &loop->arena);
    for (uint32_t served = 0; served < SERVED_MAX && serving.formed < FORMED_MAX; served++) {
        struct stream *stream = loop->due_first;
        if (stream == nullptr) break;
        due_remove(loop, stream);
        /* One that still sends is asked again when it has sent. */
        if (!http_stream_is_ready(stream->http)) continue;
        serving.stream = stream;
        enum err err = arena_guard(&loop->arena, stream_serve, &serving);
        /* No reader slot: the next tick tries again. */
        if (err == ERR_FULL) break;
        if (err != ERR_NONE) serving_leave(&serving);
        if (err != ERR_NONE) stream_end(stream, err);
    }
    serving_leave(&serving);
    arena_clear(&loop->arena);
    if (loop->due_first != nullptr) http_wake(loop->http, loop->number);
}

void feed_woken(struct feed *feed, uint32_t number)
{
    struct feed_loop *loop = &feed->loops[number];
    for (struct channel *channel = loop->channels; channel != nullptr; channel = channel->next) {
        uint64_t newest = atomic_load(&channel->topic->newest);
        if (newest <= channel->told) continue;
        channel->told = newest;
        for (struct stream *stream = channel->first; stream != nullptr; stream = stream->next)
            if (http_stream_is_ready(stream->http)) due_add(loop, stream);
    }
    if (loop->due_first != nullptr) loop_serve(loop);
}

void feed_tick(struct feed *feed, uint32_t number)
{
    struct feed_loop *loop = &feed->loops[number];
    if (loop->channels == nullptr) return;
    int64_t quiet_ms = monotonic_ms() - feed->limits.keep_alive_ms;
    blocks_drop(loop, nullptr);
    for (struct channel *channel = loop->channels; channel != nullptr; channel = channel->next)
        for (struct stream *stream = channel->first; stream != nullptr; stream = stream->next)
            if (http_stream_is_ready(stream->http) &&
                (stream->written_ms <= quiet_ms || is_behind(stream)))
                due_add(loop, stream);
    if (loop->due_first != nullptr) loop_serve(loop);
}

static void on_taken(struct http_stream *http, void *owner)
{
    struct stream *stream = owner;
    require(stream->http == http);
    if (!is_behind(stream)) return;
    struct feed_loop *loop = stream->loop;
    due_add(loop, stream);
    http_wake(loop->http, loop->number);
}

static void on_ended(struct http_stream *http, void *owner)
{
    struct stream *stream = owner;
    require(stream->http == http);
    struct feed_loop *loop = stream->loop;
    struct topic *topic = stream->channel->topic;
    due_remove(loop, stream);
    channel_leave(loop, stream);
    topic_leave(loop, topic, !has_channel(loop, topic));
    atomic_fetch_sub(&loop->feed->stream_count, 1);
    memory_give(stream);
}

/* Opening. */

/** A place among those that the firm and the server may have. */
static enum err place_take(struct call *call, struct feed_loop *loop, struct topic **topic_out)
{
    struct feed *feed = loop->feed;
    constexpr int64_t full_wait_ms = 5000;
    struct quotas quotas;
    int64_t use;
    TRY(quotas_read(call->txn, &quotas));
    call->wait_ms = full_wait_ms;
    if (atomic_fetch_add(&feed->stream_count, 1) >= feed->limits.streams) {
        atomic_fetch_sub(&feed->stream_count, 1);
        return fail(call->task, ERR_FULL, "the server has as many open event streams as it may");
    }
    int64_t bound = quotas.bounds[QUOTA_STREAMS];
    if (topic_join(loop, call->tenant.space.number, bound, topic_out, &use)) return ERR_NONE;
    atomic_fetch_sub(&feed->stream_count, 1);
    return quota_reached(call->task, QUOTA_STREAMS, bound, use, full_wait_ms);
}

static void head_begin(struct call *call, uint64_t after, struct http_header headers[2],
                       struct http_answer *head)
{
    headers[0] = (struct http_header){S("x-request-id"), {call->request_id, ID_TEXT_BYTES}};
    headers[1] = (struct http_header){S("x-accel-buffering"), S("no")};
    *head = (struct http_answer){
        .status = 200,
        .content_type = S("text/event-stream"),
        /* The place is told before anything comes, so that a client can go on from it. */
        .body = arena_print(call->task->arena, "retry: %lld\nid: %llu\n\n", (long long)RECONNECT_MS,
                            (unsigned long long)after),
        .header_count = 2,
        .headers = headers,
    };
}

enum err feed_answer(struct call *call, uint64_t after)
{
    static const struct http_stream_calls calls = {on_taken, on_ended};
    struct feed *feed = call->api->feed;
    require(call->exchange != nullptr);
    require(call->identity.token_hash.len == HASH_BYTES);
    struct feed_loop *loop = &feed->loops[http_loop(call->exchange)];
    loop->http = http_of(call->exchange);
    struct topic *topic;
    TRY(place_take(call, loop, &topic));
    struct stream *stream = memory_take(sizeof *stream);
    stream->loop = loop;
    stream->actor = call->identity.scope.actor; /* at the portal the contact, not its account */
    stream->reached = feed_place_of(after);
    stream->written_ms = monotonic_ms();
    stream->credential = call->identity.credential;
    /* A change may have become durable behind this call's snapshot and before the topic was joined:
     * the first look is with a snapshot of its own. */
    stream->has_more = true;
    memcpy(stream->token_hash, call->identity.token_hash.at, HASH_BYTES);
    channel_join(channel_of(loop, topic, &call->identity.scope), stream);
    struct http_header headers[2];
    struct http_answer head;
    head_begin(call, after, headers, &head);
    stream->http = http_stream_open(call->exchange, &head, &calls, stream);
    call->is_answered = true;
    return ERR_NONE;
}

/* Life. */

struct feed *feed_make(const struct access *access, const struct feed_limits *limits)
{
    struct feed *feed = memory_take(sizeof *feed);
    feed->access = access;
    feed->limits = *limits;
    if (feed->limits.streams == 0) feed->limits.streams = EVENT_STREAMS_MAX;
    if (feed->limits.keep_alive_ms == 0) feed->limits.keep_alive_ms = EVENT_KEEP_ALIVE_MS;
    require(pthread_mutex_init(&feed->lock, nullptr) == 0);
    for (uint32_t at = 0; at < HTTP_LOOPS_MAX; at++) {
        struct feed_loop *loop = &feed->loops[at];
        loop->feed = feed;
        loop->number = at;
        loop->due_last = &loop->due_first;
        arena_init(&loop->arena, TASK_ARENA_BYTES_MAX);
    }
    return feed;
}

void feed_drop(struct feed *feed)
{
    /* A loop that was left behind at a stop may still hold one. */
    if (atomic_load(&feed->stream_count) > 0) return;
    for (uint32_t at = 0; at < HTTP_LOOPS_MAX; at++) arena_drop(&feed->loops[at].arena);
    pthread_mutex_destroy(&feed->lock);
    memory_give(feed);
}

uint32_t feed_streams(const struct feed *feed)
{
    return atomic_load_explicit(&feed->stream_count, memory_order_relaxed);
}

uint32_t feed_streams_of(struct feed *feed, uint32_t tenant)
{
    pthread_mutex_lock(&feed->lock);
    struct topic *const *place = topic_place(feed, tenant);
    uint32_t count = *place == nullptr ? 0 : (*place)->stream_count;
    pthread_mutex_unlock(&feed->lock);
    return count;
}
