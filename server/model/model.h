/** model: what a record is: entities, fields, choices and how they refer to each other.
 *
 *  Declared in schema/, one entity a file, read by the runner, checked here and frozen. Plain
 *  data: after model_make nothing changes.
 *
 *  Floor   model; rests on value, base.
 *  Thread  any, read only.
 *  Memory  all of it in the arena given to model_make, which outlives every use.
 */
#pragma once

#include "base/id.h"
#include "base/task.h"
#include "model/role.h"
#include "value/value.h"

struct condition;
struct entity;
struct field;
struct kind;
struct pattern;

/** Rows of model/kind.c, in this order. */
enum field_kind : uint8_t {
    FIELD_TEXT,      /** text, one line */
    FIELD_LONG_TEXT, /** text, many lines */
    FIELD_NUMBER,    /** float or integer */
    FIELD_DECIMAL,   /** integer of 10^-scale units */
    FIELD_MONEY,     /** [amount in minor units, currency] */
    FIELD_DATE,      /** days */
    FIELD_TIME,      /** milliseconds UTC */
    FIELD_BOOLEAN,
    FIELD_CHOICE,  /** value of a choice */
    FIELD_CHOICES, /** list of them */
    FIELD_EMAILS,  /** list of [address, label, primary] */
    FIELD_PHONES,  /** list of [number, label, primary] */
    FIELD_URL,
    FIELD_COUNTRY,    /** ISO 3166-1 alpha-2 */
    FIELD_LANGUAGE,   /** BCP 47 */
    FIELD_CURRENCY,   /** ISO 4217 */
    FIELD_TIMEZONE,   /** IANA */
    FIELD_REFERENCE,  /** id, 16 bytes */
    FIELD_REFERENCES, /** list of ids */
    FIELD_OBJECT,     /** a small JSON object, kept as given: a filter tree, settings of a view */
    FIELD_SEALED,     /** text, sealed bytes (store/sealing.h); opened for who sees the field */
    FIELD_SECRET,     /** text, sealed bytes; shown by a reveal alone (record/sealed.h) */
};
#define FIELD_KIND_COUNT 22
static_assert(FIELD_SECRET + 1 == FIELD_KIND_COUNT);

/** The form that a text has, beside its pattern. */
enum text_format : uint8_t {
    FORMAT_ANY,
    FORMAT_IBAN,  /** kept without blanks, in capitals; its check digits are right */
    FORMAT_EMAIL, /** value/email.h */
};

/** What happens to a record that refers to one being deleted. */
enum on_delete : uint8_t {
    ON_DELETE_RESTRICT, /** the deletion is refused */
    ON_DELETE_DETACH,   /** the reference is cleared */
    ON_DELETE_CASCADE,  /** the referring record goes too */
};

/* Fields that every record has; their numbers are the engine's. */
constexpr uint16_t FIELD_NUMBER_SYSTEM_MIN = 4000;
constexpr uint16_t FIELD_CREATED_AT = 4001;
constexpr uint16_t FIELD_CREATED_BY = 4002;
constexpr uint16_t FIELD_UPDATED_AT = 4003;
constexpr uint16_t FIELD_UPDATED_BY = 4004;
constexpr uint16_t FIELD_INCOMPLETE =
    4005; /** names of required fields that an import was let off; list of texts */
constexpr uint16_t FIELD_REVISION =
    4006; /** rises with each change by somebody; the part of the ETag that If-Match compares */
constexpr uint16_t FIELD_VERSION =
    4007; /** rises with computed changes too; hidden like the revision */
constexpr uint16_t FIELD_CLIENTS = 4008; /** ids of the clients that the record lies under (by `via`
                                          *  or `tied_by`); hidden, indexed, kept by record/ */
constexpr uint16_t FIELD_HOLDERS = 4009; /** of a client: holder keys (record/scope.h); hidden,
                                          *  indexed, kept by record/ */
constexpr uint16_t PAIR_NUMBER_MIN = 0xF000; /** indexes of pairs are numbered from here on */

/** By what two records of an entity are found to be one and the same. */
enum duplicates_by : uint8_t {
    DUPLICATES_BY_NOTHING,
    DUPLICATES_BY_NAME,  /** folded, without the words of legal forms, small mistakes pass */
    DUPLICATES_BY_CODE,  /** its letters and digits alone: tax numbers */
    DUPLICATES_BY_EMAIL, /** an address, folded */
    DUPLICATES_BY_PHONE, /** the last digits of a number */
};

