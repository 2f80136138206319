#include "work/duplicates_pairs.h"

#include <stdlib.h>

#include "base/require.h"

constexpr uint32_t NEIGHBOURS = 10; /** compared with each, behind it */
constexpr size_t COLUMN_BYTES_MIN = 64 * KIB;
constexpr size_t AGREED_MAX = 2'000'000;
constexpr size_t PROFILE_ARENA_BYTES_MAX = 8 * MIB;

/** Items of one size, as many as come. */
struct column {
    char *items;
    size_t count, capacity; /** in items */
    size_t item_bytes;
};

struct key_entry {
    uint64_t hash;
    uint32_t record; /** by its place in ids */
    enum duplicates_by by;
    uint8_t field; /** as in struct profile_key */
};

struct name_entry {
    uint32_t record;
    uint32_t from; /** in texts */
    uint8_t len;
    uint8_t field;
};

/** One agreement of two records. */
struct agreement {
    uint32_t first, second; /** first < second */
    enum duplicates_by by;
    uint8_t field, other_field; /** of the one and the other */
    uint8_t score;
};

/** Nothing here points into a model, which may be another from step to step. */
struct pairs {
    struct arena arena;   /** of one profile */
    struct column ids;    /** struct id */
    struct column keys;   /** struct key_entry */
    struct column names;  /** struct name_entry */
    struct column texts;  /** char */
    struct column agreed; /** struct agreement, then struct kept_pair in kept */
    struct column kept;
    bool is_cut;
};

struct kept_pair {
    uint64_t fields;
    uint32_t first, second;
    uint8_t score;
};

static_assert(PROFILE_NAME_BYTES_MAX < 256);

static void *column_add(struct column *column, size_t count)
{
    if (column->count + count > column->capacity) {
        size_t least = COLUMN_BYTES_MIN / column->item_bytes;
        size_t capacity = column->capacity * 2 < least ? least : column->capacity * 2;
        char *items = memory_take(capacity * column->item_bytes);
        if (column->count > 0) memcpy(items, column->items, column->count * column->item_bytes);
        memory_give(column->items);
        column->items = items;
        column->capacity = capacity;
    }
    void *added = column->items + column->count * column->item_bytes;
    column->count += count;
    return added;
}

static void column_drop(struct column *column)
{
    memory_give(column->items);
    *column = (struct column){.item_bytes = column->item_bytes};
}

struct pairs *pairs_open(void)
{
    struct pairs *pairs = memory_take(sizeof *pairs);
    arena_init(&pairs->arena, PROFILE_ARENA_BYTES_MAX);
    pairs->ids.item_bytes = sizeof(struct id);
    pairs->keys.item_bytes = sizeof(struct key_entry);
    pairs->names.item_bytes = sizeof(struct name_entry);
    pairs->texts.item_bytes = 1;
    pairs->agreed.item_bytes = sizeof(struct agreement);
    pairs->kept.item_bytes = sizeof(struct kept_pair);
    return pairs;
}

void pairs_close(struct pairs *pairs)
{
    column_drop(&pairs->ids);
    column_drop(&pairs->keys);
    column_drop(&pairs->names);
    column_drop(&pairs->texts);
    column_drop(&pairs->agreed);
    column_drop(&pairs->kept);
    arena_drop(&pairs->arena);
    memory_give(pairs);
}

/* Gathering. */

enum err pairs_add(struct pairs *pairs, struct task *task, const struct record *record)
{
    struct profile profile;
    if (pairs->ids.count == PAIRS_RECORDS_MAX)
        return fail(task, ERR_TOO_LARGE, "duplicates are looked for among at most %u records",
                    PAIRS_RECORDS_MAX);
    uint32_t number = (uint32_t)pairs->ids.count;
    *(struct id *)column_add(&pairs->ids, 1) = record->id;
    arena_clear(&pairs->arena);
    profile_make(&pairs->arena, record->entity, record->value, &profile);
    for (uint32_t at = 0; at < profile.key_count; at++)
        *(struct key_entry *)column_add(&pairs->keys, 1) = (struct key_entry){
            profile.keys[at].hash, number, profile.keys[at].by, profile.keys[at].field};
    for (uint32_t at = 0; at < profile.name_count; at++) {
        str text = profile.names[at].text;
        uint32_t from = (uint32_t)pairs->texts.count;
        memcpy(column_add(&pairs->texts, text.len), text.at, text.len);
        *(struct name_entry *)column_add(&pairs->names, 1) =
            (struct name_entry){number, from, (uint8_t)text.len, profile.names[at].field};
    }
    return ERR_NONE;
}

