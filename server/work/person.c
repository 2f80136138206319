#include "work/person.h"

#include "base/require.h"
#include "record/show.h"
#include "value/email.h"

constexpr uint32_t CAPACITY_FIRST = 64;
constexpr uint32_t DEPTH_MAX = 8; /** of values looked into */

void person_init(struct person *person, struct arena *arena)
{
    *person = (struct person){
        .arena = arena,
        .capacity = CAPACITY_FIRST,
        .records = arena_new(arena, struct person_record, CAPACITY_FIRST),
        .places = arena_new(arena, uint32_t, 2 * CAPACITY_FIRST),
    };
}

/* Records. */

/** Where the id stands in the table, or would. */
static uint32_t *place_of(const struct person *person, struct id id)
{
    uint64_t hash;
    /* The end of an id is random. */
    memcpy(&hash, id.bytes + sizeof id.bytes - sizeof hash, sizeof hash);
    for (uint32_t at = (uint32_t)(hash % (2 * person->capacity));; at++) {
        uint32_t *place = &person->places[at % (2 * person->capacity)];
        if (*place == 0 || id_eq(person->records[*place - 1].id, id)) return place;
    }
}

static void grow(struct person *person)
{
    const struct person_record *old = person->records;
    person->capacity *= 2;
    person->records = arena_new(person->arena, struct person_record, person->capacity);
    person->places = arena_new(person->arena, uint32_t, 2 * person->capacity);
    memcpy(person->records, old, person->count * sizeof *old);
    for (uint32_t at = 0; at < person->count; at++)
        *place_of(person, person->records[at].id) = at + 1;
}

struct person_record *person_find(const struct person *person, struct id id)
{
    uint32_t place = *place_of(person, id);
    return place == 0 ? nullptr : &person->records[place - 1];
}

enum err person_add(struct task *task, struct person *person, uint16_t entity, struct id id,
                    bool is_self)
{
    if (person_find(person, id) != nullptr) return ERR_NONE;
    if (person->count == PERSON_RECORDS_MAX)
        return fail(task, ERR_TOO_LARGE,
                    "more than %u records are about this one; take out those under it by lists",
                    PERSON_RECORDS_MAX);
    if (person->count == person->capacity) grow(person);
    person->records[person->count] =
        (struct person_record){.entity = entity, .is_self = is_self, .id = id};
    *place_of(person, id) = ++person->count;
    return ERR_NONE;
}

bool person_is_tie(const struct field *field)
{
    return field->kind == FIELD_REFERENCE && field->to != nullptr && !field->is_computed &&
           field->through.link == nullptr &&
           (field->on_delete == ON_DELETE_CASCADE || field->entity->via == field);
}

enum err person_add_under(struct task *task, struct txn *txn, struct person *person,
                          const struct entity *entity, struct id id)
{
    for (uint32_t at = 0; at < entity->referrer_count; at++) {
        const struct field *field = entity->referrers[at];
        if (!person_is_tie(field)) continue;
        struct scan_range range = {.from = id_bytes(&id), .to = id_bytes(&id)};
        struct scan *scan = scan_index(txn, field->entity->number, field->number, &range);
        bool has_entry = true;
        enum err err = ERR_NONE;
        while (err == ERR_NONE && has_entry) {
            struct scan_entry entry;
            err = scan_next(scan, &has_entry, &entry);
            if (err == ERR_NONE && has_entry)
                err = person_add(task, person, field->entity->number, entry.id, false);
        }
        scan_close(scan);
        TRY(err);
    }
    return ERR_NONE;
}

/* History. */

/** The bit of a reference among those of its entity that tie; 0: it does not. */
static uint32_t tie_bit(const struct entity *entity, uint16_t number)
{
    const struct field *field = entity_field_by_number(entity, number);
    uint32_t before = 0;
    if (field == nullptr || !person_is_tie(field)) return 0;
    for (uint32_t at = 0; &entity->fields[at] != field; at++)
        before += person_is_tie(&entity->fields[at]);
    return before < 32 ? 1U << before : 0;
}

static bool leads_to_one(const struct person *person, const struct value *reference)
{
    struct id id;
    return reference->kind == VALUE_BYTES && id_of_bytes(reference->text, &id) &&
           person_find(person, id) != nullptr;
}

enum err person_follow(struct task *task, struct person *person, const struct entity *entity,
                       const struct log_entry *entry, uint8_t *sides_out)
{
    const struct person_record *known = person_find(person, entry->record);
    struct log_change change;
    uint16_t number;
    struct value old, new;
    *sides_out = known != nullptr && known->is_self ? HISTORY_BOTH : 0;
    if (!log_change_read(entry->body, &change)) {
        if (known != nullptr) *sides_out = HISTORY_BOTH;
        return ERR_NONE;
    }
    uint32_t was = known == nullptr ? 0 : known->ties, is = was;
    while (log_change_next(&change, &number, &old, &new)) {
        uint32_t bit = tie_bit(entity, number);
        if (bit == 0) continue;
        if (leads_to_one(person, &old)) was |= bit;
        is = leads_to_one(person, &new) ? is | bit : is & ~bit;
    }
    if (was == 0 && is == 0) return ERR_NONE;
    TRY(person_add(task, person, entity->number, entry->record, false));
    person_find(person, entry->record)->ties = is;
    *sides_out |= (was != 0 ? HISTORY_OLD : 0) | (is != 0 ? HISTORY_NEW : 0);
    return ERR_NONE;
}

/* Addresses. */

bool person_has_address(const struct person *person, str address)
{
    for (uint32_t at = 0; at < person->address_count; at++)
        if (str_eq_nocase(person->addresses[at], address)) return true;
    return false;
}

static enum err address_note(struct task *task, struct person *person, str address)
{
    if (!email_is_address(address) || person_has_address(person, address)) return ERR_NONE;
    if (person->address_count == PERSON_ADDRESSES_MAX)
        return fail(task, ERR_TOO_LARGE, "more than %u addresses are about this one",
                    PERSON_ADDRESSES_MAX);
    if (person->address_count == person->address_capacity) {
        const str *old = person->addresses;
        person->address_capacity = old == nullptr ? CAPACITY_FIRST : 2 * person->address_capacity;
        person->addresses = arena_new(person->arena, str, person->address_capacity);
        if (old != nullptr) memcpy(person->addresses, old, person->address_count * sizeof *old);
    }
    person->addresses[person->address_count++] = arena_copy(person->arena, address);
    return ERR_NONE;
}

static enum err note_within(struct task *task, struct person *person, const struct value *value,
                            uint32_t depth)
{
    if (value->kind == VALUE_TEXT) return address_note(task, person, value->text);
    if ((value->kind != VALUE_LIST && value->kind != VALUE_MAP) || depth == DEPTH_MAX)
        return ERR_NONE;
    struct cursor items = cursor_of(value->items);
    struct value item;
    while (value_next(&items, &item)) TRY(note_within(task, person, &item, depth + 1));
    return ERR_NONE;
}

enum err person_note_addresses(struct task *task, struct person *person, const struct value *value)
{
    return note_within(task, person, value, 0);
}
