/** listing: walks a list by one of its plans. Internal to record/.
 *
 *  Floor   record.
 *  Thread  that of its transaction.
 *  Memory  the task's arena; what a comparison needs lies in an arena of its own.
 */
#pragma once

#include "record/plan.h"

/** A record on its way to the page. */
struct hit {
    struct list_place place;
    str record; /** its stored value, a view; empty until it is read */
};

struct hits {
    uint32_t count;
    uint32_t capacity;
    struct hit *items;
};

/** One walk: it fills a page, or it counts. */
struct listing {
    const struct view *view;
    const struct query *query;
    struct arena scratch; /** of one record's comparison */
    bool is_count;        /** nothing is kept, order and cursor are no matter */
    uint32_t max;         /** of the page; of a count where it ends */
    struct hits page;
    uint32_t given;
    uint32_t refused;  /** records that were read and do not belong to the list or page */
    bool is_full;      /** there is more than `max` */
    bool is_whole;     /** the plan that was walked needed no test */
    uint32_t keys_end; /** the walk is given up at this many keys touched; 0: not bounded */
    bool is_given_up;
    struct hits ties; /** of the first sort field's value that is being walked */
};

/** Fills the page or counts. Errors as query_read; a count that reaches keys_end is given up. */
enum err listing_run(struct listing *listing);

/** All ids of a scan; closes it. ERR_UNREADABLE past QUERY_HITS_MAX. */
enum err hits_of_scan(struct listing *listing, struct hits *hits, struct scan *scan);
/** Sorts by id and keeps each once. */
void hits_distinct(struct hits *hits);
/** Reads a record that an index names; ERR_CORRUPT when it is not there. */
enum err listing_load(const struct listing *listing, const struct entity *entity, struct id id,
                      str *value_out);

/* query.c */

/** The cursor of a place in this list. */
str query_cursor(struct arena *arena, const struct space *space, const struct query *query,
                 const struct list_place *place);

/* groups.c */

/** `,"groups":[{"value","label","count":{"value","exact"}}, …]` */
enum err groups_write(struct buf *json, const struct view *view, const struct query *query);

/* words.c */

/** A word of a search: it is found by the one or the other beginning (a number also by its last
 *  digits). */
struct query_word {
    uint32_t count;
    str beginnings[2];
};
/** At most SEARCH_WORDS_MAX. */
uint32_t words_read(struct arena *arena, str text, struct query_word *words_out);
bool words_have(struct key_list list, const struct query_word *word);
/** Whether every word that finds records of the entity stands where the actor sees it. */
bool words_are_seen(const struct view *view, const struct entity *entity);
/** Whether at least `max` records have each word of the query. */
enum err words_are_common(struct listing *listing, uint32_t max, bool *are_out);
/** The records that have all words of the query, or lie above one that has. */
enum err words_gather(struct listing *listing, struct hits *hits);
/** Those of these hits that have them. */
enum err words_keep(struct listing *listing, struct hits *hits);
