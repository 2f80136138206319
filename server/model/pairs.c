/* Words of an entity that name several of its fields at once. */
#include "base/require.h"
#include "model/making.h"

constexpr uint32_t PAIRS_MAX = 16; /** of one entity: each is a key for every record */

constexpr int64_t PAIR_LAST = 1 << 11; /** that is declared; the engine's own come behind it */
constexpr uint16_t PAIR_HOLDERS_TITLE = PAIR_NUMBER_MIN + PAIR_LAST + 1;
constexpr uint16_t PAIR_HOLDERS_CHANGED = PAIR_NUMBER_MIN + PAIR_LAST + 2;
static_assert(PAIR_HOLDERS_CHANGED < UINT16_MAX);

/** `{ 3, "status", "name" }`, and behind it `"unique"` where it is. */
static bool read_pair(struct making *making, const struct made_entity *made,
                      const struct value *given, struct pair *pair)
{
    struct value parts[4];
    struct cursor cursor = cursor_of(given->items);
    bool is_fit = given->kind == VALUE_LIST && (given->count == 3 || given->count == 4);
    for (uint32_t i = 0; is_fit && i < given->count; i++) {
        is_fit =
            value_next(&cursor, &parts[i]) && parts[i].kind == (i == 0 ? VALUE_INT : VALUE_TEXT);
    }
    bool is_unique = is_fit && given->count == 4;
    if (is_unique) is_fit = str_eq(parts[3].text, S("unique"));
    if (!is_fit || parts[0].integer < 1 || parts[0].integer > PAIR_LAST) {
        making_fault(making, made, nullptr, S("type"),
                     "a pair is { number from 1, \"field\", \"field\" }, with \"unique\" at the "
                     "end where no two records may have the same");
        return false;
    }
    const struct field *fields[2];
    for (int i = 0; i < 2; i++) {
        fields[i] = entity_field(made->entity, parts[1 + i].text);
        if (fields[i] != nullptr && fields[i]->keeps_index) continue;
        making_fault(making, made, nullptr, S("missing"),
                     "a pair names \"%.*s\", which is no field with an index",
                     FMT(parts[1 + i].text));
        return false;
    }
    *pair = (struct pair){.number = (uint16_t)(PAIR_NUMBER_MIN + parts[0].integer),
                          .first = fields[0],
                          .second = fields[1],
                          .is_unique = is_unique};
    return true;
}

static void check_pair(struct making *making, const struct made_entity *made,
                       const struct pair *pair)
{
    const struct entity *entity = made->entity;
    if (field_is_sealed(pair->first) || field_is_sealed(pair->second))
        making_fault(making, made, nullptr, S("type"), "a pair has no sealed field");
    if (pair->second->kind_of->is_list || pair->first == pair->second)
        making_fault(making, made, nullptr, S("type"),
                     "the second of a pair is another field and holds no list");
    bool is_exact = pair->first->kind == FIELD_REFERENCE && pair->second->kind == FIELD_REFERENCE;
    if (pair->is_unique && !is_exact)
        making_fault(making, made, nullptr, S("type"), "a unique pair is of two references");
    for (uint32_t i = 0; i < entity->pair_count; i++)
        if (entity->pairs[i].number == pair->number)
            making_fault(making, made, nullptr, S("twice"), "the number %u is another pair's",
                         pair->number - PAIR_NUMBER_MIN);
    if (entity_pair(entity, pair->first, pair->second) != nullptr)
        making_fault(making, made, nullptr, S("twice"), "the pair of %.*s and %.*s stands twice",
                     FMT(pair->first->name), FMT(pair->second->name));
}

bool is_index_building(const struct made_entity *made, uint16_t of)
{
    struct value list, number;
    if (!value_find_text(made->attributes, S("building_pairs"), &list) || list.kind != VALUE_LIST)
        return false;
    struct cursor cursor = cursor_of(list.items);
    for (uint32_t i = 0; i < list.count && value_next(&cursor, &number); i++)
        if (number.kind == VALUE_INT && number.integer == of) return true;
    return false;
}

void resolve_pairs(struct making *making, const struct made_entity *made)
{
    struct value list;
    if (!value_find_text(made->attributes, S("pairs"), &list) || list.kind != VALUE_LIST) return;
    if (list.count > PAIRS_MAX) {
        making_fault(making, made, nullptr, S("range"), "an entity has at most %u pairs",
                     PAIRS_MAX);
        return;
    }
    struct pair *pairs = arena_new(making->arena, struct pair, list.count);
    made->entity->pairs = pairs;
    struct cursor cursor = cursor_of(list.items);
    struct value item;
    for (uint32_t i = 0; i < list.count && value_next(&cursor, &item); i++) {
        struct pair pair;
        if (!read_pair(making, made, &item, &pair)) continue;
        check_pair(making, made, &pair);
        pair.is_building = is_index_building(made, pair.number);
        pairs[made->entity->pair_count++] = pair;
    }
}

void add_holder_pairs(struct making *making, const struct made_entity *made)
{
    struct entity *entity = made->entity;
    const struct field *holders = entity_field_by_number(entity, FIELD_HOLDERS);
    const struct field *seconds[] = {entity->title,
                                     entity_field_by_number(entity, FIELD_UPDATED_AT)};
    const uint16_t numbers[] = {PAIR_HOLDERS_TITLE, PAIR_HOLDERS_CHANGED};
    struct pair *pairs = arena_new(making->arena, struct pair, entity->pair_count + 2);
    if (entity->pair_count > 0) memcpy(pairs, entity->pairs, entity->pair_count * sizeof *pairs);
    entity->pairs = pairs;
    for (int at = 0; at < 2; at++) {
        if (seconds[at] == nullptr || !seconds[at]->keeps_index || seconds[at]->kind_of->is_list)
            continue;
        pairs[entity->pair_count++] =
            (struct pair){.number = numbers[at],
                          .first = holders,
                          .second = seconds[at],
                          .is_building = is_index_building(made, numbers[at])};
    }
}

void resolve_own(struct making *making, const struct made_entity *made)
{
    struct value name;
    if (!value_find_text(made->attributes, S("own_unless"), &name) || name.kind != VALUE_TEXT)
        return;
    const struct field *field = entity_field(made->entity, name.text);
    bool is_fit = field != nullptr && field->kind == FIELD_BOOLEAN && field->is_indexed;
    if (!is_fit)
        making_fault(making, made, nullptr, S("missing"),
                     "`own_unless` names \"%.*s\", which is no boolean with an index",
                     FMT(name.text));
    else made->entity->own_unless = field;
}
