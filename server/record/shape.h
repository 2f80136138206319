/** shape: a tenant's records that say what its model is — own entities, own fields, choices,
 *  roles — and what they declare, in the form of a schema (model_extend).
 *
 *  Floor   record, inside.
 *  Thread  that of its transaction.
 *  Memory  the task's arena.
 */
#pragma once

#include "model/model.h"
#include "record/ledger.h"

/* Entities and fields of schema/ that the engine reads by number. */
constexpr uint16_t CHOICE_ENTITY = 3;
constexpr uint16_t CUSTOM_FIELD_ENTITY = 4;
constexpr uint16_t CUSTOM_ENTITY_ENTITY = 5;
constexpr uint16_t ROLE_ENTITY = 6;

/** The set of a user's roles: those of the schema, and the tenant's by their records. */
extern const str role_set;

enum choice_number : uint16_t {
    CHOICE_SET = 1,
    CHOICE_VALUE,
    CHOICE_LABEL,
    CHOICE_COLOR,
    CHOICE_CATEGORY,
    CHOICE_NEXT,
    CHOICE_POSITION,
    CHOICE_IS_ACTIVE,
};
enum custom_field_number : uint16_t {
    CUSTOM_OF = 1,
    CUSTOM_NAME,
    CUSTOM_LABEL,
    CUSTOM_KIND,
    CUSTOM_REQUIRED,
    CUSTOM_UNIQUE,
    CUSTOM_INDEX,
    CUSTOM_SEARCH,
    CUSTOM_SET,
    CUSTOM_OPEN,
    CUSTOM_TO,
    CUSTOM_ON_DELETE,
    CUSTOM_MAX,
    CUSTOM_MIN,
    CUSTOM_SCALE,
    CUSTOM_PATTERN,
    CUSTOM_DEFAULT,
    CUSTOM_LIST,
    CUSTOM_SYNONYMS,
    CUSTOM_FORMULA,
    CUSTOM_ROLLUP,
    CUSTOM_RESULT,
    CUSTOM_REQUIRED_WHEN,
    CUSTOM_VISIBLE_WHEN,
    CUSTOM_STATE,
    CUSTOM_PROBLEM,
    CUSTOM_NUMBER,
    CUSTOM_READS,
    CUSTOM_GROUP,
    CUSTOM_FORMAT,
};
enum custom_entity_number : uint16_t {
    OWN_NAME = 1,
    OWN_PLURAL,
    OWN_LABEL,
    OWN_TITLE_LABEL,
    OWN_NUMBER,
};
enum role_number : uint16_t {
    ROLE_NAME = 1,
    ROLE_LABEL,
    ROLE_ROWS,
    ROLE_RIGHTS,
    ROLE_SEES,
    ROLE_EDITS,
};

/** ERR_INVALID: an entity that shapes the model lacks one of these, or has it otherwise. */
enum err shape_fits_model(struct task *task, const struct model *model);

struct shaper {
    struct id id;
    str value; /** the encoded record */
};
struct shaper_list {
    uint32_t count;
    struct shaper *items;
};
struct shapers {
    struct shaper_list entities, fields, choices, roles;
};
/** All of a tenant. ERR_TOO_LARGE: more than there may be; the detail says of what. */
enum err shapers_read(struct task *task, struct txn *txn, struct shapers *shapers);

str shaper_text(const struct shaper *shaper, uint16_t field);
bool shaper_flag(const struct shaper *shaper, uint16_t field, bool otherwise);
/** 0 when it has none. */
uint16_t shaper_number(const struct shaper *shaper, uint16_t field);

/** The number of a built-in entity or of an own one; 0: there is none of that name. */
uint16_t shape_entity_number(const struct model *base, const struct shapers *shapers, str name);
/** The set that a choice field has when it names none: `client.x_tier`. */
str shape_own_set(struct arena *arena, const struct shaper *field);
/** Whether the fields of a kind have an index, or words, when nothing else is said. */
bool shape_is_indexed(str kind);
bool shape_is_searched(str kind);

/** What they declare; empty when there is nothing. Of a field whose entity is unknown nothing is
 *  declared. ERR_TOO_LARGE. */
enum err shape_declare(struct task *task, const struct model *base, const struct shapers *shapers,
                       const struct ledger *ledger, str *declared_out);
