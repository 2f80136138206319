/** kind: what a value of each field kind may be, and how it is read, shown, ordered and searched.
 *  One row each.
 *
 *  Floor   model.
 *  Thread  any.
 */
#pragma once

#include "model/model.h"

/** Values that one field gives to an index or the search table. */
struct key_list {
    uint32_t count;
    str *items;
};

struct kind {
    str name; /** the word in schema/ and in the API */
    bool is_list;
    bool is_text; /** its order is folded text (of each item, in a list); prefix filters apply */
    str openapi;  /** JSON of its OpenAPI schema */
    str openapi_shown; /** the same of what answers show, where that is something else */
    str example; /** JSON of a value that can be given; empty: there is none that fits any field */
    /** API value to stored value. Adds a fault (code `type`, `format`, `range`, `length`,
     *  `unknown`, `pattern`) and returns false when it does not fit. Never called with nil. May
     *  store nil: the value means absence (an empty text, an empty list). A choice is checked for
     *  its form only, since the tenant's own choice records count: record/ asks the set and them,
     *  and gives the fault `choice`. That a reference leads somewhere is record's too. */
    bool (*read)(struct task *task, const struct field *field, const struct value *given,
                 struct buf *stored);
    /** Stored value to JSON. */
    void (*write)(struct buf *json, const struct field *field, const struct value *stored);
    /** Stored value to an encoded API value, the same as JSON would give; nullptr: it is stored as
     *  the API gives it. */
    void (*give)(struct buf *given, const struct field *field, const struct value *stored);
    /** Stored value to ordered bytes, one for each item; text is folded. Emails order by address,
     *  phones by digits, money by amount. */
    struct key_list (*order)(struct arena *arena, const struct field *field,
                             const struct value *stored);
    /** A filter's text to ordered bytes; a fault and false when it is no such value. */
    bool (*order_text)(struct task *task, const struct field *field, str text, str *ordered_out);
    /** A cell of an import, in a person's own writing, to an API value: labels of choices, names of
     *  countries, `yes`, `31.12.2025`, lists by `;` or `,`. Gives nil for an empty cell. What reads
     *  in two ways is a fault. */
    bool (*from_cell)(struct task *task, const struct field *field, str cell, struct buf *given);
    /** Words that q finds; nullptr: none. */
    struct key_list (*words)(struct arena *arena, const struct field *field,
                             const struct value *stored);
};

/** What a sealed text is found by: equal texts have equal ones. */
str sealed_found_by(struct arena *arena, str text);

const struct kind *kind_of(enum field_kind kind);
bool kind_find(str name, enum field_kind *kind_out);

/** A stored value as a cell of a table, which from_cell reads as the same value; but for what a
 *  cell has no place for: labels beside addresses and numbers. Of a reference its id. */
void kind_put_cell(struct buf *cell, const struct field *field, const struct value *stored);
/** Whether such a cell is a number, which may begin with a minus. */
bool kind_cell_is_number(enum field_kind kind);

/** A query's words, as the words of records are made, all of which must be found: at most
 *  SEARCH_WORDS_MAX. A word of a record is matched by prefix. A phone gives its digits forward and,
 *  behind a `~`, backward, so that a prefix of either finds the number by its first or last digits.
 *  When the text is a telephone number or a part of one (≥ 3 digits, punctuation, no letters),
 *  `is_digits_out` is true and the items are alternatives: its digits, and those behind a `~`
 *  backward without a leading trunk zero. */
struct key_list kind_query_words(struct arena *arena, str query, bool *is_digits_out);
