/* The words that a field may have: which kinds take them, what value they want, what they set. */
#include "base/fold.h"
#include "base/limits.h"
#include "base/nearest.h"
#include "base/require.h"
#include "model/making.h"
#include "model/pattern.h"

#include <stdckdint.h>

#define KIND(name) (1U << FIELD_##name)
#define KINDS_ALL ((1U << FIELD_KIND_COUNT) - 1)
#define KINDS_TEXT (KIND(TEXT) | KIND(LONG_TEXT))
#define KINDS_SEALED (KIND(SEALED) | KIND(SECRET))
#define KINDS_LIST (KIND(CHOICES) | KIND(EMAILS) | KIND(PHONES) | KIND(REFERENCES))
#define KINDS_REFERENCE (KIND(REFERENCE) | KIND(REFERENCES))
#define KINDS_NUMBER (KIND(NUMBER) | KIND(DECIMAL) | KIND(MONEY))
#define TYPE(name) (1U << VALUE_##name)
#define TYPES_ALL 0xFFU

constexpr uint32_t LINE_CHARACTERS_MAX = 4000;
constexpr int64_t LIST_COLUMN_MAX = 50;
constexpr int64_t SCALE_MAX = 9;

typedef void setter(struct making *making, const struct made_entity *entity,
                    struct made_field *made, const struct value *value);

struct word {
    str name;
    uint32_t kinds; /** of fields that take it */
    uint32_t types; /** of value */
    int rank;       /** order: later ones rest on earlier ones, of other entities too */
    setter *set;
};

static void set_label(struct making *making, const struct made_entity *entity,
                      struct made_field *made, const struct value *value)
{
    made->field->label = value->text;
    if (value->text.len == 0) making_fault(making, entity, made, S("required"), "`label` is empty");
}

static void set_required(struct making *, const struct made_entity *, struct made_field *made,
                         const struct value *value)
{
    made->field->is_required = value->boolean;
}

static void set_unique(struct making *, const struct made_entity *, struct made_field *made,
                       const struct value *value)
{
    made->field->is_unique = value->boolean;
}

static void set_index(struct making *, const struct made_entity *, struct made_field *made,
                      const struct value *value)
{
    made->field->is_indexed = value->boolean;
}

static void set_search(struct making *, const struct made_entity *, struct made_field *made,
                       const struct value *value)
{
    made->field->is_searched = value->boolean;
}

static void set_computed(struct making *, const struct made_entity *, struct made_field *made,
                         const struct value *value)
{
    made->field->is_computed = value->boolean;
}

/* Words that the engine adds to a declaration. */

static void set_building(struct making *, const struct made_entity *, struct made_field *made,
                         const struct value *value)
{
    made->field->is_building = value->boolean;
}

static void set_noting(struct making *, const struct made_entity *, struct made_field *made,
                       const struct value *value)
{
    made->field->is_noting = value->boolean;
}

static void set_index_fades(struct making *, const struct made_entity *, struct made_field *made,
                            const struct value *value)
{
    made->field->index_fades = value->boolean;
}

static void set_words_fade(struct making *, const struct made_entity *, struct made_field *made,
                           const struct value *value)
{
    made->field->words_fade = value->boolean;
}

static void set_removed(struct making *, const struct made_entity *, struct made_field *made,
                        const struct value *value)
{
    made->field->is_removed = value->boolean;
    made->field->is_hidden = made->field->is_hidden || value->boolean;
}

static void set_hidden(struct making *, const struct made_entity *, struct made_field *made,
                       const struct value *value)
{
    made->field->is_hidden = value->boolean;
}

static void set_fixed(struct making *, const struct made_entity *, struct made_field *made,
                      const struct value *value)
{
    made->field->is_fixed = value->boolean;
}

static void set_scale(struct making *making, const struct made_entity *entity,
                      struct made_field *made, const struct value *value)
{
    if (value->integer < 0 || value->integer > SCALE_MAX)
        making_fault(making, entity, made, S("range"), "`scale` is 0 to 9 digits behind the point");
    else made->field->scale = (uint8_t)value->integer;
}

