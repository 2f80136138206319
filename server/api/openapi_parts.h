/** openapi_parts: the components of the OpenAPI document, by section and name. All that there may
 *  be are added; those are written that the calls lead to, by `$ref`, straight or through others.
 *  So a description tells nothing of what its reader has no call for.
 *
 *  Floor   api, inside.
 *  Thread  any.
 *  Memory  the arena's; texts are copied.
 *  Source  OpenAPI 3.1.0, components and references.
 */
#pragma once

#include "base/buf.h"

enum section : uint8_t {
    SECTION_HEADERS,
    SECTION_PARAMETERS,
    SECTION_BODIES,
    SECTION_ANSWERS,
    SECTION_SCHEMAS,
};
constexpr uint32_t SECTION_COUNT = 5;
/** As the document calls them: `schemas`. */
extern const str section_words[SECTION_COUNT];

struct part {
    enum section section;
    bool is_led_to;
    size_t name_at, name_len; /** in `text` */
    size_t text_at, text_len;
};

struct parts {
    struct buf text;
    uint32_t count;
    uint32_t capacity;
    struct part *items;
};

/** `bytes_max` of all texts together. */
struct parts parts_make(struct arena *arena, size_t bytes_max);

/** Begins a part; its name is written to parts->text, then (part_named) its JSON, then it ends. */
void part_begin(struct parts *parts, enum section section);
void part_named(struct parts *parts);
void part_end(struct parts *parts);

/** After the last one: finds what `text` leads to. False: the texts did not fit. */
bool parts_follow(struct parts *parts, str text);
/** `"headers":{…},"parameters":{…},…` with those that were found, by name. */
void parts_write(struct buf *json, const struct parts *parts);
