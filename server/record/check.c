#include "record/checking.h"

#include <stdarg.h>

#include "base/require.h"
#include "model/kind.h"
#include "record/index.h"
#include "record/models.h"
#include "record/query.h"
#include "record/quota.h"
#include "record/under.h"
#include "record/sealed.h"

constexpr uint32_t SLICE_ENTRIES = 500; /** checked in one snapshot */
constexpr uint32_t MODEL_TRIES_MAX = 10;

void check_found(struct checking *checking, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    str what = arena_vprint(&checking->arena, format, arguments);
    va_end(arguments);
    str text = arena_print(&checking->arena, "%.*s %.*s: %.*s", FMT(checking->entity->name),
                           FMT(id_text(&checking->arena, checking->at)), FMT(what));
    checking->report->fault_count++;
    checking->report->found(checking->report, checking->space->number, text);
}

static bool keys_have(struct key_list keys, str key)
{
    for (uint32_t at = 0; at < keys.count; at++)
        if (str_eq(keys.items[at], key)) return true;
    return false;
}

static str index_name(struct checking *checking, const struct index *index)
{
    if (index->second == nullptr) return index->field->name;
    return arena_print(&checking->arena, "%.*s and %.*s", FMT(index->field->name),
                       FMT(index->second->name));
}

enum err check_has_entry(struct scan *scan, str ordered, struct id id, struct id source,
                         bool is_text, bool *has_out)
{
    *has_out = false;
    scan_seek(scan, ordered, id);
    for (;;) {
        bool has;
        struct scan_entry entry;
        TRY(scan_next(scan, &has, &entry));
        if (!has || !str_eq(entry.ordered, ordered) || !id_eq(entry.id, id)) break;
        if (is_text && !id_eq(entry.source, source)) continue;
        *has_out = true;
        break;
    }
    scan_close(scan);
    return ERR_NONE;
}

static enum err check_index_entries(struct checking *checking, const str *slots)
{
    struct index index;
    for (uint32_t at = 0; index_next(checking->entity, &at, &index);) {
        if (!index.is_kept || index.is_renewed) continue;
        struct key_list keys = index_keys(&checking->arena, &index, slots);
        for (uint32_t key = 0; key < keys.count; key++) {
            struct scan_range range = {.from = keys.items[key], .to = keys.items[key]};
            struct scan *scan =
                scan_index(checking->txn, checking->entity->number, index.number, &range);
            bool has;
            TRY(check_has_entry(scan, keys.items[key], checking->at, (struct id){}, false, &has));
            if (!has)
                check_found(checking, "%.*s has no index entry", FMT(index_name(checking, &index)));
        }
    }
    return ERR_NONE;
}

static enum err check_words_at(struct checking *checking, const struct entity *target_entity,
                               struct id target, struct key_list words)
{
    for (uint32_t at = 0; at < words.count; at++) {
        struct scan_range range = {.from = words.items[at], .to = words.items[at]};
        struct scan *scan = scan_text(checking->txn, target_entity->number, &range);
        bool has;
        TRY(check_has_entry(scan, words.items[at], target, checking->at, true, &has));
        if (!has) check_found(checking, "the word \"%.*s\" does not find it", FMT(words.items[at]));
    }
    return ERR_NONE;
}

static enum err check_words(struct checking *checking, const str *slots)
{
    const struct entity *entity = checking->entity;
    for (uint32_t at = 0; at < entity->field_count; at++)
        if (entity->fields[at].is_building && entity->fields[at].is_searched) return ERR_NONE;
    struct key_list words = record_words(&checking->arena, entity, slots);
    TRY(check_words_at(checking, entity, checking->at, words));
    struct id parent;
    if (entity->via == nullptr || !slots_reference(slots, entity->via, &parent)) return ERR_NONE;
    return check_words_at(checking, entity->via->to, parent, words);
}

static enum err load(struct checking *checking, const struct entity *entity, struct id id,
                     str *slots, bool *is_there_out)
{
    str value;
    enum err err = txn_record_get_view(checking->txn, entity->number, id, &value);
    *is_there_out = err == ERR_NONE;
    if (err == ERR_NONE) slots_read(entity, value, slots);
    if (err == ERR_CORRUPT) check_found(checking, "a record it leads to is damaged");
    return err == ERR_MISSING || err == ERR_CORRUPT ? ERR_NONE : err;
}

