/** making: what the files of model_make share while a model is being made; nobody else includes it.
 *
 *  Floor   model, inside.
 *  Thread  any, each with a model of its own.
 *  Memory  the model lies in `arena`, what is forgotten afterwards in the task's.
 */
#pragma once

#include "model/kind.h"
#include "model/model.h"

constexpr size_t NAME_BYTES_MAX = 48;    /** of an entity, a field, a setting */
constexpr size_t CHOICE_BYTES_MAX = 100; /** of a choice's value */
constexpr uint32_t SETS_MAX = 512;
constexpr uint32_t SET_CHOICES_MAX = 500;
constexpr uint32_t SYNONYMS_MAX = 64;     /** of one field */
constexpr uint8_t SYSTEM_FIELD_COUNT = 9; /** at most: two are in some entities alone */

/** One field as it was declared, beside what is made of it. */
struct made_field {
    str at;         /** `schema/client.lua:12` */
    str attributes; /** encoded map */
    struct field *field;
};

struct made_entity {
    str at;
    str attributes;
    struct entity *entity;
    uint32_t field_count; /** declared ones, without the system's */
    struct made_field *fields;
};

struct making {
    struct task *task;
    struct arena *arena;
    struct model *model;
    struct choice_set *sets;
    struct made_entity *entities; /** as many as the model has */
    str word; /** which is being read, for faults of a tenant's record; or empty */
};

/** Whether a declaration with this place is a tenant's record. */
static inline bool is_of_tenant(str at)
{
    return at.len > 0 && at.at[0] == '=';
}

/** Adds a fault: `field` nullptr speaks of the entity, `entity` nullptr of the whole. Of what a
 *  tenant declared, the fault's field is `=ID/WORD`, its place and the word. */
[[gnu::format(printf, 5, 6)]] void making_fault(struct making *making,
                                                const struct made_entity *entity,
                                                const struct made_field *field, str code,
                                                const char *format, ...);

/** `a-z`, then `a-z 0-9 _`, at most NAME_BYTES_MAX. */
bool name_is_good(str name);
/** What can be the value of a choice: one line without `;` and control bytes, 1 to CHOICE_BYTES_MAX
 *  bytes, no blanks at the ends. */
bool choice_value_is_good(str value);
/** `#rrggbb` in lower case. */
bool color_is_good(str color);

/** A fault of a tenant's record at `at`, or of the whole; as making_fault. */
void making_fault_at(struct making *making, str at, str path, str code, str message);
/** Sets, then entities and their fields: all that needs no other entity (model/declared.c). */
void make_sets(struct making *making, const struct value *sets);
void make_entities(struct making *making, const struct value *entities);
/** A field that the engine keeps; room for it was left behind the entity's own. */
void add_system_field(struct making *making, struct entity *entity, struct field field);
/** The words of fields (model/words.c): of rank 0 when the field is read, of later ranks when all
 *  entities are there. */
constexpr int FIELD_WORD_RANK_MAX = 3;
void apply_field_words(struct making *making, const struct made_entity *entity,
                       struct made_field *field, int rank);
/** What leads from one entity to others (model/resolve.c), then what is derived from it. */
void resolve_entities(struct making *making);
/** An entity's `pairs` and `own_unless`, once its fields are whole (model/pairs.c). */
void resolve_pairs(struct making *making, const struct made_entity *made);
void resolve_own(struct making *making, const struct made_entity *made);
/** Whether a job is building this index, of a pair or of a field that the engine adds: it says so
 *  in `building_pairs`. */
bool is_index_building(const struct made_entity *made, uint16_t of);
/** Of the client: who holds it, by its title, and by when it was changed. */
void add_holder_pairs(struct making *making, const struct made_entity *made);

/** Field groups before the entities, roles behind them (model/rights.c). */
void make_groups(struct making *making, const struct value *groups);
void make_roles(struct making *making, const struct value *roles);
/** `allow`, `holders`, `tied_by`, `portal`, and what groups forbid, once all else is there. */
void resolve_rights(struct making *making);

/** An entity's `duplicates` (model/duplicates.c). */
void resolve_duplicates(struct making *making, const struct made_entity *made);

/** The kinds `formula` and `rollup` (model/computed.c); false for any other. Its own kind is
 *  that of the result. */
bool declare_computed(struct making *making, const struct made_entity *entity,
                      struct made_field *made, str kind);
/** Whether it is a word of that field that declare_computed or resolve_computed reads. */
bool is_word_of_computed(const struct field *field, str word);
/** Fields that a computed one rests on, at most FIELDS_MAX + CONDITION_TESTS_MAX + 2; of any other
 *  none. */
uint32_t computed_rests_on(const struct field *field, const struct field **fields);
/** Roll-ups, formulas and conditions, once all other words of all entities are read. */
void resolve_computed(struct making *making);

/** Setters of the words that refer to other entities. */
void set_to(struct making *making, const struct made_entity *entity, struct made_field *made,
            const struct value *value);
void set_group(struct making *making, const struct made_entity *entity, struct made_field *made,
               const struct value *value);
void set_duplicates(struct making *making, const struct made_entity *entity,
                    struct made_field *made, const struct value *value);
void set_one_of(struct making *making, const struct made_entity *entity, struct made_field *made,
                const struct value *value);
void set_through(struct making *making, const struct made_entity *entity, struct made_field *made,
                 const struct value *value);
void set_made_from(struct making *making, const struct made_entity *entity, struct made_field *made,
                   const struct value *value);
void set_made_when(struct making *making, const struct made_entity *entity, struct made_field *made,
                   const struct value *value);
void set_waived_by(struct making *making, const struct made_entity *entity, struct made_field *made,
                   const struct value *value);
void set_default(struct making *making, const struct made_entity *entity, struct made_field *made,
                 const struct value *value);
/** `default_cell`: the default as a person writes it in a cell of a table. */
void set_default_cell(struct making *making, const struct made_entity *entity,
                      struct made_field *made, const struct value *value);
