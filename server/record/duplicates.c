#include "record/duplicates.h"

#include <stdlib.h>

#include "base/crypto.h"
#include "base/fold.h"
#include "base/require.h"
#include "model/kind.h"
#include "record/draft.h"
#include "record/query.h"
#include "record/rows.h"

constexpr uint32_t NAME_WORDS_MAX = 24;
constexpr size_t PHONE_DIGITS_SAME = 8; /** the last ones; a shorter number counts whole */
constexpr size_t PHONE_DIGITS_LEAST = 6;
constexpr size_t CODE_BYTES_LEAST = 4;
constexpr uint32_t SAME_MAX = 20;      /** records that share a value, of each field */
constexpr uint32_t NEIGHBOURS_MAX = 8; /** before and behind a name in its index */
constexpr uint32_t CANDIDATES_MAX = 100;
constexpr uint32_t LOOKED_MAX = 400; /** of each way, where most are not for these eyes */

/** Words that say only what kind of firm one is, and those that join others; folded, sorted. */
static const char *const idle_words[] = {
    "ab",          "ag",  "and", "aps",          "as",  "asa", "bv",   "co",  "company", "corp",
    "corporation", "cv",  "e",   "eg",           "ek",  "et",  "eurl", "ev",  "gbr",     "ggmbh",
    "gmbh",        "ohg", "inc", "incorporated", "kft", "kg",  "kgaa", "lda", "limited", "llc",
    "llp",         "lp",  "ltd", "ltda",         "mbh", "nv",  "oy",   "oyj", "plc",     "pte",
    "pty",         "pvt", "sa",  "sarl",         "sas", "se",  "sl",   "slu", "snc",     "spa",
    "sprl",        "srl", "sro", "the",          "ug",  "und", "y",    "zoo",
};

/* Profiles. */

static uint64_t hash_of_value(enum duplicates_by by, str value)
{
    char way = (char)by;
    str parts[] = {{&way, 1}, value};
    struct hash hash = hash_of(nullptr, parts, 2);
    uint64_t number;
    memcpy(&number, hash.bytes, sizeof number);
    return number;
}

static void key_add(struct profile *profile, uint8_t field, enum duplicates_by by, str value)
{
    if (value.len == 0 || profile->key_count == PROFILE_KEYS_MAX) return;
    profile->keys[profile->key_count++] = (struct profile_key){hash_of_value(by, value), by, field};
}

static bool is_idle_word(str word)
{
    for (size_t at = 0; at < sizeof idle_words / sizeof *idle_words; at++)
        if (str_eq(str_of(idle_words[at]), word)) return true;
    return false;
}

static int compare_words(const void *one, const void *other)
{
    return str_compare(*(const str *)one, *(const str *)other);
}

static str words_join(struct arena *arena, const str *words, uint32_t count)
{
    struct buf text = buf_make(arena, PROFILE_NAME_BYTES_MAX + KEY_BYTES_MAX);
    for (uint32_t at = 0; at < count && text.len < PROFILE_NAME_BYTES_MAX; at++) {
        if (at > 0) buf_put_byte(&text, ' ');
        buf_put(&text, str_first(words[at], PROFILE_NAME_BYTES_MAX));
    }
    return str_first(buf_str(&text), PROFILE_NAME_BYTES_MAX);
}

static void name_add(struct profile *profile, struct arena *arena, uint8_t field, str text)
{
    str words[NAME_WORDS_MAX], all[NAME_WORDS_MAX], word;
    uint32_t count = 0, all_count = 0;
    struct cursor folded = cursor_of(fold(arena, text));
    while (all_count < NAME_WORDS_MAX && fold_word_next(&folded, &word)) {
        all[all_count++] = word;
        if (!is_idle_word(word)) words[count++] = word;
    }
    /* A firm may be called The Company. */
    if (count == 0) memcpy(words, all, all_count * sizeof *all);
    if (count == 0) count = all_count;
    if (count == 0 || profile->name_count == PROFILE_NAMES_MAX) return;
    profile->names[profile->name_count++] =
        (struct profile_name){words_join(arena, words, count), field};
    qsort(words, count, sizeof *words, compare_words);
    key_add(profile, field, DUPLICATES_BY_NAME, words_join(arena, words, count));
}

static str digits_of(struct arena *arena, str number)
{
    struct buf digits = buf_make(arena, number.len + 1);
    for (size_t at = 0; at < number.len; at++)
        if (number.at[at] >= '0' && number.at[at] <= '9') buf_put_byte(&digits, number.at[at]);
    str all = buf_str(&digits);
    if (all.len < PHONE_DIGITS_LEAST) return S("");
    return all.len > PHONE_DIGITS_SAME ? str_from(all, all.len - PHONE_DIGITS_SAME) : all;
}