/** A bound of a number in stored units; false when it does not fit. */
static bool bound_of(const struct field *field, const struct value *value, int64_t *bound_out)
{
    int64_t bound = value->integer;
    for (uint8_t i = 0; i < field->scale && field->kind == FIELD_DECIMAL; i++)
        if (ckd_mul(&bound, bound, 10)) return false;
    *bound_out = bound;
    return true;
}

static void set_min(struct making *making, const struct made_entity *entity,
                    struct made_field *made, const struct value *value)
{
    made->field->has_least = bound_of(made->field, value, &made->field->least);
    if (!made->field->has_least)
        making_fault(making, entity, made, S("range"), "`min` is too large");
}

static void set_max(struct making *making, const struct made_entity *entity,
                    struct made_field *made, const struct value *value)
{
    uint32_t kind = 1U << made->field->kind;
    if ((kind & KINDS_NUMBER) != 0) {
        made->field->has_most = bound_of(made->field, value, &made->field->most);
        if (!made->field->has_most)
            making_fault(making, entity, made, S("range"), "`max` is too large");
        return;
    }
    uint32_t own_max = (kind & KINDS_LIST) != 0  ? LIST_ITEMS_MAX
                       : kind == KIND(LONG_TEXT) ? (uint32_t)TEXT_BYTES_MAX
                                                 : LINE_CHARACTERS_MAX;
    if (value->integer < 1 || value->integer > own_max)
        making_fault(making, entity, made, S("range"), "`max` is 1 to %u", own_max);
    else made->field->max = (uint32_t)value->integer;
}

static void set_pattern(struct making *making, const struct made_entity *entity,
                        struct made_field *made, const struct value *value)
{
    const char *why;
    made->field->pattern = value->text;
    if (!pattern_make(making->arena, value->text, &made->field->pattern_compiled, &why))
        making_fault(making, entity, made, S("pattern"), "`pattern` %s", why);
}

static void set_format(struct making *making, const struct made_entity *entity,
                       struct made_field *made, const struct value *value)
{
    if (str_eq(value->text, S("iban"))) made->field->format = FORMAT_IBAN;
    else if (str_eq(value->text, S("email"))) made->field->format = FORMAT_EMAIL;
    else making_fault(making, entity, made, S("unknown"), "`format` is iban or email");
}

static void set_set(struct making *making, const struct made_entity *entity,
                    struct made_field *made, const struct value *value)
{
    made->field->set = model_set(making->model, value->text);
    if (made->field->set == nullptr)
        making_fault(making, entity, made, S("missing"), "there is no choice_set \"%.*s\"",
                     FMT(value->text));
}

static void set_on_delete(struct making *making, const struct made_entity *entity,
                          struct made_field *made, const struct value *value)
{
    static const str names[] = {S("restrict"), S("detach"), S("cascade")};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!str_eq(value->text, names[i])) continue;
        made->field->on_delete = (enum on_delete)i;
        return;
    }
    making_fault(making, entity, made, S("unknown"), "`on_delete` is restrict, detach or cascade");
}

static void set_list(struct making *making, const struct made_entity *entity,
                     struct made_field *made, const struct value *value)
{
    if (value->integer < 1 || value->integer > LIST_COLUMN_MAX)
        making_fault(making, entity, made, S("range"), "`list` is the place of a column, 1 to 50");
    else made->field->list = (uint8_t)value->integer;
}

/** Places hold plain names (`"phone"`), words map a name to the label of its values (`fax =
 *  "fax"`). */
