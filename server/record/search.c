#include "record/search.h"

#include <stdlib.h>

#include "base/fold.h"
#include "base/require.h"
#include "record/draft.h"
#include "record/listing.h"
#include "record/rows.h"
#include "value/json.h"

constexpr uint32_t CANDIDATES_MAX = 40;    /** of one entity */
constexpr uint32_t CANDIDATES_OF_WAY = 25; /** found by one word in one way */
constexpr uint32_t LOOKED_OF_WAY = 400;    /** where most are not for these eyes */
constexpr uint32_t UNDER_MAX = 4;          /** records under a candidate that are looked at */
constexpr uint32_t MATCHED_MAX = 8;        /** fields told of one result */

/** How well a record answers; the lower the better. */
enum rank : uint8_t {
    RANK_TITLE,           /** the title is what was asked */
    RANK_TITLE_BEGINNING, /** … begins with it */
    RANK_TITLE_WORDS,     /** … has all words, whole */
    RANK_TITLE_PARTS,     /** … has all words, as beginnings */
    RANK_WORDS,           /** all words are somewhere in the record, whole */
    RANK_PARTS,
    RANK_UNDER, /** some are in records that lie under it */
    RANK_NONE,
};

struct found {
    const struct entity *entity;
    struct id id;
    enum rank rank;
    str title;
    str title_folded;
    uint32_t matched_count;
    str matched[MATCHED_MAX];
};

struct searching {
    const struct view *view;
    str given;
    str folded; /** what was asked, as a title would be ordered */
    uint32_t word_count;
    struct query_word words[SEARCH_WORDS_MAX];
    uint32_t found_count, found_capacity;
    struct found *found;
};

struct candidates {
    uint32_t count;
    bool is_cut; /** some were passed over for what is not for these eyes */
    struct id ids[CANDIDATES_MAX];
};

static void add_candidate(struct candidates *candidates, struct id id)
{
    bool is_known = candidates->count == CANDIDATES_MAX;
    for (uint32_t at = 0; at < candidates->count && !is_known; at++)
        is_known = id_eq(candidates->ids[at], id);
    if (!is_known) candidates->ids[candidates->count++] = id;
}

/** Whether the actor sees it; what is not his to see takes nobody's place. */
static bool is_seen(const struct view *view, const struct entity *entity, struct id id)
{
    str value;
    return rows_see_all(view, entity) ||
           (txn_record_get_view(view->txn, entity->number, id, &value) == ERR_NONE &&
            rows_see(view, entity, id, value));
}

static enum err take_some(const struct view *view, const struct entity *entity, struct scan *scan,
                          struct candidates *candidates)
{
    uint32_t taken = 0;
    for (uint32_t looked = 0; taken < CANDIDATES_OF_WAY; looked++) {
        bool has_entry;
        struct scan_entry entry;
        if (looked == LOOKED_OF_WAY) {
            candidates->is_cut = true;
            break;
        }
        TRY(scan_next(scan, &has_entry, &entry));
        if (!has_entry) break;
        if (!is_seen(view, entity, entry.id)) continue;
        add_candidate(candidates, entry.id);
        taken++;
    }
    scan_close(scan);
    /* What a record has out of sight may have found it, in the place of one that is meant. */
    bool is_full = taken == CANDIDATES_OF_WAY && !words_are_seen(view, entity);
    candidates->is_cut = candidates->is_cut || is_full;
    return ERR_NONE;
}

/** The longest word is probably the rarest. */
static const struct query_word *longest_word(const struct searching *searching)
{
    const struct query_word *longest = &searching->words[0];
    for (uint32_t at = 1; at < searching->word_count; at++)
        if (searching->words[at].beginnings[0].len > longest->beginnings[0].len)
            longest = &searching->words[at];
    return longest;
}

