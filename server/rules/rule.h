/** rule: the rules of a tenant that stand, read once for each revision and then only looked at.
 *
 *  A rule is a record of the entity `rule` (schema/rule.lua) or a built-in one (lua/rules/), which
 *  a record whose `builtin` is its name stands in place of. Only active ones are in a set, in order
 *  of entity, point, priority, id. A set is made for one model and one revision of the rules, which
 *  is random and written in the same commit as the rule that changed; so each transaction uses the
 *  rules that it reads.
 *
 *  Floor   rules.
 *  Thread  any; one lock, held for a few instructions.
 *  Memory  sets are counted: a task holds its own until its arena is cleared; the rest are dropped,
 *          the longest unused first, when together they pass RULE_SETS_BYTES_MAX.
 *  Bytes   tenant's space, SYSTEM_RULES: `revision` → integer. None: no rule of its own was saved.
 */
#pragma once

#include "base/crypto.h"
#include "model/condition.h"
#include "record/record.h"

constexpr size_t RULE_SETS_BYTES_MAX = 64 * MIB;

enum rule_point : uint8_t {
    RULE_BEFORE,
    RULE_AFTER,
    RULE_CHECK,
    RULE_SETTLED,
    RULE_SCHEDULE,
    RULE_ACTION,
};
constexpr uint32_t RULE_POINT_COUNT = 6;
str rule_point_word(enum rule_point point);
bool rule_point_of(str word, enum rule_point *point_out);

/** What an import does with a rule for settled changes. */
enum rule_in_imports : uint8_t { RULE_EACH, RULE_ONCE, RULE_NOT };

struct rule {
    struct id id; /** of the record; of a built-in one made from its name */
    str name;
    bool is_builtin;
    const struct entity *entity;
    enum rule_point point;
    uint8_t operations; /** bits 1 << OPERATION_…; `on`, or create and update */
    int64_t priority;
    int64_t version;
    const struct condition *when; /** nullptr: always */
    /** of built-in ones: over the firm's settings, judged like `when`; nullptr: always */
    const struct condition *when_settings;
    uint32_t changed_count; /** 0: whatever changed */
    const struct field *const *changed;
    /* What it does without Lua; source empty then. */
    uint32_t set_count;
    const struct rule_value *sets;
    str reject;       /** the message, or empty */
    str reject_field; /** or empty */
    str source;       /** or empty: no Lua */
    struct hash code; /** of the source: by this a runner knows it */
    enum rule_in_imports in_imports;
    str every; /** `day`; empty: on demand only */
    /** why it cannot run (a field that it names is gone): each run of it fails with this; empty: it
     *  can */
    str problem;
};
struct rule_value {
    const struct field *field;
    str given; /** an encoded API value */
};

struct rule_set {
    const struct model *model;
    int64_t revision; /** of the rules; 0: built-in ones alone */
    uint32_t rule_count;
    const struct rule *rules;
    /** by entity number: bits 1 << RULE_… of the points at which it has rules, so that the others
     *  cost nothing */
    uint8_t points[ENTITIES_MAX];
};
struct rule_stretch {
    uint32_t count;
    const struct rule *rules;
};
struct rule_stretch rule_set_at(const struct rule_set *set, const struct entity *entity,
                                enum rule_point point);
const struct rule *rule_set_find(const struct rule_set *set, struct id rule);

/** Reads one rule from a record, or from a version of it and the record of its rule. False with
 *  faults on its fields: an entity, field or condition that is not there. Does not compile, and
 *  does not ask whether sets have the choices it names: one that is gone is one that no record
 *  has. */
bool rule_read(const struct view *view, struct arena *arena, const struct record *record,
               struct rule *rule_out);
/** The same from maps of API values by the names of the fields of `rule`; the first one that has
 *  a name counts, nil there too: so what is said beside or instead of a saved one stands before
 *  what is saved. */
bool rule_read_values(const struct view *view, struct arena *arena, struct id id, const str *maps,
                      uint32_t map_count, struct rule *rule_out);

struct rule_sets;
/** `builtin`: what the runner read from lua/rules/ (form: lua/runner/rules_file.h); empty: none.
 *  It and the model outlive the object. ERR_INVALID: one does not fit the schema. */
enum err rule_sets_open(struct task *task, const struct model *model, str builtin,
                        struct rule_sets **sets_out);
/** No task holds a set any more. */
void rule_sets_close(struct rule_sets *sets);
/** The rules that stand as the transaction sees them, held by the arena of the task. */
enum err rule_set_of(struct rule_sets *sets, const struct view *view,
                     const struct rule_set **set_out);
/** In a change that wrote a rule: another revision, with its commit. */
void rule_set_renew(struct change *change);

/** All built-in ones, active or not, whatever stands in their place. */
struct rule_stretch rule_sets_builtin(const struct rule_sets *sets);
