#include "record/shape.h"

#include "base/require.h"
#include "model/kind.h"

constexpr uint32_t CUSTOM_ENTITIES_MAX = 100;    /** of one tenant */
constexpr uint32_t CUSTOM_FIELDS_ALL_MAX = 4000; /** of one tenant, over all entities */
constexpr uint32_t CUSTOM_ROLES_MAX = 100;       /** of one tenant */

const str role_set = {"user.role", 9};

/* What the schema must have. */

struct needed {
    uint16_t entity;
    uint16_t field;
    str name;
    enum field_kind kind;
};

static const struct needed needed[] = {
    {CHOICE_ENTITY, CHOICE_SET, S("set"), FIELD_TEXT},
    {CHOICE_ENTITY, CHOICE_VALUE, S("value"), FIELD_TEXT},
    {CHOICE_ENTITY, CHOICE_LABEL, S("label"), FIELD_TEXT},
    {CHOICE_ENTITY, CHOICE_COLOR, S("color"), FIELD_TEXT},
    {CHOICE_ENTITY, CHOICE_CATEGORY, S("category"), FIELD_CHOICE},
    {CHOICE_ENTITY, CHOICE_NEXT, S("next"), FIELD_CHOICES},
    {CHOICE_ENTITY, CHOICE_POSITION, S("position"), FIELD_NUMBER},
    {CHOICE_ENTITY, CHOICE_IS_ACTIVE, S("is_active"), FIELD_BOOLEAN},
    {CUSTOM_FIELD_ENTITY, CUSTOM_OF, S("entity"), FIELD_TEXT},
    {CUSTOM_FIELD_ENTITY, CUSTOM_NAME, S("name"), FIELD_TEXT},
    {CUSTOM_FIELD_ENTITY, CUSTOM_LABEL, S("label"), FIELD_TEXT},
    {CUSTOM_FIELD_ENTITY, CUSTOM_KIND, S("kind"), FIELD_CHOICE},
    {CUSTOM_FIELD_ENTITY, CUSTOM_REQUIRED, S("required"), FIELD_BOOLEAN},
    {CUSTOM_FIELD_ENTITY, CUSTOM_UNIQUE, S("unique"), FIELD_BOOLEAN},
    {CUSTOM_FIELD_ENTITY, CUSTOM_INDEX, S("index"), FIELD_BOOLEAN},
    {CUSTOM_FIELD_ENTITY, CUSTOM_SEARCH, S("search"), FIELD_BOOLEAN},
    {CUSTOM_FIELD_ENTITY, CUSTOM_SET, S("set"), FIELD_TEXT},
    {CUSTOM_FIELD_ENTITY, CUSTOM_OPEN, S("open"), FIELD_BOOLEAN},
    {CUSTOM_FIELD_ENTITY, CUSTOM_TO, S("to"), FIELD_TEXT},
    {CUSTOM_FIELD_ENTITY, CUSTOM_ON_DELETE, S("on_delete"), FIELD_CHOICE},
    {CUSTOM_FIELD_ENTITY, CUSTOM_MAX, S("max"), FIELD_NUMBER},
    {CUSTOM_FIELD_ENTITY, CUSTOM_MIN, S("min"), FIELD_NUMBER},
    {CUSTOM_FIELD_ENTITY, CUSTOM_SCALE, S("scale"), FIELD_NUMBER},
    {CUSTOM_FIELD_ENTITY, CUSTOM_PATTERN, S("pattern"), FIELD_TEXT},
    {CUSTOM_FIELD_ENTITY, CUSTOM_DEFAULT, S("default"), FIELD_TEXT},
    {CUSTOM_FIELD_ENTITY, CUSTOM_LIST, S("list"), FIELD_NUMBER},
    {CUSTOM_FIELD_ENTITY, CUSTOM_SYNONYMS, S("synonyms"), FIELD_CHOICES},
    {CUSTOM_FIELD_ENTITY, CUSTOM_FORMULA, S("formula"), FIELD_LONG_TEXT},
    {CUSTOM_FIELD_ENTITY, CUSTOM_ROLLUP, S("rollup"), FIELD_OBJECT},
    {CUSTOM_FIELD_ENTITY, CUSTOM_RESULT, S("result"), FIELD_CHOICE},
    {CUSTOM_FIELD_ENTITY, CUSTOM_REQUIRED_WHEN, S("required_when"), FIELD_OBJECT},
    {CUSTOM_FIELD_ENTITY, CUSTOM_VISIBLE_WHEN, S("visible_when"), FIELD_OBJECT},
    {CUSTOM_FIELD_ENTITY, CUSTOM_STATE, S("state"), FIELD_CHOICE},
    {CUSTOM_FIELD_ENTITY, CUSTOM_PROBLEM, S("problem"), FIELD_TEXT},
    {CUSTOM_FIELD_ENTITY, CUSTOM_NUMBER, S("number"), FIELD_NUMBER},
    {CUSTOM_FIELD_ENTITY, CUSTOM_READS, S("reads"), FIELD_CHOICES},
    {CUSTOM_FIELD_ENTITY, CUSTOM_GROUP, S("group"), FIELD_CHOICE},
    {CUSTOM_FIELD_ENTITY, CUSTOM_FORMAT, S("format"), FIELD_CHOICE},
    {CUSTOM_ENTITY_ENTITY, OWN_NAME, S("name"), FIELD_TEXT},
    {CUSTOM_ENTITY_ENTITY, OWN_PLURAL, S("plural"), FIELD_TEXT},
    {CUSTOM_ENTITY_ENTITY, OWN_LABEL, S("label"), FIELD_TEXT},
    {CUSTOM_ENTITY_ENTITY, OWN_TITLE_LABEL, S("title_label"), FIELD_TEXT},
    {CUSTOM_ENTITY_ENTITY, OWN_NUMBER, S("number"), FIELD_NUMBER},
    {ROLE_ENTITY, ROLE_NAME, S("name"), FIELD_TEXT},
    {ROLE_ENTITY, ROLE_LABEL, S("label"), FIELD_TEXT},
    {ROLE_ENTITY, ROLE_ROWS, S("rows"), FIELD_CHOICES},
    {ROLE_ENTITY, ROLE_RIGHTS, S("rights"), FIELD_OBJECT},
    {ROLE_ENTITY, ROLE_SEES, S("sees"), FIELD_CHOICES},
    {ROLE_ENTITY, ROLE_EDITS, S("edits"), FIELD_CHOICES},
};

