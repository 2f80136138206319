#include "base/require.h"
#include "model/kind.h"
#include "record/computed.h"

/** Formulas of one level that are asked for together. */
struct asking {
    struct change *change;
    struct draft *const *drafts;
    uint32_t draft_count;
    uint32_t formula_count;
    const struct field **formulas;
    uint32_t name_count;
    const struct field **fields; /** that they read */
};

static bool is_due(const struct draft *draft, const struct field *formula)
{
    bool is = draft->is_new;
    for (uint32_t at = 0; at < formula->formula->read_count && !is; at++)
        is = draft_has_changed(draft, formula->formula->reads[at]);
    return is;
}

bool formulas_are_due(const struct draft *draft)
{
    bool are = false;
    for (uint32_t at = 0; at < draft->entity->formula_count && !are; at++)
        are = is_due(draft, draft->entity->formulas[at]);
    return are;
}

static void note_reads(struct asking *asking, const struct field *formula)
{
    for (uint32_t at = 0; at < formula->formula->read_count; at++) {
        const struct field *field = formula->formula->reads[at];
        bool is_known = false;
        for (uint32_t of = 0; of < asking->name_count && !is_known; of++)
            is_known = asking->fields[of] == field;
        if (!is_known) asking->fields[asking->name_count++] = field;
    }
}

static str values_of(const struct asking *asking, const struct draft *draft)
{
    struct arena *arena = asking->change->task->arena;
    struct buf list = buf_make(arena, 2 * RECORD_BYTES_MAX);
    pack_list(&list, asking->name_count);
    for (uint32_t at = 0; at < asking->name_count; at++)
        value_give(&list, asking->fields[at], draft_get(draft, asking->fields[at]));
    require(!buf_is_over(&list));
    return buf_str(&list);
}

/** What came back is checked as a value that somebody gives. */
static void take_answer(struct change *change, struct draft *draft, const struct field *formula,
                        const struct formula_answer *answer)
{
    struct arena *arena = change->task->arena;
    struct value given = value_of(answer->value);
    struct buf stored = buf_make(arena, RECORD_BYTES_MAX);
    struct task quiet = {.arena = arena};
    bool has_failed = answer->failure.len > 0;
    if (!has_failed && given.kind != VALUE_NIL)
        has_failed = !formula->kind_of->read(&quiet, formula, &given, &stored) ||
                     buf_is_over(&stored) || value_of(buf_str(&stored)).kind == VALUE_NIL;
    draft_put(draft, formula, has_failed ? (str){} : buf_str(&stored));
    draft_note_incomplete(change, draft, formula, has_failed);
}

static enum err ask(const struct asking *asking)
{
    struct change *change = asking->change;
    struct arena *arena = change->task->arena;
    const struct formulas *formulas = change->hooks == nullptr ? nullptr : change->hooks->formulas;
    if (formulas == nullptr)
        return fail(change->task, ERR_FULL, "formulas cannot be computed now; try again");
    str *names = arena_new(arena, str, asking->name_count);
    for (uint32_t at = 0; at < asking->name_count; at++) names[at] = asking->fields[at]->name;
    str *records = arena_new(arena, str, asking->draft_count);
    for (uint32_t at = 0; at < asking->draft_count; at++)
        records[at] = values_of(asking, asking->drafts[at]);
    struct formula_question question = {
        .formula_count = asking->formula_count,
        .formulas = asking->formulas,
        .name_count = asking->name_count,
        .names = names,
        .record_count = asking->draft_count,
        .records = records,
    };
    struct formula_answer *answers =
        arena_new(arena, struct formula_answer, asking->draft_count * asking->formula_count);
    TRY(formulas->evaluate(formulas->owner, change->task, txn_space(change->txn), &question,
                           answers));
    for (uint32_t at = 0; at < asking->draft_count; at++)
        for (uint32_t of = 0; of < asking->formula_count; of++)
            take_answer(change, asking->drafts[at], asking->formulas[of], answers++);
    return ERR_NONE;
}

enum err formulas_evaluate(struct change *change, struct draft *const *drafts, uint32_t count,
                           bool is_of_all)
{
    require(count > 0);
    const struct entity *entity = drafts[0]->entity;
    struct arena *arena = change->task->arena;
    for (uint32_t from = 0, to; from < entity->formula_count; from = to) {
        struct asking asking = {
            .change = change,
            .drafts = drafts,
            .draft_count = count,
            .formulas = arena_new(arena, const struct field *, entity->formula_count),
            .fields = arena_new(arena, const struct field *, entity->field_count),
        };
        uint32_t level = entity->formulas[from]->formula->level;
        for (to = from; to < entity->formula_count && entity->formulas[to]->formula->level == level;
             to++) {
            const struct field *formula = entity->formulas[to];
            bool is_asked = is_of_all;
            for (uint32_t at = 0; at < count && !is_asked; at++)
                is_asked = is_due(drafts[at], formula);
            if (!is_asked || formula->is_removed) continue;
            asking.formulas[asking.formula_count++] = formula;
            note_reads(&asking, formula);
        }
        if (asking.formula_count > 0) TRY(ask(&asking));
    }
    return ERR_NONE;
}
