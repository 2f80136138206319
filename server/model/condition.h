/** condition: a filter tree: which records of an entity are meant, as data.
 *
 *  One form wherever records are chosen: `filter=` of a list, a bulk edit's filter, a saved view,
 *  `where` of a roll-up, `required_when` of a field, `when` of a rule. A map of tests, all of which
 *  must hold:
 *
 *    {}                                          every record
 *    {"status": "active", "kind": "company"}     this value; both
 *    {"status": ["active", "past"]}              any of these values
 *    {"status": {"ne": "active"}}                not this value, none of a list; also without any
 *    {"revenue": {"gte": 100, "lt": 500}}        gt gte lt lte: a range
 *    {"name": {"prefix": "ac"}}                  begins with; of a list any of them
 *    {"website": {"empty": true}}                without a value (null says the same), or with one
 *    {"default_address.country": "DE"}           of the record behind a reference
 *    {"and": [tree, …]}  {"or": [tree, …]}  {"not": tree}
 *
 *  Values are written as the API writes them, money as its amount in the smallest unit. Texts are
 *  compared folded. A field that holds a list passes when any of its items does. The query string
 *  says single tests of the same tree: `status=active&status=past`, `revenue[gte]=100`.
 *
 *  What is behind a reference, and whether a choice is known, needs records: record/condition.h.
 *
 *  Floor   model.
 *  Thread  any; nothing changes once it is made.
 *  Memory  in the arena given; it points to fields, so it lives no longer than their model.
 */
#pragma once

#include "base/limits.h"
#include "model/kind.h"

constexpr uint32_t CONDITION_DEPTH_MAX = 8; /** of and, or, not within each other */
constexpr uint32_t CONDITION_TESTS_MAX = FILTERS_MAX;
constexpr uint32_t CONDITION_VALUES_MAX = 100; /** of one test */

enum test_op : uint8_t {
    TEST_EQUAL,     /** any of the values */
    TEST_NOT_EQUAL, /** none of the values */
    TEST_GREATER,
    TEST_GREATER_EQUAL,
    TEST_LESS,
    TEST_LESS_EQUAL,
    TEST_PREFIX, /** any of the values */
    TEST_EMPTY,  /** has no value, or has one */
};

/** One value of a test. */
struct test_value {
    str ordered; /** as the field's kind orders it (value/key.h) */
    str text;    /** as given; not of prefixes */
    str whole;   /** of one that an index cuts: all of it, folded; otherwise empty */
};

struct condition_test {
    /** the reference it looks through; `field` is then of the entity behind it. nullptr: own
     *  field */
    const struct field *of;
    const struct field *field;
    enum test_op op;
    bool is_empty;  /** TEST_EMPTY's value */
    bool is_sealed; /** the values are blinds under the tenant's keys (record/sealed.h) */
    bool is_cut;    /** some value is cut by an index, whose entries alone do not decide then */
    uint32_t value_count;
    const struct test_value *values;
    str path; /** where it stands, for faults: `filter.or[1].status` */
};

enum condition_kind : uint8_t {
    CONDITION_ALL, /** of the items; without items it holds */
    CONDITION_ANY,
    CONDITION_NOT, /** of its one item */
    CONDITION_TEST,
};

struct condition {
    enum condition_kind kind;
    uint32_t item_count;
    const struct condition *items;
    const struct condition_test *test; /** CONDITION_TEST only */
};

/** Where a tree comes from. */
struct condition_form {
    const struct entity *entity;
    struct arena *arena; /** takes what is made */
    str path;            /** of the tree itself, for faults: `filter`; may be empty */
    struct sight sight;  /** what it may name; any other field is unknown */
    bool needs_index;    /** lists: fields without an index are refused */
    uint32_t test_count; /** kept by the functions below: of all trees made by this form */
};

/** Reads a tree. False with faults (codes `type`, `unknown`, `index`, `range`, `format`, `length`),
 *  each with the path to its spot: `filter.or[1].revenue.gte`. */
bool condition_read(struct task *task, struct condition_form *form, const struct value *given,
                    const struct condition **condition_out);

/** One test of a query string: its name with the operation (`revenue[gte]`) and its values, texts.
 *  False with faults as above, whose path is the name. */
bool condition_read_named(struct task *task, struct condition_form *form, str name,
                          const str *values, uint32_t value_count,
                          const struct condition **condition_out);

/** All of them together, in one list; those that are nullptr or hold for every record are left
 *  out. */
const struct condition *condition_all(struct arena *arena, const struct condition *const *items,
                                      uint32_t count);

/** Whether it holds for every record: `{}`. */
static inline bool condition_is_always(const struct condition *condition)
{
    return condition->kind == CONDITION_ALL && condition->item_count == 0;
}

/** Calls `visit` with each test, in the order of the text, until it says false; false then. */
bool condition_visit(const struct condition *condition, void *argument,
                     bool (*visit)(void *argument, const struct condition_test *test));

/** The entity's own fields it rests on, none twice; of a test behind a reference that reference.
 *  `fields_out` has room for CONDITION_TESTS_MAX. */
uint32_t condition_fields(const struct condition *condition, const struct field **fields_out);

/** Whether some test looks behind a reference, so that another record's change can change it. */
bool condition_looks_behind(const struct condition *condition);

/** Whether an index has cut this value, so that others may have the same ordered bytes. */
static inline bool key_is_cut(str ordered)
{
    return ordered.len == KEY_ORDERED_BYTES_MAX && ordered.at[ordered.len - 1] != 0;
}

/** The whole folded texts of a stored value, one for each item: they decide where an index cuts. */
struct key_list texts_folded(struct arena *arena, const struct value *stored);