static enum err check_references(struct checking *checking, const str *slots)
{
    for (uint32_t at = 0; at < checking->entity->field_count; at++) {
        const struct field *field = &checking->entity->fields[at];
        bool is_list = field->kind == FIELD_REFERENCES;
        /* Who created a record stays written when that user is gone. */
        if ((field->kind != FIELD_REFERENCE && !is_list) || field->is_system || field->is_removed ||
            slots[at].len == 0)
            continue;
        struct value stored = value_of(slots[at]);
        struct cursor cursor = cursor_of(is_list ? stored.items : stored.bytes);
        struct value item;
        for (uint32_t of = 0; of < (is_list ? stored.count : 1) && value_next(&cursor, &item);
             of++) {
            struct id id;
            str there[FIELDS_MAX];
            bool is_there = false;
            if (item.kind == VALUE_BYTES && id_of_bytes(item.text, &id))
                TRY(load(checking, field->to, id, there, &is_there));
            if (!is_there)
                check_found(checking, "%.*s leads to no %.*s", FMT(field->name),
                            FMT(field->to->name));
        }
    }
    return ERR_NONE;
}

static bool slot_is_true(const str *slots, const struct field *field)
{
    str stored = slots[field_position(field)];
    struct value value = stored.len == 0 ? (struct value){} : value_of(stored);
    return value.kind == VALUE_BOOL && value.boolean;
}

/** From the parent's side: the records with the flag, and whether the references kept through it
 *  lead to what is behind it. */
static enum err check_flag(struct checking *checking, const struct field *flag, const str *slots)
{
    struct id flagged_id = {};
    uint32_t count = 0, flagged = 0;
    str link[FIELDS_MAX], flagged_link[FIELDS_MAX];
    struct scan_range range = {.from = id_bytes(&checking->at), .to = id_bytes(&checking->at)};
    struct scan *scan =
        scan_index(checking->txn, flag->entity->number, flag->one_of_per->number, &range);
    for (;; count++) {
        bool has_entry, is_there;
        struct scan_entry entry;
        TRY(scan_next(scan, &has_entry, &entry));
        if (!has_entry) break;
        TRY(load(checking, flag->entity, entry.id, link, &is_there));
        if (!is_there || !slot_is_true(link, flag)) continue;
        flagged++;
        flagged_id = entry.id;
        memcpy(flagged_link, link, sizeof link);
    }
    scan_close(scan);
    if (flagged > 1)
        check_found(checking, "%u %.*s carry %.*s", flagged, FMT(flag->entity->plural),
                    FMT(flag->name));
    if (flagged == 0 && count > 0 && flag->one_of_at_least)
        check_found(checking, "none of its %.*s carries %.*s", FMT(flag->entity->plural),
                    FMT(flag->name));
    for (uint32_t at = 0; at < checking->entity->field_count; at++) {
        const struct field *field = &checking->entity->fields[at];
        if (field->through.link == nullptr || field->through.flag != flag) continue;
        struct id kept = {}, behind = flagged_id;
        const struct field *target = field->through.target;
        if (flagged > 0 && target != nullptr && !slots_reference(flagged_link, target, &behind))
            behind = (struct id){};
        bool has = slots_reference(slots, field, &kept);
        if (has != (flagged > 0) || (has && !id_eq(kept, behind)))
            check_found(checking, "%.*s is not the one behind %.*s", FMT(field->name),
                        FMT(flag->name));
    }
    return ERR_NONE;
}

static enum err check_flags(struct checking *checking, const str *slots)
{
    for (uint32_t at = 0; at < checking->entity->referrer_count; at++) {
        const struct field *per = checking->entity->referrers[at];
        for (uint32_t of = 0; of < per->entity->field_count; of++)
            if (per->entity->fields[of].one_of_per == per)
                TRY(check_flag(checking, &per->entity->fields[of], slots));
    }
    return ERR_NONE;
}

static enum err check_unique(struct checking *checking, const struct field *field, str stored)
{
    struct view view = {&checking->task, checking->txn, checking->model, &checking->scope};
    struct value value = value_of(stored);
    struct id ids[2];
    uint32_t count;
    value = sealed_plain(&view, field, checking->at, &value);
    if (value.kind == VALUE_NIL) return ERR_NONE;
    TRY(query_find_same(&view, field, &value, 2, ids, &count));
    for (uint32_t other = 0; other < count; other++) {
        if (id_eq(ids[other], checking->at)) continue;
        check_found(checking, "%.*s is in another record too", FMT(field->name));
        break;
    }
    return ERR_NONE;
}

