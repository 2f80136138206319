/** ledger: what a tenant's model needs to know beside the records that shape it: which numbers were
 *  given, what was deleted, what is being built.
 *
 *  Floor   record, inside.
 *  Thread  that of its transaction.
 *  Memory  the task's arena.
 *  Bytes   tenant's space, SYSTEM_MODEL `ledger`: [next entity, [[entity, next field]],
 *          [[entity, field, name, kind, stored kind, scale, label, is stripped]],
 *          [[entity, field, work, job]]]
 */
#pragma once

#include "base/limits.h"
#include "base/task.h"
#include "store/txn.h"

constexpr uint32_t LEDGER_ROWS_MAX = 16'384; /** of each list: far more than numbers there are */

struct next_number {
    uint16_t entity;
    uint32_t number;
};

/** A field that was deleted. */
struct removed_field {
    uint16_t entity;
    uint16_t number;
    str name;
    str kind;        /** as it was said: `formula` too */
    str stored_kind; /** of its values */
    uint8_t scale;
    str label;
    bool is_stripped; /** no record, index or word has anything of it any more */
};

/** What is being built, as bits. */
enum build_work : uint8_t {
    BUILD_KEYS = 1,        /** index entries, words, computed values: nothing is read by it yet */
    BUILD_NOTES = 2,       /** which records lack it: `incomplete` */
    BUILD_INDEX_FADES = 4, /** index entries are taken away */
    BUILD_WORDS_FADE = 8,  /** words are taken away */
};

struct build {
    uint16_t entity;
    uint16_t field;
    uint8_t work;
    struct id job;
};

struct ledger {
    uint32_t next_entity;
    uint32_t next_count, removed_count, build_count;
    struct next_number *next;
    struct removed_field *removed;
    struct build *builds;
};

/** An empty one when the tenant has none. ERR_CORRUPT. */
enum err ledger_read(struct task *task, struct txn *txn, struct ledger *ledger);
void ledger_write(struct txn *txn, const struct ledger *ledger);

/** The next number of a field; ERR_FULL when none is left. */
enum err ledger_next_field(struct task *task, struct ledger *ledger, uint16_t entity,
                           uint16_t *number_out);
enum err ledger_next_entity(struct task *task, struct ledger *ledger, uint16_t *number_out);
struct removed_field *ledger_removed(const struct ledger *ledger, uint16_t entity, str name);
struct build *ledger_build(const struct ledger *ledger, uint16_t entity, uint16_t field);

void ledger_add_removed(struct arena *arena, struct ledger *ledger, struct removed_field removed);
/** It lives again, or its entity is gone too. */
void ledger_forget_removed(struct ledger *ledger, struct removed_field *removed);
/** More work on a field, by this job. */
void ledger_add_build(struct arena *arena, struct ledger *ledger, struct build build);
void ledger_forget_build(struct ledger *ledger, struct build *build);
/** The entity is gone, with all of its fields. */
void ledger_forget_entity(struct ledger *ledger, uint16_t entity);
