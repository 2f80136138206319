#include "base/require.h"
#include "http/loop.h"

/* The memory that clients hold: of requests that they have not sent whole, and of answers that they
 * have not taken. Each loop has its share of one bound. Who would pass it is not the newcomer's
 * affair: those go that hold most for longest. */

/** Less is what any connection holds. */
constexpr size_t HELD_BYTES_SMALL = 32 * KIB;
/** A loop's share is never less, however many loops there are: one honest client may ask for much
 *  at once. */
constexpr size_t SHARE_BYTES_MIN = 48 * MIB;
/** A crowd that held as much leaves heaps full of holes; once it holds no more than the other, they
 *  are given back. */
constexpr size_t HELD_BYTES_MUCH = 32 * MIB;
constexpr size_t HELD_BYTES_QUIET = 2 * MIB;
/** An idle connection that has served somebody is left alone for so long. */
constexpr int64_t SPARED_MS = 5000;

static size_t held_by(const struct connection *connection)
{
    if (connection->socket == nullptr) return 0;
    size_t bytes = connection->unsent_bytes;
    const struct screen *screen = connection->screen;
    const h2o_buffer_t *input = connection->socket->input;
    if (screen != nullptr) bytes += screen->held_bytes + screen->block.bytes;
    if (input->bytes != nullptr && input->capacity > HELD_BYTES_SMALL) bytes += input->capacity;
    return bytes;
}

static void note(struct connection *connection, size_t bytes)
{
    struct loop *loop = connection->loop;
    size_t *sum = connection->is_ending ? &loop->dying_bytes : &loop->held_bytes;
    *sum = *sum - connection->held_bytes + bytes;
    connection->held_bytes = bytes;
    if (bytes <= HELD_BYTES_SMALL) connection->held_since_ms = 0;
    else if (connection->held_since_ms == 0) connection->held_since_ms = monotonic_ms();
}

/** How many bits it takes: what differs by less than twice counts as the same. */
static unsigned size_class(size_t bytes)
{
    return bytes == 0 ? 0 : 64 - (unsigned)__builtin_clzll(bytes);
}

static struct connection *holds_most(struct loop *loop)
{
    struct connection *found = nullptr;
    for (h2o_linklist_t *node = loop->connections.next; node != &loop->connections;
         node = node->next) {
        struct connection *other = H2O_STRUCT_FROM_MEMBER(struct connection, link, node);
        if (other->held_since_ms == 0 || other->is_ending || other->socket == nullptr) continue;
        unsigned mine = size_class(other->held_bytes);
        unsigned most = found == nullptr ? 0 : size_class(found->held_bytes);
        if (mine > most || (mine == most && other->held_since_ms < found->held_since_ms))
            found = other;
    }
    return found;
}

static size_t share_of(const struct loop *loop)
{
    const struct http *http = loop->http;
    bool is_given = http->options.limits.held_bytes > 0;
    size_t share = http->limits.held_bytes / http->loop_count;
    return is_given || share > SHARE_BYTES_MIN ? share : SHARE_BYTES_MIN;
}

void hold_trim(struct loop *loop)
{
    if (!loop->held_much || loop->held_bytes + loop->dying_bytes > HELD_BYTES_QUIET) return;
    loop->held_much = false;
    memory_trim();
}

void hold_settle(struct connection *connection)
{
    struct loop *loop = connection->loop;
    size_t share = share_of(loop);
    note(connection, held_by(connection));
    if (loop->held_bytes > HELD_BYTES_MUCH) loop->held_much = true;
    while (loop->held_bytes > share) {
        struct connection *victim = holds_most(loop);
        if (victim == nullptr) return;
        connection_end(victim, &loop->counters.closed_full);
    }
}

void hold_doom(struct connection *connection)
{
    require(!connection->is_ending);
    connection->loop->held_bytes -= connection->held_bytes;
    connection->loop->dying_bytes += connection->held_bytes;
}

bool hold_is_full(const struct loop *loop)
{
    size_t share = share_of(loop);
    return loop->held_bytes + loop->dying_bytes > share + share / 4;
}

void exchange_owes(struct http_exchange *exchange, size_t bytes)
{
    struct connection *connection = exchange->connection;
    connection->unsent_bytes = connection->unsent_bytes - exchange->unsent_bytes + bytes;
    exchange->unsent_bytes = bytes;
}

void hold_drop(struct connection *connection)
{
    note(connection, 0);
}

bool hold_has_room(struct loop *loop, size_t body_bytes)
{
    constexpr size_t SMALL = 64 * KIB;
    return body_bytes <= SMALL || loop->working_bytes <= WORKING_BYTES_MAX / loop->http->loop_count;
}

/** The one of two that can be spared sooner: it never served anybody, or is silent for longer. */
static bool is_sooner(const struct connection *one, const struct connection *other)
{
    if (other == nullptr) return true;
    if ((one->completed == 0) != (other->completed == 0)) return one->completed == 0;
    return one->quiet_ms < other->quiet_ms;
}

bool connection_make_room(struct loop *loop)
{
    struct connection *found = nullptr;
    int64_t now_ms = monotonic_ms();
    for (h2o_linklist_t *node = loop->connections.next; node != &loop->connections;
         node = node->next) {
        struct connection *one = H2O_STRUCT_FROM_MEMBER(struct connection, link, node);
        if (one->is_ending || one->open > 0 || one->is_proxy || one->socket == nullptr) continue;
        bool is_spared =
            one->completed > 0 && (one->was_busy || now_ms - one->quiet_ms < SPARED_MS);
        if (!is_spared && is_sooner(one, found)) found = one;
    }
    if (found == nullptr) return false;
    connection_end(found, &loop->counters.closed_full);
    return true;
}
