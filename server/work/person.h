/** person: which records are about one person, now or formerly, and how the person is written to.
 *
 *  A person is a record, with those that were merged into it. About them is also what lies under
 *  one that is about them: what refers to it by its `via`, or by a reference that takes it along
 *  when that one is deleted. Whatever else refers to them is somebody else's, and only named.
 *
 *  Floor   work.
 *  Thread  that of its owner.
 *  Memory  the arena given, which only grows.
 */
#pragma once

#include "record/past.h"
#include "record/record.h"

constexpr uint32_t PERSON_RECORDS_MAX = 200'000;
constexpr uint32_t PERSON_ADDRESSES_MAX = 1'000;

struct person_record {
    uint16_t entity;
    bool is_self; /** it is the person, whatever it refers to */
    /** bits: by which of its entity's references it lies under such a record, as far as its
     *  history has been followed */
    uint32_t ties;
    struct id id;
};

struct person {
    struct arena *arena;
    uint32_t count, capacity;
    struct person_record *records; /** in the order in which they were found */
    uint32_t *places;              /** by hash of the id, twice the capacity: place + 1 */
    uint32_t address_count, address_capacity;
    str *addresses;
};

void person_init(struct person *person, struct arena *arena);
/** The record, unless it is among them. ERR_TOO_LARGE: there are PERSON_RECORDS_MAX. */
enum err person_add(struct task *task, struct person *person, uint16_t entity, struct id id,
                    bool is_self);
/** Until the next person_add; nullptr: it is none of them. */
struct person_record *person_find(const struct person *person, struct id id);
/** Whether a reference puts its record under the one that it leads to. */
bool person_is_tie(const struct field *field);
/** Those that lie under one of them today. */
enum err person_add_under(struct task *task, struct txn *txn, struct person *person,
                          const struct entity *entity, struct id id);
/** Follows a record through one entry of its history: which side of it is about the person, of
 *  HISTORY_OLD and HISTORY_NEW; 0: none. What lies under one of them at that time is added. */
enum err person_follow(struct task *task, struct person *person, const struct entity *entity,
                       const struct log_entry *entry, uint8_t *sides_out);
/** Notes the addresses in a value, however deep. ERR_TOO_LARGE: PERSON_ADDRESSES_MAX. */
enum err person_note_addresses(struct task *task, struct person *person, const struct value *value);
/** Whatever the case of its letters. */
bool person_has_address(const struct person *person, str address);
