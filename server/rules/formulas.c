#include "rules/formulas.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/fold.h"
#include "base/require.h"
#include "value/frame.h"

constexpr int64_t FRAME_CPU_MS = 500;     /** far more than it needs: fuel ends a formula in 1 ms */
constexpr int64_t EVALUATION_CPU_MS = 20; /** more for each evaluation of a frame */
constexpr size_t QUESTION_BYTES_USUAL = 1 * MIB; /** more records go into another frame */
constexpr uint32_t STRUCK_MAX = 64;
constexpr size_t FAILURE_BYTES_MAX = 400;

/** A formula that took its runner with it. */
struct struck {
    struct hash source; /** of tenant and text */
    uint32_t count;
    int64_t at_ns; /** the last time */
};

struct formula_asker {
    struct formulas slot;
    struct runners *runners;
    atomic_bool has_struck; /** any ever; what follows need not be looked at before */
    pthread_mutex_t mutex;
    struct struck struck[STRUCK_MAX];
};

/** A part of a question: some of its formulas for a stretch of its records. */
struct part {
    struct formula_asker *asker;
    struct task *task;
    uint32_t tenant;
    const struct formula_question *question;
    struct formula_answer *answers; /** of the whole question */
    uint32_t formula_from, formula_count;
    uint32_t record_from, record_count;
};

/* Strikes. */

static struct hash hash_of_source(uint32_t tenant, str source)
{
    str parts[2] = {{(const char *)&tenant, sizeof tenant}, source};
    return hash_of(nullptr, parts, 2);
}

static struct struck *find_struck(struct formula_asker *asker, const struct hash *hash)
{
    for (uint32_t at = 0; at < STRUCK_MAX; at++)
        if (memcmp(&asker->struck[at].source, hash, sizeof *hash) == 0) return &asker->struck[at];
    return nullptr;
}

static bool is_resting(struct formula_asker *asker, uint32_t tenant, str source)
{
    if (!atomic_load(&asker->has_struck)) return false;
    struct hash hash = hash_of_source(tenant, source);
    (void)pthread_mutex_lock(&asker->mutex);
    struct struck *struck = find_struck(asker, &hash);
    bool is = struck != nullptr && struck->count >= FORMULA_STRIKES;
    if (is && clock_monotonic_ns() - struck->at_ns > FORMULA_REST_NS) {
        struck->count = 0;
        is = false;
    }
    (void)pthread_mutex_unlock(&asker->mutex);
    return is;
}

static void strike(struct formula_asker *asker, uint32_t tenant, str source)
{
    struct hash hash = hash_of_source(tenant, source);
    (void)pthread_mutex_lock(&asker->mutex);
    struct struck *struck = find_struck(asker, &hash);
    for (uint32_t at = 0; at < STRUCK_MAX && struck == nullptr; at++)
        if (asker->struck[at].count == 0) struck = &asker->struck[at];
    if (struck == nullptr) {
        struck = &asker->struck[0];
        for (uint32_t at = 1; at < STRUCK_MAX; at++)
            if (asker->struck[at].at_ns < struck->at_ns) struck = &asker->struck[at];
    }
    bool is_same = memcmp(&struck->source, &hash, sizeof hash) == 0;
    atomic_store(&asker->has_struck, true);
    *struck = (struct struck){hash, is_same ? struck->count + 1 : 1, clock_monotonic_ns()};
    (void)pthread_mutex_unlock(&asker->mutex);
}

/* Questions. */

static str source_of(const struct part *part, uint32_t at)
{
    return part->question->formulas[part->formula_from + at]->formula->source;
}

