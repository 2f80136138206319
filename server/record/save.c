#include "record/draft.h"

#include <stdlib.h>

#include "base/require.h"
#include "model/kind.h"
#include "record/computed.h"
#include "record/index.h"
#include "record/sealed.h"
#include "record/under.h"

static int compare_words(const void *a, const void *b)
{
    return str_compare(*(const str *)a, *(const str *)b);
}

static struct key_list words_of(struct arena *arena, const struct entity *entity, const str *slots,
                                bool with_left)
{
    struct key_list lists[FIELDS_MAX];
    uint32_t list_count = 0, total = 0;
    for (uint32_t at = 0; at < entity->field_count; at++) {
        const struct field *field = &entity->fields[at];
        if (!field->is_searched && !(with_left && field->words_fade)) continue;
        if (slots[at].len == 0 || field->kind_of->words == nullptr) continue;
        struct value stored = value_of(slots[at]);
        lists[list_count] = field->kind_of->words(arena, field, &stored);
        total += lists[list_count++].count;
    }
    struct key_list words = {0, arena_new(arena, str, total + 1)};
    for (uint32_t list = 0; list < list_count; list++)
        for (uint32_t at = 0; at < lists[list].count; at++)
            if (lists[list].items[at].len > 0)
                words.items[words.count++] = str_first(lists[list].items[at], KEY_TOKEN_BYTES_MAX);
    if (words.count > 1) qsort(words.items, words.count, sizeof(str), compare_words);
    uint32_t kept = 0;
    for (uint32_t at = 0; at < words.count; at++)
        if (kept == 0 || !str_eq(words.items[kept - 1], words.items[at]))
            words.items[kept++] = words.items[at];
    words.count = kept;
    return words;
}

struct key_list record_words(struct arena *arena, const struct entity *entity, const str *slots)
{
    return words_of(arena, entity, slots, false);
}

struct key_list record_words_left(struct arena *arena, const struct entity *entity,
                                  const str *slots)
{
    return words_of(arena, entity, slots, true);
}

static bool list_has(struct key_list list, str item)
{
    for (uint32_t at = 0; at < list.count; at++)
        if (str_eq(list.items[at], item)) return true;
    return false;
}

/** Brings the entries of one index from what they were to what they are; `is_whole`: those that
 *  were may be there or not. */
static void move_keys(struct change *change, const struct draft *draft, const struct index *index,
                      bool is_whole)
{
    struct arena *arena = change->task->arena;
    uint16_t entity = draft->entity->number;
    struct key_list old = index_keys(arena, index, draft->before);
    struct key_list new = {};
    if (index->is_kept) new = index_keys(arena, index, draft->now);
    for (uint32_t key = 0; key < old.count; key++)
        if (!list_has(new, old.items[key]))
            txn_index_delete(change->txn, entity, index->number, old.items[key], draft->id);
    for (uint32_t key = 0; key < new.count; key++)
        if (is_whole || !list_has(old, new.items[key]))
            txn_index_put(change->txn, entity, index->number, new.items[key], draft->id);
}

static void save_index(struct change *change, const struct draft *draft)
{
    struct index index;
    for (uint32_t at = 0; index_next(draft->entity, &at, &index);) {
        bool has_changed = draft_has_changed(draft, index.field) ||
                           (index.second != nullptr && draft_has_changed(draft, index.second));
        if (has_changed) move_keys(change, draft, &index, false);
    }
}

/** Takes words away from, or gives them to, one target. */
static void move_words(struct txn *txn, const struct draft *draft,
                       const struct entity *target_entity, struct id target, struct key_list gone,
                       struct key_list come)
{
    for (uint32_t at = 0; at < gone.count; at++)
        if (!list_has(come, gone.items[at]))
            txn_text_delete(txn, target_entity->number, gone.items[at], target, draft->id);
    for (uint32_t at = 0; at < come.count; at++)
        if (!list_has(gone, come.items[at]))
            txn_text_put(txn, target_entity->number, come.items[at], target, draft->id);
}

