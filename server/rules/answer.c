/* What a runner asks while a script runs, answered from the change's transaction. All that it says
 * is read as bytes of a stranger: what does not fit is refused, and the script told so. */
#include "base/fold.h"
#include "base/require.h"
#include "record/past.h"
#include "record/query.h"
#include "rules/catalog.h"
#include "rules/firing.h"
#include "rules/trial.h"
#include "value/frame.h"

constexpr size_t REFUSAL_FRAME_BYTES_MAX = 8 * KIB;
constexpr size_t SCRATCH_BYTES_MAX = 16 * MIB; /** several times the longest answer */

/** One question. */
struct asking {
    struct run *run;
    struct task *task;
    struct arena *arena;
    struct view view; /** of rules: everything but secrets */
    str question;
    struct buf *answer; /** an encoded value */
};

/* Frames. */

static str frame_of(struct arena *arena, str name, str encoded)
{
    struct buf frame = buf_make(arena, name.len + encoded.len + 16);
    pack_map(&frame, 1);
    pack_text(&frame, name);
    pack_raw(&frame, encoded);
    return buf_str(&frame);
}

static str frame_text(struct arena *arena, str name, str text)
{
    struct buf encoded = buf_make(arena, REFUSAL_FRAME_BYTES_MAX);
    pack_text(&encoded, utf8_first(text, REFUSAL_FRAME_BYTES_MAX / 2));
    return frame_of(arena, name, buf_str(&encoded));
}

/* What questions name. */

static str text_of(const struct asking *asking, str name)
{
    return value_text_in(asking->question, name);
}

static enum err entity_of(const struct asking *asking, const struct entity **entity_out)
{
    const struct model *model = asking->view.model;
    str name = text_of(asking, S("entity"));
    *entity_out = model_entity(model, name);
    if (*entity_out != nullptr) return ERR_NONE;
    const struct entity *collection = model_collection(model, name);
    if (collection != nullptr)
        return fail(asking->task, ERR_INVALID, "there is no entity \"%.*s\"; it is %.*s",
                    FMT(utf8_first(name, 60)), FMT(collection->name));
    return fail(asking->task, ERR_INVALID, "there is no entity \"%.*s\"",
                FMT(utf8_first(name, 60)));
}

static enum err id_of(const struct asking *asking, str name, struct id *id_out)
{
    if (id_parse(text_of(asking, name), id_out)) return ERR_NONE;
    return fail(asking->task, ERR_INVALID, "%.*s: is no id of a record", FMT(name));
}

/** A member in the form of what somebody sends, in an arena; nil where there is none. */
static enum err given_of(const struct asking *asking, str name, struct value *given_out)
{
    struct value value;
    *given_out = (struct value){};
    if (!value_find_text(asking->question, name, &value) || value.kind == VALUE_NIL)
        return ERR_NONE;
    struct buf given = buf_make(asking->arena, BODY_BYTES_MAX);
    TRY(value_read_given(asking->task, value.bytes, &given));
    *given_out = value_of(buf_str(&given));
    return ERR_NONE;
}

static enum err map_of(const struct asking *asking, str name, struct value *map_out)
{
    TRY(given_of(asking, name, map_out));
    if (map_out->kind == VALUE_MAP) return ERR_NONE;
    return fail(asking->task, ERR_INVALID, "%.*s: is a table of names and values", FMT(name));
}

/* Reading. */

static void answer_record(struct asking *asking, const struct record *record)
{
    pack_raw(asking->answer, record_values(&asking->view, record));
}

static enum err answer_get(struct asking *asking)
{
    const struct entity *entity;
    const struct trial *trial = asking->run->chain->trial;
    struct record record;
    struct id id;
    TRY(entity_of(asking, &entity));
    TRY(id_of(asking, S("id"), &id));
    int64_t at_ms = trial == nullptr ? 0 : trial->at_ms;
    enum err err = at_ms == 0 ? record_get(&asking->view, entity, id, &record)
                              : record_get_at(&asking->view, entity, id, at_ms, &record);
    if (err == ERR_NONE) return answer_record(asking, &record), ERR_NONE;
    if (err != ERR_MISSING) return err;
    asking->task->fault = (struct fault){};
    pack_nil(asking->answer);
    return ERR_NONE;
}

struct archived_search {
    const struct field *field;
    bool is_found;
};

static bool look_for_archived(void *argument, const struct condition_test *test)
{
    struct archived_search *search = argument;
    search->is_found = search->is_found || test->field == search->field;
    return !search->is_found;
}

