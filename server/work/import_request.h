/** import_request: what an import was asked to do, as a call or a saved mapping says it and as a
 *  job keeps it.
 *
 *  Floor   work.
 *  Thread  any.
 */
#pragma once

#include "work/import_rules.h"

struct import_request {
    struct id upload; /** where the table lies; nil: it is at hand */
    bool is_own;      /** it was made for this import, and nobody else knows of it */
    str entity;       /** name */
    str map;          /** JSON, or empty */
    str match;
    bool has_mode; /** otherwise: upsert with a match field, create without */
    enum import_mode mode;
    bool has_empty_words; /** otherwise the usual ones */
    str empty_words;      /** separated by commas */
    bool is_clearing;
    bool is_preview;
    struct table_options table;
    uint32_t choice_count;
    struct settled_choice choices[IMPORT_CHOICES_MAX];
};

/** One setting by its name in a call, from text (query string) or value (body, saved mapping): map,
 *  match, mode, format, sheet, preview, settings, empty, empty_words, rules. Adds a fault when it
 *  does not fit; false: there is no such setting. */
bool import_request_set(struct task *task, struct import_request *request, str name,
                        const struct value *given);
/** Fills what a saved mapping says and the request does not. */
void import_request_fill(struct import_request *request, const struct import_request *saved);
/** As a job keeps it. */
void import_request_put(struct buf *out, const struct import_request *request);
/** Views of `packed`; false when it is damaged. */
bool import_request_read(str packed, struct import_request *request_out);
/** What the engine needs; who asks fills the rest. */
void import_request_options(const struct import_request *request, struct import_options *options);
