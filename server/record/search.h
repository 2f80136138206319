/** search: records of all entities at once, best first, as a command palette asks for them.
 *
 *  A few candidates of each entity are gathered (by the beginning of the title, by whole words, by
 *  beginnings of words), read and ranked: the whole title, its beginning, whole words in it,
 *  beginnings of words in it, then the same in other fields and in records that lie under it.
 *
 *  Floor   record.
 *  Thread  any, with its own transaction.
 */
#pragma once

#include "record/query.h"

constexpr uint32_t SEARCH_RESULTS_DEFAULT = 20;
constexpr uint32_t SEARCH_RESULTS_MAX = 50;

struct search {
    str words;
    uint32_t limit;
};

/** `{"data":[{"entity","collection","id","title","matched":["emails", …]}, …]}`. Touches at most
 *  a few hundred keys for each entity that the scope may see. ERR_TOO_LARGE: more than
 *  task->keys_max. */
enum err search_write(struct buf *json, const struct view *view, const struct search *search);
