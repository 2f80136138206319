#include "store/pending.h"

#include "base/require.h"

struct pending_undo {
    struct pending_entry *entry;
    enum pending_state state;
    uint32_t group;
    str value;
};

void pending_init(struct pending *pending, struct arena *arena)
{
    *pending = (struct pending){.arena = arena, .random = 0x9E3779B97F4A7C15};
}

/** A key that is looked for. Its first bytes as numbers decide most comparisons without a look at
 *  the entry's own key, which lies elsewhere. */
struct wanted {
    enum database database;
    str key;
    uint64_t heads[PENDING_HEADS];
};

static struct wanted wanted_of(enum database database, str key)
{
    struct wanted wanted = {.database = database, .key = key};
    char bytes[sizeof wanted.heads] = {};
    memcpy(bytes, key.at, key.len < sizeof bytes ? key.len : sizeof bytes);
    for (size_t at = 0; at < PENDING_HEADS; at++)
        wanted.heads[at] = bytes_uint64(bytes + at * sizeof(uint64_t));
    return wanted;
}

static int entry_compare(const struct pending_entry *entry, const struct wanted *wanted)
{
    if (entry->database != wanted->database) return entry->database < wanted->database ? -1 : 1;
    for (size_t at = 0; at < PENDING_HEADS; at++)
        if (entry->heads[at] != wanted->heads[at])
            return entry->heads[at] < wanted->heads[at] ? -1 : 1;
    return str_compare(entry->key, wanted->key);
}

/** For each level the link at which an entry of this key hangs or would hang. */
static void find_links(struct pending *pending, const struct wanted *wanted,
                       struct pending_entry **links[PENDING_LEVELS])
{
    struct pending_entry **row = pending->first;
    for (uint32_t level = PENDING_LEVELS; level-- > 0;) {
        while (row[level] != nullptr && entry_compare(row[level], wanted) < 0)
            row = row[level]->next;
        links[level] = &row[level];
    }
}

/** The first entry, standing or not, for which the comparison is not below zero (above zero when
 *  strict). */
static struct pending_entry *find_from(const struct pending *pending, enum database database,
                                       str key, bool is_strict)
{
    struct pending_entry *const *row = pending->first;
    struct wanted wanted = wanted_of(database, key);
    for (uint32_t level = PENDING_LEVELS; level-- > 0;)
        while (row[level] != nullptr && entry_compare(row[level], &wanted) < (is_strict ? 1 : 0))
            row = row[level]->next;
    return row[0];
}

static uint32_t random_level(struct pending *pending)
{
    pending->random ^= pending->random << 13;
    pending->random ^= pending->random >> 7;
    pending->random ^= pending->random << 17;
    uint32_t level = 1;
    uint64_t bits = pending->random;
    while (level < PENDING_LEVELS && (bits & 3) == 0) {
        level++;
        bits >>= 2;
    }
    return level;
}

static struct pending_entry *insert(struct pending *pending, enum database database, str key)
{
    struct pending_entry **links[PENDING_LEVELS];
    struct wanted wanted = wanted_of(database, key);
    find_links(pending, &wanted, links);
    struct pending_entry *there = *links[0];
    if (there != nullptr && entry_compare(there, &wanted) == 0) return there;
    uint32_t levels = random_level(pending);
    struct pending_entry *entry =
        arena_take(pending->arena, sizeof(*entry) + levels * sizeof(struct pending_entry *));
    entry->database = database;
    memcpy(entry->heads, wanted.heads, sizeof entry->heads);
    entry->key = arena_copy(pending->arena, key);
    pending->entry_count++;
    for (uint32_t level = 0; level < levels; level++) {
        entry->next[level] = *links[level];
        *links[level] = entry;
    }
    return entry;
}

static void account(struct pending *pending, const struct pending_entry *entry, bool is_added)
{
    if (entry->state == PENDING_NOTHING || entry->group != pending->group) return;
    size_t bytes = entry->key.len + entry->value.len;
    pending->live_count += is_added ? 1 : (uint64_t)-1;
    pending->live_bytes = is_added ? pending->live_bytes + bytes : pending->live_bytes - bytes;
}

