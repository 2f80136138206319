/** judging: what is found in a rule beyond its form, when it is saved: what its script names, what
 *  it may set off, and what is worth a look. Internal to rules/.
 *
 *  Floor   rules.
 *  Thread  that of the change.
 *  Memory  the task's arena.
 */
#pragma once

#include "rules/saving.h"

/** Texts, sorted, none twice. */
struct texts {
    uint32_t count;
    str items[LIST_ITEMS_MAX]; /** those beyond are left out */
};
void texts_add(struct texts *texts, str text);

struct judged {
    const struct view *view;
    const struct rule *rule;
    struct texts reads;   /** paths: `client.status`, or `client` for all of it */
    struct texts writes;  /** as well */
    struct texts remarks; /** of one line each */
};

/** Faults, by field: the script, what it names, choices. ERR_FULL: no runner could look at it. */
enum err judge(struct rules *rules, const struct view *view, const struct rule *rule,
               struct judged *judged_out);

/** Adds what is worth a look: conditions that never hold, circles (remarks.c). */
enum err judge_remarks(struct judged *judged);
[[gnu::format(printf, 2, 3)]] void judged_remark(struct judged *judged, const char *format, ...);

/** An active rule, as it is stored. */
struct standing {
    struct id id;
    str value; /** the encoded record */
};
struct standings {
    const struct entity *rules; /** the entity `rule` */
    uint32_t count;
    const struct standing *items;
};
/** All active rules of the tenant's own; `count_out`, unless nullptr: how many rules there are, in
 *  whatever state. */
enum err standings_read(const struct view *view, struct standings *standings_out,
                        uint32_t *count_out);
/** The stored value of a field by its name; VALUE_NIL: none. */
struct value standing_value(const struct standings *standings, const struct standing *standing,
                            const char *name);
str standing_text(const struct standings *standings, const struct standing *standing,
                  const char *name);
/** Whether a list of texts has this one. */
bool list_has_text(const struct value *list, str text);
