/** checking: what the files of check share; nobody else includes it.
 *
 *  Floor   record.
 *  Thread  one at a time.
 *  Memory  that of one entry is cleared behind it.
 */
#pragma once

#include "record/check.h"
#include "record/index.h"
#include "record/computed.h"

/** What is being checked: one entity's records, or one of its indexes, or its words. */
struct checking {
    const struct space *space;
    const struct model *model;
    const struct formulas *formulas;
    struct check_report *report;
    struct scope scope;
    struct arena arena; /** of one entry */
    struct task task;
    struct txn *txn;
    const struct entity *entity;
    struct index index;        /** whose entries are checked */
    const struct field *field; /** the roll-up whose entries are checked */
    bool has_other_model;      /** the tenant changed it since the check began */
    struct id at;              /** the record at fault */
    char currency_bytes[16];   /** of the present slice, in which money is rolled up */
    str currency;
};

[[gnu::format(printf, 2, 3)]] void check_found(struct checking *checking, const char *format, ...);
/** The names in `incomplete`. */
bool check_is_noted(const struct checking *checking, const str *slots, const struct field *field);
/** Whether a scan, opened at `ordered`, has this entry; closes it. */
enum err check_has_entry(struct scan *scan, str ordered, struct id id, struct id source,
                         bool is_text, bool *has_out);

/* check_under.c */

/** The clients that a record lies under; of a client also its holders, and their entries. */
enum err check_under(struct checking *checking, const str *slots);
/** One entry among the holders of clients. */
enum err check_holder_entry(struct checking *checking, const struct scan_entry *entry);

/* check_computed.c */

/** A record's roll-ups and formulas, and the entries it gives to roll-ups of others. */
enum err check_computed(struct checking *checking, const str *slots);
/** One entry of a min, max or latest (checking->field). */
enum err check_rollup_entry(struct checking *checking, const struct scan_entry *entry);