enum err shape_fits_model(struct task *task, const struct model *model)
{
    for (size_t at = 0; at < sizeof needed / sizeof *needed; at++) {
        const struct entity *entity = model_entity_by_number(model, needed[at].entity);
        if (entity == nullptr || !entity->shapes_model) continue; /* then it shapes nothing */
        const struct field *field = entity_field_by_number(entity, needed[at].field);
        bool is_there = field != nullptr && str_eq(field->name, needed[at].name) &&
                        field->kind == needed[at].kind;
        if (!is_there)
            return fail(task, ERR_INVALID,
                        "the schema lacks the field `%.*s`, number %u, of entity %u, which shapes "
                        "the model",
                        FMT(needed[at].name), needed[at].field, needed[at].entity);
    }
    return ERR_NONE;
}

/* Reading. */

static enum err read_all(struct task *task, struct txn *txn, uint16_t entity, uint32_t max,
                         const char *what, struct shaper_list *list)
{
    uint32_t capacity = 32;
    list->items = arena_new(task->arena, struct shaper, capacity);
    struct scan_range all = {.is_unbounded_from = true, .is_unbounded_to = true};
    struct scan *scan = scan_records(txn, entity, &all);
    bool has_entry;
    struct scan_entry entry;
    enum err err;
    while ((err = scan_next(scan, &has_entry, &entry)) == ERR_NONE && has_entry) {
        if (list->count == max) {
            err = fail(task, ERR_TOO_LARGE, "a firm may have at most %u %s", max, what);
            break;
        }
        if (list->count == capacity) {
            struct shaper *more = arena_new(task->arena, struct shaper, 2 * capacity);
            memcpy(more, list->items, capacity * sizeof *more);
            list->items = more;
            capacity *= 2;
        }
        list->items[list->count++] =
            (struct shaper){entry.id, arena_copy(task->arena, entry.value)};
    }
    scan_close(scan);
    return err;
}