static void set_synonyms(struct making *making, const struct made_entity *entity,
                         struct made_field *made, const struct value *value)
{
    if (value->count == 0 || value->count > SYNONYMS_MAX) {
        making_fault(making, entity, made, S("range"), "`synonyms` has 1 to %u names",
                     SYNONYMS_MAX);
        return;
    }
    str *names = arena_new(making->arena, str, value->count);
    str *labels = arena_new(making->arena, str, value->count);
    struct cursor cursor = cursor_of(value->items);
    for (uint32_t i = 0; i < value->count; i++) {
        struct value key = {.kind = VALUE_INT};
        struct value item = {};
        bool is_read =
            (value->kind == VALUE_LIST || value_next(&cursor, &key)) && value_next(&cursor, &item);
        bool is_labelled = key.kind == VALUE_TEXT;
        str name = is_labelled ? key.text : item.text;
        if (!is_read || item.kind != VALUE_TEXT) {
            making_fault(making, entity, made, S("type"),
                         "`synonyms` holds something that is no text");
            return;
        }
        names[i] = fold_name(making->arena, name);
        labels[i] = is_labelled ? item.text : S("");
        if (names[i].len == 0)
            making_fault(making, entity, made, S("format"), "a synonym has no letter or digit");
    }
    made->field->synonyms = names;
    made->field->synonym_labels = labels;
    made->field->synonym_count = value->count;
}

/** Read by resolve_computed, once the kinds of all fields are known. */
static void set_condition(struct making *, const struct made_entity *, struct made_field *,
                          const struct value *)
{
}

static void set_means(struct making *making, const struct made_entity *entity,
                      struct made_field *made, const struct value *value)
{
    static const str names[] = {S("entity"), S("filter"), S("sort"),
                                S("fields"), S("group"),  S("condition")};
    enum meaning meaning = MEANING_NONE;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_eq(value->text, names[i])) meaning = (enum meaning)(MEANING_ENTITY + i);
    made->field->meaning = meaning;
    bool is_tree = meaning == MEANING_FILTER || meaning == MEANING_CONDITION;
    bool is_fit = is_tree == (made->field->kind == FIELD_OBJECT);
    if (meaning == MEANING_NONE || !is_fit)
        making_fault(making, entity, made, S("unknown"),
                     "`means` is entity, sort, fields or group of a text, or filter of an object");
}

static const struct word words[] = {
    {S("label"), KINDS_ALL, TYPE(TEXT), 0, set_label},
    {S("required"), KINDS_ALL, TYPE(BOOL), 0, set_required},
    {S("unique"),
     KIND(TEXT) | KIND(NUMBER) | KIND(DECIMAL) | KIND(DATE) | KIND(EMAILS) | KIND(PHONES) |
         KIND(URL) | KIND(REFERENCE) | KIND(SEALED),
     TYPE(BOOL), 0, set_unique},
    {S("index"), KINDS_ALL & ~(KIND(LONG_TEXT) | KIND(OBJECT) | KIND(SECRET)), TYPE(BOOL), 0,
     set_index},
    {S("search"),
     KINDS_TEXT | KIND(EMAILS) | KIND(PHONES) | KIND(URL) | KIND(CHOICE) | KIND(CHOICES),
     TYPE(BOOL), 0, set_search},
    {S("means"), KIND(TEXT) | KIND(OBJECT), TYPE(TEXT), 0, set_means},
    {S("computed"), KINDS_ALL & ~KINDS_SEALED, TYPE(BOOL), 0, set_computed},
    {S("fixed"), KINDS_ALL, TYPE(BOOL), 0, set_fixed},
    {S("hidden"), KINDS_ALL, TYPE(BOOL), 0, set_hidden},
    {S("building"), KINDS_ALL, TYPE(BOOL), 0, set_building},
    {S("noting"), KINDS_ALL, TYPE(BOOL), 0, set_noting},
    {S("index_fades"), KINDS_ALL, TYPE(BOOL), 0, set_index_fades},
    {S("words_fade"), KINDS_ALL, TYPE(BOOL), 0, set_words_fade},
    {S("removed"), KINDS_ALL, TYPE(BOOL), 0, set_removed},
    {S("scale"), KIND(DECIMAL), TYPE(INT), 0, set_scale},
    {S("pattern"), KIND(TEXT) | KIND(SEALED), TYPE(TEXT), 0, set_pattern},
    {S("format"), KIND(TEXT) | KIND(SEALED), TYPE(TEXT), 0, set_format},
    {S("set"), KIND(CHOICE) | KIND(CHOICES), TYPE(TEXT), 0, set_set},
    {S("on_delete"), KINDS_REFERENCE, TYPE(TEXT), 0, set_on_delete},
    {S("list"), KINDS_ALL & ~KIND(SECRET), TYPE(INT), 0, set_list},
    {S("synonyms"), KINDS_ALL & ~KIND(SECRET), TYPE(LIST) | TYPE(MAP), 0, set_synonyms},
    {S("group"), KINDS_ALL, TYPE(TEXT), 0, set_group},
    {S("min"), KINDS_NUMBER, TYPE(INT), 1, set_min},
    {S("max"), KINDS_NUMBER | KINDS_TEXT | KINDS_LIST | KINDS_SEALED, TYPE(INT), 1, set_max},
    {S("required_when"), KINDS_ALL, TYPE(MAP), 3, set_condition},
    {S("visible_when"), KINDS_ALL, TYPE(MAP), 3, set_condition},
    {S("duplicates"), KIND(TEXT) | KIND(EMAILS) | KIND(PHONES), TYPE(TEXT), 1, set_duplicates},
    {S("to"), KINDS_REFERENCE, TYPE(TEXT), 1, set_to},
    {S("one_of"), KIND(BOOLEAN), TYPE(MAP), 2, set_one_of},
    {S("through"), KIND(REFERENCE), TYPE(TEXT), 3, set_through},
    {S("made_from"), KIND(REFERENCE), TYPE(MAP), 3, set_made_from},
    {S("made_when"), KIND(REFERENCE), TYPE(MAP), 3, set_made_when},
    {S("waived_by"), KINDS_ALL, TYPE(TEXT), 3, set_waived_by},
    {S("default"), KINDS_ALL & ~(KINDS_REFERENCE | KINDS_SEALED), TYPES_ALL & ~TYPE(NIL), 3,
     set_default},
    {S("default_cell"), KINDS_ALL & ~(KINDS_REFERENCE | KINDS_SEALED), TYPE(TEXT), 3,
     set_default_cell},
};
#define WORD_COUNT (sizeof words / sizeof *words)