struct choice {
    str value;
    str label;
    str color;        /** `#rrggbb`, or empty */
    str category;     /** `open`, `closed`, or empty */
    bool is_inactive; /** no longer offered, but valid where it stands */
    /** values that may follow it in a record; 0: any */
    uint32_t next_count;
    const str *next;
};

struct choice_set {
    str name; /** `client.status` */
    str label;
    bool is_open; /** any text is taken, as for tags */
    uint32_t choice_count;
    const struct choice *choices;
};

/** A missing reference is created from the record's own fields. */
struct made_from_pair {
    const struct field *target; /** field of the new record */
    const struct field *source; /** field of this record */
};
struct made_from {
    const struct field *when; /** only if this choice field … */
    str when_value;           /** … has this value; `when` nullptr: always */
    uint32_t pair_count;
    const struct made_from_pair *pairs;
};

/** `through = "client_contact.is_primary"`: this reference is the record behind the flagged link;
 *  kept by the engine from the links' flags. */
struct through {
    const struct entity *link;  /** nullptr: this is no such field */
    const struct field *flag;   /** the link's one_of field */
    const struct field *parent; /** the link's reference to this entity */
    /** the link's reference to what is meant; nullptr: the link itself is meant */
    const struct field *target;
};

/** `means`: what a field of this record says of the tenant's own model. All but the first speak of
 *  the entity that the record's field with `means = "entity"` names. */
enum meaning : uint8_t {
    MEANING_NONE,
    MEANING_ENTITY,
    MEANING_FILTER,    /** an object: a filter tree (model/condition.h) */
    MEANING_SORT,      /** `-revenue,name` */
    MEANING_FIELDS,    /** `name,status` */
    MEANING_GROUP,     /** the field by which a list is counted */
    MEANING_CONDITION, /** a filter tree that is only asked of a record: it needs no index */
};

/** What a roll-up makes of the records that refer to this one. */
enum rollup_function : uint8_t {
    ROLLUP_COUNT, /** how many there are; 0 without any */
    ROLLUP_SUM,   /** 0 without any; numbers count rounded to six decimals */
    ROLLUP_MIN,
    ROLLUP_MAX,
    ROLLUP_LATEST, /** the maximum of a date or time */
};

/** A computed field over the records of another entity that refer to this one. Of money only what
 *  is in the tenant's currency counts: currencies are never mixed. */
struct rollup {
    enum rollup_function function;
    const struct field *via;       /** their reference that leads here */
    const struct field *of;        /** their field; nullptr: they are counted */
    const struct condition *where; /** which of them, by their own fields; nullptr: all */
    str where_given;               /** the same as an encoded tree, or empty */
};

/** A computed field that is a Lua expression over the record's own fields. */
struct formula {
    str source;
    uint32_t read_count;
    const struct field *const *reads; /** the fields it names */
    uint32_t level;                   /** from 1; it reads formulas of lower levels alone */
};