enum err shapers_read(struct task *task, struct txn *txn, struct shapers *shapers)
{
    *shapers = (struct shapers){};
    TRY(read_all(task, txn, CUSTOM_ENTITY_ENTITY, CUSTOM_ENTITIES_MAX, "entities of its own",
                 &shapers->entities));
    TRY(read_all(task, txn, CUSTOM_FIELD_ENTITY, CUSTOM_FIELDS_ALL_MAX, "fields of its own",
                 &shapers->fields));
    TRY(read_all(task, txn, ROLE_ENTITY, CUSTOM_ROLES_MAX, "roles of its own", &shapers->roles));
    return read_all(task, txn, CHOICE_ENTITY, CUSTOM_CHOICES_MAX, "choices of its own",
                    &shapers->choices);
}

str shaper_text(const struct shaper *shaper, uint16_t field)
{
    return value_text_at(shaper->value, field);
}

bool shaper_flag(const struct shaper *shaper, uint16_t field, bool otherwise)
{
    struct value value;
    bool is_flag = value_find(shaper->value, field, &value) && value.kind == VALUE_BOOL;
    return is_flag ? value.boolean : otherwise;
}

uint16_t shaper_number(const struct shaper *shaper, uint16_t field)
{
    int64_t number = 0;
    bool is_number = value_int_at(shaper->value, field, &number) && number > 0;
    return is_number && number <= UINT16_MAX ? (uint16_t)number : 0;
}

static const struct shaper *shaper_named(const struct shaper_list *list, uint16_t field, str name)
{
    for (uint32_t at = 0; at < list->count; at++)
        if (str_eq(shaper_text(&list->items[at], field), name)) return &list->items[at];
    return nullptr;
}

uint16_t shape_entity_number(const struct model *base, const struct shapers *shapers, str name)
{
    const struct shaper *own = shaper_named(&shapers->entities, OWN_NAME, name);
    if (own != nullptr) return shaper_number(own, OWN_NUMBER);
    const struct entity *entity = model_entity(base, name);
    return entity == nullptr ? 0 : entity->number;
}

str shape_own_set(struct arena *arena, const struct shaper *field)
{
    str set = shaper_text(field, CUSTOM_SET);
    if (set.len > 0) return set;
    return arena_print(arena, "%.*s.%.*s", FMT(shaper_text(field, CUSTOM_OF)),
                       FMT(shaper_text(field, CUSTOM_NAME)));
}

bool shape_is_indexed(str kind)
{
    return !str_eq(kind, S("long_text")) && !str_eq(kind, S("object"));
}

bool shape_is_searched(str kind)
{
    return str_eq(kind, S("text")) || str_eq(kind, S("emails")) || str_eq(kind, S("phones")) ||
           str_eq(kind, S("url"));
}

/* Declaring. */

/** The words of one declaration, counted as they are written. */
struct words {
    struct buf bytes;
    uint32_t count;
};

static struct words words_begin(struct arena *arena)
{
    return (struct words){.bytes = buf_make(arena, RECORD_BYTES_MAX)};
}

static void add_flag(struct words *words, str word, bool is_set)
{
    if (!is_set) return;
    pack_text(&words->bytes, word);
    pack_bool(&words->bytes, true);
    words->count++;
}

static void add_text(struct words *words, str word, str text)
{
    if (text.len == 0) return;
    pack_text(&words->bytes, word);
    pack_text(&words->bytes, text);
    words->count++;
}