/** The text of each item of a list of [text, label, primary]. */
static bool entry_next(struct cursor *items, str *text_out)
{
    struct value entry, text;
    if (!value_next(items, &entry)) return false;
    struct cursor parts = cursor_of(entry.items);
    bool is_text = entry.kind == VALUE_LIST && value_next(&parts, &text) && text.kind == VALUE_TEXT;
    *text_out = is_text ? text.text : S("");
    return true;
}

static void field_add(struct profile *profile, struct arena *arena, uint8_t field,
                      enum duplicates_by by, const struct value *stored)
{
    struct cursor items = cursor_of(stored->items);
    str text;
    switch (by) {
    case DUPLICATES_BY_NOTHING:
        break;
    case DUPLICATES_BY_NAME:
        if (stored->kind == VALUE_TEXT) name_add(profile, arena, field, stored->text);
        break;
    case DUPLICATES_BY_CODE:
        text = stored->kind == VALUE_TEXT ? fold_name(arena, stored->text) : S("");
        if (text.len >= CODE_BYTES_LEAST) key_add(profile, field, DUPLICATES_BY_CODE, text);
        break;
    case DUPLICATES_BY_EMAIL:
        while (stored->kind == VALUE_LIST && entry_next(&items, &text))
            key_add(profile, field, DUPLICATES_BY_EMAIL, fold(arena, text));
        break;
    case DUPLICATES_BY_PHONE:
        while (stored->kind == VALUE_LIST && entry_next(&items, &text))
            key_add(profile, field, DUPLICATES_BY_PHONE, digits_of(arena, text));
        break;
    }
}

/** The next field that counts, and its place among them; nullptr at the end. */
static const struct field *counting_next(const struct entity *entity, uint32_t *at, uint32_t *place)
{
    while (*at < entity->field_count) {
        const struct field *field = &entity->fields[(*at)++];
        if (field->duplicates_by == DUPLICATES_BY_NOTHING) continue;
        ++*place;
        return field;
    }
    return nullptr;
}

static uint8_t place_cut(uint32_t place)
{
    return (uint8_t)(place - 1 < 63 ? place - 1 : 63);
}

void profile_make(struct arena *arena, const struct entity *entity, str value,
                  struct profile *profile_out)
{
    str slots[FIELDS_MAX];
    profile_out->key_count = profile_out->name_count = 0;
    slots_read(entity, value, slots);
    uint32_t at = 0, place = 0;
    for (const struct field *field; (field = counting_next(entity, &at, &place)) != nullptr;) {
        str slot = slots[field_position(field)];
        struct value stored = value_of(slot);
        if (slot.len > 0)
            field_add(profile_out, arena, place_cut(place), field->duplicates_by, &stored);
    }
}

/* Comparing. */

/** Edits that turn one into the other, a swap of neighbours counting as one; above `max` anything
 *  above it. */
static uint32_t distance(str one, str other, uint32_t max)
{
    size_t apart = one.len > other.len ? one.len - other.len : other.len - one.len;
    if (apart > max) return max + 1;
    uint8_t rows[3][PROFILE_NAME_BYTES_MAX + 1];
    for (size_t at = 0; at <= other.len; at++) rows[0][at] = (uint8_t)at;
    for (size_t row = 1; row <= one.len; row++) {
        uint8_t *now = rows[row % 3], *last = rows[(row + 2) % 3], *before = rows[(row + 1) % 3];
        uint8_t least = now[0] = (uint8_t)row;
        for (size_t at = 1; at <= other.len; at++) {
            bool is_same = one.at[row - 1] == other.at[at - 1];
            uint32_t edits = last[at - 1] + (is_same ? 0u : 1u);
            if (last[at] + 1u < edits) edits = last[at] + 1u;
            if (now[at - 1] + 1u < edits) edits = now[at - 1] + 1u;
            bool is_swap = row > 1 && at > 1 && one.at[row - 1] == other.at[at - 2] &&
                           one.at[row - 2] == other.at[at - 1];
            if (is_swap && before[at - 2] + 1u < edits) edits = before[at - 2] + 1u;
            now[at] = (uint8_t)edits;
            if (now[at] < least) least = now[at];
        }
        if (least > max) return max + 1;
    }
    return rows[one.len % 3][other.len];
}

