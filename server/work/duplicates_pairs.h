/** duplicates_pairs: the pairs of records that may be one, of all records of an entity, found in
 *  memory: some 150 bytes a record.
 *
 *  What must be equal is sorted, so that equals stand together; names are sorted forward and
 *  backward, so that a mistake near one end leaves them neighbours by the other (sorted
 *  neighbourhoods: Hernández and Stolfo, 1995). Each is compared with a few behind it.
 *
 *  Floor   work, inside.
 *  Thread  one at a time.
 *  Memory  its own, until pairs_close.
 */
#pragma once

#include "record/duplicates.h"

constexpr uint32_t PAIRS_RECORDS_MAX = 1'000'000;
constexpr uint32_t PAIRS_MAX = 50'000; /** kept, the best of them */

struct pairs;
struct pairs *pairs_open(void);
void pairs_close(struct pairs *pairs);

/** Records come in order of their ids. ERR_TOO_LARGE: more than PAIRS_RECORDS_MAX. */
enum err pairs_add(struct pairs *pairs, struct task *task, const struct record *record);
/** After the last one: finds the pairs. */
void pairs_find(struct pairs *pairs);

struct found_pair {
    struct id first, second; /** first < second */
    uint8_t score;
    uint64_t fields; /** as struct duplicate has them */
};
uint32_t pairs_count(const struct pairs *pairs);
/** In order of first, then second. */
struct found_pair pairs_at(const struct pairs *pairs, uint32_t at);
bool pairs_hold(const struct pairs *pairs, struct id first, struct id second);
/** More were found than are kept. */
bool pairs_are_cut(const struct pairs *pairs);