/** A stored value as it is, when there is one. */
static void add_stored(struct words *words, str word, const struct shaper *shaper, uint16_t field)
{
    struct value value;
    if (!value_find(shaper->value, field, &value) || value.kind == VALUE_NIL) return;
    pack_text(&words->bytes, word);
    pack_raw(&words->bytes, value.bytes);
    words->count++;
}

static void words_end(struct words *words, struct buf *out)
{
    pack_text(out, S("attributes"));
    pack_map(out, words->count);
    pack_raw(out, buf_str(&words->bytes));
}

struct declaring {
    struct task *task;
    const struct model *base;
    const struct shapers *shapers;
    const struct ledger *ledger;
    const uint16_t *entity_of; /** of each own field, the number of its entity */
    struct buf out;
};

static str place_of(const struct declaring *declaring, const struct shaper *shaper)
{
    return arena_print(declaring->task->arena, "=%.*s",
                       FMT(id_text(declaring->task->arena, shaper->id)));
}

static void add_build_words(struct words *words, const struct ledger *ledger, uint16_t entity,
                            uint16_t field)
{
    const struct build *build = ledger_build(ledger, entity, field);
    if (build == nullptr) return;
    add_flag(words, S("building"), (build->work & BUILD_KEYS) != 0);
    add_flag(words, S("noting"), (build->work & BUILD_NOTES) != 0);
    add_flag(words, S("index_fades"), (build->work & BUILD_INDEX_FADES) != 0);
    add_flag(words, S("words_fade"), (build->work & BUILD_WORDS_FADE) != 0);
}

/** A formula that reads nothing says so. */
static void add_reads(struct words *words, const struct shaper *field)
{
    struct value reads;
    if (value_find(field->value, CUSTOM_READS, &reads)) {
        add_stored(words, S("reads"), field, CUSTOM_READS);
        return;
    }
    pack_text(&words->bytes, S("reads"));
    pack_list(&words->bytes, 0);
    words->count++;
}

static void add_kind_words(struct words *words, struct declaring *declaring,
                           const struct shaper *field)
{
    str kind = shaper_text(field, CUSTOM_KIND), set = shaper_text(field, CUSTOM_SET);
    bool is_choice = str_eq(kind, S("choice")) || str_eq(kind, S("choices"));
    if (is_choice) set = shape_own_set(declaring->task->arena, field);
    add_text(words, S("set"), set);
    add_stored(words, S("to"), field, CUSTOM_TO);
    add_stored(words, S("on_delete"), field, CUSTOM_ON_DELETE);
    add_stored(words, S("max"), field, CUSTOM_MAX);
    add_stored(words, S("min"), field, CUSTOM_MIN);
    add_stored(words, S("scale"), field, CUSTOM_SCALE);
    add_stored(words, S("pattern"), field, CUSTOM_PATTERN);
    add_stored(words, S("format"), field, CUSTOM_FORMAT);
    add_text(words, S("default_cell"), shaper_text(field, CUSTOM_DEFAULT));
    add_stored(words, S("formula"), field, CUSTOM_FORMULA);
    add_stored(words, S("result"), field, CUSTOM_RESULT);
    if (str_eq(kind, S("formula"))) add_reads(words, field);
    add_stored(words, S("rollup"), field, CUSTOM_ROLLUP);
    add_stored(words, S("required_when"), field, CUSTOM_REQUIRED_WHEN);
    add_stored(words, S("visible_when"), field, CUSTOM_VISIBLE_WHEN);
}

