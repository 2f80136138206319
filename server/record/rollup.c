#include <math.h>
#include <stdckdint.h>

#include "base/require.h"
#include "base/wide.h"
#include "model/kind.h"
#include "record/computed.h"
#include "record/condition.h"
#include "record/under.h"

constexpr uint32_t NUMBER_UNITS = 1'000'000; /** a number counts in millionths */
constexpr int64_t NUMBER_MAX = 9'007'199'254'740'991;
/** Up to here a float still tells millionths apart, so that a sum can be moved by a difference. */
constexpr double NUMBER_EXACT_MAX_FLOAT = 2'147'483'648.0;

/** What is to be done to one roll-up of a record. */
struct roll {
    const struct field *field;
    wide difference; /** of a count or sum */
    bool is_whole;   /** from the records that refer to it, whatever the difference */
    struct roll *next;
};

/** A record whose computed fields are to be brought up to date. What was noted before the newest
 *  savepoint stays as it is, for a rollback: the record is noted once more then. */
struct rolled {
    const struct entity *entity;
    struct id id;
    uint32_t generation; /** of the change, see there */
    bool has_formulas;   /** something they read has changed */
    uint8_t due;         /** of enum under_due */
    struct roll *rolls;
    struct rolled *next;
};

/** What one record gives to a roll-up. */
struct part {
    bool counts;
    struct id parent;
    wide units; /** of a count or sum */
    str stored; /** of min, max, latest */
};

/** For whom parts are computed. */
struct rolling {
    const struct view *view;
    str currency;
};

str rollup_currency(const struct view *view)
{
    const struct field *field = view->model->currency;
    str value;
    if (field == nullptr || txn_record_get_view(view->txn, field->entity->number,
                                                txn_space(view->txn)->uuid, &value) != ERR_NONE)
        return (str){};
    return arena_copy(view->task->arena, value_text_at(value, field->number));
}

static struct rolling rolling_of(struct change *change, const struct view *view)
{
    if (!change->has_currency) {
        change->currency = rollup_currency(view);
        change->has_currency = true;
    }
    return (struct rolling){view, change->currency};
}

/* Values. */

static bool money_read(const struct value *stored, int64_t *amount_out, str *currency_out)
{
    struct cursor cursor = cursor_of(stored->items);
    struct value amount, currency;
    if (stored->kind != VALUE_LIST || stored->count != 2 || !value_next(&cursor, &amount) ||
        !value_next(&cursor, &currency) || amount.kind != VALUE_INT || currency.kind != VALUE_TEXT)
        return false;
    *amount_out = amount.integer;
    *currency_out = currency.text;
    return true;
}

/** A stored value in units of its kind; false: it counts nothing (another currency, a number too
 *  large to be added to others). */
static bool units_of(const struct rolling *rolling, const struct field *field, str stored,
                     wide *units_out)
{
    struct value value = value_of(stored);
    int64_t amount;
    str currency;
    switch (field->kind) {
    case FIELD_DECIMAL:
        *units_out = value.integer;
        return value.kind == VALUE_INT;
    case FIELD_MONEY:
        if (!money_read(&value, &amount, &currency) || !str_eq(currency, rolling->currency))
            return false;
        *units_out = amount;
        return true;
    default:
        if (value.kind == VALUE_INT) {
            *units_out = wide_product(value.integer, NUMBER_UNITS);
            return true;
        }
        if (value.kind != VALUE_FLOAT || fabs(value.number) > (double)NUMBER_MAX) return false;
        int64_t whole = (int64_t)value.number;
        int64_t part = llrint((value.number - (double)whole) * (double)NUMBER_UNITS);
        *units_out = wide_product(whole, NUMBER_UNITS) + part;
        return true;
    }
}

static str pack_units(const struct rolling *rolling, const struct field *field, wide units)
{
    struct buf stored = buf_make(rolling->view->task->arena, 64);
    if (field->kind == FIELD_NUMBER) {
        int64_t part;
        wide whole = wide_divide(units, NUMBER_UNITS, &part);
        bool is_whole = part == 0 && whole >= -NUMBER_MAX && whole <= NUMBER_MAX;
        if (is_whole) pack_int(&stored, (int64_t)whole);
        else pack_float(&stored, wide_ratio(units, NUMBER_UNITS));
        return buf_str(&stored);
    }
    if (units > INT64_MAX || units < INT64_MIN) return (str){};
    if (field->kind == FIELD_MONEY) {
        if (rolling->currency.len == 0) return (str){};
        pack_list(&stored, 2);
        pack_int(&stored, (int64_t)units);
        pack_text(&stored, rolling->currency);
    } else {
        pack_int(&stored, (int64_t)units);
    }
    return buf_str(&stored);
}

