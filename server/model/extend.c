/* A schema and what a tenant declares beside it, as one schema. Both have passed value_check. */
#include "base/limits.h"
#include "base/require.h"
#include "model/making.h"

/** A list in a map; an empty one when it is not there. */
static struct value list_of(const struct value *map, str key)
{
    struct value value;
    bool is_list = map->kind == VALUE_MAP && value_find_text(map->bytes, key, &value) &&
                   value.kind == VALUE_LIST;
    return is_list ? value : (struct value){.kind = VALUE_LIST};
}

static struct value map_of(const struct value *map, str key)
{
    struct value value;
    bool is_map = map->kind == VALUE_MAP && value_find_text(map->bytes, key, &value) &&
                  value.kind == VALUE_MAP;
    return is_map ? value : (struct value){.kind = VALUE_MAP};
}

/** The item whose text under `key` is this. */
static bool find_named(const struct value *list, str key, str name, struct value *item_out)
{
    struct cursor cursor = cursor_of(list->items);
    for (uint32_t at = 0; at < list->count && value_next(&cursor, item_out); at++)
        if (str_eq(value_text_in(item_out->bytes, key), name)) return true;
    return false;
}

/** How many items of `more` have no namesake in `list`. */
static uint32_t count_new(const struct value *list, const struct value *more, str key)
{
    struct cursor cursor = cursor_of(more->items);
    struct value item, same;
    uint32_t count = 0;
    for (uint32_t at = 0; at < more->count && value_next(&cursor, &item); at++)
        count += !find_named(list, key, value_text_in(item.bytes, key), &same);
    return count;
}

static void put_new(struct buf *out, const struct value *list, const struct value *more, str key)
{
    struct cursor cursor = cursor_of(more->items);
    struct value item, same;
    for (uint32_t at = 0; at < more->count && value_next(&cursor, &item); at++)
        if (!find_named(list, key, value_text_in(item.bytes, key), &same))
            pack_raw(out, item.bytes);
}

static void put_words(struct buf *out, const struct value *declared, const struct value *more)
{
    struct value own = map_of(declared, S("attributes")), added = {.kind = VALUE_MAP};
    if (more != nullptr) added = map_of(more, S("attributes"));
    pack_text(out, S("attributes"));
    pack_map(out, own.count + added.count);
    pack_raw(out, own.items);
    pack_raw(out, added.items);
}

static void put_head(struct buf *out, const struct value *declared)
{
    pack_text(out, S("at"));
    pack_text(out, value_text_in(declared->bytes, S("at")));
    pack_text(out, S("name"));
    pack_text(out, value_text_in(declared->bytes, S("name")));
}

static void put_field(struct buf *out, const struct value *declared, const struct value *more)
{
    struct value number = {};
    (void)value_find_text(declared->bytes, S("number"), &number);
    pack_map(out, 5);
    put_head(out, declared);
    pack_text(out, S("kind"));
    pack_text(out, value_text_in(declared->bytes, S("kind")));
    pack_text(out, S("number"));
    pack_int(out, number.kind == VALUE_INT ? number.integer : 0);
    put_words(out, declared, more);
}

static void put_entity(struct buf *out, const struct value *declared, const struct value *more)
{
    struct value fields = list_of(declared, S("fields")), added = list_of(more, S("fields"));
    pack_map(out, 4);
    put_head(out, declared);
    put_words(out, declared, more);
    pack_text(out, S("fields"));
    pack_list(out, fields.count + count_new(&fields, &added, S("name")));
    struct cursor cursor = cursor_of(fields.items);
    struct value field, same;
    for (uint32_t at = 0; at < fields.count && value_next(&cursor, &field); at++) {
        bool has_more = find_named(&added, S("name"), value_text_in(field.bytes, S("name")), &same);
        if (has_more) put_field(out, &field, &same);
        else pack_raw(out, field.bytes);
    }
    put_new(out, &fields, &added, S("name"));
}

/* Choices. */

struct placed {
    double position;
    struct value choice;
};

/** `position` is for this place alone: model_make does not know it. */
static double position_of(const struct value *choice, double otherwise)
{
    struct value position;
    if (!value_find_text(choice->bytes, S("position"), &position)) return otherwise;
    return position.kind == VALUE_INT     ? (double)position.integer
           : position.kind == VALUE_FLOAT ? position.number
                                          : otherwise;
}

static void put_choice(struct buf *out, const struct value *choice)
{
    pack_map(out, 3);
    pack_text(out, S("at"));
    pack_text(out, value_text_in(choice->bytes, S("at")));
    pack_text(out, S("value"));
    pack_text(out, value_text_in(choice->bytes, S("value")));
    put_words(out, choice, nullptr);
}

