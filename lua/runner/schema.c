/* The form of what is written, for model_make:
 *
 *  {"version": 1,
 *   "entities": [{"at": "schema/client.lua:3", "name": text, "attributes": {word: value},
 *                 "fields": [{"at": …, "kind": text, "name": text, "number": integer,
 *                             "attributes": {…}}]}],
 *   "sets":     [{"at": …, "name": text, "attributes": {…},
 *                 "choices": [{"value": text, "attributes": {…}}]}],
 *   "roles":    [{"at": …, "name": text, "attributes": {…}}],
 *   "groups":   [{"at": …, "name": text, "attributes": {…}}]}
 *
 * Among the attributes of a formula is `reads`, the list of the fields that its expression names.
 * Fields and choices keep the order in which they were written, entities that of the sorted files.
 * A value is text, integer, float, boolean, a list, or a map. A table with both places and words
 * (`{ "phone", fax = "fax" }`) is a map with integer keys 1…n, then its words. Words come sorted.
 */
#include "schema.h"

#include <lauxlib.h>

#include "base/require.h"
#include "declared.h"
#include "expression.h"
#include "value/value.h"

/* The lists that files fill, by place. */
constexpr int NO_LIST = 0;
constexpr int ENTITIES = 1;
constexpr int SETS = 2;
constexpr int ROLES = 3;
constexpr int GROUPS = 4;

/* The declaring words: all that a file can see. A field's word is the name of its kind. */
static const struct declaring_word words[] = {
    {"entity", ENTITIES},  {"choice_set", SETS},   {"role", ROLES},         {"field_group", GROUPS},
    {"text", NO_LIST},     {"long_text", NO_LIST}, {"number", NO_LIST},     {"decimal", NO_LIST},
    {"money", NO_LIST},    {"date", NO_LIST},      {"time", NO_LIST},       {"boolean", NO_LIST},
    {"choice", NO_LIST},   {"choices", NO_LIST},   {"emails", NO_LIST},     {"phones", NO_LIST},
    {"url", NO_LIST},      {"country", NO_LIST},   {"language", NO_LIST},   {"currency", NO_LIST},
    {"timezone", NO_LIST}, {"reference", NO_LIST}, {"references", NO_LIST}, {"object", NO_LIST},
    {"rollup", NO_LIST},   {"formula", NO_LIST},   {"sealed", NO_LIST},     {"secret", NO_LIST},
};

/** The same with `reads`; the expression must be one. */
static void pack_formula(lua_State *state, struct reading *reading, int table,
                         const struct entries *entries, const char *at)
{
    struct expression_names names;
    const char *why;
    lua_getfield(state, table, "formula");
    if (lua_type(state, -1) != LUA_TSTRING ||
        !expression_names(declared_text(state, -1), &names, &why))
        luaL_error(state, "%s: the formula %s", at,
                   lua_type(state, -1) != LUA_TSTRING ? "is no text" : why);
    if (expression_load(state, reading->arena, declared_text(state, -1)) != LUA_OK)
        luaL_error(state, "%s: %s", at, lua_tostring(state, -1));
    lua_pop(state, 1);
    pack_text(reading->out, S("attributes"));
    pack_map(reading->out, (uint32_t)entries->word_count + 1);
    pack_text(reading->out, S("reads"));
    pack_list(reading->out, names.count);
    for (uint32_t i = 0; i < names.count; i++) pack_text(reading->out, names.names[i]);
    lua_pop(state, 1);
    declared_pack_words(state, reading, table, entries, 0, at);
}

static void pack_field(lua_State *state, struct reading *reading, const char *entity_at)
{
    const struct declaring_word *word = declared_word(state);
    if (word == nullptr || word->list != NO_LIST)
        luaL_error(state, "%s: the entity's list holds something that is no field", entity_at);
    int top = lua_gettop(state);
    pack_map(reading->out, 5);
    pack_text(reading->out, S("kind"));
    pack_text(reading->out, str_of(word->name));
    int body;
    const char *at = declared_open(state, reading, &body);
    struct entries entries = declared_entries(state, reading, body, at);
    lua_rawgeti(state, body, 1);
    if (entries.place_count != 1 || !lua_isinteger(state, -1))
        luaL_error(state, "%s: the table of a field begins with its number and has no other place",
                   at);
    pack_text(reading->out, S("number"));
    pack_int(reading->out, lua_tointeger(state, -1));
    if (strcmp(word->name, "formula") == 0) pack_formula(state, reading, body, &entries, at);
    else declared_pack_attributes(state, reading, body, &entries, at);
    lua_settop(state, top);
}

