#include "work/backtest_job.h"

#include "base/require.h"
#include "rules/saving.h"
#include "rules/trial.h"
#include "rules/versions.h"
#include "value/text.h"

constexpr uint32_t FIGURES = 10;

/** The numbers of a result, by the words that tell them; the last three are told as well. */
static const str figure_words[FIGURES] = {
    S("looked_at"), S("fired"),  S("changed"),      S("rejected"),      S("failed"),
    S("effects"),   S("erased"), S("kept_changed"), S("kept_rejected"), S("kept_failed"),
};

/** One step. */
struct stepping {
    struct backtest backtest;
    uint64_t first; /** sequence at which it began */
    bool is_over;
};

/* The rule. */

static enum err read_version(const struct view *view, struct id rule, int64_t number,
                             struct rule *rule_out)
{
    struct record version;
    TRY(version_find(view, rule, number, &version));
    return rule_read(view, view->task->arena, &version, rule_out) ? ERR_NONE
                                                                  : task_faults(view->task);
}

/** As it was when the job was begun, whatever became of it since. */
static enum err read_rule(struct rules *rules, const struct view *view, const struct value *given,
                          struct rule *rule_out)
{
    struct value id, values, version;
    struct id rule;
    str state;
    bool is_right = value_find_text(given->bytes, S("rule"), &id) && id.kind == VALUE_BYTES &&
                    id_of_bytes(id.text, &rule) &&
                    value_find_text(given->bytes, S("version"), &version) &&
                    value_find_text(given->bytes, S("values"), &values);
    if (!is_right) return fail(view->task, ERR_CORRUPT, "the job does not say which rule");
    if (version.kind == VALUE_INT && version.integer > 0)
        return read_version(view, rule, version.integer, rule_out);
    if (values.kind != VALUE_MAP) return rule_find(rules, view, rule, rule_out, &state);
    if (rule_read_values(view, view->task->arena, rule, &values.bytes, 1, rule_out))
        return ERR_NONE;
    return task_faults(view->task);
}

static enum err verify_rule(struct task *task, const struct rule *rule)
{
    if (rule->problem.len > 0)
        return fail(task, ERR_INVALID, "the rule cannot run: %.*s", FMT(rule->problem));
    if (rule->point != RULE_SCHEDULE && rule->point != RULE_ACTION) return ERR_NONE;
    return fail(task, ERR_INVALID,
                "this rule runs %s, not on changes: try it with POST /rules/{id}/test",
                rule->point == RULE_SCHEDULE ? "by the clock" : "by a button");
}

enum err backtest_job_begin(struct rules *rules, const struct view *view,
                            const struct backtest_asked *asked, struct job *job_out)
{
    struct task *task = view->task;
    struct rule rule;
    struct record record;
    str state, values = {};
    const struct entity *entity = model_entity_by_number(view->model, RULE_ENTITY);
    TRY(rule_find(rules, view, asked->rule, &rule, &state));
    if (entity != nullptr && record_get(view, entity, asked->rule, &record) == ERR_NONE)
        values = record_values(view, &record);
    task->fault = (struct fault){};
    if (asked->version > 0) TRY(read_version(view, asked->rule, asked->version, &rule));
    TRY(verify_rule(task, &rule));
    struct buf given = buf_make(task->arena, values.len + 256);
    pack_map(&given, 5);
    pack_text(&given, S("rule"));
    pack_bytes(&given, id_bytes(&asked->rule));
    pack_text(&given, S("values"));
    if (values.len > 0) pack_raw(&given, values);
    else pack_nil(&given);
    pack_text(&given, S("version"));
    pack_int(&given, asked->version);
    pack_text(&given, S("from"));
    pack_int(&given, asked->from_ms);
    pack_text(&given, S("to"));
    pack_int(&given, asked->to_ms);
    require(!buf_is_over(&given));
    return job_create(task, view->txn, view->scope, S("backtest"), buf_str(&given), job_out);
}

/* Where it is. */

static uint64_t number_in(const struct value *map, str word)
{
    struct value value;
    bool is_number = map->kind == VALUE_MAP && value_find_text(map->bytes, word, &value) &&
                     value.kind == VALUE_INT && value.integer >= 0;
    return is_number ? (uint64_t)value.integer : 0;
}

static void figures_of(struct backtest *backtest, uint64_t *figures[7])
{
    uint64_t *all[7] = {&backtest->looked_at, &backtest->fired,  &backtest->changed,
                        &backtest->rejected,  &backtest->failed, &backtest->effects,
                        &backtest->erased};
    memcpy(figures, all, sizeof all);
}