void pending_set(struct pending *pending, enum database database, str key, enum pending_state state,
                 str value)
{
    require(key.len > 0);
    /* Room in the journal first: an arena that leaves the task in between must find all as it
     * was. */
    if (pending->undo_count == pending->undo_capacity) {
        uint64_t capacity = pending->undo_capacity == 0 ? 32 : pending->undo_capacity * 2;
        struct pending_undo *grown = arena_new(pending->arena, struct pending_undo, capacity);
        if (pending->undo_count > 0)
            memcpy(grown, pending->undo, pending->undo_count * sizeof(*grown));
        pending->undo = grown;
        pending->undo_capacity = capacity;
    }
    struct pending_entry *entry = insert(pending, database, key);
    pending->version++;
    pending->undo[pending->undo_count++] =
        (struct pending_undo){entry, entry->state, entry->group, entry->value};
    account(pending, entry, false);
    entry->group = pending->group;
    entry->state = state;
    entry->value = value;
    account(pending, entry, true);
}

void pending_next_group(struct pending *pending)
{
    pending->group++;
    pending->undo_count = 0;
    pending->live_count = 0;
    pending->live_bytes = 0;
}

void pending_undo_to(struct pending *pending, uint64_t mark)
{
    require(mark <= pending->undo_count);
    pending->version++;
    while (pending->undo_count > mark) {
        const struct pending_undo *undo = &pending->undo[--pending->undo_count];
        account(pending, undo->entry, false);
        undo->entry->state = undo->state;
        undo->entry->group = undo->group;
        undo->entry->value = undo->value;
        account(pending, undo->entry, true);
    }
}

struct pending_entry *pending_find(const struct pending *pending, enum database database, str key)
{
    struct pending_entry *entry = find_from(pending, database, key, false);
    bool is_found = entry != nullptr && entry->database == database && str_eq(entry->key, key);
    return is_found ? entry : nullptr;
}

struct pending_entry *pending_from(const struct pending *pending, enum database database, str key,
                                   bool is_strict)
{
    struct pending_entry *entry = find_from(pending, database, key, is_strict);
    if (entry == nullptr || entry->database != database) return nullptr;
    return entry->state != PENDING_NOTHING ? entry : pending_next(entry);
}

struct pending_entry *pending_next(const struct pending_entry *entry)
{
    struct pending_entry *next = pending_following(entry);
    return next != nullptr && next->database == entry->database ? next : nullptr;
}

/** Whether an entry lies before the key, or in the database at all or before it when there is
 *  none. */
static bool is_before(const struct pending_entry *entry, const struct wanted *wanted)
{
    if (wanted->key.at == nullptr) return entry->database <= wanted->database;
    return entry_compare(entry, wanted) < 0;
}

struct pending_entry *pending_before(const struct pending *pending, enum database database,
                                     const str *key)
{
    struct wanted wanted = {.database = database};
    if (key != nullptr) wanted = wanted_of(database, *key);
    for (;;) {
        struct pending_entry *last = nullptr;
        struct pending_entry *const *row = pending->first;
        for (uint32_t level = PENDING_LEVELS; level-- > 0;) {
            while (row[level] != nullptr && is_before(row[level], &wanted)) {
                last = row[level];
                row = last->next;
            }
        }
        if (last == nullptr || last->database != database) return nullptr;
        if (last->state != PENDING_NOTHING) return last;
        wanted = wanted_of(database, last->key);
    }
}

struct pending_entry *pending_first(const struct pending *pending)
{
    struct pending_entry *entry = pending->first[0];
    while (entry != nullptr && entry->state == PENDING_NOTHING) entry = entry->next[0];
    return entry;
}

struct pending_entry *pending_following(const struct pending_entry *entry)
{
    struct pending_entry *next = entry->next[0];
    while (next != nullptr && next->state == PENDING_NOTHING) next = next->next[0];
    return next;
}
