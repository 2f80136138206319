/** saving: what must hold of a rule when its record is saved. Hangs in the hooks.
 *
 *  `before` a rule is written: only who may see and change everything may save one; its entity,
 *  fields, conditions and values exist; its script compiles, and the fields it names exist; what it
 *  reads and writes, and what it may set off in a circle, is noted in `reads`, `writes` and
 *  `remarks`; its `version_number` rises, and a record of that version is made, when what it does
 *  has changed; one that is or becomes active passes all of its stored tests. A field of the
 *  tenant's own that an active rule names is not deleted. After it: another revision of the set.
 *
 *  Floor   rules.
 *  Thread  that of the change.
 */
#pragma once

#include "rules/rules.h"

/* Entities of schema/ that this reads by number. */
constexpr uint16_t RULE_ENTITY = 16;
constexpr uint16_t RULE_VERSION_ENTITY = 17;
constexpr uint16_t RULE_TEST_ENTITY = 18;

/** Whether saving has something to say when a record of this entity is written: rules, their
 *  versions and tests, and the tenant's own entities, fields and choices. */
bool saving_is_of(const struct entity *entity);

/** A rule sees and changes everything, so who saves one, tries one or looks at what it did must be
 *  allowed to as well. ERR_FORBIDDEN says what is missing. */
enum err rule_verify_author(const struct view *view);

/** For the hooks, of such an entity, before the tenant's own rules; undone changes too. */
enum err saving_before(struct rules *rules, struct change *change, struct draft *draft);
enum err saving_after(struct change *change, struct draft *draft);

/** An undo runs no rules, but may bring back another version of one, or take away what one names.
 *  ERR_CONFLICT: an active rule would name what is not there. */
enum err saving_undone(struct change *change, struct draft *draft);

/** What a runner says of a script. */
struct script_checked {
    str failure;           /** empty: it compiles */
    uint32_t line, column; /** from 1, of the failure */
    uint32_t use_count;
    const struct script_use *uses;
};
struct script_use {
    str entity; /** empty: the rule's own; `?`: not known */
    str field;  /** empty: the whole entity */
    bool is_write;
    uint32_t line, column;
};
/** What a runner said, a map that value_check let pass; false when it is no such answer. */
bool script_checked_read(struct arena *arena, str said, struct script_checked *checked_out);
/** ERR_FULL: no runner. */
enum err script_check(struct rules *rules, const struct view *view, const struct rule *rule,
                      struct script_checked *checked_out);