/** The record's words find it, and the record it lies under. */
static void save_words(struct change *change, const struct draft *draft)
{
    const struct entity *entity = draft->entity;
    bool is_due = false;
    for (uint32_t at = 0; at < entity->field_count; at++) {
        const struct field *field = &entity->fields[at];
        if ((field->is_searched || field->words_fade || field == entity->via) &&
            !str_eq(draft->before[at], draft->now[at]))
            is_due = true;
    }
    if (!is_due) return;
    struct arena *arena = change->task->arena;
    struct key_list none = {};
    struct key_list old = record_words_left(arena, entity, draft->before);
    struct key_list new = record_words(arena, entity, draft->now);
    move_words(change->txn, draft, entity, draft->id, old, new);
    if (entity->via == nullptr) return;
    struct id was, is;
    bool had = slots_reference(draft->before, entity->via, &was);
    bool has = slots_reference(draft->now, entity->via, &is);
    if (had && has && id_eq(was, is)) {
        move_words(change->txn, draft, entity->via->to, is, old, new);
        return;
    }
    if (had) move_words(change->txn, draft, entity->via->to, was, old, none);
    if (has) move_words(change->txn, draft, entity->via->to, is, none, new);
}

void draft_renew_keys(struct change *change, const struct draft *draft)
{
    const struct entity *entity = draft->entity;
    struct arena *arena = change->task->arena;
    bool has_words = false;
    for (uint32_t at = 0; at < entity->field_count; at++) {
        const struct field *field = &entity->fields[at];
        if (field->words_fade || (field->is_building && field->is_searched)) has_words = true;
    }
    struct index index;
    for (uint32_t at = 0; index_next(entity, &at, &index);)
        if (index.is_renewed) move_keys(change, draft, &index, true);
    if (!has_words) return;
    struct key_list none = {};
    struct key_list left = record_words_left(arena, entity, draft->before);
    struct key_list words = record_words(arena, entity, draft->now);
    struct id parent;
    move_words(change->txn, draft, entity, draft->id, left, words);
    move_words(change->txn, draft, entity, draft->id, none, words);
    if (entity->via == nullptr || !slots_reference(draft->now, entity->via, &parent)) return;
    move_words(change->txn, draft, entity->via->to, parent, left, words);
    move_words(change->txn, draft, entity->via->to, parent, none, words);
}

static void put_int(struct change *change, struct draft *draft, uint16_t number, int64_t integer)
{
    struct buf stored = buf_make(change->task->arena, 16);
    pack_int(&stored, integer);
    draft_put(draft, entity_field_by_number(draft->entity, number), buf_str(&stored));
}

static int64_t get_int(const struct draft *draft, uint16_t number)
{
    str stored = draft_get(draft, entity_field_by_number(draft->entity, number));
    struct value value = stored.len == 0 ? (struct value){} : value_of(stored);
    return value.kind == VALUE_INT ? value.integer : 0;
}

static void stamp(struct change *change, struct draft *draft, enum write_cause cause)
{
    put_int(change, draft, FIELD_VERSION, get_int(draft, FIELD_VERSION) + 1);
    if (cause == WRITE_BY_ENGINE && !draft->is_new) return;
    put_int(change, draft, FIELD_REVISION, get_int(draft, FIELD_REVISION) + 1);
    /* Lists by `created_at` walk the ids, so the time is the id's own; nothing changes before. */
    int64_t created_ms = id_time_ms(draft->id), now_ms = change->task->now_ms;
    put_int(change, draft, FIELD_UPDATED_AT, now_ms < created_ms ? created_ms : now_ms);
    /* One that comes back was created long ago, by whom it says. */
    const struct field *created_at = entity_field_by_number(draft->entity, FIELD_CREATED_AT);
    bool is_made = draft->is_new && draft_get(draft, created_at).len == 0;
    if (is_made) put_int(change, draft, FIELD_CREATED_AT, created_ms);
    if (id_is_nil(change->scope->actor)) return;
    struct buf actor = buf_make(change->task->arena, 32);
    pack_bytes(&actor, id_bytes(&change->scope->actor));
    draft_put(draft, entity_field_by_number(draft->entity, FIELD_UPDATED_BY), buf_str(&actor));
    if (is_made)
        draft_put(draft, entity_field_by_number(draft->entity, FIELD_CREATED_BY), buf_str(&actor));
}