static enum err query_of(struct asking *asking, struct query *query)
{
    const struct entity *entity;
    const struct condition *condition;
    struct task *task = asking->task;
    struct value where, limit;
    TRY(entity_of(asking, &entity));
    query_init(query, entity, asking->view.scope);
    TRY(given_of(asking, S("where"), &where));
    if (where.kind != VALUE_NIL) {
        struct condition_form form = {.entity = entity,
                                      .arena = asking->arena,
                                      .path = S("where"),
                                      .sight = scope_sight(asking->view.scope)};
        if (!condition_read(task, &form, &where, &condition) ||
            !condition_verify(&asking->view, condition))
            return task_faults(task);
        struct archived_search search = {.field = entity->archived_at};
        if (search.field != nullptr) (void)condition_visit(condition, &search, look_for_archived);
        query->takes_archived = search.is_found;
        query_narrow(query, asking->arena, condition);
    }
    str sort = text_of(asking, S("sort"));
    if (sort.len > 0) TRY(query_add(task, query, S("sort"), sort));
    query->limit = PAGE_RECORDS_DEFAULT;
    if (value_find_text(asking->question, S("limit"), &limit) && limit.kind != VALUE_NIL) {
        if (limit.kind != VALUE_INT || limit.integer < 1 || limit.integer > RULE_FIND_MAX)
            return fail(task, ERR_INVALID, "limit: is a number from 1 to %u", RULE_FIND_MAX);
        query->limit = (uint32_t)limit.integer;
    }
    return query_end(&asking->view, query);
}

/** A question may touch so many keys and no more. */
static enum err with_keys(struct asking *asking, const struct query *query,
                          enum err (*read)(struct asking *asking, const struct query *query))
{
    struct task *task = asking->task;
    uint32_t keys_max = task->keys_max;
    task->keys_max = task->keys_touched + RULE_KEYS_MAX;
    enum err err = read(asking, query);
    task->keys_max = keys_max;
    /* A narrower question is answered. */
    return err == ERR_TOO_LARGE && !arena_is_over(asking->arena) ? ERR_INVALID : err;
}

static enum err read_page(struct asking *asking, const struct query *query)
{
    struct query_page page;
    TRY(query_read(&asking->view, query, &page));
    pack_list(asking->answer, page.count);
    for (uint32_t at = 0; at < page.count; at++) answer_record(asking, &page.records[at]);
    if (buf_is_over(asking->answer))
        return fail(asking->task, ERR_INVALID,
                    "these records are too large to be given at once: ask for fewer");
    return ERR_NONE;
}

static enum err read_count(struct asking *asking, const struct query *query)
{
    uint32_t count;
    bool is_exact;
    TRY(query_count(&asking->view, query, QUERY_COUNT_MAX, RULE_KEYS_MAX, &count, &is_exact));
    if (!is_exact)
        return fail(asking->task, ERR_INVALID,
                    "there are more than can be counted for a rule (at least %u)", count);
    pack_int(asking->answer, count);
    return ERR_NONE;
}

static enum err answer_find(struct asking *asking)
{
    struct query query;
    TRY(query_of(asking, &query));
    return with_keys(asking, &query, read_page);
}

static enum err answer_count(struct asking *asking)
{
    struct query query;
    TRY(query_of(asking, &query));
    return with_keys(asking, &query, read_count);
}

static enum err answer_settings(struct asking *asking)
{
    struct record record;
    const struct entity *entity = model_entity(asking->view.model, S("settings"));
    require(entity != nullptr && entity->is_single);
    TRY(record_get(&asking->view, entity, txn_space(asking->view.txn)->uuid, &record));
    answer_record(asking, &record);
    return ERR_NONE;
}

static enum err answer_entity(struct asking *asking)
{
    const struct entity *entity;
    TRY(entity_of(asking, &entity));
    rule_catalog_write(asking->answer, entity);
    return ERR_NONE;
}

/** Of the rule that runs; it is asked for once. */
static enum err answer_source(struct asking *asking)
{
    const struct rule *rule = asking->run->asked->rule;
    struct value code;
    str expected = {(const char *)rule->code.bytes, sizeof rule->code.bytes};
    bool is_it = value_find_text(asking->question, S("code"), &code) && code.kind == VALUE_BYTES &&
                 str_eq(code.text, expected);
    if (!is_it) return fail(asking->task, ERR_INVALID, "there is no such source");
    pack_text(asking->answer, rule->source);
    return ERR_NONE;
}

/* Writing. */