struct field {
    const struct entity *entity;
    const struct kind *kind_of;
    enum field_kind kind;
    uint16_t number;
    str name;
    str label;
    bool is_required;
    bool is_unique;
    /** filters and sorts; also set for unique fields, references, one_of flags, system times. Not
     *  while the index is still being built: what reads asks this, what writes asks keeps_index */
    bool is_indexed;
    bool keeps_index; /** every write keeps its index entries */
    bool is_fixed;    /** set when the record is created, then never changed */
    /** A job still computes it, or its index entries and words, over the records there are: writes
     *  keep them, but nothing is filtered or sorted by it. */
    bool is_building;
    bool is_noting; /** a job still notes which records lack it */
    /** Entries of it may be left from before: each write takes away those of its record, a job
     *  those of all. */
    bool index_fades, words_fade;
    bool is_custom;   /** the tenant's own, number from FIELD_NUMBER_CUSTOM_MIN */
    bool is_removed;  /** a tenant deleted it: never shown or given, each write drops its value */
    bool is_searched; /** words of it are found by q */
    bool is_computed; /** kept by the engine: refused in input */
    bool is_hidden;   /** never shown (revision, version, removed ones) */
    bool is_system;   /** numbers 4000–4095 */
    bool is_title;
    uint8_t group;         /** 0: in none; else its place in model->groups, from 1 */
    uint16_t groups_named; /** bits: of groups whose fields its value may name */
    bool is_portal_seen;   /** the portal shows it */
    bool is_portal_edited; /** a contact may write it */
    enum meaning meaning;
    uint32_t max;             /** code points of a text, items of a list; 0: the kind's own limit */
    bool has_least, has_most; /** min, max of numbers, in stored units */
    int64_t least, most;
    uint8_t scale; /** decimals of a decimal field */
    str pattern;   /** the whole text must fit it (form: model/pattern.h), or empty */
    const struct pattern *pattern_compiled;
    enum text_format format;
    str initial; /** default, an encoded API value; empty: none */
    const struct choice_set *set;
    const struct entity *to;
    enum on_delete on_delete;
    enum duplicates_by duplicates_by;
    /** boolean: at most one record with this flag for each value of that reference */
    const struct field *one_of_per;
    bool one_of_at_least; /** … and at least one */
    struct through through;
    const struct made_from *made_from;
    /** both make the field computed; its kind is that of the result; nullptr: it is none such */
    const struct rollup *rollup;
    const struct formula *formula;
    /** conditions over the record's own fields; nullptr: none. What is not visible is not required,
     *  and cannot be given. */
    const struct condition *required_when;
    const struct condition *visible_when;
    str required_when_given; /** the same as encoded trees, or empty */
    str visible_when_given;
    /** name of the boolean tenant setting that lets a missing value pass; imports pass too; then
     *  `incomplete` names it */
    str waived_by;
    uint8_t list;    /** column of the standard list, 0: not in it */
    str json_head;   /** `,"name":` */
    str json_absent; /** `,"name":null`, of a list `,"name":[]` */
    uint32_t synonym_count;
    const str *synonyms; /** names that import headers may have, folded by fold_name */
    /** one for each: the label that a value from such a column gets in a list (`fax`), or empty */
    const str *synonym_labels;
};

/** The one place that decides it; a hidden field is seen by nobody. */
static inline bool sight_shows(struct sight sight, const struct field *field)
{
    if (field->is_hidden) return false;
    if (sight.is_portal) return field->is_portal_seen;
    return (field->group == 0 || (sight.groups >> (field->group - 1) & 1) != 0) &&
           (field->groups_named & ~sight.groups) == 0;
}

/** Two fields that are indexed together, so that records equal in the first are walked in the order
 *  of the second. */
struct pair {
    uint16_t number;           /** of the index, PAIR_NUMBER_MIN and up; stands in stored keys */
    const struct field *first; /** may hold a list: one entry for each item */
    const struct field *second;
    bool is_unique;   /** of two references, which no two records have alike */
    bool is_building; /** writes keep it, but nothing is walked by it yet */
};

/** What may be done with a record beyond creating, changing and deleting it; a set of bits. */
enum entity_action : uint8_t {
    ACTION_RESTORE = 1, /** from the trash, or from the archive; every entity but single ones */
    ACTION_ARCHIVE = 2, /** declared; its field `archived_at` says since when */
    ACTION_MERGE = 4,   /** declared */
    ACTION_ENABLE_PORTAL = 8, /** declared of the firm's clients */
    ACTION_ERASE = 16,        /** declared of what is about a person */
};
/** `archive`; in order of their bits. */
extern const str action_names[];
constexpr uint32_t ACTION_COUNT = 5;

struct entity {
    uint16_t number;
    str name;
    str plural;
    str label;
    const struct field *title;
    /** reference whose record this one lies under; its words find that record too */
    const struct field *via;
    bool is_single; /** exactly one record, made with the tenant (settings) */
    /** `own_unless`: a boolean; without it a record is seen by who created it alone; nullptr: by
     *  all who may see the entity */
    const struct field *own_unless;
    uint8_t actions; /** of entity_action */
    struct portal portal;
    /** whose records each tie one of this entity to a client (`tied_by`): its `via` leads to the
     *  client, `tied_by` is its reference to this entity; nullptr: none does */
    const struct field *tied_by;
    /** it lies under clients: it is the client, has a `via` chain to it, or is tied to it. Rows of
     *  a scope narrow these entities alone */
    bool is_under_client;
    /** since when the record is archived, and so left out of lists; nullptr: it cannot be */
    const struct field *archived_at;
    bool is_custom; /** the tenant's own, number from ENTITY_NUMBER_CUSTOM_MIN */
    /** its records say what the tenant's model is: a change of one makes a new model */
    bool shapes_model;
    uint32_t field_count;
    const struct field *fields; /** in order of declaration, then the system's */
    /** the tenant's deleted ones that have left nothing but their history */
    uint32_t gone_count;
    const struct field *gone;
    uint32_t referrer_count;
    /** fields of any entity that refer to this one, neither computed nor `through` */
    const struct field *const *referrers;
    uint32_t under_count;
    /** entities whose `via` leads here and that have searched fields */
    const struct entity *const *under;
    uint32_t rollup_count;
    /** fields of any entity that roll up this entity's records */
    const struct field *const *rollups;
    uint32_t formula_count;
    const struct field *const *formulas; /** its own, in order of their levels */
    uint32_t pair_count;
    const struct pair *pairs;
    /** whose records name two of this one that may be one (first, second, why, score, state);
     *  nullptr: they are not looked for */
    const struct entity *duplicates;
};