static str write_question(const struct part *part)
{
    const struct formula_question *question = part->question;
    struct buf out = buf_make(part->task->arena, FRAME_BYTES_MAX);
    pack_map(&out, 4);
    pack_text(&out, S("ask"));
    pack_text(&out, S("formulas"));
    pack_text(&out, S("sources"));
    pack_list(&out, part->formula_count);
    for (uint32_t at = 0; at < part->formula_count; at++) pack_text(&out, source_of(part, at));
    pack_text(&out, S("names"));
    pack_list(&out, question->name_count);
    for (uint32_t at = 0; at < question->name_count; at++) pack_text(&out, question->names[at]);
    pack_text(&out, S("records"));
    pack_list(&out, part->record_count);
    for (uint32_t at = 0; at < part->record_count; at++)
        pack_raw(&out, question->records[part->record_from + at]);
    return buf_is_over(&out) ? (str){} : buf_str(&out);
}

static bool read_one(const struct value *item, struct arena *arena, struct formula_answer *answer)
{
    struct value is_good, value;
    struct cursor cursor = cursor_of(item->items);
    if (item->kind != VALUE_LIST || item->count != 2 || !value_next(&cursor, &is_good) ||
        !value_next(&cursor, &value) || is_good.kind != VALUE_BOOL)
        return false;
    *answer = (struct formula_answer){};
    if (is_good.boolean) return answer->value = value.bytes, true;
    if (value.kind != VALUE_TEXT || value.text.len == 0) return false;
    answer->failure = arena_copy(arena, utf8_first(value.text, FAILURE_BYTES_MAX));
    return true;
}

bool formulas_read(struct arena *arena, str answer, uint32_t count, struct formula_answer *answers)
{
    struct value list, item;
    if (!value_find_text(answer, S("answers"), &list) || list.kind != VALUE_LIST ||
        list.count != count)
        return false;
    struct cursor cursor = cursor_of(list.items);
    for (uint32_t at = 0; at < count; at++)
        if (!value_next(&cursor, &item) || !read_one(&item, arena, &answers[at])) return false;
    return true;
}

static struct formula_answer *answer_at(const struct part *part, uint32_t record, uint32_t formula)
{
    uint32_t place = (part->record_from + record) * part->question->formula_count;
    return &part->answers[place + part->formula_from + formula];
}

static void fail_all(const struct part *part, str why)
{
    for (uint32_t record = 0; record < part->record_count; record++)
        for (uint32_t formula = 0; formula < part->formula_count; formula++)
            *answer_at(part, record, formula) = (struct formula_answer){.failure = why};
}

/** One frame; RUNNER_FAILED also when it would be too long. */
static enum runner_outcome ask_once(const struct part *part)
{
    str question = write_question(part), answer;
    uint32_t count = part->record_count * part->formula_count;
    if (question.len == 0) return RUNNER_FAILED;
    enum runner_outcome outcome =
        runner_ask(part->asker->runners, part->task, part->tenant, question,
                   FRAME_CPU_MS + count * EVALUATION_CPU_MS, &answer);
    if (outcome != RUNNER_ANSWERED) return outcome;
    struct formula_answer *answers = arena_new(part->task->arena, struct formula_answer, count);
    if (!formulas_read(part->task->arena, answer, count, answers)) return RUNNER_FAILED;
    for (uint32_t record = 0; record < part->record_count; record++)
        for (uint32_t formula = 0; formula < part->formula_count; formula++)
            *answer_at(part, record, formula) = *answers++;
    return RUNNER_ANSWERED;
}

/** Asks; where that ends the runner, for each half: the one to blame is found in a few turns. */
static enum err ask(struct part part)
{
    bool is_one = part.record_count == 1 && part.formula_count == 1;
    if (part.formula_count == 1 && is_resting(part.asker, part.tenant, source_of(&part, 0)))
        return fail_all(&part, S("takes too long or too much")), ERR_NONE;
    enum runner_outcome outcome = ask_once(&part);
    if (outcome == RUNNER_NONE) return ERR_FULL;
    if (outcome == RUNNER_ANSWERED) return ERR_NONE;
    if (is_one) {
        strike(part.asker, part.tenant, source_of(&part, 0));
        return fail_all(&part, S("takes too long or too much")), ERR_NONE;
    }
    struct part first = part, second = part;
    if (part.formula_count > 1) {
        first.formula_count = part.formula_count / 2;
        second.formula_from += first.formula_count;
        second.formula_count -= first.formula_count;
    } else {
        first.record_count = part.record_count / 2;
        second.record_from += first.record_count;
        second.record_count -= first.record_count;
    }
    TRY(ask(first));
    return ask(second);
}

