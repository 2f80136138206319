/** package: a zip archive of XML parts, as office programs write it, read from a source without
 *  trusting it.
 *
 *  Bounded: entries, the bytes that a part unfolds to and how many times its own size that is, the
 *  depth of elements. A document type, and so any entity, is refused.
 *
 *  Floor   value; inside: for xlsx. zip.h and expat.h only here.
 *  Thread  one at a time.
 *  Source  APPNOTE 6.3.9; ECMA-376 part 2.
 */
#pragma once

#include "base/task.h"
#include "value/source.h"

constexpr uint32_t PACKAGE_ENTRIES_MAX = 4096;
constexpr uint32_t PACKAGE_DEPTH_MAX = 64;
/** A part larger than PACKAGE_RATIO_BYTES may not unfold to more than so many times its size. */
constexpr uint64_t PACKAGE_RATIO_MAX = 300;
constexpr uint64_t PACKAGE_RATIO_BYTES = 4 * 1024 * 1024;

struct package;

/** ERR_UNREADABLE: no archive, or one past its bounds. */
enum err package_open(struct task *task, struct source *source, struct package **package_out);
void package_close(struct package *package);
/** How far the source was read; while one part is, that only rises. */
uint64_t package_position(const struct package *package);

struct part;

/** What an XML part says, in order. Names come without their prefix. */
struct part_events {
    void (*begin)(void *owner, str name, const char **attributes);
    void (*end)(void *owner, str name);
    void (*text)(void *owner, str text);
    void *owner;
};

/** ERR_MISSING: there is none of this name. ERR_UNREADABLE: past its bounds. */
enum err part_open(struct task *task, struct package *package, str name, uint64_t bytes_max,
                   const struct part_events *events, struct part **part_out);
/** Reads on until `part_pause` was called in an event, or the end: *is_over_out. False: the part is
 *  damaged or past its bounds; part_fault says how. */
bool part_read(struct part *part, bool *is_over_out);
void part_pause(struct part *part);
const char *part_fault(const struct part *part);
void part_close(struct part *part);
/** All of it at once. */
enum err part_read_whole(struct task *task, struct package *package, str name, uint64_t bytes_max,
                         const struct part_events *events);

/** An attribute's value by its name without prefix; empty when absent. */
str part_attribute(const char **attributes, str name);