static enum err gather(const struct searching *searching, const struct entity *entity,
                       struct candidates *candidates)
{
    const struct view *view = searching->view;
    struct txn *txn = view->txn;
    const struct field *title = entity->title;
    str beginning = str_first(searching->folded, KEY_ORDERED_BYTES_MAX);
    bool is_title_seen = scope_sees_field(view->scope, title);
    if (is_title_seen && title->is_indexed && title->kind_of->is_text && beginning.len > 0) {
        struct scan_range range = {.from = beginning, .to = beginning};
        TRY(take_some(view, entity, scan_index(txn, entity->number, title->number, &range),
                      candidates));
    }
    const struct query_word *word = longest_word(searching);
    for (uint32_t at = 0; at < word->count; at++) {
        struct buf whole = buf_make(searching->view->task->arena, KEY_TOKEN_BYTES_MAX + 1);
        buf_put(&whole, word->beginnings[at]);
        buf_put_byte(&whole, 0);
        struct scan_range range = {.from = buf_str(&whole), .to = buf_str(&whole)};
        bool can_be_whole = word->beginnings[at].len < KEY_TOKEN_BYTES_MAX;
        if (can_be_whole)
            TRY(take_some(view, entity, scan_text(txn, entity->number, &range), candidates));
        range = (struct scan_range){.from = word->beginnings[at], .to = word->beginnings[at]};
        TRY(take_some(view, entity, scan_text(txn, entity->number, &range), candidates));
    }
    return ERR_NONE;
}

/** As a list finds them, which knows how to begin with what the reader sees. */
static enum err gather_seen(const struct searching *searching, const struct entity *entity,
                            struct candidates *candidates)
{
    const struct view *view = searching->view;
    struct query query;
    struct query_page page;
    query_init(&query, entity, view->scope);
    query.limit = CANDIDATES_OF_WAY;
    TRY(query_add(view->task, &query, S("q"), searching->given));
    if (entity->archived_at != nullptr) TRY(query_add(view->task, &query, S("archived"), S("all")));
    TRY(query_end(view, &query));
    enum err err = query_read(view, &query, &page);
    if (err == ERR_UNREADABLE) { /* so many have these words that no list tells them either */
        task_fault_clear(view->task);
        return ERR_NONE;
    }
    TRY(err);
    if (page.count > 0 && candidates->count > CANDIDATES_MAX - page.count)
        candidates->count = CANDIDATES_MAX - page.count;
    for (uint32_t at = 0; at < page.count; at++) add_candidate(candidates, page.records[at].id);
    return ERR_NONE;
}

/* Ranks. */

static bool has_whole(struct key_list list, const struct query_word *word)
{
    for (uint32_t at = 0; at < list.count; at++)
        for (uint32_t of = 0; of < word->count; of++)
            if (str_eq(list.items[at], word->beginnings[of])) return true;
    return false;
}

/** Which words one record has, and where. */
struct judged {
    bool is_part[SEARCH_WORDS_MAX];
    bool is_whole[SEARCH_WORDS_MAX];
    bool is_title_part[SEARCH_WORDS_MAX];
    bool is_title_whole[SEARCH_WORDS_MAX];
};

static bool all(const bool *flags, uint32_t count)
{
    bool are = true;
    for (uint32_t at = 0; at < count; at++) are = are && flags[at];
    return are;
}

static void note_matched(struct found *found, str name)
{
    bool is_known = found->matched_count == MATCHED_MAX;
    for (uint32_t at = 0; at < found->matched_count && !is_known; at++)
        is_known = str_eq(found->matched[at], name);
    if (!is_known) found->matched[found->matched_count++] = name;
}