static enum err evaluate(void *owner, struct task *task, const struct space *space,
                         const struct formula_question *question, struct formula_answer *answers)
{
    struct formula_asker *asker = owner;
    struct part part = {.asker = asker,
                        .task = task,
                        .tenant = space->number,
                        .question = question,
                        .answers = answers,
                        .formula_count = question->formula_count};
    bool has_resting = false;
    for (uint32_t at = 0; at < question->formula_count && !has_resting; at++)
        has_resting = is_resting(asker, space->number, source_of(&part, at));
    uint32_t step = has_resting ? 1 : question->formula_count;
    for (part.formula_count = step; part.formula_from < question->formula_count;
         part.formula_from += step) {
        part.record_from = 0;
        while (part.record_from < question->record_count) {
            size_t bytes = 0;
            part.record_count = 0;
            while (part.record_from + part.record_count < question->record_count &&
                   (part.record_count == 0 || bytes < QUESTION_BYTES_USUAL))
                bytes += question->records[part.record_from + part.record_count++].len;
            TRY(ask(part));
            part.record_from += part.record_count;
        }
    }
    return ERR_NONE;
}

static enum err compile(void *owner, struct task *task, const struct space *space, str source,
                        struct formula_compiled *compiled_out)
{
    const struct formula_asker *asker = owner;
    struct buf question = buf_make(task->arena, source.len + 64);
    struct value failure, reads, name;
    str answer;
    *compiled_out = (struct formula_compiled){.failure = S("cannot be compiled")};
    pack_map(&question, 2);
    pack_text(&question, S("ask"));
    pack_text(&question, S("compile"));
    pack_text(&question, S("source"));
    pack_text(&question, source);
    enum runner_outcome outcome =
        runner_ask(asker->runners, task, space->number, buf_str(&question), FRAME_CPU_MS, &answer);
    if (outcome == RUNNER_NONE) return ERR_FULL;
    bool is_read = outcome == RUNNER_ANSWERED && value_find_text(answer, S("failure"), &failure) &&
                   failure.kind == VALUE_TEXT && value_find_text(answer, S("reads"), &reads) &&
                   reads.kind == VALUE_LIST && reads.count <= FIELDS_MAX;
    if (!is_read) return ERR_NONE;
    str *names = arena_new(task->arena, str, reads.count);
    struct cursor cursor = cursor_of(reads.items);
    for (uint32_t at = 0; at < reads.count; at++) {
        if (!value_next(&cursor, &name) || name.kind != VALUE_TEXT) return ERR_NONE;
        names[at] = name.text;
    }
    compiled_out->failure = utf8_first(failure.text, FAILURE_BYTES_MAX);
    compiled_out->names = names;
    compiled_out->name_count = reads.count;
    return ERR_NONE;
}

struct formula_asker *formulas_open(struct runners *runners)
{
    struct formula_asker *asker = memory_take(sizeof *asker);
    asker->runners = runners;
    asker->slot = (struct formulas){.owner = asker, .evaluate = evaluate, .compile = compile};
    (void)pthread_mutex_init(&asker->mutex, nullptr);
    return asker;
}

void formulas_close(struct formula_asker *asker)
{
    (void)pthread_mutex_destroy(&asker->mutex);
    memory_give(asker);
}

const struct formulas *formulas_slot(const struct formula_asker *asker)
{
    return &asker->slot;
}