static void read_result(const struct job *job, struct backtest *backtest)
{
    struct value result = value_of(job->result), examples;
    uint64_t *figures[7];
    figures_of(backtest, figures);
    for (uint32_t at = 0; at < 7; at++) *figures[at] = number_in(&result, figure_words[at]);
    backtest->kept_changed = (uint32_t)number_in(&result, figure_words[7]);
    backtest->kept_rejected = (uint32_t)number_in(&result, figure_words[8]);
    backtest->kept_failed = (uint32_t)number_in(&result, figure_words[9]);
    bool has_examples = result.kind == VALUE_MAP &&
                        value_find_text(result.bytes, S("examples"), &examples) &&
                        examples.kind == VALUE_LIST;
    if (!has_examples) return;
    backtest->example_count = examples.count;
    backtest->examples = examples.items;
}

static void put_time(struct buf *result, struct arena *arena, str word, uint64_t ms)
{
    struct buf text = buf_make(arena, 40);
    time_write(&text, (int64_t)ms);
    pack_text(result, word);
    pack_text(result, buf_str(&text));
}

static enum err write_result(struct job_run *run, struct backtest *backtest)
{
    struct arena *arena = run->task->arena;
    struct value given = value_of(run->job.given), rule;
    struct id id = {};
    struct buf result = buf_make(arena, JOB_RESULT_BYTES_MAX);
    uint64_t *figures[7];
    figures_of(backtest, figures);
    pack_map(&result, FIGURES + 6);
    for (uint32_t at = 0; at < FIGURES; at++) {
        uint32_t kept[] = {backtest->kept_changed, backtest->kept_rejected, backtest->kept_failed};
        pack_text(&result, figure_words[at]);
        pack_int(&result, at < 7 ? (int64_t)*figures[at] : kept[at - 7]);
    }
    if (value_find_text(given.bytes, S("rule"), &rule)) (void)id_of_bytes(rule.text, &id);
    pack_text(&result, S("rule"));
    pack_text(&result, id_text(arena, id));
    uint64_t version = number_in(&given, S("version"));
    pack_text(&result, S("version"));
    if (version > 0) pack_int(&result, (int64_t)version);
    else pack_nil(&result);
    put_time(&result, arena, S("from"), number_in(&given, S("from")));
    put_time(&result, arena, S("to"), number_in(&given, S("to")));
    pack_text(&result, S("find_and_count"));
    pack_text(&result, S("as of today"));
    pack_text(&result, S("examples"));
    pack_list(&result, backtest->example_count);
    buf_put(&result, backtest->examples);
    if (buf_is_over(&result))
        return fail(run->task, ERR_TOO_LARGE, "the examples are too long to be kept");
    run->job.result = buf_str(&result);
    return ERR_NONE;
}

static bool read_position(str position, struct stepping *stepping)
{
    struct value list = value_of(position), first, next, end;
    struct cursor items = cursor_of(list.items);
    if (list.kind != VALUE_LIST || !value_next(&items, &first) || !value_next(&items, &next) ||
        !value_next(&items, &end))
        return false;
    stepping->first = (uint64_t)first.integer;
    stepping->backtest.position = (uint64_t)next.integer;
    stepping->backtest.end = (uint64_t)end.integer;
    return true;
}

static void write_position(struct job_run *run, const struct stepping *stepping)
{
    const struct backtest *backtest = &stepping->backtest;
    struct buf position = buf_make(run->task->arena, 64);
    pack_list(&position, 3);
    pack_int(&position, (int64_t)stepping->first);
    pack_int(&position, (int64_t)backtest->position);
    pack_int(&position, (int64_t)backtest->end);
    run->job.position = buf_str(&position);
    uint64_t total = backtest->end > stepping->first ? backtest->end - stepping->first : 0;
    uint64_t done = backtest->position - stepping->first;
    run->job.total = total;
    run->job.done = stepping->is_over || done > total ? total : done;
}

/* The step. */

static enum err look(struct job_run *run, struct txn *txn, void *argument)
{
    struct stepping *stepping = argument;
    struct view view = {run->task, txn, run->tenant.model, &run->scope};
    struct value given = value_of(run->job.given);
    struct rule rule;
    TRY(read_rule(run->rules, &view, &given, &rule));
    if (!read_position(run->job.position, stepping)) {
        TRY(backtest_begin(&view, (int64_t)number_in(&given, S("from")),
                           (int64_t)number_in(&given, S("to")), &stepping->backtest));
        stepping->first = stepping->backtest.position;
    }
    read_result(&run->job, &stepping->backtest);
    return backtest_step(run->rules, &view, &rule, &stepping->backtest, &stepping->is_over);
}

enum err backtest_job_step(struct job_run *run, bool *is_over_out)
{
    struct stepping *stepping = arena_new(run->task->arena, struct stepping, 1);
    if (run->rules == nullptr) return fail(run->task, ERR_SYSTEM, "no rules run here");
    TRY(job_read(run, look, stepping));
    TRY(write_result(run, &stepping->backtest));
    write_position(run, stepping);
    *is_over_out = stepping->is_over;
    return job_write(run, nullptr, nullptr);
}
