/** duplicates: whether two records of an entity may be one and the same, by the fields that the
 *  schema declares for it (`duplicates`).
 *
 *  A record has a profile: hashes of what must be equal (addresses, the last digits of numbers,
 *  codes, the words of its names in any order), and its names, folded and without the words of
 *  legal forms, which may differ a little. The score of two is 100 at most; each field that is
 *  alike raises it.
 *
 *  Floor   record.
 *  Thread  any, with its own transaction.
 *  Memory  the arena that is given.
 */
#pragma once

#include "record/record.h"

constexpr uint32_t PROFILE_KEYS_MAX = 32;
constexpr uint32_t PROFILE_NAMES_MAX = 4;
constexpr size_t PROFILE_NAME_BYTES_MAX = 100;
constexpr uint32_t DUPLICATES_FOUND_MAX = 10; /** told of one record, the best of them */
constexpr uint8_t DUPLICATES_SCORE_MIN = 50;  /** below, two are not alike */

struct profile_key {
    uint64_t hash; /** of its way and its value */
    enum duplicates_by by;
    uint8_t field; /** its place among the entity's fields that count; 63 at most */
};

struct profile_name {
    str text; /** `acme widgets` of `ACME Widgets, Inc.` */
    uint8_t field;
};

struct profile {
    uint32_t key_count;
    struct profile_key keys[PROFILE_KEYS_MAX];
    uint32_t name_count;
    struct profile_name names[PROFILE_NAMES_MAX];
};

/** What counts of a stored record. */
void profile_make(struct arena *arena, const struct entity *entity, str value,
                  struct profile *profile_out);

/** How alike two names are by how far they are apart; 0: not at all. */
uint8_t duplicates_name_score(str one, str other);
/** How much a field that is the same in both says. */
uint8_t duplicates_same_score(enum duplicates_by by);
/** Both of them together. */
uint8_t duplicates_scores_add(uint8_t one, uint8_t other);

struct duplicate {
    struct id id;
    uint8_t score;
    uint64_t fields; /** in which they are alike: bits by their places among those that count */
};
/** The score of two records; 0 below DUPLICATES_SCORE_MIN. */
struct duplicate profile_compare(const struct profile *one, const struct profile *other);
/** `name, emails` */
str duplicates_why(struct arena *arena, const struct entity *entity, uint64_t fields);

/** Records that may be this one, best first, at most DUPLICATES_FOUND_MAX of those in the scope.
 *  Found by indexes with few keys: of very many that share a value, seen or not, some are left
 *  out. */
enum err duplicates_find(const struct view *view, const struct record *record,
                         struct duplicate *found_out, uint32_t *count_out);
