#include "rules/builtin.h"

#include "base/crypto.h"
#include "record/query.h"
#include "rules/saving.h"
#include "value/json.h"

struct builtin_walk builtin_begin(str builtin)
{
    struct value rules;
    bool is_list =
        builtin.len > 0 && value_find_text(builtin, S("rules"), &rules) && rules.kind == VALUE_LIST;
    if (!is_list) return (struct builtin_walk){};
    return (struct builtin_walk){cursor_of(rules.items), rules.count};
}

bool builtin_next(struct builtin_walk *walk, struct builtin_one *one_out)
{
    struct value rule, name;
    while (walk->left > 0 && value_next(&walk->cursor, &rule)) {
        walk->left--;
        if (!value_find_text(rule.bytes, S("name"), &name) || name.kind != VALUE_TEXT) continue;
        if (!value_find_text(rule.bytes, S("attributes"), &one_out->attributes)) continue;
        one_out->name = name.text;
        return true;
    }
    return false;
}

struct id builtin_id(str name)
{
    str parts[2] = {S("built-in rule"), name};
    struct hash hash = hash_of(nullptr, parts, 2);
    struct id id;
    memcpy(id.bytes, hash.bytes, sizeof id.bytes);
    id.bytes[6] = (uint8_t)(0x80 | (id.bytes[6] & 0x0f)); /* RFC 9562: version 8, custom */
    id.bytes[8] = (uint8_t)(0x80 | (id.bytes[8] & 0x3f));
    return id;
}

bool builtin_find(str builtin, str name, struct value *attributes_out)
{
    struct builtin_walk walk = builtin_begin(builtin);
    struct builtin_one one;
    while (builtin_next(&walk, &one)) {
        if (!str_eq(one.name, name)) continue;
        *attributes_out = one.attributes;
        return true;
    }
    return false;
}

void builtin_names(str builtin, struct buf *names)
{
    struct builtin_walk walk = builtin_begin(builtin);
    struct builtin_one one;
    while (builtin_next(&walk, &one))
        buf_print(names, "%s%.*s", names->len == 0 ? "" : ", ", FMT(one.name));
    if (names->len == 0) buf_put(names, S("none"));
}

static str stored_text(const struct record *record, const char *name)
{
    const struct field *field = entity_field(record->entity, str_of(name));
    return field == nullptr ? (str){} : value_text_at(record->value, field->number);
}

/** The tenant's own rule that stands in its place. */
static enum err put_in_place(const struct view *view, str name, struct buf *json)
{
    const struct entity *rules = model_entity_by_number(view->model, RULE_ENTITY);
    const struct field *field = entity_field(rules, S("builtin"));
    struct buf text = buf_make(view->task->arena, KIB);
    struct record record;
    struct id id;
    uint32_t count;
    pack_text(&text, name);
    struct value value = value_of(buf_str(&text));
    TRY(query_find_same(view, field, &value, 1, &id, &count));
    if (count == 0) {
        buf_put(json, S("null"));
        return ERR_NONE;
    }
    TRY(record_get(view, rules, id, &record));
    buf_print(json, "{\"id\":\"%.*s\",\"name\":", FMT(id_text(view->task->arena, id)));
    json_write_text(json, stored_text(&record, "name"));
    buf_put(json, S(",\"state\":"));
    json_write_text(json, stored_text(&record, "state"));
    buf_put_byte(json, '}');
    return ERR_NONE;
}

/** Each word that it says. */
static void put_attributes(struct buf *json, const struct value *attributes)
{
    struct cursor cursor = cursor_of(attributes->items);
    struct value name, part;
    for (uint32_t at = 0; at < attributes->count; at++) {
        if (!value_next(&cursor, &name) || !value_next(&cursor, &part)) break;
        buf_put_byte(json, ',');
        json_write_text(json, name.text);
        buf_put_byte(json, ':');
        json_write(json, &part);
    }
}

enum err builtin_write(const struct view *view, str builtin, struct buf *json)
{
    struct builtin_walk walk = builtin_begin(builtin);
    struct builtin_one one;
    const char *comma = "";
    buf_put(json, S("{\"data\":["));
    for (; builtin_next(&walk, &one); comma = ",") {
        buf_print(json, "%s{\"id\":\"%.*s\",\"builtin\":", comma,
                  FMT(id_text(view->task->arena, builtin_id(one.name))));
        json_write_text(json, one.name);
        put_attributes(json, &one.attributes);
        buf_put(json, S(",\"in_place\":"));
        TRY(put_in_place(view, one.name, json));
        buf_put_byte(json, '}');
    }
    buf_put(json, S("]}"));
    return ERR_NONE;
}