static enum err may_write(const struct asking *asking)
{
    const struct rule *rule = asking->run->asked->rule;
    if (rule->point == RULE_CHECK)
        return fail(asking->task, ERR_FORBIDDEN, "a check changes nothing: use after");
    if (rule->point == RULE_BEFORE)
        return fail(asking->task, ERR_FORBIDDEN,
                    "a rule that runs before a record is saved changes that record alone: use "
                    "after");
    return ERR_NONE;
}

/** Does it; the record as it is then is the answer, of a deletion true. */
static enum err perform(struct asking *asking, struct deed *deed)
{
    struct run *run = asking->run;
    str refusal;
    TRY(may_write(asking));
    enum err err = rule_do(run->change, run->asked->rule, run->asked->id, deed, &refusal);
    if (err != ERR_NONE) return run->err = err;
    if (refusal.len > 0) return fail(asking->task, ERR_INVALID, "%.*s", FMT(refusal));
    if (deed->kind == DEED_DELETE) return pack_bool(asking->answer, true), ERR_NONE;
    struct record record;
    enum err found = record_get(&asking->view, deed->entity, deed->id, &record);
    if (found == ERR_NONE) answer_record(asking, &record);
    if (found != ERR_MISSING) return found;
    /* A rule that it set off has deleted it. */
    asking->task->fault = (struct fault){};
    pack_nil(asking->answer);
    return ERR_NONE;
}

static enum err answer_create(struct asking *asking)
{
    struct deed deed = {.kind = DEED_CREATE};
    struct value given;
    TRY(entity_of(asking, &deed.entity));
    TRY(map_of(asking, S("values"), &given));
    deed.given = &given;
    return perform(asking, &deed);
}

static enum err answer_update(struct asking *asking)
{
    struct deed deed = {.kind = DEED_UPDATE};
    struct value given;
    TRY(entity_of(asking, &deed.entity));
    TRY(id_of(asking, S("id"), &deed.id));
    TRY(map_of(asking, S("values"), &given));
    deed.given = &given;
    return perform(asking, &deed);
}

static enum err answer_delete(struct asking *asking)
{
    struct deed deed = {.kind = DEED_DELETE};
    TRY(entity_of(asking, &deed.entity));
    TRY(id_of(asking, S("id"), &deed.id));
    return perform(asking, &deed);
}

/** A reference is set; to a list of them one is added. */
static enum err answer_link(struct asking *asking)
{
    struct deed deed = {.kind = DEED_LINK};
    struct id to;
    TRY(entity_of(asking, &deed.entity));
    TRY(id_of(asking, S("id"), &deed.id));
    TRY(id_of(asking, S("to"), &to));
    str name = text_of(asking, S("field"));
    const struct field *field = entity_field(deed.entity, name);
    if (field == nullptr || field->is_hidden)
        return fail(asking->task, ERR_INVALID, "%.*s has no reference \"%.*s\"",
                    FMT(deed.entity->name), FMT(utf8_first(name, 60)));
    deed.field = field;
    deed.to = to;
    struct buf record = buf_make(asking->arena, 2 * RECORD_BYTES_MAX);
    struct buf *answer = asking->answer;
    asking->answer = &record;
    enum err err = perform(asking, &deed);
    asking->answer = answer;
    if (err == ERR_NONE) pack_bool(answer, true);
    return err;
}

static enum err answer_queue(struct asking *asking)
{
    struct value given;
    struct id id;
    if (asking->run->asked->rule->point == RULE_CHECK)
        return fail(asking->task, ERR_FORBIDDEN, "a check queues nothing: use after or settled");
    TRY(map_of(asking, S("given"), &given));
    TRY(effect_put(asking->run, text_of(asking, S("kind")), &given, &id));
    pack_text(asking->answer, id_text(asking->arena, id));
    return ERR_NONE;
}

/* Answering. */

static const struct {
    str word;
    bool is_read;
    enum err (*answer)(struct asking *asking);
} questions[] = {
    {S("get"), true, answer_get},           {S("find"), true, answer_find},
    {S("count"), true, answer_count},       {S("create"), false, answer_create},
    {S("update"), false, answer_update},    {S("delete"), false, answer_delete},
    {S("link"), false, answer_link},        {S("queue"), false, answer_queue},
    {S("source"), false, answer_source},    {S("entity"), false, answer_entity},
    {S("settings"), true, answer_settings},
};

/** Beyond the answer: in the arena of the change, whose task may have another one just now. */
static str keep_text(struct run *run, str text)
{
    size_t len = text.len < sizeof run->ended_text ? text.len : sizeof run->ended_text;
    if (len > 0) memcpy(run->ended_text, text.at, len);
    return utf8_first((str){run->ended_text, len}, len);
}