/* Agreements. */

/** `found` says of which fields and how; its records come in any order. */
static void agree(struct pairs *pairs, struct agreement found)
{
    if (found.first == found.second) return;
    bool is_cut = pairs->agreed.count == AGREED_MAX;
    pairs->is_cut = pairs->is_cut || is_cut;
    if (is_cut) return;
    uint32_t first = found.first < found.second ? found.first : found.second;
    found.second = found.first + found.second - first;
    found.first = first;
    *(struct agreement *)column_add(&pairs->agreed, 1) = found;
}

static int compare_keys(const void *one, const void *other)
{
    const struct key_entry *a = one, *b = other;
    if (a->hash != b->hash) return a->hash < b->hash ? -1 : 1;
    return a->record < b->record ? -1 : a->record > b->record;
}

static void agree_keys(struct pairs *pairs)
{
    struct key_entry *keys = (struct key_entry *)pairs->keys.items;
    size_t count = pairs->keys.count;
    if (count > 1) qsort(keys, count, sizeof *keys, compare_keys);
    for (size_t at = 0; at < count; at++) {
        uint8_t score = duplicates_same_score(keys[at].by);
        for (size_t to = at + 1; to < count && to <= at + NEIGHBOURS; to++) {
            if (keys[to].hash != keys[at].hash) break;
            agree(pairs, (struct agreement){keys[at].record, keys[to].record, keys[at].by,
                                            keys[at].field, keys[to].field, score});
        }
    }
}

static str name_text(const struct pairs *pairs, const struct name_entry *name)
{
    return (str){pairs->texts.items + name->from, name->len};
}

static int compare_names(const void *one, const void *other, void *pairs)
{
    return str_compare(name_text(pairs, one), name_text(pairs, other));
}