static enum err check_pairs(struct checking *checking, const str *slots)
{
    for (uint32_t at = 0; at < checking->entity->pair_count; at++) {
        const struct pair *pair = &checking->entity->pairs[at];
        struct id other;
        if (!pair->is_unique || pair->is_building) continue;
        TRY(index_pair_other(checking->txn, pair, slots, checking->at, &other));
        if (!id_is_nil(other))
            check_found(checking, "%.*s and %.*s are in another record too", FMT(pair->first->name),
                        FMT(pair->second->name));
    }
    return ERR_NONE;
}

bool check_is_noted(const struct checking *checking, const str *slots, const struct field *field)
{
    const struct field *incomplete = entity_field_by_number(checking->entity, FIELD_INCOMPLETE);
    struct value list = value_of(slots[field_position(incomplete)]), item;
    struct cursor cursor = cursor_of(list.items);
    for (uint32_t at = 0; list.kind == VALUE_LIST && at < list.count && value_next(&cursor, &item);
         at++)
        if (str_eq(item.text, field->name)) return true;
    return false;
}

/** Its bytes are sealed, for this place, under a key that is there. */
static void check_sealed(struct checking *checking, const struct view *view,
                         const struct field *field, str stored)
{
    struct value value = value_of(stored);
    bool is_sealed = value.kind == VALUE_BYTES;
    if (is_sealed) value = sealed_plain(view, field, checking->at, &value);
    if (!is_sealed || value.kind != VALUE_TEXT)
        check_found(checking, "%.*s %s", FMT(field->name),
                    is_sealed ? "cannot be opened" : "is not sealed");
}

static enum err check_record(struct checking *checking, const struct scan_entry *entry)
{
    checking->at = entry->id;
    struct value map = value_of(entry->value);
    if (map.kind != VALUE_MAP) return check_found(checking, "is no map"), ERR_NONE;
    struct cursor cursor = cursor_of(map.items);
    struct value key, item;
    for (uint32_t pair = 0;
         pair < map.count && value_next(&cursor, &key) && value_next(&cursor, &item); pair++)
        if (key.kind != VALUE_INT || key.integer < 0 || key.integer > UINT16_MAX ||
            entity_field_by_number(checking->entity, (uint16_t)key.integer) == nullptr)
            check_found(checking, "has a field that the schema does not know");
    str slots[FIELDS_MAX];
    slots_read(checking->entity, entry->value, slots);
    struct view view = {&checking->task, checking->txn, checking->model, &checking->scope};
    for (uint32_t at = 0; at < checking->entity->field_count; at++) {
        const struct field *field = &checking->entity->fields[at];
        bool is_missing = slots[at].len == 0;
        if (field->is_noting || field->is_removed) continue;
        if (is_missing && field_is_needed(&view, field, slots) &&
            !check_is_noted(checking, slots, field))
            check_found(checking, "%.*s is missing", FMT(field->name));
        if (!is_missing && check_is_noted(checking, slots, field))
            check_found(checking, "%.*s is noted as missing, but it is there", FMT(field->name));
        if (!is_missing && field_is_sealed(field)) check_sealed(checking, &view, field, slots[at]);
        if (!is_missing && field->is_unique && !field->is_building)
            TRY(check_unique(checking, field, slots[at]));
    }
    TRY(check_pairs(checking, slots));
    TRY(check_flags(checking, slots));
    TRY(check_index_entries(checking, slots));
    TRY(check_words(checking, slots));
    TRY(check_computed(checking, slots));
    TRY(check_under(checking, slots));
    return check_references(checking, slots);
}

static enum err check_index_entry(struct checking *checking, const struct scan_entry *entry)
{
    checking->at = entry->id;
    str slots[FIELDS_MAX];
    bool is_there;
    TRY(load(checking, checking->entity, entry->id, slots, &is_there));
    if (!is_there)
        return check_found(checking, "an entry of %.*s has no record",
                           FMT(index_name(checking, &checking->index))),
               ERR_NONE;
    struct key_list keys = index_keys(&checking->arena, &checking->index, slots);
    if (!keys_have(keys, entry->ordered))
        check_found(checking, "an entry of %.*s is not its value",
                    FMT(index_name(checking, &checking->index)));
    return ERR_NONE;
}