bool rollup_has_entries(const struct field *field)
{
    return field->rollup->function != ROLLUP_COUNT && field->rollup->function != ROLLUP_SUM;
}

/** A count in the same units as a sum of numbers. */
static str pack_sum(const struct rolling *rolling, const struct field *field, wide units)
{
    bool is_count = field->rollup->function == ROLLUP_COUNT;
    return pack_units(rolling, field,
                      is_count ? wide_product((int64_t)units, NUMBER_UNITS) : units);
}

/** The units of a stored sum or count; false when it does not tell them exactly. */
static bool sum_units(const struct rolling *rolling, const struct field *field, str stored,
                      wide *units_out)
{
    struct value value = value_of(stored);
    if (stored.len == 0 || !units_of(rolling, field, stored, units_out)) return false;
    int64_t part;
    if (field->rollup->function == ROLLUP_COUNT)
        *units_out = wide_divide(*units_out, NUMBER_UNITS, &part);
    return value.kind != VALUE_FLOAT || fabs(value.number) < NUMBER_EXACT_MAX_FLOAT;
}

/** What a record with these stored values gives to a roll-up. */
static struct part part_of(const struct rolling *rolling, const struct field *field,
                           const str *slots)
{
    const struct rollup *rollup = field->rollup;
    struct part part = {.units = 1};
    if (!slots_reference(slots, rollup->via, &part.parent)) return (struct part){};
    if (rollup->of != nullptr) {
        part.stored = slots[field_position(rollup->of)];
        if (part.stored.len == 0) return (struct part){};
        bool is_counted = rollup->of->kind == FIELD_DATE || rollup->of->kind == FIELD_TIME ||
                          units_of(rolling, rollup->of, part.stored, &part.units);
        if (!is_counted) return (struct part){};
    }
    part.counts = rollup->where == nullptr ||
                  condition_holds(rolling->view, rolling->view->task->arena, rollup->where, slots);
    return part.counts ? part : (struct part){};
}

/* Least and greatest. */

static str entry_key(struct arena *arena, const struct field *field, const struct part *part)
{
    struct value value = value_of(part->stored);
    const struct field *of = field->rollup->of;
    struct key_list keys = of->kind_of->order(arena, of, &value);
    require(keys.count == 1);
    struct buf key = buf_make(arena, KEY_ORDERED_BYTES_MAX);
    buf_put(&key, id_bytes(&part->parent));
    buf_put(&key, keys.items[0]);
    require(!buf_is_over(&key));
    return buf_str(&key);
}

uint16_t rollup_entry_entity(const struct field *field)
{
    return field->entity->number | ENTITY_ROLLUP;
}

bool rollup_entry(const struct view *view, const struct field *field, str currency,
                  const str *slots, str *ordered_out)
{
    struct rolling rolling = {view, currency};
    struct part part = part_of(&rolling, field, slots);
    if (!rollup_has_entries(field) || !part.counts) return false;
    *ordered_out = entry_key(view->task->arena, field, &part);
    return true;
}

enum err rollup_extreme(const struct view *view, const struct field *field, struct id id,
                        str *stored_out)
{
    struct scan_range range = {.from = id_bytes(&id),
                               .to = id_bytes(&id),
                               .is_descending = field->rollup->function != ROLLUP_MIN};
    struct scan *scan = scan_index(view->txn, rollup_entry_entity(field), field->number, &range);
    bool has_entry;
    struct scan_entry entry;
    enum err err = scan_next(scan, &has_entry, &entry);
    struct id from = entry.id;
    scan_close(scan);
    *stored_out = (str){};
    if (err != ERR_NONE || !has_entry) return err;
    const struct entity *entity = field->rollup->via->entity;
    str value, slots[FIELDS_MAX];
    TRY(txn_record_get_view(view->txn, entity->number, from, &value));
    slots_read(entity, value, slots);
    *stored_out = arena_copy(view->task->arena, slots[field_position(field->rollup->of)]);
    return ERR_NONE;
}

