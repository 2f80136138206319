#include "work/import_rules.h"

#include "base/fold.h"
#include "base/require.h"
#include "value/json.h"
#include "work/import_engine.h"
#include "work/rule_outbox.h"

static const str choice_words[] = {
    [RULE_EACH] = {"each", 4},
    [RULE_ONCE] = {"once", 4},
    [RULE_NOT] = {"not", 3},
};

/* Choices. */

static bool choice_of(const struct value *word, enum rule_in_imports *choice_out)
{
    for (size_t at = 0; at < sizeof choice_words / sizeof choice_words[0]; at++) {
        if (word->kind != VALUE_TEXT || !str_eq(word->text, choice_words[at])) continue;
        *choice_out = (enum rule_in_imports)at;
        return true;
    }
    return false;
}

uint32_t import_choices_read(struct task *task, const struct value *given,
                             struct settled_choice *choices)
{
    struct cursor pairs = cursor_of(given->items);
    struct value key, word;
    uint32_t count = 0;
    if (given->kind != VALUE_MAP || given->count > IMPORT_CHOICES_MAX) {
        task_fault(task, S("rules"), S("type"),
                   "must be an object of at most %u ids of rules, each with each, once or not",
                   IMPORT_CHOICES_MAX);
        return 0;
    }
    for (uint32_t at = 0; at < given->count; at++) {
        struct settled_choice *choice = &choices[count];
        if (!value_next(&pairs, &key) || !value_next(&pairs, &word)) break;
        if (key.kind == VALUE_TEXT && id_parse(key.text, &choice->rule) &&
            choice_of(&word, &choice->choice))
            count++;
        else
            task_fault(task, S("rules"), S("choice"),
                       "%.*s: must be the id of a rule, with each, once or not",
                       FMT(utf8_first(key.kind == VALUE_TEXT ? key.text : S("?"), 100)));
    }
    return count;
}

enum err import_choices_verify(struct rules *rules, const struct view *view,
                               const struct settled_choice *choices, uint32_t count)
{
    struct task *task = view->task;
    const struct rule_set *set;
    if (count == 0) return ERR_NONE;
    if (rules == nullptr) return fail(task, ERR_INVALID, "there are no rules here");
    TRY(rule_set_of(rules_sets(rules), view, &set));
    for (uint32_t at = 0; at < count; at++) {
        const struct rule *rule = rule_set_find(set, choices[at].rule);
        if (rule != nullptr && rule->point == RULE_SETTLED) continue;
        task_fault(task, S("rules"), S("reference"),
                   "%.*s is no active rule that runs after a change is settled",
                   FMT(id_text(task->arena, choices[at].rule)));
    }
    return task_faults(task);
}

/** What this import does with a rule that does `otherwise` by itself. */
static enum rule_in_imports choice_for(const struct import *import, struct id rule,
                                       enum rule_in_imports otherwise)
{
    const struct import_options *options = &import->options;
    for (uint32_t at = 0; at < options->choice_count; at++)
        if (id_eq(options->choices[at].rule, rule)) return options->choices[at].choice;
    return otherwise;
}

/* Once. */

static void put_count(struct buf *out, str name, uint64_t count)
{
    pack_text(out, name);
    pack_int(out, (int64_t)count);
}

/** What a rule is told that runs once for the whole import. */
static str input_of(struct arena *arena, const struct import *import, const struct entity *entity)
{
    const struct import_counts *counts = &import->report.counts;
    struct buf input = buf_make(arena, 512);
    pack_map(&input, 5);
    put_count(&input, S("created"), counts->created);
    put_count(&input, S("updated"), counts->updated);
    put_count(&input, S("failed"), counts->failed);
    pack_text(&input, S("group"));
    pack_text(&input, id_text(arena, import->report.group));
    pack_text(&input, S("entity"));
    pack_text(&input, entity->name);
    require(!buf_is_over(&input));
    return buf_str(&input);
}

static bool is_written_to(const struct import *import, const struct entity *entity)
{
    for (uint32_t at = 0; at < import->plan.group_count; at++)
        if (import->plan.groups[at].entity == entity) return true;
    return false;
}

enum err import_settle(struct import *import, struct task *task, struct txn *txn)
{
    const struct import_options *options = &import->options;
    const struct import_counts *counts = &import->report.counts;
    struct change change = {.task = task,
                            .txn = txn,
                            .model = options->model,
                            .scope = options->scope,
                            .hooks = options->hooks,
                            .group = import->report.group,
                            .cause = options->cause};
    struct view view = change_view(&change);
    const struct rule_set *set;
    if (options->rules == nullptr || options->is_preview) return ERR_NONE;
    if (counts->created + counts->updated == 0) return ERR_NONE;
    TRY(rule_set_of(rules_sets(options->rules), &view, &set));
    for (uint32_t at = 0; at < set->rule_count; at++) {
        const struct rule *rule = &set->rules[at];
        if (rule->point != RULE_SETTLED || !is_written_to(import, rule->entity)) continue;
        if (choice_for(import, rule->id, rule->in_imports) != RULE_ONCE) continue;
        str input = input_of(task->arena, import, import->plan.entity);
        TRY(rule_settle_once(&change, rule, S("import"), input));
    }
    return ERR_NONE;
}

/* A preview. */

void import_put_rules(struct buf *out, const struct import *import)
{
    const struct import_forecast *forecast = &import->forecast;
    const struct rule_tally *tally = &forecast->tally;
    uint32_t count = tally->count;
    pack_map(out, 2);
    put_count(out, S("rows"), forecast->ruled_rows);
    pack_text(out, S("rules"));
    pack_list(out, count);
    for (uint32_t at = 0; at < count; at++) {
        const struct rule_tallied *tallied = &tally->rules[at];
        bool is_settled = tallied->point == RULE_SETTLED;
        enum rule_in_imports choice = choice_for(import, tallied->rule, tallied->in_imports);
        uint64_t run_count = tallied->run_count;
        if (is_settled && choice == RULE_ONCE && run_count > 1) run_count = 1;
        if (is_settled && choice == RULE_NOT) run_count = 0;
        pack_map(out, 9);
        pack_text(out, S("id"));
        pack_text(out, id_text(out->arena, tallied->rule));
        pack_text(out, S("name"));
        pack_text(out, tallied->name);
        pack_text(out, S("point"));
        pack_text(out, rule_point_word(tallied->point));
        put_count(out, S("runs"), run_count);
        put_count(out, S("set"), tallied->set_count);
        put_count(out, S("rejected"), tallied->rejected_count);
        put_count(out, S("failed"), tallied->failed_count);
        put_count(out, S("mails"), tallied->mail_count);
        pack_text(out, S("choice"));
        if (is_settled) pack_text(out, choice_words[choice]);
        else pack_nil(out);
    }
}
