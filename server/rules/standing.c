/* The active rules of a tenant as they are stored, whatever is wrong with them. */
#include "rules/judging.h"

#include "base/require.h"

bool list_has_text(const struct value *list, str text)
{
    struct cursor cursor = cursor_of(list->items);
    struct value item;
    if (list->kind != VALUE_LIST) return false;
    for (uint32_t at = 0; at < list->count && value_next(&cursor, &item); at++)
        if (item.kind == VALUE_TEXT && str_eq(item.text, text)) return true;
    return false;
}

struct value standing_value(const struct standings *standings, const struct standing *standing,
                            const char *name)
{
    const struct field *field = entity_field(standings->rules, str_of(name));
    struct value value = {};
    require(field != nullptr);
    return value_find(standing->value, field->number, &value) ? value : (struct value){};
}

str standing_text(const struct standings *standings, const struct standing *standing,
                  const char *name)
{
    struct value value = standing_value(standings, standing, name);
    return value.kind == VALUE_TEXT ? value.text : (str){};
}

enum err standings_read(const struct view *view, struct standings *standings_out,
                        uint32_t *count_out)
{
    struct arena *arena = view->task->arena;
    struct standings standings = {.rules = model_entity_by_number(view->model, RULE_ENTITY)};
    struct standing *items = arena_new(arena, struct standing, RULES_OF_TENANT_MAX);
    const struct field *state = entity_field(standings.rules, S("state"));
    struct scan_range all = {.is_unbounded_from = true, .is_unbounded_to = true};
    struct scan *scan = scan_records(view->txn, RULE_ENTITY, &all);
    bool has_entry;
    uint32_t count = 0;
    struct scan_entry entry;
    enum err err;
    while ((err = scan_next(scan, &has_entry, &entry)) == ERR_NONE && has_entry) {
        count++;
        if (!str_eq(value_text_at(entry.value, state->number), S("active"))) continue;
        if (standings.count == RULES_OF_TENANT_MAX) break;
        items[standings.count++] = (struct standing){entry.id, arena_copy(arena, entry.value)};
    }
    scan_close(scan);
    standings.items = items;
    *standings_out = standings;
    if (count_out != nullptr) *count_out = count;
    return err;
}
