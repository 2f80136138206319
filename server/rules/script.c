/* What a runner says of a script that it does not run. */
#include "base/fold.h"
#include "rules/catalog.h"
#include "rules/saving.h"
#include "record/models.h"
#include "value/value.h"

constexpr size_t QUESTION_BYTES_MAX = RULE_SOURCE_BYTES_MAX + 4 * KIB;
constexpr size_t CATALOG_BYTES_MAX = 256 * KIB;
constexpr uint32_t CHECK_QUESTIONS_MAX = 100; /** entities that one script may name */
constexpr uint32_t CHECK_USES_MAX = 2000;
constexpr size_t CHECK_FAILURE_BYTES_MAX = 300;

static str first_frame(const struct view *view, const struct rule *rule)
{
    struct buf frame = buf_make(view->task->arena, QUESTION_BYTES_MAX);
    pack_map(&frame, 5);
    pack_named_text(&frame, S("ask"), S("check"));
    pack_named_text(&frame, S("source"), rule->source);
    pack_named_text(&frame, S("point"), rule_point_word(rule->point));
    pack_named_text(&frame, S("entity"), rule->entity->name);
    pack_text(&frame, S("model"));
    pack_int(&frame, model_revision(view->model));
    return buf_str(&frame);
}

/** What follows on a question of the runner's: the only one there is asks for an entity. */
static str answer_frame(const struct view *view, str question)
{
    struct value name;
    struct buf frame = buf_make(view->task->arena, CATALOG_BYTES_MAX);
    const struct entity *entity = nullptr;
    if (value_find_text(question, S("entity"), &name) && name.kind == VALUE_TEXT)
        entity = model_entity(view->model, name.text);
    pack_map(&frame, 1);
    if (entity == nullptr) {
        pack_named_text(&frame, S("refused"), S("there is no such entity"));
    } else {
        pack_text(&frame, S("answer"));
        rule_catalog_write(&frame, entity);
    }
    return buf_str(&frame);
}

static uint32_t number_of(const struct value *value)
{
    bool is_number = value->kind == VALUE_INT && value->integer >= 0 &&
                     value->integer <= (int64_t)RULE_SOURCE_BYTES_MAX;
    return is_number ? (uint32_t)value->integer : 0;
}

static bool read_use(const struct value *item, struct script_use *use)
{
    struct cursor cursor = cursor_of(item->items);
    struct value entity, field, is_write, line, column;
    if (item->kind != VALUE_LIST || item->count != 5) return false;
    bool is_whole = value_next(&cursor, &entity) && value_next(&cursor, &field) &&
                    value_next(&cursor, &is_write) && value_next(&cursor, &line) &&
                    value_next(&cursor, &column) && entity.kind == VALUE_TEXT &&
                    field.kind == VALUE_TEXT && is_write.kind == VALUE_BOOL;
    if (!is_whole) return false;
    *use = (struct script_use){entity.text, field.text, is_write.boolean, number_of(&line),
                               number_of(&column)};
    return true;
}

bool script_checked_read(struct arena *arena, str said, struct script_checked *checked)
{
    struct value failure, uses, line = {}, column = {}, item;
    *checked = (struct script_checked){};
    if (!value_find_text(said, S("failure"), &failure)) return false;
    if (failure.kind == VALUE_TEXT)
        checked->failure = utf8_first(failure.text, CHECK_FAILURE_BYTES_MAX);
    else if (failure.kind != VALUE_NIL) return false;
    (void)value_find_text(said, S("line"), &line);
    (void)value_find_text(said, S("column"), &column);
    checked->line = number_of(&line);
    checked->column = number_of(&column);
    if (!value_find_text(said, S("uses"), &uses) || uses.kind != VALUE_LIST) return true;
    uint32_t count = uses.count < CHECK_USES_MAX ? uses.count : CHECK_USES_MAX;
    struct script_use *read = arena_new(arena, struct script_use, count + 1);
    struct cursor cursor = cursor_of(uses.items);
    for (uint32_t at = 0; at < count && value_next(&cursor, &item); at++)
        if (!read_use(&item, &read[checked->use_count++])) return false;
    checked->uses = read;
    return true;
}

enum err script_check(struct rules *rules, const struct view *view, const struct rule *rule,
                      struct script_checked *checked_out)
{
    struct talk *talk;
    str said;
    *checked_out = (struct script_checked){};
    if (talk_begin(rules_runners(rules), view->task, txn_space(view->txn)->number,
                   RUNNER_FOR_CHANGES, &talk) == RUNNER_NONE)
        return ERR_FULL;
    str frame = first_frame(view, rule);
    for (uint32_t asked = 0; asked <= CHECK_QUESTIONS_MAX; asked++) {
        struct value ask;
        if (talk_say(talk, frame, RULE_CPU_MS_MAX, &said) != RUNNER_ANSWERED) break;
        bool is_question = value_find_text(said, S("ask"), &ask);
        if (!is_question && script_checked_read(view->task->arena, said, checked_out)) {
            talk_end(talk, true);
            return ERR_NONE;
        }
        if (!is_question || ask.kind != VALUE_TEXT || !str_eq(ask.text, S("entity"))) break;
        frame = answer_frame(view, said);
    }
    str why = talk_failure(talk);
    *checked_out = (struct script_checked){
        .failure = arena_print(view->task->arena, "it cannot be checked: the runner %.*s",
                               FMT(why.len > 0 ? why : S("said what is no answer")))};
    talk_end(talk, false);
    return ERR_NONE;
}