/** Looks at each searched field; `under` names the entity when it is not the found record's own. */
static void judge_fields(const struct searching *searching, const struct entity *entity,
                         const str *slots, bool is_under, struct judged *judged,
                         struct found *found)
{
    struct arena *arena = searching->view->task->arena;
    for (uint32_t at = 0; at < entity->field_count; at++) {
        const struct field *field = &entity->fields[at];
        if (!field->is_searched || slots[at].len == 0 || field->kind_of->words == nullptr ||
            !scope_sees_field(searching->view->scope, field))
            continue;
        struct value stored = value_of(slots[at]);
        struct key_list words = field->kind_of->words(arena, field, &stored);
        bool is_title = field == entity->title && !is_under;
        for (uint32_t word = 0; word < searching->word_count; word++) {
            if (!words_have(words, &searching->words[word])) continue;
            bool is_whole = has_whole(words, &searching->words[word]);
            judged->is_part[word] = true;
            judged->is_whole[word] = judged->is_whole[word] || is_whole;
            judged->is_title_part[word] = judged->is_title_part[word] || is_title;
            judged->is_title_whole[word] = judged->is_title_whole[word] || (is_title && is_whole);
            note_matched(found, is_under ? arena_print(arena, "%.*s.%.*s", FMT(entity->name),
                                                       FMT(field->name))
                                         : field->name);
        }
    }
}

static enum err judge_under(const struct searching *searching, const struct entity *entity,
                            struct id id, struct judged *judged, struct found *found)
{
    const struct view *view = searching->view;
    for (uint32_t at = 0; at < entity->under_count; at++) {
        const struct entity *under = entity->under[at];
        struct scan_range range = {.from = id_bytes(&id), .to = id_bytes(&id)};
        if (!scope_may(view->scope, under->number, SCOPE_VIEW)) continue;
        struct scan *scan = scan_index(view->txn, under->number, under->via->number, &range);
        for (uint32_t looked = 0, judged_count = 0;
             judged_count < UNDER_MAX && looked < LOOKED_OF_WAY; looked++) {
            bool has_entry;
            struct scan_entry entry;
            struct record record;
            str slots[FIELDS_MAX];
            TRY(scan_next(scan, &has_entry, &entry));
            if (!has_entry) break;
            if (!is_seen(view, under, entry.id)) continue;
            judged_count++;
            TRY(record_get(view, under, entry.id, &record));
            slots_read(under, record.value, slots);
            judge_fields(searching, under, slots, true, judged, found);
        }
        scan_close(scan);
    }
    return ERR_NONE;
}

static enum rank rank_of(const struct searching *searching, const struct judged *judged,
                         const struct found *found)
{
    uint32_t count = searching->word_count;
    if (found->title_folded.len > 0 && str_eq(found->title_folded, searching->folded))
        return RANK_TITLE;
    if (all(judged->is_title_part, count) && str_starts(found->title_folded, searching->folded))
        return RANK_TITLE_BEGINNING;
    if (all(judged->is_title_whole, count)) return RANK_TITLE_WORDS;
    if (all(judged->is_title_part, count)) return RANK_TITLE_PARTS;
    if (all(judged->is_whole, count)) return RANK_WORDS;
    return all(judged->is_part, count) ? RANK_PARTS : RANK_NONE;
}

/** What people call the record: its title, or that of the record its title leads to. */
static str title_of(const struct view *view, const struct entity *entity, str value)
{
    struct value title;
    struct id id;
    struct record behind;
    if (!scope_sees_field(view->scope, entity->title) ||
        !value_find(value, entity->title->number, &title))
        return (str){};
    if (title.kind == VALUE_TEXT) return arena_copy(view->task->arena, title.text);
    struct task quiet = {.arena = view->task->arena};
    struct view quiet_view = *view;
    quiet_view.task = &quiet;
    const struct entity *to = entity->title->to;
    bool is_there = to != nullptr && title.kind == VALUE_BYTES && id_of_bytes(title.text, &id) &&
                    record_get(&quiet_view, to, id, &behind) == ERR_NONE &&
                    scope_sees_field(view->scope, to->title) &&
                    value_find(behind.value, to->title->number, &title) && title.kind == VALUE_TEXT;
    return is_there ? arena_copy(view->task->arena, title.text) : (str){};
}