static void put_field(struct declaring *declaring, uint16_t entity, const struct shaper *field)
{
    struct buf *out = &declaring->out;
    str kind = shaper_text(field, CUSTOM_KIND);
    uint16_t number = shaper_number(field, CUSTOM_NUMBER);
    struct words words = words_begin(declaring->task->arena);
    add_text(&words, S("label"), shaper_text(field, CUSTOM_LABEL));
    add_flag(&words, S("required"), shaper_flag(field, CUSTOM_REQUIRED, false));
    add_flag(&words, S("unique"), shaper_flag(field, CUSTOM_UNIQUE, false));
    add_flag(&words, S("index"), shaper_flag(field, CUSTOM_INDEX, shape_is_indexed(kind)));
    add_flag(&words, S("search"), shaper_flag(field, CUSTOM_SEARCH, shape_is_searched(kind)));
    add_stored(&words, S("list"), field, CUSTOM_LIST);
    add_stored(&words, S("group"), field, CUSTOM_GROUP);
    add_stored(&words, S("synonyms"), field, CUSTOM_SYNONYMS);
    add_kind_words(&words, declaring, field);
    add_build_words(&words, declaring->ledger, entity, number);
    pack_map(out, 5);
    pack_text(out, S("at"));
    pack_text(out, place_of(declaring, field));
    pack_text(out, S("kind"));
    pack_text(out, kind);
    pack_text(out, S("name"));
    pack_text(out, shaper_text(field, CUSTOM_NAME));
    pack_text(out, S("number"));
    pack_int(out, number);
    words_end(&words, out);
}

static void put_removed(struct declaring *declaring, const struct removed_field *removed)
{
    struct buf *out = &declaring->out;
    struct words words = words_begin(declaring->task->arena);
    add_text(&words, S("label"), removed->label);
    add_flag(&words, S("gone"), removed->is_stripped);
    add_flag(&words, S("removed"), !removed->is_stripped);
    add_flag(&words, S("index_fades"), !removed->is_stripped);
    add_flag(&words, S("words_fade"), !removed->is_stripped);
    if (str_eq(removed->stored_kind, S("decimal"))) {
        pack_text(&words.bytes, S("scale"));
        pack_int(&words.bytes, removed->scale);
        words.count++;
    }
    pack_map(out, 5);
    pack_text(out, S("at"));
    pack_text(out, S("=deleted"));
    pack_text(out, S("kind"));
    pack_text(out, removed->stored_kind);
    pack_text(out, S("name"));
    pack_text(out, removed->name);
    pack_text(out, S("number"));
    pack_int(out, removed->number);
    words_end(&words, out);
}

/** Words that the server's own upgrade adds to a built-in field. */
static void put_built_in(struct declaring *declaring, const struct field *field)
{
    struct words words = words_begin(declaring->task->arena);
    add_build_words(&words, declaring->ledger, field->entity->number, field->number);
    pack_map(&declaring->out, 2);
    pack_text(&declaring->out, S("name"));
    pack_text(&declaring->out, field->name);
    words_end(&words, &declaring->out);
}

static uint32_t put_fields(struct declaring *declaring, uint16_t entity, bool is_counting)
{
    const struct shaper_list *fields = &declaring->shapers->fields;
    const struct ledger *ledger = declaring->ledger;
    const struct entity *built_in = model_entity_by_number(declaring->base, entity);
    uint32_t count = 0;
    for (uint32_t at = 0; at < fields->count; at++) {
        if (declaring->entity_of[at] != entity) continue;
        if (!is_counting) put_field(declaring, entity, &fields->items[at]);
        count++;
    }
    for (uint32_t at = 0; at < ledger->removed_count; at++) {
        if (ledger->removed[at].entity != entity) continue;
        if (!is_counting) put_removed(declaring, &ledger->removed[at]);
        count++;
    }
    for (uint32_t at = 0; at < ledger->build_count && built_in != nullptr; at++) {
        const struct field *field = nullptr;
        if (ledger->builds[at].entity == entity)
            field = entity_field_by_number(built_in, ledger->builds[at].field);
        if (field == nullptr || field->is_system) continue;
        if (!is_counting) put_built_in(declaring, field);
        count++;
    }
    return count;
}