/** Takes away all entries of one parent. */
static enum err wipe_entries(const struct view *view, const struct field *field, struct id id)
{
    struct scan_range range = {.from = id_bytes(&id), .to = id_bytes(&id)};
    struct scan *scan = scan_index(view->txn, rollup_entry_entity(field), field->number, &range);
    for (;;) {
        bool has_entry;
        struct scan_entry entry;
        TRY(scan_next(scan, &has_entry, &entry));
        if (!has_entry) break;
        str ordered = arena_copy(view->task->arena, entry.ordered);
        txn_index_delete(view->txn, rollup_entry_entity(field), field->number, ordered, entry.id);
    }
    scan_close(scan);
    return ERR_NONE;
}

/* From all records that refer to one. */

/** The better of two stored values, by their keys. */
static str better(struct arena *arena, const struct field *field, str one, str other)
{
    const struct field *of = field->rollup->of;
    if (one.len == 0) return other;
    struct value a = value_of(one), b = value_of(other);
    int order = str_compare(of->kind_of->order(arena, of, &a).items[0],
                            of->kind_of->order(arena, of, &b).items[0]);
    bool is_other = field->rollup->function == ROLLUP_MIN ? order > 0 : order < 0;
    return is_other ? other : one;
}

/** `has_entries`: also writes the entries of a min, max or latest. */
static enum err gather(const struct rolling *rolling, const struct field *field, struct id id,
                       bool has_entries, str *stored_out)
{
    const struct view *view = rolling->view;
    struct arena *arena = view->task->arena;
    const struct field *via = field->rollup->via;
    struct scan_range range = {.from = id_bytes(&id), .to = id_bytes(&id)};
    struct scan *scan = scan_index(view->txn, via->entity->number, via->number, &range);
    wide total = 0;
    str best = {};
    for (;;) {
        bool has_entry;
        struct scan_entry entry;
        str value, slots[FIELDS_MAX];
        TRY(scan_next(scan, &has_entry, &entry));
        if (!has_entry) break;
        enum err err = txn_record_get_view(view->txn, via->entity->number, entry.id, &value);
        if (err == ERR_MISSING) continue; /* a check tells of such an entry */
        TRY(err);
        slots_read(via->entity, value, slots);
        struct part part = part_of(rolling, field, slots);
        if (!part.counts) continue;
        total += part.units;
        if (!rollup_has_entries(field)) continue;
        part.stored = arena_copy(arena, part.stored);
        best = better(arena, field, best, part.stored);
        if (has_entries)
            txn_index_put(view->txn, rollup_entry_entity(field), field->number,
                          entry_key(arena, field, &part), entry.id);
    }
    scan_close(scan);
    *stored_out = rollup_has_entries(field) ? best : pack_sum(rolling, field, total);
    return ERR_NONE;
}

enum err rollup_expected(const struct view *view, const struct field *field, struct id id,
                         str currency, str *stored_out)
{
    struct rolling rolling = {view, currency};
    return gather(&rolling, field, id, false, stored_out);
}

static enum err renew(const struct rolling *rolling, struct draft *draft, const struct field *field)
{
    str stored;
    if (rollup_has_entries(field)) TRY(wipe_entries(rolling->view, field, draft->id));
    TRY(gather(rolling, field, draft->id, true, &stored));
    draft_put(draft, field, stored);
    return ERR_NONE;
}

enum err rollups_strip(struct change *change, const struct draft *draft)
{
    struct view view = change_view(change);
    for (uint32_t at = 0; at < draft->entity->field_count; at++) {
        const struct field *field = &draft->entity->fields[at];
        bool is_number = field->kind == FIELD_NUMBER || field->kind == FIELD_DECIMAL ||
                         field->kind == FIELD_MONEY;
        bool is_moment = field->kind == FIELD_DATE || field->kind == FIELD_TIME;
        if (field->is_removed && (is_number || is_moment))
            TRY(wipe_entries(&view, field, draft->id));
    }
    return ERR_NONE;
}

enum err rollups_renew(struct change *change, struct draft *draft)
{
    struct view view = change_view(change);
    TRY(rollups_strip(change, draft));
    for (uint32_t at = 0; at < draft->entity->field_count; at++) {
        const struct field *field = &draft->entity->fields[at];
        if (field->rollup == nullptr || field->is_removed) continue;
        struct rolling rolling = rolling_of(change, &view);
        TRY(renew(&rolling, draft, field));
    }
    return ERR_NONE;
}