static struct found *found_room(struct searching *searching)
{
    if (searching->found_count == searching->found_capacity) {
        uint32_t capacity = searching->found_capacity == 0 ? 64 : 2 * searching->found_capacity;
        struct found *more = arena_new(searching->view->task->arena, struct found, capacity);
        if (searching->found_count > 0)
            memcpy(more, searching->found, searching->found_count * sizeof *more);
        searching->found = more;
        searching->found_capacity = capacity;
    }
    return &searching->found[searching->found_count++];
}

static enum err judge(struct searching *searching, const struct entity *entity, struct id id)
{
    const struct view *view = searching->view;
    str value, slots[FIELDS_MAX];
    TRY(txn_record_get_view(view->txn, entity->number, id, &value));
    if (!rows_see(view, entity, id, value)) return ERR_NONE;
    slots_read(entity, value, slots);
    struct judged judged = {};
    struct found found = {.entity = entity, .id = id, .title = title_of(view, entity, value)};
    found.title_folded = fold(view->task->arena, found.title);
    judge_fields(searching, entity, slots, false, &judged, &found);
    found.rank = rank_of(searching, &judged, &found);
    if (found.rank == RANK_NONE) {
        TRY(judge_under(searching, entity, id, &judged, &found));
        if (all(judged.is_part, searching->word_count)) found.rank = RANK_UNDER;
    }
    if (found.rank != RANK_NONE) *found_room(searching) = found;
    return ERR_NONE;
}

static bool has_words(const struct entity *entity)
{
    bool has = entity->under_count > 0;
    for (uint32_t at = 0; at < entity->field_count && !has; at++)
        has = entity->fields[at].is_searched;
    return has;
}

/** The better rank, then the shorter title, of which more was asked; then by title and id. */
static int compare_found(const void *a, const void *b)
{
    const struct found *one = a, *other = b;
    if (one->rank != other->rank) return one->rank < other->rank ? -1 : 1;
    if (one->title.len != other->title.len) return one->title.len < other->title.len ? -1 : 1;
    int order = str_compare(one->title_folded, other->title_folded);
    return order != 0 ? order : memcmp(one->id.bytes, other->id.bytes, 16);
}

static void write_found(struct buf *json, struct arena *arena, const struct found *found)
{
    buf_print(json, "{\"entity\":\"%.*s\",\"collection\":\"%.*s\",\"id\":\"%.*s\",\"title\":",
              FMT(found->entity->name), FMT(found->entity->plural), FMT(id_text(arena, found->id)));
    json_write_text(json, found->title);
    buf_put(json, S(",\"matched\":["));
    for (uint32_t at = 0; at < found->matched_count; at++)
        buf_print(json, "%s\"%.*s\"", at == 0 ? "" : ",", FMT(found->matched[at]));
    buf_put(json, S("]}"));
}

enum err search_write(struct buf *json, const struct view *view, const struct search *search)
{
    require(search->limit > 0);
    struct arena *arena = view->task->arena;
    struct searching searching = {
        .view = view, .given = search->words, .folded = fold(arena, search->words)};
    searching.word_count = words_read(arena, search->words, searching.words);
    for (uint32_t at = 0; at < view->model->entity_count && searching.word_count > 0; at++) {
        const struct entity *entity = &view->model->entities[at];
        if (entity->is_single || !has_words(entity) ||
            !scope_may(view->scope, entity->number, SCOPE_VIEW))
            continue;
        struct candidates candidates = {};
        TRY(gather(&searching, entity, &candidates));
        if (candidates.is_cut) TRY(gather_seen(&searching, entity, &candidates));
        for (uint32_t of = 0; of < candidates.count; of++)
            TRY(judge(&searching, entity, candidates.ids[of]));
    }
    uint32_t count = searching.found_count;
    if (count > 1) qsort(searching.found, count, sizeof *searching.found, compare_found);
    buf_put(json, S("{\"data\":["));
    for (uint32_t at = 0; at < count && at < search->limit; at++) {
        if (at > 0) buf_put_byte(json, ',');
        write_found(json, arena, &searching.found[at]);
    }
    buf_put(json, S("]}"));
    return ERR_NONE;
}
