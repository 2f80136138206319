/* Words of a search, and the records that have them. */
#include "base/require.h"
#include "record/draft.h"
#include "record/listing.h"
#include "record/rows.h"

constexpr uint32_t SAMPLE = 100; /** entries counted to find the rarest word */

static bool is_number(str word)
{
    for (size_t at = 0; at < word.len; at++)
        if (word.at[at] < '0' || word.at[at] > '9') return false;
    return word.len >= 3;
}

uint32_t words_read(struct arena *arena, str text, struct query_word *words)
{
    bool is_digits;
    struct key_list list = kind_query_words(arena, text, &is_digits);
    uint32_t count = 0;
    if (is_digits) { /* the forms of one number, either of which will do */
        words[0] = (struct query_word){};
        for (uint32_t at = 0; at < list.count && at < 2; at++)
            words[0].beginnings[words[0].count++] = str_first(list.items[at], KEY_TOKEN_BYTES_MAX);
        return words[0].count > 0 ? 1 : 0;
    }
    for (uint32_t at = 0; at < list.count && count < SEARCH_WORDS_MAX; at++) {
        str word = str_first(list.items[at], KEY_TOKEN_BYTES_MAX);
        if (word.len == 0) continue;
        words[count] = (struct query_word){1, {word}};
        if (is_number(word)) {
            char *back = arena_take_raw(arena, word.len + 1);
            back[0] = '~';
            for (size_t digit = 0; digit < word.len; digit++)
                back[1 + digit] = word.at[word.len - 1 - digit];
            words[count].beginnings[words[count].count++] = (str){back, word.len + 1};
        }
        count++;
    }
    return count;
}

bool words_have(struct key_list list, const struct query_word *word)
{
    for (uint32_t at = 0; at < list.count; at++)
        for (uint32_t of = 0; of < word->count; of++)
            if (str_starts(list.items[at], word->beginnings[of])) return true;
    return false;
}

/** Whether each word that finds a record of the entity is one of a field that is seen. */
static bool sees_words(struct sight sight, const struct entity *entity)
{
    bool sees = true;
    for (uint32_t at = 0; at < entity->field_count && sees; at++)
        sees = !entity->fields[at].is_searched || sight_shows(sight, &entity->fields[at]);
    return sees;
}

/** Words of fields out of sight find nothing. */
static bool mark_words(struct listing *listing, const struct entity *entity, str value,
                       const struct query_word *words, uint32_t count, bool *has)
{
    struct sight sight = scope_sight(listing->view->scope);
    str slots[FIELDS_MAX];
    slots_read(entity, value, slots);
    for (uint32_t at = 0; at < entity->field_count; at++)
        if (!sight_shows(sight, &entity->fields[at])) slots[at] = (str){};
    struct key_list own = record_words(&listing->scratch, entity, slots);
    bool has_all = true;
    for (uint32_t at = 0; at < count; at++) {
        has[at] = has[at] || words_have(own, &words[at]);
        has_all = has_all && has[at];
    }
    arena_clear(&listing->scratch);
    return has_all;
}

bool words_are_seen(const struct view *view, const struct entity *entity)
{
    struct sight sight = scope_sight(view->scope);
    bool sees = sees_words(sight, entity);
    for (uint32_t of = 0; of < entity->under_count && sees; of++)
        sees = scope_may(view->scope, entity->under[of]->number, SCOPE_VIEW) &&
               sees_words(sight, entity->under[of]) && rows_see_all(view, entity->under[of]);
    return sees;
}

/** Whether the record itself and those under it that the actor sees have all words between
 *  them. */
