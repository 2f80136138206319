#include "rules/naming.h"

#include "record/models.h"
#include "record/shape.h"
#include "rules/judging.h"

constexpr uint32_t RULES_NAMED_MAX = 5;

/** What is to be deleted. */
struct going {
    struct change *change;
    struct standings standings;
    str entity;                   /** of an own entity, or of an own field */
    str field;                    /** empty: the entity */
    const struct choice_set *set; /** of a choice; nullptr: it is none */
    str choice;
};

static str text_of(const struct draft *draft, uint16_t number)
{
    const struct field *field = entity_field_by_number(draft_entity(draft), number);
    str stored = field == nullptr ? (str){} : draft_stored(draft, field, true);
    struct value value = stored.len > 0 ? value_of(stored) : (struct value){};
    return value.kind == VALUE_TEXT ? value.text : (str){};
}

static bool path_names(const struct going *going, str path)
{
    str entity, field;
    (void)str_cut(path, '.', &entity, &field);
    if (going->set != nullptr) {
        const struct entity *of = model_entity(going->change->model, entity);
        const struct field *found = of == nullptr ? nullptr : entity_field(of, field);
        return found != nullptr && found->set == going->set;
    }
    return str_eq(entity, going->entity) && (going->field.len == 0 || str_eq(field, going->field));
}

static bool paths_name(const struct going *going, const struct standing *rule, const char *list)
{
    struct value paths = standing_value(&going->standings, rule, list), path;
    struct cursor cursor = cursor_of(paths.items);
    if (paths.kind != VALUE_LIST) return false;
    for (uint32_t at = 0; at < paths.count && value_next(&cursor, &path); at++)
        if (path.kind == VALUE_TEXT && path_names(going, path.text)) return true;
    return false;
}

/** Whether a text stands anywhere in a value. */
static bool value_has(const struct value *value, str text, uint32_t depth)
{
    struct cursor cursor = cursor_of(value->items);
    struct value item;
    if (value->kind == VALUE_TEXT) return str_eq(value->text, text);
    if ((value->kind != VALUE_LIST && value->kind != VALUE_MAP) || depth == 0) return false;
    while (value_next(&cursor, &item))
        if (value_has(&item, text, depth - 1)) return true;
    return false;
}

/** Whether the script has the text between quotes. */
static bool source_has(struct arena *arena, str source, str text)
{
    static const char quotes[] = {'"', '\''};
    if (source.len == 0) return false;
    for (size_t at = 0; at < sizeof quotes; at++) {
        str quoted = arena_print(arena, "%c%.*s%c", quotes[at], FMT(text), quotes[at]);
        if (memmem(source.at, source.len, quoted.at, quoted.len) != nullptr) return true;
    }
    return false;
}

static bool rule_names(const struct going *going, const struct standing *rule)
{
    const struct standings *standings = &going->standings;
    bool is_of = going->set == nullptr && going->field.len == 0 &&
                 str_eq(standing_text(standings, rule, "entity"), going->entity);
    bool is_named = is_of || paths_name(going, rule, "reads") || paths_name(going, rule, "writes");
    if (!is_named || going->set == nullptr) return is_named;
    struct value when = standing_value(standings, rule, "when");
    struct value set = standing_value(standings, rule, "set");
    return value_has(&when, going->choice, VALUE_DEPTH_MAX) ||
           value_has(&set, going->choice, VALUE_DEPTH_MAX) ||
           source_has(going->change->task->arena, standing_text(standings, rule, "source"),
                      going->choice);
}

/** False: whatever rules say, it may go. */
static bool read_going(struct going *going, const struct draft *draft)
{
    const struct model *model = going->change->model;
    switch (draft_entity(draft)->number) {
    case CUSTOM_ENTITY_ENTITY:
        going->entity = text_of(draft, OWN_NAME);
        return true;
    case CUSTOM_FIELD_ENTITY:
        going->entity = text_of(draft, CUSTOM_OF);
        going->field = text_of(draft, CUSTOM_NAME);
        return true;
    case CHOICE_ENTITY:
        break;
    default:
        return false;
    }
    going->choice = text_of(draft, CHOICE_VALUE);
    going->set = model_set(model, text_of(draft, CHOICE_SET));
    if (going->set == nullptr || going->set->is_open || model->models == nullptr) return false;
    /* Where it stood in the place of a built-in one, that one comes back. */
    const struct choice_set *base = model_set(models_base(model->models), going->set->name);
    return base == nullptr || set_choice(base, going->choice) == nullptr;
}

enum err naming_before(struct change *change, struct draft *draft)
{
    struct going going = {.change = change};
    struct view view = change_view(change);
    struct buf names = buf_make(change->task->arena, 4 * KIB);
    uint32_t count = 0;
    if (draft_operation(draft) != OPERATION_DELETE || !read_going(&going, draft)) return ERR_NONE;
    TRY(standings_read(&view, &going.standings, nullptr));
    for (uint32_t at = 0; at < going.standings.count; at++) {
        const struct standing *rule = &going.standings.items[at];
        if (!rule_names(&going, rule)) continue;
        if (count < RULES_NAMED_MAX)
            buf_print(&names, "%s\"%.*s\"", count == 0 ? "" : ", ",
                      FMT(standing_text(&going.standings, rule, "name")));
        count++;
    }
    if (count == 0) return ERR_NONE;
    return fail(change->task, ERR_CONFLICT, "active rules name it: %.*s%s; switch them off first",
                FMT(buf_str(&names)), count > RULES_NAMED_MAX ? " and others" : "");
}