/* Noting. */

static bool is_noted(const struct change *change, const struct entity *entity, struct id id)
{
    const struct rolled *rolled = change->rolled;
    while (rolled != nullptr && !(rolled->entity == entity && id_eq(rolled->id, id)))
        rolled = rolled->next;
    return rolled != nullptr;
}

/** The note of this record that may be added to. */
static struct rolled *rolled_of(struct change *change, const struct entity *entity, struct id id)
{
    struct rolled *rolled = change->rolled;
    while (rolled != nullptr && rolled->generation == change->generation) {
        if (rolled->entity == entity && id_eq(rolled->id, id)) return rolled;
        rolled = rolled->next;
    }
    rolled = arena_new(change->task->arena, struct rolled, 1);
    *rolled = (struct rolled){
        .entity = entity, .id = id, .generation = change->generation, .next = change->rolled};
    return change->rolled = rolled;
}

static struct roll *roll_of(struct change *change, const struct field *field, struct id parent)
{
    struct rolled *rolled = rolled_of(change, field->entity, parent);
    struct roll *roll = rolled->rolls;
    while (roll != nullptr && roll->field != field) roll = roll->next;
    if (roll != nullptr) return roll;
    roll = arena_new(change->task->arena, struct roll, 1);
    *roll = (struct roll){.field = field, .next = rolled->rolls};
    return rolled->rolls = roll;
}

void computed_due(struct change *change, const struct entity *entity, struct id id, uint8_t due)
{
    rolled_of(change, entity, id)->due |= due;
}

/** Whether anything that the roll-up looks at is another than it was. */
static bool has_moved(const struct draft *draft, const struct rollup *rollup)
{
    if (draft_has_changed(draft, rollup->via)) return true;
    if (rollup->of != nullptr && draft_has_changed(draft, rollup->of)) return true;
    if (rollup->where == nullptr) return false;
    const struct field *fields[CONDITION_TESTS_MAX];
    uint32_t count = condition_fields(rollup->where, fields);
    bool has = false;
    for (uint32_t at = 0; at < count && !has; at++) has = draft_has_changed(draft, fields[at]);
    return has;
}

static void note_part(struct change *change, const struct draft *draft, const struct field *field,
                      const struct part *part, int sign)
{
    if (!part->counts) return;
    struct roll *roll = roll_of(change, field, part->parent);
    roll->difference += sign * part->units;
    if (!rollup_has_entries(field)) return;
    str key = entry_key(change->task->arena, field, part);
    if (sign > 0)
        txn_index_put(change->txn, rollup_entry_entity(field), field->number, key, draft->id);
    else txn_index_delete(change->txn, rollup_entry_entity(field), field->number, key, draft->id);
}

/** A record that comes (back) while others refer to it already: what they gave before is not known,
 *  so all of it is read. */
static enum err note_coming(struct change *change, const struct draft *draft)
{
    for (uint32_t at = 0; at < draft->entity->field_count; at++) {
        const struct field *field = &draft->entity->fields[at];
        if (field->rollup == nullptr || field->is_removed) continue;
        const struct field *via = field->rollup->via;
        struct scan_range range = {.from = id_bytes(&draft->id), .to = id_bytes(&draft->id)};
        struct scan *scan = scan_index(change->txn, via->entity->number, via->number, &range);
        bool has_entry;
        struct scan_entry entry;
        TRY(scan_next(scan, &has_entry, &entry));
        scan_close(scan);
        if (has_entry || is_noted(change, draft->entity, draft->id))
            roll_of(change, field, draft->id)->is_whole = true;
    }
    return ERR_NONE;
}

enum err computed_note(struct change *change, const struct draft *draft, bool was_new)
{
    const struct entity *entity = draft->entity;
    if (was_new) TRY(note_coming(change, draft));
    if (!draft->has_formulas && formulas_are_due(draft))
        rolled_of(change, entity, draft->id)->has_formulas = true;
    struct view view = change_view(change);
    for (uint32_t at = 0; at < entity->rollup_count; at++) {
        const struct field *field = entity->rollups[at];
        if (!has_moved(draft, field->rollup)) continue;
        struct rolling rolling = rolling_of(change, &view);
        struct part was = part_of(&rolling, field, draft->before);
        struct part is = part_of(&rolling, field, draft->now);
        note_part(change, draft, field, &was, -1);
        note_part(change, draft, field, &is, 1);
    }
    return ERR_NONE;
}