uint8_t duplicates_name_score(str one, str other)
{
    constexpr uint8_t of_edits[] = {75, 65, 55};
    require(one.len <= PROFILE_NAME_BYTES_MAX && other.len <= PROFILE_NAME_BYTES_MAX);
    size_t shorter = one.len < other.len ? one.len : other.len;
    /* Short names differ by a letter without being mistakes; numbers in them always count. */
    uint32_t max = shorter < 6 ? 0 : shorter < 10 ? 1 : 2;
    uint32_t edits = distance(one, other, max);
    if (edits > max) return 0;
    bool has_digit = false;
    for (size_t at = 0; at < one.len && edits > 0; at++)
        has_digit = has_digit || (one.at[at] >= '0' && one.at[at] <= '9');
    return has_digit ? 0 : of_edits[edits];
}

uint8_t duplicates_same_score(enum duplicates_by by)
{
    switch (by) {
    case DUPLICATES_BY_CODE:
        return 95;
    case DUPLICATES_BY_EMAIL:
        return 85;
    case DUPLICATES_BY_NAME:
        return 70; /* the same words, in whatever order */
    case DUPLICATES_BY_PHONE:
        return 50; /* a switchboard has many */
    case DUPLICATES_BY_NOTHING:
        break;
    }
    return 0;
}

uint8_t duplicates_scores_add(uint8_t one, uint8_t other)
{
    return (uint8_t)(100 - (100 - one) * (100 - other) / 100);
}

struct duplicate profile_compare(const struct profile *one, const struct profile *other)
{
    struct duplicate duplicate = {};
    /* Of each way the strongest agreement counts, once. */
    uint8_t best[DUPLICATES_BY_PHONE + 1] = {};
    for (uint32_t at = 0; at < one->key_count; at++)
        for (uint32_t to = 0; to < other->key_count; to++) {
            if (one->keys[at].hash != other->keys[to].hash) continue;
            best[one->keys[at].by] = duplicates_same_score(one->keys[at].by);
            duplicate.fields |= 1ULL << one->keys[at].field | 1ULL << other->keys[to].field;
        }
    for (uint32_t at = 0; at < one->name_count; at++)
        for (uint32_t to = 0; to < other->name_count; to++) {
            uint8_t score = duplicates_name_score(one->names[at].text, other->names[to].text);
            if (score == 0) continue;
            if (score > best[DUPLICATES_BY_NAME]) best[DUPLICATES_BY_NAME] = score;
            duplicate.fields |= 1ULL << one->names[at].field | 1ULL << other->names[to].field;
        }
    for (size_t at = 0; at < sizeof best; at++)
        duplicate.score = duplicates_scores_add(duplicate.score, best[at]);
    if (duplicate.score < DUPLICATES_SCORE_MIN) duplicate.score = 0;
    return duplicate;
}

str duplicates_why(struct arena *arena, const struct entity *entity, uint64_t fields)
{
    struct buf why = buf_make(arena, RECORD_BYTES_MAX);
    uint32_t at = 0, place = 0;
    for (const struct field *field; (field = counting_next(entity, &at, &place)) != nullptr;) {
        if ((fields & 1ULL << place_cut(place)) == 0) continue;
        if (why.len > 0) buf_put(&why, S(", "));
        buf_put(&why, field->name);
    }
    return buf_str(&why);
}

/* Finding. */

struct finding {
    const struct view *view;
    const struct record *record;
    uint32_t count;
    struct id ids[CANDIDATES_MAX];
};

static void candidate_add(struct finding *finding, struct id id)
{
    if (id_eq(id, finding->record->id) || finding->count == CANDIDATES_MAX) return;
    for (uint32_t at = 0; at < finding->count; at++)
        if (id_eq(finding->ids[at], id)) return;
    finding->ids[finding->count++] = id;
}

/** Adds at most `max` of a scan that the actor sees; what he does not takes nobody's place. */
static enum err take_some(struct finding *finding, struct scan *scan, uint32_t max)
{
    const struct view *view = finding->view;
    const struct entity *entity = finding->record->entity;
    uint32_t taken = 0;
    for (uint32_t looked = 0; taken < max && looked < LOOKED_MAX; looked++) {
        bool has_entry;
        struct scan_entry entry;
        TRY(scan_next(scan, &has_entry, &entry));
        if (!has_entry) break;
        struct id id = entry.id;
        if (!rows_see_id(view, entity, id)) continue;
        candidate_add(finding, id);
        taken++;
    }
    scan_close(scan);
    return ERR_NONE;
}

static enum err find_same(struct finding *finding, const struct field *field,
                          const struct value *stored)
{
    struct id ids[SAME_MAX];
    uint32_t count;
    TRY(query_find_same_seen(finding->view, field, stored, SAME_MAX, ids, &count));
    for (uint32_t at = 0; at < count; at++) candidate_add(finding, ids[at]);
    return ERR_NONE;
}