/** Those without a position keep their order: built-in ones stand at 1, 2, …, own ones behind. */
static void put_choices(struct arena *arena, struct buf *out, const struct value *choices,
                        const struct value *added)
{
    uint32_t count = 0;
    struct placed *placed = arena_new(arena, struct placed, choices->count + added->count);
    struct cursor cursor = cursor_of(choices->items);
    struct value choice, same;
    for (uint32_t at = 0; at < choices->count && value_next(&cursor, &choice); at++) {
        bool is_replaced =
            find_named(added, S("value"), value_text_in(choice.bytes, S("value")), &same);
        if (is_replaced) placed[count++] = (struct placed){position_of(&same, at + 1), same};
        else placed[count++] = (struct placed){at + 1, choice};
    }
    cursor = cursor_of(added->items);
    for (uint32_t at = 0; at < added->count && value_next(&cursor, &choice); at++)
        if (!find_named(choices, S("value"), value_text_in(choice.bytes, S("value")), &same))
            placed[count++] = (struct placed){position_of(&choice, 1e9 + at), choice};
    /* A set has at most some hundred, nearly in order. */
    for (uint32_t at = 1; at < count; at++) {
        struct placed moving = placed[at];
        uint32_t to = at;
        for (; to > 0 && placed[to - 1].position > moving.position; to--)
            placed[to] = placed[to - 1];
        placed[to] = moving;
    }
    pack_list(out, count);
    for (uint32_t at = 0; at < count; at++) put_choice(out, &placed[at].choice);
}

static void put_set(struct arena *arena, struct buf *out, const struct value *declared,
                    const struct value *more)
{
    struct value choices = list_of(declared, S("choices")), added = {.kind = VALUE_LIST};
    if (more != nullptr) added = list_of(more, S("choices"));
    pack_map(out, 4);
    put_head(out, declared);
    put_words(out, declared, nullptr);
    pack_text(out, S("choices"));
    put_choices(arena, out, &choices, &added);
}

static void put_sets(struct arena *arena, struct buf *out, const struct value *sets,
                     const struct value *added)
{
    struct value none = {.kind = VALUE_LIST};
    struct value set, same;
    pack_text(out, S("sets"));
    pack_list(out, sets->count + count_new(sets, added, S("name")));
    struct cursor cursor = cursor_of(sets->items);
    for (uint32_t at = 0; at < sets->count && value_next(&cursor, &set); at++) {
        if (find_named(added, S("name"), value_text_in(set.bytes, S("name")), &same))
            put_set(arena, out, &set, &same);
        else pack_raw(out, set.bytes);
    }
    cursor = cursor_of(added->items);
    for (uint32_t at = 0; at < added->count && value_next(&cursor, &set); at++) {
        if (find_named(sets, S("name"), value_text_in(set.bytes, S("name")), &same)) continue;
        struct value own = list_of(&set, S("choices"));
        pack_map(out, 4);
        put_head(out, &set);
        put_words(out, &set, nullptr);
        pack_text(out, S("choices"));
        put_choices(arena, out, &none, &own);
    }
}

/** A tenant's role stands in the place of one of the same name. */
static void put_roles(struct buf *out, const struct value *roles, const struct value *added)
{
    struct value role, same;
    pack_text(out, S("roles"));
    pack_list(out, roles->count + count_new(roles, added, S("name")));
    struct cursor cursor = cursor_of(roles->items);
    for (uint32_t at = 0; at < roles->count && value_next(&cursor, &role); at++) {
        bool is_replaced =
            find_named(added, S("name"), value_text_in(role.bytes, S("name")), &same);
        pack_raw(out, is_replaced ? same.bytes : role.bytes);
    }
    put_new(out, roles, added, S("name"));
}

str model_extend(struct arena *arena, str schema, str extension)
{
    struct value base = value_of(schema), own = value_of(extension);
    struct value entities = list_of(&base, S("entities")), added = list_of(&own, S("entities"));
    struct value sets = list_of(&base, S("sets")), added_sets = list_of(&own, S("sets"));
    struct value roles = list_of(&base, S("roles")), added_roles = list_of(&own, S("roles"));
    struct value groups = list_of(&base, S("groups"));
    struct buf out = buf_make(arena, SCHEMA_BYTES_MAX);
    pack_map(&out, 5);
    pack_text(&out, S("version"));
    pack_int(&out, 1);
    pack_text(&out, S("entities"));
    pack_list(&out, entities.count + count_new(&entities, &added, S("name")));
    struct cursor cursor = cursor_of(entities.items);
    struct value entity, same;
    for (uint32_t at = 0; at < entities.count && value_next(&cursor, &entity); at++) {
        if (find_named(&added, S("name"), value_text_in(entity.bytes, S("name")), &same))
            put_entity(&out, &entity, &same);
        else pack_raw(&out, entity.bytes);
    }
    put_new(&out, &entities, &added, S("name"));
    put_sets(arena, &out, &sets, &added_sets);
    pack_text(&out, S("groups"));
    pack_list(&out, groups.count);
    pack_raw(&out, groups.items);
    put_roles(&out, &roles, &added_roles);
    return buf_is_over(&out) ? S("") : buf_str(&out);
}