/** The field that every own entity has: what its records are called. */
static void put_title(struct declaring *declaring, const struct shaper *own)
{
    struct buf *out = &declaring->out;
    struct words words = words_begin(declaring->task->arena);
    str label = shaper_text(own, OWN_TITLE_LABEL);
    add_text(&words, S("label"), label.len > 0 ? label : S("Name"));
    add_flag(&words, S("required"), true);
    add_flag(&words, S("index"), true);
    add_flag(&words, S("search"), true);
    pack_text(&words.bytes, S("max"));
    pack_int(&words.bytes, 300);
    pack_text(&words.bytes, S("list"));
    pack_int(&words.bytes, 1);
    words.count += 2;
    pack_map(out, 5);
    pack_text(out, S("at"));
    pack_text(out, place_of(declaring, own));
    pack_text(out, S("kind"));
    pack_text(out, S("text"));
    pack_text(out, S("name"));
    pack_text(out, S("name"));
    pack_text(out, S("number"));
    pack_int(out, 1);
    words_end(&words, out);
}

/** A name that a newer Atrium took for an entity of its own stands behind the tenants' mark. */
static str free_name(const struct declaring *declaring, str name)
{
    bool is_taken = model_entity(declaring->base, name) != nullptr ||
                    model_collection(declaring->base, name) != nullptr;
    return is_taken ? arena_print(declaring->task->arena, "x_%.*s", FMT(name)) : name;
}

static void put_own_entity(struct declaring *declaring, const struct shaper *own)
{
    struct buf *out = &declaring->out;
    uint16_t number = shaper_number(own, OWN_NUMBER);
    struct words words = words_begin(declaring->task->arena);
    pack_text(&words.bytes, S("number"));
    pack_int(&words.bytes, number);
    words.count++;
    add_text(&words, S("plural"), free_name(declaring, shaper_text(own, OWN_PLURAL)));
    add_text(&words, S("label"), shaper_text(own, OWN_LABEL));
    add_text(&words, S("title"), S("name"));
    pack_map(out, 4);
    pack_text(out, S("at"));
    pack_text(out, place_of(declaring, own));
    pack_text(out, S("name"));
    pack_text(out, free_name(declaring, shaper_text(own, OWN_NAME)));
    words_end(&words, out);
    pack_text(out, S("fields"));
    pack_list(out, 1 + put_fields(declaring, number, true));
    put_title(declaring, own);
    put_fields(declaring, number, false);
}

/** Whether it is an index that no declaration of a field speaks of: of a pair, or of a field that
 *  the engine adds. */
static bool is_of_engine(uint16_t number)
{
    return number >= PAIR_NUMBER_MIN ||
           (number >= FIELD_NUMBER_SYSTEM_MIN && number < FIELD_NUMBER_CUSTOM_MIN);
}

static uint32_t count_pairs(const struct declaring *declaring, uint16_t entity)
{
    uint32_t count = 0;
    for (uint32_t at = 0; at < declaring->ledger->build_count; at++)
        count += declaring->ledger->builds[at].entity == entity &&
                 is_of_engine(declaring->ledger->builds[at].field);
    return count;
}

static void put_extended(struct declaring *declaring, const struct entity *entity)
{
    struct buf *out = &declaring->out;
    struct words words = words_begin(declaring->task->arena);
    uint32_t pair_count = count_pairs(declaring, entity->number);
    if (pair_count > 0) {
        pack_text(&words.bytes, S("building_pairs"));
        pack_list(&words.bytes, pair_count);
        words.count++;
    }
    for (uint32_t at = 0; at < declaring->ledger->build_count; at++) {
        const struct build *build = &declaring->ledger->builds[at];
        if (build->entity == entity->number && is_of_engine(build->field))
            pack_int(&words.bytes, build->field);
    }
    pack_map(out, 3);
    pack_text(out, S("name"));
    pack_text(out, entity->name);
    words_end(&words, out);
    pack_text(out, S("fields"));
    pack_list(out, put_fields(declaring, entity->number, true));
    put_fields(declaring, entity->number, false);
}

static bool is_extended(struct declaring *declaring, const struct entity *entity)
{
    return put_fields(declaring, entity->number, true) > 0 ||
           count_pairs(declaring, entity->number) > 0;
}