str slots_encode(struct arena *arena, const struct entity *entity, const str *slots)
{
    uint32_t count = 0;
    size_t bytes = 8;
    for (uint32_t at = 0; at < entity->field_count; at++) {
        if (slots[at].len == 0) continue;
        count++;
        bytes += slots[at].len + 3;
    }
    struct buf map = buf_make(arena, bytes);
    pack_map(&map, count);
    for (uint32_t at = 0; at < entity->field_count; at++) {
        if (slots[at].len == 0) continue;
        pack_int(&map, entity->fields[at].number);
        pack_raw(&map, slots[at]);
    }
    require(!buf_is_over(&map));
    return buf_str(&map);
}

void draft_drop_removed(struct draft *draft)
{
    for (uint32_t at = 0; at < draft->entity->field_count; at++)
        if (draft->entity->fields[at].is_removed) draft->now[at] = (str){};
}

bool draft_is_other(const struct draft *draft, enum write_cause cause)
{
    /* Naming another record behind a link is a change of this one by its actor. */
    bool is_other = draft->is_new || (cause == WRITE_BY_ACTOR && draft->later != nullptr);
    for (uint32_t at = 0; at < draft->entity->field_count && !is_other; at++)
        is_other = !str_eq(draft->before[at], draft->now[at]);
    return is_other;
}

/** `after` is shown it, at the end of the change when nothing else leads to it. */
static void note_write(struct change *change, struct touched *touched, enum write_cause cause)
{
    bool is_by_actor = cause == WRITE_BY_ACTOR;
    bool is_by_narrow = is_by_actor && (change->scope->rows & ROWS_ALL) == 0;
    change->write_count++;
    if (touched->is_due && (!is_by_narrow || touched->is_by_narrow) &&
        (!is_by_actor || (touched->is_by_actor && touched->is_due_by_actor)))
        return;
    touched_keep(change, touched);
    touched->is_due = true;
    touched->is_by_actor |= is_by_actor;
    touched->is_by_narrow |= is_by_narrow;
    touched->is_due_by_actor |= is_by_actor;
}

enum err draft_save(struct change *change, struct draft *draft, enum write_cause cause)
{
    const struct entity *entity = draft->entity;
    size_t bytes = entity->field_count * sizeof(str);
    TRY(under_fill(change, draft));
    if (!draft_is_other(draft, cause)) return ERR_NONE;

    draft_drop_removed(draft);
    TRY(sealed_complete(change, draft));
    if (draft->is_new) TRY(rollups_begin(change, draft));
    struct arena *arena = change->task->arena;
    struct touched *touched = change_touched(change, entity, draft->id);
    if (touched == nullptr) {
        str before = draft->is_new ? (str){} : slots_encode(arena, entity, draft->before);
        TRY(change_touch(change, entity, draft->id, before, &touched));
    }
    if (touched->is_going) return ERR_NONE;
    note_write(change, touched, cause);
    stamp(change, draft, cause);
    str value = slots_encode(arena, entity, draft->now);
    if (value.len > RECORD_BYTES_MAX)
        return fail(change->task, ERR_TOO_LARGE,
                    "a record may have at most %zu KiB, this one would have %zu",
                    RECORD_BYTES_MAX / KIB, value.len / KIB);
    txn_record_put(change->txn, entity->number, draft->id, value);
    save_index(change, draft);
    save_words(change, draft);
    TRY(computed_note(change, draft, draft->is_new));
    TRY(under_note(change, draft, draft->is_new));
    memcpy(draft->before, draft->now, bytes);
    draft->is_new = false;
    draft->as_of = change->write_count;
    return arena_is_over(arena)
               ? fail(change->task, ERR_TOO_LARGE, "the change needs too much memory")
               : ERR_NONE;
}

enum err draft_remove(struct change *change, struct draft *draft)
{
    require(!draft->is_new);
    memset(draft->now, 0, draft->entity->field_count * sizeof(str));
    save_index(change, draft);
    save_words(change, draft);
    txn_record_delete(change->txn, draft->entity->number, draft->id);
    change->write_count++;
    draft->has_formulas = true;
    TRY(rollups_strip(change, draft));
    TRY(under_note(change, draft, false));
    return computed_note(change, draft, false);
}