static str end_run(struct run *run, str why)
{
    struct arena *arena = run->change->task->arena;
    if (run->ended.len == 0) run->ended = keep_text(run, why);
    return frame_text(arena, S("ended"), why);
}

/** What may be asked again, narrower or otherwise, is refused; at a limit the run ends. */
static str tell_failure(struct asking *asking, enum err err)
{
    struct run *run = asking->run;
    struct rule_chain *chain = run->chain;
    str text = rule_fault_text(asking->task);
    if (chain->is_silent) return (str){};
    if (run->err == ERR_NONE && rule_may_go_on(chain, err))
        return frame_text(asking->arena, S("refused"), text);
    /* What is queued has limits of the run's own; all else fails the change. */
    if (run->err == ERR_NONE && err != ERR_LIMITED) run->err = err;
    return end_run(run, text);
}

/** Something that is let go with the task, if it is not before. */
struct scratch {
    struct arena_held held;
    struct arena arena;
};

static void drop_scratch(void *thing)
{
    arena_drop(thing);
}

/** What is read for an answer is needed until the next one: it lies apart from the memory of the
 *  change, which only grows. Past its cap the task is left as with its own. */
static struct arena *scratch_of(struct run *run)
{
    struct arena *arena = run->change->task->arena;
    if (run->scratch == nullptr) {
        struct scratch *scratch = arena_new(arena, struct scratch, 1);
        arena_init(&scratch->arena, SCRATCH_BYTES_MAX);
        scratch->held = (struct arena_held){.release = drop_scratch, .thing = &scratch->arena};
        arena_hold(arena, &scratch->held);
        run->scratch = &scratch->arena;
    }
    arena_clear(run->scratch);
    run->scratch->escape = arena->escape;
    return run->scratch;
}

/** In the arena that the task has just now. */
static str answer_in(struct run *run, str question, enum err (*answer_it)(struct asking *asking))
{
    struct change *change = run->change;
    struct task *task = change->task;
    struct buf answer = buf_make(task->arena, FRAME_BYTES_MAX - 64);
    struct asking asking = {.run = run,
                            .task = task,
                            .arena = task->arena,
                            .view = change_view(change),
                            .question = question,
                            .answer = &answer};
    asking.view.scope = &run->chain->scope;
    const struct fault kept = task->fault;
    task->fault = (struct fault){};
    enum err err = answer_it(&asking);
    if (err == ERR_NONE && buf_is_over(&answer))
        err = fail(task, ERR_INVALID, "the answer is too long");
    str frame = err == ERR_NONE ? frame_of(task->arena, S("answer"), buf_str(&answer))
                                : tell_failure(&asking, err);
    if (run->err == ERR_NONE) task->fault = kept;
    return frame;
}

/** Why no more may be read; empty: it may. */
static str limit_of_reads(struct run *run)
{
    struct arena *arena = run->change->task->arena;
    if (run->read_count++ >= RULE_READS_MAX)
        return arena_print(arena, "one run reads at most %u times", RULE_READS_MAX);
    if (run->key_count < RULE_RUN_KEYS_MAX) return (str){};
    return arena_print(arena, "one run looks at no more than %u records and entries of indexes",
                       RULE_RUN_KEYS_MAX);
}

static str answer_read(struct run *run, str question, enum err (*answer_it)(struct asking *asking))
{
    struct task *task = run->change->task;
    struct arena *arena = task->arena;
    str why = limit_of_reads(run);
    if (why.len > 0) return end_run(run, why);
    uint32_t keys = task->keys_touched;
    task->arena = scratch_of(run);
    str frame = answer_in(run, question, answer_it);
    task->arena = arena;
    run->key_count += task->keys_touched - keys;
    /* A fault of the whole change outlives the answer. */
    if (run->err != ERR_NONE)
        task->fault = (struct fault){.detail = arena_copy(arena, task->fault.detail)};
    return frame;
}

str run_answer(struct run *run, str question)
{
    struct value ask;
    bool is_question = value_find_text(question, S("ask"), &ask) && ask.kind == VALUE_TEXT;
    /* It was told to end, and asks on. */
    if (run->ended.len > 0 || !is_question) return (str){};
    if (run->result->question_count >= RULE_QUESTIONS_MAX)
        return end_run(run, arena_print(run->change->task->arena, "one run asks at most %u times",
                                        RULE_QUESTIONS_MAX));
    for (size_t at = 0; at < sizeof questions / sizeof questions[0]; at++)
        if (str_eq(questions[at].word, ask.text))
            return questions[at].is_read ? answer_read(run, question, questions[at].answer)
                                         : answer_in(run, question, questions[at].answer);
    return (str){};
}