static void put_entities(struct declaring *declaring)
{
    const struct model *base = declaring->base;
    const struct shaper_list *own = &declaring->shapers->entities;
    uint32_t count = own->count;
    for (uint32_t at = 0; at < base->entity_count; at++)
        count += is_extended(declaring, &base->entities[at]);
    pack_text(&declaring->out, S("entities"));
    pack_list(&declaring->out, count);
    for (uint32_t at = 0; at < base->entity_count; at++)
        if (is_extended(declaring, &base->entities[at]))
            put_extended(declaring, &base->entities[at]);
    for (uint32_t at = 0; at < own->count; at++) put_own_entity(declaring, &own->items[at]);
}

/* Sets: those that choices stand in, and those of own choice fields. */

static void put_choice(struct declaring *declaring, const struct shaper *choice)
{
    struct buf *out = &declaring->out;
    struct value position = {};
    bool has_position = value_find(choice->value, CHOICE_POSITION, &position);
    struct words words = words_begin(declaring->task->arena);
    add_text(&words, S("label"), shaper_text(choice, CHOICE_LABEL));
    add_text(&words, S("color"), shaper_text(choice, CHOICE_COLOR));
    add_text(&words, S("category"), shaper_text(choice, CHOICE_CATEGORY));
    add_stored(&words, S("next"), choice, CHOICE_NEXT);
    add_flag(&words, S("inactive"), !shaper_flag(choice, CHOICE_IS_ACTIVE, true));
    pack_map(out, has_position ? 4 : 3);
    pack_text(out, S("at"));
    pack_text(out, place_of(declaring, choice));
    pack_text(out, S("value"));
    pack_text(out, shaper_text(choice, CHOICE_VALUE));
    if (has_position) {
        pack_text(out, S("position"));
        pack_raw(out, position.bytes);
    }
    words_end(&words, out);
}

/** A user can have it. */
static void put_role_choice(struct declaring *declaring, const struct shaper *role)
{
    struct buf *out = &declaring->out;
    struct words words = words_begin(declaring->task->arena);
    add_text(&words, S("label"), shaper_text(role, ROLE_LABEL));
    pack_map(out, 3);
    pack_text(out, S("at"));
    pack_text(out, place_of(declaring, role));
    pack_text(out, S("value"));
    pack_text(out, shaper_text(role, ROLE_NAME));
    words_end(&words, out);
}

struct own_set {
    str name;
    const struct shaper *field; /** whose set it is; nullptr: that of choices or roles alone */
    uint32_t choice_count;
};

static struct own_set *set_add(struct own_set *sets, uint32_t *count, str name)
{
    for (uint32_t at = 0; at < *count; at++)
        if (str_eq(sets[at].name, name)) return &sets[at];
    sets[*count] = (struct own_set){.name = name};
    return &sets[(*count)++];
}

static uint32_t collect_sets(struct declaring *declaring, struct own_set **sets_out)
{
    const struct shapers *shapers = declaring->shapers;
    struct own_set *sets = arena_new(declaring->task->arena, struct own_set,
                                     shapers->choices.count + shapers->fields.count + 1);
    uint32_t count = 0;
    if (shapers->roles.count > 0)
        set_add(sets, &count, role_set)->choice_count = shapers->roles.count;
    for (uint32_t at = 0; at < shapers->choices.count; at++)
        set_add(sets, &count, shaper_text(&shapers->choices.items[at], CHOICE_SET))->choice_count++;
    for (uint32_t at = 0; at < shapers->fields.count; at++) {
        const struct shaper *field = &shapers->fields.items[at];
        str kind = shaper_text(field, CUSTOM_KIND);
        if (!str_eq(kind, S("choice")) && !str_eq(kind, S("choices"))) continue;
        str name = shape_own_set(declaring->task->arena, field);
        struct own_set *set = set_add(sets, &count, name);
        if (set->field == nullptr) set->field = field;
    }
    *sets_out = sets;
    return count;
}