/** The source is the target itself, or a record that lies under it. */
static enum err check_word_entry(struct checking *checking, const struct scan_entry *entry)
{
    const struct entity *entity = checking->entity;
    checking->at = entry->id;
    str slots[FIELDS_MAX];
    bool is_there;
    if (id_eq(entry->id, entry->source)) {
        TRY(load(checking, entity, entry->source, slots, &is_there));
        if (is_there &&
            keys_have(record_words_left(&checking->arena, entity, slots), entry->ordered))
            return ERR_NONE;
    }
    for (uint32_t at = 0; at < entity->under_count; at++) {
        struct id parent;
        TRY(load(checking, entity->under[at], entry->source, slots, &is_there));
        if (is_there && slots_reference(slots, entity->under[at]->via, &parent) &&
            id_eq(parent, entry->id) &&
            keys_have(record_words_left(&checking->arena, entity->under[at], slots),
                      entry->ordered))
            return ERR_NONE;
    }
    check_found(checking, "the word \"%.*s\" finds it, but it is not there", FMT(entry->ordered));
    return ERR_NONE;
}

enum subject : uint8_t {
    SUBJECT_RECORDS,
    SUBJECT_INDEX,
    SUBJECT_WORDS,
    SUBJECT_ROLLUP,
    SUBJECT_HOLDERS,
};

static struct scan *open_scan(struct checking *checking, enum subject subject,
                              const struct scan_range *range)
{
    switch (subject) {
    case SUBJECT_RECORDS:
        return scan_records(checking->txn, checking->entity->number, range);
    case SUBJECT_INDEX:
        return scan_index(checking->txn, checking->entity->number, checking->index.number, range);
    case SUBJECT_WORDS:
        return scan_text(checking->txn, checking->entity->number, range);
    case SUBJECT_HOLDERS:
        return scan_index(checking->txn, under_entry_entity(checking->model), FIELD_HOLDERS, range);
    case SUBJECT_ROLLUP:
        return scan_index(checking->txn, rollup_entry_entity(checking->field),
                          checking->field->number, range);
    }
    require(false);
    return nullptr;
}

static enum err check_entry(struct checking *checking, enum subject subject,
                            const struct scan_entry *entry)
{
    checking->report->keys_checked++;
    switch (subject) {
    case SUBJECT_RECORDS:
        return check_record(checking, entry);
    case SUBJECT_INDEX:
        return check_index_entry(checking, entry);
    case SUBJECT_WORDS:
        return check_word_entry(checking, entry);
    case SUBJECT_HOLDERS:
        return check_holder_entry(checking, entry);
    case SUBJECT_ROLLUP:
        return check_rollup_entry(checking, entry);
    }
    return ERR_NONE;
}

/** One slice in a snapshot of its own; goes on behind `after`. A text entry's place is its token
 *  and target, so a slice ends only between two of those. */
static enum err check_slice(struct checking *checking, enum subject subject,
                            struct scan_range *range, char *after_bytes, bool *is_last_out)
{
    struct scan *scan = open_scan(checking, subject, range);
    *is_last_out = false;
    struct id after_id = range->after_id;
    size_t after_len = range->after_ordered.len;
    uint32_t count = 0;
    for (;;) {
        bool has;
        struct scan_entry entry = {};
        enum err err = scan_next(scan, &has, &entry);
        if (err == ERR_CORRUPT) {
            checking->at = entry.id;
            check_found(checking, "the stored value is damaged");
            if (!id_is_nil(entry.id)) after_id = entry.id;
            continue;
        }
        if (err == ERR_FULL) break;
        TRY(err);
        if (!has) {
            *is_last_out = true;
            break;
        }
        bool is_same_place = count > 0 && id_eq(entry.id, after_id) &&
                             str_eq(entry.ordered, (str){after_bytes, after_len});
        if (count >= SLICE_ENTRIES && !is_same_place) break;
        err = check_entry(checking, subject, &entry);
        /* The snapshot grew too old within an entry: a fresh one begins with it. */
        if (err == ERR_FULL && count > 0) break;
        TRY(err);
        require(entry.ordered.len <= KEY_BYTES_MAX);
        if (entry.ordered.len > 0) memcpy(after_bytes, entry.ordered.at, entry.ordered.len);
        after_len = entry.ordered.len;
        after_id = entry.id;
        count++;
        task_fault_clear(&checking->task);
        arena_clear(&checking->arena);
    }
    scan_close(scan);
    range->has_after = true;
    range->after_ordered = (str){after_bytes, after_len};
    range->after_id = after_id;
    return ERR_NONE;
}

/** A tenant may change its model between two slices: then all begins anew. */
static enum err verify_model(struct checking *checking)
{
    const struct model *present;
    TRY(model_of(&checking->task, checking->txn, checking->model, &present));
    if (!model_is_same(present, checking->model)) checking->has_other_model = true;
    return ERR_NONE;
}