/** Telephone numbers lie among the words of a search, backward as well. */
static enum err find_phones(struct finding *finding, const struct field *field,
                            const struct value *stored)
{
    struct task *task = finding->view->task;
    struct cursor items = cursor_of(stored->items);
    str text;
    while (stored->kind == VALUE_LIST && entry_next(&items, &text)) {
        str digits = digits_of(task->arena, text);
        struct buf token = buf_make(task->arena, PHONE_DIGITS_SAME + 1);
        buf_put_byte(&token, '~');
        for (size_t at = digits.len; at > 0; at--) buf_put_byte(&token, digits.at[at - 1]);
        if (digits.len == 0) continue;
        struct scan_range range = {.from = buf_str(&token), .to = buf_str(&token)};
        struct scan *scan = scan_text(finding->view->txn, field->entity->number, &range);
        TRY(take_some(finding, scan, SAME_MAX));
    }
    return ERR_NONE;
}

static enum err find_beside(struct finding *finding, const struct field *field, str ordered,
                            bool is_descending)
{
    struct scan_range range = {.is_descending = is_descending};
    if (is_descending)
        range =
            (struct scan_range){.is_unbounded_from = true, .to = ordered, .is_descending = true};
    else range = (struct scan_range){.from = ordered, .is_unbounded_to = true};
    struct scan *scan =
        scan_index(finding->view->txn, field->entity->number, field->number, &range);
    return take_some(finding, scan, NEIGHBOURS_MAX);
}

/** What stands beside a name in its index, as it is written and without its idle words. */
static enum err find_names(struct finding *finding, const struct field *field, uint8_t place,
                           const struct value *stored, const struct profile *profile)
{
    struct arena *arena = finding->view->task->arena;
    str places[1 + PROFILE_NAMES_MAX] = {fold(arena, stored->text)};
    uint32_t count = 1;
    for (uint32_t at = 0; at < profile->name_count; at++)
        if (profile->names[at].field == place) places[count++] = profile->names[at].text;
    for (uint32_t at = 0; at < count; at++) {
        str ordered = str_first(places[at], KEY_ORDERED_BYTES_MAX);
        TRY(find_beside(finding, field, ordered, false));
        TRY(find_beside(finding, field, ordered, true));
    }
    return ERR_NONE;
}

static enum err find_all(struct finding *finding, const struct profile *profile)
{
    const struct entity *entity = finding->record->entity;
    str slots[FIELDS_MAX];
    slots_read(entity, finding->record->value, slots);
    uint32_t at = 0, place = 0;
    for (const struct field *field; (field = counting_next(entity, &at, &place)) != nullptr;) {
        struct value stored = value_of(slots[field_position(field)]);
        if (stored.kind == VALUE_NIL) continue;
        if (field->duplicates_by == DUPLICATES_BY_PHONE) TRY(find_phones(finding, field, &stored));
        else TRY(find_same(finding, field, &stored));
        if (field->duplicates_by == DUPLICATES_BY_NAME && stored.kind == VALUE_TEXT)
            TRY(find_names(finding, field, place_cut(place), &stored, profile));
    }
    return ERR_NONE;
}

static void found_add(struct duplicate *found, uint32_t *count, struct duplicate duplicate)
{
    uint32_t at = *count;
    if (at < DUPLICATES_FOUND_MAX) ++*count;
    else if (found[--at].score >= duplicate.score) return;
    for (; at > 0 && found[at - 1].score < duplicate.score; at--) found[at] = found[at - 1];
    found[at] = duplicate;
}

enum err duplicates_find(const struct view *view, const struct record *record,
                         struct duplicate *found_out, uint32_t *count_out)
{
    struct arena *arena = view->task->arena;
    struct finding finding = {.view = view, .record = record};
    struct profile own, other;
    *count_out = 0;
    profile_make(arena, record->entity, record->value, &own);
    TRY(find_all(&finding, &own));
    for (uint32_t at = 0; at < finding.count; at++) {
        struct record candidate;
        struct fault fault = view->task->fault;
        enum err err = record_get(view, record->entity, finding.ids[at], &candidate);
        if (err == ERR_MISSING) { /* not in the scope */
            view->task->fault = fault;
            continue;
        }
        TRY(err);
        profile_make(arena, record->entity, candidate.value, &other);
        struct duplicate duplicate = profile_compare(&own, &other);
        duplicate.id = candidate.id;
        if (duplicate.score > 0) found_add(found_out, count_out, duplicate);
    }
    return ERR_NONE;
}