static void put_set(struct declaring *declaring, const struct own_set *set)
{
    struct buf *out = &declaring->out;
    struct words words = words_begin(declaring->task->arena);
    const struct shaper_list *choices = &declaring->shapers->choices;
    if (set->field != nullptr) {
        add_text(&words, S("label"), shaper_text(set->field, CUSTOM_LABEL));
        add_flag(&words, S("open"), shaper_flag(set->field, CUSTOM_OPEN, false));
    }
    pack_map(out, 4);
    pack_text(out, S("at"));
    pack_text(out, set->field != nullptr ? place_of(declaring, set->field) : S("=choices"));
    pack_text(out, S("name"));
    pack_text(out, set->name);
    words_end(&words, out);
    pack_text(out, S("choices"));
    pack_list(out, set->choice_count);
    for (uint32_t at = 0; at < choices->count; at++)
        if (str_eq(shaper_text(&choices->items[at], CHOICE_SET), set->name))
            put_choice(declaring, &choices->items[at]);
    const struct shaper_list *roles = &declaring->shapers->roles;
    for (uint32_t at = 0; at < roles->count && str_eq(set->name, role_set); at++)
        put_role_choice(declaring, &roles->items[at]);
}

/* Roles. */

static void put_role(struct declaring *declaring, const struct shaper *role)
{
    struct buf *out = &declaring->out;
    struct words words = words_begin(declaring->task->arena);
    add_text(&words, S("label"), shaper_text(role, ROLE_LABEL));
    add_stored(&words, S("rows"), role, ROLE_ROWS);
    add_stored(&words, S("sees"), role, ROLE_SEES);
    add_stored(&words, S("edits"), role, ROLE_EDITS);
    add_stored(&words, S("rights"), role, ROLE_RIGHTS);
    pack_map(out, 3);
    pack_text(out, S("at"));
    pack_text(out, place_of(declaring, role));
    pack_text(out, S("name"));
    pack_text(out, shaper_text(role, ROLE_NAME));
    words_end(&words, out);
}

static const uint16_t *entities_of(struct task *task, const struct model *base,
                                   const struct shapers *shapers)
{
    uint16_t *numbers = arena_new(task->arena, uint16_t, shapers->fields.count + 1);
    for (uint32_t at = 0; at < shapers->fields.count; at++)
        numbers[at] =
            shape_entity_number(base, shapers, shaper_text(&shapers->fields.items[at], CUSTOM_OF));
    return numbers;
}

enum err shape_declare(struct task *task, const struct model *base, const struct shapers *shapers,
                       const struct ledger *ledger, str *declared_out)
{
    struct declaring declaring = {.task = task,
                                  .base = base,
                                  .shapers = shapers,
                                  .ledger = ledger,
                                  .entity_of = entities_of(task, base, shapers),
                                  .out = buf_make(task->arena, SCHEMA_BYTES_MAX)};
    struct own_set *sets;
    uint32_t set_count = collect_sets(&declaring, &sets);
    const struct shaper_list *roles = &shapers->roles;
    if (shapers->entities.count + shapers->fields.count + set_count + ledger->removed_count +
            ledger->build_count ==
        0)
        return *declared_out = S(""), ERR_NONE;
    pack_map(&declaring.out, 4);
    pack_text(&declaring.out, S("version"));
    pack_int(&declaring.out, 1);
    put_entities(&declaring);
    pack_text(&declaring.out, S("sets"));
    pack_list(&declaring.out, set_count);
    for (uint32_t at = 0; at < set_count; at++) put_set(&declaring, &sets[at]);
    pack_text(&declaring.out, S("roles"));
    pack_list(&declaring.out, roles->count);
    for (uint32_t at = 0; at < roles->count; at++) put_role(&declaring, &roles->items[at]);
    *declared_out = buf_str(&declaring.out);
    return buf_is_over(&declaring.out)
               ? fail(task, ERR_TOO_LARGE, "a firm's own fields and choices take at most %zu MiB",
                      SCHEMA_BYTES_MAX / MIB)
               : ERR_NONE;
}