static void pack_choice(lua_State *state, struct reading *reading, const char *at)
{
    int body = lua_gettop(state);
    if (lua_type(state, body) != LUA_TTABLE)
        luaL_error(state, "%s: a choice is a table: { \"value\", label = \"…\" }", at);
    struct entries entries = declared_entries(state, reading, body, at);
    lua_rawgeti(state, body, 1);
    if (entries.place_count != 1 || lua_type(state, -1) != LUA_TSTRING)
        luaL_error(state, "%s: the table of a choice begins with its value and has no other place",
                   at);
    pack_map(reading->out, 2);
    pack_text(reading->out, S("value"));
    declared_pack(state, reading, 0, at);
    declared_pack_attributes(state, reading, body, &entries, at);
    lua_settop(state, body);
}

/** One field of an entity, or one choice of a set, on top of the stack. */
typedef void pack_part(lua_State *state, struct reading *reading, const char *whole_at);

/** An entity or a set: its name and place, its attributes, and its parts in order. */
static void pack_whole(lua_State *state, struct reading *reading, str parts, pack_part *part)
{
    int top = lua_gettop(state);
    pack_map(reading->out, 4);
    int body;
    const char *at = declared_open(state, reading, &body);
    struct entries entries = declared_entries(state, reading, body, at);
    declared_pack_attributes(state, reading, body, &entries, at);
    pack_text(reading->out, parts);
    pack_list(reading->out, (uint32_t)entries.place_count);
    for (size_t i = 1; i <= entries.place_count; i++) {
        lua_rawgeti(state, body, (lua_Integer)i);
        part(state, reading, at);
        lua_pop(state, 1);
    }
    lua_settop(state, top);
}

static void pack_all(lua_State *state, struct reading *reading, str key, int list, str parts,
                     pack_part *part)
{
    lua_Unsigned count = lua_rawlen(state, list);
    pack_text(reading->out, key);
    pack_list(reading->out, (uint32_t)count);
    for (lua_Unsigned i = 1; i <= count; i++) {
        lua_rawgeti(state, list, (lua_Integer)i);
        pack_whole(state, reading, parts, part);
        lua_pop(state, 1);
    }
}

/** A role or a field group: its name and place, and its attributes; it has no parts. */
static void pack_plain(lua_State *state, struct reading *reading, str key, int list)
{
    lua_Unsigned count = lua_rawlen(state, list);
    pack_text(reading->out, key);
    pack_list(reading->out, (uint32_t)count);
    for (lua_Unsigned i = 1; i <= count; i++) {
        lua_rawgeti(state, list, (lua_Integer)i);
        int top = lua_gettop(state);
        pack_map(reading->out, 3);
        int body;
        const char *at = declared_open(state, reading, &body);
        struct entries entries = declared_entries(state, reading, body, at);
        if (entries.place_count > 0) luaL_error(state, "%s: has words alone, no list", at);
        declared_pack_attributes(state, reading, body, &entries, at);
        lua_settop(state, top - 1);
    }
}

static void pack_schema(lua_State *state, struct reading *reading)
{
    pack_map(reading->out, 5);
    pack_text(reading->out, S("version"));
    pack_int(reading->out, 1);
    pack_all(state, reading, S("entities"), ENTITIES + 1, S("fields"), pack_field);
    pack_all(state, reading, S("sets"), SETS + 1, S("choices"), pack_choice);
    pack_plain(state, reading, S("roles"), ROLES + 1);
    pack_plain(state, reading, S("groups"), GROUPS + 1);
}

int schema_run(char **arguments)
{
    struct reading reading = {.words = words,
                              .word_count = sizeof words / sizeof *words,
                              .list_count = GROUPS,
                              .wanted = "no entity, choice_set, role or field_group",
                              .pack = pack_schema,
                              .file = "schema"};
    return declared_run(arguments[0], &reading);
}
