/* The word `duplicates`: of a field, by what two records are found to be alike; of an entity, where
 * what was found is kept. */
#include "model/making.h"

static const struct {
    str word;
    enum duplicates_by by;
    enum field_kind kind;
    bool by_words; /** found by the words of a search, not by the index */
} ways[] = {
    {S("name"), DUPLICATES_BY_NAME, FIELD_TEXT, false},
    {S("code"), DUPLICATES_BY_CODE, FIELD_TEXT, false},
    {S("email"), DUPLICATES_BY_EMAIL, FIELD_EMAILS, false},
    {S("phone"), DUPLICATES_BY_PHONE, FIELD_PHONES, true},
};

void set_duplicates(struct making *making, const struct made_entity *entity,
                    struct made_field *made, const struct value *value)
{
    struct field *field = made->field;
    for (size_t at = 0; at < sizeof ways / sizeof *ways; at++) {
        if (!str_eq(ways[at].word, value->text) || ways[at].kind != field->kind) continue;
        field->duplicates_by = ways[at].by;
        bool is_found = ways[at].by_words ? field->is_searched : field->is_indexed;
        if (is_found) return;
        making_fault(making, entity, made, S("required"), "`duplicates` rests on `%s`",
                     ways[at].by_words ? "search" : "index");
        return;
    }
    making_fault(
        making, entity, made, S("unknown"),
        "`duplicates` is \"name\" or \"code\" of a text, \"email\" of emails, \"phone\" of "
        "phones");
}

static bool is_pair_field(const struct entity *of, const struct entity *pair, str name,
                          enum field_kind kind)
{
    const struct field *field = entity_field(pair, name);
    if (field == nullptr || field->kind != kind || field->is_computed) return false;
    return kind != FIELD_REFERENCE || (field->to == of && field->on_delete == ON_DELETE_CASCADE);
}

/** What a pair of records is kept in has the fields that a scan fills. */
void resolve_duplicates(struct making *making, const struct made_entity *made)
{
    struct value attributes = value_of(made->attributes), name;
    if (attributes.kind != VALUE_MAP ||
        !value_find_text(attributes.bytes, S("duplicates"), &name) || name.kind != VALUE_TEXT)
        return;
    struct entity *entity = made->entity;
    const struct entity *pair = model_entity(making->model, name.text);
    bool is_fit = pair != nullptr && is_pair_field(entity, pair, S("first"), FIELD_REFERENCE) &&
                  is_pair_field(entity, pair, S("second"), FIELD_REFERENCE) &&
                  is_pair_field(entity, pair, S("why"), FIELD_TEXT) &&
                  is_pair_field(entity, pair, S("score"), FIELD_NUMBER) &&
                  is_pair_field(entity, pair, S("state"), FIELD_CHOICE);
    if (is_fit) entity->duplicates = pair;
    else
        making_fault(
            making, made, nullptr, S("reference"),
            "`duplicates` names an entity with the references `first` and `second` to this "
            "one, which go with it, and why (text), score (number), state (choice)");
    bool has_way = false;
    for (uint32_t at = 0; at < entity->field_count && !has_way; at++)
        has_way = entity->fields[at].duplicates_by != DUPLICATES_BY_NOTHING;
    if (!has_way)
        making_fault(making, made, nullptr, S("required"),
                     "`duplicates` of an entity rests on that of some of its fields");
}