enum err rollups_begin(struct change *change, struct draft *draft)
{
    struct view view = change_view(change);
    for (uint32_t at = 0; at < draft->entity->field_count; at++) {
        const struct field *field = &draft->entity->fields[at];
        if (field->rollup == nullptr) continue;
        struct rolling rolling = rolling_of(change, &view);
        bool is_empty = rollup_has_entries(field) || field->is_removed;
        draft_put(draft, field, is_empty ? (str){} : pack_sum(&rolling, field, 0));
    }
    return ERR_NONE;
}

/* Settling. */

static enum err apply(const struct rolling *rolling, struct draft *draft, const struct roll *roll)
{
    const struct field *field = roll->field;
    str stored = draft_get(draft, field);
    wide units;
    if (roll->is_whole) return renew(rolling, draft, field);
    if (rollup_has_entries(field)) {
        TRY(rollup_extreme(rolling->view, field, draft->id, &stored));
        draft_put(draft, field, stored);
        return ERR_NONE;
    }
    /* The job that computes it has not come here yet, and counts this record when it does. */
    if (stored.len == 0 && field->is_building) return ERR_NONE;
    if (roll->difference == 0) return ERR_NONE;
    if (!sum_units(rolling, field, stored, &units)) return renew(rolling, draft, field);
    draft_put(draft, field, pack_sum(rolling, field, units + roll->difference));
    return ERR_NONE;
}

static enum err settle_one(struct change *change, const struct rolled *rolled)
{
    struct draft *draft = arena_new(change->task->arena, struct draft, 1);
    struct touched *touched = change_touched(change, rolled->entity, rolled->id);
    if (touched != nullptr && touched->is_going) return ERR_NONE;
    enum err err = draft_load(change, rolled->entity, rolled->id, draft);
    if (err == ERR_MISSING) return ERR_NONE;
    TRY(err);
    struct view view = change_view(change);
    for (const struct roll *roll = rolled->rolls; roll != nullptr; roll = roll->next) {
        struct rolling rolling = rolling_of(change, &view);
        TRY(apply(&rolling, draft, roll));
    }
    TRY(under_apply(change, draft, rolled->due));
    if (rolled->has_formulas || formulas_are_due(draft))
        TRY(formulas_evaluate(change, &draft, 1, rolled->has_formulas));
    draft->has_formulas = true;
    for (uint32_t at = 0; at < draft->entity->field_count; at++) {
        const struct field *field = &draft->entity->fields[at];
        if (field->required_when == nullptr) continue;
        bool is_missing = draft->now[at].len == 0 && field_is_needed(&view, field, draft->now);
        draft_note_incomplete(change, draft, field, is_missing);
    }
    /* What follows of itself is not counted among the records that the change may touch. */
    if (touched == nullptr) change->settled_count++;
    TRY(draft_save(change, draft, WRITE_BY_ENGINE));
    return (rolled->due & UNDER_CHILDREN) == 0 ? ERR_NONE
                                               : under_follow(change, rolled->entity, rolled->id);
}

/** Notes of the same record become one; those of before a savepoint stay as they are. */
static void join_notes(struct change *change)
{
    const struct rolled *old = change->rolled;
    while (old != nullptr && old->generation == change->generation) old = old->next;
    if (old == nullptr) return;
    old = change->rolled;
    change->rolled = nullptr;
    for (; old != nullptr; old = old->next) {
        struct rolled *rolled = rolled_of(change, old->entity, old->id);
        rolled->has_formulas |= old->has_formulas;
        rolled->due |= old->due;
        for (const struct roll *part = old->rolls; part != nullptr; part = part->next) {
            struct roll *roll = roll_of(change, part->field, old->id);
            roll->difference += part->difference;
            roll->is_whole |= part->is_whole;
        }
    }
}

enum err computed_settle(struct change *change)
{
    join_notes(change);
    while (change->rolled != nullptr) {
        const struct rolled *rolled = change->rolled;
        change->rolled = rolled->next;
        TRY(settle_one(change, rolled));
    }
    return ERR_NONE;
}