struct models;

struct model {
    struct models *models; /** who finds the models of tenants (record/models.h), or nullptr */
    uint32_t entity_count;
    const struct entity *entities;
    uint32_t set_count;
    const struct choice_set *sets;
    /** the entity with `holders`: that whose records are the firm's clients; nullptr: none */
    const struct entity *client;
    uint32_t holder_count;
    const struct holder *holders;
    uint32_t group_count;
    const struct field_group *groups;
    uint32_t role_count;
    const struct role *roles; /** those of schema/ and the tenant's; `owner` first */
    /** of the single entity: in which money is rolled up; nullptr: none */
    const struct field *currency;
};

/** The declarations of a schema with those of a tenant, in one schema. The tenant's have the same
 *  form; `at` of each of its own things is `=` and the id of the record that says it. An entity or
 *  set of a known name is extended: fields are added (of a known one words are added), choices
 *  stand beside or in the place of those with the same value, ordered by their `position`; a role
 *  stands in the place of that of its name, and says in `rights` what `allow` says elsewhere. */
str model_extend(struct arena *arena, str schema, str extension);

/** Reads what the runner sent (form: lua/runner/schema.c), checks all of it, freezes it.
 *  ERR_INVALID: each fault's field is `entity.field`, its message names the word. ERR_UNREADABLE:
 *  no MessagePack. */
enum err model_make(struct task *task, struct arena *arena, str schema,
                    const struct model **model_out);

/** Whether its values are stored sealed: sealed and secret ones. */
bool field_is_sealed(const struct field *field);

const struct entity *model_entity(const struct model *model, str name);
const struct entity *model_collection(const struct model *model, str plural);
const struct entity *model_entity_by_number(const struct model *model, uint16_t number);
/** Whose records enter the portal: what a portal account is of; nullptr: there is no portal. */
const struct entity *model_contact(const struct model *model);
const struct choice_set *model_set(const struct model *model, str name);
const struct role *model_role(const struct model *model, str name);
/** The place of a field group, from 1, as fields have it; 0: there is none of that name. */
uint8_t model_group(const struct model *model, str name);
const struct field *entity_field(const struct entity *entity, str name);
/** The same among those that are seen; nullptr otherwise too. */
const struct field *entity_field_seen(const struct entity *entity, struct sight sight, str name);
const struct field *entity_field_by_number(const struct entity *entity, uint16_t number);
/** The pair of these two, or nullptr. */
const struct pair *entity_pair(const struct entity *entity, const struct field *first,
                               const struct field *second);
/** Also those that are gone; for what was written long ago. */
const struct field *entity_field_ever(const struct entity *entity, uint16_t number);
/** `first_name` → `First name`. */
str label_of_name(struct arena *arena, str name);
/** The name nearest to a misspelt one among those seen, or empty; for error messages. */
str entity_nearest(const struct entity *entity, struct sight sight, str name);
/** The same among the names of entities. */
str model_nearest(const struct model *model, str name);
const struct choice *set_choice(const struct choice_set *set, str value);

/** Runs `runner --schema folder` and gives what it wrote (≤ SCHEMA_BYTES_MAX, `value_check`ed).
 *  ERR_SYSTEM: not found or it failed; ERR_INVALID: a schema file is wrong; the fault carries the
 *  runner's words with file and line. */
enum err model_read_schema(struct task *task, str runner, str folder, struct arena *arena,
                           str *schema_out);
/** The same by `--rules` for a folder of rules, the built-in ones or the worked examples
 *  (lua/runner/rules_file.h). */
enum err model_read_rules(struct task *task, str runner, str folder, struct arena *arena,
                          str *rules_out);
/** The same by `--reference`: all that scripts see, JSON (lua/runner/view.h), not checked. */
enum err model_read_reference(struct task *task, str runner, struct arena *arena,
                              str *reference_out);
