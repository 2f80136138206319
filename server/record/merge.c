#include "record/merge.h"

#include "base/require.h"

/** A stretch that is being walked, and its foremost entry. */
struct strand {
    const struct stretch *stretch;
    struct scan *scan;
    bool has_entry;
    bool is_due; /** to be moved on */
    struct scan_entry entry;
};

struct merge {
    bool is_descending;
    bool is_begun;
    uint32_t count;
    struct strand *strands;
    uint32_t at; /** the strand of the entry given last */
};

static const struct id least_id = {};
static const struct id greatest_id = {{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                       0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}};

static void go_on(struct arena *arena, const struct stretch *stretch,
                  const struct list_place *after, bool is_inclusive, struct scan_range *range)
{
    struct buf ordered = buf_make(arena, KEY_INDEX_BYTES_MAX);
    buf_put(&ordered, stretch->front);
    if (stretch->has_value) buf_put(&ordered, after->values[0].ordered);
    range->has_after = true;
    range->after_ordered = buf_str(&ordered);
    range->after_id = !is_inclusive ? after->id : range->is_descending ? greatest_id : least_id;
}

struct merge *merge_open(const struct view *view, const struct query *query,
                         const struct section *section, const struct list_place *after,
                         bool is_inclusive)
{
    struct arena *arena = view->task->arena;
    struct merge *merge = arena_new(arena, struct merge, 1);
    merge->is_descending =
        query->sort_count > 0 ? query->sorts[0].is_descending : query->is_descending;
    merge->count = section->stretch_count;
    merge->strands = arena_new(arena, struct strand, section->stretch_count);
    for (uint32_t at = 0; at < merge->count; at++) {
        const struct stretch *stretch = &section->stretches[at];
        struct scan_range range = stretch->range;
        range.is_descending = merge->is_descending;
        if (after != nullptr) go_on(arena, stretch, after, is_inclusive, &range);
        struct strand *strand = &merge->strands[at];
        strand->stretch = stretch;
        strand->scan = stretch->index == INDEX_OF_RECORDS
                           ? scan_records(view->txn, query->entity->number, &range)
                           : scan_index(view->txn, query->entity->number, stretch->index, &range);
    }
    return merge;
}

void merge_close(struct merge *merge)
{
    for (uint32_t at = 0; at < merge->count; at++) scan_close(merge->strands[at].scan);
}

static enum err strand_next(struct strand *strand)
{
    TRY(scan_next(strand->scan, &strand->has_entry, &strand->entry));
    require(!strand->has_entry || strand->entry.ordered.len >= strand->stretch->front.len);
    return ERR_NONE;
}

/** Places as the index has them: by value behind the front, then by id. */
static int compare(const struct strand *a, const struct strand *b)
{
    int order = a->stretch->has_value
                    ? str_compare(str_from(a->entry.ordered, a->stretch->front.len),
                                  str_from(b->entry.ordered, b->stretch->front.len))
                    : 0;
    return order != 0 ? order : memcmp(a->entry.id.bytes, b->entry.id.bytes, 16);
}

/** Moves on all strands that stand where the last entry did. */
static enum err move_on(struct merge *merge)
{
    const struct strand *last = &merge->strands[merge->at];
    /* First all are compared, since moving on may end the view of the last entry. */
    for (uint32_t at = 0; at < merge->count; at++) {
        struct strand *strand = &merge->strands[at];
        strand->is_due = !merge->is_begun || (strand->has_entry && compare(strand, last) == 0);
    }
    for (uint32_t at = 0; at < merge->count; at++)
        if (merge->strands[at].is_due) TRY(strand_next(&merge->strands[at]));
    merge->is_begun = true;
    return ERR_NONE;
}

enum err merge_next(struct merge *merge, bool *has_one_out, struct merged *merged_out)
{
    *has_one_out = false;
    if (merge->count == 0) return ERR_NONE;
    TRY(move_on(merge));
    const struct strand *foremost = nullptr;
    for (uint32_t at = 0; at < merge->count; at++) {
        const struct strand *strand = &merge->strands[at];
        if (!strand->has_entry) continue;
        int order = foremost == nullptr ? 0 : compare(strand, foremost);
        if (foremost == nullptr || (merge->is_descending ? order > 0 : order < 0)) {
            foremost = strand;
            merge->at = at;
        }
    }
    if (foremost == nullptr) return ERR_NONE;
    bool has_value = foremost->stretch->has_value;
    *has_one_out = true;
    *merged_out = (struct merged){
        .value = {has_value, has_value
                                 ? str_from(foremost->entry.ordered, foremost->stretch->front.len)
                                 : (str){}},
        .id = foremost->entry.id,
        .record = foremost->entry.value,
    };
    return ERR_NONE;
}