static void note_currency(struct checking *checking)
{
    struct view view = {&checking->task, checking->txn, checking->model, &checking->scope};
    str currency = rollup_currency(&view);
    size_t len = currency.len < sizeof checking->currency_bytes ? currency.len : 0;
    if (len > 0) memcpy(checking->currency_bytes, currency.at, len);
    checking->currency = (str){checking->currency_bytes, len};
}

static enum err check_subject(struct checking *checking, struct task *task, enum subject subject)
{
    struct scan_range range = {.is_unbounded_from = true, .is_unbounded_to = true};
    char after[KEY_BYTES_MAX];
    bool is_last = false;
    while (!is_last) {
        arena_init(&checking->arena, TASK_ARENA_BYTES_MAX);
        task_init(&checking->task, &checking->arena);
        checking->at = (struct id){};
        enum err err = txn_open(&checking->task, checking->space, &checking->txn);
        if (err == ERR_NONE) {
            err = verify_model(checking);
            note_currency(checking);
            if (err == ERR_NONE && checking->has_other_model) is_last = true;
            else if (err == ERR_NONE) err = check_slice(checking, subject, &range, after, &is_last);
            txn_close(checking->txn);
        }
        if (err != ERR_NONE)
            err =
                fail(task, err, "%.*s", FMT(arena_copy(task->arena, checking->task.fault.detail)));
        arena_drop(&checking->arena);
        TRY(err);
    }
    return ERR_NONE;
}

static enum err check_entity(struct checking *checking, struct task *task)
{
    TRY(check_subject(checking, task, SUBJECT_RECORDS));
    TRY(check_subject(checking, task, SUBJECT_WORDS));
    const struct field *holders = entity_field_by_number(checking->entity, FIELD_HOLDERS);
    if (holders != nullptr && !holders->is_building)
        TRY(check_subject(checking, task, SUBJECT_HOLDERS));
    for (uint32_t of = 0; index_next(checking->entity, &of, &checking->index);)
        if (checking->index.is_kept) TRY(check_subject(checking, task, SUBJECT_INDEX));
    for (uint32_t of = 0; of < checking->entity->field_count && !checking->has_other_model; of++) {
        const struct field *field = checking->field = &checking->entity->fields[of];
        bool has_entries = field->rollup != nullptr && rollup_has_entries(field) &&
                           !field->is_building && !field->is_removed;
        if (has_entries) TRY(check_subject(checking, task, SUBJECT_ROLLUP));
    }
    return ERR_NONE;
}

/** The counter of records, by one snapshot. */
static enum err check_counter(struct checking *checking, struct task *task)
{
    struct txn *txn;
    struct row_counter counted, found;
    bool is_counted;
    const struct model *model = nullptr;
    TRY(txn_open(task, checking->space, &txn));
    enum err err = model_of(task, txn, checking->model, &model);
    if (err == ERR_NONE) err = quota_counted(task, txn, &counted, &is_counted);
    if (err == ERR_NONE && is_counted) err = quota_recount(task, txn, model, &found);
    txn_close(txn);
    /* One snapshot may be too short for very many; then the counter is left unproven. */
    if (err == ERR_FULL) return ERR_NONE;
    TRY(err);
    if (!is_counted || (counted.count == found.count && counted.bytes == found.bytes))
        return ERR_NONE;
    str what =
        arena_print(task->arena, "it has %lld records of %lld bytes, but %lld of %lld were counted",
                    (long long)found.count, (long long)found.bytes, (long long)counted.count,
                    (long long)counted.bytes);
    checking->report->found(checking->report, checking->space->number, what);
    return ERR_NONE;
}

static enum err model_find(struct task *task, const struct space *space, const struct model *base,
                           const struct model **model_out)
{
    struct txn *txn;
    TRY(txn_open(task, space, &txn));
    enum err err = model_of(task, txn, base, model_out);
    txn_close(txn);
    return err;
}

enum err record_check(struct task *task, const struct space *space, const struct model *base,
                      const struct formulas *formulas, struct check_report *report)
{
    struct checking checking = {
        .space = space, .formulas = formulas, .report = report, .scope = scope_system()};
    for (uint32_t tries = 0; tries < MODEL_TRIES_MAX; tries++) {
        checking.has_other_model = false;
        TRY(model_find(task, space, base, &checking.model));
        for (uint32_t at = 0; at < checking.model->entity_count && !checking.has_other_model;
             at++) {
            checking.entity = &checking.model->entities[at];
            TRY(check_entity(&checking, task));
        }
        if (!checking.has_other_model) return check_counter(&checking, task);
    }
    return fail(task, ERR_FULL, "this firm's fields were changed again and again meanwhile");
}
