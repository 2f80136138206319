#include "rules/builtin.h"

#include "record/query.h"
#include "rules/saving.h"
#include "value/json.h"

/** A walk over them. */
struct walk {
    struct value list;
    struct cursor cursor;
    uint32_t at;
};

static struct walk walk_begin(str builtin)
{
    struct walk walk = {};
    bool is_list = builtin.len > 0 && value_find_text(builtin, S("rules"), &walk.list) &&
                   walk.list.kind == VALUE_LIST;
    if (!is_list) walk.list = (struct value){};
    walk.cursor = cursor_of(walk.list.items);
    return walk;
}

static bool walk_next(struct walk *walk, str *name_out, struct value *attributes_out)
{
    struct value rule, name;
    while (walk->at < walk->list.count && value_next(&walk->cursor, &rule)) {
        walk->at++;
        if (!value_find_text(rule.bytes, S("name"), &name) || name.kind != VALUE_TEXT) continue;
        if (!value_find_text(rule.bytes, S("attributes"), attributes_out)) continue;
        *name_out = name.text;
        return true;
    }
    return false;
}

bool builtin_find(str builtin, str name, struct value *attributes_out)
{
    struct walk walk = walk_begin(builtin);
    str own;
    while (walk_next(&walk, &own, attributes_out))
        if (str_eq(own, name)) return true;
    return false;
}

void builtin_names(str builtin, struct buf *names)
{
    struct walk walk = walk_begin(builtin);
    struct value attributes;
    str name;
    while (walk_next(&walk, &name, &attributes))
        buf_print(names, "%s%.*s", names->len == 0 ? "" : ", ", FMT(name));
    if (names->len == 0) buf_put(names, S("none"));
}

static str stored_text(const struct record *record, const char *name)
{
    const struct field *field = entity_field(record->entity, str_of(name));
    struct value value;
    bool is_text = field != nullptr && value_find(record->value, field->number, &value) &&
                   value.kind == VALUE_TEXT;
    return is_text ? value.text : (str){};
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

enum err builtin_write(const struct view *view, str builtin, struct buf *json)
{
    struct walk walk = walk_begin(builtin);
    struct value attributes, name, part;
    str own;
    bool is_first = true;
    buf_put(json, S("{\"data\":["));
    while (walk_next(&walk, &own, &attributes)) {
        buf_put(json, is_first ? S("{\"builtin\":") : S(",{\"builtin\":"));
        json_write_text(json, own);
        struct cursor cursor = cursor_of(attributes.items);
        for (uint32_t at = 0; at < attributes.count; at++) {
            if (!value_next(&cursor, &name) || !value_next(&cursor, &part)) break;
            buf_put_byte(json, ',');
            json_write_text(json, name.text);
            buf_put_byte(json, ':');
            json_write(json, &part);
        }
        buf_put(json, S(",\"in_place\":"));
        TRY(put_in_place(view, own, json));
        buf_put_byte(json, '}');
        is_first = false;
    }
    buf_put(json, S("]}"));
    return ERR_NONE;
}