static enum err has_words(struct listing *listing, const struct record *record,
                          const struct query_word *words, uint32_t count, bool *has_all_out)
{
    bool has[SEARCH_WORDS_MAX] = {};
    const struct entity *entity = record->entity;
    *has_all_out = mark_words(listing, entity, record->value, words, count, has);
    for (uint32_t of = 0; of < entity->under_count && !*has_all_out; of++) {
        const struct entity *under = entity->under[of];
        if (!scope_may(listing->view->scope, under->number, SCOPE_VIEW)) continue;
        struct scan_range range = {.from = id_bytes(&record->id), .to = id_bytes(&record->id)};
        struct scan *scan =
            scan_index(listing->view->txn, under->number, under->via->number, &range);
        while (!*has_all_out) {
            bool has_entry;
            struct scan_entry entry;
            str value;
            TRY(scan_next(scan, &has_entry, &entry));
            if (!has_entry) break;
            TRY(listing_load(listing, under, entry.id, &value));
            if (!rows_see(listing->view, under, entry.id, value)) continue;
            *has_all_out = mark_words(listing, under, value, words, count, has);
        }
        scan_close(scan);
    }
    return ERR_NONE;
}

/** The word that the fewest records have, all counted up to `max`. */
static enum err find_rarest(struct listing *listing, const struct query_word *words, uint32_t count,
                            uint32_t max, uint32_t *rarest_out, uint32_t *fewest_out)
{
    uint16_t entity = listing->query->entity->number;
    *rarest_out = 0;
    *fewest_out = UINT32_MAX;
    for (uint32_t at = 0; at < count; at++) {
        uint32_t found = 0;
        for (uint32_t of = 0; of < words[at].count; of++) {
            struct scan_range range = {.from = words[at].beginnings[of],
                                       .to = words[at].beginnings[of]};
            uint32_t more;
            TRY(scan_text_count(listing->view->txn, entity, &range, max, &more));
            found += more;
        }
        if (found >= *fewest_out) continue;
        *fewest_out = found;
        *rarest_out = at;
    }
    return ERR_NONE;
}

enum err words_are_common(struct listing *listing, uint32_t max, bool *are_out)
{
    struct query_word words[SEARCH_WORDS_MAX];
    uint32_t count = words_read(listing->view->task->arena, listing->query->words, words);
    uint32_t rarest, fewest;
    TRY(find_rarest(listing, words, count, max, &rarest, &fewest));
    *are_out = count > 0 && fewest >= max;
    return ERR_NONE;
}

/** Those of the hits that have all words. */
static enum err keep_with_words(struct listing *listing, const struct query_word *words,
                                uint32_t count, struct hits *hits)
{
    uint32_t kept = 0;
    for (uint32_t at = 0; at < hits->count; at++) {
        struct record record;
        bool has_all;
        struct hit *hit = &hits->items[at];
        TRY(listing_load(listing, listing->query->entity, hit->place.id, &hit->record));
        record = (struct record){listing->query->entity, hit->place.id, hit->record};
        TRY(has_words(listing, &record, words, count, &has_all));
        if (has_all) hits->items[kept++] = hits->items[at];
    }
    hits->count = kept;
    return ERR_NONE;
}

enum err words_keep(struct listing *listing, struct hits *hits)
{
    struct query_word words[SEARCH_WORDS_MAX];
    uint32_t count = words_read(listing->view->task->arena, listing->query->words, words);
    if (count == 0) hits->count = 0;
    return keep_with_words(listing, words, count, hits);
}

/** Candidates of the rarest word; the others are compared in the records. */
enum err words_gather(struct listing *listing, struct hits *hits)
{
    uint16_t entity = listing->query->entity->number;
    struct query_word words[SEARCH_WORDS_MAX];
    uint32_t count = words_read(listing->view->task->arena, listing->query->words, words);
    uint32_t rarest = 0, fewest;
    if (count > 1) TRY(find_rarest(listing, words, count, SAMPLE, &rarest, &fewest));
    for (uint32_t of = 0; count > 0 && of < words[rarest].count; of++) {
        struct scan_range range = {.from = words[rarest].beginnings[of],
                                   .to = words[rarest].beginnings[of]};
        TRY(hits_of_scan(listing, hits, scan_text(listing->view->txn, entity, &range)));
    }
    hits_distinct(hits);
    if (count == 0 || (count == 1 && words_are_seen(listing->view, listing->query->entity)))
        return ERR_NONE;
    return keep_with_words(listing, words, count, hits);
}