static void unknown_word(struct making *making, const struct made_entity *entity,
                         const struct made_field *made, str given)
{
    str names[WORD_COUNT];
    for (size_t i = 0; i < WORD_COUNT; i++) names[i] = words[i].name;
    str near = nearest(names, WORD_COUNT, given);
    making_fault(making, entity, made, S("unknown"), "`%.*s` is no word of a field%s%.*s",
                 FMT(given), near.len == 0 ? "" : "; perhaps ", FMT(near));
}

void apply_field_words(struct making *making, const struct made_entity *entity,
                       struct made_field *made, int rank)
{
    require(rank <= FIELD_WORD_RANK_MAX);
    struct value attributes = value_of(made->attributes);
    struct cursor cursor = cursor_of(attributes.items);
    for (uint32_t i = 0; attributes.kind == VALUE_MAP && i < attributes.count; i++) {
        struct value name;
        struct value value;
        if (!value_next(&cursor, &name) || !value_next(&cursor, &value) || name.kind != VALUE_TEXT)
            return;
        const struct word *word = nullptr;
        for (size_t j = 0; j < WORD_COUNT && word == nullptr; j++)
            if (str_eq(words[j].name, name.text)) word = &words[j];
        if (is_word_of_computed(made->field, name.text)) continue;
        if (word == nullptr) {
            if (rank == 0) unknown_word(making, entity, made, name.text);
            continue;
        }
        if (word->rank != rank) continue;
        making->word = word->name;
        if ((word->kinds & 1U << made->field->kind) == 0)
            making_fault(making, entity, made, S("unknown"),
                         "`%.*s` means nothing for a field of the kind %.*s", FMT(name.text),
                         FMT(made->field->kind_of->name));
        else if ((word->types & 1U << value.kind) == 0)
            making_fault(making, entity, made, S("type"), "`%.*s` has a value of the wrong type",
                         FMT(name.text));
        else word->set(making, entity, made, &value);
        making->word = S("");
    }
}