static int compare_names_backward(const void *one, const void *other, void *pairs)
{
    str a = name_text(pairs, one), b = name_text(pairs, other);
    for (size_t at = 1; at <= a.len && at <= b.len; at++) {
        uint8_t of_a = (uint8_t)a.at[a.len - at], of_b = (uint8_t)b.at[b.len - at];
        if (of_a != of_b) return of_a < of_b ? -1 : 1;
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

static void agree_names(struct pairs *pairs,
                        int (*compare)(const void *one, const void *other, void *pairs))
{
    struct name_entry *names = (struct name_entry *)pairs->names.items;
    size_t count = pairs->names.count;
    if (count > 1) qsort_r(names, count, sizeof *names, compare, pairs);
    for (size_t at = 0; at < count; at++)
        for (size_t to = at + 1; to < count && to <= at + NEIGHBOURS; to++) {
            if (names[at].record == names[to].record) continue;
            uint8_t score =
                duplicates_name_score(name_text(pairs, &names[at]), name_text(pairs, &names[to]));
            if (score == 0) continue;
            agree(pairs, (struct agreement){names[at].record, names[to].record, DUPLICATES_BY_NAME,
                                            names[at].field, names[to].field, score});
        }
}

/* Pairs. */

static int compare_agreements(const void *one, const void *other)
{
    const struct agreement *a = one, *b = other;
    if (a->first != b->first) return a->first < b->first ? -1 : 1;
    return a->second < b->second ? -1 : a->second > b->second;
}

/** All that two records agree in: of each way the strongest counts, once. */
static struct kept_pair pair_of(const struct agreement *agreed, size_t count)
{
    struct kept_pair pair = {.first = agreed->first, .second = agreed->second};
    uint8_t best[DUPLICATES_BY_PHONE + 1] = {};
    for (size_t at = 0; at < count; at++) {
        if (agreed[at].score > best[agreed[at].by]) best[agreed[at].by] = agreed[at].score;
        pair.fields |= 1ULL << agreed[at].field | 1ULL << agreed[at].other_field;
    }
    for (size_t at = 0; at < sizeof best; at++)
        pair.score = duplicates_scores_add(pair.score, best[at]);
    return pair;
}

/** The next pair of the sorted agreements; false at the end. */
static bool pair_next(const struct pairs *pairs, size_t *at, struct kept_pair *pair_out)
{
    const struct agreement *agreed = (const struct agreement *)pairs->agreed.items;
    size_t from = *at, count = pairs->agreed.count;
    if (from == count) return false;
    while (*at < count && compare_agreements(&agreed[from], &agreed[*at]) == 0) ++*at;
    *pair_out = pair_of(&agreed[from], *at - from);
    return true;
}

/** All pairs above `score` are kept, and so many of those that have it. */
struct cut {
    uint32_t score, count;
};

static struct cut cut_find(struct pairs *pairs)
{
    uint32_t of_score[UINT8_MAX + 1] = {}, room = PAIRS_MAX;
    struct kept_pair pair;
    for (size_t at = 0; pair_next(pairs, &at, &pair);) of_score[pair.score]++;
    uint32_t score = UINT8_MAX;
    for (; score >= DUPLICATES_SCORE_MIN && of_score[score] <= room; score--)
        room -= of_score[score];
    pairs->is_cut = pairs->is_cut || score >= DUPLICATES_SCORE_MIN;
    return (struct cut){score, score >= DUPLICATES_SCORE_MIN ? room : 0};
}

void pairs_find(struct pairs *pairs)
{
    agree_keys(pairs);
    agree_names(pairs, compare_names);
    agree_names(pairs, compare_names_backward);
    struct agreement *agreed = (struct agreement *)pairs->agreed.items;
    size_t count = pairs->agreed.count;
    if (count > 1) qsort(agreed, count, sizeof *agreed, compare_agreements);
    struct cut cut = cut_find(pairs);
    struct kept_pair pair;
    for (size_t at = 0; pair_next(pairs, &at, &pair);) {
        bool is_at_cut = pair.score == cut.score && cut.count > 0;
        if (is_at_cut) cut.count--;
        if (pair.score > cut.score || is_at_cut)
            *(struct kept_pair *)column_add(&pairs->kept, 1) = pair;
    }
    column_drop(&pairs->agreed);
    column_drop(&pairs->keys);
    column_drop(&pairs->names);
    column_drop(&pairs->texts);
}

uint32_t pairs_count(const struct pairs *pairs)
{
    return (uint32_t)pairs->kept.count;
}

struct found_pair pairs_at(const struct pairs *pairs, uint32_t at)
{
    require(at < pairs->kept.count);
    const struct kept_pair *pair = &((const struct kept_pair *)pairs->kept.items)[at];
    const struct id *ids = (const struct id *)pairs->ids.items;
    return (struct found_pair){ids[pair->first], ids[pair->second], pair->score, pair->fields};
}

static int compare_pair(struct found_pair pair, struct id first, struct id second)
{
    int order = memcmp(pair.first.bytes, first.bytes, sizeof first.bytes);
    return order != 0 ? order : memcmp(pair.second.bytes, second.bytes, sizeof second.bytes);
}

bool pairs_hold(const struct pairs *pairs, struct id first, struct id second)
{
    uint32_t low = 0, high = pairs_count(pairs);
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = compare_pair(pairs_at(pairs, middle), first, second);
        if (order == 0) return true;
        if (order < 0) low = middle + 1;
        else high = middle;
    }
    return false;
}

bool pairs_are_cut(const struct pairs *pairs)
{
    return pairs->is_cut;
}
